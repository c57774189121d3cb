"""Factor scores, held to lavaan's lavPredict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from structure_truth import three_factors

from belonging_study.errors import ColumnMissingError, DataError, DesignError, ParameterError, ValueRangeError
from belonging_study.scales import CFAResult, cfa, factor_scores

EQUAL = ("loadings", "intercepts")
CASES: dict[str, tuple[int, dict[str, Any]]] = {
    "plain": (2, {}),
    "std_lv": (2, {"std_lv": True}),
    "listwise": (1, {}),
    "arms": (2, {"group": "arm", "equal": EQUAL}),
    "fiml": (1, {"missing": "fiml"}),
    "fiml_arms": (1, {"missing": "fiml", "group": "arm", "equal": EQUAL}),
}


@pytest.fixture(scope="module")
def answers(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "tests/reference/structure_answers.csv")


@pytest.fixture(scope="module")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/factor_scores.json").read_text())


@pytest.fixture(scope="module")
def fitted(answers: pd.DataFrame) -> dict[str, CFAResult]:
    return {name: cfa(three_factors(wave), answers, **how) for name, (wave, how) in CASES.items()}


@pytest.mark.parametrize("method", ["regression", "bartlett"])
@pytest.mark.parametrize("case", list(CASES))
def test_agrees_with_lavaan(
    fitted: dict[str, CFAResult], answers: pd.DataFrame, stored: dict[str, Any], case: str, method: Any
) -> None:
    data = answers.set_index(np.arange(len(answers)) + 1000)
    scores = factor_scores(fitted[case], data, group=CASES[case][1].get("group"), method=method)
    theirs = stored[method][case]
    # With groups and with missing answers lavaan's optimiser stops some 1e-6 short of the maximum.
    exact = 1e-6 if case in ("plain", "std_lv", "listwise") else 1e-5
    np.testing.assert_allclose(scores.to_numpy()[theirs["row"]], theirs["scores"], rtol=0, atol=exact)
    assert scores.columns.tolist() == ["f1", "f2", "f3"]
    assert scores.index.equals(data.index)


def test_who_is_not_scored(fitted: dict[str, CFAResult], answers: pd.DataFrame) -> None:
    items = [f"w1_q{i:02d}" for i in range(1, 19)]
    nothing = answers.copy()
    nothing.loc[0, items] = np.nan
    nothing.loc[1, items[:6]] = np.nan
    gaps = nothing[items].isna().any(axis=1)
    listwise = factor_scores(fitted["listwise"], nothing)
    assert listwise["f1"].isna().equals(gaps)
    full = factor_scores(fitted["fiml"], nothing)
    assert full.isna().sum().tolist() == [1, 1, 1]
    bartlett = factor_scores(fitted["fiml"], nothing, method="bartlett")
    assert bartlett.isna().sum().tolist() == [2, 1, 1]
    grouped = factor_scores(
        fitted["fiml_arms"], answers.assign(arm=answers["arm"].mask(answers.index < 4)), group="arm"
    )
    assert grouped.isna().all(axis=1).sum() == 4


def test_determinacy_is_the_correlation_with_the_factor() -> None:
    rng = np.random.default_rng(4)
    trait = rng.normal(size=40_000)
    strength = np.array([0.8, 0.7, 0.6, 0.4])
    noise = rng.normal(size=(40_000, 4)) * np.sqrt(1 - strength**2)
    data = pd.DataFrame(trait[:, None] * strength + noise, columns=list("abcd"))
    scores = factor_scores(cfa("f =~ a + b + c + d", data), data)
    assert scores.attrs["determinacy"]["all"]["f"] == pytest.approx(np.corrcoef(scores["f"], trait)[0, 1], abs=0.005)


def test_bad_input(fitted: dict[str, CFAResult], answers: pd.DataFrame) -> None:
    plain, arms = fitted["plain"], fitted["arms"]
    with pytest.raises(ParameterError, match="method"):
        factor_scores(plain, answers, method="mean")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="without groups; leave out"):
        factor_scores(plain, answers, group="arm")
    with pytest.raises(ParameterError, match="in groups; give"):
        factor_scores(arms, answers)
    with pytest.raises(DataError, match="300 of 600 people are in a group"):
        factor_scores(arms, answers.replace({"arm": {"offer": "new"}}), group="arm")
    with pytest.raises(ColumnMissingError):
        factor_scores(plain, answers.drop(columns="w2_q03"))
    with pytest.raises(ValueRangeError):
        factor_scores(plain, answers.assign(w2_q03="often"))
    with pytest.raises(ValueRangeError, match="Infinite"):
        factor_scores(plain, answers.assign(w2_q03=np.inf))
    ordered = cfa("f =~ w2_q01 + w2_q02 + w2_q03 + w2_q04", answers, ordered=True)
    with pytest.raises(DesignError) as caught:
        factor_scores(ordered, answers)
    assert "irt_scores" in str(caught.value)
