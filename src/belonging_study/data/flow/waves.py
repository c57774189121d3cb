"""The flow of every wave: the rows of its files, and its students from the roster to the analysis sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.arms import NO_ARM, NO_CLUSTER
from belonging_study.data.flow.table import FLOW_COLUMNS, flow_info, flow_table
from belonging_study.data.linking.lookup import places_in
from belonging_study.data.waves.table import WaveTable
from belonging_study.study.model import Study

__all__ = ["removal_steps", "waves_flow"]

_ARMS = {"programme": 1, "comparison": 0}
"""The arms that a flow tells apart; of a study of one group it tells of everybody alone."""
_SOURCES = {
    "roster": "On the roster",
    "enrolment": "In the enrolment",
    "survey": "In the survey",
    "records": "In the records",
}
_MOVED = "Moved within the arm: analysed where they started"
_MOVED_ALONE = "Moved: analysed where they started"
_MOVED_ARM = "Moved to the other arm: analysed where they started"


def removal_steps(study: Study, rule: npt.NDArray[np.int_], problem: pd.Series) -> npt.NDArray[np.int_]:
    """Say for each row what takes it out of the analysis sample.

    Parameters
    ----------
    study : Study
        The definition.
    rule : numpy.ndarray of int
        Number of the exclusion rule that takes the row out, 0 for none (see `apply_exclusions`).
    problem : pandas.Series of str
        Why a row has no place in the design (see `settle_arms`), empty where it has one.

    Returns
    -------
    numpy.ndarray of int
        The rule's number; after the last rule's, one for no arm and one for no cluster; 0 for a row that stays.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> removal_steps(SimpleNamespace(exclusions=("a", "b")), np.array([0, 2, 0]), pd.Series(["", "", NO_ARM])).tolist()
    [0, 2, 3]
    """
    n = len(study.exclusions)
    lost = problem.map({"": 0, NO_ARM: n + 1, NO_CLUSTER: n + 2}).to_numpy(dtype=int)
    return np.where(rule > 0, rule, lost)


def waves_flow(
    study: Study, linked: Mapping[str, WaveTable], rows: pd.DataFrame, removed: npt.NDArray[np.int_]
) -> pd.DataFrame:
    """Count every stream of every wave.

    Parameters
    ----------
    study : Study
        The definition.
    linked : mapping of str to WaveTable
        Wave to its files as linked.
    rows : pandas.DataFrame
        One row a student and wave: ``wave``, ``student``, ``cluster``, ``programme`` (0, 1 or missing), ``responded``,
        ``moved`` and ``other_arm`` (bool).
    removed : numpy.ndarray of int
        What takes each row out (see `removal_steps`).

    Returns
    -------
    pandas.DataFrame
        Columns `FLOW_COLUMNS`. Streams ``roster``, ``survey`` and ``records`` count the rows of the files (arm
        ``all``), ``students`` the students, also by arm; a student without an arm is in ``all`` only.
    """
    # Numbers in place of names: only who is the same as whom matters for counting.
    student, names = pd.factorize(rows["student"])
    cluster, _ = pd.factorize(rows["cluster"])
    everyone = pd.DataFrame({"student": student, "cluster": np.where(cluster >= 0, cluster, np.nan)})
    known = pd.Index(names)
    of_wave = rows["wave"].to_numpy(dtype=object)
    parts: list[pd.DataFrame] = []
    for wave, one in linked.items():
        here = of_wave == wave
        parts += _files(one, everyone[here], known, wave)
        parts += _students(study, one, everyone, rows, removed=removed, here=here, wave=wave)
    return pd.concat(parts, ignore_index=True)[list(FLOW_COLUMNS)]


def _files(one: WaveTable, everyone: pd.DataFrame, known: pd.Index, wave: str) -> Iterator[pd.DataFrame]:
    """Count the rows of the wave's files; a row of somebody on the roster belongs to that student's cluster."""
    home = np.full(len(known) + 1, np.nan)  # the last is for those who are on no roster
    home[everyone["student"].to_numpy()] = everyone["cluster"]
    for stream in one.streams:
        place = places_in(stream.student, known)
        strangers, _ = pd.factorize(stream.student.where(place < 0))
        number = np.where(place >= 0, place, np.where(strangers >= 0, len(known) + strangers, np.nan))
        rows = pd.DataFrame({"student": number, "cluster": home[place]})
        yield flow_table(rows, stream.removed_at, stream.labels, wave=wave, stream=stream.name)
        for k, (label, n) in enumerate(stream.info.items()):
            yield flow_info(n, label, wave=wave, stream=stream.name, step=len(stream.labels) + k)


def _students(
    study: Study,
    one: WaveTable,
    everyone: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    removed: npt.NDArray[np.int_],
    here: npt.NDArray[np.bool_],
    wave: str,
) -> Iterator[pd.DataFrame]:
    """Count the wave's students, together and by arm."""
    rules = [i for i, rule in enumerate(study.exclusions, start=1) if not rule.waves or wave in rule.waves]
    last = len(study.exclusions)
    step = np.zeros(last + 3, dtype=int)
    step[[*rules, last + 1, last + 2]] = np.arange(1, len(rules) + 3)
    labels = [study.exclusions[i - 1].label for i in rules]
    labels = [_SOURCES[one.roster], *labels, NO_ARM, NO_CLUSTER, "Analysis sample"]
    anywhere = study.design.school is None
    if anywhere:  # nobody can lack an arm or a place
        labels = [label for label in labels if label not in (NO_ARM, NO_CLUSTER)]
    moved, other = rows["moved"].to_numpy(dtype=bool), rows["other_arm"].to_numpy(dtype=bool)
    info = {"Answered the survey": rows["responded"].to_numpy(dtype=bool)}
    one_group = study.design.assignment.comparison is None
    if not anywhere:
        info |= {_MOVED_ALONE: moved} if one_group else {_MOVED: moved & ~other, _MOVED_ARM: moved & other}
    programme = rows["programme"].to_numpy(dtype=float, na_value=np.nan)
    for arm in ("all", *(() if one_group else _ARMS)):
        mine = here if arm == "all" else here & (programme == _ARMS[arm])
        yield flow_table(everyone[mine], step[removed[mine]], labels, wave=wave, stream="students", arm=arm)
        for k, (label, which) in enumerate(info.items()):
            of_info = everyone[mine & (removed == 0) & which]
            yield flow_info(of_info, label, wave=wave, stream="students", step=len(labels) + k, arm=arm)
