"""SPSS files (.sav, .zsav): value labels, variable labels, user-declared missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pandas as pd
import pyreadstat

from belonging_study.data.export import Export
from belonging_study.data.readers.previews import split_previews
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.sav_structure import SavStructure, sav_structure
from belonging_study.data.readers.typed import damaged, plain_columns

__all__ = ["read", "recognises"]

_ANY_BYTE = "ISO-8859-1"
"""In this encoding every byte is a letter, so reading cannot fail and nothing is lost."""
_ENCODING_TROUBLE = ("invalid byte sequence", "character set")


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

    Notes
    -----
    The dictionary of the file is followed first (see `sav_structure`), for pyreadstat may end the whole process over a
    damaged one. Text that is cut within a character, as a name of several bytes a letter is in a variable of five
    bytes, loses that character; text that is not in the file's encoding has U+FFFD in its place.
    """
    table, meta = _load(raw)
    table, aside = split_previews(table)  # before anything is counted
    value_labels, missing_ranges = meta.value_labels, meta.missing_ranges
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
        questions=meta.questions,
        labels={column: of_column for column, of_column in labels.items() if of_column},
        missing_codes={column: of_column for column, of_column in codes.items() if of_column},
        set_aside=aside,
        missing_counts={column: of_column for column, of_column in counts.items() if of_column},
    )


@dataclass(frozen=True)
class _Meta:
    """What the file says about its columns."""

    questions: dict[str, str]
    value_labels: dict[str, dict[Any, Any]]
    missing_ranges: dict[str, Any]


def _load(raw: RawFile) -> tuple[pd.DataFrame, _Meta]:
    """Read the file; as bytes, decoded here, where a label or a labelled value is not in the file's encoding."""
    structure = sav_structure(raw.data)
    if structure is None:
        raise damaged(raw.shown, "an SPSS file")
    try:
        if structure.has_clean_codes(raw.encoding):  # else pyreadstat ends the process
            table, meta = pyreadstat.read_sav(BytesIO(raw.data), user_missing=True, encoding=raw.encoding)
            return table, _meta(meta)
    except pyreadstat.ReadstatError as error:
        if not any(words in str(error) for words in _ENCODING_TROUBLE):
            raise damaged(raw.shown, "an SPSS file") from None
    except Exception:  # MemoryError, UnicodeError, OverflowError and others on damaged files
        raise damaged(raw.shown, "an SPSS file") from None
    try:
        table, meta = pyreadstat.read_sav(BytesIO(raw.data), user_missing=True, encoding=_ANY_BYTE)
    except Exception:
        raise damaged(raw.shown, "an SPSS file") from None
    return _decoded(table, _meta(meta), structure, raw.encoding)


def _meta(meta: Any) -> _Meta:
    return _Meta(
        {column: str(text) for column, text in meta.column_names_to_labels.items() if text},
        dict(meta.variable_value_labels),
        dict(meta.missing_ranges),
    )


def _decoded(
    table: pd.DataFrame, meta: _Meta, structure: SavStructure, encoding: str | None
) -> tuple[pd.DataFrame, _Meta]:
    """Turn bytes that were read as letters into the text that they are."""

    def text(value: Any) -> Any:
        return structure.text(value.encode(_ANY_BYTE), encoding) if isinstance(value, str) else value

    table = table.rename(columns=text)
    for position, column in enumerate(table.columns):
        if not pd.api.types.is_numeric_dtype(table.dtypes.iloc[position]):
            table[column] = table.iloc[:, position].astype("object").map(text)
    return table, _Meta(
        {text(column): text(question) for column, question in meta.questions.items()},
        {
            text(column): {text(code): text(label) for code, label in of.items()}
            for column, of in meta.value_labels.items()
        },
        {
            text(column): [{end: text(value) for end, value in ends.items()} for ends in ranges]
            for column, ranges in meta.missing_ranges.items()
        },
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
