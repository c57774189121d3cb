"""Answers as the categories of an item-response model: 0 for an item's lowest answer, and so on; -1 where missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError, ValueRangeError
from belonging_study.scales._answers import check_range, numeric_answers

__all__ = ["code_answers", "one_hot", "read_categories"]

Codes = npt.NDArray[np.int64]

_WIDEST = 10
_FEW = 5


def read_categories(
    items: pd.DataFrame, minimum: float | None, maximum: float | None
) -> tuple[tuple[tuple[float, ...], ...], list[str]]:
    """Check the answers, and give each item's answers from lowest to highest and notes on rare and unused ones."""
    if not isinstance(items, pd.DataFrame):
        raise ParameterError(f"`items` must be a DataFrame of the items; it is a {type(items).__name__}.")
    if (minimum is None) != (maximum is None):
        raise ParameterError("Give both `minimum` and `maximum` of the form, or neither.")
    answers = numeric_answers(items, list(items.columns))
    if minimum is not None and maximum is not None:
        check_range(answers, minimum, maximum)
    values = answers.to_numpy()
    broken = [str(name) for name in answers if not bool(answers[name].dropna().mod(1).eq(0).all())]
    if broken:
        raise ValueRangeError(
            f"{len(broken)} item{' holds' if len(broken) == 1 else 's hold'} answers that are no whole numbers.",
            where=", ".join(broken),
            remedy="give the answers as on the form; totals and means have no categories.",
        )
    n, k = int((~np.isnan(values)).any(axis=1).sum()), values.shape[1]
    if k < 3:
        raise DataError(f"This model needs at least 3 items; there {'is' if k == 1 else 'are'} {k}.")
    if n <= k:
        raise DataError(
            f"{n} of {len(values)} people answered an item; this model of {k} items needs at least {k + 1}.",
            remedy="pool groups or waves.",
        )
    lowest, highest = np.nanmin(values), np.nanmax(values)
    if highest - lowest > _WIDEST:
        raise ValueRangeError(
            f"The answers run from {lowest:g} to {highest:g}; an item has at most {_WIDEST + 1} categories here.",
            remedy="declare codes such as 99 as missing, or join categories.",
        )
    constant = [str(name) for name in answers if answers[name].nunique() < 2]
    if constant:
        raise DataError(
            f"{len(constant)} of {k} items have fewer than two different answers: {', '.join(constant)}.",
            remedy="leave constant items out of the scale, or check that they were read rightly.",
        )
    return _categories(answers, float(lowest), float(highest))


def _categories(
    answers: pd.DataFrame, lowest: float, highest: float
) -> tuple[tuple[tuple[float, ...], ...], list[str]]:
    """Each item's answers that occur; what is joined or rare is noted."""
    form = np.arange(lowest, highest + 1)
    found, unused, rare = [], [], []
    for name in answers:
        counts = answers[name].value_counts().reindex(form, fill_value=0)
        found.append(tuple(float(value) for value in form[counts.to_numpy() > 0]))
        unused += [f"{name} ({value:g})" for value in form[counts.to_numpy() == 0]]
        rare += [f"{name} ({value:g})" for value in form[counts.between(1, _FEW - 1).to_numpy()]]
    notes = []
    if unused:
        notes.append(f"nobody gave these answers, so the items have fewer categories: {', '.join(unused)}")
    if rare:
        notes.append(f"fewer than {_FEW} people gave these answers, whose steps are uncertain: {', '.join(rare)}")
    return tuple(found), notes


def code_answers(data: pd.DataFrame, names: Sequence[str], categories: tuple[tuple[float, ...], ...]) -> Codes:
    """Code the items' answers; ValueRangeError for one that the model does not know."""
    answers = numeric_answers(data, names)
    codes = np.full(answers.shape, -1, dtype=np.int64)
    strange = []
    for at, (name, known) in enumerate(zip(names, categories, strict=True)):
        column = answers[name].to_numpy()
        for code, value in enumerate(known):
            codes[column == value, at] = code
        n = int(((codes[:, at] < 0) & ~np.isnan(column)).sum())
        strange += [f"{name} ({n})"] if n else []
    if strange:
        raise ValueRangeError(
            "Some answers were given by nobody to whom the model was fitted.",
            where=", ".join(strange),
            remedy="fit the model to these people too, or declare codes such as 99 as missing.",
        )
    return codes


def one_hot(codes: Codes, n_answers: Sequence[int]) -> npt.NDArray[np.float64]:
    """One column an answer of an item, 1 where it was given."""
    parts = [(codes[:, [at]] == np.arange(n)).astype(float) for at, n in enumerate(n_answers)]
    return np.concatenate(parts, axis=1)
