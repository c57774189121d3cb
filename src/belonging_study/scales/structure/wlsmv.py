"""Factor models of ordered answers: diagonally weighted least squares with a mean- and variance-adjusted test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DataError, DesignError
from belonging_study.scales.structure.estimate import refuse_unidentified, row_values
from belonging_study.scales.structure.layout import SCALE, THRESHOLD, Layout
from belonging_study.scales.structure.likelihood import Matrices, derivatives, matrices
from belonging_study.scales.structure.polychoric import Ordered

__all__ = [
    "OrderedFit",
    "OrderedSample",
    "baseline_tests",
    "fit_ordered",
    "implied",
    "ordered_difference",
    "scaled_shifted",
]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 300
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class OrderedSample:
    """One group: its thresholds and correlations in one vector, their sampling covariance times n, people."""

    label: str
    reduced: Ordered
    statistics: Array
    gamma: Array
    n_left_out: int

    @property
    def n(self) -> int:
        """People."""
        return self.reduced.n

    @property
    def weights(self) -> Array:
        """Inverse sampling variances."""
        return np.asarray(1 / np.diag(self.gamma))

    @property
    def n_thresholds(self) -> int:
        """Thresholds of all items."""
        return sum(len(cut) for cut in self.reduced.thresholds)


@dataclass(frozen=True)
class OrderedFit:
    """A model at its minimum: free parameters, their covariance, every group's discrepancy and derivatives."""

    layout: Layout
    samples: tuple[OrderedSample, ...]
    theta: Array
    covariance: Array
    discrepancies: Array
    slopes: tuple[Array, ...]

    @property
    def values(self) -> Array:
        """Every row's value."""
        return row_values(self.layout, self.theta)

    @property
    def n(self) -> int:
        """People in all groups."""
        return sum(s.n for s in self.samples)

    @property
    def df(self) -> int:
        """Degrees of freedom: thresholds and correlations minus free parameters."""
        return sum(len(s.statistics) for s in self.samples) - self.layout.n_free

    @property
    def chi2(self) -> float:
        """Unadjusted statistic, (n - 1) times the discrepancy, summed over groups."""
        return float(sum((s.n - 1) * f for s, f in zip(self.samples, self.discrepancies, strict=True)))


def fit_ordered(layout: Layout, samples: Sequence[OrderedSample], start: Array) -> OrderedFit:
    """Gauss-Newton steps with step halving; errors as in maximum likelihood."""
    n_statistics = sum(len(s.statistics) for s in samples)
    if layout.n_free > n_statistics:
        raise DesignError(
            f"The model has {layout.n_free} free parameters for {n_statistics} thresholds and correlations.",
            remedy="a single factor needs three items; fix or equate parameters.",
        )
    shares = np.array([s.n for s in samples]) / sum(s.n for s in samples)
    theta = start
    current = _objective(layout, samples, theta, shares)
    for _ in range(_MAX_STEPS):
        slope, info, _ = _normal_equations(layout, samples, theta, shares)
        scale = np.sqrt(np.maximum(np.diag(info), 1e-300))
        direction = np.linalg.lstsq(info / np.outer(scale, scale), slope / scale, rcond=1e-13)[0] / scale
        decrement = float(slope @ direction)
        length = 1.0
        while length > 1e-10:
            trial = theta + length * direction
            reached = _objective(layout, samples, trial, shares)
            if reached <= current * (1 + 1e-12) + 1e-16:
                break
            length /= 2
        else:
            break
        theta, current = trial, reached
        if decrement < _TOLERANCE * max(current, 1e-6):
            refuse_unidentified(layout, info)
            return _finished(layout, samples, theta, shares)
    refuse_unidentified(layout, info)
    raise DataError(
        f"The ordered model of {len(layout.items)} items did not converge in {_MAX_STEPS} steps.",
        remedy="look at the item table for items that are unreversed or unrelated to the rest.",
    )


