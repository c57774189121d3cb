"""Which rows of a file belong to a source: those that ``rows:`` names, of one part of a record, with answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.flow.exclusions import as_text
from belonging_study.errors import ColumnMissingError, DataError
from belonging_study.study.model import Source
from belonging_study.study.names import nearest

__all__ = ["SourceRows", "rows_of_source", "unfinished_rows"]

_NOBODY_ANSWERED = "records without answers"
_ONE_ROW_A_STUDENT = ("survey", "roster", "records")
_INSTANCES = ("redcap_repeat_instance", "Repeat Instance")
_SHOWN = 8


@dataclass(frozen=True)
class SourceRows:
    """The rows of a file that belong to a source.

    Attributes
    ----------
    table : pandas.DataFrame
        Those rows, with the file's index and columns.
    n_other : int
        Rows that ``rows:`` does not name.
    set_aside : dict
        Reason to number of rows that are no responses, those of the export included.
    """

    table: pd.DataFrame
    n_other: int
    set_aside: dict[str, int]


def rows_of_source(export: Export, source: Source, answers: Collection[str]) -> SourceRows:
    """Keep the rows that belong to a source.

    Parameters
    ----------
    export : Export
        The file.
    source : Source
        Its entry in ``study.yml``.
    answers : collection of str
        Columns of the file that hold the answers to the survey's items.

    Returns
    -------
    SourceRows
        Of a survey in a file that lists everybody, rows without any of the answers are no responses.

    Raises
    ------
    ColumnMissingError
        If ``rows:`` names a column that is not in the file.
    DataError
        If no row is left, or the rows left are of several events or repeats, so that a student would have several.

    Examples
    --------
    >>> table = pd.DataFrame({"id": ["1", "1"], "redcap_event_name": ["first_arm_1", "exit_arm_1"], "q1": ["4", "5"]})
    >>> export = Export(table, "redcap", parts=("redcap_event_name",))
    >>> try:
    ...     rows_of_source(export, Source(file="w1.csv"), ["q1"])
    ... except DataError as error:
    ...     print(error.what)
    w1.csv has rows of 2 different redcap_event_name: first_arm_1 (1), exit_arm_1 (1).
    >>> rows_of_source(export, Source(file="w1.csv", rows={"redcap_event_name": "exit_arm_1"}), ["q1"]).n_other
    1
    """
    table = export.table
    mine = pd.Series(True, index=table.index)
    for column, value in source.rows.items():
        if column not in table.columns:
            near = nearest(column, map(str, table.columns))
            raise ColumnMissingError(
                f"{source.file} has no column {column}, which `rows:` names{near or '.'}",
                where=source.file,
                remedy="correct the column under `rows:` of that file in study.yml.",
            )
        mine &= as_text(table[column]) == as_text(pd.Series([value], dtype=object)).iloc[0]
    if len(table) and not mine.any():
        said = " and ".join(f"{column} = {value}" for column, value in source.rows.items())
        raise DataError(
            f"None of the {len(table)} rows of {source.file} has {said}.",
            where=source.file,
            remedy="correct `rows:` of that file in study.yml.",
        )
    n_other = int((~mine).sum())
    if export.parts:
        _require_one_part(table[mine], export, source)
    set_aside = dict(export.set_aside)
    if export.lists_everybody and source.kind == "survey" and answers:
        silent = mine & table[list(answers)].isna().all(axis=1)
        if silent.any() and not silent[mine].all():
            set_aside[_NOBODY_ANSWERED] = int(silent.sum())
            mine &= ~silent
    return SourceRows(table if mine.all() else table[mine], n_other, set_aside)


def unfinished_rows(rows: pd.DataFrame, export: Export) -> pd.Series:
    """Tell which of these rows of an export are unfinished responses; none where the file does not say."""
    if export.unfinished is None:
        return pd.Series(False, index=rows.index)
    return export.unfinished.loc[rows.index].astype(bool)


def _require_one_part(rows: pd.DataFrame, export: Export, source: Source) -> None:
    """Raise where the rows are of several events, instruments or repeats of one."""
    for column in export.parts:
        if column in _INSTANCES and source.kind not in _ONE_ROW_A_STUDENT:
            continue
        counts = rows[column].fillna("").value_counts()
        if len(counts) < 2:
            continue
        listed = ", ".join(f"{value or 'nothing'} ({n})" for value, n in counts.head(_SHOWN).items())
        more = f" and {len(counts) - _SHOWN} others" if len(counts) > _SHOWN else ""
        first = str(counts.index[0]) or '""'
        raise DataError(
            f"{source.file} has rows of {len(counts)} different {column}: {listed}{more}.",
            where=f"{source.file}, column {column}",
            remedy=f"say which of them this source is, for example rows: {{{column}: {first}}}; the same file can be "
            "named again in another source for the others.",
        )
