"""From rows of files to one row a student: duplicates, unfinished responses, and the match to the roster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.linking.codes import NOT_LINKED
from belonging_study.data.linking.lookup import places_in
from belonging_study.data.wording import how_many
from belonging_study.errors import ArmConflictError, DataError, DuplicateRowsError
from belonging_study.study.model import Responses

__all__ = [
    "LINK_STEPS",
    "collapse_rows",
    "join_files",
    "link_reasons_table",
    "link_responses",
    "links_table",
    "require_zeros",
]

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
    step[(step == 0) & (places_in(rows["student"], roster) < 0)] = 4
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
    mine, theirs = pd.Series(ids.dropna().unique(), dtype="str"), pd.Series(roster, dtype="str")
    if mine.str.startswith("0").any() and theirs.str.startswith("0").any():
        return
    unmatched, free = mine[places_in(mine, theirs) < 0], theirs[places_in(theirs, mine) < 0]
    n = int((places_in(unmatched.str.lstrip("0"), free.str.lstrip("0")) >= 0).sum())
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


def links_table(
    students: pd.DataFrame, n_unlinked: int, *, wave: str, before: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Count how much of the roster has a response, and who was there before, by arm and by school.

    Parameters
    ----------
    students : pandas.DataFrame
        One row a student on the roster: ``programme`` (0, 1 or missing), ``responded`` (bool), and where it is known
        ``school`` (a pseudonym, missing for students without a place in the design) and ``arm_of_school``
        ("programme", "comparison", or "all" where arms were not assigned to schools). Where the survey is its own
        roster and students are known by a code, ``linked`` (bool, missing in the first wave) and ``unlinked`` (bool:
        nobody can say whether the student was there before).
    n_unlinked : int
        Responses with a student id that is not on the roster; they have no arm.
    wave : str
        Copied into the table.
    before : pandas.DataFrame, optional
        The students of the wave before: the same places, and ``again`` (bool), on this wave's roster.

    Returns
    -------
    pandas.DataFrame
        ``wave, arm, school, n_roster, n_responses, n_linked, link_rate, n_unlinked, n_again, retention``; first the
        arms ``all``, ``programme`` and ``comparison`` with school ``all``, then the schools. ``link_rate`` is linked
        responses over students on the roster; ``n_responses`` counts one response a student, unlinked ones included,
        and ``n_unlinked`` is missing where it cannot be known. With codes, ``n_linked`` and ``n_unlinked`` are
        responses that were, and that could not be, linked to earlier waves; both are missing in the first.
        ``retention`` is the share of students of the wave before who are there again (``n_again``); both are missing
        without `before`.

    Examples
    --------
    >>> students = pd.DataFrame({"programme": [1, 1, 0], "responded": [True, False, True]})
    >>> links_table(students, 1, wave="w1")["link_rate"].round(2).tolist()
    [0.67, 0.5, 1.0]
    """
    students, before = _with_places(students), _with_places(before) if before is not None else None
    lines = []
    rows_of, past_of = _by_school(students), _by_school(before) if before is not None else None
    for arm, school in _places(students):
        rows = _there(students, rows_of, arm, school)
        if "linked" in students:
            first = bool(students["linked"].isna().all())
            n_linked = None if first else int(rows["linked"].sum())
            unlinked = None if first else int(rows["unlinked"].sum())
            n_responses = len(rows)
        else:
            n_linked = int(rows["responded"].sum())
            unlinked = n_unlinked if (arm, school) == ("all", "all") else None
            n_responses = n_linked + (unlinked or 0)
        past = _there(before, past_of, arm, school) if before is not None and past_of is not None else None
        again = None if past is None else int(past["again"].sum())
        rate, retention = _share(n_linked, len(rows)), _share(again, len(past) if past is not None else 0)
        lines.append((wave, arm, school, len(rows), n_responses, n_linked, rate, unlinked, again, retention))
    names = ["wave", "arm", "school", "n_roster", "n_responses", "n_linked", "link_rate", "n_unlinked", "n_again"]
    table = pd.DataFrame(lines, columns=[*names, "retention"])
    counts = dict.fromkeys(("n_linked", "n_unlinked", "n_again"), "Int64")
    return table.astype({"link_rate": float, "retention": float}).astype(counts)


