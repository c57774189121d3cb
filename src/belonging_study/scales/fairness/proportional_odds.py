"""The proportional odds model of an ordered answer: logit P(answer <= j) = cut_j - x b."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ProportionalOdds", "proportional_odds"]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 60
_TOLERANCE = 1e-12
# A slope this steep per standard deviation means that the answers can be told from the predictors without error.
_STEEP = 30.0


@dataclass(frozen=True)
class ProportionalOdds:
    """Log-likelihood and slopes (log odds of a higher answer, per unit of the predictor)."""

    log_likelihood: float
    slopes: Array


def proportional_odds(codes: npt.NDArray[np.int64], predictors: Array, counts: Array) -> ProportionalOdds | None:
    """Maximum likelihood by Newton's steps; None where it has no maximum (the predictors separate the answers).

    ``codes`` holds categories 0, 1, ..., each at least once; ``predictors`` has shape (rows, predictors), without a
    constant; ``counts`` says how many people a row stands for.

    McCullagh, P. (1980). Regression models for ordinal data. *Journal of the Royal Statistical Society B, 42*, 109-142.
    """
    n = counts.sum()
    centre = counts @ predictors / n
    spread = np.sqrt(counts @ (predictors - centre) ** 2 / n)
    x = (predictors - centre) / spread
    shares = np.cumsum(np.bincount(codes, weights=counts))[:-1] / n
    theta = np.concatenate([np.log(shares / (1 - shares)), np.zeros(x.shape[1])])
    value, slope, curve = _likelihood(codes, x, counts, theta)
    for _ in range(_MAX_STEPS):
        step = np.linalg.lstsq(-curve, slope, rcond=1e-14)[0]
        length = 1.0
        while length > 1e-8:
            trial = _likelihood(codes, x, counts, theta + length * step)
            if trial[0] >= value - 1e-12 * abs(value):
                break
            length /= 2
        else:
            return None
        theta = theta + length * step
        value, slope, curve = trial
        slopes = theta[len(shares) :]
        if np.abs(slopes).max(initial=0.0) > _STEEP:
            return None
        if float(step @ slope) < _TOLERANCE * n and float(np.abs(step).max()) < 1e-6:
            return ProportionalOdds(value, slopes / spread)
    return None


def _likelihood(codes: npt.NDArray[np.int64], x: Array, counts: Array, theta: Array) -> tuple[float, Array, Array]:
    """Log-likelihood, gradient and second derivatives; minus infinity where the cuts are out of order."""
    from scipy.special import expit

    n_cuts = len(theta) - x.shape[1]
    cuts, eta = theta[:n_cuts], x @ theta[n_cuts:]
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])
    upper, lower = expit(edges[codes + 1] - eta), expit(edges[codes] - eta)
    probability = upper - lower
    if not bool((probability > 0).all()):
        return -np.inf, np.zeros_like(theta), np.eye(len(theta))
    density_u, density_l = upper * (1 - upper), lower * (1 - lower)
    a, b = density_u / probability, density_l / probability
    onehot = np.eye(n_cuts + 2)[:, 1:-1]
    by_u, by_l = np.hstack([onehot[codes + 1], -x]), np.hstack([onehot[codes], -x])
    gradient = by_u.T @ (counts * a) - by_l.T @ (counts * b)
    uu = counts * (a * (1 - 2 * upper) - a**2)
    ll = counts * (-b * (1 - 2 * lower) - b**2)
    cross = (by_u * (counts * a * b)[:, None]).T @ by_l
    curve = (by_u * uu[:, None]).T @ by_u + (by_l * ll[:, None]).T @ by_l + cross + cross.T
    return float(counts @ np.log(probability)), gradient, curve
