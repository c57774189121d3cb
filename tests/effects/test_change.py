"""The change of one group: held to R, to simulated truth, and to never being called an effect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import (
    adjust_estimates,
    change_between,
    change_effect_size,
    change_inference,
    change_model,
    estimand,
    estimate_effects,
    estimate_multilevel,
    study_attrition,
    study_equivalence,
    why_no_effects,
)
from belonging_study.errors import DataError, DesignError, DuplicateRowsError
from belonging_study.study.model import Study

NAMES = ("estimate", "std_error", "df", "p_value", "conf_low", "conf_high")


@pytest.fixture(scope="module")
def rows(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "tests" / "reference" / "change.csv")


@pytest.fixture(scope="module")
def reference(project: Path) -> dict[str, dict[str, float]]:
    loaded: dict[str, dict[str, float]] = json.loads((project / "tests" / "reference" / "change.json").read_text())
    return loaded


def change(rows: pd.DataFrame, **more: Any) -> Any:
    given = {"outcome": "y", "student": "student", "time": "wave", "before": "before", "after": "after"}
    return change_between(rows, **{**given, "cluster": "school", **more})


def agrees(ours: pd.Series, theirs: dict[str, float]) -> None:
    for name in set(NAMES) & set(theirs):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-7), name


def test_clustered_change_agrees_with_clubsandwich(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    found = change(rows)
    theirs = reference["clustered"]
    agrees(found.table.iloc[0], theirs)
    assert found.n_students == theirs["n_students"]
    assert found.n_clusters == 9
    assert found.sd_before == pytest.approx(theirs["sd_before"])
    assert found.n_dropped.set_index("reason")["n_rows"].to_dict() == {
        "outcome missing": 12,
        "outcome in one of the two waves only": 10,
    }


def test_students_one_by_one_are_the_paired_t_test(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    found = change(rows, cluster="student")
    agrees(found.table.iloc[0], reference["students"])
    assert found.table.loc[0, "inference"] == "t test on students"
    one_school = change(rows.assign(school=1))
    agrees(one_school.table.iloc[0], reference["students"])
    assert one_school.n_clusters == 1


def test_groups_agree_with_clubsandwich(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    table = change(rows, group="group").table.set_index("group")
    assert table["term"].tolist() == ["change"] * 3 + ["change x group"] * 2
    for group in ("a", "c", "b - a"):
        agrees(table.loc[group], reference[f"group {group}"])
    assert table.loc[["a", "b", "c"], "n_students"].sum() == 95


def test_repeated_cross_sections_agree_with_r(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    found = change(rows, panel=False)
    agrees(found.table.iloc[0], reference["cross-sections"])
    assert found.n_students == reference["cross-sections"]["rows"]
    agrees(change(rows, panel=False, cluster="student").table.iloc[0], reference["cross-sections, students"])


def test_multilevel_change_agrees_with_lmertest(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    data = rows.assign(post=(rows["wave"] == "after").astype(int))
    ours = change_model(data, outcome="y", post="post", cluster="school", unit="student").effects.iloc[0]
    theirs = reference["multilevel"]
    assert ours["estimate"] == pytest.approx(theirs["estimate"], rel=1e-4)
    assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-3)
    assert ours["df"] == pytest.approx(theirs["df"], rel=0.02)


def test_methods_beside_it(rows: pd.DataFrame, reference: dict[str, dict[str, float]]) -> None:
    table = change_inference(change(rows), draws=499).set_index("method")
    agrees(table.loc["cluster means t test"], reference["school means"])
    assert table.index[table["leads"]].tolist() == ["CR2 Satterthwaite"]
    assert table.loc["CR2 Satterthwaite", "trusted"]
    few = change_inference(change(rows[rows["school"].isin([7, 8, 9])]), draws=199)
    assert not few["trusted"].any()


def test_effect_size_is_over_the_spread_before_and_unbiased_in_small_samples() -> None:
    rng = np.random.default_rng(5)
    corrected = []
    for _ in range(4000):
        before = rng.normal(0, 1, 8)
        gain = 0.5 + rng.normal(0, 0.5, 8)
        size = change_effect_size(float(gain.mean()), 0.1, 0, 1, sd_before=float(before.std(ddof=1)), n_before=8)
        corrected.append(size.estimate)
    # Uncorrected the mean would be .56.
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.012)
    with pytest.raises(DesignError):
        change_effect_size(0.1, 0.1, 0, 1, sd_before=0.0, n_before=8)


def test_what_cannot_be_used_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(DuplicateRowsError):
        change(pd.concat([rows, rows.head(3)]))
    with pytest.raises(DataError, match="never"):
        change(rows, after="never")
    with pytest.raises(DataError, match="cluster"):
        change(rows.assign(school=rows["school"].where(rows["school"] != 2)))
    with pytest.raises(DesignError, match="in both waves"):
        change(rows.assign(student=np.arange(len(rows))))
    constant = rows.assign(y=(rows["wave"] == "after") * 1.0)
    with pytest.raises(DesignError, match="the same"):
        change(constant)


def test_a_group_in_one_cluster_has_no_interval(rows: pd.DataFrame) -> None:
    alone = rows.assign(group=np.where(rows["school"] == 9, "alone", rows["group"]))
    found = change(alone, group="group")
    assert found.skipped == ("alone",)
    assert "alone" not in set(found.table["group"])


def one_group_study(**changes: Any) -> Study:
    """Two waves, everybody with the programme."""
    assignment = {"starts": "after", "comparison": None} | changes.pop("assignment", {})
    definition: dict[str, Any] = {
        "title": "T",
        "name": "t",
        "programme": {"name": "P"},
        "waves": [
            {
                "name": "before",
                "label": "Before",
                "date": "2024-01-01",
                "before_programme": True,
                "sources": [{"file": "a"}],
            },
            {"name": "after", "label": "After", "date": "2024-05-01", "sources": [{"file": "b"}]},
        ],
        "design": {"assignment": assignment},
        "outcomes": [
            {"name": "y", "measure": "y", "label": "Y", "role": "primary"},
            {"name": "passed", "measure": "passed", "label": "Passed", "kind": "binary"},
            {"name": "late", "measure": "late", "label": "Late", "waves": ["after"]},
        ],
        "groups": [{"name": "group", "column": "group", "label": "Group"}],
        "privacy": {"minimum_cell": 10},
    }
    return Study.model_validate(definition | changes)


@pytest.fixture(scope="module")
def scores(rows: pd.DataFrame) -> pd.DataFrame:
    after = rows["wave"] == "after"
    return rows.assign(
        time=after.astype(int),
        post=after.astype(int),
        treated=after.astype(int),
        programme=1,
        arm="programme",
        start_time=1.0,
        late=np.where(after, 1.0, np.nan),
        student=rows["student"].astype(str),
        school=rows["school"].astype(str),
    )


def test_a_study_of_one_group_reports_changes_and_no_effects(
    scores: pd.DataFrame, reference: dict[str, dict[str, float]]
) -> None:
    study = one_group_study()
    result = estimate_effects(study, scores, "after", draws=199)
    multilevel = estimate_multilevel(study, scores, "after")
    table = adjust_estimates(pd.concat([result.estimates, multilevel.estimates], ignore_index=True))
    assert set(table["term"]) == {"change", "change x group"}
    assert set(table["contrast"]) == {"After v Before"}
    everybody = table[(table["group"] == "all") & (table["model"] == "change")].set_index("outcome")
    agrees(everybody.loc["y"], reference["clustered"])
    agrees(everybody.loc["passed"], reference["share"])
    assert everybody.loc["y", "p_adjusted"] == everybody.loc["y", "p_value"]
    assert (everybody["n_clusters_treated"] == 9).all()
    assert (everybody["n_clusters_comparison"] == 0).all()
    sd = reference["clustered"]["sd_before"]
    assert everybody.loc["y", "effect_size"] == pytest.approx(
        reference["clustered"]["estimate"] / sd * (1 - 3 / (4 * 94 - 1))
    )
    n = reference["clustered"]["n_students"]
    assert everybody.loc["passed", "effect_size"] == pytest.approx(
        reference["share"]["cox"] * (1 - 3 / (4 * (2 * n - 2) - 1)), rel=1e-6
    )
    assert "late" not in everybody.index
    assert any("Late" in text and "not measured before" in text for text in result.explanations)
    by_group = table[table["group"] != "all"].set_index("group")
    agrees(by_group.loc["Group: b - a"], reference["group b - a"])
    assert len(multilevel.schools) == 9
    assert set(multilevel.schools["arm"]) == {"programme"}
    assert study_equivalence(study, scores, "after").empty


def test_attrition_of_one_group(scores: pd.DataFrame) -> None:
    seen = scores[scores["y"].notna()]
    lost = study_attrition(one_group_study(), seen, "after").set_index("level")
    before = seen[seen["wave"] == "before"]["student"]
    after = seen[seen["wave"] == "after"]["student"]
    assert lost.loc["students", ["assigned", "analysed"]].tolist() == [len(before), before.isin(after).sum()]
    assert lost.loc["students", "attrition"] == pytest.approx(1 - before.isin(after).mean())
    assert lost.loc["clusters", "attrition"] == 0


def test_nothing_is_estimated_before_the_programme_or_without_a_wave_before_it(scores: pd.DataFrame) -> None:
    study = one_group_study()
    before = estimate_effects(study, scores[scores["wave"] == "before"], "before", draws=199)
    assert before.estimates.empty
    assert before.explanations == ()
    assert "no change to estimate yet" in why_no_effects(study, "before")
    assert why_no_effects(study, "after") == ""
    late = [{"name": "after", "label": "After", "date": "2024-05-01", "sources": [{"file": "b"}]}]
    alone = one_group_study(waves=late)
    result = estimate_effects(alone, scores[scores["wave"] == "after"], "after", draws=199)
    assert result.estimates.empty
    assert estimate_multilevel(alone, scores[scores["wave"] == "after"], "after").estimates.empty
    assert "neither an effect nor a change" in why_no_effects(alone, "after")
    assert estimand(alone).term == "change"


@pytest.mark.parametrize(
    ("design", "doubted"),
    [({"level": "student"}, False), ({"level": "school"}, True)],
)
def test_few_clusters_are_doubted_and_students_one_by_one_are_not(
    scores: pd.DataFrame, design: dict[str, Any], doubted: bool
) -> None:
    three = scores[scores["school"].isin(["7", "8", "9"])]
    row = estimate_effects(one_group_study(assignment=design), three, "after", draws=199).estimates.iloc[0]
    assert ("cannot be trusted" in row["note"]) is doubted
    assert math.isnan(row["n_clusters_treated"]) is (design["level"] == "student")
    one = scores[scores["school"] == "9"].assign(school="9")
    note = estimate_effects(one_group_study(), one, "after", draws=199).estimates.iloc[0]["note"]
    assert "great caution" in note


def test_earlier_waves_are_shown_beside_the_change(scores: pd.DataFrame) -> None:
    waves = [
        {"name": w, "label": w, "date": f"2024-0{i + 1}-01", "before_programme": i < 2, "sources": [{"file": w}]}
        for i, w in enumerate(("first", "before", "after"))
    ]
    earlier = scores[scores["wave"] == "before"].assign(wave="first", y=lambda t: t["y"] + 0.1 * (t.index % 3))
    result = estimate_effects(one_group_study(waves=waves), pd.concat([earlier, scores]), "after", draws=199)
    main = result.estimates[(result.estimates["outcome"] == "y") & (result.estimates["group"] == "all")].iloc[0]
    shown = result.event_study[result.event_study["outcome"] == "y"].set_index("wave")
    assert shown.loc["after", "estimate"] == main["estimate"]
    assert shown.loc["first", "estimate"] == pytest.approx(
        float((0.1 * (earlier[earlier["y"].notna()].index % 3)).to_numpy().mean())
    )
    assert shown.loc["before", "reference"]


@pytest.mark.slow
@pytest.mark.parametrize("n_schools", [8, 10])
def test_interval_contains_the_truth_with_few_schools(n_schools: int) -> None:
    rng = np.random.default_rng(n_schools)
    inside, estimates, runs = 0, [], 700
    for _ in range(runs):
        sizes = rng.integers(6, 40, n_schools)
        school = np.repeat(np.arange(n_schools), sizes)
        n = len(school)
        before = rng.normal(0, 1, n) + rng.normal(0, 0.3, n_schools)[school]
        after = before + 0.2 + rng.normal(0, 0.2, n_schools)[school] + rng.normal(0, 0.8, n)
        data = pd.DataFrame(
            {
                "student": np.tile(np.arange(n), 2),
                "school": np.tile(school, 2),
                "wave": np.repeat(["before", "after"], n),
                "y": np.concatenate([before, after]),
            }
        )
        row = change(data).table.iloc[0]
        estimates.append(row["estimate"])
        inside += row["conf_low"] <= 0.2 <= row["conf_high"]
    # Three Monte Carlo standard errors around .95 are .025.
    assert inside / runs == pytest.approx(0.95, abs=0.025)
    assert np.mean(estimates) == pytest.approx(0.2, abs=4 * np.std(estimates) / math.sqrt(runs))
