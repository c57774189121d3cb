"""Every exception of the package.

::

    BelongingStudyError
    ├── UserError                    what a user can mend: exit code 2, one short paragraph
    │   ├── StudyDefinitionError     study.yml, every mistake at once
    │   ├── ParameterError           a notebook's parameter: unknown, ill-typed, out of range
    │   ├── DataError                an export or a table made from it
    │   │   ├── FileMissingError
    │   │   ├── UnreadableFileError  wrong encoding, wrong format, truncated
    │   │   ├── EmptyFileError
    │   │   ├── ColumnMissingError
    │   │   ├── ValueRangeError      a number outside the form's range, or text where numbers belong
    │   │   ├── UnknownLabelError    an answer that the scale's labels do not hold
    │   │   ├── DuplicateRowsError   several rows for one student in a wave
    │   │   ├── ArmConflictError     a student, class or school in two arms
    │   │   ├── NoVariationError     an outcome that is the same for everybody in a wave
    │   │   ├── KeyFileError         the pseudonymisation key is missing or unusable
    │   │   └── DataProblems         several of these at once, by file, so that one round mends them all
    │   ├── DesignError              the data cannot answer the question by this method
    │   └── PublishError             the version could not be written or found
    └── StepError                    a notebook failed for a reason that is not the user's: exit code 1
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ArmConflictError",
    "BelongingStudyError",
    "ColumnMissingError",
    "DataError",
    "DataProblems",
    "DesignError",
    "DuplicateRowsError",
    "EmptyFileError",
    "FileMissingError",
    "KeyFileError",
    "Mistake",
    "NoVariationError",
    "ParameterError",
    "PublishError",
    "StepError",
    "StudyDefinitionError",
    "UnknownLabelError",
    "UnreadableFileError",
    "UserError",
    "ValueRangeError",
]


_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = dict.fromkeys((*range(9), *range(0xB, 0x20), *range(0x7F, 0xA0), *_BIDI), "\ufffd")
"""A column's name may hold characters that steer a terminal or turn the text around: they are shown as one sign."""


class BelongingStudyError(Exception):
    """Base of every exception that the package raises on purpose."""


class UserError(BelongingStudyError):
    """Something the user can mend, told in one short paragraph.

    Parameters
    ----------
    what : str
        One plain sentence: what is wrong, with the counts.
    where : str, optional
        The file, column and rows, for example ``"w2/survey.csv, column pssm_03, 4 rows"``.
    remedy : str, optional
        One plain sentence: what to do about it.

    Notes
    -----
    No message may carry a student's identifier, name or free text: counts and column names only.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what.translate(_SHOWN)
        self.where = " ".join(where.translate(_SHOWN).split())
        self.remedy = remedy.translate(_SHOWN)
        super().__init__(self.what)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"Where: {self.where}")
        if self.remedy:
            lines.append(f"What to do: {self.remedy}")
        return "\n".join(lines)

    @property
    def place(self) -> str:
        """The file or files of `where`, without column and rows."""
        return re.split(r", (?:column |\d+ rows?\b)", self.where, maxsplit=1)[0]

    def _render_traceback_(self) -> list[str]:
        """Show the paragraph, not the stack, in a notebook."""
        return [f"{type(self).__name__}: {self}"]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[UserError], state: dict[str, Any]) -> UserError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state.get("what", ""),)
    return error


@dataclass(frozen=True)
class Mistake:
    """One mistake in ``study.yml``.

    Attributes
    ----------
    line : int
        Line in the file, counted from 1.
    path : str
        Where in the definition, for example ``"waves.2.sources.1.file"``.
    message : str
        What is wrong, with the offending value and, where there is one, the nearest valid name.
    """

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}{', ' if self.path else ''}{self.path}: {self.message}"


class StudyDefinitionError(UserError):
    """``study.yml`` holds mistakes; all of them are listed, in the file's order."""

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self.file = file
        self.mistakes = sorted(mistakes, key=lambda m: (m.line, m.path))
        n = len(self.mistakes)
        super().__init__(
            f"{file} has {n} mistake{'' if n == 1 else 's'}:\n" + "\n".join(f"  {m}" for m in self.mistakes),
            remedy="correct the lines named above; docs/reference/study-yml.md describes every entry.",
        )


