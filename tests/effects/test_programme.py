"""From a study's definition to its estimates: the right rows, the right method, the right labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import (
    ESTIMATE_COLUMNS,
    cox_index,
    did,
    estimate_effects,
    estimate_multilevel,
    mean_difference,
    study_attrition,
    study_equivalence,
    why_no_effects,
)
from belonging_study.study import Study, parse_study

TEXT = """\
title: A study
name: s
programme: {name: P}
waves:
  - {name: w1, label: Before, date: 2024-01-01, before_programme: true, sources: [{file: a.csv}]}
  - {name: w2, label: First, date: 2025-01-01, sources: [{file: b.csv}]}
  - {name: w3, label: Second, date: 2026-01-01, sources: [{file: c.csv}]}
design:
  assignment: {starts: w2, randomized: true}
outcomes:
  - {name: y, measure: y, label: Score, role: primary}
  - {name: b, measure: b, label: Event, kind: binary, domain: events}
groups:
  - {name: meals, column: meals, label: Free meals, values: {"yes": Free, "no": Paid}, reference: "no"}
"""


def study(text: str = TEXT) -> Study:
    return parse_study(text)


def scores(seed: int = 1, schools: int = 16, each: int = 30) -> pd.DataFrame:
    """A panel with an effect of .3 in w2 and .5 in w3, .4 more for free meals in w3."""
    rng = np.random.default_rng(seed)
    parts = []
    n = schools * each
    school = np.repeat(np.arange(schools), each)
    arm = np.where(school % 2 == 1, "programme", "comparison")
    meals = np.where(rng.random(n) < 0.4, "Free", "Paid")
    level = rng.normal(0, 0.5, n) + rng.normal(0, 0.3, schools)[school]
    for time, effect in enumerate((0.0, 0.3, 0.5)):
        on = (arm == "programme") & (time > 0)
        more = 0.4 * ((meals == "Free") & on & (time == 2))
        y = 3 + level + effect * on + more + rng.normal(0, 0.5, n) + rng.normal(0, 0.05, schools)[school]
        parts.append(
            pd.DataFrame(
                {
                    "wave": f"w{time + 1}",
                    "time": time,
                    "student": [f"p{i}" for i in range(n)],
                    "school": [f"s{s}" for s in school],
                    "arm": arm,
                    "programme": (arm == "programme").astype(int),
                    "post": int(time > 0),
                    "treated": on.astype(int),
                    "responded": True,
                    "meals": meals,
                    "y": y,
                    "b": (rng.random(n) < 0.3 - 0.1 * on).astype(float),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    rows.loc[rng.random(len(rows)) < 0.05, "y"] = np.nan
    return rows


def test_this_wave_is_compared_with_the_wave_before_the_programme() -> None:
    data = scores()
    table = estimate_effects(study(), data, "w3", draws=199).estimates
    assert tuple(table.columns) == ESTIMATE_COLUMNS
    row = table[(table["outcome"] == "y") & (table["term"] == "programme")].set_index("contrast")
    alone = did(
        data[data["wave"].isin(["w1", "w3"])],
        outcome="y",
        unit="student",
        time="wave",
        treated="treated",
        cluster="school",
    )
    main = row.loc["Second v Before"]
    assert main["estimate"] == pytest.approx(alone.estimate)
    assert main["std_error"] == pytest.approx(alone.std_error)
    assert main["n_students"] == alone.n_units
    # The average over both programme waves lies between the two waves' own effects.
    average = row.loc["average of 2 waves v Before", "estimate"]
    first = estimate_effects(study(), data, "w2", draws=199).estimates
    early = first[(first["outcome"] == "y") & (first["term"] == "programme")]["estimate"].iloc[0]
    assert early < average < main["estimate"]


def test_linearmodels_stands_beside_the_primary_outcome_with_the_same_coefficient() -> None:
    table = estimate_effects(study(), scores(), "w2", draws=199).estimates
    pair = table[table["outcome"] == "y"].set_index("term")["estimate"]
    assert pair["programme (linearmodels)"] == pytest.approx(pair["programme"], abs=1e-9)
    assert "programme (linearmodels)" not in set(table.loc[table["outcome"] == "b", "term"])


def test_a_wave_before_the_programme_has_no_effects_and_says_why() -> None:
    data = scores()
    assert estimate_effects(study(), data, "w1").estimates.empty
    assert estimate_multilevel(study(), data, "w1").estimates.empty
    assert "before the programme" in why_no_effects(study(), "w1")
    assert why_no_effects(study(), "w2") == ""


def test_binary_outcomes_get_the_cox_index_of_the_estimated_change() -> None:
    data = scores()
    table = estimate_effects(study(), data, "w2", draws=199).estimates
    row = table[(table["outcome"] == "b") & (table["term"] == "programme")].iloc[0]
    here = data[(data["wave"] == "w2") & (data["arm"] == "programme")]
    share = here["b"].mean()
    other = int(((data["wave"] == "w2") & (data["arm"] == "comparison")).sum())
    expected = cox_index(share, share - row["estimate"], len(here), other).estimate
    assert row["effect_size"] == pytest.approx(expected)
    assert row["effect_size_type"] == "Cox index"
    assert row["effect_size_low"] < row["effect_size"] < row["effect_size_high"]


def test_effects_by_group_come_from_one_model_and_recover_the_truth() -> None:
    errors = []
    for seed in range(6):
        table = estimate_multilevel(study(), scores(seed, schools=24), "w3").estimates
        groups = table[(table["outcome"] == "y") & (table["group"] != "all")].set_index("group")["estimate"]
        difference = groups["Free meals: Free - Paid"]
        assert difference == pytest.approx(groups["Free meals: Free"] - groups["Free meals: Paid"], abs=1e-8)
        errors.append(difference - 0.4)
    # Six data sets of 720 students: the mean's standard error is about .035.
    assert abs(np.mean(errors)) < 0.12


def test_a_group_with_a_small_arm_has_no_effect_of_its_own() -> None:
    data = scores()
    few = data["student"].isin([f"p{i}" for i in range(40)])  # one school of each arm
    data["meals"] = np.where(few, "Free", "Paid")
    small = data[~few | data["student"].isin([f"p{i}" for i in (*range(5), *range(30, 60))])]
    table = estimate_multilevel(study(), small, "w2")
    assert set(table.estimates["group"]) == {"all"}
    assert any("large enough" in text for text in table.explanations)


def test_effects_by_group_count_those_with_the_outcome_unless_that_tells_of_a_few() -> None:
    data = scores(schools=8)
    students = data["student"].unique()
    data.loc[data["student"].isin(students[:7]), "y"] = np.nan  # in no estimate of y
    groups = data.loc[data["y"].notna()].groupby("meals")["student"].nunique()
    for n_others, expected in ((0, groups["Free"]), (4, np.nan)):
        here = data.copy()
        paid = here.loc[here["meals"] == "Paid", "student"].unique()[-max(n_others, 1) :]
        here.loc[here["student"].isin(paid) & (n_others > 0), "meals"] = "Other"
        table = estimate_multilevel(study(), here, "w2").estimates.set_index(["outcome", "group"])
        row = table.loc[("y", "Free meals: Free")]
        assert row["n_students"] == pytest.approx(expected, nan_ok=True)
        assert ("not shown" in row["note"]) == (n_others > 0)


def test_without_an_earlier_wave_the_arms_are_compared_within_the_wave() -> None:
    text = TEXT.replace("before_programme: true, ", "").replace("starts: w2", "starts: w1")
    data = scores().assign(post=1)
    result = estimate_effects(study(text), data, "w2", draws=199)
    table = result.estimates
    row = table[table["outcome"] == "y"].iloc[0]
    assert "wild bootstrap" in set(result.methods["method"])
    alone = mean_difference(
        data[data["wave"] == "w2"], outcome="y", treated="arm", comparison="comparison", cluster="school"
    ).table.iloc[0]
    assert row["model"] == "difference"
    assert row["estimate"] == pytest.approx(alone["estimate"])
    assert row["std_error"] == pytest.approx(alone["std_error"])
    assert "rests on the arms having been alike" in row["note"]


def test_an_outcome_that_cannot_be_estimated_does_not_stop_the_others() -> None:
    data = scores()
    data.loc[(data["arm"] == "programme") & (data["wave"] == "w1"), "y"] = np.nan
    result = estimate_effects(study(), data, "w2", draws=199)
    assert set(result.estimates["outcome"]) == {"b"}
    assert any(text.startswith("Score: No estimate") for text in result.explanations)


def test_attrition_counts_students_of_the_earlier_wave_without_the_outcome_now() -> None:
    data = scores(each=20)
    gone = (data["wave"] == "w2") & (data["student"].str[1:].astype(int) % 10 == 0) & (data["arm"] == "programme")
    data["y"] = data["y"].fillna(3.0)
    data = data[~gone]
    table = study_attrition(study(), data, "w2")
    students = table[table["level"].str.startswith("students")].iloc[0]
    assert students["attrition_treated"] == pytest.approx(0.1)
    assert students["attrition_comparison"] == 0
    assert study_attrition(study(), data, "w1").empty


def test_equivalence_is_of_the_sample_that_is_still_there() -> None:
    data = scores()
    stay = data["wave"].eq("w1") | (data["student"].str[1:].astype(int) % 2 == 0)
    table = study_equivalence(study(), data[stay], "w2").set_index("variable")
    half = data[(data["wave"] == "w1") & (data["student"].str[1:].astype(int) % 2 == 0)]
    assert table.loc["y", "mean_treated"] == pytest.approx(half.loc[half["arm"] == "programme", "y"].mean())
    assert set(table.index) == {"y", "b", "meals"}
