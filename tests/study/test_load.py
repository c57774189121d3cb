"""study.yml: what it can say, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.errors import FileMissingError, StudyDefinitionError
from belonging_study.study import Study, instrument_names, load_study, nearest, parse_study

MINIMAL = """\
title: A small study
name: small
programme: {name: Notes}
waves:
  - name: w1
    label: Baseline
    date: 2024-10-07
    before_programme: true
    sources:
      - {file: w1/survey.csv}
  - name: w2
    label: Follow-up
    date: 2025-05-12
    sources:
      - {file: w2/survey.csv}
design:
  assignment:
    starts: w2
scales:
  belonging:
    label: Belonging
    items: [b1, b2, b3]
    range: [1, 5]
    reverse: [b3]
outcomes:
  - {name: belonging, measure: belonging, label: Belonging, role: primary}
"""


def mistakes(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(StudyDefinitionError) as caught:
        parse_study(text)
    return [(m.line, m.path, m.message) for m in caught.value.mistakes]


def test_minimal_study_has_defaults() -> None:
    study = parse_study(MINIMAL)
    assert study.privacy.minimum_cell == 10
    assert study.waves_before == ("w1",)
    assert study.scales["belonging"].items == {"b1": "", "b2": "", "b3": ""}
    assert study.cluster_column == "school_id"
    assert [o.name for o in study.outcomes_in("w2")] == ["belonging"]


def test_demo_study_is_valid(project: Path) -> None:
    assert load_study(project).name == "demo"


def test_every_mistake_is_reported_at_once_with_line_value_and_nearest_name() -> None:
    text = (
        MINIMAL.replace("title:", "titel:")
        .replace("starts: w2", "starts: w3")
        .replace("date: 2025-05-12", "date: soon")
        .replace("reverse: [b3]", "reverse: [b4]")
        .replace("role: primary", "role: primry")
    )
    found = mistakes(text)
    lines = text.splitlines()
    by_path = {path: (line, message) for line, path, message in found}
    assert by_path["titel"] == (1, "titel is not an entry here; did you mean title?")
    assert "is needed" in by_path["title"][1]
    line, message = by_path["design.assignment.starts"]
    assert "starts: w3" in lines[line - 1]
    assert "'w3' is not a wave of this study (w1, w2)" in message
    line, message = by_path["waves.1.date"]
    assert "soon" in lines[line - 1]
    assert "'soon' should be a date" in message
    line, message = by_path["scales.belonging.reverse"]
    assert "b4" in lines[line - 1]
    line, message = by_path["outcomes.0.role"]
    assert "did you mean primary?" in message
    assert len(found) == 6


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("w2/survey.csv", "../secret.csv", "leads out of the raw data folder"),
        ("w2/survey.csv", "/etc/passwd", "leads out of the raw data folder"),
        ("w2/survey.csv", "'C:\\\\data\\\\survey.csv'", "leads out of the raw data folder"),
        ("date: 2025-05-12", "date: 2023-05-12", "list waves in order"),
        ("    before_programme: true\n", "", "yet the programme starts with w2"),
        ("range: [1, 5]", "range: [5, 1]", "the lowest value comes first"),
        ("range: [1, 5]", "range: [1, 5]\n    labels: [low, high]", "2 labels for a form from 1 to 5"),
        ("measure: belonging", "measure: b3", "b3 is a reverse-keyed item of the scale belonging"),
        ("role: primary", "kind: binary", "gives a continuous score"),
        ("role: primary", "range: [1, 5]", "a scale has its own range"),
        ("measure: belonging", "measure: marks, range: [6, 1]", "the lowest value comes first"),
        ("name: w2", "name: w1", "is used twice"),
        ("name: small", "name: 2 schools", "cannot be a name"),
        ("title: A small study", "title: A\ntitle: B", "title stands already in line 1"),
        ("title: A small study", "title: [a, b", "not valid YAML"),
        ("    range: [1, 5]\n", "", "range is needed"),
        (
            "outcomes:",
            "exclusions: [{name: x, label: X, column: c, below: 1, above: 3}]\noutcomes:",
            "exactly one of missing, equals, below, above; here: below and above",
        ),
    ],
)
def test_mistakes(old: str, new: str, expected: str) -> None:
    assert old in MINIMAL
    assert any(expected in message for _, _, message in mistakes(MINIMAL.replace(old, new)))


def test_yes_and_no_stay_answers() -> None:
    text = MINIMAL + "groups:\n  - {name: meals, label: Meals, column: meals, values: {yes: Free, no: Paid}}\n"
    assert parse_study(text).groups[0].values == {"yes": "Free", "no": "Paid"}


def test_component_tags_belong_to_their_framework() -> None:
    text = MINIMAL.replace("{name: Notes}", "{name: N, components: [{name: A, tags: [relationships]}]}")
    assert any("is not a category of ib_allen" in message for *_, message in mistakes(text))
    text = text.replace("{name: A,", "{name: A, framework: structures_for_belonging,")
    assert parse_study(text).programme.components[0].tags == ("relationships",)


def test_an_instrument_brings_its_items_range_and_keys() -> None:
    text = MINIMAL.replace("    items: [b1, b2, b3]\n    range: [1, 5]\n    reverse: [b3]\n", "    instrument: pssm\n")
    scale = parse_study(text).scales["belonging"]
    assert len(scale.items) == 18
    assert (scale.minimum, scale.maximum) == (1, 5)
    # Goodenow (1993): five items are negatively worded.
    assert [int(item[-2:]) for item in scale.reverse] == [3, 6, 9, 12, 16]


def test_own_item_names_keep_the_instruments_keys() -> None:
    text = MINIMAL.replace(
        "    items: [b1, b2, b3]\n    range: [1, 5]\n    reverse: [b3]\n",
        "    instrument: pisa_belonging/rising_codes\n    items: [a, b, c, d, e, f]\n",
    )
    assert parse_study(text).scales["belonging"].reverse == ("a", "d", "f")


def test_unknown_instrument_names_the_nearest() -> None:
    text = MINIMAL.replace("    items: [b1, b2, b3]\n", "    instrument: psm\n")
    assert any("did you mean pssm?" in message for *_, message in mistakes(text))
    assert "pssm" in instrument_names()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match=r"no study\.yml"):
        load_study(tmp_path)


def test_nearest_ignores_case() -> None:
    assert nearest("SCHOOL", ["school"]) == "; did you mean school?"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_definition_gives_a_study_or_a_list_of_mistakes(data: st.DataObject) -> None:
    lines = MINIMAL.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(
        st.one_of(
            st.just(""),
            st.text(max_size=20),
            st.sampled_from(
                ["- 1", "x: [", "waves: 3", "design: []", "scales: {a: 1}", "outcomes: [[1]]", "? a", "1: 2"]
            ),
        )
    )
    lines[at] = damage
    try:
        study = parse_study("\n".join(lines))
    except StudyDefinitionError:
        return
    assert isinstance(study, Study)
