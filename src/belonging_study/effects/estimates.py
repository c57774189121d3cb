"""The table of estimates: one row an estimate, the same columns for every method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from belonging_study.effects.multiplicity import adjust_p_values
from belonging_study.study import Outcome

__all__ = ["ESTIMATE_COLUMNS", "adjust_estimates", "estimate_row", "estimate_table"]

ESTIMATE_COLUMNS: tuple[str, ...] = (
    "wave",
    "outcome",
    "domain",
    "role",
    "model",
    "estimator",
    "term",
    "contrast",
    "group",
    "estimate",
    "std_error",
    "df",
    "statistic",
    "p_value",
    "p_adjusted",
    "conf_low",
    "conf_high",
    "conf_level",
    "effect_size",
    "effect_size_type",
    "effect_size_low",
    "effect_size_high",
    "n_students",
    "n_clusters_treated",
    "n_clusters_comparison",
    "inference",
    "note",
)
"""Columns of ``estimates.csv``, in order."""

_TEXT = {
    "wave",
    "outcome",
    "domain",
    "role",
    "model",
    "estimator",
    "term",
    "contrast",
    "group",
    "effect_size_type",
    "inference",
    "note",
}


def estimate_row(outcome: Outcome, *, wave: str, model: str, values: Mapping[Any, Any], **more: Any) -> dict[str, Any]:
    """Make one row from an estimator's own values.

    Parameters
    ----------
    outcome : Outcome
        Gives name, domain and role.
    wave : str
        The wave whose report this is.
    model : {"did", "difference", "change", "multilevel"}
        The family of the estimator.
    values : mapping
        Whatever the estimator returned; entries that are no column of the table are left out.
    **more
        Entries that win over `values`.

    Returns
    -------
    dict
        Every column of `ESTIMATE_COLUMNS`; a number that does not apply is NaN and a text that does not is empty.
    """
    given = {**values, **more}
    row = {name: given.get(name, "" if name in _TEXT else np.nan) for name in ESTIMATE_COLUMNS}
    row |= {"wave": wave, "outcome": outcome.name, "domain": outcome.domain, "role": outcome.role, "model": model}
    row["group"] = row["group"] or "all"
    return row


def estimate_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make the table from rows; without rows it has its columns and no row."""
    return pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))


def adjust_estimates(estimates: pd.DataFrame) -> pd.DataFrame:
    """Fill in ``p_adjusted``.

    Parameters
    ----------
    estimates : pandas.DataFrame
        A table of `ESTIMATE_COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        The table with ``p_adjusted``: within one method and kind of contrast, Holm over the primary outcomes, and
        Benjamini-Hochberg over the secondary outcomes of a domain; estimates over all students only. Exploratory
        outcomes and groups stay unadjusted (missing).

    Examples
    --------
    >>> from belonging_study.study import Outcome
    >>> outcomes = [Outcome(name=n, measure=n, label=n, role="primary") for n in "ab"]
    >>> rows = [estimate_row(o, wave="w2", model="did", values={"p_value": p}, term="programme")
    ...         for o, p in zip(outcomes, (0.01, 0.04))]
    >>> adjust_estimates(estimate_table(rows))["p_adjusted"].tolist()
    [0.02, 0.04]
    """
    table = estimates.copy()
    table["p_adjusted"] = table["p_adjusted"].astype(float)
    everyone = table[(table["group"] == "all") & table["term"].isin(["programme", "change"]) & table["p_value"].notna()]
    methods: tuple[tuple[str, Literal["holm", "bh"], list[str]], ...] = (
        ("primary", "holm", ["model", "contrast"]),
        ("secondary", "bh", ["model", "contrast", "domain"]),
    )
    for role, method, by in methods:
        for _, rows in everyone[everyone["role"] == role].groupby(by, sort=False):
            table.loc[list(rows.index), "p_adjusted"] = adjust_p_values(rows["p_value"].to_numpy(), method=method)
    return table
