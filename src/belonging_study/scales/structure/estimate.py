"""Maximum-likelihood estimates of a factor model by damped Fisher scoring, ended by Newton's steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DataError, DesignError
from belonging_study.scales.structure.layout import FACTOR, INTERCEPT, LOADING, RESIDUAL, Layout
from belonging_study.scales.structure.likelihood import (
    Point,
    derivatives,
    evaluate,
    gradient,
    information,
    matrices,
)
from belonging_study.scales.structure.sample import Sample, complete_sample

__all__ = ["Fit", "fit_at", "group_start", "maximise", "refuse_unidentified"]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 500
_DECREMENT = 1e-11
_NEWTON_BELOW = 1e-2
_SINGULAR = 1e-10


@dataclass(frozen=True)
class Fit:
    """A model, usually at its maximum: ``theta`` holds the free parameters, ``points`` every group's likelihood."""

    layout: Layout
    samples: tuple[Sample, ...]
    theta: Array
    points: tuple[Point, ...]

    @property
    def discrepancy(self) -> float:
        """Minus the log-likelihood."""
        return sum(point.value for point in self.points)

    @cached_property
    def values(self) -> Array:
        """Every row's value."""
        return row_values(self.layout, self.theta)

    @property
    def n(self) -> int:
        """People in all groups."""
        return sum(s.n for s in self.samples)

    def information(self, *, observed: bool) -> Array:
        """Information of the whole sample about the free parameters."""
        return _slopes(self.layout, self.points, observed=observed)[1]


def row_values(layout: Layout, theta: Array) -> Array:
    """Value of every row: the free parameter's, or the fixed one."""
    if not len(theta):
        return layout.fixed
    return np.where(layout.free >= 0, theta[layout.free], layout.fixed)


def maximise(layout: Layout, samples: Sequence[Sample], start: Array | None = None) -> Fit:
    """Fit a model; DesignError where it is not identified, DataError where no maximum is found."""
    if layout.df < 0:
        raise DesignError(
            f"The model has {layout.n_free} free parameters for {layout.n_free + layout.df} means and covariances.",
            remedy="a single factor needs three items (or two with equal loadings); fix or equate parameters.",
        )
    began = _first(layout, samples, start)
    found = _climb(began)
    if found is None:
        # The steps ran away, often from a weak marker item: once more from factors that every item reflects alike.
        plain = fit_at(layout, samples, _plain_start(layout, samples))
        found = None if plain is None else _climb(plain)
    if found is not None:
        refuse_unidentified(layout, found.information(observed=False))
        return found
    # Only the start tells now whether the model could be identified at all.
    refuse_unidentified(layout, began.information(observed=False))
    raise DataError(
        f"The model of {len(layout.items)} items did not converge: these answers do not determine it.",
        remedy="look at the item table for items that are unreversed or unrelated to the rest; "
        "give the factor its scale by another item or by std_lv=True; try a simpler model.",
    )


def _climb(fit: Fit) -> Fit | None:
    """Steps to the maximum; None where they do not get there."""
    layout, samples, newton = fit.layout, fit.samples, False
    for _ in range(_MAX_STEPS):
        slope, info = _slopes(layout, fit.points, observed=newton)
        if newton and float(np.linalg.eigvalsh(_scaled(info)[0])[0]) < 1e-6:
            slope, info = _slopes(layout, fit.points, observed=False)
        direction = _solve(info, slope)
        decrement = float(slope @ direction)
        length, before = 1.0, fit.discrepancy
        while length > 1e-10:
            trial = fit_at(layout, samples, fit.theta - length * direction)
            if trial is not None and trial.discrepancy <= before + 1e-13 * abs(before):
                break
            length /= 2
        if trial is None or length <= 1e-10:
            return None
        fit = trial
        if decrement < _DECREMENT:
            return fit
        newton = decrement < _NEWTON_BELOW
    return None


