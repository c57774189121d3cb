"""Differential item functioning against MASS::polr, and against items that are known to differ."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError, UserError, ValueRangeError
from belonging_study.scales import dif
from belonging_study.scales.fairness.proportional_odds import proportional_odds

TWELVE = [f"w2_q{i:02d}" for i in range(1, 13)]
Q = [f"q{i}" for i in range(1, 9)]


@pytest.fixture(scope="module")
def polr(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/fairness_dif.json").read_text())


def form(seed: int, *, n: int = 500, k: int = 8, mean: float = 0.0, shift: float = 0.0, slope: float = 0.0) -> Any:
    """Answers of 1 to 5; in the second group q2 is easier to agree with and q3 reflects the trait less."""
    rng = np.random.default_rng(seed)
    second = np.repeat([0.0, 1.0], n)
    trait = rng.normal(size=2 * n) + mean * second
    loadings = np.full((2 * n, k), 0.75)
    loadings[:, 2] -= slope * second
    latent = loadings * trait[:, None] + 0.66 * rng.normal(size=(2 * n, k))
    latent[:, 1] += shift * second
    answers = np.digitize(latent, [-1.6, -0.9, -0.2, 0.8]) + 1
    return pd.DataFrame(answers, columns=[f"q{i}" for i in range(1, k + 1)]).assign(arm=np.repeat(["a", "b"], n))


@pytest.mark.parametrize("group", ["arm", "region"])
@pytest.mark.parametrize("matching", ["total", "rest_score"])
def test_as_polr(group: str, matching: str, answers: pd.DataFrame, polr: dict[str, Any]) -> None:
    region = answers["school"].map({"A": "A", "B": "BC", "C": "BC", "D": "DE", "E": "DE"})
    found = dif(answers.assign(region=region), TWELVE, group=group, matching=matching, purify=False)
    stored = pd.DataFrame(polr[f"{group}_{matching}"])
    numbers = [c for c in stored.columns if c not in ("item", "higher_in", "log_odds")]
    np.testing.assert_allclose(found[numbers], stored[numbers], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["log_odds"], stored["log_odds"], rtol=0, atol=1e-4)
    assert found["higher_in"].tolist() == stored["higher_in"].tolist()
    assert (found["df_both"] == (2 if group == "arm" else 4)).all()
    if (group, matching) == ("region", "total"):
        np.testing.assert_allclose(found["p_adjusted"], polr["region_holm"], atol=1e-6)
        joined = found["note"].str.contains("joined")
        assert (joined == (stored["n_categories"] < 5)).all()


def test_the_two_kinds_are_told_apart() -> None:
    table = dif(form(3, n=1000, shift=0.6, slope=0.5), Q, group="arm", minimum=1, maximum=5).set_index("item")
    assert table.loc["q2", ["kind", "higher_in", "lower_in"]].tolist() == ["uniform", "b", "a"]
    assert table.loc["q3", "kind"] == "non-uniform"
    assert (table.drop(index=["q2", "q3"])["classification"] == "negligible").all()
    assert table.loc["q2", "classification"] in ("moderate", "large")
    assert not table.loc[["q2", "q3"], "in_matching"].any()


def test_purification_clears_the_other_items() -> None:
    data = form(5, n=1500, shift=1.5)
    usual, purified = (dif(data, Q, group="arm", purify=p).set_index("item") for p in (False, True))
    others = usual.index.drop("q2")
    assert (usual.loc[others, "p_adjusted"] < 0.05).any()
    assert (purified.loc[others, "p_adjusted"] > 0.05).all()
    assert purified.loc["q2", "chi2_uniform"] > 100


def test_too_many_items_differ() -> None:
    data = form(6, n=1000)
    for item in Q[:5]:
        data.loc[data["arm"] == "b", item] = (data[item] + 1).clip(upper=5)
    found = dif(data, Q, group="arm")
    assert found["note"].str.contains("over half of the 8 items differ").all()


def test_reverse_worded_items() -> None:
    data = form(7, shift=0.5)
    usual = dif(data, Q, group="arm")
    turned = dif(data.assign(q4=6 - data["q4"]), Q, group="arm", reverse=["q4"], minimum=1, maximum=5)
    pd.testing.assert_frame_equal(usual, turned)
    forgotten = dif(data.assign(q4=6 - data["q4"]), Q, group="arm").set_index("item")
    assert "looks unreversed" in forgotten.loc["q4", "note"]
    assert "unreversed" not in forgotten.loc["q5", "note"]


def test_missing_answers_and_groups_are_counted() -> None:
    data = form(8, n=200)
    data.loc[:9, "q1"] = np.nan
    data.loc[10:14, Q] = np.nan
    data.loc[15:17, "arm"] = None
    table = dif(data, Q, group="arm").set_index("item")
    assert table.loc["q1", "n_students"] == 400 - 10 - 5 - 3
    assert table.loc["q2", "n_students"] == 400 - 5 - 3
    assert table.loc["q2", "n_by_group"] == "a 192, b 200"
    assert table["note"].str.contains("3 of 400 people have no arm").all()
    assert "little power: a (192)" in table.loc["q2", "note"]


def test_rare_answers_are_joined_with_the_smaller_neighbour() -> None:
    data = form(9, n=200)
    data["q1"] = data["q1"].clip(2, 5)
    data.loc[:2, "q1"] = 1
    row = dif(data, Q, group="arm").set_index("item").loc["q1"]
    assert "1 and 2" in row["note"]
    assert row["n_categories"] == 4
    rare = data.assign(q1=np.where(data.index < 3, 1, 5))
    with pytest.raises(DataError, match="q1: no two answers were each given by 5"):
        dif(rare, Q, group="arm")


@pytest.mark.parametrize("how", ["constant", "empty", "text", "infinite", "few", "five", "one", "item", "group", "99"])
def test_answers_that_cannot_be_tested(how: str) -> None:
    data = form(1, n=100)
    spoilt = {
        "constant": lambda: data.assign(q2=3),
        "empty": lambda: data.assign(q2=np.nan),
        "text": lambda: data.assign(q2="often"),
        "infinite": lambda: data.assign(q2=data["q2"].where(data.index > 0, np.inf)),
        "few": lambda: data.groupby("arm").head(4),
        "five": lambda: data.head(105),
        "one": lambda: data.assign(arm="a"),
        "item": lambda: data.drop(columns="q2"),
        "group": lambda: data.drop(columns="arm"),
        "99": lambda: data.assign(q2=data["q2"].where(data.index > 0, 99)),
    }
    with pytest.raises(UserError):
        dif(spoilt[how](), Q, group="arm")


def test_choices_that_make_no_sense() -> None:
    data = form(1, n=50)
    with pytest.raises(ParameterError, match="matching"):
        dif(data, Q, group="arm", matching="rest")
    with pytest.raises(ParameterError, match="three items"):
        dif(data, Q[:2], group="arm")
    with pytest.raises(ParameterError, match="needs both"):
        dif(data, Q, group="arm", reverse=["q1"])
    with pytest.raises(ParameterError, match="which is an item"):
        dif(data, Q, group="q1")
    with pytest.raises(ValueRangeError, match="outside"):
        dif(data, Q, group="arm", minimum=1, maximum=4)
    with pytest.raises(DataError, match="different answers"):
        dif(data.assign(q1=np.arange(100.0)), Q, group="arm")


def test_answers_that_the_groups_determine_have_no_test() -> None:
    codes = np.repeat([0, 1], 50)
    assert proportional_odds(codes, codes[:, None].astype(float), np.ones(100)) is None


def test_no_items_differ_where_none_does() -> None:
    tables = [dif(form(100 + s, n=300, mean=0.3), Q, group="arm") for s in range(15)]
    assert all((t["classification"] == "negligible").all() for t in tables)
    uniform = np.concatenate([t["p_uniform"] for t in tables])
    assert np.mean(uniform < 0.05) < 0.13


def test_eighteen_items_of_many_people_take_seconds() -> None:
    data = form(2, n=750, k=18, shift=0.5)
    began = time.process_time()
    dif(data, [f"q{i}" for i in range(1, 19)], group="arm")
    assert time.process_time() - began < 10
