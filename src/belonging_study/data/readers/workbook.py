"""The cells of an Excel workbook as text, and what in it would be lost without a word."""

from __future__ import annotations

import datetime as dt
import html
import re
import zipfile
from io import BytesIO
from typing import Any

import openpyxl
from openpyxl.utils.cell import coordinate_to_tuple

from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.typed import damaged
from belonging_study.data.wording import how_many
from belonging_study.errors import UnreadableFileError

__all__ = ["workbook_sheets"]

_LARGEST_EXACT = 10**15
_FROM = 2**26
_LARGEST_PACKED = 200
"""A workbook shrinks to a tenth or so; what unpacks to more than this is made to fill the memory."""
_MOST_CELLS = 50_000_000
_FORMULA = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>([^<]*)</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
"""A cell with a formula and nothing for its result; an empty text as result has the type ``str``."""
_PLACE = re.compile(rb'\br="([A-Z]+\d+)"')
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*\bref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


def workbook_sheets(raw: RawFile) -> dict[str, list[list[str]]]:
    """Read every worksheet that holds anything.

    Parameters
    ----------
    raw : RawFile
        The workbook (.xlsx).

    Returns
    -------
    dict
        Name of a sheet to its rows of text cells, as wide as its widest row; blank rows are empty lists. Numbers and
        dates are written as a CSV export would show them: whole numbers without a decimal point, those of more than
        15 digits in scientific notation, for Excel does not keep more; dates as ``YYYY-MM-DD``; errors such as
        ``#N/A`` as they are; a formula whose result is not in the file, as itself. Hidden rows, columns and sheets
        count like any other, as in a CSV export.

    Raises
    ------
    UnreadableFileError
        If the workbook is damaged, unpacks to more than 200 times its size, or has cells that are merged over several
        rows below the first.
    """
    formulas = _without_results(_require_sound(raw))
    try:
        book = openpyxl.load_workbook(BytesIO(raw.data), read_only=True, data_only=True, keep_links=False)
        sheets = {str(sheet.title): _rows(sheet, formulas) for sheet in book.worksheets}
        book.close()
    except Exception:  # openpyxl lets errors of zipfile, XML and its own through
        raise damaged(raw.shown, "an Excel file") from None
    return {name: _even(rows, raw.shown) for name, rows in sheets.items() if any(rows)}


def _require_sound(raw: RawFile) -> list[bytes]:
    """Refuse what would fill the memory, and cells merged over several rows; give the sheets as they lie there."""
    try:
        with zipfile.ZipFile(BytesIO(raw.data)) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > _FROM and size > _LARGEST_PACKED * len(raw.data):
                raise UnreadableFileError(
                    f"{raw.shown} unpacks to more than {_LARGEST_PACKED} times its size, which no export does.",
                    where=raw.shown,
                    remedy="export the data again.",
                )
            sheets = [
                archive.read(member)
                for member in members
                if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")
            ]
    except UnreadableFileError:
        raise
    except Exception:  # zipfile raises its own, zlib's, NotImplementedError and others on damaged files
        raise damaged(raw.shown, "an Excel file") from None
    merged = [m for sheet in sheets for m in _MERGED.finditer(sheet) if 1 < int(m[2]) < int(m[4])]
    if merged:
        first = merged[0]
        raise UnreadableFileError(
            f"{raw.shown} has {how_many(len(merged), 'merged cell')} over several rows, the first at "
            f"{(first[1] + first[2]).decode()}: only the first of those rows has the value.",
            where=raw.shown,
            remedy="unmerge these cells in a copy, fill in the value in every row, and use that file.",
        )
    return sheets


def _without_results(sheets: list[bytes]) -> dict[tuple[int, int], str]:
    """Find the formulas without results by row and column: a program wrote them that does not compute."""
    found: dict[tuple[int, int], str] = {}
    for cell in (cell for sheet in sheets for cell in _FORMULA.finditer(sheet)):
        place = _PLACE.search(cell[1])
        if place is not None and b't="str"' not in cell[1]:
            text = html.unescape((cell[2] or b"").decode("utf-8", "replace"))
            found[coordinate_to_tuple(place[1].decode())] = f"={text}"
    return found


def _rows(sheet: Any, formulas: dict[tuple[int, int], str]) -> list[list[str]]:
    """Give the rows of a sheet; what the file says of its size may be wrong, so it is not asked."""
    sheet.reset_dimensions()
    rows = [[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    for (row, column), text in formulas.items():
        if row <= len(rows) and column <= len(rows[row - 1]):
            rows[row - 1][column - 1] = rows[row - 1][column - 1] or text
    return [_trimmed(row) for row in rows]


def _trimmed(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row.pop()
    return row


def _even(rows: list[list[str]], shown: str) -> list[list[str]]:
    """Make all rows with cells as wide as the widest."""
    while rows and not rows[-1]:
        rows.pop()
    width = max(map(len, rows))
    if width * sum(map(bool, rows)) > _MOST_CELLS:
        raise UnreadableFileError(
            f"{shown} cannot be a table: it is {width:,} columns wide.",
            where=shown,
            remedy="delete what stands far to the right of the data, or export the data again, as CSV UTF-8.",
        )
    return [row + [""] * (width - len(row)) if row else row for row in rows]


def _text(cell: Any) -> str:
    """Write a cell as a CSV export would show it."""
    if cell is None:
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if abs(cell) >= _LARGEST_EXACT:
            return f"{cell:.14E}"
        return str(int(cell)) if float(cell).is_integer() else str(cell)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell)
