"""Plain delimited text: comma, semicolon, tab or bar, one header row."""

from __future__ import annotations

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises"]

_MISSING = frozenset({"", "NA"})


def recognises(raw: RawFile) -> bool:
    """Take any text that is a table; the last format to be tried."""
    return bool(raw.grid.head(1))


def read(raw: RawFile) -> Export:
    r"""Read delimited text, every column as text.

    Empty cells are missing, and so is the literal ``NA``, which R writes for a missing value.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export

    Raises
    ------
    EmptyFileError
        If there is nothing below the header.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

    Examples
    --------
    >>> read(RawFile(b"id,mark\n0012,NA\n0013,\n", "r.csv", "r.csv")).table["mark"].isna().sum()
    np.int64(2)
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells with one header row."""
    result = tabulate(grid, missing=_MISSING)
    return Export(result.table, "delimited", set_aside=result.set_aside)
