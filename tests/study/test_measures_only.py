"""Studies that only measure, and files without students or schools."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from belonging_study.data import clean_waves
from belonging_study.errors import DataError, StudyDefinitionError
from belonging_study.reports.cautions import cautions
from belonging_study.reports.design import assignment_text
from belonging_study.reports.methods import methods_text
from belonging_study.reports.words import summarise
from belonging_study.study import parse_study

ONLY = """\
title: How well two questions measure
name: only
waves:
  - {name: w1, label: "2015", date: 2015-06-30, sources: [{file: w1.csv}]}
design: {student: null, school: null}
scales:
  belonging: {label: School belonging, items: [a, b, c], range: [0, 3]}
"""

TRIAL = """\
title: A programme among students whom nobody can tell apart
name: trial
programme: {name: P}
waves:
  - {name: w1, label: Before, date: 2024-06-30, before_programme: true, sources: [{file: w1.csv}]}
  - {name: w2, label: After, date: 2025-06-30, sources: [{file: w2.csv}]}
design:
  student: null
  assignment: {starts: w2}
scales:
  belonging: {label: School belonging, items: [a, b, c], range: [0, 3]}
outcomes:
  - {name: belonging, measure: belonging, label: Belonging, role: primary}
"""


def mistakes(text: str) -> dict[str, str]:
    with pytest.raises(StudyDefinitionError) as caught:
        parse_study(text)
    return {m.path: m.message for m in caught.value.mistakes}


def test_a_study_without_programme_assignment_and_outcomes_measures() -> None:
    study = parse_study(ONLY)
    assert study.measures_only
    assert not study.design.panel
    known = parse_study(ONLY.replace("design: {student: null, school: null}\n", ""))
    assert known.measures_only
    assert (known.design.student, known.design.school, known.design.panel) == ("student_id", "school_id", True)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("name: only", "name: only\nprogramme: {name: P}"), "outcomes", "is needed here"),
        (("name: only", "name: only\noutcomes: []"), "programme", "is needed here"),
        (("name: only", "name: only\nprogramme: null"), "programme", "at least one entry"),
        (("school: null", "school: null, assignment: {starts: w1}"), "design.school", "only in a study without"),
        (("school: null", "class: form, school: null"), "design.class", "needs schools"),
        (("student: null", "student: null, panel: true"), "design.panel", "nobody can be followed"),
        (("{file: w1.csv}", "{file: w1.csv, kind: roster}"), "waves.0.sources.0.kind", "roster needs"),
        (
            ("date: 2015-06-30,", "date: 2015-06-30, before_programme: true,"),
            "waves.0.before_programme",
            "only measures",
        ),
    ],
)
def test_what_cannot_be_there_then(change: tuple[str, str], path: str, message: str) -> None:
    assert message in mistakes(ONLY.replace(*change))[path]


def test_a_study_that_only_measures_needs_scales() -> None:
    assert "needs scales" in mistakes(ONLY[: ONLY.index("scales:")])["scales"]


def test_every_row_is_a_student(tmp_path: Path) -> None:
    # Two rows are alike: they are two students, and not one who answered twice.
    (tmp_path / "w1.csv").write_text("a,b,c\n0,1,2\n0,1,2\n3,,1\n")
    cleaned = clean_waves(parse_study(ONLY), "w1", raw=tmp_path, key=bytes(32))
    assert cleaned.responses["student"].nunique() == len(cleaned.responses) == 3
    assert not {"arm", "programme", "treated", "post", "school", "moved"} & set(cleaned.responses)
    assert not {"arm", "programme", "school"} & set(cleaned.codebook["variable"])
    assert cleaned.links.empty
    labels = set(cleaned.flow["label"])
    assert not [label for label in labels if "arm" in label.lower() or "school" in label or "student id" in label]


def test_rows_of_one_file_in_two_parts_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "w1.csv").write_text("country,a,b,c\nn,0,1,2\ns,0,1,2\nn,3,0,1\n")
    parts = "{file: w1.csv, rows: {country: n}}, {file: w1.csv, rows: {country: s}}"
    study = parse_study(ONLY.replace("{file: w1.csv}", parts))
    assert clean_waves(study, "w1", raw=tmp_path, key=bytes(32)).responses["student"].nunique() == 3


def test_questions_in_two_files_cannot_be_brought_together(tmp_path: Path) -> None:
    (tmp_path / "w1.csv").write_text("a,b\n0,1\n")
    (tmp_path / "more.csv").write_text("c\n1\n")
    study = parse_study(ONLY.replace("{file: w1.csv}", "{file: w1.csv}, {file: more.csv}"))
    with pytest.raises(DataError, match="different questions"):
        clean_waves(study, "w1", raw=tmp_path, key=bytes(32))


def test_no_sentence_tells_of_a_programme(tmp_path: Path) -> None:
    study = parse_study(ONLY)
    wave = study.waves[0]
    (tmp_path / "w1.csv").write_text("a,b,c\n" + "0,1,2\n3,2,1\n" * 10)
    flow = clean_waves(study, "w1", raw=tmp_path, key=bytes(32)).flow
    summary = summarise(study, wave, pd.DataFrame(), flow)
    assert summary.headline == "This report says what students answered, and how well school belonging was measured."
    assert summary.paragraphs == (
        "In the wave “2015”, 20 students answered the survey, and all of them are in the analysis.",
    )
    said = " ".join([*cautions(study, wave), methods_text(study, wave), assignment_text(study), *summary.paragraphs])
    assert not [word for word in ("programme", "effect", "comparison", " arm") if word in said.lower()]


def test_an_anonymous_survey_of_schools_with_a_programme(tmp_path: Path) -> None:
    rows = "school_id,arm,a,b,c\nn,programme,0,1,2\nn,programme,1,1,2\ns,comparison,2,1,0\n"
    for wave in ("w1", "w2"):
        (tmp_path / f"{wave}.csv").write_text(rows + ("s,comparison,3,3,3\n" if wave == "w2" else ""))
    study = parse_study(TRIAL)
    assert not study.design.panel
    responses = clean_waves(study, "w2", raw=tmp_path, key=bytes(32)).responses
    assert responses["student"].nunique() == len(responses) == 7
    assert responses.groupby("arm")["school"].nunique().to_dict() == {"comparison": 1, "programme": 1}
