"""Scales that name an instrument of the library, completed from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from belonging_study.errors import ParameterError
from belonging_study.study.instrument_model import Instrument
from belonging_study.study.instruments import instrument, name_a_part
from belonging_study.study.labels import answer_key

__all__ = ["ASKED", "fill_in_instruments"]

_Path = tuple[str | int, ...]
_Found = Iterator[tuple[_Path, str]]

ASKED = {
    "items": "the items of {title}; give items, the columns of your export",
    "range": "the number of response steps of {title}; give range, such as [1, 5], and labels where answers are words",
    "reverse": "which items of {title} are reversed in your form; give reverse, [] where none is",
}
"""What the library does not know, by the entry that a study has to give instead."""

_TAKEN = ("items", "range", "labels", "synonyms", "reverse", "score", "minimum_answered", "structures", "short_forms")

_WORD = re.compile(r"\{(?:items|reversed|not_reversed)\}|[^\W\d][\w.]*")


def fill_in_instruments(raw: Any) -> _Found:
    """Complete in place the scales that name an instrument, and yield the mistakes as ``(path, message)``.

    What ``study.yml`` writes out wins over the library, so that an adapted form can be described. Own item names may
    replace the library's, in its order; keys, short forms and structures then name them.
    """
    scales = raw.get("scales") if isinstance(raw, dict) else None
    for name, scale in scales.items() if isinstance(scales, dict) else ():
        wanted = scale.get("instrument") if isinstance(scale, dict) else None
        if wanted is None:
            continue
        at: _Path = ("scales", name)
        try:
            found = instrument(str(wanted))
        except ParameterError as error:
            yield (*at, "instrument"), error.what
            continue
        if found.parts:
            yield (*at, "instrument"), name_a_part(found)
            continue
        yield from _fill_in(scale, found, at)


def _fill_in(scale: dict[str, Any], found: Instrument, at: _Path) -> _Found:
    """Complete one scale."""
    for entry in [entry for entry in _TAKEN if entry in scale and scale[entry] is None]:
        del scale[entry]  # an entry that was left empty is one that was not given
    yield from (
        ((*at, entry), f"the library does not know {ASKED[entry].format(title=found.title)}")
        for entry in found.asked
        if entry not in scale
    )
    items = scale.get("items")
    theirs = list(found.items)
    if items is not None and not isinstance(items, list | dict):
        return
    own = theirs if items is None else [str(item) for item in items]
    wrong = _misplaced(own, theirs, found.name) if theirs else ""
    if wrong:
        yield (*at, "items"), wrong
        return
    ours = dict(zip(theirs, theirs if set(own) == set(theirs) else own, strict=True)) if theirs else {}
    if theirs and not (isinstance(items, dict) and any(items.values())):
        wording = {ours[item]: text for item, text in found.items.items()}
        scale["items"] = {item: wording[item] for item in own}
    yield from _answers(scale, found, at)
    if "reverse" not in found.asked:
        scale.setdefault("reverse", [ours[item] for item in found.reverse])
    for entry in ("score", "minimum_answered"):
        scale.setdefault(entry, getattr(found, entry))
    scale.setdefault(
        "short_forms", {name: [ours[item] for item in short.items] for name, short in found.short_forms.items()}
    )
    yield from _structures(scale, found, at, own=own, ours=ours)


def _misplaced(own: Sequence[str], theirs: Sequence[str], name: str) -> str:
    """Say why these names cannot stand for the instrument's items in their order."""
    if len(own) != len(theirs):
        return f"{name} has {len(theirs)} items and {len(own)} are named; name all, or write the scale out"
    if len(set(own)) < len(own):
        return f"{next(item for item in own if own.count(item) > 1)} is named twice"
    if set(own) == set(theirs):
        return ""
    for place, item in enumerate(own):
        if item in theirs and theirs.index(item) != place:
            return (
                f"{item} stands in place {place + 1}, but is the instrument's name for item {theirs.index(item) + 1}; "
                "list your names in the order of the instrument"
            )
    return ""


def _answers(scale: dict[str, Any], found: Instrument, at: _Path) -> _Found:
    """Take over range, labels, synonyms and the positive cut, which belong together."""
    form = None if found.range is None else [_plain(value) for value in found.range]
    if form is None or scale.get("range") not in (None, form):
        return
    theirs, own = [answer_key(label) for label in found.labels], scale.get("labels")
    if isinstance(own, list) and [answer_key(str(label)) for label in own] == theirs[::-1] and "reverse" not in scale:
        yield (
            (*at, "labels"),
            f"these labels run in the other direction than those of {found.name}, so its reversed items would be the "
            "wrong ones; give reverse too, or name the form that has these labels",
        )
    scale.setdefault("range", form)
    if found.labels:
        scale.setdefault("labels", list(found.labels))
    if found.positive is not None:
        scale.setdefault("positive", _plain(found.positive))
    synonyms = scale.get("synonyms")
    if found.synonyms and (synonyms is None or isinstance(synonyms, dict)):
        scale["synonyms"] = {**found.synonyms, **(synonyms or {})}


def _structures(
    scale: dict[str, Any], found: Instrument, at: _Path, *, own: Sequence[str], ours: Mapping[str, str]
) -> _Found:
    """Take over the known structures, in the study's names."""
    if "structures" in scale or not own:
        return
    reverse = scale.get("reverse")
    reversed_ = [item for item in own if isinstance(reverse, list) and item in map(str, reverse)]
    sums = {
        "{items}": list(own),
        "{reversed}": reversed_,
        "{not_reversed}": [item for item in own if item not in reversed_],
    }
    made = {}
    for name, structure in found.structures.items():
        empty = next((word for word, items in sums.items() if word in structure.model and not items), "")
        if empty:
            if reverse is not None:
                share = "all" if reversed_ else "none"
                yield (*at, "reverse"), f"{found.title} has reversed items and others; here {share} are reversed"
            return
        made[name] = _in_our_names(structure.model, ours, sums, set(own))
    scale["structures"] = made


def _in_our_names(model: str, ours: Mapping[str, str], sums: Mapping[str, Sequence[str]], own: set[str]) -> str:
    """Write a model in the study's item names; a factor of the same name as an item is renamed."""

    def word(match: re.Match[str]) -> str:
        text = match[0]
        if text in sums:
            return " + ".join(sums[text])
        return ours.get(text) or (f"{text}_factor" if text in own else text)

    return _WORD.sub(word, model)


def _plain(value: float) -> float:
    """Write whole numbers as such, as people do."""
    return int(value) if float(value).is_integer() else value
