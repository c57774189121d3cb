"""What the two-way fixed-effects estimate averages when starts are staggered, and a sentence when it misleads.

References
----------
Goodman-Bacon, A. (2021). Difference-in-differences with variation in treatment timing. Journal of Econometrics 225,
254-277.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.staggered.group_time import GroupTimeATT
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.errors import DesignError

__all__ = ["GoodmanBacon", "goodman_bacon", "twfe_warning"]

Array = npt.NDArray[np.float64]
NEVER = "treated vs never treated"
EARLY = "earlier vs later treated"
LATE = "later vs already treated"

#: Weight on comparisons with already treated units, or of the other sign, from which the sentence is given.
_NOTICE = 0.05


@dataclass(frozen=True)
class GoodmanBacon:
    """The two-by-two comparisons behind a two-way fixed-effects estimate.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a comparison: ``kind`` (treated vs never treated, earlier vs later treated, later vs already
        treated), ``treated`` and ``control`` (first wave under the programme; missing for never), ``estimate,
        weight``. Weights sum to 1 and the weighted sum of the estimates is `twfe`.
    twfe : float
        The two-way fixed-effects estimate on the same rows.
    n_rows, n_units : int
        What it rests on.
    n_dropped : pandas.DataFrame
        Columns ``reason, n_rows, n_units``.
    """

    table: pd.DataFrame
    twfe: float
    n_rows: int
    n_units: int
    n_dropped: pd.DataFrame

    @property
    def kinds(self) -> pd.DataFrame:
        """Weight and weighted mean by kind of comparison: columns ``kind, weight, estimate, n_comparisons``."""
        rows = []
        for kind, part in self.table.groupby("kind", sort=False):
            weight = float(part["weight"].sum())
            mean = float((part["weight"] * part["estimate"]).sum()) / weight
            rows.append((kind, weight, mean, len(part)))
        return pd.DataFrame(rows, columns=["kind", "weight", "estimate", "n_comparisons"])


def goodman_bacon(data: pd.DataFrame, *, outcome: str, unit: str, time: str, start: str) -> GoodmanBacon:
    """Take the two-way fixed-effects estimate apart.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a unit and wave.
    outcome, unit, time, start : str
        Columns, as for ``group_time_att``.

    Returns
    -------
    GoodmanBacon
        The decomposition is exact in a balanced panel without covariates: units that lack a wave are dropped and
        counted, beside what ``staggered_sample`` drops.

    Raises
    ------
    ColumnMissingError, DataError, ValueRangeError, DuplicateRowsError, ArmConflictError, DesignError
        See ``staggered_sample``; also if no balanced comparison is left.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [s for s in "abcdef" for _ in range(3)], "wave": [1, 2, 3] * 6,
    ...                      "start": [2.0] * 6 + [3.0] * 6 + [None] * 6,
    ...                      "y": [1., 3, 4, 2, 3, 5, 1, 1, 3, 0, 1, 2, 1, 2, 1, 2, 2, 3]})
    >>> parts = goodman_bacon(rows, outcome="y", unit="school", time="wave", start="start")
    >>> float(round(parts.table["weight"].sum(), 6)), round(parts.twfe, 6)
    (1.0, 1.25)
    """
    sample = staggered_sample(data, outcome=outcome, unit=unit, time=time, start=start)
    n_waves = sample.n_waves
    complete = np.bincount(sample.unit, minlength=sample.n_units) == n_waves
    keep = complete[sample.unit]
    dropped = sample.dropped
    if not keep.all():
        lacking = ("lacks a wave", int((~keep).sum()), int((~complete).sum()))
        dropped = pd.concat([dropped, pd.DataFrame([lacking], columns=dropped.columns)], ignore_index=True)
    cohort = sample.cohort[complete]
    groups = np.unique(cohort)
    if len(groups) < 2:
        raise DesignError(
            f"The {len(cohort)} of {sample.n_units} units seen in every wave {_starts(groups, n_waves)}, so there is "
            "nothing to compare.",
            remedy="leave out waves that many units lack, or add units without the programme.",
        )
    cell = np.searchsorted(groups, sample.row_cohort[keep]) * n_waves + sample.wave[keep]
    total = np.bincount(cell, weights=sample.y[keep], minlength=len(groups) * n_waves)
    share = np.array([(cohort == g).mean() for g in groups])
    size = np.array([(cohort == g).sum() for g in groups])
    means = total.reshape(len(groups), n_waves) / size[:, None]
    residual = _treatment_residual(groups, share, n_waves)
    spread = float(share @ (residual**2).sum(axis=1))
    twfe = float(share @ (residual * means).sum(axis=1)) / spread
    table = pd.DataFrame(_comparisons(sample, groups, share, means, spread / n_waves))
    return GoodmanBacon(table=table, twfe=twfe, n_rows=int(keep.sum()), n_units=int(complete.sum()), n_dropped=dropped)


def _starts(groups: npt.NDArray[np.int64], n_waves: int) -> str:
    """Say what the one group is."""
    if not len(groups):
        return "are none"
    return "never have the programme" if groups[0] == n_waves else "all start together"


def _treatment_residual(groups: npt.NDArray[np.int64], share: Array, n_waves: int) -> Array:
    """Treatment less its unit and wave means, by group and wave."""
    on = (np.arange(n_waves)[None, :] >= groups[:, None]).astype(np.float64)
    by_wave = share @ on
    return np.asarray(on - on.mean(axis=1, keepdims=True) - by_wave[None, :] + by_wave.mean())


def _comparisons(
    sample: StaggeredSample, groups: npt.NDArray[np.int64], share: Array, means: Array, spread: float
) -> list[dict[str, object]]:
    """Every two-by-two comparison with its weight (Goodman-Bacon 2021, theorem 1)."""
    n_waves = sample.n_waves
    on = 1 - groups / n_waves  # share of waves under the programme
    names = [sample.wave_names[g] if g < n_waves else None for g in groups]

    def change(j: int, after: slice, before: slice) -> float:
        return float(means[j, after].mean() - means[j, before].mean())

    rows: list[dict[str, object]] = []

    def add(kind: str, pair: tuple[int, int], after: slice, before: slice, weight: float) -> None:
        treated, control = pair
        estimate = change(treated, after, before) - change(control, after, before)
        row = {"kind": kind, "treated": names[treated], "control": names[control]}
        rows.append(row | {"estimate": estimate, "weight": weight / spread})

    for k, early in enumerate(groups):
        for j in range(k + 1, len(groups)):
            late = int(groups[j])
            both, part = share[k] + share[j], share[k] / (share[k] + share[j])
            if late == n_waves:
                weight = both**2 * part * (1 - part) * on[k] * (1 - on[k])
                add(NEVER, (k, j), slice(early, n_waves), slice(0, early), weight)
                continue
            gap, before_late = on[k] - on[j], 1 - on[j]
            weight = (both * before_late) ** 2 * part * (1 - part) * (gap / before_late) * (1 - on[k]) / before_late
            add(EARLY, (k, j), slice(early, late), slice(0, early), weight)
            weight = (both * on[k]) ** 2 * part * (1 - part) * (on[j] / on[k]) * gap / on[k]
            add(LATE, (j, k), slice(late, n_waves), slice(early, late), weight)
    return rows


def twfe_warning(decomposition: GoodmanBacon, effects: GroupTimeATT | None = None) -> str:
    """Say in plain words when the two-way fixed-effects number would mislead.

    Parameters
    ----------
    decomposition : GoodmanBacon
        What the number averages.
    effects : GroupTimeATT, optional
        Effects by group and time, to compare its average with.

    Returns
    -------
    str
        Empty if comparisons with units that already have the programme carry less than 5% of the weight, so do
        comparisons of the other sign, and, where `effects` is given, the two averages agree in sign.

    Examples
    --------
    >>> table = pd.DataFrame({"kind": [NEVER, LATE], "treated": [2, 3], "control": [None, 2],
    ...                       "estimate": [0.5, -0.2], "weight": [0.8, 0.2]})
    >>> print(twfe_warning(GoodmanBacon(table, 0.36, 10, 5, table.iloc[:0])))
    The two-way fixed-effects estimate (0.360) can mislead: 20% of its weight compares units with others that already \
