"""Finding a file's columns."""

from __future__ import annotations

import pandas as pd
import pytest

from belonging_study.data.coding.columns import match_columns
from belonging_study.data.export import Export
from belonging_study.errors import ColumnMissingError


def export(*columns: str, questions: dict[str, str] | None = None) -> Export:
    return Export(pd.DataFrame({column: ["x"] for column in columns}), "delimited", questions=questions or {})


def match(given: Export, wanted: dict[str, str], mapping: dict[str, str] | None = None) -> dict[str, str]:
    return match_columns(given, wanted, mapping, shown="w1/survey.csv")


def test_by_name_exactly_before_any_other_spelling() -> None:
    assert match(export("BEL_01", "bel_01", "School ID"), {"bel_01": "", "school_id": ""}) == {
        "bel_01": "bel_01",
        "school_id": "School ID",
    }


def test_by_wording_in_the_header_the_grid_row_and_the_questions() -> None:
    file = export(
        "I feel  that I belong — here",
        "How true is it? Be honest. [People here know me.]",
        "Q1_3",
        "Q1_4",
        questions={
            "Q1_3": "How true is it? - I am left out - again",
            "Q1_4": "How true is it? – I like my school",
        },
    )
    wanted = {
        "a": "I feel that I belong, here.",
        "b": "People here know me",
        "c": "I am left out - again",
        "d": "I like my school.",
        "e": "Not asked in this wave.",
        "f": "",
    }
    columns = list(file.table.columns)
    assert match(file, wanted) == dict(zip("abcd", columns, strict=True))


def test_the_declared_column_wins_and_may_be_given_by_its_question() -> None:
    file = export("student_id", "ExternalReference", "Q7", questions={"Q7": "What is your\nclass?"})
    found = match(
        file, {"student_id": "", "class_id": ""}, {"student_id": "ExternalReference", "class_id": "What is your class?"}
    )
    assert found == {"student_id": "ExternalReference", "class_id": "Q7"}


def test_a_declared_column_for_another_file_is_left_alone() -> None:
    assert match(export("id"), {"id": ""}, {"mark": "Mark"}) == {"id": "id"}


def test_a_declared_column_that_is_not_there_offers_the_nearest() -> None:
    file = Export(pd.DataFrame({"ExternalReference": ["1"]}), "qualtrics", dropped_columns=("e-mail address",))
    with pytest.raises(ColumnMissingError) as caught:
        match(file, {"student_id": ""}, {"student_id": "ExternalDataReference"})
    assert 'no column "ExternalDataReference", declared for student_id' in caught.value.what
    assert '"ExternalReference"' in caught.value.remedy
    assert "because they name people: e-mail address" in caught.value.remedy


def test_a_column_named_by_one_item_is_not_taken_by_the_wording_of_another() -> None:
    file = export("bel_01", "Q2", questions={"bel_01": "I belong", "Q2": "I belong"})
    assert match(file, {"bel_01": "", "bel_02": "I belong"}) == {"bel_01": "bel_01", "bel_02": "Q2"}


def test_two_columns_for_one_item_are_an_error() -> None:
    with pytest.raises(
        ColumnMissingError, match=r'2 columns that could be a: "Home \[I belong\]", "School \[I belong\]"'
    ):
        match(export("Home [I belong]", "School [I belong]"), {"a": "I belong"})


def test_two_items_for_one_column_are_an_error() -> None:
    with pytest.raises(ColumnMissingError, match="could be a or b"):
        match(export("I belong"), {"a": "I belong", "b": "I belong."})
