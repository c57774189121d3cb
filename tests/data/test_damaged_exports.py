"""Exports of every format, damaged at random: a plain refusal, or a table that accounts for every row of the file."""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belonging_study.data import Cleaned, clean_waves
from belonging_study.errors import UserError
from data.test_same_wave import FORMATS, NOT_IN_THE_FLOW, study
from data.writers.wave import Simulated, Written, simulate, write_roster

Rows = list[list[str]]
KEY = bytes(32)
SECONDS = 20
"""No example may take longer, on a machine that does other things as well."""
TEXT = [name for name in FORMATS if name.endswith((".csv", ".tsv"))]
TYPED = [name for name in FORMATS if name not in TEXT]
ENCODINGS = {"utf16.csv": "utf-16", "windows.csv": "windows-1252", "qualtrics_legacy.csv": "utf-8-sig"}
SEPARATORS = {"limesurvey_full.csv": ";", "decimal_comma.csv": ";", "plain.tsv": "\t"}
HEADERS = {"qualtrics_labels.csv": 3, "qualtrics_numeric.csv": 3, "qualtrics_legacy.csv": 2, "surveymonkey.csv": 2}


@dataclass(frozen=True)
class Whole:
    """An undamaged file: its bytes, how a study declares it, and the table that it gives."""

    name: str
    content: bytes
    declared: Written
    table: pd.DataFrame
    beside: dict[str, bytes]

    @property
    def rows(self) -> Rows:
        text = self.content.decode(ENCODINGS.get(self.name, "utf-8"))
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS.get(self.name, ",")))

    def packed(self, rows: Rows) -> bytes:
        stream = io.StringIO(newline="")
        csv.writer(stream, delimiter=SEPARATORS.get(self.name, ",")).writerows(rows)
        return stream.getvalue().encode(ENCODINGS.get(self.name, "utf-8"), "replace")


@pytest.fixture(scope="module")
def wave() -> Simulated:
    """A smaller wave, so that many files can be tried."""
    whole = simulate()
    students = whole.students[:40]
    return Simulated(students, tuple(one for one in whole.responses if one.student in students[:37]))


@pytest.fixture(scope="module")
def whole(wave: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Whole]:
    @cache
    def once(name: str) -> Whole:
        folder = tmp_path_factory.mktemp("whole")
        declared = FORMATS[name][1](folder / name, wave)
        content = (folder / name).read_bytes()
        beside = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != name}
        empty = Whole(name, content, declared, pd.DataFrame(), beside)
        return replace(empty, table=clean(folder, empty, content, wave).responses)

    return once


def clean(folder: Path, file: Whole, content: bytes, wave: Simulated) -> Cleaned:
    for name, data in file.beside.items():
        (folder / name).write_bytes(data)
    write_roster(folder / "roster.csv", wave)
    (folder / file.name).write_bytes(content)
    one = study(file.declared, "keep")
    one = one.model_copy(update={"responses": one.responses.model_copy(update={"duplicates": "first"})})
    return clean_waves(one, "w1", raw=folder, key=KEY)


def try_to_clean(folder: Path, file: Whole, content: bytes, wave: Simulated) -> Cleaned | UserError:
    """Clean a damaged file, in time; anything but a table or a refusal of ours fails the test."""
    started = time.monotonic()
    try:
        result: Cleaned | UserError = clean(folder, file, content, wave)
    except UserError as error:
        result = error
    assert time.monotonic() - started < SECONDS
    if isinstance(result, UserError):
        said = str(result)
        assert file.name in said or "roster.csv" in said or "dictionary.csv" in said or "w1" in said, said
        assert "Traceback" not in said
        assert "belonging_study." not in said
        assert not {student for student in wave.students if student in said}, said
    return result


def require_accounted(cleaned: Cleaned, n_rows: int, n_students: int) -> None:
    """Every row of the file, and every student of the roster, is in the table or in the flow."""
    flow = cleaned.flow[cleaned.flow["arm"] == "all"]
    survey = flow[flow["stream"] == "survey"]
    counted = survey.groupby("kind")["n_rows"].sum()
    aside = survey[(survey["kind"] == "info") & survey["label"].isin(NOT_IN_THE_FLOW)]["n_rows"].sum()
    assert counted["start"] + aside == n_rows
    assert counted["start"] - counted.get("excluded", 0) == counted["remaining"]
    people = flow[(flow["stream"] == "students") & (flow["kind"] != "info")].groupby("kind")["n_rows"].sum()
    assert people["start"] == n_students
    assert people["start"] - people.get("excluded", 0) == people["remaining"] == len(cleaned.responses)
    assert cleaned.responses["responded"].sum() <= counted["remaining"]


