"""SPSS files (.sav, .zsav): value labels, variable labels, user-declared missing values."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pandas as pd
import pyreadstat

from belonging_study.data.export import Export
from belonging_study.data.readers.previews import split_previews
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.typed import damaged, plain_columns

__all__ = ["read", "recognises"]


def recognises(raw: RawFile) -> bool:
    """Look for the first bytes of an SPSS system file."""
    return raw.start[:4] in (b"$FL2", b"$FL3")


def read(raw: RawFile) -> Export:
    """Read an SPSS file through pyreadstat.

    Values that the file declares missing become NaN; ``missing_codes`` gives each code its label (or "code 99" where
    it has none), ``missing_counts`` how many cells it had. System-missing cells and empty text are NaN.
    Variable labels become ``questions``; labels of codes declared missing are left out of ``labels``.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export

    Raises
    ------
    EmptyFileError
        If there are no rows.
    UnreadableFileError
        If the file is damaged.
    """
    try:
        table, meta = pyreadstat.read_sav(BytesIO(raw.data), user_missing=True, encoding=raw.encoding)
    except Exception:  # the library raises its own, MemoryError, UnicodeError and OverflowError on damaged files
        raise damaged(raw.shown, "an SPSS file") from None
    table, aside = split_previews(table)  # before anything is counted
    value_labels: dict[str, dict[Any, Any]] = dict(meta.variable_value_labels)
    missing_ranges: dict[str, Any] = dict(meta.missing_ranges)
    labels = {
        column: {float(code): str(label) for code, label in of_column.items() if isinstance(code, int | float)}
        for column, of_column in value_labels.items()
    }
    codes: dict[str, dict[float, str]] = {}
    counts: dict[str, dict[str, int]] = {}
    for column, ranges in missing_ranges.items():
        declared = _declared(table[column], ranges)
        values = table[column][declared]
        codes[column] = {}
        counts[column] = {}
        for value, n in values.value_counts(sort=False).items():
            reason = _reason(value, value_labels.get(column, {}))
            counts[column][reason] = counts[column].get(reason, 0) + int(n)
            if isinstance(value, int | float):
                codes[column][float(value)] = reason
        labelled = pd.Series(list(labels.get(column, {})), dtype="float64")
        for code in labelled[_declared(labelled, ranges)]:
            codes[column][code] = labels[column].pop(code)
        table[column] = table[column].mask(declared)
    return Export(
        plain_columns(table, raw.shown),
        "spss",
        questions={column: str(text) for column, text in meta.column_names_to_labels.items() if text},
        labels={column: of_column for column, of_column in labels.items() if of_column},
        missing_codes={column: of_column for column, of_column in codes.items() if of_column},
        set_aside=aside,
        missing_counts={column: of_column for column, of_column in counts.items() if of_column},
    )


def _declared(values: pd.Series, ranges: Sequence[dict[str, Any]]) -> pd.Series:
    """Mark the values that fall into one of the ranges."""
    hit = pd.Series(False, index=values.index)
    numbers = pd.api.types.is_numeric_dtype(values)
    for ends in ranges:
        low, high = ends["lo"], ends["hi"]
        if numbers and not isinstance(low, str):
            hit |= values.between(low, high)
        elif not numbers and isinstance(low, str):
            hit |= values == low  # text can be declared missing one value at a time only
    return hit


def _reason(value: Any, labels: dict[Any, str]) -> str:
    """Give the label of a code that is declared missing."""
    if value in labels:
        return str(labels[value])
    return f"code {value:g}" if isinstance(value, int | float) else "declared missing"
