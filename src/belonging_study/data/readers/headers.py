"""Names for columns whose header is spread over two rows, is shared by several columns, or holds more than a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from belonging_study.data.readers.grid import Grid

__all__ = ["renamed", "unlike"]


@dataclass(frozen=True)
class _Renamed:
    """The rows of a grid, the first that holds anything replaced by other names; read anew in each pass."""

    grid: Grid
    names: Sequence[str]

    def __iter__(self) -> Iterator[list[str]]:
        header = True
        for row in self.grid.rows:
            if header and any(map(str.strip, row)):
                header = False
                yield list(self.names)
            else:
                yield row


def renamed(grid: Grid, names: Sequence[str]) -> Grid:
    """Give a grid other column names.

    Parameters
    ----------
    grid : Grid
        Rows of cells; the first row that holds anything is the header.
    names : sequence of str
        The names, as many as that row has cells.

    Returns
    -------
    Grid

    Examples
    --------
    >>> list(renamed(Grid([["a", "a"], ["1", "2"]], "s.csv", lambda row: row + 1), ["a", "b"]).rows)
    [['a', 'b'], ['1', '2']]
    """
    return Grid(_Renamed(grid, names), grid.shown, grid.line_of)


def unlike(names: Sequence[str]) -> list[str]:
    """Number the names that are there already, so that each column has one of its own.

    Parameters
    ----------
    names : sequence of str
        The names; empty ones stay as they are.

    Returns
    -------
    list of str

    Examples
    --------
    >>> unlike(["Complete?", "Age", "Complete?", "", ""])
    ['Complete?', 'Age', 'Complete? (2)', '', '']
    """
    taken = set(names)
    seen: set[str] = set()
    result = []
    for name in names:
        number = 2
        own = name
        while name and own in seen:
            own = f"{name} ({number})"
            number += 1
            if own in taken:
                continue
        seen.add(own)
        result.append(own)
    return result
