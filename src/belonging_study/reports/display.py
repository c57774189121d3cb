"""From a tidy table to the table that is printed: headings, joined intervals, aligned numbers, and what is missing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from belonging_study.reports.formatting import DASH, bounds, count, decimals_for, number, p_value, prettify, share

__all__ = ["COUNT_COLUMNS", "Cell", "Column", "DisplayTable", "display_table"]

FIGURE_SPACE = "\u2007"  # as wide as a digit
POINT_SPACE = "\u2008"  # as wide as a point

COUNT_COLUMNS: tuple[str, ...] = ("n_students", "n", "n_rows", "n_responses", "n_complete", "n_units")
"""Columns that count people (or their rows), of which the first one present speaks for its row."""

_VALUES = {
    "model": {
        "did": "Difference-in-differences",
        "multilevel": "Multilevel model",
        "difference": "Difference at this wave",
        "change": "Mean change",
    },
    "term": {
        "programme": "Effect",
        "programme x group": "Difference of effects",
        "programme (linearmodels)": "Effect, cross-check",
        "change": "Change",
        "change x group": "Difference of changes",
    },
    "structure": {"one_factor": "One factor", "wording_factor": "One factor, and one of negative wording"},
    "coefficient": {
        "cronbach_alpha": "Cronbach’s alpha",
        "mcdonald_omega": "McDonald’s omega total",
        "ordinal_alpha": "Ordinal alpha",
        "ordinal_omega": "Ordinal omega",
    },
    "definition": {"pooled_items": "Pooled over items", "person_mean": "Person mean"},
    "group": {"all": "All students"},
    "level": {"all": "All"},
    "arm": {"all": "All"},
}

_BELOW_ONE = re.compile(
    r"^(icc|.*alpha|.*omega|rmsea|srmr|cfi|tli|r|r_squared|correlation|item_rest.*|.*reliability|autocorrelation)$"
)
_SHARE = re.compile(r"(^|_)(share|rate|proportion|percent)(_|$)|^attrition(_|$)|^retention$")
_P = re.compile(r"^p($|_)|(^|_)p_value$")
_COUNT = re.compile(r"^n$|^n_|_n$|^count$|^step$|^longest_run$|^replications$")
_LOW = re.compile(r"^(?:(?P<stem>.+?)_)?(?:conf_)?low$")
_DECIMALS = {"df": 1, "df_resid": 1, "effect_size": 2}
_LONG = 24  # characters above which a reason becomes a footnote


@dataclass(frozen=True)
class Column:
    """One column of a printed table: its heading, and whether it holds numbers."""

    name: str
    text: str
    numeric: bool


@dataclass(frozen=True)
class Cell:
    """One cell of a printed table; `muted` cells say that something is absent, `mark` is a footnote's letter."""

    text: str
    muted: bool = False
    mark: str = ""
    repeated: bool = False


