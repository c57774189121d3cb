"""Wild cluster bootstrap of a t statistic, with the null hypothesis imposed.

References
----------
Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for inference with clustered
errors. Review of Economics and Statistics 90, 414-427.
Webb, M. D. (2023). Reworking wild bootstrap-based inference for clustered errors. Canadian Journal of Economics 56,
839-858.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from belonging_study.effects.inference.cluster_robust import ClusterFit, cluster_robust_covariance
from belonging_study.errors import DesignError, ParameterError

__all__ = ["WildBootstrap", "wild_cluster_bootstrap"]

Array = npt.NDArray[np.float64]

#: Statistics closer than this share of the observed one count as ties.
_TIE = 1e-9
_WEBB_MOST_CLUSTERS = 12
#: Numbers held at once for each of the few arrays of a block of draws.
_BLOCK = 1_000_000


@dataclass(frozen=True)
class WildBootstrap:
    """Result of a wild cluster bootstrap.

    Attributes
    ----------
    p_value : float
        Two-sided, ties counted.
    conf_low, conf_high : float or None
        Interval by inversion where asked for; infinite on a side that no value of the coefficient ends.
    statistic : float
        Observed t statistic (CR1).
    n_draws : int
        Sign vectors used.
    weights : str
        ``"rademacher"`` or ``"webb"``.
    enumerated : bool
        True if every sign vector was used, so that no chance is left in the p value.
    """

    p_value: float
    conf_low: float | None
    conf_high: float | None
    statistic: float
    n_draws: int
    weights: str
    enumerated: bool


def wild_cluster_bootstrap(
    fit: ClusterFit,
    term: int = 0,
    *,
    null: float = 0.0,
    draws: int = 9999,
    weights: Literal["auto", "rademacher", "webb"] = "auto",
    interval: bool = False,
    conf_level: float = 0.95,
    seed: int = 1,
) -> WildBootstrap:
    """Test one coefficient by the restricted wild cluster bootstrap.

    Parameters
    ----------
    fit : ClusterFit
        The unrestricted fit; every draw is studentised by CR1 with this full design.
    term : int
        Column of the coefficient.
    null : float
        Its value under the null hypothesis.
    draws : int
        Draws where signs are sampled; all ``2^G`` Rademacher vectors are used if there are no more than this.
    weights : {"auto", "rademacher", "webb"}
        ``auto``: Rademacher, but Webb's six points where up to 12 clusters cannot be enumerated within ``draws``.
    interval : bool
        Whether to invert the test for an interval.
    conf_level : float
        Level of that interval.
    seed : int
        Seed of sampled draws.

    Returns
    -------
    WildBootstrap
        The p value is the share of draws at least as extreme; where draws are sampled the observed one is counted
        with them, ``(1 + b) / (1 + draws)``.

    Raises
    ------
    DesignError
        With fewer than two clusters.
    ParameterError
        If ``draws`` is less than 99.

    Examples
    --------
    >>> from belonging_study.effects.inference.cluster_robust import cluster_fit
    >>> fit = cluster_fit([[1.], [1.], [1.], [1.]], [1, 2, 2, 4], ["a", "b", "c", "d"])
    >>> wild_cluster_bootstrap(fit).p_value
    0.125
    """
    if draws < 99:
        raise ParameterError(f"{draws} draws are too few.", remedy="use 999 or more.")
    if fit.n_clusters < 2:
        raise DesignError("There is one cluster.", remedy="the bootstrap draws a sign for each of several clusters.")
    n_clusters = fit.n_clusters
    enumerated = weights != "webb" and 2**n_clusters <= draws
    if weights == "auto":
        weights = "rademacher" if enumerated or n_clusters > _WEBB_MOST_CLUSTERS else "webb"

    others = np.delete(fit.x, term, axis=1)
    basis = np.linalg.qr(others)[0] if others.shape[1] else others
    own = fit.x[:, term] - basis @ (basis.T @ fit.x[:, term])
    restricted = fit.y - basis @ (basis.T @ fit.y) - null * own
    size = float(own @ own)
    reach = fit.sums(own[:, None] * fit.q)
    own_score = fit.sums(own * restricted), fit.sums(own * own)
    passed_on = fit.sums(fit.q * restricted[:, None]), reach

    # Numerators and cluster scores of a draw are linear in the null, so their squares are quadratic in it: three sums
    # a draw give the statistic under every null.
    top, shift, spreads = [], [], []
    for signs in _signs(n_clusters, draws, weights, enumerated, seed):
        score, slope = (
            signs * part - (signs @ through) @ reach.T for part, through in zip(own_score, passed_on, strict=True)
        )
        top.append(signs @ own_score[0])
        shift.append(signs @ own_score[1])
        spreads.append(np.stack([(score**2).sum(axis=1), (score * slope).sum(axis=1), (slope**2).sum(axis=1)]))
    numerator, numerator_slope, spread = np.concatenate(top), np.concatenate(shift), np.hstack(spreads)
    coefficient = float(fit.coefficients[term])
    correction = fit.n_clusters / (fit.n_clusters - 1) * (fit.n_rows - 1) / (fit.n_rows - fit.n_params)
    std_error = float(np.sqrt(cluster_robust_covariance(fit, "CR1")[term, term]))

    def p_value(value: float) -> float:
        move = value - null
        variance = correction * np.maximum(spread[0] - 2 * move * spread[1] + move**2 * spread[2], 0.0) / size**2
        bound = abs(coefficient - value) / std_error * (1 - _TIE)
        extreme = int((np.abs(numerator - move * numerator_slope) / size >= bound * np.sqrt(variance)).sum())
        return extreme / len(numerator) if enumerated else (1 + extreme) / (1 + len(numerator))

    ends: list[float | None] = [None, None]
    if interval:
        ends = [_end(p_value, coefficient, side * std_error, 1 - conf_level) for side in (-1, 1)]
    return WildBootstrap(
        p_value=p_value(null),
        conf_low=ends[0],
        conf_high=ends[1],
        statistic=(coefficient - null) / std_error,
        n_draws=len(numerator),
        weights=weights,
        enumerated=enumerated,
    )


def _signs(n_clusters: int, draws: int, weights: str, enumerated: bool, seed: int) -> Iterator[Array]:
    """Weights of each draw and cluster, in blocks of shape (some draws, clusters) that fit in memory."""
    total = 2**n_clusters if enumerated else draws
    rng = np.random.default_rng(seed)
    webb = np.sqrt([0.5, 1.0, 1.5])
    points = np.concatenate([-webb, webb]) if weights == "webb" else np.array([-1.0, 1.0])
    step = max(1, _BLOCK // n_clusters)
    for first in range(0, total, step):
        here = np.arange(first, min(first + step, total))
        if enumerated:
            yield points[(here[:, None] >> np.arange(n_clusters)) & 1]
        else:
            yield points[rng.integers(len(points), size=(len(here), n_clusters))]


def _end(p_value: Callable[[float], float], start: float, step: float, alpha: float) -> float:
    """Value beyond ``start`` in the direction of ``step`` at which the p value falls to ``alpha``."""
    inside, outside = start, start + 2 * step
    for _ in range(12):
        if p_value(outside) <= alpha:
            break
        inside, outside = outside, start + 2 * (outside - start)
    else:
        return float(np.copysign(np.inf, step))
    for _ in range(25):
        middle = 0.5 * (inside + outside)
        if p_value(middle) <= alpha:
            outside = middle
        else:
            inside = middle
    return 0.5 * (inside + outside)
