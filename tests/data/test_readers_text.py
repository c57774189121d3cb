"""Text files of any make: what the csv module writes is read back whole; damage is refused or counted, never lost."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belonging_study.data.readers import delimited, rawfile, read_export
from belonging_study.data.readers.grid import tabulate
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.rows import split_rows
from belonging_study.errors import UnreadableFileError, UserError

SEPARATORS = (",", ";", "\t", "|")
FIXED = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
WESTERN = "aZ09 .'\"-_éßñ€Œ’"
WORLD = WESTERN + "жΩ你한שع😀\u0301\u202e\u2028\x0b\x85"


def read_text(content: bytes, encoding: str | None = None) -> tuple[list[str], list[list[str | None]], int]:
    """Columns, rows and number of rows set aside of a delimited file."""
    export = delimited.read(RawFile(content, "survey.csv", "survey.csv", encoding))
    cells = export.table.astype(object).where(export.table.notna(), None).to_numpy().tolist()
    return list(export.table.columns), cells, sum(export.set_aside.values())


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, str | None, list[str], list[list[str]]]:
    """A file as the csv module writes it, the encoding to declare, its header and its rows."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    separator, end = draw(st.sampled_from(SEPARATORS)), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    # Older versions of the csv module quote only the line end that they write.
    breaks = end if quoting == csv.QUOTE_MINIMAL else "\r\n"
    alphabet = (WESTERN if encoding == "cp1252" else WORLD) + separator + breaks
    text = st.text(st.sampled_from(alphabet), max_size=6)
    width = draw(st.integers(2, 5))
    header = [f"c{i}{draw(text)}".strip() + "." for i in range(width)]
    rows = draw(st.lists(st.lists(text, min_size=width, max_size=width), min_size=1, max_size=9))
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator=end).writerows([header, *rows])
    return stream.getvalue().encode(encoding), encoding if encoding == "cp1252" else None, header, rows


@FIXED
@given(files())
def test_what_the_csv_module_writes_is_read_back_cell_for_cell(
    file: tuple[bytes, str | None, list[str], list[list[str]]],
) -> None:
    content, encoding, header, rows = file
    filled = [[cell if cell not in ("", "NA") else None for cell in row] for row in rows if "".join(row).strip()]
    if not filled:
        with pytest.raises(UserError):
            read_text(content, encoding)
        return
    columns, cells, n_aside = read_text(content, encoding)
    assert columns == header
    assert cells == filled
    assert len(cells) + n_aside == len(rows)


@settings(FIXED, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255), st.sampled_from("rid")), min_size=1, max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_damaged_bytes_are_refused_or_every_row_is_counted(
    damage: list[tuple[int, int, str]], encoding: str, end: str
) -> None:
    rows = [["id", "q1", "note"], *([f"{i:03d}", "Mostly true", f'a "quoted", word{i}'] for i in range(9))]
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=end).writerows(rows)
    content = bytearray(stream.getvalue().encode(encoding))
    for place, byte, how in damage:
        at = place % len(content)
        content[at : at + (how != "i")] = b"" if how == "d" else bytes([byte])
    try:
        columns, cells, n_aside = read_text(bytes(content))
    except UserError:
        return
    text = bytes(content).decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    by_hand = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    written = [[cell for cell in row if cell.strip() and cell != "NA"] for row in by_hand if "".join(row).strip()]
    read = [[cell for cell in row if cell is not None and cell.strip()] for row in cells]
    assert len(cells) + n_aside + 1 == len(by_hand)
    assert read == written[1:]
    assert len(columns) >= len(written[0])


def test_all_line_ends_in_one_file_are_line_ends() -> None:
    _, cells, n_aside = read_text(b'id,q\r1,a\n2,"b\rc"\r\n\r\n3,d\r\r4,e')
    assert cells == [["1", "a"], ["2", "b\rc"], ["3", "d"], ["4", "e"]]
    assert n_aside == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_may_end_anywhere_even_inside_a_line_end(size: int) -> None:
    text = 'id;note\r\n1;"Zoë\r\nof ""9b"" 你"\r\n\r\n2;b\r3;c\n'
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    result = tabulate(split_rows(lambda: iter(pieces), "s.csv"))
    assert result.table.to_numpy().tolist() == [["1", 'Zoë\r\nof "9b" 你'], ["2", "b"], ["3", "c"]]
    assert result.set_aside == {"blank lines": 1}


