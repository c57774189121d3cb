"""Incidents: one row an event; whoever is on the roster and in no row has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from belonging_study.data.flow.exclusions import as_text
from belonging_study.data.registers.register import FIRST_STEPS, Measure, Register, first_steps, look_alike
from belonging_study.errors import ColumnMissingError

__all__ = ["incident_counts", "incidents_measures"]


def incident_counts(rows: pd.DataFrame, types: Mapping[str, Sequence[str]] | None = None, *, where: str) -> Register:
    """Count each student's incidents.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row an incident, or none at all: ``student``; ``incident_type`` (text) where `types` asks for it;
        ``incident_id`` where known.
    types : mapping, optional
        Name to the types of incident that it counts, without regard to case and outer spaces.
    where : str
        The files, for the messages.

    Returns
    -------
    Register
        ``n_incidents`` and ``any_incident`` (0/1), and for each name ``n_<name>`` and ``any_<name>``; 0 for students
        who are on the roster and have no row (`to_roster`). Rows of one student with one ``incident_id`` are one
        incident, which may be of several types. Without that column every row is an incident.

    Raises
    ------
    ColumnMissingError
        If types are asked for and there is no column of types.

    Examples
    --------
    >>> rows = pd.DataFrame({"student": ["a", "a", "b"], "incident_type": ["Suspension", "lateness", "Lateness "]})
    >>> found = incident_counts(rows, {"suspensions": ["suspension"]}, where="w1/incidents.csv").students
    >>> found[["n_incidents", "n_suspensions", "any_suspensions"]].values.tolist()
    [[2.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    """
    types = types or {}
    if types and "incident_type" not in rows:
        raise ColumnMissingError(
            f"There is no column of types, which {', '.join(types)} under `records: incidents:` need.",
            where=f"{where}, column incident_type",
            remedy="give the file's name for it under `columns:` of that file in study.yml.",
        )
    step = first_steps(rows, ["incident_id"])
    counted = rows[step == 0]
    kind = as_text(counted["incident_type"]) if "incident_type" in rows else pd.Series("", index=counted.index)
    # An incident without a number is one of its own.
    number = pd.Series(range(len(counted)), index=counted.index, dtype=object)
    if "incident_id" in rows:
        number = counted["incident_id"].astype(object).where(counted["incident_id"].notna(), number)
    events = pd.DataFrame({"student": counted["student"], "number": number, "type": kind})
    everyone = pd.Index(events["student"].unique(), name="student").sort_values()

    def count(mine: pd.DataFrame) -> pd.Series:
        return mine.groupby("student")["number"].nunique().reindex(everyone, fill_value=0).astype(float)

    students = pd.DataFrame({"n_incidents": count(events)}, index=everyone)
    students["any_incident"] = (students["n_incidents"] > 0).astype(float)
    info = look_alike(rows, step)
    for name, wanted in types.items():
        mine = events[events["type"].isin(set(as_text(pd.Series(list(wanted), dtype=object))))]
        students[f"n_{name}"] = count(mine)
        students[f"any_{name}"] = (students[f"n_{name}"] > 0).astype(float)
        info[f"Rows counted as {name}"] = len(mine)
    if types:
        info["Rows without a type"] = int((kind == "").sum())
    return Register(students, rows["student"], step, FIRST_STEPS, info, absent=0.0)


def incidents_measures(types: Mapping[str, Sequence[str]]) -> list[Measure]:
    """Describe the measures that `incident_counts` gives.

    Parameters
    ----------
    types : mapping
        Name to the types of incident that it counts.

    Returns
    -------
    list of Measure

    Examples
    --------
    >>> [measure.name for measure in incidents_measures({"suspensions": ["suspension"]})]
    ['n_incidents', 'any_incident', 'n_suspensions', 'any_suspensions']
    """
    made = [
        Measure("n_incidents", "Incidents", "count", "incidents", "rows of the student; 0 without a row"),
        Measure("any_incident", "Any incident", "binary", "1 = yes; 0 = no", "n_incidents above 0"),
    ]
    for name, wanted in types.items():
        words, of = name.replace("_", " "), f"incident_type: {', '.join(wanted)}; 0 without a row"
        made.append(Measure(f"n_{name}", f"Incidents: {words}", "count", "incidents", of))
        made.append(Measure(f"any_{name}", f"Any incident: {words}", "binary", "1 = yes; 0 = no", f"n_{name} above 0"))
    return made
