from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales import parallel_analysis
from belonging_study.scales.exploratory import parallel


@pytest.fixture(scope="module")
def expected(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/exploratory.json").read_text())


@pytest.fixture(scope="module")
def answers(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "tests/reference/exploratory_answers.csv")


def draw(rng: np.random.Generator, n_factors: int, *, n: int = 400, steps: bool = False) -> pd.DataFrame:
    own = np.repeat(rng.normal(size=(n, n_factors)), 12 // n_factors, axis=1)
    latent = 0.65 * own + np.sqrt(1 - 0.65**2) * rng.normal(size=(n, 12))
    return pd.DataFrame(np.digitize(latent, [-1, 0, 1.2]) + 1.0 if steps else latent).add_prefix("q")


def column(table: pd.DataFrame, kind: str, name: str) -> np.ndarray:
    return table.loc[table["kind"] == kind, name].to_numpy()


def test_observed_eigenvalues_agree_with_psych(answers: pd.DataFrame, expected: dict[str, Any]) -> None:
    result, told = parallel_analysis(answers, draws=100), expected["fa_parallel"]
    np.testing.assert_allclose(
        column(result.table, "principal components", "eigenvalue"), told["components"], atol=1e-10
    )
    np.testing.assert_allclose(column(result.table, "principal axis", "eigenvalue"), told["axis"], atol=1e-10)
    assert result.n_factors == told["n_components"] == 3
    assert (result.n, result.n_items, result.draws, result.n_failed) == (600, 18, 100, 0)


def test_simulated_eigenvalues_agree_with_those_of_r(answers: pd.DataFrame, expected: dict[str, Any]) -> None:
    result, told = parallel_analysis(answers, draws=1000, seed=7), expected["noise"]
    for kind, name in (("principal components", "components"), ("principal axis", "axis")):
        # R drew 4000 times, this 1000: the difference has sqrt(1 + 4) times R's error; 4 of these for 18 positions.
        error = 4 * np.sqrt(5) * np.array(told[f"{name}_se"])
        assert (np.abs(column(result.table, kind, "simulated_mean") - told[name]) < error).all()
        high = column(result.table, kind, "simulated_quantile")
        np.testing.assert_allclose(high, told[f"{name}_95"], atol=0.01)


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("n_factors", [1, 2, 3])
def test_the_true_number_is_found(n_factors: int, steps: bool) -> None:
    rng = np.random.default_rng(n_factors)
    found = [parallel_analysis(draw(rng, n_factors, steps=steps), draws=60).n_factors for _ in range(5)]
    assert found == [n_factors] * 5


@pytest.mark.parametrize("n_factors", [1, 3])
def test_the_true_number_is_found_by_polychorics(n_factors: int) -> None:
    data = draw(np.random.default_rng(n_factors), n_factors, steps=True)
    result = parallel_analysis(data, correlation="polychoric", draws=30)
    assert result.n_factors == n_factors
    assert "shuffled between people" in result.definition


def test_polychoric_eigenvalues_agree_with_r(answers: pd.DataFrame, expected: dict[str, Any]) -> None:
    result = parallel_analysis(answers, correlation="polychoric", draws=20)
    told = expected["polychoric"]["eigenvalues"]
    np.testing.assert_allclose(column(result.table, "principal components", "eigenvalue"), told, atol=5e-5)


def test_unrelated_items_hold_nothing() -> None:
    rng = np.random.default_rng(4)
    found = [parallel_analysis(pd.DataFrame(rng.normal(size=(300, 8))).add_prefix("q"), draws=60) for _ in range(40)]
    # The first eigenvalue passes the 95% quantile in 5% of data sets: more than 7 of 40 has a chance of .001.
    assert sum(result.n_factors > 0 for result in found) <= 7
    assert any("nothing stands out" in result.note for result in found)


def test_retention_stops_at_the_first_that_fails(answers: pd.DataFrame) -> None:
    table = parallel_analysis(answers, draws=50).table
    for _, rows in table.groupby("kind"):
        kept = rows["retained"].to_numpy()
        assert not kept[kept.argmin() :].any()


def test_a_seed_decides_everything(answers: pd.DataFrame) -> None:
    first, again, other = (parallel_analysis(answers, draws=20, seed=seed).table for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first["simulated_mean"], other["simulated_mean"])


def test_failed_draws_are_counted(monkeypatch: pytest.MonkeyPatch, answers: pd.DataFrame) -> None:
    ours, calls = parallel.estimate_ordered, iter(range(100))

    def sometimes(values: np.ndarray, names: list[str]) -> Any:
        if next(calls) % 3 == 0:
            raise DataError("at its bound")
        return ours(values, names)

    monkeypatch.setattr(parallel, "estimate_ordered", sometimes)
    result = parallel_analysis(answers.iloc[:, :6], correlation="polychoric", draws=20)
    assert result.n_failed == 7
    assert "7 of 20 draws had no usable correlations" in result.note


@pytest.mark.parametrize("draws", [0, 19, -5, 50.0, True])
def test_draws(answers: pd.DataFrame, draws: Any) -> None:
    with pytest.raises(ParameterError, match="`draws` must be a whole number from 20 on"):
        parallel_analysis(answers, draws=draws)


@pytest.mark.parametrize("quantile", [0, 1, 95, float("nan")])
def test_quantile(answers: pd.DataFrame, quantile: float) -> None:
    with pytest.raises(ParameterError, match="`quantile` must lie between 0 and 1"):
        parallel_analysis(answers, quantile=quantile)


def test_unknown_correlation(answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="`correlation` must be"):
        parallel_analysis(answers, correlation="kendall")  # type: ignore[arg-type]
