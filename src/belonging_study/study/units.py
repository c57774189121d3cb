"""In which unit an outcome is told, and by what its numbers are multiplied for it."""

from __future__ import annotations

from dataclasses import dataclass

from belonging_study.study.model import Outcome, Study

__all__ = ["Unit", "unit_of"]

_SHARES = {
    "attendance": {"absence_rate": "share of days"},
    "marks": {"share_ab": "share of courses", "share_dfw": "share of courses"},
}
_COUNTS = {
    "attendance": {"days_enrolled": "days", "days_absent": "days"},
    "marks": {"n_courses": "courses", "n_withdrawn": "courses", "n_no_mark": "courses"},
    "incidents": {"n_incidents": "incidents"},
    "enrolment": {
        "n_schools": "schools",
        "overlapping_stays": "stays",
        "days_since_entry": "days",
        "days_since_exit": "days",
    },
}
"""Measures of registers, by the kind of file that gives them."""


@dataclass(frozen=True)
class Unit:
    """The unit of an outcome.

    Attributes
    ----------
    name : str
        In sentences: ``points``, ``days``, ``percentage points``.
    times : float
        By what a table's number is multiplied for a sentence: 100 for shares.
    in_tables : str
        Of the number as tables and axes have it: ``share of students`` where a sentence has percentage points.
    """

    name: str
    times: float
    in_tables: str

    @property
    def is_share(self) -> bool:
        """Whether tables have it as a share, 0 to 1."""
        return self.times != 1


def unit_of(study: Study, outcome: Outcome) -> Unit:
    """Say in which unit an outcome is told.

    Parameters
    ----------
    study : Study
        The definition.
    outcome : Outcome
        One of its outcomes.

    Returns
    -------
    Unit
        Percentage points for yes-or-no outcomes and for shares of days or courses from school records; otherwise the
        outcome's own `unit`; where none is given, the one that a measure of school records, or a scale scored in
        percent of the maximum, has by its nature.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "W", "date": "2024-10-07",
    ...                "sources": [{"file": "r.csv", "kind": "roster"}, {"file": "a.csv", "kind": "attendance"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "a", "measure": "absence_rate", "label": "Absence"},
    ...                  {"name": "d", "measure": "days_absent", "label": "Days absent"}]})
    >>> [unit_of(study, outcome) for outcome in study.outcomes]
    [Unit(name='percentage points', times=100.0, in_tables='share of days'), \
Unit(name='days', times=1.0, in_tables='days')]
    """
    if outcome.kind == "binary":
        return Unit("percentage points", 100.0, "share of students")
    kinds = {source.kind for wave in study.waves for source in wave.sources}
    for kind in kinds & _SHARES.keys():
        if outcome.measure in _SHARES[kind]:
            return Unit("percentage points", 100.0, _SHARES[kind][outcome.measure])
    name = outcome.unit
    if "unit" not in outcome.model_fields_set:
        own = {measure: unit for kind in kinds & _COUNTS.keys() for measure, unit in _COUNTS[kind].items()}
        scale = study.scales.get(outcome.measure)
        own |= {outcome.measure: "percent of the maximum"} if scale and scale.score == "percent_of_maximum" else {}
        own |= {f"n_{incident}": "incidents" for incident in study.records.incidents if "incidents" in kinds}
        name = own.get(outcome.measure, name)
    return Unit(name, 1.0, name)
