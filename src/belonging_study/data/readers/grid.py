"""From rows of text cells to a table: header, blank lines, ragged rows, names used twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from belonging_study.data.wording import one_line
from belonging_study.errors import EmptyFileError, UnreadableFileError

__all__ = ["BLANK_LINES", "HEADER_ROWS", "Grid", "Tabulated", "tabulate"]

BLANK_LINES = "blank lines"
HEADER_ROWS = "header rows"
_HEAD = 50
_CELLS_AT_ONCE = 2**16
_PIECES = 16
_NOTHING = pa.scalar(None, pa.large_string())


@dataclass(frozen=True)
class Grid:
    """Rows of text cells, as in the file, blank rows included.

    Attributes
    ----------
    rows : iterable of list of str
        The cells, from the first row in each pass; a blank line is an empty list. A large file is not in memory.
    shown : str
        How messages name the file.
    line_of : callable
        Row index to the line of the file on which the row begins.
    """

    rows: Iterable[list[str]]
    shown: str
    line_of: Callable[[int], int]

    def head(self, n: int) -> list[list[str]]:
        """The first rows that hold anything (up to 50), cells without surrounding spaces.

        There is at least one, or an `EmptyFileError`.
        """
        return self._first[:n]

    @cached_property
    def _first(self) -> list[list[str]]:
        filled = [[cell.strip() for cell in row] for row in islice(filter(_holds_anything, self.rows), _HEAD)]
        if not filled:
            raise EmptyFileError(f"{self.shown} is empty.", where=self.shown, remedy="export the data again.")
        return filled


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
    n_blank = 0
    top: list[list[str]] = []
    body: _Body | None = None
    for index, row in enumerate(grid.rows):
        if not _holds_anything(row):
            n_blank += 1
        elif len(top) <= further_headers:
            top.append(row)
        else:
            if body is None:
                body = _Body(top[0], missing)
            body.take(index, row)
    if body is None:
        what = "has a header and no rows of data" if top else "is empty"
        raise EmptyFileError(
            f"{grid.shown} {what}.", where=grid.shown, remedy="export the data again; this export holds none."
        )
    body.require_even(grid)
    header = [name.strip() for name in top[0]]
    columns = body.columns()
    kept = [i for i, name in enumerate(header) if name or i in body.filled]
    names = [header[i] or f"unnamed_{i + 1}" for i in kept]
    refuse_repeated_names(names, grid.shown)
    further = [(row + [""] * len(header))[: len(header)] for row in top[1:]]
    aside = {HEADER_ROWS: further_headers, BLANK_LINES: n_blank}
    return Tabulated(
        pa.table({name: columns[i] for name, i in zip(names, kept, strict=True)}).to_pandas(),
        {reason: n for reason, n in aside.items() if n},
        [{name: row[i] for name, i in zip(names, kept, strict=True)} for row in further],
    )


class _Body:
    """The rows below the header, taken one by one, kept as columns."""

    def __init__(self, header: list[str], missing: frozenset[str]) -> None:
        self.header, self.width, self.missing = header, len(header), missing
        self.nameless = [i for i, name in enumerate(header) if not name.strip()]
        self.filled: set[int] = set()
        """Columns without a name that hold something."""
        self.n, self.n_ragged, self.n_one_more, self.n_headers = 0, 0, 0, 0
        self.ragged, self.last, self.again = (0, 0), 0, 0
        self._rows: list[list[str]] = []
        self._pieces: list[list[pa.Array]] = [[] for _ in header]
        self._parts: list[list[pa.Array]] = [[] for _ in header]
        self._at_once = max(_CELLS_AT_ONCE // self.width, 1)

    def take(self, index: int, row: list[str]) -> None:
        """Add the row of that index, or note what is wrong with it."""
        self.n, self.last = self.n + 1, index
        if len(row) != self.width:
            row = self._of_other_width(index, row)
        if row == self.header and self.width > 1:
            self.again, self.n_headers = self.again or index, self.n_headers + 1
        if self.n_ragged or self.n_headers:
            self._rows.clear()  # an error to come; the rest is only counted
            return
        self._rows.append(row)
        if len(self._rows) == self._at_once:
            self._make_columns()

    def _of_other_width(self, index: int, row: list[str]) -> list[str]:
        if len(row) > self.width and not any(map(str.strip, row[self.width :])):
            return row[: self.width]  # empty cells beyond the header
        self.ragged = self.ragged if self.n_ragged else (index, len(row))
        self.n_ragged += 1
        self.n_one_more += len(row) == self.width + 1
        return row

    def _make_columns(self) -> None:
        """Turn the rows at hand into a piece of each column."""
        cells = list(zip(*self._rows, strict=True))
        self._rows.clear()
        self.filled.update(i for i in self.nameless if any(cells[i]))
        for pieces, column in zip(self._pieces, cells, strict=True):
            part = pa.array(column, pa.large_string())
            empty = reduce(pc.or_, [pc.equal(part, word) for word in sorted(self.missing)])
            pieces.append(pc.if_else(empty, _NOTHING, part) if empty.true_count else part)
        if len(self._pieces[0]) == _PIECES:
            self._join_pieces()

    def _join_pieces(self) -> None:
        """Make one part of the pieces of each column: memory of its own, which goes when the column goes."""
        for parts, pieces in zip(self._parts, self._pieces, strict=True):
            parts.append(pa.concat_arrays(pieces))
            pieces.clear()

    def columns(self) -> list[pa.ChunkedArray]:
        """Give the columns."""
        if self._rows:
            self._make_columns()
        if self._pieces[0]:
            self._join_pieces()
        return [pa.chunked_array(parts, pa.large_string()) for parts in self._parts]

    def require_even(self, grid: Grid) -> None:
        """Say which row has another width than the header, or is the header again."""
        shown, width = grid.shown, self.width
        if self.n_ragged and self.n_one_more == self.n:
            raise UnreadableFileError(
                f"{shown} has {width} column names, but every row has {width + 1} values.",
                where=shown,
                remedy="export it again without row names (in R: row.names = FALSE), or name the first column.",
            )
        if self.n_ragged:
            index, n_values = self.ragged
            line = grid.line_of(index)
            cut = self.n_ragged == 1 and index == self.last and n_values < width
            raise UnreadableFileError(
                f"{shown} has {width} columns, but {self.n_ragged} of its {self.n} rows "
                f"{'has' if self.n_ragged == 1 else 'have'} another number of values; "
                f"the first is on line {line}, with {n_values}.",
                where=f"{shown}, line {line}",
                remedy="export or copy the file again: it seems to end in the middle of its last row."
                if cut
                else "export the data again; a separator or a quotation mark inside an answer often does this.",
            )
        if self.n_headers:
            line = grid.line_of(self.again)
            more = f", {self.n_headers} times in all" if self.n_headers > 1 else ""
            raise UnreadableFileError(
                f"{shown} holds its header again on line {line}{more}: exports seem to be pasted together.",
                where=f"{shown}, line {line}",
                remedy="keep each export in its own file and list both under sources in study.yml.",
            )


def _holds_anything(row: list[str]) -> bool:
    """Whether a row has a cell with more than spaces."""
    return bool(row) and (bool(row[0]) or any(row)) and any(map(str.strip, row))


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
        listed = ", ".join(f'"{one_line(name)}" ({n} columns)' for name, n in repeated[:8])
        raise UnreadableFileError(
            f"{shown} has several columns of one name: {listed}.",
            where=shown,
            remedy="give each question its own name in the survey tool and export again.",
        )
