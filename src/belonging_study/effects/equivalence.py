"""Baseline equivalence of the arms in the analytic sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.checks import binary_column, numeric_column, require_columns
from belonging_study.effects.effect_sizes import cox_index, hedges_g
from belonging_study.errors import DesignError, ParameterError

Array = np.typing.NDArray[np.float64]

__all__ = ["baseline_equivalence", "equivalence_verdict"]

#: Bounds of |g| in the WWC Standards Handbook: below the first nothing is needed, above the second nothing helps.
_SATISFIED, _ADJUSTABLE = 0.05, 0.25


def equivalence_verdict(effect_size: float) -> str:
    """Verdict on one baseline difference (WWC Standards Handbook, version 4.1, section II.B).

    Parameters
    ----------
    effect_size : float
        Hedges g or Cox index; NaN where it is not defined.

    Returns
    -------
    str
        ``satisfied`` up to .05, ``adjustment needed`` up to .25, ``not satisfied`` beyond, ``not assessed`` for NaN.

    Examples
    --------
    >>> equivalence_verdict(-0.12)
    'adjustment needed'
    """
    size = abs(effect_size)
    if np.isnan(size):
        return "not assessed"
    return "satisfied" if size <= _SATISFIED else "adjustment needed" if size <= _ADJUSTABLE else "not satisfied"


def baseline_equivalence(
    data: pd.DataFrame,
    *,
    variables: Sequence[str],
    treated: str,
    n_clusters: int | None = None,
    icc: float | None = None,
) -> pd.DataFrame:
    """Compare the arms on measures taken before the programme.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student of the analytic sample.
    variables : sequence of str
        Columns: numbers, 0/1 or booleans, or categories (one row a level).
    treated : str
        Column: 1 in the programme group.
    n_clusters, icc : optional
        Clusters in both arms and their intraclass correlation, to correct Hedges g where clusters were assigned.

    Returns
    -------
    pandas.DataFrame
        Columns ``variable, level, mean_treated, mean_comparison, sd_treated, sd_comparison, n_treated, n_comparison,
        n_missing, effect_size, effect_size_type, verdict, note``. Rows with the variable missing do not count in its
        line; ``n_missing`` tells how many. Where an effect size is not defined, ``note`` says why.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError
        If columns cannot be used.
    DesignError
        If an arm is empty.
    ParameterError
        If no variable is named.

    Examples
    --------
    >>> rows = pd.DataFrame({"arm": [1, 1, 1, 0, 0, 0], "before": [2.0, 3, 4, 2, 3, 4.1]})
    >>> table = baseline_equivalence(rows, variables=["before"], treated="arm")
    >>> table.loc[0, ["effect_size_type", "verdict"]].tolist()
    ['Hedges g', 'satisfied']
    """
    if not variables:
        raise ParameterError(
            "No baseline measure is named.", remedy="name at least one measure taken before the start."
        )
    require_columns(data, [treated, *variables])
    arm = binary_column(data, treated, "treatment") == 1
    if arm.all() or not arm.any():
        raise DesignError(
            f"The arms have {int(arm.sum())} and {int((~arm).sum())} students.", remedy="give both arms of the sample."
        )
    rows = []
    for name in variables:
        column = data[name]
        if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            rows.append(_line(name, "", numeric_column(data, name), arm, (n_clusters, icc)))
            continue
        for level in sorted(column.dropna().unique(), key=str):
            values = np.where(column.isna(), np.nan, (column == level).astype(np.float64))
            rows.append(_line(name, str(level), values, arm, (n_clusters, icc)))
    return pd.DataFrame(rows)


def _line(
    name: str, level: str, values: Array, arm: np.typing.NDArray[np.bool_], clustering: tuple[int | None, float | None]
) -> dict[str, Any]:
    """One row of the table."""
    seen = ~np.isnan(values)
    groups = values[seen & arm], values[seen & ~arm]
    sizes = [len(g) for g in groups]
    means = [float(g.mean()) if len(g) else np.nan for g in groups]
    spreads = [float(g.std(ddof=1)) if len(g) > 1 else np.nan for g in groups]
    binary = bool(level) or bool(np.isin(values[seen], (0.0, 1.0)).all())
    effect, kind, note = np.nan, "Cox index" if binary else "Hedges g", ""
    try:
        if min(sizes) < 2:
            raise DesignError(f"{sizes[0]} and {sizes[1]} students have a value")
        result = (
            cox_index(*means, *sizes)
            if binary
            else hedges_g(
                *means,
                sd_treated=spreads[0],
                sd_comparison=spreads[1],
                n_treated=sizes[0],
                n_comparison=sizes[1],
                n_clusters=clustering[0],
                icc=clustering[1],
            )
        )
        effect, kind = result.estimate, result.type
    except DesignError as error:
        note = error.what
    return {
        "variable": name,
        "level": level,
        "mean_treated": means[0],
        "mean_comparison": means[1],
        "sd_treated": spreads[0],
        "sd_comparison": spreads[1],
        "n_treated": sizes[0],
        "n_comparison": sizes[1],
        "n_missing": int((~seen).sum()),
        "effect_size": effect,
        "effect_size_type": kind,
        "verdict": equivalence_verdict(effect),
        "note": note,
    }
