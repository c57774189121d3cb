"""Tables as CSV files that keep every digit and that no spreadsheet takes for formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["csv_bytes", "read_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GUARDED = re.compile(r"^'(?=[=+\-@\t\r])")


def csv_bytes(table: pd.DataFrame) -> bytes:
    r"""Write a table as CSV.

    Parameters
    ----------
    table : pandas.DataFrame
        Its index is not written.

    Returns
    -------
    bytes
        UTF-8, one header line, lines end with ``\n``, numbers with as many digits as bring back the same value. Text
        that a spreadsheet would take for a formula gets a leading apostrophe; missing cells are empty.

    Examples
    --------
    >>> csv_bytes(pd.DataFrame({"term": ["=1+1", "b"], "estimate": [0.1, -0.2]}))
    b"term,estimate\n'=1+1,0.1\nb,-0.2\n"
    """
    safe = table.copy()
    for position in range(safe.shape[1]):
        column = safe.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            safe.isetitem(position, column.astype(object).map(_guard).to_numpy())
    safe.columns = pd.Index([_guard(str(c)) for c in safe.columns])
    return safe.to_csv(index=False, lineterminator="\n").encode()


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `csv_bytes` wrote: empty cells are missing, guarded text has its first character again."""
    table = pd.read_csv(path, encoding="utf-8", keep_default_na=False, na_values=[""])
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column].dtype):
            table[column] = table[column].map(lambda v: _GUARDED.sub("", v) if isinstance(v, str) else v)
    return table


def _guard(value: Any) -> Any:
    """Keep a spreadsheet from reading text as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
