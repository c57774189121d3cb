"""The design's columns: who was assigned to which arm, where, and from which wave.

Students are analysed in the arm and the cluster to which they were first assigned, whatever they did later
(intention to treat; What Works Clearinghouse, Procedures and Standards Handbook, version 5.0).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.coding.problems import listed
from belonging_study.data.wording import how_many
from belonging_study.errors import ArmConflictError, DataError, DesignError
from belonging_study.study.model import Start, Study
from belonging_study.study.names import nearest

__all__ = ["NO_ARM", "NO_CLUSTER", "require_both_arms", "require_same_arm", "settle_arms"]

NO_ARM = "No arm recorded"
NO_CLUSTER = "No school or class recorded"
"""Why a student cannot be placed in the design."""


def settle_arms(rows: pd.DataFrame, study: Study, where: Mapping[str, str]) -> pd.DataFrame:
    """Work out the design's columns for every student and wave.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a student and wave: ``wave``, ``time`` (0-based), ``student``, ``school``, ``classroom`` (unique
        across schools), ``arm`` (the programme's in every row where nobody is without it), ``start`` and ``block``
        (text or missing; the last two only where the study has them), and ``excluded`` (bool: taken out by a rule; such
        rows raise no conflict).
    study : Study
        The definition.
    where : mapping of str to str
        Wave to the files that hold the arm, for the messages.

    Returns
    -------
    pandas.DataFrame
        Same index: ``school``, ``classroom``, ``block``, ``arm`` as assigned, ``programme`` (0/1), ``post`` (0/1),
        ``treated`` (0/1), ``start_time`` (index of the first treated wave, missing for comparison), ``moved`` (bool:
        seen elsewhere than where assigned), ``other_arm`` (bool: that place is in another arm) and ``problem``
        (`NO_ARM`, `NO_CLUSTER`, or empty). A row without an arm has missing design columns.

    Raises
    ------
    DataError
        If an arm, or a start, is none that the study lists; if a cluster has two starts or two blocks, or none.
    ArmConflictError
        If a student or a cluster is in two arms.

    Notes
    -----
    A student belongs to the cluster in which the roster first shows him or her with an arm. A row without an arm
    takes the student's arm from an earlier wave, never from a later one. With ``by_wave`` each wave stands alone.
    Where the study is no panel, one identifier in two waves is two students.

    Examples
    --------
    >>> from belonging_study.study.model import Study
    >>> wave = {"label": "", "date": "2026-01-01", "sources": [{"file": "a.csv"}]}
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", **wave}, {"name": "w2", **wave}],
    ...     "design": {"assignment": {"starts": "w2"}},
    ...     "outcomes": [{"name": "marks", "measure": "marks", "label": "Marks"}],
    ... })
    >>> rows = pd.DataFrame({
    ...     "wave": ["w1", "w2", "w2"], "time": [0, 1, 1], "student": ["a", "a", "b"], "school": ["n", "s", "s"],
    ...     "arm": ["comparison", "programme", "programme"], "excluded": False,
    ... })
    >>> settle_arms(rows, study, {"w1": "w1", "w2": "w2"})[["school", "programme", "treated", "moved"]].values.tolist()
    [['n', 0, 0, False], ['n', 0, 0, True], ['s', 1, 1, False]]
    """
    assignment = study.design.assignment
    _require_known_arms(rows, study, where)
    level = {"student": "student", "class": "classroom", "school": "school"}[assignment.level]
    work = rows.assign(cluster=rows[level], unit=rows["student"])
    by_wave = {
        "cluster": assignment.by_wave or (level == "student" and not study.design.panel),
        "unit": assignment.by_wave or not study.design.panel,
    }
    for name in (name for name, separate in by_wave.items() if separate):
        work[name] = work["wave"] + "\x1f" + work[name]
    usable = work["arm"].isin(assignment.arms) & work["cluster"].notna()
    unit, time = pd.factorize(work.pop("unit"))[0], work["time"].to_numpy()
    placed = np.flatnonzero(usable & work["school"].notna())
    placed = placed[np.argsort(time[placed], kind="stable")]
    origin = home = _first_rows(unit, placed)
    if level == "student":
        home = _first_rows(unit, placed[np.argsort(work["excluded"].to_numpy()[placed], kind="stable")])
    known = pd.Series((origin >= 0) & (time[origin] <= time), index=work.index)

    out = pd.DataFrame(index=work.index)
    out["cluster"] = _values_at(work["cluster"], home)
    out["school"] = _values_at(work["school"], origin)
    elsewhere = work["school"].notna() & (work["school"] != out["school"])
    if level == "classroom":
        elsewhere |= work["cluster"].notna() & (work["cluster"] != out["cluster"])
    out["moved"] = known & elsewhere
    if "classroom" in work:
        first_class = _values_at(work["classroom"], origin)
        out["classroom"] = first_class.where(out["moved"] | (level == "classroom"), work["classroom"])
    judged = work[["wave", "student", "cluster", "arm"]].assign(home=out["cluster"])
    live = judged[usable & known & ~work["excluded"]]
    arms = _cluster_arms(live[(live["cluster"] == live["home"])], assignment.level, study, where)
    out["arm"] = out["cluster"].map(arms).fillna(_values_at(work["arm"], home))
    there = work["cluster"].map(arms).fillna(work["arm"])
    out["other_arm"] = out["moved"] & there.notna() & (there != out["arm"]) & (level != "student")
    if level != "student":
        _require_settled_moves(live.assign(assigned=out["arm"]), arms, study, where)

    lost = ~known
    out["problem"] = np.where(~lost, "", np.where(work["arm"].isna(), NO_ARM, NO_CLUSTER))
    of_clusters = work[[name for name in ("cluster", "block", "start") if name in work]]
    settled = of_clusters[known & ~work["excluded"] & (work["cluster"] == out["cluster"])]
    if assignment.blocks is not None:
        out["block"] = out["cluster"].map(_one_a_cluster(settled, "block", assignment.blocks, study, where))
    _add_times(out, work, settled, study, where)
    design = [name for name in ("school", "classroom", "block", "arm") if name in out]
    out.loc[lost, [*design, "programme", "post", "treated", "start_time"]] = np.nan
    return out.drop(columns="cluster").astype({"programme": "Int64", "post": "Int64", "treated": "Int64"})


def require_same_arm(main: pd.Series, other: pd.Series, *, where: str, where_other: str, column: str) -> None:
    """Raise if a second file contradicts the arm that the first one gives.

    Parameters
    ----------
    main, other : pandas.Series
        Arm by student (index), as the two files have it; missing values contradict nothing.
    where, where_other : str
        The two files.
    column : str
        The arm's column.

    Raises
    ------
    ArmConflictError
        With the number of students.

    Examples
    --------
    >>> roster = pd.Series(["programme", "comparison"], index=["a", "b"])
    >>> require_same_arm(roster, roster[:1], where="roster.csv", where_other="records.csv", column="arm")
    """
    both = pd.concat({"main": main, "other": other}, axis=1, join="inner").dropna()
    differing = both[both["main"] != both["other"]]
    if len(differing):
        raise ArmConflictError(
            f"{len(differing)} of {how_many(len(both), 'student')} {'is' if len(differing) == 1 else 'are'} in one arm "
            f"in {where} and in another in {where_other}.",
            where=f"{where} and {where_other}, column {column}",
            remedy="correct the file that is wrong; the arm is the one to which the student, class or school was "
            "assigned.",
        )


def require_both_arms(sample: pd.DataFrame, study: Study, wave: str, *, where: str) -> None:
    """Raise unless a wave's analysis sample can be compared between arms.

    Parameters
    ----------
    sample : pandas.DataFrame
        That wave's analysis sample: ``cluster``, ``programme`` (0/1) and ``start_time``.
    study : Study
        The definition.
    wave : str
        The wave.
    where : str
        The files that hold the arm, for the message.

    Raises
    ------
    DesignError
        If no programme cluster, or no comparison cluster, is left. Where starts are staggered, clusters that start
        in different waves are each other's comparison. A study of one group needs no comparison.

    Examples
    --------
    >>> sample = pd.DataFrame({"cluster": ["a"], "programme": [1], "start_time": [1.0]})
    >>> from types import SimpleNamespace
    >>> assignment = SimpleNamespace(starts="w2", level="school", column="arm", comparison="comparison")
    >>> study = SimpleNamespace(design=SimpleNamespace(assignment=assignment))
    >>> try:
    ...     require_both_arms(sample, study, "w2", where="w2/roster.csv")
    ... except DesignError as error:
    ...     print(error.what)
    Wave w2 has 1 programme and 0 comparison schools in its analysis sample.
    """
    counts = sample.groupby("programme")["cluster"].nunique()
    n_programme, n_comparison = int(counts.get(1, 0)), int(counts.get(0, 0))
    starts = sample.loc[sample["programme"] == 1, "start_time"].nunique()
    staggered = isinstance(study.design.assignment.starts, Start) and starts > 1
    if n_programme and (n_comparison or staggered or study.design.assignment.comparison is None):
        return
    level = study.design.assignment.level
    raise DesignError(
        f"Wave {wave} has {n_programme} programme and {how_many(n_comparison, f'comparison {level}')} in its analysis "
        "sample.",
        where=f"{where}, column {study.design.assignment.column}, {how_many(len(sample), 'student')}",
        remedy="check the arm's column, the exclusion rules and that every file of the wave is complete; an effect "
        "needs both arms. If everybody got the programme, say `comparison: null`.",
    )


def _first_rows(unit: npt.NDArray[np.int_], order: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Position of the first row, in that order, of each row's unit; -1 where none of the unit's rows is in it."""
    first = np.full(len(unit) + 1, -1)
    first[unit[order[::-1]]] = order[::-1]
    return first[unit]


