"""The methods section says of links and school records what the study's definition says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from made_up import made_up_study

from belonging_study.reports.methods import methods_text
from belonging_study.study import Study


def with_kinds(*kinds: str, **changes: Any) -> Study:
    sources = [{"file": "r.csv", "kind": "roster"}, *({"file": f"{kind}.csv", "kind": kind} for kind in kinds)]
    waves = [
        {"name": "w1", "label": "Before", "date": "2025-05-12", "before_programme": True, "sources": sources},
        {"name": "w2", "label": "After", "date": "2026-05-12", "sources": sources},
    ]
    return made_up_study(waves=waves, **changes)


def of(study: Study, title: str) -> str:
    paragraphs = methods_text(study, study.waves[1]).split("\n\n")
    return next((p for p in paragraphs if p.startswith(f"**{title}")), "")


def test_no_records_and_no_codes_no_words_of_them() -> None:
    assert of(with_kinds("survey", "records"), "School records") == ""
    assert of(with_kinds("survey"), "Links") == ""


@pytest.mark.parametrize(("share", "said"), [(0.1, "chronic from 10% of them (U.S."), (0.075, "chronic from 7.5% of")])
def test_attendance_names_the_study_s_own_limit(share: float, said: str) -> None:
    text = of(with_kinds("attendance", records={"chronic_absence": share}), "School records")
    assert said in text
    assert ("EDFacts" in text) == (share == 0.1)
    assert "incidents" not in text


def test_marks_and_incidents_are_listed_as_defined() -> None:
    records = {
        "marks": {"ab": ["1", "2"], "c": ["3"], "dfw": ["4", "5"], "withdrawn": ["X"], "not_counted": ["AU"]},
        "incidents": {"lost_days": ["suspension", "expulsion"]},
    }
    text = of(with_kinds("marks", "incidents", records=records), "School records")
    assert "1, 2 as A or B, 4, 5, X as D, F or withdrawn. Withdrawals (X) stay" in text
    assert "Left out: AU." in text
    assert "without a row among the incidents had none. As lost days count: suspension and expulsion." in text


def test_numbers_have_a_mean_and_no_letters() -> None:
    outcomes = [{"name": "m", "measure": "mean_mark", "label": "Mean mark"}]
    text = of(with_kinds("marks", outcomes=outcomes), "School records")
    assert "mean mark" in text
    assert "D, F" not in text


@pytest.mark.parametrize(
    ("linking", "said"),
    [
        ({"code": ["a", "b", "c"], "maximum_changes": 0}, "a code of 3 parts.* linked with identical codes\\."),
        ({"code": ["a", "b", "c"]}, "differ in at most 1 part, the most alike first\\."),
        (
            {"code": ["a", "b", "c", "d"], "verify": ["birth_year", "sex"], "maximum_changes": 2},
            "at most 2 parts.*; “birth year” and “sex” must agree wherever both waves know them\\.",
        ),
    ],
)
def test_links_by_codes(linking: dict[str, Any], said: str) -> None:
    design = {"linking": linking, "assignment": {"starts": "w2"}}
    study = made_up_study(design=design)
    text = of(study, "Links by the students’ own codes")
    assert re.search(said, text), text
    assert "two responses of one student would have stopped" not in methods_text(study, study.waves[1])
