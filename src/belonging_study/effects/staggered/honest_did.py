"""How large a violation of parallel trends would overturn an effect.

References
----------
Rambachan, A. & Roth, J. (2023). A more credible approach to parallel trends. Review of Economic Studies 90,
2555-2591.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from belonging_study.effects.checks import require_level
from belonging_study.effects.staggered.event_estimates import wave_positions
from belonging_study.effects.staggered.trend_bounds import relative_interval, smooth_interval
from belonging_study.errors import DataError, ParameterError

__all__ = ["HonestDiD", "honest_did"]

Array = npt.NDArray[np.float64]
Interval = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class HonestDiD:
    """Intervals that allow for violations of parallel trends.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a size of violation: ``restriction, size, conf_low, conf_high, conf_level, excludes_zero``.
    estimate, conf_low, conf_high : float
        The effect and its interval if trends were exactly parallel.
    conf_level : float
        Level of the intervals.
    breakdown : float
        Size of violation from which the interval holds zero; 0 if it does so under parallel trends already.
    restriction : {"smoothness", "relative_magnitude"}
        What the size measures.
    note : str
        The breakdown value in words.
    """

    table: pd.DataFrame
    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    breakdown: float
    restriction: Literal["smoothness", "relative_magnitude"]
    note: str


def honest_did(
    event_study_estimates: pd.Series,
    covariance: npt.ArrayLike,
    *,
    smoothness: float | Sequence[float] | None = None,
    relative_magnitude: float | Sequence[float] | None = None,
    post_weights: Sequence[float] | None = None,
    df: float = np.inf,
    conf_level: float = 0.95,
) -> HonestDiD:
    """Bound an effect when trends may differ, and say how large a difference would overturn it.

    Parameters
    ----------
    event_study_estimates : pandas.Series
        Estimates indexed by waves since the start, all relative to one reference wave; see ``event_estimates``.
    covariance : array_like
        Their covariance matrix, shape (estimates, estimates).
    smoothness : float or sequence of float, optional
        Sizes M: the most by which the slope of the difference in trends may change from one wave to the next, in the
        outcome's units. 0 allows any straight-line difference.
    relative_magnitude : float or sequence of float, optional
        Sizes M: the difference in trends may move from one wave to the next after the reference by at most M times
        its largest move before. 1 says "no worse than what was seen".
    post_weights : sequence of float, optional
        Weights of the waves from the start on; their plain average where left out.
    df : float
        Degrees of freedom for the critical values where clusters are few; infinite for the normal distribution.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    HonestDiD
        Exactly one of the two restrictions must be given.

    Raises
    ------
    ParameterError
        If none or both restrictions are given, a size is negative, or weights do not fit.
    DataError, DesignError
        See ``wave_positions``.

    Notes
    -----
    Smoothness: the fixed-length interval about the affine estimator that makes it shortest (Rambachan & Roth 2023,
    section 3.2). Relative magnitudes: the effect lies within ``M * c * max|move before the start|`` of the estimate,
    with c from the weights, a union over the moves and their signs of simple bounds. The upper limit is the largest
    of their one-sided limits, each with half the error (an intersection-union test, Berger 1982, Technometrics 24,
    295-300), and likewise the lower: it counts the sampling error of the moves before the start, needs no choice of
    the largest, and is conservative where several moves are about as large.

    Examples
    --------
    >>> estimates = pd.Series({-3: 0.02, -2: -0.01, 0: 0.30, 1: 0.35})
    >>> result = honest_did(estimates, 0.05**2 * (np.eye(4) + 1) / 2, relative_magnitude=[0, 0.5, 1])
    >>> result.table[["size", "conf_low", "conf_high"]].round(2).to_numpy().tolist()
    [[0.0, 0.24, 0.41], [0.5, 0.18, 0.46], [1.0, 0.1, 0.54]]
    >>> round(result.breakdown, 2)
    1.62
    """
    require_level(conf_level)
    if (smoothness is None) == (relative_magnitude is None):
        raise ParameterError(
            "Give one of smoothness and relative_magnitude.", remedy="call honest_did twice to see both."
        )
    if not df > 0:
        raise ParameterError(f"df is {df}.", remedy="give positive degrees of freedom, or leave them out.")
    restriction: Literal["smoothness", "relative_magnitude"]
    restriction = "relative_magnitude" if smoothness is None else "smoothness"
    sizes = np.atleast_1d(np.asarray(relative_magnitude if smoothness is None else smoothness, dtype=np.float64))
    if not (np.isfinite(sizes).all() and (sizes >= 0).all() and sizes.size):
        raise ParameterError(f"{restriction} holds sizes that are negative or missing.", remedy="give sizes from 0 on.")
    values, matrix, position = wave_positions(event_study_estimates, covariance)
    if not (position < 0).any():
        raise DataError(
            "No estimate lies before the reference wave, so nothing shows how trends differed.",
            remedy="use an event study with two or more waves before the start.",
        )
    weights = _weights(event_study_estimates, position, post_weights)
    plain = weights @ values
    half = float(_quantile(df, 0.5 + conf_level / 2) * np.sqrt(weights @ matrix @ weights))
    make = smooth_interval if restriction == "smoothness" else relative_interval

    def interval(size: float) -> tuple[float, float]:
        return make(values, matrix, position, weights, size=size, df=df, conf_level=conf_level)

    rows = [(restriction, float(size), *interval(float(size)), conf_level) for size in sizes]
    table = pd.DataFrame(rows, columns=["restriction", "size", "conf_low", "conf_high", "conf_level"])
    table["excludes_zero"] = (table["conf_low"] > 0) | (table["conf_high"] < 0)
    scale = float(np.sqrt(np.diag(matrix).max())) if restriction == "smoothness" else 1.0
    breakdown = _breakdown(interval, scale)
    return HonestDiD(
        table=table,
        estimate=float(plain),
        conf_low=float(plain) - half,
        conf_high=float(plain) + half,
        conf_level=conf_level,
        breakdown=breakdown,
        restriction=restriction,
        note=_words(restriction, breakdown, conf_level),
    )


def _weights(estimates: pd.Series, position: Array, post_weights: Sequence[float] | None) -> Array:
    """Weight of each estimate in the effect: those from the start on."""
    reference = float(np.max(np.asarray(estimates.index, dtype=np.float64))) - position.max()
    after = position + reference >= 0
    given = np.full(int(after.sum()), 1 / after.sum()) if post_weights is None else np.asarray(post_weights, float)
    if given.shape != (int(after.sum()),) or not np.isfinite(given).all() or not given.any():
        raise ParameterError(
            f"post_weights holds {given.size} weights for {int(after.sum())} waves from the start on.",
            remedy="give one weight a wave, for example [1, 0] for the first of two.",
        )
    weights = np.zeros(len(position))
    weights[after] = given
    return weights


def _quantile(df: float, level: float) -> float:
    """Quantile of t, or of the normal distribution."""
    return float(special.ndtri(level) if np.isinf(df) else special.stdtrit(df, level))


def _breakdown(interval: Interval, scale: float) -> float:
    """Smallest size whose interval holds zero."""

    def clear(size: float) -> float:
        low, high = interval(size)
        return max(low, -high)

    if clear(0.0) <= 0:
        return 0.0
    upper = scale
    while clear(upper) > 0:
        upper *= 2
        if upper > 1e6 * scale:
            return float("inf")
    return float(optimize.brentq(clear, 0.0, upper, xtol=1e-8 * upper))


def _words(restriction: str, breakdown: float, conf_level: float) -> str:
    """Say what the breakdown value means."""
    level = f"{100 * conf_level:.0f}% interval"
    if breakdown == 0:
        what = "for any straight-line difference in trends" if restriction == "smoothness" else "under parallel trends"
        return f"The {level} holds zero already {what}."
    if restriction == "smoothness":
        return (
            f"The {level} excludes zero unless the difference in trends changes its slope by {breakdown:.3g} or more "
            "from one wave to the next."
        )
    return (
        f"The {level} excludes zero unless the difference in trends moves, from one wave to the next, by "
        f"{breakdown:.2f} times or more of its largest move before the start."
    )
