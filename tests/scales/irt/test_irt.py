"""Item-response models, held to a direct maximisation in R and to simulated truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import ColumnMissingError, DataError, ParameterError, ValueRangeError
from belonging_study.scales import IRTResult, irt, irt_scores, reverse_keyed

ITEMS = [f"w1_q{i:02d}" for i in range(1, 7)]
SLOPES = np.array([0.8, 1.2, 1.6, 2.0, 1.0, 1.4])
PLACES = np.array([-1.5, -0.5, 1.0])


@pytest.fixture(scope="module")
def answers(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "tests/reference/structure_answers.csv")[ITEMS]


@pytest.fixture(scope="module")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/irt_models.json").read_text())


@pytest.fixture(scope="module")
def fitted(answers: pd.DataFrame) -> dict[str, IRTResult]:
    return {model: irt(answers, model=model, minimum=1, maximum=5) for model in ("graded", "gpcm")}  # type: ignore[arg-type]


def draw(model: str, n: int, seed: int, *, shift: float = 0.0) -> tuple[np.ndarray, pd.DataFrame]:
    """Traits, and answers from 1 to 4 by the model."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(shift, 1, n)
    columns = {}
    for j, slope in enumerate(SLOPES):
        places = PLACES + 0.1 * j
        logits = slope * (trait[:, None] - places)
        if model == "graded":
            above = 1 / (1 + np.exp(-logits))
        else:
            odds = np.exp(np.column_stack([np.zeros(n), logits.cumsum(axis=1)]))
            above = 1 - (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :-1]
        columns[f"q{j}"] = 1 + (rng.random((n, 1)) < above).sum(axis=1)
    return trait, pd.DataFrame(columns)


