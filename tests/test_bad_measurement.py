"""Answers that cannot be measured with, given to every function of items: our own error, or a note that says it.

A function that is new is added by a line in `FUNCTIONS`; what each bad input must bring about is in `BAD`.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import UserError
from belonging_study.scales import (
    cfa,
    cronbach_alpha,
    factor_scores,
    invariance,
    invariance_over_time,
    item_statistics,
    mcdonald_omega,
    modification_indices,
    partial_invariance,
    percent_positive,
    polychoric,
    reverse_keyed,
    scale_summary,
    score,
)
from belonging_study.scales.exploratory import efa
from belonging_study.scales.reliability import ordinal_alpha, ordinal_omega, reliability_by

ITEMS = [f"q{i}" for i in range(1, 6)]
LATER = [f"later_{item}" for item in ITEMS]
MODEL = "belonging =~ " + " + ".join(ITEMS)
FORM = {"minimum": 1, "maximum": 5}
WAVES = {"before": {item: item for item in ITEMS}, "after": dict(zip(ITEMS, LATER, strict=True))}

Function = Callable[[pd.DataFrame], Any]

FUNCTIONS: dict[str, Function] = {
    "cronbach_alpha": lambda d: cronbach_alpha(d[ITEMS]),
    "mcdonald_omega": lambda d: mcdonald_omega(d[ITEMS]),
    "ordinal_alpha": lambda d: ordinal_alpha(d[ITEMS]),
    "ordinal_omega": lambda d: ordinal_omega(d[ITEMS]),
    "reliability_by": lambda d: reliability_by(d, ITEMS, by=["arm"], **FORM),
    "efa": lambda d: efa(d[ITEMS], 1),
    "item_statistics": lambda d: item_statistics(d[ITEMS], **FORM),
    "scale_summary": lambda d: scale_summary(d, ITEMS, scale="belonging", groups=["arm"], **FORM),
    "score": lambda d: score(d, ITEMS, **FORM),
    "reverse_keyed": lambda d: reverse_keyed(d, ITEMS, ["q2"], **FORM),
    "polychoric": lambda d: polychoric(d[ITEMS]),
    "cfa ML": lambda d: cfa(MODEL, d),
    "cfa MLR": lambda d: cfa(MODEL, d, estimator="MLR"),
    "cfa FIML": lambda d: cfa(MODEL, d, missing="fiml"),
    "cfa ordered": lambda d: cfa(MODEL, d, ordered=True),
    "cfa by group": lambda d: cfa(MODEL, d, group="arm"),
    "invariance": lambda d: invariance(MODEL, d, group="arm"),
    "invariance ordered": lambda d: invariance(MODEL, d, group="arm", ordered=True),
    "partial_invariance": lambda d: partial_invariance(MODEL, d, group="arm"),
    "factor_scores": lambda d: factor_scores(cfa(MODEL, d), d),
    "modification_indices": lambda d: modification_indices(cfa(MODEL, d)),
    "percent_positive": lambda d: percent_positive(d, ITEMS, cut=4, **FORM),
    "invariance_over_time": lambda d: invariance_over_time(MODEL, d, items_by_wave=WAVES),
}
ABOUT_THE_FORM = ("item_statistics", "scale_summary", "score", "reverse_keyed", "percent_positive", "reliability_by")
"""They are told the form's lowest and highest answer; the others cannot know that a 7 is none."""
ABOUT_GROUPS = ("cfa by group", "invariance", "invariance ordered", "partial_invariance")
OF_ONE_PERSON = ("score", "reverse_keyed", "percent_positive")
"""What they say of a person does not hang on other people's answers, or on how items go together."""

OF_A_FIT = ("factor_scores", "modification_indices")
"""The fit that they are given has said already which item looks unreversed."""

SAME = r"one and the same answer|do not vary|1 different answers|all answers are the same"
EVERY = tuple(FUNCTIONS)


def but(*names: str) -> tuple[str, ...]:
    """Every function except some."""
    return tuple(name for name in EVERY if name not in names)


@dataclass(frozen=True)
class Bad:
    """A way in which answers are bad, what must then be said, and by which functions; the others must still work."""

    spoil: Callable[[pd.DataFrame], pd.DataFrame]
    said: str
    by: tuple[str, ...]


