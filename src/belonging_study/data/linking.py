"""From rows of files to one row a student: duplicates, unfinished responses, and the match to the roster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.wording import how_many
from belonging_study.errors import ArmConflictError, DataError, DuplicateRowsError
from belonging_study.study.model import Responses

__all__ = ["LINK_STEPS", "collapse_rows", "join_files", "link_responses", "links_table", "require_zeros"]

LINK_STEPS = ("No student id", "Unfinished", "Repeated by the same student", "Student not on the roster")
"""What takes a response out, in order; `link_responses` gives their numbers from 1."""


def link_responses(
    rows: pd.DataFrame, roster: pd.Index, answers: Sequence[str], rules: Responses, *, where: str
) -> npt.NDArray[np.int_]:
    """Say for each response whether it is linked to the roster, and if not, why.

    Parameters
    ----------
    rows : pandas.DataFrame
        The responses of one questionnaire in one wave, in the files' order: ``student`` (normalised identifier),
        ``unfinished`` (bool) and the columns of `answers`.
    roster : pandas.Index
        The students on that wave's roster.
    answers : sequence of str
        The questions whose answers say how complete a response is.
    rules : Responses
        What the study does with unfinished and repeated responses.
    where : str
        File and column, for the messages.

    Returns
    -------
    numpy.ndarray of int
        Shape (rows,): 0 for a linked response, else the number of its step in `LINK_STEPS`.

    Raises
    ------
    DuplicateRowsError
        If students answered more than once and the study has no rule for that.
    DataError
        If there are responses and none of them is on the roster, or leading zeros are lost (see `require_zeros`).

    Notes
    -----
    With ``most_complete`` the response with most answers stays, the earliest of several.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "z"], "unfinished": False, "q": [None, 2.0, 3.0]})
    >>> link_responses(rows, pd.Index(["a", "b"]), ["q"], Responses(duplicates="most_complete"), where="w1").tolist()
    [3, 0, 4]
    """
    step = np.zeros(len(rows), dtype=int)
    step[rows["student"].isna()] = 1
    if rules.unfinished == "drop":
        step[(step == 0) & rows["unfinished"].to_numpy(dtype=bool)] = 2
    left = rows[step == 0]
    repeated = left["student"].duplicated(keep=False)
    if repeated.any():
        if rules.duplicates == "error":
            raise DuplicateRowsError(
                f"{how_many(left.loc[repeated, 'student'].nunique(), 'student')} answered more than once "
                f"({int(repeated.sum())} rows).",
                where=where,
                remedy="say in study.yml which response counts, under `responses:`, by `duplicates:` first, last or "
                "most_complete.",
            )
        step[left.index[~left.index.isin(_kept(left, answers, rules.duplicates))]] = 3
    step[(step == 0) & ~rows["student"].isin(roster).to_numpy()] = 4
    _require_some_linked(rows, step, roster, where)
    require_zeros(rows["student"], roster, where=where)
    return step


def require_zeros(ids: pd.Series, roster: pd.Index, *, where: str) -> None:
    """Raise where a spreadsheet has dropped the leading zeros of identifiers, so that some students go unmatched.

    That is taken for certain when two identifiers or more differ from one of the other file by leading zeros alone,
    and one of the two files has no identifier at all that begins with a zero.

    Parameters
    ----------
    ids : pandas.Series
        Normalised identifiers of a file; missing ones are passed over.
    roster : pandas.Index
        Those of the roster.
    where : str
        File and column, for the message.

    Raises
    ------
    DataError
        With the number of identifiers that would match.

    Examples
    --------
    >>> try:
    ...     require_zeros(pd.Series(["12", "34", "560"]), pd.Index(["0012", "0034", "560"]), where="w1/records.csv")
    ... except DataError as error:
    ...     print(error.what)
    2 identifiers differ from those of students on the roster by leading zeros alone, which a spreadsheet drops.
    """
    mine = pd.Index(ids.dropna().unique()).astype(str)
    theirs = roster.astype(str)
    if mine.str.startswith("0").any() and theirs.str.startswith("0").any():
        return
    unmatched = mine[~mine.isin(theirs)]
    n = int(unmatched.str.lstrip("0").isin(theirs[~theirs.isin(mine)].str.lstrip("0")).sum())
    if n > 1:
        raise DataError(
            f"{n} identifiers differ from those of students on the roster by leading zeros alone, which a spreadsheet "
            "drops.",
            where=where,
            remedy=f"export {'the roster' if mine.str.startswith('0').any() else 'this file'} again with this column "
            "as text, and do not save it from a spreadsheet in between.",
        )


def collapse_rows(rows: pd.DataFrame, *, where: str, arm: str) -> pd.DataFrame:
    """Make one row a student of a roster or records file.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``student`` (no missing values) and the columns that the study needs.
    where : str
        File and column, for the messages.
    arm : str
        Name of the arm's column.

    Returns
    -------
    pandas.DataFrame
        The first of several identical rows, in the files' order.

    Raises
    ------
    ArmConflictError
        If a student stands in two arms.
    DuplicateRowsError
        If rows of one student differ in another column; the columns are named.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "b"], "arm": ["x", "x", "y"]})
    >>> len(collapse_rows(rows, where="w1/roster.csv, column student_id", arm="arm"))
    2
    """
    unique = rows.drop_duplicates()
    repeated = unique["student"].duplicated(keep=False)
    if repeated.any():
        _raise_for_differing(unique[repeated], where, arm)
    return unique


def join_files(tables: Sequence[pd.DataFrame], *, where: str, arm: str) -> pd.DataFrame:
    """Join the files of one kind in one wave: one a school, or each with other columns.

    Parameters
    ----------
    tables : sequence of pandas.DataFrame
        One row a student each, with a column ``student``.
    where : str
        The files, for the messages.
    arm : str
        Name of the arm's column.

    Returns
    -------
    pandas.DataFrame
        One row a student, with every column of every table; ``NaN`` where no file has a value.

    Raises
    ------
    ArmConflictError, DuplicateRowsError
        If two files contradict each other about one student.

    Examples
    --------
    >>> marks = pd.DataFrame({"student": ["a", "b"], "mark": [4.0, 5.0]})
    >>> absences = pd.DataFrame({"student": ["b"], "days": [3.0]})
    >>> join_files([marks, absences], where="w1", arm="arm").values.tolist()
    [['a', 4.0, nan], ['b', 5.0, 3.0]]
    """
    if len(tables) == 1:
        return tables[0].reset_index(drop=True)
    stacked = pd.concat(tables, ignore_index=True)
    repeated = stacked["student"].duplicated(keep=False)
    if not repeated.any():
        return stacked
    twice = stacked[repeated]
    if twice.groupby("student").nunique().gt(1).any(axis=None):
        _raise_for_differing(twice, where, arm)
    return stacked.groupby("student", sort=False).first().reset_index()


def links_table(students: pd.DataFrame, n_unlinked: int, *, wave: str) -> pd.DataFrame:
    """Count how much of the roster has a response, by arm.

    Parameters
    ----------
    students : pandas.DataFrame
        One row a student on the roster: ``programme`` (0, 1 or missing) and ``responded`` (bool).
    n_unlinked : int
        Responses with a student id that is not on the roster; they have no arm.
    wave : str
        Copied into the table.

    Returns
    -------
    pandas.DataFrame
        ``wave, arm, n_roster, n_responses, n_linked, link_rate, n_unlinked``; arm ``all``, ``programme`` and
        ``comparison``. ``link_rate`` is linked responses over students on the roster; ``n_responses`` counts one
        response a student, unlinked ones included, and ``n_unlinked`` is missing where it cannot be known.

    Examples
    --------
    >>> students = pd.DataFrame({"programme": [1, 1, 0], "responded": [True, False, True]})
    >>> links_table(students, 1, wave="w1")["link_rate"].round(2).tolist()
    [0.67, 0.5, 1.0]
    """
    lines = []
    for arm, rows in (
        ("all", students),
        ("programme", students[students["programme"] == 1]),
        ("comparison", students[students["programme"] == 0]),
    ):
        linked = int(rows["responded"].sum())
        unlinked = n_unlinked if arm == "all" else None
        rate = linked / len(rows) if len(rows) else np.nan
        lines.append((wave, arm, len(rows), linked + (unlinked or 0), linked, rate, unlinked))
    names = ["wave", "arm", "n_roster", "n_responses", "n_linked", "link_rate", "n_unlinked"]
    return pd.DataFrame(lines, columns=names).astype({"n_unlinked": "Int64"})


def _kept(rows: pd.DataFrame, answers: Sequence[str], rule: str) -> pd.Index:
    """Return the index of the row that stays for each student."""
    if rule == "most_complete":
        answered = rows[list(answers)].notna().sum(axis=1)
        rows = rows.loc[answered.sort_values(ascending=False, kind="stable").index]
        rule = "first"
    return rows.index[~rows["student"].duplicated(keep="last" if rule == "last" else "first")]


def _raise_for_differing(rows: pd.DataFrame, where: str, arm: str) -> None:
    """Name the columns in which the rows of one student differ, and how often."""
    counts = rows.groupby("student").nunique(dropna=False)
    n_students = len(counts)
    differing = {str(column): int((counts[column] > 1).sum()) for column in counts if (counts[column] > 1).any()}
    if arm in differing:
        raise ArmConflictError(
            f"In one wave, two arms are given for {how_many(differing[arm], 'student')} "
            f"({len(rows)} rows for {how_many(n_students, 'student')}).",
            where=f"{where}, column {arm}",
            remedy="keep one row a student, with the arm to which the student was assigned.",
        )
    listed = ", ".join(f"{column} ({how_many(n, 'student')})" for column, n in differing.items())
    raise DuplicateRowsError(
        f"There is more than one row for {how_many(n_students, 'student')} ({len(rows)} rows), and they differ in "
        f"{listed}.",
        where=where,
        remedy="keep one row a student and wave; rows that are the same in every needed column do no harm.",
    )


def _require_some_linked(rows: pd.DataFrame, step: npt.NDArray[np.int_], roster: pd.Index, where: str) -> None:
    """Raise where responses exist and not one of them is on the roster."""
    unknown = rows.loc[step == 4, "student"]
    if unknown.empty or (step == 0).any():
        return
    bare = unknown.str.lstrip("0").isin(roster.astype(str).str.lstrip("0")).sum()
    hint = (
        f"{int(bare)} would match without leading zeros, which a spreadsheet drops: export the file again with this "
        "column as text."
        if bare
        else "check that the survey and the roster hold the same identifier, and the `columns:` of both files."
    )
    raise DataError(f"No response of {len(unknown)} belongs to a student on the roster.", where=where, remedy=hint)
