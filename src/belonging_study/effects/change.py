"""How much a group changed between two waves, where nobody was without the programme.

A change is no effect: what would have happened without the programme is not known.

References
----------
Bell, R. M. & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with multi-stage
samples. Survey Methodology 28, 169-181.
Becker, B. J. (1988). Synthesizing standardized mean-change measures. British Journal of Mathematical and Statistical
Psychology 41, 257-278.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.effects.checks import complete_column, numeric_column, require_columns, require_level
from belonging_study.effects.effect_sizes import EffectSize, small_sample_factor
from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    cluster_fit,
    cluster_robust_covariance,
    satterthwaite_df,
    t_interval,
)
from belonging_study.errors import DataError, DesignError, DuplicateRowsError

__all__ = ["Change", "change_between", "change_effect_size"]

Array = npt.NDArray[np.float64]

_NOTHING = 1e-12


@dataclass(frozen=True)
class Change:
    """A change between two waves.

    Attributes
    ----------
    table : pandas.DataFrame
        ``term, group, estimate, std_error, df, statistic, p_value, conf_low, conf_high, conf_level, mean_before,
        n_before, n_students, n_clusters, inference``. One row with the term ``change``; with ``group`` one row a level,
        and one a difference from the first level with the term ``change x group``.
    n_students, n_clusters : int
        Those that the change rests on; without a panel, students of both waves together.
    sd_before, n_before : float, int
        The outcome before, over the rows that are used: the yardstick of the effect size.
    correlation : float
        Of the outcome before and after, over students; missing without a panel.
    skipped : tuple of str
        Levels of the group that have fewer than two clusters, and so no interval.
    n_dropped : pandas.DataFrame
        ``reason, n_rows``: rows of the two waves that are not used.
    fit : ClusterFit
        The regression; without groups its term ``term`` is the change.
    term : int
        Column of the change.
    """

    table: pd.DataFrame
    n_students: int
    n_clusters: int
    sd_before: float
    n_before: int
    correlation: float
    skipped: tuple[str, ...]
    n_dropped: pd.DataFrame
    fit: ClusterFit = field(repr=False)
    term: int = 0


@dataclass(frozen=True)
class _Rows:
    """What is regressed: changes of students, or the outcome in both waves (then ``post`` tells them apart)."""

    y: Array
    post: Array | None
    cluster: pd.Series
    group: pd.Series
    before: Array
    correlation: float
    dropped: pd.DataFrame


def change_between(
    data: pd.DataFrame,
    *,
    outcome: str,
    student: str,
    time: str,
    before: object,
    after: object,
    cluster: str,
    panel: bool = True,
    group: str | None = None,
    conf_level: float = 0.95,
) -> Change:
    """Estimate the mean change of an outcome between two waves.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student and wave; other waves are passed over.
    outcome, student, time, cluster : str
        Columns. In a panel a student counts in the cluster of the earlier wave. Where ``cluster`` is the student, every
        student stands alone.
    before, after : object
        The two waves, values of ``time``.
    panel : bool
        True: the mean of students' own changes (those with the outcome in both waves). False, where students differ
        from wave to wave: the difference of the waves' means.
    group : str, optional
        Column of a student group, read in the later wave: a change for each level, from one regression. Rows without a
        level are dropped.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Change
        Standard errors are CR2 with Satterthwaite degrees of freedom over the clusters. With students as clusters, or
        one cluster only, that is the ordinary t test (paired in a panel), and with one cluster the interval leaves out
        whatever its students have in common. Rows with a missing outcome are dropped and counted.

    Raises
    ------
    ColumnMissingError, ValueRangeError
        If columns cannot be used.
    DuplicateRowsError
        If a student has two rows in a wave.
    DataError
        If a student or a cluster is missing, or a wave has no row.
    DesignError
        If fewer than two students are left, the changes do not vary, or a group has fewer than two levels to compare.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": [1, 2, 3, 4] * 2, "school": list("aabb") * 2, "wave": [1] * 4 + [2] * 4,
    ...                      "y": [1.0, 2, 3, 4, 2, 2, 5, 6]})
    >>> change = change_between(rows, outcome="y", student="student", time="wave", before=1, after=2, cluster="school")
    >>> change.table[["estimate", "df", "n_students", "n_clusters"]].values.tolist()
    [[1.25, 1.0, 4.0, 2.0]]
    """
    require_level(conf_level)
    require_columns(data, [outcome, student, time, cluster, *([group] if group else [])])
    waves = []
    for wave in (before, after):
        rows = data[data[time] == wave]
        if rows.empty:
            raise DataError(f'No row of column "{time}" holds {wave!s}.', remedy="name two waves of the data.")
        for name, role in ((student, "student"), (cluster, "cluster")):
            complete_column(rows, name, role)
        repeated = int(rows[student].duplicated().sum())
        if repeated and (panel or cluster == student):
            raise DuplicateRowsError(
                f"{repeated} rows repeat a student and wave that another row already holds.",
                remedy="keep one row a student and wave.",
            )
        waves.append(rows.assign(**{outcome: numeric_column(rows, outcome)}))
    first, second = waves
    rows_used = (_of_students if panel else _of_waves)(
        first, second, outcome, student=student, cluster=cluster, group=group
    )
    if min(len(rows_used.y), len(rows_used.before)) < 2:
        raise DesignError(
            f'{len(rows_used.before)} students have "{outcome}" {"in both waves" if panel else "before"}.',
            remedy="a change needs at least two; check that the waves' students are linked.",
        )
    return _estimated(rows_used, student=student == cluster, group=group, conf_level=conf_level)


def _of_students(
    first: pd.DataFrame, second: pd.DataFrame, outcome: str, *, student: str, cluster: str, group: str | None
) -> _Rows:
    """Each student's own change."""
    one, two = first.set_index(student), second.set_index(student)
    y0, y1 = one[outcome].dropna(), two[outcome].dropna()
    both = y0.index[y0.index.isin(y1.index)]
    levels = two[group].reindex(both) if group else pd.Series("", index=both)
    kept = both[levels.notna().to_numpy()]
    n_missing = len(one) + len(two) - len(y0) - len(y1)
    alone = len(y0) + len(y1) - 2 * len(both)
    dropped = _dropped(
        ("outcome missing", n_missing),
        ("outcome in one of the two waves only", alone),
        ("group missing", 2 * (len(both) - len(kept))),
    )
    a, b = y0.loc[kept].to_numpy(dtype=float), y1.loc[kept].to_numpy(dtype=float)
    varies = len(kept) > 2 and float(a.std()) > 0 and float(b.std()) > 0
    correlation = float(np.corrcoef(a, b)[0, 1]) if varies else np.nan
    place = pd.Series(kept, index=kept) if cluster == student else one[cluster].loc[kept]
    return _Rows(b - a, None, place, levels.loc[kept], a, correlation, dropped)


