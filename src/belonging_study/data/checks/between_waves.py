"""What must be true of the waves side by side: who links, when they answered, how far numbers moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from belonging_study.data.checks.issues import Issue
from belonging_study.data.checks.schema import schema_check, schema_failures
from belonging_study.data.coding.answers import normalise_text
from belonging_study.data.waves.files import WaveFile
from belonging_study.data.waves.table import WaveTable
from belonging_study.errors import DataError
from belonging_study.study.model import Study

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = ["compare_waves", "item_facts", "items_schema", "response_dates", "wave_facts", "waves_schema"]

_UNLINKED = 0.05
_MISDATED = 0.01
_HALF = 0.5
_FEW = 10
_PARSED = 0.8
_MOMENTS = frozenset({
    "startdate", "enddate", "recordeddate", "timestamp", "submitdate", "datestamp", "starttime", "completiontime",
    "start date", "end date", "start time", "completion time", "recorded date", "date submitted", "date last action",
    "date started", "zeitstempel", "horodateur", "marca temporal", "carimbo de data/hora",
})  # fmt: skip


def wave_facts(study: Study, linked: Mapping[str, WaveTable]) -> pd.DataFrame:
    """Count what the waves are judged by.

    Parameters
    ----------
    study : Study
        The definition.
    linked : mapping
        Name of a wave to its files brought together, in the study's order.

    Returns
    -------
    pandas.DataFrame
        One row a wave: ``wave``, ``previous``, ``n_students`` and ``n_before`` (students on the roster of this wave and
        the wave before), ``n_responses`` and ``n_unlinked``, ``n_schools``, ``n_silent`` (schools of the roster without
        a response), ``n_unknown`` (schools in the survey that the roster has not), ``n_dated``, ``n_early`` (responses
        before the date of the wave before) and ``n_late`` (on or after that of the next wave), ``roster`` and
        ``survey`` (the files).
    """
    rows = []
    names = study.wave_names
    before: tuple[str, int] | None = None
    for name, one in linked.items():
        at = names.index(name)
        survey = [file for file in one.files if file.source.kind == "survey"]
        school = study.design.school
        placed = pd.Series(dtype=object) if school is None else one.table[school]
        schools = set(placed.dropna())
        answering = set(placed[one.table["responded"]].dropna()) if len(placed) else set()
        theirs = {s for file in survey if school in file.columns for s in file.table[school].dropna()}
        earliest = study.waves[at - 1].date if at else None
        latest = study.waves[at + 1].date if at + 1 < len(names) else None
        dated = np.array([_misdated(response_dates(file), earliest, latest) for file in survey] or [(0, 0, 0)])
        n_early, n_late, n_dated = dated.sum(axis=0).tolist()
        rows.append(
            {
                "wave": name,
                "previous": before[0] if before else "",
                "n_students": len(one.table),
                "n_before": before[1] if before else len(one.table),
                "n_responses": int(one.table["responded"].sum()) + one.n_unlinked,
                "n_unlinked": one.n_unlinked,
                "n_schools": len(schools),
                "n_silent": len(schools - answering) if survey else 0,
                "n_unknown": len(theirs - schools) if one.roster == "roster" else 0,
                "n_dated": n_dated,
                "n_early": n_early,
                "n_late": n_late,
                "roster": ", ".join(file.source.file for file in one.files if file.source.kind == one.roster),
                "survey": ", ".join(file.source.file for file in survey),
            }
        )
        before = name, len(one.table)
    return pd.DataFrame(rows)


def waves_schema() -> pa.DataFrameSchema:
    """Say what must be true of the waves' facts: roster agreement, waves in order, no sudden change of size.

    Returns
    -------
    pandera.DataFrameSchema
        For the table of `wave_facts`.

    Examples
    --------
    >>> sorted({check.name for check in waves_schema().checks})
    ['roster', 'survey']
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        checks=[
            schema_check(
                "survey",
                "warning",
                lambda facts: facts["n_unlinked"] <= _UNLINKED * facts["n_responses"],
                "{n_unlinked} of {n_responses} responses belong to nobody on the roster of wave {wave}.",
                "look whether the roster is complete and of this wave, and whether identifiers are written alike.",
            ),
            schema_check(
                "survey",
                "warning",
                lambda facts: facts["n_unknown"] == 0,
                "{n_unknown} schools or spellings of schools are in the survey of wave {wave} and not on its roster.",
                "give schools one name in all files, or say under `values:` of the file which names mean the same.",
            ),
            schema_check(
                "survey",
                "warning",
                lambda facts: (facts["n_silent"] == 0) | (facts["n_schools"] < _FEW),
                "{n_silent} of {n_schools} schools on the roster of wave {wave} have no response at all.",
                "look whether the export holds every school, and whether their identifiers are those of the roster.",
            ),
            schema_check(
                "survey",
                "warning",
                lambda facts: (
                    (facts["n_early"] <= _MISDATED * facts["n_dated"])
                    & (facts["n_late"] <= _MISDATED * facts["n_dated"])
                ),
                "Of {n_dated} responses of wave {wave} with a date, {n_early} were given before the date of the wave "
                "before it and {n_late} on or after the date of the next.",
                "look whether this is the export of that wave, and whether `date:` of the waves is right.",
            ),
            schema_check(
                "roster",
                "warning",
                lambda facts: facts["n_students"].between(_HALF * facts["n_before"], facts["n_before"] / _HALF),
                "Wave {wave} has {n_students} students, wave {previous} {n_before}.",
                "look whether both exports are complete.",
            ),
        ]
    )


