"""Check that answers are numbers inside the form's range before anything is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from numbers import Real

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from belonging_study.errors import ColumnMissingError, DataError, ParameterError, ValueRangeError

__all__ = ["check_range", "complete_answers", "numeric_answers", "require_columns"]

# A column with more different wrong values than this is likely the wrong column, perhaps one of identifiers.
_VALUES_SHOWN = 5


def require_columns(data: pd.DataFrame, columns: Sequence[str], *, kind: str = "column") -> None:
    """Raise ColumnMissingError or DataError unless each column is there exactly once."""
    missing = [name for name in columns if name not in data.columns]
    if missing:
        raise ColumnMissingError(
            f"{len(missing)} of {len(columns)} {kind}s {'is' if len(missing) == 1 else 'are'} not in the table.",
            where="; ".join(_with_nearest(name, data) for name in missing),
            remedy="correct the spelling, or add the column to the table.",
        )
    doubled = [name for name in columns if int((data.columns == name).sum()) > 1]
    if doubled:
        raise DataError(
            f"{len(doubled)} {kind}s {'is' if len(doubled) == 1 else 'are'} in the table more than once.",
            where=", ".join(doubled),
            remedy="rename or drop the doubled columns.",
        )


def numeric_answers(data: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    """Give the items as float columns, missing answers as NaN; text is a ValueRangeError."""
    if isinstance(items, str) or len(items) == 0 or len(set(items)) < len(items):
        found = "one text" if isinstance(items, str) else f"{len(items)} names, {len(set(items))} of them different"
        raise ParameterError(
            f"`items` must be a list of different column names; it is {found}.",
            remedy='write items=["item_1", "item_2", ...], each item once.',
        )
    require_columns(data, items, kind="item")
    columns: dict[str, npt.NDArray[np.float64]] = {}
    text: list[str] = []
    for name in items:
        column = data[name]
        n_text = _count_text(column)
        if n_text:
            text.append(f"{name} ({n_text} of {int(column.notna().sum())} answers)")
        else:
            columns[name] = np.asarray(
                column.astype("Float64").to_numpy(dtype=float, na_value=np.nan), dtype=np.float64
            )
    if text:
        raise ValueRangeError(
            f"{len(text)} item{' holds' if len(text) == 1 else 's hold'} text where numbers belong.",
            where=", ".join(text),
            remedy="turn the answers' labels into numbers first.",
        )
    return pd.DataFrame(columns, index=data.index, dtype=float)


def check_range(answers: pd.DataFrame, minimum: float, maximum: float) -> None:
    """Raise ValueRangeError where an answer lies outside [minimum, maximum]."""
    if not (np.isfinite(minimum) and np.isfinite(maximum) and minimum < maximum):
        raise ParameterError(
            f"The form's lowest answer must be below its highest; they are {minimum:g} and {maximum:g}.",
            remedy="give the numbers printed on the form, for example minimum=1, maximum=5.",
        )
    found: list[str] = []
    n_outside = 0
    for name in answers.columns:
        column = answers[name]
        outside = column[column.notna() & ~column.between(minimum, maximum)]
        if len(outside):
            n_outside += len(outside)
            found.append(f"{name}: {_tell(outside)}")
    if found:
        raise ValueRangeError(
            f"{n_outside} answer{' lies' if n_outside == 1 else 's lie'} outside {minimum:g} to {maximum:g}.",
            where="; ".join(found),
            remedy="correct the range, or declare codes such as 99 as missing.",
        )


def complete_answers(
    items: pd.DataFrame, *, at_least: int, conf_level: float = 0.95
) -> tuple[npt.NDArray[np.float64], int]:
    """Answers of the people who answered every item, and how many others there are; DataError where too few."""
    if not 0 < conf_level < 1:
        raise ParameterError(f"`conf_level` must lie between 0 and 1; it is {conf_level:g}.")
    if items.shape[1] < at_least:
        raise DataError(f"This figure needs at least {at_least} items; the scale has {items.shape[1]}.")
    answers = numeric_answers(items, list(items.columns))
    endless = [f"{name} ({n})" for name, n in np.isinf(answers).sum().items() if n]
    if endless:
        raise ValueRangeError("Infinite numbers among the answers.", where=", ".join(endless))
    values = answers.to_numpy()
    complete = values[~np.isnan(values).any(axis=1)]
    n, k = complete.shape
    if n <= k:
        empty = [str(name) for name in answers.columns[answers.isna().all()]]
        because = f"; nobody answered {', '.join(empty)}" if empty else ""
        raise DataError(
            f"{n} of {len(values)} people answered all {k} items; this figure needs at least {k + 1}{because}.",
            remedy="pool groups or waves, or leave out items that were not asked.",
        )
    constant = [str(name) for name in answers.columns[np.ptp(complete, axis=0) == 0]]
    if constant:
        raise DataError(
            f"{len(constant)} of {k} items have one and the same answer from all {n} people: {', '.join(constant)}.",
            remedy="leave constant items out of the scale, or check that they were read rightly.",
        )
    return complete, len(values) - n


def _tell(outside: pd.Series[float]) -> str:
    counts = outside.value_counts().sort_index()
    if len(counts) > _VALUES_SHOWN:
        return f"{len(outside)} answers, {len(counts)} different values"
    return ", ".join(f"{value:g} appears {_times(int(n))}" for value, n in counts.items())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count_text(column: pd.Series) -> int:
    """Answers that are not numbers; a text column of nothing but blanks has none."""
    if is_numeric_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype):
        return 0
    answered = column.dropna()
    return sum(not isinstance(value, Real) for value in answered)


def _with_nearest(name: str, data: pd.DataFrame) -> str:
    nearest = get_close_matches(str(name), [str(column) for column in data.columns], n=1, cutoff=0.6)
    return f"{name} (nearest: {nearest[0]})" if nearest else str(name)
