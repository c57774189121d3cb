from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import SETS

from belonging_study.errors import ParameterError, ValueRangeError
from belonging_study.scales import item_statistics

TOGETHER = ["item_rest_correlation", "alpha_if_dropped"]


@pytest.fixture
def answers(load: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    return load("simulated")


@pytest.mark.parametrize("name", SETS)
def test_agrees_with_psych(name: str, load: Callable[[str], pd.DataFrame], stored: dict[str, Any]) -> None:
    data, expected = load(name), stored[name]
    table = item_statistics(data, minimum=-10, maximum=10)
    assert table["item"].tolist() == list(data.columns)
    assert table["n"].tolist() == expected["item_n"]
    assert (table["n"] + table["n_missing"] == len(data)).all()
    assert (table["n_complete"] == expected["n"]).all()
    for column, stored_as in [
        ("mean", "item_mean"),
        ("sd", "item_sd"),
        ("skew", "item_skew"),
        ("item_rest_correlation", "item_rest"),
        ("alpha_if_dropped", "alpha_if_dropped"),
    ]:
        np.testing.assert_allclose(table[column], expected[stored_as], atol=1e-8, err_msg=column)
    assert (table["note"] == "").all()


def test_floor_and_ceiling_are_shares_of_the_answers_given() -> None:
    data = pd.DataFrame({"a": [1, 1, 5, 3, None, 2], "b": [4, 3, 5, 5, 5, 2]})
    table = item_statistics(data, minimum=1, maximum=5)
    assert table["floor_share"].tolist() == [2 / 5, 0]
    assert table["ceiling_share"].tolist() == [1 / 5, 3 / 6]
    assert table["n_complete"].tolist() == [5, 5]
    # With two items nothing is left to compute alpha from.
    assert table["alpha_if_dropped"].isna().all()
    assert table["note"].str.contains("no alpha without it: 1 item would be left").all()
    r = np.corrcoef(*data.dropna().to_numpy(dtype=float).T)[0, 1]
    np.testing.assert_allclose(table["item_rest_correlation"], r)


def test_an_unreversed_item_is_told(form: pd.DataFrame, stored: dict[str, Any]) -> None:
    table = item_statistics(form, minimum=1, maximum=5).set_index("item")
    np.testing.assert_allclose(table["item_rest_correlation"], stored["simulated_unreversed_rest"], atol=1e-8)
    told = table.index[table["note"].str.contains("looks unreversed")]
    assert told.tolist() == ["q3", "q7"]
    assert f"({table.loc['q3', 'item_rest_correlation']:.2f})" in table.loc["q3", "note"]


def test_an_empty_item_is_told_and_does_not_stop_the_table(answers: pd.DataFrame) -> None:
    table = item_statistics(answers.assign(q4=np.nan), minimum=1, maximum=5).set_index("item")
    assert table.loc["q4", ["n", "n_missing"]].tolist() == [0, 420]
    assert table.loc["q4", ["mean", "sd", "skew", "floor_share"]].isna().all()
    assert table.loc["q4", "note"].startswith("nobody answered it")
    assert table[TOGETHER].isna().all(axis=None)
    assert table["note"].str.contains("0 of 420 people answered all 8 items.*nobody answered q4").all()
    assert table.loc["q1", "mean"] == pytest.approx(answers["q1"].mean())


def test_a_constant_item_is_told(answers: pd.DataFrame) -> None:
    table = item_statistics(answers.assign(q4=5.0), minimum=1, maximum=5).set_index("item")
    assert table.loc["q4", ["mean", "sd", "ceiling_share"]].tolist() == [5, 0, 1]
    assert np.isnan(table.loc["q4", "skew"])
    assert table.loc["q4", "note"].startswith("all answers are the same (420 of them)")
    assert table["note"].str.contains("1 of 8 items have one and the same answer").all()


def test_fewer_people_than_items(answers: pd.DataFrame) -> None:
    table = item_statistics(answers.dropna().head(8), minimum=1, maximum=5)
    assert table[TOGETHER].isna().all(axis=None)
    assert table["note"].str.contains("8 of 8 people answered all 8 items; this figure needs at least 9").all()


def test_others_that_cancel_out() -> None:
    a = np.array([1, 2, 3, 4, 5, 3.0])
    table = item_statistics(pd.DataFrame({"a": a, "b": 6 - a, "c": [1, 1, 2, 5, 3, 4.0]}), minimum=1, maximum=5)
    assert np.isnan(table[TOGETHER].iloc[2]).all()
    assert "does not vary" in table["note"].iloc[2]


def test_a_scale_of_one_item(answers: pd.DataFrame) -> None:
    row = item_statistics(answers[["q1"]], minimum=1, maximum=5).iloc[0]
    assert row["mean"] == pytest.approx(answers["q1"].mean())
    assert row[TOGETHER].isna().all()
    assert "at least 2 items; the scale has 1" in row["note"]


def test_bad_input(answers: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="99 appears 420 times"):
        item_statistics(answers.assign(q1=99), minimum=1, maximum=5)
    with pytest.raises(ValueRangeError, match="text"):
        item_statistics(answers.assign(q1="Agree"), minimum=1, maximum=5)
    with pytest.raises(ParameterError):
        item_statistics(answers, minimum=5, maximum=1)
