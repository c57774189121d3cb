"""One effect under several assumptions about the students who were lost, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.missing.bounds import lee_bounds
from belonging_study.effects.missing.followed import complete_cases
from belonging_study.effects.missing.imputation import multiple_imputation
from belonging_study.effects.missing.weights import attrition_weights
from belonging_study.errors import DesignError

__all__ = ["missing_data_sensitivity"]

_NUMBERS = ("estimate", "std_error", "df", "p_value", "conf_low", "conf_high", "bound_low", "bound_high")
_COLUMNS = ("method", *_NUMBERS, "conf_level", "n_students", "n_observed", "effective_n", "assumption", "note")


def missing_data_sensitivity(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    predictors: Sequence[str] = (),
    baseline: str | None = None,
    n_imputations: int = 20,
    draws: int = 999,
    conf_level: float = 0.95,
    seed: int = 1,
) -> pd.DataFrame:
    """Estimate one effect by complete cases, attrition weights, multiple imputation and bounds.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student who was assigned.
    outcome, treated, cluster, baseline, predictors
        As in `followed_students`.
    n_imputations, draws : int
        Imputations, and draws of the bounds' bootstrap.
    conf_level : float
        Level of the intervals.
    seed : int
        Seed of both.

    Returns
    -------
    pandas.DataFrame
        One row a method: ``method, estimate, std_error, df, p_value, conf_low, conf_high, bound_low, bound_high,
        conf_level, n_students, n_observed, effective_n, assumption, note``. Bounds have no estimate, standard error or
        p value; a method that the data do not allow keeps its row, with the reason in ``note``.

    Raises
    ------
    DataError, DesignError
        If even the complete cases cannot be compared; see `followed_students`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rows = pd.DataFrame({"school": np.repeat(np.arange(8), 10), "on": np.repeat([0, 1], 40)})
    >>> rows["before"] = rng.normal(size=80)
    >>> rows["y"] = (rows["before"] + rng.normal(size=80)).where(rng.random(80) < 0.8)
    >>> table = missing_data_sensitivity(rows, outcome="y", treated="on", cluster="school", baseline="before", draws=99)
    >>> table["method"].tolist()
    ['complete cases', 'attrition weights', 'multiple imputation', 'Lee bounds']
    """
    shared: dict[str, Any] = {"outcome": outcome, "treated": treated, "cluster": cluster, "baseline": baseline}
    shared["conf_level"] = conf_level
    known = shared | {"predictors": predictors}
    reference = complete_cases(data, **shared)
    rows: list[dict[Any, Any]] = [reference.table.iloc[0].to_dict()]
    counts = {name: rows[0][name] for name in ("conf_level", "n_students", "n_observed")}

    def bounds() -> dict[Any, Any]:
        found = lee_bounds(data, **shared, draws=draws, seed=seed)
        return found.table.iloc[0].to_dict() | {
            "effective_n": float(found.n_observed),
            "assumption": "assignment was random, and the programme only kept students in or only drove them out; the "
            "effect is that on students who would be followed up in either arm",
            "note": f"{found.trimmed_share:.1%} cut off in {found.trimmed_arm}"
            if found.trimmed_share
            else "the same share was followed up in both arms",
        }

    def weighted() -> dict[Any, Any]:
        return dict(attrition_weights(data, **known).result.table.iloc[0].to_dict())

    def imputed() -> dict[Any, Any]:
        found = multiple_imputation(data, **known, n_imputations=n_imputations, seed=seed)
        return dict(found.result.table.iloc[0].to_dict())

    methods: tuple[tuple[str, Callable[[], dict[Any, Any]]], ...] = (
        ("attrition weights", weighted),
        ("multiple imputation", imputed),
        ("Lee bounds", bounds),
    )
    for name, run in methods:
        try:
            rows.append(run() | {"method": name})
        except DesignError as error:
            rows.append(counts | {"method": name, "assumption": "", "note": f"not available: {error.what}"})
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = [*_NUMBERS, "effective_n"]
    table[numbers] = table[numbers].astype(np.float64)
    return table
