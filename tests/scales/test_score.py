from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import ColumnMissingError, DataError, ParameterError, ValueRangeError
from belonging_study.scales import reverse_keyed, score

ITEMS = ["q1", "q2", "q3", "q4", "q5"]


@pytest.fixture
def answers() -> pd.DataFrame:
    # Worked by hand; q2 is reverse-worded, on a form from 1 to 5.
    return pd.DataFrame(
        [[5, 1, 4, 3, 5], [5, 1, 4, 3, None], [5, 1, 4, None, None], [None] * 5, [1, 5, 1, 1, 1]],
        columns=ITEMS,
        index=[10, 20, 30, 40, 50],
        dtype=float,
    )


def test_means_worked_by_hand(answers: pd.DataFrame) -> None:
    result = score(answers, ITEMS, reverse=["q2"], minimum=1, maximum=5)
    expected = pd.Series([22 / 5, 17 / 4, np.nan, np.nan, 1], index=[10, 20, 30, 40, 50], name="score")
    pd.testing.assert_series_equal(result, expected)
    assert result.isna().sum() == 2


def test_sum_is_prorated(answers: pd.DataFrame) -> None:
    result = score(answers, ITEMS, reverse=["q2"], minimum=1, maximum=5, method="sum")
    assert result.tolist()[:2] == [22, 17 / 4 * 5]
    assert result.iloc[-1] == 5


@pytest.mark.parametrize(("share", "scored"), [(1, 2), (0.8, 3), (0.79, 3), (0.81, 2), (3 / 5, 4), (0.01, 4)])
def test_share_answered_decides_at_its_very_edge(answers: pd.DataFrame, share: float, scored: int) -> None:
    result = score(answers, ITEMS, reverse=["q2"], minimum=1, maximum=5, min_answered=share)
    assert result.notna().sum() == scored


@pytest.mark.parametrize(
    ("answered", "n_items"), [(1, 3), (2, 3), (5, 6), (3, 10), (7, 10), (9, 11), (15, 22), (18, 18)]
)
def test_no_share_asks_for_one_item_more_by_rounding(answered: int, n_items: int) -> None:
    rows = pd.DataFrame([[3.0] * answered + [np.nan] * (n_items - answered), [3.0] * n_items]).add_prefix("q")
    rows.iloc[1, answered - 1 :] = np.nan  # one answer fewer
    for share in (answered / n_items, min(answered * (1 / n_items), 1), (answered * 0.1) / (n_items * 0.1)):
        scored = score(rows, list(rows), minimum=1, maximum=5, min_answered=min(share, 1)).notna()
        assert scored.tolist() == [True, False]


def test_reverse_keying_on_a_form_that_starts_at_nought() -> None:
    data = pd.DataFrame({"a": [0, 1, 3], "b": [0, 1, 3]})
    keyed = reverse_keyed(data, ["a", "b"], ["b"], 0, 3)
    assert keyed["a"].tolist() == [0, 1, 3]
    assert keyed["b"].tolist() == [3, 2, 0]
    assert data["b"].tolist() == [0, 1, 3]  # the table given is left as it was


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "object", "float32"])
def test_other_kinds_of_numbers(answers: pd.DataFrame, dtype: str) -> None:
    expected = score(answers, ITEMS, minimum=1, maximum=5)
    pd.testing.assert_series_equal(score(answers.astype(dtype), ITEMS, minimum=1, maximum=5), expected)


def test_an_item_nobody_answered_counts_as_unanswered(answers: pd.DataFrame) -> None:
    data = answers.assign(q5=pd.Series([None] * 5, index=answers.index, dtype=object))
    assert score(data, ITEMS, minimum=1, maximum=5).notna().tolist() == [True, True, False, False, True]


def test_a_code_for_missing_left_as_a_value(answers: pd.DataFrame) -> None:
    data = pd.concat([answers] * 12, ignore_index=True).assign(q1=5.0, q4=99.0)
    data.loc[0, "q1"] = 0
    with pytest.raises(ValueRangeError) as caught:
        score(data, ITEMS, minimum=1, maximum=5)
    assert "61 answers lie outside 1 to 5" in str(caught.value)
    assert "q1: 0 appears once" in str(caught.value)
    assert "q4: 99 appears 60 times" in str(caught.value)
    assert "q2" not in str(caught.value)


def test_infinity_is_out_of_range(answers: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="1 answer lies outside"):
        score(answers.replace({"q3": {4.0: np.inf}}).iloc[:1], ITEMS, minimum=1, maximum=5)


def test_a_column_of_identifiers_is_not_quoted(answers: pd.DataFrame) -> None:
    data = pd.concat([answers] * 4, ignore_index=True).assign(q1=range(417001, 417021))
    with pytest.raises(ValueRangeError) as caught:
        score(data, ITEMS, minimum=1, maximum=5)
    assert "20 answers, 20 different values" in str(caught.value)
    assert "417" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_text(answers: pd.DataFrame, dtype: str) -> None:
    data = answers.assign(q2=pd.Series(["Agree", "Maria", None, "2", "x"], index=answers.index, dtype=dtype))
    with pytest.raises(ValueRangeError) as caught:
        score(data, ITEMS, minimum=1, maximum=5)
    assert "q2 (4 of 4 answers)" in str(caught.value)
    assert "Maria" not in str(caught.value)


def test_missing_columns_name_the_nearest(answers: pd.DataFrame) -> None:
    data = answers.rename(columns={"q1": "pssm_01", "q2": "pssm_02"})
    with pytest.raises(ColumnMissingError) as caught:
        score(data, ["pssm_1", "pssm_02", "weather"], minimum=1, maximum=5)
    assert "2 of 3 items are not in the table" in str(caught.value)
    assert "pssm_1 (nearest: pssm_01); weather" in str(caught.value)


def test_a_doubled_column(answers: pd.DataFrame) -> None:
    data = pd.concat([answers, answers[["q3"]]], axis=1)
    with pytest.raises(DataError, match="more than once"):
        score(data, ITEMS, minimum=1, maximum=5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_answered": 0},
        {"min_answered": 80},
        {"min_answered": float("nan")},
        {"method": "median"},
        {"reverse": ["q9"]},
        {"reverse": "q2"},
        {"minimum": 5, "maximum": 1},
        {"maximum": float("nan")},
        {"items": "q1"},
        {"items": []},
        {"items": ["q1", "q1"]},
    ],
)
def test_wrong_arguments(answers: pd.DataFrame, wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        score(answers, **({"items": ITEMS, "minimum": 1, "maximum": 5} | wrong))  # type: ignore[arg-type]


def test_percent_of_maximum_worked_by_hand(answers: pd.DataFrame) -> None:
    # Means 4.4, 4.25 and 1 on a form from 1 to 5: (mean - 1) / 4.
    result = score(answers, ITEMS, reverse=["q2"], minimum=1, maximum=5, method="percent_of_maximum")
    expected = pd.Series([85, 81.25, np.nan, np.nan, 0], index=[10, 20, 30, 40, 50], name="score")
    pd.testing.assert_series_equal(result, expected)


def test_percent_of_maximum_puts_forms_side_by_side() -> None:
    four = score(pd.DataFrame({"a": [1, 2.5, 4]}), ["a"], minimum=1, maximum=4, method="percent_of_maximum")
    eleven = score(pd.DataFrame({"a": [0, 5, 10]}), ["a"], minimum=0, maximum=10, method="percent_of_maximum")
    assert four.tolist() == eleven.tolist() == [0, 50, 100]
