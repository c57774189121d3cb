"""Event-study estimates with their covariance, as sensitivity analyses and bands need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.event_study import EventStudy
from belonging_study.effects.inference.cluster_robust import cluster_robust_covariance
from belonging_study.effects.staggered.group_time import GroupTimeATT
from belonging_study.effects.staggered.intervals import estimate_columns
from belonging_study.errors import DataError, DesignError

__all__ = ["EventEstimates", "event_band", "event_estimates", "wave_positions"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EventEstimates:
    """Estimates by waves since the start, without the reference.

    Attributes
    ----------
    estimates : pandas.Series
        Indexed by waves since the start.
    covariance : numpy.ndarray
        Shape (estimates, estimates).
    df : numpy.ndarray
        Degrees of freedom of each estimate, shape (estimates,).
    df_joint : float
        Degrees of freedom of the joint test of the waves before the start, as those of a Hotelling T-squared.
    """

    estimates: pd.Series
    covariance: Array
    df: Array
    df_joint: float


def event_estimates(result: EventStudy | GroupTimeATT) -> EventEstimates:
    """Take estimates, covariance and degrees of freedom from a result.

    Parameters
    ----------
    result : EventStudy or GroupTimeATT
        Of ``event_study``, or of ``group_time_att`` with ``base="universal"``.

    Returns
    -------
    EventEstimates
        From an event study CR2 covariance and Satterthwaite degrees of freedom, and for the joint test those of its
        Hotelling-type test; from group-time effects their own, and for the joint test the smallest before the start.

    Raises
    ------
    DesignError
        If group-time effects have a varying base: their estimates before the start are changes from wave to wave.

    Examples
    --------
    >>> from belonging_study.effects.event_study import event_study
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "arm": [1] * 9 + [0] * 9,
    ...                      "y": [1., 1, 3, 2, 1, 4, 1, 2, 2, 0, 1, 1, 1, 1, 0, 2, 1, 2]})
    >>> study = event_study(rows, outcome="y", unit="school", time="wave", programme="arm", first_treated=3,
    ...                     cluster="school")
    >>> event_estimates(study).estimates.round(3).to_dict()
    {-2: 0.0, 0: 1.667}
    """
    if isinstance(result, EventStudy):
        rows = result.table[result.table["note"] != "reference"]
        index = pd.Index(rows["relative"].astype(int), name="event_time")
        n = len(index)
        before = int((index < 0).sum())
        if result.pretrend is not None:
            df_joint = result.pretrend.df_denom + result.pretrend.df_num - 1
        else:
            df_joint = float(rows["df"].iloc[0]) if before == 1 else 0.0
        return EventEstimates(
            estimates=pd.Series(result.fit.coefficients[:n], index=index, name="estimate"),
            covariance=cluster_robust_covariance(result.fit, "CR2")[:n, :n],
            df=rows["df"].to_numpy(dtype=np.float64),
            df_joint=df_joint,
        )
    if result.base != "universal":
        raise DesignError(
            "The effects before the start are changes from wave to wave, so they show no trend from a common base.",
            remedy='estimate them by group_time_att(..., base="universal").',
        )
    estimates, covariance = result.event_covariance()
    table = result.aggregate("event").set_index("term")
    df = table.loc[list(estimates.index), "df"].to_numpy(dtype=np.float64)
    early = df[np.asarray(estimates.index) < 0]
    return EventEstimates(estimates, covariance, df, float(early.min()) if len(early) else 0.0)


def event_band(
    result: EventStudy | GroupTimeATT, *, conf_level: float = 0.95, draws: int = 999, seed: int = 1
) -> pd.DataFrame:
    """Give an event study a band that holds for all its waves at once.

    Parameters
    ----------
    result : EventStudy or GroupTimeATT
        As for ``event_estimates``.
    conf_level : float
        Joint level of the band, and pointwise level of the intervals.
    draws, seed : int
        Draws of the largest absolute t, and their seed.

    Returns
    -------
    pandas.DataFrame
        One row a wave but the reference: ``event_time, estimate, std_error, df, statistic, p_value, conf_low,
        conf_high, band_low, band_high, conf_level``. The sup-t band of Montiel Olea & Plagborg-Moller (2019), each
        estimate with its own degrees of freedom.

    Raises
    ------
    DesignError
        As ``event_estimates``.

    Examples
    --------
    >>> from belonging_study.effects.event_study import event_study
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "arm": [1] * 9 + [0] * 9,
    ...                      "y": [1., 1, 3, 2, 1, 4, 1, 2, 2, 0, 1, 1, 1, 1, 0, 2, 1, 2]})
    >>> study = event_study(rows, outcome="y", unit="school", time="wave", programme="arm", first_treated=3,
    ...                     cluster="school")
    >>> band = event_band(study)
    >>> bool((band["band_low"] <= band["conf_low"]).all())
    True
    """
    given = event_estimates(result)
    table = estimate_columns(
        given.estimates.to_numpy(dtype=np.float64),
        given.covariance,
        given.df,
        conf_level=conf_level,
        draws=draws,
        seed=seed,
    )
    table.insert(0, "event_time", list(given.estimates.index))
    return table


def wave_positions(estimates: pd.Series, covariance: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Check event-study estimates and say where they lie.

    Parameters
    ----------
    estimates : pandas.Series
        Indexed by waves since the start; one wave before it, the reference, is absent or exactly zero with variance
        zero.
    covariance : array_like
        Shape (estimates, estimates).

    Returns
    -------
    values, covariance : numpy.ndarray
        In order of the waves, without the reference.
    positions : numpy.ndarray
        Waves from the reference, below 0 before it, shape (estimates,).

    Raises
    ------
    DataError
        If shapes differ, values are missing, the covariance is no covariance, or waves are lacking.
    DesignError
        If there is no estimate before the reference, or none after the start.

    Examples
    --------
    >>> wave_positions(pd.Series({-2: 0.1, 0: 0.5}), np.eye(2))[2].tolist()
    [-1.0, 1.0]
    """
    matrix = np.asarray(covariance, dtype=np.float64)
    values = estimates.to_numpy(dtype=np.float64)
    if matrix.shape != (len(values), len(values)):
        raise DataError(
            f"There are {len(values)} estimates and a covariance matrix of shape {matrix.shape}.",
            remedy="give one row and column an estimate, in the same order.",
        )
    if not (np.isfinite(values).all() and np.isfinite(matrix).all()):
        raise DataError("Estimates or their covariance hold missing values.", remedy="leave out what has no estimate.")
    variance = np.diag(matrix)
    keep = ~((values == 0) & (variance == 0))
    times = np.asarray(estimates.index, dtype=np.float64)[keep]
    order = np.argsort(times)
    times, values, matrix = times[order], values[keep][order], matrix[np.ix_(keep, keep)][np.ix_(order, order)]
    if not np.allclose(matrix, matrix.T) or (np.diag(matrix) <= 0).any():
        raise DataError(
            "The covariance matrix is not symmetric with positive variances.",
            remedy="take it from event_estimates(...).",
        )
    whole = np.arange(times.min(), times.max() + 1) if len(times) else times
    lacking = np.setdiff1d(whole, times)
    if len(lacking) != 1 or len(whole) != len(times) + 1 or lacking[0] >= 0:
        raise DataError(
            f"The {len(times)} estimates must be those of successive waves without one, the reference before the "
            f"start; {len(lacking)} waves between the first and the last are lacking.",
            remedy="index the estimates by waves since the start, for example -3, -2, 0, 1.",
        )
    if times.max() < 0:
        raise DesignError("There is no estimate after the start.", remedy="add a wave under the programme.")
    return values, matrix, times - lacking[0]
