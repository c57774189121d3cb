"""Sampling covariance of thresholds and polychoric correlations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from belonging_study.scales.structure.polychoric import Ordered, cell_probabilities, pair_edges

__all__ = ["sampling_covariance"]

Array = npt.NDArray[np.float64]

_CHUNK = 20_000


def sampling_covariance(found: Ordered) -> Array:
    """Covariance, times n, of all thresholds (item by item) and all correlations (in the order of the pairs).

    Empirical sums of the scores' products throughout, not their expectations.

    Muthén, B. (1984). A general structural equation model with dichotomous, ordered categorical, and continuous latent
    variable indicators. *Psychometrika, 49*, 115-132.
    """
    steps = [len(cut) for cut in found.thresholds]
    starts = np.concatenate([[0], np.cumsum(steps)])
    n_thresholds, n_pairs = int(starts[-1]), len(found.first)
    edges = pair_edges(found)
    probability, slope = cell_probabilities(edges, found.correlations)
    counts = found.tables
    safe = np.where(counts > 0, np.maximum(probability, 1e-300), 1.0)
    of_rho = np.where(counts > 0, slope / safe, 0.0)
    own = [_threshold_scores(cut) for cut in found.thresholds]

    bread = np.zeros((n_thresholds + n_pairs, n_thresholds + n_pairs))
    for i, scores in enumerate(own):
        at = slice(starts[i], starts[i + 1])
        shares = np.bincount(found.codes[:, i], minlength=len(scores))
        bread[at, at] = (scores * shares[:, None]).T @ scores
    places = n_thresholds + np.arange(n_pairs)
    bread[places, places] = (counts * of_rho**2).sum(axis=(1, 2))
    weighted = counts * of_rho / safe
    for items, by_edge in (
        (found.first, _edge_slopes(edges[0], edges[1], found.correlations, weighted)),
        (found.second, _edge_slopes(edges[1], edges[0], found.correlations, weighted.transpose(0, 2, 1))),
    ):
        for pair, i in enumerate(items):
            bread[places[pair], starts[i] : starts[i + 1]] = by_edge[pair, : steps[i]]

    inner = np.zeros_like(bread)
    for start in range(0, found.n, _CHUNK):
        codes = found.codes[start : start + _CHUNK]
        scores = np.empty((len(codes), len(bread)))
        for i, table in enumerate(own):
            scores[:, starts[i] : starts[i + 1]] = table[codes[:, i]]
        for pair, (i, j) in enumerate(zip(found.first, found.second, strict=True)):
            scores[:, places[pair]] = of_rho[pair][codes[:, i], codes[:, j]]
        inner += scores.T @ scores
    half = np.linalg.solve(bread, inner)
    return np.asarray(found.n * np.linalg.solve(bread, half.T))


def _threshold_scores(cut: Array) -> Array:
    """Derivative of log probability of every category by every threshold: shape (categories, thresholds)."""
    from scipy.special import ndtr

    density = np.exp(-0.5 * cut**2) / np.sqrt(2 * np.pi)
    probability = np.diff(np.concatenate([[0.0], ndtr(cut), [1.0]]))
    slopes = np.zeros((len(cut) + 1, len(cut)))
    at = np.arange(len(cut))
    slopes[at, at], slopes[at + 1, at] = density, -density
    return np.asarray(slopes / probability[:, None])


def _edge_slopes(own: Array, other: Array, rho: Array, weighted: Array) -> Array:
    """Sum over cells of a weight times the derivative of the cell by each inner threshold of one item."""
    from scipy.special import ndtr

    x, y = own[:, 1:-1, None], other[:, None, :]
    r = rho[:, None, None]
    with np.errstate(invalid="ignore"):
        below = ndtr((y - r * x) / np.sqrt(1 - r**2))
        share = np.nan_to_num(np.diff(below, axis=2) * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))
    return np.asarray((share * (weighted[:, :-1, :] - weighted[:, 1:, :])).sum(axis=2))
