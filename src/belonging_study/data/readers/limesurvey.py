"""LimeSurvey response exports: headings of codes, of full questions, or of both; comma or semicolon.

Every export begins with ``id, submitdate, lastpage, startlanguage`` (in words: "Response ID", "Date submitted", "Last
page", "Start language"); the rows of arrays are ``G01Q02[SQ001]`` or "Question [row]"
(https://manual.limesurvey.org/Exporting_results). Surveys that do not record dates have 1980-01-01 in place of the
date of submission.
"""

from __future__ import annotations

import re

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.headers import renamed, unlike
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises", "recognises_grid"]

_SUBMITTED = {
    "submitdate", "date submitted", "datum abgeschickt", "abgabedatum", "date de soumission", "fecha de envío",
    "data invio", "data di invio", "data de submissão", "data de envio", "datum ingezonden", "inzenddatum",
    "data przesłania", "dato afsendt", "dato sendt", "datum för inskickande", "gönderilme tarihi",
}  # fmt: skip
_LAST_PAGE = {
    "lastpage", "last page", "letzte seite", "dernière page", "última página", "ultima pagina", "laatste pagina",
    "ostatnia strona", "sidste side", "siste side", "sista sidan", "son sayfa",
}  # fmt: skip
_BOTH = re.compile(r"([A-Za-z]\w*(?:\[[^\]]*\])*)\. (.+)", re.DOTALL)
_NOT_ANSWERED = "N/A"
_REASON = "no answer (N/A)"
_FEW = 2


def recognises(raw: RawFile) -> bool:
    """Look for the date of submission and the last page among the first columns."""
    return recognises_grid(raw.grid)


def recognises_grid(grid: Grid) -> bool:
    """Look for the same in rows of cells."""
    first = [_meaning(cell) for cell in grid.head(1)[0][:8]]
    return any(cell in _SUBMITTED for cell in first) and any(cell in _LAST_PAGE for cell in first)


def read(raw: RawFile) -> Export:
    r"""Read the responses of a LimeSurvey survey, every column as text.

    Empty cells are missing. Answers stay as they are, also codes such as ``A2`` and ``-oth-`` for "other": which code
    stands for which answer is not in the file, so ``synonyms:`` of the scale says it.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export
        ``unfinished`` where there is no date of submission (1980-01-01 is one). Headings of code and text,
        "G01Q01. Do you belong?", become the code, with the text in ``questions``.

    Raises
    ------
    EmptyFileError
        If there are no responses.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

    Notes
    -----
    Where answers are exported in full, LimeSurvey writes "N/A" for a yes-or-no question without an answer. In a column
    of questions with at most two other answers it counts as missing.

    Examples
    --------
    >>> text = "id;submitdate;lastpage;startlanguage;G01Q01[SQ001]\n1;1980-01-01 00:00:00;3;de;A4\n2;;1;de;A5\n"
    >>> read(RawFile(text.encode(), "s.csv", "s.csv")).unfinished.tolist()
    [False, True]
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells with LimeSurvey's columns."""
    header = grid.head(1)[0]
    parted = [_BOTH.fullmatch(cell) for cell in header]
    both = [part is not None for part in parted[:2]] == [True, True]
    texts = {part[1]: part[2] for part in parted if part is not None} if both else {}
    names = [part[1] if both and part is not None else cell for part, cell in zip(parted, header, strict=True)]
    names = unlike(names)
    result = tabulate(renamed(grid, names) if names != header else grid)
    table, counts = result.table, {}
    submitted = next((c for c in table.columns if _meaning(str(c)) in _SUBMITTED), None)
    for position, column in enumerate(map(str, table.columns)):
        answers = set(table[column].dropna().unique())
        if position > 3 and _NOT_ANSWERED in answers and len(answers) <= _FEW + 1:
            gone = table[column] == _NOT_ANSWERED
            counts[column] = {_REASON: int(gone.sum())}
            table[column] = table[column].mask(gone)
    return Export(
        table,
        "limesurvey",
        questions={c: " ".join(texts.get(c, c).split()) for c in map(str, table.columns)},
        set_aside=result.set_aside,
        missing_counts=counts,
        unfinished=None if submitted is None else _blank(table[submitted]),
    )


def _meaning(cell: str) -> str:
    """Reduce a heading to what tells the column of submission from others."""
    code, _, _ = cell.partition(". ")
    return " ".join(code.replace("_", " ").split()).casefold()


def _blank(dates: pd.Series) -> pd.Series:
    return dates.isna() | (dates.str.strip() == "")
