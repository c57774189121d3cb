"""What unlike items do to the score's difference: against lavaan with the formulas in R, and against built-in truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairness_truth import ITEMS, SIX, six_items
from structure_truth import three_factors

from belonging_study.errors import DesignError, ParameterError
from belonging_study.scales import cfa, dmacs, non_invariance_effect, partial_invariance

EQUAL = ["loadings", "intercepts"]
FREE = ["w2_q04~1", "f2=~w2_q08", "w2_q08~1"]
ALL = [f"w2_q{i:02d}" for i in range(1, 19)]


@pytest.fixture(scope="module")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/fairness_partial.json").read_text())


def agree(table: pd.DataFrame, items: pd.DataFrame, stored: list[dict[str, Any]]) -> None:
    assert set(table["group"]) == {row["group"] for row in stored}
    for row in stored:
        ours = table.set_index("group").loc[row["group"]]
        for name, key in {
            "bias": "bias",
            "bias_std_error": "bias_error",
            "adjusted_difference": "adjusted",
            "adjusted_std_error": "adjusted_error",
        }.items():
            assert ours[name] == pytest.approx(row[key], abs=1e-6 if "error" in name else 2e-5), name
        own = items[items["group"] == row["group"]]
        np.testing.assert_allclose(own["bias"], row["item"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(own["bias_std_error"], row["item_error"], rtol=0, atol=1e-6)
        if isinstance(row["raw"], float):
            np.testing.assert_allclose(own["dmacs"], row["dmacs"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(own["dmacs_signed"], row["signed"], rtol=0, atol=1e-5)
            assert ours["raw_difference"] == pytest.approx(row["raw"], abs=1e-12)
            assert ours["raw_std_error"] == pytest.approx(row["raw_error"], abs=1e-12)
            assert ours["raw_standardised"] == pytest.approx(row["raw"] / row["sd"], abs=1e-12)


@pytest.mark.parametrize(
    ("name", "group", "reference", "items", "estimator"),
    [
        ("schools", "school", "A", ALL, "ML"),
        ("schools_d", "school", "D", ALL[2:9], "ML"),
        ("arms_mlr", "arm", "control", ALL, "MLR"),
    ],
)
def test_as_lavaan(
    name: str,
    group: str,
    reference: str,
    items: list[str],
    estimator: str,
    answers: pd.DataFrame,
    stored: dict[str, Any],
) -> None:
    fit = cfa(three_factors(2), answers, group=group, equal=EQUAL, free=FREE, estimator=estimator)
    asked: dict[str, Any] = {"items": items, "group": group, "reference": reference}
    table = non_invariance_effect(fit, answers, **asked)
    agree(table, dmacs(fit, answers, **asked), stored[name])
    assert (table["reference"] == reference).all()


def test_missing_answers_as_lavaan(answers: pd.DataFrame, stored: dict[str, Any]) -> None:
    free = [f.replace("w2", "w1") for f in FREE]
    fit = cfa(three_factors(1), answers, group="arm", equal=EQUAL, free=free, missing="fiml")
    asked: dict[str, Any] = {"items": [i.replace("w2", "w1") for i in ALL], "group": "arm", "reference": "control"}
    table = non_invariance_effect(fit, answers, **asked)
    agree(table, dmacs(fit, answers, **asked), stored["arms_fiml"])
    assert table["raw_difference"].iloc[0] == pytest.approx(stored["fiml_raw"]["raw"], abs=1e-6)
    assert table["raw_std_error"].iloc[0] == pytest.approx(stored["fiml_raw"]["error"], abs=1e-6)
    assert "maximum-likelihood means" in table["note"].iloc[0]


def test_the_parts_add_up_and_the_unit_does_not_matter() -> None:
    data = six_items(11, groups=3, shift=0.5, weaker=0.3)
    asked: dict[str, Any] = {"items": ITEMS, "group": "arm", "reference": "a"}
    found = partial_invariance(SIX, data, group="arm")
    table = non_invariance_effect(found, data, **asked)
    items = dmacs(found, data, **asked)
    np.testing.assert_allclose(items.groupby("group")["contribution"].sum(), table["bias"], atol=1e-12)
    np.testing.assert_allclose(table["implied_difference"], table["raw_difference"], atol=0.02)
    assert set(items.loc[items["differs"], "item"]) == {"q2", "q3"}
    assert (items.loc[~items["differs"], ["bias", "bias_std_error", "dmacs"]] == 0).all(axis=None)
    # The same model with the first item as marker instead of factors of variance 1.
    marker = cfa(SIX, data, group="arm", equal=EQUAL, free=found.freed)
    again = non_invariance_effect(marker, data, **asked)
    numbers = table.select_dtypes("number").columns
    np.testing.assert_allclose(again[numbers], table[numbers], atol=1e-6)


def test_nothing_to_correct_where_all_items_are_alike() -> None:
    data = six_items(9)
    fit = cfa(SIX, data, group="arm", equal=EQUAL)
    row = non_invariance_effect(fit, data, items=ITEMS, group="arm", reference="a").iloc[0]
    assert (row["bias"], row["bias_conf_low"], row["bias_conf_high"]) == (0, 0, 0)
    assert "no item of the score differs" in row["note"]
    back = non_invariance_effect(fit, data, items=ITEMS, group="arm", reference="b").iloc[0]
    assert back["adjusted_difference"] == pytest.approx(-row["adjusted_difference"])


def test_a_score_of_some_items() -> None:
    data = six_items(11, shift=0.5)
    fit = cfa(SIX, data, group="arm", equal=EQUAL, free=["q2~1"])
    asked: dict[str, Any] = {"group": "arm", "reference": "a"}
    without = non_invariance_effect(fit, data, items=["q1", "q4"], **asked).iloc[0]
    assert without["bias"] == 0
    means = data.groupby("arm")[["q1", "q4"]].mean().mean(axis=1)
    assert without["raw_difference"] == pytest.approx(means["b"] - means["a"])
    whole, two = (non_invariance_effect(fit, data, items=i, **asked)["bias"].iloc[0] for i in (ITEMS, ["q1", "q2"]))
    assert two == pytest.approx(3 * whole)


def test_what_cannot_be_told() -> None:
    data = six_items(4, n=300)
    asked: dict[str, Any] = {"items": ITEMS, "group": "arm", "reference": "a"}
    fit = cfa(SIX, data, group="arm", equal=EQUAL, free=["q2~1"])
    with pytest.raises(DesignError, match="0 of 6 items of f have equal"):
        non_invariance_effect(cfa(SIX, data, group="arm"), data, **asked)
    with pytest.raises(ParameterError, match="no groups"):
        non_invariance_effect(cfa(SIX, data), data, **asked)
    with pytest.raises(ParameterError, match="not in the model: q9"):
        non_invariance_effect(fit, data, items=["q1", "q9"], group="arm", reference="a")
    with pytest.raises(ParameterError, match="list of different items"):
        non_invariance_effect(fit, data, items="q1", group="arm", reference="a")
    with pytest.raises(ParameterError, match="one of a, b"):
        non_invariance_effect(fit, data, items=ITEMS, group="arm", reference="z")
    with pytest.raises(ParameterError, match="not those that the model was fitted to"):
        non_invariance_effect(fit, data.head(500), **asked)
    with pytest.raises(ParameterError, match="not those that the model was fitted to"):
        dmacs(fit, data.assign(q4=data["q4"] + 1), **asked)
    steps = data.assign(**{i: np.digitize(data[i], [-1, 0, 1]) for i in ITEMS})
    with pytest.raises(ParameterError, match="ordered"):
        non_invariance_effect(cfa(SIX, steps, group="arm", ordered=True), steps, **asked)
    for item, by in zip(("q1", "q2", "q3", "q4"), (0.9, -0.7, 0.5, -1.1), strict=True):
        data.loc[data["arm"] == "b", item] += by
    with pytest.raises(DesignError, match="no partially invariant model"):
        non_invariance_effect(partial_invariance(SIX, data, group="arm"), data, **asked)


@pytest.mark.slow
def test_a_planted_bias_is_recovered_and_covered() -> None:
    # Half a point on q2, and q3's loading .3 lower where the factor's mean is .3: (.5 - .3 * .3) / 6 of a point.
    runs, truth = 150, (0.5 - 0.09) / 6
    true_difference = 0.8 * 0.3
    rows = []
    for seed in range(runs):
        data = six_items(seed, n=250, shift=0.5, weaker=0.3)
        fit = cfa(SIX, data, group="arm", equal=EQUAL, free=["q2~1", "f=~q3", "q3~1"])
        rows.append(non_invariance_effect(fit, data, items=ITEMS, group="arm", reference="a"))
    table = pd.concat(rows)
    assert table["bias"].mean() == pytest.approx(truth, abs=0.003)
    assert table["adjusted_difference"].mean() == pytest.approx(true_difference, abs=0.012)
    assert table["bias"].std() == pytest.approx(table["bias_std_error"].mean(), rel=0.15)
    covered = table["bias_conf_low"].le(truth) & table["bias_conf_high"].ge(truth)
    adjusted = table["adjusted_conf_low"].le(true_difference) & table["adjusted_conf_high"].ge(true_difference)
    assert 0.91 <= covered.mean() <= 0.985
    assert 0.91 <= adjusted.mean() <= 0.985
