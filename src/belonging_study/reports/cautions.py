"""What a reader of a report must bear in mind: sentences that follow from its tables by fixed rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from belonging_study.reports.fairness_words import fairness_cautions
from belonging_study.reports.formatting import capital, count, inside, listed, p_value
from belonging_study.reports.readings import Finding, findings_of, value_of
from belonging_study.reports.sample_cautions import (
    UNITS,
    attrition_cautions,
    careless_cautions,
    equivalence_cautions,
    label_in,
    links_cautions,
    records,
    reliability_cautions,
)
from belonging_study.study.model import Study, Wave

__all__ = ["cautions"]

FEW_CLUSTERS = 10
"""Below this many clusters in an arm, a single one carries much weight."""


def cautions(
    study: Study,
    wave: Wave,
    *,
    estimates: pd.DataFrame | None = None,
    scales: pd.DataFrame | None = None,
    links: pd.DataFrame | None = None,
    pretrend: pd.DataFrame | None = None,
    event_study: pd.DataFrame | None = None,
    equivalence: pd.DataFrame | None = None,
    attrition: pd.DataFrame | None = None,
    careless: pd.DataFrame | None = None,
    fairness: pd.DataFrame | None = None,
) -> tuple[str, ...]:
    """Say what the data of a wave do not allow, or allow only with care.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        The wave of the report. Before the programme, only what concerns samples and measurement applies.
    estimates : pandas.DataFrame, optional
        Columns as in ``estimates.csv``.
    scales, links, careless : pandas.DataFrame, optional
        Reliability by scale, wave and group; link rates and signs of careless answering by wave.
    pretrend, event_study : pandas.DataFrame, optional
        The joint test and the single waves before the programme.
    equivalence, attrition : pandas.DataFrame, optional
        As from `belonging_study.effects.study_equivalence` and `belonging_study.effects.study_attrition`.
    fairness : pandas.DataFrame, optional
        The verdicts on sameness of measurement, as in `belonging_study.scales.Fairness`.

    Returns
    -------
    tuple of str
        Most important first, in plain words with the numbers. Tables that are absent or empty, and cells that are
        hidden, give no sentence.

    References
    ----------
    What Works Clearinghouse (2020). *Standards Handbook, version 4.1*: baseline equivalence and attrition.
    Shadish, W. R., Cook, T. D., & Campbell, D. T. (2002). *Experimental and quasi-experimental designs for generalized
    causal inference*. Houghton Mifflin (chapter 4: one group before and after).
    Tipton, E. (2015). Small sample adjustments for robust variance estimation with meta-regression. *Psychological
    Methods, 20*, 375-393.
    Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel trends. *American Economic
    Review: Insights, 4*, 305-322.
    Curran, P. G. (2016). Methods for the detection of carelessly invalid responses in survey data. *Journal of
    Experimental Social Psychology, 66*, 4-19.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "Baseline", "date": "2024-10-07", "before_programme": True,
    ...                "sources": [{"file": "a.csv"}]}],
    ...     "design": {"assignment": {"starts": "w2"}}, "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> cautions(study, study.waves[0])[0]
    'The schools were not drawn by lot, so the arms may differ from the start.'
    """
    every = _empty if estimates is None else estimates
    findings = findings_of(study, wave, every)
    said = [
        *_one_group(study, wave, findings),
        *_assignment(study, wave, findings),
        *_waves_before(study, wave, findings),
        *_trends(study, findings, _table(pretrend), _table(event_study)),
        *_clusters(study, findings),
        *equivalence_cautions(study, wave, _table(equivalence)),
        *attrition_cautions(study, _table(attrition)),
        *links_cautions(study, wave, _of_wave(links, wave)),
        *reliability_cautions(study, _of_wave(scales, wave)),
        *careless_cautions(_of_wave(careless, wave)),
        *_singular(study, wave, every),
        *_many_tests(study, wave, findings, every),
        *fairness_cautions(study, wave, _of_wave(fairness, wave)),
    ]
    return tuple(said)


_empty = pd.DataFrame()


def _table(table: pd.DataFrame | None) -> pd.DataFrame:
    return _empty if table is None else table


def _of_wave(table: pd.DataFrame | None, wave: Wave) -> pd.DataFrame:
    """The rows of one wave."""
    return _empty if table is None or table.empty else table[table["wave"] == wave.name]


def _compares(study: Study) -> bool:
    """Whether there is a comparison group."""
    return study.design.assignment.comparison is not None


def _one_group(study: Study, wave: Wave, findings: list[Finding]) -> Iterator[str]:
    """A change is no effect."""
    if _compares(study) or study.measures_only:
        return
    if not findings:
        yield (
            "Everybody gets the programme, so there is no comparison group: this study can tell how students change, "
            "and not whether the programme is the cause."
        )
        return
    yield (
        "Everybody got the programme, so there is no comparison group, and a change is no effect. Between the waves "
        "students grew older, had other lessons and other experiences, and were asked or measured again; what "
        "questions mean to them may have shifted; and a group chosen for low or high scores moves towards the average "
        "by itself (Shadish, Cook & Campbell 2002). No analysis of these data can tell such causes from the programme."
    )
    yield (
        "The What Works Clearinghouse does not accept designs without a comparison group as evidence of a programme’s "
        "effect, whatever their result."
    )


def _assignment(study: Study, wave: Wave, findings: list[Finding]) -> Iterator[str]:
    """The arms were not drawn by lot, or are not kept as they were drawn."""
    assignment = study.design.assignment
    if findings and assignment.by_wave:
        yield (
            "A student’s arm is read anew in each wave: students who changed arms count where they went, so the arms "
            "are not the groups that were first formed."
        )
    if assignment.randomized or not _compares(study):
        return
    units = UNITS[assignment.level]
    if wave.before_programme:
        yield f"The {units} were not drawn by lot, so the arms may differ from the start."
    elif findings:
        yield (
            f"The {units} were not drawn by lot. What made them take part may also have changed their students, and no "
            "analysis of these data can rule that out."
        )


def _waves_before(study: Study, wave: Wave, findings: list[Finding]) -> Iterator[str]:
    """How much is known of the time before the programme."""
    assignment = study.design.assignment
    if not findings or not isinstance(assignment.starts, str) or not _compares(study):
        return
    before = [w for w in study.waves_until(wave.name) if w.before_programme]
    basis = "rests on the lot alone" if assignment.randomized else "is taken on trust"
    if not before:
        yield (
            "No wave precedes the programme, so the arms are compared as they are now; that they were alike before "
            f"{basis}."
        )
    elif len(before) == 1:
        rest = (
            " The lot makes them alike on average, not in every draw."
            if assignment.randomized
            else " The estimates assume that they were not."
        )
        yield (
            "Only one wave precedes the programme, so nobody can check whether the arms were moving apart already "
            f"(parallel trends).{rest}"
        )


def _trends(study: Study, findings: list[Finding], pretrend: pd.DataFrame, events: pd.DataFrame) -> Iterator[str]:
    """The arms moved apart before the programme, or may have."""
    limit = 1 - study.analysis.conf_level
    effects = {f.outcome.name: f for f in findings if f.method == "did"}
    joint = {str(row["outcome"]): value_of(row, "p_value") for row in records(pretrend)}
    rejected = {name: p for name, p in joint.items() if p < limit}
    wide: list[str] = []
    for row in records(events):
        name = str(row["outcome"])
        if name not in effects or row["period"] != "before" or row["reference"]:
            continue
        low, high = value_of(row, "conf_low"), value_of(row, "conf_high")
        if math.isnan(joint.get(name, math.nan)) and (low > 0 or high < 0):
            rejected[name] = value_of(row, "p_value")
        size = abs(value_of(effects[name].row, "estimate"))
        if _excludes_zero(effects[name]) and max(-low, high) >= size and name not in wide:
            wide.append(name)
    if rejected:
        moving = listed([f"{label_in(study, name)} (p {_p(p)})" for name, p in rejected.items()])
        yield (
            f"Before the programme began the arms were already moving apart in {moving}: "
            "difference-in-differences takes such a trend for an effect."
        )
    named = [label_in(study, name) for name in wide if name not in rejected]
    if named:
        yield (
            f"The waves before the programme do not rule out an early drift as large as the effect in {listed(named)}: "
            "a test that finds no drift does not show that there was none."
        )


def _p(value: float) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _excludes_zero(finding: Finding) -> bool:
    return value_of(finding.row, "conf_low") > 0 or value_of(finding.row, "conf_high") < 0


def _clusters(study: Study, findings: list[Finding]) -> Iterator[str]:
    """Few clusters, or inference that cannot be trusted."""
    units = UNITS[study.design.assignment.level]
    doubted = [f for f in findings if _doubted(f.row)]
    if doubted:
        names = listed(list(dict.fromkeys(inside(f.outcome.label) for f in doubted)))
        yield (
            f"For {names} the data hold too little for a test whose error rate can be relied on; read the interval as "
            "an indication."
        )
    if study.design.assignment.level == "student":
        return
    arms = [(value_of(f.row, "n_clusters_treated"), value_of(f.row, "n_clusters_comparison")) for f in findings]
    treated, comparison = min((a for a in arms if not math.isnan(sum(a))), key=min, default=(math.nan, math.nan))
    level = study.design.assignment.level
    if not _compares(study) and treated < FEW_CLUSTERS:
        yield (
            f"There are {count(treated)} {units}. Fewer than {FEW_CLUSTERS} leave wide intervals, and one unusual "
            f"{level} can carry the result."
        )
    elif _compares(study) and min(treated, comparison) < FEW_CLUSTERS:
        yield (
            f"There are {count(treated)} programme and {count(comparison)} comparison {units}. Fewer than "
            f"{FEW_CLUSTERS} in an arm leave wide intervals, and one unusual {level} can carry the result."
        )


def _doubted(row: Mapping[str, Any]) -> bool:
    """Whether an estimate's note says that its inference is not trusted."""
    note = row.get("note")
    return isinstance(note, str) and ("cannot be trusted" in note or "great caution" in note)


