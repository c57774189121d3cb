"""Outcomes that say who is positive on some scales, and scales in percent of the maximum, from study.yml to scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from belonging_study.errors import ParameterError, StudyDefinitionError
from belonging_study.reports.design import outcome_table
from belonging_study.scales import score_study
from belonging_study.study import Study, Unit, unit_of
from belonging_study.study.load import parse_study


def definition(**outcome: Any) -> dict[str, Any]:
    wave = {"sources": [{"file": "s.csv"}]}
    form = {"range": [1, 5], "minimum_answered": 0.5}
    return {
        "title": "T",
        "name": "t",
        "programme": {"name": "P"},
        "waves": [
            {"name": "w1", "label": "W", "date": "2024-10-07", "before_programme": True, **wave},
            {"name": "w2", "label": "W", "date": "2025-05-12", **wave},
        ],
        "design": {"assignment": {"starts": "w2"}},
        "scales": {
            "caring": {"label": "Caring", "items": ["c1", "c2"], "reverse": ["c2"], "positive": 4, **form},
            "voice": {
                "label": "Voice",
                "items": ["v1", "v2"],
                "positive": 3.5,
                "score": "percent_of_maximum",
                "waves": ["w2"],
                **form,
            },
            "other": {"label": "Other", "items": ["o1"], **form},
        },
        "outcomes": [
            {"name": "both", "label": "Both", "positive": ["caring", "voice"], "kind": "binary", **outcome},
            {"name": "score", "label": "Voice", "measure": "voice"},
        ],
    }


def study_of(raw: dict[str, Any]) -> Study:
    return parse_study(yaml.safe_dump(raw, sort_keys=False).replace("'2024-10-07'", "2024-10-07"))


def mistakes(raw: dict[str, Any]) -> str:
    with pytest.raises(StudyDefinitionError) as caught:
        study_of(raw)
    return "\n".join(map(str, caught.value.mistakes))


@pytest.fixture
def responses() -> pd.DataFrame:
    rows = [
        ["w2", 4, 2, 3, 4],  # 4 and 3.5: both at the cut
        ["w2", 4, 2, 3, 3],  # voice below
        ["w2", None, 1, 5, None],  # half of the items answered is enough here
        ["w2", None, None, 1, 1],  # caring unknown: neither yes nor no, though voice is low
        ["w1", 5, 1, None, None],
    ]
    return pd.DataFrame(rows, columns=["wave", "c1", "c2", "v1", "v2"]).assign(o1=1.0)


def test_positive_on_every_scale(responses: pd.DataFrame) -> None:
    scored = score_study(study_of(definition()), responses)
    np.testing.assert_array_equal(scored["both"], [1, 0, 1, np.nan, np.nan])
    np.testing.assert_array_equal(scored["score"], [62.5, 50, 100, 0, np.nan])
    assert scored["caring"].tolist()[:3] == [4, 4, 5]


def test_one_scale_gives_the_persons_mean(responses: pd.DataFrame) -> None:
    study = study_of(definition(positive=["caring"]))
    np.testing.assert_array_equal(score_study(study, responses)["both"], [1, 1, 1, np.nan, 1])
    assert [o.name for o in study.outcomes_in("w1")] == ["both"]


def test_the_waves_of_every_scale_count() -> None:
    study = study_of(definition())
    assert study.outcomes_in("w1") == ()
    assert [o.name for o in study.outcomes_in("w2")] == ["both", "score"]
    assert study.outcome("both").measure == "both"
    assert study.scales_of(study.outcome("both")) == ("caring", "voice")


def test_units_and_what_reports_say_of_it() -> None:
    study = study_of(definition())
    assert unit_of(study, study.outcome("both")) == Unit("percentage points", 100.0, "share of students")
    assert unit_of(study, study.outcome("score")).name == "percent of the maximum"
    measured = outcome_table(study)["measured"].tolist()
    assert measured[0] == "yes or no: mean answer at or above the cut in Caring (4) and Voice (3.5)"
    assert measured[1] == "mean of 2 questions in percent of the maximum, 0 to 100"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"positive": ["carring"]}, "'carring' is not a scale of this study; did you mean caring?"),
        ({"positive": ["other"]}, "the scale other has no `positive:`"),
        ({"positive": []}, "name the scales on which a student must be positive"),
        ({"kind": "continuous"}, "write `kind: binary`"),
        ({"values": ["no", "yes"]}, "has no values in the files"),
        ({"measure": "voice"}, "leave `measure` out"),
        ({"name": "caring"}, "caring is a scale already"),
        ({"positive": 4}, "positive"),
    ],
)
def test_mistakes_are_told_as_the_file_is_read(outcome: dict[str, Any], said: str) -> None:
    assert said in mistakes(definition(**outcome))


def test_a_study_made_without_the_file_is_held_to_it_too(responses: pd.DataFrame) -> None:
    study = Study.model_validate(definition(positive=["other"]))
    with pytest.raises(ParameterError, match="that scale has no cut"):
        score_study(study, responses)
