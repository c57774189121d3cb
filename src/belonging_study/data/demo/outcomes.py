"""The demo study's model: from traits to answers, marks, suspensions and absences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from belonging_study.data.demo.people import Population
from belonging_study.data.demo.questionnaire import Questionnaire
from belonging_study.data.demo.truth import Truth

__all__ = ["RecordValues", "draw_answers", "draw_records", "draw_traits"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RecordValues:
    """What the schools' records say, each of shape (students, waves); a missing mark is ``NaN``."""

    mean_mark: Floats
    days_absent: Floats
    suspended: Floats


def draw_traits(rng: np.random.Generator, truth: Truth, population: Population) -> Floats:
    """Draw the six traits of every student in every wave.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    population : Population

    Returns
    -------
    array, shape (students, waves, traits)
        Each trait is the sum of the normal parts that ``truth.yml`` lists, correlated over traits within each part,
        plus gap, trend and, in programme schools, the effect. No student, school or wave is missing here.
    """
    root = np.linalg.cholesky(np.array(truth.correlation))

    def part(name: str, *shape: int) -> Floats:
        drawn: Floats = rng.standard_normal((*shape, root.shape[0])) @ root.T * truth.sds(name)
        return drawn

    n, waves = population.school.size, len(truth.waves)
    classes = truth.schools * len(truth.classes)
    stable = part("school", truth.schools)[population.school] + part("class_", classes)[population.classroom]
    stable += part("student", n)
    change = part("school_change", truth.schools)[:, None, :] + part("school_wave", truth.schools, waves)
    change[:, 0, :] = 0.0
    return stable[:, None, :] + part("occasion", n, waves) + change[population.school] + _shifts(truth, population)


def _shifts(truth: Truth, population: Population) -> Floats:
    """Mean, gap, trend and effect of each trait, shape (students, waves, traits)."""
    free_meals = population.free_meals[:, None]
    programme = population.programme[:, None]
    columns = []
    for trait in truth.traits.values():
        trend, effect, extra = (
            np.array([by_wave.get(wave, 0.0) for wave in truth.waves])
            for by_wave in (trait.trend, trait.effect, trait.extra)
        )
        columns.append(trait.mean + trait.free_meals * free_meals + trend + programme * (effect + extra * free_meals))
    return np.stack(columns, axis=2)


def draw_answers(
    rng: np.random.Generator, truth: Truth, form: Questionnaire, traits: Floats, free_meals: NDArray[np.bool_]
) -> Floats:
    """Draw what every student would answer, were every question answered with care.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    form : Questionnaire
    traits : array, shape (students, waves, traits)
    free_meals : array of bool, shape (students,)

    Returns
    -------
    array, shape (students, waves, items)
        Codes from 1 as on the form, so a reverse-keyed item is high where belonging is low.
    """
    columns = []
    names = list(truth.traits)
    for scale, model in truth.scales.items():
        text = form.scales[scale]
        trait = traits[:, :, names.index(scale)]
        for item, loading, difficulty in zip(text.items, model.loadings, model.difficulties, strict=True):
            response = loading * trait + np.sqrt(1 - loading**2) * rng.standard_normal(trait.shape)
            if item == truth.non_invariant.item:
                response = response - truth.non_invariant.shift * free_meals[:, None]
            code = 1.0 + np.searchsorted(np.array(model.thresholds) + difficulty, response)
            columns.append(len(text.labels) + 1 - code if item in text.reverse else code)
    return np.stack(columns, axis=2)


def draw_records(rng: np.random.Generator, truth: Truth, traits: Floats) -> RecordValues:
    """Draw marks, suspensions and absences.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    traits : array, shape (students, waves, traits)

    Returns
    -------
    RecordValues
        Marks from 0 to 100 with one decimal, suspensions 0 or 1, whole days.
    """
    by_name = dict(zip(truth.traits, np.moveaxis(traits, 2, 0), strict=True))
    marks = np.round(np.clip(by_name["marks"], 0, 100), 1)
    marks[rng.random(marks.shape) < truth.records.no_mark] = np.nan
    # The quantile of one uniform number per student and wave, so that a world without programme has the same draws.
    days = poisson.ppf(rng.random(marks.shape), np.exp(by_name["days_absent"]))
    return RecordValues(marks, days, (by_name["suspended"] > truth.suspended_threshold).astype(np.float64))
