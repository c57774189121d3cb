from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import SETS, draw

from belonging_study.errors import DataError, ParameterError, ValueRangeError
from belonging_study.scales import Reliability, cronbach_alpha, mcdonald_omega

FIGURES = [cronbach_alpha, mcdonald_omega]
STRENGTH = np.array([0.8, 0.7, 0.6, 0.6, 0.5, 0.4])


@pytest.fixture
def answers() -> pd.DataFrame:
    return draw(np.random.default_rng(5), 300, STRENGTH, steps=True)


@pytest.mark.parametrize("name", SETS)
def test_alpha_agrees_with_psych(name: str, load: Callable[[str], pd.DataFrame], stored: dict[str, Any]) -> None:
    expected = stored[name]
    for level in (0.95, 0.90):
        result = cronbach_alpha(load(name), conf_level=level)
        assert result.estimate == pytest.approx(expected["alpha"], abs=1e-8)
        low, high = expected[f"alpha_{100 * level:.0f}"]
        assert (result.conf_low, result.conf_high) == (pytest.approx(low, abs=1e-8), pytest.approx(high, abs=1e-8))
    assert (result.n, result.n_dropped, result.n_items) == (expected["n"], expected["n_dropped"], expected["n_items"])


@pytest.mark.parametrize(("name", "published"), [("hs_visual", 0.6261), ("hs_textual", 0.8827), ("hs_speed", 0.6885)])
def test_alpha_of_holzinger_and_swineford(name: str, published: float, load: Callable[[str], pd.DataFrame]) -> None:
    assert cronbach_alpha(load(name)).estimate == pytest.approx(published, abs=5e-5)


@pytest.mark.slow  # to import
def test_alpha_agrees_with_pingouin(answers: pd.DataFrame) -> None:
    pingouin = pytest.importorskip("pingouin")
    answers.iloc[:7, 2] = np.nan
    alpha, interval = pingouin.cronbach_alpha(answers, nan_policy="listwise")
    result = cronbach_alpha(answers)
    assert result.estimate == pytest.approx(alpha, abs=1e-12)
    np.testing.assert_allclose([result.conf_low, result.conf_high], interval, atol=5.1e-4)  # rounded there


@pytest.mark.parametrize("name", SETS)
def test_omega_agrees_with_lavaan(name: str, load: Callable[[str], pd.DataFrame], stored: dict[str, Any]) -> None:
    expected, result = stored[name], mcdonald_omega(load(name))
    assert result.estimate == pytest.approx(expected["omega"], abs=1e-5)
    np.testing.assert_allclose([result.conf_low, result.conf_high], expected["omega_95"], atol=1e-5)
    assert (result.n, result.n_dropped, result.n_items) == (expected["n"], expected["n_dropped"], expected["n_items"])
    assert "one-factor ML, model-implied total variance" in result.definition


def test_heywood_case_is_told_and_not_clamped(project: Path, stored: dict[str, Any]) -> None:
    result = mcdonald_omega(pd.read_csv(project / "tests/reference/scales_heywood.csv"))
    assert result.estimate == pytest.approx(stored["heywood"]["omega"], abs=1e-5)
    assert result.estimate > 1
    assert "negative residual variance of h1 (Heywood case)" in result.note
    assert math.isnan(result.conf_low)
    assert "no interval" in result.note


def test_a_higher_level_gives_a_wider_interval(answers: pd.DataFrame) -> None:
    for figure in FIGURES:
        narrow, wide = figure(answers, conf_level=0.8), figure(answers, conf_level=0.99)
        assert wide.conf_low < narrow.conf_low < narrow.estimate < narrow.conf_high < wide.conf_high
        assert (narrow.note, narrow.conf_level) == ("", 0.8)


def test_people_who_missed_an_item_are_counted(answers: pd.DataFrame) -> None:
    holes = answers.copy()
    holes.iloc[[0, 1, 1, 8], [0, 0, 3, 5]] = np.nan
    for figure in FIGURES:
        result, expected = figure(holes), figure(answers.drop(index=[0, 1, 8]))
        assert (result.n, result.n_dropped) == (297, 3)
        assert result.estimate == expected.estimate


