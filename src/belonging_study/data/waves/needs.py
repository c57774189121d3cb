"""Which columns a study needs in a wave, and which of them its registers give."""

from __future__ import annotations

from collections.abc import Iterator

from belonging_study.data.registers import register_measures
from belonging_study.data.waves.columns import Need
from belonging_study.study.model import Kind, Start, Study

__all__ = ["COMPUTED", "DURATION", "computed_columns", "needed_columns"]

DURATION = "duration_seconds"
COMPUTED = (
    "answered_share", "responded", "longstring", "irv", "careless", DURATION, "link_reason", "link_quality",
)  # fmt: skip
"""Columns that an exclusion rule may name although no file holds them."""


def needed_columns(study: Study, wave: str) -> dict[str, Need]:
    """List the columns that the study needs in a wave.

    What a register of the wave gives is not among them: see `computed_columns`.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.

    Returns
    -------
    dict
        The study's name to its `Need`, without the student's identifier, which every file needs.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "marks", "measure": "mean_mark", "label": "Marks"}],
    ... })
    >>> {name: need.use for name, need in needed_columns(study, "w1").items()}
    {'school_id': 'id', 'arm': 'text', 'mean_mark': 'measure'}
    """
    computed = computed_columns(study, wave)
    return {name: need for name, need in _all_needs(study, wave).items() if name not in computed}


def computed_columns(study: Study, wave: str) -> dict[str, Kind]:
    """List the columns that the study needs in a wave and that one of its registers gives.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.

    Returns
    -------
    dict
        Name of the measure to the kind of register that gives it; a file's own column of that name is not looked at.

    Examples
    --------
    >>> sources = [{"file": "w1.csv"}, {"file": "days.csv", "kind": "attendance"}]
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": sources}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "absence", "measure": "absence_rate", "label": "Absence"}],
    ... })
    >>> computed_columns(study, "w1")
    {'absence_rate': 'attendance'}
    """
    given = register_measures(study, {source.kind for source in study.wave(wave).sources})
    return {name: given[name][0] for name in _all_needs(study, wave) if name in given}


def _all_needs(study: Study, wave: str) -> dict[str, Need]:
    needs: dict[str, Need] = {}
    for need in (*_design_needs(study), *_measure_needs(study, wave), *_student_needs(study, wave)):
        needs.setdefault(need.name, need)
    if study.design.student is not None:
        needs.pop(study.design.student, None)
    return needs


def _design_needs(study: Study) -> Iterator[Need]:
    design, assignment = study.design, study.design.assignment
    if design.school is not None:
        yield Need(design.school, "id", "roster")
    if design.class_ is not None:
        yield Need(design.class_, "id", "roster")
    if assignment.comparison is not None:
        yield Need(assignment.column, "text", "roster")
    if assignment.blocks is not None:
        yield Need(assignment.blocks, "id", "roster")
    if isinstance(assignment.starts, Start):
        yield Need(assignment.starts.column, "text", "roster")


def _measure_needs(study: Study, wave: str) -> Iterator[Need]:
    for scale in study.scales_in(wave).values():
        for item, wording in scale.items.items():
            yield Need(item, "item", "survey", wording, scale=scale)
    for outcome in study.outcomes_in(wave):
        if not study.scales_of(outcome):
            yield Need(outcome.measure, "measure", "records", outcome=outcome)


def _student_needs(study: Study, wave: str) -> Iterator[Need]:
    """Groups, covariates and the columns of exclusion rules; one that a rule compares as a number is a number."""
    yield from (Need(group.column, "text", "roster") for group in study.groups)
    rules = [r for r in study.exclusions if (not r.waves or wave in r.waves) and r.column not in COMPUTED]
    yield from (Need(r.column, "number", "roster") for r in rules if r.below is not None or r.above is not None)
    for covariate in study.analysis.covariates:
        if covariate not in study.scales and covariate not in COMPUTED:
            yield Need(covariate, "number or text", "roster")
    yield from (Need(r.column, "text", "roster") for r in rules)
