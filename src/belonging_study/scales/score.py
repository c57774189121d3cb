"""From items to a score for each person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales._answers import check_range, numeric_answers

__all__ = ["reverse_keyed", "score"]


def reverse_keyed(
    data: pd.DataFrame, items: Sequence[str], reverse: Sequence[str], minimum: float, maximum: float
) -> pd.DataFrame:
    """Turn the reverse-worded items round, so that a high answer means the same in every item.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a person (and wave), one column an item; other columns are ignored.
    items : sequence of str
        The scale's items.
    reverse : sequence of str
        Those of them that are worded the other way round: x becomes minimum + maximum - x.
    minimum, maximum : float
        The lowest and the highest answer on the form.

    Returns
    -------
    pandas.DataFrame
        Float, the items in the order given, the rows and index of ``data``. Missing answers stay missing.

    Raises
    ------
    ColumnMissingError
        An item is not in ``data``; the message gives the nearest name.
    ValueRangeError
        An answer is text, or lies outside [minimum, maximum]: nothing is dropped or clipped.
    DataError
        An item's column is there twice.
    ParameterError
        ``items`` or ``reverse`` is not a list of items, or minimum is not below maximum.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"liked": [5, 4], "left_out": [1, None]})
    >>> reverse_keyed(answers, ["liked", "left_out"], ["left_out"], 1, 5)
       liked  left_out
    0    5.0       5.0
    1    4.0       NaN
    """
    keyed = numeric_answers(data, items)
    unknown = [reverse] if isinstance(reverse, str) else [name for name in reverse if name not in keyed.columns]
    if unknown:
        raise ParameterError(
            f"`reverse` must be a list of the scale's own items; {', '.join(unknown)} will not do.",
            remedy="take every reversed item from `items`.",
        )
    check_range(keyed, minimum, maximum)
    for name in reverse:
        keyed[name] = minimum + maximum - keyed[name]
    return keyed


def score(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    reverse: Sequence[str] = (),
    minimum: float,
    maximum: float,
    min_answered: float = 0.8,
    method: Literal["mean", "sum", "percent_of_maximum"] = "mean",
) -> pd.Series[float]:
    """Score a scale for each person from the items that the person answered.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a person (and wave), one column an item; other columns are ignored.
    items : sequence of str
        The scale's items.
    reverse : sequence of str, optional
        Those of them that are worded the other way round: x becomes minimum + maximum - x.
    minimum, maximum : float
        The lowest and the highest answer on the form.
    min_answered : float, default 0.8
        Smallest share of the items that a person must have answered, above 0 and at most 1.
    method : {"mean", "sum", "percent_of_maximum"}, default "mean"
        "mean": the mean of the answered items. "sum": that mean times the number of all the scale's items, so that
        an unanswered item counts as the person's own mean (a prorated sum). "percent_of_maximum": where the mean lies
        between the lowest answer (0) and the highest (100), 100 (mean - minimum) / (maximum - minimum), so that forms
        of different length can be read side by side.

    Returns
    -------
    pandas.Series
        Float, named "score", with the index of ``data``. NaN where a person answered too few items, and only there:
        ``result.isna().sum()`` people were not scored.

    Raises
    ------
    ColumnMissingError, ValueRangeError, DataError, ParameterError
        As :func:`reverse_keyed`; ParameterError also for ``min_answered`` and ``method``.

    References
    ----------
    Cohen, P., Cohen, J., Aiken, L. S., & West, S. G. (1999). The problem of units and the circumstance for POMP.
    *Multivariate Behavioral Research, 34*, 315-346 (the percent of the maximum possible).

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"liked": [5, 4, None], "left_out": [1, 2, None], "proud": [4, None, 3]})
    >>> score(answers, ["liked", "left_out", "proud"], reverse=["left_out"], minimum=1, maximum=5, min_answered=0.6)
    0    4.666667
    1    4.000000
    2         NaN
    Name: score, dtype: float64
    """
    if not 0 < min_answered <= 1:
        raise ParameterError(
            f"`min_answered` must be above 0 and at most 1; it is {min_answered:g}.",
            remedy="give a share of the items, for example 0.8.",
        )
    if method not in ("mean", "sum", "percent_of_maximum"):
        raise ParameterError(f'`method` must be "mean", "sum" or "percent_of_maximum"; it is {method!r}.')
    keyed = reverse_keyed(data, items, reverse, minimum, maximum)
    # The small allowance keeps a share such as 2/3, written as a float, from asking for one item more.
    required = math.ceil(min_answered * len(items) - 1e-9)
    means = keyed.mean(axis=1).where(keyed.notna().sum(axis=1) >= required)
    if method == "sum":
        means = means * len(items)
    elif method == "percent_of_maximum":
        means = 100 * (means - minimum) / (maximum - minimum)
    return means.rename("score")
