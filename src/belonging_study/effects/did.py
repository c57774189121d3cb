"""Difference-in-differences with unit and wave effects, and CR2 standard errors with Satterthwaite df."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from belonging_study.effects.checks import require_level
from belonging_study.effects.fixed_effects import fixed_effects_fit
from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    cluster_robust_covariance,
    satterthwaite_df,
    t_interval,
)
from belonging_study.effects.sample import PanelSample, panel_sample
from belonging_study.errors import DesignError

__all__ = ["DidResult", "did"]

_TABLE = (
    *("estimator", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high", "conf_level"),
    *("n_rows", "n_units", "n_clusters_treated", "n_clusters_comparison", "inference", "note"),
)
INFERENCE = "CR2 cluster-robust standard error, t test with Satterthwaite degrees of freedom"


@dataclass(frozen=True)
class DidResult:
    """A difference-in-differences estimate.

    Attributes
    ----------
    estimate, std_error, df, statistic, p_value, conf_low, conf_high : float
        The estimate in the outcome's units, with CR2 inference.
    conf_level : float
        Level of the interval.
    n_rows, n_units, n_clusters_treated, n_clusters_comparison : int
        What the estimate rests on.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    estimator, inference, note : str
        In words; ``note`` names what a reader must know (staggered starts, assignment within clusters).
    sample : PanelSample
        The rows used.
    fit : ClusterFit
        The regression; its first column is the treatment.
    """

    estimate: float
    std_error: float
    df: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float
    conf_level: float
    n_rows: int
    n_units: int
    n_clusters_treated: int
    n_clusters_comparison: int
    n_dropped: pd.DataFrame
    estimator: str
    inference: str
    note: str
    sample: PanelSample = field(repr=False)
    fit: ClusterFit = field(repr=False)

    @property
    def table(self) -> pd.DataFrame:
        """The estimate as a tidy table of one row."""
        row = {name: getattr(self, name) for name in _TABLE}
        return pd.DataFrame([row | {"n_rows_dropped": int(self.n_dropped["n_rows"].sum())}])


def did(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    treated: str,
    cluster: str,
    programme: str | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    panel: bool = True,
    conf_level: float = 0.95,
) -> DidResult:
    """Estimate how much more the programme group changed than the comparison group.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave, or one row a student where the unit is a group (``panel=False``).
    outcome, unit, time, treated, cluster : str
        Columns. ``treated`` is 1 in rows where the programme is running; ``cluster`` is the level of assignment.
    programme : str, optional
        Column: 1 in every row of the programme group. Only needed where students are assigned one by one, to count
        those who left before the start in their arm.
    covariates : sequence of str
        Columns that vary within units.
    weights : str, optional
        Column of positive weights, taken as inverse variances up to a factor.
    panel : bool
        True if the unit is the same student (or school mean) in each wave; False for repeated cross-sections of
        students within the unit.
    conf_level : float
        Level of the interval.

    Returns
    -------
    DidResult
        Rows that cannot contribute are dropped and counted; see ``panel_sample`` for the rules.

    Raises
    ------
    DataError, DesignError
        See ``panel_sample``.

    Notes
    -----
    Least squares of the outcome on unit effects, wave effects and the treatment (two-way fixed effects). With one
    common start this is the average effect over programme waves; with staggered starts it is a weighted average whose
    weights can be negative (Goodman-Bacon 2021, Journal of Econometrics 225, 254-277), which ``note`` then says.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> round(result.estimate, 3), round(result.std_error, 3), round(result.df, 3)
    (1.5, 0.5, 2.0)
    """
    require_level(conf_level)
    sample = panel_sample(
        data,
        outcome=outcome,
        unit=unit,
        time=time,
        treated=treated,
        cluster=cluster,
        programme=programme,
        covariates=covariates,
        weights=weights,
        panel=panel,
    )
    fit = fixed_effects_fit(sample, sample.treated[:, None], [treated])
    estimate = float(fit.coefficients[0])
    std_error = float(np.sqrt(cluster_robust_covariance(fit, "CR2")[0, 0]))
    if std_error <= 1e-9 * float(np.std(sample.y)):
        raise DesignError(
            f"The standard error is zero with {fit.n_clusters} clusters: the treatment is fitted perfectly.",
            remedy="look for an outcome copied from the treatment, or for one unit in an arm.",
        )
    df = satterthwaite_df(fit, np.eye(len(fit.names))[0])
    statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
    notes = []
    if len(sample.adoption_waves) > 1:
        notes.append(
            f"{len(sample.adoption_waves)} different starts: if effects differ between starts or grow over time, this "
            "average can mislead"
        )
    if sample.cluster_adoption is None:
        notes.append("units of one cluster differ in treatment")
    return DidResult(
        estimate=estimate,
        std_error=std_error,
        df=df,
        statistic=statistic,
        p_value=p_value,
        conf_low=conf_low,
        conf_high=conf_high,
        conf_level=conf_level,
        n_rows=len(sample.y),
        n_units=sample.n_units,
        n_clusters_treated=sample.n_clusters_treated,
        n_clusters_comparison=sample.n_clusters_comparison,
        n_dropped=sample.dropped,
        estimator=f"two-way fixed effects ({unit} and {time})",
        inference=INFERENCE,
        note="; ".join(notes),
        sample=sample,
        fit=fit,
    )