@dataclass(frozen=True)
class DisplayTable:
    """A table as it is printed.

    Attributes
    ----------
    columns : tuple of Column
        Those whose cells differ; what all rows have in common is said once, in `common`.
    rows : tuple of tuple of Cell
        Written out.
    footnotes : tuple of str
        Each begins with its mark and says why something is missing.
    common : tuple of str
        Such as "Contrast: Second follow-up v Baseline".
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[str, ...] = ()
    common: tuple[str, ...] = ()


def display_table(
    data: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> DisplayTable:
    """Write a table out for readers.

    Parameters
    ----------
    data : pandas.DataFrame
        A tidy table; the column ``suppressed`` says which rows are hidden, ``note`` why a number is missing.
    columns : mapping of str to str, optional
        Columns to show and their headings; without it, every column that is not empty.
    labels : mapping, optional
        For a column, the readable form of its values.

    Returns
    -------
    DisplayTable
        An interval's two columns become one ("95% CI"); decimal points of a column stand below each other;
        a text column that says the same in every row is said once, below the table;
        a hidden row says so in place of its count, other missing numbers are an en dash with a footnote where the
        table has a reason.

    Examples
    --------
    >>> table = pd.DataFrame({"outcome": ["belonging"], "estimate": [0.12], "conf_low": [0.03], "conf_high": [0.21],
    ...                       "conf_level": [0.95], "p_value": [0.0123]})
    >>> shown = display_table(table)
    >>> [c.text for c in shown.columns], [c.text for c in shown.rows[0]]
    (['Outcome', 'Estimate', '95% CI', 'p'], ['belonging', '0.12', '[0.03, 0.21]', '.012'])
    """
    data = data.reset_index(drop=True)
    chosen = _chosen(data, columns)
    intervals = _intervals(data, chosen)
    swallowed = {high for _, high in intervals.values()}
    if intervals and columns is None:
        swallowed.add("conf_level")
    printed = [c for c in chosen if c not in swallowed]
    decimals = _row_decimals(data, intervals)
    heads, bodies = [], []
    for name in printed:
        given = (columns or {}).get(name, "")
        if name in intervals:
            low, high = intervals[name]
            below_one = bool(_BELOW_ONE.match(_owner(low)))
            cells = [
                bounds(a, b, d, leading_zero=not below_one)
                for a, b, d in zip(_floats(data[low]), _floats(data[high]), decimals[name], strict=True)
            ]
            heads.append(
                Column(name, given if given and "low" not in given.lower() else _interval_heading(data, name), True)
            )
        else:
            numeric = pd.api.types.is_numeric_dtype(data[name]) and not pd.api.types.is_bool_dtype(data[name])
            cells = (
                _numbers(name, data[name], decimals.get(name)) if numeric else _texts(name, data[name], labels or {})
            )
            heads.append(Column(name, given or prettify(name), bool(numeric)))
        bodies.append(cells)
    return _with_reasons(data, heads, bodies)


def _chosen(data: pd.DataFrame, columns: Mapping[str, str] | None) -> list[str]:
    """The columns to show."""
    if columns is not None:
        return list(columns)
    filled = [
        c for c in data.columns if c != "suppressed" and not data[c].isin(["", None]).all() and data[c].notna().any()
    ]
    # Where every number is hidden, the counts stay to say so.
    if any(_reasons(data, "suppressed")) and not any(pd.api.types.is_numeric_dtype(data[c]) for c in filled):
        return [c for c in data.columns if c in filled or _COUNT.search(c)]
    return filled


def _intervals(data: pd.DataFrame, chosen: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Lower bound's column to both bounds' columns, where both are shown."""
    found = {}
    for column in chosen:
        if _LOW.match(column) and pd.api.types.is_numeric_dtype(data[column]):
            high = column[: -len("low")] + "high"
            if high in chosen:
                found[column] = (column, high)
    return found


def _interval_heading(data: pd.DataFrame, low: str) -> str:
    """The heading of an interval, with its level where the table has one."""
    levels = data["conf_level"].dropna().unique().tolist() if "conf_level" in data else []
    level = f"{number(100 * float(levels[0]), 0)}% CI" if len(levels) == 1 else "CI"
    owner = _owner(low)
    # An interval beside its own estimate needs no further name.
    return level if owner == "estimate" or owner in data else f"{level}, {prettify(owner).lower()}"


def _owner(low: str) -> str:
    """The column that an interval belongs to, by the name of its lower bound."""
    match = _LOW.match(low)
    stem = (match.group("stem") if match else None) or "estimate"
    return {"conf": "estimate", "alpha": "cronbach_alpha", "omega": "mcdonald_omega"}.get(stem, stem)


def _row_decimals(data: pd.DataFrame, intervals: Mapping[str, tuple[str, str]]) -> dict[str, list[int]]:
    """Per row, the decimals that an estimate shares with its bounds; the same in all rows of an outcome."""
    found: dict[str, list[int]] = {}
    if {"variable", "mean", "sd", "minimum", "maximum"} <= set(data.columns):  # each row has a unit of its own
        found["mean"] = found["sd"] = [
            decimals_for(*row) for row in zip(_floats(data["mean"]), _floats(data["sd"]), strict=True)
        ]
        for column in ("minimum", "maximum"):
            whole = [v.is_integer() for v in _floats(data[column])]
            found[column] = [0 if w else d for w, d in zip(whole, found["mean"], strict=True)]
    of_row = data["outcome"].astype(str).tolist() if "outcome" in data else list(range(len(data)))
    for low, (_, high) in intervals.items():
        owner = _owner(low)
        parts = [_floats(data[c]) for c in (owner, low, high) if c in data]
        alike: dict[Any, list[float]] = {}
        for name, row in zip(of_row, zip(*parts, strict=True), strict=True):
            alike.setdefault(name, []).extend(row)
        found[low] = [decimals_for(*alike[name]) for name in of_row]
        if _BELOW_ONE.match(owner):
            found[low] = [2] * len(data)
        if owner in data:
            found[owner] = found[low]
            if owner == "estimate" and "std_error" in data:
                found["std_error"] = found[low]
    return found


