"""From rows of text cells to a table: header, blank lines, ragged rows, names used twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from belonging_study.errors import EmptyFileError, UnreadableFileError

__all__ = ["BLANK_LINES", "HEADER_ROWS", "Grid", "Tabulated", "tabulate"]

BLANK_LINES = "blank lines"
HEADER_ROWS = "header rows"


@dataclass(frozen=True)
class Grid:
    """Rows of text cells, as in the file, blank rows included.

    Attributes
    ----------
    rows : list of list of str
        The cells; a blank line is an empty list.
    shown : str
        How messages name the file.
    line_of : callable
        Row index to the line of the file on which the row begins.
    """

    rows: list[list[str]]
    shown: str
    line_of: Callable[[int], int]

    @cached_property
    def filled(self) -> list[int]:
        """Indices of the rows that hold anything; at least one, or an `EmptyFileError`."""
        filled = [i for i, row in enumerate(self.rows) if row and (row[0] or any(row)) and any(map(str.strip, row))]
        if not filled:
            raise EmptyFileError(f"{self.shown} is empty.", where=self.shown, remedy="export the data again.")
        return filled

    def head(self, n: int) -> list[list[str]]:
        """The first rows that hold anything, cells without surrounding spaces."""
        return [[cell.strip() for cell in self.rows[i]] for i in islice(self.filled, n)]


@dataclass(frozen=True)
class Tabulated:
    """A grid as a table.

    Attributes
    ----------
    table : pandas.DataFrame
        All columns text; missing is NaN.
    set_aside : dict
        Reason to number of rows that are not data.
    headers : list of dict
        One for each further header row: column to its text.
    """

    table: pd.DataFrame
    set_aside: dict[str, int]
    headers: list[dict[str, str]]


def tabulate(grid: Grid, *, further_headers: int = 0, missing: frozenset[str] = frozenset({""})) -> Tabulated:
    """Make a table of a grid whose first filled row is the header.

    A row without any text is blank: skipped and counted. Columns without a name and without a value are left
    out (a trailing separator makes them); a column with values but no name is called ``unnamed_<position>``.

    Parameters
    ----------
    grid : Grid
        Rows of cells.
    further_headers : int
        Rows directly below the header that are not data.
    missing : frozenset of str
        Cells that mean "no answer".

    Returns
    -------
    Tabulated
        ``len(table) + sum(set_aside.values())`` is the number of rows of the grid minus the header.

    Raises
    ------
    EmptyFileError
        If there is nothing below the header.
    UnreadableFileError
        If rows differ in width, two columns share a name, or the header comes again further down.

    Examples
    --------
    >>> grid = Grid([["id", "q1", ""], ["1", "Agree", ""], [], ["2", "", ""]], "s.csv", lambda row: row + 1)
    >>> result = tabulate(grid)
    >>> list(result.table.columns), len(result.table), result.set_aside
    (['id', 'q1'], 2, {'blank lines': 1})
    """
    shown, rows = grid.shown, grid.rows
    filled = grid.filled
    indices = filled[1 + further_headers :]
    if not indices:
        raise EmptyFileError(
            f"{shown} has a header and no rows of data.",
            where=shown,
            remedy="export the data again; this export holds none.",
        )
    body = [rows[i] for i in indices]
    header = [name.strip() for name in rows[filled[0]]]
    further = [list(rows[i]) for i in filled[1 : 1 + further_headers]]
    width = _even_out(grid, header, further, body, indices)
    if width > 1 and rows[filled[0]] in body:
        line = grid.line_of(indices[body.index(rows[filled[0]])])
        raise UnreadableFileError(
            f"{shown} holds its header again on line {line}: two exports seem to be pasted together.",
            where=f"{shown}, line {line}",
            remedy="keep each export in its own file and list both under sources in study.yml.",
        )
    columns = list(zip(*body, strict=True))
    kept = [i for i, name in enumerate(header) if name or any(columns[i])]
    names = [header[i] or f"unnamed_{i + 1}" for i in kept]
    refuse_repeated_names(names, shown)
    cells = {}
    empty, blank = pa.array(sorted(missing)), pa.scalar(None, pa.string())
    for name, i in zip(names, kept, strict=True):
        cell = pa.array(columns[i], pa.string())
        cells[name] = pc.if_else(pc.is_in(cell, value_set=empty), blank, cell)
    aside = {HEADER_ROWS: further_headers, BLANK_LINES: len(rows) - len(filled)}
    return Tabulated(
        pa.table(cells).to_pandas(),
        {reason: n for reason, n in aside.items() if n},
        [{name: row[i] for name, i in zip(names, kept, strict=True)} for row in further],
    )


def refuse_repeated_names(names: list[str], shown: str) -> None:
    """Raise where two columns share a name.

    Parameters
    ----------
    names : list of str
        The columns' names.
    shown : str
        How messages name the file.

    Raises
    ------
    UnreadableFileError
        If a name occurs twice.

    Examples
    --------
    >>> try:
    ...     refuse_repeated_names(["id", "q1", "q1"], "survey.csv")
    ... except UnreadableFileError as error:
    ...     print(error.what)
    survey.csv has several columns of one name: "q1" (2 columns).
    """
    repeated = [(name, n) for name, n in Counter(names).items() if n > 1]
    if repeated:
        listed = ", ".join(f'"{name[:60]}" ({n} columns)' for name, n in repeated[:8])
        raise UnreadableFileError(
            f"{shown} has several columns of one name: {listed}.",
            where=shown,
            remedy="give each question its own name in the survey tool and export again.",
        )


def _even_out(
    grid: Grid, header: list[str], further: list[list[str]], body: list[list[str]], indices: list[int]
) -> int:
    """Make every row as wide as the widest that holds a value, in place, or say which row is ragged."""
    width = len(header)
    widths = set(map(len, body))
    if widths == {width} and all(len(row) == width for row in further):
        return width
    for row in further:
        row[:] = (row + [""] * width)[:width]
    ragged = []
    for position, row in enumerate(body):
        if len(row) > width and not any(map(str.strip, row[width:])):
            body[position] = row[:width]  # empty cells beyond the header
        elif len(row) != width:
            ragged.append(position)
    if not ragged:
        return width
    shown = grid.shown
    if len(ragged) == len(body) and {len(row) for row in body} == {width + 1}:
        raise UnreadableFileError(
            f"{shown} has {width} column names, but every row has {width + 1} values.",
            where=shown,
            remedy="export it again without row names (in R: row.names = FALSE), or name the first column.",
        )
    first = ragged[0]
    line = grid.line_of(indices[first])
    raise UnreadableFileError(
        f"{shown} has {width} columns, but {len(ragged)} of its {len(body)} rows "
        f"{'has' if len(ragged) == 1 else 'have'} another number of values; "
        f"the first is on line {line}, with {len(body[first])}.",
        where=f"{shown}, line {line}",
        remedy="export the data again; a separator or a quotation mark inside an answer often does this.",
    )