def item_facts(study: Study, linked: Mapping[str, WaveTable]) -> pd.DataFrame:
    """Tell how far the mean of each item moved from one wave to the next that asks it.

    Parameters
    ----------
    study : Study
        The definition.
    linked : mapping
        Name of a wave to its files brought together, in the study's order.

    Returns
    -------
    pandas.DataFrame
        One row an item and pair of waves: ``wave``, ``previous``, ``item``, ``shift`` (of the mean, as a share of the
        form's range) and ``file``.
    """
    rows = []
    for scale in study.scales.values():
        for item in scale.items:
            before: tuple[str, float] | None = None
            for name, one in linked.items():
                if item not in one.table or one.table[item].notna().sum() < _FEW:
                    continue
                mean = float(one.table[item].mean())
                if before:
                    shift = (mean - before[1]) / (scale.maximum - scale.minimum)
                    rows.append((name, before[0], item, shift, one.where(item)))
                before = name, mean
    return pd.DataFrame(rows, columns=["wave", "previous", "item", "shift", "file"])


def items_schema() -> pa.DataFrameSchema:
    """Say how far the mean of an item may move.

    Returns
    -------
    pandera.DataFrameSchema
        For the table of `item_facts`.

    Examples
    --------
    >>> items_schema().columns["shift"].checks[0].title
    'warning'
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "shift": pa.Column(
                float,
                schema_check(
                    "file",
                    "warning",
                    lambda shift: shift.abs() <= _HALF,
                    "The mean of {item} is {percent} % of the form's range away from where it was in wave {previous}.",
                    "look whether one of the two exports counts its answers in the other direction.",
                ),
            )
        }
    )


def compare_waves(study: Study, linked: Mapping[str, WaveTable]) -> tuple[tuple[str, Issue], ...]:
    """Hold the waves side by side.

    Parameters
    ----------
    study : Study
        The definition.
    linked : mapping
        Name of a wave to its files brought together, in the study's order.

    Returns
    -------
    tuple of (str, Issue)
        The wave, and what is odd about it.
    """
    found: list[tuple[str, Issue]] = []
    items = item_facts(study, linked)
    items["percent"] = (items["shift"].abs() * 100).round()
    for schema, facts in ((waves_schema(), wave_facts(study, linked)), (items_schema(), items)):
        if facts.empty:
            continue
        for name, severity, what, remedy, rows in schema_failures(schema, facts):
            for fact in facts[rows].to_dict("records"):
                said = what.format(**{str(k): f"{v:g}" if isinstance(v, float) else v for k, v in fact.items()})
                found.append(
                    (str(fact["wave"]), Issue(severity, DataError(said, where=str(fact[name]), remedy=remedy)))
                )
    return tuple(found)


def response_dates(file: WaveFile) -> Sequence[pd.Series]:
    """Read when responses were given, where the survey tool says so.

    Parameters
    ----------
    file : WaveFile
        A survey.

    Returns
    -------
    sequence of pandas.Series
        Each way to read the dates: none where the file has no such column, holds other waves as well (``rows:``) or is
        unreadable, two where the order of day and month cannot be told.
    """
    table = file.export.table
    columns = [
        column
        for column in map(str, table.columns)
        if normalise_text(column) in _MOMENTS or column.casefold().endswith("_timestamp")
    ]
    # Rows of other waves are not told apart here.
    if not columns or file.source.rows:
        return []
    mine = table[columns[0]].dropna()
    if pd.api.types.is_datetime64_any_dtype(mine):
        return [mine]
    if pd.api.types.is_numeric_dtype(mine) or mine.empty:
        return []
    texts = mine.astype(str).str.extract(r"^\s*(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?!\d)").astype(float)
    if texts[0].notna().mean() < _PARSED:
        return []
    orders = [(0, 1, 2)] if (texts[0].dropna() > 31).all() else [(2, 1, 0), (2, 0, 1)]
    readings = []
    for year, month, day in orders:
        parts: dict[str, Any] = {"year": texts[year], "month": texts[month], "day": texts[day]}
        dates = pd.to_datetime(pd.DataFrame(parts).dropna(), errors="coerce").dropna()
        if len(dates) >= _PARSED * len(mine):
            readings.append(dates)
    return readings


def _misdated(readings: Sequence[pd.Series], earliest: dt.date | None, latest: dt.date | None) -> tuple[int, int, int]:
    """Count responses before, and on or after two dates, by the reading with fewest such."""
    counts = []
    for dates in readings:
        naive = dates.dt.tz_localize(None) if dates.dt.tz is not None else dates
        early = int((naive < np.datetime64(earliest)).sum()) if earliest else 0
        late = int((naive >= np.datetime64(latest)).sum()) if latest else 0
        counts.append((early, late, len(dates)))
    return min(counts, key=lambda c: c[0] + c[1], default=(0, 0, 0))
