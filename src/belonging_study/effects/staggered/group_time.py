"""Effects by group (first wave under the programme) and time, for programmes that start in different waves.

References
----------
Callaway, B. & Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of
Econometrics 225, 200-230.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import require_level
from belonging_study.effects.staggered.aggregate import AggregateKind, CellSet, aggregate_cells
from belonging_study.effects.staggered.cells import Method
from belonging_study.effects.staggered.comparison import Comparison, Control, cell_counts, wave_pairs
from belonging_study.effects.staggered.influence import StdErrors, cluster_sums
from belonging_study.effects.staggered.intervals import estimate_columns
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.errors import DesignError, ParameterError

__all__ = ["GroupTimeATT", "group_time_att"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Base = Literal["varying", "universal"]


@dataclass(frozen=True)
class GroupTimeATT:
    """Effects by group and time.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a group and wave: ``group, time, event_time`` (waves since the start), ``estimate, std_error, df,
        statistic, p_value, conf_low, conf_high`` (pointwise), ``band_low, band_high`` (hold for all rows at once),
        ``conf_level, n_treated, n_control, n_clusters_treated, n_clusters_control, note``. With a universal base
        the wave before the start is 0 by construction: its df, statistic and p value are missing and the note says
        "reference".
    not_estimated : pandas.DataFrame
        Columns ``group, time, reason``: the groups and waves that the data cannot answer.
    n_rows, n_units, n_clusters : int
        What the estimates rest on.
    n_units_incomplete : int
        Units of a panel that lack a row in some wave; each estimate uses the units seen in both of its waves.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    estimator, inference, note : str
        In words.
    base : {"varying", "universal"}
        What waves before the start are compared with.
    conf_level : float
        Level of intervals and bands.
    """

    table: pd.DataFrame
    not_estimated: pd.DataFrame
    n_rows: int
    n_units: int
    n_clusters: int
    n_units_incomplete: int
    n_dropped: pd.DataFrame
    estimator: str
    inference: str
    note: str
    base: Base
    conf_level: float
    cells: CellSet = field(repr=False)
    draws: int = field(repr=False)
    seed: int = field(repr=False)

    def aggregate(self, kind: AggregateKind) -> pd.DataFrame:
        """Average the effects.

        Parameters
        ----------
        kind : {"event", "group", "calendar", "simple"}
            By waves since the start, by group, by wave, or over all groups and waves under the programme.

        Returns
        -------
        pandas.DataFrame
            Columns ``kind, term, estimate, std_error, df, statistic, p_value, conf_low, conf_high, band_low,
            band_high, conf_level, n_effects, n_clusters, note``; the row ``overall`` averages the rows after the
            start. Groups are weighted by their size; the sizes' own sampling error is in the standard errors.
            Averages by event time are taken over the groups that reach it, so that rows may differ in their groups.
        """
        parts = aggregate_cells(self.cells, kind)
        sums = np.column_stack([p.sums for p in parts])
        estimates = np.array([p.estimate for p in parts])
        # the overall row is an interval by itself; the band is for the rows above it
        table = estimate_columns(
            estimates,
            sums.T @ sums,
            self.cells.df(np.stack([p.load for p in parts])),
            conf_level=self.conf_level,
            draws=self.draws,
            seed=self.seed,
            in_band=np.array([p.term != "overall" for p in parts]),
        )
        table.insert(0, "kind", kind)
        table.insert(1, "term", [p.term for p in parts])
        table["n_effects"] = [p.n_effects for p in parts]
        table["n_clusters"] = self.n_clusters
        table["note"] = ["reference" if not (p.sums != 0).any() else "" for p in parts]
        return table

    def event_covariance(self) -> tuple[pd.Series, Array]:
        """Estimates by event time without the reference, indexed by it, and their covariance matrix."""
        parts = [p for p in aggregate_cells(self.cells, "event") if p.term != "overall" and (p.sums != 0).any()]
        sums = np.column_stack([p.sums for p in parts])
        index = pd.Index([int(str(p.term)) for p in parts], name="event_time")
        return pd.Series([p.estimate for p in parts], index=index, name="estimate"), sums.T @ sums


def group_time_att(
    data: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    start: str,
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    control: Control = "never_treated",
    method: Method = "dr",
    panel: bool = True,
    base: Base = "varying",
    anticipation: int = 0,
    weights: str | None = None,
    std_errors: StdErrors = "CR2",
    conf_level: float = 0.95,
    draws: int = 999,
    seed: int = 1,
) -> GroupTimeATT:
    """Estimate the effect of the programme in every wave for every group of units that started together.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave, or one row a student where the unit is a group (``panel=False``).
    outcome, unit, time : str
        Columns.
    start : str
        Column: the unit's first wave under the programme, missing where it never had it; see ``staggered_sample``.
    cluster : str, optional
        Column: the level of assignment (school). The unit where left out.
    covariates : sequence of str
        Columns. In a panel the value of the earlier of an effect's two waves is used.
    control : {"never_treated", "not_yet_treated"}
        Whom to compare with: units that never start in the data, or all that have not started by the later of the
        two waves (less the anticipation).
    method : {"dr", "reg", "ipw"}
        How covariates adjust: doubly robust, outcome regression, inverse probability weights. The same without
        covariates.
    panel : bool
        False for repeated cross-sections of students within the unit.
    base : {"varying", "universal"}
        Before the start, compare with the wave before (``varying``) or with the last wave before the start
        (``universal``, needed for ``honest_did``). After it both use the last wave before the start.
    anticipation : int
        Waves before the start in which the programme may already work; the base moves back by as many.
    weights : str, optional
        Column of positive sampling weights; in a panel the earlier wave's is used.
    std_errors : {"CR2", "CR0"}
        ``CR2`` with Satterthwaite degrees of freedom, for few clusters; ``CR0`` is the large-sample formula of
        Callaway & Sant'Anna with the normal distribution.
    conf_level : float
        Level of intervals and bands.
    draws, seed : int
        Of the multiplier bootstrap of the bands.

    Returns
    -------
    GroupTimeATT
        Rows that cannot be used are dropped and counted (see ``staggered_sample``); in an unbalanced panel each
        effect uses the units seen in both of its waves, which ``n_treated`` and ``n_control`` count.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError
        See ``staggered_sample``.
    DesignError
        If no comparison units exist, a start or the comparison group has one cluster, or nothing can be estimated.
    ParameterError
        If an option is unknown.

    Notes
    -----
    Each effect is the change of the group from its base wave less the change of the comparison units. Influence
    functions are summed within clusters. With few clusters the sums are divided by the root of one less the
    cluster's share of its arm (the CR2 correction of a difference of means), and t has
    Satterthwaite degrees of freedom (Bell & McCaffrey 2002) over the cohorts: simulations with 12 clusters are in
    ``benchmarks/group_time_size.csv``.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "start": [2.0] * 6 + [3.0] * 6 + [None] * 6,
    ...                      "y": [1., 3, 4, 2, 3, 5, 1, 1, 3, 0, 1, 2, 1, 2, 1, 2, 2, 3]})
    >>> effects = group_time_att(rows, outcome="y", unit="school", time="wave", start="start")
    >>> effects.table[["group", "time", "estimate"]].to_numpy().tolist()
    [[2.0, 2.0, 1.0], [2.0, 3.0, 2.5], [3.0, 2.0, 0.0], [3.0, 3.0, 1.5]]
    >>> effects.aggregate("simple")["estimate"].round(3).tolist()
    [1.667]
    """
    require_level(conf_level)
    _require_options(control, method, base, std_errors, anticipation=anticipation, draws=draws)
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
        anticipation=anticipation,
    )
    _require_comparison(sample, control)
    comparison = Comparison(sample, control, method, panel, anticipation)
    keys: list[tuple[int, int, str]] = []
    estimates, sums, loads, counts = [], [], [], []
    refused: list[tuple[object, object, str]] = []
    for group in sample.cohorts:
        for wave, before in wave_pairs(group, sample.n_waves, base, anticipation):
            if wave == before:
                keys.append((group, wave, "reference"))
                estimates.append(0.0)
                sums.append(np.zeros(sample.n_clusters))
                loads.append(np.zeros((sample.n_waves + 1, sample.n_waves)))
                counts.append((0, 0, 0, 0))
                continue
            made = comparison.effect(group, wave, before)
            if isinstance(made, str):
                refused.append((sample.wave_names[group], sample.wave_names[wave], made))
                continue
            cell, rows = made
            cluster_of_row = sample.cluster[rows]
            keys.append((group, wave, ""))
            estimates.append(cell.estimate)
            sums.append(cluster_sums(cell, cluster_of_row, sample.n_clusters, std_errors))
            loads.append(comparison.load(cell, rows, wave, before))
            counts.append(cell_counts(cell, cluster_of_row))
    not_estimated = pd.DataFrame(refused, columns=["group", "time", "reason"])
    if not any(wave >= group for group, wave, _ in keys):
        reasons = "; ".join(f"{r} ({n})" for r, n in not_estimated["reason"].value_counts(sort=False).items())
        raise DesignError(
            f"None of the {len(refused)} effects by group and wave can be estimated: {reasons}.",
            remedy="use fewer covariates, or another comparison group.",
        )
    cells = CellSet(
        group=np.array([k[0] for k in keys]),
        wave=np.array([k[1] for k in keys]),
        estimate=np.array(estimates),
        sums=np.column_stack(sums),
        loads=np.stack(loads),
        shares=sample.cluster_sizes,
        std_errors=std_errors,
        wave_names=sample.wave_names,
        **_group_shares(sample, panel),
    )
    table = estimate_columns(
        cells.estimate,
        cells.sums.T @ cells.sums,
        cells.df(cells.loads),
        conf_level=conf_level,
        draws=draws,
        seed=seed,
    )
    table.insert(0, "group", [sample.wave_names[g] for g in cells.group])
    table.insert(1, "time", [sample.wave_names[w] for w in cells.wave])
    table.insert(2, "event_time", cells.wave - cells.group)
    names = ["n_treated", "n_control", "n_clusters_treated", "n_clusters_control"]
    table[names] = np.array(counts, dtype=np.int64)
    table["note"] = [k[2] for k in keys]
    return GroupTimeATT(
        table=table,
        not_estimated=not_estimated,
        n_rows=len(sample.y),
        n_units=sample.n_units,
        n_clusters=sample.n_clusters,
        n_units_incomplete=sample.n_units_incomplete if panel else 0,
        n_dropped=sample.dropped,
        estimator=f"group-time effects ({_METHODS[method] if covariates else 'no covariates'}), compared with "
        f"{'never treated' if control == 'never_treated' else 'not yet treated'} units",
        inference=_INFERENCE[std_errors],
        note=_note(sample, not_estimated, panel=panel, anticipation=anticipation),
        base=base,
        conf_level=conf_level,
        cells=cells,
        draws=draws,
        seed=seed,
    )


_METHODS = {"dr": "doubly robust", "reg": "outcome regression", "ipw": "inverse probability weights"}
_INFERENCE = {
    "CR2": "influence functions summed by cluster, CR2 correction, t with Satterthwaite degrees of freedom",
    "CR0": "influence functions summed by cluster, normal distribution",
}


def _require_options(control: str, method: str, base: str, std_errors: str, *, anticipation: int, draws: int) -> None:
    """Raise if an option is none of those known."""
    known = {
        "control": (control, ("never_treated", "not_yet_treated")),
        "method": (method, tuple(_METHODS)),
        "base": (base, ("varying", "universal")),
        "std_errors": (std_errors, tuple(_INFERENCE)),
    }
    for name, (given, options) in known.items():
        if given not in options:
            raise ParameterError(f'{name} is "{given}".', remedy=f"use one of {', '.join(options)}.")
    if anticipation < 0 or draws < 1:
        raise ParameterError(
            f"anticipation is {anticipation} and draws is {draws}.", remedy="use 0 or more waves and 1 or more draws."
        )


def _require_comparison(sample: StaggeredSample, control: str) -> None:
    """Raise if there is nobody, or one cluster, to compare with."""
    never = sample.cohort == sample.n_waves
    n_never = len(np.unique(sample.cluster[never[sample.unit]]))
    if control == "never_treated":
        if n_never == 0:
            raise DesignError(
                f"All {sample.n_units} units start the programme within the data, so no never-treated unit is left.",
                remedy='compare with control="not_yet_treated".',
            )
        if n_never == 1:
            raise DesignError(
                "The never-treated units lie in one cluster: the effect cannot be told from that of the one cluster.",
                remedy='add comparison clusters, or compare with control="not_yet_treated".',
            )
    elif n_never == 0 and len(sample.cohorts) == 1:
        raise DesignError(
            f"All {sample.n_units} units start in the same wave and none is without the programme, so none is left to "
            "compare with.",
            remedy="add units that never had the programme, or had it later.",
        )


def _group_shares(sample: StaggeredSample, panel: bool) -> dict[str, Array]:
    """Weight of each cohort, and by cluster the cohorts' and the whole weight."""
    if panel:  # a unit counts once, by its weight when first seen
        order = np.lexsort((sample.wave, sample.unit))
        first = order[np.flatnonzero(np.diff(sample.unit[order], prepend=-1))]
    else:
        first = np.arange(len(sample.y))
    weight, cluster, cohort = sample.weights[first], sample.cluster[first], sample.row_cohort[first]
    by = np.zeros((sample.n_clusters, sample.n_waves + 1))
    np.add.at(by, (cluster, cohort), weight)
    return {"cohort_weight": by / by.sum()}


def _note(sample: StaggeredSample, not_estimated: pd.DataFrame, *, panel: bool, anticipation: int) -> str:
    """What a reader must know."""
    notes = []
    if panel and sample.n_units_incomplete:
        notes.append(f"{sample.n_units_incomplete} of {sample.n_units} units lack a wave")
    if anticipation and sample.starts_later.any():
        notes.append(f"{int(sample.starts_later.sum())} units start after the last wave and are not compared with")
    if len(not_estimated):
        notes.append(f"{len(not_estimated)} effects by group and wave cannot be estimated")
    if sample.cluster_stratum is None:
        notes.append("units of one cluster differ in their start")
    return "; ".join(notes)
