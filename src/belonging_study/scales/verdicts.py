"""The verdict on sameness of measurement, beside every comparison of a scale's scores."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pandas as pd

from belonging_study.scales.study_fairness import ARM, WAVE
from belonging_study.study import Study

__all__ = ["ELSEWHERE", "items_in", "name_of", "with_invariance"]

_WORST_FIRST = ("fails", "partial", "not tested", "doubtful", "holds")
_NAMES = {ARM: "arms", WAVE: "waves"}
ELSEWHERE = "see that wave’s report"


def with_invariance(
    study: Study, table: pd.DataFrame, verdicts: pd.DataFrame, *, compared: Sequence[str] = (ARM, WAVE)
) -> pd.DataFrame:
    """Add a column that says whether the scores of a row may be compared with those that it is compared with.

    Parameters
    ----------
    study : Study
        The definition.
    table : pandas.DataFrame
        Estimates or descriptions: ``outcome`` or ``scale``; ``group`` where rows are of student groups, as
        ``"Gender: Girls"`` or, with a column ``level``, as the group's column; ``wave`` where they are of waves.
    verdicts : pandas.DataFrame
        As in `Fairness.verdicts`.
    compared : sequence of str
        What every row of the table compares besides groups: ``arm``, ``wave``, both or none.

    Returns
    -------
    pandas.DataFrame
        The table with the column ``invariance``: ``"holds"``, or the verdicts that do not, worst first, with the items
        that differ and what it is about: ``"partial: bel_07 (Free school meals); not tested (waves)"``. Empty for what
        is not measured by a scale and where nothing is compared; rows of another wave point to its report.
    """
    if verdicts.empty or table.empty:
        return table.assign(invariance="")
    wave = str(verdicts["wave"].iloc[0])
    known = {(row["scale"], row["comparison"]): row for row in verdicts.to_dict("records")}
    said = [_verdict(study, row, known, wave, compared) for row in table.to_dict("records")]
    return table.assign(invariance=said)


def _group_of(study: Study, group: object) -> str:
    """The group's column that a row's ``group`` is about; empty for all students."""
    text = str(group)
    return next((g.column for g in study.groups if text == g.column or text.startswith(f"{g.label}: ")), "")


def _verdict(
    study: Study,
    row: dict[Hashable, object],
    known: dict[tuple[object, object], dict[Hashable, object]],
    wave: str,
    compared: Sequence[str],
) -> str:
    """What is said of one row."""
    scale = row.get("scale") or _measure(study, str(row.get("outcome", "")))
    group = _group_of(study, row.get("group", ""))
    wanted = [*compared, *([group] if group else [])]
    mine = [known[scale, name] for name in wanted if (scale, name) in known]
    if not mine:
        return ""
    if row.get("wave", wave) != wave:
        return ELSEWHERE
    doubts = [v for v in mine if v["verdict"] != "holds"]
    doubts.sort(key=lambda v: _WORST_FIRST.index(str(v["verdict"])))
    return "; ".join(_said(study, v) for v in doubts) or "holds"


def _said(study: Study, verdict: dict[Hashable, object]) -> str:
    """A verdict that is not plain, with its items and what it is about."""
    freed = f": {', '.join(items_in(str(verdict['freed'])))}" if verdict["freed"] else ""
    return f"{verdict['verdict']}{freed} ({name_of(study, str(verdict['comparison']))})"


def _measure(study: Study, outcome: str) -> str:
    return next((o.measure for o in study.outcomes if o.name == outcome and o.measure in study.scales), "")


def name_of(study: Study, comparison: str) -> str:
    """What a comparison is called: the group's label, arms or waves."""
    return _NAMES.get(comparison) or next(g.label for g in study.groups if g.column == comparison)


def items_in(freed: str) -> list[str]:
    """The items of freed parameters, once each.

    Examples
    --------
    >>> items_in("belonging=~q3, q3~1, q5~1")
    ['q3', 'q5']
    """
    found = (key.partition("=~")[2] or key.partition("~")[0] for key in freed.split(", ") if key)
    return list(dict.fromkeys(found))
