"""In plain words: whether the conclusions hang on careless responses, or on some of the items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from belonging_study.reports.formatting import capital, decimals_for, inside, number
from belonging_study.reports.readings import DEFAULT_MARGIN, Reading, read_interval, value_of
from belonging_study.study.model import Study

__all__ = ["careless_sentences", "score_sentences"]

_SAID = {
    Reading.MATTERS: "lies wholly beyond the smallest effect that matters",
    Reading.CLEAR: "excludes zero, and may be smaller than what matters",
    Reading.SMALL: "excludes zero, and is smaller than what matters",
    Reading.LITTLE: "includes zero, and nothing that matters",
    Reading.UNCLEAR: "includes zero, and effects that matter",
}


def careless_sentences(study: Study, table: pd.DataFrame) -> list[str]:
    """Say of each primary outcome whether its conclusion changes without flagged responses.

    Parameters
    ----------
    study : Study
        The definition.
    table : pandas.DataFrame
        As from `belonging_study.effects.careless_sensitivity`.

    Returns
    -------
    list of str
        A sentence or two for each outcome and comparison. A conclusion is what the interval says by zero and by the
        smallest effect that matters, and its direction.
    """
    changed = ("with flagged responses set aside", "with all responses", "without the flagged ones", "these responses")
    return [
        " ".join(_sentences(study, label, first, other, changed))
        for label, first, others in _pairs(study, table)
        for other in others
    ]


def score_sentences(study: Study, table: pd.DataFrame) -> list[str]:
    """Say of each primary outcome whether its conclusion changes when it is scored from other items.

    Parameters
    ----------
    study : Study
        The definition.
    table : pandas.DataFrame
        As from `belonging_study.effects.score_sensitivity`.

    Returns
    -------
    list of str
        A sentence or two for each outcome, comparison and set of items.
    """
    said = []
    for label, first, others in _pairs(study, table):
        for other in others:
            changed = (f"scored {_from(other)}", f"from {first['sample']}", _from(other), "these items")
            said.append(" ".join(_sentences(study, label, first, other, changed)))
    return said


def _from(row: dict[Any, Any]) -> str:
    """How the scores were made."""
    sample = str(row["sample"])
    return sample if sample.startswith("without") else f"by the form “{sample}”"


def _pairs(study: Study, table: pd.DataFrame) -> Iterator[tuple[str, dict[Any, Any], list[dict[Any, Any]]]]:
    """Each outcome and comparison: its name, the first row, and the others."""
    several = bool(len(table)) and bool(table.groupby("outcome")["contrast"].nunique().gt(1).any())
    for (outcome, contrast), rows in table.groupby(["outcome", "contrast"], sort=False):
        first, *others = rows.to_dict("records")
        yield inside(study.outcome(str(outcome)).label) + (f" ({contrast})" if several else ""), first, others


def _sentences(
    study: Study, label: str, with_all: dict[Any, Any], without: dict[Any, Any], changed: tuple[str, str, str, str]
) -> Iterator[str]:
    """What is to be said of one pair of estimates."""
    how, plain, short, on_what = changed
    estimates = [value_of(row, "estimate") for row in (without, with_all)]
    if any(pd.isna(estimate) for estimate in estimates):
        yield f"{capital(label)} {plain} cannot be compared with the same {how}: an estimate is missing."
        return
    digits = decimals_for(*estimates)
    now, before = (number(estimate, digits) for estimate in estimates)
    yield f"{capital(how)}, the estimate for {label} is {now}; {plain} it is {before}."
    margin = study.analysis.smallest_effect or DEFAULT_MARGIN
    read = [_reading(row, margin) for row in (with_all, without)]
    if read[0] == read[1]:
        yield "The conclusion is the same."
    elif read[0][0] == read[1][0]:
        yield f"The direction is another: the conclusion hangs on {on_what}."
    else:
        yield (f"The conclusion changes: {plain} the interval {_SAID[read[0][0]]}; {short} it {_SAID[read[1][0]]}.")


def _reading(row: dict[Any, Any], margin: float) -> tuple[Reading, bool]:
    """What an interval says, and whether it lies above zero."""
    low, high, size_low, size_high = (
        value_of(row, column) for column in ("conf_low", "conf_high", "effect_size_low", "effect_size_high")
    )
    return read_interval(low, high, size_low, size_high, margin), low > 0