def _values_at(column: pd.Series, places: npt.NDArray[np.int_]) -> pd.Series:
    """The column's values in those rows; missing for -1."""
    return pd.Series(column.array.take(places, allow_fill=True), index=column.index)


def _files(waves: pd.Series, where: Mapping[str, str], column: str) -> str:
    """Name the files of the waves in which something is wrong."""
    return "; ".join(where[wave] for wave in where if wave in set(waves)) + f", column {column}"


def _require_known_arms(rows: pd.DataFrame, study: Study, where: Mapping[str, str]) -> None:
    assignment = study.design.assignment
    known = assignment.arms
    unknown = rows[rows["arm"].notna() & ~rows["arm"].isin(known) & ~rows["excluded"]]
    if unknown.empty:
        return
    counts = unknown["arm"].value_counts()
    hint = nearest(str(counts.index[0]), known) if len(counts) == 1 else ""
    raise DataError(
        f"The arm of {how_many(len(unknown), 'row')} is none of {', '.join(known)}: "
        f"{listed({str(value): int(n) for value, n in counts.items()})}{hint or '.'}",
        where=_files(unknown["wave"], where, assignment.column),
        remedy="list it under `design: assignment:` as comparison or programme, exclude it by a rule, or correct it.",
    )


def _cluster_arms(settled: pd.DataFrame, level: str, study: Study, where: Mapping[str, str]) -> pd.Series:
    """Return the arm of each cluster, by the rows of those who belong to it."""
    arms = settled.groupby("cluster")["arm"].nunique()
    torn = settled[settled["cluster"].isin(arms.index[arms > 1])]
    if torn.empty:
        return settled.drop_duplicates("cluster").set_index("cluster")["arm"]
    by_arm = torn.groupby("arm")["student"].nunique()
    counts = ", ".join(f"{n} in {arm}" for arm, n in by_arm.items())
    n = torn["cluster"].nunique()
    detail = "" if level == "student" else f": students {counts}"
    raise ArmConflictError(
        f"{how_many(n, level)} {'is' if n == 1 else 'are'} in two arms{detail}.",
        where=_files(torn["wave"], where, study.design.assignment.column),
        remedy=f"give each {level} the arm to which it was assigned, in every row and wave; set `by_wave: true` only "
        "if arms were assigned anew in each wave.",
    )