BAD = {
    "a constant item": Bad(
        lambda d: d.assign(q2=3.0), rf"({SAME})[\s\S]*q2|q2[\s\S]*({SAME})|{SAME}", but(*OF_ONE_PERSON)
    ),
    "an empty item": Bad(
        lambda d: d.assign(q2=np.nan), r"nobody answered (it|q2)|do not vary among 300 people: q2", but(*OF_ONE_PERSON)
    ),
    "an answer outside the form": Bad(
        lambda d: d.assign(q2=d["q2"].mask(d.index < 2, 7)), r"q2: 7 appears 2 times", ABOUT_THE_FORM
    ),
    "99 left as a value": Bad(lambda d: d.assign(q2=d["q2"].mask(d.index < 10, 99)), r"q2: 99 appears 10 times", EVERY),
    "an unreversed item": Bad(
        lambda d: d.assign(q2=6 - d["q2"]),
        r"unreversed: q2|correlates negatively with the rest",
        but(*OF_ONE_PERSON, *OF_A_FIT, "polychoric", "partial_invariance"),
    ),
    "fewer people than items": Bad(
        lambda d: d.head(4), r"\b[24] of [24] people answered|is at its bound", but(*OF_ONE_PERSON)
    ),
    "a group of five": Bad(
        lambda d: d.assign(arm=np.where(d.index < 5, "a", "b")),
        r"5 of 5 people answered all 5 items",
        (*ABOUT_GROUPS, "scale_summary"),
    ),
    "one group only": Bad(lambda d: d.assign(arm="a"), r"arm holds 1 different value", ABOUT_GROUPS),
    "perfectly collinear items": Bad(
        lambda d: d.assign(q3=d["q2"]),
        r"linearly dependent|at its bound",
        # Alpha and correlations with the rest are what they are where two items are one.
        but(*OF_ONE_PERSON, "cronbach_alpha", "item_statistics"),
    ),
    "all answers equal": Bad(lambda d: d.assign(**dict.fromkeys([*ITEMS, *LATER], 3.0)), SAME, but(*OF_ONE_PERSON)),
    "text for numbers": Bad(lambda d: d.assign(q2="agree"), r"text where numbers belong", EVERY),
    "nobody at all": Bad(
        lambda d: d.head(0),
        r"0 of 0 people|no rows|holds 0 different values|nobody answered",
        but("score", "reverse_keyed", "reliability_by"),  # no rows in, no rows out
    ),
}


@cache
def good() -> pd.DataFrame:
    """Answers of 300 people in two groups to five questions, asked twice."""
    rng = np.random.default_rng(7)
    trait = rng.normal(size=300)
    answers = {
        name: np.clip(np.round(3 + 0.8 * (trait + rng.normal(size=300) * (1 + (name in LATER)))), 1, 5)
        for name in (*ITEMS, *LATER)
    }
    return pd.DataFrame({**answers, "arm": np.where(np.arange(300) % 2, "a", "b"), "wave": "w1"})


def words(result: Any) -> str:
    """What a result says beside its numbers."""
    if isinstance(result, pd.DataFrame):
        return "; ".join(result["note"].astype(str)) if "note" in result else ""
    notes = getattr(result, "notes", getattr(result, "note", ""))
    return notes if isinstance(notes, str) else "; ".join(notes)


def unexplained(result: Any) -> list[str]:
    """Numbers that are missing without a word."""
    if isinstance(result, pd.Series):
        return []
    if isinstance(result, pd.DataFrame):
        if "note" not in result:
            return []
        silent = result[result["note"].fillna("").eq("")].drop(columns="note")
        return [str(name) for name in silent if silent[name].isna().any()]
    if is_dataclass(result) and not isinstance(result, type):
        values = {field.name: getattr(result, field.name) for field in fields(result)}
        numbers = {name: value for name, value in values.items() if isinstance(value, float)}
        asked = [name for name in numbers if not name.startswith("conf_") or "no interval" not in words(result)]
        return [name for name in asked if math.isnan(numbers[name])]
    return []


def attempt(function: Function, answers: pd.DataFrame) -> tuple[str, UserError | None]:
    """What is said, and the error if there is one; any other error, or a warning, goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            result = function(answers)
        except UserError as error:
            return str(error), error
    assert unexplained(result) == []
    return words(result), None


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_answers_are_measured(function: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = FUNCTIONS[function](good().copy())
    assert unexplained(result) == []


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_bad_answers_are_named(function: str, bad: str) -> None:
    case = BAD[bad]
    answers = case.spoil(good().copy())
    before = answers.copy()
    said, error = attempt(FUNCTIONS[function], answers)
    if error is not None:
        assert re.search(r"\d|no rows", error.what + error.where), "an error gives the numbers"
        assert error.remedy, "an error says what to do"
        assert function in case.by, f"{function} can do with this, yet says: {said}"
    if function in case.by:
        assert re.search(case.said, said), said or "nothing is said"
    pd.testing.assert_frame_equal(answers, before)
