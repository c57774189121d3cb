"""What a wave's linked table is given before anything is left out: measures of answering, and the rules that apply."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.data.careless import CARELESS_RULES, careless_answers
from belonging_study.data.flow.exclusions import apply_exclusions
from belonging_study.data.waves.files import DURATION
from belonging_study.data.waves.table import WaveTable
from belonging_study.study.model import Study

__all__ = ["prepare_wave"]


def prepare_wave(study: Study, wave: str, one: WaveTable) -> pd.DataFrame:
    """Add how each student answered, and which exclusion rule applies first.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the wave.
    one : WaveTable
        Its files, brought together.

    Returns
    -------
    pandas.DataFrame
        The table of `one` with ``answered_share``, the measures of `careless_answers`, ``careless`` and ``@removed``:
        the number of the rule that takes the row out, 0 for a row that stays.

    Raises
    ------
    ColumnMissingError, ValueRangeError
        If a rule cannot be applied (see `apply_exclusions`).
    """
    table = _with_response_measures(study, wave, one.table)
    table["@removed"] = _first_rule(study, wave, one, table)
    return table


def _with_response_measures(study: Study, wave: str, table: pd.DataFrame) -> pd.DataFrame:
    """Add how much of the survey each student answered, and the signs of careless answering."""
    scales = study.scales_in(wave)
    items = [item for scale in scales.values() for item in scale.items]
    answered = table["responded"].to_numpy()
    share = table[items].notna().mean(axis=1) if items else pd.Series(np.nan, index=table.index)
    signs = careless_answers(table[items], scales, table.get(DURATION))
    marks = signs[list(CARELESS_RULES)]
    signs["careless"] = marks.fillna(False).astype(bool).any(axis=1)
    signs = signs.assign(**{name: signs[name].where(answered) for name in ("longstring", "irv")})
    signs["careless"] &= answered
    return pd.concat([table, share.where(answered).rename("answered_share"), signs], axis=1)


def _first_rule(study: Study, wave: str, one: WaveTable, table: pd.DataFrame) -> np.ndarray:
    where = ", ".join(file.source.file for file in one.files)
    if DURATION not in table:
        table = table.assign(**{DURATION: np.nan})
    return apply_exclusions(table, study.exclusions, wave=wave, where=where)
