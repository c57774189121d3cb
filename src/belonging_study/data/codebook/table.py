"""How each variable of the clean table is distributed, and for what reasons its values are missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from belonging_study.data.codebook.missing import missing_reasons
from belonging_study.data.codebook.variables import Variable

__all__ = ["codebook_table", "codebook_values"]

_MOST_VALUES = 20
_VALUE_COLUMNS = ["variable", "label", "kind", "value", "meaning", "n", "share", "n_smallest"]


def codebook_table(sample: pd.DataFrame, variables: Sequence[Variable], *, minimum_cell: int = 1) -> pd.DataFrame:
    """Describe the variables of the analysis sample.

    Parameters
    ----------
    sample : pandas.DataFrame
        The analysis sample of every wave.
    variables : sequence of Variable
        Its columns, in the order wanted; one that `sample` has not is left out.
    minimum_cell : int
        The smallest number of students whom a number may describe.

    Returns
    -------
    pandas.DataFrame
        One row a variable: ``variable, label, question, type, values, source, n, n_missing, mean, sd, minimum,
        maximum``; the last four (``sd`` with n - 1) are missing for codes and text.

    Notes
    -----
    A single student's value is not shown: ``minimum`` is the smallest value that at least `minimum_cell` students are
    at or below, and ``maximum`` likewise. Mean and standard deviation of a coded variable are left out where some
    value was given by fewer students in a wave: with the other counts, its count would follow from them.

    Examples
    --------
    >>> table = codebook_table(pd.DataFrame({"q": [1.0, 3.0, None]}), [Variable("q", "Q")])
    >>> table[["n", "n_missing", "mean", "minimum", "maximum"]].values.tolist()
    [[2.0, 1.0, 2.0, 1.0, 3.0]]
    """
    lines = []
    for variable in variables:
        if variable.name not in sample:
            continue
        column = sample[variable.name]
        n = int(column.notna().sum())
        measured = variable.type not in {"code", "text"} and pd.api.types.is_numeric_dtype(column)
        numbers = np.sort(column.dropna().to_numpy(dtype=float)) if measured else np.empty(0)
        counts = _value_counts(sample, variable) if measured else None
        rare = counts is not None and bool(counts["n_smallest"].between(1, minimum_cell - 1).any())
        enough = len(numbers) >= minimum_cell and len(numbers) > 0
        lines.append(
            {
                "variable": variable.name,
                "label": variable.label,
                "question": variable.question,
                "type": variable.type,
                "values": variable.values,
                "source": variable.source,
                "n": n,
                "n_missing": len(column) - n,
                "mean": numbers.mean() if enough and not rare else np.nan,
                "sd": numbers.std(ddof=1) if enough and not rare and len(numbers) > 1 else np.nan,
                "minimum": numbers[minimum_cell - 1] if enough else np.nan,
                "maximum": numbers[-minimum_cell] if enough else np.nan,
            }
        )
    return pd.DataFrame(lines)


def codebook_values(sample: pd.DataFrame, variables: Sequence[Variable], missing: pd.DataFrame) -> pd.DataFrame:
    """Count each value of the coded variables, and the reasons for which values are missing.

    Parameters
    ----------
    sample : pandas.DataFrame
        The analysis sample of every wave, with ``wave``.
    variables : sequence of Variable
        Its columns, in the order wanted.
    missing : pandas.DataFrame
        Missing values by wave and reason (see `missing_table`).

    Returns
    -------
    pandas.DataFrame
        ``variable, label, kind, value, meaning, n, share, n_smallest``. Rows of the kind ``value`` have one value each,
        those never given included; their share is that of the values that are there. Rows of the kind ``missing`` have
        one reason each, and their share is that of the sample; together they are all of the sample. Rows of the kind
        ``declared`` count reasons that the files themselves give, over all rows of the files, without a share.
        ``n_smallest`` is the smallest count above zero of a single wave, by which small cells are hidden. Codes of
        people and places, and variables that are measured and not coded or not `counted`, have no rows of values; nor
        has text with more than 20 values.

    Examples
    --------
    >>> sample = pd.DataFrame({"wave": ["w1"] * 3, "q": [1.0, 2.0, 2.0]})
    >>> none = pd.DataFrame(columns=["wave", "column", "reason", "n"])
    >>> question = Variable("q", "Q", levels={1: "No", 2: "Yes", 3: "Unsure"})
    >>> codebook_values(sample, [question], none)[["value", "meaning", "n"]].values.tolist()
    [['1', 'No', 1], ['2', 'Yes', 2], ['3', 'Unsure', 0]]
    """
    parts = []
    for variable in variables:
        if variable.name not in sample:
            continue
        counts = _value_counts(sample, variable)
        n = int(sample[variable.name].notna().sum())
        if counts is not None:
            shares = counts["n"] / n if n else np.nan
            parts.append(counts.assign(variable=variable.name, label=variable.label, kind="value", share=shares))
        reasons = missing_reasons(sample, variable.name, missing, survey=variable.survey, otherwise=variable.absent)
        if len(reasons):
            parts.append(reasons.assign(variable=variable.name, label=variable.label, meaning=""))
    if not parts:
        return pd.DataFrame(columns=_VALUE_COLUMNS)
    return pd.concat(parts, ignore_index=True)[_VALUE_COLUMNS]


def _value_counts(sample: pd.DataFrame, variable: Variable) -> pd.DataFrame | None:
    """Count every value of a coded variable, over all waves and in the wave with the fewest; nothing if not coded."""
    column = sample[variable.name]
    if variable.type == "code" or not variable.counted:
        return None
    if variable.type == "yes/no":
        levels: dict[float | str, str] = {1: "yes", 0: "no"}
        column = column.astype(float)
    elif variable.levels:
        levels = variable.levels
    elif not pd.api.types.is_numeric_dtype(column) and column.nunique() <= _MOST_VALUES:
        levels = dict.fromkeys(sorted(column.dropna().unique()), "")
    else:
        return None
    given = column.dropna()
    by_wave = pd.crosstab(given, sample.loc[given.index, "wave"] if "wave" in sample else np.zeros(len(given)))
    # A value outside the form cannot occur; should it, it is counted rather than passed over.
    present = [value for value in by_wave.index if value not in levels]
    counts = by_wave.reindex([*levels, *present], fill_value=0)
    return pd.DataFrame(
        {
            "value": [f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in counts.index],
            "meaning": [levels.get(value, "") for value in counts.index],
            "n": counts.sum(axis=1).to_numpy(dtype=int),
            "n_smallest": counts.where(counts > 0).min(axis=1).fillna(0).to_numpy(dtype=int),
        }
    )
