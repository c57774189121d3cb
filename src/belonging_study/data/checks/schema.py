"""What must be true of the linked table of a wave, in one declarative schema.

Each check carries its own severity (`title`), sentence (`error`) and remedy (`description`). Readers and linking refuse
much of this earlier, with more detail: the schema is what holds for the table, whichever way it came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from belonging_study.data.checks.issues import Issue, Severity
from belonging_study.data.flow.exclusions import as_text
from belonging_study.data.waves.files import DURATION, needed_columns
from belonging_study.data.waves.table import WaveTable
from belonging_study.errors import DataError, ValueRangeError
from belonging_study.study.model import Group, Outcome, Scale, Start, Study

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["check_table", "schema_check", "schema_failures", "wave_schema"]

_FEW = 10
"""Values from which a column that never varies is worth a word."""
_MOSTLY = 0.05
"""Share of classes in two schools up to which that is a slip, and not how classes are numbered."""

Passes = Callable[[Any], Any]


def schema_check(name: str, severity: Severity, passes: Passes, what: str, remedy: str) -> pa.Check:
    """Make one check of a schema.

    Parameters
    ----------
    name : str
        The column that the check is about.
    severity : {"error", "warning", "note"}
        How bad it is if the check fails.
    passes : callable
        The column or the table to a boolean series, one value a row, or to one boolean.
    what : str
        The sentence, with ``{n}`` for the number of rows that fail and ``{total}`` for all.
    remedy : str
        What to do.

    Returns
    -------
    pandera.Check

    Examples
    --------
    >>> check = schema_check("mark", "error", lambda s: s >= 0, "{n} of {total} marks are below zero.", "correct them.")
    >>> check.title, check.error
    ('error', '{n} of {total} marks are below zero.')
    """
    import pandera.pandas as pa

    # One failing case is enough to know that there are some; their number comes from the check's output.
    return pa.Check(
        passes, name=name, title=severity, error=what, description=remedy, ignore_na=False, n_failure_cases=1
    )


def schema_failures(
    schema: pa.DataFrameSchema, table: pd.DataFrame
) -> Iterator[tuple[str, Severity, str, str, np.ndarray]]:
    """Validate a table lazily.

    Parameters
    ----------
    schema : pandera.DataFrameSchema
        With checks made by `schema_check`.
    table : pandas.DataFrame
        The table; it is not changed.

    Yields
    ------
    tuple
        The check's column, severity, sentence and remedy, and which rows fail (boolean, shape (rows,); all of them
        where the check is about the column as a whole).

    Examples
    --------
    >>> import pandera.pandas as pa
    >>> check = schema_check("mark", "error", lambda s: s >= 0, "{n} of {total} marks are below zero.", "correct them.")
    >>> schema = pa.DataFrameSchema({"mark": pa.Column(float, check)})
    >>> [(name, severity, int(rows.sum())) for name, severity, *_, rows in schema_failures(schema, pd.DataFrame(
    ...     {"mark": [1.0, -1.0, -2.0]}))]
    [('mark', 'error', 2)]
    """
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    try:
        # Without coercion nothing is changed, and no copy is needed.
        schema.validate(table, lazy=True, inplace=True)
    except SchemaErrors as failed:
        for one in failed.schema_errors:
            every = np.ones(len(table), dtype=bool)
            if isinstance(one.check, pa.Check):
                passed = one.check_output
                rows = ~passed.to_numpy(dtype=bool) if isinstance(passed, pd.Series) else every
                severity = cast(Severity, one.check.title)
                yield str(one.check.name), severity, str(one.check.error), str(one.check.description), rows
            else:
                column = str(getattr(one.schema, "name", "") or "")
                yield column, "error", _BROKEN, "report this as a fault of the program.", every


_BROKEN = "The column is not of the type that the study needs, has gaps or repeats where none can be, or is absent."


def wave_schema(study: Study, wave: str) -> pa.DataFrameSchema:
    """Say what must be true of a wave's linked table.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.

    Returns
    -------
    pandera.DataFrameSchema
        For a table with one row a student: types, allowed values, ranges, uniqueness, and the relations between
        columns. Columns that are not named pass.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "marks", "measure": "mark", "label": "Marks", "range": [0, 100]}],
    ... })
    >>> schema = wave_schema(study, "w1")
    >>> list(schema.columns)
    ['student', 'school_id', 'arm', 'mark', 'responded', 'answered_share', 'duration_seconds']
    """
    import pandera.pandas as pa

    columns = {"student": pa.Column(checks=_text("student"), unique=True)}
    for name, need in needed_columns(study, wave).items():
        checks: list[pa.Check] = []
        kind = None if need.use in ("id", "text", "number or text", "item") else float
        if need.use in ("id", "text"):
            checks.append(_text(name))
        if need.scale is not None:
            checks += [_numbers(name), _codes(name, need.scale)]
        if need.outcome is not None:
            checks += _measure(name, need.outcome)
        checks += [_group(group) for group in study.groups if group.column == name]
        # One school's file has one arm and one start, and everybody may have consented: only what is analysed varies.
        if need.scale is not None or need.outcome is not None or name in _compared(study):
            checks.append(_varies(name))
        columns[name] = pa.Column(kind, checks, nullable=True)
    columns["responded"] = pa.Column(bool)
    columns["answered_share"] = pa.Column(float, _share(), nullable=True, required=False)
    columns[DURATION] = pa.Column(float, _duration(), nullable=True, required=False)
    return pa.DataFrameSchema(columns, checks=list(_relations(study, set(columns))))


def check_table(study: Study, wave: str, one: WaveTable, table: pd.DataFrame) -> tuple[Issue, ...]:
    """Hold a wave's linked table against its schema.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.
    one : WaveTable
        Where its columns came from.
    table : pandas.DataFrame
        Its table (see `prepare_wave`), with the rows that exclusion rules will take out.

    Returns
    -------
    tuple of Issue
        One for each check that fails: file, column and counts, never a value.
    """
    issues = []
    for name, severity, what, remedy, rows in schema_failures(wave_schema(study, wave), table):
        n = int(rows.sum())
        kind = ValueRangeError if severity == "error" else DataError
        issues.append(Issue(severity, kind(what.format(n=n, total=len(table)), where=_where(one, name), remedy=remedy)))
    return tuple(issues)


def _compared(study: Study) -> set[str]:
    return {*(group.column for group in study.groups), *study.analysis.covariates}


def _where(one: WaveTable, name: str) -> str:
    """Give the file and the file's name of a column."""
    if name not in one.owner:
        return ", ".join(dict.fromkeys(f.source.file for f in one.files if f.source.kind == one.roster))
    theirs = next((f.columns[name] for f in one.files if f.source.kind == one.owner[name] and name in f.columns), name)
    return f"{one.where(name)}, column {theirs}"


