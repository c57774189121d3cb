"""One common factor behind a set of items, fitted by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DataError

__all__ = ["OneFactorFit", "fit_one_factor", "one_factor_covariance"]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 200
_GRADIENT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class OneFactorFit:
    """A one-factor model: covariance = loadings loadings' + diag(residuals), factor variance 1.

    Attributes
    ----------
    loadings : numpy.ndarray
        Shape (items,), in the items' units; the sign is chosen so that they sum to a positive number.
    residuals : numpy.ndarray
        Shape (items,), residual variances, divisor n. A negative one (Heywood case) is left as it is.
    """

    loadings: Array
    residuals: Array

    @property
    def heywood(self) -> tuple[int, ...]:
        """Positions of the items with a negative residual variance."""
        return tuple(int(i) for i in np.flatnonzero(self.residuals < 0))


def fit_one_factor(covariance: Array) -> OneFactorFit:
    """Fit one common factor to a covariance matrix by normal-theory maximum likelihood.

    Parameters
    ----------
    covariance : numpy.ndarray
        Shape (items, items), complete cases, divisor n. At least three items.

    Returns
    -------
    OneFactorFit

    Raises
    ------
    DataError
        Fewer than three items, a constant item, linearly dependent items, or no convergence.

    Notes
    -----
    Newton steps on the discrepancy function, with the expected instead of the observed information where the
    latter is not positive definite, and step halving. Residual variances are not bounded: a sample that calls for a
    negative one gets it, and ``heywood`` says so.

    References
    ----------
    Lawley, D. N., & Maxwell, A. E. (1971). *Factor Analysis as a Statistical Method* (2nd ed.). Butterworths.
    Jöreskog, K. G. (1967). Some contributions to maximum likelihood factor analysis. *Psychometrika, 32*, 443-482.

    Examples
    --------
    >>> import numpy as np
    >>> loadings = np.array([0.8, 0.7, 0.6, 0.5])
    >>> covariance = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    >>> fit_one_factor(covariance).loadings.round(6).tolist()
    [0.8, 0.7, 0.6, 0.5]
    """
    n_items = covariance.shape[0]
    if n_items < 3:
        raise DataError(f"A one-factor model needs at least 3 items; there {_are(n_items)}.")
    sd = np.sqrt(np.diag(covariance))
    if not bool((sd > 0).all()):
        raise DataError(f"A one-factor model cannot hold constant items; {int((sd <= 0).sum())} of {n_items} are.")
    correlation = covariance / np.outer(sd, sd)
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest < 1e-10:
        raise DataError(
            f"The {n_items} items are linearly dependent: one can be computed from the others.",
            remedy="look for an item that was entered twice, or a total among the items.",
        )
    loadings, residuals = _minimise(correlation)
    sign = 1.0 if float(sd @ loadings) >= 0 else -1.0
    return OneFactorFit(sign * loadings * sd, residuals * sd**2)


def one_factor_covariance(fit: OneFactorFit, answers: Array) -> Array:
    """Sampling covariance of a fit's parameters that does not need normally distributed answers.

    Parameters
    ----------
    fit : OneFactorFit
        The fit of these answers.
    answers : numpy.ndarray
        Shape (people, items), complete cases.

    Returns
    -------
    numpy.ndarray
        Shape (2 items, 2 items): loadings first, then residual variances. Sandwich estimator with the observed
        information as bread.

    Raises
    ------
    DataError
        The answers do not identify the model, as when one of three items is unrelated to the other two.

    References
    ----------
    White, H. (1982). Maximum likelihood estimation of misspecified models. *Econometrica, 50*, 1-25.
    Yuan, K.-H., & Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure analysis
    with nonnormal missing data. *Sociological Methodology, 30*, 165-200.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> answers = rng.normal(size=(400, 1)) + rng.normal(size=(400, 4))
    >>> fit = fit_one_factor(np.cov(answers, rowvar=False, bias=True))
    >>> one_factor_covariance(fit, answers).shape
    (8, 8)
    """
    n = answers.shape[0]
    centred = answers - answers.mean(axis=0)
    sigma = np.outer(fit.loadings, fit.loadings) + np.diag(fit.residuals)
    inverse = np.asarray(np.linalg.inv(sigma), dtype=np.float64)
    weighted = centred @ inverse
    scores = np.hstack(
        [
            weighted * (weighted @ fit.loadings)[:, None] - inverse @ fit.loadings,
            0.5 * (weighted**2 - np.diag(inverse)),
        ]
    )
    covariance = np.asarray(centred.T @ centred / n, dtype=np.float64)
    information = _information(fit.loadings, inverse, covariance)[0]
    scale = np.sqrt(np.abs(np.diag(information)))
    if float(np.linalg.eigvalsh(information / np.outer(scale, scale))[0]) < 1e-9:
        raise DataError(
            f"The one-factor model of {len(fit.loadings)} items is not identified by these {n} people's answers.",
            remedy="look at the item table for items that are unrelated to the rest.",
        )
    bread = np.linalg.inv(n * information)
    return np.asarray(bread @ (scores.T @ scores) @ bread)


def _minimise(correlation: Array) -> tuple[Array, Array]:
    """Loadings and residual variances at the minimum of log|Sigma| + tr(S Sigma^-1)."""
    p = correlation.shape[0]
    # Start from the first principal component of the correlations that the other items can explain.
    explained = 1 - 1 / np.diag(np.linalg.inv(correlation))
    values, vectors = np.linalg.eigh(correlation - np.diag(1 - explained))
    loadings = vectors[:, -1] * np.sqrt(max(float(values[-1]), 0.1))
    residuals = np.maximum(1 - loadings**2, 0.1)
    value = _value(loadings, residuals, correlation)
    for _ in range(_MAX_STEPS):
        inverse = np.linalg.inv(np.outer(loadings, loadings) + np.diag(residuals))
        gap = inverse - inverse @ correlation @ inverse
        gradient = np.concatenate([gap @ loadings, 0.5 * np.diag(gap)])
        if float(np.abs(gradient).max()) < _GRADIENT_TOLERANCE:
            return loadings, residuals
        direction = _direction(loadings, inverse, correlation, gradient)
        length = 1.0
        while length > 1e-8:
            trial = np.concatenate([loadings, residuals]) - length * direction
            trial_value = _value(trial[:p], trial[p:], correlation)
            if trial_value <= value + 1e-13 * abs(value):
                break
            length /= 2
        else:
            break
        loadings, residuals, value = trial[:p], trial[p:], trial_value
    raise DataError(
        f"The one-factor model of {p} items did not converge: the items do not behave like one scale.",
        remedy="look at the item table for items that are unreversed or unrelated to the rest.",
    )


def _value(loadings: Array, residuals: Array, correlation: Array) -> float:
    """log|Sigma| + tr(S Sigma^-1), infinite where Sigma is not positive definite."""
    sigma = np.outer(loadings, loadings) + np.diag(residuals)
    try:
        root = np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        return float("inf")
    return float(2 * np.log(np.diag(root)).sum() + np.trace(np.linalg.solve(sigma, correlation)))


def _direction(loadings: Array, inverse: Array, correlation: Array, gradient: Array) -> Array:
    """Newton's direction where the observed information is positive definite, Fisher's otherwise."""
    observed, expected = _information(loadings, inverse, correlation)
    if float(np.linalg.eigvalsh(observed)[0]) > 1e-8:
        return np.asarray(np.linalg.solve(observed, gradient), dtype=np.float64)
    return np.asarray(np.linalg.pinv(expected) @ gradient)


def _information(loadings: Array, inverse: Array, covariance: Array) -> tuple[Array, Array]:
    """Observed and expected information of one person about (loadings, residuals)."""
    fitted = inverse @ covariance @ inverse
    return (
        _second_derivatives(loadings, inverse, 2 * fitted - inverse, inverse - fitted),
        _second_derivatives(loadings, inverse, inverse, np.zeros_like(inverse)),
    )


def _second_derivatives(loadings: Array, inverse: Array, weight: Array, gap: Array) -> Array:
    """Half of tr(weight dSigma inverse dSigma) + tr(gap ddSigma) for every pair of parameters."""
    u, w = inverse @ loadings, weight @ loadings
    cross = np.outer(w, u)
    of_loadings = cross + cross.T + (loadings @ u) * weight + (loadings @ w) * inverse + 2 * gap
    mixed = weight * u[None, :] + inverse * w[None, :]
    return 0.5 * np.block([[of_loadings, mixed], [mixed.T, weight * inverse]])


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"
