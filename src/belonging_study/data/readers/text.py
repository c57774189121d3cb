"""From bytes to rows of text cells: encoding, separator, quotation marks."""

from __future__ import annotations

import codecs
import csv
from functools import partial
from io import StringIO
from itertools import islice

from belonging_study.data.readers.grid import Grid
from belonging_study.errors import UnreadableFileError

__all__ = ["decode", "split_rows"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the start of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 200_000
_SAMPLE_ROWS = 50


def decode(data: bytes, encoding: str | None, shown: str) -> str:
    r"""Turn a text file's bytes into text.

    A byte-order mark decides; without one, the declared encoding, or UTF-8.

    Parameters
    ----------
    data : bytes
        Content of the file.
    encoding : str, optional
        The encoding declared in ``study.yml``.
    shown : str
        How messages name the file.

    Returns
    -------
    str
        The text without the byte-order mark.

    Raises
    ------
    UnreadableFileError
        If the bytes are not text in that encoding; the message names the line of the first offending byte
        and, where one is likely, the encoding to declare.

    Examples
    --------
    >>> decode(b"\xef\xbb\xbfname,answer", None, "survey.csv")
    'name,answer'
    >>> try:
    ...     decode("Zoë".encode("windows-1252"), None, "survey.csv")
    ... except UnreadableFileError as error:
    ...     print(error)
    survey.csv is not UTF-8: line 1 holds a byte that UTF-8 does not allow.
    Where: survey.csv, line 1
    What to do: declare encoding: windows-1252 for it in study.yml, or save the file as UTF-8.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    used = marked or encoding or "utf-8"
    try:
        text = data.decode(used)
        if encoding is not None:
            text.encode("utf-8")  # some encodings can spell half characters, which no table can hold
    except UnicodeError as error:
        raise _not_decoded(data, used, getattr(error, "start", 0), shown) from None
    except (LookupError, ValueError):
        raise UnreadableFileError(
            f'{shown} is declared as encoding "{used}", which does not exist.',
            where=shown,
            remedy='remove "encoding" from study.yml to read the file as UTF-8, or name one such as windows-1252.',
        ) from None
    position = text.find("\x00")
    if position >= 0:
        wide = _wide(data)
        raise UnreadableFileError(
            f"{shown} holds NUL bytes, the first on line {_line(text[:position])}: it is not plain text.",
            where=shown,
            remedy=f"declare encoding: {wide} for it in study.yml." if wide else "export the data again, as CSV UTF-8.",
        )
    return text.removeprefix("\ufeff")


def _not_decoded(data: bytes, used: str, start: int, shown: str) -> UnreadableFileError:
    """Say where the text stops being text, and how to go on."""
    name = "UTF-8" if used in ("utf-8", "utf-8-sig") else used
    if b"\x00" in data or _share_of_controls(data) > 0.05:
        return UnreadableFileError(
            f"{shown} is not a text file, and no known format of data.",
            where=shown,
            remedy="export the data again, as CSV UTF-8.",
        )
    line = _line(data[:start].decode("latin-1"))
    guess = _likely_encoding(data)
    return UnreadableFileError(
        f"{shown} is not {name}: line {line} holds a byte that {name} does not allow.",
        where=f"{shown}, line {line}",
        remedy=f"declare encoding: {guess} for it in study.yml, or save the file as UTF-8.",
    )


def _likely_encoding(data: bytes) -> str:
    """Windows-1252 where every byte has a meaning in it, else the old Mac encoding, which allows every byte."""
    try:
        data.decode("utf-8")
    except UnicodeError:
        pass
    else:
        return "utf-8"
    try:
        data.decode("windows-1252")
    except UnicodeError:
        return "mac_roman"
    return "windows-1252"


def _wide(data: bytes) -> str | None:
    """Name UTF-16 without a mark by which half of the byte pairs is mostly zero."""
    head = data[:2000]
    pairs = max(len(head) // 2, 1)
    if head[1::2].count(0) > 0.4 * pairs:
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) > 0.4 * pairs else None


def _share_of_controls(data: bytes) -> float:
    """Share of bytes that no text has, among the first 10,000."""
    head = data[:10_000]
    return sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head) / max(len(head), 1)


def _line(before: str) -> int:
    """Line number, from 1, of what follows this text."""
    return before.count("\n") + before.count("\r") - before.count("\r\n") + 1


def split_rows(text: str, shown: str, decimal: str = ".") -> Grid:
    r"""Split a delimited text into rows of cells.

    The separator is the one of comma, semicolon, tab and bar under which most of the first rows are as wide
    as the header.

    Parameters
    ----------
    text : str
        Content of the file.
    shown : str
        How messages name the file.
    decimal : str
        With ``","`` the comma is the separator only if no other fits.

    Returns
    -------
    Grid

    Raises
    ------
    UnreadableFileError
        If a quotation mark is opened and never closed, or text follows a closed one.

    Examples
    --------
    >>> split_rows('id;note\n1;"two\nlines"\n', "survey.csv").rows
    [['id', 'note'], ['1', 'two\nlines']]
    """
    separator = _separator(text, decimal)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error:
        line = _last_good_line(text, separator) + 1
        raise UnreadableFileError(
            f"{shown} breaks off at line {line}: a quotation mark is opened there and not closed before the cell ends.",
            where=f"{shown}, line {line}",
            remedy="export the data again, or correct the quotation marks of that row in a copy.",
        ) from None
    return Grid(rows, shown, partial(_line_of_row, text, separator))


def _separator(text: str, decimal: str) -> str:
    """Choose the separator that makes the first rows a table."""
    sample = text[:_SAMPLE_CHARACTERS]
    best, best_score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        try:
            rows = list(islice(csv.reader(StringIO(sample, newline=""), delimiter=separator), _SAMPLE_ROWS + 1))
        except csv.Error:
            continue
        if len(rows) > 2 and len(sample) < len(text):
            rows.pop()  # the sample may end inside it
        widths = [len(row) for row in rows if row]
        if not widths or widths[0] < 2:
            continue
        alike = sum(width == widths[0] for width in widths[1:]) / max(len(widths) - 1, 1)
        score = (alike, 0 if separator == "," and decimal == "," else widths[0])
        if score > best_score:
            best, best_score = separator, score
    return best


def _last_good_line(text: str, separator: str) -> int:
    """Line on which the last well-formed row ends."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 0
    try:
        for _ in reader:
            line = reader.line_num
    except csv.Error:
        pass
    return line


def _line_of_row(text: str, separator: str, row: int) -> int:
    """Line on which that row (from 0) begins; cells may hold line breaks, so it has to be counted."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    for _ in islice(reader, row):
        pass
    return reader.line_num + 1
