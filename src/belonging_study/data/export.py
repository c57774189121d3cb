"""What every reader returns: one exported file as a table, with what the file says about its columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

__all__ = ["Export"]


@dataclass(frozen=True)
class Export:
    """One file as read: nothing coded, nothing renamed, direct identifiers already gone.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a row of data, columns named as in the file. Text formats give strings (missing is ``NaN``);
        typed formats keep their numbers.
    format : str
        The format that was found.
    questions : dict
        Column to the question's wording, where the file has it.
    labels : dict
        Column to ``{code: label}``, where the file has value labels.
    missing_codes : dict
        Column to ``{code: reason}`` for user-declared missing values; in `table` those cells are ``NaN``.
    missing_counts : dict
        Column to ``{reason: count}`` of the cells that were declared missing.
    set_aside : dict
        Reason to number of rows of the file that are not responses (previews, a second header row …).
        Rows in the file = ``len(table) + sum(set_aside.values())``.
    dropped_columns : tuple of str
        Kinds of column left out on reading because they identify a person (names, e-mail, IP, location, device).
    unfinished : pandas.Series of bool, optional
        Index of `table`: responses that were begun and never sent off. None where the file does not say.
    parts : tuple of str
        Columns that tell the rows of one person apart, such as REDCap's events and repeating instruments: a source
        takes the rows of one part, chosen by ``rows:``.
    lists_everybody : bool
        Whether people who never answered have a row as well.
    ranges : dict
        Column to the lowest and the highest value that the file's data dictionary gives.
    identifying : tuple of str
        Columns that the file's data dictionary marks as identifying a person.
    names : frozenset of str
        Names of people from columns that were left out, in small letters: first and last name together in both orders,
        and each alone. Kept in memory alone, so that a scan can look for them in the columns that stay.
    """

    table: pd.DataFrame
    format: str
    questions: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[float, str]] = field(default_factory=dict)
    missing_codes: dict[str, dict[float, str]] = field(default_factory=dict)
    missing_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    dropped_columns: tuple[str, ...] = ()
    unfinished: pd.Series | None = None
    parts: tuple[str, ...] = ()
    lists_everybody: bool = False
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    identifying: tuple[str, ...] = ()
    names: frozenset[str] = field(default=frozenset(), repr=False)