def implied(layout: Layout, values: Array, sample: OrderedSample, group: int) -> tuple[Array, Matrices, Array, Array]:
    """Implied thresholds and correlations; the matrices; inverse standard deviations; thresholds by their place."""
    mats = matrices(layout, values, group)
    mine = layout.group == group
    at = mine & (layout.kind == SCALE)
    scales = np.full(len(layout.items), np.nan)
    scales[layout.row[at]] = values[at]
    # An item without a scale of its own has a residual variance instead, from which the scale follows.
    follows = np.isnan(scales)
    scales[follows] = 1 / np.sqrt(np.maximum(np.diag(mats.sigma)[follows], 1e-12))
    cuts = np.empty(sample.n_thresholds)
    places = _places(sample)
    at = mine & (layout.kind == THRESHOLD)
    cuts[places[layout.row[at]] + layout.column[at]] = values[at]
    item = _item_of_threshold(sample)
    thresholds = scales[item] * (cuts - mats.mu[item])
    i, j = sample.reduced.first, sample.reduced.second
    correlations = scales[i] * scales[j] * mats.sigma[i, j]
    return np.concatenate([thresholds, correlations]), mats, scales, cuts


def scaled_shifted(fit: OrderedFit) -> tuple[float, float, float]:
    """Adjusted chi-square, its scaling factor and shift.

    Asparouhov, T., & Muthén, B. (2010). *Simple Second Order Chi-Square Correction* (Mplus technical appendix).
    """
    shares = [s.n / fit.n for s in fit.samples]
    bread = np.zeros((fit.layout.n_free, fit.layout.n_free))
    for share, sample, slope in zip(shares, fit.samples, fit.slopes, strict=True):
        bread += share * (slope * sample.weights[:, None]).T @ slope
    inverse = np.linalg.inv(bread)
    # U Gamma over all groups, in blocks: U is W minus W D (D'WD)^-1 D'W with the groups' shares as weights.
    weighted = [math.sqrt(a) * s.weights[:, None] * d for a, s, d in zip(shares, fit.samples, fit.slopes, strict=True)]
    first = second = 0.0
    blocks = [s.weights[:, None] * s.gamma for s in fit.samples]
    middle = [w.T @ (s.gamma @ w) for w, s in zip(weighted, fit.samples, strict=True)]
    for w, s, block, m in zip(weighted, fit.samples, blocks, middle, strict=True):
        first += float(np.trace(block)) - float(np.trace(inverse @ m))
        second += float(np.einsum("ij,ji->", block, block))
        twisted = s.gamma @ w
        second -= 2 * float(np.trace(inverse @ (twisted.T @ (s.weights[:, None] * twisted))))
    total = sum(middle)
    second += float(np.trace(inverse @ total @ inverse @ total))
    return _shifted(fit.chi2, fit.df, first, second)


def ordered_difference(small: OrderedFit, large: OrderedFit) -> tuple[float, float]:
    """Scaled and shifted chi-square of the restrictions that lead from one model to a smaller one, and its factor.

    Satorra, A. (2000). Scaled and adjusted restricted tests in multi-sample analysis of moment structures. In R. D. H.
    Heijmans, D. S. G. Pollock, & A. Satorra (Eds.), *Innovations in Multivariate Statistical Analysis* (233-247).
    """
    df = small.df - large.df
    size = large.layout.n_free
    bread, middle = np.zeros((size, size)), np.zeros((size, size))
    for s, slope in zip(large.samples, large.slopes, strict=True):
        weighted = s.weights[:, None] * slope
        bread += s.n / large.n * weighted.T @ slope
        middle += s.n / large.n * weighted.T @ s.gamma @ weighted
    inverse = np.linalg.inv(bread)
    # The restrictions: directions of the larger model that the smaller one's derivatives do not reach.
    reached = np.linalg.lstsq(np.vstack(large.slopes), np.vstack(small.slopes), rcond=None)[0]
    restrictions = np.linalg.svd(reached)[0][:, size - df :].T
    of_restrictions = inverse @ restrictions.T
    projected = of_restrictions @ np.linalg.solve(restrictions @ of_restrictions, of_restrictions.T)
    twisted = projected @ middle
    chi2, factor, _ = _shifted(
        small.chi2 - large.chi2, df, float(np.trace(twisted)), float(np.einsum("ij,ji->", twisted, twisted))
    )
    return chi2, factor


def baseline_tests(samples: Sequence[OrderedSample]) -> tuple[float, int, float]:
    """Unadjusted and adjusted chi-square and df of unrelated items."""
    chi2, df, first, second = 0.0, 0, 0.0, 0.0
    for s in samples:
        at = slice(s.n_thresholds, None)
        block = s.weights[at, None] * s.gamma[at, at]
        chi2 += (s.n - 1) * float(s.weights[at] @ s.statistics[at] ** 2)
        df += len(block)
        first += float(np.trace(block))
        second += float(np.einsum("ij,ji->", block, block))
    return chi2, df, _shifted(chi2, df, first, second)[0]


