"""The normal likelihood of a factor model: value, gradient, observed and expected information.

With S the covariances, m the means of a pattern of seen items, Sigma and mu the model's, V the inverse of Sigma:
minus twice the log-likelihood of one person is log|Sigma| + tr(V T) + p log(2 pi), T = S + (m - mu)(m - mu)'.
Missing answers are rows and columns of zeros in V and T, so that one set of formulae serves complete and incomplete
answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.scales.structure.layout import FACTOR, INTERCEPT, LOADING, MEAN, RESIDUAL, Layout
from belonging_study.scales.structure.sample import Sample, padded_inverse

__all__ = ["Matrices", "Point", "derivatives", "evaluate", "gradient", "information", "matrices", "people_scores"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Matrices:
    """One group's model: Sigma = loadings factors loadings' + residuals, mu = intercepts + loadings means."""

    loadings: Array
    residuals: Array
    factors: Array
    intercepts: Array
    means: Array

    @property
    def sigma(self) -> Array:
        """Implied covariances."""
        return np.asarray(self.loadings @ self.factors @ self.loadings.T + self.residuals)

    @property
    def mu(self) -> Array:
        """Implied means."""
        return np.asarray(self.intercepts + self.loadings @ self.means)


@dataclass(frozen=True)
class Point:
    """One group at one point: ``value`` is minus its log-likelihood, not divided by anything.

    ``inverse`` (V), ``through`` (V T) and ``weighted`` (V (m - mu)) hold a row per pattern; ``gap`` (V - V T V) and
    ``pull`` (V (m - mu)) are summed over people.
    """

    sample: Sample
    mats: Matrices
    value: float
    inverse: Array
    through: Array
    weighted: Array
    gap: Array
    pull: Array


def matrices(layout: Layout, values: Array, group: int) -> Matrices:
    """Fill a group's matrices with every parameter's value (one per row of the layout)."""
    p, k = len(layout.items), len(layout.factors)
    mine = layout.group == group
    filled = [np.zeros((p, k)), np.zeros((p, p)), np.zeros((k, k)), np.zeros((p, 1)), np.zeros((k, 1))]
    for kind, matrix in enumerate(filled):
        at = mine & (layout.kind == kind)
        matrix[layout.row[at], layout.column[at]] = values[at]
        if kind in (RESIDUAL, FACTOR):
            matrix[layout.column[at], layout.row[at]] = values[at]
    return Matrices(filled[0], filled[1], filled[2], filled[3][:, 0], filled[4][:, 0])


def evaluate(mats: Matrices, sample: Sample, *, means: bool) -> Point | None:
    """Minus the log-likelihood and what its derivatives need; None where the covariances are not positive definite."""
    sigma, gap = mats.sigma, _gap(mats, sample, means)
    variances = np.diag(sigma)
    if not bool((variances > 0).all()):
        return None
    try:
        np.linalg.cholesky(sigma / np.sqrt(np.outer(variances, variances)))
    except np.linalg.LinAlgError:
        return None
    inverse = padded_inverse(sigma, sample.seen)
    moment = sample.covariances + gap[:, :, None] * gap[:, None, :]
    # Rows and columns of unseen items are zero in the inverse: a one on the diagonal leaves the determinant alone.
    padded = inverse + np.einsum("ri,ij->rij", (~sample.seen).astype(float), np.eye(len(sigma)))
    log_det = -np.linalg.slogdet(padded)[1]
    through = inverse @ moment
    constant = sample.seen.sum(axis=1) * math.log(2 * math.pi)
    value = 0.5 * sample.counts @ (log_det + np.einsum("rii->r", through) + constant)
    weighted = np.einsum("rij,rj->ri", inverse, gap)
    total_gap = np.tensordot(sample.counts, inverse - through @ inverse, axes=1)
    return Point(sample, mats, float(value), inverse, through, weighted, total_gap, sample.counts @ weighted)


def derivatives(layout: Layout, mats: Matrices, rows: Index) -> tuple[Array, Array]:
    """Derivatives of Sigma and mu by the rows' parameters: shapes (rows, p, p) and (rows, p)."""
    p = len(layout.items)
    d_sigma, d_mu = np.zeros((len(rows), p, p)), np.zeros((len(rows), p))
    kind, i, j = layout.kind[rows], layout.row[rows], layout.column[rows]
    at = np.flatnonzero(kind == LOADING)
    through = mats.factors @ mats.loadings.T
    d_sigma[at, i[at], :] = through[j[at]]
    d_sigma[at, :, i[at]] += through[j[at]]
    d_mu[at, i[at]] = mats.means[j[at]]
    at = np.flatnonzero(kind == RESIDUAL)
    d_sigma[at, i[at], j[at]] = 1.0
    d_sigma[at, j[at], i[at]] = 1.0
    at = np.flatnonzero(kind == FACTOR)
    left, right = mats.loadings.T[i[at]], mats.loadings.T[j[at]]
    cross = left[:, :, None] * right[:, None, :]
    d_sigma[at] = np.where((i[at] == j[at])[:, None, None], cross, cross + cross.transpose(0, 2, 1))
    at = np.flatnonzero(kind == INTERCEPT)
    d_mu[at, i[at]] = 1.0
    at = np.flatnonzero(kind == MEAN)
    d_mu[at] = mats.loadings.T[i[at]]
    return d_sigma, d_mu