def _singular(study: Study, wave: Wave, estimates: pd.DataFrame) -> Iterator[str]:
    """Multilevel models whose variances lie on the edge."""
    if estimates.empty or wave.before_programme:
        return
    rows = estimates[(estimates["wave"] == wave.name) & (estimates["model"] == "multilevel")]
    singular = rows[(rows["group"] == "all") & rows["note"].astype(str).str.contains("singular fit")]
    names = list(dict.fromkeys(label_in(study, str(name)) for name in singular["outcome"]))
    if names:
        level = "schools" if study.design.assignment.level == "student" else UNITS[study.design.assignment.level]
        yield (
            f"The multilevel model of {listed(names)} has a singular fit: a variance between {level} or students was "
            "estimated as zero, or a correlation as one. Its intervals may then be too narrow; where the two methods "
            "differ, rely on the other."
        )


def _many_tests(study: Study, wave: Wave, findings: list[Finding], estimates: pd.DataFrame) -> Iterator[str]:
    """Several outcomes, exploratory ones, groups."""
    tested = [f for f in findings if f.reading is not None]
    what, seen = ("effect", "difference") if _compares(study) else ("change", "change")
    by_role = {role: [f for f in tested if f.outcome.role == role] for role in ("primary", "secondary", "exploratory")}
    if len(tested) > 1:
        corrections = []
        if len(by_role["primary"]) > 1:
            corrections.append("by Holm’s method over the primary outcomes")
        if len(by_role["secondary"]) > 1:
            corrections.append("by Benjamini and Hochberg’s method over the secondary outcomes of a domain")
        adjusted = f" The adjusted p values correct for that {listed(corrections)}." if corrections else ""
        yield (
            f"At this wave {len(tested)} {what}s are tested, so some {seen}s will appear by chance.{adjusted} "
            "Intervals are not adjusted."
        )
    exploratory = list(dict.fromkeys(inside(f.outcome.label) for f in by_role["exploratory"]))
    if exploratory:
        verb = "is" if len(exploratory) == 1 else "are"
        yield f"{capital(listed(exploratory))} {verb} exploratory: a {seen} there is a question for the next study."
    if not findings or estimates.empty:
        return
    groups = estimates[(estimates["wave"] == wave.name) & (estimates["group"] != "all")]
    if len(groups):
        yield (
            f"{capital(what)}s in student groups are exploratory and not corrected for their number. That one group’s "
            "interval excludes zero and another’s does not is no difference between them; only the rows that compare "
            "groups test one."
        )
