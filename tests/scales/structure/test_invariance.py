"""The ladder against lavaan's fits and difference tests, and its verdicts against built-in truth."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from structure_truth import HS, STEPS, agree_on_fit, three_factors

from belonging_study.errors import DesignError, ParameterError
from belonging_study.scales import cfa, compare_models, invariance
from belonging_study.scales.structure import parse_model
from belonging_study.scales.structure.estimate import maximise
from belonging_study.scales.structure.layout import layout_of
from belonging_study.scales.structure.robust import saturated_trace, scaling_factor
from belonging_study.scales.structure.sample import read_samples


@pytest.mark.parametrize("estimator", ["ML", "MLR"])
def test_differences_between_schools_as_lavaan(estimator: str, pupils: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    stored = lavaan["hs_ladder_mlr" if estimator == "MLR" else "hs_ladder"]
    found = invariance(HS, pupils, group="school", estimator=estimator)
    relative = 1e-4 if estimator == "MLR" else 1e-6
    for row, test in zip(found.steps.iloc[1:].itertuples(), stored["differences"][0], strict=True):
        assert row.chi2_diff == pytest.approx(test["Chisq diff"], rel=relative)
        assert row.df_diff == test["Df diff"]
        assert row.p_diff == pytest.approx(test["Pr(>Chisq)"], rel=1e-3)
    for step, result in found.models.items():
        agree_on_fit(result.fit, stored["steps"][step])


def test_reference_figures_of_the_two_schools(pupils: pd.DataFrame) -> None:
    steps = invariance(HS, pupils, group="school").steps.set_index("step")
    np.testing.assert_allclose(steps["chi2"], [115.85134, 124.04354, 164.10283, 181.51135], atol=1e-5)
    np.testing.assert_allclose(steps["srmr"], [0.067864, 0.071652, 0.082447, 0.088263], atol=1e-6)
    np.testing.assert_allclose(steps["chi2_diff"].iloc[1:], [8.192200, 40.059287, 17.408514], atol=1e-5)
    np.testing.assert_allclose(steps["p_diff"].iloc[1:], [0.224358, 4.43457e-7, 0.0426900], rtol=1e-5)
    assert steps["verdict"].tolist() == ["reference", "holds", "fails", "not interpretable"]
    partial = invariance(HS, pupils, group="school", free=["x3~1", "x7~1"])
    row = partial.steps.set_index("step").loc["scalar"]
    assert (row["df"], row["verdict"]) == (58, "holds")
    assert row["chi2"] == pytest.approx(129.42248, abs=1e-5)
    assert row["cfi"] == pytest.approx(0.9193667, abs=1e-6)


def test_factor_means_of_the_second_school(pupils: pd.DataFrame) -> None:
    scalar = cfa(HS, pupils, group="school", equal=STEPS["scalar"]).estimates
    means = scalar[(scalar["group"] == "Grant-White") & scalar["lhs"].isin(["visual", "textual", "speed"])]
    np.testing.assert_allclose(means.loc[means["op"] == "~1", "estimate"], [-0.147700, 0.576363, -0.177350], atol=2e-6)
    stopped = invariance(HS, pupils, group="school")
    assert stopped.latent_means.empty
    assert any("factor means are not compared" in note for note in stopped.notes)


@pytest.mark.parametrize(("name", "group"), [("sim_arms", "arm"), ("sim_schools", "school")])
def test_simulated_groups_as_lavaan(name: str, group: str, answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = invariance(three_factors(2), answers, group=group)
    np.testing.assert_allclose(
        found.steps["chi2_diff"].iloc[1:].astype(float),
        [test["Chisq diff"] for test in lavaan[name]["differences"][0]],
        rtol=1e-5,
    )


def test_the_2010_correction_as_lavaan(pupils: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    # The step to equal loadings and to equal residuals: lavaan's own way of nesting fails where means become free.
    stored = lavaan["hs_ladder_mlr"]["differences"][1]
    fits = [cfa(HS, pupils, group="school", equal=equal, estimator="MLR") for equal in STEPS.values()]
    for place in (0, 2):
        found = compare_models(fits[place + 1], fits[place], strictly_positive=True).iloc[0]
        assert found["chi2_diff"] == pytest.approx(stored[place]["Chisq diff"], rel=1e-3)


def test_a_negative_correction_is_replaced_and_said(pupils: pd.DataFrame) -> None:
    metric, configural = (
        cfa(HS, pupils, group="school", equal=STEPS[s], estimator="MLR") for s in ("metric", "configural")
    )
    # A general model with an inflated factor makes the correction of 2001 negative.
    inflated = dataclasses.replace(configural, fit=configural.fit.assign(scaling_factor=3.0))
    usual = compare_models(metric, configural, strictly_positive=True).iloc[0]
    found = compare_models(metric, inflated).iloc[0]
    assert found["chi2_diff"] == pytest.approx(usual["chi2_diff"])
    assert "not positive" in found["note"]


def test_models_that_are_not_nested(pupils: pd.DataFrame) -> None:
    three = cfa(HS, pupils, estimator="MLR")
    one = cfa("g =~ x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9\nx1 ~~ x4\nx7 ~~ x8", pupils, estimator="MLR")
    with pytest.raises(DesignError, match="is not the second with more restrictions"):
        compare_models(one, three, strictly_positive=True)


def simulated(seed: int, *, n: int, shift: float = 0.0, weaker: float = 0.0, mean: float = 0.0) -> pd.DataFrame:
    """Two groups, six items; in the second, item 2's intercept is higher, item 3's loading lower, the factor's mean."""
    rng = np.random.default_rng(seed)
    second = np.repeat([0.0, 1.0], n)
    trait = rng.normal(size=2 * n) + mean * second
    loadings = np.full((2 * n, 6), 0.8)
    loadings[:, 2] -= weaker * second
    items = loadings * trait[:, None] + rng.normal(size=(2 * n, 6)) * 0.6
    items[:, 1] += shift * second
    return pd.DataFrame(items, columns=[f"q{i}" for i in range(1, 7)]).assign(arm=np.repeat(["a", "b"], n))


