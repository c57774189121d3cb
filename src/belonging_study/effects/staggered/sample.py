"""Which rows can answer a question about staggered starts: checks, exclusions and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import complete_column, model_columns, numeric_column, require_columns
from belonging_study.effects.sample import _require_nested, _require_unique
from belonging_study.errors import ArmConflictError, DataError, DesignError, ValueRangeError

__all__ = ["StaggeredSample", "staggered_sample"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StaggeredSample:
    """The rows that estimates for staggered starts rest on.

    Attributes
    ----------
    y : numpy.ndarray
        Outcome, shape (rows,).
    unit, wave, cluster : numpy.ndarray
        Codes from 0, shape (rows,); waves in their order.
    cohort : numpy.ndarray
        For each unit the code of its first wave under the programme, or the number of waves if it has none in the
        data.
    starts_later : numpy.ndarray
        For each unit, true if it starts after the last wave (rather than never), shape (units,).
    wave_names : tuple
        The waves, in order.
    covariates : numpy.ndarray
        Shape (rows, columns).
    covariate_names : tuple of str
        One name a column of ``covariates``.
    weights : numpy.ndarray
        Shape (rows,); ones where no weights were given.
    n_clusters : int
        Number of clusters.
    dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``, one row a reason.
    """

    y: Array
    unit: IntArray
    wave: IntArray
    cluster: IntArray
    cohort: IntArray
    starts_later: npt.NDArray[np.bool_]
    wave_names: tuple[object, ...]
    covariates: Array
    covariate_names: tuple[str, ...]
    weights: Array
    n_clusters: int
    dropped: pd.DataFrame

    @property
    def n_waves(self) -> int:
        """Number of waves."""
        return len(self.wave_names)

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.cohort)

    @property
    def n_units_incomplete(self) -> int:
        """Units that lack a row in some wave."""
        seen = np.zeros((self.n_units, self.n_waves), dtype=bool)
        seen[self.unit, self.wave] = True
        return int((~seen.all(axis=1)).sum())

    @property
    def cohorts(self) -> tuple[int, ...]:
        """Codes of the waves in which some unit started."""
        return tuple(int(g) for g in np.unique(self.cohort) if g < self.n_waves)

    @property
    def row_cohort(self) -> IntArray:
        """Cohort of each row's unit, shape (rows,)."""
        return self.cohort[self.unit]

    @property
    def treated(self) -> Array:
        """1 in rows where the programme is running, shape (rows,)."""
        return (self.wave >= self.row_cohort).astype(np.float64)

    @property
    def cluster_stratum(self) -> IntArray | None:
        """Cohort of each cluster, or None where units of one cluster differ in their start."""
        first = np.zeros(self.n_clusters, dtype=np.int64)
        first[self.cluster] = self.row_cohort
        return first if bool((first[self.cluster] == self.row_cohort).all()) else None

    @property
    def cluster_sizes(self) -> tuple[Array, ...] | None:
        """Rows of each cluster by cohort, or None where clusters hold several cohorts."""
        stratum = self.cluster_stratum
        if stratum is None:
            return None
        size = np.bincount(self.cluster, minlength=self.n_clusters).astype(np.float64)
        return tuple(size[stratum == k] for k in range(self.n_waves + 1))


