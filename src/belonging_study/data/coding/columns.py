"""From the study's names to a file's columns: by what study.yml says, by name, by the question's wording."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from belonging_study.data.coding.answers import normalise_text
from belonging_study.data.export import Export
from belonging_study.errors import ColumnMissingError

__all__ = ["match_columns"]

_GRID_ROW = re.compile(r"\[([^\[\]]+)\]\s*$")


def match_columns(
    export: Export, wanted: Mapping[str, str], mapping: Mapping[str, str] | None = None, *, shown: str
) -> dict[str, str]:
    """Find the file's column for each of the study's names.

    In this order: the name that `mapping` gives; a column of the same name, exactly and then without regard to case,
    spacing and punctuation; a question worded like the item. A question's wording is the column's header or its text in
    the export, or the last part of either: the row of a grid in ``"… [row]"`` or after ``" - "``.

    Parameters
    ----------
    export : Export
        The file.
    wanted : mapping
        Our name to the wording, which may be empty.
    mapping : mapping, optional
        Our name to the file's name, or to the question's wording, where ``study.yml`` declares it.
    shown : str
        Name of the file, for messages.

    Returns
    -------
    dict
        Our name to the column, in the order of `wanted`; names without a column are absent.

    Raises
    ------
    ColumnMissingError
        If a declared column is not in the file (the nearest name is offered), or several columns would do.

    Examples
    --------
    >>> import pandas as pd
    >>> export = Export(pd.DataFrame({"School [I belong.]": ["Agree"], "ID": ["7"]}), "google_forms")
    >>> match_columns(export, {"bel_01": "I belong", "student_id": "", "mark": ""}, {"student_id": "ID"}, shown="s.csv")
    {'bel_01': 'School [I belong.]', 'student_id': 'ID'}
    """
    columns = list(export.table.columns)
    found: dict[str, str] = {}
    for name, theirs in (mapping or {}).items():
        if name in wanted:
            found[name] = _declared(export, name, theirs, shown)
    for name in wanted:
        if name not in found and name in columns:
            found[name] = name
    by_name = _index((normalise_text(column), column) for column in columns)
    _claim(found, by_name, {name: name for name in wanted}, columns, shown)
    by_wording = _index((wording, column) for column in columns for wording in _wordings(export, column))
    _claim(found, by_wording, wanted, columns, shown)
    return {name: found[name] for name in wanted if name in found}


def _claim(
    found: dict[str, str], index: Mapping[str, set[str]], texts: Mapping[str, str], columns: list[str], shown: str
) -> None:
    """Add what the index finds for names that have no column yet, among columns that no name has yet."""
    taken = set(found.values())
    claims: dict[str, str] = {}
    for name, text in texts.items():
        fits = index.get(normalise_text(text), set()) - taken if text and name not in found else set()
        if len(fits) > 1:
            listed = ", ".join(f'"{column[:60]}"' for column in sorted(fits, key=columns.index)[:8])
            raise ColumnMissingError(
                f"{shown} has {len(fits)} columns that could be {name}: {listed}.",
                where=f"{shown}, column {name}",
                remedy=f"say which one under columns of this file in study.yml, as {name}: <its name>.",
            )
        for column in fits:
            if column in claims:
                raise ColumnMissingError(
                    f'{shown}: column "{column[:60]}" could be {claims[column]} or {name}, which are worded alike.',
                    where=f"{shown}, column {name}",
                    remedy="give their columns under columns of this file in study.yml.",
                )
            claims[column] = name
    found.update({name: column for column, name in claims.items()})


def _declared(export: Export, name: str, theirs: str, shown: str) -> str:
    """Find a declared column by name or by the question's wording."""
    columns = list(export.table.columns)
    if theirs in columns:
        return theirs
    plain = normalise_text(theirs)
    fits = [c for c in columns if plain in (normalise_text(c), normalise_text(export.questions.get(c, "")))]
    if len(fits) == 1:
        return fits[0]
    near = difflib.get_close_matches(theirs.casefold(), {c.casefold(): c for c in columns}, n=1, cutoff=0.5)
    offer = next((c for c in columns if near and c.casefold() == near[0]), None)
    dropped = ", ".join(export.dropped_columns)
    raise ColumnMissingError(
        f'{shown} has {len(fits) or "no"} column{"s" if len(fits) > 1 else ""} "{theirs}", declared for {name}.',
        where=f"{shown}, column {name}",
        remedy="correct its name under columns of this file in study.yml"
        + (f'; the nearest is "{offer[:60]}"' if offer else "")
        + (f" (columns left out on reading because they name people: {dropped})" if dropped else "")
        + ".",
    )


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Collect the columns that each text leads to."""
    index: dict[str, set[str]] = {}
    for text, column in pairs:
        index.setdefault(text, set()).add(column)
    return index


def _wordings(export: Export, column: str) -> Iterator[str]:
    """Give every form in which the question of a column may be worded."""
    for text in {column, export.questions.get(column, "")} - {""}:
        yield normalise_text(text)
        row = _GRID_ROW.search(text)
        if row:
            yield normalise_text(row[1])
        parts = re.split(r"\s[-\u2013]\s", text)
        for start in range(1, len(parts)):
            yield normalise_text(" - ".join(parts[start:]))
