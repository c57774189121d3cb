"""Mistakes that no single entry of ``study.yml`` shows: names that must agree with one another.

The checks read the file's plain entries and skip what has the wrong form, so that they can be reported
together with the mistakes of form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, TypeGuard

from belonging_study.study.measures_only import check_parts, check_unknown
from belonging_study.study.model import FORMATS, FRAMEWORK_TAGS
from belonging_study.study.names import nearest
from belonging_study.study.record_checks import check_labels, check_records, check_roster
from belonging_study.study.scale_checks import check_positive, check_short_forms

__all__ = ["cross_check"]

_Path = tuple[str | int, ...]
_Found = Iterator[tuple[_Path, str]]


def cross_check(raw: Any) -> _Found:
    """Yield ``(path, message)`` for every disagreement between entries of a definition."""
    yield from check_parts(raw)
    yield from check_unknown(raw)
    yield from _waves(raw)
    yield from _assignment(raw)
    yield from _linking(raw)
    yield from _scales(raw)
    yield from _outcomes(raw)
    yield from _named_once(raw)
    yield from _exclusions(raw)
    yield from _tags(raw)
    yield from check_records(_entries(raw, "records"))
    if _leads_out(_entries(raw, "readers")):
        yield ("readers",), f"{raw['readers']!r} leads out of the study's folder; name a file beside study.yml"


def _entries(raw: Any, *path: str) -> Any:
    """Return the entry at a path, or None where the file has no such entry."""
    for key in path:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw


def _list(raw: Any, *path: str) -> list[Any]:
    """Return the list at a path; anything else counts as empty."""
    value = _entries(raw, *path)
    return value if isinstance(value, list) else []


def _dicts(raw: Any, *path: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the numbered entries of a list that are themselves mappings."""
    return [(i, entry) for i, entry in enumerate(_list(raw, *path)) if isinstance(entry, dict)]


def _scale_items(scale: Any) -> list[str]:
    """Names of a scale's items."""
    items = scale.get("items") if isinstance(scale, dict) else None
    return [str(item) for item in items] if isinstance(items, list | dict) else []


def _wave_names(raw: Any) -> list[str]:
    return [str(wave.get("name")) for _, wave in _dicts(raw, "waves")]


def _no_wave(name: str, waves: list[str]) -> str:
    return f"{name!r} is not a wave of this study ({', '.join(waves)})" + nearest(name, waves)


def _waves(raw: Any) -> _Found:
    last: dt.date | None = None
    started = False
    for i, wave in _dicts(raw, "waves"):
        date = wave.get("date")
        if isinstance(date, dt.date):
            if last is not None and date <= last:
                yield ("waves", i, "date"), f"{date} is not after the wave before it ({last}); list waves in order"
            last = date
        if wave.get("before_programme") is True:
            if started:
                yield ("waves", i, "before_programme"), "a wave before the programme cannot follow one that is not"
        else:
            started = True
        yield from check_roster(wave, ("waves", i))
        for j, source in _dicts(wave, "sources"):
            at: _Path = ("waves", i, "sources", j)
            for entry in ("file", "dictionary"):
                if _leads_out(source.get(entry)):
                    yield (
                        (*at, entry),
                        f"{source[entry]!r} leads out of the raw data folder; files are named from that folder",
                    )
            format_ = source.get("format", "auto")
            if isinstance(format_, str) and format_ not in FORMATS and not _entries(raw, "readers"):
                yield (
                    (*at, "format"),
                    f"{format_!r} is no known format ({', '.join(FORMATS)})" + nearest(format_, FORMATS),
                )


def _leads_out(file: Any) -> bool:
    """Whether a path is none that starts in the folder and stays in it."""
    if not isinstance(file, str):
        return False
    parts = (*PurePosixPath(file).parts, *PureWindowsPath(file).parts)
    return ".." in parts or PurePosixPath(file).is_absolute() or bool(PureWindowsPath(file).drive) or file[:1] == "\\"


def _assignment(raw: Any) -> _Found:
    at: _Path = ("design", "assignment")
    assignment = _entries(raw, *map(str, at))
    if not isinstance(assignment, dict):
        return
    waves = _wave_names(raw)
    starts = assignment.get("starts")
    if isinstance(starts, str):
        if starts not in waves:
            yield (*at, "starts"), _no_wave(starts, waves)
        else:
            for i, wave in _dicts(raw, "waves"):
                before = wave.get("before_programme") is True
                if before != (i < waves.index(starts)):
                    yield (
                        ("waves", i, "before_programme"),
                        f"{wave.get('name')} {'is' if before else 'is not'} marked as before the programme, "
                        f"yet the programme starts with {starts}",
                    )
    if assignment.get("level") == "class" and not _entries(raw, "design", "class"):
        yield (*at, "level"), "assignment by class needs the class column: give design.class"
    programme = assignment.get("programme", "programme")
    arms = programme if isinstance(programme, list) else [programme]
    comparison = assignment.get("comparison", "comparison")
    labels = assignment.get("labels")
    for arm in labels if isinstance(labels, dict) else ():
        if arm not in map(str, [*arms, comparison]):
            yield (*at, "labels"), f"{arm!r} is no arm of this study" + nearest(str(arm), map(str, [*arms, comparison]))
    if comparison is None:
        yield from _one_arm(assignment, at, arms)
    elif "comparison" in assignment and comparison in arms:
        yield (*at, "programme"), f"{comparison!r} is both a programme arm and the comparison arm"


