"""Confirmatory factor analysis of ordered answers."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError
from belonging_study.scales.structure.estimate import group_start
from belonging_study.scales.structure.fit_measures import chi_square_tail, rmsea_of
from belonging_study.scales.structure.layout import INTERCEPT, MEAN, RESIDUAL, SCALE, THRESHOLD, Layout, layout_of
from belonging_study.scales.structure.likelihood import Matrices
from belonging_study.scales.structure.ordered_layout import layout_of_ordered
from belonging_study.scales.structure.ordered_moments import sampling_covariance
from belonging_study.scales.structure.polychoric import estimate_ordered
from belonging_study.scales.structure.result import CFAResult, matrix_notes, tidy_estimates
from belonging_study.scales.structure.sample import Sample, read_samples
from belonging_study.scales.structure.syntax import Term
from belonging_study.scales.structure.wlsmv import (
    OrderedFit,
    OrderedSample,
    baseline_tests,
    fit_ordered,
    implied,
    scaled_shifted,
)

__all__ = ["confirm_ordered", "fit_ordered_layout", "read_ordered", "reduce_answers", "start_ordered", "thresholds_of"]

Array = npt.NDArray[np.float64]


def read_ordered(
    terms: Sequence[Term], data: pd.DataFrame, *, group: str | None
) -> tuple[list[OrderedSample], list[str]]:
    """Reduce every group's complete answers to thresholds and correlations, and say who was left out."""
    items = list(layout_of(terms).items)
    ordered, samples, notes = reduce_answers(items, data, group=group)
    categories = [len(np.unique(np.concatenate([s.values[:, i] for s in samples]))) for i in range(len(items))]
    for s in ordered:
        short = [
            f"{item} ({own} of {count})"
            for item, own, count in zip(items, s.reduced.n_categories, categories, strict=True)
            if own < count
        ]
        if short:
            raise DataError(
                f"Some answers are given by nobody in group {s.label}: {', '.join(short)} different answers.",
                remedy="join rare answers with the next ones, or treat the answers as numbers.",
            )
    return ordered, notes


def reduce_answers(
    items: list[str], data: pd.DataFrame, *, group: str | None
) -> tuple[list[OrderedSample], list[Sample], list[str]]:
    """Every group's thresholds and correlations beside the complete answers, and who was left out."""
    samples, notes = read_samples(data, items, group=group, missing="listwise")
    return [_reduce(s, items) for s in samples], samples, notes


def confirm_ordered(
    terms: Sequence[Term],
    samples: Sequence[OrderedSample],
    notes: Sequence[str],
    *,
    equal: Collection[str],
    free: Collection[str],
    std_lv: bool,
    conf_level: float,
) -> CFAResult:
    """WLSMV for answers that are already reduced."""
    layout = layout_of_ordered(
        terms, thresholds_of(terms, samples), n_groups=len(samples), equal=equal, free=free, std_lv=std_lv
    )
    return fit_ordered_layout(layout, samples, notes, conf_level)


def thresholds_of(terms: Sequence[Term], samples: Sequence[OrderedSample]) -> dict[str, int]:
    """How many thresholds each item has."""
    items = layout_of(terms).items
    return {item: count - 1 for item, count in zip(items, samples[0].reduced.n_categories, strict=True)}


def fit_ordered_layout(
    layout: Layout, samples: Sequence[OrderedSample], notes: Sequence[str], conf_level: float
) -> CFAResult:
    """WLSMV of a model that is already laid out."""
    fit = fit_ordered(layout, samples, start_ordered(layout, samples))
    values, improper = _complete_values(fit)
    labels = [s.label for s in samples]
    table = tidy_estimates(layout, labels, (values, fit.covariance), conf_level, _standardised(fit))
    how = "standard errors: robust (WLSMV, thresholds and polychoric correlations); chi-square: scaled and shifted"
    return CFAResult(
        estimates=table,
        fit=_fit_table(fit),
        notes=(*notes, *improper, how),
        n_students={s.label or "all": s.n for s in samples},
        estimator="WLSMV",
        missing="listwise",
        conf_level=conf_level,
        solution=fit,
    )


def _reduce(sample: Sample, items: list[str]) -> OrderedSample:
    found = estimate_ordered(sample.values, items, f"group {sample.label}" if sample.label else "")
    statistics = np.concatenate([*found.thresholds, found.correlations])
    return OrderedSample(sample.label, found, statistics, sampling_covariance(found), sample.n_left_out)


def start_ordered(layout: Layout, ordered: Sequence[OrderedSample]) -> Array:
    """Principal factors of the polychoric correlations, the sample's thresholds, scales of 1."""
    found = np.zeros(len(layout.rows))
    for g, o in enumerate(ordered):
        matrix = np.eye(len(layout.items))
        matrix[o.reduced.first, o.reduced.second] = matrix[o.reduced.second, o.reduced.first] = o.reduced.correlations
        # A ridge, because polychoric correlations need not be positive definite.
        ridge = max(0.0, 0.05 - float(np.linalg.eigvalsh(matrix)[0]))
        correlation = (matrix + ridge * np.eye(len(matrix))) / (1 + ridge)
        found += group_start(layout, correlation, np.zeros(len(matrix)), g)
        for r in np.flatnonzero(layout.group == g):
            if layout.kind[r] == THRESHOLD:
                found[r] = o.reduced.thresholds[layout.row[r]][layout.column[r]]
            elif layout.kind[r] == SCALE:
                found[r] = 1.0
    at = layout.free >= 0
    totals = np.bincount(layout.free[at], weights=found[at], minlength=layout.n_free)
    return np.asarray(totals / np.bincount(layout.free[at], minlength=layout.n_free))


