"""Whether an SPSS system file is whole from its header to its last dictionary record, and in which encoding it is.

The library that reads these files trusts the numbers in them: a damaged one can end the whole process. So every
number of the dictionary by which something is counted or measured is held against the file first. The layout is that
of the PSPP developers' manual, "System File Format" (https://www.gnu.org/software/pspp/pspp-dev/html_node).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

__all__ = ["SavStructure", "sav_structure"]

_HEADER = 176
_VARIABLE, _VALUE_LABELS, _LABELLED, _DOCUMENT, _EXTENSION, _END = 2, 3, 4, 6, 7, 999
_MOST_LABEL_BYTES = 65_536
"""SPSS allows 256 bytes for a variable's label; other programs write longer ones."""
_MACHINE, _LONG_LABELS, _LONG_MISSING, _ENCODING = 3, 21, 22, 20
_PAGES = {2: "ascii", 3: "windows-1252", 4: "euc_jp", 65001: "utf-8"}
_SHAPE_OF_EXTENSION = {_MACHINE: (4, 8), 4: (8, 3), 16: (8, 2)}
"""Bytes of an element and number of elements, for the extension records in which both are fixed."""
_OF_TEXT = {5, 7, 13, 14, 17, 18, 19, _ENCODING, _LONG_LABELS, _LONG_MISSING}
_INFLATED = 1100
"""Deflate cannot make anything smaller than this part of itself (RFC 1951 allows 258 bytes in two bits)."""


class _Unsound(Exception):
    """A number that cannot be right."""


