"""Estimates in standard deviations of items and factors, with standard errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from belonging_study.scales.structure.estimate import Fit
from belonging_study.scales.structure.layout import FACTOR, INTERCEPT, LOADING, MEAN, RESIDUAL, Layout
from belonging_study.scales.structure.likelihood import Matrices, derivatives

__all__ = ["standardised"]

Array = npt.NDArray[np.float64]


def standardised(fit: Fit, covariance: Array) -> tuple[Array, Array]:
    """Every row's completely standardised value and its standard error by the delta method; NaN where none exists.

    ``covariance`` is that of the free parameters. A value needs positive variances of its item and its factor.
    """
    layout = fit.layout
    values, errors = np.full(len(layout.rows), np.nan), np.full(len(layout.rows), np.nan)
    for g, point in enumerate(fit.points):
        rows = np.flatnonzero(layout.group == g)
        d_sigma, _ = derivatives(layout, point.mats, rows)
        of_items = np.einsum("rii->ir", d_sigma)
        scaled, slopes = _scaled(layout, point.mats, rows, fit.values[rows], of_items)
        free = layout.free[rows]
        jacobian = np.zeros((len(rows), layout.n_free))
        for local, place in enumerate(free):
            if place >= 0:
                jacobian[:, place] += slopes[:, local]
        variance = np.einsum("ra,ab,rb->r", jacobian, covariance, jacobian, optimize=True)
        values[rows] = scaled
        errors[rows] = np.where(np.isfinite(scaled), np.sqrt(np.maximum(variance, 0.0)), np.nan)
    return values, errors


def _scaled(
    layout: Layout, mats: Matrices, rows: npt.NDArray[np.int64], own: Array, of_items: Array
) -> tuple[Array, Array]:
    """Value times powers of variances, and its derivatives by the group's rows."""
    n = len(rows)
    kind, i, j = layout.kind[rows], layout.row[rows], layout.column[rows]
    of_factors = np.zeros((len(layout.factors), n))
    of_residuals = np.zeros((len(layout.items), n))
    for local in range(n):
        if i[local] == j[local] and kind[local] == FACTOR:
            of_factors[i[local], local] = 1.0
        elif i[local] == j[local] and kind[local] == RESIDUAL:
            of_residuals[i[local], local] = 1.0
    item, factor, residual = np.diag(mats.sigma), np.diag(mats.factors), np.diag(mats.residuals)
    scaled, slopes = np.empty(n), np.zeros((n, n))
    for local in range(n):
        a, b = i[local], j[local]
        # Which variances the value is divided or multiplied by: (variance, its derivatives, power).
        if kind[local] == LOADING:
            parts = [(factor[b], of_factors[b], 0.5), (item[a], of_items[a], -0.5)]
        elif kind[local] == FACTOR:
            parts = [(factor[a], of_factors[a], -0.5), (factor[b], of_factors[b], -0.5)]
        elif kind[local] == RESIDUAL and a == b:
            parts = [(item[a], of_items[a], -1.0)]
        elif kind[local] == RESIDUAL:
            parts = [(residual[a], of_residuals[a], -0.5), (residual[b], of_residuals[b], -0.5)]
        elif kind[local] == INTERCEPT:
            parts = [(item[a], of_items[a], -0.5)]
        else:
            assert kind[local] == MEAN
            parts = [(factor[a], of_factors[a], -0.5)]
        if any(variance <= 0 for variance, _, _ in parts):
            scaled[local] = np.nan
            continue
        multiplier = float(np.prod([variance**power for variance, _, power in parts]))
        scaled[local] = own[local] * multiplier
        slopes[local, local] = multiplier
        for variance, by, power in parts:
            slopes[local] += scaled[local] * power / variance * by
    return scaled, slopes
