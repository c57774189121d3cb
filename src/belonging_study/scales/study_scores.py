"""A study's scales and outcomes, scored as ``study.yml`` says."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from belonging_study.errors import ColumnMissingError, ParameterError
from belonging_study.scales.distribution import scale_summary
from belonging_study.scales.items import item_statistics
from belonging_study.scales.percent_positive import CUT_MARGIN
from belonging_study.scales.score import reverse_keyed, score
from belonging_study.study import Outcome, Scale, Study, nearest

__all__ = ["answer_shares", "item_table", "scale_table", "score_study"]


def score_study(study: Study, responses: pd.DataFrame) -> pd.DataFrame:
    """Add a column for every scale and for every outcome.

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        One row a student and wave, with the items as answered (nothing reversed) and the outcomes' own columns.

    Returns
    -------
    pandas.DataFrame
        The rows unchanged and in order, with one column a scale and one an outcome. A score is missing where too few
        items were answered, and in waves in which the scale was not asked. An outcome with scales under `positive` is
        1 where the mean of each is at or above that scale's cut, 0 where all were scored and one is below, and missing
        otherwise.

    Raises
    ------
    ColumnMissingError
        If an outcome's measure is neither a scale nor a column.
    DataError
        If an answer lies outside the form's range.
    """
    scored = responses.copy()
    for name, scale in study.scales.items():
        scored[name] = _scored(study, scale, responses, scale.score)
    for outcome in study.outcomes:
        if outcome.positive:
            scored[outcome.measure] = _all_positive(study, outcome, responses)
        if outcome.measure not in scored:
            raise ColumnMissingError(
                f"The outcome {outcome.name} is measured by {outcome.measure}, which is neither a scale nor a column"
                + nearest(outcome.measure, [*study.scales, *map(str, responses.columns)])
                + ".",
                where="study.yml, outcomes",
                remedy="name a scale of the study, or a column of the survey or the records.",
            )
        asked = responses["wave"].isin([w.name for w in study.waves if outcome in study.outcomes_in(w.name)])
        scored[outcome.name] = scored[outcome.measure].where(asked)
    return scored


def _scored(
    study: Study, scale: Scale, responses: pd.DataFrame, method: Literal["mean", "sum", "percent_of_maximum"]
) -> pd.Series[float]:
    """Score a scale in the waves in which it was asked."""
    asked = responses["wave"].isin([w.name for w in study.waves if study.measured(scale, w.name)])
    values = pd.Series(np.nan, index=responses.index)
    if asked.any():
        values[asked] = score(
            responses.loc[asked],
            list(scale.items),
            reverse=scale.reverse,
            minimum=scale.minimum,
            maximum=scale.maximum,
            min_answered=scale.minimum_answered,
            method=method,
        )
    return values


def _all_positive(study: Study, outcome: Outcome, responses: pd.DataFrame) -> pd.Series[float]:
    """Whether a person's mean answer is positive on every one of the outcome's scales."""
    positive = pd.Series(1.0, index=responses.index)
    for name in outcome.positive:
        scale = study.scales[name]
        if scale.positive is None:
            raise ParameterError(
                f"The outcome {outcome.name} counts who is positive on {name}, but that scale has no cut.",
                where="study.yml, scales",
                remedy=f"give the scale {name} its `positive:`, the lowest answer that counts.",
            )
        means = _scored(study, scale, responses, "mean")
        positive = positive.where(means >= scale.positive - CUT_MARGIN, 0.0).where(means.notna() & positive.notna())
    return positive


def scale_table(study: Study, responses: pd.DataFrame) -> pd.DataFrame:
    """Describe every scale's distribution and reliability, by wave and by group.

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        As in `score_study`; only students who answered the survey count.

    Returns
    -------
    pandas.DataFrame
        One row a scale, wave and group level, as `scale_summary` gives them.
    """
    answered = responses[responses["responded"]]
    tables = []
    for name, scale in study.scales.items():
        rows = _asked(study, scale, answered)
        if len(rows):
            summary = scale_summary(
                rows,
                list(scale.items),
                scale=name,
                minimum=scale.minimum,
                maximum=scale.maximum,
                reverse=scale.reverse,
                groups=[group.column for group in study.groups],
                min_answered=scale.minimum_answered,
                method=scale.score,
                conf_level=study.analysis.conf_level,
            )
            tables.append(summary)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def item_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Describe every item in one wave, after reverse keying.

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        As in `score_study`.
    wave : str
        The wave.

    Returns
    -------
    pandas.DataFrame
        ``scale, item, question, reversed``, the columns of `item_statistics` and ``n_smallest`` (how many gave the
        rarest answer), one row an item.
    """
    answered = responses[responses["responded"] & (responses["wave"] == wave)]
    tables = []
    for name, scale in study.scales_in(wave).items():
        keyed = reverse_keyed(
            answered, list(scale.items), reverse=scale.reverse, minimum=scale.minimum, maximum=scale.maximum
        )
        table = item_statistics(keyed, minimum=scale.minimum, maximum=scale.maximum)
        table.insert(0, "scale", name)
        table.insert(2, "question", [scale.items[item] for item in table["item"]])
        table.insert(3, "reversed", [item in scale.reverse for item in table["item"]])
        table["n_smallest"] = [
            int(keyed[item].value_counts().min()) if keyed[item].notna().any() else 0 for item in table["item"]
        ]
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def answer_shares(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Count each answer to each item in one wave, as answered (nothing reversed).

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        As in `score_study`.
    wave : str
        The wave.

    Returns
    -------
    pandas.DataFrame
        ``scale, item, value, n, n_answered, share``, one row an item and answer of the form; shares are of those who
        answered the item.
    """
    answered = responses[responses["responded"] & (responses["wave"] == wave)]
    rows = []
    for name, scale in study.scales_in(wave).items():
        values = np.arange(scale.minimum, scale.maximum + 1)
        if len(values) > 11:
            continue  # sums of test points are no answers of a form
        for item in scale.items:
            counts = answered[item].value_counts().reindex(values, fill_value=0)
            total = int(counts.sum())
            rows += [(name, item, v, int(n), total, n / total if total else np.nan) for v, n in counts.items()]
    return pd.DataFrame(rows, columns=["scale", "item", "value", "n", "n_answered", "share"])


def _asked(study: Study, scale: Scale, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the waves in which a scale was asked."""
    return rows[rows["wave"].isin([w.name for w in study.waves if study.measured(scale, w.name)])]
