"""Common factors of a correlation matrix, by maximum likelihood or least squares, before any rotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DataError

__all__ = ["LOWEST_UNIQUENESS", "Extracted", "extract"]

Array = npt.NDArray[np.float64]

LOWEST_UNIQUENESS = 0.005
"""The usual bound: a smaller uniqueness is a Heywood case, stays at the bound and is told."""

_SLOPE = 1e-5


@dataclass(frozen=True)
class Extracted:
    """Unrotated loadings, shape (items, factors), uniquenesses, and the discrepancy at its minimum."""

    loadings: Array
    uniquenesses: Array
    discrepancy: float

    @property
    def heywood(self) -> tuple[int, ...]:
        """Positions of the items whose uniqueness is at its bound."""
        return tuple(int(i) for i in np.flatnonzero(self.uniquenesses <= LOWEST_UNIQUENESS * (1 + 1e-6)))


def extract(matrix: Array, n_factors: int, method: str, start: Array | None = None) -> Extracted:
    """Minimise the discrepancy over the uniquenesses alone (Jöreskog 1967; Harman & Jones 1966)."""
    from scipy.optimize import minimize

    value_and_slope = _likelihood if method == "ml" else _least_squares
    found = minimize(
        value_and_slope,
        _start(matrix, n_factors) if start is None else start,
        args=(matrix, n_factors),
        jac=True,
        method="L-BFGS-B",
        bounds=[(LOWEST_UNIQUENESS, 1.0)] * len(matrix),
        options={"ftol": 1e-16, "gtol": 1e-9, "maxiter": 2000, "maxcor": 20},
    )
    uniquenesses = np.asarray(found.x, dtype=np.float64)
    value, slope = value_and_slope(uniquenesses, matrix, n_factors)
    held = (uniquenesses <= LOWEST_UNIQUENESS) & (slope > 0) | (uniquenesses >= 1) & (slope < 0)
    if not np.isfinite(value) or float(np.abs(np.where(held, 0.0, slope)).max()) > _SLOPE:
        raise DataError(
            f"The extraction of {n_factors} factor{'' if n_factors == 1 else 's'} from {len(matrix)} items did not "
            "converge.",
            remedy="ask for fewer factors, or leave out items that are unrelated to the rest.",
        )
    return Extracted(_loadings(uniquenesses, matrix, n_factors, method), uniquenesses, value)


def _start(matrix: Array, n_factors: int) -> Array:
    """Uniquenesses that the items' regressions on one another suggest; a half where there is no inverse."""
    values = np.linalg.eigvalsh(matrix)
    if values[0] < 1e-10:
        return np.full(len(matrix), 0.5)
    known = (1 - 0.5 * n_factors / len(matrix)) / np.diag(np.linalg.inv(matrix))
    return np.asarray(np.clip(known, 0.01, 0.99))


def _likelihood(uniquenesses: Array, matrix: Array, n_factors: int) -> tuple[float, Array]:
    """Normal-theory discrepancy log|Sigma| + tr(R Sigma^-1) - log|R| - p, at the best loadings."""
    root = np.sqrt(uniquenesses)
    values, vectors = np.linalg.eigh(matrix / np.outer(root, root))
    left = np.maximum(values[: len(values) - n_factors], 1e-300)
    kept = vectors[:, len(values) - n_factors :]
    strength = np.maximum(values[len(values) - n_factors :] - 1, 0.0)
    fitted = uniquenesses * (kept**2 @ strength) + uniquenesses
    return float((left - np.log(left) - 1).sum()), (fitted - np.diag(matrix)) / uniquenesses**2


def _least_squares(uniquenesses: Array, matrix: Array, n_factors: int) -> tuple[float, Array]:
    """Half the sum of squared residual correlations, at the best loadings."""
    values, vectors = np.linalg.eigh(matrix - np.diag(uniquenesses))
    cut = len(values) - n_factors
    # A factor cannot have negative variance: such a root stays in the residual.
    left = np.concatenate([values[:cut], np.minimum(values[cut:], 0.0)])
    return float(0.5 * (left**2).sum()), np.asarray(-(vectors**2 @ left))


def _loadings(uniquenesses: Array, matrix: Array, n_factors: int, method: str) -> Array:
    root = np.sqrt(uniquenesses) if method == "ml" else np.ones(len(matrix))
    reduced = matrix / np.outer(root, root) - (np.eye(len(matrix)) if method == "ml" else np.diag(uniquenesses))
    values, vectors = np.linalg.eigh(reduced)
    order = np.argsort(values)[::-1][:n_factors]
    return np.asarray(root[:, None] * vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0)))