def test_a_table_of_many_pieces_keeps_every_row_in_order(tmp_path: Path) -> None:
    n = 60_000  # some pieces of text, some of columns
    file = tmp_path / "survey.csv"
    file.write_text(
        "id,q1,q2\n" + "".join(f'{i:06d},"Zoë, {i % 5}",{"" if i % 7 else "x"}\r\n' for i in range(n)), "utf-8"
    )
    table = read_export(file).table
    assert table["id"].tolist() == [f"{i:06d}" for i in range(n)]
    assert table["q1"].tolist() == [f"Zoë, {i % 5}" for i in range(n)]
    assert table["q2"].notna().tolist() == [i % 7 == 0 for i in range(n)]


def endless(piece: str, n: int) -> Iterator[str]:
    yield "id,q1\n1," + '"' * (piece[-1] == "\n")
    for _ in range(n):
        yield piece


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        ("x" * 2**16, "line 2 has more than 4,000,000 characters"),
        ("x," * 2**15, "line 2 has more than 4,000,000 characters"),
        ("x\n" * 2**15, "line 2 has a cell of more than 131,072 characters"),
        (('"' + "x" * 60 + '\n",') * 2**10, "line 2 has more than 4,000,000 characters"),
    ],
)
def test_an_endless_line_cell_or_row_is_refused_before_it_fills_the_memory(piece: str, words: str) -> None:
    tracemalloc.start()
    with pytest.raises(UnreadableFileError, match=words):
        tabulate(split_rows(lambda: endless(piece, 40_000), "survey.csv"))  # 2 GB or more
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e8


def test_a_file_of_holes_is_refused_at_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    with file.open("wb") as stream:
        stream.write(b"id,q1\n1,a\n")
        stream.truncate(2**33)
    with pytest.raises(UnreadableFileError, match="NUL bytes, the first on line 3"):
        read_export(file)


@pytest.mark.parametrize(
    ("line", "words"), [("a" * 1000, "row that begins on line 1 has more than"), ("x" * 4094 + ",\n", "times its size")]
)
def test_a_gzip_bomb_is_refused_while_it_unpacks(
    tmp_path: Path, line: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rawfile, "_PACKED_FROM", 2**22)
    file = tmp_path / "survey.csv.gz"
    block = line * (2**20 // len(line))
    with gzip.open(file, "wb", compresslevel=9) as stream:
        stream.write(b"id,q1\n" if "\n" in line else b"")
        for _ in range(6):
            stream.write(block.encode())
    with pytest.raises(UnreadableFileError, match=words):
        read_export(file)


def test_a_zip_archive_is_told_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.csv", "id,q1\n1,a\n")
    with pytest.raises(UnreadableFileError, match="is a zip archive"):
        read_export(file)


@pytest.mark.parametrize(
    ("text", "words", "remedy"),
    [
        ('id,q1\n1,a\n2,"Mostly tr', "breaks off at line 3", "not copied to its end"),
        ("id,q1,q2\n1,a,b\n2,Mos", "is on line 3, with 2", "end in the middle of its last row"),
        ("id,q1,q2\n1,a\n2,a,b\n", "is on line 2, with 2", "inside an answer"),
        ("id,q1\n1,a\nid,q1\n2,a\nid,q1\n3,a\n", "again on line 3, 2 times in all", "in its own file"),
    ],
)
def test_a_cut_or_pasted_file_is_told_by_line(text: str, words: str, remedy: str) -> None:
    with pytest.raises(UnreadableFileError, match=words) as caught:
        read_text(text.encode())
    assert remedy in caught.value.remedy


def test_a_decoding_mistake_deep_in_a_file_is_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    file.write_bytes(b"id,class\r\n" + b"1234567,abcdefgh\r\n" * 70_000 + "2,Zoë\r\n".encode("cp1252"))
    with pytest.raises(UnreadableFileError, match="line 70002 holds a byte") as caught:
        read_export(file)
    assert "windows-1252" in caught.value.remedy
    file.write_bytes(b"id,class\r\n" + b"1234567,abcdefgh\r\n" * 70_000 + b"2,\x00\r\n")
    with pytest.raises(UnreadableFileError, match="the first on line 70002:"):
        read_export(file)
    half = "id,class\n1,Zo".encode("utf-16")
    with pytest.raises(UnreadableFileError, match="is not utf-16: line 2"):
        read_text(half[:-1])


NAMES = ['two\nlines "quoted"', "\u05e9\u05dc\u05d5\u05dd", "abc\u202edef\x1b[31m"]


def test_strange_column_names_are_read_and_shown_without_controls() -> None:
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in NAMES)
    columns, cells, _ = read_text(f"{quoted}\n1,2,3\n".encode())
    assert columns == NAMES
    assert cells == [["1", "2", "3"]]
    with pytest.raises(UnreadableFileError) as caught:
        read_text(f"{quoted},{quoted}\n1,2,3,1,2,3\n".encode())
    told = str(caught.value)
    assert '"two lines "quoted"" (2 columns)' in told
    assert not any(control in told for control in "\u202e\x1b")
