"""The estimate and its CR2 inference against clubSandwich, linearmodels and the unprocessed formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects.did import did
from belonging_study.effects.event_study import event_study
from belonging_study.effects.inference.cluster_robust import (
    cluster_fit,
    cluster_robust_covariance,
    hotelling_test,
    satterthwaite_df,
)
from belonging_study.effects.mean_difference import mean_difference
from belonging_study.effects.panel import panel_fit
from belonging_study.effects.sample import first_cluster
from belonging_study.effects.side_by_side import cluster_inference
from belonging_study.errors import ArmConflictError, DataError, DesignError, DuplicateRowsError, UserError

REFERENCE = Path(__file__).resolve().parent.parent / "reference"
COLUMNS: dict[str, Any] = {"outcome": "y", "unit": "student", "time": "wave", "treated": "now", "cluster": "school"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "effects_panel.csv")


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((REFERENCE / "effects_panel.json").read_text())


def se(fit: Any, kind: Any, j: int = 0) -> float:
    return float(np.sqrt(cluster_robust_covariance(fit, kind)[j, j]))


@pytest.mark.parametrize(
    ("key", "extra"),
    [
        ("did", {}),
        ("did_x", {"covariates": ["x"]}),
        ("did_w", {"weights": "w"}),
        ("rcs", {"unit": "school", "panel": False}),
    ],
)
def test_did_matches_club_sandwich(panel: pd.DataFrame, r: dict[str, Any], key: str, extra: dict[str, Any]) -> None:
    result = did(panel, **(COLUMNS | extra))
    want = {name: np.atleast_1d(value)[0] for name, value in r[key].items()}
    assert result.estimate == pytest.approx(want["estimate"], abs=1e-8)
    assert result.std_error == pytest.approx(want["cr2"], rel=1e-6)
    assert result.df == pytest.approx(want["df"], abs=1e-4)
    assert result.p_value == pytest.approx(want["p"], abs=1e-6)
    assert se(result.fit, "CR1") == pytest.approx(want["cr1"], rel=1e-6)
    assert se(result.fit, "CR3") == pytest.approx(want["cr3"], rel=1e-6)


def test_covariate_matches_club_sandwich(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    fit = did(panel, **COLUMNS, covariates=["x"]).fit
    j = fit.names.index("x")
    assert fit.coefficients[j] == pytest.approx(r["did_x"]["estimate"][1], abs=1e-8)
    assert se(fit, "CR2", j) == pytest.approx(r["did_x"]["cr2"][1], rel=1e-6)
    assert satterthwaite_df(fit, np.eye(len(fit.names))[j]) == pytest.approx(r["did_x"]["df"][1], abs=1e-4)


def test_rows_are_kept_and_counted_as_in_r(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    result = did(panel, **COLUMNS)
    assert (result.n_rows, result.n_units) == (r["n_rows"], r["n_units"])
    assert result.n_rows + result.n_dropped["n_rows"].sum() == len(panel)
    assert result.n_units + result.n_dropped["n_units"].sum() == panel["student"].nunique()
    assert (result.n_clusters_treated, result.n_clusters_comparison) == (6, 8)
    missing = result.n_dropped.set_index("reason").loc["outcome missing", "n_rows"]
    assert missing == panel["y"].isna().sum()


def test_a_student_gone_before_the_start_counts_for_the_schools_arm(panel: pd.DataFrame) -> None:
    early = panel[(panel["wave"] <= 2) & (panel["school"] == "s01")]["student"].drop_duplicates().iloc[0]
    shorter = panel[(panel["student"] != early) | (panel["wave"] <= 2)]
    sample = did(shorter, **COLUMNS).sample
    home = sample.cluster_names.index("s01")
    assert set(sample.adoption[sample.unit[sample.cluster == home]]) == {3}
    assert sample.adoption_waves == (3,)


def test_students_who_came_after_the_start_are_left_out_in_both_arms(panel: pd.DataFrame) -> None:
    after = panel[(panel["wave"] >= 4) & (panel["programme"] == 0)].dropna(subset="y")
    comer = after["student"].value_counts().sort_index().loc[lambda n: n == 2].index[0]
    late = panel[(panel["student"] != comer) | (panel["wave"] >= 4)]
    result = did(late, **COLUMNS)
    assert result.estimate == pytest.approx(did(panel[panel["student"] != comer], **COLUMNS).estimate, abs=1e-12)
    counts = [
        r.n_dropped.set_index("reason").loc["no wave before the programme began"]
        for r in (result, did(panel, **COLUMNS))
    ]
    assert (counts[0] - counts[1]).tolist() == [2, 1]


def test_event_study_matches_club_sandwich(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    study = event_study(
        panel, outcome="y", unit="student", time="wave", programme="programme", first_treated=4, cluster="school"
    )
    rows = study.table[study.table["note"] != "reference"]
    assert rows["term"].tolist() == [1, 2, 4, 5]
    assert rows["relative"].tolist() == [-3, -2, 0, 1]
    np.testing.assert_allclose(rows["estimate"], r["event"]["estimate"], atol=1e-8)
    np.testing.assert_allclose(rows["std_error"], r["event"]["cr2"], rtol=1e-6)
    np.testing.assert_allclose(rows["df"], r["event"]["df"], atol=1e-4)
    np.testing.assert_allclose(rows["p_value"], r["event"]["p"], atol=1e-6)
    reference = study.table[study.table["note"] == "reference"].iloc[0]
    assert reference[["estimate", "std_error", "conf_low", "conf_high"]].tolist() == [0, 0, 0, 0]
    assert study.pretrend is not None
    want = r["pretrend"]
    assert study.pretrend.statistic == pytest.approx(want["F"], rel=1e-6)
    assert study.pretrend.df_denom == pytest.approx(want["df_denom"], abs=1e-4)
    assert study.pretrend.p_value == pytest.approx(want["p"], abs=1e-6)
    joint = hotelling_test(study.fit, np.eye(len(study.fit.names))[:4])
    assert joint.statistic == pytest.approx(r["all_four"]["F"], rel=1e-6)
    assert joint.df_denom == pytest.approx(r["all_four"]["df_denom"], abs=1e-4)


@pytest.mark.parametrize(("key", "extra"), [("mean", {}), ("mean_pairs", {"blocks": "pair", "covariates": ["x"]})])
def test_mean_difference_matches_club_sandwich(
    panel: pd.DataFrame, r: dict[str, Any], key: str, extra: dict[str, Any]
) -> None:
    last = panel[panel["wave"] == 5]
    result = mean_difference(last, outcome="y", treated="programme", cluster="school", **extra)
    row = result.table.iloc[0]
    assert row["estimate"] == pytest.approx(r[key]["estimate"], abs=1e-8)
    assert row["std_error"] == pytest.approx(r[key]["cr2"], rel=1e-6)
    assert row["df"] == pytest.approx(r[key]["df"], abs=1e-4)
    assert se(result.fit, "CR1", 1) == pytest.approx(r[key]["cr1"], rel=1e-6)
    assert result.n_dropped["n_rows"].sum() == last["y"].isna().sum()


@pytest.mark.parametrize("extra", [{}, {"covariates": ["x"]}, {"weights": "w"}, {"unit": "school", "panel": False}])
def test_linearmodels_agrees(panel: pd.DataFrame, extra: dict[str, Any]) -> None:
    result = did(panel, **(COLUMNS | extra))
    other = panel_fit(result).iloc[0]
    assert other["estimate"] == pytest.approx(result.estimate, abs=1e-8)
    assert other["std_error"] == pytest.approx(se(result.fit, "CR1"), rel=5e-3)
    assert other["df"] == 13


def test_mortality_rates(shared_data: Path) -> None:
    everything = pd.read_csv(shared_data / "mortality_rates" / "MortalityRates.csv.gz")
    rows = everything[(everything["cause"] == "Motor Vehicle") & (everything["year"] <= 1983)].dropna(
        subset=["beertaxa"]
    )
    want = json.loads((REFERENCE / "effects_real.json").read_text())["mortality"]
    assert len(rows) == want["n"]
    dummies = pd.get_dummies(rows["year"], drop_first=True, dtype=float)
    columns = pd.concat([rows[["legal", "beertaxa", "mrate"]], dummies], axis=1)
    within = columns - columns.groupby(rows["state"]).transform("mean")
    fit = cluster_fit(within.drop(columns="mrate"), within["mrate"], rows["state"], extra_params=1)
    for j in range(2):
        assert fit.coefficients[j] == pytest.approx(want["estimate"][j], abs=1e-8)
        assert se(fit, "CR2", j) == pytest.approx(want["cr2"][j], rel=1e-6)
        assert satterthwaite_df(fit, np.eye(len(fit.coefficients))[j]) == pytest.approx(want["df"][j], abs=1e-4)
    # the figures printed in the clubSandwich vignette "panel-data-CRVE", whose CR1 has the factor G/(G-1) alone
    plain_cr1 = se(fit, "CR1") * np.sqrt((fit.n_rows - fit.n_params) / (fit.n_rows - 1))
    assert (round(fit.coefficients[0], 2), round(plain_cr1, 2), round(se(fit, "CR2"), 2)) == (7.59, 2.44, 2.51)


def test_achievement_awards(shared_data: Path) -> None:
    rows = pd.read_csv(shared_data / "achievement_awards" / "AchievementAwardsRCT.csv.gz")
    rows["now"] = ((rows["treated"] == 1) & (rows["year"] >= 2001)).astype(int)
    want = json.loads((REFERENCE / "effects_real.json").read_text())["awards"]
    result = did(
        rows, outcome="Bagrut_status", unit="school_id", time="year", treated="now", cluster="school_id", panel=False
    )
    assert result.n_rows == want["n"]
    assert result.n_clusters_treated + result.n_clusters_comparison == want["schools"]
    assert result.estimate == pytest.approx(want["estimate"], abs=1e-8)
    assert result.std_error == pytest.approx(want["cr2"], rel=1e-6)
    assert result.df == pytest.approx(want["df"], abs=1e-4)
    assert result.p_value == pytest.approx(want["p"], abs=1e-6)


@pytest.mark.parametrize(
    ("grade", "small", "aide", "n"),
    [
        ("k", (13.899, 2.454), (0.314, 2.271), 5786),
        ("1", (29.781, 2.831), (11.959, None), None),
        ("2", (19.394, 2.712), (3.479, None), None),
        ("3", (15.587, 2.396), (-0.291, None), None),
    ],
)
def test_star_reproduces_stock_and_watson(
    shared_data: Path, grade: str, small: tuple[float, float], aide: tuple[float, float | None], n: int | None
) -> None:
    star = pd.read_csv(shared_data / "star" / "STAR.csv.gz", low_memory=False)
    rows = star[star[f"star{grade}"].notna()].assign(score=star[f"read{grade}"] + star[f"math{grade}"])
    result = mean_difference(rows, outcome="score", treated=f"star{grade}", comparison="regular")
    table = result.table.set_index("term")
    assert table.loc["small", "estimate"] == pytest.approx(small[0], abs=6e-4)
    assert table.loc["small", "std_error"] == pytest.approx(small[1], abs=6e-4)
    assert table.loc["regular+aide", "estimate"] == pytest.approx(aide[0], abs=6e-4)
    if aide[1] is not None:
        assert table.loc["regular+aide", "std_error"] == pytest.approx(aide[1], abs=6e-4)
    if n is not None:
        assert table["n_rows"].tolist() == [n, n]


def _broken(panel: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, dict[str, Any], type[UserError], str]]:
    one = panel[(panel["programme"] == 0) | (panel["school"] == "s01")]
    moved = panel.copy()
    moved.loc[(moved["student"] == 101) & (moved["wave"] == 2), "school"] = "s02"
    return {
        "one cluster in the programme": (one, {}, DesignError, "1 clusters in the programme and 8"),
        "no earlier wave": (panel[panel["wave"] >= 4], {}, DesignError, "before the programme began"),
        "everyone treated": (panel[panel["programme"] == 1], {}, DesignError, "All .* units have the programme"),
        "nobody treated": (panel.assign(now=0), {}, DesignError, "None of the"),
        "switches off": (panel.assign(now=(panel["now"] == 1) & (panel["wave"] < 5)), {}, DesignError, "switches off"),
        "duplicates": (pd.concat([panel, panel.iloc[:3]]), {}, DuplicateRowsError, "3 rows repeat"),
        "mover": (moved, {}, DesignError, "1 of 1.. units appear in more than one cluster"),
        "cluster missing": (
            panel.assign(school=panel["school"].where(panel["wave"] != 2)),
            {},
            DataError,
            'column "school" is missing in',
        ),
        "outcome missing in an arm": (
            panel.assign(y=panel["y"].where(panel["programme"] == 1)),
            {},
            DesignError,
            "0 of units never in it",
        ),
        "constant outcome": (panel.assign(y=3.0), {}, DataError, "same value in all"),
        "collinear": (panel.assign(z=2 * panel["x"]), {"covariates": ["x", "z"]}, DesignError, "add nothing"),
        "constant in unit": (panel.assign(z=panel["student"] % 7), {"covariates": ["z"]}, DesignError, "never change"),
        "misspelt": (panel, {"outcome": "yy"}, DataError, 'did you mean "y"'),
        "text outcome": (panel.assign(y="a"), {}, DataError, "not numeric"),
        "infinite": (panel.assign(y=np.inf), {}, DataError, "infinite"),
        "treatment not 0/1": (panel.assign(now=panel["now"] * 2), {}, DataError, "neither 0 nor 1"),
        "negative weight": (panel.assign(w=-1.0), {"weights": "w"}, DataError, "not positive"),
        "empty": (panel.iloc[:0], {}, DataError, "no rows"),
        "level": (panel, {"conf_level": 95}, UserError, "confidence level is 95"),
    }


CASES = list(_broken(pd.read_csv(REFERENCE / "effects_panel.csv")))


@pytest.mark.parametrize("case", CASES)
def test_bad_input_says_what_is_wrong(panel: pd.DataFrame, case: str) -> None:
    rows, extra, kind, words = _broken(panel)[case]
    with pytest.raises(kind, match=words) as caught:
        did(rows, **(COLUMNS | extra))
    assert caught.value.remedy


def test_movers_can_be_analysed_as_assigned(panel: pd.DataFrame) -> None:
    moved = panel.sort_values(["student", "wave"]).reset_index(drop=True)
    mover = moved["student"].iloc[0]
    rows = moved["student"] == mover
    first = rows & (moved["wave"] == moved.loc[rows, "wave"].min())
    moved.loc[rows & ~first, "school"] = "s02"
    moved["school"] = first_cluster(moved, unit="student", time="wave", cluster="school")
    assert set(moved.loc[rows, "school"]) == {"s01"}
    assert did(moved, **COLUMNS).estimate == pytest.approx(did(panel, **COLUMNS).estimate, abs=1e-12)


def test_staggered_starts_are_named(panel: pd.DataFrame) -> None:
    late = panel.assign(now=panel["now"].where(~panel["school"].isin(["s01", "s03"]) | (panel["wave"] == 5), 0))
    assert "2 different starts" in did(late, **COLUMNS).note


EVENT: dict[str, Any] = {
    "outcome": "y",
    "unit": "student",
    "time": "wave",
    "programme": "programme",
    "first_treated": 4,
    "cluster": "school",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"first_treated": 9}, "is not a wave: column .* holds 1, 2, 3, 4, 5"),
        ({"first_treated": 1}, "starts in the first of 5 waves"),
        ({"programme": "now"}, "in some rows and not in others"),
        ({"programme": "program"}, 'did you mean "programme"'),
    ],
)
def test_event_study_bad_input(panel: pd.DataFrame, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        event_study(panel, **(EVENT | change))


def test_event_study_says_why_there_is_no_joint_test(panel: pd.DataFrame) -> None:
    one, two = event_study(panel[panel["wave"] >= 3], **EVENT), event_study(panel[panel["wave"] >= 2], **EVENT)
    assert (one.pretrend, two.pretrend) == (None, None)
    assert "One wave precedes" in one.pretrend_note
    assert "itself the test" in two.pretrend_note


def test_waves_and_ids_of_any_kind_give_the_same_answer(panel: pd.DataFrame) -> None:
    plain = did(panel, **COLUMNS)
    names = pd.Categorical.from_codes(panel["wave"] - 1, ["spring", "autumn", "later", "next", "last"], ordered=True)
    other = panel.assign(
        wave=names,
        student=panel["student"].astype(str).astype("string"),
        now=panel["now"].astype("boolean"),
        y=panel["y"].astype("Float64"),
    ).sample(frac=1, random_state=3)
    again = did(other, **COLUMNS)
    assert (again.estimate, again.std_error, again.df) == pytest.approx((plain.estimate, plain.std_error, plain.df))
    study = event_study(other, **(EVENT | {"first_treated": "next"}))
    assert study.table["term"].tolist() == ["spring", "autumn", "later", "next", "last"]


def test_individual_assignment_within_schools_is_named(panel: pd.DataFrame) -> None:
    rows = panel.assign(now=((panel["student"] % 2 == 1) & (panel["wave"] >= 4)).astype(int))
    result = did(rows, **COLUMNS)
    assert "units of one cluster differ" in result.note
    assert (result.n_clusters_treated, result.n_clusters_comparison) == (14, 14)
    table = cluster_inference(result, randomized=True).set_index("method")
    assert "not available" in table.loc["randomisation", "note"]
    assert "not available" in table.loc["cluster means t test", "note"]


def test_students_assigned_one_by_one_share_the_common_start(panel: pd.DataFrame) -> None:
    rows = panel.assign(arm=panel["student"] % 2)
    rows["now"] = rows["arm"] * (rows["wave"] >= 4)
    result = did(rows, **(COLUMNS | {"cluster": "student"}), programme="arm")
    assert result.note == ""
    used = rows.loc[result.sample.index].groupby("student")["arm"].first()
    assert (result.n_clusters_treated, result.n_clusters_comparison) == ((used == 1).sum(), (used == 0).sum())
    without = did(rows, **(COLUMNS | {"cluster": "student"}))
    assert without.estimate == pytest.approx(result.estimate)
    assert without.n_clusters_treated < result.n_clusters_treated
    for wrong, words in ((rows.assign(arm=rows["now"]), "some rows"), (rows.assign(arm=0), "without being in")):
        with pytest.raises(ArmConflictError, match=words):
            did(wrong, **COLUMNS, programme="arm")


def test_mean_difference_bad_input(panel: pd.DataFrame) -> None:
    last = panel[panel["wave"] == 5]
    base: dict[str, Any] = {"outcome": "y", "treated": "programme", "cluster": "school"}
    cases: list[tuple[pd.DataFrame, dict[str, Any], str]] = [
        (last, {"comparison": "control"}, "comparison asked for is control"),
        (last[last["programme"] == 1], {}, "holds 1; the comparison"),
        (last.assign(y=last["y"].where(last["programme"] == 1)), {}, "missing in every row of 1 of 2 arms"),
        (last[(last["programme"] == 0) | (last["school"] == "s01")], {}, "The arms have 8, 1 clusters"),
        (last.assign(y=1.0), {}, "same value"),
        (last.assign(programme=last["programme"].where(last["school"] != "s01")), {}, "arm column .* is missing in"),
        (last.assign(z=last["programme"] * 2), {"covariates": ["z"]}, "add nothing"),
        (last.assign(z="a"), {"covariates": ["z"]}, "has 1 level"),
    ]
    for rows, change, words in cases:
        with pytest.raises(UserError, match=words):
            mean_difference(rows, **(base | change))


@pytest.mark.slow
def test_few_unequal_schools_reject_a_true_null_at_the_stated_rate() -> None:
    rng = np.random.default_rng(11)
    sizes = rng.integers(6, 30, 10)
    base = pd.DataFrame(
        [(s, s * 100 + i, w) for s in range(10) for i in range(sizes[s]) for w in range(5)],
        columns=["school", "student", "wave"],
    )
    base["programme"] = base["school"] % 2
    base["now"] = base["programme"] * (base["wave"] >= 4)
    reps, rejected = 250, dict.fromkeys(["CR2 Satterthwaite", "wild bootstrap", "randomisation", "pretrend"], 0)
    for _ in range(reps):
        shock = rng.normal(0, 0.3, (10, 5))[base["school"], base["wave"]]
        rows = base.assign(y=shock + rng.normal(0, 1, len(base)))
        table = cluster_inference(did(rows, **COLUMNS), randomized=True, draws=1024).set_index("method")
        for name in ("CR2 Satterthwaite", "wild bootstrap", "randomisation"):
            rejected[name] += table.loc[name, "p_value"] <= 0.05
        test = event_study(rows, **EVENT).pretrend
        assert test is not None
        rejected["pretrend"] += test.p_value <= 0.05
    # 5% with a Monte Carlo error of 1.4 points; a chi-square pre-trend test would reject about 27%
    assert all(0.005 <= count / reps <= 0.10 for count in rejected.values()), rejected


@pytest.mark.slow
def test_estimate_is_unbiased_and_the_interval_covers() -> None:
    rng = np.random.default_rng(5)
    truth, schools, per = 0.3, 10, 8
    base = pd.MultiIndex.from_product([range(schools), range(per), [1, 2, 3]], names=["school", "i", "wave"]).to_frame(
        index=False
    )
    base["student"] = base["school"] * per + base["i"]
    base["now"] = ((base["school"] < 4) & (base["wave"] == 3)).astype(int)
    estimates, covered = [], []
    for _ in range(300):
        school_wave = rng.normal(0, 0.3, (schools, 4))[base["school"], base["wave"]]
        person = rng.normal(0, 1, schools * per)[base["student"]]
        y = person + school_wave + truth * base["now"] + rng.normal(0, 0.5, len(base))
        result = did(base.assign(y=y), **COLUMNS)
        estimates.append(result.estimate)
        covered.append(result.conf_low <= truth <= result.conf_high)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth) < 4 * error
    assert 0.92 < np.mean(covered) < 0.985