def refuse_unidentified(layout: Layout, info: Array) -> None:
    """DesignError where the information about the free parameters is singular, naming those that cannot be told."""
    if not len(info):
        return
    scaled, _ = _scaled(info)
    values, vectors = np.linalg.eigh(scaled)
    if values[0] >= _SINGULAR:
        return
    share = np.abs(vectors[:, 0])
    names = []
    for place in np.flatnonzero(share > 0.2 * share.max()):
        names.append(layout.rows[int(np.flatnonzero(layout.free == place)[0])].key)
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    raise DesignError(
        f"The model is not identified: {shown} cannot be told apart.",
        remedy="fix one of them to a value (1*item gives a factor its scale), or set parameters equal by a label.",
    )


def fit_at(layout: Layout, samples: Sequence[Sample], theta: Array) -> Fit | None:
    """The model at any value of the free parameters; None where its likelihood does not exist."""
    values = row_values(layout, theta)
    points = []
    for g, sample in enumerate(samples):
        point = evaluate(matrices(layout, values, g), sample, means=layout.means)
        if point is None:
            return None
        points.append(point)
    return Fit(layout, tuple(samples), theta, tuple(points))


def _first(layout: Layout, samples: Sequence[Sample], start: Array | None) -> Fit:
    """Where the steps begin: with missing answers, the fit to the moments estimated without a model."""
    if start is None and any(len(s.counts) > 1 for s in samples):
        whole = [complete_sample(s, s.mean, s.covariance) for s in samples]
        start = maximise(layout, whole).theta
    found = fit_at(layout, samples, _start(layout, samples) if start is None else start)
    if found is None:
        found = fit_at(layout, samples, _plain_start(layout, samples))
    if found is None:
        raise DataError(
            "No starting values give the model a likelihood.", remedy="look at the values that the model fixes."
        )
    return found


def _slopes(layout: Layout, points: Sequence[Point], *, observed: bool) -> tuple[Array, Array]:
    """Gradient of and information about the free parameters."""
    slope, info = np.zeros(layout.n_free), np.zeros((layout.n_free, layout.n_free))
    for g, point in enumerate(points):
        rows = np.flatnonzero((layout.group == g) & (layout.free >= 0))
        d_sigma, d_mu = derivatives(layout, point.mats, rows)
        at = layout.free[rows]
        np.add.at(slope, at, gradient(point, d_sigma, d_mu))
        np.add.at(info, np.ix_(at, at), information(layout, point, rows, d_sigma, d_mu, observed=observed))
    return slope, info


def _scaled(info: Array) -> tuple[Array, Array]:
    """Information with a diagonal of ones, and the scale; a parameter without effect keeps a zero."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(info)), 1e-300))
    return info / np.outer(scale, scale), scale


def _solve(info: Array, slope: Array) -> Array:
    """Inverse information times gradient, by the smallest step where directions have no information."""
    scaled, scale = _scaled(info)
    try:
        return np.asarray(np.linalg.solve(scaled, slope / scale) / scale)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(scaled, rcond=1e-12) @ (slope / scale) / scale)


def _start(layout: Layout, samples: Sequence[Sample]) -> Array:
    """Starting values: a principal factor of each factor's items in each group, averaged over equal parameters."""
    found = np.zeros(len(layout.rows))
    for g, sample in enumerate(samples):
        found += group_start(layout, sample.covariance, sample.mean, g)
    return _average(layout, found)


def _plain_start(layout: Layout, samples: Sequence[Sample]) -> Array:
    """Weak factors that every item reflects alike."""
    found = np.zeros(len(layout.rows))
    for g, sample in enumerate(samples):
        variances = np.diag(sample.covariance)
        of_group = np.flatnonzero(layout.group == g)
        held = [r for r in of_group if layout.kind[r] == LOADING and layout.free[r] < 0 and layout.fixed[r] != 0]
        marker = np.ones(len(layout.factors))
        marker[layout.column[held]] = variances[layout.row[held]]
        for r in of_group:
            i, same = layout.row[r], layout.row[r] == layout.column[r]
            if layout.kind[r] == LOADING:
                found[r] = np.sqrt(variances[i] / marker[layout.column[r]])
            elif layout.kind[r] == RESIDUAL and same:
                found[r] = 0.5 * variances[i]
            elif layout.kind[r] == FACTOR and same:
                found[r] = 0.05 * marker[i]
            elif layout.kind[r] == INTERCEPT:
                found[r] = sample.mean[i]
    return _average(layout, found)


