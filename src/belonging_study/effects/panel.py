"""The same estimate from linearmodels, as a cross-check reported beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.effects.did import DidResult
from belonging_study.effects.inference.cluster_robust import t_interval

__all__ = ["panel_fit"]


def panel_fit(result: DidResult) -> pd.DataFrame:
    """Refit a difference-in-differences by ``linearmodels.PanelOLS`` on the same rows.

    Parameters
    ----------
    result : DidResult
        The estimate to check.

    Returns
    -------
    pandas.DataFrame
        One row with the columns of ``cluster_inference`` from ``method`` to ``note``. Units are its entity effects;
        waves enter as columns, since repeated cross-sections have many rows a unit and wave. Standard errors are its
        CR1 with the group correction and without counting nested effects; the p value and interval are ours, from
        t(G-1), because its own count rows as if they were independent.

    Raises
    ------
    ImportError
        If linearmodels is not installed; it is imported only here.

    Examples
    --------
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> panel_fit(result)["estimate"].round(6).tolist()
    [1.5]
    """
    from linearmodels.panel import PanelOLS  # 1.3 s to import, and only this check needs it

    sample = result.sample
    index = pd.MultiIndex.from_arrays([sample.unit, np.arange(len(sample.y))], names=["unit", "row"])
    waves = range(1, len(sample.wave_names))
    columns = {"treated": sample.treated} | {f"wave_{w}": (sample.wave == w).astype(np.float64) for w in waves}
    columns |= {f"x_{j}": sample.covariates[:, j] for j in range(sample.covariates.shape[1])}
    fitted = PanelOLS(
        pd.Series(sample.y, index=index, name="y"),
        pd.DataFrame(columns, index=index),
        entity_effects=True,
        weights=None if sample.weights is None else pd.Series(sample.weights, index=index, name="w"),
    ).fit(
        cov_type="clustered",
        clusters=pd.DataFrame({"cluster": sample.cluster}, index=index),
        auto_df=False,
        count_effects=False,
        group_debias=True,
    )
    estimate, std_error = float(fitted.params["treated"]), float(fitted.std_errors["treated"])
    df = float(len(sample.cluster_names) - 1)
    statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, result.conf_level)
    row = {
        "method": "linearmodels PanelOLS, CR1",
        "estimate": estimate,
        "std_error": std_error,
        "df": df,
        "statistic": statistic,
        "p_value": p_value,
        "conf_low": conf_low,
        "conf_high": conf_high,
        "conf_level": result.conf_level,
        "note": "cross-check; t(G-1)",
    }
    return pd.DataFrame([row])
