"""What a report says in plain words, read off its tables and nothing else.

Every sentence on an effect follows the interval: which differences the data fit, and which they do not. P-values
play no part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from belonging_study.reports.fairness_words import fairness_summary
from belonging_study.reports.flow_disclosure import HIDDEN_IN_COMPANY
from belonging_study.reports.formatting import capital, count, inside, listed, number
from belonging_study.reports.readings import DEFAULT_MARGIN, Finding, Reading, findings_of, require_columns, value_of
from belonging_study.reports.sentences import at_wave, label_of, sentence, sentences
from belonging_study.study.model import Study, Wave

__all__ = ["Summary", "summarise"]

FEW_CLUSTERS = 20
"""Below this many clusters in all, a report warns that there are few."""

METHODS = {
    "did": "difference-in-differences",
    "difference": "the difference at this wave",
    "change": "the mean of students’ changes",
    "multilevel": "the multilevel model",
}


@dataclass(frozen=True)
class Summary:
    """A report in plain words: one headline sentence, and a few short paragraphs."""

    paragraphs: tuple[str, ...]
    headline: str


def summarise(
    study: Study,
    wave: Wave,
    estimates: pd.DataFrame,
    flow: pd.DataFrame,
    scales: pd.DataFrame | None = None,
    *,
    fairness: pd.DataFrame | None = None,
    gaps: pd.DataFrame | None = None,
) -> Summary:
    """Say in plain words what a wave's tables show.

    Parameters
    ----------
    study : Study
        The definition: labels, roles, units, which direction is better, and the smallest effect that matters.
    wave : Wave
        The wave of the report.
    estimates : pandas.DataFrame
        One row an estimate (columns as in ``estimates.csv``), after `suppress`; may be empty. Read are the rows of
        this wave with term ``"programme"`` (or ``"change"``) and group ``"all"``; of several rows for one outcome,
        contrast and model the first. The leading model is difference-in-differences, then the difference at this
        wave, then the change of one group, then the multilevel model; binary outcomes are in shares.
    flow : pandas.DataFrame
        The participant flow, after `suppress`; may be empty.
    scales : pandas.DataFrame, optional
        Reliability of each scale by wave and group.
    fairness, gaps : pandas.DataFrame, optional
        Whether scales measure the same in groups, arms and waves, and what it does to differences of scores.

    Returns
    -------
    Summary
        A headline and up to six paragraphs. A hidden or missing estimate is named as such.

    Raises
    ------
    ColumnMissingError
        If a table that is not empty lacks a column that is read.

    Examples
    --------
    >>> from belonging_study.study.model import Study
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "Baseline", "date": "2024-10-07", "before_programme": True,
    ...                "sources": [{"file": "a.csv"}]}],
    ...     "design": {"assignment": {"starts": "w2"}}, "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> summarise(study, study.waves[0], pd.DataFrame(), pd.DataFrame()).headline
    'This is the picture before the programme began, so there is no effect to report yet.'
    """
    if study.measures_only:
        who, how_well = " ".join(_took_part(study, wave, flow)), " ".join(_measurement(study, wave, scales))
        alike = " ".join(fairness_summary(study, fairness, gaps))
        return Summary(tuple(p for p in (who, how_well, alike) if p), _what_was_measured(study, wave))
    findings = findings_of(study, wave, estimates)
    paragraphs = [
        " ".join(_who(study, wave, flow, findings)),
        *_effects(study, wave, findings),
        " ".join([*_measurement(study, wave, scales), *_agreement(findings)]),
        " ".join(fairness_summary(study, fairness, gaps)),
        " ".join(_cautions(study, wave, findings)),
    ]
    return Summary(tuple(p for p in paragraphs if p), _headline(study, wave, findings))


def _headline(study: Study, wave: Wave, findings: Sequence[Finding]) -> str:
    """One sentence on what was named in advance as most important."""
    what = "change" if _one_group(study) else "effect"
    if wave.before_programme:
        return f"This is the picture before the programme began, so there is no {what} to report yet."
    if not findings:
        return f"This report describes who took part and what they answered; it estimates no {what}."
    main = [f for f in findings if f.outcome.role == findings[0].outcome.role]
    said = [sentence(f, study, brief=True) for f in main]
    if _one_group(study):
        sure = any(f.reading not in (None, Reading.UNCLEAR, Reading.LITTLE) for f in main)
        said.append(
            "There was no comparison group, so "
            + (
                "the change may have other causes than the programme."
                if sure
                else "no change can be put down to the programme."
            )
        )
    return " ".join(said)


def _what_was_measured(study: Study, wave: Wave) -> str:
    """The headline of a study that only measures."""
    names = [inside(scale.label) for scale in study.scales_in(wave.name).values()]
    well = f", and how well {listed(names)} {'was' if len(names) == 1 else 'were'} measured" if names else ""
    return f"This report says what students answered{well}."


def _one_group(study: Study) -> bool:
    """Whether everybody got the programme."""
    return study.design.assignment.comparison is None


def _effects(study: Study, wave: Wave, findings: Sequence[Finding]) -> list[str]:
    """What changed: primary outcomes in a paragraph of their own."""
    if not findings:
        return [_no_effects(study, wave)]
    main = [f for f in findings if f.outcome.role == "primary"]
    further = [f for f in findings if f.outcome.role != "primary"]
    paragraphs = []
    if main:
        one = len({f.outcome.name for f in main}) == 1
        lead = "The primary outcome, named in advance, is" if one else "The primary outcomes, named in advance, are"
        names = listed(list(dict.fromkeys(label_of(f) for f in main)))
        said = sentences(main, study)
        paragraphs.append(f"{lead} {names}. {said} {_margin(study)}")
    for role, lead in (
        ("secondary", "Secondary outcomes."),
        ("exploratory", "Exploratory outcomes, to be read as hints."),
    ):
        said = sentences([f for f in further if f.outcome.role == role], study)
        if said:
            paragraphs.append(f"{lead} {said}")
    if not main:
        paragraphs[-1] += f" {_margin(study)}"
    return paragraphs


def _no_effects(study: Study, wave: Wave) -> str:
    """Why a report has no estimates."""
    if wave.before_programme:
        return (
            f"The programme had not started {at_wave(wave.label)}. The figures describe students, schools and "
            "scales as they were; later waves are compared with them."
        )
    if _one_group(study):
        return (
            "No change is estimated for this wave: that takes the same measure before the programme and now. The "
            "sections below say what is absent."
        )
    return (
        "No effect is estimated for this wave: the data do not hold what a comparison between programme and comparison "
        f"{_clusters(study)} needs. The sections below say what is absent."
    )


def _margin(study: Study) -> str:
    """What counts as a difference that matters."""
    smallest = study.analysis.smallest_effect
    if smallest is None:
        return (
            f"The study names no smallest difference that matters; this summary takes {_margin_text(DEFAULT_MARGIN)} "
            "standard deviations."
        )
    return f"The smallest difference that matters was set at {_margin_text(smallest)} standard deviations."


def _margin_text(value: float) -> str:
    """The margin without idle zeros."""
    return f"{value:g}"


def _clusters(study: Study) -> str:
    """The assigned units in words."""
    return {"school": "schools", "class": "classes", "student": "students"}[study.design.assignment.level]


def _who(study: Study, wave: Wave, flow: pd.DataFrame, findings: Sequence[Finding]) -> list[str]:
    """Who took part, and what was compared."""
    said = _took_part(study, wave, flow)
    if _one_group(study):
        return [*said, *_what_changed(study, findings)]
    if findings:
        treated = value_of(findings[0].row, "n_clusters_treated")
        comparison = value_of(findings[0].row, "n_clusters_comparison")
        units = _clusters(study)
        assignment = study.design.assignment
        numbers = "" if math.isnan(treated + comparison) else f" ({count(treated)} against {count(comparison)} {units})"
        by_student = assignment.level == "student"
        methods = {f.method for f in findings}
        if len(assignment.programme) > 1:
            arms = listed([f"“{study.arm_label(arm)}”" for arm in assignment.programme])
            how = "how students changed" if "did" in methods else "students at this wave"
            said.append(
                f"To see what the programme did, we compare {how} in each programme arm ({arms}) and in the comparison "
                f"arm (“{study.arm_label(str(assignment.comparison))}”)."
            )
        elif "did" in methods:
            treated_ones = "students with the programme" if by_student else f"students in programme {units}"
            other_ones = "students without it" if by_student else f"students in comparison {units}"
            said.append(
                f"To see what the programme did, we compare how {treated_ones} changed with how {other_ones} "
                f"changed{numbers}."
            )
        else:
            compared = "students with and without the programme" if by_student else f"programme and comparison {units}"
            said.append(f"To see what the programme did, we compare {compared} at this wave{numbers}.")
    return said


def _what_changed(study: Study, findings: Sequence[Finding]) -> list[str]:
    """Whose change is looked at."""
    if not findings:
        return []
    row = findings[0].row
    clusters, students = value_of(row, "n_clusters_treated"), value_of(row, "n_students")
    many = "" if math.isnan(students) else f" {count(students)}"
    where = "" if math.isnan(clusters) else f" in {count(clusters)} {_clusters(study)}"
    who = (
        f"the same{many} students{where} before the programme and now"
        if study.design.panel
        else f"the students{where} before the programme with those of this wave"
    )
    return [
        f"Everybody got the programme, so there is no comparison group: we compare {who}. What would have happened "
        "without the programme is not known."
    ]


def _took_part(study: Study, wave: Wave, flow: pd.DataFrame) -> list[str]:
    """Participation, from the flow of students."""
    if flow.empty:
        return []
    require_columns(flow, ("wave", "stream", "step", "kind", "n_students"), "the participant flow")
    rows = flow[(flow["wave"] == wave.name) & (flow["stream"] == "students")]
    if "arm" in rows:
        rows = rows[rows["arm"] == "all"]
    rows = rows.sort_values("step", kind="stable")
    start = _last(rows, "start", first=True)
    sample = _last(rows, "remaining")
    asked = any(source.kind == "survey" for source in wave.sources)
    # Where nothing but the survey says who is there, those who answered are all that are known.
    alone = asked and "label" in rows and (rows["label"] == "In the survey").any()
    of_survey = rows[rows["label"].str.contains("answered", case=False)] if asked and "label" in rows else rows.head(0)
    answered = _last(of_survey, "info")
    if start is None or sample is None:
        return []
    (enrolled, n_enrolled), (analysed, n_sample) = start, sample
    were = "were in the records" if not asked else "answered the survey" if alone else "were enrolled"
    at = f"{capital(at_wave(wave.label))}, {enrolled} students {were}"
    if enrolled == HIDDEN_IN_COMPANY:
        return [
            f"{capital(at_wave(wave.label))}, {analysed} students are in the analysis.",
            *_answered(answered, n_sample),
        ]
    said = [f"{at}, and {analysed} of them are in the analysis."]
    if n_enrolled == n_sample:
        said = [f"{at}, and all of them are in the analysis."]
    if alone:
        return [*said, *_found_again(study, flow[flow["wave"] == wave.name])]
    return [*said, *_answered(answered, n_sample)]


def _found_again(study: Study, flow: pd.DataFrame) -> list[str]:
    """How many responses the students' own codes link to an earlier wave."""
    rows = flow[(flow["stream"] == "survey") & flow["label"].str.startswith("Linked to")] if "label" in flow else flow
    if study.design.linking is None or rows.empty or pd.isna(rows["n_rows"].iloc[0]):
        return []
    return [f"The students’ own codes link {count(float(rows['n_rows'].iloc[0]))} responses to an earlier wave."]


