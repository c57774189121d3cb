"""What becomes of the estimates when a scale is scored from other items."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belonging_study.effects.contrasts import contrasts, why_no_effects
from belonging_study.effects.leading import SENSITIVITY_COLUMNS, leading_estimates
from belonging_study.scales.score import score
from belonging_study.scales.verdicts import items_in
from belonging_study.study import Outcome, Scale, Study

__all__ = ["score_sensitivity"]


def score_sensitivity(
    study: Study, scores: pd.DataFrame, wave: str, verdicts: pd.DataFrame, *, conf_level: float | None = None
) -> pd.DataFrame:
    """Estimate the effects on the primary scales from short forms, and without items that do not work alike.

    Parameters
    ----------
    study : Study
        The definition: each scale's `short_forms`.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave, with the outcomes and the items as answered.
    wave : str
        The wave whose effects are wanted.
    verdicts : pandas.DataFrame
        As in `Fairness.verdicts`: the items freed in any comparison of this wave are left out together.
    conf_level : float, optional
        Level of the intervals; that of the study if not given.

    Returns
    -------
    pandas.DataFrame
        The columns of `careless_sensitivity`, where ``sample`` says from which items the scores come: one row for all
        items and one for each other set, for every primary outcome that is a scale and every comparison. Empty where
        no set of items differs from the scale's, or no effect is estimated.

    Notes
    -----
    Scores stay in the unit of the full scale: person means of fewer items have its range, and sums are made up to all
    items. `minimum_answered` applies to the items that are left.
    """
    level = study.analysis.conf_level if conf_level is None else conf_level
    rows: list[dict[str, Any]] = []
    for outcome in [] if why_no_effects(study, wave) else study.outcomes_in(wave):
        scale = study.scales.get(outcome.measure)
        if outcome.role != "primary" or scale is None:
            continue
        forms = _forms(outcome, scale, verdicts)
        for contrast in (c for c in contrasts(study, outcome, wave) if c.main and len(forms) > 1):
            for name, items in forms.items():
                data = scores.assign(
                    **{outcome.name: _scored(scores, scale, items).where(scores[outcome.name].notna())}
                )
                made = leading_estimates(study, data, outcome, contrast, level)
                rows += [{"outcome": outcome.name, "sample": name, "conf_level": level, "note": "", **r} for r in made]
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def _forms(outcome: Outcome, scale: Scale, verdicts: pd.DataFrame) -> dict[str, list[str]]:
    """Sets of items by what they are called, the whole scale first."""
    items = list(scale.items)
    forms = {f"all {len(items)} items": items}
    for name, short in scale.short_forms.items():
        forms[f"{name.replace('_', ' ')} ({len(short)} items)"] = list(short)
    mine = verdicts[verdicts["scale"] == outcome.measure] if len(verdicts) else verdicts
    unlike = sorted({item for freed in mine["freed"] for item in items_in(str(freed))}) if len(mine) else []
    kept = [item for item in items if item not in unlike]
    if unlike and len(kept) > 1:
        forms[f"without {', '.join(unlike)} ({len(kept)} items)"] = kept
    return forms


def _scored(scores: pd.DataFrame, scale: Scale, items: list[str]) -> pd.Series[float]:
    """Scores from some of the items, in the unit of the whole scale."""
    found = score(
        scores,
        items,
        reverse=[item for item in scale.reverse if item in items],
        minimum=scale.minimum,
        maximum=scale.maximum,
        min_answered=scale.minimum_answered,
        method="mean" if scale.score == "sum" else scale.score,
    )
    return found * len(scale.items) if scale.score == "sum" else found
