"""How much each outcome of a study changed, where everybody got the programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from belonging_study.effects.change import Change, change_between, change_effect_size
from belonging_study.effects.contrasts import Contrast, contrasts
from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.estimates import estimate_row, estimate_table
from belonging_study.effects.inference.rule import choose_change_inference
from belonging_study.effects.programme_size import cox_of_change
from belonging_study.effects.side_by_side import change_inference
from belonging_study.errors import DataError, DesignError, ParameterError
from belonging_study.study import Group, Outcome, Study

__all__ = ["FEW_ASIDE", "ProgrammeChanges", "change_size", "estimate_changes"]

FEW_ASIDE = "number of students not shown: with it, few who are in none of these groups could be counted"
"""Note of estimates by group where all students but a few are in the groups that are shown."""


@dataclass(frozen=True)
class ProgrammeChanges:
    """The changes of all outcomes in one wave.

    Attributes
    ----------
    estimates : pandas.DataFrame
        The columns ``ESTIMATE_COLUMNS``, with the terms ``change`` and ``change x group``.
    methods : pandas.DataFrame
        ``outcome, contrast`` and the columns of `change_inference`.
    by_wave : pandas.DataFrame
        One row an outcome and wave: the change against the last wave before the programme.
    dropped : pandas.DataFrame
        ``outcome, contrast, reason, n_rows``.
    explanations : dict
        What a reader must know, and the outcomes (labels) that it concerns.
    """

    estimates: pd.DataFrame
    methods: pd.DataFrame
    by_wave: pd.DataFrame
    dropped: pd.DataFrame
    explanations: dict[str, list[str]]


def estimate_changes(
    study: Study, scores: pd.DataFrame, wave: str, *, draws: int = 9999, seed: int = 1, conf_level: float = 0.95
) -> ProgrammeChanges:
    """Estimate the change of every outcome from the last wave before the programme to a later one.

    Parameters
    ----------
    study : Study
        A study without a comparison arm.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave, with the outcomes.
    wave : str
        The later wave.
    draws, seed : int
        Of the wild bootstrap.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    ProgrammeChanges
        Of students who answered in both waves, or between the waves' means where students differ from wave to wave
        (see `change_between`); for primary outcomes also by group. What cannot be estimated is absent and explained.
    """
    rows: list[dict[str, Any]] = []
    methods: list[pd.DataFrame] = []
    by_wave: list[pd.DataFrame] = []
    dropped: list[pd.DataFrame] = []
    said: dict[str, list[str]] = {}
    for outcome in study.outcomes_in(wave):
        found = list(contrasts(study, outcome, wave))
        if not found and wave not in study.waves_before:
            said.setdefault("No change: it was not measured before the programme.", []).append(outcome.label)
        for contrast in found:
            try:
                change = _between(study, scores, outcome, contrast, conf_level)
                rule = choose_change_inference(
                    change.n_clusters, change.table["df"].iloc[0], by_student=study.design.assignment.level == "student"
                )
                rows.append(_row(study, outcome, contrast, change))
                methods.append(_tagged(change_inference(change, draws=draws, seed=seed), outcome, contrast))
                dropped.append(_tagged(change.n_dropped, outcome, contrast))
                said.setdefault(rule.explanation, []).append(outcome.label)
            except DesignError as error:
                said.setdefault(f"No change: {error.what}", []).append(outcome.label)
                continue
            for group in study.groups if outcome.role == "primary" else ():
                made, why = _by_group(study, scores, outcome, contrast, group, conf_level=conf_level)
                rows += made
                if why:
                    said.setdefault(why, []).append(outcome.label)
            by_wave.append(_waves(study, scores, outcome, contrast, conf_level))
    full = [table for table in by_wave if len(table)]
    return ProgrammeChanges(
        estimates=estimate_table(rows),
        methods=pd.concat(methods, ignore_index=True) if methods else pd.DataFrame(),
        by_wave=pd.concat(full, ignore_index=True) if full else pd.DataFrame(),
        dropped=pd.concat(dropped, ignore_index=True) if dropped else pd.DataFrame(),
        explanations=said,
    )


def _between(
    study: Study,
    scores: pd.DataFrame,
    outcome: Outcome,
    contrast: Contrast,
    conf_level: float,
    *,
    wave: str | None = None,
    group: str | None = None,
) -> Change:
    """The change from the contrast's last wave before to its own, or to another wave."""
    return change_between(
        scores,
        outcome=outcome.name,
        student="student",
        time="wave",
        before=contrast.before[-1],
        after=wave or contrast.wave,
        cluster=cluster_of(study),
        panel=study.design.panel,
        group=group,
        conf_level=conf_level,
    )


