"""Plain tables: text in several encodings, Excel, SPSS, Stata, parquet; written by other people's libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat

from data.writers.wave import CONSENT, ITEMS, LABELS, WORDINGS, Simulated, Written, write_rows, written

HEADER = ["student_id", "consent", *ITEMS, "age", "comment"]


def text(file: Path, wave: Simulated, *, separator: str = ",", encoding: str = "utf-8", decimal: str = ".") -> Written:
    rows = _rows(wave)
    for row in rows[1:]:
        row[-2] = str(row[-2]).replace(".", decimal)
    write_rows(file, rows, separator, encoding)
    entries: dict[str, Any] = {"encoding": encoding} if encoding.startswith("windows") else {}
    if decimal != ".":
        entries["decimal"] = decimal
    return written(file, len(rows) - 1, **entries)


def excel(file: Path, wave: Simulated) -> Written:
    book = openpyxl.Workbook()
    rows = _rows(wave)
    for row in rows:
        book.active.append([f"'{cell}" if str(cell).startswith("=") else cell for cell in row])
    book.save(file)
    return written(file, len(rows) - 1)


def spss(file: Path, wave: Simulated) -> Written:
    """Numbers with value labels; 99 is declared missing."""
    table = _numbers(wave, 99)
    labels: dict[str, dict[Any, str]] = {item: {**_scale(), 99: "keine Angabe"} for item in ITEMS}
    pyreadstat.write_sav(
        table,
        file,
        column_labels=dict(zip(ITEMS, WORDINGS, strict=True)),
        variable_value_labels={**labels, "consent": dict(CONSENT)},
        missing_ranges={item: [99] for item in ITEMS},
    )
    return written(file, len(table))


def stata(file: Path, wave: Simulated) -> Written:
    """Numbers with value labels; .a is a missing value with a reason."""
    table = _numbers(wave, "a")
    pyreadstat.write_dta(
        table,
        file,
        variable_value_labels={**{item: {**_scale(), "a": "keine Angabe"} for item in ITEMS}, "consent": dict(CONSENT)},
        missing_user_values={item: ["a"] for item in ITEMS},
    )
    return written(file, len(table))


def parquet(file: Path, wave: Simulated) -> Written:
    table = pd.DataFrame(_rows(wave)[1:], columns=HEADER).replace({"": None})
    table.assign(age=table["age"].astype(float)).to_parquet(file)
    return written(file, len(table))


def _rows(wave: Simulated) -> list[list[Any]]:
    rows: list[list[Any]] = [list(HEADER)]
    for one in wave.responses:
        answers = ["" if a is None else LABELS[a - 1] for a in one.answers]
        rows.append([one.student, CONSENT[one.consent], *answers, one.age, one.comment])
    return rows


def _scale() -> dict[Any, str]:
    return dict(enumerate(LABELS, 1))


def _numbers(wave: Simulated, missing: float | str) -> pd.DataFrame:
    """Every second missing answer has the declared code, the others are empty."""
    rows = []
    for place, one in enumerate(wave.responses):
        gone = missing if place % 2 else np.nan
        rows.append([one.student, one.consent, *(gone if a is None else a for a in one.answers), one.age, one.comment])
    return pd.DataFrame(rows, columns=HEADER)
