from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.codebook.missing import LEFT_EMPTY, NO_RESPONSE, NOT_ASKED, missing_reasons
from belonging_study.data.codebook.table import codebook_table, codebook_values
from belonging_study.data.codebook.variables import Variable

NOTHING = pd.DataFrame(columns=["wave", "column", "label", "reason", "n", "share"])
FORM = Variable("q", "Q", levels={1: "No", 2: "Partly", 3: "Yes"}, minimum=1, maximum=3)


def test_numbers_are_described_and_texts_are_counted() -> None:
    sample = pd.DataFrame(
        {"q": [1.0, 2.0, 6.0, None], "who": ["p1", "p2", None, "p3"], "late": [True, False, True, True]}
    )
    variables = [Variable("q", "Q"), Variable("who", "Who", type="code"), Variable("late", "Late", type="yes/no")]
    book = codebook_table(sample, [*variables, Variable("absent", "Not there")]).set_index("variable")
    assert list(book.index) == ["q", "who", "late"]
    assert book.loc["q", ["n", "n_missing", "mean", "minimum", "maximum"]].tolist() == [3, 1, 3, 1, 6]
    assert book.loc["q", "sd"] == pytest.approx(7**0.5)
    assert book.loc["late", "mean"] == 0.75
    assert book.loc["who", ["mean", "sd", "minimum", "maximum"]].isna().all()
    assert book.loc["who", "n_missing"] == 1


def test_extremes_of_a_few_students_are_not_shown() -> None:
    days = np.r_[np.arange(30), 99, 97, 98].astype(float)
    book = codebook_table(pd.DataFrame({"days": days}), [Variable("days", "Days")], minimum_cell=5)
    assert book.loc[0, ["minimum", "maximum"]].tolist() == [4, 28]
    few = codebook_table(pd.DataFrame({"days": days[:4]}), [Variable("days", "Days")], minimum_cell=5)
    assert few.loc[0, ["mean", "sd", "minimum", "maximum"]].isna().all()


def test_the_mean_is_left_out_where_it_would_give_a_rare_answer_away() -> None:
    sample = pd.DataFrame({"wave": "w1", "q": [1.0] * 3 + [2.0] * 40 + [3.0] * 30, "r": [1.0] * 20 + [2.0] * 53})
    other = Variable("r", "R", levels={1: "No", 2: "Yes"})
    book = codebook_table(sample, [FORM, other], minimum_cell=10).set_index("variable")
    assert book.loc["q", ["mean", "sd"]].isna().all()
    assert book.loc["r", "mean"] == pytest.approx(126 / 73)
    # A rare answer of one wave could be had from the other waves' counts.
    waves = pd.DataFrame({"wave": ["w1"] * 23 + ["w2"] * 40, "q": [1.0] * 3 + [2.0] * 20 + [1.0] * 20 + [3.0] * 20})
    assert np.isnan(codebook_table(waves, [FORM], minimum_cell=10).loc[0, "mean"])
    assert codebook_table(waves, [FORM], minimum_cell=3).loc[0, "mean"] == waves["q"].mean()


def test_every_value_of_the_form_is_counted_and_the_shares_are_of_those_who_answered() -> None:
    sample = pd.DataFrame(
        {
            "wave": ["w1"] * 4 + ["w2"] * 4,
            "q": [1.0, 1, 2, None, 1, 2, 2, None],
            "meals": ["Free", "Paid", None, "Free"] * 2,
            "late": [True] * 3 + [False] * 5,
            "mark": np.arange(8.0),
        }
    )
    variables = [
        FORM,
        Variable("meals", "Meals", type="text", levels={"Free": "", "Paid": ""}),
        Variable("late", "Late", type="yes/no"),
        Variable("mark", "Mark"),
    ]
    table = codebook_values(sample, variables, NOTHING)
    values = table[table["kind"] == "value"]
    assert values[["variable", "value", "meaning", "n", "n_smallest"]].values.tolist() == [
        ["q", "1", "No", 3, 1],
        ["q", "2", "Partly", 3, 1],
        ["q", "3", "Yes", 0, 0],
        ["meals", "Free", "", 4, 2],
        ["meals", "Paid", "", 2, 1],
        ["late", "1", "yes", 3, 3],
        ["late", "0", "no", 5, 1],
    ]
    np.testing.assert_allclose(values.groupby("variable")["share"].sum(), 1)


def test_reasons_add_up_to_every_missing_value_of_all_waves() -> None:
    rng = np.random.default_rng(3)
    n = 300
    wave = np.repeat(["w1", "w2", "w3"], n // 3)
    responded = rng.random(n) < 0.8
    sample = pd.DataFrame({"wave": wave, "responded": responded, "q": np.where(responded, 1.0, np.nan)})
    sample.loc[rng.random(n) < 0.1, "q"] = np.nan
    sample.loc[wave == "w3", "q"] = np.nan
    lines = []
    for name in ("w1", "w2"):
        rows = sample[sample["wave"] == name]
        silent = int((~rows["responded"]).sum())
        lines += [(name, "q", "Q", NO_RESPONSE, silent, np.nan)]
        lines += [(name, "q", "Q", LEFT_EMPTY, int(rows["q"].isna().sum()) - silent, np.nan)]
        lines += [(name, "q", "Q", "declared in the file: refused", 4, np.nan)]
    missing = pd.DataFrame(lines, columns=NOTHING.columns)
    found = missing_reasons(sample, "q", missing).set_index("value")
    mine = found[found["kind"] == "missing"]
    assert mine["n"].sum() == sample["q"].isna().sum()
    assert mine["n"].to_dict()[NOT_ASKED] == 100
    np.testing.assert_allclose(mine["share"], mine["n"] / n)
    assert found.loc["refused", ["kind", "n", "n_smallest"]].tolist() == ["declared", 8, 4]
    assert mine.loc[NO_RESPONSE, "n_smallest"] == min(lines[0][4], lines[3][4])


def test_a_measure_made_from_answers_is_missing_for_want_of_a_response_or_of_answers() -> None:
    sample = pd.DataFrame({"wave": "w1", "responded": [True, True, False], "irv": [0.5, None, None]})
    found = missing_reasons(sample, "irv", NOTHING, survey=True)
    assert dict(zip(found["value"], found["n"], strict=True)) == {NO_RESPONSE: 1, LEFT_EMPTY: 1}
    start = missing_reasons(sample.assign(start=[1.0, None, None]), "start", NOTHING, otherwise="comparison arm")
    assert start[["value", "n"]].values.tolist() == [["comparison arm", 2]]


def test_what_another_table_counts_is_not_counted_again() -> None:
    sample = pd.DataFrame({"wave": "w1", "why": ["a", "b", "a"]})
    assert codebook_values(sample, [Variable("why", "Why", type="text", counted=False)], NOTHING).empty
    assert codebook_values(sample, [Variable("why", "Why", type="text")], NOTHING)["n"].tolist() == [2, 1]
