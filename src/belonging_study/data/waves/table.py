"""From the files of one wave to one row a student on its roster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.arms import require_same_arm
from belonging_study.data.coding.problems import raise_all
from belonging_study.data.linking.lookup import places_in
from belonging_study.data.linking.rosters import LINK_STEPS, collapse_rows, join_files, link_responses, require_zeros
from belonging_study.data.readers.grid import BLANK_LINES, HEADER_ROWS
from belonging_study.data.registers import MANY_ROWS, REGISTERS, add_up, check_measures, register_columns, to_roster
from belonging_study.data.waves.files import DURATION, WaveFile, computed_columns, needed_columns
from belonging_study.errors import ArmConflictError, ColumnMissingError, DataError
from belonging_study.study.model import Kind, Study, Wave

__all__ = ["Stream", "WaveTable", "link_wave"]

_NO_DATA = (HEADER_ROWS, BLANK_LINES)
_REPEATED = "Further rows of a student that say the same"
_ONE_ROW: tuple[Kind, ...] = ("roster", "enrolment", "survey", "records")
"""Kinds of file that can say who is in a wave, in the order in which they are asked."""
_ENDS: dict[Kind, str] = {"roster": "Students on the roster", "enrolment": "Stays of students on the roster"}
_LINKED = "Linked to the roster"


@dataclass(frozen=True)
class Stream:
    """What became of each row of the files of one kind.

    Attributes
    ----------
    name : str
        The kind of file.
    student : pandas.Series
        Normalised identifier of each row, missing where a row has none.
    removed_at : numpy.ndarray of int
        Number of the step that took the row out, from 1; 0 for a row that stays.
    labels : tuple of str
        Of the start, each step, and what remains.
    info : dict
        Label to a number of rows beside the flow.
    """

    name: str
    student: pd.Series
    removed_at: npt.NDArray[np.int_]
    labels: tuple[str, ...]
    info: dict[str, int]


@dataclass(frozen=True)
class WaveTable:
    """One wave, one row a student.

    Attributes
    ----------
    table : pandas.DataFrame
        ``student`` (normalised identifier), the needed columns under the study's names, ``responded`` (bool),
        ``duration_seconds`` where known, the measures of registers that the study uses, ``in_roster``, ``in_survey``,
        ``in_records`` and the like for each register (bool).
    streams : tuple of Stream
        The flow of the rows of each kind of file.
    owner : dict
        Needed column, or measure of a register, to the kind of file it came from.
    files : tuple of WaveFile
        The files as read; the items are in `table` alone.
    roster : {"roster", "enrolment", "survey", "records"}
        The kind of file that served as the roster.
    n_unlinked : int
        Responses with an identifier that is not on the roster.
    """

    table: pd.DataFrame
    streams: tuple[Stream, ...]
    owner: dict[str, Kind]
    files: tuple[WaveFile, ...]
    roster: Kind
    n_unlinked: int

    def where(self, column: str) -> str:
        """Name the files that a column came from; nothing for one that the study does not need."""
        mine = [f for f in self.files if f.source.kind == self.owner.get(column)]
        # A measure of a register may be in none of its files' columns; it comes from all of them.
        return "; ".join(f.source.file for f in [f for f in mine if column in f.columns] or mine)


def link_wave(study: Study, wave: Wave, files: Sequence[WaveFile]) -> WaveTable:
    """Bring a wave's files together: one row a student on the roster.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        The wave.
    files : sequence of WaveFile
        Its files (see `read_wave_files`).

    Returns
    -------
    WaveTable
        Without a roster file the enrolment is the roster, without that the survey, and without a survey the records. A
        column that several kinds of file have is the roster's, else the enrolment's, else the survey's, else the
        records'; an item is the survey's first. Registers with several rows a student give measures alone; a student
        without a row has no incidents, and missing attendance and marks.

    Raises
    ------
    DuplicateRowsError
        If a student has several rows and nothing says which counts.
    ArmConflictError
        If two files, or two rows, disagree about a student's arm.
    DataError
        If no row has a student, no response is on the roster, or a file has lost the leading zeros of identifiers.
    DataProblems
        If several of these are so, of one kind of file or another.
    """
    by_kind: dict[Kind, list[WaveFile]] = {}
    for file in files:
        by_kind.setdefault(file.source.kind, []).append(file)
    kinds: list[Kind] = [kind for kind in _ONE_ROW if kind in by_kind]
    if not kinds:
        raise DataError(
            f"Nothing says who is in wave {wave.name}: a student without a row is not in {' or '.join(by_kind)}.",
            where=", ".join(f.source.file for f in files),
            remedy="add a roster, an enrolment file or a survey to the wave's sources in study.yml.",
        )
    owner, computed = _owners(study, wave, by_kind, kinds), computed_columns(study, wave.name)
    arm = study.design.assignment.column
    problems: list[DataError] = []
    streams: list[Stream] = []
    tables: dict[Kind, pd.DataFrame] = {}
    roster = pd.Index([])
    for kind in (*kinds, *(kind for kind in MANY_ROWS if kind in by_kind)):
        mine = [name for name, by in owner.items() if by == kind and name not in computed]
        try:
            table, stream = _of_kind(study, wave, by_kind[kind], mine, roster=roster if kind != kinds[0] else None)
        except DataError as error:
            problems.append(error)
            if kind == kinds[0]:
                roster = pd.Index(pd.concat([f.table["student"] for f in by_kind[kind]]).dropna().unique())
                if roster.empty:
                    break
            continue
        if kind == kinds[0]:
            roster = pd.Index(table["student"])
        tables[kind] = table
        streams.append(stream)
    if arm in owner:
        problems += _two_arms(tables, owner[arm], by_kind, arm)
    raise_all(problems)
    places = {kind: places_in(roster, mine["student"]) for kind, mine in tables.items()}
    parts = [mine.drop(columns="student").reindex(places[kind]).set_axis(roster) for kind, mine in tables.items()]
    tables.clear()
    table = pd.concat(parts, axis=1)
    for kind in dict.fromkeys((*places, *_ONE_ROW)):
        table[f"in_{kind}"] = places[kind] >= 0 if kind in places else False
    items = [item for scale in study.scales_in(wave.name).values() for item in scale.items]
    table["responded"] = table["in_survey"]
    if "survey" not in places and items:
        table["responded"] = table[items].notna().any(axis=1)
    survey = next((s for s in streams if s.name == "survey"), None)
    n_unlinked = 0 if survey is None else int((survey.removed_at == len(survey.labels) - 2).sum())
    table = table.rename_axis("student").reset_index()
    # The answers are in the table now; a second copy of a large wave's would fill the memory.
    left = tuple(replace(file, table=file.table.drop(columns=items, errors="ignore")) for file in files)
    return WaveTable(table, tuple(streams), owner, left, kinds[0], n_unlinked)


def _of_kind(
    study: Study, wave: Wave, files: Sequence[WaveFile], columns: list[str], *, roster: pd.Index | None
) -> tuple[pd.DataFrame, Stream]:
    """Make one row a student of the files of one kind."""
    kind, arm = files[0].source.kind, study.design.assignment.column
    if kind in REGISTERS:
        table, stream = _added_up(study, wave, files, columns, roster)
    else:
        if any(arm in file.columns for file in files) and arm not in columns:
            columns = [*columns, arm]
        if kind == "survey":
            items = [item for scale in study.scales_in(wave.name).values() for item in scale.items]
            table, stream = _survey(study, files, columns, items, roster)
        else:
            table, stream = _register(kind, files, columns, arm, roster)
    if table.empty:
        raise _unusable(wave, kind, stream, files)
    return table, stream


def _unusable(wave: Wave, kind: Kind, stream: Stream, files: Sequence[WaveFile]) -> DataError:
    """Say that no row of a kind of file can be used, and why."""
    taken = np.bincount(stream.removed_at, minlength=len(stream.labels) - 1)[1:]
    said = "; ".join(f"{label}: {n}" for label, n in zip(stream.labels[1:-1], taken, strict=True) if n)
    return DataError(
        f"No row of the {kind} of wave {wave.name} can be used. {said}.",
        where=", ".join(f.where for f in files),
        remedy="name the right column of identifiers under `columns:`, or check what the rows are.",
    )


def _two_arms(
    tables: dict[Kind, pd.DataFrame], owner: Kind, by_kind: dict[Kind, list[WaveFile]], arm: str
) -> Iterator[DataError]:
    """Take the arm out of every kind of file but its owner's, and say which contradict that."""
    for kind, table in tables.items():
        if kind == owner or arm not in table:
            continue
        theirs = table.pop(arm)
        if owner in tables:
            try:
                require_same_arm(
                    tables[owner].set_index("student")[arm],
                    theirs.set_axis(table["student"]),
                    where=", ".join(f.source.file for f in by_kind[owner]),
                    where_other=", ".join(f.source.file for f in by_kind[kind]),
                    column=arm,
                )
            except ArmConflictError as error:
                yield error


