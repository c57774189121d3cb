from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pandas as pd
from made_up import made_up_study

from belonging_study.reports.csv_files import csv_bytes
from belonging_study.reports.data_package import data_package
from belonging_study.reports.display import display_table
from belonging_study.reports.workspace import open_wave


def test_every_table_is_described_as_the_specification_asks(tmp_path: Path) -> None:
    tables = {
        "did": pd.DataFrame({"outcome": ["a", "b"], "estimate": [0.5, None], "n_students": [4, 5], "note": ["", ""]}),
        "Items_Q1": pd.DataFrame({"reversed": [True, False], "known": pd.Series([True, None], dtype=object)}),
    }
    for name, table in tables.items():
        (tmp_path / f"{name}.csv").write_bytes(csv_bytes(table))
    package = data_package(made_up_study(), "w2", tmp_path, {"did": "Effects"})
    assert json.loads(json.dumps(package)) == package
    plain = re.compile(r"[a-z0-9._-]+")  # https://specs.frictionlessdata.io/data-package/#name
    assert plain.fullmatch(package["name"])
    found = {}
    for resource in package["resources"]:
        assert plain.fullmatch(resource["name"])
        with (tmp_path / resource["path"]).open(encoding=resource["encoding"], newline="") as file:
            assert [field["name"] for field in resource["schema"]["fields"]] == next(csv.reader(file))
        found[resource["path"]] = {field["name"]: field["type"] for field in resource["schema"]["fields"]}
    assert found == {
        "did.csv": {"outcome": "string", "estimate": "number", "n_students": "integer", "note": "string"},
        "Items_Q1.csv": {"reversed": "boolean", "known": "boolean"},
    }
    titles = {resource["path"]: resource.get("title") for resource in package["resources"]}
    assert titles == {"did.csv": "Effects", "Items_Q1.csv": None}


def test_a_document_lies_beside_the_tables(toy: Path) -> None:
    ws = open_wave("w1")
    ws.document("codebook.schema", {"fields": [{"name": "q", "title": "„Wie geht’s?“"}]})
    path = ws.shown / "tables" / "codebook.schema.json"
    assert json.loads(path.read_text(encoding="utf-8"))["fields"][0]["title"] == "„Wie geht’s?“"


def test_each_row_of_a_codebook_has_the_decimals_of_its_own_unit() -> None:
    book = pd.DataFrame(
        {
            "variable": ["q", "seconds"],
            "mean": [3.254, 421.6],
            "sd": [1.1, 130.2],
            "minimum": [1, 193],
            "maximum": [5, 876.5],
        }
    )
    shown = [[cell.text.strip("\u2007\u2008") for cell in row] for row in display_table(book).rows]
    assert shown == [["q", "3.25", "1.10", "1", "5"], ["seconds", "421.6", "130.2", "193", "876.5"]]
