"""Attendance: days enrolled and days absent, added up over a student's terms and schools."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.data.coding.problems import rows as n_rows
from belonging_study.data.registers.register import FIRST_STEPS, Measure, Register, first_steps, look_alike
from belonging_study.errors import ColumnMissingError, ValueRangeError

__all__ = ["attendance", "attendance_measures"]

_DAYS = ("days_enrolled", "days_absent", "days_present")
_ROUNDING = 1e-9


def attendance(rows: pd.DataFrame, *, chronic_absence: float = 0.1, where: str) -> Register:
    """Add up days enrolled and absent.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a term, school or any other stretch of time: ``student`` and at least two of ``days_enrolled``,
        ``days_absent`` and ``days_present`` (float, days); ``term`` and any other column tell rows apart.
    chronic_absence : float
        Share of enrolled days from which absence is chronic; exactly that share counts.
    where : str
        The files, for the messages.

    Returns
    -------
    Register
        ``days_enrolled``, ``days_absent``, ``absence_rate`` (0 to 1) and ``chronic_absence`` (0/1). A row in which
        fewer than two of the numbers are known, or with no day enrolled, says nothing about absence and is taken out;
        a student with no other row has missing measures.

    Raises
    ------
    ColumnMissingError
        If fewer than two of the columns are there.
    ValueRangeError
        If days are negative, more days absent than enrolled, or the three numbers of a row disagree.

    Notes
    -----
    A student is chronically absent who misses a tenth or more of the days enrolled, for whatever reason (U.S.
    Department of Education, EDFacts file specification 195).

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "b"], "term": ["1", "2", "1"],
    ...                      "days_enrolled": [90.0, 90.0, 100.0], "days_absent": [4.0, 14.0, 9.0]})
    >>> attendance(rows, where="w1/attendance.csv").students[["absence_rate", "chronic_absence"]].values.tolist()
    [[0.1, 1.0], [0.09, 0.0]]
    """
    given = [name for name in _DAYS if name in rows]
    if len(given) < 2:
        raise ColumnMissingError(
            f"Attendance needs days_enrolled and days_absent (or days_present); there is "
            f"{'only ' + given[0] if given else 'none of them'}.",
            where=where,
            remedy="name the file's columns under `columns:` of that file in study.yml, or export them too.",
        )
    step = first_steps(rows, ["term"])
    days = rows.reindex(columns=_DAYS).astype(float)
    _require_possible(days[step == 0], where)
    enrolled = days["days_enrolled"].fillna(days["days_absent"] + days["days_present"])
    absent = days["days_absent"].fillna(enrolled - days["days_present"])
    step[(step == 0) & (enrolled.isna() | absent.isna()).to_numpy()] = 3
    step[(step == 0) & (enrolled == 0).to_numpy()] = 4
    counted = pd.DataFrame({"student": rows["student"], "days_enrolled": enrolled, "days_absent": absent})
    students = counted[step == 0].groupby("student", sort=True)[["days_enrolled", "days_absent"]].sum()
    students = students.reindex(pd.Index(rows["student"].dropna().unique(), name="student").sort_values())
    students["absence_rate"] = students["days_absent"] / students["days_enrolled"]
    chronic = (students["absence_rate"] >= chronic_absence - _ROUNDING).astype(float)
    students["chronic_absence"] = chronic.where(students["absence_rate"].notna())
    labels = (*FIRST_STEPS, "Days enrolled or absent not known", "No day enrolled")
    return Register(students, rows["student"], step, labels, look_alike(rows, step))


def attendance_measures(chronic_absence: float) -> list[Measure]:
    """Describe the measures that `attendance` gives.

    Parameters
    ----------
    chronic_absence : float
        Share of enrolled days from which absence is chronic.

    Returns
    -------
    list of Measure

    Examples
    --------
    >>> attendance_measures(0.1)[3].values
    '1 = absent on 10% of the days enrolled or more; 0 = less'
    """
    return [
        Measure("days_enrolled", "Days enrolled", "number", "days", "sum of days_enrolled"),
        Measure("days_absent", "Days absent", "number", "days", "sum of days_absent"),
        Measure("absence_rate", "Share of days absent", "number", "0 to 1", "days_absent / days_enrolled"),
        Measure(
            "chronic_absence",
            "Chronically absent",
            "binary",
            f"1 = absent on {100 * chronic_absence:g}% of the days enrolled or more; 0 = less",
            "days_absent / days_enrolled",
        ),
    ]


def _require_possible(days: pd.DataFrame, where: str) -> None:
    """Raise for days that cannot be."""
    enrolled, absent, present = (days[name] for name in _DAYS)
    negative = (days < 0).any(axis=1)
    more = (absent > enrolled + _ROUNDING) | (present > enrolled + _ROUNDING)
    differ = ~more & ~np.isclose(absent + present, enrolled) & days.notna().all(axis=1)
    problems = [
        f"{n_rows(int(wrong.sum()))} with {what}"
        for wrong, what in (
            (negative, "fewer than no days"),
            (more & ~negative, "more days absent or present than enrolled"),
            (differ & ~negative, "days absent and present that do not add up to the days enrolled"),
        )
        if wrong.any()
    ]
    if problems:
        raise ValueRangeError(
            f"Attendance cannot be as it stands: {'; '.join(problems)}.",
            where=f"{where}, columns {', '.join(name for name in _DAYS if days[name].notna().any())}",
            remedy="correct these rows in the file they come from, or leave what is not known empty there.",
        )
