"""How likely the joint test of earlier waves is to notice a difference in trends that would matter.

References
----------
Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel trends. American Economic
Review: Insights 4, 305-322.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from belonging_study.effects.checks import require_level
from belonging_study.effects.staggered.event_estimates import EventEstimates, wave_positions
from belonging_study.errors import DesignError, ParameterError

__all__ = ["PretrendPower", "pretrend_power"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PretrendPower:
    """Power of the joint test of the waves before the start.

    Attributes
    ----------
    slope : float
        The straight-line difference in trends that is asked about, in the outcome's units a wave.
    power : float
        Chance that the test rejects if that is the difference.
    slope_50, slope_80 : float
        Slopes that it would notice with a chance of 50% and 80%.
    bias, bias_50, bias_80 : float
        What slopes of these sizes add to the average estimate from the start on: ``bias`` for `slope`.
    estimate : float
        That average estimate.
    n_before : int
        Coefficients tested.
    df_denom : float
        Denominator degrees of freedom of the test.
    alpha : float
        Level of the test.
    note : str
        The result in words.
    """

    slope: float
    power: float
    slope_50: float
    slope_80: float
    bias: float
    bias_50: float
    bias_80: float
    estimate: float
    n_before: int
    df_denom: float
    alpha: float
    note: str


def pretrend_power(result: EventEstimates, *, slope: float | None = None, alpha: float = 0.05) -> PretrendPower:
    """Compute the power of the test of earlier waves against a straight-line difference in trends.

    Parameters
    ----------
    result : EventEstimates
        Of ``event_estimates``.
    slope : float, optional
        Difference in trends a wave, in the outcome's units. Where left out, the slope that by itself would produce
        the average estimate from the start on.
    alpha : float
        Level of the test.

    Returns
    -------
    PretrendPower
        Sizes of slopes are given without sign; `slope` keeps its own.

    Raises
    ------
    ParameterError
        If `alpha` is no level, or the slope is zero or missing.
    DataError, DesignError
        See ``wave_positions``; also if no wave lies before the reference, or the clusters are too few to test the
        earlier waves jointly.

    Notes
    -----
    Under a straight line the Hotelling-type statistic of the earlier coefficients (Pustejovsky & Tipton 2018, Journal
    of Business & Economic Statistics 36, 672-683) is compared with a noncentral F distribution whose noncentrality is
    the squared length of the line's coefficients in units of their covariance. The covariance is taken as known.

    Examples
    --------
    >>> import pandas as pd
    >>> given = EventEstimates(pd.Series({-3: 0.0, -2: 0.0, 0: 0.2}), 0.01 * np.eye(3), np.full(3, 20.0), 20.0)
    >>> found = pretrend_power(given, slope=0.1)
    >>> round(found.power, 2), round(found.bias, 2)
    (0.44, 0.1)
    """
    require_level(alpha)
    values, matrix, position = wave_positions(result.estimates, result.covariance)
    early = position < 0
    q = int(early.sum())
    if q == 0:
        raise DesignError(
            "No estimate lies before the reference wave, so there is no test of earlier waves.",
            remedy="add an earlier wave.",
        )
    df_denom = result.df_joint - q + 1
    if not df_denom > 0:
        raise DesignError(
            f"The clusters are too few to test {q} earlier coefficients jointly.",
            remedy="read them one by one, and use honest_did to see what a difference in trends would do.",
        )
    times = np.asarray(result.estimates.index, dtype=np.float64)
    reference = float(times.max() - position.max())
    after = position + reference >= 0
    reach, estimate = float(position[after].mean()), float(values[after].mean())
    asked = estimate / reach if slope is None else float(slope)
    if not np.isfinite(asked) or asked == 0:
        raise ParameterError(f"The slope is {asked}.", remedy="give a difference in trends other than zero.")
    line = position[early]
    unit = float(line @ np.linalg.solve(matrix[np.ix_(early, early)], line))

    def power(size: float) -> float:
        return _rejects(size**2 * unit, q, df_denom, alpha)

    found = {share: _slope_for(power, share, unit) for share in (0.5, 0.8)}
    chance = power(asked)
    return PretrendPower(
        slope=asked,
        power=chance,
        slope_50=found[0.5],
        slope_80=found[0.8],
        bias=asked * reach,
        bias_50=found[0.5] * reach,
        bias_80=found[0.8] * reach,
        estimate=estimate,
        n_before=q,
        df_denom=df_denom,
        alpha=alpha,
        note=(
            f"A difference in trends of {asked:.3g} a wave, which by itself would add {asked * reach:.3g} to the "
            f"average estimate of {estimate:.3g}, would be noticed by the test of earlier waves with a chance of "
            f"{100 * chance:.0f}%; one of {found[0.8]:.3g} a wave with 80%."
        ),
    )


def _rejects(noncentrality: float, q: int, df_denom: float, alpha: float) -> float:
    """Chance that F exceeds its critical value."""
    if noncentrality > 1e4:
        return 1.0
    return float(stats.ncf.sf(stats.f.isf(alpha, q, df_denom), q, df_denom, noncentrality))


def _slope_for(power: Callable[[float], float], share: float, unit: float) -> float:
    """Slope whose power is the share."""
    upper = 1 / np.sqrt(unit)
    while power(upper) < share:
        upper *= 2
    return float(optimize.brentq(lambda s: power(s) - share, 0.0, upper))
