"""Turn factors towards simple structure: direct oblimin and varimax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Rotated", "oblimin", "ordered", "unrotated", "varimax"]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 3000
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Rotated:
    """Pattern loadings, shape (items, factors), the factors' correlations, and whether the rotation converged."""

    loadings: Array
    correlations: Array
    converged: bool


def unrotated(loadings: Array) -> Rotated:
    """Leave the factors where the extraction put them."""
    return Rotated(loadings, np.eye(loadings.shape[1]), True)


def varimax(loadings: Array) -> Rotated:
    """Varimax with Kaiser's normalisation (Kaiser 1958), by singular value decompositions."""
    turn, converged = _varimax_turn(loadings)
    return Rotated(loadings @ turn, np.eye(loadings.shape[1]), converged)


def oblimin(loadings: Array, *, tries: tuple[str, ...] = ("unrotated", "varimax")) -> Rotated:
    """Direct oblimin with gamma 0 and no normalisation, by gradient projection (Jennrich 2002); the best try."""
    found = []
    for name in tries:
        start = np.eye(loadings.shape[1]) if name == "unrotated" else _varimax_turn(loadings)[0]
        found.append(_quartimin(loadings, start))
    _, turn, converged = min(found, key=lambda one: (not one[2], one[0]))
    return Rotated(loadings @ np.linalg.inv(turn).T, turn.T @ turn, converged)


def ordered(rotated: Rotated) -> Rotated:
    """Factors by the variance they explain, the largest first, each with a positive sum of loadings."""
    explained = np.diag(rotated.correlations @ rotated.loadings.T @ rotated.loadings)
    order = np.argsort(-explained, kind="stable")
    sign = np.where(rotated.loadings[:, order].sum(axis=0) < 0, -1.0, 1.0)
    return Rotated(
        rotated.loadings[:, order] * sign,
        rotated.correlations[np.ix_(order, order)] * np.outer(sign, sign),
        rotated.converged,
    )


def _varimax_turn(loadings: Array) -> tuple[Array, bool]:
    p, k = loadings.shape
    length = np.sqrt((loadings**2).sum(axis=1))
    scaled = loadings / np.where(length > 0, length, 1.0)[:, None]
    turn, reached = np.eye(k), 0.0
    for _ in range(_MAX_STEPS):
        turned = scaled @ turn
        left, values, right = np.linalg.svd(scaled.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        turn = left @ right
        before, reached = reached, float(values.sum())
        if reached - before <= 1e-14 * max(reached, p * 1e-14):
            return np.asarray(turn), True
    return np.asarray(turn), False


def _quartimin(loadings: Array, start: Array) -> tuple[float, Array, bool]:
    """Criterion, transformation and whether it converged."""
    turn, length = start, 1.0
    inverse = np.linalg.inv(turn)
    value, slope = _criterion(loadings @ inverse.T)
    size = np.inf
    for _ in range(_MAX_STEPS):
        gradient = -((loadings @ inverse.T).T @ slope @ inverse).T
        projected = gradient - turn * (turn * gradient).sum(axis=0)
        size = float(np.sqrt((projected**2).sum()))
        if size < _TOLERANCE:
            break
        length *= 2
        for _ in range(40):
            trial = turn - length * projected
            trial = trial / np.sqrt((trial**2).sum(axis=0))
            trial_inverse = np.linalg.inv(trial)
            trial_value, trial_slope = _criterion(loadings @ trial_inverse.T)
            if trial_value < value - 0.5 * size**2 * length:
                break
            length /= 2
        else:
            break  # no step improves any more: as near as the numbers allow
        turn, inverse, value, slope = trial, trial_inverse, trial_value, trial_slope
    return value, turn, size < 1e-5


def _criterion(turned: Array) -> tuple[float, Array]:
    """Products of squared loadings over pairs of factors, and their derivative."""
    squared = turned**2
    others = squared.sum(axis=1, keepdims=True) - squared
    return float((squared * others).sum() / 4), turned * others