# --- random damage to the rows of text exports -------------------------------------------------------------------


def delete_rows(rows: Rows, chance: random.Random) -> Rows:
    gone = set(chance.sample(range(1, len(rows)), k=min(chance.randint(1, 5), len(rows) - 1)))
    return [row for at, row in enumerate(rows) if at not in gone]


def repeat_rows(rows: Rows, chance: random.Random) -> Rows:
    for _ in range(chance.randint(1, 4)):
        rows.insert(chance.randint(1, len(rows)), list(chance.choice(rows[1:])))
    return rows


def swap_rows(rows: Rows, chance: random.Random) -> Rows:
    one, other = chance.sample(range(len(rows)), k=2)
    rows[one], rows[other] = rows[other], rows[one]
    return rows


def insert_blank_lines(rows: Rows, chance: random.Random) -> Rows:
    for _ in range(chance.randint(1, 4)):
        rows.insert(chance.randint(0, len(rows)), chance.choice([[], [""] * len(rows[0]), [" "]]))
    return rows


def shuffle_columns(rows: Rows, chance: random.Random) -> Rows:
    order = chance.sample(range(len(rows[0])), k=len(rows[0]))
    return [[row[at] for at in order if at < len(row)] for row in rows]


def blank_cells(rows: Rows, chance: random.Random) -> Rows:
    for _ in range(chance.randint(1, 60)):
        row = chance.choice(rows)
        if row:
            row[chance.randrange(len(row))] = ""
    return rows


def repeat_the_header(rows: Rows, chance: random.Random) -> Rows:
    for _ in range(chance.randint(1, 2)):
        rows.insert(chance.randint(1, len(rows)), list(rows[0]))
    return rows


def odd_cells(rows: Rows, chance: random.Random) -> Rows:
    odd = [
        "1.0E+05",
        "2024-10-07",
        "=cmd|' /C calc'!A0",
        "NA",
        "#REF!",
        "\u202eabc",
        '"',
        "1e999",
        "-99",
        "\u0661",
        "99",
    ]
    for _ in range(chance.randint(1, 5)):
        row = chance.choice(rows)
        if row:
            row[chance.randrange(len(row))] = chance.choice(odd)
    return rows


def one_cell_more(rows: Rows, chance: random.Random) -> Rows:
    for row in chance.sample(rows, k=chance.randint(1, 3)):
        row.append(chance.choice(["", "x"]))
    return rows


ROW_DAMAGE = [
    delete_rows,
    repeat_rows,
    swap_rows,
    insert_blank_lines,
    shuffle_columns,
    blank_cells,
    repeat_the_header,
    odd_cells,
    one_cell_more,
]


def damaged_rows(folder: Path, file: Whole, wave: Simulated, seed: int) -> None:
    chance = random.Random(f"{file.name} {seed}")
    rows = file.rows
    for damage in chance.sample(ROW_DAMAGE, k=chance.randint(1, 3)):
        rows = damage([list(row) for row in rows], chance)
    result = try_to_clean(folder, file, file.packed(rows), wave)
    if isinstance(result, Cleaned):
        require_accounted(result, len(rows) - 1, len(wave.students))


def cut_the_tail(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def swap_bytes(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        one, other = chance.randrange(len(data)), chance.randrange(len(data))
        data[one], data[other] = data[other], data[one]
    return bytes(data)


def other_bytes(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def append_other_text(content: bytes, chance: random.Random) -> bytes:
    other = [b"<html>", b"\n\n", b"Generated by a tool\n", b'"', b"\xff\xfe\x00", b"a,b,c\n1,2,3\n", b"\x1a", b"   "]
    return content + chance.choice(other)


def cut_the_middle(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.randint(1, 200) :]


BYTE_DAMAGE = [cut_the_tail, swap_bytes, other_bytes, append_other_text, cut_the_middle]


def damaged_bytes(folder: Path, file: Whole, wave: Simulated, seed: int) -> None:
    chance = random.Random(f"{file.name} {seed}")
    content = chance.choice(BYTE_DAMAGE)(file.content, chance)
    result = try_to_clean(folder, file, content, wave)
    if not isinstance(result, Cleaned):
        return
    if file.name in TYPED:
        assert rows_of_typed(result) <= file.declared.n_rows
        return
    # What was read is a table, so its separator is the one that it was written with.
    text = content.decode(ENCODINGS.get(file.name, "utf-8"))
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS.get(file.name, ",")))
    require_accounted(result, len(rows) - 1, len(wave.students))


def rows_of_typed(cleaned: Cleaned) -> int:
    flow = cleaned.flow[(cleaned.flow["arm"] == "all") & (cleaned.flow["stream"] == "survey")]
    return int(flow[flow["kind"] == "start"]["n_rows"].sum())


Damage = Callable[[Path, Whole, Simulated, int], None]
FEW = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=8)


