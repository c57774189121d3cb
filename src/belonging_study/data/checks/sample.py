"""Whether what is left after the exclusion rules can be analysed at all."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.data.arms import require_both_arms
from belonging_study.data.coding.problems import raise_all
from belonging_study.data.waves.table import WaveTable
from belonging_study.errors import DataError, DesignError, NoVariationError, UserError
from belonging_study.study.model import Outcome, Study

__all__ = ["require_sample"]


def require_sample(
    study: Study, linked: dict[str, WaveTable], rows: pd.DataFrame, design: pd.DataFrame, flow: pd.DataFrame
) -> None:
    """Raise if a wave's sample is empty or in one arm, or an outcome of the last wave never varies.

    Parameters
    ----------
    study : Study
        The definition.
    linked : dict
        Name of a wave to its `WaveTable`.
    rows : pandas.DataFrame
        The sample: ``@wave`` and the needed columns.
    design : pandas.DataFrame
        Same rows: ``cluster``, ``programme`` and ``start_time``.
    flow : pandas.DataFrame
        See `waves_flow`.

    Raises
    ------
    DataError, DesignError
        With the counts; `DataProblems` where several of these are so.
    """
    problems: list[UserError] = []
    for wave, one in linked.items():
        here = rows["@wave"] == wave
        if not here.any():
            lines = flow[(flow["wave"] == wave) & (flow["stream"] == "students") & (flow["arm"] == "all")]
            counts = lines[lines["kind"] != "info"]
            said = "; ".join(f"{label}: {n}" for label, n in zip(counts["label"], counts["n_rows"], strict=True))
            problems.append(
                DataError(
                    f"The exclusion rules leave nobody in wave {wave}: {said}.",
                    where=", ".join(file.source.file for file in one.files),
                    remedy="check the rules under `exclusions:` and the columns that they name.",
                )
            )
            continue
        sample = pd.DataFrame(
            {
                "cluster": design.loc[here, "cluster"],
                "programme": design.loc[here, "programme"].astype(int),
                "start_time": design.loc[here, "start_time"],
            }
        )
        try:
            require_both_arms(sample, study, wave, where=one.where(study.design.assignment.column))
        except DesignError as error:
            problems.append(error)
    wave, one = list(linked.items())[-1]
    last = rows[rows["@wave"] == wave] if len(linked) > 1 else rows
    outcomes = study.outcomes_in(wave) if len(last) else ()
    raise_all([*problems, *(error for error in (_constant(study, wave, one, last, o) for o in outcomes) if error)])


def _constant(study: Study, wave: str, one: WaveTable, last: pd.DataFrame, outcome: Outcome) -> NoVariationError | None:
    """Say that an outcome never varies in a wave, if so."""
    columns = [item for name in study.scales_of(outcome) for item in study.scales[name].items] or [outcome.measure]
    if last[columns].nunique().max() > 1:
        return None
    values = pd.unique(last[columns].to_numpy(dtype=float).ravel())
    known = values[~np.isnan(values)]
    what = "has no value" if len(known) == 0 else f"is {known[0]:g} for every student with a value"
    if len(known) > 1:
        what = "has items that each have one answer throughout"
    return NoVariationError(
        f"The outcome {outcome.name} never varies: {outcome.measure} {what} in wave {wave} ({len(last)} students).",
        where=f"{one.where(columns[0])}, column {outcome.measure}",
        remedy="check the export; if the outcome was not measured in this wave, limit it by `waves:`.",
    )
