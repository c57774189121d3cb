"""Text from files and from ``study.yml``, without characters that nobody sees and that change what others see."""

from __future__ import annotations

import re

__all__ = ["visible"]

# Controls but for tab and line feed; marks, embeddings, overrides and isolates of writing direction.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Take out of a text what cannot be seen and can mislead.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Without control characters, which become spaces, and without characters that turn the direction of what
        follows (Unicode Technical Report 36, section 2.5): an override left open in one label would turn the rest of
        a page. Letters of every script stay.

    Examples
    --------
    >>> visible("Marks \u202egnorw\u202c\x07"), visible("سؤال")
    ('Marks gnorw ', 'سؤال')
    """
    return _DIRECTIONS.sub("", _CONTROLS.sub(" ", text))
