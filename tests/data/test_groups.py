from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from belonging_study.data.groups import label_group
from belonging_study.errors import UnknownLabelError
from belonging_study.study.model import Group

WHERE = "w1/roster.csv"


def group(**more: Any) -> Group:
    return Group.model_validate({"name": "meals", "label": "Meals", "column": "free_meals", **more})


def test_values_and_labels_become_labels_in_any_case() -> None:
    meals = group(values={"1": "Free", "0": "Not free"})
    found = label_group(pd.Series([1.0, "0", "FREE", "not free ", None], dtype=object), meals, where=WHERE)
    assert found.tolist()[:4] == ["Free", "Not free", "Free", "Not free"]
    assert pd.isna(found[4])


def test_a_label_that_is_another_values_name_does_not_confuse() -> None:
    swapped = group(values={"a": "b", "b": "a"})
    assert label_group(pd.Series(["a", "b"]), swapped, where=WHERE).tolist() == ["b", "a"]


def test_without_values_each_value_is_its_own_label() -> None:
    assert label_group(pd.Series(["Year 7", "Year 8"]), group(), where=WHERE).tolist() == ["Year 7", "Year 8"]


def test_an_unlisted_value_is_named_unless_it_may_be_personal() -> None:
    meals = group(values={"yes": "Free"})
    with pytest.raises(UnknownLabelError, match=r'2 values are not listed under the group meals: "sometimes" \(2\)'):
        label_group(pd.Series(["sometimes", "yes", "sometimes"]), meals, where=WHERE)
    with pytest.raises(UnknownLabelError) as error:
        label_group(pd.Series(["anna@school.org", "yes"]), meals, where=WHERE)
    assert "anna" not in str(error.value)
    assert "w1/roster.csv, column free_meals" in str(error.value)
