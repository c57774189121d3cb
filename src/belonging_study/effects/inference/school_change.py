"""The t test on one number a cluster: its mean, or its mean change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.effects.inference.cluster_robust import t_interval
from belonging_study.errors import DesignError

__all__ = ["ClusterMeansTest", "cluster_means_test", "mean_change"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClusterMeansTest:
    """A t test in which each cluster counts once.

    Attributes
    ----------
    estimate, std_error, df, statistic, p_value, conf_low, conf_high : float
        Difference of the arms' means over clusters, with an equal-variance t test.
    n_treated, n_comparison : int
        Clusters in each arm.
    """

    estimate: float
    std_error: float
    df: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float
    n_treated: int
    n_comparison: int


def cluster_means_test(
    values: npt.ArrayLike,
    treated: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> ClusterMeansTest:
    """Compare arms by one value a cluster.

    Parameters
    ----------
    values : array_like
        One mean, or mean change, a cluster, shape (clusters,).
    treated : array_like
        1 for clusters in the programme, shape (clusters,).
    blocks : array_like, optional
        Pair or block of each cluster: block means are taken out, so that pairs give the paired t test.
    conf_level : float
        Level of the interval.

    Returns
    -------
    ClusterMeansTest
        Every cluster has equal weight, so the estimate differs from one that weights students equally. Equal
        variances are assumed: with two clusters in an arm, separate variances cannot be estimated usefully.

    Raises
    ------
    DesignError
        If an arm has one cluster, the changes do not vary, or no degree of freedom is left.

    Examples
    --------
    >>> test = cluster_means_test([1.0, 3.0, 0.0, 1.0], [1, 1, 0, 0])
    >>> test.estimate, test.df, round(test.p_value, 4)
    (1.5, 2.0, 0.3118)
    """
    y, on = np.asarray(values, dtype=np.float64), np.asarray(treated, dtype=np.float64)
    n_treated, n_comparison = int(on.sum()), int((1 - on).sum())
    if min(n_treated, n_comparison) < 2:
        raise DesignError(
            f"There are {n_treated} programme and {n_comparison} comparison clusters with a value.",
            remedy="a comparison of clusters needs at least two in each arm.",
        )
    block = np.zeros(len(y), dtype=np.int64) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    size = np.bincount(block)
    on = on - (np.bincount(block, weights=on) / size)[block]
    y = y - (np.bincount(block, weights=y) / size)[block]
    df = float(len(y) - len(size) - 1)
    spread = float(on @ on)
    if df < 1 or spread < 1e-12:
        raise DesignError(
            f"{len(y)} clusters in {len(size)} blocks leave no degree of freedom to compare arms.",
            remedy="use larger blocks, or leave them out.",
        )
    estimate = float(on @ y) / spread
    rest = y - on * estimate
    std_error = float(np.sqrt(rest @ rest / df / spread))
    if std_error <= 1e-12 * max(1.0, abs(estimate)):
        raise DesignError(
            f"All {len(y)} clusters have the same value within arms.", remedy="check how the outcome was scored."
        )
    statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
    return ClusterMeansTest(estimate, std_error, df, statistic, p_value, conf_low, conf_high, n_treated, n_comparison)


def mean_change(y: Array, after: Array, unit: npt.NDArray[np.int64], cluster: npt.NDArray[np.int64]) -> Array:
    """Mean change of each cluster: its units' means after the start minus their means before, averaged over units.

    Parameters
    ----------
    y : numpy.ndarray
        Outcome, shape (rows,).
    after : numpy.ndarray
        1 from the programme's first wave on (in both arms), shape (rows,).
    unit, cluster : numpy.ndarray
        Codes from 0, shape (rows,).

    Returns
    -------
    numpy.ndarray
        Shape (clusters,). Units without rows on both sides do not count; NaN where no unit of a cluster has both.

    Examples
    --------
    >>> mean_change(np.array([1., 2., 5.]), np.array([0., 1., 0.]), np.array([0, 0, 1]), np.array([0, 0, 1]))
    array([ 1., nan])
    """
    n_units = int(unit.max()) + 1
    n_after = np.bincount(unit, weights=after, minlength=n_units)
    n_before = np.bincount(unit, weights=1 - after, minlength=n_units)
    both = (n_after > 0) & (n_before > 0)
    change = (np.bincount(unit, weights=y * after) / np.where(both, n_after, 1)) - (
        np.bincount(unit, weights=y * (1 - after)) / np.where(both, n_before, 1)
    )
    home = np.zeros(n_units, dtype=np.int64)
    home[unit] = cluster
    n_clusters = int(cluster.max()) + 1
    count = np.bincount(home[both], minlength=n_clusters)
    total = np.bincount(home[both], weights=change[both], minlength=n_clusters)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
