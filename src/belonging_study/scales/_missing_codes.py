"""Find codes for "no answer" that were left among the answers as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from belonging_study.errors import ValueRangeError

__all__ = ["refuse_missing_codes"]

_CODES = [
    -9,
    -8,
    -7,
    *(sign * code for code in (77, 88, 97, 98, 99, 777, 888, 997, 998, 999, 9999) for sign in (1, -1)),
]
_HIGHEST = 12
"""Forms number their answers from 0 or 1 to this at most; sliders to 100 are left alone."""


def refuse_missing_codes(values: npt.NDArray[np.float64], names: Sequence[str]) -> None:
    """Raise ValueRangeError where an item has a usual missing code beside answers numbered from 0 to 12."""
    found = []
    for name, column in zip(names, values.T, strict=True):
        coded = np.isin(column, _CODES)
        if not coded.any() or (coded | np.isnan(column)).all():
            continue
        others = column[~coded & ~np.isnan(column)]
        low, high = float(others.min()), float(others.max())
        if low < 0 or high > _HIGHEST or bool((others % 1 != 0).any()):
            continue
        codes, counts = np.unique(column[coded], return_counts=True)
        told = ", ".join(f"{code:g} appears {n} times" for code, n in zip(codes, counts, strict=True))
        found.append(f"{name}: {told} beside answers from {low:g} to {high:g}")
    if found:
        raise ValueRangeError(
            f"{len(found)} item{' holds' if len(found) == 1 else 's hold'} what looks like a missing code.",
            where="; ".join(found),
            remedy="declare such codes as missing, so that they are empty cells here.",
        )
