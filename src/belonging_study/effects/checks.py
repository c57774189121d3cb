"""Checks that every estimator makes of the columns it is given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import ColumnMissingError, DataError, DesignError, ParameterError, ValueRangeError

__all__ = ["binary_column", "complete_column", "model_columns", "numeric_column", "require_columns", "require_level"]

Array = npt.NDArray[np.float64]


def require_columns(data: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise unless every name is a column of the table.

    Parameters
    ----------
    data : pandas.DataFrame
        The table.
    names : sequence of str
        Columns that must be there.

    Raises
    ------
    ColumnMissingError
        With the missing names and, where there is one, the nearest existing name.
    DataError
        If the table has no rows.

    Examples
    --------
    >>> require_columns(pd.DataFrame({"school": [1]}), ["school"])
    """
    missing = [name for name in names if name not in data.columns]
    if missing:
        known = [str(column) for column in data.columns]
        hints = []
        for name in missing:
            near = difflib.get_close_matches(str(name), known, n=1)
            hints.append(f'"{name}"' + (f' (did you mean "{near[0]}"?)' if near else ""))
        raise ColumnMissingError(
            f"The table has no column {', '.join(hints)}.",
            remedy="correct the name; the table's columns are " + ", ".join(known[:20]) + ".",
        )
    if data.empty:
        raise DataError("The table has no rows.", remedy="check the rules that select the analysis sample.")


def require_level(conf_level: float) -> None:
    """Raise unless a confidence level lies strictly between 0 and 1.

    Parameters
    ----------
    conf_level : float
        The level, for example 0.95.

    Raises
    ------
    ParameterError
        If it does not.

    Examples
    --------
    >>> require_level(0.95)
    """
    if not 0 < conf_level < 1:
        raise ParameterError(
            f"The confidence level is {conf_level}, which is not between 0 and 1.", remedy="use a share such as 0.95."
        )


def numeric_column(data: pd.DataFrame, name: str) -> Array:
    """Return a column as floats, missing values as NaN.

    Parameters
    ----------
    data : pandas.DataFrame
        The table.
    name : str
        A numeric or boolean column.

    Returns
    -------
    numpy.ndarray
        Shape (rows,).

    Raises
    ------
    ValueRangeError
        If the column holds text or infinite values.

    Examples
    --------
    >>> numeric_column(pd.DataFrame({"y": [1, None]}), "y")
    array([ 1., nan])
    """
    column = data[name]
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ValueRangeError(
            f'Column "{name}" is not numeric.', remedy="turn its labels into numbers before estimating anything."
        )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    n_infinite = int(np.isinf(values).sum())
    if n_infinite:
        raise ValueRangeError(
            f'Column "{name}" holds {n_infinite} infinite values.', remedy="find the division by zero that made them."
        )
    return values


def complete_column(data: pd.DataFrame, name: str, role: str) -> pd.Series:
    """Return a column that must have no missing value.

    Parameters
    ----------
    data : pandas.DataFrame
        The table.
    name : str
        The column.
    role : str
        What it is, in words, for the message.

    Returns
    -------
    pandas.Series
        The column.

    Raises
    ------
    DataError
        With the number of rows that lack a value.

    Examples
    --------
    >>> complete_column(pd.DataFrame({"school": ["a", "b"]}), "school", "cluster").tolist()
    ['a', 'b']
    """
    column = data[name]
    n_missing = int(column.isna().sum())
    if n_missing:
        raise DataError(
            f'The {role} column "{name}" is missing in {n_missing} of {len(column)} rows.',
            remedy=f"fill in the {role} of these rows, or drop the rows yourself by a rule that the flow counts.",
        )
    return column


def binary_column(data: pd.DataFrame, name: str, role: str) -> Array:
    """Return a complete column of zeros and ones.

    Parameters
    ----------
    data : pandas.DataFrame
        The table.
    name : str
        The column: 0/1 or boolean.
    role : str
        What it is, in words, for the message.

    Returns
    -------
    numpy.ndarray
        Shape (rows,), zeros and ones.

    Raises
    ------
    DataError, ValueRangeError
        If values are missing, or anything but 0 and 1.

    Examples
    --------
    >>> binary_column(pd.DataFrame({"on": [True, False]}), "on", "treatment")
    array([1., 0.])
    """
    complete_column(data, name, role)
    values = numeric_column(data, name)
    n_other = int((~np.isin(values, (0.0, 1.0))).sum())
    if n_other:
        raise ValueRangeError(
            f'The {role} column "{name}" holds {n_other} values that are neither 0 nor 1.',
            remedy="code it 1 where the programme is running for that row and 0 elsewhere.",
        )
    return values


def model_columns(data: pd.DataFrame, names: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Turn covariates into columns of a design: numbers as they are, categories as dummies without the first.

    Parameters
    ----------
    data : pandas.DataFrame
        The table.
    names : sequence of str
        Covariates.

    Returns
    -------
    values : numpy.ndarray
        Shape (rows, columns); NaN where a covariate is missing.
    columns : tuple of str
        One name a column.

    Raises
    ------
    ValueRangeError, DesignError
        If a covariate is infinite, or is a category with one level.

    Examples
    --------
    >>> values, columns = model_columns(pd.DataFrame({"sex": ["f", "m"], "age": [12, 13]}), ["sex", "age"])
    >>> columns
    ('sex[m]', 'age')
    """
    parts: list[Array] = []
    columns: list[str] = []
    for name in names:
        column = data[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            parts.append(numeric_column(data, name)[:, None])
            columns.append(name)
            continue
        codes, levels = pd.factorize(column, sort=True)
        if len(levels) < 2:
            raise DesignError(
                f'The covariate "{name}" has {len(levels)} level.', remedy="leave it out: it cannot adjust anything."
            )
        dummies = (codes[:, None] == np.arange(1, len(levels))).astype(np.float64)
        dummies[codes < 0] = np.nan
        parts.append(dummies)
        columns += [f"{name}[{level}]" for level in levels[1:]]
    values = np.hstack(parts) if parts else np.empty((len(data), 0))
    return values, tuple(columns)
