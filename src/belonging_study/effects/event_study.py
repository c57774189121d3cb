"""Event study: the gap between arms wave by wave, relative to the last wave before the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from belonging_study.effects.checks import binary_column, complete_column, require_columns, require_level
from belonging_study.effects.fixed_effects import fixed_effects_fit
from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    HotellingTest,
    cluster_robust_covariance,
    hotelling_test,
    satterthwaite_df,
    t_interval,
)
from belonging_study.effects.sample import PanelSample, panel_sample
from belonging_study.errors import DataError, DesignError

__all__ = ["EventStudy", "event_study"]

_TABLE = (
    *("term", "relative", "period", "estimate", "std_error", "df", "statistic", "p_value"),
    *("conf_low", "conf_high", "conf_level", "note"),
)


@dataclass(frozen=True)
class EventStudy:
    """Estimates by wave.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a wave: ``term`` (the wave), ``relative`` (waves since the start; -1 is the reference), ``period``
        (``before`` or ``after``), ``estimate, std_error, df, statistic, p_value, conf_low, conf_high, conf_level,
        note``. The reference row is zero by construction: its estimate, standard error and interval are 0 and its df,
        statistic and p value are missing.
    pretrend : HotellingTest or None
        Joint test that the arms moved alike before the programme; None with one earlier coefficient or none.
    pretrend_note : str
        What the test says or why there is none, in words.
    n_rows, n_units, n_clusters_treated, n_clusters_comparison : int
        What the estimates rest on.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    sample : PanelSample
        The rows used.
    fit : ClusterFit
        The regression; its first columns are the waves other than the reference.
    """

    table: pd.DataFrame
    pretrend: HotellingTest | None
    pretrend_note: str
    n_rows: int
    n_units: int
    n_clusters_treated: int
    n_clusters_comparison: int
    n_dropped: pd.DataFrame
    sample: PanelSample = field(repr=False)
    fit: ClusterFit = field(repr=False)


def event_study(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    programme: str,
    first_treated: object,
    cluster: str,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    panel: bool = True,
    conf_level: float = 0.95,
) -> EventStudy:
    """Estimate the difference between arms in every wave, relative to the last wave before the programme.

    Parameters
    ----------
    data : pandas.DataFrame
        As for ``did``.
    outcome, unit, time, cluster : str
        Columns.
    programme : str
        Column: 1 in every row of the programme group, before and after the start.
    first_treated : object
        The first wave with the programme, a value of ``time``.
    covariates, weights, panel, conf_level
        As for ``did``; the same rows are used.

    Returns
    -------
    EventStudy
        Intervals are pointwise, CR2 with Satterthwaite degrees of freedom. The joint test of earlier waves is the
        Hotelling-type F of Pustejovsky & Tipton (2018), whose size holds with few clusters where a chi-square
        rejects far too often. A test that does not reject is no proof of parallel trends.

    Raises
    ------
    DataError
        If ``first_treated`` is not a wave of the data, or a unit changes arm (``ArmConflictError``).
    DesignError
        If no wave precedes it, or as in ``did``.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "arm": [1] * 9 + [0] * 9,
    ...                      "y": [1., 1, 3, 2, 1, 4, 1, 2, 2, 0, 1, 1, 1, 1, 0, 2, 1, 2]})
    >>> study = event_study(rows, outcome="y", unit="school", time="wave", programme="arm", first_treated=3,
    ...                     cluster="school")
    >>> study.table["estimate"].round(3).tolist()
    [0.0, 0.0, 1.667]
    """
    require_level(conf_level)
    require_columns(data, [programme, time])
    complete_column(data, time, "time")
    arm = binary_column(data, programme, "programme")
    waves = pd.factorize(data[time], sort=True)[1]
    position = [i for i, wave in enumerate(waves) if wave == first_treated]
    if not position:
        raise DataError(
            f'"{first_treated}" is not a wave: column "{time}" holds {", ".join(str(w) for w in waves[:12])}.',
            remedy="give the first wave with the programme exactly as it is written in the data.",
        )
    if position[0] == 0:
        raise DesignError(
            f'The programme starts in the first of {len(waves)} waves ("{first_treated}"), so no wave precedes it.',
            remedy="compare the arms in one wave with mean_difference, or add an earlier wave.",
        )
    code = pd.factorize(data[time], sort=True)[0]
    now = "_treated_now"
    sample = panel_sample(
        data.assign(**{now: (arm == 1) & (code >= position[0])}),
        outcome=outcome,
        unit=unit,
        time=time,
        treated=now,
        cluster=cluster,
        programme=programme,
        covariates=covariates,
        weights=weights,
        panel=panel,
    )
    start = sample.adoption_waves[0]
    if start == 0:
        raise DesignError("No wave before the start is left.", remedy="look at the reasons for dropped rows.")
    others = [w for w in range(len(sample.wave_names)) if w != start - 1]
    in_arm = sample.adoption[sample.unit] < len(sample.wave_names)
    terms = (in_arm[:, None] & (sample.wave[:, None] == np.array(others))).astype(np.float64)
    fit = fixed_effects_fit(sample, terms, [f"programme x {sample.wave_names[w]}" for w in others])
    covariance = cluster_robust_covariance(fit, "CR2")
    identity = np.eye(len(fit.names))

    rows = []
    for w, name in enumerate(sample.wave_names):
        row = {"term": name, "relative": w - start, "period": "before" if w < start else "after"}
        if w == start - 1:
            zero = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), 0.0)
            missing = dict.fromkeys(("df", "statistic", "p_value"), np.nan)
            rows.append(row | zero | missing | {"note": "reference"})
            continue
        j = others.index(w)
        estimate, std_error = float(fit.coefficients[j]), float(np.sqrt(covariance[j, j]))
        df = satterthwaite_df(fit, identity[j])
        statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
        rows.append(
            row
            | {"estimate": estimate, "std_error": std_error, "df": df, "statistic": statistic, "p_value": p_value}
            | {"conf_low": conf_low, "conf_high": conf_high, "note": ""}
        )
    table = pd.DataFrame(rows).assign(conf_level=conf_level)[list(_TABLE)]
    pretrend, note = _pretrend(fit, [j for j, w in enumerate(others) if w < start])
    return EventStudy(
        table=table,
        pretrend=pretrend,
        pretrend_note=note,
        n_rows=len(sample.y),
        n_units=sample.n_units,
        n_clusters_treated=sample.n_clusters_treated,
        n_clusters_comparison=sample.n_clusters_comparison,
        n_dropped=sample.dropped,
        sample=sample,
        fit=fit,
    )


def _pretrend(fit: ClusterFit, columns: list[int]) -> tuple[HotellingTest | None, str]:
    """Joint test of the earlier waves, with a sentence about it."""
    if not columns:
        return None, "One wave precedes the programme, so parallel trends cannot be examined."
    if len(columns) == 1:
        return None, "Two waves precede the programme: the one earlier coefficient is itself the test."
    try:
        test = hotelling_test(fit, np.eye(len(fit.names))[columns])
    except DesignError as error:
        return None, f"No joint test: {error.what}"
    shown = "p < .001" if test.p_value < 0.001 else f"p = {test.p_value:.3f}"
    return test, (
        f"Joint test of {len(columns)} earlier coefficients: F({test.df_num:.0f}, {test.df_denom:.1f}) = "
        f"{test.statistic:.2f}, {shown}. Not rejecting does not show that trends were parallel."
    )
