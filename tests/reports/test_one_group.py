"""A report on a study without a comparison group tells of changes, and of no effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import made_up_study

from belonging_study.figures import event_study_plot, flow_diagram, means_by_wave, school_changes
from belonging_study.reports.cautions import cautions
from belonging_study.reports.design import assignment_text, value_labels
from belonging_study.reports.methods import methods_text
from belonging_study.reports.words import summarise
from belonging_study.study.model import Study


@pytest.fixture
def study() -> Study:
    return made_up_study(design={"class": "class_id", "assignment": {"starts": "w2", "comparison": None}})


def estimates(low: float, high: float, **more: Any) -> pd.DataFrame:
    row = {
        "wave": "w3",
        "outcome": "belonging",
        "role": "primary",
        "model": "change",
        "term": "change",
        "contrast": "Second follow-up v Baseline",
        "group": "all",
        "estimate": (low + high) / 2,
        "conf_low": low,
        "conf_high": high,
        "effect_size": (low + high) / 2,
        "effect_size_low": low,
        "effect_size_high": high,
        "n_students": 240,
        "n_clusters_treated": 12,
        "n_clusters_comparison": 0,
        "note": "",
    }
    return pd.DataFrame([row, {**row, "model": "multilevel"}]).assign(**more)


def everything(study: Study, table: pd.DataFrame) -> str:
    wave = study.wave("w3")
    summary = summarise(study, wave, table, pd.DataFrame())
    said = [summary.headline, *summary.paragraphs, *cautions(study, wave, estimates=table)]
    return "\n".join([*said, methods_text(study, wave), assignment_text(study)])


@pytest.mark.parametrize(("low", "high"), [(0.2, 0.4), (-0.1, 0.3), (-0.3, -0.2), (0.01, 0.05), (-0.05, 0.05)])
def test_nothing_in_a_report_speaks_of_the_programmes_effect(study: Study, low: float, high: float) -> None:
    text = everything(study, estimates(low, high))
    for claim in ("with the programme by", "the programme changed school", "difference-in-differences", "None", " nan"):
        assert claim not in text
    assert "comparison schools" not in text
    assert "There was no comparison group" in text
    assert "What Works Clearinghouse does not accept" in text
    assert "Shadish" in text


def test_sentences_follow_the_interval(study: Study) -> None:
    wave = study.wave("w3")

    def headline(low: float, high: float) -> str:
        return summarise(study, wave, estimates(low, high), pd.DataFrame()).headline

    assert headline(0.2, 0.4).startswith("School belonging rose by about 0.30 points (between 0.20 and 0.40).")
    assert "the change may have other causes than the programme" in headline(0.2, 0.4)
    assert headline(-0.4, -0.2).startswith("School belonging fell by about 0.30 points (between 0.20 and 0.40).")
    assert headline(-0.1, 0.3).startswith("We cannot tell whether school belonging changed")
    assert "no change can be put down to the programme" in headline(-0.1, 0.3)
    assert headline(-0.05, 0.05).startswith("School belonging changed little or not at all")


def test_a_hidden_change_is_named_as_hidden(study: Study) -> None:
    hidden = estimates(np.nan, np.nan, suppressed="fewer than 10")
    text = summarise(study, study.wave("w3"), hidden, pd.DataFrame()).headline
    assert "is not shown, to protect a small number of students" in text


def test_before_the_programme_there_is_no_change_yet(study: Study) -> None:
    summary = summarise(study, study.wave("w1"), pd.DataFrame(), pd.DataFrame())
    assert summary.headline.endswith("so there is no change to report yet.")
    assert cautions(study, study.wave("w1"))[0].startswith("Everybody gets the programme")
    assert "comparison" in value_labels(study)["arm"]


def test_attrition_of_one_group_is_told_where_it_is_large(study: Study) -> None:
    lost = pd.DataFrame({"outcome": "belonging", "level": ["clusters", "students"], "attrition": [0.0, 0.31]})
    said = [c for c in cautions(study, study.wave("w3"), estimates=estimates(0.2, 0.4), attrition=lost) if "lost" in c]
    assert said == [
        "Of the students before the programme 31% were lost for school belonging: the change is that of those who "
        "stayed."
    ]


def test_figures_of_one_group_name_no_arm() -> None:
    flow = pd.DataFrame(
        {
            "wave": "w1",
            "stream": "students",
            "step": [0, 1, 2],
            "kind": ["start", "excluded", "remaining"],
            "label": ["In the survey", "No consent", "Analysis sample"],
            "arm": "all",
            "n_students": [100, 12, 88],
            "n_clusters": [4, 0, 4],
        }
    )
    drawn = flow_diagram(flow, wave="w1", arms=["all"])
    assert drawn.alt.startswith("Flow of students. Everybody: In the survey 100 in 4 schools")
    assert "arm" not in drawn.alt
    means = pd.DataFrame(
        {"outcome": "b", "wave": ["w1", "w2"], "arm": "p", "mean": [3.0, 3.4], "conf_low": 2.9, "conf_high": 3.5}
    )
    drawn = means_by_wave(
        means, outcomes={"b": "Belonging"}, waves={"w1": "Before", "w2": "After"}, comparison=None, programmes=["p"]
    )
    assert drawn.alt == "Means by wave with intervals. Belonging: 3.00 at Before, 3.40 at After."
    assert not drawn.figure.legends
    schools = pd.DataFrame(
        {"arm": "p", "observed": [0.5, -0.2], "shrunken": [0.4, -0.1], "conf_low": [0.2, -0.3], "conf_high": [0.6, 0.1]}
    )
    alt = school_changes(schools, comparison=None, programmes=["p"], label="Belonging", level="class").alt
    assert alt == "Belonging, change of each class, unnamed. 2 classes from −0.10 to 0.40 after shrinkage."
    waves = pd.DataFrame(
        {
            "wave": ["w1", "w2"],
            "estimate": [0.0, 0.3],
            "conf_low": [0, 0.1],
            "conf_high": [0, 0.5],
            "reference": [True, False],
        }
    )
    alt = event_study_plot(waves, {"w1": "Before", "w2": "After"}, label="Belonging", one_group=True).alt
    assert alt.startswith("Belonging: change in each wave, against Before.")
