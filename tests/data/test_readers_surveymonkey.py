"""SurveyMonkey exports with two header rows, and with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from belonging_study.data.readers import read_export
from belonging_study.errors import UnreadableFileError

FIRST = "Respondent ID,Collector ID,IP Address,Email Address,Your number?,How true?,,Where?,,Where?,May we?"
SECOND = ",,,,Open-Ended Response,I belong.,I am seen.,Home,School,Response,Response"
BODY = "118,44,10.0.0.1,a@b.org,0007,Agree,Disagree,Home,,x,Yes\n119,44,10.0.0.1,,0008,,Agree,,School,,No\n"


def test_questions_and_parts(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text(f"{FIRST}\n{SECOND}\n{BODY}")
    export = read_export(file)
    assert export.format == "surveymonkey"
    assert list(export.table.columns)[2:] == [
        "Your number?", "How true? [I belong.]", "How true? [I am seen.]", "Where? [Home]", "Where? [School]", "Where?",
        "May we?",
    ]  # fmt: skip
    assert export.table["Your number?"].tolist() == ["0007", "0008"]
    assert export.table["How true? [I belong.]"].isna().tolist() == [False, True]
    assert export.set_aside == {"header rows": 1}
    assert export.dropped_columns == ("IP address", "e-mail address")
    assert export.unfinished is None


def test_a_question_asked_twice_is_numbered(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("Respondent ID,Collector ID,Q?,Q?\n,,Response,Response\n1,2,a,b\n")
    assert list(read_export(file).table.columns)[2:] == ["Q?", "Q? (2)"]


def test_one_header_row_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("respondent_id,collector_id,q1\n1,2,a\n3,4,b\n")
    export = read_export(file)
    assert export.format == "surveymonkey"
    assert len(export.table) == 2


def test_a_ragged_row_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text(f"{FIRST}\n{SECOND}\n{BODY}120,44,x\n121,44,x\n")
    with pytest.raises(UnreadableFileError, match="line 5"):
        read_export(file)
