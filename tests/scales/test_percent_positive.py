"""The three definitions, held to sandwich's clustered variance and to figures worked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from belonging_study.errors import ColumnMissingError, DataError, ParameterError, ValueRangeError
from belonging_study.scales import percent_positive

CARING = [f"w1_q{i:02d}" for i in range(1, 7)]
VOICE = [f"w1_q{i:02d}" for i in range(7, 13)]
FIGURES = ["estimate", "std_error", "conf_low", "conf_high", "n_clusters"]


@pytest.fixture(scope="module")
def answers(project: Path) -> pd.DataFrame:
    data = pd.read_csv(project / "tests/reference/structure_answers.csv")
    data["w1_q03"] = 6 - data["w1_q03"]
    return data.assign(room=data["arm"] + " " + data["school"])


@pytest.fixture(scope="module")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/percent_positive.json").read_text())


def agree(row: pd.Series, stored: dict[str, Any]) -> None:
    np.testing.assert_allclose(row[FIGURES].to_numpy(dtype=float), [stored[name] for name in FIGURES], rtol=1e-9)
    assert row["n_positive"] == stored["n_positive"]


@pytest.mark.parametrize("cluster", [None, "room"])
def test_pooled_items_agree_with_sandwich(answers: pd.DataFrame, stored: dict[str, Any], cluster: str | None) -> None:
    table = percent_positive(
        answers, CARING, cut=4, minimum=1, maximum=5, reverse=["w1_q03"], by="arm", cluster=cluster
    )
    assert table["level"].tolist() == ["all", "control", "offer"]
    agree(table.iloc[0], stored["pooled_items_room" if cluster else "pooled_items"])
    assert table["n_answers"].iloc[0] == stored["pooled_items"]["n"] == answers[CARING].notna().sum().sum()
    if cluster:
        agree(table.iloc[2], stored["pooled_items_room_offer"])
        assert "5 clusters only" in table["note"].iloc[2]
        assert table["note"].iloc[0] == ""


@pytest.mark.parametrize("cluster", [None, "room"])
def test_person_mean_agrees_with_sandwich(answers: pd.DataFrame, stored: dict[str, Any], cluster: str | None) -> None:
    form = {"cut": 3.5, "minimum": 1, "maximum": 5, "reverse": ["w1_q03"], "cluster": cluster}
    table = percent_positive(answers, CARING, definition="person_mean", **form)  # type: ignore[arg-type]
    agree(table.iloc[0], stored["person_mean_room" if cluster else "person_mean"])
    assert table["n_students"].item() == stored["person_mean"]["n"] < len(answers)
    if cluster:
        both = {"caring": CARING, "voice": VOICE}
        table = percent_positive(answers, both, definition="all_conditions", **form)  # type: ignore[arg-type]
        agree(table.iloc[0], stored["all_conditions_room"])
        assert table["n_students"].item() == stored["all_conditions_room"]["n"]


def items_at(shares: list[int], answered: list[int]) -> pd.DataFrame:
    """Items with that percentage of positive answers among those who answered."""
    n = max(answered)
    return pd.DataFrame(
        {
            f"q{j}": [5.0] * (s * m // 100) + [2.0] * (m - s * m // 100) + [np.nan] * (n - m)
            for j, (s, m) in enumerate(zip(shares, answered, strict=True))
        }
    )


def test_worked_examples() -> None:
    equal = percent_positive(items_at([20, 30, 40], [100] * 3), ["q0", "q1", "q2"], cut=4, minimum=1, maximum=6)
    assert equal["estimate"].item() == pytest.approx(30)
    twice = percent_positive(items_at([20, 30, 40], [200, 100, 100]), ["q0", "q1", "q2"], cut=4, minimum=1, maximum=6)
    assert twice["estimate"].item() == pytest.approx(27.5)


def test_a_mean_at_the_cut_counts_whatever_its_rounding() -> None:
    data = pd.DataFrame([[0.1, 0.2, 0.3], [0.1, 0.2, 0.29]]).add_prefix("q")
    form = {"cut": 0.2, "minimum": 0, "maximum": 1, "definition": "person_mean"}
    assert percent_positive(data, list(data), **form)["n_positive"].item() == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("positive", [True, False])
def test_nought_and_a_hundred_have_an_exact_interval(positive: bool) -> None:
    data = pd.DataFrame({"q1": [5.0 if positive else 1.0] * 40, "room": np.repeat(np.arange(8), 5)})
    row = percent_positive(data, ["q1"], cut=4, minimum=1, maximum=5).iloc[0]
    exact = stats.binomtest(40 if positive else 0, 40).proportion_ci(method="exact")
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((100 * exact.low, 100 * exact.high))
    assert np.isnan(row["std_error"])
    assert "Clopper" in row["note"]
    exact = stats.binomtest(8 if positive else 0, 8).proportion_ci(method="exact")
    row = percent_positive(data, ["q1"], cut=4, minimum=1, maximum=5, cluster="room").iloc[0]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((100 * exact.low, 100 * exact.high))


def test_figures_that_cannot_be_had_are_named() -> None:
    data = pd.DataFrame({"q1": [5, 1, 5, 1.0, None], "room": [1, 1, 2, 2, 3], "g": ["a", "a", "b", None, "c"]})
    table = percent_positive(data, ["q1"], cut=4, minimum=1, maximum=5, cluster="room", by="g").set_index("level")
    assert table.index.tolist() == ["all", "a", "b", "c", "(missing)"]
    assert "every cluster has the same share" in table.loc["all", "note"]
    assert table.loc["a", "note"] == "one cluster only, so neither standard error nor interval"
    assert "Clopper" in table.loc["b", "note"]
    assert table.loc["c", "note"] == "nobody answered enough to count"
    assert table["n_students"].tolist() == [4, 2, 1, 0, 1]


def test_an_unreversed_item_is_named(answers: pd.DataFrame) -> None:
    table = percent_positive(answers, CARING, cut=4, minimum=1, maximum=5, by="arm")
    assert "looks unreversed: w1_q03" in table["note"].iloc[0]


@pytest.mark.slow
def test_the_clustered_interval_covers() -> None:
    rng = np.random.default_rng(5)
    hits, n_runs = 0, 200
    for _ in range(n_runs):
        chance = stats.beta.rvs(6, 4, size=20, random_state=rng)
        data = pd.DataFrame(
            (rng.random((400, 3)) < np.repeat(chance, 20)[:, None]).astype(float), columns=["a", "b", "c"]
        ).assign(room=np.repeat(np.arange(20), 20))
        row = percent_positive(data, ["a", "b", "c"], cut=1, minimum=0, maximum=1, cluster="room").iloc[0]
        hits += row["conf_low"] <= 60 <= row["conf_high"]
    assert 0.91 <= hits / n_runs <= 0.985


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"cut": 1}, ParameterError),
        ({"cut": 9}, ParameterError),
        ({"cut": float("nan")}, ParameterError),
        ({"definition": "mean"}, ParameterError),
        ({"definition": "all_conditions"}, ParameterError),
        ({"items": {"a": CARING}}, ParameterError),
        ({"items": "w1_q01"}, ParameterError),
        ({"items": []}, ParameterError),
        ({"items": {}, "definition": "all_conditions"}, ParameterError),
        ({"items": {"a": "w1_q01"}, "definition": "all_conditions"}, ParameterError),
        ({"items": {"a": CARING, "b": CARING[:2]}, "definition": "all_conditions"}, DataError),
        ({"conf_level": 95}, ParameterError),
        ({"min_answered": 80, "definition": "person_mean"}, ParameterError),
        ({"items": ["w1_q99"]}, ColumnMissingError),
        ({"by": "nothing"}, ColumnMissingError),
        ({"items": ["arm"]}, ValueRangeError),
        ({"maximum": 4}, ValueRangeError),
    ],
)
def test_wrong_arguments(answers: pd.DataFrame, wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        percent_positive(answers, **({"items": CARING, "cut": 4, "minimum": 1, "maximum": 5} | wrong))


def test_a_student_without_a_cluster_and_an_empty_table(answers: pd.DataFrame) -> None:
    data = answers.assign(room=answers["room"].mask(answers.index < 3))
    with pytest.raises(DataError, match="3 of 600 rows have no room"):
        percent_positive(data, CARING, cut=4, minimum=1, maximum=5, cluster="room")
    with pytest.raises(DataError, match="no rows"):
        percent_positive(data.iloc[:0], CARING, cut=4, minimum=1, maximum=5)
