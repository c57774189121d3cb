"""Figures of a scale that its items' covariance matrix determines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DataError

__all__ = ["alpha_of", "rest_correlations", "unreversed_note"]


def alpha_of(covariance: npt.NDArray[np.float64]) -> float:
    """Coefficient alpha of a covariance matrix; DataError where the total does not vary."""
    k = len(covariance)
    total, own = float(covariance.sum()), float(np.trace(covariance))
    if total <= 1e-12 * own:
        raise DataError(
            f"The total of the {k} items does not vary: their answers cancel out.",
            remedy="check which items are reverse-worded.",
        )
    return k / (k - 1) * (1 - own / total)


def rest_correlations(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlation of each item with the sum of the others; NaN where that sum does not vary."""
    variances = np.diag(covariance)
    with_rest = covariance.sum(axis=1) - variances
    rest = covariance.sum() - 2 * with_rest - variances
    rest = np.where(rest > 1e-12 * variances.sum(), rest, np.nan)
    return np.asarray(with_rest / np.sqrt(variances * rest))


def unreversed_note(names: list[str], correlations: npt.NDArray[np.float64]) -> str:
    """Name the items that correlate negatively with the rest; empty where none does."""
    found = [f"{name} ({r:.2f})" for name, r in zip(names, correlations, strict=True) if r < 0]
    return f"correlates negatively with the rest, looks unreversed: {', '.join(found)}" if found else ""
