"""The programme's effect on each outcome of a study by multilevel models: overall, by group, school by school."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.contrasts import Contrast, contrasts
from belonging_study.effects.descriptives import cluster_of
from belonging_study.effects.estimand import estimand
from belonging_study.effects.estimates import estimate_row, estimate_table
from belonging_study.effects.programme_change import FEW_ASIDE, change_size
from belonging_study.effects.programme_model import ProgrammeModel, change_model, programme_model
from belonging_study.effects.programme_size import programme_size
from belonging_study.effects.variance import cluster_effects, icc
from belonging_study.errors import DataError, DesignError
from belonging_study.study import Group, Outcome, Start, Study

__all__ = ["MultilevelEffects", "estimate_multilevel"]


@dataclass(frozen=True)
class MultilevelEffects:
    """The programme's effects by multilevel models.

    Attributes
    ----------
    estimates : pandas.DataFrame
        One row an estimate, with the columns ``ESTIMATE_COLUMNS``; effects by group come from one model with an
        interaction, one row a group and one a difference.
    variance : pandas.DataFrame
        Variance components, ``outcome`` and the columns of ``variance_components``.
    icc : pandas.DataFrame
        Intraclass correlation of each outcome in the wave, one row an outcome.
    schools : pandas.DataFrame
        ``outcome, arm, n_rows, observed, shrunken, conf_low, conf_high``: one row a unit of assignment, unnamed:
        its change relative to the average comparison unit, or, where nobody is in comparison, its change.
    formulas : tuple of str
        The model of each outcome.
    explanations : tuple of str
        What a reader must know of the fits, in plain words.
    """

    estimates: pd.DataFrame
    variance: pd.DataFrame
    icc: pd.DataFrame
    schools: pd.DataFrame
    formulas: tuple[str, ...]
    explanations: tuple[str, ...]


def estimate_multilevel(
    study: Study, scores: pd.DataFrame, wave: str, *, conf_level: float = 0.95
) -> MultilevelEffects:
    """Estimate the programme's effect (or one group's change) in every outcome of a wave by multilevel models.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave, with the outcomes.
    wave : str
        The wave whose effects are wanted.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    MultilevelEffects
        Effects by group are estimated for primary outcomes. An estimate that the data cannot give is absent, and an
        explanation says why.

    Notes
    -----
    Rows with a missing value in a column of the model are left out. Binary and count outcomes are modelled on their
    own scale by the linear model, so that the estimate is a difference in shares or in counts.
    """
    rows: list[dict[str, Any]] = []
    variance, iccs, schools = [], [], []
    formulas: dict[str, list[str]] = {}
    said: dict[str, list[str]] = {}
    if isinstance(study.design.assignment.starts, Start):
        return _nothing("With staggered starts the effect is estimated by difference-in-differences alone.")
    here = scores[scores["wave"] == wave]
    for outcome in study.outcomes_in(wave):
        if study.design.assignment.level != "student":
            try:
                iccs.append(icc(here, outcome.name, cluster_of(study), conf_level=conf_level))
            except DesignError as error:
                said.setdefault(f"No intraclass correlation: {error.what}", []).append(outcome.label)
        for contrast in (c for c in contrasts(study, outcome, wave) if c.main):
            for arm in contrast.arms:
                asked = _question(study, scores, outcome, contrast, arm, conf_level=conf_level)
                try:
                    model = _fit(asked)
                except (DesignError, DataError) as error:
                    said.setdefault(f"No multilevel estimate: {error.what}", []).append(outcome.label)
                    continue
                rows += [_row(asked, model, values) for values in model.effects.to_dict("records")]
                formulas.setdefault(model.formula.split("~", 1)[1].strip(), []).append(outcome.label)
                said.setdefault(model.note, []).append(outcome.label)
                components = model.result.variance_components.copy()
                components.insert(0, "outcome", outcome.name)
                variance.append(components)
                if outcome.role != "primary":
                    continue
                if contrast.before and study.design.assignment.level != "student":
                    schools.append(_schools(study, model, outcome))
                # One group's changes are compared between student groups without a model.
                for group in study.groups if study.design.assignment.comparison is not None else ():
                    made, why = _group_rows(asked, group)
                    rows += made
                    if why:
                        said.setdefault(why, []).append(outcome.label)
    return MultilevelEffects(
        estimates=estimate_table(rows),
        variance=pd.concat(variance, ignore_index=True) if variance else pd.DataFrame(),
        icc=pd.concat(iccs, ignore_index=True) if iccs else pd.DataFrame(),
        schools=pd.concat(schools, ignore_index=True) if schools else pd.DataFrame(),
        formulas=tuple(f"{', '.join(dict.fromkeys(labels))}: `{formula}`" for formula, labels in formulas.items()),
        explanations=tuple(f"{', '.join(dict.fromkeys(labels))}: {note}" for note, labels in said.items() if note),
    )


def _nothing(why: str) -> MultilevelEffects:
    empty = pd.DataFrame()
    return MultilevelEffects(estimate_table([]), empty, empty, empty, (), (why,))


@dataclass(frozen=True)
class _Question:
    """One outcome in one contrast for one programme arm, with its rows."""

    study: Study
    outcome: Outcome
    contrast: Contrast
    arm: str
    sample: pd.DataFrame
    conf_level: float

    @property
    def name(self) -> str:
        """The contrast in words."""
        assignment = self.study.design.assignment
        if self.contrast.before:
            return self.contrast.name
        return f"{self.study.arm_label(self.arm)} v {self.study.arm_label(str(assignment.comparison))}"


def _question(
    study: Study, scores: pd.DataFrame, outcome: Outcome, contrast: Contrast, arm: str, *, conf_level: float
) -> _Question:
    rows = contrast.rows(study, scores)
    rows = rows[rows["arm"].isin([arm, study.design.assignment.comparison])]
    return _Question(study, outcome, contrast, arm, rows.assign(programme=(rows["arm"] == arm).astype(int)), conf_level)


def _fit(asked: _Question, group: str | None = None) -> ProgrammeModel:
    study, before = asked.study, asked.contrast.before
    level = study.design.assignment.level
    if study.design.assignment.comparison is None:
        return change_model(
            asked.sample,
            outcome=asked.outcome.name,
            post="post",
            cluster="school",
            klass="classroom" if "classroom" in asked.sample else None,
            unit="student" if study.design.panel else None,
            slope_level={"school": "cluster", "class": "klass", "student": "unit"}[level],
            conf_level=asked.conf_level,
        )
    return programme_model(
        asked.sample,
        outcome=asked.outcome.name,
        programme="programme",
        cluster="school",
        post="post" if before else None,
        wave="wave" if len(before) > 1 else None,
        klass="classroom" if "classroom" in asked.sample else None,
        unit="student" if level == "student" or (study.design.panel and before) else None,
        covariates=tuple(study.analysis.covariates),
        group=group,
        slope_level={"school": "cluster", "class": "klass", "student": "unit"}[level],
        conf_level=asked.conf_level,
    )


def _row(
    asked: _Question, model: ProgrammeModel, values: Mapping[Any, Any], *, group: str = "all", differs: bool = False
) -> dict[str, Any]:
    """One estimate of a model as a row of the table; a difference between groups of a share has no effect size."""
    sized = not (differs and asked.outcome.kind == "binary")
    size = _size(asked, values) if sized else {}
    term = estimand(asked.study).term
    students = model.n_students if model.n_students is not None else model.result.n_rows
    more = {
        "estimator": "linear multilevel model, REML",
        "term": f"{term} x group" if differs else term,
        "contrast": asked.name,
        "group": group,
        "conf_level": asked.conf_level,
        "n_students": students,
        "n_clusters_treated": model.n_clusters_treated,
        "n_clusters_comparison": model.n_clusters_comparison,
        "inference": f"t test with {model.result.df_method} degrees of freedom",
        "note": "singular fit" if model.result.singular else "",
    }
    return estimate_row(asked.outcome, wave=asked.contrast.wave, model="multilevel", values=values, **{**more, **size})


def _size(asked: _Question, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The effect size of an effect, or of a change by the students of the earlier wave."""
    study, outcome = asked.study, asked.outcome
    if study.design.assignment.comparison is not None:
        return programme_size(study, asked.sample, outcome, asked.contrast.wave, values)
    known = asked.sample[asked.sample[outcome.name].notna()]
    early = known.loc[known["wave"] == asked.contrast.before[-1], outcome.name]
    yardstick = {"mean_before": float(early.mean()), "n_before": len(early), "sd_before": float(early.std())}
    return change_size(outcome, {**values, **yardstick, "n_after": len(known) - len(early)})


