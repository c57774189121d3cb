"""Mistakes in a scale's short forms and its positive cut, which its other entries show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from belonging_study.study.names import nearest

__all__ = ["check_positive", "check_short_forms"]

_Path = tuple[str | int, ...]


def check_short_forms(scale: dict[str, Any], at: _Path, items: Sequence[str]) -> Iterator[tuple[_Path, str]]:
    """Yield what is wrong with a scale's short forms.

    Parameters
    ----------
    scale : dict
        As in ``study.yml``, completed by its instrument.
    at : tuple
        Where the scale stands.
    items : sequence of str
        Names of its items.

    Yields
    ------
    tuple
        A path, and a sentence.

    Examples
    --------
    >>> [message for _, message in check_short_forms({"short_forms": {"two": ["q1", "q22"]}}, (), ["q1", "q2"])]
    ["'q22' is not an item of this scale; did you mean q2?"]
    """
    forms = scale.get("short_forms")
    for name, short in forms.items() if isinstance(forms, dict) else ():
        named = [str(item) for item in short] if isinstance(short, list | tuple) else []
        here = (*at, "short_forms", name)
        for item in dict.fromkeys(named):
            if item not in items:
                yield here, f"{item!r} is not an item of this scale" + nearest(item, items)
            elif named.count(item) > 1:
                yield here, f"{item!r} is named twice"
        if isinstance(short, list) and len(named) < 2:
            yield here, f"a short form needs two items or more; this has {len(named)}"


def check_positive(scale: dict[str, Any], at: _Path, form: Sequence[float]) -> Iterator[tuple[_Path, str]]:
    """Yield what is wrong with a scale's lowest positive answer.

    Parameters
    ----------
    scale, at
        As for `check_short_forms`.
    form : sequence of float
        Lowest and highest value of the response form.

    Yields
    ------
    tuple
        A path, and a sentence.

    Examples
    --------
    >>> [message for _, message in check_positive({"positive": 1}, (), [1, 5])]
    ['1 is not above the lowest and up to the highest value of the form, 1 to 5']
    """
    cut = scale.get("positive")
    if isinstance(cut, int | float) and not isinstance(cut, bool) and not form[0] < cut <= form[1]:
        yield (
            (*at, "positive"),
            f"{cut:g} is not above the lowest and up to the highest value of the form, {form[0]:g} to {form[1]:g}",
        )
