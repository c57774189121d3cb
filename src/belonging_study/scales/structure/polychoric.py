"""Polychoric correlations: correlations of the normal variables behind ordered answers, in two steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ValueRangeError
from belonging_study.scales._answers import numeric_answers
from belonging_study.scales._missing_codes import refuse_missing_codes
from belonging_study.scales.structure.bivariate import bivariate_cdf, bivariate_density

__all__ = ["Ordered", "Polychoric", "estimate_ordered", "polychoric"]

Array = npt.NDArray[np.float64]

_MAX_CATEGORIES = 12
_MAX_STEPS = 100
_TOLERANCE = 1e-11
_BOUND = 0.9999


@dataclass(frozen=True)
class Polychoric:
    """Polychoric correlations and the thresholds they rest on.

    Attributes
    ----------
    correlations : pandas.DataFrame
        Shape (items, items).
    thresholds : pandas.DataFrame
        One row an item and threshold: ``item``, ``threshold`` (1 for the lowest), ``estimate`` (standard normal).
    n : int
        People who answered every item.
    n_dropped : int
        People left out because an answer is missing.
    """

    correlations: pd.DataFrame
    thresholds: pd.DataFrame
    n: int
    n_dropped: int


@dataclass(frozen=True)
class Ordered:
    """Ordered answers reduced to thresholds and correlations.

    ``codes`` holds each answer's category from 0, shape (people, items); ``first`` and ``second`` the items of every
    pair; ``correlations`` one number a pair; ``tables`` the pairs' counts, padded with zeros.
    """

    codes: npt.NDArray[np.int64]
    n_categories: tuple[int, ...]
    thresholds: tuple[Array, ...]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    correlations: Array
    tables: Array

    @property
    def n(self) -> int:
        """People."""
        return len(self.codes)


def polychoric(items: pd.DataFrame) -> Polychoric:
    """Polychoric correlations of ordered answers by the two-step method.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one numeric column an item, at most 12 different answers each. Numbers only give the order.

    Returns
    -------
    Polychoric
        From people who answered every item; ``n_dropped`` counts the others.

    Raises
    ------
    DataError
        Fewer than two items, nobody complete, an item with one answer only or more than 12, or a pair of items whose
        correlation is at the boundary because cells of their table are empty.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.

    Notes
    -----
    Thresholds from each item's shares, then each correlation by maximum likelihood given the thresholds. Empty cells
    are left empty.

    References
    ----------
    Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. *Psychometrika, 44*,
    443-460.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=20_000)
    >>> answers = pd.DataFrame(np.digitize(latent, [-1, 0, 1]), columns=["a", "b"])
    >>> round(float(polychoric(answers).correlations.loc["a", "b"]), 1)
    0.6
    """
    answers = numeric_answers(items, list(items.columns))
    values = answers.to_numpy()
    if np.isinf(values).any():
        raise ValueRangeError("Infinite numbers among the answers.")
    names = [str(name) for name in answers.columns]
    refuse_missing_codes(values, names)
    complete = values[~np.isnan(values).any(axis=1)]
    empty = [name for name, column in zip(names, values.T, strict=True) if np.isnan(column).all()]
    if len(complete) == 0:
        because = f"; nobody answered {', '.join(empty)}" if empty else ""
        raise DataError(
            f"0 of {len(values)} people answered all {len(names)} items{because}.",
            remedy="leave out items that were not asked, or pool groups or waves.",
        )
    found = estimate_ordered(complete, names)
    k = len(names)
    matrix = np.eye(k)
    matrix[found.first, found.second] = matrix[found.second, found.first] = found.correlations
    rows = [(names[i], t + 1, float(value)) for i, cut in enumerate(found.thresholds) for t, value in enumerate(cut)]
    return Polychoric(
        pd.DataFrame(matrix, index=names, columns=names),
        pd.DataFrame(rows, columns=["item", "threshold", "estimate"]),
        len(complete),
        len(values) - len(complete),
    )


def estimate_ordered(values: Array, names: list[str], where: str = "") -> Ordered:
    """Thresholds, tables and correlations of complete answers; ``where`` names the group in messages."""
    from scipy.special import ndtri

    n, k = values.shape
    if k < 2 or n == 0:
        raise DataError(f"Polychoric correlations need two items and complete people; there are {k} and {n}.")
    codes = np.empty((n, k), dtype=np.int64)
    counts: list[npt.NDArray[np.int64]] = []
    for i in range(k):
        steps, codes[:, i] = np.unique(values[:, i], return_inverse=True)
        if not 1 < len(steps) <= _MAX_CATEGORIES:
            raise DataError(
                f"{names[i]} has {len(steps)} different answers; an ordered item has 2 to {_MAX_CATEGORIES}.",
                where=where,
                remedy="leave constant items out, and treat scores with many values as numbers.",
            )
        counts.append(np.bincount(codes[:, i]))
    thresholds = tuple(np.asarray(ndtri(np.cumsum(c)[:-1] / n), dtype=np.float64) for c in counts)
    first, second = np.triu_indices(k, 1)
    sizes = tuple(len(c) for c in counts)
    tables = _tables(codes, sizes, first, second)
    correlations = _correlations(tables, _edges(thresholds), (first, second), names, where)
    return Ordered(codes, sizes, thresholds, first, second, correlations, tables)


def cell_probabilities(edges: tuple[Array, Array], rho: Array) -> tuple[Array, Array]:
    """Probability of every cell of every pair's table, and its derivative by the correlation."""
    x, y, r = edges[0][:, :, None], edges[1][:, None, :], rho[:, None, None]
    return _cells(bivariate_cdf(x, y, r)), _cells(bivariate_density(x, y, r))


