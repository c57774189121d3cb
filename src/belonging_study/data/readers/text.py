"""From bytes to text, a piece at a time: encodings, and what to say of bytes that are no text."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from belonging_study.errors import UnreadableFileError

__all__ = ["Blocks", "decoded"]

Blocks = Callable[[], Iterator[bytes]]
"""Gives the bytes of a file from its beginning, in pieces."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the start of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(blocks: Blocks, encoding: str | None, shown: str) -> Iterator[str]:
    r"""Turn a text file's bytes into text, piece by piece.

    A byte-order mark decides; without one, the declared encoding, or UTF-8.

    Parameters
    ----------
    blocks : callable
        Gives the content of the file in pieces, none of them empty; called again where a mistake has to be explained.
    encoding : str, optional
        The encoding declared in ``study.yml``.
    shown : str
        How messages name the file.

    Yields
    ------
    str
        The text without the byte-order mark, in pieces that may end anywhere.

    Raises
    ------
    UnreadableFileError
        If the bytes are not text in that encoding; the message names the line of the first offending byte
        and, where one is likely, the encoding to declare.

    Examples
    --------
    >>> list(decoded(lambda: iter([b"\xef\xbb\xbfname", b",answer"]), None, "survey.csv"))
    ['name', ',answer']
    >>> try:
    ...     list(decoded(lambda: iter(["Zoë".encode("windows-1252")]), None, "survey.csv"))
    ... except UnreadableFileError as error:
    ...     print(error)
    survey.csv is not UTF-8: line 1 holds a byte that UTF-8 does not allow.
    Where: survey.csv, line 1
    What to do: declare encoding: windows-1252 for it in study.yml, or save the file as UTF-8.
    """
    used = _encoding_of(blocks, encoding, shown)
    decoder = codecs.getincrementaldecoder(used)()
    first, n_read = True, 0
    for block in _and_end(blocks()):
        n_read += len(block)
        try:
            text = decoder.decode(block, final=not block)
            if encoding is not None:
                text.encode("utf-8")  # some encodings can spell half characters, which no table can hold
        except UnicodeError as error:
            rest = len(getattr(error, "object", b"")) - getattr(error, "start", 0)
            raise _not_decoded(blocks, used, n_read - rest, shown) from None
        if "\x00" in text:
            raise _nul_bytes(blocks, used, shown)
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text


def _and_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Add an empty piece, at which a decoder says what it still waits for."""
    yield from blocks
    yield b""


def _encoding_of(blocks: Blocks, encoding: str | None, shown: str) -> str:
    """Choose the encoding, and refuse one that does not exist."""
    head = next(blocks(), b"")
    used = next((name for mark, name in _MARKS if head.startswith(mark)), None) or encoding or "utf-8"
    try:
        b" ".decode(used)  # a lookup alone would allow base64 and the like
        codecs.getincrementaldecoder(used)
    except UnicodeError:
        pass
    except (LookupError, ValueError):
        raise UnreadableFileError(
            f'{shown} is declared as encoding "{used}", which does not exist.',
            where=shown,
            remedy='remove "encoding" from study.yml to read the file as UTF-8, or name one such as windows-1252.',
        ) from None
    return used


def _nul_bytes(blocks: Blocks, used: str, shown: str) -> UnreadableFileError:
    """Say where the first NUL is, and whether it tells of an encoding."""
    decoder = codecs.getincrementaldecoder(used)()
    line = _line_after(_until_nul(decoder.decode(block) for block in blocks()))
    wide = _wide(next(blocks()))
    return UnreadableFileError(
        f"{shown} holds NUL bytes, the first on line {line}: it is not plain text.",
        where=shown,
        remedy=f"declare encoding: {wide} for it in study.yml." if wide else "export the data again, as CSV UTF-8.",
    )


def _not_decoded(blocks: Blocks, used: str, start: int, shown: str) -> UnreadableFileError:
    """Say where the text stops being text, and how to go on."""
    name = "UTF-8" if used in ("utf-8", "utf-8-sig") else used
    head = next(blocks())
    wide = used.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    if not wide and (b"\x00" in head or _share_of_controls(head) > 0.05):
        return UnreadableFileError(
            f"{shown} is not a text file, and no known format of data.",
            where=shown,
            remedy="export the data again, as CSV UTF-8.",
        )
    line = _line_after(block.decode("latin-1") for block in _first_bytes(blocks(), start))
    return UnreadableFileError(
        f"{shown} is not {name}: line {line} holds a byte that {name} does not allow.",
        where=f"{shown}, line {line}",
        remedy=f"declare encoding: {_likely_encoding(blocks)} for it in study.yml, or save the file as UTF-8.",
    )


def _likely_encoding(blocks: Blocks) -> str:
    """Windows-1252 where every byte has a meaning in it, else the old Mac encoding, which allows every byte."""
    for encoding in ("utf-8", "windows-1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for block in _and_end(blocks()):
                decoder.decode(block, final=not block)
        except UnicodeError:
            continue
        return encoding
    return "mac_roman"


def _wide(head: bytes) -> str | None:
    """Name UTF-16 without a mark by which half of the byte pairs is mostly zero."""
    head = head[:2000]
    pairs = max(len(head) // 2, 1)
    if head[1::2].count(0) > 0.4 * pairs:
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) > 0.4 * pairs else None


def _share_of_controls(head: bytes) -> float:
    """Share of bytes that no text has, among the first 10,000."""
    head = head[:10_000]
    return sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head) / max(len(head), 1)


def _first_bytes(blocks: Iterator[bytes], n: int) -> Iterator[bytes]:
    """Give the pieces up to that many bytes."""
    for block in blocks:
        yield block[:n]
        n -= len(block)
        if n <= 0:
            return


def _until_nul(texts: Iterator[str]) -> Iterator[str]:
    """Give the pieces up to the first NUL."""
    for text in texts:
        before, nul, _ = text.partition("\x00")
        yield before
        if nul:
            return


def _line_after(texts: Iterator[str]) -> int:
    r"""Line number, from 1, of what follows these pieces; ``\r\n`` may be cut in two."""
    breaks, last = 0, ""
    for text in texts:
        breaks += text.count("\n") + text.count("\r") - text.count("\r\n") - (last == "\r" and text[:1] == "\n")
        last = text[-1:] or last
    return breaks + 1
