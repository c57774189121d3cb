"""The files of one wave: the columns that the study needs of them, found, coded and under the study's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from belonging_study.data.coding.answers import Coded, code_number
from belonging_study.data.coding.columns import match_columns
from belonging_study.data.coding.problems import merge_problems, raise_all
from belonging_study.data.coding.recode import recode
from belonging_study.data.export import Export
from belonging_study.data.linking.pseudonyms import normalise_ids
from belonging_study.data.linking.self_codes import code_responses, identifying_columns
from belonging_study.data.linking.spoilt_ids import refuse_spoilt_ids
from belonging_study.data.readers import load_team_readers, read_export
from belonging_study.data.registers import (
    MANY_ROWS,
    REGISTERS,
    code_register,
    lacking_columns,
    read_headings,
    register_columns,
    register_measures,
)
from belonging_study.data.waves.columns import Need, code_column
from belonging_study.data.waves.needs import COMPUTED, DURATION, computed_columns, needed_columns
from belonging_study.data.waves.rows import rows_of_source, unfinished_rows
from belonging_study.errors import ColumnMissingError, DataError, EmptyFileError
from belonging_study.study.model import Kind, Source, Study, Wave
from belonging_study.study.names import nearest

__all__ = [
    "COMPUTED",
    "DURATION",
    "WaveFile",
    "WaveReading",
    "computed_columns",
    "examine_wave_files",
    "needed_columns",
    "read_wave_files",
]

_ORDER: tuple[Kind, ...] = ("roster", "enrolment", "survey", "records")
_DURATION_HEADER = "Duration (in seconds)"


@dataclass(frozen=True)
class WaveFile:
    """One file of a wave, as the study needs it.

    Attributes
    ----------
    source : Source
        Its entry in ``study.yml``.
    export : Export
        The file as read.
    columns : dict
        The study's name to the file's.
    table : pandas.DataFrame
        One row a row of this wave: the needed columns that the file has, coded; ``student`` (normalised identifier),
        ``unfinished`` (bool) and, where known, ``duration_seconds``.
    n_other_rows : int
        Rows left out because ``rows:`` says that they are another wave's.
    answered : dict
        Column to ``{synonym: count}`` of answers that count as missing because ``synonyms:`` says so.
    """

    source: Source
    export: Export
    columns: dict[str, str]
    table: pd.DataFrame
    n_other_rows: int
    answered: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The file and its column of student identifiers, for messages."""
        return f"{self.source.file}, column {self.columns['student']}" if self.columns["student"] else self.source.file


@dataclass(frozen=True)
class WaveReading:
    """The files of a wave and all that is wrong with them.

    Attributes
    ----------
    files : tuple of WaveFile
        Those that could be made into a table; values that cannot be coded are missing in it.
    problems : tuple of DataError
        In the order in which they were met.
    complete : bool
        Whether every file and every needed column is there, so that the files can be linked.
    """

    files: tuple[WaveFile, ...]
    problems: tuple[DataError, ...]
    complete: bool


def examine_wave_files(study: Study, wave: Wave, raw: Path) -> WaveReading:
    r"""Read and code every file of a wave, and collect all that is wrong with them.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        One of its waves.
    raw : pathlib.Path
        The raw data folder; nothing in it is changed.

    Returns
    -------
    WaveReading
        The files that could be made into a table, in the order of ``study.yml``, and the problems of each file:
        a file that is missing or cannot be read (see `read_export`), one `ColumnMissingError` for its missing columns
        (those in none of the wave's files, each with the nearest name where it was expected), one `UnknownLabelError`
        or `ValueRangeError` for all its values that cannot be coded, and a `DataError` where ``rows:`` leaves nothing
        of it or a spreadsheet has changed the identifiers.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "marks", "measure": "mean_mark", "label": "Marks"}],
    ... })
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "w1.csv").write_text("student_id,shool_id,mean_mark\n1,north,x\n")
    >>> for problem in examine_wave_files(study, study.waves[0], folder).problems:
    ...     print(problem.what)
    Wave w1 lacks 2 columns that the study needs:
      w1.csv has no column school_id; did you mean shool_id?
      w1.csv has no column arm
    column mean_mark: 1 value is not a number.
    """
    load_team_readers(study)
    needs = needed_columns(study, wave.name)
    problems: list[DataError] = []
    opened: list[tuple[Source, Export]] = []
    for source in wave.sources:
        try:
            opened.append((source, _read(source, raw, study, needs)))
        except DataError as error:
            problems.append(error)
    unread = {source.kind for source in wave.sources if all(source is not other for other, _ in opened)}
    matched, missing = _match(study, wave, opened, needs, unread)
    problems += missing
    files: list[WaveFile] = []
    for (source, export), columns in zip(opened, matched, strict=True):
        try:
            answers = [columns[name] for name, need in needs.items() if need.use == "item" and name in columns]
            mine = rows_of_source(export, source, answers)
        except DataError as error:
            problems.append(error)
            continue
        left = replace(export, set_aside=mine.set_aside)
        problems += _unknown_values(study, source)
        table, answered, wrong = _coded_table(mine.table, source, left, columns, study=study, needs=needs)
        problems += wrong
        if "student" in table:
            files.append(WaveFile(source, left, columns, table, mine.n_other, answered))
    return WaveReading(tuple(files), tuple(problems), not missing and len(files) == len(wave.sources))


