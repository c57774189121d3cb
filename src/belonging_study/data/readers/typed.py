"""What formats with types of their own share: plain columns, and cells declared missing."""

from __future__ import annotations

import pandas as pd

from belonging_study.data.readers.grid import refuse_repeated_names
from belonging_study.errors import EmptyFileError, UnreadableFileError

__all__ = ["damaged", "plain_columns"]

_NUMBERS = {"integer", "floating", "mixed-integer-float", "integer-na", "decimal"}


def plain_columns(table: pd.DataFrame, shown: str) -> pd.DataFrame:
    """Leave numbers as they are and turn everything else into text.

    Parameters
    ----------
    table : pandas.DataFrame
        As the file's own library gives it.
    shown : str
        How messages name the file.

    Returns
    -------
    pandas.DataFrame
        Columns of numbers (float), truth values, or text (dates as ``YYYY-MM-DD`` with the time where there is one);
        empty text is NaN.

    Raises
    ------
    EmptyFileError
        If there are no rows or no columns.
    UnreadableFileError
        If two columns share a name.

    Examples
    --------
    >>> table = pd.DataFrame({"day": pd.to_datetime(["2024-10-07"]), "text": [""], "code": [3.0]})
    >>> plain_columns(table, "survey.sav")
                       day text  code
    0  2024-10-07 00:00:00  NaN   3.0
    """
    if not len(table) or not len(table.columns):
        raise EmptyFileError(f"{shown} has no rows of data.", where=shown, remedy="export the data again.")
    names = [str(name) for name in table.columns]
    refuse_repeated_names(names, shown)
    columns = {}
    for position, name in enumerate(names):
        values = table.iloc[:, position]
        if pd.api.types.infer_dtype(values, skipna=True) in _NUMBERS:
            values = pd.to_numeric(values.astype("object").map(float, na_action="ignore"))
        if not pd.api.types.is_numeric_dtype(values):
            text = values.astype("object").map(str, na_action="ignore")
            values = text.astype("str").where(text.notna() & (text != ""))
        columns[name] = values
    return pd.DataFrame(columns)


def damaged(shown: str, kind: str) -> UnreadableFileError:
    """Say that a file begins like one of that kind and cannot be read to its end."""
    return UnreadableFileError(
        f"{shown} begins like {kind}, but it is damaged or ends too early.",
        where=shown,
        remedy="export or copy it again.",
    )