@pytest.mark.parametrize("model", ["graded", "gpcm"])
def test_agrees_with_a_direct_maximum(fitted: dict[str, IRTResult], stored: dict[str, Any], model: str) -> None:
    result, theirs = fitted[model], stored[model]
    table = result.parameters
    np.testing.assert_allclose(table["estimate"], theirs["par"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(table["std_error"], theirs["se"], rtol=1e-4)
    assert result.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-4)
    assert result.aic == pytest.approx(2 * 30 - 2 * theirs["log_likelihood"], abs=1e-3)
    assert result.bic == pytest.approx(30 * np.log(result.n_students) - 2 * theirs["log_likelihood"], abs=1e-3)
    assert table["parameter"].tolist()[:3] == [
        "discrimination",
        *(["threshold_1", "threshold_2"] if model == "graded" else ["step_1", "step_2"]),
    ]
    assert table["answer"].tolist()[1:5] == [2, 3, 4, 5]
    np.testing.assert_allclose(table["conf_high"] - table["estimate"], 1.959964 * table["std_error"], rtol=1e-6)


@pytest.mark.parametrize("model", ["graded", "gpcm"])
@pytest.mark.parametrize("method", ["wle", "eap"])
def test_scores_agree_with_uniroot_and_quadrature(
    fitted: dict[str, IRTResult], stored: dict[str, Any], model: str, method: Any
) -> None:
    asked = pd.DataFrame(stored["asked"], columns=ITEMS, dtype=float)
    scores = irt_scores(fitted[model], asked, method)
    np.testing.assert_allclose(scores, stored[model][method], rtol=0, atol=1e-4)
    # Everybody at an end of the form has a score; the ends differ by more than the posterior would let them.
    lowest, highest = scores["theta"].iloc[-3:-1]
    assert lowest == scores["theta"].min() < -1.5 < 1.5 < highest == scores["theta"].max()


def test_no_score_without_an_answer(fitted: dict[str, IRTResult], answers: pd.DataFrame) -> None:
    data = answers.set_index(np.arange(len(answers)) + 7).copy()
    data.iloc[:3] = np.nan
    for method in ("wle", "eap"):
        scores = irt_scores(fitted["graded"], data, method)  # type: ignore[arg-type]
        assert scores["theta"].isna().sum() == scores["std_error"].isna().sum() == 3
        assert scores.index.equals(data.index)
    result = irt(data)
    assert result.n_students == 597
    assert result.notes[0] == "3 of 600 people are left out because they answered none of the items"


def test_reliabilities_are_squared_correlations_with_the_trait() -> None:
    trait, data = draw("graded", 20_000, 3)
    result = irt(data)
    eap = irt_scores(result, data, "eap")["theta"]
    assert result.empirical_reliability == pytest.approx(np.corrcoef(trait, eap)[0, 1] ** 2, abs=0.01)
    assert result.marginal_reliability == pytest.approx(result.empirical_reliability, abs=0.03)


@pytest.mark.parametrize("model", ["graded", "gpcm"])
def test_parameters_are_recovered(model: Any) -> None:
    _, data = draw(model, 4000, 11)
    result = irt(data, model=model)
    truth = np.concatenate([[slope, *(PLACES + 0.1 * j)] for j, slope in enumerate(SLOPES)])
    off = (result.parameters["estimate"] - truth) / result.parameters["std_error"]
    assert np.abs(off).max() < 4
    assert np.sqrt(np.mean(off**2)) < 1.4


def test_the_weighted_estimate_is_hardly_biased() -> None:
    _, everybody = draw("gpcm", 4000, 11)
    result = irt(everybody, model="gpcm")
    trait, shifted = draw("gpcm", 4000, 12, shift=1.0)
    weighted, drawn = irt_scores(result, shifted), irt_scores(result, shifted, "eap")
    assert weighted["theta"].mean() == pytest.approx(trait.mean(), abs=0.08)
    assert drawn["theta"].mean() < trait.mean() - 0.12
    inner = np.abs(trait) < 1
    off = (weighted["theta"] - trait)[inner] / weighted["std_error"][inner]
    assert off.std() == pytest.approx(1, abs=0.1)


def test_steps_beyond_the_fitting_programs_bounds_are_found() -> None:
    # A weak item with a rare answer: its threshold lies past 6, where mirt's algorithm stops.
    rng = np.random.default_rng(8)
    trait, data = draw("graded", 3000, 8)
    weak = 1 + (0.45 * trait[:, None] + rng.logistic(size=(3000, 1)) > [-4.0, -3.6, 0.0]).sum(axis=1)
    result = irt(data.assign(weak=weak))
    mine = result.parameters.set_index(["item", "parameter"]).loc["weak"]
    assert mine.loc["threshold_1", "estimate"] < -6.5
    truth = pd.Series([0.45, -4 / 0.45, -8, 0], index=mine.index)
    assert (np.abs(mine["estimate"] - truth) < 3.5 * mine["std_error"]).all()


def test_an_item_left_unreversed_is_named(answers: pd.DataFrame) -> None:
    turned = answers.assign(w1_q05=6 - answers["w1_q05"])
    result = irt(turned)
    assert any("looks unreversed: w1_q05 (-1." in note for note in result.notes)
    back = irt(reverse_keyed(turned, ITEMS, ["w1_q05"], 1, 5))
    assert back.log_likelihood == pytest.approx(result.log_likelihood, abs=1e-4)


def test_answers_that_nobody_or_few_gave(answers: pd.DataFrame) -> None:
    data = answers.replace({"w1_q02": {2: 3}})
    data.loc[data["w1_q06"] == 1, "w1_q06"] = 2
    data.loc[:2, "w1_q06"] = 1
    result = irt(data, minimum=1, maximum=5)
    assert "nobody gave these answers, so the items have fewer categories: w1_q02 (2)" in result.notes
    assert "fewer than 5 people gave these answers, whose steps are uncertain: w1_q06 (1)" in result.notes
    assert result.parameters.query("item == 'w1_q02'")["answer"].tolist()[1:] == [3, 4, 5]
    with pytest.raises(ValueRangeError) as caught:
        irt_scores(result, answers)
    assert "w1_q02" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"w1_q01": 3.0}, DataError, "1 of 6 items have fewer than two different answers: w1_q01"),
        ({"w1_q01": np.nan}, DataError, "fewer than two different answers: w1_q01"),
        ({"w1_q01": "often"}, ValueRangeError, "text"),
        ({"w1_q01": 2.5}, ValueRangeError, "no whole numbers"),
        ({"w1_q01": np.inf}, ValueRangeError, ""),
    ],
)
def test_bad_items(answers: pd.DataFrame, change: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        irt(answers.assign(**change))
    assert said in str(caught.value)


def test_a_code_for_missing_left_as_a_value(answers: pd.DataFrame) -> None:
    data = answers.copy()
    data.loc[:9, "w1_q03"] = 99
    with pytest.raises(ValueRangeError, match="The answers run from 1 to 99"):
        irt(data)
    with pytest.raises(ValueRangeError, match="10 answers lie outside 1 to 5"):
        irt(data, minimum=1, maximum=5)


def test_other_bad_input(fitted: dict[str, IRTResult], answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError):
        irt(answers, model="pcm")  # type: ignore[arg-type]
    with pytest.raises(ParameterError):
        irt(answers, conf_level=95)
    with pytest.raises(ParameterError):
        irt(answers, minimum=1)
    with pytest.raises(ParameterError):
        irt(answers["w1_q01"])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="at least 3 items; there are 2"):
        irt(answers[ITEMS[:2]])
    with pytest.raises(DataError, match="5 of 5 people answered an item"):
        irt(answers.iloc[:5])
    with pytest.raises(DataError, match=r"w1_q01.* grows without end among 6"):
        irt(answers[ITEMS[:3]].assign(again=answers[ITEMS[0]]))
    with pytest.raises(ParameterError):
        irt_scores(fitted["graded"], answers, "ml")  # type: ignore[arg-type]
    with pytest.raises(ColumnMissingError):
        irt_scores(fitted["graded"], answers[ITEMS[1:]])
    with pytest.raises(ValueRangeError):
        irt_scores(fitted["graded"], answers.replace(5, 6))
