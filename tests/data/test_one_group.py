"""Cleaning a study in which everybody got the programme: no column of arms, no line of a comparison arm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from belonging_study.data import clean_waves
from belonging_study.errors import StudyDefinitionError
from belonging_study.study import load_study

STUDY = """\
title: T
name: t
programme: {name: P}
waves:
  - {name: w1, label: W1, date: 2024-01-01, before_programme: true, sources: [{file: w1.csv, kind: records}]}
  - {name: w2, label: W2, date: 2024-05-01, sources: [{file: w2.csv, kind: records}]}
design: {assignment: {starts: w2, comparison: null@MORE@}}
outcomes:
  - {name: mark, measure: mark, label: Mark}
"""


def folder(tmp_path: Path, more: str = "") -> Path:
    (tmp_path / "study.yml").write_text(STUDY.replace("@MORE@", more))
    for wave, mark in (("w1", 3), ("w2", 4)):
        rows = [f"{i},{'north' if i < 4 else 'south'},{mark + i % 2}" for i in range(8)]
        (tmp_path / f"{wave}.csv").write_text("student_id,school_id,mark\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_no_column_of_arms_is_needed(tmp_path: Path) -> None:
    study = load_study(folder(tmp_path))
    cleaned = clean_waves(study, "w2", raw=tmp_path, key=bytes(32))
    rows = cleaned.responses
    assert set(rows["arm"]) == {"programme"}
    assert rows.groupby("wave")["treated"].mean().to_dict() == {"w1": 0.0, "w2": 1.0}
    assert set(cleaned.flow["arm"]) == {"all"}
    assert set(cleaned.links["arm"]) <= {"all"}
    assert "None" not in cleaned.codebook.to_string()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", programme: [a, b]", "there is one programme arm"),
        (", column: arm", "no arms to tell apart"),
        (", randomized: true", "no arms to tell apart"),
        (", blocks: pair", "no arms to tell apart"),
        (", by_wave: true", "no arms to tell apart"),
    ],
)
def test_what_means_nothing_without_a_comparison_is_refused(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(StudyDefinitionError, match=message):
        load_study(folder(tmp_path, more))


def test_a_staggered_start_needs_a_comparison(tmp_path: Path) -> None:
    text: Any = STUDY.replace("@MORE@", "").replace("starts: w2", "starts: {column: start}")
    (tmp_path / "study.yml").write_text(text)
    with pytest.raises(StudyDefinitionError, match="name the comparison for a staggered start"):
        load_study(tmp_path)