class _Bytes:
    """Reads the file from its start; what leads beyond its end is unsound."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data, self.order, self.at = data, order, 0

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.data):
            raise _Unsound
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self) -> int:
        value: int = struct.unpack(f"{self.order}i", self.take(4))[0]
        return value

    def count(self, most: int, least: int = 0) -> int:
        value = self.number()
        if not least <= value <= most:
            raise _Unsound
        return value


@dataclass
class SavStructure:
    """What the dictionary of an SPSS system file says of its text.

    Attributes
    ----------
    encoding : str
        The encoding that the file names, or its code page; windows-1252 where it has neither.
    coded_texts : list of bytes
        The values, of variables of text, that have a label.
    """

    encoding: str = "windows-1252"
    coded_texts: list[bytes] = field(default_factory=list)

    def text(self, data: bytes, encoding: str | None = None) -> str:
        """Decode text of the file; bytes that are none become U+FFFD, and are left out at the end, where text was cut.

        Examples
        --------
        >>> SavStructure("utf-8").text("Zo\u00eb".encode()[:-1])
        'Zo'
        """
        try:
            return data.decode(encoding or self.encoding, "replace").rstrip("\ufffd")
        except LookupError:
            return data.decode("windows-1252", "replace")

    def has_clean_codes(self, encoding: str | None = None) -> bool:
        """Whether all labelled values of text are text in the encoding."""
        try:
            for value in self.coded_texts:
                value.decode(encoding or self.encoding)
        except (UnicodeDecodeError, LookupError):
            return False
        return True


def sav_structure(data: bytes) -> SavStructure | None:
    r"""Follow the records of an SPSS system file.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    SavStructure or None
        None where a record is of an unknown type, a length leads out of the file, or a count contradicts what it
        counts: variables and their continuations, labels, the variables that labels belong to, missing values, cases.

    Examples
    --------
    >>> sav_structure(b"$FL2" + bytes(200)) is None
    True
    """
    try:
        return _follow(data)
    except _Unsound:
        return None


def _follow(data: bytes) -> SavStructure:
    """Follow the records up to the data."""
    found = SavStructure()
    if len(data) < _HEADER or data[:4] not in (b"$FL2", b"$FL3"):
        raise _Unsound
    layout = next((mark for mark in "<>" if struct.unpack(f"{mark}i", data[64:68])[0] in (2, 3)), None)
    if layout is None:
        raise _Unsound
    file = _Bytes(data, layout)
    file.at = 72
    compression = file.count(2)
    file.number()  # the variable of weights, which no reader here uses
    n_cases = file.count(2**31 - 1, least=-1)
    file.at = _HEADER
    widths = _variables(file)
    if not widths:
        raise _Unsound
    for kind in iter(file.number, _END):
        if kind == _VALUE_LABELS:
            found.coded_texts += _value_labels(file, widths)
        elif kind == _DOCUMENT:
            file.take(80 * file.count(len(data) // 80, least=1))
        elif kind == _EXTENSION:
            _extension(file, found)
        else:
            raise _Unsound
    file.number()
    room = (len(data) - file.at) * {0: 1, 1: 8, 2: 8 * _INFLATED}[compression]
    if n_cases * len(widths) * 8 > room:
        raise _Unsound
    return found


def _variables(file: _Bytes) -> list[int]:
    """Read the variable records; gives each one's width, 0 for numbers and -1 for the rest of a string."""
    widths: list[int] = []
    continued = 0
    while True:
        kind = file.number()
        if kind != _VARIABLE:
            file.at -= 4
            break
        width = file.count(255, least=-1)
        if (width == -1) != (continued > 0):
            raise _Unsound
        continued = max(width + 7, 8) // 8 - 1 if width >= 0 else continued - 1
        has_label = file.count(1)
        n_missing = file.count(3, least=-3)
        if n_missing == -1 or (n_missing < 0 and width > 0):
            raise _Unsound
        file.take(8)  # formats of print and write
        name = file.take(8)
        if width >= 0 and not name.strip(b" \0"):
            raise _Unsound
        if has_label:
            file.take((file.count(_MOST_LABEL_BYTES) + 3) // 4 * 4)
        file.take(8 * abs(n_missing))
        widths.append(width)
    if continued:
        raise _Unsound
    return widths


def _value_labels(file: _Bytes, widths: list[int]) -> list[bytes]:
    """Read a set of value labels and the variables it belongs to, numbers or short strings; give the strings."""
    values = []
    for _ in range(file.count(len(file.data) // 16, least=1)):
        values.append(file.take(8))
        length = file.take(1)[0]
        file.take((length + 8) // 8 * 8 - 1)
    if file.number() != _LABELLED:
        raise _Unsound
    labelled = [widths[file.count(len(widths), least=1) - 1] for _ in range(file.count(len(widths), least=1))]
    if -1 in labelled or len({width > 0 for width in labelled}) > 1 or max(labelled) > 8:
        raise _Unsound
    return values if max(labelled) else []


def _extension(file: _Bytes, found: SavStructure) -> None:
    """Read an extension record."""
    subtype, size, count = file.number(), file.count(len(file.data)), file.count(len(file.data))
    content = file.take(size * count)
    if subtype in _SHAPE_OF_EXTENSION and (size, count) != _SHAPE_OF_EXTENSION[subtype]:
        raise _Unsound
    if subtype in _OF_TEXT and size != 1:
        raise _Unsound
    if subtype == _MACHINE:
        page: int = struct.unpack(f"{file.order}8i", content)[7]
        found.encoding = _PAGES.get(page, f"cp{page}" if page > 1 else found.encoding)
    elif subtype == _ENCODING:
        found.encoding = content.decode("ascii", "replace").strip(" \0")
    elif subtype == _LONG_LABELS:
        found.coded_texts += _long_labels(_Bytes(content, file.order))


def _long_labels(record: _Bytes) -> list[bytes]:
    """Read the value labels of strings of more than eight bytes; give their values."""
    values = []
    while record.at < len(record.data):
        record.take(record.count(len(record.data), least=1))  # the variable's name
        record.number()  # its width
        for _ in range(record.count(len(record.data))):
            values.append(record.take(record.count(len(record.data))))
            record.take(record.count(len(record.data)))
    return values