def staggered_sample(
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
    anticipation: int = 0,
) -> StaggeredSample:
    """Check a long table with staggered starts and keep the rows that can be used.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave, or one row a student of a unit and wave (``panel=False``).
    outcome, unit, time, start : str
        Columns. ``start`` is the unit's first wave under the programme, the same in all its rows: on the scale of
        ``time`` where that is numbers or dates, else one of its values. Never: missing, infinite, or 0 where waves
        are numbers above 0. A start between waves counts from the next wave; one after the last wave is a start
        outside the data.
    cluster : str, optional
        Column: the level of assignment. The unit where left out.
    covariates : sequence of str
        Columns, numbers or categories.
    weights : str, optional
        Column of positive weights.
    panel : bool
        False if the unit is a group whose students differ from wave to wave.
    anticipation : int
        Waves before the start in which the programme may already work.

    Returns
    -------
    StaggeredSample
        Rows with a missing outcome, covariate or weight are dropped, then units without a wave before their start
        (less the anticipation), then, in a panel, units seen in one wave only; all are counted in ``dropped``.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError
        If columns cannot be used as they are, or a unit has several starts.
    DesignError
        If nobody starts within the data, units change cluster, or a start has one cluster.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "start": [2.0] * 4 + [None] * 4})
    >>> sample = staggered_sample(rows, outcome="y", unit="school", time="wave", start="start")
    >>> sample.cohort.tolist()
    [1, 1, 2, 2]
    """
    cluster = unit if cluster is None else cluster
    require_columns(data, [outcome, unit, time, start, cluster, *covariates, *([weights] if weights else [])])
    for name, role in ((unit, "unit"), (time, "time"), (cluster, "cluster")):
        complete_column(data, name, role)
    y = numeric_column(data, outcome)
    x, x_names = model_columns(data, covariates)
    weight = numeric_column(data, weights) if weights else np.ones(len(data))
    if (weight <= 0).any():
        raise ValueRangeError(
            f'The weight column "{weights}" holds {int((weight <= 0).sum())} values that are not positive.',
            remedy="drop rows of weight zero by a rule that the flow counts.",
        )
    unit_code = pd.factorize(data[unit])[0].astype(np.int64)
    wave_code, wave_names = pd.factorize(data[time], sort=True)
    wave_code = wave_code.astype(np.int64)
    cluster_code = pd.factorize(data[cluster])[0].astype(np.int64)
    if panel:
        _require_unique(unit_code, wave_code)
    _require_nested(unit_code, cluster_code)
    n_waves = len(wave_names)
    row_start, row_later = _start_codes(data, time, start, wave_names)
    cohort, later = _one_start_each(unit_code, row_start, row_later)

    keep = np.ones(len(data), dtype=bool)
    dropped: list[tuple[str, int, int]] = []

    def drop(reason: str, rows: npt.NDArray[np.bool_]) -> None:
        rows = rows & keep
        if rows.any():
            left_over = np.bincount(unit_code[keep & ~rows], minlength=len(cohort)) > 0
            lost = int(((np.bincount(unit_code[keep], minlength=len(cohort)) > 0) & ~left_over).sum())
            dropped.append((reason, int(rows.sum()), lost))
            keep[rows] = False

    drop("outcome missing", np.isnan(y))
    drop("covariate missing", np.asarray(np.isnan(x).any(axis=1)))
    drop("weight missing", np.isnan(weight))
    first_seen = np.full(len(cohort), n_waves, dtype=np.int64)
    np.minimum.at(first_seen, unit_code[keep], wave_code[keep])
    began = np.where(cohort < n_waves, cohort - anticipation, n_waves)
    drop("treated from the first wave seen", first_seen[unit_code] >= began[unit_code])
    if panel:
        n_seen = np.bincount(unit_code[keep], minlength=len(cohort))
        drop("seen in one wave only", n_seen[unit_code] == 1)
    left = pd.DataFrame(dropped, columns=["reason", "n_rows", "n_units"])
    if not (cohort[unit_code][keep] < n_waves).any():
        reasons = "; ".join(f"{r}: {n} rows" for r, n, _ in dropped)
        raise DesignError(
            f"None of the {len(cohort)} units starts the programme within the {n_waves} waves and has an earlier "
            f"wave{' (dropped: ' + reasons + ')' if reasons else ''}.",
            remedy="check the start column: it holds the first wave under the programme, on the scale of the waves.",
        )
    kept_units, unit_new = _recode(unit_code[keep])
    kept_waves, wave_new = _recode(wave_code[keep])
    kept_clusters, cluster_new = _recode(cluster_code[keep])
    sample = StaggeredSample(
        y=y[keep],
        unit=unit_new,
        wave=wave_new,
        cluster=cluster_new,
        cohort=np.searchsorted(kept_waves, cohort[kept_units]).astype(np.int64),
        starts_later=later[kept_units],
        wave_names=tuple(wave_names[i] for i in kept_waves),
        covariates=x[keep],
        covariate_names=x_names,
        weights=weight[keep],
        n_clusters=len(kept_clusters),
        dropped=left,
    )
    _require_usable(sample, outcome)
    return sample


