from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import SETS

from belonging_study.errors import DataError
from belonging_study.scales import fit_one_factor, one_factor_covariance


@pytest.mark.parametrize("name", SETS)
def test_agrees_with_lavaan(name: str, load: Callable[[str], pd.DataFrame], stored: dict[str, Any]) -> None:
    answers = load(name).dropna().to_numpy(dtype=float)
    fit = fit_one_factor(np.cov(answers, rowvar=False, bias=True))
    expected = stored[name]
    np.testing.assert_allclose(fit.loadings, expected["loadings"], atol=1e-5)
    np.testing.assert_allclose(fit.residuals, expected["residuals"], atol=1e-5)
    std_errors = np.sqrt(np.diag(one_factor_covariance(fit, answers)))
    np.testing.assert_allclose(std_errors, expected["loading_se"] + expected["residual_se"], atol=1e-5)
    assert fit.heywood == ()


def test_three_items_have_a_closed_form() -> None:
    covariance = np.array([[2.0, 0.6, 0.8], [0.6, 1.0, 0.5], [0.8, 0.5, 3.0]])
    expected = np.sqrt([0.6 * 0.8 / 0.5, 0.6 * 0.5 / 0.8, 0.8 * 0.5 / 0.6])
    fit = fit_one_factor(covariance)
    np.testing.assert_allclose(fit.loadings, expected, rtol=1e-7)
    np.testing.assert_allclose(fit.residuals, np.diag(covariance) - expected**2, rtol=1e-7)


def test_units_of_the_items_do_not_matter(load: Callable[[str], pd.DataFrame]) -> None:
    covariance = np.cov(load("simulated").dropna().to_numpy(), rowvar=False, bias=True)
    units = 10.0 ** np.arange(-4, 4)
    plain, scaled = fit_one_factor(covariance), fit_one_factor(covariance * np.outer(units, units))
    np.testing.assert_allclose(scaled.loadings / units, plain.loadings, rtol=1e-6)


def test_heywood_case_is_left_as_lavaan_leaves_it(project: Path, stored: dict[str, Any]) -> None:
    answers = pd.read_csv(project / "tests/reference/scales_heywood.csv").to_numpy()
    fit = fit_one_factor(np.cov(answers, rowvar=False, bias=True))
    assert fit.heywood == (0,)
    np.testing.assert_allclose(fit.residuals, stored["heywood"]["residuals"], atol=2e-5)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (np.eye(2), "at least 3 items; there are 2"),
        (np.diag([1.0, 1.0, 0.0]), "constant items; 1 of 3"),
        (np.ones((3, 3)), "linearly dependent"),
        # No one-factor model gives an odd number of negative correlations among three items.
        (np.array([[1, 0.5, 0.5], [0.5, 1, -0.4], [0.5, -0.4, 1]]), "did not converge"),
    ],
)
def test_no_solution(covariance: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit_one_factor(covariance)
