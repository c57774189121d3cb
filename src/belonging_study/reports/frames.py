"""A table as JSON values, complete enough to build it again."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["frame_from_json", "frame_to_json"]


def frame_to_json(data: pd.DataFrame) -> dict[str, Any]:
    """Write a table as JSON values: columns, what each holds, and the rows; numbers stay numbers.

    Parameters
    ----------
    data : pandas.DataFrame
        Its index is not kept.

    Returns
    -------
    dict
        ``columns, kinds, rows``; missing values are None, infinite ones text.

    Examples
    --------
    >>> frame_to_json(pd.DataFrame({"n": [1, 2]}))
    {'columns': ['n'], 'kinds': ['int'], 'rows': [[1], [2]]}
    """
    columns = [str(c) for c in data.columns]
    series = [data.iloc[:, i] for i in range(len(columns))]
    cells = [[_cell_to_json(value) for value in s.tolist()] for s in series]
    return {
        "columns": columns,
        "kinds": [_kind(s) for s in series],
        "rows": [list(row) for row in zip(*cells, strict=True)] if columns else [],
    }


def frame_from_json(value: Mapping[str, Any]) -> pd.DataFrame:
    """Build the table of `frame_to_json` again, with its types.

    Examples
    --------
    >>> frame_from_json(frame_to_json(pd.DataFrame({"share": [0.5, None]})))["share"].tolist()
    [0.5, nan]
    """
    rows = value["rows"]
    frame = pd.DataFrame(index=range(len(rows)))
    for i, (column, kind) in enumerate(zip(value["columns"], value["kinds"], strict=True)):
        cells = [row[i] for row in rows]
        has_gaps = any(cell is None for cell in cells)
        if kind == "float":
            frame[column] = pd.Series([math.nan if c is None else float(c) for c in cells], dtype="float64")
        elif kind == "int":
            frame[column] = pd.Series(cells, dtype="Int64" if has_gaps else "int64")
        elif kind == "bool":
            frame[column] = pd.Series(cells, dtype="boolean" if has_gaps else "bool")
        else:
            frame[column] = pd.Series(cells, dtype="object")
    return frame


def _kind(series: pd.Series[Any]) -> str:
    """What a column holds."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(series.dtype):
        return "int"
    return "float" if pd.api.types.is_float_dtype(series.dtype) else "str"


def _cell_to_json(value: Any) -> bool | int | float | str | None:
    """One value; JSON has no infinity, so that is text."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)
