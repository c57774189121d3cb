"""The estimate that leads in a report, made again on other data: what sensitivity analyses compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.change import change_between
from belonging_study.effects.contrasts import Contrast
from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.did import DidResult
from belonging_study.effects.programme import fit_contrast
from belonging_study.effects.programme_change import change_size
from belonging_study.effects.programme_size import programme_size
from belonging_study.errors import DataError, DesignError
from belonging_study.study import Outcome, Study

__all__ = ["SENSITIVITY_COLUMNS", "leading_estimates"]

SENSITIVITY_COLUMNS = (
    *("outcome", "contrast", "sample", "n_students", "n_clusters", "estimate", "std_error", "df", "conf_low"),
    *("conf_high", "conf_level", "p_value", "effect_size", "effect_size_low", "effect_size_high", "note"),
)
"""Columns of every table of sensitivity; ``sample`` says what was changed."""

_FROM_FIT = ("estimate", "std_error", "df", "conf_low", "conf_high", "p_value")


def leading_estimates(
    study: Study, data: pd.DataFrame, outcome: Outcome, contrast: Contrast, conf_level: float
) -> list[dict[str, Any]]:
    """Make the rows of one comparison, or one that says why there is no estimate."""
    try:
        return list(_estimates(study, data, outcome, contrast, conf_level))
    except (DataError, DesignError) as error:
        return [{"contrast": contrast.name, "note": f"No estimate: {error.what}"}]


def _estimates(
    study: Study, data: pd.DataFrame, outcome: Outcome, contrast: Contrast, conf_level: float
) -> Iterator[dict[str, Any]]:
    """The leading estimate of one comparison; of several arms in one regression, one each."""
    assignment = study.design.assignment
    if assignment.comparison is None:
        yield _change(study, data, outcome, contrast, conf_level)
        return
    sample = contrast.rows(study, data)
    fit = fit_contrast(study, sample, outcome, contrast, conf_level)
    if isinstance(fit, DidResult):
        values = {name: getattr(fit, name) for name in _FROM_FIT}
        size = programme_size(study, sample, outcome, contrast.wave, values)
        counts = {
            "n_students": fit.n_units if study.design.panel else fit.n_rows,
            "n_clusters": np.nan if assignment.level == "student" else fit.fit.n_clusters,
        }
        yield {"contrast": contrast.name, **counts, **values, **size}
        return
    for row in fit.table.to_dict("records"):
        values = {str(column): value for column, value in row.items()}
        pair = sample[sample["arm"].isin([values["term"], assignment.comparison])]
        size = programme_size(study, pair, outcome, contrast.wave, values)
        clusters = [values["n_clusters_treated"], values["n_clusters_comparison"]]
        n_clusters = (
            np.nan if np.isnan(clusters).any() else pair[pair[outcome.name].notna()][cluster_of(study)].nunique()
        )
        name = f"{study.arm_label(str(values['term']))} v {study.arm_label(assignment.comparison)}"
        students = values["n_treated"] + values["n_comparison"]
        kept = {column: values[column] for column in _FROM_FIT}
        yield {"contrast": name, "n_students": students, "n_clusters": n_clusters, **kept, **size}


def _change(
    study: Study, data: pd.DataFrame, outcome: Outcome, contrast: Contrast, conf_level: float
) -> dict[str, Any]:
    """The change where everybody got the programme."""
    change = change_between(
        data,
        outcome=outcome.name,
        student="student",
        time="wave",
        before=contrast.before[-1],
        after=contrast.wave,
        cluster=cluster_of(study),
        panel=study.design.panel,
        conf_level=conf_level,
    )
    values = change.table.iloc[0].to_dict()
    size = change_size(outcome, {**values, "sd_before": change.sd_before, "n_before": change.n_before})
    counts = {"n_students": values["n_students"], "n_clusters": change.n_clusters}
    if study.design.assignment.level == "student":
        counts["n_clusters"] = np.nan
    return {"contrast": contrast.name, **counts, **{name: values[name] for name in _FROM_FIT}, **size}