def _require_settled_moves(live: pd.DataFrame, arms: pd.Series, study: Study, where: Mapping[str, str]) -> None:
    """Raise if a student who moved has an arm of neither cluster, or the movers into one cluster disagree."""
    level, column = study.design.assignment.level, study.design.assignment.column
    moved = live[live["cluster"] != live["home"]]
    other = moved[moved["arm"] != moved["assigned"]]
    here = other["cluster"].map(arms)
    split = other.groupby("cluster")["arm"].transform("nunique") > 1
    wrong = other[(here.notna() & (here != other["arm"])) | (here.isna() & split)]
    if len(wrong):
        raise ArmConflictError(
            f"After a move to another {level}, the arm of {how_many(wrong['student'].nunique(), 'student')} is that of "
            f"neither {level}.",
            where=_files(wrong["wave"], where, column),
            remedy=f"give students who moved the arm of the {level} they left, or of the one they went to.",
        )


def _one_a_cluster(
    settled: pd.DataFrame, name: str, column: str, study: Study, where: Mapping[str, str], *, needed: bool = True
) -> pd.Series:
    """Return each cluster's one value of a column."""
    level = study.design.assignment.level
    values = settled.groupby("cluster")[name].nunique()
    for n, what in (
        (int((values > 1).sum()), "more than one value"),
        (int((values == 0).sum()) if needed else 0, "no value"),
    ):
        if n:
            raise DataError(
                f"{n} of {how_many(len(values), level)} {'has' if n == 1 else 'have'} {what} of {column}.",
                where="; ".join(where.values()) + f", column {column}",
                remedy=f"give each {level} one {column}, the same in every wave.",
            )
    return settled.groupby("cluster")[name].first()


