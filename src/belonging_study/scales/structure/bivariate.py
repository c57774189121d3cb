"""The bivariate normal distribution, for whole arrays at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["bivariate_cdf", "bivariate_density"]

Array = npt.NDArray[np.float64]

# Stands for zero and for infinity where Owen's function needs a sign and a finite number.
_TINY = 1e-200
_FAR = 38.0


def bivariate_cdf(x: Array, y: Array, rho: Array) -> Array:
    """Probability that two standard normals of correlation rho are below x and y; arrays broadcast, infinities allowed.

    Owen, D. B. (1956). Tables for computing bivariate normal probabilities. *Annals of Mathematical Statistics, 27*,
    1075-1090.
    """
    from scipy.special import ndtr, owens_t

    h, k, r = (np.asarray(a, dtype=np.float64) for a in np.broadcast_arrays(x, y, rho))
    h, k = np.clip(h, -_FAR, _FAR), np.clip(k, -_FAR, _FAR)
    h, k = np.where(h == 0, _TINY, h), np.where(k == 0, _TINY, k)
    root = np.sqrt((1 - r) * (1 + r))
    found = 0.5 * (ndtr(h) + ndtr(k)) - owens_t(h, (k / h - r) / root) - owens_t(k, (h / k - r) / root)
    return np.asarray(np.clip(found - np.where((h < 0) != (k < 0), 0.5, 0.0), 0.0, 1.0))


def bivariate_density(x: Array, y: Array, rho: Array) -> Array:
    """Density of two standard normals of correlation rho; 0 at infinity."""
    h, k = np.clip(x, -_FAR, _FAR), np.clip(y, -_FAR, _FAR)
    rest = (1 - rho) * (1 + rho)
    return np.asarray(np.exp(-0.5 * (h * h - 2 * rho * h * k + k * k) / rest) / (2 * np.pi * np.sqrt(rest)))
