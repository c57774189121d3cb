"""The demo study as data: everything that happened, before any of it is written to files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from belonging_study.data.demo.outcomes import draw_answers, draw_records, draw_traits
from belonging_study.data.demo.people import Enrolment, Population, draw_enrolment, draw_population
from belonging_study.data.demo.questionnaire import Questionnaire, load_fiction, load_questionnaire
from belonging_study.data.demo.truth import Survey, Truth, load_truth

__all__ = ["DemoData", "simulate_demo"]


@dataclass(frozen=True)
class DemoData:
    """One draw of the demo study.

    Attributes
    ----------
    seed : int
        What it was drawn with.
    truth : Truth
        What it was drawn from.
    students : pandas.DataFrame
        One row a student: `student_id`, `first_name`, `last_name`, `school_id` and `class_id` (the first ones),
        `pair`, `arm`, `programme` (0/1), `gender`, `free_meals` and `consent` ("yes"/"no").
    long : pandas.DataFrame
        One row an enrolled student and wave, with the columns of `students` but the names, and besides: `wave`,
        `time` (index of the wave), `school_now`, `class_now` and `grade` (in that wave), `treated` (0/1), one
        ``trait_…`` column for each trait, one column for each item (codes as on the form; ``NaN`` where not
        answered), `mean_mark`, `days_absent`, `suspended`, `responded` (there is a response in the export),
        `typed_id` (the student number in that response; empty where left out), `linked` (it is the right one),
        `stopped_after` (number of questions reached), `careless` (a straight-lining response), `answered_twice`
        ("", "first" or "last": there is a less complete response before or after this one).
    """

    seed: int
    truth: Truth
    students: pd.DataFrame
    long: pd.DataFrame


@dataclass(frozen=True)
class _Response:
    """How the survey went, each of shape (students, waves)."""

    responded: NDArray[np.bool_]
    careless: NDArray[np.bool_]
    column: NDArray[np.int64]
    stopped_after: NDArray[np.int64]
    number: NDArray[np.str_]
    answered_twice: NDArray[np.str_]


def simulate_demo(seed: int, truth: Truth | None = None) -> DemoData:
    """Draw the demo study.

    Parameters
    ----------
    seed : int
        The same seed gives the same study.
    truth : Truth, optional
        Default: ``truth.yml``. The same seed with ``truth.without_programme()`` gives the same students, and what
        would have become of them without the programme.

    Returns
    -------
    DemoData
        Rows of students who are not enrolled in a wave do not exist; unanswered questions are ``NaN``.

    Examples
    --------
    >>> data = simulate_demo(seed=1)
    >>> data.students.groupby("arm")["school_id"].nunique().to_dict()
    {'comparison': 12, 'programme': 12}
    """
    truth = load_truth() if truth is None else truth
    form = load_questionnaire()
    # One stream for each purpose: a change in one part of the truth leaves the draws of the others alone.
    for_people, for_names, for_moves, for_traits, for_items, for_records, for_survey = np.random.default_rng(
        seed
    ).spawn(7)
    population = draw_population(for_people, truth)
    enrolment = draw_enrolment(for_moves, truth, population)
    traits = draw_traits(for_traits, truth, population)
    answers = draw_answers(for_items, truth, form, traits, population.free_meals)
    records = draw_records(for_records, truth, traits)
    number = np.char.zfill(population.number.astype(str), 6)
    response = _respond(for_survey, truth.survey, enrolment, number, len(form.items))
    answers = _as_answered(for_survey, truth.survey, form, response, answers)

    students = _students(for_names, truth, population, number)
    who, when = np.nonzero(enrolment.enrolled)
    long = students.drop(columns=["first_name", "last_name"]).iloc[who].reset_index(drop=True)
    rooms = np.array(list(truth.classes))
    room_now = enrolment.classroom[who, when] % len(rooms)
    last = len(truth.waves) - 1
    more = {
        "wave": np.array(truth.waves)[when],
        "time": when,
        "school_now": _school_ids(truth)[enrolment.school[who, when]],
        "class_now": rooms[room_now],
        # The last wave lies in the following school year.
        "grade": np.array(list(truth.classes.values()))[room_now] + (when == last),
        "treated": long["programme"].to_numpy() * (when > 0),
        **{f"trait_{name}": traits[who, when, k] for k, name in enumerate(truth.traits)},
        **{item: answers[who, when, k] for k, item in enumerate(form.items)},
        "mean_mark": records.mean_mark[who, when],
        "days_absent": records.days_absent[who, when],
        "suspended": records.suspended[who, when],
        "responded": response.responded[who, when],
        "typed_id": response.number[who, when],
        "linked": response.responded[who, when] & (response.number[who, when] == number[who]),
        "stopped_after": response.stopped_after[who, when],
        "careless": response.careless[who, when],
        "answered_twice": response.answered_twice[who, when],
    }
    long = pd.concat([long, pd.DataFrame(more)], axis=1)
    return DemoData(
        seed, truth, students, long.sort_values(["time", "school_id", "class_id", "student_id"], ignore_index=True)
    )


def _school_ids(truth: Truth) -> NDArray[np.str_]:
    return np.array([f"S{school + 1:02d}" for school in range(truth.schools)])


def _students(rng: np.random.Generator, truth: Truth, population: Population, number: NDArray[np.str_]) -> pd.DataFrame:
    fiction, n = load_fiction(), population.school.size
    return pd.DataFrame(
        {
            "student_id": number,
            "first_name": rng.choice(fiction.first_names, n),
            "last_name": rng.choice(fiction.last_names, n),
            "school_id": _school_ids(truth)[population.school],
            "class_id": np.array(list(truth.classes))[population.classroom % len(truth.classes)],
            "pair": np.array([f"P{pair + 1:02d}" for pair in range(truth.schools // 2)])[population.school // 2],
            "arm": np.where(population.programme, "programme", "comparison"),
            "programme": population.programme.astype(np.int64),
            "gender": population.gender,
            "free_meals": np.where(population.free_meals, "yes", "no"),
            "consent": np.where(population.consent, "yes", "no"),
        }
    )


def _respond(
    rng: np.random.Generator, survey: Survey, enrolment: Enrolment, number: NDArray[np.str_], n_items: int
) -> _Response:
    """Draw who responds, how far, how carefully and under which number; all of it at random."""
    shape = enrolment.enrolled.shape
    responded = enrolment.enrolled & (rng.random(shape) >= survey.nonresponse)
    stops = survey.stopped_after
    stopped = rng.choice([*stops, n_items], shape, p=[*stops.values(), 1 - sum(stops.values())])
    stopped[~responded] = 0
    careless = responded & (rng.random(shape) < survey.careless)
    column = rng.choice(list(survey.careless_column), shape, p=list(survey.careless_column.values()))
    typed = np.where(responded, number[:, None], "")
    slip = rng.random(shape)
    wrong = responded & (slip < survey.mistyped_number)
    # No student number ends in 7.
    typed[wrong] = np.char.add(np.char.ljust(typed[wrong], 5).astype("U5"), "7")
    typed[responded & (slip > 1 - survey.no_number)] = ""
    right = responded & (typed == number[:, None]) & (stopped == n_items)
    twice = right & (rng.random(shape) < survey.answered_twice)
    answered_twice = np.where(twice, np.where(rng.random(shape) < 0.5, "first", "last"), "")
    return _Response(responded, careless, column, stopped, typed, answered_twice)


def _as_answered(
    rng: np.random.Generator, survey: Survey, form: Questionnaire, response: _Response, answers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Straight lines where careless, and nothing where skipped, not reached or not responded."""
    columns = np.array([len(labels) for labels in form.labels.values()])
    straight = np.minimum(response.column[:, :, None], columns).astype(np.float64)
    given = np.where(response.careless[:, :, None], straight, answers)
    reached = np.arange(columns.size) < response.stopped_after[:, :, None]
    kept = reached & (rng.random(given.shape) >= survey.skipped)
    return np.where(kept, given, np.nan)
