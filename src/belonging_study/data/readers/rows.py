"""From text to rows of cells: separator, line ends, quotation marks, and how long a cell or a row may be."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from belonging_study.data.readers.grid import Grid
from belonging_study.errors import UnreadableFileError

__all__ = ["split_rows"]

Texts = Callable[[], Iterator[str]]

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 200_000
_SAMPLE_ROWS = 50
_LONGEST_ROW = 4_000_000
"""Characters: a file that is one endless line must not be taken into memory."""


def split_rows(texts: Texts, shown: str, decimal: str = ".") -> Grid:
    r"""Split a delimited text into rows of cells.

    The separator is the one of comma, semicolon, tab and bar under which most of the first rows are as wide
    as the header. Lines end with ``\n``, ``\r\n`` or ``\r``, also in one file.

    Parameters
    ----------
    texts : callable
        Gives the text from its beginning, in pieces (see `decoded`); it is called for each pass over the rows.
    shown : str
        How messages name the file.
    decimal : str
        With ``","`` the comma is the separator only if no other fits.

    Returns
    -------
    Grid
        Its rows are read as they are asked for.

    Raises
    ------
    UnreadableFileError
        When rows are asked for, if a quotation mark is opened and never closed, text follows a closed one, a cell is
        longer than the csv module allows (131,072 characters), or a row longer than 4,000,000.

    Examples
    --------
    >>> grid = split_rows(lambda: iter(['id;note\n1;"two', '\nlines"\n']), "survey.csv")
    >>> list(grid.rows)
    [['id', 'note'], ['1', 'two\nlines']]
    """
    rows = _Rows(texts, _separator(texts, decimal), shown)
    return Grid(rows, shown, rows.line_of)


@dataclass(frozen=True)
class _Rows:
    """The rows of a delimited text, read anew in each pass."""

    texts: Texts
    separator: str
    shown: str

    def __iter__(self) -> Iterator[list[str]]:
        return (row for _, row in self.numbered())

    def line_of(self, index: int) -> int:
        """Line on which that row (from 0) begins; cells may hold line breaks, so it has to be counted."""
        return next(line for line, _ in islice(self.numbered(), index, None))

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Give each row with the line on which it begins."""
        lines = _Lines(self.texts(), self.shown)
        reader = csv.reader(lines.read(), delimiter=self.separator, strict=True)
        try:
            for row in reader:
                yield lines.line, row
                lines.line, lines.n_characters = reader.line_num + 1, 0
        except csv.Error as error:
            if "field limit" in str(error):
                longest = f"{csv.field_size_limit():,}"
                raise _too_long(self.shown, lines.line, f"a cell of more than {longest} characters") from None
            raise UnreadableFileError(
                f"{self.shown} breaks off at line {lines.line}: a quotation mark is opened there and not closed "
                "before the cell ends.",
                where=f"{self.shown}, line {lines.line}",
                remedy="export the data again, or correct the quotation marks of that row in a copy; a file that was "
                "not copied to its end looks the same.",
            ) from None


@dataclass
class _Lines:
    """The lines of a text, their ends kept; knows where the row that is being read began, and how long it is by now."""

    texts: Iterator[str]
    shown: str
    line: int = 1
    n_characters: int = 0

    def read(self) -> Iterator[str]:
        """Give line after line."""
        rest = ""
        for piece in self.texts:
            text = rest + piece
            # The last line may go on, and a last "\r" may be half of "\r\n".
            end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1
            yield from self._counted(text[:end])
            rest = text[end:]
            self._require_short(len(rest))
        yield from self._counted(rest)

    def _counted(self, text: str) -> Iterator[str]:
        for line in StringIO(text, newline=""):
            self.n_characters += len(line)
            if self.n_characters > _LONGEST_ROW:
                self._require_short(self.n_characters)
            yield line

    def _require_short(self, n: int) -> None:
        if n > _LONGEST_ROW:
            raise _too_long(self.shown, self.line, f"more than {_LONGEST_ROW:,} characters")


def _too_long(shown: str, line: int, what: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"{shown} cannot be a table: the row that begins on line {line} has {what}.",
        where=f"{shown}, line {line}",
        remedy="export the data again; a quotation mark that is never closed, or a file without line ends, does this.",
    )


def _separator(texts: Texts, decimal: str) -> str:
    """Choose the separator that makes the first rows a table."""
    sample, whole = _sample(texts())
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        try:
            rows = list(islice(csv.reader(StringIO(sample, newline=""), delimiter=separator), _SAMPLE_ROWS + 1))
        except csv.Error:
            continue
        if len(rows) > 2 and not whole:
            rows.pop()  # the sample may end inside it
        widths = [len(row) for row in rows if row]
        if not widths or widths[0] < 2:
            continue
        alike = sum(width == widths[0] for width in widths[1:]) / max(len(widths) - 1, 1)
        score = (alike, 0 if separator == "," and decimal == "," else widths[0])
        if score > best_score:
            best, best_score = separator, score
    return best


def _sample(texts: Iterator[str]) -> tuple[str, bool]:
    """Give the beginning of the text, and whether that is all of it."""
    sample = ""
    for text in texts:
        sample += text
        if len(sample) > _SAMPLE_CHARACTERS:
            return sample[:_SAMPLE_CHARACTERS], False
    return sample, True
