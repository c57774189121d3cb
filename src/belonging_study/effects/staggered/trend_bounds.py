"""Confidence intervals under bounds on how trends differ: smoothness and relative magnitudes.

References
----------
Armstrong, T. B. & Kolesar, M. (2018). Optimal inference in a class of regression models. Econometrica 86, 655-683.
Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling. Technometrics 24, 295-300.
Rambachan, A. & Roth, J. (2023). A more credible approach to parallel trends. Review of Economic Studies 90,
2555-2591.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize, stats

from belonging_study.errors import DesignError

__all__ = ["folded_quantile", "relative_interval", "smooth_interval"]

Array = npt.NDArray[np.float64]


def folded_quantile(shift: float, *, df: float = np.inf, level: float = 0.95) -> float:
    """Quantile of the absolute value of a shifted t or normal variable.

    Parameters
    ----------
    shift : float
        Worst bias in standard errors.
    df : float
        Degrees of freedom; infinite for the normal distribution.
    level : float
        Level.

    Returns
    -------
    float
        The c with ``P(|T + shift| <= c) = level``.

    Examples
    --------
    >>> round(folded_quantile(0.0), 3), round(folded_quantile(5.0) - 5, 3)
    (1.96, 1.645)
    """
    law = stats.norm() if np.isinf(df) else stats.t(df)
    shift = abs(shift)
    low, high = float(law.ppf(level)), float(law.ppf(0.5 + level / 2))
    if shift == 0:
        return high

    def short(c: float) -> float:
        return float(law.cdf(c - shift) - law.cdf(-c - shift)) - level

    return float(optimize.brentq(short, shift + low - 1e-9, shift + high + 1e-9, xtol=1e-12))


def smooth_interval(
    values: Array,
    covariance: Array,
    position: Array,
    weights: Array,
    *,
    size: float,
    df: float = np.inf,
    conf_level: float = 0.95,
) -> tuple[float, float]:
    """Fixed-length interval if the slope of the difference in trends changes by at most `size` a wave.

    Parameters
    ----------
    values, covariance : numpy.ndarray
        Estimates and covariance, shapes (estimates,) and (estimates, estimates).
    position : numpy.ndarray
        Waves from the reference, shape (estimates,).
    weights : numpy.ndarray
        Weights of the estimates in the effect, zero before the reference, shape (estimates,).
    size : float
        Largest change of slope.
    df, conf_level : float
        For the critical value.

    Returns
    -------
    tuple of float
        Lower and upper limit.

    Examples
    --------
    >>> low, high = smooth_interval(np.array([0., 0.5]), 0.01 * np.eye(2), np.array([-1., 1.]),
    ...                             np.array([0., 1.]), size=0.0)
    >>> round((low + high) / 2, 3), round((high - low) / 2 / 0.1 / 2**0.5, 2)
    (0.5, 1.96)
    """
    early = position < 0
    kinks = np.arange(position.min() + 1, position.max())
    # a difference in trends is a line plus kinks of at most `size`, each seen on the side away from the reference
    bend = np.where(kinks >= 0, np.maximum(position[:, None] - kinks, 0.0), np.maximum(kinks - position[:, None], 0.0))
    line = position[early]
    start = np.zeros(len(values))
    start[early] = -line * float(weights @ position) / float(line @ line)
    start = start + weights  # every line cancels
    free = np.zeros((len(values), int(early.sum()) - 1))
    if free.shape[1]:
        free[early] = linalg.null_space(line[None, :])
    unit = float(np.sqrt(weights @ covariance @ weights))
    scaled, reach = covariance / unit**2, size / unit

    def half(v: Array) -> float:
        spread = float(np.sqrt(v @ scaled @ v))
        return spread * folded_quantile(reach * float(np.abs(v @ bend).sum()) / spread, df=df, level=conf_level)

    best = start if not free.shape[1] else _shortest(start, free, scaled, bend, reach, df=df, level=conf_level)
    best = min((start, best), key=half)
    centre, width = float(best @ values), unit * half(best)
    return centre - width, centre + width


def _shortest(
    start: Array, free: Array, covariance: Array, bend: Array, reach: float, *, df: float, level: float
) -> Array:
    """Weights with the shortest interval, by sequential quadratic programming with bounds u on each kink's bias."""
    law = stats.norm() if np.isinf(df) else stats.t(df)
    k, m = free.shape[1], bend.shape[1]
    # least variance first: a good place to start from, and the answer where size is 0
    first = -np.linalg.solve(free.T @ covariance @ free, free.T @ covariance @ start)
    if reach == 0:
        return np.asarray(start + free @ first)

    def length(z: Array) -> float:
        v = start + free @ z[:k]
        spread = float(np.sqrt(v @ covariance @ v))
        return spread * folded_quantile(reach * float(z[k:].sum()) / spread, df=df, level=level)

    def gradient(z: Array) -> Array:
        v = start + free @ z[:k]
        spread = float(np.sqrt(v @ covariance @ v))
        shift = reach * float(z[k:].sum()) / spread
        c = folded_quantile(shift, df=df, level=level)
        near, far = float(law.pdf(c - shift)), float(law.pdf(c + shift))
        slope = (near - far) / (near + far)  # of the quantile by the shift
        by_spread = (c - shift * slope) * (free.T @ covariance @ v) / spread
        return np.concatenate([by_spread, np.full(m, slope * reach)])

    turn = bend.T @ free
    matrix = np.vstack([np.hstack([-turn, np.eye(m)]), np.hstack([turn, np.eye(m)])])
    offset = np.concatenate([-bend.T @ start, bend.T @ start])
    begin = np.concatenate([first, np.abs(bend.T @ (start + free @ first))])
    found = optimize.minimize(
        length,
        begin,
        jac=gradient,
        method="SLSQP",
        constraints=optimize.LinearConstraint(matrix, -offset, np.inf),
        options={"maxiter": 300, "ftol": 1e-10},
    )
    return np.asarray(start + free @ found.x[:k])


