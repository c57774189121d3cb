"""Excel workbooks as schools keep them: what a CSV export would show, or a refusal; never a value lost in silence."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from belonging_study.data import Export, read_export
from belonging_study.errors import EmptyFileError, UnreadableFileError

HEADER = ["student_id", "q1", "q2"]
Change = Callable[[Any, Any], object]


def book(folder: Path, rows: list[list[Any]], change: Change = lambda _book, _sheet: None) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    change(made, made.active)
    made.save(folder / "survey.xlsx")
    return folder / "survey.xlsx"


def sheet_xml(file: Path, old: bytes, new: bytes) -> Path:
    """Change a text (a regular expression) in the first sheet, as no library would write it."""
    changed = file.with_name("changed.xlsx")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content, n = re.subn(old, new, content)
                assert n == 1
            target.writestr(name, content)
    return changed


def cells(export: Export) -> list[list[Any]]:
    table = export.table.astype(object)
    return table.where(table.notna(), None).to_numpy().tolist()


def test_values_are_those_that_a_csv_export_would_show(tmp_path: Path) -> None:
    rows = [[7, True, 0.5], [100_000, dt.date(2024, 10, 7), 1e-7], ["007", dt.datetime(2024, 10, 7, 9, 5), None]]
    assert cells(read_export(book(tmp_path, [HEADER, *rows]))) == [
        ["7", "True", "0.5"],
        ["100000", "2024-10-07", "1e-07"],
        ["007", "2024-10-07 09:05:00", None],
    ]


def test_numbers_of_more_digits_than_excel_keeps_are_not_shown_as_if_they_were_exact(tmp_path: Path) -> None:
    found = cells(read_export(book(tmp_path, [HEADER, [12345678901234567, 1, 2], [123456789012345, 1, 2]])))
    assert [row[0] for row in found] == ["1.23456789012346E+16", "123456789012345"]


def test_errors_stay_and_are_not_missing(tmp_path: Path) -> None:
    assert cells(read_export(book(tmp_path, [HEADER, ["a", "#N/A", "#REF!"]]))) == [["a", "#N/A", "#REF!"]]


def test_a_formula_is_its_result_and_without_one_itself(tmp_path: Path) -> None:
    file = book(tmp_path, [HEADER, ["a", "=1+1", '=IF(A2="","",1)'], ["b", '="x"&A1', 4]])
    assert cells(read_export(file)) == [["a", "=1+1", '=IF(A2="","",1)'], ["b", '="x"&A1', "4"]]
    computed = sheet_xml(file, rb"<f>1\+1</f><v ?/?>(</v>)?", b"<f>1+1</f><v>2</v>")
    assert cells(read_export(computed))[0][1] == "2"
    empty = sheet_xml(file, b'<c r="C2"><f>', b'<c r="C2" t="str"><f>')
    assert cells(read_export(empty))[0][2] is None  # its result is an empty text


def test_cells_merged_over_rows_are_refused_and_over_a_heading_are_not(tmp_path: Path) -> None:
    rows = [HEADER, ["a", 1, 2], ["b", 3, 4], ["c", 5, 6]]
    with pytest.raises(UnreadableFileError) as caught:
        read_export(book(tmp_path, rows, lambda _, sheet: sheet.merge_cells("B3:B4")))
    assert "1 merged cell over several rows, the first at B3" in str(caught.value)
    assert len(read_export(book(tmp_path, rows, lambda _, sheet: sheet.merge_cells("B1:C1"))).table) == 3
    assert len(read_export(book(tmp_path, rows, lambda _, sheet: sheet.merge_cells("A2:B2"))).table) == 3


def test_hidden_rows_and_columns_count_like_any_other(tmp_path: Path) -> None:
    def hide(_: Any, sheet: Any) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["B"].hidden = True
        sheet.auto_filter.ref = "A1:C4"

    assert cells(read_export(book(tmp_path, [HEADER, ["a", 1, 2], ["b", 3, 4]], hide))) == [
        ["a", "1", "2"],
        ["b", "3", "4"],
    ]


def test_a_hidden_sheet_with_data_is_a_second_sheet_and_an_empty_one_is_none(tmp_path: Path) -> None:
    def hidden(made: Any, _: Any) -> None:
        made.create_sheet("Old").append(["x"])
        made["Old"].sheet_state = "hidden"

    with pytest.raises(UnreadableFileError, match="2 sheets with data: Sheet, Old"):
        read_export(book(tmp_path, [HEADER, ["a", 1, 2]], hidden))
    assert (
        len(read_export(book(tmp_path, [HEADER, ["a", 1, 2]], lambda made, _: made.create_sheet("Empty"))).table) == 1
    )


@pytest.mark.parametrize("rows", [[["x"]], [], [[None, " "]], [HEADER]])
def test_a_workbook_without_rows_is_empty(tmp_path: Path, rows: list[list[Any]]) -> None:
    with pytest.raises(EmptyFileError):
        read_export(book(tmp_path, rows))


def test_a_cell_far_away_does_not_fill_the_memory(tmp_path: Path) -> None:
    rows = [HEADER, *([f"s{n}", 1, 2] for n in range(20))]
    export = read_export(book(tmp_path, rows, lambda _, sheet: sheet.cell(20_000, 1_000, "x")))
    assert len(export.table) == 21
    assert export.set_aside == {"blank lines": 20_000 - 22}
    many = [HEADER, *([f"s{n}", 1, 2] for n in range(3500))]
    with pytest.raises(UnreadableFileError, match="16,384 columns wide"):
        read_export(book(tmp_path, many, lambda _, sheet: sheet.cell(2, 16_384, "x")))


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    file = book(tmp_path, [HEADER, ["a", 1, 2]])
    bomb = sheet_xml(file, b"</sheetData>", b" " * 2**26 + b"</sheetData>")
    with pytest.raises(UnreadableFileError, match="more than 200 times its size"):
        read_export(bomb)


def test_a_wrong_size_in_the_file_loses_no_row(tmp_path: Path) -> None:
    file = book(tmp_path, [HEADER, ["a", 1, 2], ["b", 3, 4]])
    assert len(read_export(sheet_xml(file, b'<dimension ref="A1:C3"', b'<dimension ref="A1:A1"')).table) == 2


@pytest.mark.parametrize("name", ["survey.csv", "survey.sav", "survey.xlsx", "survey.dta"])
@pytest.mark.parametrize("members", [{"survey.csv": "a,b\n1,2\n"}, {}, {"content.xml": "<x/>"}])
def test_an_archive_under_another_name_is_told(tmp_path: Path, name: str, members: dict[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    with pytest.raises(UnreadableFileError, match=f"{name} is a zip archive, not an export"):
        read_export(tmp_path / name)


def test_a_workbook_protected_by_a_password_is_told(tmp_path: Path) -> None:
    (tmp_path / "survey.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000))
    with pytest.raises(UnreadableFileError, match="protected by a password"):
        read_export(tmp_path / "survey.xlsx")
