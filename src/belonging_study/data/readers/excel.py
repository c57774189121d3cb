"""Excel workbooks (.xlsx): read as text cells, then like the text export that they hold."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import PurePath

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.text_formats import text_reader_for
from belonging_study.errors import EmptyFileError, UnreadableFileError

__all__ = ["read", "recognises"]

_TEXT_ENDINGS = {".csv", ".tsv", ".txt", ".tab"}
_AS_CSV = 'open it in Excel and save it as "CSV UTF-8", then name that file in study.yml.'


def recognises(raw: RawFile) -> bool:
    """Look for a workbook inside the zip archive, or an old Microsoft Office file."""
    return raw.is_workbook or raw.is_ole


def read(raw: RawFile) -> Export:
    """Read the one sheet of a workbook that holds data.

    Cells become text as a CSV export would show them (see `workbook_sheets`), and the header rows of survey tools are
    understood as in their text exports. Excel itself may have taken leading zeros from identifiers before the file was
    saved; nothing can bring them back.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export

    Raises
    ------
    UnreadableFileError
        If the file's name promises text, it is an old or protected workbook, openpyxl is not installed, the workbook is
        damaged or has merged cells, or several sheets hold data.
    EmptyFileError
        If no sheet holds data.
    """
    shown = raw.shown
    if PurePath(raw.name.removesuffix(".gz")).suffix.lower() in _TEXT_ENDINGS:
        raise UnreadableFileError(
            f"{shown} is really an Excel file: only its name ends like a text file.", where=shown, remedy=_AS_CSV
        )
    if raw.is_ole:
        raise UnreadableFileError(
            f"{shown} is an old Excel file (.xls) or one protected by a password.", where=shown, remedy=_AS_CSV
        )
    if importlib.util.find_spec("openpyxl") is None:
        raise UnreadableFileError(
            f"{shown} is an Excel file, and openpyxl, which reads it, is not installed.", where=shown, remedy=_AS_CSV
        )
    grid = _grid(raw)
    return replace(text_reader_for(grid)(grid), format="excel")


def _grid(raw: RawFile) -> Grid:
    """Give the rows of the only sheet with data."""
    from belonging_study.data.readers.workbook import workbook_sheets  # openpyxl need not be installed

    filled = workbook_sheets(raw)
    if not filled:
        raise EmptyFileError(f"{raw.shown} has no rows of data.", where=raw.shown, remedy="export the data again.")
    if len(filled) > 1:
        raise UnreadableFileError(
            f"{raw.shown} has {len(filled)} sheets with data: {', '.join(list(filled)[:8])}.",
            where=raw.shown,
            remedy='save the sheet with the answers as "CSV UTF-8" and name that file in study.yml.',
        )
    (rows,) = filled.values()
    return Grid(rows, raw.shown, lambda row: row + 1)
