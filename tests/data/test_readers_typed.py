"""SPSS, Stata, parquet and Excel files, written by other people's libraries."""

from __future__ import annotations

import datetime as dt
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from belonging_study.data.readers import read_export
from belonging_study.errors import EmptyFileError, UnreadableFileError


@pytest.fixture
def sav(tmp_path: Path) -> Path:
    table = pd.DataFrame(
        {
            "STUDENT": ["0007", "0008", "0009", "", "0011", "0012"],
            "Q1": [1.0, 5.0, 9.0, 98.0, np.nan, 9.0],
            "Q2": [2.0, 3.0, -1.0, 2.0, 2.0, 2.0],
            "SEX": ["f", "m", "x", "f", "f", "m"],
            "EndDate": pd.to_datetime(["2024-10-07 08:30:10"] * 6),
            "Day": [dt.date(2024, 10, 7)] * 6,
            "IPAddress": ["130.92.34.66"] * 6,
            "Status": [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            "DistributionChannel": ["anonymous"] * 5 + ["preview"],
        }
    )
    file = tmp_path / "survey.sav"
    pyreadstat.write_sav(
        table,
        file,
        column_labels={"Q1": "I belong here."},
        variable_value_labels={
            "Q1": {1: "Completely true", 5: "Not at all true", 9: "Refused", 97: "Not asked"},
            "Status": {0: "IP Address", 1: "Survey Preview"},
        },
        missing_ranges={"Q1": [9, {"lo": 90, "hi": 99}], "Q2": [-1], "SEX": ["x"]},
    )
    return file


def test_spss_labels_and_declared_missing_values(sav: Path) -> None:
    export = read_export(sav)
    assert export.format == "spss"
    assert export.table["STUDENT"].tolist()[:3] == ["0007", "0008", "0009"]
    assert np.isnan(export.table["STUDENT"][3])
    np.testing.assert_array_equal(export.table["Q1"], [1, 5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(export.table["Q2"], [2, 3, np.nan, 2, 2])
    assert export.table["SEX"].isna().tolist() == [False, False, True, False, False]
    assert export.questions == {"Q1": "I belong here."}
    assert export.labels["Q1"] == {1.0: "Completely true", 5.0: "Not at all true"}
    assert export.missing_codes == {
        "Q1": {9.0: "Refused", 97.0: "Not asked", 98.0: "code 98"},
        "Q2": {-1.0: "code -1"},
    }
    assert export.missing_counts["Q2"] == {"code -1": 1}
    assert export.missing_counts["SEX"] == {"declared missing": 1}
    assert export.table["EndDate"][0] == "2024-10-07 08:30:10"
    assert export.table["Day"][0] == "2024-10-07"
    assert export.set_aside == {"previews": 1}
    assert export.dropped_columns == ("IP address",)


def test_previews_do_not_count_as_missing(sav: Path) -> None:
    assert read_export(sav).missing_counts["Q1"] == {"Refused": 1, "code 98": 1}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["sav", "zsav", "dta", "parquet", "xlsx"])
def test_a_truncated_file_is_told(tmp_path: Path, kind: str, share: float) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"q1": rng.normal(size=500), "q2": rng.choice(["a", "b"], 500)})
    file = tmp_path / f"whole.{kind}"
    if kind in ("sav", "zsav"):
        pyreadstat.write_sav(table, file, compress=kind == "zsav")
    elif kind == "dta":
        pyreadstat.write_dta(table, file)
    elif kind == "parquet":
        table.to_parquet(file)
    else:
        table.to_excel(file)
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    assert len(read_export(file).table) == 500
    with pytest.raises((UnreadableFileError, EmptyFileError)):
        read_export(cut)


@pytest.mark.parametrize("version", [8, 12, 15])
def test_stata_labels_and_extended_missing_values(tmp_path: Path, version: int) -> None:
    table = pd.DataFrame({"id": ["01", "02", "03", ""], "q1": [1, 2, "a", np.nan], "q2": [1.5, 2.5, "b", "b"]})
    file = tmp_path / "survey.dta"
    pyreadstat.write_dta(
        table,
        file,
        version=version,
        column_labels={"q1": "I belong here."},
        variable_value_labels={"q1": {1: "No", 2: "Yes", "a": "Refused"}},
        missing_user_values={"q1": ["a"], "q2": ["b"]},
    )
    export = read_export(file)
    assert export.format == "stata"
    np.testing.assert_array_equal(export.table["q1"], [1, 2, np.nan, np.nan])
    np.testing.assert_array_equal(export.table["q2"], [1.5, 2.5, np.nan, np.nan])
    assert export.missing_counts == {"q1": {"Refused": 1}, "q2": {".b": 2}}
    assert export.labels == {"q1": {1.0: "No", 2.0: "Yes"}}
    assert export.questions == {"q1": "I belong here."}


def test_parquet_keeps_numbers_and_writes_the_rest_as_text(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "id": pd.Categorical(["07", "08"]),
            "mark": [1.5, np.nan],
            "n": pd.array([1, None], dtype="Int64"),
            "when": pd.to_datetime(["2024-10-07", None]),
            "Email": ["a@b.org", "c@d.org"],
        },
        index=pd.Index(["x", "y"], name="row"),
    )
    file = tmp_path / "records.parquet"
    table.to_parquet(file)
    export = read_export(file)
    assert export.table["id"].tolist() == ["07", "08"]
    np.testing.assert_array_equal(export.table["mark"], [1.5, np.nan])
    np.testing.assert_array_equal(export.table["n"], [1, np.nan])
    assert export.table["when"].isna().tolist() == [False, True]
    assert export.table["row"].tolist() == ["x", "y"]
    assert export.dropped_columns == ("e-mail address",)


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["student_id", "mark", "note", "day", None])
    sheet.append(["0007", 2.5, "NA", dt.datetime(2024, 10, 7), None])
    sheet.append([None, None, None, None, None])
    sheet.append([8, 3.0, None, dt.datetime(2024, 10, 7, 8, 30), None])
    book.create_sheet("empty")
    file = tmp_path / "records.xlsx"
    book.save(file)
    return file