def _owners(study: Study, wave: Wave, by_kind: dict[Kind, list[WaveFile]], kinds: Sequence[Kind]) -> dict[str, Kind]:
    """Say for each needed column, and each measure of a register, which kind of file it is taken from."""
    owner = computed_columns(study, wave.name)
    for name, need in needed_columns(study, wave.name).items():
        order = sorted(kinds, key=lambda kind: need.use == "item" and kind != "survey")
        owner[name] = next(kind for kind in order if any(name in f.columns for f in by_kind[kind]))
    return owner


def _stream(
    kind: Kind, files: Sequence[WaveFile], student: pd.Series, steps: npt.NDArray[np.int_], labels: Sequence[str]
) -> Stream:
    """Put what the reader set aside in front of the steps."""
    aside: dict[str, int] = {}
    info: dict[str, int] = {}
    for file in files:
        for reason, n in file.export.set_aside.items():
            # Of a file that holds several waves nobody knows to which wave a preview belongs.
            counted = info if reason in _NO_DATA or file.source.rows else aside
            counted[_label(reason)] = counted.get(_label(reason), 0) + n
        if file.source.rows:
            info["Rows of other waves"] = info.get("Rows of other waves", 0) + file.n_other_rows
    first = np.repeat(np.arange(1, len(aside) + 1), list(aside.values()))
    removed = np.concatenate([first, np.where(steps > 0, steps + len(aside), 0)]).astype(int)
    nobody = pd.Series([np.nan] * len(first), dtype=student.dtype)
    everyone = pd.concat([nobody, student], ignore_index=True) if len(nobody) else student.reset_index(drop=True)
    return Stream(kind, everyone, removed, (f"Rows of the {kind}", *aside, *labels, _ENDS.get(kind, _LINKED)), info)