def _recode(codes: IntArray) -> tuple[IntArray, IntArray]:
    """The codes that occur, in order, and every code's place among them."""
    occurs = np.bincount(codes) > 0
    return np.flatnonzero(occurs).astype(np.int64), (np.cumsum(occurs) - 1)[codes].astype(np.int64)


def _start_codes(
    data: pd.DataFrame, time: str, start: str, wave_names: pd.Index
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """First wave under the programme for each row (number of waves: none), and whether it lies after the data."""
    n_waves = len(wave_names)
    column = data[start]
    is_date = pd.api.types.is_datetime64_any_dtype(data[time])
    if is_date or pd.api.types.is_numeric_dtype(data[time]):
        if is_date and not pd.api.types.is_datetime64_any_dtype(column):
            raise ValueRangeError(
                f'The start column "{start}" holds no dates, but "{time}" does.', remedy="give starts as dates too."
            )
        never = column.isna().to_numpy()
        if is_date:
            waves, values = np.asarray(wave_names, dtype="datetime64[ns]"), column.to_numpy(dtype="datetime64[ns]")
            code = np.searchsorted(waves, np.where(never, waves[0], values)).astype(np.int64)
        else:
            numbers = np.asarray(wave_names, dtype=np.float64)
            values = numeric_column(data.assign(**{start: column.replace(np.inf, np.nan)}), start)
            never = np.isnan(values) | ((values == 0) & (numbers[0] > 0))
            code = np.searchsorted(numbers, np.where(never, numbers[0], values)).astype(np.int64)
        return np.where(never, n_waves, code), ~never & (code == n_waves)
    position = {name: i for i, name in enumerate(wave_names)}
    never = column.isna().to_numpy()
    text = [position.get(value, -1) for value in column]
    code = np.where(never, n_waves, np.array(text, dtype=np.int64))
    n_unknown = int((code < 0).sum())
    if n_unknown:
        raise DataError(
            f'The start column "{start}" holds {n_unknown} values that are no wave of "{time}" '
            f"({', '.join(str(w) for w in wave_names[:12])}).",
            remedy="write the first wave under the programme as in the wave column; leave it empty for never.",
        )
    return code, np.zeros(len(data), dtype=bool)


def _one_start_each(
    unit: IntArray, start: IntArray, later: npt.NDArray[np.bool_]
) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Start of each unit; raise where a unit has several."""
    cohort = np.zeros(unit.max() + 1, dtype=np.int64)
    after = np.zeros(unit.max() + 1, dtype=bool)
    cohort[unit], after[unit] = start, later
    differs = (cohort[unit] != start) | (after[unit] != later)
    if differs.any():
        raise ArmConflictError(
            f"{len(np.unique(unit[differs]))} of {len(cohort)} units have more than one start of the programme.",
            remedy="the start column must hold the unit's first wave under the programme in every one of its rows, "
            "also those before it.",
        )
    return cohort, after


def _require_usable(sample: StaggeredSample, outcome: str) -> None:
    """Raise if a cohort has one cluster, or the outcome does not vary."""
    held = np.zeros((sample.n_waves + 1, sample.n_clusters), dtype=bool)
    held[sample.row_cohort, sample.cluster] = True
    counts = {g: int(held[g].sum()) for g in sample.cohorts}
    alone = [str(sample.wave_names[g]) for g, n in counts.items() if n == 1]
    if alone:
        n_dropped = int(sample.dropped["n_rows"].sum())
        raise DesignError(
            f"{len(alone)} of {len(counts)} starts ({', '.join(alone)}) have one cluster"
            f"{f' after {n_dropped} dropped rows' if n_dropped else ''}: the effect of the programme cannot be told "
            "from that of the one cluster, and no standard error exists.",
            remedy="leave these clusters out, or count starts that lie close together as one.",
        )
    if np.ptp(sample.y) == 0:
        raise DataError(
            f'"{outcome}" has the same value in all {len(sample.y)} rows.', remedy="check how it was scored."
        )