def _floats(series: pd.Series[Any]) -> list[float]:
    """A numeric column with NaN for whatever is missing."""
    return [math.nan if pd.isna(v) else float(v) for v in series.tolist()]


def _numbers(name: str, series: pd.Series[Any], decimals: Sequence[int] | None) -> list[str]:
    """A numeric column, decimal points below each other."""
    values = _floats(series)
    if _P.search(name):
        return [p_value(v) for v in values]
    if _SHARE.search(name) and not _COUNT.search(name):
        return [share(v) for v in values]
    if _COUNT.search(name) or (
        name not in _DECIMALS and all(v.is_integer() for v in values if math.isfinite(v)) and not decimals
    ):
        return [count(v) for v in values]
    if _BELOW_ONE.match(name):
        return [number(v, 3 if name == "icc" else 2, leading_zero=False) for v in values]
    if name in _DECIMALS:
        return [number(v, _DECIMALS[name]) for v in values]
    each = list(decimals) if decimals is not None else [decimals_for(*values)] * len(values)
    widest = max(each, default=0)
    return [
        _padded(number(v, d), d, widest) if math.isfinite(v) else number(v) for v, d in zip(values, each, strict=True)
    ]


def _padded(text: str, decimals: int, widest: int) -> str:
    """Blank digits to the right, so that points line up."""
    if decimals == widest:
        return text
    return text + (POINT_SPACE if decimals == 0 else "") + FIGURE_SPACE * (widest - decimals)


def _texts(name: str, series: pd.Series[Any], labels: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A text column, with readable values where they are known."""
    known = {**_VALUES.get(name, {}), **labels.get(name, {})}
    return [_text(value, known) for value in series.tolist()]


def _text(value: Any, known: Mapping[str, str]) -> str:
    """One text value."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return known.get(str(value), str(value))


def _with_reasons(data: pd.DataFrame, heads: Sequence[Column], bodies: Sequence[Sequence[str]]) -> DisplayTable:
    """Put the cells into rows; say where something is hidden or missing, and why."""
    hidden = _reasons(data, "suppressed")
    notes = _reasons(data, "note") if "note" not in [h.name for h in heads] else [""] * len(data)
    reasons: dict[str, str] = {}
    rows = []
    for i in range(len(data)):
        absent = [k for k, h in enumerate(heads) if h.numeric and bodies[k][i].strip() == DASH]
        speaks = next((k for k in absent if heads[k].name in COUNT_COLUMNS), absent[0] if absent else None)
        short = hidden[i] if len(hidden[i]) <= _LONG else "hidden"
        reason = notes[i] if not hidden[i] else hidden[i] if short != hidden[i] else ""
        mark = reasons.setdefault(reason, _letter(len(reasons))) if absent and reason else ""
        row = []
        for k in range(len(heads)):
            text = bodies[k][i]
            if k in absent and hidden[i]:
                row.append(Cell(short, muted=True, mark=mark) if k == speaks else Cell(DASH, muted=True))
            elif k in absent:
                row.append(Cell(DASH, muted=True, mark=mark if k == speaks else ""))
            else:
                row.append(Cell(text, repeated=k == 0 and not heads[0].numeric and i > 0 and text == bodies[0][i - 1]))
        rows.append(tuple(row))
    same = [k for k in range(1, len(heads)) if len(rows) > 1 and not heads[k].numeric and _is_common(rows, k)]
    return DisplayTable(
        tuple(head for k, head in enumerate(heads) if k not in same),
        tuple(tuple(cell for k, cell in enumerate(row) if k not in same) for row in rows),
        tuple(f"{mark} {text}" for text, mark in reasons.items()),
        tuple(f"{heads[k].text}: {rows[0][k].text}" for k in same),
    )


def _is_common(rows: Sequence[Sequence[Cell]], position: int) -> bool:
    """Whether a column says the same in every row."""
    return rows[0][position].text != "" and all(row[position].text == rows[0][position].text for row in rows)


def _reasons(data: pd.DataFrame, column: str) -> list[str]:
    """A text column, or nothing."""
    if column not in data:
        return [""] * len(data)
    return [value if isinstance(value, str) else "" for value in data[column].tolist()]


def _letter(position: int) -> str:
    """The footnote's letter: a to z, then aa and on."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