def read_wave_files(study: Study, wave: Wave, raw: Path) -> tuple[WaveFile, ...]:
    """Read and code every file of a wave.

    Parameters
    ----------
    study, wave, raw
        As `examine_wave_files` takes them.

    Returns
    -------
    tuple of WaveFile
        In the order of ``study.yml``.

    Raises
    ------
    DataError
        Any problem that `examine_wave_files` finds; `DataProblems` where there are several.
    """
    reading = examine_wave_files(study, wave, raw)
    raise_all(reading.problems)
    return reading.files


def _coded_table(
    rows: pd.DataFrame,
    source: Source,
    export: Export,
    columns: dict[str, str],
    *,
    study: Study,
    needs: dict[str, Need],
) -> tuple[pd.DataFrame, dict[str, dict[str, int]], list[DataError]]:
    """Code the needed columns of a file; a column that cannot be used at all is absent."""
    coded: dict[str, Coded] = {}
    spoilt: list[DataError] = []
    cells = {
        name: recode(rows[column], source.values.get(name, {}), export.labels.get(column))
        for name, column in columns.items()
        if column
    }
    student = cells.pop("student", None)
    if student is not None:
        try:
            where = _at(source, columns["student"])
            coded["student"] = Coded(normalise_ids(refuse_spoilt_ids(student, where=where), where=where))
        except DataError as error:
            spoilt.append(error)
    if study.design.student is None or study.design.linking is not None:
        try:
            labels = {name: export.labels.get(columns[name], {}) for name in cells}
            codes = code_responses(study, cells, labels, shown=source.file)
            coded |= {name: Coded(column) for name, column in codes.items()}
        except DataError as error:
            spoilt.append(error)
    for name, need in needs.items() if source.kind not in MANY_ROWS else ():
        if name in cells:
            try:
                coded[name] = code_column(cells[name], need, export, source, columns[name])
            except DataError as error:
                spoilt.append(error)
                continue
            if need.use == "item" and coded[name].problem is None and columns[name] in export.table:
                # Every answer is one of the form's, so the cells tell nothing more; they would fill the memory.
                del cells[name], export.table[columns[name]]
                if rows is not export.table:
                    del rows[columns[name]]
    if source.kind in REGISTERS:
        try:
            coded |= code_register(source.kind, cells, export.labels, source, study)
        except DataError as error:
            spoilt.append(error)
    if DURATION in cells:
        coded[DURATION] = code_number(
            cells[DURATION], column=columns[DURATION], shown=source.file, decimal=source.decimal
        )
    # A file without one of its columns cannot be linked.
    table = {name: one.codes for name, one in coded.items() if name != "student" or not spoilt}
    table["unfinished"] = unfinished_rows(rows, export)
    answered = {name: one.answered for name, one in coded.items() if one.answered}
    problems = merge_problems([one.problem for one in coded.values()])
    return pd.DataFrame(table, copy=False).reset_index(drop=True), answered, [*spoilt, *problems]


def _unknown_values(study: Study, source: Source) -> list[DataError]:
    """Say which columns under ``values:`` the study takes from no file."""
    known = set(register_columns(source.kind, study)) if source.kind in REGISTERS else set()
    known |= {*identifying_columns(study)} - {str(study.design.student)}
    for wave in study.wave_names:
        known |= set(needed_columns(study, wave))
    return [
        ColumnMissingError(
            f"`values:` of {source.file} names {name}, which is no column that the study takes from its files"
            f"{nearest(name, known)}",
            where=source.file,
            remedy="correct the name under `values:` of that file in study.yml; it is the study's own name.",
        )
        for name in source.values
        if name not in known
    ]


def _at(source: Source, column: str) -> str:
    return f"{source.file}, column {column}"


def _read(source: Source, raw: Path, study: Study, needs: dict[str, Need]) -> Export:
    mine = register_columns(source.kind, study) if source.kind in REGISTERS else {}
    try:
        return read_export(
            raw / source.file,
            format=source.format,
            encoding=source.encoding,
            decimal=source.decimal,
            dictionary=None if source.dictionary is None else raw / source.dictionary,
            shown=source.file,
            keep=[*identifying_columns(study), *needs, *mine, *source.columns.values(), *source.rows],
        )
    except EmptyFileError:
        # No incidents is a finding; no answers is a mistake.
        if source.kind != "incidents":
            raise
        return read_headings(raw / source.file, source)


