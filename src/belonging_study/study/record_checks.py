"""Mistakes in what ``study.yml`` says of labels in several languages and of school records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from belonging_study.study.labels import conflicting_labels
from belonging_study.study.sources import Marks

__all__ = ["check_labels", "check_records", "check_roster"]

_Found = Iterator[tuple[tuple[str | int, ...], str]]

_MANY_ROWS = ("attendance", "marks", "incidents")
_TAKEN = ("courses", "withdrawn", "no_mark", "schools", "incidents", "incident")
"""Names that measures of registers have already, after ``n_`` or ``any_``."""


def check_labels(scale: dict[str, Any], at: tuple[str | int, ...], minimum: float) -> _Found:
    """Yield ``(path, message)`` for every label of a scale that would stand for two codes."""
    labels, translations = scale.get("labels"), scale.get("translations")
    lists = {name: _texts(one) for name, one in translations.items()} if isinstance(translations, dict) else {}
    for language, message in conflicting_labels(_texts(labels), lists, minimum):
        yield (*at, *(("translations", language) if language else ("labels",))), message


def check_roster(wave: dict[str, Any], at: tuple[str | int, ...]) -> _Found:
    """Yield a mistake if none of a wave's files says who is in it."""
    sources = wave.get("sources")
    kinds = [s.get("kind", "survey") for s in sources if isinstance(s, dict)] if isinstance(sources, list) else []
    if kinds and all(kind in _MANY_ROWS for kind in kinds):
        yield (
            (*at, "sources"),
            f"{' and '.join(dict.fromkeys(kinds))} alone do not say who is in the wave: a student without a row is not "
            "in them; add a roster, an enrolment file or a survey",
        )


def check_records(records: Any) -> _Found:
    """Yield ``(path, message)`` for marks that mean two things, and for names of incidents that are taken."""
    marks = records.get("marks") if isinstance(records, dict) else None
    incidents = records.get("incidents") if isinstance(records, dict) else None
    if isinstance(marks, dict):
        # An entry that is left out has its default.
        lists = {name: marks.get(name, list(field.default)) for name, field in Marks.model_fields.items()}
        seen: dict[str, str] = {}
        for name, mine in lists.items():
            place = "dfw" if name == "withdrawn" else name
            for mark in map(_mark, _texts(mine)):
                if seen.setdefault(mark, place) != place:
                    at = name if name in marks else seen[mark]
                    yield (
                        ("records", "marks", at),
                        f"{mark.upper()!r} stands in {seen[mark]} and in {name}; a mark means one thing",
                    )
    for name in incidents if isinstance(incidents, dict) else ():
        if name in _TAKEN:
            yield ("records", "incidents", name), f"{name!r} gives a measure that there is already; choose another name"


def _texts(value: Any) -> list[str]:
    """Return a list's entries as text; anything else counts as empty."""
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _mark(mark: str) -> str:
    return mark.strip().casefold()
