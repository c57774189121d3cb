"""Rubin's rules by hand; the imputation model against lme4's predictions; the same seed, the same numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import complete_cases, multiple_imputation, rubin_rules
from belonging_study.errors import DesignError, ParameterError

COLUMNS: dict[str, Any] = {"outcome": "after", "treated": "on", "cluster": "school", "baseline": "before"}


def test_rubin_s_rules_by_hand() -> None:
    # W = 2, B = 4, T = 2 + 4/3 * 4 = 22/3, share (16/3)/(22/3) = 8/11; old df 2 * (11/8)^2 = 3.78125.
    pooled = rubin_rules([1.0, 3.0, 5.0], [1.0, 2.0, 3.0])
    assert (pooled.estimate, pooled.within, pooled.between) == (3.0, 2.0, 4.0)
    assert pooled.std_error**2 == pytest.approx(22 / 3)
    assert pooled.missing_information == pytest.approx(8 / 11)
    assert pooled.df == pytest.approx(3.78125)
    # Of 10 complete degrees of freedom 11/13 * 10 * 3/11 = 30/13 are observed: 1 / (1/3.78125 + 13/30).
    assert rubin_rules([1.0, 3.0, 5.0], [1.0, 2.0, 3.0], 10.0).df == pytest.approx(1 / (1 / 3.78125 + 13 / 30))
    assert rubin_rules([2.0, 2.0], [1.0, 1.0], 7.5).df == 7.5
    assert rubin_rules([2.0, 2.0], [1.0, 1.0]).df == math.inf


def test_rubin_s_rules_refuse_nonsense() -> None:
    for estimates, variances in (
        ([1.0], [1.0]),
        ([1.0, 2.0], [1.0]),
        ([1.0, 2.0], [1.0, 0.0]),
        ([1.0, np.nan], [1, 1]),
    ):
        with pytest.raises(ParameterError):
            rubin_rules(estimates, variances)
    with pytest.raises(ParameterError, match="degrees of freedom are -1"):
        rubin_rules([1.0, 2.0], [1.0, 1.0], -1.0)


def test_imputations_are_those_of_lme4_s_model(lost: pd.DataFrame, r: dict[str, Any]) -> None:
    found = multiple_imputation(lost, **COLUMNS, predictors=["girl"], n_imputations=300, seed=2)
    missing = lost["after"].isna().to_numpy()
    drawn = found.completed[:, missing]
    blup = np.array(r["blup"])
    # Means of 300 draws have a Monte Carlo error of about 0.05; the prior moves shrinkage a little.
    np.testing.assert_allclose(drawn.mean(axis=0), blup, atol=0.2)
    assert np.abs((drawn.mean(axis=0) - blup).mean()) < 0.03
    spread = drawn.std(axis=0, ddof=1)
    assert (spread > r["sigma"] * 0.88).all()
    assert spread.mean() < 1.1 * math.hypot(r["sigma"], r["school"])
    np.testing.assert_array_equal(found.completed[0, ~missing], (lost["after"] - lost["before"]).to_numpy()[~missing])
    # Students of one school share their school's draw: more alike than the errors alone.
    school = lost.loc[missing, "school"].to_numpy()
    errors = drawn - drawn.mean(axis=0)
    pairs = np.corrcoef(errors.T)[(school[:, None] == school) & ~np.eye(len(school), dtype=bool)]
    assert pairs.mean() > 0.02


def test_the_seed_decides_and_pooling_is_by_rubin(lost: pd.DataFrame) -> None:
    first, again, other = (multiple_imputation(lost, **COLUMNS, n_imputations=5, seed=s) for s in (4, 4, 5))
    assert np.array_equal(first.completed, again.completed)
    assert first.result == again.result
    assert first.result.estimate != other.result.estimate
    table = first.by_imputation
    pooled = rubin_rules(table["estimate"], table["std_error"] ** 2, table["df"].mean())
    assert (first.result.estimate, first.result.df) == (pooled.estimate, pooled.df)
    one = lost.assign(filled=first.completed[2] + lost["before"])
    analysed = complete_cases(one, **(COLUMNS | {"outcome": "filled"}))
    assert (analysed.estimate, analysed.std_error) == pytest.approx(
        (table.loc[2, "estimate"], table.loc[2, "std_error"])
    )


def test_nobody_lost_gives_the_complete_cases(whole: pd.DataFrame) -> None:
    found, plain = multiple_imputation(whole, **COLUMNS), complete_cases(whole, **COLUMNS)
    assert found.result.estimate == pytest.approx(plain.estimate)
    assert (found.result.std_error, found.result.df) == pytest.approx((plain.std_error, plain.df))
    assert found.pooled.missing_information == pytest.approx(0)


def test_a_school_without_any_outcome_is_imputed_with_the_spread_of_schools(whole: pd.DataFrame) -> None:
    rows = whole.assign(after=whole["after"].where(whole["school"] != 3))
    found = multiple_imputation(rows, **COLUMNS, n_imputations=150)
    means = found.completed[:, (whole["school"] == 3).to_numpy()].mean(axis=1)
    # The school's own effect (standard deviation 1, known from eleven schools) is in every draw.
    assert means.std() > 0.8


def test_what_cannot_be_imputed_is_refused(lost: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="1 imputations"):
        multiple_imputation(lost, **COLUMNS, n_imputations=1)
    with pytest.raises(DesignError, match="in 4 clusters cannot tell"):
        multiple_imputation(lost[lost["school"] <= 4], **COLUMNS)
    with pytest.raises(DesignError, match="1 of 2 predictors"):
        multiple_imputation(lost.assign(twice=lost["before"] * 2), **COLUMNS, predictors=["twice"])
