"""The correlations that exploratory methods start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales._answers import complete_answers
from belonging_study.scales._missing_codes import refuse_missing_codes
from belonging_study.scales.structure.polychoric import polychoric

__all__ = ["Correlated", "check_correlation", "correlate", "refuse_dependent"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correlated:
    """Complete answers, shape (people, items), and their correlations."""

    values: Array
    matrix: Array
    names: list[str]
    n_dropped: int


def check_correlation(correlation: str) -> None:
    """Raise ParameterError for a correlation that is not offered."""
    if correlation not in ("pearson", "polychoric"):
        raise ParameterError(f'`correlation` must be "pearson" or "polychoric"; it is {correlation!r}.')


def correlate(items: pd.DataFrame, correlation: str, *, at_least: int) -> Correlated:
    """Correlations of the people who answered every item."""
    check_correlation(correlation)
    values, n_dropped = complete_answers(items, at_least=at_least)
    names = [str(name) for name in items.columns]
    refuse_missing_codes(values, names)
    if correlation == "pearson":
        matrix = np.asarray(np.corrcoef(values, rowvar=False), dtype=np.float64)
    else:
        matrix = polychoric(pd.DataFrame(values, columns=names)).correlations.to_numpy(dtype=np.float64, copy=True)
    return Correlated(values, matrix, names, n_dropped)


def refuse_dependent(matrix: Array, correlation: str) -> None:
    """Raise DataError where the correlations have no inverse."""
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest > 1e-10:
        return
    k = len(matrix)
    if correlation == "polychoric":
        raise DataError(
            f"The polychoric correlations of the {k} items do not fit together: their smallest eigenvalue is "
            f"{smallest:.3g}.",
            remedy="join rare answers, leave out items that nearly repeat another, or take Pearson correlations.",
        )
    raise DataError(
        f"The {k} items are linearly dependent: one can be computed from the others.",
        remedy="look for an item that was entered twice, or a total among the items.",
    )
