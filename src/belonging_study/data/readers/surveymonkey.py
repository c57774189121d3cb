"""SurveyMonkey exports: a row of questions, and below it a row of their parts.

A question stands over its first column only, the columns of its further parts have no heading; the second row names the
part: a row of a grid, an option, "Response", or "Open-Ended Response". Columns about the respondent come first, with
nothing in the second row (https://help.surveymonkey.com, "Exporting response data").
"""

from __future__ import annotations

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import Grid, tabulate
from belonging_study.data.readers.headers import renamed, unlike
from belonging_study.data.readers.rawfile import RawFile

__all__ = ["from_grid", "read", "recognises", "recognises_grid"]

_RESPONDENT = {"respondentid", "collectorid"}
_WHOLE = {"response", "open-ended response"}
_METADATA = {
    "respondentid", "collectorid", "startdate", "enddate", "ipaddress", "emailaddress", "firstname", "lastname",
    "customdata", "customdata1", "datecreated", "datemodified", "custom1",
}  # fmt: skip


def recognises(raw: RawFile) -> bool:
    """Look for the respondent's and the collector's ids, or for a second row that says "Response"."""
    return recognises_grid(raw.grid)


def recognises_grid(grid: Grid) -> bool:
    """Look for the same in rows of cells."""
    head = grid.head(2)
    return {_plain(cell) for cell in head[0][:3]} >= _RESPONDENT or (
        _has_parts(head) and bool({cell.casefold() for cell in head[1]} & _WHOLE)
    )


def read(raw: RawFile) -> Export:
    r"""Read a SurveyMonkey export, every column as text.

    Empty cells are missing; ``NA`` is an answer like any other.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export
        Columns are named by their question, those of a grid or of several options "Question [part]"; ``questions``
        holds the same text. SurveyMonkey does not say which responses are unfinished.

    Raises
    ------
    EmptyFileError
        If there are no responses.
    UnreadableFileError
        If the text is not a table: see `tabulate`.

    Examples
    --------
    >>> text = "Respondent ID,Collector ID,Your number?,How true?,\n,,Response,I belong.,I am seen.\n1,2,007,Yes,No\n"
    >>> list(read(RawFile(text.encode(), "s.csv", "s.csv")).table.columns)[2:]
    ['Your number?', 'How true? [I belong.]', 'How true? [I am seen.]']
    """
    return from_grid(raw.grid)


def from_grid(grid: Grid) -> Export:
    """Make an export of rows of cells with SurveyMonkey's one or two header rows."""
    head = grid.head(2)
    two = _has_parts(head)
    names = unlike(_names(*head) if two else head[0])
    result = tabulate(renamed(grid, names) if names != head[0] else grid, further_headers=int(two))
    questions = {str(c): " ".join(str(c).split()) for c in result.table.columns if _plain(str(c)) not in _METADATA}
    return Export(result.table, "surveymonkey", questions=questions, set_aside=result.set_aside)


def _has_parts(head: list[list[str]]) -> bool:
    """Whether the second row names parts of questions: nothing for the respondent, something for later columns."""
    if len(head) < 2:
        return False
    first, second = head
    return not any(second[:2]) and any(second) and all(first[:2])


def _names(questions: list[str], parts: list[str]) -> list[str]:
    """Put each question before its parts; a column without a part is the whole question."""
    names: list[str] = []
    question = ""
    for position, heading in enumerate(questions):
        question = heading or question
        part = parts[position] if position < len(parts) else ""
        if not part or part.casefold() in _WHOLE:
            names.append(heading)
        else:
            names.append(f"{question} [{part}]")
    return names


def _plain(cell: str) -> str:
    return "".join(c for c in cell.casefold() if c.isalnum())
