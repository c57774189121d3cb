"""How much of every wave could be linked, by arm and by school, and why."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from belonging_study.data.linking.codes import AMBIGUOUS, NO_CODE, NOT_LINKED
from belonging_study.data.linking.lookup import places_in
from belonging_study.data.linking.pseudonyms import pseudonymise
from belonging_study.data.linking.rosters import link_reasons_table, links_table
from belonging_study.data.linking.self_codes import FIRST_WAVE
from belonging_study.data.waves.table import WaveTable
from belonging_study.study.model import Study

__all__ = ["wave_link_reasons", "wave_links"]


def wave_links(
    study: Study, linked: Mapping[str, WaveTable], rows: pd.DataFrame, design: pd.DataFrame, key: bytes
) -> pd.DataFrame:
    """Count linked responses and students who came again, wave by wave.

    Parameters
    ----------
    study : Study
        The definition.
    linked : mapping of str to WaveTable
        Wave to its files as linked.
    rows : pandas.DataFrame
        One row a student and wave: ``@wave``, ``student``, ``responded``, and ``link_reason`` where students are known
        by a code.
    design : pandas.DataFrame
        Same index: ``programme`` and ``school`` (see `settle_arms`).
    key : bytes
        The study's key, for the schools' pseudonyms.

    Returns
    -------
    pandas.DataFrame
        See `links_table`; arms are left out where there is one group. Without rows where nothing identifies students.
    """
    everybody = pd.DataFrame(
        {
            "wave": rows["@wave"],
            "student": rows["student"],
            "responded": rows["responded"].astype(bool),
            "programme": design["programme"],
            "school": pseudonymise(design["school"], "school", key),
        }
    )
    assignment = study.design.assignment
    of_schools = assignment.level == "school" and assignment.comparison is not None
    arms = everybody["programme"].map({1: "programme", 0: "comparison"}) if of_schools else "all"
    everybody["arm_of_school"] = arms
    if study.design.linking is not None:
        reason = rows["link_reason"]
        first = reason == FIRST_WAVE
        everybody["linked"] = (~reason.isin(NOT_LINKED)).astype("boolean").mask(first)
        everybody["unlinked"] = reason.isin([AMBIGUOUS, NO_CODE])
    tables = []
    before: pd.DataFrame | None = None
    for wave, one in linked.items():
        here = everybody[everybody["wave"] == wave]
        if before is not None:
            before = before.assign(again=places_in(before["student"], here["student"]) >= 0)
        tables.append(links_table(here, one.n_unlinked, wave=wave, before=before))
        before = here if study.design.panel else None
    links = pd.concat(tables, ignore_index=True)
    if study.design.student is None:
        return links.head(0)  # each row is a student of its own
    if study.design.school is None:
        links = links[links["school"] == "all"]
    if assignment.comparison is None:
        links = links[(links["arm"] == "all") | (links["school"] != "all")]
    return links.reset_index(drop=True)


def wave_link_reasons(linked: Mapping[str, WaveTable]) -> pd.DataFrame:
    """Count why responses were linked by their code, or not, in every wave but the first.

    Parameters
    ----------
    linked : mapping of str to WaveTable
        Wave to its files as linked.

    Returns
    -------
    pandas.DataFrame
        See `link_reasons_table`; without rows where students have an identifier.
    """
    tables = [
        link_reasons_table(one.table["link_reason"], one.table["link_quality"], wave=wave)
        for wave, one in linked.items()
        if "link_reason" in one.table and not one.table["link_reason"].eq(FIRST_WAVE).all()
    ]
    names = ["wave", "link_reason", "n_responses", "share", "link_quality"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
