"""Model estimates as effect sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from belonging_study.effects.did import DidResult
from belonging_study.effects.effect_sizes import EffectSize, cluster_correction, small_sample_factor
from belonging_study.errors import DesignError, ParameterError

__all__ = ["outcome_spread", "standardize_did", "standardize_estimate"]


def standardize_estimate(
    estimate: float,
    std_error: float,
    conf_low: float,
    conf_high: float,
    *,
    sd: float,
    n_students: float,
    n_clusters: float | None = None,
    icc: float | None = None,
    conf_level: float = 0.95,
) -> EffectSize:
    """Turn a model's estimate and interval into Hedges g.

    Parameters
    ----------
    estimate, std_error, conf_low, conf_high : float
        In the outcome's units.
    sd : float
        Pooled unadjusted student-level standard deviation.
    n_students : float
        Students in both arms.
    n_clusters, icc : float, optional
        Clusters in both arms and their intraclass correlation, where clusters were assigned.
    conf_level : float
        Level of the interval given.

    Returns
    -------
    EffectSize
        Everything multiplied by ``omega / sd`` (with clusters ``omega_h * shrink / sd``). The interval carries the
        model's own inference and takes the standard deviation as known, so it excludes 0 exactly where the model's
        does.

    Raises
    ------
    DesignError, ParameterError
        If the standard deviation is not positive; see ``cluster_correction``.

    Examples
    --------
    >>> g = standardize_estimate(0.3, 0.1, 0.1, 0.5, sd=1.2, n_students=400, n_clusters=20, icc=0.1)
    >>> round(g.estimate, 4), round(g.conf_low, 4)
    (0.2483, 0.0828)
    """
    if (n_clusters is None) != (icc is None):
        raise ParameterError("One of n_clusters and icc is missing.", remedy="give both, or neither.")
    if not sd > 0:
        raise DesignError(f"The standard deviation is {sd}.", remedy="check how the outcome was scored.")
    if n_clusters is None or icc is None:
        factor, kind = small_sample_factor(n_students - 2) / sd, "Hedges g"
    else:
        c = cluster_correction(n_students, n_clusters, icc)
        factor, kind = c.omega * c.shrink / sd, "Hedges g, corrected for clusters"
    return EffectSize(estimate * factor, std_error * factor, conf_low * factor, conf_high * factor, conf_level, kind)


def outcome_spread(result: DidResult) -> tuple[float, int]:
    """Pooled standard deviation and number of students once the programme has begun.

    Parameters
    ----------
    result : DidResult
        The estimate.

    Returns
    -------
    sd : float
        Within arms and waves, over rows from the first programme wave on, unweighted.
    n_students : int
        Units seen there, or rows where a unit holds several students a wave.

    Raises
    ------
    DesignError
        If the outcome does not vary within arms there.

    Examples
    --------
    >>> import pandas as pd
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> round(outcome_spread(result)[0], 4)
    0.7071
    """
    sample = result.sample
    n_waves = len(sample.wave_names)
    after = sample.wave >= sample.adoption_waves[0]
    y, unit, wave = sample.y[after], sample.unit[after], sample.wave[after]
    in_arm = (sample.adoption[unit] < n_waves).astype(np.int64)
    cell = np.unique(2 * wave + in_arm, return_inverse=True)[1]
    size = np.bincount(cell)
    rest = y - (np.bincount(cell, weights=y) / size)[cell]
    room = len(y) - len(size)
    if room < 1 or not rest @ rest > 0:
        raise DesignError("The outcome does not vary within arms and waves.", remedy="check how it was scored.")
    seen = len(np.unique(unit * n_waves + wave))
    return float(np.sqrt(rest @ rest / room)), len(np.unique(unit)) if seen == len(y) else len(y)


def standardize_did(result: DidResult, *, icc: float = 0.10) -> EffectSize:
    """Effect size of a difference-in-differences estimate.

    Parameters
    ----------
    result : DidResult
        The estimate.
    icc : float
        Intraclass correlation of the outcome in the clusters; .10 is the WWC's default for outcomes other than
        achievement, and the study's own is better.

    Returns
    -------
    EffectSize
        The estimate and its interval over the pooled standard deviation after the start, corrected for clusters where
        whole clusters were assigned.

    Raises
    ------
    DesignError, ParameterError
        See ``outcome_spread`` and ``cluster_correction``.

    Examples
    --------
    >>> import pandas as pd
    >>> from belonging_study.effects.did import did
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> result = did(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> standardize_did(result).type
    'difference in changes over SD after, Hedges g, corrected for clusters'
    """
    sd, n_students = outcome_spread(result)
    whole = result.sample.cluster_adoption is not None
    effect = standardize_estimate(
        result.estimate,
        result.std_error,
        result.conf_low,
        result.conf_high,
        sd=sd,
        n_students=n_students,
        n_clusters=len(result.sample.cluster_names) if whole else None,
        icc=icc if whole else None,
        conf_level=result.conf_level,
    )
    return replace(effect, type=f"difference in changes over SD after, {effect.type}")