def _answered(answered: tuple[str, float] | None, n_sample: float) -> list[str]:
    """How many of the sample answered a survey, if there was one."""
    if answered is None:
        return []
    text, n_answered = answered
    of = n_answered / n_sample if n_sample else math.nan
    if of == 1:
        return ["All of them answered the survey."]
    return [f"Of these, {text}{'' if math.isnan(of) else f' ({number(100 * of, 0)}%)'} answered the survey."]


def _last(rows: pd.DataFrame, kind: str, *, first: bool = False) -> tuple[str, float] | None:
    """A count of the flow as text and number; a hidden one is what the table prints for it."""
    of_kind = rows[rows["kind"] == kind].to_dict("records")
    if not of_kind:
        return None
    row = cast(dict[str, Any], of_kind[0 if first else -1])
    value = value_of(row, "n_students")
    if not math.isnan(value):
        return count(value), value
    hidden = row.get("suppressed")
    return (hidden, math.nan) if isinstance(hidden, str) and hidden else None


def _measurement(study: Study, wave: Wave, scales: pd.DataFrame | None) -> list[str]:
    """How consistently the scales measured, in words."""
    if scales is None or scales.empty:
        return []
    require_columns(scales, ("scale", "wave", "group"), "scales")
    rows = scales[(scales["wave"] == wave.name) & (scales["group"] == "all")]
    by_words: dict[str, list[str]] = {}
    for row in cast(list[dict[str, Any]], rows.to_dict("records")):
        coefficient = value_of(row, "mcdonald_omega")
        name = "omega"
        if math.isnan(coefficient):
            coefficient, name = value_of(row, "cronbach_alpha"), "alpha"
        scale = study.scales.get(str(row["scale"]))
        label = inside(scale.label) if scale else str(row["scale"])
        if math.isnan(coefficient):
            words, figure = "not measured well enough known", label
        else:
            words, figure = _consistency(coefficient), f"{label} ({name} {number(coefficient)})"
        by_words.setdefault(words, []).append(figure)
    said = []
    for words, names in by_words.items():
        verb = "was" if len(names) == 1 else "were"
        if words == "not measured well enough known":
            said.append(f"How consistently {listed(names)} {verb} measured could not be worked out.")
        else:
            said.append(f"{capital(listed(names))} {verb} measured {words}.")
    return said