def _text(name: str) -> pa.Check:
    def passes(column: pd.Series) -> bool:
        return pd.api.types.is_string_dtype(column.dropna())

    return schema_check(
        name, "error", passes, f"Column {name} names things and holds something else than text.", "export it as text."
    )


def _numbers(name: str) -> pa.Check:
    """Codes are numbers of either length (see `code_column`)."""
    return schema_check(name, "error", pd.api.types.is_float_dtype, _BROKEN, "report this as a fault of the program.")


def _codes(name: str, scale: Scale) -> pa.Check:
    synonyms = [code for code in scale.synonyms.values() if not np.isnan(code)]
    codes = np.array([*(scale.minimum + i for i in range(len(scale.labels))), *synonyms])

    def passes(column: pd.Series) -> pd.Series:
        allowed = column.isin(codes) if scale.labels else column.between(scale.minimum, scale.maximum)
        return column.isna() | allowed

    return schema_check(
        name,
        "error",
        passes,
        f"Column {name}: {{n}} of {{total}} answers are none of the form's values, {scale.minimum:g} to "
        f"{scale.maximum:g}.",
        "correct these answers, or the scale's range in study.yml.",
    )


def _measure(name: str, outcome: Outcome) -> Iterator[pa.Check]:
    if outcome.kind == "binary":
        yield schema_check(
            name,
            "error",
            lambda column: column.isna() | column.isin([0.0, 1.0]),
            f"Column {name}: {{n}} of {{total}} values are neither 0 nor 1.",
            "name the two values under `values:` of the outcome in study.yml.",
        )
    low, high = outcome.range or ((0.0, np.inf) if outcome.kind == "count" else (-np.inf, np.inf))
    yield schema_check(
        name,
        "error",
        lambda column: column.isna() | column.between(low, high),
        f"Column {name}: {{n}} of {{total}} values are not between {low:g} and {high:g}, or not finite.",
        "correct these values, or `range:` of the outcome in study.yml.",
    )