def _shifted(chi2: float, df: int, first: float, second: float) -> tuple[float, float, float]:
    if df == 0:
        return chi2, 1.0, 0.0
    slope = math.sqrt(df / second)
    shift = df - math.sqrt(df * first**2 / second)
    return chi2 * slope + shift, 1 / slope, shift


def _places(sample: OrderedSample) -> npt.NDArray[np.int64]:
    """Where each item's thresholds begin."""
    steps = [len(cut) for cut in sample.reduced.thresholds]
    return np.concatenate([[0], np.cumsum(steps)[:-1]]).astype(np.int64)


def _item_of_threshold(sample: OrderedSample) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(sample.reduced.thresholds)), [len(cut) for cut in sample.reduced.thresholds])


def _objective(layout: Layout, samples: Sequence[OrderedSample], theta: Array, shares: Array) -> float:
    values = row_values(layout, theta)
    found = 0.0
    for g, s in enumerate(samples):
        gap = s.statistics - implied(layout, values, s, g)[0]
        found += shares[g] * float(s.weights @ gap**2)
    return found


def _slopes(layout: Layout, values: Array, sample: OrderedSample, group: int) -> tuple[Array, Array]:
    """Implied statistics and their derivatives by the free parameters."""
    statistics, mats, scales, cuts = implied(layout, values, sample, group)
    rows = np.flatnonzero((layout.group == group) & (layout.free >= 0))
    d_sigma, d_mu = derivatives(layout, mats, rows)
    i, j, item = sample.reduced.first, sample.reduced.second, _item_of_threshold(sample)
    kind, row, column = layout.kind[rows], layout.row[rows], layout.column[rows]
    n = len(rows)
    d_cuts, d_scales = np.zeros((n, len(cuts))), np.zeros((n, len(scales)))
    at = np.flatnonzero(kind == THRESHOLD)
    d_cuts[at, _places(sample)[row[at]] + column[at]] = 1.0
    at = np.flatnonzero(kind == SCALE)
    d_scales[at, row[at]] = 1.0
    follows = np.setdiff1d(np.arange(len(scales)), layout.row[(layout.group == group) & (layout.kind == SCALE)])
    d_scales[:, follows] = -0.5 * scales[follows] ** 3 * d_sigma[:, follows, follows]
    of_thresholds = scales[item] * (d_cuts - d_mu[:, item]) + d_scales[:, item] * (cuts - mats.mu[item])
    of_pairs = scales[i] * scales[j] * d_sigma[:, i, j]
    of_pairs += (d_scales[:, i] * scales[j] + scales[i] * d_scales[:, j]) * mats.sigma[i, j]
    found = np.zeros((len(statistics), layout.n_free))
    np.add.at(found.T, layout.free[rows], np.hstack([of_thresholds, of_pairs]))
    return statistics, found


def _normal_equations(
    layout: Layout, samples: Sequence[OrderedSample], theta: Array, shares: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    values = row_values(layout, theta)
    slope, info, all_slopes = np.zeros(layout.n_free), np.zeros((layout.n_free, layout.n_free)), []
    for g, s in enumerate(samples):
        statistics, slopes = _slopes(layout, values, s, g)
        weighted = shares[g] * s.weights[:, None] * slopes
        slope += weighted.T @ (s.statistics - statistics)
        info += weighted.T @ slopes
        all_slopes.append(slopes)
    return slope, info, tuple(all_slopes)


def _finished(layout: Layout, samples: Sequence[OrderedSample], theta: Array, shares: Array) -> OrderedFit:
    """The fit with the sandwich covariance of its estimates."""
    _, info, slopes = _normal_equations(layout, samples, theta, shares)
    bread = np.linalg.inv(info)
    middle = np.zeros_like(info)
    n = sum(s.n for s in samples)
    for share, s, slope in zip(shares, samples, slopes, strict=True):
        weighted = s.weights[:, None] * slope
        middle += share**2 / ((s.n - 1) / n) * weighted.T @ s.gamma @ weighted
    values = row_values(layout, theta)
    gaps = [s.statistics - implied(layout, values, s, g)[0] for g, s in enumerate(samples)]
    discrepancies = np.array([float(s.weights @ gap**2) for s, gap in zip(samples, gaps, strict=True)])
    return OrderedFit(layout, tuple(samples), theta, bread @ middle @ bread / n, discrepancies, slopes)
