"""One estimate under every method of inference, so that a reader sees them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.change import Change
from belonging_study.effects.did import DidResult
from belonging_study.effects.fixed_effects import nuisance_columns
from belonging_study.effects.inference.cluster_robust import ClusterFit, cluster_robust_covariance, t_interval
from belonging_study.effects.inference.randomization import RandomizationTest, randomization_test
from belonging_study.effects.inference.rule import choose_change_inference, choose_inference
from belonging_study.effects.inference.school_change import cluster_means_test, mean_change
from belonging_study.effects.inference.wild_bootstrap import wild_cluster_bootstrap
from belonging_study.effects.mean_difference import MeanDifference
from belonging_study.effects.sample import within_units
from belonging_study.errors import DataError, DesignError, ParameterError

__all__ = ["change_inference", "cluster_inference", "permute_clusters"]

IntArray = npt.NDArray[np.int64]

_NAMES = ("std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
#: Beyond this many clusters the resampling methods repeat the t test at great cost.
_MANY_CLUSTERS = 500


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


def _permute_means(result: MeanDifference, draws: int, seed: int) -> RandomizationTest:
    """Randomisation test of a difference of two arms, within its blocks."""
    arm, fit = result.cluster_arm, result.fit
    if arm is None:
        raise DesignError("Clusters lie in several arms, or there are more than two arms.")
    return randomization_test(
        fit.y,
        np.ones((fit.n_rows, 1)),
        np.delete(fit.x, 1, axis=1),
        np.repeat(np.arange(fit.n_clusters), np.diff(fit.starts)),
        arm - 1,
        blocks=result.cluster_block,
        draws=draws,
        seed=seed,
    )


def cluster_inference(
    result: DidResult | MeanDifference,
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
    result : DidResult or MeanDifference
        The estimate; a difference of means with two arms and assigned clusters.
    randomized : bool
        Whether a lottery assigned the clusters; the randomisation test is shown either way, and noted where it was not.
    blocks : mapping, optional
        Pair or block of each cluster, by cluster: used by the randomisation test and the t test on cluster means. A
        difference of means brings its own.
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
        reason in ``note``. ``leads`` and ``trusted`` follow ``choose_inference``. With more than 500 clusters the wild
        bootstrap and the randomisation test are left out.

    Raises
    ------
    DataError
        If a cluster has no block.
    DesignError
        If a difference of means has several contrasts or no clusters.
    ParameterError
        If blocks are given for a difference of means.

    Examples
    --------
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccddeeff"), "wave": [1, 2] * 6, "on": [0, 1] * 3 + [0] * 6,
    ...                      "y": [1., 2, 1, 3, 1, 3, 1, 1, 2, 2, 3, 2]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> cluster_inference(result, randomized=True)["method"].tolist()[:3]
    ['CR2 Satterthwaite', 'CR1 t(G-1)', 'CR3 t(G-1)']
    """
    permute: Callable[[], RandomizationTest]
    if isinstance(result, MeanDifference):
        lead, term = _contrast(result, blocks), 1
        permute = lambda: _permute_means(result, draws, seed)  # noqa: E731
        means = _means_of_wave(result, lead["conf_level"])
        arms = int(lead["n_clusters_treated"]), int(lead["n_clusters_comparison"])
    else:
        lead, term = result.table.iloc[0].to_dict(), 0
        permute = lambda: permute_clusters(result, blocks=blocks, draws=draws, seed=seed)  # noqa: E731
        means = _means_of_change(result, blocks)
        arms = result.n_clusters_treated, result.n_clusters_comparison
    level = float(lead["conf_level"])
    rows: list[dict[str, Any]] = [{"method": "CR2 Satterthwaite", "note": ""} | lead]
    rows += _sandwich_rows(result.fit, term, level)
    smallest_p = None
    if result.fit.n_clusters > _MANY_CLUSTERS:
        note = f"not needed: with {result.fit.n_clusters} clusters it repeats the t test"
        rows += [{"method": "wild bootstrap", "note": note}, {"method": "randomisation", "note": note}]
    else:
        rows.append(_wild_row(result.fit, term, level, draws=draws, interval=interval, seed=seed))
        try:
            test = permute()
            smallest_p = test.smallest_p
            rows.append(_randomization_row(test, float(lead["estimate"]), randomized))
        except DesignError as error:
            rows.append({"method": "randomisation", "note": f"not available: {error.what}"})
    rows.append(means)
    table = pd.DataFrame(rows, columns=["method", "estimate", *_NAMES, "note"])
    table[["estimate", *_NAMES]] = table[["estimate", *_NAMES]].astype(np.float64)
    rule = choose_inference(
        *arms, float(lead["df"]), randomized=randomized and smallest_p is not None, smallest_p=smallest_p
    )
    leads = table["method"] == rule.name
    table = table.assign(conf_level=level, leads=leads, trusted=leads & rule.trusted)
    return table[["method", "estimate", *_NAMES, "conf_level", "leads", "trusted", "note"]]