def _group(group: Group) -> pa.Check:
    known = set(as_text(pd.Series([*group.values, *group.values.values()], dtype=object)))

    def passes(column: pd.Series) -> pd.Series | bool:
        texts = as_text(column)
        return not known or (texts == "") | texts.isin(known)

    return schema_check(
        group.column,
        "error",
        passes,
        f"Column {group.column}: {{n}} of {{total}} values are not listed under the group {group.name}.",
        "add them under `values:` of that group in study.yml, or correct them.",
    )


def _varies(name: str) -> pa.Check:
    def passes(column: pd.Series) -> bool:
        known = column.dropna()
        return len(known) < _FEW or bool((known != known.iloc[0]).any())

    return schema_check(
        name,
        "warning",
        passes,
        f"Column {name} holds one and the same value for every student who has one.",
        "look whether the export is right: a question that was answered by many people rarely has one answer.",
    )


def _share() -> pa.Check:
    return schema_check(
        "answered_share",
        "error",
        lambda column: column.isna() | column.between(0, 1),
        "The share of questions answered is not between 0 and 1 for {n} of {total} students.",
        "report this as a fault of the program.",
    )


def _duration() -> pa.Check:
    return schema_check(
        DURATION,
        "error",
        lambda column: column.isna() | (column >= 0),
        "The time taken for the survey is below zero for {n} of {total} students.",
        "export the survey again; where times are wrong, leave that column empty.",
    )


def _relations(study: Study, columns: set[str]) -> Iterator[pa.Check]:
    design, assignment = study.design, study.design.assignment
    yield schema_check(
        "responded",
        "error",
        lambda table: ~table["responded"] | table["in_survey"] | ~table["in_survey"].any(),
        "{n} of {total} students count as having answered, and have no row in the survey.",
        "report this as a fault of the program.",
    )
    if {"days_absent", "days_enrolled"} <= columns:
        yield schema_check(
            "days_absent",
            "error",
            lambda table: ~(table["days_absent"] > table["days_enrolled"]),
            "{n} of {total} students were absent on more days than they were enrolled.",
            "correct days_absent or days_enrolled of these students.",
        )
    if assignment.column in columns:
        yield schema_check(
            assignment.column,
            "error",
            lambda table: (
                table[assignment.column].isna()
                | table[assignment.column].isin(assignment.arms)
                | (table["@removed"] > 0)
            ),
            f"Column {assignment.column}: the arm of {{n}} of {{total}} students is none of "
            f"{', '.join(assignment.arms)}.",
            "list it under `design: assignment:`, exclude it by a rule, or correct it.",
        )
    if isinstance(assignment.starts, Start) and assignment.starts.column in columns:
        starts = assignment.starts.column
        yield schema_check(
            starts,
            "warning",
            lambda table: table[starts].isna() | table[starts].isin(study.wave_names) | (table["@removed"] > 0),
            f"Column {starts}: for {{n}} of {{total}} students the start is no wave of the study.",
            f"use one of {', '.join(study.wave_names)}, or leave it empty in the comparison arm.",
        )
    if design.school is not None and design.class_ is not None:
        yield from _classes(design.school, design.class_)


def _classes(school: str, class_: str) -> Iterator[pa.Check]:
    yield schema_check(
        class_,
        "warning",
        lambda table: table[class_].isna() | table[school].notna(),
        "{n} of {total} students have a class and no school.",
        f"fill in {school} for them: without a school they are left out.",
    )

    def one_school(table: pd.DataFrame) -> pd.Series:
        schools = table.groupby(class_)[school].nunique()
        twice = schools.index[schools > 1]
        slip = 0 < len(twice) <= max(1, _MOSTLY * len(schools)) and len(schools) >= _FEW
        return ~table[class_].isin(twice if slip else [])

    yield schema_check(
        class_,
        "warning",
        one_school,
        "{n} of {total} students are in a class that lies in two schools, while nearly every other class lies in one.",
        f"look whether {school} or {class_} of some of them is wrong.",
    )
