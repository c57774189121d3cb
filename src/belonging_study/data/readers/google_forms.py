"""Google Forms responses: a timestamp first, question texts as the header, grids as "Question [row]"."""

from __future__ import annotations

import re

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.errors import UnreadableFileError

__all__ = ["from_grid", "read", "recognises", "recognises_grid"]

_TIMESTAMP = {
    "timestamp", "zeitstempel", "horodateur", "marca temporal", "carimbo de data/hora", "informazioni cronologiche",
    "tijdstempel", "tidsstämpel", "tidsstempel", "aikaleima", "sygnatura czasowa", "časové razítko",
    "отметка времени", "タイムスタンプ", "타임스탬프", "时间戳记", "時間戳記",
}  # fmt: skip
_TIME = re.compile(r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}.*\d{1,2}[:.]\d{2}")


def recognises(raw: RawFile) -> bool:
    """Look for a first column called "Timestamp" (in one of many languages) that holds times."""
    return recognises_grid(raw.grid)


def recognises_grid(grid: Grid) -> bool:
    """Look for the same in rows of cells."""
    return grid.head(1)[0][0].casefold() in _TIMESTAMP and _begins_with_times(grid)


def read(raw: RawFile) -> Export:
    r"""Read the responses of a Google Form, every column as text.

    Empty cells are missing; ``NA`` is an answer like any other.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export
        Columns are named by their question; ``questions`` holds the same text.

    Raises
    ------
    UnreadableFileError
        If the first column does not hold times, or the text is not a table: see `tabulate`.
    EmptyFileError
        If there are no responses.

    Examples
    --------
    >>> text = "Timestamp,How is school? [I belong]\n10/7/2024 14:03:22,Agree\n"
    >>> list(read(RawFile(text.encode(), "s.csv", "s.csv")).table.columns)
    ['Timestamp', 'How is school? [I belong]']
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells whose first column is the time of the response."""
    result = tabulate(grid)
    if not _begins_with_times(grid):
        raise UnreadableFileError(
            f"{grid.shown} is declared as google_forms, but its first column does not hold the times of responses.",
            where=grid.shown,
            remedy="declare format: delimited, or remove the entry from study.yml.",
        )
    questions = {column: " ".join(column.split()) for column in result.table.columns}
    return Export(result.table, "google_forms", questions=questions, set_aside=result.set_aside)


def _begins_with_times(grid: Grid) -> bool:
    """Whether the first cells below the header are times."""
    times = [row[0] for row in grid.head(20)[1:] if row[0]]
    return bool(times) and all(_TIME.search(time) for time in times)
