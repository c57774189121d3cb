"""Declared formats, own formats, and that nothing but an Export or our own error ever comes out."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belonging_study.data.export import Export
from belonging_study.data.readers import (
    RawFile,
    Reader,
    load_team_readers,
    read_export,
    register_reader,
    registered_readers,
)
from belonging_study.data.readers.registry import _READERS
from belonging_study.errors import DataError, FileMissingError, ParameterError, UnreadableFileError, UserError
from belonging_study.study.model import Study


def test_a_declared_format_that_the_content_contradicts(tmp_path: Path) -> None:
    file = tmp_path / "survey.sav"
    file.write_text("id,q1\n1,2\n")
    for declared in ("spss", "stata", "parquet", "excel", "qualtrics"):
        with pytest.raises(UnreadableFileError, match=f"declared as {declared}, but looks like plain delimited text"):
            read_export(file, format=declared)
    assert read_export(file).format == "delimited"
    pyreadstat.write_sav(pd.DataFrame({"id": [1.0]}), file)
    with pytest.raises(UnreadableFileError, match="looks like an SPSS file"):
        read_export(file, format="delimited")


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_text("id,q1\n1,2\n")
    with pytest.raises(ParameterError, match="delimited"):
        read_export(file, format="lotus")


@pytest.fixture
def own_format() -> Iterator[None]:
    before = list(_READERS)

    def read(raw: RawFile) -> Export:
        return Export(pd.DataFrame({"q1": raw.data.decode().split("/")[1:]}), "slashes")

    register_reader(Reader("slashes", "a file of slashes", lambda raw: raw.data.startswith(b"//"), read))
    yield
    _READERS[:] = before


@pytest.mark.usefixtures("own_format")
def test_a_team_can_register_its_own_format(tmp_path: Path) -> None:
    assert registered_readers()[0].name == "slashes"
    file = tmp_path / "survey.txt"
    file.write_text("//a/b")
    assert read_export(file).table["q1"].tolist() == ["", "a", "b"]
    assert read_export(file, format="slashes").format == "slashes"


def check(content: bytes, **declared: str) -> Export | None:
    """Read content and hold it to the promise: an Export, or one of our errors without machine paths."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "survey.csv"
        file.write_bytes(content)
        try:
            return read_export(file, **declared)
        except DataError as error:
            told = error
    assert folder not in str(told)
    assert told.remedy
    return None


HEADS = [
    b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"PAR1", b"PK\x03\x04", b"$FL2", b"\x1f\x8b",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<stata_dta>", b"\x73\x02\x01\x00", b"a,b\n",
    b'a,b\nx,y\n"{""ImportId"":1}"\n',
    b"V1,V2,V3,V4,V5,V6,V7,V8,V9,V10\n", b"Timestamp,q\n1/1/2024 10:00,",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(HEADS), st.binary(max_size=200), st.sampled_from(["", "utf-8", "utf-16", "cp037", "utf-7"]))
def test_any_bytes_give_an_export_or_our_error(head: bytes, tail: bytes, encoding: str) -> None:
    check(head + tail, **({"encoding": encoding} if encoding else {}))


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8) | st.sampled_from(["", "NA", " "])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rows_in_are_rows_out_and_set_aside(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 5))
    rows = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width) | st.just([]), min_size=1, max_size=12))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=data.draw(st.sampled_from(",;\t|")), quoting=csv.QUOTE_ALL)
    writer.writerow([f"q{i}" for i in range(width)])
    writer.writerows(rows)
    export = check(stream.getvalue().encode())
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if export is None:
        assert not filled or [f"q{i}" for i in range(width)] in rows
        return
    assert len(export.table) == len(filled)
    assert len(export.table) + sum(export.set_aside.values()) == len(rows)
    missing = {"", "NA"}
    expected = [[None if cell in missing else cell for cell in row] for row in filled]
    if len(export.table.columns) == width:
        assert export.table.astype(object).where(export.table.notna(), None).to_numpy().tolist() == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("ab1,;\t\"'\n\r \ufeff", max_size=6), max_size=12), st.booleans())
