"""REDCap exports and data dictionaries, written here cell by cell."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from belonging_study.data.export import Export
from belonging_study.data.readers import read_export
from belonging_study.data.readers.redcap_dictionary import parse_choices
from belonging_study.data.waves.rows import rows_of_source
from belonging_study.errors import DataError, UnreadableFileError
from belonging_study.study.sources import Source

DICTIONARY = [
    ["Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
     "Choices, Calculations, OR Slider Labels", "Field Note", "Validation", "Min", "Max", "Identifier?"],
    ["record_id", "s", "", "text", "Record ID", "", "", "", "", "", ""],
    ["guardian", "s", "", "text", "Who are you with?", "", "", "", "", "", "y"],
    ["q1", "s", "", "radio", "<div>I <b>belong</b>&nbsp;here.</div>", "1, No, never | 2, Now, then | 3, Yes",
     "", "", "", "", ""],
    ["q2", "s", "", "dropdown", "Where?", "a, At home | b, At school", "", "", "", "", ""],
    ["age", "s", "", "text", "Age", "", "", "integer", "5", "25", ""],
    ["ok", "s", "", "yesno", "All right?", "", "", "", "", "", ""],
    ["box", "s", "", "checkbox", "Which?", "1, Sport | -2, Other", "", "", "", "", ""],
    ["area", "s", "", "calc", "Area", "[a] * 2 | 3", "", "", "", "", ""],
]  # fmt: skip
RAW = [
    ["record_id", "guardian", "q1", "q2", "age", "ok", "box___1", "box____2", "area", "s_complete"],
    ["1", "Ada", "3", "a", "14", "1", "0", "1", "2", "2"],
    ["2", "Bo", "", "b", "", "0", "1", "0", "", "0"],
    ["3", "Cy", "UNK", "b", "NASK", "", "0", "0", "", "2"],
    ["4", "", "", "", "", "", "0", "0", "", "0"],
]


def write(file: Path, rows: list[list[str]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
    return file


@pytest.fixture
def export(tmp_path: Path) -> Export:
    dictionary = write(tmp_path / "dictionary.csv", DICTIONARY)
    return read_export(write(tmp_path / "data.csv", RAW), dictionary=dictionary, keep=["record_id"])


def test_choices_are_split_on_bars_and_on_their_first_comma() -> None:
    assert parse_choices("1, Yes, often | 2, No|3 , x ") == {"1": "Yes, often", "2": "No", "3": "x"}


def test_the_dictionary_gives_labels_questions_ranges_and_identifiers(export: Export) -> None:
    assert export.format == "redcap"
    np.testing.assert_array_equal(export.table["q1"], [3, np.nan, np.nan, np.nan])
    assert export.labels["ok"] == {1.0: "Yes", 0.0: "No"}
    assert export.labels["box____2"] == {0.0: "Unchecked", 1.0: "Checked"}
    assert export.questions["box____2"] == "Which? [Other]"
    assert export.questions["q1"] == "I belong here."
    assert export.table["q2"].tolist()[:2] == ["At home", "At school"]  # codes that are no numbers become labels
    assert export.ranges == {"age": (5.0, 25.0)}
    assert "area" not in export.labels
    assert "guardian" not in export.table
    assert export.dropped_columns == ("identifier in the data dictionary",)


def test_missing_data_codes_are_missing_with_their_reason(export: Export) -> None:
    assert export.missing_counts == {"q1": {"unknown": 1}, "age": {"not asked": 1}}
    assert export.table["age"].isna().tolist() == [False, True, True, True]


def test_a_form_is_unfinished_where_it_was_begun_and_not_completed(export: Export) -> None:
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [False, True, False, False]


def test_people_who_never_answered_are_no_responses_of_a_survey(export: Export) -> None:
    rows = rows_of_source(export, Source(file="data.csv"), ["q1", "q2"])
    assert rows.table.index.tolist() == [0, 1, 2]
    assert rows.set_aside == {"records without answers": 1}
    assert len(rows_of_source(export, Source(file="data.csv", kind="roster"), ["q1", "q2"]).table) == 4


def test_the_timestamp_of_a_survey_that_was_not_submitted(tmp_path: Path) -> None:
    rows = [["record_id", "s_timestamp", "q1", "s_complete"]]
    rows += [["1", "2026-05-04 10:00", "3", "2"], ["2", "[not completed]", "2", ""], ["3", "", "", ""]]
    export = read_export(write(tmp_path / "data.csv", rows))
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [False, True, False]
    assert export.table["s_timestamp"].isna().tolist() == [False, True, True]


REPEATED = [
    ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance", "arm", "day", "absent"],
    ["1", "", "", "a", "", ""],
    ["1", "attendance", "1", "", "2026-05-04", "1"],
    ["1", "attendance", "2", "", "2026-05-05", "0"],
]


def test_repeating_instruments_are_chosen_by_rows(tmp_path: Path) -> None:
    export = read_export(write(tmp_path / "data.csv", REPEATED), keep=["record_id"])
    assert export.parts == ("redcap_repeat_instrument", "redcap_repeat_instance")
    with pytest.raises(DataError, match=r"attendance \(2\), nothing \(1\)") as caught:
        rows_of_source(export, Source(file="data.csv", kind="roster"), [])
    assert "rows: {redcap_repeat_instrument: attendance}" in caught.value.remedy
    roster = Source(file="data.csv", kind="roster", rows={"redcap_repeat_instrument": ""})
    assert rows_of_source(export, roster, []).n_other == 2
    chosen = {"redcap_repeat_instrument": "attendance"}
    assert len(rows_of_source(export, Source(file="data.csv", kind="attendance", rows=chosen), []).table) == 2
    with pytest.raises(DataError, match="2 different redcap_repeat_instance"):
        rows_of_source(export, Source(file="data.csv", kind="records", rows=chosen), [])


def test_labelled_headers_may_repeat(tmp_path: Path) -> None:
    rows = [
        ["Record ID", "I belong here.", "Complete?", "Which? (choice=Sport)", "Complete?"],
        ["1", "Yes", "Complete", "Checked", "Incomplete"],
        ["2", "", "Incomplete", "Unchecked", "Incomplete"],
    ]
    export = read_export(write(tmp_path / "data.csv", rows))
    assert list(export.table.columns) == ["I belong here.", "Complete?", "Which? (choice=Sport)", "Complete? (2)"]
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [True, False]


def test_a_column_that_only_ends_like_a_status_is_no_sign_of_redcap(tmp_path: Path) -> None:
    rows = [["id", "homework_complete"], ["1", "0"], ["2", "1"], ["3", "7"], ["4", "2"]]
    assert read_export(write(tmp_path / "data.csv", rows)).format == "delimited"


def test_a_plain_table_with_a_dictionary_is_a_redcap_export(tmp_path: Path) -> None:
    dictionary = write(tmp_path / "dictionary.csv", DICTIONARY)
    export = read_export(write(tmp_path / "data.csv", [row[:-1] for row in RAW]), dictionary=dictionary)
    assert export.format == "redcap"
    assert export.labels["q1"][3.0] == "Yes"
    assert export.unfinished is None


def test_what_is_no_dictionary_or_another_project_is_told(tmp_path: Path) -> None:
    data = write(tmp_path / "data.csv", RAW)
    with pytest.raises(UnreadableFileError, match="no data dictionary of REDCap"):
        read_export(data, dictionary=data)
    other = write(tmp_path / "other.csv", [DICTIONARY[0], ["x", "f", "", "text", "X", "", "", "", "", "", ""]])
    with pytest.raises(UnreadableFileError, match="describes 0 of the 10 columns"):
        read_export(data, dictionary=other)
    forms = tmp_path / "forms.csv"
    forms.write_text("Timestamp,q\n10/7/2024 14:03:22,Agree\n")
    with pytest.raises(UnreadableFileError, match="is a Google Forms export"):
        read_export(forms, dictionary=write(tmp_path / "dictionary.csv", DICTIONARY))
