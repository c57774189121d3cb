"""What is true of the demo study: the typed form of ``truth.yml``."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from belonging_study.data.demo.questionnaire import read_yaml

__all__ = ["NonInvariant", "Records", "ScaleTruth", "Students", "Survey", "Trait", "Truth", "load_truth"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Students(_Part):
    """Who the students are, and how they come and go (shares)."""

    free_meals: float
    free_meals_school_sd: float
    gender: dict[str, float]
    no_consent: float
    leavers: float
    joiners: float
    movers: float


class Survey(_Part):
    """How the survey is answered (shares; `previews` is a count)."""

    nonresponse: float
    stopped_after: dict[int, float]
    skipped: float
    careless: float
    careless_column: dict[int, float]
    answered_twice: float
    mistyped_number: float
    no_number: float
    previews: int


class Records(_Part):
    """What the schools' records lack (shares)."""

    no_mark: float


class Trait(_Part):
    """One trait: standard deviations of its parts, its mean, gap, trend and effects (see ``truth.yml``)."""

    mean: float
    school: float
    class_: float = Field(alias="class")
    student: float
    occasion: float
    school_change: float
    school_wave: float
    free_meals: float
    trend: dict[str, float]
    effect: dict[str, float]
    extra: dict[str, float]

    def variance(self, *, follow_up: bool) -> float:
        """Variance among students alike in free meals and arm, at baseline or in a follow-up."""
        parts = [self.school, self.class_, self.student, self.occasion]
        if follow_up:
            parts += [self.school_change, self.school_wave]
        return float(np.sum(np.square(parts)))

    def without_effect(self) -> Trait:
        """Give the same trait where no school has the programme."""
        return self.model_copy(
            update={"effect": dict.fromkeys(self.effect, 0.0), "extra": dict.fromkeys(self.extra, 0.0)}
        )


class ScaleTruth(_Part):
    """How a trait shows in the answers: thresholds, and loadings and difficulties in the order of the items."""

    thresholds: tuple[float, ...]
    loadings: tuple[float, ...]
    difficulties: tuple[float, ...]


class NonInvariant(_Part):
    """The item whose thresholds are higher for students with free meals, and by how much."""

    item: str
    shift: float


class Truth(_Part):
    """Everything that the simulation uses, and the effects that follow from it.

    Attributes
    ----------
    observed_effects : dict
        Outcome to wave to the average effect on programme-school students, on the observed scale. ``truth.yml``
        states the estimand in full.
    observed_effects_by_free_meals : dict
        The same apart for students with (``"yes"``) and without (``"no"``) free school meals.
    """

    waves: tuple[str, ...]
    schools: int
    classes: dict[str, int]
    class_size: tuple[int, int]
    students: Students
    survey: Survey
    records: Records
    traits: dict[str, Trait]
    suspended_threshold: float
    correlation: tuple[tuple[float, ...], ...]
    scales: dict[str, ScaleTruth]
    non_invariant: NonInvariant
    observed_effects: dict[str, dict[str, float]] = Field(default_factory=dict)
    observed_effects_by_free_meals: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)

    def sds(self, part: str) -> NDArray[np.float64]:
        """Standard deviations of one part of the six traits."""
        return np.array([getattr(trait, part) for trait in self.traits.values()], dtype=np.float64)

    def without_programme(self) -> Truth:
        """Give the same world, draw for draw, in which the programme does nothing."""
        return self.model_copy(update={"traits": {name: t.without_effect() for name, t in self.traits.items()}})


@cache
def load_truth() -> Truth:
    """Give the truth of the demo study.

    Returns
    -------
    Truth
        The content of ``truth.yml``.

    Examples
    --------
    >>> truth = load_truth()
    >>> truth.schools, truth.non_invariant.item
    (24, 'bel_07')
    """
    return Truth.model_validate(read_yaml("truth.yml"))
