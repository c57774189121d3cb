"""What every register gives: measures of each student, and what became of each of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.linking.rosters import LINK_STEPS

__all__ = ["ALIKE", "FIRST_STEPS", "REPEATED", "Measure", "Register", "first_steps", "look_alike", "to_roster"]

REPEATED = "Further rows of a student that say the same"
FIRST_STEPS = (LINK_STEPS[0], REPEATED)
ALIKE = "Rows that look alike, each counted"


@dataclass(frozen=True)
class Measure:
    """A measure that a register gives, for the codebook.

    Attributes
    ----------
    name, label : str
        Its name, and what to call it in a table.
    type : {"number", "count", "binary"}
        Scale of measurement.
    values : str
        What its values mean.
    how : str
        How it is computed, and of which columns.
    """

    name: str
    label: str
    type: str
    values: str
    how: str


@dataclass(frozen=True)
class Register:
    """A register with several rows a student, added up.

    Attributes
    ----------
    students : pandas.DataFrame
        One row a student, sorted by ``student`` (index): the measures.
    student : pandas.Series
        Identifier of each row of the register, missing where a row has none.
    removed_at : numpy.ndarray of int
        For each row the number of the step that takes it out, from 1; 0 for a row that counts.
    steps : tuple of str
        What the steps are called.
    info : dict
        Label to a number of rows or students that is told beside the flow.
    absent : float
        Value of every measure for a student on the roster who has no row: 0 where the register lists events.
    """

    students: pd.DataFrame
    student: pd.Series
    removed_at: npt.NDArray[np.int_]
    steps: tuple[str, ...]
    info: dict[str, int] = field(default_factory=dict)
    absent: float = np.nan


def first_steps(rows: pd.DataFrame, telling: Sequence[str]) -> npt.NDArray[np.int_]:
    """Take out rows without a student, and rows that say again what another row says.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``student`` and the register's columns.
    telling : sequence of str
        Columns that tell the rows of one student apart, such as the number of an incident. A row repeats another only
        where one of them has a value: two rows that say "suspended" and nothing else are two suspensions.

    Returns
    -------
    numpy.ndarray of int
        Shape (rows,): 1 without a student, 2 for a repeated row, else 0 (`FIRST_STEPS`).

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", None], "term": ["1", "1", "1"]})
    >>> first_steps(rows, ["term"]).tolist(), first_steps(rows, ["number"]).tolist()
    ([0, 2, 1], [0, 0, 1])
    """
    told = rows[[name for name in telling if name in rows]].notna().any(axis=1)
    return np.where(rows["student"].isna(), 1, np.where(rows.duplicated() & told, 2, 0))


def look_alike(rows: pd.DataFrame, step: npt.NDArray[np.int_]) -> dict[str, int]:
    """Count rows that are the same as another and count all the same, as nothing tells them apart."""
    n = int(rows[step == 0].duplicated().sum())
    return {ALIKE: n} if n else {}


def to_roster(register: Register, roster: pd.Index) -> Register:
    """Keep the students on the roster; every one of them gets a value, if only a missing one.

    Parameters
    ----------
    register : Register
        As added up.
    roster : pandas.Index
        The students on the wave's roster.

    Returns
    -------
    Register
        With one more step for rows of students who are not on the roster; `students` in the roster's order.

    Examples
    --------
    >>> students = pd.DataFrame({"n_incidents": [2.0]}, index=["a"])
    >>> register = Register(students, pd.Series(["a", "a", "z"]), np.zeros(3, dtype=int), (), absent=0.0)
    >>> found = to_roster(register, pd.Index(["a", "b"]))
    >>> found.students["n_incidents"].tolist(), found.removed_at.tolist()
    ([2.0, 0.0], [0, 0, 1])
    """
    known = register.student.isin(roster).to_numpy()
    # Like a response, a row is taken out by the first step that applies; without an identifier it is no stranger's.
    step = np.where((register.removed_at == 0) & ~known, len(register.steps) + 1, register.removed_at)
    students = register.students.reindex(roster)
    if not np.isnan(register.absent):
        students.loc[~roster.isin(register.students.index)] = register.absent
    return replace(
        register,
        students=students,
        removed_at=step,
        steps=(*register.steps, LINK_STEPS[3]),
    )