def _label(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def _survey(
    study: Study, files: Sequence[WaveFile], columns: Sequence[str], items: Sequence[str], roster: pd.Index | None
) -> tuple[pd.DataFrame, Stream]:
    """Link the responses; files that ask the same questions are one questionnaire, given in several files."""
    questionnaires: dict[tuple[str, ...], list[WaveFile]] = {}
    for file in files:
        asked = tuple(name for name in columns if name in file.columns)
        questionnaires.setdefault(asked, []).append(file)
    linked, steps, durations, ordered = [], [], [], []
    for asked, parts in questionnaires.items():
        rows = pd.concat([part.table for part in parts], ignore_index=True)
        everyone = pd.Index(rows["student"].dropna().unique()) if roster is None else roster
        answers = [name for name in asked if name in items] or asked
        step = link_responses(rows, everyone, answers, study.responses, where="; ".join(part.where for part in parts))
        kept = rows[step == 0]
        linked.append(kept[["student", *asked]])
        if DURATION in kept:
            durations.append(kept.set_index("student")[DURATION])
        steps.append(step)
        ordered.append(rows["student"])
    where = "; ".join(file.source.file for file in files)
    table = join_files(linked, where=where, arm=study.design.assignment.column)
    if durations:
        seconds = pd.concat(durations).groupby(level=0).sum(min_count=1)
        table = table.assign(**{DURATION: table["student"].map(seconds)})
    stream = _stream("survey", files, pd.concat(ordered, ignore_index=True), np.concatenate(steps), LINK_STEPS)
    if study.responses.unfinished == "keep":
        stream.info["Unfinished, kept"] = sum(int(file.table["unfinished"].sum()) for file in files)
    return table, stream


def _added_up(
    study: Study, wave: Wave, files: Sequence[WaveFile], columns: Sequence[str], roster: pd.Index | None
) -> tuple[pd.DataFrame, Stream]:
    """Make one row a student of a register with several: the measures that the study uses, and those columns."""
    kind, where = files[0].source.kind, "; ".join(file.source.file for file in files)
    school = [study.design.school] if kind == "enrolment" and study.design.school is not None else []
    wanted = dict.fromkeys(["student", *register_columns(kind, study), *school, *columns])
    rows = pd.concat([f.table[[name for name in wanted if name in f.table]] for f in files], ignore_index=True)
    register = add_up(kind, rows, study, wave, where=where)
    measures = [name for name, by in computed_columns(study, wave.name).items() if by == kind]
    lacking = [name for name in measures if name not in register.students]
    if lacking:
        raise ColumnMissingError(
            f"The {kind} of wave {wave.name} are {'words' if 'mean_mark' in lacking else 'numbers'}, which give no "
            f"{' and no '.join(lacking)}.",
            where=where,
            remedy="use mean_mark for marks that are numbers, share_ab and share_dfw for others; or list the marks "
            "under `records: marks:` in study.yml.",
        )
    if roster is not None:
        require_zeros(rows["student"], roster, where="; ".join(file.where for file in files))
        register = to_roster(register, roster)
    students = register.students[[*measures, *columns]]
    check_measures(students[measures], study.outcomes_in(wave.name), where=where)
    if np.isnan(register.absent):
        students = students[students.index.isin(rows["student"])]
    stream = _stream(kind, files, register.student, register.removed_at, register.steps)
    stream.info.update(register.info)
    return students.rename_axis("student").reset_index(), stream


def _register(
    kind: Kind, files: Sequence[WaveFile], columns: Sequence[str], arm: str, roster: pd.Index | None
) -> tuple[pd.DataFrame, Stream]:
    """Make one row a student of a roster or records."""
    tables, everyone = [], []
    for file in files:
        rows = file.table[["student", *(name for name in columns if name in file.columns)]]
        everyone.append(rows["student"])
        tables.append(collapse_rows(rows[rows["student"].notna()], where=file.where, arm=arm))
    table = join_files(tables, where="; ".join(file.source.file for file in files), arm=arm)
    student = pd.concat(everyone, ignore_index=True)
    steps = np.where(student.isna(), 1, np.where(student.duplicated(), 2, 0))
    labels = [LINK_STEPS[0], _REPEATED]
    if roster is not None:
        require_zeros(student, roster, where="; ".join(file.where for file in files))
        steps = np.where(student.notna() & (places_in(student, roster) < 0), 3, steps)
        table = table[places_in(table["student"], roster) >= 0].reset_index(drop=True)
        labels.append(LINK_STEPS[3])
    return table, _stream(kind, files, student, steps, labels)
