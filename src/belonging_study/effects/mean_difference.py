"""Difference of arms in one wave: for studies in which no wave precedes the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import (
    complete_column,
    model_columns,
    numeric_column,
    require_columns,
    require_level,
)
from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    cluster_fit,
    cluster_robust_covariance,
    satterthwaite_df,
    t_interval,
)
from belonging_study.errors import DataError, DesignError

__all__ = ["MeanDifference", "mean_difference"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MeanDifference:
    """Differences between arms.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a contrast: ``term`` (the arm), ``contrast``, ``estimator, estimate, std_error, df, statistic, p_value,
        conf_low, conf_high, conf_level, n_rows, n_treated, n_comparison, n_clusters_treated, n_clusters_comparison,
        inference``. Cluster counts are missing where rows were assigned one by one.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows``.
    fit : ClusterFit
        The regression: a constant, then one column an arm.
    cluster_arm, cluster_block : numpy.ndarray or None
        For each cluster of ``fit``, 1 in the programme and 0 in comparison, and its block; None where clusters lie in
        several arms or blocks, rows were assigned one by one, or (arm) there are more than two arms.
    """

    table: pd.DataFrame
    n_dropped: pd.DataFrame
    fit: ClusterFit = field(repr=False)
    cluster_arm: IntArray | None = field(repr=False, default=None)
    cluster_block: IntArray | None = field(repr=False, default=None)


def mean_difference(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    comparison: object = 0,
    cluster: str | None = None,
    blocks: str | None = None,
    covariates: Sequence[str] = (),
    conf_level: float = 0.95,
) -> MeanDifference:
    """Compare the mean of each arm with that of the comparison arm, all in one regression.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student.
    outcome, treated : str
        Columns; ``treated`` is 0/1, boolean or the name of the arm.
    comparison : object
        The value of ``treated`` to compare with.
    cluster : str, optional
        Column of the assigned clusters. None if students were assigned one by one.
    blocks : str, optional
        Column of the pairs or blocks within which assignment was made: adds a dummy for each.
    covariates : sequence of str
        Columns measured before assignment.
    conf_level : float
        Level of the interval.

    Returns
    -------
    MeanDifference
        With clusters: CR2 and Satterthwaite degrees of freedom. Without: HC1 and N - K degrees of freedom. Rows with a
        missing outcome or covariate are dropped and counted.

    Raises
    ------
    DataError
        If arms, clusters or blocks are missing, or the outcome is constant.
    DesignError
        If there is one arm, the comparison arm does not exist, the outcome is missing in an arm, or an arm of assigned
        clusters has one.

    Examples
    --------
    >>> rows = pd.DataFrame({"arm": ["a", "a", "b", "b"], "y": [1.0, 2.0, 3.0, 5.0]})
    >>> mean_difference(rows, outcome="y", treated="arm", comparison="a").table["estimate"].tolist()
    [2.5]
    """
    require_level(conf_level)
    groupings = [name for name in (cluster, blocks) if name]
    require_columns(data, [outcome, treated, *groupings, *covariates])
    arm = complete_column(data, treated, "arm")
    for name in groupings:
        complete_column(data, name, "cluster" if name == cluster else "block")
    y = numeric_column(data, outcome)
    extra, extra_names = model_columns(data, covariates)
    code, arms = pd.factorize(arm, sort=True)
    base = [i for i, name in enumerate(arms) if name == comparison]
    if not base or len(arms) < 2:
        raise DesignError(
            f'The arm column "{treated}" holds {", ".join(str(a) for a in arms[:12])}; '
            f"the comparison asked for is {comparison}.",
            remedy="name the comparison arm as it is written in the data; there must be another arm beside it.",
        )
    missing, no_covariate = np.isnan(y), np.isnan(extra).any(axis=1)
    keep = ~missing & ~no_covariate
    reasons = [("outcome missing", int(missing.sum())), ("covariate missing", int((no_covariate & ~missing).sum()))]
    dropped = pd.DataFrame([r for r in reasons if r[1]], columns=["reason", "n_rows"])
    n_in_arm = np.bincount(code[keep], minlength=len(arms))
    if (n_in_arm == 0).any():
        raise DesignError(
            f'"{outcome}" is missing in every row of {int((n_in_arm == 0).sum())} of {len(arms)} arms.',
            remedy="check whether that arm was asked the question; leave the arm out if it was not.",
        )
    code, y, extra = code[keep], y[keep], extra[keep]
    if np.ptp(y) == 0:
        raise DataError(f'"{outcome}" has the same value in all {len(y)} rows.', remedy="check how it was scored.")
    treated_arms = [i for i in range(len(arms)) if i != base[0]]
    columns = [np.ones((len(y), 1)), (code[:, None] == np.array(treated_arms)).astype(np.float64)]
    names = ["constant", *(f"{treated}[{arms[i]}]" for i in treated_arms)]
    if blocks:
        block, block_names = model_columns(
            data.loc[keep].assign(**{blocks: data.loc[keep, blocks].astype(str)}), [blocks]
        )
        columns.append(block)
        names += block_names
    rows = np.arange(len(y)) if cluster is None else pd.factorize(data.loc[keep, cluster])[0]
    in_arm = None if cluster is None else _clusters_by_arm(rows.astype(np.int64), code, len(arms))
    fit = cluster_fit(np.hstack([*columns, extra]), y, rows, names=[*names, *extra_names])
    covariance = cluster_robust_covariance(fit, "CR1" if cluster is None else "CR2")
    inference = (
        "HC1 heteroskedasticity-robust standard error, t test with N - K degrees of freedom"
        if cluster is None
        else "CR2 cluster-robust standard error, t test with Satterthwaite degrees of freedom"
    )
    estimator = "least squares on arm" + (f", {blocks} effects" if blocks else "")
    table = []
    identity = np.eye(len(fit.names))
    for j, i in enumerate(treated_arms, start=1):
        estimate, std_error = float(fit.coefficients[j]), float(np.sqrt(covariance[j, j]))
        df = float(fit.n_rows - fit.n_params) if cluster is None else satterthwaite_df(fit, identity[j])
        statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
        table.append(
            {
                "term": str(arms[i]),
                "contrast": f"{arms[i]} - {arms[base[0]]}",
                "estimator": estimator,
                "estimate": estimate,
                "std_error": std_error,
                "df": df,
                "statistic": statistic,
                "p_value": p_value,
                "conf_low": conf_low,
                "conf_high": conf_high,
                "conf_level": conf_level,
                "n_rows": len(y),
                "n_treated": int(n_in_arm[i]),
                "n_comparison": int(n_in_arm[base[0]]),
                "n_clusters_treated": np.nan if in_arm is None else int(in_arm[i]),
                "n_clusters_comparison": np.nan if in_arm is None else int(in_arm[base[0]]),
                "inference": inference,
            }
        )
    grouped = None if cluster is None else rows.astype(np.int64)
    return MeanDifference(
        pd.DataFrame(table),
        dropped,
        fit,
        None if grouped is None or len(arms) > 2 else _per_cluster(grouped, (code != base[0]).astype(np.int64)),
        None
        if grouped is None or blocks is None
        else _per_cluster(grouped, pd.factorize(data.loc[keep, blocks])[0].astype(np.int64)),
    )


def _per_cluster(clusters: IntArray, values: IntArray) -> IntArray | None:
    """The value that all rows of a cluster share, or None where some differ."""
    first = np.zeros(clusters.max() + 1, dtype=np.int64)
    first[clusters] = values
    return first if bool((first[clusters] == values).all()) else None


def _clusters_by_arm(clusters: IntArray, code: IntArray, n_arms: int) -> IntArray:
    """Clusters seen in each arm; raise if whole clusters were assigned and an arm has one."""
    pairs = np.unique(np.column_stack([clusters, code]), axis=0)
    counts = np.bincount(pairs[:, 1], minlength=n_arms)
    whole = len(pairs) == clusters.max() + 1
    if whole and counts.min() < 2:
        raise DesignError(
            f"The arms have {', '.join(str(c) for c in counts)} clusters: the effect of an arm cannot be told from "
            "that of its one cluster.",
            remedy="add clusters to that arm, or describe the difference without claiming an effect.",
        )
    return np.asarray(counts, dtype=np.int64)
