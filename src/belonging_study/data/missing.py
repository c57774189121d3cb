"""Which values of the analysis sample are missing, and for what reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

__all__ = ["LEFT_EMPTY", "NOT_IN_FILES", "NO_RESPONSE", "missing_table"]

NO_RESPONSE = "no survey response"
LEFT_EMPTY = "no value given"
NOT_IN_FILES = "student not in the file"


def missing_table(
    sample: pd.DataFrame,
    labels: Mapping[str, str],
    present: Mapping[str, pd.Series],
    survey: Sequence[str],
    declared: Mapping[str, Mapping[str, int]],
    *,
    wave: str,
) -> pd.DataFrame:
    """Count the missing values of each column of one wave's analysis sample by reason.

    Parameters
    ----------
    sample : pandas.DataFrame
        That wave's analysis sample, one row a student.
    labels : mapping of str to str
        Column to its label, for the columns that the wave has, in the order wanted.
    present : mapping of str to pandas.Series
        Column to bool (index of `sample`): the student stands in the file that holds the column.
    survey : sequence of str
        The columns that the survey holds.
    declared : mapping
        Column to ``{reason: count}`` of values that the file itself declares missing.
    wave : str
        Copied into the table.

    Returns
    -------
    pandas.DataFrame
        ``wave, column, label, reason, n, share``, one row for each reason that occurs. Reasons in the sample are
        `NO_RESPONSE` (survey) or `NOT_IN_FILES` (other files), and `LEFT_EMPTY`; together they are all missing
        values of the column, and their share is that of the sample. ``declared in the file: <reason>`` counts rows of
        the whole file, sample or not; it has no share and is part of `LEFT_EMPTY`.

    Examples
    --------
    >>> sample = pd.DataFrame({"q": [1.0, np.nan, np.nan, 2.0]})
    >>> table = missing_table(
    ...     sample, {"q": "Q"}, {"q": pd.Series([True, True, False, True])}, ["q"], {"q": {"refused": 1}}, wave="w1"
    ... )
    >>> table[["reason", "n", "share"]].values.tolist()
    [['no survey response', 1, 0.25], ['no value given', 1, 0.25], ['declared in the file: refused', 1, nan]]
    """
    lines: list[tuple[str, str, str, str, int, float]] = []
    empty = sample[list(labels)].isna().to_numpy()
    for (column, label), gone in zip(labels.items(), empty.T, strict=True):
        absent = gone & ~present[column].to_numpy()
        counts = {
            NO_RESPONSE if column in survey else NOT_IN_FILES: int(absent.sum()),
            LEFT_EMPTY: int((gone & ~absent).sum()),
        }
        lines += [(wave, column, label, reason, n, n / len(sample)) for reason, n in counts.items() if n]
        lines += [
            (wave, column, label, f"declared in the file: {reason}", n, np.nan)
            for reason, n in declared.get(column, {}).items()
            if n
        ]
    return pd.DataFrame(lines, columns=["wave", "column", "label", "reason", "n", "share"])
