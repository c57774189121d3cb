"""A file as it lies on disk: found, unpacked, decoded; errors say what the file is instead."""

from __future__ import annotations

import difflib
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from belonging_study.data.readers.grid import Grid
from belonging_study.data.readers.rows import split_rows
from belonging_study.data.readers.text import decoded
from belonging_study.errors import EmptyFileError, FileMissingError, UnreadableFileError, UserError

__all__ = ["RawFile", "open_file"]

_NOT_AN_EXPORT = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<!doctype html", "a web page (often a sign-in page saved in place of the export)"),
    (b"<html", "a web page (often a sign-in page saved in place of the export)"),
    (b"<?xml", "an XML file"),
    (b"* * ", "an SPSS portable file; save it as .sav"),
    (b"\x7fELF", "a program"),
)
"""First bytes (in lower case) of what people mistake for an export."""


_GZIP = b"\x1f\x8b"
_BLOCK = 2**20
_PACKED_FROM = 2**26
_LARGEST_PACKED = 200
"""An export shrinks to a tenth or so; what grows by more than this is made to fill the memory."""


@dataclass(frozen=True)
class RawFile:
    """The content of one file, unpacked, before anything is made of it.

    Attributes
    ----------
    content : bytes or pathlib.Path
        The content, or where it lies; it is read from there piece by piece, and a gzip file is unpacked on the way.
    name : str
        The file's own name, without folders.
    shown : str
        How messages name the file.
    encoding : str, optional
        The declared encoding of a text file.
    decimal : str
        The declared decimal mark; with a comma, the comma is the last guess for a separator.
    """

    content: bytes | Path
    name: str
    shown: str
    encoding: str | None = None
    decimal: str = "."

    @cached_property
    def start(self) -> bytes:
        """The first bytes, enough to know a format by."""
        return next(self.blocks(), b"")[:4096]

    @cached_property
    def data(self) -> bytes:
        """The whole content, for formats that cannot be read piece by piece."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """Give the content from its beginning, in pieces of up to 1 MiB.

        Raises
        ------
        FileMissingError
            If the file is not there.
        UnreadableFileError
            If it is a folder, may not be read, or its gzip stream is damaged or unpacks to more than 200 times its
            size.
        """
        if isinstance(self.content, bytes):
            yield from (self.content[at : at + _BLOCK] for at in range(0, len(self.content), _BLOCK))
            return
        try:
            with self.content.open("rb") as stream:
                packed = stream.read(len(_GZIP)) == _GZIP
                stream.seek(0)
                yield from self._unpacked(stream) if packed else iter(partial(stream.read, _BLOCK), b"")
        except (OSError, ValueError) as error:
            raise _not_opened(self.content, self.shown, error) from None

    def _unpacked(self, stream: BinaryIO) -> Iterator[bytes]:
        """Unpack gzip; a small file that unpacks to gigabytes is no export."""
        n = 0
        try:
            for block in iter(partial(gzip.GzipFile(fileobj=stream).read, _BLOCK), b""):
                n += len(block)
                if n > _PACKED_FROM and n > _LARGEST_PACKED * stream.tell():
                    raise UnreadableFileError(
                        f"{self.shown} unpacks to more than {_LARGEST_PACKED} times its size, which no export does.",
                        where=self.shown,
                        remedy="export the data again.",
                    )
                yield block
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise UnreadableFileError(
                f"{self.shown} is a gzip file that is damaged or ends too early.",
                where=self.shown,
                remedy="download or copy it again.",
            ) from None

    @property
    def is_zip(self) -> bool:
        """Whether the content is a zip archive, as every modern Excel workbook is."""
        return self.start.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    @property
    def is_ole(self) -> bool:
        """Whether the content is an old Microsoft Office file (or one protected by a password)."""
        return self.start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

    @cached_property
    def is_workbook(self) -> bool:
        """Whether the content is a modern Excel workbook."""
        if not self.is_zip:
            return False
        try:
            with zipfile.ZipFile(BytesIO(self.data)) as archive:
                return any(name.startswith("xl/") for name in archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return False

    @cached_property
    def grid(self) -> Grid:
        """The rows of a text file as lists of cells, read when they are asked for.

        Raises
        ------
        UnreadableFileError
            If the content is not text, or not in the declared encoding; when its rows are asked for, if its quotation
            marks do not match.
        EmptyFileError
            If there is nothing but blank lines (when its rows are asked for).
        """
        if self.is_zip:
            raise UnreadableFileError(
                f"{self.shown} is a zip archive, not an export.",
                where=self.shown,
                remedy="unpack it and name the file inside it in study.yml.",
            )
        start = self.start[:64].lstrip().lower()
        for magic, words in _NOT_AN_EXPORT:
            if start.startswith(magic.lower()):
                raise UnreadableFileError(
                    f"{self.shown} is {words}, not an export.",
                    where=self.shown,
                    remedy="export the data again, as CSV.",
                )
        return split_rows(partial(decoded, self.blocks, self.encoding, self.shown), self.shown, self.decimal)


def open_file(path: Path, *, shown: str | None = None, encoding: str | None = None, decimal: str = ".") -> RawFile:
    """Find a file and read its beginning, unpacking gzip.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    shown : str, optional
        How messages name the file; by default its name without folders.
    encoding, decimal : str, optional
        As declared in ``study.yml``.

    Returns
    -------
    RawFile

    Raises
    ------
    FileMissingError
        If the file is not there; the message offers the nearest name in its folder.
    UnreadableFileError
        If it is a folder, may not be read, or its gzip stream is damaged.
    EmptyFileError
        If it has no bytes.

    Examples
    --------
    >>> from pathlib import Path
    >>> try:
    ...     open_file(Path("no_such_folder/survey.csv"), shown="w1/survey.csv")
    ... except FileMissingError as error:
    ...     print(error.what)
    w1/survey.csv is not there.
    """
    raw = RawFile(path, path.name, shown or path.name, encoding, decimal)
    if not raw.start:
        raise EmptyFileError(f"{raw.shown} is empty.", where=raw.shown, remedy="export the data again.")
    return raw


def _not_opened(path: Path, shown: str, error: Exception) -> UserError:
    """Say why a file cannot be opened."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FileMissingError(f"{shown} is not there.", where=shown, remedy=_nearest(path))
    if isinstance(error, IsADirectoryError) or path.is_dir():  # Windows answers "permission denied" for a folder
        return UnreadableFileError(f"{shown} is a folder.", where=shown, remedy="name a file inside it in study.yml.")
    reason = getattr(error, "strerror", None) or "its name is not a valid file name"
    return UnreadableFileError(
        f"{shown} cannot be opened: {reason}.", where=shown, remedy="check the file's name and its permissions."
    )


def _nearest(path: Path) -> str:
    """Offer the file of that folder whose name is nearest."""
    try:
        names = sorted(p.name for p in path.parent.iterdir() if not p.name.startswith("."))
    except OSError:
        return "put the file there, or correct its folder in study.yml; the folder does not exist either."
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(path.name.lower(), by_lower, n=1, cutoff=0.5)
    if near:
        return f'put the file there, or correct its name in study.yml; the nearest name is "{by_lower[near[0]]}".'
    return "put the file there, or correct its name in study.yml."
