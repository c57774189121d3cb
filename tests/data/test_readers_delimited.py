"""Delimited text: what is read, and what every unreadable file is called."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pandas as pd
import pytest

from belonging_study.data.readers import read_export
from belonging_study.errors import EmptyFileError, FileMissingError, UnreadableFileError

HEADER = "student_id,bel_01,note"


def write(folder: Path, content: str | bytes, name: str = "survey.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_identifiers_keep_their_zeros_and_only_empty_and_na_are_missing(tmp_path: Path) -> None:
    file = write(tmp_path, f'{HEADER}\n0007,NA,\n0008,None,"null, n/a"\n')
    table = read_export(file).table
    assert table["student_id"].tolist() == ["0007", "0008"]
    assert table["bel_01"].isna().tolist() == [True, False]
    assert table["bel_01"][1] == "None"
    assert table["note"].isna().tolist() == [True, False]
    assert table["note"][1] == "null, n/a"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "survey.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=separator)
        writer.writerow(["id", "How are you, today; or | ever?", "mark"])
        writer.writerow(["1", "well, thanks; or so", "2,5"])
        writer.writerow(["2", "two\nlines\twith a tab", "3,5"])
    table = read_export(file).table
    assert list(table.columns) == ["id", "How are you, today; or | ever?", "mark"]
    assert table.iloc[1].tolist() == ["2", "two\nlines\twith a tab", "3,5"]


def test_with_a_declared_decimal_comma_the_comma_is_the_last_guess(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b;c,d\n1,5;2,5\n")
    assert list(read_export(file, decimal=",").table.columns) == ["a,b", "c,d"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_marked_encodings_and_all_line_ends_are_read(tmp_path: Path, encoding: str, ending: str) -> None:
    file = write(tmp_path, f"id,name of class{ending}1,Zoë ☺{ending}".encode(encoding))
    table = read_export(file).table
    assert list(table.columns) == ["id", "name of class"]
    assert table.iloc[0].tolist() == ["1", "Zoë ☺"]


def test_another_encoding_is_named_and_read_once_it_is_declared(tmp_path: Path) -> None:
    file = write(tmp_path, "id,class\n1,a\n2,Zoë\n".encode("windows-1252"))
    with pytest.raises(UnreadableFileError, match="line 3") as caught:
        read_export(file, shown="w1/survey.csv")
    assert "encoding: windows-1252" in caught.value.remedy
    assert read_export(file, encoding="windows-1252").table["class"].tolist() == ["a", "Zoë"]


def test_a_wrongly_declared_encoding_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "id,class\n1,Zoë\n")
    with pytest.raises(UnreadableFileError, match="declare encoding: utf-8 "):
        read_export(file, encoding="ascii")
    for name in ("klingon", "base64", "rot13"):
        with pytest.raises(UnreadableFileError, match="does not exist"):
            read_export(file, encoding=name)


def test_gzip_is_unpacked_whatever_the_name(tmp_path: Path) -> None:
    packed = gzip.compress(f"{HEADER}\n1,Agree,x\n".encode())
    assert len(read_export(write(tmp_path, packed)).table) == 1
    with pytest.raises(UnreadableFileError, match="ends too early"):
        read_export(write(tmp_path, packed[:-12], "cut.csv.gz"))


def test_blank_lines_are_counted_and_trailing_empty_columns_dropped(tmp_path: Path) -> None:
    file = write(tmp_path, "\nid,q1,\n1,Agree,\n\n,,\n   \n2,,\n\n")
    export = read_export(file)
    assert list(export.table.columns) == ["id", "q1"]
    assert export.table["id"].tolist() == ["1", "2"]
    assert export.set_aside == {"blank lines": 5}


def test_a_column_without_a_name_but_with_values_is_kept(tmp_path: Path) -> None:
    export = read_export(write(tmp_path, '"",id,q1\n1,a,b\n'))
    assert list(export.table.columns) == ["unnamed_1", "id", "q1"]


def test_a_ragged_row_is_named_by_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, 'id,q1,q2\n1,"two\nlines",b\n\n2,secret answer\n3,a,b\n')
    with pytest.raises(UnreadableFileError) as caught:
        read_export(file)
    assert "1 of its 3 rows has another number of values" in caught.value.what
    assert "line 5, with 2" in caught.value.what
    assert "secret" not in str(caught.value)


def test_row_names_without_a_header_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"row\.names = FALSE"):
        read_export(write(tmp_path, '"id","q1"\n"1","a","b"\n"2","c","d"\n'))


def test_a_repeated_header_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="again on line 3"):
        read_export(write(tmp_path, f"{HEADER}\n1,a,b\n{HEADER}\n2,a,b\n"))


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r'"q1" \(2 columns\)'):
        read_export(write(tmp_path, "id,q1,q1 \n1,a,b\n"))


def test_an_open_quotation_mark_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="line 3"):
        read_export(write(tmp_path, 'id,q1\n1,a\n2,"open\n3,b\n4,c\n'))


def test_nul_bytes_are_told_and_unmarked_utf16_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="NUL bytes, the first on line 2"):
        read_export(write(tmp_path, b"id,q1\n1,\x00\n"))
    wide = write(tmp_path, "id,q1\n1,Agree\n".encode("utf-16-le"))
    with pytest.raises(UnreadableFileError, match="encoding: utf-16-le"):
        read_export(wide)
    assert read_export(wide, encoding="utf-16-le").table["q1"].tolist() == ["Agree"]


@pytest.mark.parametrize("content", ["", "\n \n", HEADER, f"{HEADER}\n\n,,\n", "\ufeff"])
def test_a_file_without_data_is_empty(tmp_path: Path, content: str) -> None:
    with pytest.raises(EmptyFileError):
        read_export(write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "a web page"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (bytes(range(128, 256)) * 3 + bytes(200), "not a text file"),
    ],
)
def test_what_is_no_export_is_called_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read_export(write(tmp_path, content))


def test_a_missing_file_offers_the_nearest_and_hides_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "x", "Survey_w1.csv")
    with pytest.raises(FileMissingError) as caught:
        read_export(tmp_path / "survey_w1.cvs", shown="w1/survey_w1.cvs")
    assert "Survey_w1.csv" in caught.value.remedy
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(FileMissingError, match="does not exist either"):
        read_export(tmp_path / "no" / "survey.csv")
    with pytest.raises(UnreadableFileError, match="is a folder"):
        read_export(tmp_path)


@pytest.mark.parametrize(("year", "n"), [(1, 85), (2, 77), (3, 63)])
def test_a_real_course_survey_is_read_as_the_csv_module_reads_it(shared_data: Path, year: int, n: int) -> None:
    file = shared_data / "bucknell_cure" / f"Year{year}.NoDemographics.tsv"
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    export = read_export(file)
    assert export.table.shape == (n, len(rows[0]))
    assert export.table.fillna("NA").to_numpy().tolist() == [[c or "NA" for c in row] for row in rows[1:]]


@pytest.mark.parametrize(
    ("file", "n"),
    [
        ("star/STAR.csv.gz", 11_598),
        ("achievement_awards/AchievementAwardsRCT.csv.gz", 16_526),
        ("army_climate/bh1996.csv.gz", 7_382),
        ("timss2015_belonging/items.csv", 9_672),
        ("holzinger_swineford/HolzingerSwineford1939.csv", 301),
    ],
)
def test_real_files_agree_with_pandas(shared_data: Path, file: str, n: int) -> None:
    table = read_export(shared_data / file).table
    assert len(table) == n
    expected = pd.read_csv(shared_data / file, keep_default_na=False, na_values=["", "NA"])
    numeric = [c for c in table.columns if c in expected.columns and pd.api.types.is_numeric_dtype(expected[c])]
    assert len(numeric) > 3
    ours = table[numeric].apply(pd.to_numeric)
    pd.testing.assert_frame_equal(ours.astype(float), expected[numeric].astype(float))
