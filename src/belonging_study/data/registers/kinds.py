"""The kinds of register: which columns each has, how they are coded, and which measures they give."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import pandas as pd

from belonging_study.data.coding.answers import Coded, answers_as_text, code_number
from belonging_study.data.coding.problems import are
from belonging_study.data.flow.exclusions import as_text
from belonging_study.data.linking.pseudonyms import normalise_ids
from belonging_study.data.linking.spoilt_ids import refuse_spoilt_ids
from belonging_study.data.registers.attendance import attendance, attendance_measures
from belonging_study.data.registers.dates import code_dates
from belonging_study.data.registers.enrolment import enrolment_measures, enrolment_stays
from belonging_study.data.registers.incidents import incident_counts, incidents_measures
from belonging_study.data.registers.marks import course_marks, marks_measures
from belonging_study.data.registers.register import Measure, Register
from belonging_study.errors import ValueRangeError
from belonging_study.study.model import Kind, Outcome, Source, Study, Wave

__all__ = [
    "MANY_ROWS",
    "REGISTERS",
    "add_up",
    "check_measures",
    "code_register",
    "lacking_columns",
    "register_columns",
    "register_measures",
]

MANY_ROWS: tuple[Kind, ...] = ("attendance", "marks", "incidents")
"""Registers in which not every student of the roster stands, and that say nothing of who is in which school and arm."""
REGISTERS: tuple[Kind, ...] = ("enrolment", *MANY_ROWS)

_Use = Literal["number", "text", "name", "id", "date"]
_COLUMNS: dict[Kind, dict[str, _Use]] = {
    "enrolment": {"entry_date": "date", "exit_date": "date"},
    "attendance": {"days_enrolled": "number", "days_absent": "number", "days_present": "number", "term": "name"},
    "marks": {"mark": "text", "course": "name", "term": "name"},
    "incidents": {"incident_type": "text", "incident_id": "name"},
}
_DECIMAL_COMMA = r"^\s*([+-]?\d+),(\d+)\s*$"


def register_columns(kind: Kind, study: Study) -> dict[str, _Use]:
    """List the columns that a register may have beside the student's identifier.

    Parameters
    ----------
    kind : {"enrolment", "attendance", "marks", "incidents"}
        Of register.
    study : Study
        The definition.

    Returns
    -------
    dict
        The study's name of the column to how it is coded.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> study = SimpleNamespace(design=SimpleNamespace(school="school_id"))
    >>> list(register_columns("attendance", study))
    ['days_enrolled', 'days_absent', 'days_present', 'term', 'school_id']
    """
    # The school tells the rows of a student apart who was at two in one term.
    known = study.design.school if kind == "attendance" else None
    school: dict[str, _Use] = {} if known is None else {known: "id"}
    return {**_COLUMNS[kind], **school}


def lacking_columns(kind: Kind, found: Collection[str], study: Study) -> list[str]:
    """Say which columns the files of a register lack.

    Parameters
    ----------
    kind : {"enrolment", "attendance", "marks", "incidents"}
        Of register.
    found : collection of str
        The study's names of the columns that its files have.
    study : Study
        The definition.

    Returns
    -------
    list of str

    Examples
    --------
    >>> lacking_columns("attendance", {"days_present"}, None), lacking_columns("marks", {"mark"}, None)
    (['days_enrolled'], [])
    """
    if kind == "attendance":
        days = {"days_enrolled", "days_absent", "days_present"} & set(found)
        wanted = ["days_enrolled", *(["days_absent"] if "days_present" not in found else [])]
        return [name for name in wanted if name not in found] if len(days) < 2 else []
    if kind == "marks":
        needed = ["mark"]
    elif kind == "incidents":
        needed = ["incident_type"] if study.records.incidents else []
    else:
        needed = [str(study.design.school), "entry_date", "exit_date"]
    return [name for name in needed if name not in found]


def code_register(
    kind: Kind,
    cells: Mapping[str, pd.Series],
    labels: Mapping[str, Mapping[float, str]],
    source: Source,
    study: Study,
) -> dict[str, Coded]:
    """Code the register's columns of one file.

    Parameters
    ----------
    kind : {"enrolment", "attendance", "marks", "incidents"}
        Of register.
    cells : mapping
        The study's name of a column to its cells, as read; each named as in the file.
    labels : mapping
        The file's name of a column to its value labels.
    source : Source
        The file's entry in ``study.yml``.
    study : Study
        The definition.

    Returns
    -------
    dict
        For each of the register's columns that is there: numbers, dates or text.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> study = SimpleNamespace(design=SimpleNamespace(school="school_id"))
    >>> cells = {"mark": pd.Series(["A", " 2,5 "], name="Grade")}
    >>> source = Source(file="w1/marks.csv", kind="marks", decimal=",")
    >>> code_register("marks", cells, {}, source, study)["mark"].codes.tolist()
    ['A', '2.5']
    """
    coded: dict[str, Coded] = {}
    uses = {name: use for name, use in register_columns(kind, study).items() if name in cells}
    for name, use in uses.items():
        values, column = cells[name], str(cells[name].name)
        if use == "number":
            coded[name] = code_number(values, column=column, shown=source.file, decimal=source.decimal)
        elif use == "id":
            where = f"{source.file}, column {column}"
            coded[name] = Coded(normalise_ids(refuse_spoilt_ids(values, where=where), where=where))
        elif use == "name":
            text = as_text(values)
            coded[name] = Coded(text.where(text != ""))
        elif use == "text":
            text = answers_as_text(values, labels.get(column, {}))
            coded[name] = Coded(
                text.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True) if source.decimal == "," else text
            )
    dates = [name for name, use in uses.items() if use == "date"]
    found = code_dates([cells[name] for name in dates], order=source.date_order, shown=source.file)
    return coded | dict(zip(dates, found, strict=True))


def register_measures(study: Study, kinds: Collection[Kind]) -> dict[str, tuple[Kind, Measure]]:
    """List the measures that some kinds of register give.

    Parameters
    ----------
    study : Study
        The definition.
    kinds : collection of str
        Kinds of file; others than registers give none.

    Returns
    -------
    dict
        Name of a measure to the kind of register that gives it, and what it is.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from belonging_study.study.model import Records
    >>> list(register_measures(SimpleNamespace(records=Records()), {"attendance", "survey"}))
    ['days_enrolled', 'days_absent', 'absence_rate', 'chronic_absence']
    """
    records = study.records
    of_kind: dict[Kind, list[Measure]] = {
        "enrolment": enrolment_measures(),
        "attendance": attendance_measures(records.chronic_absence),
        "marks": marks_measures(records.marks),
        "incidents": incidents_measures(records.incidents),
    }
    return {measure.name: (kind, measure) for kind in REGISTERS if kind in kinds for measure in of_kind[kind]}


def add_up(kind: Kind, rows: pd.DataFrame, study: Study, wave: Wave, *, where: str) -> Register:
    """Add the rows of a register up to measures of each student.

    Parameters
    ----------
    kind : {"enrolment", "attendance", "marks", "incidents"}
        Of register.
    rows : pandas.DataFrame
        The coded rows of all its files in the wave, with ``student``.
    study : Study
        The definition; its `Records` say what marks and incidents mean.
    wave : Wave
        The wave; its date says which stays count.
    where : str
        The files, for the messages.

    Returns
    -------
    Register

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from belonging_study.study.model import Records
    >>> rows = pd.DataFrame({"student": ["a", "a"]})
    >>> study = SimpleNamespace(records=Records())
    >>> add_up("incidents", rows, study, None, where="w1/incidents.csv").students.values.tolist()
    [[2.0, 1.0]]
    """
    records = study.records
    if kind == "attendance":
        return attendance(rows, chronic_absence=records.chronic_absence, where=where)
    if kind == "marks":
        return course_marks(rows, records.marks, where=where)
    if kind == "incidents":
        return incident_counts(rows, records.incidents, where=where)
    return enrolment_stays(rows, wave.date, school=str(study.design.school), where=where)


def check_measures(students: pd.DataFrame, outcomes: Iterable[Outcome], *, where: str) -> None:
    """Raise where an outcome cannot be what a register measures.

    Parameters
    ----------
    students : pandas.DataFrame
        Measures of registers, one row a student.
    outcomes : iterable of Outcome
        Outcomes of the wave; those with another measure are passed over.
    where : str
        The files, for the message.

    Raises
    ------
    ValueRangeError
        If a binary outcome has other values than 0 and 1, or a value lies outside the outcome's range.

    Examples
    --------
    >>> outcome = Outcome(name="absent", measure="absence_rate", label="Absence", kind="binary")
    >>> try:
    ...     check_measures(pd.DataFrame({"absence_rate": [0.1, 1.0]}), [outcome], where="w1/days.csv")
    ... except ValueRangeError as error:
    ...     print(error.what)
    The outcome absent is binary, but 1 value of absence_rate is neither 0 nor 1.
    """
    for outcome in (outcome for outcome in outcomes if outcome.measure in students):
        values = students[outcome.measure].dropna()
        if outcome.kind == "binary":
            wrong, but = ~values.isin([0, 1]), "neither 0 nor 1"
        elif outcome.range is not None:
            wrong, but = ~values.between(*outcome.range), f"outside {outcome.range[0]:g} to {outcome.range[1]:g}"
        else:
            continue
        if wrong.any():
            named = are(int(wrong.sum()), "value").split()
            raise ValueRangeError(
                f"The outcome {outcome.name} is {outcome.kind}, but {' '.join(named[:2])} of {outcome.measure} "
                f"{named[2]} {but}.",
                where=f"{where}, measure {outcome.measure}",
                remedy="correct `kind:` or `range:` of the outcome in study.yml, or the files.",
            )
