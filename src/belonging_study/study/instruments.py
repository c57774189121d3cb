"""The instrument library: keys, response forms and scoring of published scales.

Item wordings are left to the user where their rights do not allow us to print them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import yaml

from belonging_study.study.names import nearest

__all__ = ["fill_in_instruments", "instrument", "instrument_names"]

_SCORING = ("range", "labels", "reverse", "minimum_answered")


def instrument_names() -> tuple[str, ...]:
    """Return the names of the instruments in the library, sorted.

    Examples
    --------
    >>> "pssm" in instrument_names()
    True
    """
    folder = resources.files("belonging_study.study") / "instruments"
    return tuple(sorted(f.name.removesuffix(".yml") for f in folder.iterdir() if f.name.endswith(".yml")))


@cache
def instrument(name: str) -> dict[str, Any]:
    """Return one instrument's entries as its file has them.

    Parameters
    ----------
    name : str
        One of `instrument_names`.

    Examples
    --------
    >>> instrument("pssm")["reverse"]
    ['pssm_03', 'pssm_06', 'pssm_09', 'pssm_12', 'pssm_16']
    """
    text = (resources.files("belonging_study.study") / "instruments" / f"{name}.yml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries


def fill_in_instruments(raw: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Complete in place the scales that name an instrument, and yield the mistakes as ``(path, message)``.

    What ``study.yml`` writes out wins over the library, so that an adapted form can be described.
    Own item names may replace the library's; the reverse-keyed items then keep their positions.
    """
    scales = raw.get("scales") if isinstance(raw, dict) else None
    for name, scale in scales.items() if isinstance(scales, dict) else ():
        wanted = scale.get("instrument") if isinstance(scale, dict) else None
        if wanted is None:
            continue
        if wanted not in instrument_names():
            known = ", ".join(instrument_names())
            yield (
                ("scales", name, "instrument"),
                f"{wanted!r} is not in the instrument library ({known})" + nearest(str(wanted), instrument_names()),
            )
            continue
        entries = instrument(wanted)
        theirs = list(entries["items"])
        own = list(scale.get("items") or theirs)
        if len(own) != len(theirs):
            yield (
                ("scales", name, "items"),
                f"{wanted} has {len(theirs)} items and {len(own)} are named; name all, or write the scale out",
            )
            continue
        scale.setdefault("items", entries["items"])
        for key in _SCORING:
            if key in entries:
                value = entries[key]
                if key == "reverse":
                    value = [own[theirs.index(item)] for item in value]
                scale.setdefault(key, value)