def relative_interval(
    values: Array,
    covariance: Array,
    position: Array,
    weights: Array,
    *,
    size: float,
    df: float = np.inf,
    conf_level: float = 0.95,
) -> tuple[float, float]:
    """Interval if trends move after the reference by at most `size` times their largest move before it.

    Parameters
    ----------
    values, covariance, position, weights, df, conf_level
        As for ``smooth_interval``.
    size : float
        Largest move after the reference, as a multiple of the largest before.

    Returns
    -------
    tuple of float
        Lower and upper limit.

    Raises
    ------
    DesignError
        If no estimate lies before the reference.

    Examples
    --------
    >>> low, high = relative_interval(np.array([0.1, 0.5]), 1e-12 * np.eye(2), np.array([-1., 1.]),
    ...                               np.array([0., 1.]), size=1.0)
    >>> round(low, 3), round(high, 3)
    (0.4, 0.6)
    """
    n_early = int((position < 0).sum())
    if not n_early:
        raise DesignError("No estimate lies before the reference wave.", remedy="add an earlier wave.")
    # moves between successive waves before the reference, the last of them to the reference itself (zero)
    moves = np.zeros((n_early, len(values)))
    rows = np.arange(n_early)
    moves[rows, rows] = -1.0
    moves[rows[:-1], rows[:-1] + 1] = 1.0
    later = weights[position > 0]
    worst = size * float(np.abs(np.cumsum(later[::-1])).sum())
    law = stats.norm() if np.isinf(df) else stats.t(df)
    quantile = float(law.ppf(0.5 + conf_level / 2))
    ends = weights + worst * np.vstack([moves, -moves])
    limits = ends @ values
    spread = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", ends, covariance, ends), 0.0))
    return float((limits - quantile * spread).min()), float((limits + quantile * spread).max())
