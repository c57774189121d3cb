"""An instrument of the library, and the library, told in lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from belonging_study.study.fill_in import ASKED
from belonging_study.study.instrument_model import Instrument, ShortForm, Structure
from belonging_study.study.instruments import instrument, instrument_names, name_a_part

__all__ = ["instrument_lines", "library_lines", "snippet"]

_HINTS = {
    "items": "the columns of your export, such as [q1, q2, q3]",
    "range": "such as [1, 5]; give labels too where answers are words",
    "reverse": "the items that say the opposite; [] where none does",
}
_MEANT = {"{items}": "all items", "{reversed}": "the reversed items", "{not_reversed}": "the other items"}


def library_lines(width: int = 100) -> list[str]:
    """List the library: name, title, items, response steps, and rights in one word.

    Parameters
    ----------
    width : int
        Columns of the terminal.

    Returns
    -------
    list of str

    Examples
    --------
    >>> print(next(line for line in library_lines() if line.startswith("pssm")))
    pssm                     18     5        ask     Psychological Sense of School Membership (PSSM)
    """
    rows = [("name", "items", "steps", "rights", "title")]
    for name in instrument_names():
        found = instrument(name)
        parts = [found.part(part) for part in found.parts] or [found]
        kind = "conditions" if found.conditions else "forms"
        title = f"{found.title} ({len(found.parts)} {kind})" if found.parts else found.title
        n_items = _one_or_several({len(part.items) or None for part in parts})
        n_steps = _one_or_several({part.n_steps for part in parts})
        rows.append((name, n_items, n_steps, found.rights_in_a_word, title))
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(4)]
    indent = sum(widths)
    lines = []
    for row in rows:
        start = "".join(cell.ljust(wide) for cell, wide in zip(row[:4], widths, strict=True))
        lines += textwrap.wrap(row[4], max(width, indent + 30), initial_indent=start, subsequent_indent=" " * indent)
    legend = [
        "asked: not known to the library, so study.yml gives it. several: differs between conditions.",
        "rights: open = use and print it; ask = ask its authors; terms = read the publisher's terms.",
        "One whole: belonging-study instruments pssm",
    ]
    return [*lines, "", *(line for text in legend for line in textwrap.wrap(text, width))]


def _one_or_several(values: set[int | None]) -> str:
    """A number that all parts share, or a word."""
    return "several" if len(values) > 1 else "asked" if values == {None} else str(values.pop())


def instrument_lines(name: str, width: int = 100) -> list[str]:
    """Tell all that the library knows of an instrument, and what it does not know.

    Parameters
    ----------
    name : str
        See `instrument`.
    width : int
        Columns of the terminal; models and the lines for ``study.yml`` are never broken within an item.

    Returns
    -------
    list of str
        Source, rights, response form, items, keying, scoring, structures, short forms, what is not verified, what
        ``study.yml`` has to give, and lines for ``study.yml``.

    Raises
    ------
    ParameterError
        If there is no such instrument; the nearest name is offered.

    Examples
    --------
    >>> [line for line in instrument_lines("pssm") if line.startswith("Reversed")]
    ['Reversed:  pssm_03, pssm_06, pssm_09, pssm_12, pssm_16']
    """
    found = instrument(name)
    lines = [found.title, "=" * len(found.title), ""]
    for label, text in _facts(found):
        lines += _entry(label, text, width)
    for heading, parts in (("Conditions", found.conditions), ("Forms", found.forms)):
        if parts:
            lines += ["", f"{heading}, of which study.yml names one", ""]
            for part in parts:
                lines += _part_lines(found, part, width)
    if not found.parts:
        lines += _list("Wordings", [f"{item}: {text}" for item, text in found.items.items() if text], width)
        lines += _models(found, width)
    unverified = found.unverified or tuple(
        dict.fromkeys(sentence for part in found.parts for sentence in found.part(part).unverified)
    )
    lines += _list("Not verified", unverified, width)
    asked = [f"{entry}: the library does not know {ASKED[entry].format(title=found.title)}." for entry in found.asked]
    lines += _list("Asked of study.yml", asked, width)
    if found.parts:
        return [
            *lines,
            "",
            *textwrap.wrap(f"One whole: belonging-study instruments {found.name}/{next(iter(found.parts))}", width),
        ]
    return [*lines, "", "For study.yml", "", *snippet(found).splitlines()]


def snippet(found: Instrument) -> str:
    """Write the lines of ``study.yml`` for one scale; what is asked stands there empty.

    Parameters
    ----------
    found : Instrument
        One scale: an instrument without parts, or one condition or form.

    Returns
    -------
    str
        YAML.

    Raises
    ------
    ValueError
        If the instrument has parts, of which one has to be named.

    Examples
    --------
    >>> print(snippet(instrument("pulse")), end="")
    scales:
      belonging:
        label: Belonging pulse
        instrument: pulse
        # where your export names the items otherwise, in this order:
        # items: [pulse_peers_connection, pulse_peers_respect, …]
    """
    if found.parts:
        raise ValueError(name_a_part(found))
    whole, _, part = found.name.partition("/")
    label = instrument(whole).conditions[part].title if instrument(whole).conditions else instrument(whole).title
    lines = ["scales:", "  belonging:", f"    label: {label}", f"    instrument: {found.name}"]
    lines += [f"    {entry}:  # to fill in: {_HINTS[entry]}" for entry in found.asked]
    if found.items:
        first = ", ".join(list(found.items)[:2])
        lines += [
            "    # where your export names the items otherwise, in this order:",
            f"    # items: [{first}{', …' if len(found.items) > 2 else ''}]",
        ]
    return "\n".join(lines) + "\n"


def _facts(found: Instrument) -> Iterator[tuple[str, str]]:
    """Labelled facts, one a line."""
    yield "Name", f"{found.name} (version {found.version})"
    yield "Source", found.source
    yield "Rights", found.rights
    yield "Languages", ", ".join(found.languages)
    tags = "; ".join(f"{framework}: {', '.join(names)}" for framework, names in found.tags.items())
    yield "Tags", tags
    yield "Meaning", found.direction
    if not found.conditions:
        yield "Items", _items(found)
    yield "Form", _form(found)
    if not found.parts:
        yield "Reversed", "asked" if "reverse" in found.asked else ", ".join(found.reverse) or "none"
        missing = ", ".join(found.synonyms)
        yield "Missing", f"{missing} count as no answer" if missing else ""
    cut = f"; {found.positive:g} and above, after reversing, count as positive" if found.positive else ""
    yield "Score", f"{found.score} of the items, from {found.minimum_answered:.0%} of them answered{cut}"
    yield "Note", found.note


def _items(found: Instrument) -> str:
    """Number and names of the items."""
    return f"{len(found.items)}: {', '.join(found.items)}" if found.items else "asked"


def _form(found: Instrument) -> str:
    """The response form in words."""
    if found.range is None:
        return "see its forms" if found.forms else "asked"
    low, high = found.range
    if found.forms and any("labels" in part.model_fields_set for part in found.forms.values()):
        return f"{low:g} to {high:g}, see its forms"
    if not found.labels:
        return f"{low:g} to {high:g}"
    return ", ".join(f"{low + step:g} = {label}" for step, label in enumerate(found.labels))


def _part_lines(whole: Instrument, part: str, width: int) -> list[str]:
    """One condition or form in a few lines."""
    found = whole.part(part)
    facts = [whole.parts[part].title]
    if whole.conditions:
        facts.append(f"items {_items(found)}" if found.items else "items asked")
    else:
        facts.append(_form(found))
        facts.append(f"reversed: {', '.join(found.reverse) or 'none'}")
    if set(found.asked) - set(whole.asked):
        facts.append(f"asked: {', '.join(found.asked)}")
    if whole.parts[part].note:
        facts.append(whole.parts[part].note)
    text = "; ".join(fact.rstrip(".") for fact in facts)
    return textwrap.wrap(text, width, initial_indent=f"  {found.name}: ", subsequent_indent="      ")


def _models(found: Instrument, width: int) -> list[str]:
    """Structures and short forms with their sources."""
    lines: list[str] = []
    headed: dict[str, dict[str, Structure] | dict[str, ShortForm]]
    headed = {"Structures": found.structures, "Short forms": found.short_forms}
    for heading, parts in headed.items():
        if not parts:
            continue
        lines += ["", heading, ""]
        for name, part in parts.items():
            lines += textwrap.wrap(f"{name}: {part.source}", width, initial_indent="  ", subsequent_indent="    ")
            text = part.model if isinstance(part, Structure) else ", ".join(part.items)
            for word, meant in _MEANT.items():
                text = text.replace(word, meant)
            for line in text.strip().splitlines():
                lines += textwrap.wrap(line, width, initial_indent="      ", subsequent_indent="        ")
    return lines


def _entry(label: str, text: str, width: int) -> list[str]:
    """One fact, wrapped under itself."""
    indent = " " * 11
    start = f"{label}:".ljust(len(indent))
    return textwrap.wrap(text, width, initial_indent=start, subsequent_indent=indent) if text else []


def _list(heading: str, sentences: Iterable[str] | Sequence[str], width: int) -> list[str]:
    """Sentences under a heading; nothing where there is none."""
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, width, initial_indent="  - ", subsequent_indent="    ")
    return ["", heading, "", *lines] if lines else []