def _consistency(coefficient: float) -> str:
    """Reliability in words."""
    if coefficient >= 0.9:
        return "very consistently"
    if coefficient >= 0.8:
        return "consistently"
    if coefficient >= 0.7:
        return "consistently enough to compare groups"
    if coefficient >= 0.5:
        return "only roughly, so that real differences may look smaller than they are"
    return "too inconsistently to build on"


def _agreement(findings: Sequence[Finding]) -> list[str]:
    """Whether the second method reads the same."""
    both = [f for f in findings if f.reading is not None and f.other is not None]
    if not both:
        return []
    first = METHODS.get(both[0].method, both[0].method)
    differing = [f for f in both if f.methods_differ]
    if not differing:
        return [f"Both methods, {first} and {METHODS['multilevel']}, lead to the same reading."]
    names = listed(list(dict.fromkeys(label_of(f) for f in differing)))
    return [
        f"The two methods, {first} and {METHODS['multilevel']}, differ on {names}; "
        "the words above follow the first, and such results are less certain."
    ]


def _cautions(study: Study, wave: Wave, findings: Sequence[Finding]) -> list[str]:
    """What not to conclude."""
    if not findings:
        return []
    said = []
    row = findings[0].row
    what = "change" if _one_group(study) else "effect"
    if _one_group(study):
        said.append(
            "That students changed does not show that the programme changed them. They also grew older, had other "
            "lessons and other experiences, and were asked or measured a second time."
        )
    total = value_of(row, "n_clusters_treated") + value_of(row, "n_clusters_comparison")
    if total < FEW_CLUSTERS and study.design.assignment.level != "student":
        said.append(
            f"With only {count(total)} {_clusters(study)}, the ranges are wide, and a result that cannot tell is not a "
            f"result of no {what}."
        )
    elif any(f.reading is Reading.UNCLEAR for f in findings):
        said.append(f"A result that cannot tell is not a result of no {what}.")
    if not _one_group(study) and not study.design.assignment.randomized:
        said.append(
            f"The {_clusters(study)} were not chosen by lot, so they may have differed, or gone different ways, "
            "for other reasons than the programme."
        )
    levels = {f.method for f in findings}
    if "difference" in levels:
        alone = listed(list(dict.fromkeys(label_of(f) for f in findings if f.method == "difference")))
        of = "" if levels == {"difference"} else f" of {alone}"
        said.append(f"There is no earlier wave{of}, so differences from before the programme are not taken out.")
    exploratory = list(dict.fromkeys(label_of(f) for f in findings if f.outcome.role == "exploratory"))
    if exploratory:
        said.append(
            f"{capital(listed(exploratory))} {'was' if len(exploratory) == 1 else 'were'} not named in advance "
            f"as {'a question of the study' if _one_group(study) else 'a test of the programme'}; with several "
            f"outcomes, some {what if _one_group(study) else 'difference'}s arise by chance."
        )
    said.append("These are averages of groups; they say nothing about a single student, class or teacher.")
    return [f"What not to conclude: {said[0][:1].lower()}{said[0][1:]}", *said[1:]]
