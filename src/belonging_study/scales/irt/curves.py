"""Chance of each answer to an item, given where a person stands, in the two models.

An item has a slope ``a`` and an intercept per step. Graded response: the chance of answer c or a higher one is the
logistic function of a theta + d_c, with falling d. Generalised partial credit: the log odds of answer c against c - 1
are a theta + d_c. The usual location of a step is -d / a.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Curve", "Model", "curve", "parameter_slopes"]

Array = npt.NDArray[np.float64]
Model = Literal["graded", "gpcm"]

_TINY = 1e-300


@dataclass(frozen=True)
class Curve:
    """Chances of an item's answers and their first two derivatives by theta: each of shape (answers, thetas)."""

    chance: Array
    first: Array
    second: Array

    @property
    def log_chance(self) -> Array:
        """Logarithm of the chances."""
        return np.log(np.maximum(self.chance, _TINY))

    @property
    def score(self) -> Array:
        """Derivative of the log chance."""
        return self.first / np.maximum(self.chance, _TINY)

    @property
    def information(self) -> Array:
        """Expected information about theta: shape (thetas,)."""
        return np.asarray((self.first * self.score).sum(axis=0))

    @property
    def bias(self) -> Array:
        """Warm's J, the sum of first times second derivative over chance: shape (thetas,)."""
        return np.asarray((self.second * self.score).sum(axis=0))


def curve(model: Model, values: Array, theta: Array) -> Curve:
    """Chances at every theta; ``values`` is the slope, then the intercepts."""
    a, steps = values[0], values[1:]
    if model == "graded":
        density, change = _densities(a, steps, theta)
        first, second = density[:-1] - density[1:], change[:-1] - change[1:]
        return Curve(_graded_chance(a, steps, theta), a * first, a * a * second)
    exponent = np.concatenate([np.zeros((1, len(theta))), np.cumsum(a * theta + steps[:, None], axis=0)])
    weight = np.exp(exponent - exponent.max(axis=0))
    chance = weight / weight.sum(axis=0)
    grade = np.arange(len(values))[:, None] * np.ones_like(theta)
    centred = grade - (grade * chance).sum(axis=0)
    spread = (centred**2 * chance).sum(axis=0)
    return Curve(chance, a * centred * chance, a * a * (centred**2 - spread) * chance)


def parameter_slopes(model: Model, values: Array, theta: Array) -> Array:
    """Derivatives of each answer's log chance by slope and intercepts: shape (parameters, answers, thetas)."""
    a, steps = values[0], values[1:]
    found = np.empty((len(values), len(values), len(theta)))
    at = curve(model, values, theta)
    if model == "graded":
        density, _ = _densities(a, steps, theta)
        inverse = 1 / np.maximum(at.chance, _TINY)
        for v in range(len(steps)):
            alone = np.zeros_like(at.chance)
            alone[v + 1], alone[v] = density[v + 1], -density[v + 1]
            found[v + 1] = alone * inverse
    else:
        reached = np.cumsum(at.chance[::-1], axis=0)[::-1]
        for v in range(len(steps)):
            found[v + 1] = (np.arange(len(values)) > v)[:, None] - reached[v + 1]
    # Both models depend on a theta + d alone.
    found[0] = theta * found[1:].sum(axis=0)
    return found


def _densities(a: float, steps: Array, theta: Array) -> tuple[Array, Array]:
    """Two derivatives, by a theta + d, of the chance of each answer or a higher one; 0 at both ends."""
    inner = a * theta + steps[:, None]
    small = np.exp(-np.abs(inner))
    density = small / (1 + small) ** 2
    change = density * -np.tanh(inner / 2)
    edge = np.zeros((1, len(theta)))
    return np.concatenate([edge, density, edge]), np.concatenate([edge, change, edge])


def _graded_chance(a: float, steps: Array, theta: Array) -> Array:
    """Differences of logistic functions without loss of digits.

    logistic(u) - logistic(v) = logistic(u) logistic(-v) (1 - exp(v - u)).
    """
    upper = a * theta + np.concatenate([[np.inf], steps])[:, None]
    lower = a * theta + np.concatenate([steps, [-np.inf]])[:, None]
    log = -np.logaddexp(0, -upper) - np.logaddexp(0, lower)
    return np.asarray(np.exp(log) * -np.expm1(lower - upper))