SIX = "f =~ q1 + q2 + q3 + q4 + q5 + q6"


def test_verdicts_on_built_in_differences() -> None:
    same = invariance(SIX, simulated(1, n=2000, mean=0.4), group="arm")
    assert same.steps["verdict"].isin(["reference", "holds"]).all()
    row = same.latent_means.iloc[0]
    assert (row["factor"], row["group"], row["reference"]) == ("f", "b", "a")
    assert row["standardised"] == pytest.approx(0.4, abs=0.1)
    weaker = invariance(SIX, simulated(2, n=2000, weaker=0.5), group="arm")
    assert weaker.steps["verdict"].tolist()[1:] == ["fails", "not interpretable", "not interpretable"]
    assert weaker.verdict == "no invariance beyond the same form; metric fails"
    shifted = invariance(SIX, simulated(3, n=2000, shift=0.5), group="arm")
    assert shifted.steps["verdict"].tolist()[1:] == ["holds", "fails", "not interpretable"]
    mended = invariance(SIX, simulated(3, n=2000, shift=0.5), group="arm", free=["q2~1"])
    assert mended.steps["verdict"].isin(["reference", "holds"]).all()
    assert any("partial invariance" in note and "q2~1" in note for note in mended.notes)
    assert mended.latent_means["standardised"].iloc[0] == pytest.approx(0.0, abs=0.1)


def test_a_small_difference_in_many_people_is_doubtful() -> None:
    found = invariance(SIX, simulated(4, n=4000, shift=0.1), group="arm")
    row = found.steps.set_index("step").loc["scalar"]
    assert row["verdict"] == "doubtful"
    assert row["p_diff"] < 0.001
    assert "the chi-square test rejects scalar" in found.verdict


def test_comparisons_that_make_no_sense(answers: pd.DataFrame) -> None:
    model = three_factors(2)
    one, other = cfa(model, answers), cfa(model, answers.head(500))
    with pytest.raises(ParameterError, match="same people"):
        compare_models(one, other)
    with pytest.raises(ParameterError, match="more restricted"):
        compare_models(one, one)


@pytest.mark.slow
@pytest.mark.parametrize("robust", [False, True], ids=["ML", "MLR"])
def test_true_invariance_is_rejected_one_time_in_twenty(robust: bool) -> None:
    # By the parts that cfa and compare_models are made of: whole results would take five times as long.
    runs = 1500
    terms = parse_model(SIX)
    layouts = [layout_of(terms, n_groups=2, equal=equal) for equal in STEPS.values()]
    rejected = np.zeros(3)
    for seed in range(runs):
        data = simulated(10_000 + seed, n=500, mean=0.3)
        samples, _ = read_samples(data, layouts[0].items, group="arm", missing="listwise")
        fits = [maximise(layout, samples) for layout in layouts]
        factors = [1.0] * 4
        if robust:
            trace = saturated_trace(samples, means=True)
            factors = [scaling_factor(fit, trace) for fit in fits]
        for place, (large, small) in enumerate(itertools.pairwise(fits)):
            df = [small.layout.df, large.layout.df]
            factor = (df[0] * factors[place + 1] - df[1] * factors[place]) / (df[0] - df[1])
            chi2_diff = 2 * (small.discrepancy - large.discrepancy) / factor
            rejected[place] += chi2.sf(chi2_diff, df[0] - df[1]) < 0.05
    assert ((rejected / runs >= 0.035) & (rejected / runs <= 0.065)).all(), rejected / runs
