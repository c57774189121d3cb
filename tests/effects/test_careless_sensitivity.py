"""With and without flagged responses: towards the truth where carelessness adds noise, and never silently absent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import careless_sensitivity, estimate_effects, why_no_careless_sensitivity
from belonging_study.study import Study

TRUTH = 0.5


def study(**changes: Any) -> Study:
    first = {"name": "w1", "label": "Before", "date": "2024-01-01", "before_programme": True}
    waves = [
        first | {"sources": [{"file": "a.csv"}]},
        {"name": "w2", "label": "After", "date": "2025-01-01", "sources": [{"file": "b.csv"}]},
    ]
    scales = {"y": {"label": "Y", "items": ["i1", "i2"], "range": [1, 5]}}
    definition: dict[str, Any] = {
        "title": "T",
        "name": "t",
        "programme": {"name": "P"},
        "waves": waves,
        "scales": scales,
        "design": {"assignment": {"starts": "w2", "randomized": True}},
        "outcomes": [
            {"name": "y", "measure": "y", "label": "Y", "role": "primary"},
            {"name": "marks", "measure": "marks", "label": "Marks", "role": "primary"},
        ],
    }
    return Study.model_validate(definition | changes)


def scores(
    seed: int = 1, *, careless: float = 0.2, arms: tuple[str, ...] = ("comparison", "programme")
) -> pd.DataFrame:
    """A panel of 24 schools in which the careless answer alike in both arms, whatever the programme did."""
    rng = np.random.default_rng(seed)
    n, schools = 24 * 30, 24
    school = np.repeat(np.arange(schools), n // schools)
    arm = np.array(arms)[school % len(arms)]
    level = rng.normal(0, 0.5, n)
    parts = []
    for time in (0, 1):
        on = (arm != "comparison") & (time == 1)
        flagged = rng.random(n) < careless
        sincere = 3 + level + TRUTH * on + rng.normal(0, 0.4, n)
        parts.append(
            pd.DataFrame(
                {
                    "wave": f"w{time + 1}",
                    "time": time,
                    "student": [f"p{i}" for i in range(n)],
                    "school": [f"s{s}" for s in school],
                    "arm": arm,
                    "programme": (arm != "comparison").astype(int),
                    "post": time,
                    "treated": on.astype(int),
                    "responded": True,
                    "careless": flagged,
                    "y": np.where(flagged, rng.uniform(1, 5, n), sincere),
                    "marks": 60 + rng.normal(0, 8, n) + on,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_without_the_careless_the_estimate_moves_to_the_truth() -> None:
    found = []
    for seed in range(6):
        table = careless_sensitivity(study(), scores(seed), "w2").set_index("sample")
        assert list(table["outcome"]) == ["y", "y"]  # marks are the school's, whoever answered how
        found.append(table[["estimate", "std_error"]].to_numpy())
    mean = np.mean(found, axis=0)
    # A fifth of the responses carries no effect in the wave with the programme: 0.8 of the truth is left.
    assert mean[0, 0] == pytest.approx(0.8 * TRUTH, abs=0.05)
    assert mean[1, 0] == pytest.approx(TRUTH, abs=0.03)
    assert mean[1, 1] < mean[0, 1]


def test_all_responses_give_the_reports_own_estimate() -> None:
    data = scores()
    leading = estimate_effects(study(), data, "w2", draws=199).estimates.query("outcome == 'y'").iloc[0]
    row = careless_sensitivity(study(), data, "w2").iloc[0]
    same = ["contrast", "estimate", "std_error", "df", "conf_low", "conf_high", "p_value", "effect_size", "n_students"]
    assert row[same].tolist() == leading[same].tolist()
    assert row["n_clusters"] == leading["n_clusters_treated"] + leading["n_clusters_comparison"]


def test_flagged_scores_are_set_aside_and_their_students_kept_where_they_answered_otherwise() -> None:
    data = scores()
    table = careless_sensitivity(study(), data, "w2").set_index("sample")
    sincere = data[~data["careless"]]
    both = (sincere.groupby("student")["wave"].nunique() == 2).sum()
    assert table.loc["without flagged responses", "n_students"] == both
    assert table.loc["without flagged responses", "note"] == f"{data['careless'].sum()} scores set aside."


def test_repeated_cross_sections_several_arms_and_no_wave_before() -> None:
    design = {"assignment": {"starts": "w2", "programme": ["a", "b"]}, "panel": False}
    data = scores(arms=("comparison", "a", "b"))
    table = careless_sensitivity(study(design=design), data, "w2")
    assert table["contrast"].nunique() == 2
    assert table.groupby("contrast")["sample"].nunique().eq(2).all()
    assert table["estimate"].notna().all()
    late = study().model_copy(update={"waves": study().waves[1:]})
    one = careless_sensitivity(late, data[data["wave"] == "w2"].replace({"b": "programme", "a": "programme"}), "w2")
    assert one["sample"].tolist() == ["all", "without flagged responses"]
    assert (one["estimate"] - TRUTH).abs().iloc[1] < (one["estimate"] - TRUTH).abs().iloc[0]


def test_without_a_comparison_arm_the_change_is_estimated_twice() -> None:
    alone = study(design={"assignment": {"starts": "w2", "comparison": None}})
    table = careless_sensitivity(alone, scores(arms=("programme",)), "w2")
    assert table["sample"].tolist() == ["all", "without flagged responses"]
    assert table["estimate"].iloc[1] == pytest.approx(TRUTH, abs=0.1)


def test_a_few_flagged_students_cannot_be_worked_out() -> None:
    data = scores(careless=0.0)
    data.loc[[3, 5, 800], "careless"] = True
    table = careless_sensitivity(study(), data, "w2")
    assert np.isnan(table["n_students"].iloc[1])
    assert table["note"].iloc[1] == "fewer than 10 scores set aside."
    assert table["estimate"].notna().all()


def test_an_arm_that_is_careless_throughout_has_no_estimate_and_says_so() -> None:
    data = scores()
    data["careless"] |= data["arm"] == "programme"
    table = careless_sensitivity(study(), data, "w2")
    assert table["estimate"].isna().tolist() == [False, True]
    assert "No estimate" in table["note"].iloc[1]


def test_where_nothing_can_change_the_reason_is_given() -> None:
    data = scores()
    assert "before the programme" in why_no_careless_sensitivity(study(), data, "w1")
    assert "sign of careless" in why_no_careless_sensitivity(study(), data.assign(careless=False), "w2")
    records = study(scales={}, outcomes=[{"name": "marks", "measure": "marks", "label": "M", "role": "primary"}])
    assert "scale of the survey" in why_no_careless_sensitivity(records, data, "w2")
    for each, wave, rows in (
        (study(), "w1", data),
        (records, "w2", data),
        (study(), "w2", data.assign(careless=False)),
    ):
        assert careless_sensitivity(each, rows, wave).empty
    assert why_no_careless_sensitivity(study(), data, "w2") == ""
