"""The parts of ``study.yml`` that say which files there are, and what their rows become."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from belonging_study.study.part import Name, Part, Share

__all__ = ["FORMATS", "Kind", "Marks", "Records", "Responses", "Source", "Wave"]

Kind = Literal["roster", "survey", "records", "enrolment", "attendance", "marks", "incidents"]

FORMATS = (
    "auto", "delimited", "qualtrics", "redcap", "limesurvey", "surveymonkey", "google_forms", "spss", "stata", "excel",
    "parquet",
)  # fmt: skip
"""The formats that a source can declare; a team's own come on top (see `Study.readers`)."""


class Source(Part):
    """One exported file of a wave.

    Attributes
    ----------
    file : str
        Path below the raw data folder.
    kind : str
        A survey has answers, a roster says who is in which class, school and arm, records hold one row a student of
        anything else. Of the other kinds several rows may belong to one student: enrolment has a row for each stay,
        attendance days enrolled and absent, marks a row for each course, incidents a row for each event.
    format : str
        ``"auto"`` finds the format by the file's content.
    dictionary : str, optional
        Path of the data dictionary that belongs to a REDCap export.
    columns : dict
        Our name to the file's name, only where they differ.
    values : dict
        Our name of a column to ``{value in the file: value to use}``, for names that are written in two ways.
    rows : dict
        Keep only rows in which these columns of the file hold these values (one file for several waves).
    encoding, decimal : str, optional
        Only where a text file is not UTF-8, or writes decimals with a comma.
    date_order : {"", "day", "month"}
        What comes first in dates such as 03/04/2025, where no date of the file has a day above 12.
    """

    file: str
    kind: Kind = "survey"
    format: str = "auto"
    dictionary: str | None = None
    columns: dict[Name, str] = Field(default_factory=dict)
    values: dict[Name, dict[str, str]] = Field(default_factory=dict)
    rows: dict[str, str | int | float] = Field(default_factory=dict)
    encoding: str | None = None
    decimal: Literal[".", ","] = "."
    date_order: Literal["", "day", "month"] = ""


class Wave(Part):
    """One round of data, in the study's order."""

    name: Name
    label: str
    date: dt.date
    before_programme: bool = False
    sources: tuple[Source, ...] = Field(min_length=1)


class Marks(Part):
    """What the marks in a file of course results mean; any other mark is an error.

    Attributes
    ----------
    ab, c, dfw : tuple of str
        Marks that count as A or B, as C, and as D, F or withdrawn.
    withdrawn : tuple of str
        Marks that mean a withdrawal; they are among `dfw`, listed there or not.
    not_counted : tuple of str
        Marks that say nothing about success, such as "audit" or "in progress": left out of every share.
    """

    ab: tuple[str, ...] = ("A+", "A", "A-", "B+", "B", "B-")
    c: tuple[str, ...] = ("C+", "C", "C-")
    dfw: tuple[str, ...] = ("D+", "D", "D-", "F", "W")
    withdrawn: tuple[str, ...] = ("W",)
    not_counted: tuple[str, ...] = ()


class Records(Part):
    """How files with several rows a student become measures.

    Attributes
    ----------
    chronic_absence : float
        Share of enrolled days from which absence is chronic.
    incidents : dict
        Name to the types of incident that it counts, for measures beside the number of all incidents.
    """

    chronic_absence: Share = 0.1
    marks: Marks = Marks()
    incidents: dict[Name, tuple[str, ...]] = Field(default_factory=dict)


class Responses(Part):
    """How raw survey rows become one row a student and wave."""

    unfinished: Literal["keep", "drop"] = "keep"
    duplicates: Literal["error", "first", "last", "most_complete"] = "error"
