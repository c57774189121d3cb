"""What foreign errors quote is taken out before a traceback is kept: it may be an answer or a name."""

from __future__ import annotations

import re
import traceback

from belonging_study import errors

__all__ = ["format_without_values", "traceback_without_values", "without_values"]

_QUOTED = re.compile(r"""["'].*["']""", re.DOTALL)
_ADDRESS = re.compile(r"[^\s\"'<>(),;]+@[^\s\"'<>(),;]+")
_COLOUR = r"(?:\x1b\[[\d;]*m)*"
_LAST_LINE = re.compile(rf"^({_COLOUR}(?:\w+\.)*(\w*(?:Error|Exception|Warning)){_COLOUR}: )(.*)$", re.MULTILINE)


def without_values(message: str) -> str:
    """Take out of an error's message everything from its first quotation mark to its last, and addresses.

    Parameters
    ----------
    message : str
        What an error of another package says.

    Returns
    -------
    str
        The same with ``…`` in the place of values.

    Examples
    --------
    >>> without_values("could not convert string to float: 'Ann'")
    "could not convert string to float: '…'"
    """
    return _ADDRESS.sub("…", _QUOTED.sub("'…'", message))


def traceback_without_values(text: str, *messages: str) -> str:
    """Take what foreign errors quote out of a formatted traceback; code and our own errors stay.

    Parameters
    ----------
    text : str
        A traceback, of Python or of a notebook.
    *messages : str
        Messages of foreign errors in it that may have several lines.

    Returns
    -------
    str
        The traceback; see `without_values`.

    Examples
    --------
    >>> traceback_without_values("ValueError: no such arm: 'Ann'")
    "ValueError: no such arm: '…'"
    """
    for message in filter(None, messages):
        text = text.replace(message, without_values(message))

    def hide(found: re.Match[str]) -> str:
        return found[0] if hasattr(errors, found[2]) else found[1] + without_values(found[3])

    return _LAST_LINE.sub(hide, text)


def format_without_values(error: BaseException) -> str:
    """Format an error with its traceback and its causes, without the values that foreign errors quote."""
    messages: list[str] = []
    one: BaseException | None = error
    while one is not None and len(messages) < 20:
        if not isinstance(one, errors.BelongingStudyError):
            messages.append(str(one))
        one = one.__cause__ or one.__context__
    return traceback_without_values("".join(traceback.format_exception(error)), *messages)
