"""The files of one wave: which columns the study needs of them, found, coded and under the study's names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from belonging_study.data.coding import code_number
from belonging_study.data.coding_problems import merge_problems, raise_all
from belonging_study.data.exclusions import as_text
from belonging_study.data.export import Export
from belonging_study.data.matching import match_columns
from belonging_study.data.pseudonyms import normalise_ids
from belonging_study.data.readers import read_export
from belonging_study.data.wave_columns import Need, code_column
from belonging_study.errors import ColumnMissingError, DataError
from belonging_study.study.model import Kind, Source, Start, Study, Wave
from belonging_study.study.names import nearest

__all__ = [
    "COMPUTED",
    "DURATION",
    "WaveFile",
    "WaveReading",
    "examine_wave_files",
    "needed_columns",
    "read_wave_files",
]

DURATION = "duration_seconds"
COMPUTED = ("answered_share", "responded", "longstring", "irv", "careless", DURATION)
"""Columns that an exclusion rule may name although no file holds them."""

_ORDER: tuple[Kind, ...] = ("roster", "survey", "records")
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
    """

    source: Source
    export: Export
    columns: dict[str, str]
    table: pd.DataFrame
    n_other_rows: int

    @property
    def where(self) -> str:
        """The file and its column of student identifiers, for messages."""
        return f"{self.source.file}, column {self.columns['student']}"


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


def needed_columns(study: Study, wave: str) -> dict[str, Need]:
    """List the columns that the study needs in a wave.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.

    Returns
    -------
    dict
        The study's name to its `Need`, without the student's identifier, which every file needs.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "marks", "measure": "mean_mark", "label": "Marks"}],
    ... })
    >>> {name: need.use for name, need in needed_columns(study, "w1").items()}
    {'school_id': 'id', 'arm': 'text', 'mean_mark': 'measure'}
    """
    needs: dict[str, Need] = {}
    for need in (*_design_needs(study), *_measure_needs(study, wave), *_student_needs(study, wave)):
        needs.setdefault(need.name, need)
    needs.pop(study.design.student, None)
    return needs


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
            mine, n_other = _rows_of_wave(export.table, source)
        except DataError as error:
            problems.append(error)
            continue
        table, wrong = _coded_table(mine, source, export, columns, needs)
        problems += wrong
        if "student" in table:
            files.append(WaveFile(source, export, columns, table, n_other))
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
    rows: pd.DataFrame, source: Source, export: Export, columns: dict[str, str], needs: dict[str, Need]
) -> tuple[pd.DataFrame, list[DataError]]:
    """Code the needed columns of a file; a column that cannot be used at all is absent."""
    coded: dict[str, pd.Series] = {}
    uncoded: list[DataError | None] = []
    spoilt: list[DataError] = []
    if columns["student"]:
        try:
            coded["student"] = normalise_ids(rows[columns["student"]], where=_at(source, columns["student"]))
        except DataError as error:
            spoilt.append(error)
    for name, need in needs.items():
        if name in columns:
            try:
                one = code_column(rows[columns[name]], need, export, source, columns[name])
            except DataError as error:
                spoilt.append(error)
                continue
            uncoded.append(one.problem)
            coded[name] = one.codes
    if DURATION in columns:
        one = code_number(rows[columns[DURATION]], column=columns[DURATION], shown=source.file, decimal=source.decimal)
        uncoded.append(one.problem)
        coded[DURATION] = one.codes
    coded["unfinished"] = _unfinished(rows, export.format)
    return pd.DataFrame(coded).reset_index(drop=True), [*spoilt, *merge_problems(uncoded)]


def _design_needs(study: Study) -> Iterator[Need]:
    design, assignment = study.design, study.design.assignment
    yield Need(design.school, "id", "roster")
    if design.class_ is not None:
        yield Need(design.class_, "id", "roster")
    if assignment.comparison is not None:
        yield Need(assignment.column, "text", "roster")
    if assignment.blocks is not None:
        yield Need(assignment.blocks, "id", "roster")
    if isinstance(assignment.starts, Start):
        yield Need(assignment.starts.column, "text", "roster")