def _row(study: Study, outcome: Outcome, contrast: Contrast, change: Change, *, at: int = 0) -> dict[str, Any]:
    """One row of a change's table as a row of the estimates."""
    values = change.table.iloc[at].to_dict()
    differs = values["term"] != "change"
    by_student = study.design.assignment.level == "student"
    rule = choose_change_inference(int(values["n_clusters"]), float(values["df"]), by_student=by_student)
    yardstick: dict[str, Any] = {"sd_before": change.sd_before, "n_before": change.n_before}
    if outcome.kind == "binary" and not differs:
        n_before = int(values["n_before"])
        n_after = n_before if study.design.panel else int(values["n_students"]) - n_before
        yardstick = {"n_before": n_before, "n_after": n_after}
    size = {} if differs and outcome.kind == "binary" else change_size(outcome, {**values, **yardstick})
    more = {
        "estimator": "mean of students' changes" if study.design.panel else "difference of the waves' means",
        "contrast": contrast.name,
        "note": "" if rule.trusted else rule.explanation,
        "n_clusters_treated": float("nan") if by_student else values["n_clusters"],
        "n_clusters_comparison": float("nan") if by_student else 0,
    }
    return estimate_row(outcome, wave=contrast.wave, model="change", values=values, **{**more, **size})


def change_size(outcome: Outcome, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Give the effect size of a change.

    Parameters
    ----------
    outcome : Outcome
        Its kind decides: for a binary one the Cox index of the shares after and before, otherwise the change in
        standard deviations before (`change_effect_size`).
    values : mapping
        ``estimate, std_error, conf_low, conf_high`` in the outcome's units; ``sd_before, n_before``, and for a binary
        outcome ``mean_before, n_after``.

    Returns
    -------
    dict
        ``effect_size, effect_size_type, effect_size_low, effect_size_high``; empty where none can be given.
    """
    try:
        if outcome.kind == "binary":
            return cox_of_change(values["mean_before"], values["n_before"], values["n_after"], values)
        size = change_effect_size(
            *(float(values[name]) for name in ("estimate", "std_error", "conf_low", "conf_high")),
            sd_before=float(values["sd_before"]),
            n_before=int(values["n_before"]),
        )
    except (DesignError, ParameterError):
        return {}
    return {
        "effect_size": size.estimate,
        "effect_size_type": size.type,
        "effect_size_low": size.conf_low,
        "effect_size_high": size.conf_high,
    }


def _by_group(
    study: Study, scores: pd.DataFrame, outcome: Outcome, contrast: Contrast, group: Group, *, conf_level: float
) -> tuple[list[dict[str, Any]], str]:
    """Changes in each level of a group and their differences, or why there are none."""
    waves = [contrast.before[-1], contrast.wave]
    mine = scores[scores["wave"].isin(waves) & scores[outcome.name].notna()]
    if study.design.panel:
        mine = mine[mine.groupby("student")["wave"].transform("nunique") == 2]
    counts = mine.groupby([group.column, "wave"], observed=True)["student"].nunique().unstack(fill_value=0)
    counts = counts.reindex(columns=waves, fill_value=0)
    levels = [str(level) for level in counts.index if counts.loc[level].min() >= study.privacy.minimum_cell]
    if len(levels) < 2:
        return [], f"No change by {group.label.lower()}: fewer than two groups are large enough to show."
    wanted = dict(group.values).get(group.reference or "", group.reference or "")
    first = wanted if wanted in levels else levels[0]
    ordered = [first, *(level for level in levels if level != first)]
    kept = mine[mine[group.column].isin(levels)]
    n_aside = mine["student"].nunique() - kept["student"].nunique()
    kept = kept.assign(**{group.column: pd.Categorical(kept[group.column], categories=ordered)})
    try:
        change = _between(study, kept, outcome, contrast, conf_level, group=group.column)
    except (DesignError, DataError) as error:
        return [], f"No change by {group.label.lower()}: {error.what}"
    rows = []
    for at, name in enumerate(change.table["group"]):
        row = _row(study, outcome, contrast, change, at=at)
        if 0 < n_aside < study.privacy.minimum_cell:
            row |= {"n_students": float("nan"), "note": "; ".join(filter(None, [row.get("note"), FEW_ASIDE]))}
        rows.append(row | {"group": f"{group.label}: {name}"})
    why = f"No change is given for {', '.join(change.skipped)}: all are in one cluster." if change.skipped else ""
    return rows, why


def _waves(study: Study, scores: pd.DataFrame, outcome: Outcome, contrast: Contrast, conf_level: float) -> pd.DataFrame:
    """The change of each wave against the last one before the programme, where there are further waves."""
    until = [w.name for w in study.waves_until(contrast.wave) if outcome in study.outcomes_in(w.name)]
    reference = contrast.before[-1]
    if len(until) < 3:
        return pd.DataFrame()
    rows = []
    for wave in until:
        row = {
            "outcome": outcome.name,
            "wave": wave,
            "period": "before" if wave in study.waves_before else "after",
            "reference": wave == reference,
        }
        if wave == reference:
            zero = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), 0.0)
            rows.append(row | zero)
            continue
        try:
            values = _between(study, scores, outcome, contrast, conf_level, wave=wave).table.iloc[0].to_dict()
        except (DesignError, DataError):
            continue
        kept = ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high", "conf_level")
        rows.append(row | {name: values[name] for name in (*kept, "n_students", "n_clusters")})
    return pd.DataFrame(rows)


def _tagged(table: pd.DataFrame, outcome: Outcome, contrast: Contrast) -> pd.DataFrame:
    """Put outcome and contrast before a table's own columns."""
    return pd.concat(
        [pd.DataFrame({"outcome": outcome.name, "contrast": contrast.name}, index=table.index), table], axis=1
    )
