"""Standard errors and degrees of freedom from influence functions summed within clusters.

References
----------
Bell, R. M. & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with multi-stage
samples. Survey Methodology 28, 169-181.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from belonging_study.effects.staggered.cells import Cell

__all__ = ["StdErrors", "cluster_sums", "strata_df"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
StdErrors = Literal["CR2", "CR0"]


def cluster_sums(cell: Cell, cluster: IntArray, n_clusters: int, std_errors: StdErrors = "CR2") -> Array:
    """Sum a cell's influence within clusters.

    Parameters
    ----------
    cell : Cell
        The estimate.
    cluster : numpy.ndarray
        Cluster of each of its rows, codes from 0, shape (rows,).
    n_clusters : int
        Number of clusters in all.
    std_errors : {"CR2", "CR0"}
        ``CR0`` leaves the sums as they are. ``CR2`` divides the part of a cluster in each mean (arm, or arm and
        wave) by the root of one less its share of that mean's weight: the matrix ``(I - H)^(-1/2)`` of Bell &
        McCaffrey (2002) for a difference of means, without covariates exactly.

    Returns
    -------
    numpy.ndarray
        Shape (clusters,); the sum of squares is the variance.

    Examples
    --------
    >>> cell = Cell(1.0, np.array([.5, -.5, .1, -.1]), np.full(4, .5), np.array([1, 1, 0, 0]))
    >>> cluster_sums(cell, np.arange(4), 4, "CR2").round(3)
    array([ 0.707, -0.707,  0.141, -0.141])
    """
    if std_errors == "CR0":
        return np.asarray(np.bincount(cluster, weights=cell.influence, minlength=n_clusters), dtype=np.float64)
    size = n_clusters * (int(cell.block.max()) + 1)
    key = cell.block * n_clusters + cluster
    leverage = np.bincount(key, weights=cell.share, minlength=size)
    own = np.bincount(key, weights=cell.influence, minlength=size)
    room = 1.0 - leverage
    scaled = np.where(room > 1e-10, own / np.sqrt(np.maximum(room, 1e-10)), 0.0)
    return np.asarray(scaled.reshape(-1, n_clusters).sum(axis=0))


def strata_df(loads: Array, shares: Sequence[Array]) -> Array:
    """Satterthwaite degrees of freedom of estimates that combine the means of independent cohorts.

    Parameters
    ----------
    loads : numpy.ndarray
        Weight that each estimate puts on the mean of each cohort in each wave, shape (estimates, cohorts, waves).
    shares : sequence of numpy.ndarray
        For each cohort the number of units of each of its clusters; a cohort without clusters carries no load.

    Returns
    -------
    numpy.ndarray
        Shape (estimates,): ``V^2 / sum(V_k^2 / df_k)`` with V_k the variance from cohort k, and df_k the degrees of
        freedom of a CR2 variance of its mean, under the working model of independent errors of equal variance (Bell
        & McCaffrey 2002). With clusters of equal size df_k is their number less one.

    Examples
    --------
    >>> loads = np.array([[[-1., 1.], [1., -1.]]])
    >>> strata_df(loads, [np.ones(2), np.ones(2)]).tolist()
    [2.0]
    """
    total, below = np.zeros(len(loads)), np.zeros(len(loads))
    for k, sizes in enumerate(shares):
        if not sizes.size:
            continue
        h = sizes / sizes.sum()
        part = (loads[:, k, :] ** 2).sum(axis=1) / sizes.sum()
        total = total + part
        if len(h) == 1:
            below = below + part**2
            continue
        lever = h**2 / (1 - h)
        below = below + part**2 * (float((h**2).sum()) + float(lever.sum()) ** 2 - float((lever**2).sum()))
    return np.where(total > 0, total**2 / np.where(below > 0, below, 1.0), 1.0)
