"""Exports that schools send in spite of everything: what `belonging-study check` says of them, and what it accepts."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from belonging_study.data import clean_waves
from belonging_study.study import load_study
from school_partner import Partner, Rows, leaked, read_rows
from test_bad_input import anybody, call, demo_raw, partner, snapshot, students

__all__ = ["demo_raw", "partner", "students"]

Damage = Callable[[Partner], None]
QUALTRICS, GOOGLE, ROSTER, RECORDS = "w1/survey.csv", "w2/survey.csv", "w1/roster.csv", "w1/records.csv"


def cut(name: str) -> Damage:
    """The file ends in the middle of a row in its middle."""

    def damage(partner: Partner) -> None:
        data = partner.file(name).read_bytes()
        at = data.rindex(b"\n", 0, len(data) // 2)
        partner.file(name).write_bytes(data[: data.index(b",", at + 1) + 1])

    return damage


def header_again(name: str, times: int = 2) -> Damage:
    def change(rows: Rows) -> Rows:
        for n in range(times):
            rows.insert(40 * (n + 1), list(rows[0]))
        return rows

    return lambda partner: partner.cells(name, change)


def ids(name: str, column: str, value: str) -> Damage:
    def damage(partner: Partner) -> None:
        partner.set(name, column, value, lambda row: row[column].isdigit(), 7)

    return damage


def schools_as_dates(partner: Partner) -> None:
    partner.set(ROSTER, "class_id", "07-Jan", anybody, 30)


def one_name(name: str, old: str, new: str) -> Damage:
    return lambda partner: partner.rename(name, old, new)


def endless_line(partner: Partner) -> None:
    """Two GiB without a line end; the file has a hole and takes no room on the disk."""
    with partner.file(RECORDS).open("r+b") as file:
        file.seek(0, 2)
        file.write(b"x" * 5_000_000)
        file.truncate(2**31)


def zipped(partner: Partner) -> None:
    import zipfile

    data = partner.file(RECORDS).read_bytes()
    with zipfile.ZipFile(partner.file(RECORDS), "w") as archive:
        archive.writestr("records.csv", data)


def climbing_dictionary(partner: Partner) -> None:
    partner.define("file: w1/records.csv,", "file: w1/records.csv, dictionary: ../../secret.csv,")


CASES: dict[str, tuple[Damage, list[str]]] = {
    "Qualtrics cut": (cut(QUALTRICS), ["w1/survey.csv", "to end in the middle of its last row", "line "]),
    "roster cut": (cut(ROSTER), ["w1/roster.csv", "to end in the middle of its last row"]),
    "Qualtrics header again": (header_again(QUALTRICS), ["holds its header again on line ", ", 2 times in all"]),
    "roster header again": (header_again(ROSTER), ["w1/roster.csv holds its header again on line 41, 2 times in all"]),
    "records header again": (header_again(RECORDS, 1), ["w1/records.csv holds its header again on line 41: "]),
    "ids as numbers": (ids(ROSTER, "student_id", "1.23E+05"), ["the identifiers of 7 rows", "column student_id"]),
    "ids as dates": (ids(ROSTER, "student_id", "2024-10-07"), ["identifiers of 7 rows: they are now dates"]),
    "survey ids as dates": (ids(QUALTRICS, "ExternalReference", "10/7/2024"), ["of 7 rows: they are now dates"]),
    "records ids as errors": (ids(RECORDS, "student_id", "#N/A"), ["of 7 rows: they are now errors such as #N/A"]),
    "ids as formulas": (ids(RECORDS, "student_id", "=cmd|' /C calc'!A0"), ["of 7 rows: they are now formulas"]),
    "classes as dates": (schools_as_dates, ["identifiers of 30 rows: they are now dates", "column class_id"]),
    "two of one name": (one_name(ROSTER, "gender", "consent"), ['several columns of one name: "consent" (2 columns)']),
    "an endless line": (endless_line, ["w1/records.csv cannot be a table", "more than 4,000,000 characters"]),
    "a zip renamed": (zipped, ["w1/records.csv is a zip archive, not an export"]),
    "a dictionary outside": (climbing_dictionary, ["'../../secret.csv' leads out of the raw data folder"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_partner_is_told(partner: Partner, students: frozenset[str], case: str) -> None:
    damage, told = CASES[case]
    damage(partner)
    endless = case == "an endless line"
    before = {} if endless else snapshot(partner.folder)
    code, output = call("check", "--wave", "w1")
    assert code == 2, output
    for words in told:
        assert words in output, output
    assert "Traceback" not in output
    assert "belonging_study." not in output
    assert leaked(output, students) == set()
    if endless:
        partner.file(RECORDS).unlink()
    else:
        assert snapshot(partner.folder) == before


# --- what is to be accepted ----------------------------------------------------------------------------------


def mixed_line_ends(name: str) -> Damage:
    def damage(partner: Partner) -> None:
        rows = read_rows(partner.file(name))
        chance, text = random.Random(1), []
        for row in rows:
            stream = io.StringIO(newline="")
            csv.writer(stream, lineterminator="\n").writerow(row)
            text.append(stream.getvalue().removesuffix("\n") + chance.choice(["\n", "\r\n", "\r"]))
        partner.file(name).write_bytes("".join(text).encode())

    return damage


def odd_columns(name: str, n_headers: int) -> Damage:
    """Columns that nobody needs, with names that could do harm where they were shown or written as they are."""
    odd = ["a\nb", 'say "yes"', "\u202eeulav\u202c", "=cmd|' /C calc'!A0", "\x1b[2J", "שם", "x" * 5000]

    def change(rows: Rows) -> Rows:
        heads = [odd, odd, [f'{{"ImportId":"QID9{i}_TEXT"}}' for i in range(len(odd))]]
        return [[*row, *(heads[at] if at < n_headers else ["=1+1"] * len(odd))] for at, row in enumerate(rows)]

    return lambda partner: partner.cells(name, change)


def constant_column(partner: Partner) -> None:
    partner.cells(RECORDS, lambda rows: [[*row, "1" if at else "constant"] for at, row in enumerate(rows)])


ACCEPTED: dict[str, Damage] = {
    "Qualtrics, mixed line ends": mixed_line_ends(QUALTRICS),
    "roster, mixed line ends": mixed_line_ends(ROSTER),
    "Google, mixed line ends": mixed_line_ends(GOOGLE),
    "Qualtrics, odd columns": odd_columns(QUALTRICS, 3),
    "Google, odd columns": odd_columns(GOOGLE, 1),
    "roster, odd columns": odd_columns(ROSTER, 1),
    "a constant column": constant_column,
}


@pytest.fixture(scope="module")
def undamaged(project: Path, demo_raw: Path) -> dict[str, pd.DataFrame]:
    study = load_study(project)
    return {wave: clean_waves(study, wave, raw=demo_raw, key=bytes(32)).responses for wave in ("w1", "w2")}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_no_mistake_gives_the_same_table(
    partner: Partner, undamaged: dict[str, pd.DataFrame], case: str
) -> None:
    ACCEPTED[case](partner)
    wave = "w2" if case.startswith("Google") else "w1"
    code, output = call("check", "--wave", wave)
    assert code == 0, output
    assert not {"\x1b", "\u202e"} & set(output)
    found = clean_waves(load_study(partner.folder), wave, raw=partner.folder / "data_raw", key=bytes(32))
    pd.testing.assert_frame_equal(found.responses, undamaged[wave], check_exact=True)
