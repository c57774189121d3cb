"""One estimate under every method of inference, so that a reader sees them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.did import DidResult
from belonging_study.effects.fixed_effects import nuisance_columns
from belonging_study.effects.inference.cluster_robust import cluster_robust_covariance, t_interval
from belonging_study.effects.inference.randomization import RandomizationTest, randomization_test
from belonging_study.effects.inference.rule import choose_inference
from belonging_study.effects.inference.school_change import cluster_means_test, mean_change
from belonging_study.effects.inference.wild_bootstrap import wild_cluster_bootstrap
from belonging_study.effects.sample import within_units
from belonging_study.errors import DataError, DesignError

__all__ = ["cluster_inference", "permute_clusters"]

IntArray = npt.NDArray[np.int64]


def _block_codes(result: DidResult, blocks: Mapping[Any, Any] | None) -> IntArray | None:
    """Block of each cluster of the sample."""
    if blocks is None:
        return None
    names = result.sample.cluster_names
    n_missing = sum(name not in blocks for name in names)
    if n_missing:
        raise DataError(
            f"{n_missing} of {len(names)} clusters have no block.", remedy="give every cluster its pair or block."
        )
    return np.asarray(pd.factorize(pd.Series([blocks[name] for name in names]))[0], dtype=np.int64)


def permute_clusters(
    result: DidResult, *, blocks: Mapping[Any, Any] | None = None, draws: int = 9999, seed: int = 1
) -> RandomizationTest:
    """Randomisation test of a difference-in-differences estimate, permuting clusters as assignment did.

    Parameters
    ----------
    result : DidResult
        The estimate; all units of a cluster must share their treatment.
    blocks : mapping, optional
        Pair or block of each cluster, by cluster.
    draws, seed : int
        Sampled assignments where there are more than ``draws``, and their seed.

    Returns
    -------
    RandomizationTest
        Clusters exchange their whole treatment history, so staggered starts are permuted too.

    Raises
    ------
    DesignError
        If units of one cluster differ in treatment.
    DataError
        If a cluster has no block.

    Examples
    --------
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> round(permute_clusters(result).p_value, 4)
    0.3333
    """
    sample = result.sample
    adoption = sample.cluster_adoption
    if adoption is None:
        raise DesignError(
            "Units of one cluster differ in treatment, so clusters were not what was assigned.",
            remedy="pass the level of assignment as the cluster.",
        )
    waves = np.array(sample.adoption_waves)
    labels = np.where(adoption < len(sample.wave_names), np.searchsorted(waves, adoption), -1)
    columns = within_units((sample.wave[:, None] >= waves).astype(np.float64), sample.unit, sample.weights)
    others = nuisance_columns(sample)[0]
    y = within_units(sample.y, sample.unit, sample.weights)
    if sample.weights is not None:
        root = np.sqrt(sample.weights)
        columns, others, y = columns * root[:, None], others * root[:, None], y * root
    return randomization_test(
        y, columns, others, sample.cluster, labels, blocks=_block_codes(result, blocks), draws=draws, seed=seed
    )


def cluster_inference(
    result: DidResult,
    *,
    randomized: bool,
    blocks: Mapping[Any, Any] | None = None,
    draws: int = 9999,
    interval: bool = False,
    seed: int = 1,
) -> pd.DataFrame:
    """Every method of inference for one estimate, one row a method.

    Parameters
    ----------
    result : DidResult
        The estimate.
    randomized : bool
        Whether a lottery assigned the clusters; the randomisation test is shown either way, and noted where it was not.
    blocks : mapping, optional
        Pair or block of each cluster, by cluster: used by the randomisation test and the t test on cluster means.
    draws : int
        Draws of the wild bootstrap and the randomisation test where they cannot be enumerated.
    interval : bool
        Whether to invert the wild bootstrap for an interval (slower).
    seed : int
        Seed of both.

    Returns
    -------
    pandas.DataFrame
        Columns ``method, estimate, std_error, df, statistic, p_value, conf_low, conf_high, conf_level, leads, trusted,
        note``. A value that a method does not give is missing; a method that cannot be used keeps its row, with the
        reason in ``note``. ``leads`` and ``trusted`` follow ``choose_inference``.

    Raises
    ------
    DataError
        If a cluster has no block.

    Examples
    --------
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccddeeff"), "wave": [1, 2] * 6, "on": [0, 1] * 3 + [0] * 6,
    ...                      "y": [1., 2, 1, 3, 1, 3, 1, 1, 2, 2, 3, 2]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> cluster_inference(result, randomized=True)["method"].tolist()[:3]
    ['CR2 Satterthwaite', 'CR1 t(G-1)', 'CR3 t(G-1)']
    """
    level, fit = result.conf_level, result.fit
    names = ("std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
    rows: list[dict[str, Any]] = [
        {"method": "CR2 Satterthwaite", "estimate": result.estimate, "note": ""}
        | {name: getattr(result, name) for name in names}
    ]
    for kind in ("CR1", "CR3"):
        std_error = float(np.sqrt(cluster_robust_covariance(fit, kind)[0, 0]))
        df = float(fit.n_clusters - 1)
        values = (std_error, df, *t_interval(result.estimate, std_error, df, level))
        rows.append(
            {"method": f"{kind} t(G-1)", "estimate": result.estimate, "note": ""}
            | dict(zip(names, values, strict=True))
        )
    wild = wild_cluster_bootstrap(fit, 0, draws=draws, interval=interval, conf_level=level, seed=seed)
    rows.append(
        {
            "method": "wild bootstrap",
            "estimate": result.estimate,
            "statistic": wild.statistic,
            "p_value": wild.p_value,
            "conf_low": wild.conf_low,
            "conf_high": wild.conf_high,
            "note": f"{wild.weights}, {'all' if wild.enumerated else 'sampled'} {wild.n_draws} draws",
        }
    )
    smallest_p = None
    try:
        permuted = permute_clusters(result, blocks=blocks, draws=draws, seed=seed)
        smallest_p = permuted.smallest_p
        note = (
            f"{permuted.n_used} of {permuted.n_assignments} assignments, smallest p {smallest_p:.3g}"
            if permuted.n_assignments < 1e9
            else f"{permuted.n_used} sampled assignments"
        )
        if not randomized:
            note += "; assignment was not random, so this asks how unusual the estimate is among re-labelled clusters"
        rows.append({"method": "randomisation", "estimate": result.estimate, "p_value": permuted.p_value, "note": note})
    except DesignError as error:
        rows.append({"method": "randomisation", "note": f"not available: {error.what}"})
    rows.append(_means_row(result, blocks))
    table = pd.DataFrame(rows, columns=["method", "estimate", *names, "note"])
    number = ["estimate", *names]
    table[number] = table[number].astype(np.float64)
    rule = choose_inference(
        result.n_clusters_treated,
        result.n_clusters_comparison,
        result.df,
        randomized=randomized and smallest_p is not None,
        smallest_p=smallest_p,
    )
    table.insert(len(table.columns) - 1, "conf_level", level)
    table.insert(len(table.columns) - 1, "leads", table["method"] == rule.name)
    table.insert(len(table.columns) - 1, "trusted", (table["method"] == rule.name) & rule.trusted)
    return table


def _means_row(result: DidResult, blocks: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Row of the t test on cluster means."""
    sample, method = result.sample, "cluster means t test"
    adoption = sample.cluster_adoption
    if adoption is None or len(sample.adoption_waves) > 1:
        reason = "clusters start at different times" if adoption is not None else "units of one cluster differ"
        return {"method": method, "note": f"not available: {reason}"}
    after = (sample.wave >= sample.adoption_waves[0]).astype(np.float64)
    change = mean_change(sample.y, after, sample.unit, sample.cluster)
    seen = ~np.isnan(change)
    block = _block_codes(result, blocks)
    try:
        test = cluster_means_test(
            change[seen],
            adoption[seen] < len(sample.wave_names),
            blocks=None if block is None else block[seen],
            conf_level=result.conf_level,
        )
    except DesignError as error:
        return {"method": method, "note": f"not available: {error.what}"}
    note = "each cluster counts once" + ("; unweighted" if sample.weights is not None else "")
    if sample.covariate_names:
        note += "; covariates are not adjusted for"
    values = {name: getattr(test, name) for name in ("estimate", "std_error", "df", "statistic", "p_value")}
    return values | {"method": method, "conf_low": test.conf_low, "conf_high": test.conf_high, "note": note}
