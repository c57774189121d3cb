"""Labels with two codes, marks that mean two things, waves without a roster: told at loading, with their line."""

from __future__ import annotations

import math

import pytest

from belonging_study.errors import StudyDefinitionError
from belonging_study.study import parse_study

STUDY = """\
title: A small study
name: small
programme: {name: Notes}
waves:
  - name: w1
    label: Baseline
    date: 2024-10-07
    sources:
      - {file: w1/survey.csv}
      - {file: w1/stays.csv, kind: enrolment, date_order: day}
design:
  assignment:
    starts: w1
scales:
  belonging:
    label: Belonging
    items: [b1, b2]
    range: [1, 3]
    labels: ["No", "Neither", "Yes"]
    translations:
      es: ["No", "Ni uno ni otro", "Sí"]
    synonyms: {"N.A./Prefer not to answer": .nan, "Perhaps": 2}
outcomes:
  - {name: belonging, measure: belonging, label: Belonging}
records:
  marks: {dfw: [D, F, W], not_counted: [AU]}
  incidents: {suspensions: [suspension]}
"""


def mistakes(old: str, new: str) -> list[tuple[int, str, str]]:
    assert old in STUDY
    with pytest.raises(StudyDefinitionError) as caught:
        parse_study(STUDY.replace(old, new))
    return [(m.line, m.path, m.message) for m in caught.value.mistakes]


def test_everything_new_can_be_said() -> None:
    study = parse_study(STUDY)
    scale = study.scales["belonging"]
    assert scale.translations["es"][2] == "Sí"
    assert math.isnan(scale.synonyms["N.A./Prefer not to answer"])
    assert scale.synonyms["Perhaps"] == 2
    assert study.waves[0].sources[1].date_order == "day"
    assert study.records.marks.withdrawn == ("W",)
    assert study.records.chronic_absence == 0.1


def test_a_label_with_another_code_in_another_language_is_a_mistake() -> None:
    ((line, path, message),) = mistakes('es: ["No", "Ni uno ni otro", "Sí"]', 'es: ["Sí", "neither.", "NO "]')
    assert (line, path) == (21, "scales.belonging.translations.es")
    assert message == "'NO' stands for 3 here and for 1 in labels; a label has one code in every language"
    ((line, path, message),) = mistakes('labels: ["No", "Neither", "Yes"]', 'labels: ["Yes", "Neither", "Yes"]')[:1]
    assert (line, path) == (19, "scales.belonging.labels")
    assert "stands twice in this list, for 1 and 3" in message
    assert len(mistakes('es: ["No", "Ni uno ni otro", "Sí"]', 'es: ["No", "Sí"]')) == 1


def test_a_mark_means_one_thing() -> None:
    found = mistakes("not_counted: [AU]", "not_counted: [au, f]")
    assert found == [(26, "records.marks.not_counted", "'F' stands in dfw and in not_counted; a mark means one thing")]
    found = mistakes("{dfw: [D, F, W]", "{ab: [A, B, c+]")
    assert found == [(26, "records.marks.ab", "'C+' stands in ab and in c; a mark means one thing")]
    found = mistakes("{dfw: [D, F, W]", "{dfw: [D, F], withdrawn: [A, W]")
    assert [message for *_, message in found] == ["'A' stands in ab and in withdrawn; a mark means one thing"]


def test_names_of_incidents_that_are_taken() -> None:
    ((line, path, message),) = mistakes("{suspensions:", "{withdrawn:")
    assert (line, path) == (27, "records.incidents.withdrawn")
    assert "already" in message


def test_a_wave_needs_a_file_that_says_who_is_in_it() -> None:
    sources = "      - {file: w1/survey.csv}\n      - {file: w1/stays.csv, kind: enrolment, date_order: day}\n"
    found = mistakes(sources, "      - {file: m.csv, kind: marks}\n      - {file: a.csv, kind: attendance}\n")
    assert found[0][:2] == (8, "waves.0.sources")
    assert "marks and attendance alone do not say who is in the wave" in found[0][2]
