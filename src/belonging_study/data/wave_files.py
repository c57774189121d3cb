"""The files of one wave: which columns the study needs of them, found, coded and under the study's names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from belonging_study.data.coding import Coded, answers_as_text, code_answers, code_binary, code_number
from belonging_study.data.coding_problems import are, listed, raise_problems
from belonging_study.data.exclusions import as_text
from belonging_study.data.export import Export
from belonging_study.data.matching import match_columns
from belonging_study.data.pseudonyms import normalise_ids
from belonging_study.data.readers import read_export
from belonging_study.errors import ColumnMissingError, DataError, ValueRangeError
from belonging_study.study.model import Kind, Outcome, Scale, Source, Start, Study, Wave
from belonging_study.study.names import nearest

__all__ = ["COMPUTED", "DURATION", "Need", "WaveFile", "needed_columns", "read_wave_files"]

DURATION = "duration_seconds"
COMPUTED = ("answered_share", "responded", "longstring", "irv", "careless", DURATION)
"""Columns that an exclusion rule may name although no file holds them."""

_ORDER: tuple[Kind, ...] = ("roster", "survey", "records")
_DURATION_HEADER = "Duration (in seconds)"


@dataclass(frozen=True)
class Need:
    """One column that the study needs in a wave.

    Attributes
    ----------
    name : str
        The study's name of the column.
    use : {"item", "measure", "id", "number", "number or text", "text"}
        How it is coded.
    expected : {"roster", "survey", "records"}
        The kind of file that should have it; any file of the wave may.
    wording : str
        The question, by which the column may be found.
    scale, outcome : Scale, Outcome, optional
        What an item or a measure belongs to.
    """

    name: str
    use: Literal["item", "measure", "id", "number", "number or text", "text"]
    expected: Kind
    wording: str = ""
    scale: Scale | None = None
    outcome: Outcome | None = None


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


def read_wave_files(study: Study, wave: Wave, raw: Path) -> tuple[WaveFile, ...]:
    """Read and code every file of a wave.

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
    tuple of WaveFile
        In the order of ``study.yml``.

    Raises
    ------
    ColumnMissingError
        One error for all needed columns that are in none of the wave's files, each with the file in which it was
        expected and the nearest name there.
    UnknownLabelError, ValueRangeError
        One error for all values that cannot be coded, by column, with counts.
    DataError
        If a file cannot be read (see `read_export`), ``rows:`` leaves nothing of it, or a spreadsheet has changed the
        identifiers.
    """
    needs = needed_columns(study, wave.name)
    exports = [_read(source, raw, study, needs) for source in wave.sources]
    matched = _match(study, wave, exports, needs)
    files, problems = [], []
    for source, export, columns in zip(wave.sources, exports, matched, strict=True):
        mine, n_other = _rows_of_wave(export.table, source)
        table = pd.DataFrame(
            {"student": normalise_ids(mine[columns["student"]], where=_at(source, columns["student"]))}
        )
        for name, need in needs.items():
            if name in columns:
                coded = _code(mine[columns[name]], need, export, source, columns[name])
                problems.append(coded.problem)
                table[name] = coded.codes
        if DURATION in columns:
            coded = code_number(
                mine[columns[DURATION]], column=columns[DURATION], shown=source.file, decimal=source.decimal
            )
            problems.append(coded.problem)
            table[DURATION] = coded.codes
        table["unfinished"] = _unfinished(mine, export.format)
        files.append(WaveFile(source, export, columns, table.reset_index(drop=True), n_other))
    raise_problems(problems)
    return tuple(files)


def _design_needs(study: Study) -> Iterator[Need]:
    design, assignment = study.design, study.design.assignment
    yield Need(design.school, "id", "roster")
    if design.class_ is not None:
        yield Need(design.class_, "id", "roster")
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


def _match(study: Study, wave: Wave, exports: Sequence[Export], needs: dict[str, Need]) -> list[dict[str, str]]:
    """Find every needed column, or say at once which are missing; "student" stands for the identifier."""
    wanted = {study.design.student: "", DURATION: _DURATION_HEADER, **{name: n.wording for name, n in needs.items()}}
    matched: list[dict[str, str]] = []
    missing: list[str] = []
    files: list[str] = []
    reported: set[str] = set()
    for source, export in zip(wave.sources, exports, strict=True):
        columns, wrong = _match_one(export, wanted, source)
        student = columns.pop(study.design.student, None)
        if student is None and study.design.student not in wrong:
            missing.append(_missing_line(study.design.student, source.file, export, columns))
        if student is None or wrong:
            files.append(source.file)
        missing += [f"  {error.what} {_capital(error.remedy)}" for error in wrong.values()]
        reported |= set(wrong)
        matched.append({"student": student or "", **columns})
    present = {source.kind for source in wave.sources}
    for name, need in needs.items():
        if name in reported or any(name in columns for columns in matched):
            continue
        kind = need.expected if need.expected in present else next(k for k in _ORDER if k in present)
        at = next(i for i, source in enumerate(wave.sources) if source.kind == kind)
        missing.append(_missing_line(name, wave.sources[at].file, exports[at], matched[at]))
        files.append(wave.sources[at].file)
    if missing:
        n = len(missing)
        raise ColumnMissingError(
            f"Wave {wave.name} lacks {n} column{'' if n == 1 else 's'} that the study needs:\n" + "\n".join(missing),
            where=", ".join(dict.fromkeys(files)),
            remedy="export the file again with every column; where one is only named otherwise, give the file's name "
            "for it under `columns:` of that file in study.yml.",
        )
    return matched


def _match_one(
    export: Export, wanted: dict[str, str], source: Source
) -> tuple[dict[str, str], dict[str, ColumnMissingError]]:
    """Match the columns of one file; what study.yml declares wrongly comes back by name."""
    try:
        return match_columns(export, wanted, source.columns, shown=source.file), {}
    except ColumnMissingError:
        wrong: dict[str, ColumnMissingError] = {}
        for name, wording in wanted.items():
            declared = {name: source.columns[name]} if name in source.columns else {}
            try:
                match_columns(export, {name: wording}, declared, shown=source.file)
            except ColumnMissingError as error:
                wrong[name] = error
        if not wrong:
            raise
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


def _code(values: pd.Series, need: Need, export: Export, source: Source, column: str) -> Coded:
    """Code one column by its use."""
    labels = export.labels.get(column, {})
    if need.scale is not None:
        scale = need.scale
        return code_answers(
            values,
            labels=scale.labels,
            minimum=scale.minimum,
            maximum=scale.maximum,
            synonyms=scale.synonyms,
            value_labels=labels,
            column=column,
            shown=source.file,
        )
    if need.outcome is not None:
        return _code_measure(values, need.outcome, labels, source, column)
    if need.use == "id":
        return Coded(normalise_ids(values, where=_at(source, column)))
    if need.use == "text":
        return Coded(answers_as_text(values, labels))
    number = code_number(values, column=column, shown=source.file, decimal=source.decimal)
    if need.use == "number" or number.problem is None:
        return number
    # A covariate is a category unless it is mostly numbers: then the rest are mistakes.
    return number if number.codes.notna().sum() * 2 >= values.notna().sum() else Coded(answers_as_text(values, labels))


def _code_measure(values: pd.Series, outcome: Outcome, labels: dict[float, str], source: Source, column: str) -> Coded:
    """Code an outcome's own column; a count cannot be negative, and nothing can lie outside the outcome's range."""
    if outcome.kind == "binary":
        return code_binary(values, outcome.values, value_labels=labels, column=column, shown=source.file)
    coded = code_number(values, column=column, shown=source.file, decimal=source.decimal)
    if coded.problem is not None:
        return coded
    if outcome.range is not None:
        return _within(coded.codes, outcome.range, source, column)
    negative = int((coded.codes < 0).sum()) if outcome.kind == "count" else 0
    if not negative:
        return coded
    return Coded(
        coded.codes,
        ValueRangeError(
            f"column {column}: {are(negative, 'count')} below zero.",
            where=_at(source, column),
            remedy="correct these values, or leave them empty where a code such as -99 means that nothing is known.",
        ),
    )


def _within(codes: pd.Series, possible: tuple[float, float], source: Source, column: str) -> Coded:
    """Refuse values that an outcome cannot have."""
    outside = codes[codes.notna() & ~codes.between(*possible)]
    if outside.empty:
        return Coded(codes)
    return Coded(
        codes,
        ValueRangeError(
            f"column {column}: {are(len(outside), 'value')} outside the outcome's range, {possible[0]:g} to "
            f"{possible[1]:g}: {listed(outside.value_counts().to_dict())}",
            where=_at(source, column),
            remedy="correct these values, leave them empty where a code such as 999 means that nothing is known, or "
            "correct `range:` of the outcome in study.yml.",
        ),
    )


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