def _wanted(study: Study, source: Source, needs: dict[str, Need]) -> dict[str, str]:
    """List what is looked for in a file, with its wording."""
    wanted = dict.fromkeys(identifying_columns(study), "")
    if source.kind not in MANY_ROWS:
        wanted |= {DURATION: _DURATION_HEADER, **{name: need.wording for name, need in needs.items()}}
    if source.kind in REGISTERS:
        wanted |= dict.fromkeys(register_columns(source.kind, study), "")
    return wanted


def _match(
    study: Study, wave: Wave, opened: Sequence[tuple[Source, Export]], needs: dict[str, Need], unread: set[Kind]
) -> tuple[list[dict[str, str]], list[DataError]]:
    """Find every needed column, and say for each file which it lacks; "student" stands for the identifier.

    What should be in a file that could not be read is not said to be missing.
    """
    matched: list[dict[str, str]] = []
    missing: dict[str, list[str]] = {}
    reported: set[str] = set()
    for source, export in opened:
        columns, wrong = _match_one(export, _wanted(study, source, needs), source)
        identifier = study.design.student
        student = None if identifier is None else columns.pop(identifier, None)
        lines = missing.setdefault(source.file, [])
        found = {*columns, *wrong, *({identifier} if student else ())}
        unknown = [name for name in identifying_columns(study) if name not in found]
        lines += [_missing_line(name, source.file, export, columns) for name in unknown]
        lines += [f"  {error.what} {_capital(error.remedy)}" for error in wrong.values()]
        reported |= set(wrong)
        matched.append({"student": student or "", **columns})
    present = {source.kind: source for source in reversed(wave.sources)}
    lacks: list[tuple[str, Kind]] = []
    everybody = [columns for (source, _), columns in zip(opened, matched, strict=True) if source.kind not in MANY_ROWS]
    for name, need in needs.items():
        if not any(name in columns for columns in everybody):
            main = next((k for k in _ORDER if k in present), wave.sources[0].kind)
            lacks.append((name, need.expected if need.expected in present else main))
    for kind in (kind for kind in REGISTERS if kind in present):
        of_kind = [columns for (source, _), columns in zip(opened, matched, strict=True) if source.kind == kind]
        lacks += [(name, kind) for name in lacking_columns(kind, set().union(*of_kind), study)]
    for name, kind in lacks:
        if name not in reported and kind not in unread:
            at = next(i for i, (source, _) in enumerate(opened) if source.kind == kind)
            source, export = opened[at]
            line = _missing_line(name, source.file, export, matched[at])
            missing[source.file].append(line + _from_a_register(name, study))
    return matched, [_lacks(wave, file, lines) for file, lines in missing.items() if lines]


def _lacks(wave: Wave, file: str, lines: Sequence[str]) -> ColumnMissingError:
    """Say which columns a file lacks."""
    lines = list(dict.fromkeys(lines))
    n = len(lines)
    return ColumnMissingError(
        f"Wave {wave.name} lacks {n} column{'' if n == 1 else 's'} that the study needs:\n" + "\n".join(lines),
        where=file,
        remedy="export the file again with every column; where one is only named otherwise, give the file's name "
        "for it under `columns:` of that file in study.yml.",
    )


def _match_one(
    export: Export, wanted: dict[str, str], source: Source
) -> tuple[dict[str, str], dict[str, ColumnMissingError]]:
    """Match the columns of one file; what study.yml declares wrongly comes back by name."""
    try:
        return match_columns(export, wanted, source.columns, shown=source.file), {}
    except ColumnMissingError as error:
        wrong: dict[str, ColumnMissingError] = {}
        for name, wording in wanted.items():
            declared = {name: source.columns[name]} if name in source.columns else {}
            try:
                match_columns(export, {name: wording}, declared, shown=source.file)
            except ColumnMissingError as one:
                wrong[name] = one
        if not wrong:
            return {}, dict.fromkeys(wanted, error)
        rest = {name: wording for name, wording in wanted.items() if name not in wrong}
        return match_columns(export, rest, source.columns, shown=source.file), wrong


def _missing_line(name: str, file: str, export: Export, matched: dict[str, str]) -> str:
    """Say that a column is missing, and offer the nearest of those that nothing else is taken from."""
    free = [str(column) for column in export.table.columns if column not in matched.values()]
    return f"  {file} has no column {name}{nearest(name, free)}"


def _from_a_register(name: str, study: Study) -> str:
    """Say which kind of file would give a measure that is in no file of the wave."""
    given = register_measures(study, REGISTERS)
    return f"; a file of the kind {given[name][0]} gives it" if name in given else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
