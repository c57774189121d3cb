"""Means of the outcomes by wave and arm, with intervals that respect the clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from belonging_study.study import Study

__all__ = ["describe_outcomes", "mean_interval"]


def mean_interval(values: pd.Series, cluster: pd.Series, conf_level: float = 0.95) -> tuple[float, float, float]:
    """Mean of students with an interval from the spread of their clusters.

    Parameters
    ----------
    values : pandas.Series, shape (n,)
        The outcome; missing values are left out.
    cluster : pandas.Series, shape (n,)
        The cluster of each value.
    conf_level : float
        Level of the interval.

    Returns
    -------
    tuple of float
        Mean, lower and upper bound; the bounds are missing with fewer than two clusters.

    Notes
    -----
    The standard error is the linearised (CR1) one of a mean, ``sqrt(G / (G - 1) * sum of squared cluster sums of
    residuals) / n``, and the interval uses t with ``G - 1`` degrees of freedom (Cameron & Miller 2015, Journal of
    Human Resources 50:317-372).

    Examples
    --------
    >>> import pandas as pd
    >>> mean, low, high = mean_interval(pd.Series([1.0, 2, 3, 4]), pd.Series(list("abcd")))
    >>> round(mean, 2), round(low, 3), round(high, 3)
    (2.5, 0.446, 4.554)
    """
    keep = values.notna() & cluster.notna()
    y = values[keep].to_numpy(dtype=float)
    if not len(y):
        return np.nan, np.nan, np.nan
    mean = float(y.mean())
    code, levels = pd.factorize(cluster[keep])
    g = len(levels)
    if g < 2:
        return mean, np.nan, np.nan
    sums = np.bincount(code, weights=y - mean, minlength=g)
    margin = float(stats.t.ppf(0.5 + conf_level / 2, g - 1) * np.sqrt(g / (g - 1) * (sums @ sums)) / len(y))
    return mean, mean - margin, mean + margin


def describe_outcomes(study: Study, scores: pd.DataFrame) -> pd.DataFrame:
    """Describe each outcome in each wave and arm.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        One row a student and wave, with a column for each outcome.

    Returns
    -------
    pandas.DataFrame
        ``outcome, wave, arm, n_students, n_clusters, mean, sd, conf_low, conf_high``; one row an outcome, wave and
        arm in which the outcome was measured.
    """
    cluster = cluster_of(study)
    level = study.analysis.conf_level
    rows = []
    for (wave, arm), here in scores.groupby(["wave", "arm"], sort=False, observed=True):
        for outcome in study.outcomes_in(str(wave)):
            seen = here[here[outcome.name].notna()]
            mean, low, high = mean_interval(seen[outcome.name], seen[cluster], level)
            sd = float(seen[outcome.name].std()) if len(seen) > 1 else np.nan
            rows.append((outcome.name, wave, arm, len(seen), seen[cluster].nunique(), mean, sd, low, high))
    names = ["outcome", "wave", "arm", "n_students", "n_clusters", "mean", "sd", "conf_low", "conf_high"]
    table = pd.DataFrame(rows, columns=names)
    order = {o.name: i for i, o in enumerate(study.outcomes)}
    return table.sort_values("outcome", key=lambda c: c.map(order), kind="stable").reset_index(drop=True)


def cluster_of(study: Study) -> str:
    """Return the column of the cleaned table that holds the unit of assignment."""
    return {"school": "school", "class": "classroom", "student": "student"}[study.design.assignment.level]
