"""The design section of a report, read off the study's definition."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from belonging_study.reports.formatting import capital, listed
from belonging_study.study.model import Outcome, Start, Study, Wave
from belonging_study.study.units import unit_of

__all__ = [
    "FRAMEWORKS",
    "Moment",
    "assignment_text",
    "date_text",
    "kinds_of_arm",
    "outcome_table",
    "timeline",
    "value_labels",
]

FRAMEWORKS = {
    "ib_allen": "Allen’s framework of belonging (competencies, motivations, opportunities, perceptions)",
    "structures_for_belonging": "the Structures for Belonging framework",
}
"""The frameworks by which components are tagged."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def date_text(date: dt.date) -> str:
    """Write a date in full.

    Examples
    --------
    >>> date_text(dt.date(2025, 5, 12))
    '12 May 2025'
    """
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


@dataclass(frozen=True)
class Moment:
    """One wave on the time line."""

    label: str
    date: str
    phase: str
    is_current: bool
    is_future: bool


def timeline(study: Study, wave: Wave) -> tuple[Moment, ...]:
    """The study's waves, and where this report stands.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        The wave of the report.

    Returns
    -------
    tuple of Moment
        One a wave, in order.
    """
    at = study.wave_names.index(wave.name)
    return tuple(
        Moment(
            label=w.label,
            date=date_text(w.date),
            phase="" if study.measures_only else "before the programme" if w.before_programme else "with the programme",
            is_current=i == at,
            is_future=i > at,
        )
        for i, w in enumerate(study.waves)
    )


def assignment_text(study: Study) -> str:
    """Say in a few sentences who got the programme, and how that was decided; without one, who was asked.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    str
        Plain text.
    """
    assignment = study.design.assignment
    if study.measures_only:
        return "Every student was asked once." if len(study.waves) == 1 else _followed(study)
    if assignment.comparison is None:
        return _everybody(study)
    units = {"school": "Schools", "class": "Classes", "student": "Students"}[assignment.level]
    how = (
        "were drawn by lot to receive the programme or not"
        if assignment.randomized
        else "received the programme or not"
    )
    if assignment.blocks:
        how += ", within matched pairs or blocks"
    said = [f"{units} {how}."]
    if not assignment.randomized:
        said.append("They were not drawn by lot.")
    if len(assignment.programme) > 1:
        said.append(f"There are {len(assignment.programme)} programme arms, each compared with the comparison arm.")
    if isinstance(assignment.starts, Start):
        said.append(f"{units} started at different waves.")
    else:
        said.append(f"The programme started before the wave “{study.wave(assignment.starts).label}”.")
    return " ".join([*said, _followed(study)])


def _followed(study: Study) -> str:
    """Whether waves show the same students."""
    if study.design.panel:
        return "The same students are followed from wave to wave."
    return "Each wave asks the students who are there then; they are not followed one by one."


def _everybody(study: Study) -> str:
    """The design of a study that compares nobody with nobody."""
    assignment = study.design.assignment
    units = {"school": "schools", "class": "classes", "student": "students"}[assignment.level]
    start = study.wave(assignment.starts).label if isinstance(assignment.starts, str) else ""
    return (
        f"All {units} got the programme; there is no comparison group, so the study can describe a change and cannot "
        f"say what caused it. The programme started before the wave “{start}”. {_followed(study)}"
    )


def outcome_table(study: Study) -> pd.DataFrame:
    """The outcomes and their roles as named in advance.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    pandas.DataFrame
        One row an outcome: ``outcome, role, domain, measured, better, waves`` (text), primary first.
    """
    order = ["primary", "secondary", "exploratory"]
    return pd.DataFrame(
        [
            {
                "role": outcome.role.capitalize(),
                "outcome": outcome.label,
                "domain": outcome.domain,
                "measured": _measured(study, outcome),
                "better": "higher" if outcome.higher_is_better else "lower",
            }
            for outcome in sorted(study.outcomes, key=lambda o: order.index(o.role))
        ]
    )


def _measured(study: Study, outcome: Outcome) -> str:
    """How an outcome is measured."""
    if outcome.positive:
        cuts = [f"{study.scales[name].label} ({study.scales[name].positive:g})" for name in outcome.positive]
        return f"yes or no: mean answer at or above the cut in {listed(cuts)}"
    scale = study.scales.get(outcome.measure)
    if scale is None:
        unit = unit_of(study, outcome).in_tables
        return {"binary": "yes or no", "count": f"number of {unit}"}.get(outcome.kind, unit)
    if scale.score == "percent_of_maximum":
        return f"mean of {len(scale.items)} questions in percent of the maximum, 0 to 100"
    span = f", {scale.range[0]:g} to {scale.range[1]:g}" if scale.range and scale.score == "mean" else ""
    return f"{scale.score} of {len(scale.items)} questions{span}"


def kinds_of_arm(study: Study) -> dict[str, str]:
    """Say what the two kinds of arm are called where tables know no others.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    dict
        ``programme`` and ``comparison`` to a label: the study's own where one arm of the kind has one in `labels`.
    """
    assignment = study.design.assignment
    named = {"programme": "Programme", "comparison": "Comparison"}
    for kind, arms in (("programme", assignment.programme), ("comparison", (assignment.comparison,))):
        if len(arms) == 1 and arms[0] in assignment.labels:
            named[kind] = capital(assignment.labels[arms[0]])
    return named


def value_labels(study: Study) -> Mapping[str, Mapping[str, str]]:
    """Readable forms of the names that tables hold.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    mapping
        Column to value to label.
    """
    assignment = study.design.assignment
    outcomes = {o.name: o.label for o in study.outcomes}
    scales = {name: scale.label for name, scale in study.scales.items()}
    levels = {
        f"{g.name}{joint}{value}": label
        for g in study.groups
        for value, label in g.values.items()
        for joint in (": ", "=")
    }
    groups = {g.name: g.label for g in study.groups} | {g.column: g.label for g in study.groups}
    return {
        "outcome": outcomes,
        "scale": scales,
        "measure": scales,
        "wave": {w.name: w.label for w in study.waves},
        "group": groups | levels | {"arm": "Arm"},
        "comparison": groups | {"arm": "Arms", "wave": "Waves"},
        "arm": kinds_of_arm(study) | {a: capital(study.arm_label(a)) for a in assignment.arms},
        "role": {r: r.capitalize() for r in ("primary", "secondary", "exploratory")},
    }
