"""Schools, classes and students of the demo study, and who is enrolled where in each wave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belonging_study.data.demo.truth import Truth

__all__ = ["Enrolment", "Population", "draw_enrolment", "draw_population"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Population:
    """Schools and everybody who is ever enrolled.

    Attributes
    ----------
    programme_school : array of bool, shape (schools,)
        Whether the lot gave the school the programme.
    school, classroom : array of int, shape (students,)
        First school, and first class numbered across all schools.
    start : array of int, shape (students,)
        Index of the first wave.
    number : array of int, shape (students,)
        Student number, unique; its last digit is never 7, so that a 7 there makes it nobody's.
    free_meals, consent : array of bool, shape (students,)
    gender : array of str, shape (students,)
    """

    programme_school: Bools
    school: Ints
    classroom: Ints
    start: Ints
    number: Ints
    free_meals: Bools
    consent: Bools
    gender: NDArray[np.str_]

    @property
    def programme(self) -> Bools:
        """Whether a student's first school has the programme."""
        return self.programme_school[self.school]


@dataclass(frozen=True)
class Enrolment:
    """Who is enrolled, and where.

    Attributes
    ----------
    enrolled : array of bool, shape (students, waves)
    school, classroom : array of int, shape (students, waves)
        School and class in that wave: the first ones, except for movers.
    """

    enrolled: Bools
    school: Ints
    classroom: Ints


def draw_population(rng: np.random.Generator, truth: Truth) -> Population:
    """Draw schools, the lot within pairs, classes and students.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth

    Returns
    -------
    Population
    """
    first_of_pair = rng.integers(0, 2, truth.schools // 2).astype(bool)
    programme_school = np.column_stack([first_of_pair, ~first_of_pair]).ravel()

    per_school = len(truth.classes)
    at_baseline = rng.integers(truth.class_size[0], truth.class_size[1] + 1, truth.schools * per_school)
    later = [rng.binomial(at_baseline, truth.students.joiners) for _ in truth.waves[1:]]
    counts = np.column_stack([at_baseline, *later])
    classroom = np.repeat(np.arange(counts.shape[0]), counts.sum(axis=1))
    start = np.repeat(np.tile(np.arange(counts.shape[1]), counts.shape[0]), counts.ravel())
    school = classroom // per_school
    n = classroom.size

    last_digit = np.array([0, 1, 2, 3, 4, 5, 6, 8, 9])
    number = rng.permutation(100_000)[:n] * 10 + rng.choice(last_digit, n)
    # With a school spread s, the share over all schools is as stated if the probit's threshold is sqrt(1 + s^2) times
    # the plain one.
    spread = truth.students.free_meals_school_sd
    cut = _normal_quantile(truth.students.free_meals) * np.sqrt(1 + spread**2)
    free_meals = rng.standard_normal(n) < cut + spread * rng.standard_normal(truth.schools)[school]
    return Population(
        programme_school=programme_school,
        school=school,
        classroom=classroom,
        start=start,
        number=number,
        free_meals=free_meals,
        consent=rng.random(n) >= truth.students.no_consent,
        gender=rng.choice(list(truth.students.gender), n, p=list(truth.students.gender.values())),
    )


def draw_enrolment(rng: np.random.Generator, truth: Truth, population: Population) -> Enrolment:
    """Draw who leaves and who moves, at random and alike in both arms.

    Parameters
    ----------
    rng : numpy.random.Generator
    truth : Truth
    population : Population

    Returns
    -------
    Enrolment
    """
    n, waves, per_school = population.school.size, len(truth.waves), len(truth.classes)
    enrolled = np.zeros((n, waves), dtype=bool)
    school = np.empty((n, waves), dtype=np.int64)
    classroom = np.empty((n, waves), dtype=np.int64)
    gone = np.zeros(n, dtype=bool)
    here, room = population.school, population.classroom
    for wave in range(waves):
        known = population.start < wave
        gone |= known & (rng.random(n) < truth.students.leavers)
        moved = known & ~gone & (rng.random(n) < truth.students.movers)
        elsewhere = (here + rng.integers(1, truth.schools, n)) % truth.schools
        here = np.where(moved, elsewhere, here)
        room = np.where(moved, elsewhere * per_school + rng.integers(0, per_school, n), room)
        enrolled[:, wave] = (population.start <= wave) & ~gone
        school[:, wave], classroom[:, wave] = here, room
    return Enrolment(enrolled, school, classroom)


def _normal_quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))
