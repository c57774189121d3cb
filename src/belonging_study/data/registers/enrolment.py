"""Enrolment: one row a stay at a school; movers have several, and those who left stay on record."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from belonging_study.data.coding.problems import rows as n_rows
from belonging_study.data.registers.register import FIRST_STEPS, Measure, Register, first_steps
from belonging_study.errors import ValueRangeError

__all__ = ["enrolment_measures", "enrolment_stays"]

_COVERS, _ENDED, _LATER = 0, 1, 2
_ALWAYS, _FOREVER = pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31")


def enrolment_stays(rows: pd.DataFrame, date: dt.date, *, school: str, where: str) -> Register:
    """Say where each student was at the wave's date, and who had left or was yet to come.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a stay: ``student``, ``entry_date`` and ``exit_date`` (``datetime64``; the last day enrolled, missing
        for a stay that goes on), the school, and whatever else the study takes from the file.
    date : datetime.date
        Of the wave.
    school : str
        Name of the school's column.
    where : str
        The files, for the messages.

    Returns
    -------
    Register
        ``n_schools`` (different schools of stays begun by the wave's date), ``enrolled_at_wave``, ``withdrawn`` (every
        stay had ended before that date), ``entered_late`` (every stay began after it), ``overlapping_stays`` (two
        schools at once, beyond a shared day), each 0/1; ``days_since_entry`` (from the first entry to the wave,
        negative for a later one; missing where an entry is not known) and ``days_since_exit`` (missing unless
        withdrawn).
        Every other column is that of the stay that counts: of those that cover the wave's date the one that began
        first; without any, the last one that had ended; without that, the first one to come. Nobody is taken out.

    Raises
    ------
    ValueRangeError
        If a stay ends before it begins.

    Notes
    -----
    A stay without an entry date is taken to begin before everything else and counted. Who is analysed where is settled
    over all waves, by first assignment (`settle_arms`).

    Examples
    --------
    >>> rows = pd.DataFrame({
    ...     "student": ["a", "a", "b"], "school_id": ["north", "south", "north"],
    ...     "entry_date": pd.to_datetime(["2024-09-01", "2025-02-01", "2024-09-01"]),
    ...     "exit_date": pd.to_datetime(["2025-01-31", None, "2025-03-31"]),
    ... })
    >>> found = enrolment_stays(rows, dt.date(2025, 5, 1), school="school_id", where="w2/stays.csv").students
    >>> found[["school_id", "n_schools", "withdrawn", "days_since_exit"]].values.tolist()
    [['south', 2.0, 0.0, nan], ['north', 1.0, 1.0, 31.0]]
    """
    step = first_steps(rows, ["entry_date"])
    wave = pd.Timestamp(date)
    stays = rows[step == 0].reset_index(drop=True)
    reverse = stays["exit_date"] < stays["entry_date"]
    if reverse.any():
        raise ValueRangeError(
            f"{n_rows(int(reverse.sum()))} with an exit before the entry.",
            where=f"{where}, columns entry_date and exit_date",
            remedy="correct these dates, or the order of day and month by `date_order:` of that file in study.yml.",
        )
    stays = stays.astype({"entry_date": "datetime64[s]", "exit_date": "datetime64[s]"})
    begin, end = stays["entry_date"].fillna(_ALWAYS), stays["exit_date"].fillna(_FOREVER)
    state = np.where(begin > wave, _LATER, np.where(end < wave, _ENDED, _COVERS))
    by = stays["student"]
    everyone = pd.Index(by.unique(), name="student").sort_values()

    def each(values: pd.Series) -> pd.Series:
        return values.reindex(everyone)

    open_entry = stays["entry_date"].isna()
    begun = stays[state != _LATER]
    students = _counting_stay(stays, begin, end, state).reindex(everyone)
    students["n_schools"] = begun.groupby("student")[school].nunique().reindex(everyone, fill_value=0).astype(float)
    for name, which in (("enrolled_at_wave", _COVERS), ("withdrawn", _ENDED), ("entered_late", _LATER)):
        here = pd.Series(state == which).groupby(by)
        students[name] = each(here.any() if which == _COVERS else here.all()).astype(float)
    overlapping = _overlapping(by, stays[school], begin, end)
    students["overlapping_stays"] = everyone.isin(overlapping).astype(float)
    first = stays["entry_date"].groupby(by).min().where(~open_entry.groupby(by).any())
    students["days_since_entry"] = (wave - each(first)).dt.days.astype(float)
    last = each(stays["exit_date"].groupby(by).max())
    students["days_since_exit"] = (wave - last).dt.days.astype(float).where(students["withdrawn"] == 1)
    info = {
        "Stays that begin after the wave": int((state == _LATER).sum()),
        "Stays without an entry date": int(open_entry.sum()),
        "Students at two schools at once": len(overlapping),
        "Students who left before the wave": int(students["withdrawn"].sum()),
        "Students who entered after the wave": int(students["entered_late"].sum()),
    }
    return Register(students, rows["student"], step, FIRST_STEPS, info)


def enrolment_measures() -> list[Measure]:
    """Describe the measures that `enrolment_stays` gives.

    Returns
    -------
    list of Measure

    Examples
    --------
    >>> [measure.name for measure in enrolment_measures()][:3]
    ['n_schools', 'enrolled_at_wave', 'withdrawn']
    """
    dates, yes = "entry_date, exit_date", "1 = yes; 0 = no"
    return [
        Measure("n_schools", "Schools so far", "count", "schools", f"schools of the stays begun by the wave: {dates}"),
        Measure("enrolled_at_wave", "Enrolled at the wave's date", "binary", yes, dates),
        Measure("withdrawn", "Left before the wave's date", "binary", yes, "last exit_date"),
        Measure("entered_late", "Entered after the wave's date", "binary", yes, "first entry_date"),
        Measure("overlapping_stays", "At two schools at once", "binary", yes, dates),
        Measure("days_since_entry", "Days from the first entry to the wave", "number", "days", "first entry_date"),
        Measure("days_since_exit", "Days from leaving to the wave", "number", "days", "last exit_date of who left"),
    ]


def _counting_stay(stays: pd.DataFrame, begin: pd.Series, end: pd.Series, state: np.ndarray) -> pd.DataFrame:
    """Give the other columns of the stay that counts, whatever the order of the rows."""
    others = [str(name) for name in stays if name not in ("student", "entry_date", "exit_date")]
    days, until = (column.astype("int64") for column in (begin, end))
    order = pd.DataFrame({"@state": state, "@near": np.where(state == _ENDED, -until, days)})
    order["@then"] = np.where(state == _ENDED, -days, until)
    for name in others:  # two stays with the same dates: whichever comes first in the alphabet
        order[name] = stays[name].astype(object).map(str, na_action="ignore")
    first = order.sort_values([str(name) for name in order]).index
    return stays.loc[first].drop_duplicates("student").set_index("student")[others]


def _overlapping(student: pd.Series, school: pd.Series, begin: pd.Series, end: pd.Series) -> set[str]:
    """Give the students with stays at two schools that share more than a day of change."""
    stays = pd.DataFrame({"student": student, "school": school, "begin": begin, "end": end})
    stays = stays[stays["student"].duplicated(keep=False) & stays["school"].notna()]
    pairs = stays.merge(stays, on="student", suffixes=("", "_other"))
    apart = pairs["school"] != pairs["school_other"]
    both = apart & (pairs["begin"] < pairs["end_other"]) & (pairs["begin_other"] < pairs["end"])
    return set(pairs.loc[both, "student"])
