"""From a table of students to one row a method of inference, each with its definition to the last correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import complete_column, require_columns
from belonging_study.effects.did import DidResult, did
from belonging_study.effects.inference.default import default_inference
from belonging_study.effects.mean_difference import MeanDifference, mean_difference
from belonging_study.effects.side_by_side import cluster_inference
from belonging_study.errors import DesignError, ParameterError

__all__ = ["inference_by_method"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def inference_by_method(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    unit: str | None = None,
    time: str | None = None,
    programme: str | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    blocks: str | None = None,
    panel: bool = True,
    comparison: object = 0,
    randomized: bool = False,
    draws: int = 9999,
    interval: bool = False,
    conf_level: float = 0.95,
    seed: int = 1,
) -> pd.DataFrame:
    """Estimate one effect and test it by every method that allows for clusters.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave; without `time` one row a student of one wave.
    outcome, treated, cluster : str
        Columns: a number; with `time` 1 where the programme is running, otherwise the arm; the level of assignment.
    unit, time : str, optional
        Columns: with both the estimate is difference-in-differences (`did`), with neither the difference between two
        arms (`mean_difference`).
    programme, covariates, weights, panel
        As in `did`; of these a difference between arms takes covariates only.
    blocks : str, optional
        Column of the pairs or blocks in which clusters were assigned.
    comparison : object
        The arm to compare with, where there is no `time`.
    randomized : bool
        Whether a lottery assigned the clusters.
    draws, seed : int
        Draws of the wild bootstrap and the randomisation test where they cannot be enumerated, and their seed.
    interval : bool
        Whether to invert the wild bootstrap for an interval (slower).
    conf_level : float
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        The columns of `cluster_inference` up to ``conf_level``; ``smallest_p``, the smallest p value that the method
        can reach with these clusters (missing where nothing limits it); ``leads`` and ``trusted`` by
        `default_inference`; ``reason``, its sentence, in the row that leads; ``definition``, the method to the last
        correction; ``note``. Rows with missing values are dropped by the rules of `did` and `mean_difference`, and
        counted by ``n_rows`` and ``n_rows_dropped``.

    Raises
    ------
    ParameterError
        If only one of `unit` and `time` is given, or what a difference between arms does not take.
    DataError, DesignError
        As in `did`, `mean_difference` and `cluster_inference`: one cluster in an arm, an outcome that is missing in an
        arm or throughout, a constant outcome, weights that are not positive, a cluster in two blocks.

    Notes
    -----
    CR1: Liang & Zeger (1986), Biometrika 73, 13-22. CR2 and its degrees of freedom: Bell & McCaffrey (2002), Survey
    Methodology 28, 169-181. CR3: MacKinnon & White (1985), Journal of Econometrics 29, 305-325, by clusters. Wild
    bootstrap: Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90, 414-427. Cluster means: Donner
    & Klar (2000), Design and Analysis of Cluster Randomization Trials, ch. 6.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": list("aabbccddeeff"), "wave": [1, 2] * 6, "on": [0, 1] * 3 + [0] * 6,
    ...                      "y": [1., 2, 1, 3, 1, 3, 1, 1, 2, 2, 3, 2]})
    >>> table = inference_by_method(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> table.loc[table["leads"], ["method", "trusted"]].to_numpy().tolist()
    [['CR2 Satterthwaite', True]]
    >>> table.set_index("method")["smallest_p"].round(3).dropna().to_dict()
    {'wild bootstrap': 0.031, 'randomisation': 0.1}
    """
    if (unit is None) != (time is None):
        raise ParameterError(
            "Only one of unit and time is given.",
            remedy="give both for difference-in-differences, or neither to compare the arms in one wave.",
        )
    result: DidResult | MeanDifference
    names: dict[str, Any] = {"outcome": outcome, "treated": treated, "cluster": cluster, "covariates": covariates}
    if unit is not None and time is not None:
        more: dict[str, Any] = {"programme": programme, "weights": weights, "panel": panel, "conf_level": conf_level}
        result = did(data, unit=unit, time=time, **names, **more)
        by_cluster = None if blocks is None else _block_of(data, cluster, blocks)
        table = cluster_inference(
            result, randomized=randomized, blocks=by_cluster, draws=draws, interval=interval, seed=seed
        )
        labels, sizes, on = _did_clusters(result, panel)
        names_of = result.sample.cluster_names
        block = None if by_cluster is None else pd.factorize(np.array([by_cluster[name] for name in names_of]))[0]
    else:
        if weights is not None or programme is not None:
            raise ParameterError(
                "A difference between arms takes neither weights nor the column of the programme group.",
                remedy="leave them out, or give unit and time.",
            )
        result = mean_difference(data, **names, blocks=blocks, comparison=comparison, conf_level=conf_level)
        table = cluster_inference(result, randomized=randomized, draws=draws, interval=interval, seed=seed)
        labels, sizes, block = result.cluster_arm, np.diff(result.fit.starts).astype(np.float64), result.cluster_block
        on = None if labels is None else labels == 1
    reach = math.nan if labels is None else _smallest_p(labels, block, draws)
    limits = {"wild bootstrap": _smallest_wild_p(result.fit.n_clusters, draws), "randomisation": reach}
    used = table["p_value"].notna()
    table["smallest_p"] = table["method"].map(limits).where(used).astype(np.float64)
    table["definition"] = _definitions(table, result, draws)
    table["reason"] = ""
    if on is not None:
        df = float(table.loc[table["method"] == "CR2 Satterthwaite", "df"].iloc[0])
        ordered = [*sizes[on], *sizes[~on]]
        can = float(table.loc[table["method"] == "randomisation", "smallest_p"].iloc[0])
        lottery = randomized and not math.isnan(can)
        smallest = can if lottery else None
        rule = default_inference(int(on.sum()), int((~on).sum()), ordered, lottery, df, smallest_p=smallest)
        there = (table["method"] == rule.name) & used
        stands_in = f"{rule.explanation} The {rule.name} is not available here, so CR2 stands in, not to be trusted."
        table["leads"] = there if there.any() else table["method"] == "CR2 Satterthwaite"
        table["trusted"] = there & rule.trusted
        table["reason"] = np.where(table["leads"], rule.explanation if there.any() else stands_in, "")
    table["n_rows"] = result.fit.n_rows
    table["n_rows_dropped"] = int(result.n_dropped["n_rows"].sum())
    last = ["smallest_p", "leads", "trusted", "n_rows", "n_rows_dropped", "reason", "definition", "note"]
    return table[[name for name in table.columns if name not in last] + last]


def _block_of(data: pd.DataFrame, cluster: str, blocks: str) -> dict[Any, Any]:
    """Block of each cluster; raise where a cluster lies in several."""
    require_columns(data, [cluster, blocks])
    complete_column(data, blocks, "block")
    counts = data.groupby(cluster, observed=True)[blocks].nunique()
    if (counts > 1).any():
        raise DesignError(
            f"{int((counts > 1).sum())} of {len(counts)} clusters lie in more than one block.",
            remedy="give every row of a cluster the block in which the cluster was assigned.",
        )
    return dict(data.groupby(cluster, observed=True)[blocks].first())


def _did_clusters(result: DidResult, panel: bool) -> tuple[IntArray | None, Array, npt.NDArray[np.bool_] | None]:
    """Assigned label of each cluster, its size (students, weighted where weights are given), and who is treated."""
    sample = result.sample
    weights = np.ones(len(sample.y)) if sample.weights is None else sample.weights / sample.weights.mean()
    if panel:
        weights = weights / np.bincount(sample.unit)[sample.unit]
    sizes = np.bincount(sample.cluster, weights=weights).astype(np.float64)
    adoption = sample.cluster_adoption
    return adoption, sizes, None if adoption is None else adoption < len(sample.wave_names)


def _smallest_p(labels: IntArray, blocks: IntArray | None, draws: int) -> float:
    """Smallest p value of permuting labels within blocks."""
    block = np.zeros(len(labels), dtype=np.int64) if blocks is None else blocks
    values, code = np.unique(labels, return_inverse=True)
    counts = np.array([np.bincount(code[block == b], minlength=len(values)) for b in np.unique(block)])
    ways = math.prod(math.factorial(int(row.sum())) // math.prod(math.factorial(int(c)) for c in row) for row in counts)
    # Two arms of equal number in every block can be swapped, which turns the sign of the estimate.
    least = (2 if len(values) == 2 and bool((counts[:, 0] == counts[:, 1]).all()) else 1) / ways
    return least if ways <= draws else max(least, 1 / (1 + draws))


def _smallest_wild_p(n_clusters: int, draws: int) -> float:
    """Smallest p value of the wild bootstrap: turning all signs leaves the absolute statistic as it is."""
    return 2.0 ** (1 - n_clusters) if 2**n_clusters <= draws else 1 / (1 + draws)


def _definitions(table: pd.DataFrame, result: DidResult | MeanDifference, draws: int) -> list[str]:
    """The definition of each method of the table, with the numbers that its corrections use."""
    fit = result.fit
    g, n, k = fit.n_clusters, fit.n_rows, fit.n_params
    nested = "; effects of units within clusters are not counted in K" if isinstance(result, DidResult) else ""
    if 2**g <= draws:
        signs = f"all {2**g} Rademacher sign vectors"
    elif g <= 12:
        signs = f"{draws} draws of Webb's six points, the observed statistic counted with them"
    else:
        signs = f"{draws} draws of Rademacher signs, the observed statistic counted with them"
    value = "mean change of a cluster's units" if isinstance(result, DidResult) else "mean of a cluster"
    texts = {
        "CR2 Satterthwaite": "residuals of cluster g times (I - H_gg)^(-1/2), no further factor; t with Satterthwaite "
        "degrees of freedom under independent errors of equal variance (Bell & McCaffrey 2002)",
        "CR1 t(G-1)": f"sandwich of cluster scores times G/(G-1) (N-1)/(N-K), G = {g}, N = {n}, K = {k}{nested}; t "
        f"with G - 1 = {g - 1} degrees of freedom",
        "CR3 t(G-1)": "residuals of cluster g times (I - H_gg)^(-1): the jackknife that leaves out one cluster at a "
        f"time, about the estimate of all, without the factor (G-1)/G; t with G - 1 = {g - 1} degrees of freedom",
        "wild bootstrap": f"null imposed on the residuals, {signs}; each draw studentised by CR1 of the full model; "
        "share with an absolute t at least the observed one, ties counted",
        "randomisation": "clusters exchange their assignments"
        + (", with the whole history of starts," if isinstance(result, DidResult) else "")
        + f" as they were assigned (in blocks where given), all of them or {draws} at random; share with an absolute "
        "coefficient at least the observed one, ties counted; sharp null of no effect on anybody",
        "cluster means t test": f"one {value}, every cluster with equal weight, covariates not used; difference of "
        "arms (within blocks where given), equal variances, t with G - 2 degrees of freedom (less the further blocks)",
    }
    return [texts[method] for method in table["method"]]
