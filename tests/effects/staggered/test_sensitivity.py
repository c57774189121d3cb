"""Bounds under violated trends, bands and the power of the pre-trend test, against brute force and simulated truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from belonging_study.effects.event_study import event_study
from belonging_study.effects.staggered import (
    EventEstimates,
    event_band,
    event_estimates,
    group_time_att,
    honest_did,
    pretrend_power,
)
from belonging_study.effects.staggered.intervals import band_multipliers
from belonging_study.effects.staggered.trend_bounds import folded_quantile
from belonging_study.errors import DataError, DesignError, ParameterError, UserError

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
COLUMNS: dict[str, Any] = {"outcome": "y", "unit": "student", "time": "wave", "start": "start", "cluster": "school"}
FULL = np.array([-4, -3, -2, -1, 0, 1, 2])  # -1 is the reference
TIMES = np.array([-4, -3, -2, 0, 1, 2])


@pytest.fixture(scope="module")
def covariance() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(6, 6))
    return (noise @ noise.T / 6 + np.eye(6)) * 0.01


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "staggered.csv")


def worst_bias(v: np.ndarray, size: float) -> float:
    """Largest ``v @ difference`` over differences with bounded second differences, by linear programming."""
    second = np.zeros((5, 7))
    for row in range(5):
        second[row, row : row + 3] = 1, -2, 1
    goal = np.zeros(7)
    goal[FULL != -1] = v
    bounds = [(0, 0) if t == -1 else (None, None) for t in FULL]
    limits = np.vstack([second, -second])
    found = optimize.linprog(-goal, A_ub=limits, b_ub=np.full(10, size), bounds=bounds)
    return -found.fun if found.status == 0 else np.inf


@pytest.mark.parametrize("size", [0.0, 0.03, 0.2])
def test_the_smooth_interval_is_the_shortest_by_brute_force(covariance: np.ndarray, size: float) -> None:
    estimates = pd.Series([0.02, -0.03, 0.01, 0.3, 0.4, 0.5], index=TIMES)
    row = honest_did(estimates, covariance, smoothness=size).table.iloc[0]
    weights = np.where(TIMES >= 0, 1 / 3, 0.0)

    def half(z: np.ndarray) -> float:
        v = weights.copy()
        v[:3] = z[0], z[1], weights[3:] @ [1, 2, 3] - 3 * z[0] - 2 * z[1]  # the weight on wave -2 cancels lines
        spread = np.sqrt(v @ covariance @ v)
        bias = worst_bias(v, size)
        # quantile of |N(bias/sd, 1)| from the noncentral chi-square
        return float(spread * np.sqrt(stats.ncx2.ppf(0.95, 1, max((bias / spread) ** 2, 1e-12))))

    best = min(
        (
            optimize.minimize(half, z, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
            for z in ([0, 0], [0.3, 0.3])
        ),
        key=lambda found: found.fun,
    )
    assert (row["conf_high"] - row["conf_low"]) / 2 == pytest.approx(best.fun, rel=2e-4)


def test_no_change_of_slope_is_least_squares_extrapolation(covariance: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    estimates = pd.Series(rng.normal(size=6), index=TIMES)
    row = honest_did(estimates, covariance, smoothness=0.0, conf_level=0.9).table.iloc[0]
    # generalised least squares of all estimates on a line through the reference and three effects
    design = np.column_stack([TIMES + 1.0, np.eye(6)[:, 3:]])
    inverse = np.linalg.inv(covariance)
    spread = np.linalg.inv(design.T @ inverse @ design)
    effects = spread @ design.T @ inverse @ estimates.to_numpy()
    mean = np.array([0, 1 / 3, 1 / 3, 1 / 3])
    half = stats.norm.ppf(0.95) * np.sqrt(mean @ spread @ mean)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        (mean @ effects - half, mean @ effects + half), rel=1e-5
    )


def test_intervals_agree_with_the_r_package() -> None:
    # HonestDiD 0.2 on these inputs, as kept in the parity tests of StatsPAI (modules 10 and 21): its quantiles are
    # simulated, so the fixed-length intervals agree to a few ten-thousandths
    estimates = pd.Series([0.01, -0.02, 0.0, 0.5, 0.4, 0.3], index=TIMES)
    matrix = np.diag([0.05, 0.05, 0.05, 0.1, 0.1, 0.1]) ** 2
    smooth = honest_did(estimates, matrix, smoothness=[0, 0.05, 0.1, 0.2, 0.5], post_weights=[1, 0, 0]).table
    low = [0.301312, 0.261370, 0.215986, 0.116271, -0.183729]
    high = [0.697248, 0.731131, 0.784014, 0.883729, 1.183729]
    np.testing.assert_allclose(smooth["conf_low"], low, atol=5e-4)
    np.testing.assert_allclose(smooth["conf_high"], high, atol=5e-4)
    # its relative-magnitude intervals invert another test (conditional, least favourable); ours hold them
    relative = honest_did(estimates, matrix, relative_magnitude=[0.5, 1, 1.5, 2], post_weights=[1, 0, 0]).table
    theirs = np.array([[0.290290, 0.710711], [0.258258, 0.738739], [0.214214, 0.786787], [0.154154, 0.842843]])
    assert (relative["conf_low"] <= theirs[:, 0]).all()
    assert (relative["conf_high"] >= theirs[:, 1]).all()
    width = (relative["conf_high"] - relative["conf_low"]) / (theirs[:, 1] - theirs[:, 0])
    assert width.max() < 1.2


def test_relative_bounds_without_sampling_error_are_the_identified_set() -> None:
    estimates = pd.Series([0.1, 0.3, 0.25, 1.0, 1.2, 0.9], index=TIMES)
    tiny = 1e-18 * np.eye(6)
    row = honest_did(estimates, tiny, relative_magnitude=0.5, post_weights=[0.2, 0.3, 0.5]).table.iloc[0]
    # largest earlier move .25 (to the reference); later moves reach the effect with weights 1, .8, .5
    reach = 0.5 * 0.25 * (1 + 0.8 + 0.5)
    mean = 0.2 * 1.0 + 0.3 * 1.2 + 0.5 * 0.9
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((mean - reach, mean + reach), abs=1e-6)


@pytest.mark.parametrize("restriction", ["smoothness", "relative_magnitude"])
def test_the_breakdown_value_is_where_zero_comes_in(covariance: np.ndarray, restriction: str) -> None:
    estimates = pd.Series([0.02, -0.01, 0.01, -0.9, -0.8, -0.9], index=TIMES)
    given: dict[str, Any] = {restriction: 0.0}
    result = honest_did(estimates, covariance / 10, **given)
    assert result.table["excludes_zero"].all()
    around = [0.99 * result.breakdown, 1.01 * result.breakdown]
    assert honest_did(estimates, covariance / 10, **{restriction: around}).table["excludes_zero"].tolist() == [
        True,
        False,
    ]
    assert (f"{result.breakdown:.3g}" if restriction == "smoothness" else f"{result.breakdown:.2f}") in result.note
    nothing = honest_did(estimates * 0.01, covariance, **given)
    assert nothing.breakdown == 0
    assert "already" in nothing.note


def test_few_degrees_of_freedom_widen(covariance: np.ndarray) -> None:
    estimates = pd.Series([0.02, -0.01, 0.01, 0.9, 0.8, 0.9], index=TIMES)
    for given in ({"smoothness": 0.05}, {"relative_magnitude": 0.5}):
        wide = honest_did(estimates, covariance, df=5, **given).table.iloc[0]  # type: ignore[arg-type]
        usual = honest_did(estimates, covariance, **given).table.iloc[0]  # type: ignore[arg-type]
        assert wide["conf_low"] < usual["conf_low"]
        assert wide["conf_high"] > usual["conf_high"]
    c = folded_quantile(0.7, df=5, level=0.9)
    assert stats.t.cdf(c - 0.7, 5) - stats.t.cdf(-c - 0.7, 5) == pytest.approx(0.9)


@pytest.mark.slow
def test_intervals_cover_under_the_worst_differences_allowed(covariance: np.ndarray) -> None:
    rng = np.random.default_rng(7)
    root = np.linalg.cholesky(covariance)
    kinks = np.arange(-3, 2)
    shape = np.where(kinks >= -1, np.maximum(TIMES[:, None] - kinks, 0), np.maximum(kinks - TIMES[:, None], 0))
    for signs in (np.ones(5), np.where(kinks >= -1, 1, -1)):
        trend = 0.3 * (TIMES + 1) + shape @ (0.05 * signs)
        hits = []
        for _ in range(150):
            drawn = pd.Series(trend + root @ rng.normal(size=6), index=TIMES)
            row = honest_did_row(drawn, covariance, smoothness=0.05)
            hits.append(row[0] <= 0 <= row[1])
        assert np.mean(hits) > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 150)
    for early in ([0, 0, 0], [0.0, 0.6, 0.6], [-0.6, -0.4, -0.2]):
        step = np.abs(np.diff([*early, 0])).max()
        trend = np.array([*early, step, 2 * step, 3 * step])
        hits = []
        for _ in range(400):
            drawn = pd.Series(trend + root @ rng.normal(size=6), index=TIMES)
            row = honest_did_row(drawn, covariance, relative_magnitude=1.0)
            hits.append(row[0] <= 0 <= row[1])
        assert np.mean(hits) > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 400)


def honest_did_row(drawn: pd.Series, covariance: np.ndarray, **size: float) -> tuple[float, float]:
    """The interval alone, without the search for the breakdown value."""
    from belonging_study.effects.staggered.trend_bounds import relative_interval, smooth_interval

    make = smooth_interval if "smoothness" in size else relative_interval
    weights = np.where(TIMES >= 0, 1 / 3, 0.0)
    return make(drawn.to_numpy(), covariance, TIMES + 1.0, weights, size=next(iter(size.values())))


def test_the_band_is_the_quantile_of_the_largest_t() -> None:
    # independent estimates: the largest of k absolute normals has a known quantile
    multiple = band_multipliers(np.eye(5), np.full(5, np.inf), draws=200_000, seed=2)
    assert multiple[0] == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / 5)) / 2), abs=0.02)
    same = band_multipliers(np.ones((5, 5)), np.full(5, np.inf), draws=200_000, seed=2)
    assert same[0] == pytest.approx(1.96, abs=0.02)
    few = band_multipliers(np.eye(5), np.full(5, 6.0), draws=200_000, seed=2)
    assert few[0] == pytest.approx(stats.t.ppf((1 + 0.95 ** (1 / 5)) / 2, 6), abs=0.08)


def test_an_event_study_gives_estimates_band_and_power(panel: pd.DataFrame) -> None:
    rows = panel[panel["start"].isna() | (panel["start"] == 4)].assign(arm=lambda d: d["start"].notna().astype(int))
    study = event_study(
        rows, outcome="y", unit="student", time="wave", programme="arm", first_treated=4, cluster="school"
    )
    given = event_estimates(study)
    table = study.table[study.table["note"] != "reference"]
    assert given.estimates.index.tolist() == table["relative"].tolist()
    np.testing.assert_allclose(given.estimates, table["estimate"])
    np.testing.assert_allclose(np.sqrt(np.diag(given.covariance)), table["std_error"])
    band = event_band(study)
    np.testing.assert_allclose(band["conf_low"], table["conf_low"])
    assert (band["band_high"] > band["conf_high"]).all()
    # with one start and never-treated schools, group-time effects are the same estimates
    effects = group_time_att(rows, **COLUMNS, base="universal")
    same = event_estimates(effects)
    np.testing.assert_allclose(same.estimates, given.estimates, atol=1e-9)
    assert honest_did(same.estimates, same.covariance, smoothness=0.1, df=float(same.df.min())).breakdown >= 0
    with pytest.raises(DesignError, match="change"):
        event_estimates(group_time_att(rows, **COLUMNS))


def test_power_is_the_share_of_simulated_tests_that_reject() -> None:
    rng = np.random.default_rng(3)
    matrix = 0.01 * (np.eye(4) + 0.5)
    given = EventEstimates(pd.Series([0.0, 0, 0.3, 0.3], index=[-3, -2, 0, 1]), matrix, np.full(4, 9.0), 9.0)
    found = pretrend_power(given, slope=0.1)
    # Hotelling's T-squared: a covariance estimated with 9 degrees of freedom
    line = np.array([-0.2, -0.1])
    small = matrix[:2, :2]
    reject = 0
    for _ in range(2000):
        drawn = rng.multivariate_normal(line, small)
        estimated = stats.wishart.rvs(9, small / 9, random_state=rng)
        f = (9 - 2 + 1) / (9 * 2) * drawn @ np.linalg.solve(estimated, drawn)
        reject += f > stats.f.isf(0.05, 2, 8)
    assert found.power == pytest.approx(reject / 2000, abs=0.035)
    assert pretrend_power(given, slope=found.slope_80).power == pytest.approx(0.8, abs=1e-6)
    assert pretrend_power(given, slope=-found.slope_50).power == pytest.approx(0.5, abs=1e-6)
    assert found.bias == pytest.approx(0.15)  # waves 0 and 1 lie 1 and 2 waves after the reference
    assert pretrend_power(given).slope == pytest.approx(0.2)
    assert pretrend_power(given).bias == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("estimates", "given", "kind", "words"),
    [
        (pd.Series({-2: 0.1, 0: 0.5}), {}, ParameterError, "Give one of"),
        (pd.Series({-2: 0.1, 0: 0.5}), {"smoothness": 1, "relative_magnitude": 1}, ParameterError, "Give one of"),
        (pd.Series({-2: 0.1, 0: 0.5}), {"smoothness": -1}, ParameterError, "negative"),
        (pd.Series({-2: 0.1, 0: 0.5}), {"smoothness": 1, "post_weights": [1, 1]}, ParameterError, "2 weights for 1"),
        (pd.Series({-2: 0.1, 0: 0.5}), {"smoothness": 1, "df": 0}, ParameterError, "df is 0"),
        (pd.Series({0: 0.1, 1: 0.5}), {"smoothness": 1}, DataError, "reference"),
        (pd.Series({-3: 0.1, 1: 0.5}), {"smoothness": 1}, DataError, "3 waves"),
        (pd.Series({-2: np.nan, 0: 0.5}), {"smoothness": 1}, DataError, "missing"),
        (pd.Series({-4: 0.1, -2: 0.5}), {"smoothness": 1}, DesignError, "after the start"),
    ],
)
def test_bad_input_is_named(estimates: pd.Series, given: dict[str, Any], kind: type[UserError], words: str) -> None:
    with pytest.raises(kind, match=words):
        honest_did(estimates, np.eye(len(estimates)), **given)


def test_bad_covariances_and_impossible_tests_are_named() -> None:
    estimates = pd.Series({-2: 0.1, 0: 0.5})
    with pytest.raises(DataError, match="shape"):
        honest_did(estimates, np.eye(3), smoothness=1)
    with pytest.raises(DataError, match="symmetric"):
        honest_did(estimates, np.array([[1.0, 0.2], [0.5, 1.0]]), smoothness=1)
    with pytest.raises(DesignError, match="too few"):
        pretrend_power(EventEstimates(estimates, np.eye(2), np.ones(2), 0.0))
    with pytest.raises(ParameterError, match="slope"):
        pretrend_power(EventEstimates(estimates, np.eye(2), np.ones(2), 5.0), slope=0.0)
