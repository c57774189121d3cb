"""Rare answers to an item: counted together with the next answer, and no mean that would tell them apart.

Two answers that are counted together are one unknown more. An exact mean would settle it, and with three answers the
mean and the spread would; so these are rounded, or left out, wherever an answer is rare.
"""

from __future__ import annotations

import pandas as pd

from belonging_study.reports.flow_disclosure import HIDDEN_IN_COMPANY, fewer_than

__all__ = ["suppress_answers", "suppress_items"]

_EXACT = ("sd", "skew", "floor_share", "ceiling_share")
_SMALLEST = "n_smallest"


def suppress_answers(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Count rare answers together with the next answer of the form.

    Parameters
    ----------
    table : pandas.DataFrame
        ``scale, item, value, n, n_answered, share``, one row an item and answer of the form, values in order.
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        With ``value_to`` and ``suppressed``: a row counts the answers from ``value`` to ``value_to``. The rarest answer
        joins the rarer of its neighbours until every row has nobody or at least `minimum`. An item that too few
        answered has its rows as they were, without counts.

    Examples
    --------
    >>> table = pd.DataFrame({"scale": "s", "item": "a", "value": [1, 2, 3], "n": [4, 20, 76], "n_answered": 100,
    ...                       "share": [0.04, 0.2, 0.76]})
    >>> suppress_answers(table, 10)[["value", "value_to", "n"]].values.tolist()
    [[1, 2, 24], [3, 3, 76]]
    """
    if "suppressed" in table:
        return table
    parts = [_of_item(rows, minimum) for _, rows in table.groupby(["scale", "item"], sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else table.assign(value_to=table["value"], suppressed="")


def _of_item(rows: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Join the rare answers of one item."""
    total = int(rows["n"].sum())
    if 0 < total < minimum:
        out = rows.assign(value_to=rows["value"], suppressed=HIDDEN_IN_COMPANY)
        out["suppressed"] = out["suppressed"].mask(rows["n"].between(1, minimum - 1), fewer_than(minimum))
        nothing = pd.array([None] * len(rows), dtype="Int64")
        return out.assign(n=nothing, n_answered=nothing, share=float("nan"))
    bands = [(i, i, int(n)) for i, n in enumerate(rows["n"])]
    while any(0 < n < minimum for *_, n in bands):
        rare = min((k for k, band in enumerate(bands) if 0 < band[2] < minimum), key=lambda k: (bands[k][2], k))
        beside = [k for k in (rare - 1, rare + 1) if 0 <= k < len(bands)]
        other = min(beside, key=lambda k: (bands[k][2], k))
        low, high = sorted((rare, other))
        bands[low : high + 1] = [(bands[low][0], bands[high][1], bands[low][2] + bands[high][2])]
    first = rows.iloc[[low for low, *_ in bands]]
    n = [count for *_, count in bands]
    return first.assign(
        n=pd.array(n, dtype="Int64"),
        n_answered=first["n_answered"].astype("Int64"),
        share=[count / total if total else float("nan") for count in n],
        value_to=rows["value"].iloc[[high for _, high, _ in bands]].to_numpy(),
        suppressed="",
    )


def suppress_items(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Take from the statistics of items what would tell how many gave a rare answer.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an item: ``n``, ``mean``, the statistics of `item_statistics`, and ``n_smallest``, the count of the
        rarest answer that anybody gave. Any other table comes back as it is.
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        Without ``n_smallest``. Where it is below `minimum`, the mean has one decimal (none is given where fewer than
        twice `minimum` answered), and spread, skew and the shares at the ends are left out; ``note`` says so.

    Examples
    --------
    >>> table = pd.DataFrame({"item": ["a"], "n": [100], "mean": [2.7132], "sd": [0.51], "n_smallest": [4]})
    >>> suppress_items(table, 10)[["mean", "sd"]].values.tolist()
    [[2.7, nan]]
    """
    if _SMALLEST not in table:
        return table
    out = table.drop(columns=_SMALLEST)
    rare = table[_SMALLEST].between(1, minimum - 1)
    if not rare.any():
        return out
    out["mean"] = out["mean"].mask(rare, out["mean"].round(1).where(out["n"] >= 2 * minimum))
    for name in _EXACT:
        if name in out:
            out[name] = out[name].mask(rare)
    if "note" in out:
        said = f"rounded: an answer was given by {fewer_than(minimum)}"
        notes = out["note"].fillna("").astype(str)
        out["note"] = notes.mask(rare, notes.where(notes == "", notes + "; ") + said)
    return out
