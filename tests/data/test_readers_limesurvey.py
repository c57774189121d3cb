"""LimeSurvey exports in their three kinds of heading."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from belonging_study.data.readers import read_export

CODES = ["id", "submitdate", "lastpage", "startlanguage", "token", "ipaddr", "G01Q01[SQ001]", "G01Q02", "G01Q02[other]"]
WORDS = [
    "Response ID", "Date submitted", "Last page", "Start language", "Access code", "IP address",
    "How true? [I belong.]", "Where?", "Where? [Other]",
]  # fmt: skip
GERMAN = ["Antwort ID", "Datum Abgeschickt", "Letzte Seite", "Start-Sprache", "Zugangscode", "IP-Adresse", *WORDS[6:]]
ROWS = [
    ["1", "2026-05-04 10:00:00", "3", "de", "0007", "10.0.0.1", "A4", "A1", ""],
    ["2", "1980-01-01 00:00:00", "3", "de", "0008", "10.0.0.1", "A1", "-oth-", "at the club"],
    ["3", "", "1", "de", "0009", "10.0.0.1", "", "", ""],
]


def write(file: Path, header: list[str], separator: str = ",") -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([header, *ROWS])
    return file


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", [CODES, WORDS, GERMAN])
def test_headings_and_separators(tmp_path: Path, header: list[str], separator: str) -> None:
    export = read_export(write(tmp_path / "results.csv", header, separator))
    assert export.format == "limesurvey"
    assert export.table[header[4]].tolist() == ["0007", "0008", "0009"]
    assert export.table[header[7]].tolist()[:2] == ["A1", "-oth-"]
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [False, False, True]
    assert "IP address" in export.dropped_columns or header is GERMAN


def test_headings_of_code_and_text(tmp_path: Path) -> None:
    header = [f"{code}. {text}" for code, text in zip(CODES, WORDS, strict=True)]
    export = read_export(write(tmp_path / "results.csv", header))
    assert export.format == "limesurvey"
    assert list(export.table.columns) == [code for code in CODES if code != "ipaddr"]
    assert export.questions["G01Q01[SQ001]"] == "How true? [I belong.]"


def test_two_questions_of_one_wording_are_numbered(tmp_path: Path) -> None:
    export = read_export(write(tmp_path / "results.csv", [*WORDS[:8], "Where?"]))
    assert list(export.table.columns)[-2:] == ["Where?", "Where? (2)"]


def test_not_answered_in_full_answers_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text(
        "Response ID,Date submitted,Last page,Start language,May we?,Anything?\n"
        "1,2026-05-04,2,en,Yes,N/A\n2,2026-05-04,2,en,N/A,good\n3,2026-05-04,2,en,No,bad\n4,2026-05-04,2,en,N/A,fine\n"
    )
    export = read_export(file)
    assert export.table["May we?"].isna().tolist() == [False, True, False, True]
    assert export.missing_counts == {"May we?": {"no answer (N/A)": 2}}
    assert export.table["Anything?"].tolist() == ["N/A", "good", "bad", "fine"]


def test_headings_in_an_unknown_language_are_read_once_declared(tmp_path: Path) -> None:
    file = write(tmp_path / "results.csv", ["Vastaus", "Lähetetty", "Viimeinen", "Kieli", *WORDS[4:]])
    assert read_export(file).format == "delimited"
    assert read_export(file, format="limesurvey").format == "limesurvey"
