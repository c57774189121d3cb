from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import draw

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales import Reliability, cronbach_alpha, ordinal_alpha, ordinal_omega
from belonging_study.scales.reliability import ordinal

FIGURES = [ordinal_alpha, ordinal_omega]
STRENGTH = np.array([0.8, 0.7, 0.6, 0.6, 0.5])


def data_of(name: str, ordered_answers: pd.DataFrame, load: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    if name == "timss_belonging":
        return load(name)
    return ordered_answers if name == "answers" else ordered_answers.iloc[:, :6]


@pytest.mark.parametrize("name", ["answers", "six", "timss_belonging"])
def test_they_agree_with_psych_lavaan_and_semtools(
    name: str, more: dict[str, Any], ordered_answers: pd.DataFrame, load: Callable[[str], pd.DataFrame]
) -> None:
    data, told = data_of(name, ordered_answers, load), more["ordinal"][name]
    alpha, omega = ordinal_alpha(data), ordinal_omega(data)
    assert alpha.estimate == pytest.approx(told["lavaan_alpha"], abs=1e-7)
    assert alpha.estimate == pytest.approx(told["psych_alpha"], abs=1e-5)  # polychorics of five digits
    assert omega.estimate == pytest.approx(told["omega"], abs=1e-6)
    # semTools divides by the observed sum of correlations, ours by the model's, which here differ in the fifth digit.
    assert omega.estimate == pytest.approx(told["semtools_omega"], abs=1e-4)
    assert alpha.n == omega.n == told["n"]


def test_the_latent_reliability_is_found() -> None:
    answers = draw(np.random.default_rng(3), 40_000, STRENGTH, steps=True)
    common, unique = STRENGTH.sum() ** 2, (1 - STRENGTH**2).sum()
    assert ordinal_omega(answers).estimate == pytest.approx(common / (common + unique), abs=0.005)
    shared = np.outer(STRENGTH, STRENGTH)
    total = common + unique
    alpha = 5 / 4 * (shared.sum() - np.trace(shared)) / total
    assert ordinal_alpha(answers).estimate == pytest.approx(alpha, abs=0.005)
    assert cronbach_alpha(answers).estimate < alpha - 0.02


def test_they_do_not_depend_on_how_answers_are_numbered(ordered_answers: pd.DataFrame) -> None:
    for figure in FIGURES:
        stretched = figure(ordered_answers.iloc[:, :5].replace({5: 11}))
        assert stretched.estimate == pytest.approx(figure(ordered_answers.iloc[:, :5]).estimate, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
def test_the_bootstrap_has_the_width_of_repeated_samples(figure: Callable[..., Reliability]) -> None:
    rng = np.random.default_rng(6)
    repeated = [figure(draw(rng, 300, STRENGTH, steps=True)).estimate for _ in range(60)]
    result = figure(draw(rng, 300, STRENGTH, steps=True), draws=100, seed=2)
    expected = 2 * 1.96 * float(np.std(repeated))
    assert abs(math.log((result.conf_high - result.conf_low) / expected)) < 0.5
    assert result.conf_low < result.estimate < result.conf_high
    assert "100 draws" in result.definition
    assert result.note == ""
    narrow = figure(draw(rng, 300, STRENGTH, steps=True), 0.5, draws=100, seed=2)
    assert narrow.conf_high - narrow.conf_low < 0.6 * (result.conf_high - result.conf_low)


def test_without_draws_the_interval_is_said_to_be_missing(ordered_answers: pd.DataFrame) -> None:
    for figure in FIGURES:
        result = figure(ordered_answers)
        assert math.isnan(result.conf_low)
        assert "no interval was asked for" in result.note
        assert "latent responses" in result.definition


def test_failed_draws_are_counted() -> None:
    # Few gave the lower answer: some draws leave cells of a pair's table empty.
    rare = pd.DataFrame(2.0, index=range(60), columns=["q1", "q2", "q3"])
    rare.iloc[:3] = 1.0
    rare.iloc[3, 0], rare.iloc[4, 1], rare.iloc[5, 2] = 1.0, 1.0, 1.0
    result = ordinal_alpha(rare, draws=100)
    assert "of 100 bootstrap draws failed" in result.note


def test_a_heywood_case_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = np.array([[1, 0.9, 0.9], [0.9, 1, 0.5], [0.9, 0.5, 1]])
    monkeypatch.setattr(ordinal, "_matrix", lambda values, names: odd)
    result = ordinal_omega(draw(np.random.default_rng(1), 100, np.array([0.7, 0.7, 0.7]), steps=True))
    assert "uniqueness at its bound of 0.005 (Heywood case): q1" in result.note


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("wrong", [{"draws": 50}, {"draws": True}, {"draws": 2.5}, {"conf_level": 95}])
def test_unknown_choices(
    figure: Callable[..., Reliability], wrong: dict[str, Any], ordered_answers: pd.DataFrame
) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        figure(ordered_answers, **wrong)


def test_numbers_that_are_no_ordered_answers() -> None:
    with pytest.raises(DataError, match="an ordered item has 2 to 12"):
        ordinal_alpha(draw(np.random.default_rng(1), 100, STRENGTH))


def test_two_items() -> None:
    answers = draw(np.random.default_rng(1), 300, np.array([0.8, 0.8]), steps=True)
    assert 0 < ordinal_alpha(answers).estimate < 1
    with pytest.raises(DataError, match="at least 3 items"):
        ordinal_omega(answers)
