"""The search for items that differ, on answers in which it is known which do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairness_truth import SIX, SPOILT, six_items, spoilt
from structure_truth import HS

from belonging_study.errors import DesignError, ParameterError, UserError
from belonging_study.scales import cfa, compare_models, invariance, modification_indices, partial_invariance


def test_the_shifted_item_and_the_weaker_one_are_found() -> None:
    found = partial_invariance(SIX, six_items(3, shift=0.5, weaker=0.4), group="arm")
    assert found.freed == ("f=~q3", "q3~1", "q2~1")
    assert (found.how, found.verdict, found.tested) == ("found by search", "partially invariant", True)
    assert found.steps["parameter"].tolist() == ["f=~q3", "q2~1"]
    assert found.steps["kind"].tolist() == ["loading", "intercept"]
    assert (found.steps["p_adjusted"] < 0.05).all()
    assert found.steps["n_tests"].tolist() == [12, 10]
    row = found.latent_means.iloc[0]
    assert (row["group"], row["reference"]) == ("b", "a")
    assert row["estimate"] == pytest.approx(0.3, abs=0.15)
    assert row["standardised"] == row["estimate"]
    assert any("q3~1" in note and "loadings" in note for note in found.notes)


def test_every_step_is_the_difference_of_two_fits() -> None:
    data = six_items(3, shift=0.5, weaker=0.4)
    found = partial_invariance(SIX, data, group="arm")
    metric = cfa(SIX, data, group="arm", equal=["loadings"], std_lv=True)
    released = cfa(SIX, data, group="arm", equal=["loadings"], free=["f=~q3"], std_lv=True)
    test = compare_models(metric, released).iloc[0]
    assert found.steps["chi2"].iloc[0] == pytest.approx(test["chi2_diff"], abs=1e-6)
    hints = modification_indices(metric).query("kind == 'release'")
    assert found.steps["score_chi2"].iloc[0] == pytest.approx(hints["chi2"].max(), abs=1e-6)
    last = cfa(SIX, data, group="arm", equal=["loadings", "intercepts"], free=found.freed, std_lv=True)
    assert found.model.fit["chi2"].iloc[0] == pytest.approx(last.fit["chi2"].iloc[0], abs=1e-6)


def test_the_two_schools_of_holzinger_and_swineford(shared_data: Path) -> None:
    # The items that the literature frees too; chi-squares by lavaan with x3~1 and x7~1 free, and without equalities.
    pupils = pd.read_csv(shared_data / "holzinger_swineford/HolzingerSwineford1939.csv")
    found = partial_invariance(HS, pupils, group="school")
    assert found.freed == ("x3~1", "x7~1")
    assert found.model.fit["chi2"].iloc[0] == pytest.approx(129.42248, abs=1e-5)
    assert any(f"chi-square {129.42248 - 115.85134:.2f} on 10 df" in note for note in found.notes)


def test_the_first_item_can_be_found_too() -> None:
    data = six_items(5, shift=0.6).rename(columns={"q1": "q2", "q2": "q1"})
    assert partial_invariance(SIX, data, group="arm").freed == ("q1~1",)
    data = six_items(5, weaker=0.4).rename(columns={"q1": "q3", "q3": "q1"})
    assert partial_invariance(SIX, data, group="arm").freed == ("f=~q1", "q1~1")


@pytest.mark.parametrize("options", [{"estimator": "MLR"}, {"missing": "fiml"}])
def test_the_other_ways_of_fitting_find_it_too(options: dict[str, str]) -> None:
    data = six_items(7, shift=0.5)
    holes = np.random.default_rng(1).random((len(data), 6)) < 0.1
    data.iloc[:, :6] = data.iloc[:, :6].mask(holes)
    found = partial_invariance(SIX, data, group="arm", **options)
    assert found.freed == ("q2~1",)
    assert found.model.n_students == ({"a": 500, "b": 500} if "missing" in options else found.model.n_students)


def test_three_groups_are_released_at_once() -> None:
    found = partial_invariance(SIX, six_items(8, groups=3, shift=0.5), group="arm")
    assert found.freed == ("q2~1",)
    assert found.steps["df"].tolist() == [2]
    assert found.latent_means["group"].tolist() == ["b", "c"]


def test_nothing_is_freed_where_all_is_equal() -> None:
    data = six_items(9)
    found = partial_invariance(SIX, data, group="arm")
    assert found.freed == ()
    assert found.steps.empty
    assert found.verdict == "every item is alike"
    scalar = invariance(SIX, data, group="arm")
    assert found.model.fit["chi2"].iloc[0] == pytest.approx(scalar.models["scalar"].fit["chi2"].iloc[0], abs=1e-6)
    # Factor means in other units, but the same in standard deviations.
    assert found.latent_means["standardised"].iloc[0] == pytest.approx(
        scalar.latent_means["standardised"].iloc[0], abs=1e-6
    )


def test_parameters_named_in_advance() -> None:
    data = six_items(3, shift=0.5)
    named = partial_invariance(SIX, data, group="arm", free=["q2 ~ 1"])
    assert (named.freed, named.how, named.tested) == (("q2~1",), "named in advance", True)
    only = partial_invariance(SIX, data, group="arm", free=["q5~1"], search=False)
    assert (only.freed, only.how, only.tested) == (("q5~1",), "named in advance", False)
    assert any("not tested" in note for note in only.notes)
    more = partial_invariance(SIX, data, group="arm", free=["q5~1"])
    assert (more.freed, more.how) == (("q5~1", "q2~1"), "found by search")


def test_too_few_items_alike() -> None:
    data = six_items(4, n=2000)
    for item, by in zip(("q1", "q2", "q3", "q4"), (0.9, -0.7, 0.5, -1.1), strict=True):
        data.loc[data["arm"] == "b", item] += by
    found = partial_invariance(SIX, data, group="arm")
    assert found.verdict == "no partially invariant model"
    assert found.latent_means.empty
    assert not found.tested
    assert len(found.freed) == 3
    assert any("would stay alike" in note for note in found.notes)
    named = partial_invariance(SIX, data, group="arm", free=[f"q{i}~1" for i in range(1, 6)], search=False)
    assert named.verdict == "no partially invariant model"
    two = partial_invariance("f =~ q2 + q5\ng =~ q1 + q3 + q6", data, group="arm")
    assert two.verdict == "no partially invariant model"


@pytest.mark.parametrize("how", SPOILT)
def test_answers_that_cannot_be_compared(how: str) -> None:
    with pytest.raises(UserError):
        partial_invariance(SIX, spoilt(how), group="arm")


def test_choices_that_do_not_exist() -> None:
    data = six_items(1, n=50)
    with pytest.raises(ParameterError, match="not a parameter"):
        partial_invariance(SIX, data, group="arm", free=["q9~1"])
    with pytest.raises(ParameterError, match="must be a list"):
        partial_invariance(SIX, data, group="arm", free="q2~1")
    with pytest.raises(ParameterError, match="estimator"):
        partial_invariance(SIX, data, group="arm", estimator="OLS")
    with pytest.raises(ParameterError, match="group"):
        partial_invariance(SIX, data, group=None)  # type: ignore[arg-type]
    with pytest.raises(DesignError):
        partial_invariance("f =~ q1 + q2", data, group="arm")


def test_an_unreversed_item_is_named() -> None:
    data = six_items(2)
    found = partial_invariance(SIX, data.assign(q4=-data["q4"]), group="arm")
    assert any("unreversed" in note and "q4" in note for note in found.notes)


@pytest.mark.slow
def test_how_often_the_search_is_right() -> None:
    runs = 30
    found = [partial_invariance(SIX, six_items(100 + s, shift=0.5), group="arm").freed for s in range(runs)]
    assert sum("q2~1" in f for f in found) >= runs - 1
    assert sum(f == ("q2~1",) for f in found) >= 0.88 * runs


def test_the_table_of_steps_has_its_columns_when_empty() -> None:
    steps = partial_invariance(SIX, six_items(9), group="arm").steps
    assert isinstance(steps, pd.DataFrame)
    assert {"parameter", "chi2", "p_value", "p_adjusted"} <= set(steps.columns)
