"""Google Forms exports."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from belonging_study.data.readers import read_export
from belonging_study.errors import UnreadableFileError

QUESTIONS = ["What is your student number?", "How true is it?\nBe honest. [I belong here.]", "Anything else, maybe?"]


def write(file: Path, first: str, email: str, time: str) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([first, email, *QUESTIONS])
        writer.writerow([time, "zoe@school.org", "0007", "Mostly true", "NA"])
        writer.writerow([time, "max@school.org", "0008", "", "one, two"])
    return file


@pytest.mark.parametrize(
    ("first", "email", "time"),
    [
        ("Timestamp", "Email Address", "10/7/2024 14:03:22"),
        ("Timestamp", "Username", "2024/10/07 2:03:22 PM GMT+1"),
        ("Zeitstempel", "E-Mail-Adresse", "07.10.2024 14:03:22"),
        ("Horodateur", "Une question sur ton adresse", "07/10/2024 14:03:22"),
        ("타임스탬프", "Username", "2024. 10. 7 오후 2:03:22"),
    ],
)
def test_forms_in_several_languages(tmp_path: Path, first: str, email: str, time: str) -> None:
    export = read_export(write(tmp_path / "form.csv", first, email, time))
    assert export.format == "google_forms"
    assert list(export.table.columns) == [first, *QUESTIONS]
    assert export.dropped_columns == ("e-mail address",)
    assert export.table[QUESTIONS[0]].tolist() == ["0007", "0008"]
    assert export.table[QUESTIONS[1]].isna().tolist() == [False, True]
    assert export.table[QUESTIONS[2]].tolist() == ["NA", "one, two"]
    assert export.questions[QUESTIONS[1]] == "How true is it? Be honest. [I belong here.]"


def test_an_unknown_language_is_read_once_declared(tmp_path: Path) -> None:
    file = write(tmp_path / "form.csv", "Stund-Stempel", "Username", "07.10.2024 14:03:22")
    assert read_export(file).format == "delimited"
    assert read_export(file, format="google_forms").format == "google_forms"


def test_declared_without_times_is_a_contradiction(tmp_path: Path) -> None:
    file = write(tmp_path / "form.csv", "Timestamp", "Username", "yes")
    with pytest.raises(UnreadableFileError, match="does not hold the times"):
        read_export(file, format="google_forms")


def test_the_e_mail_address_stays_where_the_study_names_it(tmp_path: Path) -> None:
    file = write(tmp_path / "form.csv", "Timestamp", "Email Address", "10/7/2024 14:03:22")
    export = read_export(file, keep=["email address"])
    assert export.table["Email Address"].tolist() == ["zoe@school.org", "max@school.org"]
    assert export.dropped_columns == ()
