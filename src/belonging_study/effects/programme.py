"""The programme's effect on each outcome of a study, by the design that ``study.yml`` describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.contrasts import Contrast, contrasts
from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.did import DidResult, did
from belonging_study.effects.estimates import estimate_row, estimate_table
from belonging_study.effects.event_study import event_study
from belonging_study.effects.inference.rule import choose_inference
from belonging_study.effects.mean_difference import MeanDifference, mean_difference
from belonging_study.effects.panel import panel_fit
from belonging_study.effects.programme_change import estimate_changes
from belonging_study.effects.programme_size import programme_size
from belonging_study.effects.side_by_side import cluster_inference
from belonging_study.errors import DesignError
from belonging_study.study import Outcome, Start, Study

__all__ = ["ProgrammeEffects", "estimate_effects", "fit_contrast"]


@dataclass(frozen=True)
class ProgrammeEffects:
    """The programme's effects on all outcomes in one wave.

    Attributes
    ----------
    estimates : pandas.DataFrame
        One row an estimate, with the columns ``ESTIMATE_COLUMNS``.
    methods : pandas.DataFrame
        One row an outcome, contrast and method of inference; see ``cluster_inference``.
    event_study : pandas.DataFrame
        One row an outcome and wave: the arms' difference (without a comparison arm, the change) against the last wave
        before the programme.
    pretrend : pandas.DataFrame
        One row an outcome: the joint test of the waves before the last one before the programme, or why there is none.
    dropped : pandas.DataFrame
        ``outcome, contrast, reason, n_rows``: rows of the analysis sample that an estimate could not use.
    explanations : tuple of str
        In plain words: which inference leads and why, outcome by outcome where they differ.
    """

    estimates: pd.DataFrame
    methods: pd.DataFrame
    event_study: pd.DataFrame
    pretrend: pd.DataFrame
    dropped: pd.DataFrame
    explanations: tuple[str, ...]


def estimate_effects(
    study: Study, scores: pd.DataFrame, wave: str, *, draws: int = 9999, seed: int = 1, conf_level: float = 0.95
) -> ProgrammeEffects:
    """Estimate the programme's effect on every outcome of a wave.

    With a wave before the programme this is difference-in-differences, with effects of students (a panel) or of the
    units of assignment (repeated cross-sections) and of waves. Without one it is the difference between the arms,
    which rests on random assignment alone. Standard errors are clustered at the level of assignment. Without a
    comparison arm nothing can be said of the programme's effect: the change since before it is estimated instead
    (`estimate_changes`), with the term ``change``.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave, with the outcomes.
    wave : str
        The wave whose effects are wanted.
    draws : int
        Draws of the wild cluster bootstrap and of the randomisation test, where they cannot be enumerated.
    seed : int
        Seed of both.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    ProgrammeEffects
        Empty tables in a wave before the programme. An estimate that the data cannot give is absent, and an
        explanation says why; every other outcome is estimated all the same.

    Notes
    -----
    Rows with a missing outcome are left out of that outcome's estimate and counted in ``dropped``.
    """
    if study.design.assignment.comparison is None:
        return _changes(study, scores, wave, draws=draws, seed=seed, conf_level=conf_level)
    rows: list[dict[str, Any]] = []
    parts: dict[str, list[pd.DataFrame]] = {"methods": [], "event_study": [], "pretrend": [], "dropped": []}
    said: dict[str, list[str]] = {}
    for outcome, contrast in _questions(study, wave):
        sample = contrast.rows(study, scores)
        try:
            fit = fit_contrast(study, sample, outcome, contrast, conf_level)
            made, explanation = (
                _did_rows(study, sample, outcome, contrast, fit)
                if isinstance(fit, DidResult)
                else _difference_rows(study, sample, outcome, contrast, fit)
            )
            parts["dropped"].append(_tagged(fit.n_dropped[["reason", "n_rows"]], outcome, contrast))
            if contrast.main and (isinstance(fit, DidResult) or fit.cluster_arm is not None):
                methods = _methods(study, sample, fit, draws=draws, seed=seed)
                parts["methods"].append(_tagged(methods, outcome, contrast))
            rows += made
            said.setdefault(explanation, []).append(outcome.label)
        except DesignError as error:
            reason = f"No estimate: {error.what}" + (f" ({error.where})" if error.where else "")
            said.setdefault(reason, []).append(outcome.label)
    for outcome in study.outcomes_in(wave):
        waves, pretrend = _waves(study, scores, outcome, wave, conf_level)
        parts["event_study"].append(waves)
        parts["pretrend"].append(pretrend)
    return ProgrammeEffects(
        estimates=estimate_table(rows),
        **{name: _stacked(tables) for name, tables in parts.items()},
        explanations=tuple(f"{', '.join(dict.fromkeys(labels))}: {text}" for text, labels in said.items()),
    )


def _changes(
    study: Study, scores: pd.DataFrame, wave: str, *, draws: int, seed: int, conf_level: float
) -> ProgrammeEffects:
    """The same tables for a study in which everybody got the programme: changes, which are no effects."""
    found = estimate_changes(study, scores, wave, draws=draws, seed=seed, conf_level=conf_level)
    return ProgrammeEffects(
        estimates=found.estimates,
        methods=found.methods,
        event_study=found.by_wave,
        pretrend=pd.DataFrame(),
        dropped=found.dropped,
        explanations=tuple(f"{', '.join(labels)}: {text}" for text, labels in found.explanations.items()),
    )


def _questions(study: Study, wave: str) -> Iterator[tuple[Outcome, Contrast]]:
    """Every outcome measured in the wave, with every contrast that the design allows."""
    for outcome in study.outcomes_in(wave):
        for contrast in contrasts(study, outcome, wave):
            yield outcome, contrast


def fit_contrast(
    study: Study, sample: pd.DataFrame, outcome: Outcome, contrast: Contrast, conf_level: float
) -> DidResult | MeanDifference:
    """Fit the model that leads for one comparison with a comparison arm.

    Parameters
    ----------
    study : Study
        The definition.
    sample : pandas.DataFrame
        The contrast's rows (`Contrast.rows`).
    outcome : Outcome
        The outcome.
    contrast : Contrast
        The comparison.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    DidResult or MeanDifference
        Difference-in-differences where a wave precedes the programme, otherwise the difference between the arms.

    Raises
    ------
    DesignError
        The rows cannot answer the question.
    """
    return (_did if contrast.before else _difference)(study, sample, outcome, conf_level)


def _did(study: Study, sample: pd.DataFrame, outcome: Outcome, conf_level: float) -> DidResult:
    cluster = cluster_of(study)
    return did(
        sample,
        outcome=outcome.name,
        unit="student" if study.design.panel else cluster,
        time="time",
        treated="treated",
        cluster=cluster,
        programme="programme",
        covariates=[] if study.design.panel else list(study.analysis.covariates),
        panel=study.design.panel,
        conf_level=conf_level,
    )


def _did_rows(
    study: Study, sample: pd.DataFrame, outcome: Outcome, contrast: Contrast, fit: DidResult
) -> tuple[list[dict[str, Any]], str]:
    """The estimate's row, for a primary outcome linearmodels' row beside it, and why this inference leads."""
    rule = choose_inference(
        fit.n_clusters_treated, fit.n_clusters_comparison, fit.df, randomized=study.design.assignment.randomized
    )
    note = " ".join(filter(None, [fit.note, "" if rule.trusted else rule.explanation]))
    values = {
        name: getattr(fit, name) for name in ("estimator", "inference", "estimate", "std_error", "df", "statistic")
    }
    values |= {name: getattr(fit, name) for name in ("p_value", "conf_low", "conf_high", "conf_level")}
    values |= {"n_clusters_treated": fit.n_clusters_treated, "n_clusters_comparison": fit.n_clusters_comparison}
    size = programme_size(study, sample, outcome, contrast.wave, values)
    more = {"term": "programme", "contrast": contrast.name, "note": note, "n_students": _n_students(study, fit)}
    row = estimate_row(outcome, wave=contrast.wave, model="did", values=values, **size, **more)
    if not contrast.main or outcome.role != "primary":
        return [row], rule.explanation
    check = panel_fit(fit).iloc[0].to_dict()
    beside = estimate_row(outcome, wave=contrast.wave, model="did", values={**values, **check}, **more)
    beside |= {"term": "programme (linearmodels)", "note": "Cross-check of the same coefficient; not for inference."}
    return [row, beside], rule.explanation


def _n_students(study: Study, fit: DidResult) -> int:
    """Students in an estimate: units of a panel, rows of repeated cross-sections."""
    return fit.n_units if study.design.panel else fit.n_rows


def _methods(
    study: Study, sample: pd.DataFrame, fit: DidResult | MeanDifference, *, draws: int, seed: int
) -> pd.DataFrame:
    blocks = None
    assignment = study.design.assignment
    if assignment.blocks and assignment.randomized:
        by_cluster = sample.dropna(subset=["block"]).groupby(cluster_of(study), observed=True)["block"]
        blocks = by_cluster.first().to_dict()
    return cluster_inference(fit, randomized=assignment.randomized, blocks=blocks, draws=draws, seed=seed)


def _difference(study: Study, sample: pd.DataFrame, outcome: Outcome, conf_level: float) -> MeanDifference:
    assignment = study.design.assignment
    return mean_difference(
        sample,
        outcome=outcome.name,
        treated="arm",
        comparison=assignment.comparison,
        cluster=None if assignment.level == "student" else cluster_of(study),
        blocks="block" if assignment.blocks else None,
        covariates=list(study.analysis.covariates),
        conf_level=conf_level,
    )


def _difference_rows(
    study: Study, sample: pd.DataFrame, outcome: Outcome, contrast: Contrast, result: MeanDifference
) -> tuple[list[dict[str, Any]], str]:
    """Differences between the arms of one wave, all arms in one regression."""
    assignment = study.design.assignment
    rows = []
    by_arm = {str(values["term"]): values for values in result.table.to_dict("records")}
    for arm in (a for a in assignment.programme if a in by_arm):
        values = by_arm[arm]
        pair = sample[sample["arm"].isin([arm, assignment.comparison])]
        size = programme_size(study, pair, outcome, contrast.wave, values)
        students = values["n_treated"] + values["n_comparison"]
        note = "No wave before the programme: the estimate rests on the arms having been alike."
        name = f"{study.arm_label(arm)} v {study.arm_label(str(assignment.comparison))}"
        more = {"term": "programme", "contrast": name, "n_students": students, "note": note}
        rows.append(estimate_row(outcome, wave=contrast.wave, model="difference", values=values, **size, **more))
    how = (
        "students were assigned one by one, so the standard error is the heteroskedasticity-robust one of students"
        if assignment.level == "student"
        else "the standard error is clustered at the level of assignment"
    )
    return rows, f"With no wave before the programme the arms are compared within the wave; {how}."


def _waves(
    study: Study, scores: pd.DataFrame, outcome: Outcome, wave: str, conf_level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The event study of one outcome over all waves so far, and its joint test."""
    empty = pd.DataFrame(), pd.DataFrame()
    assignment = study.design.assignment
    if isinstance(assignment.starts, Start) or len(assignment.programme) > 1 or not study.waves_before:
        return empty
    measured = [w.name for w in study.waves_until(wave) if outcome in study.outcomes_in(w.name)]
    before = [w for w in measured if w in study.waves_before]
    if not before or len(before) == len(measured):
        return empty
    names = list(study.wave_names)
    rows = scores[scores["wave"].isin(measured)]
    cluster = cluster_of(study)
    first = next(w for w in measured if w not in before)
    try:
        result = event_study(
            rows,
            outcome=outcome.name,
            unit="student" if study.design.panel else cluster,
            time="time",
            programme="programme",
            first_treated=names.index(first),
            cluster=cluster,
            panel=study.design.panel,
            conf_level=conf_level,
        )
    except DesignError:
        return empty
    table = result.table.assign(outcome=outcome.name, wave=[names[int(t)] for t in result.table["term"]])
    table["reference"] = table["wave"] == before[-1]
    test = result.pretrend
    pretrend = pd.DataFrame(
        [
            {
                "outcome": outcome.name,
                "n_waves": len(before) - 1,
                "statistic": test.statistic if test else np.nan,
                "df_1": test.df_num if test else np.nan,
                "df_2": test.df_denom if test else np.nan,
                "p_value": test.p_value if test else np.nan,
                "note": result.pretrend_note,
            }
        ]
    )
    return table, pretrend


def _tagged(table: pd.DataFrame, outcome: Outcome, contrast: Contrast) -> pd.DataFrame:
    """Put outcome and contrast before a table's own columns."""
    tagged = table.copy()
    tagged.insert(0, "outcome", outcome.name)
    tagged.insert(1, "contrast", contrast.name)
    return tagged


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    full = [table for table in tables if len(table)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame()