def gradient(point: Point, d_sigma: Array, d_mu: Array) -> Array:
    """Derivative of minus the log-likelihood by each row's parameter."""
    return np.asarray(0.5 * np.tensordot(d_sigma, point.gap, axes=2) - d_mu @ point.pull)


def information(layout: Layout, point: Point, rows: Index, d_sigma: Array, d_mu: Array, *, observed: bool) -> Array:
    """Second derivatives of minus the log-likelihood, or their expectation given who answered what."""
    counts, inverse = point.sample.counts, point.inverse
    weight = 2 * point.through @ inverse - inverse if observed else inverse
    found = 0.5 * _trace_form(counts, weight, inverse, d_sigma)
    found += d_mu @ np.tensordot(counts, inverse, axes=1) @ d_mu.T
    if not observed:
        return np.asarray(found)
    n, p = len(d_sigma), d_sigma.shape[1]
    mixed = np.einsum("r,rij,rk->ijk", counts, inverse, point.weighted, optimize=True)
    cross = (d_mu @ mixed.reshape(p, p * p)) @ d_sigma.reshape(n, p * p).T
    return np.asarray(found + cross + cross.T + _curvature(layout, point, rows))


def people_scores(layout: Layout, point: Point, rows: Index, d_sigma: Array, *, means: bool) -> Array:
    """Derivative of each person's log-likelihood by each row's parameter: shape (people, rows)."""
    sample, mats = point.sample, point.mats
    centre = mats.mu if means else sample.mean
    centred = np.nan_to_num(sample.values - centre)
    bounds = np.cumsum(sample.counts).astype(np.int64)[:-1]
    u = np.concatenate([part @ v for part, v in zip(np.split(centred, bounds), point.inverse, strict=True)])
    of_factors = u @ mats.loadings
    through = of_factors @ mats.factors
    kind, i, j = layout.kind[rows], layout.row[rows], layout.column[rows]
    scores = np.empty((len(u), len(rows)))
    at = kind == LOADING
    scores[:, at] = u[:, i[at]] * (through[:, j[at]] + mats.means[j[at]])
    for which, source in ((RESIDUAL, u), (FACTOR, of_factors)):
        at = kind == which
        scores[:, at] = source[:, i[at]] * source[:, j[at]] * np.where(i[at] == j[at], 0.5, 1.0)
    at = kind == INTERCEPT
    scores[:, at] = u[:, i[at]]
    at = kind == MEAN
    scores[:, at] = of_factors[:, i[at]]
    p = d_sigma.shape[1]
    expected = 0.5 * point.inverse.reshape(-1, p * p) @ d_sigma.reshape(-1, p * p).T
    return np.asarray(scores - np.repeat(expected, sample.counts.astype(np.int64), axis=0))


def _gap(mats: Matrices, sample: Sample, means: bool) -> Array:
    """Observed minus implied means, 0 for unseen items and in a model without means."""
    if not means:
        return np.zeros_like(sample.means)
    return np.where(sample.seen, sample.means - mats.mu, 0.0)


def _trace_form(counts: Array, weight: Array, inverse: Array, d_sigma: Array) -> Array:
    """Sum over patterns of n tr(weight dSigma_a inverse dSigma_b)."""
    n, p = len(d_sigma), d_sigma.shape[1]
    flat = d_sigma.reshape(n, p * p)
    if len(counts) == 1:
        return np.asarray(counts[0] * (weight[0] @ d_sigma @ inverse[0]).reshape(n, p * p) @ flat.T)
    # One matrix product over all patterns replaces a product per pattern and parameter.
    kernel = (counts[:, None] * weight.reshape(-1, p * p)).T @ inverse.reshape(-1, p * p)
    kernel = kernel.reshape(p, p, p, p).transpose(1, 2, 0, 3).reshape(p * p, p * p)
    return np.asarray(flat @ kernel @ flat.T)


def _curvature(layout: Layout, point: Point, rows: Index) -> Array:
    """The part of the observed information that comes from products of parameters."""
    mats, gap = point.mats, point.gap
    kind, i, j = layout.kind[rows], layout.row[rows], layout.column[rows]
    found = np.zeros((len(rows), len(rows)))
    loading, factor, mean = (np.flatnonzero(kind == which) for which in (LOADING, FACTOR, MEAN))
    found[np.ix_(loading, loading)] = mats.factors[np.ix_(j[loading], j[loading])] * gap[np.ix_(i[loading], i[loading])]
    through = (gap @ mats.loadings)[i[loading]]
    same = j[loading][:, None]
    first, second = i[factor][None, :], j[factor][None, :]
    mixed = through[:, second[0]] * (same == first) + np.where(
        first == second, 0.0, through[:, first[0]] * (same == second)
    )
    found[np.ix_(loading, factor)], found[np.ix_(factor, loading)] = mixed, mixed.T
    of_means = -point.pull[i[loading]][:, None] * (same == i[mean][None, :])
    found[np.ix_(loading, mean)], found[np.ix_(mean, loading)] = of_means, of_means.T
    return found
