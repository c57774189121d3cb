"""REDCap's data dictionary: the project's fields with their questions, choices, ranges and identifiers.

The file has a row for each field and 18 columns, of which the first eleven are used here: name, form, section header,
field type, label, choices, note, validation, its minimum and maximum, and whether the field identifies a person
(REDCap's "Data Dictionary Tutorial & Demo"). The API's metadata has the same columns in the same order.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.readers.grid import tabulate
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.errors import UnreadableFileError

__all__ = ["Field", "describe", "parse_choices", "read_dictionary"]

_TYPES = {
    "text", "notes", "calc", "dropdown", "radio", "checkbox", "yesno", "truefalse", "file", "slider", "descriptive",
    "sql", "textarea", "select", "advcheckbox",
}  # fmt: skip
_CHOSEN = {"dropdown", "radio", "select"}
_SWITCHES = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
_NUMBERS = re.compile(r"integer|number.*|float|int")
_TAG = re.compile(r"<[^<>]*>")
_UNKNOWN = {
    "NI": "no information", "INV": "invalid", "UNK": "unknown", "NASK": "not asked", "ASKU": "asked but unknown",
    "NAV": "temporarily unavailable", "MSK": "masked", "NA": "not applicable",
    "NAVU": "not available",
    "NP": "not present", "QS": "sufficient quantity", "QI": "insufficient quantity", "TRC": "trace",
    "UNC": "unencoded", "DER": "derived", "OTH": "other",
}  # fmt: skip
"""The codes that REDCap offers as "missing data codes", from HL7's null flavours (ISO 21090)."""


@dataclass(frozen=True)
class Field:
    """One field of a REDCap project.

    Attributes
    ----------
    name, form, kind, label : str
        Variable, instrument, field type, and question without mark-up.
    choices : dict
        Code to label, both as written; empty for fields without choices.
    numeric : bool
        Whether the field accepts numbers only.
    minimum, maximum : float, optional
        Of the validation.
    identifies : bool
        Whether the field is marked as identifying a person.
    """

    name: str
    form: str
    kind: str
    label: str
    choices: Mapping[str, str]
    numeric: bool
    minimum: float | None
    maximum: float | None
    identifies: bool


def parse_choices(text: str) -> dict[str, str]:
    """Split the choices of a field: bars between them, and the first comma of each between code and label.

    Parameters
    ----------
    text : str
        The cell of the data dictionary.

    Returns
    -------
    dict
        Code to label; a choice without a comma is its own code.

    Examples
    --------
    >>> parse_choices("1, Yes, often | 2, No | x3, <b>Never</b>")
    {'1': 'Yes, often', '2': 'No', 'x3': 'Never'}
    """
    choices = {}
    for choice in filter(str.strip, text.split("|")):
        code, comma, label = choice.partition(",")
        choices[code.strip()] = _plain(label if comma else code)
    return choices


def read_dictionary(raw: RawFile) -> dict[str, Field]:
    r"""Read a data dictionary.

    Parameters
    ----------
    raw : RawFile
        The file, comma-separated as REDCap writes it.

    Returns
    -------
    dict
        Name to field, in the dictionary's order.

    Raises
    ------
    UnreadableFileError
        If its fourth column does not hold field types, or it is no table (see `tabulate`).

    Examples
    --------
    >>> text = 'Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"Choices, Calculations"\n'
    >>> text += 'q1,survey,,radio,I belong.,"1, No | 2, Yes"\n'
    >>> read_dictionary(RawFile(text.encode(), "d.csv", "d.csv"))["q1"].choices
    {'1': 'No', '2': 'Yes'}
    """
    table = tabulate(raw.grid).table
    cells = table.astype(object).where(table.notna(), "").to_numpy().tolist()
    if len(table.columns) < 6 or not {str(row[3]).strip().lower() for row in cells} <= _TYPES:
        raise UnreadableFileError(
            f"{raw.shown} is no data dictionary of REDCap: its fourth column does not hold the fields' types.",
            where=raw.shown,
            remedy="download the data dictionary in REDCap (Designer or Data Dictionary) and name that file under "
            "`dictionary:` in study.yml.",
        )
    return {field.name: field for field in map(_field, cells)}


