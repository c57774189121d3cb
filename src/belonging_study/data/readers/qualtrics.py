"""Qualtrics exports: three header rows (two in the legacy format), previews among the responses.

The header rows are the columns' names, the questions in the account's language, and a JSON object with the
``ImportId``, which no language changes (https://www.qualtrics.com/support, "Understanding Your Dataset").
"""

from __future__ import annotations

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises", "recognises_grid"]

_LEGACY = [f"V{i}" for i in range(1, 11)]


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
        With the questions' wording, and the further header rows counted in ``set_aside``.

    Raises
    ------
    EmptyFileError
        If there are no responses below the header rows.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

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
    if _is_import_ids(list(questions.values())):
        questions = {}  # the row of questions was deleted by hand
    if _is_legacy(grid.head(2)):
        table = table.rename(columns={name: questions[name] for name in _LEGACY})
        questions = {name: text for name, text in questions.items() if name not in _LEGACY}
    return Export(
        table,
        "qualtrics",
        questions={c: text for c, text in questions.items() if text},
        set_aside=result.set_aside,
    )


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