def test_text_full_of_separators_gives_an_export_or_our_error(parts: list[str], packed: bool) -> None:
    content = "".join(parts).encode()
    check(gzip.compress(content) if packed else content)


TEAM = """
from __future__ import annotations
from dataclasses import dataclass
import pandas as pd
from belonging_study.data import Export, Reader, register_reader

@dataclass
class Line:
    text: str

def read(raw):
    lines = [Line(text) for text in raw.data.decode().splitlines()[1:]]
    return Export(pd.DataFrame({"student_id": [line.text.split("=")[0] for line in lines],
                                "mark": [line.text.split("=")[1] for line in lines]}), "marks")

register_reader(Reader("marks", "our marks", lambda raw: raw.start.startswith(b"MARKS"), read))
"""


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Study]:
    before = list(_READERS)
    yield Study.model_validate(
        {
            "title": "A", "name": "a", "programme": {"name": "P"}, "readers": "my_readers.py",
            "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.txt"}]}],
            "design": {"assignment": {"starts": "w1"}}, "file": tmp_path / "study.yml",
            "outcomes": [{"name": "marks", "measure": "mark", "label": "Marks"}],
        }
    )  # fmt: skip
    _READERS[:] = before


def test_a_team_file_is_run_once_and_leaves_with_its_study(team: Study, tmp_path: Path) -> None:
    counter = 'from pathlib import Path\nPath(__file__).with_name("runs").open("a").write("x")\n'
    (tmp_path / "my_readers.py").write_text(TEAM + counter)
    marks = tmp_path / "w1.txt"
    marks.write_text("MARKS\n0007=4\n")
    for _ in range(3):
        load_team_readers(team)
    assert (tmp_path / "runs").read_text() == "x"
    assert read_export(marks, format="marks").table.to_numpy().tolist() == [["0007", "4"]]
    assert read_export(marks).format == "marks"
    load_team_readers(team.model_copy(update={"readers": None}))
    with pytest.raises(ParameterError, match='no reader called "marks"'):
        read_export(marks, format="marks")


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [("x = 1\ny = (\n", 2, "SyntaxError"), ("import nonsuch\n", 1, "ModuleNotFoundError"),
     ("\n\n1/0\n", 3, "ZeroDivision"), ("def f():\n    raise SystemExit(3)\n\n\nf()\n", 2, "SystemExit")],
)  # fmt: skip
def test_a_mistake_in_the_team_file_is_told_with_its_line(
    team: Study, tmp_path: Path, content: str, line: int, what: str
) -> None:
    (tmp_path / "my_readers.py").write_text(content)
    before = registered_readers()
    with pytest.raises(UserError, match=what) as caught:
        load_team_readers(team)
    assert caught.value.where == f"my_readers.py, line {line}"
    assert str(tmp_path) not in str(caught.value)
    assert registered_readers() == before


def test_a_mistake_on_reading_is_told_without_the_data(team: Study, tmp_path: Path) -> None:
    (tmp_path / "my_readers.py").write_text(TEAM)
    (tmp_path / "w1.txt").write_text("MARKS\n0007\n")
    load_team_readers(team)
    with pytest.raises(
        UnreadableFileError, match=r"the reader marks of my_readers\.py stops with IndexError"
    ) as caught:
        read_export(tmp_path / "w1.txt")
    assert caught.value.where == "my_readers.py, line 14"
    (tmp_path / "my_readers.py").write_text(TEAM.replace("return Export", "return None and Export"))
    load_team_readers(team)
    with pytest.raises(UnreadableFileError, match="gives no Export"):
        read_export(tmp_path / "w1.txt")


def test_a_team_file_that_is_not_there(team: Study) -> None:
    with pytest.raises(FileMissingError, match=r"my_readers\.py is not there"):
        load_team_readers(team)
