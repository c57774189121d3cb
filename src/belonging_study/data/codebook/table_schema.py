"""The codebook as a Frictionless Table Schema, which other tools read.

The specification is at https://specs.frictionlessdata.io/table-schema/; ``categories`` are those of its version 2,
https://datapackage.org/standard/table-schema/. Nothing in it comes from the answers: it says what can be, not what is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from belonging_study.data.codebook.variables import Variable

__all__ = ["codebook_schema"]


def codebook_schema(sample: pd.DataFrame, variables: Sequence[Variable]) -> dict[str, Any]:
    """Describe the clean table in a form that other tools read.

    Parameters
    ----------
    sample : pandas.DataFrame
        The clean table; only its columns and their types are looked at.
    variables : sequence of Variable
        Its columns; one that `sample` has not is left out.

    Returns
    -------
    dict
        A Table Schema for the table as CSV, its fields in the order of the columns: a missing value is an empty cell,
        and yes and no are ``True`` and ``False``. ``constraints`` hold the values that the questionnaire or
        ``study.yml`` allows, ``categories`` the labels of coded values; ``primaryKey`` is one student in one wave.

    Examples
    --------
    >>> sample = pd.DataFrame({"wave": ["w1"], "student": ["p1"], "q": [2.0]})
    >>> question = Variable("q", "School belonging", "Do you like it here?", levels={1: "No", 2: "Yes"})
    >>> schema = codebook_schema(sample, [question])
    >>> schema["fields"][0]["constraints"], schema["fields"][0]["categories"][0]
    ({'enum': [1, 2]}, {'value': 1, 'label': 'No'})
    """
    known = {variable.name: variable for variable in variables}
    fields = [_field(known[name], sample[name]) for name in sample.columns if name in known]
    key = [name for name in ("wave", "student") if name in sample]
    schema: dict[str, Any] = {
        "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
        "name": "responses",
        "title": "Analysis sample",
        "description": "One row a student and wave. Identifiers are keyed codes; answers are as given, not reversed.",
        "fields": fields,
        "missingValues": [""],
    }
    return schema | ({"primaryKey": key} if key else {})


def _field(variable: Variable, column: pd.Series) -> dict[str, Any]:
    """Describe one column."""
    kind = _type(column)
    parts = [variable.question, variable.values and f"Values: {variable.values}."]
    parts.append(variable.source and f"Source: {variable.source}.")
    field: dict[str, Any] = {"name": variable.name, "type": kind, "title": variable.label}
    if any(parts):
        field["description"] = " ".join(part for part in parts if part)
    if kind == "boolean":
        field |= {"trueValues": ["True"], "falseValues": ["False"]}
    constraints: dict[str, Any] = {"required": True} if variable.required else {}
    levels = {_plain(value): label for value, label in variable.levels.items()}
    if levels:
        constraints["enum"] = list(levels)
    elif kind in {"integer", "number"}:
        bounds = {"minimum": variable.minimum, "maximum": variable.maximum}
        constraints |= {name: _plain(bound) for name, bound in bounds.items() if bound is not None}
    if constraints:
        field["constraints"] = constraints
    if levels:
        field["categories"] = [{"value": v, "label": label} if label else {"value": v} for v, label in levels.items()]
    return field


def _type(column: pd.Series) -> str:
    """The type of the specification that a column has."""
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(column) else "string"


def _plain(value: float | str) -> float | str:
    """Write a whole number without its point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