def _measure_needs(study: Study, wave: str) -> Iterator[Need]:
    for scale in study.scales_in(wave).values():
        for item, wording in scale.items.items():
            yield Need(item, "item", "survey", wording, scale=scale)
    for outcome in study.outcomes_in(wave):
        if outcome.measure not in study.scales:
            yield Need(outcome.measure, "measure", "records", outcome=outcome)


def _student_needs(study: Study, wave: str) -> Iterator[Need]:
    """Groups, covariates and the columns of exclusion rules; one that a rule compares as a number is a number."""
    yield from (Need(group.column, "text", "roster") for group in study.groups)
    rules = [r for r in study.exclusions if (not r.waves or wave in r.waves) and r.column not in COMPUTED]
    yield from (Need(r.column, "number", "roster") for r in rules if r.below is not None or r.above is not None)
    for covariate in study.analysis.covariates:
        if covariate not in study.scales and covariate not in COMPUTED:
            yield Need(covariate, "number or text", "roster")
    yield from (Need(r.column, "text", "roster") for r in rules)


def _at(source: Source, column: str) -> str:
    return f"{source.file}, column {column}"


def _read(source: Source, raw: Path, study: Study, needs: dict[str, Need]) -> Export:
    return read_export(
        raw / source.file,
        format=source.format,
        encoding=source.encoding,
        decimal=source.decimal,
        shown=source.file,
        keep=[study.design.student, *needs, *source.columns.values(), *source.rows],
    )


def _match(
    study: Study, wave: Wave, opened: Sequence[tuple[Source, Export]], needs: dict[str, Need], unread: set[Kind]
) -> tuple[list[dict[str, str]], list[DataError]]:
    """Find every needed column, and say for each file which it lacks; "student" stands for the identifier.

    What should be in a file that could not be read is not said to be missing.
    """
    wanted = {study.design.student: "", DURATION: _DURATION_HEADER, **{name: n.wording for name, n in needs.items()}}
    matched: list[dict[str, str]] = []
    missing: dict[str, list[str]] = {}
    reported: set[str] = set()
    for source, export in opened:
        columns, wrong = _match_one(export, wanted, source)
        student = columns.pop(study.design.student, None)
        lines = missing.setdefault(source.file, [])
        if student is None and study.design.student not in wrong:
            lines.append(_missing_line(study.design.student, source.file, export, columns))
        lines += [f"  {error.what} {_capital(error.remedy)}" for error in wrong.values()]
        reported |= set(wrong)
        matched.append({"student": student or "", **columns})
    present = {source.kind for source in wave.sources}
    for name, need in needs.items():
        if name in reported or any(name in columns for columns in matched):
            continue
        kind = need.expected if need.expected in present else next(k for k in _ORDER if k in present)
        if kind not in unread:
            at = next(i for i, (source, _) in enumerate(opened) if source.kind == kind)
            source, export = opened[at]
            missing[source.file].append(_missing_line(name, source.file, export, matched[at]))
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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rows_of_wave(table: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, int]:
    """Keep the rows that ``rows:`` names."""
    mine = pd.Series(True, index=table.index)
    for column, value in source.rows.items():
        if column not in table.columns:
            near = nearest(column, map(str, table.columns))
            raise ColumnMissingError(
                f"{source.file} has no column {column}, which `rows:` names{near or '.'}",
                where=source.file,
                remedy="correct the column under `rows:` of that file in study.yml.",
            )
        mine &= as_text(table[column]) == as_text(pd.Series([value], dtype=object)).iloc[0]
    if not mine.any():
        said = " and ".join(f"{column} = {value}" for column, value in source.rows.items())
        raise DataError(
            f"None of the {len(table)} rows of {source.file} has {said}.",
            where=source.file,
            remedy="correct `rows:` of that file in study.yml.",
        )
    return table[mine], int((~mine).sum())


def _unfinished(table: pd.DataFrame, format: str) -> pd.Series:
    """Tell which responses were never sent off; only Qualtrics says so, in ``Finished`` and ``Progress``."""
    none = pd.Series(False, index=table.index)
    if format != "qualtrics" and not {"Finished", "Progress"} <= set(table.columns):
        return none
    if "Finished" in table:
        none |= as_text(table["Finished"]) == "0"
    if "Progress" in table:
        none |= pd.to_numeric(table["Progress"], errors="coerce") < 100
    return none
