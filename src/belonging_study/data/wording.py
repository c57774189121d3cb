"""Counts in words, for messages."""

from __future__ import annotations

__all__ = ["how_many"]


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
