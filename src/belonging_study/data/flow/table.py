"""The flow of rows, students and clusters from the files to the analysis sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["FLOW_COLUMNS", "flow_info", "flow_table"]

FLOW_COLUMNS = ("wave", "stream", "step", "kind", "label", "arm", "n_rows", "n_students", "n_clusters")
"""Columns of the flow, in order."""


def flow_table(
    rows: pd.DataFrame,
    removed_at: npt.ArrayLike,
    labels: Sequence[str],
    *,
    wave: str,
    stream: str,
    arm: str = "all",
) -> pd.DataFrame:
    """Count what each step takes out of a set of rows.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a row, with columns ``student`` and ``cluster``; either may be missing (a preview has no student, an
        unlinked response no cluster), and then counts as a row only.
    removed_at : array_like of int
        For each row the step that takes it out, from 1; 0 for a row that stays.
    labels : sequence of str
        What the flow calls the start, each step, and what remains: two more than there are steps.
    wave, stream, arm : str
        Copied into the table.

    Returns
    -------
    pandas.DataFrame
        Columns `FLOW_COLUMNS`; ``kind`` is ``start``, ``excluded`` (one row a step, in order) or ``remaining``.

    Notes
    -----
    A student or cluster counts as excluded at the step after which none of its rows is left, so that for rows,
    students and clusters alike ``remaining = start - sum(excluded)``.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "b"], "cluster": ["x", "x", "y"]})
    >>> flow = flow_table(rows, [0, 1, 1], ["Read", "Duplicates", "Linked"], wave="w1", stream="survey")
    >>> flow[["kind", "n_rows", "n_students", "n_clusters"]].values.tolist()
    [['start', 3, 2, 2], ['excluded', 2, 1, 1], ['remaining', 1, 1, 1]]
    """
    removed = np.asarray(removed_at, dtype=int)
    n_steps = len(labels) - 2
    # A student is there for as long as any of its rows is: its last step is its rows' latest.
    last = np.where(removed == 0, n_steps + 1, removed)
    counts = np.array(
        [
            np.bincount(last, minlength=n_steps + 2),
            *(np.bincount(_last_step(rows[name], last), minlength=n_steps + 2) for name in ("student", "cluster")),
        ]
    )
    start = counts.sum(axis=1, keepdims=True)
    shown = np.hstack([start, counts[:, 1:]])
    return pd.DataFrame(
        {
            "wave": wave,
            "stream": stream,
            "step": np.arange(n_steps + 2),
            "kind": ["start", *["excluded"] * n_steps, "remaining"],
            "label": list(labels),
            "arm": arm,
            "n_rows": shown[0],
            "n_students": shown[1],
            "n_clusters": shown[2],
        }
    )


def flow_info(
    rows: pd.DataFrame | int, label: str, *, wave: str, stream: str, step: int, arm: str = "all"
) -> pd.DataFrame:
    """Make one line that tells something of the flow without being part of its sum.

    Parameters
    ----------
    rows : pandas.DataFrame or int
        The rows to count (columns ``student`` and ``cluster``), or their number where nobody is known.
    label, wave, stream, arm : str
        Copied into the table.
    step : int
        Its place in the order.

    Returns
    -------
    pandas.DataFrame
        One row with columns `FLOW_COLUMNS` and kind ``info``.

    Examples
    --------
    >>> flow_info(7, "Rows of other waves", wave="w1", stream="survey", step=0)["n_rows"].tolist()
    [7]
    """
    if isinstance(rows, int):
        counts = (rows, 0, 0)
    else:
        counts = (len(rows), rows["student"].nunique(), rows["cluster"].nunique())
    return pd.DataFrame([(wave, stream, step, "info", label, arm, *counts)], columns=list(FLOW_COLUMNS))


def _last_step(names: pd.Series, last: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Return for each distinct name the latest step at which one of its rows is still there."""
    codes, values = pd.factorize(names.to_numpy())
    latest = np.zeros(len(values), dtype=int)
    there = codes >= 0
    np.maximum.at(latest, codes[there], last[there])
    return latest
