"""Which survey tool wrote a table of text, whether it lies in a text file or in a workbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from belonging_study.data.export import Export
from belonging_study.data.readers import delimited, google_forms, limesurvey, qualtrics, redcap, surveymonkey
from belonging_study.data.readers.grid import Grid

__all__ = ["TEXT_FORMATS", "TextFormat", "text_reader_for"]


@dataclass(frozen=True)
class TextFormat:
    """A format whose files are rows of text cells.

    Attributes
    ----------
    name : str
        The value of ``format`` in ``study.yml``.
    recognises : callable
        `Grid` to True where the rows are of this format.
    read : callable
        `Grid` to `Export`.
    """

    name: str
    recognises: Callable[[Grid], bool]
    read: Callable[[Grid], Export]


TEXT_FORMATS = (
    TextFormat("qualtrics", qualtrics.recognises_grid, qualtrics.from_grid),
    TextFormat("redcap", redcap.recognises_grid, redcap.from_grid),
    TextFormat("limesurvey", limesurvey.recognises_grid, limesurvey.from_grid),
    TextFormat("surveymonkey", surveymonkey.recognises_grid, surveymonkey.from_grid),
    TextFormat("google_forms", google_forms.recognises_grid, google_forms.from_grid),
)
"""In the order in which they are tried."""


def text_reader_for(grid: Grid) -> Callable[[Grid], Export]:
    """Find what reads a table of text.

    Parameters
    ----------
    grid : Grid
        Rows of cells, the first that holds anything being the header.

    Returns
    -------
    callable
        `Grid` to `Export`: of the survey tool whose header the table has, else of plain tables.

    Examples
    --------
    >>> grid = Grid([["Timestamp", "I belong"], ["10/7/2024 14:03:22", "Agree"]], "s.xlsx", lambda row: row + 1)
    >>> text_reader_for(grid)(grid).format
    'google_forms'
    """
    return next((one.read for one in TEXT_FORMATS if one.recognises(grid)), delimited.from_grid)
