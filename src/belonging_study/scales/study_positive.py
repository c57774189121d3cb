"""Per cent positive of a study's scales."""

from __future__ import annotations

import pandas as pd

from belonging_study.scales.percent_positive import percent_positive
from belonging_study.study import Scale, Study

__all__ = ["positive_table"]

_COLUMNS = (
    *("scale", "wave", "definition", "group", "level", "estimate", "std_error", "conf_low", "conf_high", "n_students"),
    *("n_answers", "n_positive", "n_clusters", "note"),
)


def positive_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Give the percentage of positive answers and of positive students in one wave, by arm and group.

    Parameters
    ----------
    study : Study
        The definition: of each scale the lowest answer that is ``positive``; scales without one are passed over.
    responses : pandas.DataFrame
        As in `score_study`; those who answered the survey count.
    wave : str
        The wave.

    Returns
    -------
    pandas.DataFrame
        The columns of `percent_positive` by the definitions "pooled_items" and "person_mean", with ``scale``, ``wave``,
        ``group`` ("all", or a column) and ``level``. Intervals respect schools where they are known.
    """
    answered = responses[responses["responded"] & (responses["wave"] == wave)]
    groups = ["arm"] if study.design.assignment.comparison is not None else []
    groups += dict.fromkeys(group.column for group in study.groups)
    tables = [
        _of_scale(answered, name, scale, groups, study.analysis.conf_level)
        for name, scale in study.scales_in(wave).items()
        if scale.positive is not None and len(answered)
    ]
    if not tables:
        return pd.DataFrame(columns=list(_COLUMNS))
    return pd.concat(tables, ignore_index=True).assign(wave=wave)[list(_COLUMNS)]


def _of_scale(rows: pd.DataFrame, name: str, scale: Scale, groups: list[str], conf_level: float) -> pd.DataFrame:
    """Every definition and group of one scale."""
    cluster = "school" if "school" in rows and len(rows["school"].unique()) > 1 else None
    found = []
    for definition in ("pooled_items", "person_mean"):
        for at, group in enumerate(groups or [None]):
            table = percent_positive(
                rows,
                list(scale.items),
                cut=float(scale.positive or 0),
                minimum=scale.minimum,
                maximum=scale.maximum,
                reverse=scale.reverse,
                definition=definition,
                min_answered=scale.minimum_answered,
                by=group,
                cluster=cluster,
                conf_level=conf_level,
            )
            everyone = table.index == 0
            table = table.assign(scale=name, group=group or "all").drop(columns="by")
            table.loc[everyone, ["group", "level"]] = "all"
            found.append(table if at == 0 else table[~everyone])
    return pd.concat(found, ignore_index=True)
