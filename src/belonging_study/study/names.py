"""The nearest valid name, offered wherever a name is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which valid name comes nearest to one that is not known.

    Parameters
    ----------
    name : str
        The name as somebody wrote it.
    valid : iterable of str
        The names that exist.

    Returns
    -------
    str
        ``"; did you mean …?"``, or nothing where no name is near.

    Examples
    --------
    >>> nearest("shcool_id", ["school_id", "class_id"])
    '; did you mean school_id?'
    >>> nearest("marks", ["school_id"])
    ''
    """
    by_folded = {str(v).casefold(): str(v) for v in valid}
    close = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""
