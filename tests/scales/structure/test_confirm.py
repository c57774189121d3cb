"""Estimates, standard errors and fit against lavaan; wrong data against plain errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from structure_truth import HS, STEPS, agree_on_estimates, agree_on_fit, three_factors

from belonging_study.errors import (
    ColumnMissingError,
    DataError,
    DesignError,
    ParameterError,
    UserError,
    ValueRangeError,
)
from belonging_study.scales import cfa

LABELS = """
visual =~ NA*x1 + a*x2 + a*x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + 1.1*x9
visual ~~ 1*visual
visual ~~ 0*speed
x7 ~~ x8
x1 ~~ b*x1
x2 ~~ b*x2
"""


@pytest.mark.parametrize(
    ("name", "model", "options"),
    [
        ("hs_ml", HS, {}),
        ("hs_means", f"{HS}\nx1 ~ 1", {}),
        ("hs_std_lv", HS, {"std_lv": True}),
        ("hs_mlr", HS, {"estimator": "MLR"}),
        ("hs_labels", LABELS, {}),
        ("hs_partial", HS, {"group": "school", "equal": STEPS["scalar"], "free": ["x3 ~ 1", "x7~1"]}),
        ("hs_equal_means", HS, {"group": "school", "equal": (*STEPS["strict"], "means")}),
        ("hs_scalar_std_lv", HS, {"group": "school", "equal": STEPS["scalar"], "std_lv": True}),
    ],
)
def test_real_pupils_as_lavaan(
    name: str, model: str, options: dict[str, Any], pupils: pd.DataFrame, lavaan: dict[str, Any]
) -> None:
    result = cfa(model, pupils, **options)
    agree_on_fit(result.fit, lavaan[name])
    agree_on_estimates(result.estimates, lavaan[name])


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("estimator", ["ML", "MLR"])
def test_real_pupils_in_two_schools_as_lavaan(
    step: str, estimator: str, pupils: pd.DataFrame, lavaan: dict[str, Any]
) -> None:
    stored = lavaan["hs_ladder_mlr" if estimator == "MLR" else "hs_ladder"]["steps"][step]
    result = cfa(HS, pupils, group="school", equal=STEPS[step], estimator=estimator)
    agree_on_fit(result.fit, stored)
    agree_on_estimates(result.estimates, stored)
    assert result.n_students == {"Pasteur": 156, "Grant-White": 145}


@pytest.mark.parametrize(
    ("name", "wave", "options"),
    [
        ("sim_ml", 2, {}),
        ("sim_mlr", 2, {"estimator": "MLR"}),
        ("sim_listwise", 1, {}),
        ("sim_fiml", 1, {"missing": "fiml"}),
        ("sim_fiml_arms", 1, {"missing": "fiml", "group": "arm", "equal": STEPS["scalar"]}),
    ],
)
def test_simulated_answers_as_lavaan(
    name: str, wave: int, options: dict[str, Any], answers: pd.DataFrame, lavaan: dict[str, Any]
) -> None:
    result = cfa(three_factors(wave), answers, **options)
    agree_on_fit(result.fit, lavaan[name])
    agree_on_estimates(result.estimates, lavaan[name])


@pytest.mark.parametrize("step", list(STEPS))
def test_five_schools_as_lavaan(step: str, answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    result = cfa(three_factors(2), answers, group="school", equal=STEPS[step])
    agree_on_fit(result.fit, lavaan["sim_schools"]["steps"][step])
    agree_on_estimates(result.estimates, lavaan["sim_schools"]["steps"][step])


def test_five_schools_robustly_as_lavaan(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    result = cfa(three_factors(2), answers, group="school", equal=STEPS["scalar"], estimator="MLR")
    agree_on_fit(result.fit, lavaan["sim_schools_mlr"], chi2=1e-3)
    agree_on_estimates(result.estimates, lavaan["sim_schools_mlr"])


def test_robust_full_information_as_lavaan(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    result = cfa(three_factors(1), answers, missing="fiml", estimator="MLR")
    agree_on_fit(result.fit, lavaan["sim_fiml_mlr"], version="scaled")
    agree_on_estimates(result.estimates, lavaan["sim_fiml_mlr"])


def test_moments_with_missing_answers_as_lavaan(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    sample = cfa(three_factors(1), answers, missing="fiml").solution.samples[0]
    np.testing.assert_allclose(sample.mean, lavaan["sim_moments"]["mean"], atol=1e-5)
    np.testing.assert_allclose(sample.covariance, np.array(lavaan["sim_moments"]["cov"]), atol=1e-4)


def test_published_figures(pupils: pd.DataFrame) -> None:
    # Jöreskog's (1969) and lavaan's tutorial's three-factor model of these pupils.
    fit = cfa(HS, pupils).fit.iloc[0]
    assert fit["chi2"] == pytest.approx(85.306, abs=5e-4)
    assert (fit["df"], fit["n"]) == (24, 301)
    assert fit["cfi"] == pytest.approx(0.931, abs=5e-4)


def test_the_scale_of_the_factor_changes_nothing_else(answers: pd.DataFrame) -> None:
    marker = cfa(three_factors(2), answers)
    unit = cfa(three_factors(2), answers, std_lv=True)
    assert marker.fit["chi2"].iloc[0] == pytest.approx(unit.fit["chi2"].iloc[0], abs=1e-7)
    np.testing.assert_allclose(marker.estimates["std_all"], unit.estimates["std_all"], atol=1e-6)


def test_order_of_people_and_units_of_items_change_nothing(answers: pd.DataFrame) -> None:
    usual = cfa(three_factors(2), answers)
    items = [c for c in answers if c.startswith("w2")]
    other = answers.sample(frac=1, random_state=1)
    other[items] = other[items] * 1000 + 7
    again = cfa(three_factors(2), other)
    assert again.fit["chi2"].iloc[0] == pytest.approx(usual.fit["chi2"].iloc[0], abs=1e-6)
    np.testing.assert_allclose(again.estimates["std_all"], usual.estimates["std_all"], atol=1e-6)


def test_items_in_very_different_units(answers: pd.DataFrame) -> None:
    usual = cfa(three_factors(2), answers)
    other = answers.assign(w2_q01=answers["w2_q01"] * 1e4, w2_q02=answers["w2_q02"] / 1e4)
    again = cfa(three_factors(2), other)
    assert again.fit["chi2"].iloc[0] == pytest.approx(usual.fit["chi2"].iloc[0], abs=1e-5)
    np.testing.assert_allclose(again.estimates["std_all"], usual.estimates["std_all"], atol=1e-6)


def test_an_unreversed_item_is_said_plainly(answers: pd.DataFrame) -> None:
    turned = answers.assign(w2_q03=6 - answers["w2_q03"])
    notes = " ".join(cfa(three_factors(2), turned).notes)
    assert "looks unreversed: w2_q03" in notes
    assert "unreversed" not in " ".join(cfa(three_factors(2), answers).notes)


def test_a_negative_variance_is_left_and_said(project: Any) -> None:
    heywood = pd.read_csv(project / "tests/reference/scales_heywood.csv")
    result = cfa("f =~ h1 + h2 + h3 + h4", heywood)
    residual = result.estimates.query("op == '~~' and lhs == rhs and lhs != 'f'").set_index("lhs")["estimate"]
    assert residual.min() < -0.02
    assert f"negative residual variance: {residual.idxmin()}" in " ".join(result.notes)


def test_a_saturated_model_fits_without_a_test(answers: pd.DataFrame) -> None:
    fit = cfa("f =~ w2_q01 + w2_q02 + w2_q03", answers, estimator="MLR").fit.iloc[0]
    assert fit["df"] == 0
    assert fit["chi2"] == pytest.approx(0, abs=1e-8)
    assert (fit["p_value"], fit["tli"], fit["rmsea"]) == (1, 1, 0)
    assert fit["cfi"] == pytest.approx(1, abs=1e-9)
    assert fit["srmr"] == pytest.approx(0, abs=1e-6)


def test_people_left_out_are_counted(answers: pd.DataFrame) -> None:
    listwise = cfa(three_factors(1), answers)
    n = int(answers.filter(like="w1_").notna().all(axis=1).sum())
    assert listwise.n_students == {"all": n}
    assert f"{600 - n} of 600 people are left out because an answer is missing" in listwise.notes
    nobody = pd.concat([answers, pd.DataFrame({"w1_q01": [np.nan] * 4})], ignore_index=True)
    fiml = cfa(three_factors(1), nobody, missing="fiml")
    assert "4 of 604 people are left out because they answered none of the items" in fiml.notes
    without = answers.assign(school=answers["school"].where(answers.index > 2))
    assert "3 of 600 people have no school and are left out" in cfa(three_factors(2), without, group="school").notes


def test_a_categorical_group_keeps_its_order(answers: pd.DataFrame) -> None:
    ordered = answers.assign(arm=pd.Categorical(answers["arm"], ["offer", "control", "never"]))
    assert list(cfa(three_factors(2), ordered, group="arm").n_students) == ["offer", "control"]


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("f =~ w2_q01 + w2_q02", DesignError, "4 free parameters for 3 means"),
        ("f =~ w2_q01 + w2_q02 + w2_q99", ColumnMissingError, "w2_q99"),
        ("f =~ w2_q01 + w2_q02 + school", ValueRangeError, "school"),
        ("f =~ NA*w2_q01 + w2_q02 + w2_q03 + w2_q04", DesignError, "cannot be told apart"),
        ("f =~ w2_q01 + w2_q02 + w2_q03\nf ~~ x9", ParameterError, "x9 is neither"),
        ("f =~ w2_q01 + w2_q02 + w2_q03\ng =~ f + w2_q04", ParameterError, "measured by other factors"),
        ("f =~ w2_q01 + w2_q02 + w2_q03\nf ~~ w2_q03", ParameterError, "cannot covary"),
    ],
)
def test_models_that_cannot_be_fitted(model: str, error: type[UserError], message: str, answers: pd.DataFrame) -> None:
    with pytest.raises(error) as found:
        cfa(model, answers)
    assert message in str(found.value)


def test_data_that_cannot_be_used(answers: pd.DataFrame) -> None:
    model = three_factors(2)
    with pytest.raises(DataError, match="do not vary"):
        cfa(model, answers.assign(w2_q05=3))
    with pytest.raises(DataError, match="w2_q05, w2_q06 determine one another"):
        cfa(model, answers.assign(w2_q05=answers["w2_q06"] + 1))
    with pytest.raises(DataError, match="18 of 18 people answered all 18 items; this model needs at least 19"):
        cfa(model, answers.head(18))
    small = answers.assign(school=answers["school"].where(answers.index >= 5, "tiny"))
    with pytest.raises(DataError, match="5 of 5 people") as found:
        cfa(model, small, group="school")
    assert "group tiny" in str(found.value)
    with pytest.raises(DataError, match="1 different value"):
        cfa(model, answers.assign(school="one"), group="school")
    with pytest.raises(ValueRangeError, match="Infinite"):
        cfa(model, answers.assign(w2_q05=answers["w2_q05"].where(answers.index > 0, np.inf)))
    with pytest.raises(DataError, match="nobody answered w2_q05"):
        cfa(model, answers.assign(w2_q05=np.nan))
    apart = answers.assign(w2_q05=answers["w2_q05"].where(answers.index < 300))
    apart["w2_q06"] = apart["w2_q06"].where(apart.index >= 300)
    with pytest.raises(DataError, match="never answered by the same person: w2_q05 with w2_q06"):
        cfa(model, apart, missing="fiml")


def test_unrelated_items_end_in_an_error_or_a_note() -> None:
    noise = pd.DataFrame(np.random.default_rng(5).normal(size=(200, 4)), columns=list("abcd"))
    try:
        result = cfa("f =~ a + b + c + d", noise)
    except UserError:
        return
    assert result.fit["p_value"].iloc[0] > 0.001
    assert np.isfinite(result.estimates.loc[result.estimates["free"], "std_error"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "GLS"}, "`estimator`"),
        ({"missing": "mean"}, "`missing`"),
        ({"conf_level": 95}, "`conf_level`"),
        ({"equal": ["loadings"]}, "give `group`"),
        ({"group": "arm", "equal": ["slopes"]}, "slopes"),
        ({"group": "arm", "equal": "loadings"}, "list"),
        ({"group": "arm", "equal": ["loadings"], "free": ["f9=~x"]}, "f9=~x"),
        ({"group": "arm", "equal": ["loadings"], "free": "w2_q01~1"}, "list"),
    ],
)
def test_choices_that_do_not_exist(options: dict[str, Any], message: str, answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError) as found:
        cfa(three_factors(2), answers, **options)
    assert message in str(found.value)
