"""What a study can estimate, and what its tables call it: an effect against a comparison, or a change."""

from __future__ import annotations

from dataclasses import dataclass

from belonging_study.study import Study

__all__ = ["Estimand", "estimand"]


@dataclass(frozen=True)
class Estimand:
    """Names of what is estimated.

    Attributes
    ----------
    term : str
        In the column ``term`` of the estimates; ``<term> x group`` are differences between groups.
    by_outcome, by_group, by_wave, means, school : str
        Headings of tables and figures; `school` has a gap for the level of assignment.
    why_no_arms : str
        Why the arms cannot be compared before the programme; empty where they can.
    """

    term: str
    by_outcome: str
    by_group: str
    by_wave: str
    means: str
    school: str
    why_no_arms: str


_EFFECT = Estimand(
    term="programme",
    by_outcome="Effect of the programme on each outcome",
    by_group="Effect of the programme by student group",
    by_wave="Difference between the arms in each wave, against the last one before the programme",
    means="Each outcome by wave and arm",
    school="how far each {level}'s change lies from the average comparison {level}",
    why_no_arms="",
)
_CHANGE = Estimand(
    term="change",
    by_outcome="Change in each outcome since before the programme",
    by_group="Change by student group",
    by_wave="Change in each wave, against the last one before the programme",
    means="Each outcome by wave",
    school="how much each {level} changed",
    why_no_arms="Everybody got the programme, so there is no comparison group whose likeness before the programme "
    "could be judged.",
)


def estimand(study: Study) -> Estimand:
    """Say what a study can estimate.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    Estimand
        The effect of the programme where there is a comparison; otherwise the change of those who got it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> study = SimpleNamespace(design=SimpleNamespace(assignment=SimpleNamespace(comparison=None)))
    >>> estimand(study).by_outcome
    'Change in each outcome since before the programme'
    """
    return _CHANGE if study.design.assignment.comparison is None else _EFFECT
