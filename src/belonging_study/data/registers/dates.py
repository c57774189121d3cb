"""Dates as exported: the order of day and month is read off the file or asked for, never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from belonging_study.data.coding.answers import Coded, answers_as_text
from belonging_study.data.coding.problems import are
from belonging_study.data.wording import how_many
from belonging_study.errors import DataError, ValueRangeError

__all__ = ["code_dates"]

_CLOCK = r"(?:[T ]+\d{1,2}:\d{2}.*)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_CLOCK}|(\d{{4}})(\d{{2}})(\d{{2}})")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}){_CLOCK}")
_SHORT_YEAR = re.compile(rf"\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2}}{_CLOCK}")
_MONTHS = 12


def code_dates(values: Sequence[pd.Series], *, order: str = "", shown: str) -> list[Coded]:
    """Turn the columns of dates of one file into dates.

    Parameters
    ----------
    values : sequence of pandas.Series
        The columns, each named as in the file: text, or numbers such as 20250403; NaN and blank text are missing.
    order : {"", "day", "month"}
        What comes first in dates such as 03/04/2025, where it is declared.
    shown : str
        Name of the file, for messages.

    Returns
    -------
    list of Coded
        For each column its dates (``datetime64``, without a time of day). The problem is a `ValueRangeError` with the
        number of values that are no dates, or a `DataError` where the order has to be declared: no date of any column
        has a day above 12, or some can only have the day first and others only the month.

    Notes
    -----
    Years have four digits. Dates that begin with the year are taken as year, month, day (ISO 8601).

    Examples
    --------
    >>> columns = [pd.Series(["03/04/2025", "2025-09-01"], name="start"), pd.Series(["20/06/2025", None], name="end")]
    >>> [coded.codes.dt.strftime("%d %b").tolist() for coded in code_dates(columns, shown="w1/stays.csv")]
    [['03 Apr', '01 Sep'], ['20 Jun', nan]]
    >>> print(code_dates([columns[0]], shown="w1/stays.csv")[0].problem.what)
    column start: 1 date could have the day or the month first, such as 03/04 for 3 April or March 4.
    """
    parts = [_parts(answers_as_text(column)) for column in values]
    day_first = sum(int((part["loose"] & (part["first"] > _MONTHS)).sum()) for part in parts)
    month_first = sum(int((part["loose"] & (part["second"] > _MONTHS)).sum()) for part in parts)
    settled = order or ("day" if day_first and not month_first else "month" if month_first and not day_first else "")
    mixed = ""
    if day_first and month_first:
        mixed = f"{how_many(day_first, 'date')} of the file can only have the day first, and {month_first} the month."
    return [_dates(column, part, settled, shown, mixed) for column, part in zip(values, parts, strict=True)]


def _parts(texts: pd.Series) -> pd.DataFrame:
    """Split each text into year and two numbers; `loose` where their order is open."""
    rows = []
    places, different = pd.factorize(texts.to_numpy(dtype=object))
    for text in different:
        year_first = _YEAR_FIRST.fullmatch(text)
        year_last = _YEAR_LAST.fullmatch(text)
        if year_first:
            year, month, day = (int(part) for part in year_first.groups() if part is not None)
            rows.append((float(year), float(month), float(day), False, False))
        elif year_last:
            first, second, year = map(int, year_last.groups())
            rows.append((float(year), float(first), float(second), True, False))
        else:
            short = _SHORT_YEAR.fullmatch(text) is not None
            rows.append((np.nan, np.nan, np.nan, False, short))
    names = ["year", "first", "second", "loose", "short"]
    rows.append((np.nan, np.nan, np.nan, False, False))  # of a missing date, whose place is -1
    made = pd.DataFrame(rows, columns=names).iloc[places].set_axis(texts.index)
    return made.astype({"loose": bool, "short": bool}).assign(given=texts.notna())


def _dates(column: pd.Series, part: pd.DataFrame, order: str, shown: str, mixed: str) -> Coded:
    """Put the dates of one column together, or say what is wrong with them."""
    where = f"{shown}, column {column.name}"
    n_loose = int(part["loose"].sum())
    swap = part["loose"] & (order == "day")
    months, days = part["second"].where(swap, part["first"]), part["first"].where(swap, part["second"])
    dates = pd.to_datetime(pd.DataFrame({"year": part["year"], "month": months, "day": days}), errors="coerce")
    if n_loose and not order:
        either = f"{how_many(n_loose, 'date')} could have the day or the month first"
        return Coded(
            dates.where(~part["loose"]),
            DataError(
                f"column {column.name}: {mixed or f'{either}, such as 03/04 for 3 April or March 4.'}",
                where=where,
                remedy="say which comes first by `date_order: day` or `date_order: month` of that file in study.yml, "
                "or export dates as 2025-04-03.",
            ),
        )
    bad = part["given"] & dates.isna()
    if not bad.any():
        return Coded(dates)
    n, short = int(bad.sum()), bool(part.loc[bad, "short"].all())
    return Coded(
        dates,
        ValueRangeError(
            f"column {column.name}: {are(n, 'value')} no date{'' if n == 1 else 's'}"
            + (": the year has two digits." if short else "."),
            where=where,
            remedy="export dates with the year in four digits, as 2025-04-03."
            if short
            else "correct these dates in the file they come from, or leave them empty there; 2025-04-03 is understood "
            "everywhere, 03/04/2025 with `date_order:` of that file in study.yml.",
        ),
    )
