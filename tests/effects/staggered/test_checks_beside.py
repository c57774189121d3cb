"""Sun & Abraham, imputation and the Goodman-Bacon decomposition against R written out plainly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects.did import did
from belonging_study.effects.staggered import goodman_bacon, group_time_att, imputation_att, sun_abraham, twfe_warning
from belonging_study.errors import DesignError, DuplicateRowsError

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
UNIT: dict[str, Any] = {"outcome": "y", "unit": "student", "time": "wave", "start": "start"}
COLUMNS = UNIT | {"cluster": "school"}
MPDTA: dict[str, Any] = {"outcome": "lemp", "unit": "countyreal", "time": "year", "start": "first.treat"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "staggered.csv")


@pytest.fixture(scope="module")
def r() -> dict[str, Any]:
    return json.loads((REFERENCE / "staggered.json").read_text())


def test_sun_abraham_matches_club_sandwich(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    result = sun_abraham(panel, **COLUMNS)
    table = result.table[result.table["note"] != "reference"]
    want = r["sun_abraham"]
    assert [str(t) for t in table["term"]] == want["term"]
    np.testing.assert_allclose(table["estimate"], want["estimate"], atol=1e-9)
    np.testing.assert_allclose(table["std_error"], want["cr2"], rtol=1e-7)
    np.testing.assert_allclose(table["df"], want["df"], rtol=1e-6)
    assert result.comparison == "never treated"


def test_sun_abraham_without_never_treated_compares_with_the_last(panel: pd.DataFrame) -> None:
    rows = panel[panel["start"].notna()]
    result = sun_abraham(rows, **COLUMNS)
    assert result.comparison == "last to start"
    assert result.n_dropped["n_rows"].sum() == (rows["wave"] == 5).sum()
    early = rows[rows["wave"] < 5]
    as_never = early.assign(start=early["start"].where(early["start"] < 5))
    want = sun_abraham(as_never, **COLUMNS).table["estimate"]
    np.testing.assert_allclose(result.table["estimate"], want, atol=1e-12)


def test_imputation_matches_matrices_written_out_in_r(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    result = imputation_att(panel, **COLUMNS)
    want = pd.DataFrame(r["imputation"]).set_index("term")
    table = result.table.set_index(result.table["term"].astype(str)).loc[want.index]
    np.testing.assert_allclose(table["estimate"], want["estimate"], atol=1e-10)
    np.testing.assert_allclose(table["std_error"], want["cr2"], rtol=1e-8)
    assert result.n_rows == len(panel)


def test_imputation_drops_waves_without_an_untreated_row(panel: pd.DataFrame) -> None:
    rows = panel[panel["start"].notna()]
    result = imputation_att(rows, **COLUMNS)
    assert result.n_dropped["n_rows"].tolist() == [(rows["wave"] == 5).sum()]
    want = imputation_att(rows[rows["wave"] < 5], **COLUMNS).table
    np.testing.assert_allclose(result.table["estimate"], want["estimate"], atol=1e-12)
    np.testing.assert_allclose(result.table["std_error"], want["std_error"], rtol=1e-9)


def test_imputation_adjusts_for_a_covariate_that_moves(panel: pd.DataFrame) -> None:
    rng = np.random.default_rng(4)
    rows = panel.assign(z=rng.normal(size=len(panel)))
    shifted = rows.assign(y=rows["y"] + 5 * rows["z"] * (rows["wave"] % 2))
    shifted["odd"] = shifted["z"] * (shifted["wave"] % 2)
    plain = imputation_att(rows, **COLUMNS, covariates=["z"]).table["estimate"]
    adjusted = imputation_att(shifted, **COLUMNS, covariates=["odd"]).table["estimate"]
    np.testing.assert_allclose(adjusted, plain, atol=0.15)
    with pytest.raises(DesignError, match="x"):
        imputation_att(rows, **COLUMNS, covariates=["x"])


def test_bacon_matches_subsets_in_r(panel: pd.DataFrame, r: dict[str, Any]) -> None:
    parts = goodman_bacon(panel, **UNIT)
    order = ["kind", "treated", "control"]
    want = pd.DataFrame(r["bacon"]).astype({"control": float}).sort_values(order)
    table = parts.table.astype({"control": float}).sort_values(order)
    assert table["kind"].tolist() == want["kind"].tolist()
    np.testing.assert_allclose(table["estimate"], want["estimate"], atol=1e-10)
    np.testing.assert_allclose(table["weight"], want["weight"], atol=1e-10)
    assert parts.twfe == pytest.approx(r["twfe"], abs=1e-10)


def test_bacon_weights_add_up_to_the_two_way_estimate(panel: pd.DataFrame) -> None:
    rows = panel.drop(index=panel.index[[7, 200]]).assign(now=lambda d: (d["wave"] >= d["start"]).astype(int))
    parts = goodman_bacon(rows, **UNIT)
    assert parts.n_dropped["n_rows"].tolist() == [8]
    complete = rows[rows.groupby("student")["y"].transform("size") == 5]
    fitted = did(complete, outcome="y", unit="student", time="wave", treated="now", cluster="school")
    assert parts.twfe == pytest.approx(fitted.estimate, abs=1e-10)
    assert parts.table["weight"].sum() == pytest.approx(1)
    assert (parts.table["weight"] * parts.table["estimate"]).sum() == pytest.approx(fitted.estimate, abs=1e-10)
    assert parts.kinds["weight"].sum() == pytest.approx(1)


def test_minimum_wages(shared_data: Path) -> None:
    data = pd.read_csv(shared_data / "mpdta" / "mpdta.csv")
    parts = goodman_bacon(data, **MPDTA)
    assert parts.twfe == pytest.approx(-0.0365, abs=5e-5)
    assert (parts.table["weight"] * parts.table["estimate"]).sum() == pytest.approx(parts.twfe, abs=1e-12)
    event = group_time_att(data, **MPDTA).aggregate("event").set_index("term")["estimate"]
    saturated = sun_abraham(data, **MPDTA).table.set_index("term")["estimate"]
    # never-treated comparisons and a balanced panel: the two are the same after the start
    np.testing.assert_allclose(saturated[[0, 1, 2, 3]], event[[0, 1, 2, 3]], atol=1e-10)


def growing(slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [(u, w, 2.0 if u < 10 else 6.0) for u in range(20) for w in range(1, 9)]
    data = pd.DataFrame(rows, columns=["student", "wave", "start"])
    age = (data["wave"] - data["start"]).clip(lower=-1) + 1
    return data.assign(y=slope * age + 0.01 * rng.normal(size=len(data)))


def test_the_warning_speaks_where_growing_effects_turn_the_sign() -> None:
    data = growing(1.0)
    parts = goodman_bacon(data, **UNIT)
    assert parts.twfe < 0.5  # every effect is 1 or more
    effects = group_time_att(data, **UNIT, control="not_yet_treated")
    said = twfe_warning(parts, effects)
    share = parts.table.loc[parts.table["kind"] == "later vs already treated", "weight"].sum()
    assert f"{100 * share:.0f}% of its weight" in said
    assert "point the other way" in said
    assert parts.twfe > 0 or "other sign" in said


def test_the_warning_is_silent_with_one_start(panel: pd.DataFrame) -> None:
    rows = panel[panel["start"].isna() | (panel["start"] == 3)]
    assert twfe_warning(goodman_bacon(rows, **UNIT), group_time_att(rows, **COLUMNS)) == ""


def test_bad_input_is_named(panel: pd.DataFrame) -> None:
    same = panel[panel["start"] == 3]
    for function in (sun_abraham, imputation_att, goodman_bacon):
        columns = UNIT if function is goodman_bacon else COLUMNS
        with pytest.raises(DuplicateRowsError):
            function(pd.concat([panel, panel.head(1)]), **columns)  # type: ignore[operator]
        with pytest.raises(DesignError):
            function(same, **columns)  # type: ignore[operator]
    lonely = panel[~panel["school"].isin(["s10", "s11"])]
    with pytest.raises(DesignError, match="one cluster"):
        sun_abraham(lonely, **COLUMNS)