class ParameterError(UserError):
    """A notebook's parameter does not exist, has the wrong type, or is out of range."""


class DataError(UserError):
    """An export, or a table made from it, cannot be used as it is."""


class FileMissingError(DataError):
    """A file that ``study.yml`` names is not there."""


class UnreadableFileError(DataError):
    """A file is not in the format or encoding that its study definition or its name says."""


class EmptyFileError(DataError):
    """A file has no rows of data."""


class ColumnMissingError(DataError):
    """A column that the study needs is not in the file."""


class ValueRangeError(DataError):
    """A value lies outside the form's range, or is text where a number belongs."""


class UnknownLabelError(DataError):
    """An answer is not one of the scale's labels."""


class DuplicateRowsError(DataError):
    """Several rows for one student in one wave, and no rule that says which to keep."""


class ArmConflictError(DataError):
    """A student, class or school appears in two arms."""


class NoVariationError(DataError):
    """An outcome has one value throughout a wave, so that no report of that wave can be made."""


class KeyFileError(DataError):
    """The pseudonymisation key is missing, unreadable, too short or inside the study folder."""


class DataProblems(DataError):
    """Everything that is wrong with the files of a study, listed by file, the worst first.

    Parameters
    ----------
    problems : sequence of UserError
        Two or more, each about one file or a few.

    Attributes
    ----------
    problems : tuple of UserError
        The same, sorted: files that cannot be read, then missing columns, conflicts, repeated rows, values.

    Examples
    --------
    >>> print(DataProblems([
    ...     ValueRangeError("column mark: 1 value is not a number.", where="r.csv, column mark, 1 row"),
    ...     FileMissingError("s.csv is not there.", where="s.csv", remedy="put it there."),
    ... ]))
    2 problems in 2 places:
    s.csv
      s.csv is not there.
      What to do: put it there.
    r.csv
      column mark: 1 value is not a number.
      Where: r.csv, column mark, 1 row
    What to do: mend all of these, then let `belonging-study check` look again.
    """

    def __init__(self, problems: Sequence[UserError]) -> None:
        flat: list[UserError] = []
        for problem in problems:
            flat += problem.problems if isinstance(problem, DataProblems) else [problem]
        self.problems: tuple[UserError, ...] = tuple(sorted(flat, key=_badness))
        by_place: dict[str, list[UserError]] = {}
        for problem in self.problems:
            by_place.setdefault(problem.place, []).append(problem)
        lines = []
        for place, mine in by_place.items():
            lines.append(place or "The study")
            for problem in mine:
                shown = UserError(
                    problem.what, where="" if problem.where == place else problem.where, remedy=problem.remedy
                )
                lines.append("  " + str(shown).replace("\n", "\n  "))
        n, n_places = len(self.problems), len(by_place)
        super().__init__(
            f"{n} problems in {n_places} place{'' if n_places == 1 else 's'}:\n" + "\n".join(lines),
            remedy="mend all of these, then let `belonging-study check` look again.",
        )


def _badness(problem: UserError) -> int:
    """Sort what keeps most of the data from being used to the front."""
    order = (FileMissingError, UnreadableFileError, EmptyFileError, ColumnMissingError, ArmConflictError)
    later = (DuplicateRowsError, UnknownLabelError, ValueRangeError)
    for rank, kind in enumerate(order):
        if isinstance(problem, kind):
            return rank
    return len(order) + 1 + next((i for i, kind in enumerate(later) if isinstance(problem, kind)), -1)


class DesignError(UserError):
    """The data cannot answer the question by this method; the message gives the numbers and the way out."""


class PublishError(UserError):
    """A version could not be written, or could not be found."""


class StepError(BelongingStudyError):
    """A notebook failed for a reason that is not the user's to mend."""
