"""From estimates and their covariance to tests, intervals and simultaneous bands.

References
----------
Callaway, B. & Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of
Econometrics 225, 200-230 (section 4.2: multiplier bootstrap).
Montiel Olea, J. L. & Plagborg-Moller, M. (2019). Simultaneous confidence bands. Journal of Applied Econometrics 34,
1-17.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

__all__ = ["band_multipliers", "estimate_columns"]

Array = npt.NDArray[np.float64]


def estimate_columns(
    estimates: Array,
    covariance: Array,
    df: Array,
    *,
    conf_level: float = 0.95,
    draws: int = 999,
    seed: int = 1,
    in_band: npt.NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Give estimates their tests, intervals and bands.

    Parameters
    ----------
    estimates : numpy.ndarray
        Shape (estimates,).
    covariance : numpy.ndarray
        Shape (estimates, estimates); an estimate of variance zero is a reference.
    df : numpy.ndarray
        Degrees of freedom, infinite for the normal distribution, shape (estimates,).
    conf_level : float
        Level of intervals and bands.
    draws, seed : int
        Of the bands.
    in_band : numpy.ndarray, optional
        True for the estimates that the band holds for at once; the others' band is their interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``estimate, std_error, df, statistic, p_value, conf_low, conf_high, band_low, band_high,
        conf_level``. A reference has no df, statistic and p value.

    Examples
    --------
    >>> estimate_columns(np.array([1.0]), np.array([[0.25]]), np.array([np.inf]))["conf_low"].round(3).tolist()
    [0.02]
    """
    std_error = np.sqrt(np.diag(covariance))
    reference = std_error == 0
    quantile = np.where(np.isinf(df), special.ndtri(0.5 + conf_level / 2), special.stdtrit(df, 0.5 + conf_level / 2))
    statistic = np.where(reference, np.nan, estimates / np.where(reference, 1.0, std_error))
    tail = np.where(np.isinf(df), special.ndtr(-np.abs(statistic)), special.stdtr(df, -np.abs(statistic)))
    band = quantile.copy()
    inside = np.ones(len(estimates), dtype=bool) if in_band is None else in_band
    band[inside] = band_multipliers(
        covariance[np.ix_(inside, inside)], df[inside], conf_level=conf_level, draws=draws, seed=seed
    )
    return pd.DataFrame(
        {
            "estimate": estimates,
            "std_error": std_error,
            "df": np.where(reference, np.nan, df),
            "statistic": statistic,
            "p_value": 2 * tail,
            "conf_low": estimates - quantile * std_error,
            "conf_high": estimates + quantile * std_error,
            "band_low": estimates - band * std_error,
            "band_high": estimates + band * std_error,
            "conf_level": conf_level,
        }
    )


def band_multipliers(
    covariance: Array, df: Array, *, conf_level: float = 0.95, draws: int = 999, seed: int = 1
) -> Array:
    """Multiples of the standard errors that make intervals hold for all estimates at once.

    Parameters
    ----------
    covariance : numpy.ndarray
        Covariance of the estimates, shape (estimates, estimates). Estimates without variance are passed over.
    df : numpy.ndarray
        Degrees of freedom of each estimate, shape (estimates,); infinite for the normal distribution.
    conf_level : float
        Joint level.
    draws : int
        Draws of the largest absolute t.
    seed : int
        Seed of the draws.

    Returns
    -------
    numpy.ndarray
        Shape (estimates,), never below the pointwise multiple.

    Notes
    -----
    The multiplier bootstrap with standard normal multipliers on cluster sums has exactly the distribution N(0,
    covariance), which is drawn from; its cost does not grow with units. The quantile of the largest absolute value
    is turned into a pointwise level, and that level into each estimate's own t quantile, so that few clusters widen
    the band as they widen the intervals.

    Examples
    --------
    >>> band_multipliers(np.eye(1), np.array([np.inf]), draws=20000).round(1).tolist()
    [2.0]
    """
    variance = np.diag(covariance)
    moving = variance > 0
    pointwise = np.asarray(special.stdtrit(df, 0.5 + conf_level / 2))
    pointwise = np.where(np.isinf(df), special.ndtri(0.5 + conf_level / 2), pointwise)
    if moving.sum() < 2:
        return np.asarray(pointwise, dtype=np.float64)
    scale = np.sqrt(variance[moving])
    values, vectors = np.linalg.eigh(covariance[np.ix_(moving, moving)] / np.outer(scale, scale))
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    noise = np.random.default_rng(seed).standard_normal((draws, len(scale)))
    largest = np.abs(noise @ root.T).max(axis=1)
    tail = float(special.ndtr(-np.quantile(largest, conf_level, method="higher")))
    own = np.where(np.isinf(df), -special.ndtri(tail), -special.stdtrit(df, tail))
    return np.asarray(np.maximum(own, pointwise), dtype=np.float64)