def link_reasons_table(reasons: pd.Series, quality: pd.Series, *, wave: str) -> pd.DataFrame:
    """Count why responses were linked to an earlier wave, or not.

    Parameters
    ----------
    reasons : pandas.Series of str
        ``link_reason`` of each response (see `match_codes`).
    quality : pandas.Series of float
        ``link_quality`` of each response.
    wave : str
        Copied into the table.

    Returns
    -------
    pandas.DataFrame
        ``wave, link_reason, n_responses, share, link_quality``: the links first, identical codes at the top, then
        what could not be linked. ``link_quality`` is the mean over the links of that reason.

    Examples
    --------
    >>> reasons = pd.Series(["no match", "identical code", "identical code", "1 part differs"])
    >>> quality = pd.Series([np.nan, 0.98, 1.0, 0.9])
    >>> link_reasons_table(reasons, quality, wave="w2")[["link_reason", "n_responses", "share"]].values.tolist()
    [['identical code', 2, 0.5], ['1 part differs', 1, 0.25], ['no match', 1, 0.25]]
    """
    by_reason = pd.DataFrame({"reason": reasons, "quality": quality}).groupby("reason")["quality"]
    table = pd.DataFrame({"n_responses": by_reason.size(), "link_quality": by_reason.mean()}).reset_index(
        names="reason"
    )
    # "identical code" has no number in front, and comes before those that have.
    table["order"] = [len(NOT_LINKED) * (r in NOT_LINKED) + (not r.startswith("identical")) for r in table["reason"]]
    table = table.sort_values(["order", "reason"], ignore_index=True)
    return pd.DataFrame(
        {
            "wave": wave,
            "link_reason": table["reason"],
            "n_responses": table["n_responses"],
            "share": table["n_responses"] / len(reasons),
            "link_quality": table["link_quality"],
        }
    )


def _with_places(students: pd.DataFrame) -> pd.DataFrame:
    """Add the schools' columns where they are not known."""
    return students.assign(**{name: None for name in ("school", "arm_of_school") if name not in students})


def _places(students: pd.DataFrame) -> list[tuple[str, str]]:
    """Every arm, and every school of this wave in order of arm and pseudonym."""
    schools = students.dropna(subset="school")[["arm_of_school", "school"]].drop_duplicates()
    order = {"all": 0, "programme": 1, "comparison": 2}
    found = sorted(schools.itertuples(index=False, name=None), key=lambda pair: (order[pair[0]], pair[1]))
    return [("all", "all"), ("programme", "all"), ("comparison", "all"), *found]


def _by_school(students: pd.DataFrame) -> dict[str, npt.NDArray[np.int_]]:
    """School to the positions of its students: found once, not by a search through everybody for each school."""
    codes, schools = pd.factorize(students["school"])
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes + 1, minlength=len(schools) + 1))
    return {school: order[ends[i] : ends[i + 1]] for i, school in enumerate(schools)}


def _there(students: pd.DataFrame, of_school: dict[str, npt.NDArray[np.int_]], arm: str, school: str) -> pd.DataFrame:
    """The students of one arm or school."""
    if school != "all":
        return students.iloc[of_school.get(school, [])]
    return students if arm == "all" else students[students["programme"] == (1 if arm == "programme" else 0)]


def _share(part: int | None, whole: int) -> float:
    return np.nan if part is None or not whole else part / whole


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
    bare = (places_in(unknown.str.lstrip("0"), roster.astype("str").str.lstrip("0")) >= 0).sum()
    hint = (
        f"{int(bare)} would match without leading zeros, which a spreadsheet drops: export the file again with this "
        "column as text."
        if bare
        else "check that the survey and the roster hold the same identifier, and the `columns:` of both files."
    )
    raise DataError(f"No response of {len(unknown)} belongs to a student on the roster.", where=where, remedy=hint)