@FEW
@given(name=st.sampled_from(TEXT), seed=st.integers(0, 10**6))
def test_damaged_rows(tmp_path: Path, whole: Callable[[str], Whole], wave: Simulated, name: str, seed: int) -> None:
    damaged_rows(tmp_path, whole(name), wave, seed)


@FEW
@given(name=st.sampled_from(list(FORMATS)), seed=st.integers(0, 10**6))
def test_damaged_bytes(tmp_path: Path, whole: Callable[[str], Whole], wave: Simulated, name: str, seed: int) -> None:
    damaged_bytes(tmp_path, whole(name), wave, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@MANY
@given(seed=st.integers(0, 10**6))
def test_damaged_many_times(
    tmp_path: Path, whole: Callable[[str], Whole], wave: Simulated, name: str, seed: int
) -> None:
    damaged_bytes(tmp_path, whole(name), wave, seed)
    if name in TEXT:
        damaged_rows(tmp_path, whole(name), wave, seed)


@FEW
@given(name=st.sampled_from(list(FORMATS)), seed=st.integers(0, 10**6))
def test_rows_deleted_repeated_and_swapped_are_counted_in_every_format(
    tmp_path: Path, whole: Callable[[str], Whole], wave: Simulated, name: str, seed: int
) -> None:
    """Before the file is written, so that files of every kind are sound and hold other rows than they should."""
    chance = random.Random(seed)
    responses = list(wave.responses)
    for _ in range(chance.randint(0, 5)):
        responses.pop(chance.randrange(len(responses)))
    if not name.startswith("redcap"):  # which has one record a student
        responses += chance.choices(responses, k=chance.randint(0, 5))
    chance.shuffle(responses)
    other = replace(wave, responses=tuple(responses))
    declared = FORMATS[name][1](tmp_path / name, other)
    file = replace(whole(name), declared=declared)
    cleaned = clean(tmp_path, file, (tmp_path / name).read_bytes(), wave)
    require_accounted(cleaned, declared.n_rows, len(wave.students))
    answered = {one.student for one in responses}
    refused = {one.student for one in wave.responses if one.consent == 2} & answered
    assert cleaned.responses["responded"].sum() == len(answered - refused)


# --- columns ---------------------------------------------------------------------------------------------------

ABOUT = {"qualtrics_legacy.csv": 10, "surveymonkey.csv": 7, "google_forms.csv": 1, "redcap_raw.csv": 1}
"""First columns that stay where they are: the format is known by them."""


def other_order(file: Whole, chance: random.Random) -> list[list[int]]:
    """Places of columns that belong together, in another order: a SurveyMonkey grid has one heading for its columns."""
    width, first = len(file.rows[0]), ABOUT.get(file.name, 0)
    blocks: list[list[int]] = []
    for place in range(first, width):
        if blocks and file.name == "surveymonkey.csv" and not file.rows[0][place]:
            blocks[-1].append(place)
        else:
            blocks.append([place])
    chance.shuffle(blocks)
    return [[place] for place in range(first)] + blocks


@FEW
@given(name=st.sampled_from(TEXT), seed=st.integers(0, 10**6))
def test_the_order_of_columns_and_columns_that_nobody_needs_change_nothing(
    tmp_path: Path, whole: Callable[[str], Whole], wave: Simulated, name: str, seed: int
) -> None:
    file, chance = whole(name), random.Random(seed)
    order = [place for block in other_order(file, chance) for place in block]
    rows = [[row[place] for place in order] for row in file.rows]
    n_headers = HEADERS.get(name, 1)
    for n in range(chance.randint(0, 3)):
        heading = [f"extra_{n}", f"Something else {n}?", f'{{"ImportId":"QID9{n}_TEXT"}}'][:n_headers]
        if name == "surveymonkey.csv":
            heading = [f"Something else {n}?", "Open-Ended Response"]
        filling = chance.choice(["", "x", "NA", "=1+1", "5", "Zeile 1\nZeile 2"])
        for at, row in enumerate(rows):
            row.append(heading[at] if at < n_headers else filling)
    cleaned = clean(tmp_path, file, file.packed(rows), wave)
    table, expected = (one.drop(columns="duration_seconds", errors="ignore") for one in (cleaned.responses, file.table))
    pd.testing.assert_frame_equal(table, expected, check_exact=True)
    require_accounted(cleaned, file.declared.n_rows, len(wave.students))
