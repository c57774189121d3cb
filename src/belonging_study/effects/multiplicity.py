"""P values adjusted for the number of tests."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from belonging_study.errors import ParameterError, ValueRangeError

__all__ = ["adjust_p_values"]


def adjust_p_values(p: npt.ArrayLike, method: Literal["holm", "bh"] = "holm") -> npt.NDArray[np.float64]:
    """Adjust the p values of one family of tests, for example one outcome domain.

    Parameters
    ----------
    p : array_like
        Unadjusted p values, shape (tests,). Missing values are not allowed: a test that was not made is not in the
        family.
    method : {"holm", "bh"}
        ``holm`` controls the chance of any false rejection (Holm 1979, Scandinavian Journal of Statistics 6, 65-70);
        ``bh`` the expected share of false ones (Benjamini & Hochberg 1995, JRSS B 57, 289-300).

    Returns
    -------
    numpy.ndarray
        Adjusted p values in the order given, shape (tests,).

    Raises
    ------
    ValueRangeError
        If a value is missing or outside 0 to 1.
    ParameterError
        If the method is unknown.

    Examples
    --------
    >>> adjust_p_values([0.002, 0.009, 0.012, 0.041, 0.20], "holm")
    array([0.01 , 0.036, 0.036, 0.082, 0.2  ])
    """
    values = np.asarray(p, dtype=np.float64)
    n_bad = int((~((values >= 0) & (values <= 1))).sum())
    if n_bad:
        raise ValueRangeError(
            f"{n_bad} of {values.size} p values are missing or outside 0 to 1.", remedy="leave out tests not made."
        )
    m = values.size
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, m + 1)
    if method == "holm":
        adjusted = np.maximum.accumulate((m - ranks + 1) * values[order])
    elif method == "bh":
        adjusted = np.minimum.accumulate((m / ranks * values[order])[::-1])[::-1]
    else:
        raise ParameterError(f'"{method}" is not a method of adjustment.', remedy='use "holm" or "bh".')
    out = np.empty(m)
    out[order] = np.minimum(adjusted, 1.0)
    return out
