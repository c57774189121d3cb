"""A file as it lies on disk: found, unpacked, decoded; errors say what the file is instead."""

from __future__ import annotations

import difflib
import gzip
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

from belonging_study.data.readers.grid import Grid
from belonging_study.data.readers.text import decode, split_rows
from belonging_study.errors import EmptyFileError, FileMissingError, UnreadableFileError

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


@dataclass(frozen=True)
class RawFile:
    """The content of one file, unpacked, before anything is made of it.

    Attributes
    ----------
    data : bytes
        The content; a gzip file is already unpacked.
    name : str
        The file's own name, without folders.
    shown : str
        How messages name the file.
    encoding : str, optional
        The declared encoding of a text file.
    decimal : str
        The declared decimal mark; with a comma, the comma is the last guess for a separator.
    """

    data: bytes
    name: str
    shown: str
    encoding: str | None = None
    decimal: str = "."

    @property
    def is_zip(self) -> bool:
        """Whether the content is a zip archive, as every modern Excel workbook is."""
        return self.data.startswith(b"PK\x03\x04")

    @property
    def is_ole(self) -> bool:
        """Whether the content is an old Microsoft Office file (or one protected by a password)."""
        return self.data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")

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
        """The rows of a text file as lists of cells.

        Raises
        ------
        UnreadableFileError
            If the content is not text, not in the declared encoding, or its quotation marks do not match.
        EmptyFileError
            If there is nothing but blank lines (when its rows are asked for).
        """
        if self.is_zip:
            raise UnreadableFileError(
                f"{self.shown} is a zip archive, not an export.",
                where=self.shown,
                remedy="unpack it and name the file inside it in study.yml.",
            )
        start = self.data[:64].lstrip().lower()
        for magic, words in _NOT_AN_EXPORT:
            if start.startswith(magic.lower()):
                raise UnreadableFileError(
                    f"{self.shown} is {words}, not an export.",
                    where=self.shown,
                    remedy="export the data again, as CSV.",
                )
        return split_rows(decode(self.data, self.encoding, self.shown), self.shown, self.decimal)


def open_file(path: Path, *, shown: str | None = None, encoding: str | None = None, decimal: str = ".") -> RawFile:
    """Read a file into memory, unpacking gzip.

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
    shown = shown or path.name
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissingError(f"{shown} is not there.", where=shown, remedy=_nearest(path)) from None
    except IsADirectoryError:
        raise UnreadableFileError(
            f"{shown} is a folder.", where=shown, remedy="name a file inside it in study.yml."
        ) from None
    except (OSError, ValueError) as error:
        if path.is_dir():  # Windows answers "permission denied" for a folder
            raise UnreadableFileError(
                f"{shown} is a folder.", where=shown, remedy="name a file inside it in study.yml."
            ) from None
        reason = getattr(error, "strerror", None) or "its name is not a valid file name"
        raise UnreadableFileError(
            f"{shown} cannot be opened: {reason}.", where=shown, remedy="check the file's name and its permissions."
        ) from None
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            raise UnreadableFileError(
                f"{shown} is a gzip file that is damaged or ends too early.",
                where=shown,
                remedy="download or copy it again.",
            ) from None
    if not data:
        raise EmptyFileError(f"{shown} is empty.", where=shown, remedy="export the data again.")
    return RawFile(data, path.name, shown, encoding, decimal)


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
