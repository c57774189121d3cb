"""The published tables as a Frictionless Data Package, so that other tools read them with their types and titles.

The specification is at https://specs.frictionlessdata.io/data-package/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from belonging_study.reports.csv_files import read_csv
from belonging_study.reports.formatting import prettify
from belonging_study.study import Study

__all__ = ["PACKAGE_NAME", "data_package"]

PACKAGE_NAME = "datapackage.json"


def data_package(study: Study, wave: str, tables: Path, titles: Mapping[str, str]) -> dict[str, Any]:
    """Describe every CSV file of a folder.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave that is reported.
    tables : pathlib.Path
        The folder of the tables, with at least one.
    titles : mapping of str to str
        Table to its title, where it has one in the report.

    Returns
    -------
    dict
        A Data Package with a resource for each table, in the order of their names; a column's type is that of its
        values, and one without any value is text.
    """
    return {
        "profile": "tabular-data-package",
        "name": re.sub(r"[^a-z0-9._-]+", "-", f"{study.name}-{wave}".lower()),
        "title": f"{study.title}: {study.wave(wave).label}",
        "description": "The tables of the report. Small cells are hidden: an empty number with a reason in the column "
        "suppressed. The clean table that they are made from is described by codebook.schema.json and is not here.",
        "resources": [_resource(path, titles.get(path.stem, "")) for path in sorted(tables.glob("*.csv"))],
    }


def _resource(path: Path, title: str) -> dict[str, Any]:
    """Describe one table."""
    table = read_csv(path)
    return {
        "profile": "tabular-data-resource",
        "name": re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()),
        "path": path.name,
        **({"title": title} if title else {}),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"fields": [_field(str(name), table[name]) for name in table.columns], "missingValues": [""]},
    }


def _field(name: str, column: pd.Series) -> dict[str, Any]:
    """Describe one column by its values."""
    field: dict[str, Any] = {"name": name, "title": prettify(name), "type": "string"}
    known = column.dropna().infer_objects()
    if known.empty:
        return field
    if pd.api.types.is_bool_dtype(known):
        return field | {"type": "boolean", "trueValues": ["True"], "falseValues": ["False"]}
    if pd.api.types.is_numeric_dtype(column):
        field["type"] = "integer" if pd.api.types.is_integer_dtype(column) else "number"
    return field
