"""Stata files (.dta): value labels, variable labels, extended missing values .a to .z."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyreadstat

from belonging_study.data.export import Export
from belonging_study.data.readers.previews import split_previews
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.typed import damaged, plain_columns

__all__ = ["read", "recognises"]


def recognises(raw: RawFile) -> bool:
    """Look for the first bytes of a Stata file, in its old and its present form."""
    head = raw.start[:4]
    old = len(head) == 4 and 104 <= head[0] <= 115 and head[1] in (1, 2) and head[2] == 1 and head[3] == 0
    return old or raw.start.startswith(b"<stata_dta>")


def read(raw: RawFile) -> Export:
    """Read a Stata file through pyreadstat.

    Extended missing values (``.a`` to ``.z``) become NaN and are counted in ``missing_counts`` under their label, or
    as ``.a`` where they have none; plain missing cells and empty text are NaN. Variable labels become ``questions``.

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
        # with user_missing, pyreadstat 1.3 reads plain missing cells of whole-number columns as 0: values come from
        # a reading without it, and only the letters from this one
        table, _ = pyreadstat.read_dta(BytesIO(raw.data), encoding=raw.encoding)
        lettered, meta = pyreadstat.read_dta(BytesIO(raw.data), user_missing=True, encoding=raw.encoding)
    except Exception:  # the library raises its own, MemoryError, UnicodeError and OverflowError on damaged files
        raise damaged(raw.shown, "a Stata file") from None
    table, aside = split_previews(table)
    lettered, _ = split_previews(lettered)
    value_labels: dict[str, dict[Any, Any]] = dict(meta.variable_value_labels)
    counts: dict[str, dict[str, int]] = {}
    for column in meta.missing_user_values:
        of_column = value_labels.get(column, {})
        letters = lettered[column][lettered[column].map(lambda value: isinstance(value, str))]
        counts[column] = {}
        for letter, n in letters.value_counts(sort=False).items():
            reason = str(of_column.get(letter, f".{letter}"))
            counts[column][reason] = counts[column].get(reason, 0) + int(n)
    labels = {
        column: {float(code): str(label) for code, label in of_column.items() if isinstance(code, int | float)}
        for column, of_column in value_labels.items()
    }
    return Export(
        plain_columns(table, raw.shown),
        "stata",
        questions={column: str(text) for column, text in meta.column_names_to_labels.items() if text},
        labels={column: of_column for column, of_column in labels.items() if of_column},
        set_aside=aside,
        missing_counts={column: of_column for column, of_column in counts.items() if of_column},
    )