def change_inference(result: Change, *, draws: int = 9999, seed: int = 1) -> pd.DataFrame:
    """Every method of inference for the change of one group, one row a method.

    Parameters
    ----------
    result : Change
        A change without groups.
    draws, seed : int
        Draws of the wild bootstrap where its signs cannot be enumerated, and their seed.

    Returns
    -------
    pandas.DataFrame
        The columns of `cluster_inference`. With students in clusters: CR2, CR1, CR3, the wild bootstrap (up to 500
        clusters) and the t test in which each cluster's mean change counts once; otherwise the t test on students.

    Examples
    --------
    >>> from belonging_study.effects.change import change_between
    >>> rows = pd.DataFrame({"student": [1, 2, 3, 4] * 2, "school": list("aabb") * 2, "wave": [1] * 4 + [2] * 4,
    ...                      "y": [1.0, 2, 3, 4, 2, 2, 5, 6]})
    >>> change = change_between(rows, outcome="y", student="student", time="wave", before=1, after=2, cluster="school")
    >>> change_inference(change, draws=199)["method"].tolist()[-2:]
    ['wild bootstrap', 'cluster means t test']
    """
    lead = result.table.iloc[0].to_dict()
    level, fit, alone = float(lead["conf_level"]), result.fit, lead["inference"] == "t test on students"
    rows: list[dict[Any, Any]] = [{"method": lead["inference"], "note": ""} | lead]
    if not alone:
        rows += _sandwich_rows(fit, result.term, level)
        if fit.n_clusters <= _MANY_CLUSTERS:
            rows.append(_wild_row(fit, result.term, level, draws=draws, interval=False, seed=seed))
        if len(fit.coefficients) == 1:
            rows.append(_own_means_row(fit.sums(fit.y) / np.diff(fit.starts), level))
    rule = choose_change_inference(result.n_clusters, float(lead["df"]), by_student=alone and result.n_clusters > 1)
    table = pd.DataFrame(rows, columns=["method", "estimate", *_NAMES, "note"])
    table[["estimate", *_NAMES]] = table[["estimate", *_NAMES]].astype(np.float64)
    leads = table["method"] == rule.name
    table = table.assign(conf_level=level, leads=leads, trusted=leads & rule.trusted)
    return table[["method", "estimate", *_NAMES, "conf_level", "leads", "trusted", "note"]]


def _own_means_row(values: npt.NDArray[np.float64], level: float) -> dict[str, Any]:
    """Row of the t test that the clusters' mean changes average zero."""
    estimate, std_error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    if std_error <= 0:
        return {"method": "cluster means t test", "note": "not available: all clusters changed alike"}
    df = float(len(values) - 1)
    found = dict(zip(_NAMES, (std_error, df, *t_interval(estimate, std_error, df, level)), strict=True))
    return {"method": "cluster means t test", "estimate": estimate, "note": "each cluster counts once"} | found