def _one_arm(assignment: dict[str, Any], at: _Path, arms: list[Any]) -> _Found:
    """Find entries that mean nothing where everybody got the programme."""
    nobody = "`comparison: null` says that everybody got the programme"
    if len(arms) > 1:
        yield (*at, "programme"), f"{nobody}, so there is one programme arm; give one, or name the comparison"
    if isinstance(assignment.get("starts"), dict):
        yield (
            (*at, "starts"),
            f"{nobody} from one wave on: name that wave, or name the comparison for a staggered start",
        )
    for entry in ("column", "blocks", "randomized", "by_wave"):
        if assignment.get(entry):
            yield (*at, entry), f"{nobody}, so there are no arms to tell apart; leave this out, or name the comparison"


def _linking(raw: Any) -> _Found:
    """Find what cannot be where students are known by a code of their own alone."""
    at: _Path = ("design", "linking")
    linking = _entries(raw, *map(str, at))
    if not isinstance(linking, dict):
        return
    code, verify = _list(linking, "code"), _list(linking, "verify")
    changes = linking.get("maximum_changes", 1)
    if isinstance(changes, int) and code and changes >= len(code):
        yield at, f"maximum_changes is {changes}, and the code has {len(code)} parts: let fewer differ than there are"
    for name in code:
        if code.count(name) > 1 or name in verify:
            yield (*at, "code"), f"{name!r} is named twice; a column is a part of the code once, or verifies it"
            break
    if _entries(raw, "design", "panel") is False:
        yield at, "`panel: false` says that every wave has new students: leave out linking, or panel"
    for i, wave in _dicts(raw, "waves"):
        for j, source in _dicts(wave, "sources"):
            if source.get("kind", "survey") != "survey":
                yield (
                    ("waves", i, "sources", j, "kind"),
                    f"a {source['kind']} file needs an identifier of students, and with design.linking there is none; "
                    "take school, class and arm from columns of the survey (`columns:` and `values:`)",
                )
    scales = _entries(raw, "scales")
    taken = {item for scale in (scales.values() if isinstance(scales, dict) else ()) for item in _scale_items(scale)}
    taken |= {str(outcome.get("measure")) for _, outcome in _dicts(raw, "outcomes")}
    taken |= {str(part.get("column")) for section in ("groups", "exclusions") for _, part in _dicts(raw, section)}
    taken |= {str(name) for name in _list(raw, "analysis", "covariates")}
    for name in code:
        if str(name) in taken:
            yield (*at, "code"), f"{name!r} is a part of the code, so it cannot be analysed; use `verify` for it"


def _scales(raw: Any) -> _Found:
    scales = _entries(raw, "scales")
    owner: dict[str, str] = {}
    waves = _wave_names(raw)
    for name, scale in scales.items() if isinstance(scales, dict) else ():
        if not isinstance(scale, dict):
            continue
        items = _scale_items(scale)
        at: _Path = ("scales", name)
        if not items and not scale.get("instrument"):
            yield at, "a scale needs its items, or the name of an instrument"
        for item in items:
            if item in owner:
                yield (*at, "items"), f"{item} belongs to the scale {owner[item]} already"
            owner[item] = str(name)
        for item in _list(scale, "reverse"):
            if str(item) not in items:
                yield (*at, "reverse"), f"{item!r} is not an item of this scale" + nearest(str(item), items)
        form = scale.get("range")
        if form is None and not scale.get("instrument"):
            yield at, "range is needed here: the lowest and highest value of the response form, such as [1, 5]"
        if _is_range(form):
            if form[0] >= form[1]:
                yield (*at, "range"), f"{form} is not a range: the lowest value comes first"
            yield from _label_counts(scale, at, form)
            yield from check_labels(scale, at, form[0])
            yield from check_positive(scale, at, form)
        yield from _opposites(scale, at, items)
        yield from check_short_forms(scale, at, items)
        yield from _known_waves(scale, at, waves)


def _label_counts(scale: dict[str, Any], at: _Path, form: list[float]) -> _Found:
    """Find lists of labels that are longer or shorter than the form."""
    translations = scale.get("translations")
    translated = translations if isinstance(translations, dict) else {}
    lists = [(("labels",), scale.get("labels")), *((("translations", name), translated[name]) for name in translated)]
    for entry, labels in lists:
        if isinstance(labels, list) and labels and len(labels) != form[1] - form[0] + 1:
            yield (
                (*at, *entry),
                f"{len(labels)} labels for a form from {form[0]} to {form[1]}; give one a value, lowest first",
            )


