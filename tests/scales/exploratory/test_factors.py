from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales import EFAResult, efa
from belonging_study.scales.exploratory import extraction, rotation
from belonging_study.scales.exploratory.rotation import oblimin


@pytest.fixture(scope="module")
def expected(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/exploratory.json").read_text())


@pytest.fixture(scope="module")
def answers(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "tests/reference/exploratory_answers.csv")


@pytest.fixture(params=["answers", "answers_two", "holzinger"])
def case(
    request: pytest.FixtureRequest,
    answers: pd.DataFrame,
    expected: dict[str, Any],
    load: Callable[[str], pd.DataFrame],
) -> tuple[pd.DataFrame, int, dict[str, Any]]:
    data = load("hs_all") if request.param == "holzinger" else answers
    return data, 2 if request.param == "answers_two" else 3, expected[request.param]


def pattern(result: EFAResult) -> np.ndarray:
    return result.loadings["loading"].to_numpy().reshape(-1, result.n_factors)


def by_item(result: EFAResult, column: str) -> np.ndarray:
    return result.loadings[column].to_numpy()[:: result.n_factors]


def matched(mine: np.ndarray, other: list[list[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The other's factors in our order and sign, which no criterion decides."""
    theirs = np.array(other)
    together = mine.T @ theirs
    order = np.abs(together).argmax(axis=1)
    assert len(set(order)) == len(order)
    sign = np.sign(together[np.arange(len(order)), order])
    return theirs[:, order] * sign, order, sign


def test_ml_and_oblimin_agree_with_base_r_and_gparotation(case: tuple[pd.DataFrame, int, dict[str, Any]]) -> None:
    data, k, told = case
    result = efa(data, k)
    loadings, order, sign = matched(pattern(result), told["tight_oblimin"])
    np.testing.assert_allclose(pattern(result), loadings, atol=2e-6)
    correlations = np.array(told["tight_phi"])[np.ix_(order, order)] * np.outer(sign, sign)
    np.testing.assert_allclose(result.factor_correlations, correlations, atol=2e-6)
    np.testing.assert_allclose(by_item(result, "uniqueness"), told["factanal_uniquenesses"], atol=1e-7)
    np.testing.assert_allclose(by_item(result, "communality") + by_item(result, "uniqueness"), 1, atol=1e-7)


def test_ml_and_oblimin_agree_with_psych(case: tuple[pd.DataFrame, int, dict[str, Any]]) -> None:
    data, k, told = case
    result = efa(data, k)
    # With two factors of three psych itself stops 1e-5 from the maximum (base R, told above, does not).
    near = 1e-5 if k == 3 else 3e-5
    np.testing.assert_allclose(pattern(result), matched(pattern(result), told["ml_oblimin"])[0], atol=near)
    np.testing.assert_allclose(by_item(result, "communality"), told["communality"], atol=near)
    np.testing.assert_allclose(result.variance["ss_loadings"], told["ss_loadings"], atol=10 * near)
    assert (result.n, result.df) == (told["n"], told["df"])
    assert result.chi2 == pytest.approx(told["chi2"], abs=1e-6)
    assert result.p_value == pytest.approx(told["p_value"], abs=1e-8)
    assert result.rmsr == pytest.approx(told["rms"], abs=1e-6)


# psych's own RMSEA puts Bartlett's chi-square / n where the definition has the discrepancy.
def test_rmsea_is_that_of_its_formula(case: tuple[pd.DataFrame, int, dict[str, Any]]) -> None:
    data, k, told = case
    n, p = data.shape
    discrepancy = told["chi2"] / (n - 1 - (2 * p + 5) / 6 - 2 * k / 3)
    rmsea = math.sqrt(max(discrepancy / told["df"] - 1 / (n - 1), 0))
    assert efa(data, k).rmsea == pytest.approx(rmsea, abs=1e-7)


def test_varimax_agrees_with_base_r(case: tuple[pd.DataFrame, int, dict[str, Any]]) -> None:
    data, k, told = case
    result = efa(data, k, rotation="varimax")
    np.testing.assert_allclose(pattern(result), matched(pattern(result), told["varimax"])[0], atol=2e-6)
    np.testing.assert_array_equal(result.factor_correlations, np.eye(k))
    assert "varimax with Kaiser's normalisation" in result.definition


def test_minres_agrees_with_base_r_and_psych(case: tuple[pd.DataFrame, int, dict[str, Any]]) -> None:
    data, k, told = case
    result = efa(data, k, method="minres")
    np.testing.assert_allclose(by_item(result, "uniqueness"), told["minres_uniquenesses"], atol=1e-7)
    np.testing.assert_allclose(by_item(result, "uniqueness"), told["psych_minres_uniquenesses"], atol=1e-5)
    assert math.isnan(result.chi2)
    assert "no chi-square or RMSEA" in result.note


def test_polychoric_factors_agree_with_base_r(answers: pd.DataFrame, expected: dict[str, Any]) -> None:
    result = efa(answers, 3, method="minres", correlation="polychoric")
    told = expected["polychoric"]["minres_uniquenesses"]
    np.testing.assert_allclose(by_item(result, "uniqueness"), told, atol=2e-5)  # psych's polychorics
    assert "polychoric correlations" in result.definition


@pytest.mark.slow  # to import
def test_statsmodels_finds_the_same(answers: pd.DataFrame) -> None:
    factor = pytest.importorskip("statsmodels.multivariate.factor")
    fit = factor.Factor(answers.to_numpy(), n_factor=3, method="ml").fit(rng=1)
    result = efa(answers, 3)
    np.testing.assert_allclose(by_item(result, "uniqueness"), fit.uniqueness, atol=1e-4)
    fit.rotate("oblimin")
    np.testing.assert_allclose(pattern(result), matched(pattern(result), fit.loadings.tolist())[0], atol=1e-4)


def test_factors_explain_what_their_communalities_sum_to(answers: pd.DataFrame) -> None:
    for how in ("oblimin", "varimax", "none"):
        result = efa(answers, 3, rotation=how)  # type: ignore[arg-type]
        explained = result.variance["ss_loadings"]
        assert explained.sum() == pytest.approx(by_item(result, "communality").sum(), abs=1e-8)
        assert explained.is_monotonic_decreasing
        assert result.variance["cumulative"].iloc[-1] == pytest.approx(explained.sum() / 18)


def test_true_loadings_are_found() -> None:
    rng = np.random.default_rng(8)
    truth = np.zeros((9, 3))
    truth[[0, 1, 2], 0], truth[[3, 4, 5], 1], truth[[6, 7, 8], 2] = (0.8, 0.7, 0.6), (0.7, 0.6, 0.5), (0.6, 0.5, 0.5)
    related = np.array([[1, 0.4, 0.3], [0.4, 1, 0.2], [0.3, 0.2, 1]])
    common = truth @ related @ truth.T
    sigma = common + np.diag(1 - np.diag(common))
    result = efa(pd.DataFrame(rng.multivariate_normal(np.zeros(9), sigma, 50_000)).add_prefix("q"), 3)
    loadings, order, _ = matched(pattern(result), truth.tolist())
    np.testing.assert_allclose(pattern(result), loadings, atol=0.03)
    np.testing.assert_allclose(result.factor_correlations, related[np.ix_(order, order)], atol=0.04)
    assert result.p_value > 0.001
    assert result.note == ""


def test_oblimin_is_at_a_minimum() -> None:
    loadings = np.random.default_rng(1).normal(size=(10, 3))
    found = oblimin(loadings)

    def criterion(turned: np.ndarray) -> float:
        squared = turned**2
        return sum(float((squared[:, i] * squared[:, j]).sum()) for i in range(3) for j in range(3) if i != j)

    rng = np.random.default_rng(2)
    turn = np.linalg.lstsq(found.loadings, loadings, rcond=None)[0].T  # loadings = pattern turn'
    assert np.allclose(turn.T @ turn, found.correlations) or np.allclose(turn @ turn.T, found.correlations)
    at = criterion(found.loadings)
    for _ in range(100):
        nudged = turn + 1e-3 * rng.normal(size=(3, 3))
        nudged /= np.sqrt((nudged**2).sum(axis=0))
        assert criterion(loadings @ np.linalg.inv(nudged).T) >= at - 1e-9


def test_a_heywood_case_is_told_and_not_hidden(project: Path) -> None:
    result = efa(pd.read_csv(project / "tests/reference/scales_heywood.csv"), 1)
    assert "uniqueness at its bound of 0.005 (Heywood case): h1" in result.note
    assert by_item(result, "uniqueness")[0] == pytest.approx(0.005)


def test_a_fit_without_degrees_of_freedom_is_told(answers: pd.DataFrame) -> None:
    result = efa(answers.iloc[:, :3], 1)
    assert (result.df, result.chi2) == (0, pytest.approx(0, abs=1e-6))
    assert math.isnan(result.p_value)
    assert "no degrees of freedom" in result.note


@pytest.mark.parametrize("n_factors", [0, -1, 1.0, True, "2", None])
def test_a_number_of_factors_that_is_none(answers: pd.DataFrame, n_factors: Any) -> None:
    with pytest.raises(ParameterError, match="`n_factors` must be a whole number from 1 on"):
        efa(answers, n_factors)


@pytest.mark.parametrize("n_factors", [3, 5, 6, 40])
def test_too_many_factors(answers: pd.DataFrame, n_factors: int) -> None:
    with pytest.raises(ParameterError, match=f"5 items cannot hold {n_factors} factors; they hold at most 2"):
        efa(answers.iloc[:, :5], n_factors)


@pytest.mark.parametrize("wrong", [{"method": "pa"}, {"rotation": "promax"}, {"correlation": "kendall"}])
def test_unknown_choices(answers: pd.DataFrame, wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        efa(answers, 2, **wrong)


def test_an_item_that_is_a_total(answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="linearly dependent"):
        efa(answers.assign(total=answers.sum(axis=1)), 2)


def test_a_rotation_that_did_not_converge_is_told(monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> None:
    monkeypatch.setattr(rotation, "_MAX_STEPS", 1)
    assert "the rotation did not converge" in efa(answers, 3).note


def test_an_extraction_that_did_not_converge_is_refused(monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> None:
    monkeypatch.setattr(extraction, "_SLOPE", 0.0)
    with pytest.raises(DataError, match="The extraction of 3 factors from 18 items did not converge"):
        efa(answers, 3)
