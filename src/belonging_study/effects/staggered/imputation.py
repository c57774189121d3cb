"""The imputation estimator for staggered starts: a check beside group-time effects.

References
----------
Borusyak, K., Jaravel, X. & Spiess, J. (2024). Revisiting event-study designs: robust and efficient estimation. Review
of Economic Studies 91, 3253-3285.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import require_level
from belonging_study.effects.staggered.influence import strata_df
from belonging_study.effects.staggered.intervals import estimate_columns
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.errors import DesignError

__all__ = ["ImputationATT", "imputation_att"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImputationATT:
    """Effects from imputed outcomes without the programme.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a number of waves since the start and a row ``overall`` (all treated rows): ``term, estimate,
        std_error, df, statistic, p_value, conf_low, conf_high, band_low, band_high, conf_level, n_rows``.
    n_rows, n_units, n_clusters : int
        What the estimates rest on.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    """

    table: pd.DataFrame
    n_rows: int
    n_units: int
    n_clusters: int
    n_dropped: pd.DataFrame


def imputation_att(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    start: str,
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    panel: bool = True,
    conf_level: float = 0.95,
    draws: int = 999,
    seed: int = 1,
) -> ImputationATT:
    """Estimate effects by imputing what treated rows would have been without the programme.

    Parameters
    ----------
    data, outcome, unit, time, start, cluster, panel
        As for ``group_time_att``.
    covariates : sequence of str
        Columns that vary within units.
    conf_level, draws, seed
        Of intervals and bands.

    Returns
    -------
    ImputationATT
        Unit and wave effects are fitted to rows without the programme alone; the effect is the average of treated
        rows less their fitted value. Treated rows in waves without any untreated row are dropped and counted.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError, DesignError
        See ``staggered_sample``; also if untreated rows cannot determine the wave effects.

    Notes
    -----
    Standard errors are those of Borusyak, Jaravel & Spiess (2024, section 4.3), clustered; effects are taken to be
    alike within a start and wave, and what differs goes to the error. The part of a cluster in the average of its
    start and wave is divided by the root of one less its share there, since with few clusters that average hides a
    good part of the differences; degrees of freedom as for ``group_time_att``.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "start": [2.0] * 6 + [3.0] * 6 + [None] * 6,
    ...                      "y": [1., 3, 4, 2, 3, 5, 1, 1, 3, 0, 1, 2, 1, 2, 1, 2, 2, 3]})
    >>> result = imputation_att(rows, outcome="y", unit="school", time="wave", start="start")
    >>> result.table[["term", "estimate"]].round(3).to_numpy().tolist()
    [[0, 1.25], [1, 2.5], ['overall', 1.667]]
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
        panel=panel,
    )
    on = sample.treated == 1
    untreated_in = np.bincount(sample.wave[~on], minlength=sample.n_waves) > 0
    used = ~on | untreated_in[sample.wave]
    treated = on & used
    if not treated.any():
        raise DesignError(
            "No wave holds both rows with the programme and rows without it.",
            remedy="add units that never had the programme, or had it later.",
        )
    columns = np.hstack([sample.wave[:, None] == np.arange(1, sample.n_waves), sample.covariates]).astype(np.float64)
    names = tuple(f"wave {sample.wave_names[w]}" for w in range(1, sample.n_waves)) + sample.covariate_names
    seen = np.abs(columns[used]).sum(axis=0) > 0
    columns, names = columns[:, seen], tuple(n for n, s in zip(names, seen, strict=True) if s)
    system = _Untreated(sample.unit, ~on, columns, names)
    effect = np.where(treated, sample.y - system.fitted(sample.y), 0.0)
    relative = sample.wave - sample.row_cohort
    events = np.unique(relative[treated])
    targets = [treated & (relative == e) for e in events] + [treated]
    estimates, sums, loads = [], [], []
    for target in targets:
        weight = target / target.sum()
        influence = np.where(treated, weight, system.weights(weight))
        estimates.append(float(weight @ effect))
        sums.append(_cluster_sums(sample, influence, system.residuals(sample.y), effect, treated))
        loads.append(_load(sample, influence))
    stacked = np.column_stack(sums)
    df = _df(sample, np.stack(loads))
    table = estimate_columns(
        np.array(estimates),
        stacked.T @ stacked,
        df,
        conf_level=conf_level,
        draws=draws,
        seed=seed,
        in_band=np.append(np.ones(len(events), dtype=bool), False),
    )
    table.insert(0, "term", [*(int(e) for e in events), "overall"])
    table["n_rows"] = [int(t.sum()) for t in targets]
    dropped = sample.dropped
    if not used.all():
        lost = sample.n_units - len(np.unique(sample.unit[used]))
        late = ("no unit without the programme in the wave", int((~used).sum()), lost)
        dropped = pd.concat([dropped, pd.DataFrame([late], columns=dropped.columns)], ignore_index=True)
    return ImputationATT(
        table=table,
        n_rows=int(used.sum()),
        n_units=len(np.unique(sample.unit[used])),
        n_clusters=sample.n_clusters,
        n_dropped=dropped,
    )


