"""REDCap exports: raw or labelled, one row a record, or one for each event and repeat of a record.

A form ends with its status, ``<form>_complete`` ("Complete?" where headers are labels): 0 incomplete, 1 unverified,
2 complete. A survey that was begun and not submitted has the ``<form>_timestamp`` "[not completed]". Longitudinal
projects name the event in ``redcap_event_name``; repeating instruments are told apart by ``redcap_repeat_instrument``
and ``redcap_repeat_instance`` (Harris et al. 2009, doi:10.1016/j.jbi.2008.08.010; the export page and the API
documentation of any REDCap server).
"""

from __future__ import annotations

import re

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.headers import renamed, unlike
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises", "recognises_grid"]

_PARTS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
_LABELLED_PARTS = ("Event Name", "Repeat Instrument", "Repeat Instance")
_SYSTEM = {*_PARTS, *_LABELLED_PARTS, "redcap_data_access_group", "Data Access Group"} | {
    "redcap_survey_identifier", "Survey Identifier",
}  # fmt: skip
_STATUS = re.compile(r"\w+_complete|Complete\?( \(\d+\))?")
_TIMESTAMP = re.compile(r"\w+_timestamp|Survey Timestamp( \(\d+\))?")
_COMPLETE = {"2", "complete"}
_NOT_COMPLETE = {"0", "1", "incomplete", "unverified"}
_NOT_COMPLETED = "[not completed]"
_CHECKBOX = re.compile(r"\w+___\w+|.*\(choice=.*\)( \(\d+\))?", re.DOTALL)
_UNCHECKED = {"0", "unchecked"}


def recognises(raw: RawFile) -> bool:
    """Look for REDCap's own columns, or for the status of a form with REDCap's values."""
    return recognises_grid(raw.grid)


def recognises_grid(grid: Grid) -> bool:
    """Look for the same in rows of cells."""
    header, *rows = grid.head(50)
    if any(name in _PARTS or name.startswith(("redcap_data_access", "redcap_survey_id")) for name in header):
        return True
    for position, name in enumerate(header):
        if position and _STATUS.fullmatch(name):
            values = {row[position].casefold() for row in rows if len(row) > position} - {""}
            if values & _COMPLETE and values <= _COMPLETE | _NOT_COMPLETE:
                return True
    return False


def read(raw: RawFile) -> Export:
    r"""Read a REDCap export of text, every column as text.

    Empty cells are missing, and so is the timestamp "[not completed]". Columns that share a header, as "Complete?" does
    in a labelled export with several forms, are numbered: "Complete? (2)". What codes mean stands in the project's data
    dictionary (see `describe`).

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export
        ``unfinished`` where a form was begun and its status is not "complete", or its survey not submitted. A form is
        begun where any of its fields has a value; its fields are those between the status of the form before it and
        its own. ``parts`` are the columns of events and repeats that differ between rows.

    Raises
    ------
    EmptyFileError
        If there are no records.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

    Examples
    --------
    >>> text = "record_id,redcap_event_name,q1,survey_complete\n7,first_arm_1,3,2\n7,exit_arm_1,,0\n8,exit_arm_1,1,0\n"
    >>> export = read(RawFile(text.encode(), "s.csv", "s.csv"))
    >>> export.parts, export.unfinished.tolist()
    (('redcap_event_name',), [False, False, True])
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells with REDCap's columns."""
    header = grid.head(1)[0]
    result = tabulate(renamed(grid, unlike(header)) if len(set(header)) < len(header) else grid)
    table = result.table
    columns = [str(column) for column in table.columns]
    unfinished = _unfinished(table)
    for column in filter(_TIMESTAMP.fullmatch, columns):
        table[column] = table[column].mask(table[column] == _NOT_COMPLETED)
    parts = [name for name in columns if name in _PARTS or name in _LABELLED_PARTS]
    return Export(
        table,
        "redcap",
        set_aside=result.set_aside,
        unfinished=unfinished,
        parts=tuple(name for name in parts if len(table[name].unique()) > 1),
        lists_everybody=True,
    )


def _unfinished(table: pd.DataFrame) -> pd.Series | None:
    """Tell which rows have a form that was begun and not completed."""
    columns = [str(column) for column in table.columns]
    if not any(_STATUS.fullmatch(name) or _TIMESTAMP.fullmatch(name) for name in columns[1:]):
        return None
    unfinished = pd.Series(False, index=table.index)
    begun = unfinished
    for name in columns[1:]:
        values = table[name]
        if _STATUS.fullmatch(name):
            unfinished = unfinished | (begun & values.str.casefold().isin(_NOT_COMPLETE))
            begun = pd.Series(False, index=table.index)
        elif _TIMESTAMP.fullmatch(name):
            unfinished = unfinished | (values == _NOT_COMPLETED)
        elif name not in _SYSTEM:
            empty = values.isna()
            if _CHECKBOX.fullmatch(name):
                empty |= values.str.casefold().isin(_UNCHECKED)
            begun = begun | ~empty
    return unfinished
