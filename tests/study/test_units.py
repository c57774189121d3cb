"""The unit of an outcome: what a number of a table must be called, and multiplied by, in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from belonging_study.study import Study, Unit, unit_of


def study_with(file: str, outcome: dict[str, Any]) -> Study:
    sources = [{"file": "r.csv", "kind": "roster"}, {"file": "x.csv", "kind": file}]
    return Study.model_validate(
        {
            "title": "T",
            "name": "t",
            "programme": {"name": "P"},
            "waves": [{"name": "w1", "label": "W", "date": "2025-05-12", "sources": sources}],
            "design": {"assignment": {"starts": "w1"}},
            "records": {"incidents": {"suspensions": ["suspension"]}},
            "outcomes": [{"name": "y", "label": "Y", **outcome}],
        }
    )


@pytest.mark.parametrize(
    ("kind", "outcome", "unit"),
    [
        (
            "attendance",
            {"measure": "chronic_absence", "kind": "binary"},
            ("percentage points", 100, "share of students"),
        ),
        ("attendance", {"measure": "absence_rate"}, ("percentage points", 100, "share of days")),
        ("attendance", {"measure": "absence_rate", "unit": "shares"}, ("percentage points", 100, "share of days")),
        ("attendance", {"measure": "days_absent", "kind": "count"}, ("days", 1, "days")),
        ("attendance", {"measure": "days_absent", "unit": "school days"}, ("school days", 1, "school days")),
        ("marks", {"measure": "share_dfw"}, ("percentage points", 100, "share of courses")),
        ("incidents", {"measure": "n_suspensions", "kind": "count"}, ("incidents", 1, "incidents")),
        # A column of a team's own that happens to have the name of a measure.
        ("records", {"measure": "absence_rate"}, ("points", 1, "points")),
        ("records", {"measure": "n_suspensions", "unit": "suspensions"}, ("suspensions", 1, "suspensions")),
    ],
)
def test_unit(kind: str, outcome: dict[str, Any], unit: tuple[str, float, str]) -> None:
    study = study_with(kind, outcome)
    assert unit_of(study, study.outcomes[0]) == Unit(*unit)
    assert unit_of(study, study.outcomes[0]).is_share == (unit[1] == 100)
