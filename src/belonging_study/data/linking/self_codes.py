"""Students known by a code that they make themselves: one label a student over all waves, and no part of the code.

A label follows from the response by which a student was first seen, so that it stays as it is when later waves arrive.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from belonging_study.data.linking.codes import NOT_LINKED, match_codes
from belonging_study.data.linking.pseudonyms import normalise_ids
from belonging_study.data.linking.rosters import LINK_STEPS
from belonging_study.errors import DataError
from belonging_study.study.model import Study

if TYPE_CHECKING:
    from belonging_study.data.waves.table import Stream, WaveTable

__all__ = ["FIRST_WAVE", "code_responses", "identifying_columns", "link_codes", "separate_responses"]

FIRST_WAVE = "first wave"
"""Why nothing is linked in the first wave."""

_CODE = "@code "
_UNFINISHED = LINK_STEPS[1]


def identifying_columns(study: Study) -> tuple[str, ...]:
    """Name the columns by which a student is known from file to file.

    Parameters
    ----------
    study : Study
        The definition.

    Returns
    -------
    tuple of str
        The student's identifier; with `design.linking` the parts of the code and what verifies it; none where each row
        is a student of its own.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}, "linking": {"code": ["pet", "street"], "verify": ["born"]}},
    ...     "outcomes": [{"name": "marks", "measure": "mean_mark", "label": "Marks"}],
    ... })
    >>> identifying_columns(study)
    ('pet', 'street', 'born')
    """
    linking, student = study.design.linking, study.design.student
    if linking is not None:
        return tuple(dict.fromkeys((*linking.code, *linking.verify)))
    return () if student is None else (student,)


def code_responses(
    study: Study, cells: Mapping[str, pd.Series], labels: Mapping[str, Mapping[float, str]], *, shown: str
) -> dict[str, pd.Series]:
    """Bring the parts of the code into one form, and number the responses that no identifier tells apart.

    Parameters
    ----------
    study : Study
        The definition, with `design.linking`, or without an identifier of students.
    cells : mapping of str to pandas.Series
        The study's name of a column to its cells; columns that the file lacks are left out.
    labels : mapping
        The study's name of a column to its value labels.
    shown : str
        The file's name, for messages.

    Returns
    -------
    dict
        ``student``, a number for each response (with a code not its student's label yet, see `link_codes`), and each
        part under a name that no file can have: Unicode NFKC, case folded, without spaces, with its leading zeros; a
        labelled value is its label, and a date is written as year, month and day.

    Raises
    ------
    DataError
        If a spreadsheet has changed a part, for example to scientific notation (see `normalise_ids`).
    """
    coded: dict[str, pd.Series] = {}
    for name in (name for name in identifying_columns(study) if name in cells):
        texts = [_text(value, labels.get(name, {})) for value in cells[name]]
        column = pd.Series(texts, index=cells[name].index, dtype=object)
        coded[_CODE + name] = normalise_ids(column, where=f"{shown}, column {name}")
    row = next((column.index for column in (coded or cells).values()), None)
    if row is not None:
        # The places in the file: rows of one file may be those of several sources.
        coded["student"] = pd.Series([f"{shown}\x1f{n}" for n in row], index=row)
    return coded


def link_codes(study: Study, linked: Mapping[str, WaveTable]) -> dict[str, WaveTable]:
    """Give every response its student's label, the same in every wave in which the code is found again.

    Parameters
    ----------
    study : Study
        The definition, with `design.linking`.
    linked : mapping of str to WaveTable
        Every wave from the first on; the survey is its own roster.

    Returns
    -------
    dict
        The same tables with ``student`` in place of the response's number, and ``link_reason`` and ``link_quality``
        (see `match_codes`; the first wave's reason is `FIRST_WAVE`). The survey's flow says how many are linked.

    Raises
    ------
    DataError
        If the survey of a wave is spread over files with different questions: within a wave nothing links them.

    Notes
    -----
    Each wave is compared with the students known from all earlier ones, and never with later ones. A response that is
    not linked is a student of its own. Its label is made from the school, the code, the wave, and its place among
    those that share them, by their answers; so neither a later wave nor the order of rows changes it.
    """
    linking = study.design.linking
    assert linking is not None
    parts, verify = [_CODE + name for name in linking.code], [_CODE + name for name in linking.verify]
    known = pd.DataFrame(columns=["person", "school", *parts, *verify], dtype=object)
    out: dict[str, WaveTable] = {}
    for wave, one in linked.items():
        _require_one_questionnaire(one)
        codes = pd.concat([file.table for file in one.files]).set_index("student")[[*parts, *verify]]
        rows = codes.reindex(one.table["student"]).assign(school=one.table[study.design.school].to_numpy(dtype=object))
        found = match_codes(known, rows, parts=parts, verify=verify, maximum_changes=linking.maximum_changes)
        if not out:
            found["link_reason"] = FIRST_WAVE
        new = _new_labels(rows, one.table, wave)
        person = found["person"].where(found["person"].notna(), new).astype(object)
        known = pd.concat([known, rows.assign(person=person)], ignore_index=True)
        table = one.table.assign(
            student=person.to_numpy(dtype=object),
            link_reason=found["link_reason"].to_numpy(dtype=object),
            link_quality=found["link_quality"].to_numpy(dtype=float),
        )
        info = {"Linked to an earlier wave": int((~found["link_reason"].isin(NOT_LINKED)).sum())} if out else {}
        streams = tuple(_retold(stream, person, info) for stream in one.streams)
        out[wave] = replace(one, table=table, streams=streams, n_unlinked=0)
    return out


def separate_responses(linked: Mapping[str, WaveTable]) -> dict[str, WaveTable]:
    """Tell the flow of files whose rows are students of their own, without the steps that need an identifier.

    Parameters
    ----------
    linked : mapping of str to WaveTable
        Every wave; the survey is its own roster.

    Returns
    -------
    dict
        The same tables.

    Raises
    ------
    DataError
        If the survey of a wave is spread over files with different questions: nothing links their rows.
    """
    out: dict[str, WaveTable] = {}
    for wave, one in linked.items():
        _require_one_questionnaire(one)
        same = pd.Series(one.table["student"].to_numpy(), index=pd.Index(one.table["student"]))
        out[wave] = replace(one, streams=tuple(_retold(stream, same, {}) for stream in one.streams), n_unlinked=0)
    return out


def _text(value: Any, labels: Mapping[float, str]) -> Any:
    """A label for a labelled number, text for a date, and anything else as it is."""
    if isinstance(value, str) or pd.isna(value):
        return value
    if isinstance(value, dt.date | np.datetime64):
        return str(value)[:10]
    return labels.get(float(value), value)


def _require_one_questionnaire(one: WaveTable) -> None:
    """Raise if the files of a wave ask different questions."""
    asked = {frozenset(file.columns) for file in one.files}
    if len(asked) > 1:
        raise DataError(
            f"The survey is spread over {len(one.files)} files with different questions, and no identifier says which "
            "responses belong together.",
            where=", ".join(file.source.file for file in one.files),
            remedy="export all questions of a response in one row; several files are fine where each holds the same "
            "questions, for example one a school.",
        )


def _new_labels(rows: pd.DataFrame, answers: pd.DataFrame, wave: str) -> pd.Series:
    """A label for each response that stands for its student from now on."""
    code = pd.Series(["\x1f".join(map(str, row)) for row in rows.itertuples(index=False)], index=rows.index)
    place = pd.Series(0, index=rows.index)
    shared = code.duplicated(keep=False).to_numpy()
    if shared.any():
        content = answers[shared].drop(columns="student").astype(str).agg("\x1f".join, axis=1)
        content.index = rows.index[shared]
        of_shared = pd.DataFrame({"code": code[shared], "content": content})
        place.update(of_shared.sort_values("content", kind="stable").groupby("code").cumcount())
    made = [f"{wave}\x1f{one}\x1f{n}" for one, n in zip(code, place, strict=True)]
    return pd.Series([hashlib.sha256(text.encode()).hexdigest() for text in made], index=rows.index, dtype=object)


def _retold(stream: Stream, person: pd.Series, info: dict[str, int]) -> Stream:
    """The survey's flow without the steps that need an identifier or a roster."""
    student = stream.student.map(person).where(stream.student.isin(person.index), stream.student)
    kept = [i for i, label in enumerate(stream.labels[:-1]) if label not in LINK_STEPS or label == _UNFINISHED]
    number = np.zeros(len(stream.labels), dtype=int)
    number[kept] = np.arange(len(kept))
    labels = (*(stream.labels[i] for i in kept), "Responses")
    return replace(
        stream, student=student, removed_at=number[stream.removed_at], labels=labels, info={**stream.info, **info}
    )
