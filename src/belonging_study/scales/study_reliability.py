"""Further coefficients of a study's scales: several definitions of reliability, and how many factors there may be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belonging_study.errors import DataError
from belonging_study.scales.exploratory import parallel_analysis
from belonging_study.scales.reliability import reliability_by
from belonging_study.scales.score import reverse_keyed
from belonging_study.study import Study

__all__ = ["dimension_table", "reliability_table"]

_COEFFICIENTS = ("cronbach_alpha", "mcdonald_omega", "ordinal_alpha", "ordinal_omega")
_MOST_STEPS = 11  # of a form; test points have too many for ordinal coefficients


def reliability_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Give each scale's reliability in one wave: by four definitions for all students, by two for arms and groups.

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        As in `score_study`; those who answered the survey count.
    wave : str
        The wave.

    Returns
    -------
    pandas.DataFrame
        The columns of `reliability_by` with ``scale``, and ``group`` ("all", or a column) in the place of ``by``.
    """
    answered = responses[responses["responded"] & (responses["wave"] == wave)].assign(all="all")
    groups = ["arm"] if study.design.assignment.comparison is not None else []
    groups += dict.fromkeys(group.column for group in study.groups)
    tables = []
    for name, scale in study.scales_in(wave).items():
        if not len(answered) or len(scale.items) < 2:
            continue
        few = scale.maximum - scale.minimum < _MOST_STEPS
        whole = _COEFFICIENTS if few else _COEFFICIENTS[:2]
        asked = ((["all"], whole), (groups, _COEFFICIENTS[:2]))
        table = pd.concat(
            reliability_by(
                answered,
                list(scale.items),
                by=by,
                reverse=scale.reverse,
                minimum=scale.minimum,
                maximum=scale.maximum,
                coefficients=coefficients,
                conf_level=study.analysis.conf_level,
            )
            for by, coefficients in asked
            if by
        ).rename(columns={"by": "group"})
        table["note"] = table["note"].str.removeprefix("no interval was asked for (draws=0); ")
        table.insert(0, "scale", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def dimension_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Compare each scale's eigenvalues in one wave with those of unrelated items.

    Parameters
    ----------
    study, responses, wave
        As in `reliability_table`.

    Returns
    -------
    pandas.DataFrame
        The rows of `parallel_analysis` (Pearson correlations, the study's seed), with ``scale`` and ``n_complete``.
        Scales of fewer than three items, or whose answers do not allow it, have no rows.
    """
    answered = responses[responses["responded"] & (responses["wave"] == wave)]
    tables = []
    for name, scale in study.scales_in(wave).items():
        keyed = reverse_keyed(answered, list(scale.items), scale.reverse, scale.minimum, scale.maximum)
        try:
            found = parallel_analysis(keyed, seed=study.analysis.seed)
        except DataError:
            continue
        more: dict[str, Any] = {"n_complete": int(keyed.notna().all(axis=1).sum())}
        table = found.table.assign(**more)
        table.insert(0, "scale", name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
