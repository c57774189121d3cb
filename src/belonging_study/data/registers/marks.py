"""Marks: one row a course enrolment, counted by what the marks mean; nobody who withdrew disappears."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

from belonging_study.data.coding.problems import are, listed
from belonging_study.data.registers.register import FIRST_STEPS, Measure, Register, first_steps, look_alike
from belonging_study.errors import ColumnMissingError, UnknownLabelError
from belonging_study.study.sources import Marks

__all__ = ["course_marks", "marks_measures"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")
_STEPS = (*FIRST_STEPS, "Enrolment whose mark is in another row", "Mark that is not counted", "No final mark")
_SHORT = 3


def course_marks(rows: pd.DataFrame, marks: Marks, *, where: str) -> Register:
    """Count each student's courses by their marks.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a course enrolment: ``student`` and ``mark`` (text, missing where there is no final mark); ``course``
        and ``term`` where known.
    marks : Marks
        What the marks mean. Case, outer spaces and the kind of dash do not count.
    where : str
        The files, for the messages.

    Returns
    -------
    Register
        ``n_courses`` (enrolments with a mark that counts, withdrawals among them), ``share_ab`` and ``share_dfw``
        (of these, 0 to 1; missing without any), ``n_withdrawn`` and ``n_no_mark`` (enrolments without a final mark,
        in no share). Where the marks are numbers, ``mean_mark`` stands in place of the two shares.

    Raises
    ------
    ColumnMissingError
        If there is no column ``mark``.
    UnknownLabelError
        If a mark is in none of the lists, and the marks are not numbers throughout; each is listed with its count.

    Notes
    -----
    A row without a mark and another with one, for the same course and term, are one enrolment. Marks are numbers if
    every mark that is not listed is a number, and no mark is listed but those for withdrawals and those not counted.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "a", "b"], "mark": ["A-", "w", "C", None]})
    >>> course_marks(rows, Marks(), where="w1/marks.csv").students.round(2).values.tolist()
    [[3.0, 0.33, 0.33, 1.0, 0.0], [0.0, nan, nan, 0.0, 1.0]]
    """
    if "mark" not in rows:
        raise ColumnMissingError(
            "There is no column of marks.",
            where=f"{where}, column mark",
            remedy="give the file's name for it under `columns:` of that file in study.yml.",
        )
    step = first_steps(rows, ["course"])
    written = rows["mark"].map(_form, na_action="ignore").astype(object)
    written = written.where(written.notna() & (written != ""))
    # The same enrolment may stand in a list of enrolments and again in a list of marks.
    key = [name for name in ("student", "course", "term") if name in rows]
    if "course" in rows:
        named = rows[key].assign(marked=written.notna())
        elsewhere = named.groupby(key, dropna=False)["marked"].transform("any").to_numpy(dtype=bool)
        step[(step == 0) & written.isna().to_numpy() & elsewhere & rows["course"].notna().to_numpy()] = 3
    lists = {name: {_form(mark) for mark in getattr(marks, name)} for name in type(marks).model_fields}
    lists["dfw"] |= lists["withdrawn"]
    step[(step == 0) & written.isin(lists["not_counted"]).to_numpy()] = 4
    step[(step == 0) & written.isna().to_numpy()] = 5

    counted = written[step == 0]
    listed_marks = lists["ab"] | lists["c"] | lists["dfw"]
    other = counted[~counted.isin(listed_marks)]
    numbers = other.map(_number).astype(float)
    numeric = (
        len(other) > 0
        and bool(numbers.notna().all())
        and bool(counted.drop(other.index).isin(lists["withdrawn"]).all())
    )
    if len(other) and not numeric:
        raise UnknownLabelError(
            f"{are(len(other), 'mark')} in none of the lists of marks: {_shown(other)}.",
            where=f"{where}, column mark",
            remedy="add each to a list under `records: marks:` in study.yml: ab, c, dfw, or not_counted.",
        )
    by = rows["student"]
    everyone = pd.Index(by.dropna().unique(), name="student").sort_values()

    def count(which: pd.Series | np.ndarray) -> pd.Series:
        return by[np.asarray(which, dtype=bool)].value_counts().reindex(everyone, fill_value=0).astype(float)

    n = count(step == 0)
    students = pd.DataFrame({"n_courses": n}, index=everyone)
    if numeric:
        students["mean_mark"] = numbers.groupby(by[numbers.index]).mean().reindex(everyone)
    else:
        for name in ("ab", "dfw"):
            students[f"share_{name}"] = count((step == 0) & written.isin(lists[name])) / n.where(n > 0)
    students["n_withdrawn"] = count((step == 0) & written.isin(lists["withdrawn"]))
    students["n_no_mark"] = count(step == 5)
    info = look_alike(rows, step)
    return Register(students, by, step, _STEPS, info)


def marks_measures(marks: Marks) -> list[Measure]:
    """Describe the measures that `course_marks` gives.

    Parameters
    ----------
    marks : Marks
        What the marks mean.

    Returns
    -------
    list of Measure

    Examples
    --------
    >>> [measure.name for measure in marks_measures(Marks())][:3]
    ['n_courses', 'share_ab', 'share_dfw']
    """
    dfw = dict.fromkeys([*marks.dfw, *marks.withdrawn])
    left_out = f"; not counted: {', '.join(marks.not_counted)}" if marks.not_counted else ""
    return [
        Measure("n_courses", "Courses with a mark", "count", "courses", f"rows with a mark that counts{left_out}"),
        Measure("share_ab", "Share of marks A or B", "number", "0 to 1", f"{', '.join(marks.ab)} / n_courses"),
        Measure("share_dfw", "Share of marks D, F or W", "number", "0 to 1", f"{', '.join(dfw)} / n_courses"),
        Measure("mean_mark", "Mean mark", "number", "marks", "mean of the marks that are numbers"),
        Measure("n_withdrawn", "Courses withdrawn from", "count", "courses", ", ".join(marks.withdrawn)),
        Measure("n_no_mark", "Courses without a final mark", "count", "courses", "rows with an empty mark"),
    ]


def _form(mark: str) -> str:
    """Write a mark in the form in which it is compared."""
    return _DASHES.sub("-", unicodedata.normalize("NFKC", str(mark))).strip().casefold()


def _number(mark: str) -> float:
    return float(mark) if _NUMBER.fullmatch(mark) else np.nan


def _shown(other: pd.Series) -> str:
    """List unknown marks with their counts; what is too long for a mark may be free text and is listed with care."""
    counts = {str(mark).upper(): int(n) for mark, n in other.value_counts().sort_index(kind="stable").items()}
    short = {mark: n for mark, n in counts.items() if len(mark) <= _SHORT}
    parts = [f'"{mark}" ({n})' for mark, n in sorted(short.items(), key=lambda pair: (-pair[1], pair[0]))]
    rest = {mark: n for mark, n in counts.items() if mark not in short}
    return ", ".join([*parts, *([listed(rest)] if rest else [])])
