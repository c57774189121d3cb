"""Counts and names in words, for messages."""

from __future__ import annotations

__all__ = ["how_many", "one_line"]

_LONGEST = 60


def how_many(n: int, noun: str) -> str:
    """Say how many there are of something.

    Parameters
    ----------
    n : int
        Their number.
    noun : str
        One of them.

    Returns
    -------
    str

    Examples
    --------
    >>> how_many(1, "student"), how_many(2, "class")
    ('1 student', '2 classes')
    """
    return f"{n} {noun}{'' if n == 1 else 'es' if noun.endswith('s') else 's'}"


def one_line(name: str) -> str:
    r"""Write the name of a column, which may be a question of several lines, so that it fits into a sentence.

    Parameters
    ----------
    name : str
        As in the file.

    Returns
    -------
    str
        Without line breaks, cut to 60 characters.

    Examples
    --------
    >>> one_line("How true is it?\n[I belong.]")
    'How true is it? [I belong.]'
    """
    plain = " ".join(name.split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