def _average(layout: Layout, found: Array) -> Array:
    at = layout.free >= 0
    totals = np.bincount(layout.free[at], weights=found[at], minlength=layout.n_free)
    return np.asarray(totals / np.bincount(layout.free[at], minlength=layout.n_free))


def group_start(layout: Layout, s: Array, mean: Array, g: int) -> Array:
    """Starting values of one group's rows from its covariances and means."""
    variances = np.diag(s)
    sd = np.sqrt(variances)
    inverse = np.linalg.inv(s / np.outer(sd, sd))
    explained = 1 - 1 / np.diag(inverse)
    mine = layout.group == g
    k = len(layout.factors)
    loadings, weights = np.zeros((len(sd), k)), np.zeros((len(sd), k))
    scale = np.ones(k)
    for f in range(k):
        at = np.flatnonzero(mine & (layout.kind == LOADING) & (layout.column == f))
        items = layout.row[at]
        first = _principal_factor(s[np.ix_(items, items)] / np.outer(sd[items], sd[items]), explained[items])
        unique = np.maximum(1 - first**2, 0.1)
        loadings[items, f], weights[items, f] = first * sd[items], first / unique / sd[items]
        scale[f] = _scale(layout, mine & (layout.column == f), first, sd)
    reliable = np.einsum("if,if->f", weights, loadings)
    factors = weights.T @ s @ weights / np.outer(reliable, reliable)
    factors[np.diag_indices(k)] = 1.0
    correlations = np.clip(factors, -0.9, 0.9)
    np.fill_diagonal(correlations, 1.0)
    if k and float(np.linalg.eigvalsh(correlations)[0]) < 0.05:
        correlations = np.eye(k) + 0.5 * (correlations - np.eye(k))
        if float(np.linalg.eigvalsh(correlations)[0]) < 0.05:
            correlations = np.eye(k)
    common = np.einsum("if,fh,ih->i", loadings, correlations, loadings)
    residuals = np.maximum(variances - common, 0.2 * variances)
    found = np.zeros(len(layout.rows))
    for r in np.flatnonzero(mine):
        i, j = layout.row[r], layout.column[r]
        if layout.kind[r] == LOADING:
            found[r] = loadings[i, j] / scale[j]
        elif layout.kind[r] == RESIDUAL and i == j:
            found[r] = residuals[i]
        elif layout.kind[r] == FACTOR:
            found[r] = correlations[i, j] * scale[i] * scale[j]
        elif layout.kind[r] == INTERCEPT:
            found[r] = mean[i]
    return found


def _principal_factor(correlation: Array, explained: Array) -> Array:
    reduced = correlation.copy()
    np.fill_diagonal(reduced, np.clip(explained, 0.1, 0.95))
    values, vectors = np.linalg.eigh(reduced)
    first = vectors[:, -1] * np.sqrt(max(float(values[-1]), 0.1))
    first = first if float(first.sum()) >= 0 else -first
    return np.asarray(np.clip(first, -0.95, 0.95))


def _scale(layout: Layout, of_factor: npt.NDArray[np.bool_], standard: Array, sd: Array) -> float:
    """The factor's standard deviation that its fixed loading or fixed variance implies."""
    rows = np.flatnonzero(of_factor & (layout.kind == LOADING))
    floor = 0.2 * float(np.abs(standard).max())
    for r, loading in zip(rows, standard, strict=True):
        if layout.free[r] < 0 and layout.fixed[r] != 0:
            sized = loading if abs(loading) > floor else floor
            return float(sized * sd[layout.row[r]] / layout.fixed[r])
    own = of_factor & (layout.kind == FACTOR) & (layout.row == layout.column) & (layout.free < 0)
    fixed = layout.fixed[own]
    return float(np.sqrt(fixed[0])) if len(fixed) and fixed[0] > 0 else 1.0
