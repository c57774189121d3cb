"""What a table's intervals say, before anybody puts it into words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import pandas as pd

from belonging_study.errors import ColumnMissingError
from belonging_study.study.model import Outcome, Study, Wave

__all__ = ["DEFAULT_MARGIN", "Finding", "Reading", "findings_of", "read_interval", "require_columns", "value_of"]

DEFAULT_MARGIN = 0.1
"""Smallest effect that matters, in standard deviations, where `study.yml` names none."""

_NEEDED = ("outcome", "model", "term", "group", "estimate", "conf_low", "conf_high")


class Reading(Enum):
    """What an interval says, by zero and by the smallest effect that matters."""

    MATTERS = "wholly beyond the smallest effect that matters"
    CLEAR = "excludes zero, may be smaller than what matters"
    SMALL = "excludes zero, and is smaller than what matters"
    LITTLE = "includes zero, and nothing that matters"
    UNCLEAR = "includes zero, and effects that matter"


def read_interval(
    conf_low: float, conf_high: float, effect_size_low: float, effect_size_high: float, margin: float
) -> Reading:
    """Read an estimate's interval.

    Parameters
    ----------
    conf_low, conf_high : float
        In the outcome's units; these decide whether zero is in it.
    effect_size_low, effect_size_high : float
        The same in standard deviations; where they are missing, nothing is said of what matters.
    margin : float
        The smallest effect that matters, in standard deviations.

    Returns
    -------
    Reading
        A bound that equals zero counts as including zero.

    References
    ----------
    Lakens, D. (2017). Equivalence tests. *Social Psychological and Personality Science, 8*, 355-362.

    Examples
    --------
    >>> read_interval(0.05, 0.37, 0.12, 0.40, margin=0.1), read_interval(-0.02, 0.30, -0.03, 0.40, margin=0.1)
    (<Reading.MATTERS: 'wholly beyond the smallest effect that matters'>, \
<Reading.UNCLEAR: 'includes zero, and effects that matter'>)
    """
    known = not (math.isnan(effect_size_low) or math.isnan(effect_size_high))
    within = known and -margin <= effect_size_low and effect_size_high <= margin
    if conf_low <= 0 <= conf_high:
        return Reading.LITTLE if within else Reading.UNCLEAR
    if within:
        return Reading.SMALL
    beyond = effect_size_low >= margin if conf_low > 0 else effect_size_high <= -margin
    return Reading.MATTERS if known and beyond else Reading.CLEAR


@dataclass(frozen=True)
class Finding:
    """One outcome of one contrast under the leading model, with the multilevel model beside it."""

    outcome: Outcome
    contrast: str
    row: Mapping[str, Any]
    reading: Reading | None
    other: tuple[Reading, bool] | None
    why_absent: str = ""

    @property
    def method(self) -> str:
        """The leading model."""
        return str(self.row["model"])

    @property
    def is_change(self) -> bool:
        """Whether it tells of a change that is compared with nothing."""
        return str(self.row.get("term")) == "change"

    @property
    def rises(self) -> bool:
        """Whether the whole interval lies above zero."""
        return _rises(self.row)

    @property
    def methods_differ(self) -> bool:
        """Whether the multilevel model reads otherwise, or the other way."""
        return self.other is not None and self.other != (self.reading, self.rises)


def _rises(row: Mapping[str, Any]) -> bool:
    """Whether the whole interval lies above zero."""
    return value_of(row, "conf_low") > 0


def value_of(row: Mapping[str, Any], column: str) -> float:
    """A number of a row, NaN where it is absent."""
    value = row.get(column)
    return math.nan if value is None or pd.isna(value) else float(value)


def require_columns(table: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    """The columns that are read are there."""
    absent = [c for c in columns if c not in table.columns]
    if absent:
        raise ColumnMissingError(f"The table of {name} has no column {', '.join(absent)}.")


def findings_of(study: Study, wave: Wave, estimates: pd.DataFrame) -> list[Finding]:
    """List what there is to say, outcome by outcome.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        The wave of the report; a wave before the programme has no findings.
    estimates : pandas.DataFrame
        As for :func:`~belonging_study.reports.words.summarise`.

    Returns
    -------
    list of Finding
        Primary outcomes first, otherwise in the study's order; a contrast each where there are several arms.

    Raises
    ------
    ColumnMissingError
        If the table lacks a column that is read.
    """
    if wave.before_programme or estimates.empty:
        return []
    require_columns(estimates, _NEEDED, "estimates")
    rows = estimates[estimates["term"].isin(["programme", "change"]) & (estimates["group"] == "all")]
    if "contrast" in rows:
        rows = rows[~rows["contrast"].astype(str).str.startswith("average of ")]
    if "wave" in rows and (rows["wave"] == wave.name).any():
        rows = rows[rows["wave"] == wave.name]
    found = []
    several_arms = len(study.design.assignment.programme) > 1 and "contrast" in rows
    margin = study.analysis.smallest_effect or DEFAULT_MARGIN
    order = {"primary": 0, "secondary": 1, "exploratory": 2}
    for outcome in sorted(study.outcomes_in(wave.name), key=lambda o: order[o.role]):
        mine = rows[rows["outcome"] == outcome.name]
        contrasts = mine["contrast"].map(lambda c: _arms(study, c)) if several_arms else pd.Series("", index=mine.index)
        for contrast in dict.fromkeys(contrasts):
            of_contrast = mine[contrasts == contrast].to_dict("records")
            by_model: dict[str, dict[str, Any]] = {}
            for row in of_contrast:
                by_model.setdefault(str(row["model"]), cast(dict[str, Any], row))
            present = [by_model[m] for m in ("did", "difference", "change", "multilevel") if m in by_model]
            # A model without a result does not stand before one that has it.
            leading = next((row for row in present if _read(row, margin) is not None), present[0] if present else None)
            if leading is not None:
                found.append(_finding(outcome, contrast, leading, by_model.get("multilevel"), margin))
    return found


def _arms(study: Study, contrast: object) -> str:
    """Which arms a contrast compares, the same for every model."""
    text = "" if not isinstance(contrast, str) else contrast
    other = study.arm_label(str(study.design.assignment.comparison))
    for arm in study.design.assignment.programme:
        label = study.arm_label(arm)
        if text.startswith((f"{label} v ", f"{arm} v ")) or text.endswith((f", {label}", f", {arm}")):
            return f"{label} against {other}"
    return text


def _finding(
    outcome: Outcome, contrast: str, row: Mapping[str, Any], multilevel: Mapping[str, Any] | None, margin: float
) -> Finding:
    """Read one row, and the multilevel row beside it."""
    reading = _read(row, margin)
    second = _read(multilevel, margin) if multilevel is not None and row["model"] != "multilevel" else None
    other = (second, _rises(multilevel)) if second is not None and multilevel is not None else None
    hidden = row.get("suppressed")
    if reading is None and isinstance(hidden, str) and hidden:
        return Finding(outcome, contrast, row, None, other, "is not shown, to protect a small number of students")
    return Finding(outcome, contrast, row, reading, other, "could not be estimated" if reading is None else "")


def _read(row: Mapping[str, Any], margin: float) -> Reading | None:
    """The reading of one row; nothing where it has no estimate with an interval."""
    low, high = value_of(row, "conf_low"), value_of(row, "conf_high")
    if math.isnan(low) or math.isnan(high) or math.isnan(value_of(row, "estimate")):
        return None
    return read_interval(low, high, value_of(row, "effect_size_low"), value_of(row, "effect_size_high"), margin)
