"""Rates that with their number of students tell how many said yes, and gaps between two numbers of one row.

A mean of a yes-or-no outcome is a count in disguise: 0.04 of 125 students are five. Where such a count is small in any
arm or wave, the outcome's means are hidden in all of them, since an effect ties the arms and waves together; and its
estimates are rounded, because exact ones can be solved for whole numbers.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from belonging_study.reports.flow_disclosure import fewer_than

__all__ = ["RARE_RATE", "rare_outcomes", "suppress_gaps", "suppress_rates"]

RARE_RATE = "hidden: a rate of few students"
"""Why a row of means is hidden: a count of yes or no, in its arm or another, is small."""

_RATES = {
    "mean": ("n_students", "n"), "mean_treated": ("n_treated",), "mean_comparison": ("n_comparison",),
    "floor_share": ("n",), "ceiling_share": ("n",),
}  # fmt: skip
_ENDS = ("floor_share", "ceiling_share")
_DESCRIBED = ("mean", "sd", "conf_low", "conf_high", "mean_treated", "mean_comparison", "sd_treated", "sd_comparison",
              "effect_size")  # fmt: skip
_SIZES = ("effect_size", "effect_size_low", "effect_size_high")
_ROUNDED = ("estimate", "std_error", "statistic", "conf_low", "conf_high")
_P_VALUES = ("p_value", "p_adjusted")
_LOST = ("analysed_treated", "analysed_comparison", "attrition_treated", "attrition_comparison", "overall",
         "differential", "boundary")  # fmt: skip
_POSITIVE = ("definition", "n_positive", "n_students", "n_answers")
_NEAR = 1e-6


def rare_outcomes(means: pd.DataFrame, minimum: int) -> frozenset[str]:
    """Name the outcomes of which a rate tells a small count in some arm and wave.

    Parameters
    ----------
    means : pandas.DataFrame
        ``outcome, n_students, mean, sd``, a row an outcome, wave and arm (and group), before disclosure control.
    minimum : int
        The smallest number of people that may be told of.

    Returns
    -------
    frozenset of str
        See `suppress_rates` for what is a small count.

    Examples
    --------
    >>> means = pd.DataFrame({"outcome": ["a", "b"], "n_students": 125, "mean": [0.04, 0.4], "sd": [0.197, 0.492]})
    >>> rare_outcomes(means, 10)
    frozenset({'a'})
    """
    if means.empty:
        return frozenset()
    return frozenset(means.loc[_small(means, "mean", minimum), "outcome"].astype(str))


def suppress_rates(table: pd.DataFrame, minimum: int, rare: Collection[str] = ()) -> pd.DataFrame:
    """Hide the rates of a table that tell of a few, and what they could be worked out from.

    Parameters
    ----------
    table : pandas.DataFrame
        With a mean and its number of students, with shares at the ends of a scale, with percentages of positive
        answers, or with estimates of an outcome; any other comes back as it is.
    minimum : int
        The smallest number of people that may be told of.
    rare : collection of str
        Outcomes whose rates are small in another table (see `rare_outcomes`).

    Returns
    -------
    pandas.DataFrame
        A rate is small if it times its number of students is a whole number from 1 to ``minimum - 1``, or falls short
        of that number by as much (where no value can be above 1). Means of an outcome, or of a variable, are hidden in
        every row of it, with ``suppressed``; numbers of students stay. Shares at the ends of a scale are hidden in
        every level of the group, the row of all students apart unless its own is small. Estimates of rare outcomes
        keep two decimals, p values are rounded up to two, and effect sizes are left out.

    Examples
    --------
    >>> means = pd.DataFrame({"outcome": "a", "arm": ["p", "c"], "n_students": [125, 150], "mean": [0.04, 0.4]})
    >>> suppress_rates(means, 10)[["n_students", "mean", "suppressed"]].values.tolist()[1]
    [150, nan, 'hidden: a rate of few students']
    """
    named = next((name for name in ("outcome", "variable") if name in table), None)
    if set(_POSITIVE) <= set(table.columns):
        return _without_positive(table, minimum)
    if set(_ENDS) & set(table.columns):
        return _without_ends(table, minimum)
    if named is None:
        return table
    of = table[named].astype(str)
    hit = of.isin(list(rare))
    rates = [name for name in _RATES if name in table]
    if not rates:
        return _rounded(table, hit) if named == "outcome" and "estimate" in table else table
    for name in rates:
        hit |= of.isin(set(of[_small(table, name, minimum)]))
    if not hit.any():
        return table
    out = table.copy()
    for name in _DESCRIBED:
        if name in out:
            out[name] = pd.to_numeric(out[name]).astype(float).mask(hit)
    said = out["suppressed"].fillna("") if "suppressed" in out else pd.Series("", index=out.index, dtype="object")
    return out.assign(suppressed=said.mask(hit & (said == ""), RARE_RATE))


def suppress_gaps(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide small numbers of those who are missing from a row, and the two numbers whose gap they are.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``n_missing`` or ``n_dropped``, with ``reason`` and ``n_rows``, or with the students that were assigned and
        analysed in each arm; any other comes back as it is.
    minimum : int
        The smallest number of people that may be told of.

    Returns
    -------
    pandas.DataFrame
        Numbers from 1 to ``minimum - 1`` are missing. Where as few students were lost in an arm, the row keeps those
        who were assigned and the verdict.

    Examples
    --------
    >>> suppress_gaps(pd.DataFrame({"n": [95], "n_missing": [5]}), 10)["n_missing"].isna().tolist()
    [True]
    """
    out = table.copy()
    counted = ["n_missing", "n_dropped", *(["n_rows"] if {"reason", "outcome"} <= set(table.columns) else [])]
    for name in (name for name in counted if name in out):
        numbers = pd.to_numeric(out[name], errors="coerce")
        few = numbers.between(1, minimum - 1)
        if few.any():
            out[name] = numbers.round().astype("Int64").mask(few)
            if name == "n_rows":
                said = out["suppressed"].fillna("") if "suppressed" in out else pd.Series("", index=out.index)
                out["suppressed"] = said.mask(few, fewer_than(minimum))
    if {"assigned_treated", "analysed_treated", "level"} <= set(out.columns):
        people = out["level"].astype(str).str.startswith("students")
        few = pd.Series(False, index=out.index)
        for arm in ("treated", "comparison"):
            lost = pd.to_numeric(out[f"assigned_{arm}"]) - pd.to_numeric(out[f"analysed_{arm}"])
            few |= people & lost.between(1, minimum - 1)
        if few.any():
            for name in (name for name in _LOST if name in out):
                out[name] = pd.to_numeric(out[name]).astype(float).mask(few)
            said = out["suppressed"].fillna("") if "suppressed" in out else pd.Series("", index=out.index)
            out["suppressed"] = said.mask(few & (said == ""), fewer_than(minimum))
    return out