def _add_times(
    out: pd.DataFrame, work: pd.DataFrame, settled: pd.DataFrame, study: Study, where: Mapping[str, str]
) -> None:
    """Add programme, start_time, post and treated."""
    assignment = study.design.assignment
    out["programme"] = out["arm"].isin(assignment.programme).astype(int)
    if isinstance(assignment.starts, str):
        start = study.wave_names.index(assignment.starts)
        out["start_time"] = np.where(out["programme"] == 1, float(start), np.nan)
        out["post"] = (work["time"] >= start).astype(int)
    else:
        column = assignment.starts.column
        unknown = work[work["start"].notna() & ~work["start"].isin(study.wave_names) & ~work["excluded"]]
        if len(unknown):
            raise DataError(
                f"The start of {how_many(len(unknown), 'row')} is no wave of the study "
                f"({how_many(unknown['start'].nunique(), 'different value')}).",
                where=_files(unknown["wave"], where, column),
                remedy=f"use one of {', '.join(study.wave_names)}, or leave it empty in the comparison arm.",
            )
        waves = out["cluster"].map(_one_a_cluster(settled, "start", column, study, where, needed=False))
        out["start_time"] = waves.map({wave: float(i) for i, wave in enumerate(study.wave_names)}).astype(float)
        judged = ~work["excluded"] & out["problem"].eq("")
        wrong = judged & (out["start_time"].notna() != (out["programme"] == 1))
        if wrong.any():
            bad = out[wrong].groupby("programme")["cluster"].nunique()
            raise DataError(
                f"No start is given for {how_many(int(bad.get(1, 0)), f'programme {assignment.level}')}, and one is "
                f"given for {how_many(int(bad.get(0, 0)), f'comparison {assignment.level}')}.",
                where=_files(work.loc[wrong, "wave"], where, column),
                remedy="give the programme arm its first wave with the programme; leave the comparison arm empty.",
            )
        out["post"] = (work["time"] >= out["start_time"]).astype(int)
    out["treated"] = out["programme"] * out["post"]
