from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales import HierarchicalOmega, omega_hierarchical
from belonging_study.scales.reliability import hierarchical

GENERAL = np.array([0.6, 0.55, 0.45] * 3)
SHARE = np.repeat([0.8, 0.75, 0.7], 3)  # loading of each group's own factor on the general one


def estimates(result: HierarchicalOmega) -> np.ndarray:
    return result.table["estimate"].to_numpy()


def draw(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Nine items with a general factor and three group factors, loadings in one proportion."""
    own = GENERAL * np.sqrt(1 - SHARE**2) / SHARE
    latent = GENERAL * rng.normal(size=(n, 1)) + own * np.repeat(rng.normal(size=(n, 3)), 3, axis=1)
    return pd.DataFrame(latent + np.sqrt(1 - GENERAL**2 - own**2) * rng.normal(size=(n, 9))).add_prefix("q")


def truth() -> list[float]:
    own = GENERAL * np.sqrt(1 - SHARE**2) / SHARE
    group = sum(own[i : i + 3].sum() ** 2 for i in (0, 3, 6))
    unique = (1 - GENERAL**2 - own**2).sum()
    total = GENERAL.sum() ** 2 + group + unique
    common = (GENERAL**2).sum()
    return [GENERAL.sum() ** 2 / total, 1 - unique / total, common / (common + (own**2).sum())]


@pytest.mark.parametrize(
    "name", ["answers-ml3", "answers-minres3", "answers-ml4", "holzinger-ml3", "holzinger-minres3"]
)
def test_it_agrees_with_psych(
    name: str, more: dict[str, Any], ordered_answers: pd.DataFrame, load: Callable[[str], pd.DataFrame]
) -> None:
    folder, how = name.split("-")
    told = more[folder][how]
    data = ordered_answers if folder == "answers" else load("hs_all")
    result = omega_hierarchical(data, int(how[-1]), method=how[:-1], draws=0)  # type: ignore[arg-type]
    assert result.table["coefficient"].tolist() == ["omega_hierarchical", "omega_total", "ecv"]
    np.testing.assert_allclose(estimates(result), [told["omega_h"], told["omega_total"], told["ecv"]], atol=1e-5)
    np.testing.assert_allclose(result.loadings["general"], told["general"], atol=2e-5)
    assert (result.n, result.n_factors) == (told["n"], int(how[-1]))
    assert ("maximum likelihood" in result.definition) == how.startswith("ml")


def test_the_truth_is_found() -> None:
    result = omega_hierarchical(draw(np.random.default_rng(4), 60_000), draws=0)
    np.testing.assert_allclose(estimates(result), truth(), atol=0.01)
    np.testing.assert_allclose(result.loadings["general"], GENERAL, atol=0.03)


def test_loadings_give_back_the_item_variances(ordered_answers: pd.DataFrame) -> None:
    loadings = omega_hierarchical(ordered_answers, draws=0).loadings
    group = loadings[["F1", "F2", "F3"]]
    # Cross-loadings of one item share the general factor: its variance is whole where one group factor is enough.
    clean = (group.abs() > 0.15).sum(axis=1) <= 1
    rebuilt = loadings["general"] ** 2 + (group**2).sum(axis=1) + loadings["uniqueness"]
    np.testing.assert_allclose(rebuilt[clean], 1, atol=0.08)
    assert clean.sum() > 12


@pytest.mark.slow
def test_the_bootstrap_has_the_width_of_repeated_samples() -> None:
    rng = np.random.default_rng(6)
    repeated = [estimates(omega_hierarchical(draw(rng, 400), draws=0)) for _ in range(60)]
    result = omega_hierarchical(draw(rng, 400), draws=100, seed=2)
    width = (result.table["conf_high"] - result.table["conf_low"]).to_numpy()
    expected = 2 * 1.96 * np.std(repeated, axis=0)
    assert (np.abs(np.log(width / expected)) < 0.5).all()
    inside = (result.table["conf_low"] < result.table["estimate"]) & (
        result.table["estimate"] < result.table["conf_high"]
    )
    assert inside.all()
    assert "100 draws" in result.definition


def test_failed_draws_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, calls = hierarchical.extract, iter(range(10_000))

    def sometimes(*given: Any) -> Any:
        call = next(calls)
        if call > 2 and call % 10 == 0:
            raise DataError("did not converge")
        return ours(*given)

    monkeypatch.setattr(hierarchical, "extract", sometimes)
    result = omega_hierarchical(draw(np.random.default_rng(1), 150), draws=100)
    assert 10 <= result.n_failed <= 30
    assert f"{result.n_failed} of 100 bootstrap draws failed" in result.note


def test_too_many_failed_draws_give_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, calls = hierarchical.extract, iter(range(10_000))

    def once(*given: Any) -> Any:
        if next(calls) > 2:
            raise DataError("did not converge")
        return ours(*given)

    monkeypatch.setattr(hierarchical, "extract", once)
    result = omega_hierarchical(draw(np.random.default_rng(1), 150), draws=100)
    assert result.table["conf_low"].isna().all()
    assert "no interval: " in result.note


def test_no_draws_no_interval() -> None:
    result = omega_hierarchical(draw(np.random.default_rng(1), 150), draws=0)
    assert result.table["conf_low"].isna().all()
    assert "no interval was asked for" in result.note


@pytest.mark.parametrize("n_factors", [2, 1, 0, 3.0, True])
def test_fewer_than_three_factors(ordered_answers: pd.DataFrame, n_factors: Any) -> None:
    with pytest.raises(ParameterError, match="at least 3 group factors"):
        omega_hierarchical(ordered_answers, n_factors)


def test_fewer_than_six_items(ordered_answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="at least 6 items; the scale has 5"):
        omega_hierarchical(ordered_answers.iloc[:, :5])


def test_too_many_factors(ordered_answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="6 items cannot hold 4 factors; they hold at most 3"):
        omega_hierarchical(ordered_answers.iloc[:, :6], 4)


@pytest.mark.parametrize("wrong", [{"method": "pa"}, {"draws": 50}, {"draws": -1}, {"draws": 1e3}, {"conf_level": 95}])
def test_unknown_choices(ordered_answers: pd.DataFrame, wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        omega_hierarchical(ordered_answers, **wrong)


def test_a_group_factor_that_is_the_general_one_is_told() -> None:
    rng = np.random.default_rng(11)
    factors = rng.multivariate_normal(np.zeros(3), [[1, 0.8, 0.8], [0.8, 1, 0.45], [0.8, 0.45, 1]], 2000)
    data = pd.DataFrame(0.8 * np.repeat(factors, 3, axis=1) + 0.6 * rng.normal(size=(2000, 9))).add_prefix("q")
    result = omega_hierarchical(data, draws=0)
    assert "a group factor is all but the general one" in result.note
    assert not math.isnan(estimates(result)[0])
