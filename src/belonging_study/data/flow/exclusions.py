"""The rules of ``study.yml`` that take rows out of the analysis sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.coding.problems import are
from belonging_study.errors import ColumnMissingError, ValueRangeError
from belonging_study.study.model import Exclusion
from belonging_study.study.names import nearest

__all__ = ["apply_exclusions", "as_text", "rule_matches"]

_TRUTH = {"true": "1", "false": "0"}


def apply_exclusions(table: pd.DataFrame, rules: Sequence[Exclusion], *, wave: str, where: str) -> npt.NDArray[np.int_]:
    """Say for each row which rule takes it out first.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a student, of one wave.
    rules : sequence of Exclusion
        All rules of the study, in order; a rule for other waves takes nothing out.
    wave : str
        The wave.
    where : str
        The wave's files, for the messages.

    Returns
    -------
    numpy.ndarray of int
        Shape (rows,): number of the rule, from 1 in the order of `rules`; 0 for a row that stays.

    Raises
    ------
    ColumnMissingError
        If a rule names a column that the table has not.
    ValueRangeError
        If a rule compares numbers and the column holds text.

    Examples
    --------
    >>> rule = Exclusion(name="no_consent", label="No consent", column="consent", equals=("no",))
    >>> apply_exclusions(pd.DataFrame({"consent": ["yes", "No", None]}), [rule], wave="w1", where="w1").tolist()
    [0, 1, 0]
    """
    removed = np.zeros(len(table), dtype=int)
    for number, rule in enumerate(rules, start=1):
        if rule.waves and wave not in rule.waves:
            continue
        if rule.column not in table.columns:
            raise ColumnMissingError(
                f"The exclusion rule {rule.name} needs the column {rule.column}, which wave {wave} has not"
                f"{nearest(rule.column, map(str, table.columns))}.",
                where=where,
                remedy="correct the rule's column, or limit the rule to the waves that have it by `waves:`.",
            )
        removed[(removed == 0) & rule_matches(table[rule.column], rule, where=where).to_numpy()] = number
    return removed


def rule_matches(column: pd.Series, rule: Exclusion, *, where: str) -> pd.Series:
    """Say which values of a column a rule takes out.

    Parameters
    ----------
    column : pandas.Series
        The column, text or numbers.
    rule : Exclusion
        One rule; its column's name is not looked at.
    where : str
        The files, for the messages.

    Returns
    -------
    pandas.Series of bool
        Same index. A missing value is taken out by ``missing: true`` alone, never by a comparison. ``equals``
        compares text without regard to case and outer spaces, and 1 with "1" and true.

    Raises
    ------
    ValueRangeError
        If the rule compares numbers and the column holds text.

    Examples
    --------
    >>> low = Exclusion(name="low", label="Low", column="share", below=0.5)
    >>> rule_matches(pd.Series([0.2, 0.5, None]), low, where="w1").tolist()
    [True, False, False]
    """
    if rule.missing is not None:
        return (as_text(column) == "").eq(rule.missing)
    if rule.equals is not None:
        wanted = as_text(pd.Series(list(rule.equals), dtype=object))
        return as_text(column).isin(set(wanted) - {""})
    numbers = pd.to_numeric(column, errors="coerce")
    spoilt = int((numbers.isna() & (as_text(column) != "")).sum())
    if spoilt:
        raise ValueRangeError(
            f"{are(spoilt, 'value')} no number, and the exclusion rule {rule.name} compares numbers.",
            where=f"{where}, column {rule.column}",
            remedy="use `equals:` for text, or correct the column.",
        )
    return numbers.lt(rule.below) if rule.below is not None else numbers.gt(rule.above)


def as_text(column: pd.Series) -> pd.Series:
    """Write values in one form in which text and numbers can be compared.

    Parameters
    ----------
    column : pandas.Series
        Text, numbers or booleans.

    Returns
    -------
    pandas.Series of str
        Trimmed and case folded; whole numbers without decimals; true and false as 1 and 0; missing as ``""``.

    Examples
    --------
    >>> as_text(pd.Series([1.0, "No ", True, None], dtype=object)).tolist()
    ['1', 'no', '1', '']
    """
    codes, values = pd.factorize(column.to_numpy(dtype=object))
    texts = [_one_text(value) for value in values]
    return pd.Series(np.array([*texts, ""], dtype=object)[codes], index=column.index, dtype=object)


def _one_text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip().casefold()
    return _TRUTH.get(text, text)
