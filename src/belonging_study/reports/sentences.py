"""One result, or several alike, in a plain sentence: which differences the data fit, and which they do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from belonging_study.reports.formatting import capital, inside, listed, number
from belonging_study.reports.readings import Finding, Reading, value_of
from belonging_study.study.model import Study
from belonging_study.study.units import unit_of

__all__ = ["at_wave", "label_of", "sentence", "sentences"]

_TIMES = ("before", "after", "during")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "last", "final")


def at_wave(label: str) -> str:
    """Say when something was, by a wave's label.

    Examples
    --------
    >>> at_wave("Baseline"), at_wave("Second follow-up"), at_wave("2001"), at_wave("After the course")
    ('at baseline', 'at the second follow-up', 'in the wave “2001”', 'after the course')
    """
    name = inside(label)
    if name == "baseline":
        return "at baseline"
    if name.split(" ")[0] in _TIMES:
        return name
    return f"at the {name}" if name.split(" ")[0] in _ORDINALS else f"in the wave “{label}”"


def label_of(finding: Finding) -> str:
    """An outcome's name inside a sentence."""
    return inside(finding.outcome.label)


def _changing(finding: Finding) -> str:
    """What rises or falls: the outcome, or the share of students with it."""
    label = label_of(finding)
    return f"the share of students with “{label}”" if finding.outcome.kind == "binary" else label


def sentence(finding: Finding, study: Study, *, brief: bool = False) -> str:
    """Say what the data tell of one outcome.

    Parameters
    ----------
    finding : Finding
        The result.
    study : Study
        The definition.
    brief : bool, default False
        Without the judgement whether the difference matters.

    Returns
    -------
    str
        One sentence, with the interval in the outcome's units (percentage points for a binary outcome).
    """
    opening = f"{capital(finding.contrast)}: " if finding.contrast else ""
    name = _changing(finding)
    if finding.reading is None:
        return f"{opening}{'the' if opening else 'The'} result for {name} {finding.why_absent}."
    unit, times = _unit(finding, study)
    low, high = sorted(times * value_of(finding.row, c) for c in ("conf_low", "conf_high"))
    estimate = times * value_of(finding.row, "estimate")
    if finding.is_change:
        return _change_sentence(finding, study, (estimate, low, high), brief=brief)
    if finding.reading in (Reading.MATTERS, Reading.CLEAR, Reading.SMALL):
        shown = _alike(estimate, low, high)
        direction = "higher" if finding.rises else "lower"
        near, far = sorted((low, high), key=abs)
        start = f"{opening}{name}" if opening else capital(name)
        by = f"by about {shown(estimate)} {unit} (between {shown(near)} and {shown(far)})"
        text = f"{start} was {direction} {by}" if opening else f"{start} was {direction} with the programme {by}"
        return f"{text}." if brief else f"{text}, {_worth(finding, study)}."
    span = f"the data fit anything from {_span(low, high)} {unit}"
    if finding.reading is Reading.LITTLE:
        return (
            f"{opening}{'for' if opening else 'For'} {name} there was little or no difference: {span}, nothing larger."
        )
    if opening:
        return f"{opening}we cannot tell whether {name} differs: {span}."
    return f"We cannot tell whether the programme changed {name}: {span}."


def _change_sentence(finding: Finding, study: Study, numbers: tuple[float, float, float], *, brief: bool) -> str:
    """Say how an outcome changed, and nothing of why."""
    estimate, low, high = numbers
    name, unit = _changing(finding), _unit(finding, study)[0]
    if finding.reading in (Reading.MATTERS, Reading.CLEAR, Reading.SMALL):
        shown = _alike(estimate, low, high)
        near, far = sorted((low, high), key=abs)
        verb = "rose" if finding.rises else "fell"
        text = f"{capital(name)} {verb} by about {shown(estimate)} {unit} (between {shown(near)} and {shown(far)})"
        return f"{text}." if brief else f"{text}, {_worth(finding, study)}."
    span = f"the data fit anything from {_span(low, high)} {unit}"
    if finding.reading is Reading.LITTLE:
        return f"{capital(name)} changed little or not at all: {span}, nothing larger."
    return f"We cannot tell whether {name} changed: {span}."


def sentences(findings: Sequence[Finding], study: Study) -> str:
    """Give a sentence each, save that the results which cannot tell are said together, last."""
    unclear = [f for f in findings if f.reading is Reading.UNCLEAR and not f.contrast]
    if len(unclear) < 2:
        return " ".join(sentence(f, study) for f in findings)
    said = [sentence(f, study) for f in findings if f not in unclear]
    first, rest = unclear[0], unclear[1:]
    said.append(sentence(first, study))
    said.append(f"Nor can we for {listed([_in_brackets(f, study) for f in rest], joint='or')}.")
    return " ".join(said)


def _in_brackets(finding: Finding, study: Study) -> str:
    """An outcome with the differences that its interval around zero allows."""
    unit, times = _unit(finding, study)
    low, high = (times * value_of(finding.row, c) for c in ("conf_low", "conf_high"))
    return f"{_changing(finding)} ({_span(low, high)} {unit})"


def _span(low: float, high: float) -> str:
    """The differences that an interval around zero allows."""
    shown = _alike(low, high)
    fall = f"a fall of {shown(low)}" if low else "no difference"
    rise = f"a rise of {shown(high)}" if high else "no difference"
    return f"{fall} to {rise}"


def _worth(finding: Finding, study: Study) -> str:
    """Whether a difference is one that was hoped for, and whether it matters."""
    hoped = finding.rises == finding.outcome.higher_is_better
    direction = "a change for the better" if hoped else "a change for the worse"
    return {
        Reading.MATTERS: f"{direction}, and larger than the smallest difference that matters",
        Reading.CLEAR: f"{direction}, though it may be smaller than what we count as a difference that matters",
        Reading.SMALL: f"{direction}, but smaller than what we count as a difference that matters",
    }[cast(Reading, finding.reading)]


def _unit(finding: Finding, study: Study) -> tuple[str, float]:
    """The unit in words, and by how much the table's number is multiplied."""
    unit = unit_of(study, finding.outcome)
    return unit.name, unit.times


class _alike:
    """Writes the size of several numbers alike, with decimals enough that none but zero looks like zero."""

    def __init__(self, *values: float) -> None:
        sizes = [abs(v) for v in values]
        largest = max(sizes)
        self.decimals = 0 if largest >= 100 else 1 if largest >= 10 else 2
        while self.decimals < 6 and any(v and round(v, self.decimals) == 0 for v in sizes):
            self.decimals += 1

    def __call__(self, value: float) -> str:
        size = abs(value)
        if size and round(size, self.decimals) == 0:
            return "almost 0"
        return number(size, self.decimals)
