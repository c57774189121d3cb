"""What is wrong with a set of items is told by every function that takes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ValueRangeError
from belonging_study.scales import (
    cronbach_alpha,
    efa,
    mcdonald_omega,
    omega_hierarchical,
    ordinal_alpha,
    ordinal_omega,
    parallel_analysis,
)

TAKE_ITEMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "alpha": cronbach_alpha,
    "omega": mcdonald_omega,
    "hierarchical": lambda x: omega_hierarchical(x, draws=0),
    "ordinal_alpha": ordinal_alpha,
    "ordinal_omega": ordinal_omega,
    "efa": lambda x: efa(x, 2),
    "efa_polychoric": lambda x: efa(x, 2, method="minres", correlation="polychoric"),
    "parallel": lambda x: parallel_analysis(x, draws=20),
    "parallel_polychoric": lambda x: parallel_analysis(x, draws=20, correlation="polychoric"),
}
pytestmark = pytest.mark.parametrize("figure", TAKE_ITEMS.values(), ids=TAKE_ITEMS)
Figure = Callable[[pd.DataFrame], Any]


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    latent = 0.7 * rng.normal(size=(200, 1)) + 0.5 * np.repeat(rng.normal(size=(200, 3)), 3, axis=1)
    latent = latent + 0.6 * rng.normal(size=(200, 9))
    return pd.DataFrame(np.digitize(latent, [-1, -0.2, 0.6]) + 1.0).add_prefix("q")


def test_a_constant_item(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="1 of 9 items have one and the same answer from all 200 people: q4"):
        figure(answers.assign(q4=3.0))


def test_all_answers_equal(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="9 of 9 items"):
        figure(answers * 0 + 2)


def test_an_empty_item(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"0 of 200 people answered all 9 items.*nobody answered q5"):
        figure(answers.assign(q5=np.nan))


@pytest.mark.parametrize("n", [0, 1, 5, 9])
def test_fewer_people_than_items(figure: Figure, answers: pd.DataFrame, n: int) -> None:
    with pytest.raises(DataError, match=f"{n} of {n} people answered all 9 items; this figure needs at least 10"):
        figure(answers.head(n))


def test_a_single_item(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="needs at least"):
        figure(answers[["q1"]])


@pytest.mark.parametrize("code", [99.0, -9.0, 999.0])
def test_a_missing_code_left_as_a_number(figure: Figure, answers: pd.DataFrame, code: float) -> None:
    spoilt = answers.copy()
    spoilt.iloc[[3, 7], 2] = code
    with pytest.raises(ValueRangeError, match="1 item holds what looks like a missing code") as told:
        figure(spoilt)
    assert told.value.where == f"q2: {code:g} appears 2 times beside answers from 1 to 4"


def test_text(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="1 item holds text"):
        figure(answers.astype(object).replace({"q1": {4.0: "Agree"}}))


def test_infinity(figure: Figure, answers: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="Infinite"):
        figure(answers.replace({"q1": {4.0: np.inf}}))


def test_people_who_missed_an_item_are_counted(figure: Figure, answers: pd.DataFrame) -> None:
    holes = answers.copy()
    holes.iloc[[0, 1, 1, 8], [0, 0, 3, 5]] = np.nan
    result = figure(holes)
    assert (result.n, result.n_dropped, result.n_items) == (197, 3, 9)


def test_an_item_entered_twice(figure: Figure, answers: pd.DataFrame) -> None:
    if figure is cronbach_alpha:
        assert figure(answers.assign(again=answers["q1"])).estimate > 0  # alpha asks for no inverse
        return
    with pytest.raises(DataError, match=r"linearly dependent|at its bound"):
        figure(answers.assign(again=answers["q1"]))


def test_an_unreversed_item_is_named(figure: Figure, answers: pd.DataFrame) -> None:
    if figure in (TAKE_ITEMS["parallel"], TAKE_ITEMS["parallel_polychoric"]):
        turned = figure(answers.assign(q2=5 - answers["q2"]))  # eigenvalues do not know directions
        np.testing.assert_allclose(turned.table["eigenvalue"], figure(answers).table["eigenvalue"], atol=1e-9)
        return
    note = figure(answers.assign(q2=5 - answers["q2"])).note
    assert "looks unreversed: q2 (-0." in note
    assert "q1" not in note
    assert "unreversed" not in figure(answers).note
