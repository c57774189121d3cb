"""Which rows can answer a before-and-after question: checks, exclusions and counts shared by the estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import (
    binary_column,
    complete_column,
    model_columns,
    numeric_column,
    require_columns,
)
from belonging_study.effects.starts import programme_start
from belonging_study.errors import DataError, DesignError, DuplicateRowsError, ValueRangeError

__all__ = ["PanelSample", "first_cluster", "panel_sample", "within_units"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PanelSample:
    """The rows that an estimate of change rests on.

    Attributes
    ----------
    y : numpy.ndarray
        Outcome, shape (rows,).
    unit, wave, cluster : numpy.ndarray
        Codes from 0, shape (rows,); waves in their order.
    wave_names : tuple
        The waves, in order.
    adoption : numpy.ndarray
        For each unit the code of its first wave under the programme, or the number of waves if never: the start of
        all units or of its cluster where they have one in common, so that a missed wave does not make a late start.
    covariates : numpy.ndarray
        Shape (rows, columns).
    covariate_names : tuple of str
        One name a column of ``covariates``.
    weights : numpy.ndarray or None
        Shape (rows,).
    index : pandas.Index
        Index labels of the rows kept.
    cluster_names : tuple
        Cluster of each code.
    dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``, one row a reason.
    """

    y: Array
    unit: IntArray
    wave: IntArray
    cluster: IntArray
    wave_names: tuple[object, ...]
    adoption: IntArray
    covariates: Array
    covariate_names: tuple[str, ...]
    weights: Array | None
    index: pd.Index
    cluster_names: tuple[object, ...]
    dropped: pd.DataFrame

    @property
    def treated(self) -> Array:
        """1 in rows where the programme is running, shape (rows,)."""
        return (self.wave >= self.adoption[self.unit]).astype(np.float64)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.adoption)

    @property
    def adoption_waves(self) -> tuple[int, ...]:
        """Codes of the waves in which some unit first had the programme."""
        return tuple(int(w) for w in np.unique(self.adoption) if w < len(self.wave_names))

    @property
    def cluster_adoption(self) -> IntArray | None:
        """Adoption wave of each cluster, or None where units of one cluster differ."""
        first = np.full(len(self.cluster_names), -1, dtype=np.int64)
        own = self.adoption[self.unit]
        first[self.cluster] = own
        return first if bool((first[self.cluster] == own).all()) else None

    @property
    def n_clusters_treated(self) -> int:
        """Clusters that hold a unit in the programme."""
        return len(np.unique(self.cluster[self.adoption[self.unit] < len(self.wave_names)]))

    @property
    def n_clusters_comparison(self) -> int:
        """Clusters that hold a unit never in the programme."""
        return len(np.unique(self.cluster[self.adoption[self.unit] == len(self.wave_names)]))


def first_cluster(data: pd.DataFrame, *, unit: str, time: str, cluster: str) -> pd.Series:
    """Give every row the cluster in which its unit was first seen.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave.
    unit, time, cluster : str
        Columns. Rows without a cluster are passed over when the first is looked for.

    Returns
    -------
    pandas.Series
        Indexed as ``data``. Movers stay with their first cluster, that is, they are analysed as assigned.

    Raises
    ------
    ColumnMissingError
        If a column is not in the table.

    Examples
    --------
    >>> rows = pd.DataFrame({"id": [1, 1, 2], "wave": [1, 2, 1], "school": ["a", "b", "b"]})
    >>> first_cluster(rows, unit="id", time="wave", cluster="school").tolist()
    ['a', 'a', 'b']
    """
    require_columns(data, [unit, time, cluster])
    first = data.sort_values(time, kind="stable").groupby(unit, observed=True)[cluster].first()
    return data[unit].map(first).rename(cluster)


def within_units(values: Array, unit: IntArray, weights: Array | None = None) -> Array:
    """Subtract unit means.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (rows,) or (rows, columns).
    unit : numpy.ndarray
        Codes from 0, shape (rows,).
    weights : numpy.ndarray, optional
        Shape (rows,): the means are weighted by them.

    Returns
    -------
    numpy.ndarray
        Shape of ``values``.

    Examples
    --------
    >>> within_units(np.array([1., 3., 5.]), np.array([0, 0, 1]))
    array([-1.,  1.,  0.])
    """
    columns = values[:, None] if values.ndim == 1 else values
    weight = np.ones(len(unit)) if weights is None else weights
    total = np.bincount(unit, weights=weight)
    out = np.empty_like(columns, dtype=np.float64)
    for j in range(columns.shape[1]):
        out[:, j] = columns[:, j] - (np.bincount(unit, weights=weight * columns[:, j]) / total)[unit]
    return out[:, 0] if values.ndim == 1 else out


def panel_sample(
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
) -> PanelSample:
    """Check a long table and keep the rows from which change can be estimated.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave (``panel=True``), or one row a student of a unit and wave (``panel=False``).
    outcome, unit, time, treated, cluster : str
        Columns. ``treated`` is 1 in rows where the programme is running. Waves are ordered as numbers, dates, ordered
        categories or text sort.
    programme : str, optional
        Column: 1 in every row of the programme group. Without it a unit belongs to the group if it, or (where clusters
        are treated as one) its cluster, is ever seen treated; needed to place students who were assigned one by one
        and left before the start.
    covariates : sequence of str
        Columns that vary within units.
    weights : str, optional
        Column of positive weights.
    panel : bool
        False if the unit is a group (school, class) whose students differ from wave to wave.

    Returns
    -------
    PanelSample
        Rows with a missing outcome, covariate or weight are dropped, then units with no wave before the programme
        began, then units left with one wave; all are counted in ``dropped``. Where all start together, units first
        seen after the start are dropped in both arms, so that the rule does not depend on the arm; where starts
        are staggered, only units never seen without the programme are.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError
        If columns cannot be used as they are, or a unit changes arm.
    DesignError
        If the design cannot answer the question: nobody or everybody has the programme, no earlier wave, one
        cluster in an arm, a programme that switches off, units that change cluster.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> sample = panel_sample(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> sample.n_units, sample.n_clusters_treated, sample.n_clusters_comparison
    (4, 2, 2)
    """
    named = [outcome, unit, time, treated, cluster, *covariates]
    require_columns(data, named + [name for name in (weights, programme) if name])
    for name, role in ((unit, "unit"), (time, "time"), (cluster, "cluster")):
        complete_column(data, name, role)
    on = binary_column(data, treated, "treatment")
    arm = binary_column(data, programme, "programme") if programme else None
    y = numeric_column(data, outcome)
    extra, extra_names = model_columns(data, covariates)
    weight = numeric_column(data, weights) if weights else None
    if weight is not None and (weight <= 0).any():
        raise ValueRangeError(
            f'The weight column "{weights}" holds {int((weight <= 0).sum())} values that are not positive.',
            remedy="drop rows of weight zero by a rule that the flow counts.",
        )
    unit_code = pd.factorize(data[unit])[0].astype(np.int64)
    wave_code, wave_names = pd.factorize(data[time], sort=True)
    wave_code = wave_code.astype(np.int64)
    cluster_code, cluster_names = pd.factorize(data[cluster], sort=True)
    cluster_code = cluster_code.astype(np.int64)
    if panel:
        _require_unique(unit_code, wave_code)
    _require_nested(unit_code, cluster_code)
    n_waves = len(wave_names)
    adoption = programme_start(unit_code, wave_code, cluster_code, on=on, arm=arm, n_waves=n_waves)

    keep = np.ones(len(data), dtype=bool)
    dropped: list[tuple[str, int, int]] = []

    def drop(reason: str, rows: npt.NDArray[np.bool_]) -> None:
        rows = rows & keep
        if rows.any():
            lost = len(np.unique(unit_code[keep])) - len(np.unique(unit_code[keep & ~rows]))
            dropped.append((reason, int(rows.sum()), lost))
            keep[rows] = False

    drop("outcome missing", np.isnan(y))
    drop("covariate missing", np.asarray(np.isnan(extra).any(axis=1)))
    if weight is not None:
        drop("weight missing", np.isnan(weight))
    _require_both_arms_observed(adoption[unit_code][keep], n_waves, outcome)
    starts = np.unique(adoption[adoption < n_waves])
    first_seen = np.full(len(adoption), n_waves, dtype=np.int64)
    np.minimum.at(first_seen, unit_code[keep], wave_code[keep])
    began = np.full(len(adoption), starts[0]) if len(starts) == 1 else adoption
    drop("no wave before the programme began", first_seen[unit_code] >= began[unit_code])
    if not (adoption[unit_code][keep] < n_waves).any():
        raise DesignError(
            "No unit in the programme has a wave with the outcome before the programme began.",
            remedy="compare the arms in one wave with mean_difference, or add an earlier wave.",
        )
    pairs = np.unique(unit_code[keep] * n_waves + wave_code[keep])
    waves_seen = np.bincount(pairs // n_waves, minlength=len(adoption))
    drop("seen in one wave only", waves_seen[unit_code] == 1)

    kept_units, unit_code = np.unique(unit_code[keep], return_inverse=True)
    kept_waves, wave_new = np.unique(wave_code[keep], return_inverse=True)
    kept_clusters, cluster_new = np.unique(cluster_code[keep], return_inverse=True)
    sample = PanelSample(
        y=y[keep],
        unit=unit_code.astype(np.int64),
        wave=wave_new.astype(np.int64),
        cluster=cluster_new.astype(np.int64),
        wave_names=tuple(wave_names[i] for i in kept_waves),
        adoption=np.searchsorted(kept_waves, adoption[kept_units]).astype(np.int64),
        covariates=extra[keep],
        covariate_names=extra_names,
        weights=None if weight is None else weight[keep],
        index=data.index[keep],
        cluster_names=tuple(cluster_names[i] for i in kept_clusters),
        dropped=pd.DataFrame(dropped, columns=["reason", "n_rows", "n_units"]),
    )
    _require_answerable(sample, outcome)
    return sample


def _require_unique(unit: IntArray, wave: IntArray) -> None:
    """Raise if a unit has two rows in a wave."""
    n = len(unit) - len(np.unique(unit * (wave.max() + 1) + wave))
    if n:
        raise DuplicateRowsError(
            f"{n} rows repeat a unit and wave that another row already holds.",
            remedy="keep one row a student and wave, or pass panel=False if the unit is a group of students "
            "who differ from wave to wave.",
        )


def _require_nested(unit: IntArray, cluster: IntArray) -> None:
    """Raise if a unit lies in several clusters."""
    pairs = np.unique(unit * (cluster.max() + 1) + cluster)
    n = int((np.bincount(pairs // (cluster.max() + 1)) > 1).sum())
    if n:
        raise DesignError(
            f"{n} of {unit.max() + 1} units appear in more than one cluster.",
            remedy="give movers the cluster they were assigned in: data[cluster] = first_cluster(data, ...).",
        )


def _require_both_arms_observed(adoption: IntArray, n_waves: int, outcome: str) -> None:
    """Raise if the outcome is missing throughout one arm."""
    n_treated, n_never = int((adoption < n_waves).sum()), int((adoption == n_waves).sum())
    if n_treated and n_never:
        return
    arm = "the comparison group" if n_treated else "the programme group"
    raise DesignError(
        f'"{outcome}" has {n_treated} usable rows of units in the programme and {n_never} of units never in it.',
        remedy=f"an effect needs {arm} too; check whether it was asked the question, or coded as in the other arm.",
    )


def _require_answerable(sample: PanelSample, outcome: str) -> None:
    """Raise if the rows that are left cannot separate programme from cluster or wave."""
    n_treated, n_comparison = sample.n_clusters_treated, sample.n_clusters_comparison
    dropped = int(sample.dropped["n_rows"].sum())
    left = f"after {dropped} dropped rows " if dropped else ""
    if not n_treated or not n_comparison:
        raise DesignError(
            f"There are {left}{n_treated} clusters in the programme and {n_comparison} in comparison.",
            remedy="look at the reasons for dropped rows: an arm has no unit with waves before and after the start.",
        )
    if sample.cluster_adoption is not None and min(n_treated, n_comparison) == 1:
        raise DesignError(
            f"There are {left}{n_treated} clusters in the programme and {n_comparison} in comparison: the effect of "
            "the programme cannot be told from that of the one cluster.",
            remedy="add clusters to that arm, or describe the change without claiming an effect; clustering by "
            "student does not help.",
        )
    if np.ptp(sample.y) == 0:
        raise DataError(
            f'"{outcome}" has the same value in all {len(sample.y)} rows.', remedy="check how it was scored."
        )