class _Untreated:
    """Least squares of untreated rows on unit effects and columns, unit effects eliminated."""

    def __init__(self, unit: IntArray, rows: npt.NDArray[np.bool_], columns: Array, names: tuple[str, ...]) -> None:
        self.unit, self.rows, self.columns = unit, rows, columns
        self.count = np.bincount(unit[rows], minlength=unit.max() + 1).astype(np.float64)
        self.means = self._unit_sums(columns, rows) / self.count[:, None]
        centred = (columns - self.means[unit])[rows]
        gram = centred.T @ centred
        size = np.sqrt(np.diag(gram))
        flat = [n for n, s in zip(names, size, strict=True) if s <= 1e-9]
        if flat or np.linalg.cond(gram / np.outer(size, size)) > 1e12:
            raise DesignError(
                f"Rows without the programme cannot determine {len(flat) or 'all'} of {len(names)} wave effects and "
                f"covariates{': ' + ', '.join(flat) if flat else ''}.",
                remedy="leave out covariates that never change within a unit, and waves that nobody without the "
                "programme shares with the others.",
            )
        self.inverse = np.linalg.inv(gram)

    def _unit_sums(self, values: Array, rows: npt.NDArray[np.bool_]) -> Array:
        """Sums over the given rows within units."""
        return np.column_stack(
            [np.bincount(self.unit[rows], weights=v[rows], minlength=len(self.count)) for v in values.T]
        )

    def fitted(self, y: Array) -> Array:
        """Predicted outcome without the programme, every row."""
        mean = self._unit_sums(y[:, None], self.rows)[:, 0] / self.count
        centred = (self.columns - self.means[self.unit])[self.rows]
        slope = self.inverse @ (centred.T @ (y - mean[self.unit])[self.rows])
        return np.asarray(mean[self.unit] + (self.columns - self.means[self.unit]) @ slope)

    def residuals(self, y: Array) -> Array:
        """Outcome less prediction, every row."""
        return y - self.fitted(y)

    def weights(self, target: Array) -> Array:
        """Weight of each untreated row in the prediction for the target's rows, with a minus sign."""
        every = np.ones(len(target), dtype=bool)
        own = self._unit_sums(target[:, None], every)[:, 0]
        slope = self.inverse @ ((target @ self.columns) - own @ self.means)
        level = own / self.count
        return np.asarray(-(level[self.unit] + (self.columns - self.means[self.unit]) @ slope) * self.rows)


def _cluster_sums(
    sample: StaggeredSample, influence: Array, residual: Array, effect: Array, treated: npt.NDArray[np.bool_]
) -> Array:
    """Error of the estimate by cluster: effects about the average of their start and wave, and residuals."""
    untreated = np.bincount(
        sample.cluster, weights=np.where(treated, 0.0, influence * residual), minlength=sample.n_clusters
    )
    cell = (sample.row_cohort * sample.n_waves + sample.wave)[treated]
    key = np.unique(cell, return_inverse=True)[1] * sample.n_clusters + sample.cluster[treated]
    n_cells = int(key.max()) // sample.n_clusters + 1
    shape, size = (n_cells, sample.n_clusters), n_cells * sample.n_clusters
    mass = np.bincount(key, weights=influence[treated], minlength=size).reshape(shape)
    moved = np.bincount(key, weights=(influence * effect)[treated], minlength=size).reshape(shape)
    square = (mass**2).sum(axis=1, keepdims=True)
    square = np.where(square > 0, square, 1.0)
    centre = (mass * moved).sum(axis=1, keepdims=True) / square
    room = np.maximum(1.0 - mass**2 / square, 1e-10)
    return np.asarray(untreated + ((moved - mass * centre) / np.sqrt(room)).sum(axis=0))


def _load(sample: StaggeredSample, influence: Array) -> Array:
    """Weight on each cohort and wave."""
    n = sample.n_waves
    flat = np.bincount(sample.row_cohort * n + sample.wave, weights=influence, minlength=(n + 1) * n)
    return np.asarray(flat.reshape(n + 1, n))


def _df(sample: StaggeredSample, loads: Array) -> Array:
    """Satterthwaite degrees of freedom over cohorts, or clusters less one where cohorts share clusters."""
    sizes = sample.cluster_sizes
    if sizes is None:
        return np.full(len(loads), float(sample.n_clusters - 1))
    return strata_df(loads, sizes)