def _of_waves(
    first: pd.DataFrame, second: pd.DataFrame, outcome: str, *, student: str, cluster: str, group: str | None
) -> _Rows:
    """Everybody in either wave."""
    rows = pd.concat([first.assign(post=0.0), second.assign(post=1.0)], ignore_index=True)
    known = rows[rows[outcome].notna()]
    kept = known[known[group].notna()] if group else known
    dropped = _dropped(("outcome missing", len(rows) - len(known)), ("group missing", len(known) - len(kept)))
    y, post = kept[outcome].to_numpy(dtype=float), kept["post"].to_numpy(dtype=float)
    # A student who is somebody else in the other wave is a cluster of one wave.
    place = kept["post"].astype(str) + kept[student].astype(str) if cluster == student else kept[cluster]
    levels = kept[group] if group else pd.Series("", index=kept.index)
    return _Rows(y, post, place, levels, y[post == 0], np.nan, dropped)


def _dropped(*reasons: tuple[str, int]) -> pd.DataFrame:
    """The reasons that dropped somebody."""
    return pd.DataFrame([pair for pair in reasons if pair[1]], columns=["reason", "n_rows"])


def _estimated(rows: _Rows, *, student: bool, group: str | None, conf_level: float) -> Change:
    """The regression and its rows."""
    n_clusters = rows.cluster.nunique()
    alone = student or n_clusters == 1
    cluster = np.arange(len(rows.y)) if alone else pd.factorize(rows.cluster)[0]
    levels: list[str] = [""]
    skipped: list[str] = []
    keep = np.ones(len(rows.y), dtype=bool)
    if group:
        levels, skipped = _levels(rows, cluster)
        keep = rows.group.isin(levels).to_numpy()
        if len(levels) < 2:
            raise DesignError(
                "Fewer than two groups have two clusters or more, so their changes cannot be compared.",
                remedy="join small groups, or describe the change of all students.",
            )
    member = np.column_stack([(rows.group[keep] == level).to_numpy(dtype=float) for level in levels])
    post = None if rows.post is None else rows.post[keep]
    design = member if post is None else np.hstack([member, member * post[:, None]])
    if post is not None and (design.sum(axis=0) < 1).any():
        raise DesignError("A group is in one of the two waves only.", remedy="leave it out, or join it to another.")
    fit = cluster_fit(design, rows.y[keep], cluster[keep])
    first = 0 if post is None else len(levels)
    kind = "CR2 Satterthwaite" if not alone else "t test on students"
    made = []
    for i, level in enumerate(levels):
        mine = (rows.group == level).to_numpy()
        early = rows.before[mine if rows.post is None else mine[rows.post == 0]]
        made.append({"term": "change", "group": level} | _row(fit, _weights(fit, {first + i: 1.0}), conf_level))
        made[-1] |= {"mean_before": float(early.mean()), "n_before": len(early)}
        made[-1] |= _counts(mine, cluster, n_clusters if alone else None)
    for i, level in enumerate(levels[1:], start=1):
        values = _row(fit, _weights(fit, {first + i: 1.0, first: -1.0}), conf_level)
        made.append({"term": "change x group", "group": f"{level} - {levels[0]}"} | values)
        made[-1] |= _counts(rows.group.isin([level, levels[0]]).to_numpy(), cluster, n_clusters if alone else None)
    table = pd.DataFrame(made).assign(inference=kind, conf_level=conf_level)
    return Change(
        table=table,
        n_students=int(keep.sum()),
        n_clusters=int(n_clusters),
        sd_before=float(rows.before.std(ddof=1)),
        n_before=len(rows.before),
        correlation=rows.correlation,
        skipped=tuple(skipped),
        n_dropped=rows.dropped,
        fit=fit,
        term=first,
    )


