"""What may identify a person in the columns that stay: counts by column and kind, never what was found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.checks.issues import Issue
from belonging_study.data.waves.columns import Need
from belonging_study.data.waves.files import WaveFile, needed_columns
from belonging_study.data.wording import how_many
from belonging_study.errors import DataError
from belonging_study.study.model import Study

__all__ = ["Trace", "scan_files", "trace_issues"]

_EMAIL = r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]{2,}"
_PHONE = (
    r"\+\d[\d ()/.-]{6,}\d"  # international
    r"|(?<!\d)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"  # 555-123-4567
    r"|(?<![\d.])0\d{1,4}[ /-]\d[\d ]{4,}\d(?![\d/])"  # area code, then the number
)
_DAY = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
_DIGITS = rf"(?<![\d.,])(?!{_DAY})\d{{8,}}(?![.,]?\d)"
_PATTERNS = {"e-mail address": _EMAIL, "phone number": _PHONE, "number of eight digits or more": _DIGITS}
_NAME = "name of somebody on the roster"
_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG = 10**7
_EVENT = "incident_id"  # tells events apart, and is in no table
_OWN_WORDS = 3
"""Words from which a text is somebody's own, so that a single name in it counts."""


@dataclass(frozen=True)
class Trace:
    """One kind of identifier in one column.

    Attributes
    ----------
    file, column : str
        Where, as the file names it.
    kind : str
        What it looks like.
    n_rows : int
        Cells in which it was found.
    needed : bool
        Whether the study uses the column, so that it would reach the clean table.
    """

    file: str
    column: str
    kind: str
    n_rows: int
    needed: bool


def scan_files(study: Study, wave: str, files: Sequence[WaveFile]) -> tuple[Trace, ...]:
    """Look for direct identifiers in every column that was not dropped on reading.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.
    files : sequence of WaveFile
        Its files.

    Returns
    -------
    tuple of Trace
        E-mail addresses, telephone numbers, numbers of eight digits or more (dates such as 20250131 apart), and names
        that the wave's files had in columns dropped on reading: first and last name side by side anywhere, one of
        them alone, with a capital, in texts of three words or more. The columns of identifiers are not looked at: they
        are replaced by codes, or, of incidents, in no table.
    """
    needs = needed_columns(study, wave)
    names = frozenset().union(*(file.export.names for file in files))
    traces = []
    for file in files:
        ids = {
            theirs
            for name, theirs in file.columns.items()
            if name == "student" or _is_id(needs.get(name)) or (name == _EVENT and file.source.kind == "incidents")
        }
        used = set(file.columns.values())
        for position, column in enumerate(map(str, file.export.table.columns)):
            if column in ids:
                continue
            for kind, n in _found(file.export.table.iloc[:, position], names):
                traces.append(Trace(file.source.file, column, kind, n, column in used))
    return tuple(traces)


def trace_issues(traces: Sequence[Trace]) -> tuple[Issue, ...]:
    """Put traces of identifiers into words.

    Parameters
    ----------
    traces : sequence of Trace
        See `scan_files`.

    Returns
    -------
    tuple of Issue
        A warning for each column that the study uses; one note for all the others of a file.

    Examples
    --------
    >>> for issue in trace_issues([Trace("s.csv", "Q9", "e-mail address", 3, False)]):
    ...     print(issue.severity, issue.problem.what)
    note Columns that the study does not use may identify people: Q9 (e-mail address in 3 rows).
    """
    issues = [
        Issue(
            "warning",
            DataError(
                f"Column {trace.column} may identify people, and the study uses it: {_said(trace)}.",
                where=f"{trace.file}, column {trace.column}",
                remedy="replace these values in the file: what the study uses reaches its tables.",
            ),
        )
        for trace in traces
        if trace.needed
    ]
    others: dict[str, dict[str, list[str]]] = {}
    for trace in traces:
        if not trace.needed:
            others.setdefault(trace.file, {}).setdefault(trace.column, []).append(_said(trace))
    for file, columns in others.items():
        listed = "; ".join(f"{column[:60]} ({', '.join(said)})" for column, said in columns.items())
        issues.append(
            Issue(
                "note",
                DataError(
                    f"Columns that the study does not use may identify people: {listed}.",
                    where=file,
                    remedy="they are not passed on, so nothing has to be done; best leave them out of the next export.",
                ),
            )
        )
    return tuple(issues)


def _is_id(need: Need | None) -> bool:
    return need is not None and need.use == "id"


def _said(trace: Trace) -> str:
    return f"{trace.kind} in {how_many(trace.n_rows, 'row')}"


def _found(values: pd.Series, names: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Count the cells of a column in which each kind is found; each different value is looked at once."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return
    places, distinct = pd.factorize(values)
    if not len(distinct):
        return
    counts = np.bincount(places[places >= 0], minlength=len(distinct))
    if pd.api.types.is_numeric_dtype(values):
        numbers = np.abs(np.asarray(distinct, dtype=float))
        texts = pd.Series(np.where((numbers >= _LONG) & (numbers % 1 == 0), numbers, 0)).map("{:.0f}".format)
    else:
        texts = pd.Series(np.asarray(distinct, dtype=object)).astype(str)
    for kind, pattern in _PATTERNS.items():
        hit = texts.str.contains(pattern, regex=True).to_numpy(dtype=bool)
        if hit.any():
            yield kind, int(counts[hit].sum())
    if names and not pd.api.types.is_numeric_dtype(values):
        hit = _names_in(texts, names)
        if hit.any():
            yield _NAME, int(counts[hit].sum())


def _names_in(texts: pd.Series, names: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Tell which texts have a name: two words of one in a row, or one of them with a capital in a longer text."""

    def named(text: str) -> bool:
        words = _WORD.findall(text)
        plain = [word.casefold() for word in words]
        if any(f"{one} {other}" in names for one, other in pairwise(plain)):
            return True
        own = len(words) >= _OWN_WORDS
        return own and any(word[0].isupper() and small in names for word, small in zip(words, plain, strict=True))

    return np.fromiter((named(text) for text in texts), dtype=bool, count=len(texts))
