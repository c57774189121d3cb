"""How often each value of a variable was given: shown for all values of a variable, or for none.

Hiding the rare value and one more would not do. Other tables show the variable's mean and standard deviation, and with
these and the other counts, two hidden counts are two unknowns in two equations.
"""

from __future__ import annotations

import pandas as pd

from belonging_study.reports.flow_disclosure import HIDDEN_IN_COMPANY, fewer_than

__all__ = ["suppress_values"]

_PARTS = ("scale", "variable", "item", "kind")
_SMALLEST = "n_smallest"
_APART = "declared"


def suppress_values(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide the counts of variables of which some value was given by a few.

    Parameters
    ----------
    table : pandas.DataFrame
        ``value, n, share``, the variable as ``variable`` or as ``scale`` and ``item``, and where they apply ``kind``
        and ``n_smallest`` (the smallest count of a single wave, in place of ``n``).
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        As `table`, without ``n_smallest`` and with ``suppressed``. Where any value of a variable (of one kind) has 1
        to ``minimum - 1``, all its counts and shares are missing; those of the kind ``declared`` add up to nothing
        that is published, and are hidden one by one. A value that nobody gave hides nothing.

    Examples
    --------
    >>> table = pd.DataFrame({"item": list("aab"), "value": [1, 2, 1], "n": [3, 90, 93], "share": [0.03, 0.97, 1.0]})
    >>> suppress_values(table, 10)[["n", "suppressed"]].fillna(0).values.tolist()
    [[0, 'fewer than 10'], [0, 'hidden to protect a smaller group'], [93, '']]
    """
    if "suppressed" in table:
        return table
    out = table.reset_index(drop=True)
    small = out[_SMALLEST if _SMALLEST in out else "n"].between(1, minimum - 1)
    parts = [name for name in _PARTS if name in out]
    hidden = small.groupby([out[name] for name in parts], dropna=False).transform("any")
    if "kind" in out:
        hidden = hidden.where(out["kind"] != _APART, small)
    reason = pd.Series("", index=out.index, dtype="object")
    reason[hidden] = HIDDEN_IN_COMPANY
    reason[small] = fewer_than(minimum)
    out["n"] = out["n"].astype("Int64").mask(hidden)
    out["share"] = out["share"].mask(hidden)
    return out.drop(columns=_SMALLEST, errors="ignore").assign(suppressed=reason)
