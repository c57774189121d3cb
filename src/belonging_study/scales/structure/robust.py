"""Standard errors and a scaled chi-square that do not need normally distributed answers (MLR)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from belonging_study.scales.structure.estimate import Fit, maximise
from belonging_study.scales.structure.layout import saturated_layout
from belonging_study.scales.structure.likelihood import derivatives, people_scores
from belonging_study.scales.structure.sample import Sample

__all__ = ["robust_covariance", "saturated_covariance", "saturated_trace", "scaling_factor"]

Array = npt.NDArray[np.float64]


def robust_covariance(fit: Fit) -> Array:
    """Huber-White covariance of the estimates, observed information as bread.

    White, H. (1982). Maximum likelihood estimation of misspecified models. *Econometrica, 50*, 1-25.
    """
    bread = np.linalg.inv(fit.information(observed=True))
    return np.asarray(bread @ _cross_products(fit) @ bread)


def scaling_factor(fit: Fit, saturated: float) -> float:
    """Factor by which the chi-square is divided: Yuan and Bentler's, in the form that Mplus computes.

    ``saturated`` is ``saturated_trace`` of the same samples; NaN where the model has no degrees of freedom.

    Yuan, K.-H., & Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure analysis with
    nonnormal missing data. *Sociological Methodology, 30*, 165-200.
    """
    if fit.layout.df == 0:
        return float("nan")
    model = float(np.trace(np.linalg.solve(fit.information(observed=True), _cross_products(fit))))
    return (saturated - model) / fit.layout.df


def saturated_trace(samples: Sequence[Sample], *, means: bool) -> float:
    """Trace of inverse information times cross-products of scores, of free covariances and, with ``means``, means."""
    total = 0.0
    for sample in samples:
        p = len(sample.mean)
        if len(sample.counts) == 1 and bool(sample.seen.all()):
            # With complete answers the trace follows from Mardia's kurtosis.
            centred = sample.values - sample.mean
            distance = np.einsum("ij,ij->i", centred @ np.linalg.inv(sample.covariance), centred)
            total += 0.5 * (float((distance**2).mean()) - p) + (p if means else 0)
            continue
        fit = _saturated(sample)
        total += float(np.trace(np.linalg.solve(fit.information(observed=True), _cross_products(fit))))
    return total


def saturated_covariance(sample: Sample, *, robust: bool) -> Array:
    """Sampling covariance of a group's maximum-likelihood means; needed where answers are missing."""
    fit = _saturated(sample)
    covariance = robust_covariance(fit) if robust else np.linalg.inv(fit.information(observed=True))
    p = len(sample.mean)
    return np.asarray(covariance[-p:, -p:])


def _saturated(sample: Sample) -> Fit:
    """All means and covariances of a group free."""
    p = len(sample.mean)
    layout = saturated_layout([str(i) for i in range(p)])
    return maximise(layout, [sample], np.concatenate([sample.covariance[np.triu_indices(p)], sample.mean]))


def _cross_products(fit: Fit) -> Array:
    """Sum over people of the outer product of their scores, by free parameter."""
    layout = fit.layout
    found = np.zeros((layout.n_free, layout.n_free))
    for g, point in enumerate(fit.points):
        rows = np.flatnonzero((layout.group == g) & (layout.free >= 0))
        d_sigma, _ = derivatives(layout, point.mats, rows)
        scores = people_scores(layout, point, rows, d_sigma, means=layout.means)
        at = layout.free[rows]
        np.add.at(found, np.ix_(at, at), scores.T @ scores)
    return found
