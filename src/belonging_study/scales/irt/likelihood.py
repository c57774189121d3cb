"""The marginal likelihood of the answers, its slope and its information, by quadrature over a standard normal trait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.scales.irt.curves import Model, curve, parameter_slopes

__all__ = ["NODES", "PRIOR", "Likelihood", "Point"]

Array = npt.NDArray[np.float64]

NODES: Array = np.linspace(-6, 6, 101)
"""Evenly spaced: for a smooth, fast falling integrand the plain sum is exact to many digits, also for long scales."""

PRIOR: Array = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()

_STEP = 1e-5


@dataclass(frozen=True)
class Point:
    """The likelihood at one set of parameters: ``posterior`` has a row a pattern and a column a node."""

    value: float
    posterior: Array
    expected: Array
    gradient: Array


@dataclass(frozen=True)
class Likelihood:
    """Patterns of answers with their numbers of people.

    ``chosen`` has a row a pattern and a column an answer of an item, 1 where it was given; ``counts`` holds the people
    with that pattern, ``n_answers`` the answers of each item.
    """

    model: Model
    chosen: Array
    counts: Array
    n_answers: tuple[int, ...]

    @property
    def n(self) -> float:
        """People."""
        return float(self.counts.sum())

    def split(self, values: Array) -> list[Array]:
        """Each item's slope and intercepts."""
        return np.split(values, np.cumsum(self.n_answers)[:-1])

    def at(self, values: Array) -> Point:
        """Log-likelihood, posterior of every pattern, expected answers at every node, and the gradient."""
        parts = self.split(values)
        logs = np.concatenate([curve(self.model, part, NODES).log_chance for part in parts])
        joint = self.chosen @ logs + np.log(PRIOR)
        highest = joint.max(axis=1, keepdims=True)
        posterior = np.exp(joint - highest)
        total = posterior.sum(axis=1, keepdims=True)
        posterior /= total
        value = float(self.counts @ (highest + np.log(total))[:, 0])
        expected = self.chosen.T @ (self.counts[:, None] * posterior)
        pieces = np.split(expected, np.cumsum(self.n_answers)[:-1])
        slopes = [self._item_gradient(part, mine) for part, mine in zip(parts, pieces, strict=True)]
        return Point(value, posterior, expected, np.concatenate(slopes))

    def information(self, values: Array, point: Point) -> tuple[Array, Array]:
        """Observed information by Louis's (1982) formula, and that of the data if the trait were seen."""
        parts, ends = self.split(values), np.cumsum(self.n_answers)[:-1]
        size = len(values)
        complete, by_answer = np.zeros((size, size)), np.zeros((size, size, len(NODES)))
        means = np.empty((len(self.chosen), size))
        start = 0
        for part, mine in zip(parts, np.split(point.expected, ends), strict=True):
            at = slice(start, start + len(part))
            complete[at, at] = -self._item_curvature(part, mine)
            slopes = parameter_slopes(self.model, part, NODES)
            by_answer[at, at] = slopes
            for number, slope in enumerate(slopes):
                means[:, start + number] = ((point.posterior @ slope.T) * self.chosen[:, at]).sum(axis=1)
            start += len(part)
        missing = -(means.T * self.counts) @ means
        for node in np.flatnonzero(self.counts @ point.posterior > 1e-9 * self.n):
            weight = self.counts * point.posterior[:, node]
            together = (self.chosen.T * weight) @ self.chosen
            missing += by_answer[:, :, node] @ together @ by_answer[:, :, node].T
        return complete - missing, complete

    def _item_gradient(self, part: Array, expected: Array) -> Array:
        return np.asarray(np.einsum("pcq,cq->p", parameter_slopes(self.model, part, NODES), expected))

    def _item_curvature(self, part: Array, expected: Array) -> Array:
        """Second derivatives of one item's expected log-likelihood, by differences of its exact gradient."""
        rows = []
        for number in range(len(part)):
            shift = np.zeros(len(part))
            shift[number] = _STEP
            ahead, behind = self._item_gradient(part + shift, expected), self._item_gradient(part - shift, expected)
            rows.append((ahead - behind) / (2 * _STEP))
        found = np.array(rows)
        return np.asarray((found + found.T) / 2)
