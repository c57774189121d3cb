"""Whether a study's scales measure the same in the groups, arms and waves that a report compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from belonging_study.errors import DataError, DesignError, ParameterError
from belonging_study.scales.fairness.non_invariance import dmacs, non_invariance_effect
from belonging_study.scales.fairness.partial import partial_invariance
from belonging_study.scales.structure import Invariance, invariance, invariance_over_time
from belonging_study.scales.study_structure import choices, keyed_answers, structures_of
from belonging_study.study import Scale, Study

__all__ = ["FEWEST_STUDENTS", "Fairness", "study_fairness"]

FEWEST_STUDENTS = 100
"""Students that a group, arm or wave needs to be compared; smaller ones are left out of the test, and named."""

ARM, WAVE = "arm", "wave"
_NONE_APART = "no single loading or intercept stands out"
_SAID_ELSEWHERE = ("standard errors", "factor means are not compared")
VERDICT_COLUMNS = (
    *("wave", "scale", "comparison", "levels", "verdict", "reached", "freed", "how", "estimator", "n_students"),
    "note",
)
STEP_COLUMNS = (
    *("wave", "scale", "comparison", "step", "chi2", "df", "p_value", "cfi", "tli", "rmsea", "srmr", "delta_cfi"),
    *("delta_rmsea", "delta_srmr", "chi2_diff", "df_diff", "p_diff", "chen", "cheung_rensvold", "verdict"),
    *("n_students", "note"),
)
GAP_COLUMNS = (
    *("wave", "scale", "comparison", "level", "reference", "raw_difference", "raw_conf_low", "raw_conf_high"),
    *("adjusted_difference", "adjusted_conf_low", "adjusted_conf_high", "bias", "bias_conf_low", "bias_conf_high"),
    *("n_students", "n_reference", "verdict", "freed", "note"),
)
_IN_POINTS = GAP_COLUMNS[5:14]
ITEM_COLUMNS = (
    *("wave", "scale", "comparison", "level", "reference", "item", "intercept_difference", "bias", "conf_low"),
    *("conf_high", "contribution", "dmacs_signed", "dmacs"),
)


@dataclass(frozen=True)
class Fairness:
    """What the tests of one wave found.

    Attributes
    ----------
    steps : pandas.DataFrame
        One row a scale, comparison and step of the ladder (columns as of `Invariance.steps`).
    verdicts : pandas.DataFrame
        One row a scale and comparison (a group's column, ``arm``, or ``wave`` for the change since the first wave):
        ``verdict`` is "holds" (equal up to the intercepts), "doubtful" (so by the fit indices, and the difference
        test rejects), "partial" (save the parameters in ``freed``, which are ``how``: named in advance, or found by
        search), "fails", or "not tested" with the reason in ``note``; ``levels`` are those that were compared.
    gaps : pandas.DataFrame
        One row a scale, comparison and level: the difference of mean scores from the reference, as scored (raw) and
        as it would be if every item worked as in the reference (adjusted), and the part that items account for (bias).
        Only where the verdict is "partial". In points of the score.
    items : pandas.DataFrame
        The same for each item that differs: its bias in points of the answer, its contribution to the score's, and
        dMACS (Nye & Drasgow 2011).
    """

    steps: pd.DataFrame
    verdicts: pd.DataFrame
    gaps: pd.DataFrame
    items: pd.DataFrame


def study_fairness(study: Study, responses: pd.DataFrame, wave: str) -> Fairness:
    """Test every scale of a wave between groups, arms and waves.

    Parameters
    ----------
    study : Study
        The definition: ``groups``, the arms, the waves so far, and each scale's `structures` and `free`.
    responses : pandas.DataFrame
        One row a student and wave, with items as answered; those who answered the survey count.
    wave : str
        The wave of the report. Groups and arms are compared in it, and it is compared with the first wave in which
        the scale was asked: as one model of the same students where they are linked (``design.panel``), and as groups
        of different students otherwise.

    Returns
    -------
    Fairness

    Notes
    -----
    The model is the first of `structures_of`. Where equal intercepts fail or are doubtful, parameters are freed: those
    named in advance (`free`) alone, or else by a search. A search over waves takes the two waves for different
    students, which makes its intervals wider than they need to be. Students are taken as independent: schools and
    classes do not enter the tests, so with large ones a test may reject a little too often.

    References
    ----------
    Chen, F. F. (2007). Sensitivity of goodness of fit indexes to lack of measurement invariance. *Structural Equation
    Modeling, 14*, 464-504.
    Putnick, D. L., & Bornstein, M. H. (2016). Measurement invariance conventions and reporting. *Developmental Review,
    41*, 71-90.
    """
    parts = [
        _compare(study, name, responses, wave, comparison)
        for name in study.scales_in(wave)
        for comparison in _comparisons(study, name, wave)
    ]
    return Fairness(
        *(
            _stack([getattr(part, field) for part in parts], columns)
            for field, columns in (
                ("steps", STEP_COLUMNS),
                ("verdicts", VERDICT_COLUMNS),
                ("gaps", GAP_COLUMNS),
                ("items", ITEM_COLUMNS),
            )
        )
    )


def _comparisons(study: Study, name: str, wave: str) -> list[str]:
    """What a scale's scores are compared by: groups, arms, and the first wave in which it was asked."""
    found = list(dict.fromkeys(group.column for group in study.groups))
    if study.design.assignment.comparison is not None:
        found.append(ARM)
    return [*found, WAVE] if _first_wave(study, name, wave) != wave else found


def _first_wave(study: Study, name: str, wave: str) -> str:
    return next(w.name for w in study.waves_until(wave) if study.measured(study.scales[name], w.name))


def _compare(study: Study, name: str, responses: pd.DataFrame, wave: str, comparison: str) -> Fairness:
    """One scale and comparison."""
    scale = study.scales[name]
    waves = [_first_wave(study, name, wave), wave] if comparison == WAVE else [wave]
    data = keyed_answers(study, name, responses[responses["wave"].isin(waves)])
    data, sizes, notes = _compared(study, scale, data, comparison)
    levels = ", ".join(_label(study, comparison, level) for level in sizes)
    row: dict[str, Any] = {"wave": wave, "scale": name, "comparison": comparison, "levels": levels}
    row |= {"verdict": "not tested", "n_students": sum(sizes.values())}
    models = list(structures_of(name, scale).values())
    if not models or len(sizes) < 2:
        why = "fewer than three items" if not models else f"fewer than two with {FEWEST_STUDENTS} students"
        return _result(row | {"note": "; ".join([why, *notes])})
    try:
        ladder = _ladder(study, scale, models[0], data, comparison)
        steps = ladder.steps.assign(wave=wave, scale=name, comparison=comparison, n_students=row["n_students"])
        row |= {"verdict": _verdict(ladder), "reached": _reached(ladder), "estimator": _estimator(ladder)}
        row["note"] = "; ".join([*notes, *(note for note in ladder.notes if not note.startswith(_SAID_ELSEWHERE))])
        found = _result(row, steps=steps)
        return found if row["verdict"] == "holds" else _apart(study, models[0], data, row, steps)
    except (DataError, DesignError, ParameterError) as error:
        return _result(row | {"note": "; ".join([error.what, *notes])})


def _compared(
    study: Study, scale: Scale, data: pd.DataFrame, comparison: str
) -> tuple[pd.DataFrame, dict[str, int], list[str]]:
    """Students of the levels that are large enough, the reference first; sizes; and who is left out."""
    answered = data[data[list(scale.items)].notna().any(axis=1) & data[comparison].notna()]
    counts = answered[comparison].astype(str).value_counts()
    order = [level for level in _levels(study, comparison) if level in counts.index]
    order += sorted(set(counts.index) - set(order))
    kept = {level: int(counts[level]) for level in order if counts[level] >= FEWEST_STUDENTS}
    small = [level for level in order if level not in kept]
    rows = answered[answered[comparison].astype(str).isin(list(kept))]
    ordered = pd.Categorical(rows[comparison].astype(str), categories=list(kept), ordered=True)
    notes = [f"too few to be compared (under {FEWEST_STUDENTS} students): {', '.join(small)}"] if small else []
    return rows.assign(**{comparison: ordered}), kept, notes


def _levels(study: Study, comparison: str) -> list[str]:
    """Levels in the order of the study, the reference first."""
    if comparison == ARM:
        return list(study.design.assignment.arms)
    if comparison == WAVE:
        return list(study.wave_names)
    group = next(g for g in study.groups if g.column == comparison)
    reference = group.values.get(str(group.reference), group.reference)
    return sorted(group.values.values(), key=lambda level: level != reference)


def _label(study: Study, comparison: str, level: str) -> str:
    """What a level is called."""
    if comparison == ARM:
        return study.arm_label(level)
    return study.wave(level).label if comparison == WAVE else level


def _ladder(study: Study, scale: Scale, model: str, data: pd.DataFrame, comparison: str) -> Invariance:
    """The steps from equal form to equal residuals."""
    how = choices(scale)
    level = study.analysis.conf_level
    if comparison != WAVE or not study.design.panel:
        return invariance(model, data, group=comparison, free=scale.free, conf_level=level, **how)
    items = list(scale.items)
    waves = [str(wave) for wave in data[WAVE].cat.categories]
    wide = data.pivot(index="student", columns=WAVE, values=items)
    wide = wide.reindex(columns=pd.MultiIndex.from_product([items, waves]))
    wide.columns = pd.Index([f"{item}.{at}" for item in items for at in range(len(waves))])
    columns = {wave: {item: f"{item}.{at}" for item in items} for at, wave in enumerate(waves)}
    # Ordered answers of the same people in several waves are taken as numbers, which keeps who missed a wave.
    return invariance_over_time(
        model, wide, items_by_wave=columns, free=scale.free, estimator="MLR", missing="fiml", conf_level=level
    )


def _verdict(ladder: Invariance) -> str:
    """The verdict on comparing means, from the steps up to equal intercepts."""
    steps = ladder.steps.set_index("step")["verdict"]
    upto = steps.loc[:"scalar"].iloc[1:]
    if upto.isin(["holds", "equivalent"]).all():
        return "holds"
    return "doubtful" if upto.isin(["holds", "equivalent", "doubtful"]).all() else "fails"


def _reached(ladder: Invariance) -> str:
    """The last step that holds."""
    held = ladder.steps[ladder.steps["verdict"].isin(["reference", "holds", "equivalent", "doubtful"])]
    return str(held["step"].iloc[-1])


def _estimator(ladder: Invariance) -> str:
    model = next(iter(ladder.models.values()))
    return "WLSMV" if "log_likelihood" not in model.fit else model.estimator


def _apart(study: Study, model: str, data: pd.DataFrame, row: dict[str, Any], steps: pd.DataFrame) -> Fairness:
    """Free what differs, and say what it does to the difference of the scores."""
    scale = study.scales[str(row["scale"])]
    comparison, named = str(row["comparison"]), [key for key in scale.free if "|" not in key]
    partial = partial_invariance(
        model,
        data,
        group=comparison,
        free=named,
        estimator="MLR",
        missing="fiml",
        conf_level=study.analysis.conf_level,
        search=not named,
    )
    row = row | {"freed": ", ".join(partial.freed), "how": partial.how if partial.freed else ""}
    if partial.latent_means.empty:
        return _result(row | {"verdict": "fails"}, steps=steps)
    if not partial.freed:
        return _result(row | {"note": "; ".join(filter(None, [str(row["note"]), _NONE_APART]))}, steps=steps)
    row["verdict"] = "partial"
    reference = str(data[comparison].cat.categories[0])
    of: dict[str, Any] = {"items": list(scale.items), "group": comparison, "reference": reference}
    about: dict[str, Any] = {"wave": row["wave"], "scale": row["scale"], "comparison": comparison}
    gaps = non_invariance_effect(partial, data, **of).rename(columns={"group": "level"})
    gaps[list(_IN_POINTS)] *= _per_mean(scale)
    items = dmacs(partial, data, **of).rename(columns={"group": "level"})
    items = items.assign(contribution=items["contribution"] * _per_mean(scale))[items["differs"]]
    return _result(
        row,
        steps=steps,
        gaps=gaps.assign(**about, verdict=row["verdict"], freed=row["freed"]),
        items=items.assign(**about),
    )


def _per_mean(scale: Scale) -> float:
    """Points of the score for one point of the items' mean."""
    if scale.score == "sum":
        return len(scale.items)
    return 100 / (scale.maximum - scale.minimum) if scale.score == "percent_of_maximum" else 1.0


def _result(
    row: dict[str, Any],
    *,
    steps: pd.DataFrame | None = None,
    gaps: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
) -> Fairness:
    empty = pd.DataFrame()
    verdict = pd.DataFrame([row]).reindex(columns=list(VERDICT_COLUMNS))
    return Fairness(*(empty if table is None else table for table in (steps, verdict, gaps, items)))


def _stack(tables: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """One table from many, with its columns in order; text that does not apply is empty."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    stacked = pd.concat(filled, ignore_index=True)
    stacked = stacked.reindex(columns=list(columns))
    words = {"reached", "freed", "how", "estimator", "note", "chen", "cheung_rensvold"} & set(stacked.columns)
    return stacked.astype(dict.fromkeys(words, "object")).fillna(dict.fromkeys(words, ""))
