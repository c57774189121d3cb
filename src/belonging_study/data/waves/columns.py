"""One column of a wave's file, coded by what the study needs of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from belonging_study.data.coding.answers import Coded, answers_as_text, code_answers, code_binary, code_number
from belonging_study.data.coding.problems import are, listed
from belonging_study.data.export import Export
from belonging_study.data.linking.pseudonyms import normalise_ids
from belonging_study.data.linking.spoilt_ids import refuse_spoilt_ids
from belonging_study.errors import ValueRangeError
from belonging_study.study.model import Kind, Outcome, Scale, Source

__all__ = ["Need", "code_column"]


@dataclass(frozen=True)
class Need:
    """One column that the study needs in a wave.

    Attributes
    ----------
    name : str
        The study's name of the column.
    use : {"item", "measure", "id", "number", "number or text", "text"}
        How it is coded.
    expected : {"roster", "survey", "records"}
        The kind of file that should have it; any file of the wave may, but registers with several rows a student.
    wording : str
        The question, by which the column may be found.
    scale, outcome : Scale, Outcome, optional
        What an item or a measure belongs to.
    """

    name: str
    use: Literal["item", "measure", "id", "number", "number or text", "text"]
    expected: Kind
    wording: str = ""
    scale: Scale | None = None
    outcome: Outcome | None = None


def code_column(values: pd.Series, need: Need, export: Export, source: Source, column: str) -> Coded:
    """Code one column by its use.

    Parameters
    ----------
    values : pandas.Series
        The column's cells, as read.
    need : Need
        What the study needs of it.
    export, source : Export, Source
        The file, and its entry in ``study.yml``.
    column : str
        The file's name of the column.

    Returns
    -------
    Coded
        Numbers or text; what cannot be coded is missing there and counted in the problem.

    Raises
    ------
    DataError
        If a spreadsheet has changed the identifiers of a class, school or block.

    Examples
    --------
    >>> values = pd.Series(["7", " 8 "])
    >>> need = Need("school_id", "id", "roster")
    >>> code_column(values, need, Export(values.to_frame(), "delimited"), Source(file="w1.csv"), "0").codes.tolist()
    ['7', '8']
    """
    labels = export.labels.get(column, {})
    if need.scale is not None:
        scale = need.scale
        coded = code_answers(
            values,
            labels=scale.labels,
            minimum=scale.minimum,
            maximum=scale.maximum,
            translations=scale.translations,
            synonyms=scale.synonyms,
            value_labels=labels,
            column=column,
            shown=source.file,
        )
        return replace(coded, codes=_narrowed(coded.codes))
    if need.outcome is not None:
        return _code_measure(values, need.outcome, export, source, column)
    if need.use == "id":
        where = f"{source.file}, column {column}"
        return Coded(normalise_ids(refuse_spoilt_ids(values, where=where), where=where))
    if need.use == "text":
        return Coded(answers_as_text(values, labels))
    number = code_number(values, column=column, shown=source.file, decimal=source.decimal)
    if need.use == "number" or number.problem is None:
        return number
    # A covariate is a category unless it is mostly numbers: then the rest are mistakes.
    return number if number.codes.notna().sum() * 2 >= values.notna().sum() else Coded(answers_as_text(values, labels))


def _narrowed(codes: pd.Series) -> pd.Series:
    """Keep codes in half the memory (float32) where nothing is lost by it; they are most of a large wave."""
    narrow = codes.astype(np.float32)
    return narrow if np.array_equal(narrow, codes, equal_nan=True) else codes


def _code_measure(values: pd.Series, outcome: Outcome, export: Export, source: Source, column: str) -> Coded:
    """Code an outcome's own column; a count cannot be negative, and nothing can lie outside the outcome's range."""
    if outcome.kind == "binary":
        return code_binary(
            values, outcome.values, value_labels=export.labels.get(column, {}), column=column, shown=source.file
        )
    coded = code_number(values, column=column, shown=source.file, decimal=source.decimal)
    if coded.problem is not None:
        return coded
    if outcome.range is not None:
        return _within(coded.codes, outcome.range, source, column)
    if column in export.ranges:
        return _within(coded.codes, export.ranges[column], source, column, whose="data dictionary's")
    negative = int((coded.codes < 0).sum()) if outcome.kind == "count" else 0
    if not negative:
        return coded
    return Coded(
        coded.codes,
        ValueRangeError(
            f"column {column}: {are(negative, 'count')} below zero.",
            where=f"{source.file}, column {column}",
            remedy="correct these values, or leave them empty where a code such as -99 means that nothing is known.",
        ),
    )


def _within(
    codes: pd.Series, possible: tuple[float, float], source: Source, column: str, whose: str = "outcome's"
) -> Coded:
    """Refuse values that an outcome cannot have."""
    outside = codes[codes.notna() & ~codes.between(*possible)]
    if outside.empty:
        return Coded(codes)
    return Coded(
        codes,
        ValueRangeError(
            f"column {column}: {are(len(outside), 'value')} outside the {whose} range, {possible[0]:g} to "
            f"{possible[1]:g}: {listed(outside.value_counts().to_dict())}",
            where=f"{source.file}, column {column}",
            remedy="correct these values, leave them empty where a code such as 999 means that nothing is known, or "
            "give the right `range:` of the outcome in study.yml.",
        ),
    )
