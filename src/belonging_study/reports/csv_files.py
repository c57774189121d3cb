"""Tables as CSV files that keep every digit and that no spreadsheet takes for formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["csv_bytes", "read_csv"]

_STARTS = "=+\\-@\t\r\n＝＋－＠"
"""What a spreadsheet takes for the start of a formula (OWASP, CSV Injection), full-width forms included."""

_RISKY = re.compile(rf"^'*[{_STARTS}]")
_GUARDED = re.compile(rf"^'(?='*[{_STARTS}])")


def csv_bytes(table: pd.DataFrame) -> bytes:
    r"""Write a table as CSV.

    Parameters
    ----------
    table : pandas.DataFrame
        Its index is not written.

    Returns
    -------
    bytes
        UTF-8, one header line, lines end with ``\n``, numbers with as many digits as bring back the same value. Text,
        in headings too, that a spreadsheet would take for a formula gets a leading apostrophe, and so does text that
        would otherwise look as if it had been given one. A carriage return inside a text becomes a line feed, since
        some readers would begin a new row there; missing cells are empty.

    References
    ----------
    OWASP Foundation. CSV Injection. https://owasp.org/www-community/attacks/CSV_Injection

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
    table.columns = pd.Index([_GUARDED.sub("", str(name)) for name in table.columns])
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column].dtype):
            table[column] = table[column].map(lambda v: _GUARDED.sub("", v) if isinstance(v, str) else v)
    return table


def _guard(value: Any) -> Any:
    """Keep a spreadsheet from reading text as a formula, or a part of it as another row."""
    if not isinstance(value, str):
        return value
    guarded = f"'{value}" if _RISKY.match(value) else value
    return guarded.replace("\r\n", "\n").replace("\r", "\n")