def _group_rows(asked: _Question, group: Group) -> tuple[list[dict[str, Any]], str]:
    """Effects in each level of a group and their differences, from one model, or why there are none."""
    study, sample = asked.study, asked.sample
    here = sample[(sample["wave"] == asked.contrast.wave) & sample[asked.outcome.name].notna()]
    counts = here.groupby([group.column, "programme"], observed=True)["student"].nunique().unstack(fill_value=0)
    levels = [str(level) for level in counts.index if counts.loc[level].min() >= study.privacy.minimum_cell]
    if len(levels) < 2:
        return [], f"No effect by {group.label.lower()}: fewer than two groups are large enough to show."
    kept = sample[sample[group.column].isin(levels)]
    known = sample[sample[asked.outcome.name].notna()]
    n_aside = known["student"].nunique() - known.loc[known[group.column].isin(levels), "student"].nunique()
    wanted = dict(group.values).get(group.reference or "", group.reference or "")
    first = wanted if wanted in levels else levels[0]
    ordered = [first, *(level for level in levels if level != first)]
    kept = kept.assign(**{group.column: pd.Categorical(kept[group.column], categories=ordered)})
    within = replace(asked, sample=kept)
    try:
        model = _fit(within, group.column)
    except (DesignError, DataError) as error:
        return [], f"No effect by {group.label.lower()}: {error.what}"
    rows = []
    for values in model.effects.to_dict("records"):
        differs = values["contrast"] == "difference"
        row = _row(within, model, values, group=f"{group.label}: {values['group']}", differs=differs)
        compared = str(values["group"]).split(" - ") if differs else [str(values["group"])]
        row["n_students"] = int(known.loc[known[group.column].isin(compared), "student"].nunique())
        if 0 < n_aside < study.privacy.minimum_cell:
            row |= {"n_students": np.nan, "note": "; ".join(filter(None, [row["note"], FEW_ASIDE]))}
        rows.append(row)
    return rows, ""


def _schools(study: Study, model: ProgrammeModel, outcome: Outcome) -> pd.DataFrame:
    """Each unit's change (relative to the average comparison unit, if there is one), observed and shrunken, unnamed."""
    level = cluster_of(study)
    one_group = study.design.assignment.comparison is None
    effects = cluster_effects(model.result, level, by=None if one_group else "programme").assign(
        **({"programme": 1} if one_group else {})
    )
    changes = effects[effects["term"] == "post"].dropna(subset=["raw"])
    shift = np.where(changes["programme"] == 1, float(model.effects["estimate"].iloc[0]), 0.0)
    comparison, programme = str(study.design.assignment.comparison), study.design.assignment.programme[0]
    return pd.DataFrame(
        {
            "outcome": outcome.name,
            "arm": np.where(changes["programme"] == 1, programme, comparison),
            "n_rows": changes["n_rows"].to_numpy(),
            "observed": changes["raw"].to_numpy() + shift,
            "shrunken": changes["estimate"].to_numpy() + shift,
            "conf_low": changes["conf_low"].to_numpy() + shift,
            "conf_high": changes["conf_high"].to_numpy() + shift,
        }
    )
