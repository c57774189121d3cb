"""Whom a group is compared with in two waves, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from belonging_study.effects.staggered.cells import Cell, Method, cross_section_cell, panel_cell
from belonging_study.effects.staggered.sample import StaggeredSample
from belonging_study.errors import DesignError

__all__ = ["Comparison", "Control", "cell_counts", "wave_pairs"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Control = Literal["never_treated", "not_yet_treated"]


@dataclass(frozen=True)
class Comparison:
    """How the effects of a sample are estimated."""

    sample: StaggeredSample
    control: Control
    method: Method
    panel: bool
    anticipation: int

    @cached_property
    def lookup(self) -> IntArray:
        """Row of each unit and wave, -1 where there is none: shape (units, waves)."""
        rows = np.full((self.sample.n_units, self.sample.n_waves), -1, dtype=np.int64)
        rows[self.sample.unit, self.sample.wave] = np.arange(len(self.sample.y))
        return rows

    def effect(self, group: int, wave: int, before: int) -> tuple[Cell, IntArray] | str:
        """Estimate one group and wave: the cell and its rows, or why there is none."""
        sample, lookup, anticipation = self.sample, self.lookup if self.panel else None, self.anticipation
        last = max(wave, before) + anticipation
        is_control = sample.cohort == sample.n_waves
        if anticipation:  # a start soon after the data may already work in them
            is_control = is_control & ~sample.starts_later
        if self.control == "not_yet_treated":
            is_control = is_control | ((sample.cohort > last) & (sample.cohort < sample.n_waves))
            is_control &= sample.cohort != group
        chosen = (sample.cohort == group) | is_control
        if lookup is not None:
            earlier, later = min(wave, before), max(wave, before)
            both = chosen & (lookup[:, earlier] >= 0) & (lookup[:, later] >= 0)
            first, second = lookup[both, earlier], lookup[both, later]
            rows, sign = first, 1.0 if wave > before else -1.0
            treated = (sample.cohort[both] == group).astype(np.float64)
        else:
            in_waves = (sample.wave == wave) | (sample.wave == before)
            rows = np.flatnonzero(chosen[sample.unit] & in_waves)
            treated = (sample.row_cohort[rows] == group).astype(np.float64)
        cluster = sample.cluster[rows]
        whole = np.ones(len(rows), dtype=bool)
        times = [whole] if lookup is not None else [sample.wave[rows] == w for w in (wave, before)]
        for arm, what in ((1.0, "of the group"), (0.0, "to compare with")):
            n = min(np.count_nonzero(np.bincount(cluster[(treated == arm) & seen])) for seen in times)
            if n < 2:
                return f"{n} cluster{'' if n == 1 else 's'} {what} seen in both waves"
        x = np.column_stack([np.ones(len(rows)), sample.covariates[rows]])
        try:
            if lookup is not None:
                change = sign * (sample.y[second] - sample.y[first])
                return panel_cell(change, treated, x, sample.weights[rows], method=self.method), rows
            after = (sample.wave[rows] == wave).astype(np.float64)
            return cross_section_cell(sample.y[rows], treated, after, x, sample.weights[rows], method=self.method), rows
        except DesignError as error:
            return error.what

    def load(self, cell: Cell, rows: IntArray, wave: int, before: int) -> Array:
        """Weight that an effect puts on the mean of each cohort in each wave, shape (waves + 1, waves)."""
        sample = self.sample
        load = np.zeros((sample.n_waves + 1, sample.n_waves))
        sign = np.where(cell.block % 2 == 1, 1.0, -1.0)
        halves = 2.0 if cell.block.max() > 1 else 1.0  # with cross-sections the shares of a group sum to 1 in each wave
        by_cohort = np.bincount(
            sample.row_cohort[rows], weights=sign * cell.share / halves, minlength=sample.n_waves + 1
        )
        load[:, wave] += by_cohort
        load[:, before] -= by_cohort
        return load


def wave_pairs(group: int, n_waves: int, base: str, anticipation: int) -> list[tuple[int, int]]:
    """Give the waves of a group's effects, each with the wave that it is compared with.

    Parameters
    ----------
    group, n_waves : int
        Code of the group's first wave under the programme; number of waves.
    base : {"varying", "universal"}
        As for ``group_time_att``.
    anticipation : int
        Waves by which the base moves back.

    Returns
    -------
    list of tuple of int
        Wave and base wave; the same twice for the reference of a universal base.

    Examples
    --------
    >>> wave_pairs(2, 4, "varying", 0)
    [(1, 0), (2, 1), (3, 1)]
    """
    fixed = group - anticipation - 1
    if base == "universal":
        return [(wave, fixed) for wave in range(n_waves)]
    return [(wave, fixed if wave >= group - anticipation else wave - 1) for wave in range(1, n_waves)]


def cell_counts(cell: Cell, cluster: IntArray) -> tuple[int, int, int, int]:
    """Count what an effect rests on.

    Parameters
    ----------
    cell : Cell
        The effect.
    cluster : numpy.ndarray
        Cluster of each of its rows, shape (rows,).

    Returns
    -------
    tuple of int
        Rows of the group and of its comparison, clusters of the group and of its comparison.

    Examples
    --------
    >>> cell_counts(Cell(0.0, np.zeros(3), np.ones(3), np.array([1, 0, 0])), np.array([0, 1, 1]))
    (1, 2, 1, 1)
    """
    treated = cell.block % 2 == 1
    return (
        int(treated.sum()),
        int((~treated).sum()),
        int(np.count_nonzero(np.bincount(cluster[treated]))),
        int(np.count_nonzero(np.bincount(cluster[~treated]))),
    )