def _small(table: pd.DataFrame, rate: str, minimum: int) -> pd.Series[bool]:
    """Rows in which a rate and its number of students give a count of a few."""
    sizes = [name for name in _RATES[rate] if name in table]
    if not sizes:
        return pd.Series(False, index=table.index)
    n = pd.to_numeric(table[sizes[0]], errors="coerce").astype(float)
    mean = pd.to_numeric(table[rate], errors="coerce").astype(float)
    yes = n * mean
    whole = (yes - yes.round()).abs() < _NEAR * np.maximum(n, 1)
    few = whole & yes.round().between(1, minimum - 1)
    if rate == "mean" and "sd" in table:
        # Of values 0 and 1 the spread follows from the mean; only then are the others a count too.
        sd = pd.to_numeric(table["sd"], errors="coerce").astype(float)
        bounded = (sd**2 * (n - 1) - n * mean * (1 - mean)).abs() < 1e-6 * n
    else:
        bounded = mean.between(0, 1)
    return (few | (whole & bounded & (n - yes).round().between(1, minimum - 1))).fillna(False)


def _without_ends(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Take out shares at the ends of a scale where one of them tells of a few."""
    out = table.copy()
    keys = [name for name in ("scale", "item", "wave", "group") if name in out]
    for name in (name for name in _ENDS if name in out):
        few = _small(table, name, minimum)
        if not few.any():
            continue
        hit = few.groupby([out[key] for key in keys], dropna=False).transform("any") if keys else few
        out[name] = out[name].mask(hit)
    return out


def _without_positive(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide percentages of positive answers where a few students, or answers, were positive or were not."""
    positive, students, answers = (
        pd.to_numeric(table[name], errors="coerce") for name in ("n_positive", "n_students", "n_answers")
    )
    others = answers.where(table["definition"] == "pooled_items", students) - positive
    few = positive.between(1, minimum - 1) | others.between(1, minimum - 1)
    keys = [name for name in ("scale", "wave", "definition", "group") if name in table]
    hit = few.groupby([table[key] for key in keys], dropna=False).transform("any") if keys else few
    out = table.copy()
    for name in ("estimate", "std_error", "conf_low", "conf_high", "n_positive"):
        out[name] = pd.to_numeric(out[name]).astype(float).mask(hit)
    said = out["suppressed"].fillna("") if "suppressed" in out else pd.Series("", index=out.index, dtype="object")
    return out.assign(suppressed=said.mask(hit & (said == ""), RARE_RATE))


def _rounded(table: pd.DataFrame, hit: pd.Series[bool]) -> pd.DataFrame:
    """Round the estimates of some rows, and leave out effect sizes made from exact rates."""
    if not hit.any():
        return table
    out = table.copy()
    for name in (name for name in _ROUNDED if name in out):
        values = pd.to_numeric(out[name]).astype(float)
        out[name] = values.mask(hit, values.round(2) + 0.0)
    for name in (name for name in _P_VALUES if name in out):
        values = pd.to_numeric(out[name]).astype(float)
        out[name] = values.mask(hit, (-(-(values * 100).round(6) // 1) / 100).clip(upper=1.0))
    for name in (name for name in _SIZES if name in out):
        out[name] = pd.to_numeric(out[name]).astype(float).mask(hit)
    return out
