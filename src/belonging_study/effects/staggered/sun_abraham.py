"""The interaction-weighted event study: a check beside group-time effects.

References
----------
Sun, L. & Abraham, S. (2021). Estimating dynamic treatment effects in event studies with heterogeneous treatment
effects. Journal of Econometrics 225, 175-199.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import require_level
from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    cluster_fit,
    cluster_robust_covariance,
    satterthwaite_df,
)
from belonging_study.effects.sample import within_units
from belonging_study.effects.staggered.intervals import estimate_columns
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.errors import DesignError

__all__ = ["SunAbraham", "sun_abraham"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SunAbraham:
    """Interaction-weighted effects by waves since the start.

    Attributes
    ----------
    table : pandas.DataFrame
        One row an event time and a row ``overall`` (the plain average after the start): ``term, estimate, std_error,
        df, statistic, p_value, conf_low, conf_high, band_low, band_high, conf_level, n_effects, note``. The wave
        before the start is the reference, 0 by construction.
    n_rows, n_units, n_clusters : int
        What the estimates rest on.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    comparison : str
        Who is compared with: never treated, or the last to start.
    fit : ClusterFit
        The regression.
    """

    table: pd.DataFrame
    n_rows: int
    n_units: int
    n_clusters: int
    n_dropped: pd.DataFrame
    comparison: str
    fit: ClusterFit = field(repr=False)


def sun_abraham(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    start: str,
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    panel: bool = True,
    conf_level: float = 0.95,
    draws: int = 999,
    seed: int = 1,
) -> SunAbraham:
    """Estimate effects by waves since the start from a regression with an effect for every start and wave.

    Parameters
    ----------
    data, outcome, unit, time, start, cluster, weights, panel
        As for ``group_time_att``.
    covariates : sequence of str
        Columns that vary within units.
    conf_level, draws, seed
        Of intervals and bands.

    Returns
    -------
    SunAbraham
        Least squares with unit and wave effects and a coefficient for each start and wave but the one before the
        start; event times average these by the cohorts' shares of the rows. CR2 standard errors with Satterthwaite
        degrees of freedom; the shares are taken as given. Without never-treated units the last to start are the
        comparison, and waves from their start on are dropped and counted.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError, DesignError
        See ``staggered_sample``; also if the comparison units lie in one cluster, or a covariate does not vary
        within units.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "start": [2.0] * 6 + [3.0] * 6 + [None] * 6,
    ...                      "y": [1., 3, 4, 2, 3, 5, 1, 1, 3, 0, 1, 2, 1, 2, 1, 2, 2, 3]})
    >>> result = sun_abraham(rows, outcome="y", unit="school", time="wave", start="start")
    >>> result.table[["term", "estimate"]].round(6).to_numpy().tolist()
    [[-2, 0.0], [-1, 0.0], [0, 1.25], [1, 2.5], ['overall', 1.875]]
    """
    require_level(conf_level)
    sample = staggered_sample(
        data,
        outcome=outcome,
        unit=unit,
        time=time,
        start=start,
        cluster=cluster,
        covariates=covariates,
        weights=weights,
        panel=panel,
    )
    keep, last, comparison = _comparison(sample)
    cohort, wave, unit_code = sample.row_cohort[keep], sample.wave[keep], sample.unit[keep]
    weight = sample.weights[keep] if weights else None
    terms = [
        (g, w)
        for g in sample.cohorts
        if g < last
        for w in range(last)
        if w != g - 1 and ((cohort == g) & (wave == w)).any()
    ]
    indicator = np.column_stack([(cohort == g) & (wave == w) for g, w in terms]).astype(np.float64)
    waves = np.unique(wave)[1:]
    design = np.hstack([indicator, wave[:, None] == waves, sample.covariates[keep]]).astype(np.float64)
    fit = cluster_fit(
        within_units(design, unit_code, weight),
        within_units(sample.y[keep], unit_code, weight),
        sample.cluster[keep],
        names=[f"start x wave[{i}]" for i in range(len(terms))]
        + [f"wave[{w}]" for w in waves]
        + list(sample.covariate_names),
        weights=weight,
        extra_params=1,
    )
    size = np.ones(len(cohort)) if weight is None else weight
    mass = indicator.T @ size
    relative = np.array([w - g for g, w in terms])
    events = np.unique(np.append(relative, -1))
    contrasts = np.zeros((len(events) + 1, len(fit.names)))
    for k, event in enumerate(events):
        chosen = relative == event
        if event != -1:
            contrasts[k, : len(terms)][chosen] = mass[chosen] / mass[chosen].sum()
    contrasts[-1] = contrasts[:-1][events >= 0].mean(axis=0)
    covariance = contrasts @ cluster_robust_covariance(fit, "CR2") @ contrasts.T
    df = np.array([satterthwaite_df(fit, c) if c.any() else np.inf for c in contrasts])
    table = estimate_columns(
        contrasts @ fit.coefficients,
        covariance,
        df,
        conf_level=conf_level,
        draws=draws,
        seed=seed,
        in_band=np.append(np.ones(len(events), dtype=bool), False),
    )
    table.insert(0, "term", [*(int(e) for e in events), "overall"])
    table["n_effects"] = [*(int((relative == e).sum()) for e in events), int((relative >= 0).sum())]
    table["note"] = ["reference" if e == -1 else "" for e in events] + [""]
    late = int((~keep).sum())
    dropped = sample.dropped
    if late:
        lost = sample.n_units - len(np.unique(unit_code))
        dropped = pd.concat(
            [
                dropped,
                pd.DataFrame(
                    [("after the last start: nobody left to compare with", late, lost)], columns=dropped.columns
                ),
            ],
            ignore_index=True,
        )
    return SunAbraham(
        table=table,
        n_rows=len(cohort),
        n_units=len(np.unique(unit_code)),
        n_clusters=fit.n_clusters,
        n_dropped=dropped,
        comparison=comparison,
        fit=fit,
    )


def _comparison(sample: StaggeredSample) -> tuple[npt.NDArray[np.bool_], int, str]:
    """Rows used, the first wave (code) that is not, and who is compared with."""
    never = sample.row_cohort == sample.n_waves
    if never.any():
        if len(np.unique(sample.cluster[never])) < 2:
            raise DesignError(
                "The never-treated units lie in one cluster: the effect cannot be told from that of the one cluster.",
                remedy="add comparison clusters.",
            )
        return np.ones(len(never), dtype=bool), sample.n_waves, "never treated"
    if len(sample.cohorts) < 2:
        raise DesignError(
            f"All {sample.n_units} units start in the same wave, so none is left to compare with.",
            remedy="add units that never had the programme, or had it later.",
        )
    last = sample.cohorts[-1]
    return sample.wave < last, last, "last to start"
