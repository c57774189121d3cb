"""Qualtrics exports: three header rows (two in the legacy format), previews among the responses.

The header rows are the columns' names, the questions in the account's language, and a JSON object with the
``ImportId``, which no language changes (https://www.qualtrics.com/support, "Understanding Your Dataset").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.previews import split_previews
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises", "recognises_grid", "unfinished_responses"]

_LEGACY = [f"V{i}" for i in range(1, 11)]
_LEGACY_PLACE = {"LocationLatitude", "LocationLongitude", "LocationAccuracy"}
_QUESTION = re.compile(r'"ImportId"\s*:\s*"QID')
_SEEN = "-99"
_SEEN_UNANSWERED = "seen but unanswered"
_NEGATIVE = re.compile(r"\s*-\s*\d")
_NOT_FINISHED = {"0", "false", "falsch", "faux", "falso", "onwaar", "falskt", "no", "nein", "non"}


def recognises(raw: RawFile) -> bool:
    """Look for the row of ImportIds, or the legacy names V1 to V10."""
    return recognises_grid(raw.grid)


def recognises_grid(grid: Grid) -> bool:
    """Look for the same in rows of cells."""
    return _further_headers(grid) > 0


def read(raw: RawFile) -> Export:
    r"""Read a Qualtrics export of text (comma, tab), every column as text.

    Column names are those of the first row, also where ``Duration (in seconds)``, ``Progress``, ``Finished`` and
    the dates are concerned; in the legacy format the columns V1 to V10 get the names of the second row.
    Empty cells are missing; ``NA`` is an answer like any other.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export
        With the questions' wording, the further header rows, previews and test responses counted in ``set_aside``, and
        ``unfinished`` by ``Finished`` and ``Progress``.

    Raises
    ------
    EmptyFileError
        If there are no responses below the header rows.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

    Notes
    -----
    An export can say of questions that were seen and left unanswered that they are -99. In the column of a question
    (its ImportId begins with QID) that has no other negative number, -99 counts as missing for that reason; where
    other answers are negative too it may be an answer, and stays. Teams who chose another number write it into
    ``synonyms:`` of the scale.

    Examples
    --------
    >>> text = 'Finished,Q1\nBeendet,I belong here.\n"{""ImportId"":""finished""}","{""ImportId"":""QID1""}"\n1,Agree\n'
    >>> export = read(RawFile(text.encode(), "s.csv", "s.csv"))
    >>> export.questions["Q1"], len(export.table), export.set_aside
    ('I belong here.', 1, {'header rows': 2})
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells with Qualtrics' header rows."""
    result = tabulate(grid, further_headers=_further_headers(grid))
    table, questions = result.table, {c: " ".join(text.split()) for c, text in result.headers[0].items()}
    asked = [column for column, text in result.headers[-1].items() if _QUESTION.search(text)]
    if _is_import_ids(list(questions.values())):
        questions = {}  # the row of questions was deleted by hand
    if _is_legacy(grid.head(2)):
        asked = [column for column in map(str, table.columns) if column not in _LEGACY and column not in _LEGACY_PLACE]
        table = table.rename(columns={name: questions[name] for name in _LEGACY})
        questions = {name: text for name, text in questions.items() if name not in _LEGACY}
    table, aside = split_previews(table, is_qualtrics=True)  # before anything is counted
    table, counts = _without_seen(table, asked)
    return Export(
        table,
        "qualtrics",
        questions={c: text for c, text in questions.items() if text},
        set_aside={**result.set_aside, **aside},
        missing_counts=counts,
        unfinished=unfinished_responses(table),
    )


def unfinished_responses(table: pd.DataFrame) -> pd.Series | None:
    """Tell which responses were never sent off, by Qualtrics' columns ``Finished`` and ``Progress``.

    Parameters
    ----------
    table : pandas.DataFrame
        The responses, from any of the formats that Qualtrics writes.

    Returns
    -------
    pandas.Series of bool, or None
        Index of `table`; None where it has neither column.

    Examples
    --------
    >>> unfinished_responses(pd.DataFrame({"Finished": ["1", "False"], "Progress": ["100", "40"]})).tolist()
    [False, True]
    """
    if not {"Finished", "Progress"} & set(table.columns):
        return None
    unfinished = pd.Series(False, index=table.index)
    if "Finished" in table:
        finished = table["Finished"].astype("object").where(table["Finished"].notna(), "")
        unfinished |= finished.map(lambda value: str(value).strip().casefold().removesuffix(".0")).isin(_NOT_FINISHED)
    if "Progress" in table:
        unfinished |= pd.to_numeric(table["Progress"], errors="coerce") < 100
    return unfinished


def _without_seen(table: pd.DataFrame, asked: Iterable[str]) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Make -99 missing where it cannot be an answer, and count it."""
    counts: dict[str, dict[str, int]] = {}
    for column in asked:
        if column not in table:
            continue
        answers = table[column].dropna().unique()
        if _SEEN in answers and not any(_NEGATIVE.match(answer) for answer in answers if answer != _SEEN):
            seen = table[column] == _SEEN
            table[column] = table[column].mask(seen)
            counts[column] = {_SEEN_UNANSWERED: int(seen.sum())}
    return table, counts


def _further_headers(grid: Grid) -> int:
    """Number of header rows below the names; 0 where it is no Qualtrics export."""
    head = grid.head(3)
    for position in (2, 1):
        if len(head) > position and _is_import_ids(head[position]):
            return position
    return 1 if _is_legacy(head) else 0


def _is_import_ids(cells: list[str]) -> bool:
    """Whether these cells are the row of JSON objects with ImportId."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell.startswith("{") and '"ImportId"' in cell for cell in filled)


def _is_legacy(head: list[list[str]]) -> bool:
    """Whether these rows begin like the export format before 2017."""
    return len(head) > 1 and head[0][:10] == _LEGACY and "ResponseID" in head[1][:10] and all(head[1][:10])