def pair_edges(found: Ordered) -> tuple[Array, Array]:
    """Thresholds with infinities at both ends, padded above, for the first and second item of every pair."""
    edges = _edges(found.thresholds)
    return edges[found.first], edges[found.second]


def _edges(thresholds: tuple[Array, ...]) -> Array:
    widest = max(len(t) for t in thresholds) + 2
    edges = np.full((len(thresholds), widest), np.inf)
    edges[:, 0] = -np.inf
    for i, cut in enumerate(thresholds):
        edges[i, 1 : len(cut) + 1] = cut
    return edges


def _tables(
    codes: npt.NDArray[np.int64],
    sizes: tuple[int, ...],
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
) -> Array:
    """Every pair's table of counts, by one product of indicator matrices: shape (pairs, widest, widest)."""
    n, k = codes.shape
    widest = max(sizes)
    together = np.zeros((k * widest, k * widest))
    for start in range(0, n, 20_000):
        part = codes[start : start + 20_000]
        indicators = np.zeros((len(part), k * widest), dtype=np.float32)
        indicators[np.arange(len(part))[:, None], part + widest * np.arange(k)] = 1.0
        together += indicators.T @ indicators
    blocks = together.reshape(k, widest, k, widest).transpose(0, 2, 1, 3)
    return np.asarray(blocks[first, second])


def _correlations(
    tables: Array,
    edges: Array,
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    names: list[str],
    where: str,
) -> Array:
    """Fisher scoring on the inverse hyperbolic tangent, all pairs at once, halving the steps that go too far."""
    n = tables[0].sum()
    both = (edges[pairs[0]], edges[pairs[1]])
    z = np.arctanh(np.clip(_pearson(tables), -0.95, 0.95))
    value, slope, info = _likelihood(tables, both, np.tanh(z))
    active = np.ones(len(z), dtype=bool)
    for _ in range(_MAX_STEPS):
        rho = np.tanh(z)
        step = np.where(active, slope / np.maximum(info * (1 - rho**2), 1e-12), 0.0)
        step = np.clip(step, -1.0, 1.0)
        for _ in range(40):
            trial = z + step
            new_value, new_slope, new_info = _likelihood(tables, both, np.tanh(trial))
            worse = new_value < value - 1e-12 * n
            if not worse.any():
                break
            step = np.where(worse, step / 2, step)
        z, value, slope, info = trial, new_value, new_slope, new_info
        active = np.abs(slope / np.sqrt(np.maximum(info, 1e-12))) > _TOLERANCE * np.sqrt(n)
        at_bound = np.abs(np.tanh(z)) > _BOUND
        if at_bound.any():
            i, j = (int(p[np.flatnonzero(at_bound)[0]]) for p in pairs)
            raise DataError(
                f"The polychoric correlation of {names[i]} and {names[j]} is at its bound: cells of their table are "
                "empty.",
                where=where,
                remedy="join rare answers with the next ones, or treat the answers as numbers.",
            )
        if not active.any():
            return np.asarray(np.tanh(z))
    raise DataError("The polychoric correlations did not converge.", where=where)


def _likelihood(tables: Array, edges: tuple[Array, Array], rho: Array) -> tuple[Array, Array, Array]:
    """Log-likelihood of every pair, its derivative by the correlation, and the expected information."""
    probability, slope = cell_probabilities(edges, rho)
    safe = np.maximum(probability, 1e-300)
    value = (tables * np.log(safe)).sum(axis=(1, 2))
    known = probability > 1e-14
    ratio = np.where(known, slope / safe, 0.0)
    return value, (tables * ratio).sum(axis=(1, 2)), tables.sum(axis=(1, 2)) * (ratio * slope).sum(axis=(1, 2))


def _cells(corners: Array) -> Array:
    return np.diff(np.diff(corners, axis=1), axis=2)


def _pearson(tables: Array) -> Array:
    """Correlation of the category numbers of every pair."""
    scores = np.arange(tables.shape[1], dtype=np.float64)
    n = tables.sum(axis=(1, 2))
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    a, b = rows @ scores / n, columns @ scores / n
    var_a, var_b = rows @ scores**2 / n - a**2, columns @ scores**2 / n - b**2
    cross = np.einsum("pij,i,j->p", tables, scores, scores) / n - a * b
    return np.asarray(cross / np.sqrt(var_a * var_b))
