"""Students of two arms, some of them lost: checks, and the effect on those who were followed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import (
    binary_column,
    complete_column,
    model_columns,
    numeric_column,
    require_columns,
    require_level,
)
from belonging_study.effects.inference.cluster_robust import (
    cluster_fit,
    cluster_robust_covariance,
    satterthwaite_df,
    t_interval,
)
from belonging_study.errors import DataError, DesignError, ValueRangeError

__all__ = ["Followed", "MissingOutcomeEstimate", "complete_cases", "followed_students", "weighted_difference"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Followed:
    """Students with arm, cluster and predictors, of whom some have no outcome.

    Attributes
    ----------
    y : numpy.ndarray
        Outcome, or change since the baseline where one is given; NaN where missing. Shape (students,).
    on : numpy.ndarray
        1 in the programme. Shape (students,).
    cluster : numpy.ndarray
        Codes from 0. Shape (students,).
    predictors : numpy.ndarray
        Complete; the baseline first where one is given. Shape (students, columns).
    names : tuple of str
        One name a predictor.
    """

    y: Array
    on: Array
    cluster: IntArray
    predictors: Array
    names: tuple[str, ...]

    @property
    def seen(self) -> BoolArray:
        """Whether the outcome is there, shape (students,)."""
        return ~np.isnan(self.y)


@dataclass(frozen=True)
class MissingOutcomeEstimate:
    """An effect estimated although outcomes are missing.

    Attributes
    ----------
    method : str
        What was done about the missing outcomes.
    estimate, std_error, df, p_value, conf_low, conf_high, conf_level : float
        The difference between programme and comparison, in the outcome's units.
    n_students, n_observed : int
        Students assigned, and those with the outcome.
    effective_n : float
        Students with the outcome that unweighted data of the same precision would need (Kish 1965); ``n_observed``
        where students count equally.
    assumption : str
        When the estimate is right.
    note : str
        What a reader must know.
    """

    method: str
    estimate: float
    std_error: float
    df: float
    p_value: float
    conf_low: float
    conf_high: float
    conf_level: float
    n_students: int
    n_observed: int
    effective_n: float
    assumption: str
    note: str

    @property
    def table(self) -> pd.DataFrame:
        """The estimate as a tidy table of one row."""
        return pd.DataFrame([{f.name: getattr(self, f.name) for f in fields(self)}])


def followed_students(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    baseline: str | None = None,
    predictors: Sequence[str] = (),
) -> Followed:
    """Check a table with one row a student who was assigned, with or without the outcome.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student.
    outcome, treated, cluster : str
        Columns: a number, missing where the student was lost; 1 in the programme and 0 in comparison; the assigned
        cluster.
    baseline : str, optional
        Column of the outcome before the programme: the change since then is compared, and it is a predictor.
    predictors : sequence of str
        Columns known for everybody.

    Returns
    -------
    Followed
        Every row of the table; none is dropped.

    Raises
    ------
    ColumnMissingError, ValueRangeError
        If columns cannot be used as they are.
    DataError
        If the arm, the cluster, the baseline or a predictor is missing, or the outcome is constant.
    DesignError
        If an arm has one cluster, the outcome is missing for everybody or throughout an arm, or a cluster lies in both
        arms.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [1, 1, 2, 2, 3, 3, 4, 4], "on": [1] * 4 + [0] * 4,
    ...                      "y": [3, None, 4, 2, 1, 2, None, 3]})
    >>> int(followed_students(rows, outcome="y", treated="on", cluster="school").seen.sum())
    6
    """
    given = [name for name in (baseline, *predictors) if name is not None]
    require_columns(data, [outcome, treated, cluster, *given])
    on = binary_column(data, treated, "treatment")
    codes = pd.factorize(complete_column(data, cluster, "cluster"), sort=True)[0].astype(np.int64)
    for name in given:
        complete_column(data, name, "baseline" if name == baseline else "predictor")
    y = numeric_column(data, outcome)
    columns, names = model_columns(data, given)
    both = np.intersect1d(codes[on == 1], codes[on == 0])
    if len(both):
        raise DesignError(
            f"{len(both)} of {codes.max() + 1} clusters lie in both arms.",
            remedy="give the cluster in which students were assigned; the methods resample whole clusters of an arm.",
        )
    found = tuple(int((~np.isnan(y))[on == arm].sum()) for arm in (1, 0))
    n_in_arm = tuple(int((on == arm).sum()) for arm in (1, 0))
    if not min(found):
        raise DesignError(
            f'"{outcome}" is there for {found[0]} of {n_in_arm[0]} students in the programme and {found[1]} of '
            f"{n_in_arm[1]} in comparison.",
            remedy="an arm without any outcome cannot be filled in from the other; check how it was asked and coded.",
        )
    with_outcome = [len(np.unique(codes[(on == arm) & ~np.isnan(y)])) for arm in (1, 0)]
    if min(with_outcome) < 2:
        raise DesignError(
            f"There are {with_outcome[0]} programme and {with_outcome[1]} comparison clusters with the outcome: the "
            "effect of the programme cannot be told from that of the one cluster.",
            remedy="add clusters to that arm, or describe the change without claiming an effect.",
        )
    if np.nanmax(y) == np.nanmin(y):
        raise DataError(
            f'"{outcome}" has the same value for all {sum(found)} students who have it.',
            remedy="check how it was scored.",
        )
    if baseline is not None:
        y = y - numeric_column(data, baseline)
    return Followed(y=y, on=on, cluster=codes, predictors=columns, names=names)


def weighted_difference(y: Array, on: Array, cluster: IntArray, weights: Array | None = None) -> tuple[float, ...]:
    """Difference of the arms' means with its CR2 standard error and Satterthwaite degrees of freedom.

    Parameters
    ----------
    y, on, cluster : numpy.ndarray
        Outcome (complete), arm and cluster, shape (students,).
    weights : numpy.ndarray, optional
        Positive weights, shape (students,).

    Returns
    -------
    tuple of float
        ``estimate, std_error, df``.

    Raises
    ------
    DesignError
        If the standard error is zero.

    Examples
    --------
    >>> y, on, cluster = np.array([1.0, 2.0, 3.0, 5.0]), np.array([0.0, 0.0, 1.0, 1.0]), np.arange(4)
    >>> [round(v, 3) for v in weighted_difference(y, on, cluster)]
    [2.5, 1.118, 2.0]
    """
    fit = cluster_fit(
        np.column_stack([np.ones(len(y)), on]), y, cluster, names=["constant", "programme"], weights=weights
    )
    std_error = float(np.sqrt(cluster_robust_covariance(fit, "CR2")[1, 1]))
    if std_error <= 1e-9 * max(1.0, float(np.abs(y).max())):
        raise DesignError(
            f"The standard error is zero with {fit.n_clusters} clusters.", remedy="check how the outcome was scored."
        )
    return float(fit.coefficients[1]), std_error, satterthwaite_df(fit, [0.0, 1.0])


def complete_cases(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    baseline: str | None = None,
    weights: str | None = None,
    conf_level: float = 0.95,
) -> MissingOutcomeEstimate:
    """Compare the arms among the students whose outcome is there: the reference for every other method.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student who was assigned.
    outcome, treated, cluster, baseline : str
        As in `followed_students`.
    weights : str, optional
        Column of weights, positive for every student with the outcome; others' weights are not looked at.
    conf_level : float
        Level of the interval.

    Returns
    -------
    MissingOutcomeEstimate
        CR2 standard error with Satterthwaite degrees of freedom. Students without the outcome are left out, and
        counted by ``n_students`` less ``n_observed``. With a baseline and every student present this is
        difference-in-differences over two waves.

    Raises
    ------
    DataError, DesignError
        As in `followed_students`.
    ValueRangeError
        If weights of students with the outcome are missing, zero or negative.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [1, 1, 2, 2, 3, 3, 4, 4], "on": [1] * 4 + [0] * 4,
    ...                      "y": [3, None, 4, 2, 1, 2, None, 3]})
    >>> found = complete_cases(rows, outcome="y", treated="on", cluster="school")
    >>> round(found.estimate, 3), found.n_observed
    (1.0, 6)
    """
    require_level(conf_level)
    sample = followed_students(data, outcome=outcome, treated=treated, cluster=cluster, baseline=baseline)
    seen = sample.seen
    weight = None
    if weights is not None:
        require_columns(data, [weights])
        weight = numeric_column(data, weights)[seen]
        n_bad = int((~(weight > 0)).sum())
        if n_bad:
            raise ValueRangeError(
                f'The weight column "{weights}" is missing or not positive for {n_bad} of {int(seen.sum())} students '
                "with the outcome.",
                remedy="give each of them a positive weight; leave students out by a rule that the flow counts.",
            )
    found = weighted_difference(sample.y[seen], sample.on[seen], sample.cluster[seen], weight)
    return made_estimate(
        "complete cases" if weights is None else "weighted complete cases",
        sample,
        found,
        conf_level,
        effective_n=float(seen.sum()) if weight is None else float(weight.sum() ** 2 / (weight**2).sum()),
        assumption="outcomes are missing at random within arms, whatever the students are like"
        if weights is None
        else "what the weights take into account is all that tells those lost from those followed up",
    )


def made_estimate(
    method: str,
    sample: Followed,
    found: tuple[float, ...],
    conf_level: float,
    *,
    effective_n: float,
    assumption: str,
    note: str = "",
) -> MissingOutcomeEstimate:
    """Put an estimate, its standard error and degrees of freedom into a result."""
    estimate, std_error, df = found
    _, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
    return MissingOutcomeEstimate(
        method=method,
        estimate=estimate,
        std_error=std_error,
        df=df,
        p_value=p_value,
        conf_low=conf_low,
        conf_high=conf_high,
        conf_level=conf_level,
        n_students=len(sample.y),
        n_observed=int(sample.seen.sum()),
        effective_n=effective_n,
        assumption=assumption,
        note=note,
    )
