"""What becomes of the estimates when responses with a sign of careless answering are set aside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from belonging_study.effects.contrasts import contrasts, why_no_effects
from belonging_study.effects.leading import SENSITIVITY_COLUMNS, leading_estimates
from belonging_study.study import Outcome, Study

__all__ = ["ALL_RESPONSES", "WITHOUT_FLAGGED", "careless_sensitivity", "why_no_careless_sensitivity"]

ALL_RESPONSES = "all"
WITHOUT_FLAGGED = "without flagged responses"


def careless_sensitivity(
    study: Study, scores: pd.DataFrame, wave: str, *, conf_level: float | None = None
) -> pd.DataFrame:
    """Estimate the effects on the primary outcomes with and without flagged responses.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        The analysis sample: one row a student and wave, with the outcomes and ``careless`` (bool).
    wave : str
        The wave whose effects are wanted.
    conf_level : float, optional
        Level of the intervals; that of the study if not given.

    Returns
    -------
    pandas.DataFrame
        ``outcome, contrast, sample, n_students, n_clusters, estimate, std_error, df, conf_low, conf_high, conf_level,
        p_value, effect_size, effect_size_low, effect_size_high, note``: for each primary outcome that is a scale, and
        each comparison of this wave, one row with the sample ``all`` and one ``without flagged responses``. Without a
        comparison arm the estimates are changes. Empty where `why_no_careless_sensitivity` gives a reason.

    Notes
    -----
    The scores of a flagged response count as missing, in whichever wave it was given; what the records say of the
    student stays. Where so few students are set aside that the two rows' counts would give them away, the second row
    has no count. Both rows come from the model that leads in the report, with its CR2 inference and no resampling.
    Estimates that differ little speak for the result; they do not show that the flags find all careless students.

    References
    ----------
    Curran, P. G. (2016). Methods for the detection of carelessly invalid responses in survey data. *Journal of
    Experimental Social Psychology, 66*, 4-19.
    """
    if why_no_careless_sensitivity(study, scores, wave):
        return pd.DataFrame(columns=list(SENSITIVITY_COLUMNS))
    outcomes = _asked(study, wave)
    flagged = scores["careless"].to_numpy(dtype=bool)
    names = [outcome.name for outcome in outcomes]
    without = scores.assign(**{name: scores[name].mask(flagged) for name in names})
    level = study.analysis.conf_level if conf_level is None else conf_level
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        for contrast in (c for c in contrasts(study, outcome, wave) if c.main):
            n_aside = int((flagged & scores[outcome.name].notna() & scores["wave"].isin(contrast.waves)).sum())
            before = leading_estimates(study, scores, outcome, contrast, level)
            after = _without(
                leading_estimates(study, without, outcome, contrast, level), before, n_aside, study.privacy.minimum_cell
            )
            for sample, made in ((ALL_RESPONSES, before), (WITHOUT_FLAGGED, after)):
                rows += [
                    {"outcome": outcome.name, "sample": sample, "conf_level": level, "note": "", **row} for row in made
                ]
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def why_no_careless_sensitivity(study: Study, scores: pd.DataFrame, wave: str) -> str:
    """Say why flagged responses cannot change a wave's primary estimates, or nothing where they can.

    Parameters
    ----------
    study : Study
        The definition.
    scores : pandas.DataFrame
        As for `careless_sensitivity`.
    wave : str
        The wave.

    Returns
    -------
    str
        One sentence.
    """
    if reason := why_no_effects(study, wave):
        return reason
    outcomes = _asked(study, wave)
    if not outcomes:
        return "No primary outcome is a scale of the survey, so careless answers do not enter the primary estimates."
    used = {name for outcome in outcomes for c in contrasts(study, outcome, wave) if c.main for name in c.waves}
    if not used:
        return "No primary outcome was measured both before and with the programme."
    mine = scores[scores["wave"].isin(used)]
    answered = mine[[outcome.name for outcome in outcomes]].notna().any(axis=1)
    if "careless" not in mine or not (mine["careless"].astype(bool) & answered).any():
        return "No response with a score bears a sign of careless answering, so there is nothing to set aside."
    return ""


def _asked(study: Study, wave: str) -> list[Outcome]:
    """The primary outcomes that are scales."""
    return [o for o in study.outcomes_in(wave) if o.role == "primary" and study.scales_of(o)]


def _without(
    after: list[dict[str, Any]], before: list[dict[str, Any]], n_aside: int, minimum: int
) -> list[dict[str, Any]]:
    """Say how many scores were set aside, and leave out counts from which a few students could be worked out."""
    students = {row["contrast"]: row.get("n_students", np.nan) for row in before}
    said = f"fewer than {minimum} scores" if 0 < n_aside < minimum else f"{n_aside} scores"
    rows = []
    for row in after:
        lost = students.get(row["contrast"], np.nan) - row.get("n_students", np.nan)
        few = 0 < n_aside < minimum or 0 < lost < minimum
        hidden = {"n_students": np.nan} if few else {}
        rows.append(row | hidden | {"note": " ".join(filter(None, [f"{said} set aside.", row.get("note", "")]))})
    return rows
