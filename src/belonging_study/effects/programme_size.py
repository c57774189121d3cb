"""The effect size that stands beside an estimate of the programme's effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.effect_sizes import cox_index, pooled_sd
from belonging_study.effects.standardize import standardize_estimate
from belonging_study.effects.variance import icc
from belonging_study.errors import DesignError, ParameterError
from belonging_study.study import Outcome, Study

__all__ = ["cox_of_change", "programme_size"]


def programme_size(
    study: Study, sample: pd.DataFrame, outcome: Outcome, wave: str, values: Mapping[Any, Any]
) -> dict[str, Any]:
    """Express an estimate and its interval as an effect size of the What Works Clearinghouse.

    Parameters
    ----------
    study : Study
        Gives the level of assignment.
    sample : pandas.DataFrame
        The rows that the estimate rests on, with ``wave, arm`` and the outcome.
    outcome : Outcome
        Its kind decides the effect size.
    wave : str
        The wave after the programme's start whose students are the yardstick.
    values : mapping
        ``estimate, std_error, conf_low, conf_high`` in the outcome's units.

    Returns
    -------
    dict
        ``effect_size, effect_size_type, effect_size_low, effect_size_high``; empty where none can be given.

    Notes
    -----
    Continuous outcomes and counts: Hedges g, the estimate over the pooled within-arm standard deviation of the wave's
    students, corrected for small samples and, where clusters were assigned, for clustering with the outcome's own
    intraclass correlation in that wave, cut to lie in 0 to 1 (WWC Procedures Handbook, version 4.1, appendix E).
    Binary outcomes: the Cox index between the programme arm's share in that wave and the same share without the
    estimated effect; the interval's ends are transformed alike, and without an end inside 0 to 1 there is none.
    """
    here = sample[(sample["wave"] == wave) & sample[outcome.name].notna()]
    on = here["arm"] != study.design.assignment.comparison
    treated, comparison = here.loc[on, outcome.name], here.loc[~on, outcome.name]
    try:
        if outcome.kind == "binary":
            return _cox(treated, len(comparison), values)
        spread = pooled_sd(float(treated.std()), float(comparison.std()), len(treated), len(comparison))
        cluster = cluster_of(study)
        clustered: dict[str, float] = {}
        if study.design.assignment.level != "student":
            rho = float(icc(here, outcome.name, cluster)["icc"].iloc[0])
            clustered = {"n_clusters": here[cluster].nunique(), "icc": min(max(rho, 0.0), 0.99)}
        size = standardize_estimate(
            values["estimate"],
            values["std_error"],
            values["conf_low"],
            values["conf_high"],
            sd=spread,
            n_students=len(here),
            **clustered,
        )
    except (DesignError, ParameterError):
        return {}
    return {
        "effect_size": size.estimate,
        "effect_size_type": "Hedges g" + (", cluster-corrected" if clustered else ""),
        "effect_size_low": size.conf_low,
        "effect_size_high": size.conf_high,
    }


def cox_of_change(before: float, n_before: int, n_after: int, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Express the change of a share as the Cox index of the shares after and before.

    Parameters
    ----------
    before : float
        The share in the earlier wave.
    n_before, n_after : int
        Students of the two waves.
    values : mapping
        ``estimate, conf_low, conf_high`` of the change in the share.

    Returns
    -------
    dict
        As of `programme_size`; empty where a share is 0 or 1.
    """
    after = before + float(values["estimate"])
    ends = (before + float(values[name]) for name in ("estimate", "conf_low", "conf_high"))
    if not 0 < before < 1 or not 0 < after < 1:
        return {}
    size, low, high = (
        cox_index(end, before, n_treated=n_after, n_comparison=n_before).estimate if 0 < end < 1 else np.nan
        for end in ends
    )
    return {
        "effect_size": size,
        "effect_size_type": "Cox index, after against before",
        "effect_size_low": low,
        "effect_size_high": high,
    }


def _cox(treated: pd.Series, n_comparison: int, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The Cox index of an effect on a share, with its interval."""
    share = float(treated.mean())
    ends = [share - values[name] for name in ("estimate", "conf_low", "conf_high")]
    if not 0 < share < 1 or not 0 < ends[0] < 1:
        return {}
    size, low, high = (
        cox_index(share, end, n_treated=len(treated), n_comparison=n_comparison).estimate if 0 < end < 1 else np.nan
        for end in ends
    )
    return {
        "effect_size": size,
        "effect_size_type": "Cox index",
        "effect_size_low": low,
        "effect_size_high": high,
    }