def _residuals(mats: Matrices, scales: Array) -> Array:
    """Residual variances: what the factors leave of an item's variance."""
    return np.asarray(1 / scales**2 - np.einsum("if,fh,ih->i", mats.loadings, mats.factors, mats.loadings))


def _complete_values(fit: OrderedFit) -> tuple[Array, list[str]]:
    """Every row's value with the residual variances that follow, and notes on improper ones."""
    layout, values, notes = fit.layout, fit.values.copy(), []
    for g, s in enumerate(fit.samples):
        _, mats, scales, _ = implied(layout, values, s, g)
        residuals = _residuals(mats, scales)
        own = (layout.group == g) & (layout.kind == RESIDUAL) & (layout.row == layout.column)
        values[own] = residuals[layout.row[own]]
        whole = mats.residuals + np.diag(residuals)
        notes += matrix_notes(
            layout, Matrices(mats.loadings, whole, mats.factors, mats.intercepts, mats.means), s.label
        )
    return values, list(dict.fromkeys(notes))


def _standardised(fit: OrderedFit) -> tuple[Array, Array]:
    """Standardised values with delta-method errors by central differences."""
    base = _standardise(fit, fit.theta)
    jacobian = np.zeros((len(base), len(fit.theta)))
    for place, value in enumerate(fit.theta):
        step = 1e-5 * max(1.0, abs(value))
        moved = [fit.theta.copy() for _ in range(2)]
        moved[0][place] += step
        moved[1][place] -= step
        jacobian[:, place] = (_standardise(fit, moved[0]) - _standardise(fit, moved[1])) / (2 * step)
    variance = np.einsum("ra,ab,rb->r", jacobian, fit.covariance, jacobian, optimize=True)
    return base, np.sqrt(np.maximum(variance, 0.0))


def _standardise(fit: OrderedFit, theta: Array) -> Array:
    layout = fit.layout
    values = np.where(layout.free >= 0, theta[layout.free], layout.fixed)
    found = np.full(len(values), np.nan)
    for g, s in enumerate(fit.samples):
        _, mats, scales, _ = implied(layout, values, s, g)
        residuals = _residuals(mats, scales)
        sd = np.sqrt(np.where(np.diag(mats.factors) > 0, np.diag(mats.factors), np.nan))
        residual_sd = np.sqrt(np.where(residuals > 0, residuals, np.nan))
        for r in np.flatnonzero(layout.group == g):
            kind, i, j = layout.kind[r], layout.row[r], layout.column[r]
            if kind == THRESHOLD:
                found[r] = values[r] * scales[i]
            elif kind == SCALE:
                found[r] = 1.0
            elif kind == RESIDUAL and i == j:
                found[r] = residuals[i] * scales[i] ** 2
            elif kind == RESIDUAL:
                found[r] = values[r] / (residual_sd[i] * residual_sd[j])
            elif kind == INTERCEPT:
                found[r] = values[r] * scales[i]
            elif kind == MEAN:
                found[r] = values[r] / sd[i]
            elif layout.rows[r].op == "~~":
                found[r] = values[r] / (sd[i] * sd[j])
            else:
                found[r] = values[r] * sd[j] * scales[i]
    return found


def _fit_table(fit: OrderedFit) -> pd.DataFrame:
    chi2, factor, shift = scaled_shifted(fit)
    base_raw, base_df, base = baseline_tests(fit.samples)
    excess, base_excess = chi2 - fit.df, base - base_df
    worst = max(excess, base_excess, 0.0)
    rmsea, low, high = rmsea_of(chi2, fit.df, fit.n, len(fit.samples))
    row = {
        "n": fit.n,
        "n_groups": len(fit.samples),
        "n_parameters": fit.layout.n_free,
        "chi2": chi2,
        "df": fit.df,
        "p_value": chi_square_tail(chi2, fit.df),
        "scaling_factor": factor,
        "shift": shift,
        "chi2_unscaled": fit.chi2,
        "cfi": 1.0 if worst == 0 else 1 - max(excess, 0.0) / worst,
        "tli": 1 - excess * base_df / (base_excess * fit.df) if fit.df and base_excess > 0 else 1.0,
        "rmsea": rmsea,
        "rmsea_low": low,
        "rmsea_high": high,
        "srmr": _srmr(fit),
        "baseline_chi2": base,
        "baseline_chi2_unscaled": base_raw,
        "baseline_df": base_df,
    }
    return pd.DataFrame([row])


def _srmr(fit: OrderedFit) -> float:
    """Root mean square of the residual correlations, the diagonal's zeros counted; n-weighted groups."""
    found, p = 0.0, len(fit.layout.items)
    for g, s in enumerate(fit.samples):
        gap = (s.statistics - implied(fit.layout, fit.values, s, g)[0])[s.n_thresholds :]
        found += s.n / fit.n * math.sqrt(float(gap @ gap) / (p * (p + 1) / 2))
    return found