def describe(export: Export, dictionary: RawFile) -> Export:
    """Add to an export what the project's data dictionary says of its columns.

    Parameters
    ----------
    export : Export
        The data, with field names or labels as headers.
    dictionary : RawFile
        The data dictionary.

    Returns
    -------
    Export
        Columns of fields with number codes become numbers with value labels; where codes are no numbers, they become
        their labels. ``questions``, ``ranges`` and ``identifying`` are filled in. In fields with choices and in fields
        of numbers, REDCap's missing data codes (UNK, NASK and so on) are missing and counted.

    Raises
    ------
    UnreadableFileError
        If the file is no dictionary, or describes none of the columns.
    """
    fields = read_dictionary(dictionary)
    found = _columns(export, fields.values())
    if len(found) < min(2, len(export.table.columns)):
        raise UnreadableFileError(
            f"{dictionary.shown} describes {len(found)} of the {len(export.table.columns)} columns of the data.",
            where=dictionary.shown,
            remedy="name the data dictionary of the same project under `dictionary:` in study.yml.",
        )
    table = export.table.copy()
    labels, counts = dict(export.labels), dict(export.missing_counts)
    for column, (field, choices) in found.items():
        if not choices and not field.numeric:
            continue
        unknown = _unknown(table[column], choices)
        if len(unknown):
            counts[column] = {_UNKNOWN[str(code)]: int(n) for code, n in unknown.value_counts(sort=False).items()}
            table[column] = table[column].mask(table[column].index.isin(unknown.index))
        if not choices:
            continue
        codes = {_number(code): label for code, label in choices.items()}
        numbers = pd.to_numeric(table[column], errors="coerce")
        if None not in codes and (numbers.notna() == table[column].notna()).all():
            table[column] = numbers.astype(float)
            labels[column] = {code: label for code, label in codes.items() if code is not None}
        elif None in codes:
            table[column] = table[column].map(lambda value, own=choices: own.get(str(value).strip(), value))
    ranges = {
        column: (
            float("-inf") if field.minimum is None else field.minimum,
            float("inf") if field.maximum is None else field.maximum,
        )
        for column, (field, _) in found.items()
        if field.minimum is not None or field.maximum is not None
    }
    return replace(
        export,
        table=table,
        questions=export.questions | {column: field.label for column, (field, _) in found.items() if field.label},
        labels=labels,
        missing_counts=counts,
        ranges=ranges,
        identifying=tuple(column for column, (field, _) in found.items() if field.identifies),
    )


def _columns(export: Export, fields: Iterable[Field]) -> dict[str, tuple[Field, Mapping[str, str]]]:
    """Find the field of each column, with the choices that its values are codes of."""
    fields = list(fields)
    by_name = {field.name: field for field in fields}
    by_label: dict[str, list[Field]] = {}
    for field in fields:
        by_label.setdefault(field.label, []).append(field)
    found: dict[str, tuple[Field, Mapping[str, str]]] = {}
    for column in map(str, export.table.columns):
        name, boxed, code = column.partition("___")
        if column in by_name:
            found[column] = by_name[column], by_name[column].choices
        elif boxed and name in by_name:
            ticked = {re.sub(r"\W", "_", c.lower()): label for c, label in by_name[name].choices.items()}.get(
                code, code
            )
            field = replace(by_name[name], label=f"{by_name[name].label} [{ticked}]", numeric=False)
            found[column] = field, {"0": "Unchecked", "1": "Checked"}
        else:
            fits = by_label.get(_plain(column), [])
            if len(fits) == 1:
                found[column] = (
                    fits[0],
                    {},
                )  # a header of labels: the values are labels as well, or are left as they are
    return found


def _field(cells: list[str]) -> Field:
    row = [str(cell).strip() for cell in (*cells, *[""] * 11)][:11]
    name, form, _, kind, label, choices, _, validation, low, high, identifier = row
    kind = kind.lower()
    parsed = parse_choices(choices) if kind in _CHOSEN | {"checkbox"} else _SWITCHES.get(kind, {})
    numeric = kind == "text" and bool(_NUMBERS.fullmatch(validation.lower()))
    return Field(
        name,
        form,
        kind,
        _plain(label),
        parsed,
        numeric,
        _number(low) if numeric else None,
        _number(high) if numeric else None,
        identifier.lower() in ("y", "yes", "1"),
    )


def _unknown(values: pd.Series, choices: Mapping[str, str]) -> pd.Series:
    """Give the cells that hold one of REDCap's missing data codes which is no choice of the field."""
    return values[values.isin([code for code in _UNKNOWN if code not in choices])]


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        return None
