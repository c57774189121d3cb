"""Effects by group and time against R, published values, the definition of a weight's derivative, and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects.staggered import group_time_att
from belonging_study.errors import (
    ArmConflictError,
    ColumnMissingError,
    DataError,
    DesignError,
    DuplicateRowsError,
    ParameterError,
    UserError,
    ValueRangeError,
)

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
COLUMNS: dict[str, Any] = {"outcome": "y", "unit": "student", "time": "wave", "start": "start", "cluster": "school"}
MPDTA: dict[str, Any] = {"outcome": "lemp", "unit": "countyreal", "time": "year", "start": "first.treat"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "staggered.csv")


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((REFERENCE / "staggered.json").read_text())


@pytest.fixture(scope="module")
def mpdta(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "mpdta" / "mpdta.csv")


def test_effects_match_club_sandwich(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    table = group_time_att(panel, **COLUMNS).table
    want = pd.DataFrame(r["cells"])
    assert table["group"].tolist() == want["group"].tolist()
    assert table["time"].tolist() == want["time"].tolist()
    np.testing.assert_allclose(table["estimate"], want["estimate"], atol=1e-10)
    np.testing.assert_allclose(table["std_error"], want["cr2"], rtol=1e-8)
    np.testing.assert_allclose(table["df"], want["df"], rtol=1e-8)
    np.testing.assert_allclose(table["p_value"], want["p"], atol=1e-8)
    plain = group_time_att(panel, **COLUMNS, std_errors="CR0").table
    np.testing.assert_allclose(plain["std_error"], want["cr0"], rtol=1e-8)
    assert table["n_clusters_treated"].tolist() == [3] * 12


@pytest.mark.parametrize("case", range(6))
def test_covariates_and_weights_match_derivatives_taken_in_r(panel: pd.DataFrame, r: dict[str, Any], case: int) -> None:
    want = {name: values[case] for name, values in r["covariate"].items()}
    given = {"covariates": ["x"], "method": want["method"], "std_errors": "CR0"}
    given |= {"weights": "w"} if want["weighted"] else {}
    both = group_time_att(panel, **COLUMNS, **given).table.query("group == 3 and time == 4").iloc[0]
    assert both["estimate"] == pytest.approx(want["estimate"], abs=1e-10)
    assert both["std_error"] == pytest.approx(want["cr0"], rel=1e-7)
    others = panel[(panel["student"] + panel["wave"]) % 3 != 0]
    cross = group_time_att(others, **(COLUMNS | {"unit": "school"}), panel=False, **given).table
    cross_cell = cross.query("group == 3 and time == 4").iloc[0]
    assert cross_cell["estimate"] == pytest.approx(want["cross"], abs=1e-10)
    assert cross_cell["std_error"] == pytest.approx(want["cross_cr0"], rel=1e-7)


def test_averages_match_derivatives_taken_in_r(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    effects = group_time_att(panel, **COLUMNS, std_errors="CR0")
    table = pd.concat([effects.aggregate(k) for k in ("event", "group", "calendar", "simple")])  # type: ignore[arg-type]
    terms = (table["kind"] + table["term"].map(lambda t: " overall" if t == "overall" else str(t))).tolist()
    assert terms == r["averages"]["term"]
    np.testing.assert_allclose(table["estimate"], r["averages"]["estimate"], atol=1e-10)
    np.testing.assert_allclose(table["std_error"], r["averages"]["cr0"], rtol=1e-7)


def test_minimum_wages_reproduce_the_published_effects(mpdta: pd.DataFrame) -> None:
    effects = group_time_att(mpdta, **MPDTA)
    after = effects.table[effects.table["event_time"] >= 0]
    published = [-0.0105, -0.0704, -0.1373, -0.1008, -0.0046, -0.0412, -0.0261]
    np.testing.assert_allclose(after["estimate"], published, atol=5e-5)
    event = effects.aggregate("event").set_index("term")["estimate"]
    np.testing.assert_allclose(event[[0, 1, 2, 3]], [-0.0199, -0.0510, -0.1373, -0.1008], atol=5e-5)
    assert event["overall"] == pytest.approx(-0.0772, abs=5e-5)
    group = effects.aggregate("group")["estimate"]
    np.testing.assert_allclose(group, [-0.0797, -0.0229, -0.0261, -0.0310], atol=5.1e-5)
    assert effects.aggregate("simple")["estimate"].iloc[0] == pytest.approx(-0.0400, abs=5.1e-5)


@pytest.mark.parametrize(
    ("control", "covariates", "estimate", "std_error"),
    [
        ("never_treated", (), -0.03995128, 0.01203401),
        ("not_yet_treated", (), -0.03976363, 0.01205242),
        ("never_treated", ("lpop",), -0.04175177, 0.01150284),
        ("not_yet_treated", ("lpop",), -0.04135163, 0.01142784),
    ],
)
def test_minimum_wages_reproduce_the_analytic_standard_errors(
    mpdta: pd.DataFrame, control: Any, covariates: tuple[str, ...], estimate: float, std_error: float
) -> None:
    effects = group_time_att(mpdta, **MPDTA, control=control, covariates=covariates, std_errors="CR0")
    row = effects.aggregate("simple").iloc[0]
    assert row["estimate"] == pytest.approx(estimate, abs=5e-9)
    assert row["std_error"] == pytest.approx(std_error, abs=5e-9)


def test_a_universal_base_adds_up_the_changes_before_the_start(panel: pd.DataFrame) -> None:
    moving = group_time_att(panel, **COLUMNS).table.set_index(["group", "time"])["estimate"]
    fixed = group_time_att(panel, **COLUMNS, base="universal").table.set_index(["group", "time"])
    assert fixed.loc[(5, 4), "note"] == "reference"
    assert fixed.loc[(5, 4), ["estimate", "std_error"]].tolist() == [0, 0]
    assert fixed.loc[(5, 2), "estimate"] == pytest.approx(-moving[5, 3] - moving[5, 4])
    assert fixed.loc[(5, 1), "estimate"] == pytest.approx(-moving[5, 2] - moving[5, 3] - moving[5, 4])
    assert fixed.loc[(3, 5), "estimate"] == pytest.approx(moving[3, 5])


def test_event_covariance_goes_with_the_event_rows(panel: pd.DataFrame) -> None:
    effects = group_time_att(panel, **COLUMNS, base="universal")
    estimates, covariance = effects.event_covariance()
    rows = effects.aggregate("event").set_index("term")
    assert estimates.index.tolist() == [-4, -3, -2, 0, 1, 2]
    np.testing.assert_allclose(rows.loc[estimates.index, "std_error"], np.sqrt(np.diag(covariance)))
    # the overall row is the plain mean after the start, so its variance must follow from the matrix
    mean = np.where(estimates.index >= 0, 1 / 3, 0.0)
    assert rows.loc["overall", "std_error"] == pytest.approx(float(np.sqrt(mean @ covariance @ mean)))


def test_anticipation_moves_the_base_back(panel: pd.DataFrame) -> None:
    table = group_time_att(panel, **COLUMNS, anticipation=1).table.set_index(["group", "time"])["estimate"]
    means = panel.assign(start=panel["start"].fillna(99)).groupby(["start", "wave"])["y"].mean()
    assert table[5, 5] == pytest.approx(means[5, 5] - means[5, 3] - means[99, 5] + means[99, 3])
    assert table[5, 4] == pytest.approx(means[5, 4] - means[5, 3] - means[99, 4] + means[99, 3])


def test_not_yet_treated_units_are_compared_with(panel: pd.DataFrame) -> None:
    table = group_time_att(panel, **COLUMNS, control="not_yet_treated").table.set_index(["group", "time"])
    wide = panel.pivot(index="student", columns="wave", values="y")
    start = panel.groupby("student")["start"].first().fillna(99)
    change = wide[3] - wide[2]
    assert table.loc[(3, 3), "estimate"] == pytest.approx(change[start == 3].mean() - change[start > 3].mean())
    assert table.loc[(3, 3), "n_control"] == int((start > 3).sum())
    without = panel[panel["start"].notna()]
    effects = group_time_att(without, **COLUMNS, control="not_yet_treated")
    last = effects.not_estimated.set_index(["group", "time"])["reason"]
    assert last[3, 5] == "0 clusters to compare with seen in both waves"
    assert (3, 5) not in effects.table.set_index(["group", "time"]).index


def test_the_start_may_be_text_dates_or_between_waves(panel: pd.DataFrame) -> None:
    want = group_time_att(panel, **COLUMNS).table["estimate"]
    as_text = panel.assign(
        wave="w" + panel["wave"].astype(str),
        start=panel["start"].map(lambda s: None if np.isnan(s) else f"w{s:.0f}").astype(object),
    )
    by_date = panel.assign(
        wave=pd.to_datetime("2020-01-01") + pd.to_timedelta(panel["wave"] * 30, unit="D"),
        start=pd.to_datetime("2020-01-01") + pd.to_timedelta(panel["start"] * 30, unit="D"),
    )
    between = panel.assign(start=(panel["start"] - 0.5).fillna(0))
    unlimited = panel.assign(start=panel["start"].fillna(np.inf))
    for rows in (as_text, by_date, between, unlimited):
        np.testing.assert_allclose(group_time_att(rows, **COLUMNS).table["estimate"], want, atol=1e-12)


def test_rows_that_cannot_be_used_are_counted(panel: pd.DataFrame) -> None:
    rows = panel.copy()
    rows.loc[rows.index[[3, 60]], "y"] = np.nan
    rows.loc[rows.index[200], "x"] = np.nan
    first = rows["school"] == "s01"
    rows.loc[first, "start"] = 1.0
    rows = rows.drop(index=rows.index[[300, 301]])
    effects = group_time_att(rows, **COLUMNS, covariates=["x"])
    counts = effects.n_dropped.set_index("reason")["n_rows"]
    assert counts["outcome missing"] == 2
    assert counts["covariate missing"] == 1
    assert counts["treated from the first wave seen"] == int(first.sum()) - 1
    assert effects.n_rows + counts.sum() == len(rows)
    assert effects.n_units_incomplete == 3
    assert "3 of" in effects.note
    # a unit that lacks a wave still counts where it was seen in both
    table = effects.table.set_index(["group", "time"])
    complete = group_time_att(panel[~first], **COLUMNS).table.set_index(["group", "time"])
    lost = complete[["n_treated", "n_control"]] - table[["n_treated", "n_control"]]
    assert lost.to_numpy().min() == 0
    assert 0 < lost.to_numpy().max() <= 3


def test_cross_sections_need_two_clusters_in_each_wave(panel: pd.DataFrame) -> None:
    rows = panel[~((panel["wave"] == 2) & panel["school"].isin(["s01", "s02"]))]
    effects = group_time_att(rows, **(COLUMNS | {"unit": "school"}), panel=False, method="ipw")
    refused = effects.not_estimated
    assert set(refused["reason"]) == {"1 cluster of the group seen in both waves"}
    assert refused["group"].unique().tolist() == [3]


def test_bands_hold_every_interval_and_do_not_depend_on_chance_alone(panel: pd.DataFrame) -> None:
    one = group_time_att(panel, **COLUMNS, seed=3).table
    two = group_time_att(panel, **COLUMNS, seed=3).table
    pd.testing.assert_frame_equal(one, two)
    assert (one["band_low"] < one["conf_low"]).all()
    assert (one["band_high"] > one["conf_high"]).all()


def bad(panel: pd.DataFrame, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    never = panel["start"].isna()
    cases: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        "several starts": (panel.assign(start=panel["start"].where(panel["wave"] > 1)), {}),
        "duplicates": (pd.concat([panel, panel.head(2)]), {}),
        "nobody never": (panel[~never], {}),
        "nobody later": (panel[panel["start"] == 3], {"control": "not_yet_treated"}),
        "all from the first wave": (panel.assign(start=panel["start"].where(never, 1)), {}),
        "nobody starts": (panel.assign(start=np.nan), {}),
        "one cluster in a start": (panel[~panel["school"].isin(["s01", "s02"])], {}),
        "one cluster in comparison": (panel[~panel["school"].isin(["s10", "s11"])], {}),
        "movers": (panel.assign(school=panel["school"].where(panel["wave"] < 3, "s01")), {}),
        "text outcome": (panel.assign(y=panel["y"].astype(str)), {}),
        "constant": (panel.assign(y=1.0), {}),
        "unknown start": (panel.assign(wave=panel["wave"].astype(str), start="later"), {}),
        "weights": (panel.assign(w=0.0), {"weights": "w"}),
        "no column": (panel, {"covariates": ["age"]}),
        "option": (panel, {"method": "drdid"}),
        "anticipation": (panel, {"anticipation": -1}),
        "collinear": (panel.assign(z=2 * panel["x"]), {"covariates": ["x", "z"]}),
        "separate": (panel.assign(z=never.astype(float)), {"covariates": ["z"], "method": "ipw"}),
        "no cluster": (panel.assign(school=panel["school"].where(panel["wave"] > 1)), {}),
    }
    return cases[name]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("several starts", ArmConflictError, "units have more than one start"),
        ("duplicates", DuplicateRowsError, "2 rows repeat"),
        ("nobody never", DesignError, "no never-treated unit"),
        ("nobody later", DesignError, "start in the same wave"),
        ("all from the first wave", DesignError, "treated from the first wave seen"),
        ("nobody starts", DesignError, "None of the 153 units starts"),
        ("one cluster in a start", DesignError, r"1 of 3 starts \(3\) have one cluster"),
        ("one cluster in comparison", DesignError, "lie in one cluster"),
        ("movers", DesignError, "more than one cluster"),
        ("text outcome", ValueRangeError, "not numeric"),
        ("constant", DataError, "same value"),
        ("unknown start", DataError, "765 values that are no wave"),
        ("weights", ValueRangeError, "not positive"),
        ("no column", ColumnMissingError, "age"),
        ("option", ParameterError, 'method is "drdid"'),
        ("anticipation", ParameterError, "anticipation is -1"),
        ("collinear", DesignError, "collinear"),
        ("separate", DesignError, "separate"),
        ("no cluster", DataError, "cluster column"),
    ],
)
def test_bad_input_is_named(panel: pd.DataFrame, name: str, kind: type[UserError], words: str) -> None:
    rows, change = bad(panel, name)
    with pytest.raises(kind, match=words) as error:
        group_time_att(rows, **(COLUMNS | change))
    assert "s01" not in str(error.value)


def test_units_as_clusters_and_clusters_that_hold_several_starts(panel: pd.DataFrame) -> None:
    alone = group_time_att(panel, **(COLUMNS | {"cluster": None})).table
    assert (alone["df"] > 30).all()
    mixed = panel.assign(start=np.where(panel["student"] % 2, 4.0, np.nan))
    effects = group_time_att(mixed, **COLUMNS)
    assert "differ in their start" in effects.note
    assert effects.table["df"].unique().tolist() == [11.0]


def test_stored_simulations_hold_what_the_documentation_says(project: Path) -> None:
    rates = pd.read_csv(project / "benchmarks" / "group_time_size.csv")
    error = np.sqrt(0.05 * 0.95 / rates["studies"].iloc[0])
    corrected = rates[~rates["method"].str.endswith("CR0")]
    assert (corrected["rate"] < 0.05 + 2.5 * error).all()
    plain = rates[rates["method"].str.endswith("CR0") & rates["what"].str.endswith("overall")]
    assert (plain["rate"] > 0.10).all()