def _contrast(result: MeanDifference, blocks: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """The one contrast of a difference of means by clusters."""
    if blocks is not None:
        raise ParameterError(
            "Blocks are given twice.", remedy="a difference of means has them already: call it with blocks=."
        )
    if len(result.table) > 1 or result.table["n_clusters_treated"].isna().any():
        raise DesignError(
            f"The difference of means has {len(result.table)} contrasts"
            + (" and no clusters." if result.table["n_clusters_treated"].isna().any() else "."),
            remedy="compare two arms at a time, with the assigned clusters.",
        )
    return result.table.iloc[0].to_dict()


def _sandwich_rows(fit: ClusterFit, term: int, level: float) -> list[dict[str, Any]]:
    """CR1 and CR3 with G - 1 degrees of freedom."""
    rows, df, estimate = [], float(fit.n_clusters - 1), float(fit.coefficients[term])
    for kind in ("CR1", "CR3"):
        std_error = float(np.sqrt(cluster_robust_covariance(fit, kind)[term, term]))
        values = dict(zip(_NAMES, (std_error, df, *t_interval(estimate, std_error, df, level)), strict=True))
        rows.append({"method": f"{kind} t(G-1)", "estimate": estimate, "note": ""} | values)
    return rows


def _wild_row(fit: ClusterFit, term: int, level: float, *, draws: int, interval: bool, seed: int) -> dict[str, Any]:
    """Row of the wild cluster bootstrap."""
    wild = wild_cluster_bootstrap(fit, term, draws=draws, interval=interval, conf_level=level, seed=seed)
    return {
        "method": "wild bootstrap",
        "estimate": float(fit.coefficients[term]),
        "statistic": wild.statistic,
        "p_value": wild.p_value,
        "conf_low": wild.conf_low,
        "conf_high": wild.conf_high,
        "note": f"{wild.weights}, {'all' if wild.enumerated else 'sampled'} {wild.n_draws} draws",
    }


def _randomization_row(test: RandomizationTest, estimate: float, randomized: bool) -> dict[str, Any]:
    """Row of the randomisation test."""
    note = f"{'all' if test.exact else 'sampled'} {test.n_used} assignments, smallest p {test.smallest_p:.3g}"
    if not randomized:
        note += "; assignment was not random, so this asks how unusual the estimate is among re-labelled clusters"
    return {"method": "randomisation", "estimate": estimate, "p_value": test.p_value, "note": note}


def _means_of_wave(result: MeanDifference, level: float) -> dict[str, Any]:
    """Row of the t test on cluster means within a wave."""
    fit, arm = result.fit, result.cluster_arm
    if arm is None:
        return {"method": "cluster means t test", "note": "not available: clusters lie in several arms"}
    means = fit.sums(fit.y) / np.diff(fit.starts)
    return _means_row(means, arm, result.cluster_block, level, "each cluster counts once; covariates are not used")


def _means_of_change(result: DidResult, blocks: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Row of the t test on mean changes of clusters."""
    sample = result.sample
    adoption = sample.cluster_adoption
    if adoption is None or len(sample.adoption_waves) > 1:
        reason = "clusters start at different times" if adoption is not None else "units of one cluster differ"
        return {"method": "cluster means t test", "note": f"not available: {reason}"}
    after = (sample.wave >= sample.adoption_waves[0]).astype(np.float64)
    change = mean_change(sample.y, after, sample.unit, sample.cluster)
    seen = ~np.isnan(change)
    block = _block_codes(result, blocks)
    note = "each cluster counts once" + ("; unweighted" if sample.weights is not None else "")
    note += "; covariates are not used" if sample.covariate_names else ""
    arm = (adoption < len(sample.wave_names)).astype(np.int64)
    return _means_row(change[seen], arm[seen], None if block is None else block[seen], result.conf_level, note)


def _means_row(
    values: npt.NDArray[np.float64], arm: IntArray, block: IntArray | None, level: float, note: str
) -> dict[str, Any]:
    """Row of a t test on one value a cluster."""
    try:
        test = cluster_means_test(values, arm, blocks=block, conf_level=level)
    except DesignError as error:
        return {"method": "cluster means t test", "note": f"not available: {error.what}"}
    row = {name: getattr(test, name) for name in ("estimate", *_NAMES)}
    return row | {"method": "cluster means t test", "note": note}
