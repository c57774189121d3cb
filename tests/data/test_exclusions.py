from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from belonging_study.data.flow.exclusions import apply_exclusions, rule_matches
from belonging_study.errors import ColumnMissingError, ValueRangeError
from belonging_study.study.model import Exclusion


def rule(column: str = "x", **says: Any) -> Exclusion:
    return Exclusion.model_validate({"name": "r", "label": "R", "column": column, **says})


@pytest.mark.parametrize(
    ("values", "says", "expected"),
    [
        (["no", " NO ", "yes", None], {"equals": "no"}, [True, True, False, False]),
        (["a", "b", "c"], {"equals": ["a", "c"]}, [True, False, True]),
        (["1", "2", None], {"equals": 1}, [True, False, False]),
        ([1.0, 0.0, None], {"equals": "1"}, [True, False, False]),
        ([True, False, True], {"equals": False}, [False, True, False]),
        (["TRUE", "False", None], {"equals": True}, [True, False, False]),
        ([1.0, None, ""], {"missing": True}, [False, True, True]),
        ([1.0, None, ""], {"missing": False}, [True, False, False]),
        ([0.4, 0.5, None], {"below": 0.5}, [True, False, False]),
        ([0.5, 0.6, None], {"above": 0.5}, [False, True, False]),
        (["3", "11", None], {"above": 9}, [False, True, False]),
    ],
)
def test_what_a_rule_takes_out(values: list[Any], says: dict[str, Any], expected: list[bool]) -> None:
    assert rule_matches(pd.Series(values, dtype=object), rule(**says), where="w1").tolist() == expected


def test_a_row_is_counted_by_the_first_rule_that_takes_it() -> None:
    table = pd.DataFrame({"x": [1.0, 1.0, 3.0], "y": ["a", "b", "a"]})
    rules = [rule(below=2), rule("y", equals="a")]
    assert apply_exclusions(table, rules, wave="w1", where="").tolist() == [1, 1, 2]


def test_a_rule_of_another_wave_does_nothing_and_needs_no_column() -> None:
    rules = [rule("nowhere", equals="a", waves=["w2"])]
    assert apply_exclusions(pd.DataFrame({"x": [1]}), rules, wave="w1", where="").tolist() == [0]


def test_text_where_a_rule_compares_numbers_is_an_error_with_its_count_and_without_the_text() -> None:
    with pytest.raises(ValueRangeError) as error:
        rule_matches(pd.Series(["Anna", "Ben", "3", None]), rule("mark", below=1), where="w1/records.csv")
    assert "2 values are no number" in str(error.value)
    assert "w1/records.csv, column mark" in str(error.value)
    assert "Anna" not in str(error.value)


def test_a_rule_without_its_column_names_the_nearest() -> None:
    with pytest.raises(ColumnMissingError, match="did you mean consent"):
        apply_exclusions(pd.DataFrame({"consent": ["no"]}), [rule("concent", equals="no")], wave="w1", where="w1")