def _counts(mine: npt.NDArray[np.bool_], cluster: npt.NDArray[Any], n_clusters: int | None) -> dict[str, int]:
    """Students and clusters of a row; where students stand alone, the clusters are counted beforehand."""
    return {"n_students": int(mine.sum()), "n_clusters": n_clusters or len(set(cluster[mine]))}


def _levels(rows: _Rows, cluster: npt.NDArray[Any]) -> tuple[list[str], list[str]]:
    """The group's levels with two clusters or more, in order, and the others."""
    in_order = rows.group.cat.categories if isinstance(rows.group.dtype, pd.CategoricalDtype) else None
    names = [str(level) for level in (sorted(rows.group.unique()) if in_order is None else in_order)]
    here = rows.group.to_numpy()
    several = [level for level in names if len(set(cluster[here == level])) > 1]
    return several, [level for level in names if level not in several and (here == level).any()]


def _weights(fit: ClusterFit, parts: dict[int, float]) -> Array:
    weights = np.zeros(len(fit.coefficients))
    weights[list(parts)] = list(parts.values())
    return weights


def _row(fit: ClusterFit, weights: Array, conf_level: float) -> dict[str, Any]:
    """Estimate and interval of one contrast."""
    estimate = float(weights @ fit.coefficients)
    variance = float(weights @ cluster_robust_covariance(fit, "CR2") @ weights)
    std_error = float(np.sqrt(max(variance, 0.0)))
    if std_error <= _NOTHING * max(1.0, float(np.abs(fit.y).max())):
        raise DesignError(
            f"The change is the same, {estimate:.3g}, in all {fit.n_clusters} clusters, so it has no interval.",
            remedy="check how the outcome was scored.",
        )
    df = satterthwaite_df(fit, weights)
    statistic, p_value, conf_low, conf_high = t_interval(estimate, std_error, df, conf_level)
    return {
        "estimate": estimate,
        "std_error": std_error,
        "df": df,
        "statistic": statistic,
        "p_value": p_value,
        "conf_low": conf_low,
        "conf_high": conf_high,
    }


def change_effect_size(
    estimate: float,
    std_error: float,
    conf_low: float,
    conf_high: float,
    *,
    sd_before: float,
    n_before: int,
    conf_level: float = 0.95,
) -> EffectSize:
    """Express a change in standard deviations of the scores before the programme.

    Parameters
    ----------
    estimate, std_error, conf_low, conf_high : float
        The change in the outcome's units.
    sd_before : float
        Standard deviation of students before, which no programme has touched.
    n_before : int
        Students behind it.
    conf_level : float
        Level of the interval given.

    Returns
    -------
    EffectSize
        ``J * change / sd_before`` with ``J = 1 - 3 / (4 (n - 1) - 1)``, the standardised mean change with raw-score
        standardisation (Becker 1988; d_z, which divides by the spread of changes, says how sure a change is and not
        how large: Lakens 2013, Frontiers in Psychology 4:863). The interval carries over that of the change, so it
        allows for clusters and excludes 0 exactly where the change's does, and takes the standard deviation as known.

    Raises
    ------
    DesignError
        If the standard deviation is not positive, or rests on fewer than three students.

    Examples
    --------
    >>> size = change_effect_size(0.5, 0.1, 0.3, 0.7, sd_before=1.0, n_before=21)
    >>> round(size.estimate, 4), round(size.conf_low, 4)
    (0.481, 0.2886)
    """
    if not sd_before > 0 or n_before < 3:
        raise DesignError(
            f"The standard deviation before is {sd_before:.3g}, of {n_before} students.",
            remedy="report the change in the outcome's own units.",
        )
    factor = small_sample_factor(n_before - 1) / sd_before
    values = (estimate * factor, std_error * factor, conf_low * factor, conf_high * factor)
    return EffectSize(*values, conf_level, "standardised change, SD before")
