"""Mistakes in studies without a programme, and in those that do not know students or schools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["check_parts", "check_unknown"]

_Found = Iterator[tuple[tuple[str | int, ...], str]]

_NEEDED = "is needed here and is not given"


def check_parts(raw: Any) -> _Found:
    """Yield ``(path, message)`` if a study is neither one of a programme nor one that only measures."""
    if not isinstance(raw, dict):
        return
    given = {part: part in raw for part in ("programme", "outcomes")} | {"assignment": "assignment" in _design(raw)}
    if any(given.values()):
        for part in ("programme", "outcomes"):
            if not given[part]:
                yield (part,), f"{part} {_NEEDED}"
            elif raw[part] is None or raw[part] == []:
                yield (part,), "at least one entry is needed here"
        return
    only = "a study without programme, design.assignment and outcomes only measures"
    if not raw.get("scales"):
        yield ("scales",), f"{only}, and needs scales; or give all three"
    for i, wave in enumerate(raw["waves"] if isinstance(raw.get("waves"), list) else []):
        if isinstance(wave, dict) and wave.get("before_programme"):
            yield ("waves", i, "before_programme"), f"{only}, so no wave is before a programme; leave this out"


def check_unknown(raw: Any) -> _Found:
    """Yield ``(path, message)`` for entries that need students or schools which the study says it does not know."""
    design = _design(raw)
    if "student" in design and design["student"] is None:
        nobody = "`student: null` says that each row is a student of its own"
        for entry in ("panel", "linking"):
            if design.get(entry):
                yield ("design", entry), f"{nobody}, so nobody can be followed; leave this out, or name the identifier"
        yield from _kinds(raw, nobody, ("survey",))
    if "school" in design and design["school"] is None:
        nowhere = "`school: null` says that no school is known"
        if "assignment" in design:
            yield (
                ("design", "school"),
                f"{nowhere}; that is possible only in a study without programme, assignment and outcomes",
            )
        for entry in ("class", "linking"):
            if design.get(entry):
                yield ("design", entry), f"{nowhere}, and this needs schools; leave it out, or name the school's column"
        yield from _kinds(raw, nowhere, ("survey", "roster", "records", "marks", "incidents"))


def _kinds(raw: Any, why: str, allowed: tuple[str, ...]) -> _Found:
    """Find files of kinds that cannot be read then."""
    waves = raw["waves"] if isinstance(raw.get("waves"), list) else []
    for i, wave in enumerate(waves):
        sources = wave.get("sources") if isinstance(wave, dict) else None
        for j, source in enumerate(sources if isinstance(sources, list) else []):
            kind = source.get("kind", "survey") if isinstance(source, dict) else "survey"
            if kind not in allowed:
                yield ("waves", i, "sources", j, "kind"), f"{why}, which a file of the kind {kind} needs"


def _design(raw: Any) -> dict[str, Any]:
    """The entries under ``design``, if they have the right form."""
    design = raw.get("design") if isinstance(raw, dict) else None
    return design if isinstance(design, dict) else {}
