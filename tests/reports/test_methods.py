"""The methods section names what the design uses, and nothing that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import made_up_study

from belonging_study.reports.methods import methods_text
from belonging_study.study.model import Study


def text_of(wave: int = 1, **changes: Any) -> str:
    study = made_up_study(**changes)
    return methods_text(study, study.waves[wave])


def one_wave(**assignment: Any) -> dict[str, Any]:
    wave = {"name": "w1", "label": "One", "date": "2024-10-07", "sources": [{"file": "a.csv"}]}
    return {"waves": [wave], "design": {"assignment": {"starts": "w1"} | assignment}}


def test_a_randomised_panel_of_schools() -> None:
    text = text_of()
    for source in (
        "Bell and McCaffrey (2002)",
        "Pustejovsky & Tipton 2018",
        "Cameron, Gelbach & Miller 2008",
        "Webb 2023",
        "within blocks (Fisher 1935",
        "Hedges 1981",
        "Hedges 2007",
        "Procedures Handbook 4.1",
        "Cox index",
        "Benjamini and Hochberg (1995)",
        "Bates",
        "Cronbach’s (1951)",
        "seed 1,",
    ):
        assert source in text
    assert "effects of students and of waves" in text
    assert "first wave" not in text
    assert "Holm" not in text  # one primary outcome
    assert "HC1" not in text


def test_without_a_lottery_there_is_no_randomisation_test() -> None:
    assert "randomisation test" not in text_of(design={"assignment": {"starts": "w2"}})


def test_without_a_wave_before_the_arms_are_compared_as_they_are() -> None:
    text = text_of(0, **one_wave(level="student", randomized=True))
    assert "HC1" in text
    assert "It rests on random assignment" in text
    for word in (
        "difference-in-differences",
        "CR2",
        "bootstrap",
        "Baseline differences",
        "random change",
        "Hedges 2007",
    ):
        assert word not in text
    schools = text_of(0, **one_wave())
    assert "assumption that the arms were alike before" in schools
    assert "CR2" in schools
    assert "bootstrap" not in schools


def test_before_the_programme_no_estimator_is_described() -> None:
    text = text_of(0)
    assert [p.split("**")[1] for p in text.split("\n\n")] == [
        "Sample.",
        "Scores and reliability.",
        "Factor models.",
        "Sameness of measurement.",
        "Privacy.",
    ]


def test_cross_sections_are_compared_within_schools() -> None:
    text = text_of(design={"panel": False, "assignment": {"starts": "w2"}}, analysis={"covariates": ["age"]})
    assert "effects of schools and of waves" in text
    assert "adjusted for age" in text
    assert "attrition by its" not in text
    assert "intention to treat" not in text


def test_staggered_starts() -> None:
    text = text_of(design={"assignment": {"starts": {"column": "start"}}})
    assert "Goodman-Bacon 2021" in text
    assert "no multilevel model" in text
    assert "wave by wave" not in text


@pytest.mark.parametrize(("shares", "words"), [((1.0, 1.0), "if every item was"), ((0.8, 0.5), "at least 50% or 80%")])
def test_how_many_items_must_be_answered(shares: tuple[float, float], words: str) -> None:
    scales = {
        name: {"label": name, "items": ["a_" + name, "b_" + name], "range": [1, 5], "minimum_answered": share}
        for name, share in zip(("x", "y"), shares, strict=True)
    }
    text = text_of(scales=scales)
    assert words in text
    assert "omega needs three items" in text
    assert "reversed" not in text


def test_rules_of_the_sample_are_named_where_they_apply() -> None:
    rules = [
        {"name": "a", "label": "No consent", "column": "consent", "equals": "no"},
        {"name": "b", "label": "Too old", "column": "age", "above": 20, "waves": ["w3"]},
    ]
    text = text_of(exclusions=rules)
    assert "“No consent”" in text
    assert "Too old" not in text
    assert "“No consent” or “Too old”" in text_of(2, exclusions=rules)


def test_two_primary_outcomes_are_adjusted_by_holm() -> None:
    outcomes = [{"name": n, "measure": n, "label": n, "role": "primary"} for n in ("a", "b")]
    assert "Holm (1979)" in text_of(outcomes=outcomes, groups=[])
    assert "not adjusted" not in text_of(outcomes=outcomes, groups=[])


def test_the_demo_says_that_its_key_is_no_secret() -> None:
    assert "key is not secret" in text_of()
    study: Study = made_up_study(demo=None)
    assert "kept outside the study" in methods_text(study, study.waves[1])