have the programme (those comparisons average -0.200, all others 0.500), so effects that grow or fade after the start \
are subtracted; these comparisons point the other way. Report the effects by group and time instead.
    """
    table = decomposition.table
    already = table["kind"] == LATE
    weight = float(table.loc[already, "weight"].sum())
    rest = _weighted_mean(table[~already])
    reasons = []
    if weight >= _NOTICE:
        late = _weighted_mean(table[already])
        reasons.append(
            f"{100 * weight:.0f}% of its weight compares units with others that already have the programme (those "
            f"comparisons average {late:.3f}, all others {rest:.3f}), so effects that grow or fade after the start are "
            "subtracted"
        )
        if late * rest < 0:
            reasons.append("these comparisons point the other way")
    against = float(table.loc[~already & (np.sign(table["estimate"]) != np.sign(rest)), "weight"].sum())
    if against >= _NOTICE:
        reasons.append(
            f"comparisons with units not yet or never in the programme differ in sign between starts "
            f"({100 * against:.0f}% of the weight points against their average)"
        )
    if effects is not None:
        average = float(effects.aggregate("simple")["estimate"].iloc[0])
        if average * decomposition.twfe < 0:
            reasons.append(f"the average of the effects by group and time has the other sign ({average:.3f})")
    if not reasons:
        return ""
    return (
        f"The two-way fixed-effects estimate ({decomposition.twfe:.3f}) can mislead: {'; '.join(reasons)}. "
        "Report the effects by group and time instead."
    )


def _weighted_mean(rows: pd.DataFrame) -> float:
    """Mean of the estimates by weight."""
    return float((rows["weight"] * rows["estimate"]).sum() / rows["weight"].sum())
