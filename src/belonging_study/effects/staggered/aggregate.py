"""Averages of group-time effects: by waves since the start, by group, by wave, over all.

References
----------
Callaway, B. & Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of
Econometrics 225, 200-230 (section 3 and table 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from belonging_study.effects.staggered.influence import strata_df
from belonging_study.errors import ParameterError

__all__ = ["Aggregate", "AggregateKind", "CellSet", "aggregate_cells"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AggregateKind = Literal["event", "group", "calendar", "simple"]


@dataclass(frozen=True)
class CellSet:
    """Group-time effects with what is needed to average them.

    Attributes
    ----------
    group, wave : numpy.ndarray
        Codes of the waves, shape (effects,).
    estimate : numpy.ndarray
        Shape (effects,).
    sums : numpy.ndarray
        Influence by cluster, shape (clusters, effects).
    cohort_weight : numpy.ndarray
        Each cluster's part of each cohort's share of the sample, shape (clusters, waves + 1); sums to 1.
    loads : numpy.ndarray
        Weight of each effect on the mean of each cohort in each wave, shape (effects, waves + 1, waves).
    shares : sequence of numpy.ndarray or None
        Units of each cluster by cohort; None where clusters hold several cohorts.
    std_errors : str
        How `sums` were made.
    wave_names : tuple
        The waves.
    """

    group: IntArray
    wave: IntArray
    estimate: Array
    sums: Array
    cohort_weight: Array
    loads: Array
    shares: tuple[Array, ...] | None
    std_errors: str
    wave_names: tuple[object, ...]

    def df(self, loads: Array) -> Array:
        """Degrees of freedom of estimates with these weights on cohorts and waves."""
        if self.std_errors == "CR0":
            return np.full(len(loads), np.inf)
        if self.shares is None:
            return np.full(len(loads), float(len(self.sums) - 1))
        return strata_df(loads, self.shares)


@dataclass(frozen=True)
class Aggregate:
    """One average: its term, estimate, influence by cluster, weight on cohorts and waves, and number of effects."""

    term: object
    estimate: float
    sums: Array
    load: Array
    n_effects: int


def aggregate_cells(cells: CellSet, kind: AggregateKind) -> list[Aggregate]:
    """Average group-time effects.

    Parameters
    ----------
    cells : CellSet
        The effects.
    kind : {"event", "group", "calendar", "simple"}
        By what.

    Returns
    -------
    list of Aggregate
        The terms in order, then ``overall``.

    Raises
    ------
    ParameterError
        If `kind` is none of these.

    Examples
    --------
    >>> cells = CellSet(np.array([1, 2]), np.array([2, 2]), np.array([1., 4.]), np.zeros((2, 2)),
    ...                 np.array([[0, .5, 0, 0], [0, 0, .25, .25]]), np.zeros((2, 4, 3)), None, "CR0", (1, 2, 3))
    >>> [round(p.estimate, 3) for p in aggregate_cells(cells, "simple")]
    [2.0]
    """
    after = cells.wave >= cells.group
    if kind == "simple":
        return [_by_size(cells, np.flatnonzero(after), "overall")]
    if kind == "event":
        relative = cells.wave - cells.group
        parts = [_by_size(cells, np.flatnonzero(relative == e), int(e)) for e in np.unique(relative)]
        return [*parts, _mean([p for p in parts if int(str(p.term)) >= 0])]
    if kind == "calendar":
        waves = np.unique(cells.wave[after])
        parts = [_by_size(cells, np.flatnonzero(after & (cells.wave == w)), cells.wave_names[w]) for w in waves]
        return [*parts, _mean(parts)]
    if kind == "group":
        groups = np.unique(cells.group[after])
        parts = []
        for g in groups:
            mine = np.flatnonzero(after & (cells.group == g))
            parts.append(
                Aggregate(
                    cells.wave_names[g],
                    float(cells.estimate[mine].mean()),
                    cells.sums[:, mine].mean(axis=1),
                    cells.loads[mine].mean(axis=0),
                    len(mine),
                )
            )
        return [*parts, _weighted(cells, groups, parts, "overall")]
    raise ParameterError(f'The kind of average is "{kind}".', remedy="use event, group, calendar or simple.")


def _by_size(cells: CellSet, chosen: IntArray, term: object) -> Aggregate:
    """Average the chosen effects by the size of their groups."""
    parts = [Aggregate(None, float(cells.estimate[j]), cells.sums[:, j], cells.loads[j], 1) for j in chosen]
    return _weighted(cells, cells.group[chosen], parts, term)


def _weighted(cells: CellSet, groups: IntArray, parts: Sequence[Aggregate], term: object) -> Aggregate:
    """Average by the sizes of the groups, with the sampling error of the sizes."""
    size = cells.cohort_weight.sum(axis=0)[groups]
    weight = size / size.sum()
    values = np.array([p.estimate for p in parts])
    estimate = float(weight @ values)
    sums = np.column_stack([p.sums for p in parts]) @ weight
    # d(weight)/d(size), with each cluster's part of the sizes as its influence on them
    drawn = cells.cohort_weight[:, groups]
    sums = sums + drawn @ (values - estimate) / size.sum()
    load = np.tensordot(weight, np.stack([p.load for p in parts]), axes=1)
    return Aggregate(term, estimate, sums, load, sum(p.n_effects for p in parts))


def _mean(parts: Sequence[Aggregate]) -> Aggregate:
    """The plain average."""
    return Aggregate(
        "overall",
        float(np.mean([p.estimate for p in parts])),
        np.column_stack([p.sums for p in parts]).mean(axis=1),
        np.stack([p.load for p in parts]).mean(axis=0),
        sum(p.n_effects for p in parts),
    )
