"""Baseline equivalence and attrition of a study's sample, as the What Works Clearinghouse looks at them."""

from __future__ import annotations

import pandas as pd

from belonging_study.effects.attrition import attrition_table
from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.equivalence import baseline_equivalence
from belonging_study.errors import DesignError
from belonging_study.study import Study

__all__ = ["study_attrition", "study_equivalence"]


def study_equivalence(study: Study, scores: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Compare the arms before the programme, on the sample that a wave's effects rest on.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave.
    wave : str
        The wave of the report. In a panel only students who are there in that wave count.

    Returns
    -------
    pandas.DataFrame
        ``arm`` and the columns of `baseline_equivalence`: every outcome of the last wave before the programme and
        every group, for each programme arm against the comparison arm. Empty where no wave precedes the programme, or
        nothing is compared.
    """
    if not study.waves_before or study.design.assignment.comparison is None:
        return pd.DataFrame()
    last = min(study.waves_before[-1], wave, key=study.wave_names.index)
    before = scores[scores["wave"] == last]
    if study.design.panel:
        before = before[before["student"].isin(scores.loc[scores["wave"] == wave, "student"])]
    names = [o.name for o in study.outcomes_in(last)] + [g.column for g in study.groups]
    tables = []
    for arm in study.design.assignment.programme:
        pair = before[before["arm"].isin([arm, study.design.assignment.comparison])]
        marked = pair.assign(programme=(pair["arm"] == arm).astype(int))
        try:
            table = baseline_equivalence(marked, variables=names, treated="programme")
        except DesignError:
            continue
        table.insert(0, "arm", arm)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def study_attrition(study: Study, scores: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Count who was lost between the last wave before the programme and a later wave.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave.
    wave : str
        The later wave.

    Returns
    -------
    pandas.DataFrame
        ``outcome, arm`` and the columns of `attrition_table`, for each primary outcome and programme arm: of the
        students in the sample of the last wave before the programme, those with the outcome in the later one. Empty
        for repeated cross-sections, and where either wave is missing. Without a comparison arm ``outcome, level,
        assigned, analysed, attrition`` (a share): no boundary holds for a group that is compared with none.
    """
    if not study.design.panel or not study.waves_before or wave in study.waves_before:
        return pd.DataFrame()
    assigned = scores[scores["wave"] == study.waves_before[-1]]
    now = scores[scores["wave"] == wave]
    cluster = None if study.design.assignment.level == "student" else cluster_of(study)
    tables = []
    for outcome in (o for o in study.outcomes_in(wave) if o.role == "primary"):
        there = now.loc[now[outcome.name].notna(), "student"]
        if study.design.assignment.comparison is None:
            tables.append(_lost(assigned, there, cluster).assign(outcome=outcome.name))
            continue
        for arm in study.design.assignment.programme:
            pair = assigned[assigned["arm"].isin([arm, study.design.assignment.comparison])]
            marked = pair.assign(
                programme=(pair["arm"] == arm).astype(int), analysed=pair["student"].isin(there).astype(int)
            )
            try:
                table = attrition_table(marked, treated="programme", analysed="analysed", cluster=cluster)
            except DesignError:
                continue
            table.insert(0, "outcome", outcome.name)
            table.insert(1, "arm", arm)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _lost(assigned: pd.DataFrame, there: pd.Series, cluster: str | None) -> pd.DataFrame:
    """Clusters and students of one group before, and those who are still there."""
    stayed = assigned["student"].isin(there)
    levels = [("students", assigned["student"].nunique(), assigned.loc[stayed, "student"].nunique())]
    if cluster is not None:
        levels.insert(0, ("clusters", assigned[cluster].nunique(), assigned.loc[stayed, cluster].nunique()))
    table = pd.DataFrame(levels, columns=["level", "assigned", "analysed"])
    table.insert(0, "outcome", "")
    return table.assign(attrition=1 - table["analysed"] / table["assigned"])