def _opposites(scale: dict[str, Any], at: _Path, items: list[str]) -> _Found:
    """Find pairs that name something else than an item."""
    for pair in _list(scale, "opposites"):
        for item in pair if isinstance(pair, list) else ():
            if str(item) not in items:
                yield (*at, "opposites"), f"{item!r} is not an item of this scale" + nearest(str(item), items)


def _is_range(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def _known_waves(part: dict[str, Any], at: _Path, waves: list[str]) -> _Found:
    for wave in _list(part, "waves"):
        if wave not in waves:
            yield (*at, "waves"), _no_wave(str(wave), waves)


def _outcomes(raw: Any) -> _Found:
    scales = _entries(raw, "scales")
    scales = scales if isinstance(scales, dict) else {}
    waves = _wave_names(raw)
    for i, outcome in _dicts(raw, "outcomes"):
        at: _Path = ("outcomes", i)
        measure = outcome.get("measure") if isinstance(outcome.get("measure"), str) else None
        for name, scale in scales.items():
            if measure is not None and measure in _list(scale, "reverse"):
                yield (*at, "measure"), f"{measure} is a reverse-keyed item of the scale {name}; name the scale"
        yield from _positive(outcome, at, scales)
        if measure in scales and outcome.get("kind") in ("binary", "count"):
            yield (*at, "kind"), f"the scale {measure} gives a continuous score, not a {outcome['kind']} outcome"
        if outcome.get("values") is not None and outcome.get("kind") != "binary":
            yield (*at, "values"), "only a binary outcome names its two values"
        possible = outcome.get("range")
        if possible is not None and (measure in scales or outcome.get("kind") == "binary"):
            yield (*at, "range"), "a scale has its own range, and a binary outcome has its two values; leave this out"
        elif _is_range(possible) and possible[0] >= possible[1]:
            yield (*at, "range"), f"{possible} is not a range: the lowest value comes first"
        yield from _known_waves(outcome, at, waves)


def _positive(outcome: dict[str, Any], at: _Path, scales: dict[str, Any]) -> _Found:
    """Find what cannot be where an outcome says who is positive on some scales."""
    if "positive" not in outcome:
        return
    names = _list(outcome, "positive")
    if outcome.get("name") in scales:
        yield (*at, "name"), f"{outcome['name']} is a scale already; give this outcome a name of its own"
    if not names:
        yield (*at, "positive"), "name the scales on which a student must be positive, such as [belonging]"
    for name in names:
        scale = scales.get(name) if isinstance(name, str) else None
        if scale is None:
            yield (*at, "positive"), f"{name!r} is not a scale of this study" + nearest(str(name), map(str, scales))
        elif isinstance(scale, dict) and scale.get("positive") is None:
            yield (*at, "positive"), f"the scale {name} has no `positive:`, the lowest answer that counts as positive"
    if outcome.get("kind") != "binary":
        yield at, "who is positive on every scale is yes or no: write `kind: binary`"
    if outcome.get("values") is not None:
        yield (*at, "values"), "this outcome is made from scales and has no values in the files; leave this out"
    if outcome.get("measure", outcome.get("name")) != outcome.get("name"):
        yield (*at, "measure"), "this outcome is made from the scales under `positive`; leave `measure` out"


def _named_once(raw: Any) -> _Found:
    for section in ("waves", "outcomes", "groups", "exclusions"):
        seen: set[str] = set()
        for i, entry in _dicts(raw, section):
            name = str(entry.get("name"))
            if name in seen:
                yield (section, i, "name"), f"{name!r} is used twice; names must differ"
            seen.add(name)


def _exclusions(raw: Any) -> _Found:
    waves = _wave_names(raw)
    for i, rule in _dicts(raw, "exclusions"):
        given = [key for key in ("missing", "equals", "below", "above") if rule.get(key) is not None]
        if len(given) != 1:
            said = " and ".join(given) if given else "none"
            yield ("exclusions", i), f"a rule says exactly one of missing, equals, below, above; here: {said}"
        yield from _known_waves(rule, ("exclusions", i), waves)


def _tags(raw: Any) -> _Found:
    for i, component in _dicts(raw, "programme", "components"):
        framework = component.get("framework", "ib_allen")
        valid = FRAMEWORK_TAGS.get(str(framework), ())
        tags = component.get("tags") or []
        for tag in tags if isinstance(tags, list) else [tags]:
            if valid and tag not in valid:
                yield (
                    ("programme", "components", i, "tags"),
                    f"{tag!r} is not a category of {framework} ({', '.join(valid)})" + nearest(str(tag), valid),
                )
