"""Attrition against the boundaries of the What Works Clearinghouse.

References
----------
What Works Clearinghouse (2020). Standards Handbook, version 4.1, section II.A and table II.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from belonging_study.effects.checks import binary_column, complete_column, require_columns
from belonging_study.errors import DesignError, ParameterError, ValueRangeError

__all__ = ["Attrition", "attrition", "attrition_boundary", "attrition_table"]

Assumption = Literal["cautious", "optimistic"]

#: Highest differential attrition, in percentage points, at each whole per cent of overall attrition from 0.
_BOUNDARY: dict[str, tuple[float, ...]] = {
    "cautious": (
        *(5.7, 5.8, 5.9, 5.9, 6.0, 6.1, 6.2, 6.3, 6.3, 6.3),
        *(6.3, 6.2, 6.2, 6.1, 6.0, 5.9, 5.9, 5.8, 5.7, 5.5),
        *(5.4, 5.3, 5.2, 5.1, 4.9, 4.8, 4.7, 4.5, 4.4, 4.3),
        *(4.1, 4.0, 3.8, 3.6, 3.5, 3.3, 3.2, 3.1, 2.9, 2.8),
        *(2.6, 2.5, 2.3, 2.1, 2.0, 1.8, 1.6, 1.5, 1.3, 1.2),
        *(1.0, 0.9, 0.7, 0.6, 0.4, 0.3, 0.2, 0.0),
    ),
    "optimistic": (
        *(10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.7, 10.8, 10.9, 10.9),
        *(10.9, 10.9, 10.9, 10.8, 10.8, 10.7, 10.6, 10.5, 10.3, 10.2),
        *(10.0, 9.9, 9.7, 9.5, 9.4, 9.2, 9.0, 8.8, 8.6, 8.4),
        *(8.2, 8.0, 7.8, 7.6, 7.4, 7.2, 7.0, 6.7, 6.5, 6.3),
        *(6.0, 5.8, 5.6, 5.3, 5.1, 4.9, 4.6, 4.4, 4.2, 3.9),
        *(3.7, 3.5, 3.2, 3.0, 2.8, 2.6, 2.3, 2.1, 1.9, 1.6),
        *(1.4, 1.1, 0.9, 0.7, 0.5, 0.3),
    ),
}


@dataclass(frozen=True)
class Attrition:
    """Attrition of one level (clusters or students).

    Attributes
    ----------
    overall, differential, treated, comparison : float
        Shares lost: in all, the absolute difference of the arms, and in each arm.
    boundary : float or None
        Highest differential attrition (share) that counts as low at this overall attrition; None where none does.
    assumption : str
        ``cautious`` or ``optimistic``.
    verdict : str
        ``low`` or ``high``.
    """

    overall: float
    differential: float
    treated: float
    comparison: float
    boundary: float | None
    assumption: str
    verdict: str


def attrition_boundary(overall: float, assumption: Assumption = "cautious") -> float | None:
    """Highest differential attrition that counts as low.

    Parameters
    ----------
    overall : float
        Overall attrition, a share from 0 to 1.
    assumption : {"cautious", "optimistic"}
        ``cautious`` where the programme could affect who stays; set by the protocol, not afterwards.

    Returns
    -------
    float or None
        A share. The table has whole per cents; between two, the lower of its neighbours is taken. None beyond the
        table (57% cautious, 65% optimistic).

    Raises
    ------
    ParameterError
        If the share or the assumption is not one.

    Examples
    --------
    >>> attrition_boundary(0.10), attrition_boundary(0.105), attrition_boundary(0.60)
    (0.063, 0.062, None)
    """
    if assumption not in _BOUNDARY:
        raise ParameterError(f'"{assumption}" is not an assumption.', remedy='use "cautious" or "optimistic".')
    if not 0 <= overall <= 1:
        raise ParameterError(f"Overall attrition is {overall}.", remedy="give a share from 0 to 1.")
    table = _BOUNDARY[assumption]
    per_cent = round(100 * overall, 9)
    low, high = math.floor(per_cent), math.ceil(per_cent)
    return None if high >= len(table) else round(min(table[low], table[high]) / 100, 4)


def attrition(
    assigned_treated: int,
    assigned_comparison: int,
    analysed_treated: int,
    analysed_comparison: int,
    *,
    assumption: Assumption = "cautious",
) -> Attrition:
    """Overall and differential attrition with the verdict of the WWC.

    Parameters
    ----------
    assigned_treated, assigned_comparison : int
        Clusters or students assigned to each arm.
    analysed_treated, analysed_comparison : int
        Those with the outcome in the analysis.
    assumption : {"cautious", "optimistic"}
        See ``attrition_boundary``.

    Returns
    -------
    Attrition
        ``low`` if differential attrition is at or below the boundary.

    Raises
    ------
    DesignError
        If nobody was assigned to an arm.
    ValueRangeError
        If more are analysed than were assigned.

    Examples
    --------
    >>> attrition(100, 100, 92, 88).verdict
    'low'
    """
    assigned, analysed = (assigned_treated, assigned_comparison), (analysed_treated, analysed_comparison)
    if min(assigned) < 1:
        raise DesignError(
            f"{assigned[0]} and {assigned[1]} were assigned to the arms.",
            remedy="attrition needs both arms as assigned.",
        )
    if any(not 0 <= left <= began for left, began in zip(analysed, assigned, strict=True)):
        raise ValueRangeError(
            f"{analysed[0]} and {analysed[1]} are analysed of {assigned[0]} and {assigned[1]} assigned.",
            remedy="count as assigned everyone who was, and as analysed only those of them with the outcome.",
        )
    treated, comparison = (1 - left / began for left, began in zip(analysed, assigned, strict=True))
    overall, differential = 1 - sum(analysed) / sum(assigned), abs(treated - comparison)
    boundary = attrition_boundary(overall, assumption)
    low = boundary is not None and differential <= boundary + 1e-12
    return Attrition(overall, differential, treated, comparison, boundary, assumption, "low" if low else "high")


def attrition_table(assigned: pd.DataFrame, *, treated: str, analysed: str, cluster: str | None = None) -> pd.DataFrame:
    """Attrition of clusters, and of students within the clusters that stayed, under both assumptions.

    Parameters
    ----------
    assigned : pandas.DataFrame
        One row a student as assigned.
    treated, analysed : str
        Columns of 0/1: programme arm; in the analysis with the outcome.
    cluster : str, optional
        Column of the assigned clusters. A cluster has stayed if any of its students is analysed.

    Returns
    -------
    pandas.DataFrame
        Columns ``level, assumption, assigned_treated, assigned_comparison, analysed_treated, analysed_comparison,
        attrition_treated, attrition_comparison, overall, differential, boundary, verdict``; shares from 0 to 1, and the
        boundary missing where no differential attrition would count as low.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError
        If columns cannot be used.
    DesignError
        If an arm is empty, a cluster lies in both arms, or no cluster of an arm stayed.

    Examples
    --------
    >>> rows = pd.DataFrame({"arm": [1] * 4 + [0] * 4, "there": [1, 1, 1, 0, 1, 1, 1, 1], "school": list("aabbccdd")})
    >>> attrition_table(rows, treated="arm", analysed="there", cluster="school")["level"].tolist()
    ['clusters', 'clusters', 'students in clusters that stayed', 'students in clusters that stayed']
    """
    require_columns(assigned, [treated, analysed, *([cluster] if cluster else [])])
    arm = binary_column(assigned, treated, "treatment") == 1
    there = binary_column(assigned, analysed, "analysis") == 1
    if cluster is None:
        return _levels([("students", arm, there)])
    complete_column(assigned, cluster, "cluster")
    code = pd.factorize(assigned[cluster])[0]
    share = np.bincount(code, weights=arm) / np.bincount(code)
    n_mixed = int(((share > 0) & (share < 1)).sum())
    if n_mixed:
        raise DesignError(
            f"{n_mixed} of {len(share)} clusters lie in both arms.",
            remedy="leave out cluster if students were assigned.",
        )
    stayed = np.bincount(code, weights=there) > 0
    inside = stayed[code]
    return _levels([("clusters", share == 1, stayed), ("students in clusters that stayed", arm[inside], there[inside])])


def _levels(levels: list[tuple[str, np.typing.NDArray[np.bool_], np.typing.NDArray[np.bool_]]]) -> pd.DataFrame:
    """Both assumptions for each level."""
    rows = []
    for level, arm, there in levels:
        counts = [int(c.sum()) for c in (arm, ~arm, arm & there, ~arm & there)]
        for assumption in ("cautious", "optimistic"):
            result = attrition(*counts, assumption=assumption)
            rows.append(
                {
                    "level": level,
                    "assumption": assumption,
                    "assigned_treated": counts[0],
                    "assigned_comparison": counts[1],
                    "analysed_treated": counts[2],
                    "analysed_comparison": counts[3],
                    "attrition_treated": result.treated,
                    "attrition_comparison": result.comparison,
                    "overall": result.overall,
                    "differential": result.differential,
                    "boundary": np.nan if result.boundary is None else result.boundary,
                    "verdict": result.verdict,
                }
            )
    return pd.DataFrame(rows)