def test_excel_is_read_like_its_csv(workbook: Path) -> None:
    export = read_export(workbook)
    assert export.format == "excel"
    assert export.table["student_id"].tolist() == ["0007", "8"]
    assert export.table["mark"].tolist() == ["2.5", "3"]
    assert export.table["note"].isna().all()
    assert export.table["day"].tolist() == ["2024-10-07", "2024-10-07 08:30:00"]
    assert export.set_aside == {"blank lines": 1}


def test_excel_under_a_text_name_is_told(workbook: Path) -> None:
    for name in ("survey.csv", "survey.CSV"):
        renamed = workbook.rename(workbook.with_name(name))
        with pytest.raises(UnreadableFileError, match="really an Excel file"):
            read_export(renamed)
        workbook = renamed


def test_old_excel_and_other_archives_are_told(tmp_path: Path) -> None:
    old = tmp_path / "survey.csv"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    with pytest.raises(UnreadableFileError, match="really an Excel file"):
        read_export(old)
    with pytest.raises(UnreadableFileError, match=r"old Excel file \(\.xls\)"):
        read_export(old.rename(tmp_path / "survey.xls"))
    archive = tmp_path / "survey.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("survey.csv", "id,q\n1,2\n")
    with pytest.raises(UnreadableFileError, match="zip archive"):
        read_export(archive)


def test_excel_without_openpyxl_says_what_to_do(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnreadableFileError, match=r'not installed[\s\S]*save it as "CSV UTF-8"'):
        read_export(workbook)


def test_several_sheets_with_data_are_named(workbook: Path) -> None:
    book = openpyxl.load_workbook(workbook)
    book["empty"].append(["id", "q"])
    book.save(workbook)
    with pytest.raises(UnreadableFileError, match="2 sheets with data: Sheet, empty"):
        read_export(workbook)


def test_a_typed_file_without_rows_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "none.parquet"
    pd.DataFrame({"id": pd.Series([], dtype="float64")}).to_parquet(file)
    with pytest.raises(EmptyFileError):
        read_export(file)


def sav_bytes(tmp_path: Path) -> bytes:
    table = pd.DataFrame({"name": ["abcde", "fghij", "klmno"], "q1": [1.0, 2.0, 9.0]})
    file = tmp_path / "text.sav"
    pyreadstat.write_sav(
        table,
        file,
        column_labels={"q1": "I belong."},
        variable_value_labels={"q1": {1: "never..", 2: "always."}, "name": {"abcde": "first"}},
        missing_ranges={"q1": [9]},
    )
    return file.read_bytes()


def test_spss_text_that_is_cut_within_a_character_loses_no_row(tmp_path: Path) -> None:
    data = sav_bytes(tmp_path)
    cut = "мила".encode()[:5]  # two letters and a half
    labelled = "нико".encode()[:7]
    for old, new in (
        (b"fghij", cut),
        (b"never..", labelled),
        (b"abcde   ", cut + b"   "),
        (b"I belong.", labelled + b"  "),
    ):
        assert old in data
        data = data.replace(old, new)
        file = tmp_path / "cut.sav"
        file.write_bytes(data)
        export = read_export(file, keep=["name"])
        assert len(export.table) == 3
        np.testing.assert_array_equal(export.table["q1"], [1, 2, np.nan])
    assert export.table["name"].tolist() == ["ми", "ми", "klmno"]
    assert export.labels["q1"] == {1.0: "ник", 2.0: "always."}
    assert export.questions == {"q1": "ник"}
    assert export.missing_counts == {"q1": {"code 9": 1}}


def test_spss_text_in_an_old_encoding_that_the_file_does_not_name(tmp_path: Path) -> None:
    data = sav_bytes(tmp_path)
    file = tmp_path / "old.sav"
    file.write_bytes(data.replace(b"abcde   ", "Zoë  ".encode("windows-1252") + b"   "))
    assert len(read_export(file, keep=["name"]).table) == 3  # pyreadstat alone ends the process here
    export = read_export(file, keep=["name"], encoding="windows-1252")
    assert export.table["name"].tolist() == ["Zoë", "fghij", "klmno"]


def test_damage_to_the_dictionary_of_an_spss_file_is_told(tmp_path: Path) -> None:
    whole = sav_bytes(tmp_path)
    end = whole.index((999).to_bytes(4, "little"))
    rng = np.random.default_rng(3)
    told = 0
    for _ in range(400):
        data = bytearray(whole)
        for at in rng.integers(64, end, rng.integers(1, 5)):
            data[at] = rng.integers(256)
        file = tmp_path / "damaged.sav"
        file.write_bytes(data)
        try:
            export = read_export(file)
        except (UnreadableFileError, EmptyFileError):
            told += 1
        else:
            assert len(export.table) == 3
    assert 40 < told < 400


def test_qualtrics_columns_in_an_spss_file_tell_what_is_unfinished(tmp_path: Path) -> None:
    file = tmp_path / "survey.sav"
    table = pd.DataFrame({"Finished": [1.0, 0.0, 1.0], "Progress": [100.0, 40.0, 99.0], "q1": [1.0, 2.0, 3.0]})
    pyreadstat.write_sav(table, file)
    export = read_export(file)
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [False, True, True]