def test_an_unreversed_item_is_named(answers: pd.DataFrame) -> None:
    answers["q2"] = 6 - answers["q2"]
    for figure in FIGURES:
        result = figure(answers)
        assert "looks unreversed: q2 (-0." in result.note
        assert "q1" not in result.note


def test_a_result_cannot_be_changed(answers: pd.DataFrame) -> None:
    result = cronbach_alpha(answers)
    assert isinstance(result, Reliability)
    with pytest.raises(FrozenInstanceError):
        result.estimate = 1  # type: ignore[misc]


@pytest.mark.parametrize("figure", FIGURES)
class TestBadInput:
    def test_constant_item(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="1 of 6 items have one and the same answer from all 300 people: q4"):
            figure(answers.assign(q4=3.0))

    def test_all_answers_equal(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="6 of 6 items"):
            figure(answers * 0 + 3)

    def test_empty_item(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(DataError, match=r"0 of 300 people answered all 6 items.*nobody answered q5"):
            figure(answers.assign(q5=np.nan))

    @pytest.mark.parametrize("n", [0, 1, 5, 6])
    def test_fewer_people_than_items(self, figure: Callable[..., Reliability], answers: pd.DataFrame, n: int) -> None:
        with pytest.raises(DataError, match=f"{n} of {n} people answered all 6 items; this figure needs at least 7"):
            figure(answers.head(n))

    def test_one_item(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="needs at least"):
            figure(answers[["q1"]])

    def test_text(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(ValueRangeError, match="text"):
            figure(answers.astype(object).replace({"q1": {5.0: "Agree"}}))

    def test_infinity(self, figure: Callable[..., Reliability], answers: pd.DataFrame) -> None:
        with pytest.raises(ValueRangeError, match="Infinite"):
            figure(answers.replace({"q1": {5.0: np.inf}}))

    @pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
    def test_level(self, figure: Callable[..., Reliability], answers: pd.DataFrame, level: float) -> None:
        with pytest.raises(ParameterError, match="conf_level"):
            figure(answers, conf_level=level)


def test_answers_that_cancel_out(answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="cancel out"):
        cronbach_alpha(pd.DataFrame({"a": answers["q1"], "b": 6 - answers["q1"]}))


def test_an_item_entered_twice(answers: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="linearly dependent"):
        mcdonald_omega(answers.assign(again=answers["q1"]))


def test_omega_takes_under_a_sixth_of_a_second() -> None:
    answers = draw(np.random.default_rng(2), 1600, np.linspace(0.3, 0.8, 18), steps=True)
    mcdonald_omega(answers)  # imports
    seconds = []  # of this thread, so that a busy machine does not count
    for _ in range(5):
        start = time.thread_time()
        mcdonald_omega(answers)
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("figure", "steps", "n"),
    [
        (cronbach_alpha, False, 150),
        (mcdonald_omega, False, 150),
        (mcdonald_omega, True, 150),
        (mcdonald_omega, True, 600),
    ],
)
def test_intervals_cover_the_truth(figure: Callable[..., Reliability], steps: bool, n: int) -> None:
    # Alpha's interval assumes parallel items, so it is held to data that are.
    strength = np.full(6, 0.6) if figure is cronbach_alpha else STRENGTH
    rng = np.random.default_rng(11)
    if steps:
        # The form's categories change the reliability; a large sample stands for the truth.
        truth = mcdonald_omega(draw(rng, 1_000_000, strength, steps=True)).estimate
    else:
        truth = strength.sum() ** 2 / (strength.sum() ** 2 + (1 - strength**2).sum())
    results = [figure(draw(rng, n, strength, steps=steps)) for _ in range(1000)]
    covered = np.mean([r.conf_low < truth < r.conf_high for r in results])
    # Three Monte Carlo standard errors at 95% are .021; the omega interval may fall a little short at n = 150.
    assert 0.92 < covered < 0.975
    assert np.mean([r.conf_low > truth for r in results]) < 0.05
    assert np.mean([r.conf_high < truth for r in results]) < 0.06
