"""Polychoric correlations and ordered factor models against lavaan and psych."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import dblquad
from structure_truth import agree_on_estimates, three_factors

from belonging_study.errors import DataError, ParameterError, ValueRangeError
from belonging_study.scales import cfa, compare_models, invariance, modification_indices, polychoric
from belonging_study.scales.structure.bivariate import bivariate_cdf

ITEMS = [f"w2_q{i:02d}" for i in range(1, 19)]
ONE = f"f =~ {' + '.join(ITEMS[:6])}"


@pytest.fixture(scope="module")
def ordered(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/structure_ordered.json").read_text())


@pytest.mark.parametrize(
    ("x", "y", "rho"), [(0.0, 0.0, 0.5), (0.0, 1.0, -0.3), (-1.0, 0.0, 0.9), (1.2, -0.7, 0.99), (-1.5, -0.4, -0.6)]
)
def test_bivariate_normal_against_quadrature(x: float, y: float, rho: float) -> None:
    root = 1 - rho**2
    inside, _ = dblquad(
        lambda b, a: np.exp(-0.5 * (a * a - 2 * rho * a * b + b * b) / root) / (2 * np.pi * np.sqrt(root)),
        -9,
        x,
        -9,
        y,
        epsabs=1e-11,
    )
    assert float(bivariate_cdf(np.array(x), np.array(y), np.array(rho))) == pytest.approx(inside, abs=1e-8)


def test_bivariate_normal_at_its_ends() -> None:
    x = np.array([np.inf, -np.inf, np.inf, 0.0])
    y = np.array([0.3, 1.0, np.inf, 0.0])
    np.testing.assert_allclose(
        bivariate_cdf(x, y, np.array(0.4)), [0.6179114221889526, 0, 1, 0.25 + np.arcsin(0.4) / (2 * np.pi)], atol=1e-14
    )


def test_polychoric_correlations_as_lavaan_and_psych(answers: pd.DataFrame, ordered: dict[str, Any]) -> None:
    found = polychoric(answers[ITEMS])
    np.testing.assert_allclose(found.correlations, np.array(ordered["polychoric"]), atol=1e-5)
    np.testing.assert_allclose(found.correlations, np.array(ordered["psych"]), atol=1e-3)
    names = found.thresholds["item"] + "|t" + found.thresholds["threshold"].astype(str)
    theirs = pd.Series(ordered["thresholds"]["value"], index=ordered["thresholds"]["name"])
    np.testing.assert_allclose(found.thresholds["estimate"], theirs[names], atol=1e-8)
    assert (found.n, found.n_dropped) == (600, 0)


def test_polychoric_counts_people_left_out(answers: pd.DataFrame) -> None:
    found = polychoric(answers[["w1_q01", "w1_q02"]])
    assert found.n == int(answers[["w1_q01", "w1_q02"]].notna().all(axis=1).sum())
    assert found.n + found.n_dropped == 600


def test_polychoric_depends_on_order_alone(answers: pd.DataFrame) -> None:
    usual = polychoric(answers[ITEMS[:4]]).correlations
    np.testing.assert_allclose(polychoric(answers[ITEMS[:4]] ** 3).correlations, usual, atol=1e-9)
    turned = polychoric((6 - answers[ITEMS[:4]]).assign(w2_q02=answers["w2_q02"])).correlations
    np.testing.assert_allclose(
        turned.loc["w2_q02", ["w2_q01", "w2_q03"]], -usual.loc["w2_q02", ["w2_q01", "w2_q03"]], atol=1e-9
    )


@pytest.mark.parametrize(
    ("name", "model", "options"),
    [
        ("one", ONE, {}),
        ("three", three_factors(2), {}),
        ("three_std_lv", three_factors(2), {"std_lv": True}),
        ("configural", three_factors(2), {"group": "arm"}),
        ("equal", three_factors(2), {"group": "arm", "equal": ["loadings", "thresholds"]}),
    ],
)
def test_wlsmv_as_lavaan(
    name: str, model: str, options: dict[str, Any], answers: pd.DataFrame, ordered: dict[str, Any]
) -> None:
    result = cfa(model, answers, ordered=True, **options)
    row, theirs = result.fit.iloc[0], ordered[name]["fit"]
    assert row["df"] == theirs["df.scaled"]
    assert row["n_parameters"] == theirs["npar"]
    for ours, key in {
        "chi2": "chisq.scaled",
        "chi2_unscaled": "chisq",
        "scaling_factor": "chisq.scaling.factor",
        "baseline_chi2": "baseline.chisq.scaled",
    }.items():
        assert row[ours] == pytest.approx(theirs[key], rel=1e-3), ours
    for ours, key in {"cfi": "cfi.scaled", "tli": "tli.scaled", "rmsea": "rmsea.scaled", "srmr": "srmr"}.items():
        assert row[ours] == pytest.approx(theirs[key], abs=2e-5), ours
    assert row["rmsea_high"] == pytest.approx(theirs["rmsea.ci.upper.scaled"], abs=1e-4)
    shown = result.estimates[result.estimates["op"].isin(["=~", "~~", "|"])]
    stored = pd.DataFrame(ordered[name]["estimates"])
    items = set(ITEMS)
    stored = stored[~stored["key"].str.removesuffix("~1").isin(items)]
    ours = result.estimates[result.estimates["op"] != "~*~"]
    assert len(shown) <= len(ours) == len(stored)
    agree_on_estimates(ours, {"estimates": stored.to_dict("list")}, estimate=1e-4, error=1e-3)


def test_a_heywood_case_is_said() -> None:
    rng = np.random.default_rng(11)
    trait = rng.normal(size=400)
    noise = rng.normal(size=(400, 3)) * [0.1, 1.0, 1.0]
    latent = trait[:, None] * [0.98, 0.4, 0.4] + noise
    latent[:, 1] += 0.35 * latent[:, 0]
    latent[:, 2] += 0.35 * latent[:, 0]
    data = pd.DataFrame(np.digitize(latent, [-0.7, 0.3, 1.0]), columns=list("abc"))
    result = cfa("f =~ a + b + c", data, ordered=True)
    own = result.estimates.query("lhs == 'a' and op == '~~'")["estimate"].iloc[0]
    assert (own < 0) == any("negative residual variance" in note for note in result.notes)


def test_what_ordered_answers_do_not_have(answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="no intercepts"):
        cfa(f"{ONE}\nw2_q01 ~ 1", answers, ordered=True)
    with pytest.raises(ParameterError, match="thresholds, means"):
        cfa(ONE, answers, ordered=True, group="arm", equal=["intercepts"])
    with pytest.raises(ParameterError, match="listwise"):
        cfa(ONE, answers, ordered=True, missing="fiml")
    rare = answers.assign(w2_q01=answers["w2_q01"].where(answers["arm"] == "offer", answers["w2_q01"].clip(2)))
    with pytest.raises(DataError, match="given by nobody in group control: w2_q01"):
        cfa(ONE, rare, ordered=True, group="arm")
    result = cfa(ONE, answers, ordered=True)
    with pytest.raises(ParameterError, match="ordered"):
        modification_indices(result)


def test_differences_between_models_as_lavaan(answers: pd.DataFrame, ordered: dict[str, Any]) -> None:
    labelled = "f =~ w2_q01 + a*w2_q02 + a*w2_q03 + b*w2_q04 + b*w2_q05 + w2_q06"
    small, large = (cfa(model, answers, ordered=True) for model in (labelled, ONE))
    found = compare_models(small, large).iloc[0]
    assert found["chi2_diff"] == pytest.approx(ordered["difference_labels"]["Chisq diff"], rel=1e-4)
    assert found["df_diff"] == 2
    ladder = invariance(three_factors(2), answers, group="arm", ordered=True)
    row = compare_models(ladder.models["scalar"], ladder.models["configural"]).iloc[0]
    assert row["chi2_diff"] == pytest.approx(ordered["difference_groups"]["Chisq diff"], rel=1e-4)
    assert row["p_diff"] == pytest.approx(ordered["difference_groups"]["Pr(>Chisq)"], rel=1e-3)
    assert ladder.steps["verdict"].tolist() == ["reference", "holds", "holds", "holds", "holds"]
    assert ladder.latent_means["factor"].tolist() == ["f1", "f2", "f3"]


def test_a_threshold_that_differs_stops_the_ladder(answers: pd.DataFrame) -> None:
    moved = answers.assign(w2_q02=(answers["w2_q02"] + (answers["arm"] == "offer")).clip(1, 5))
    moved.loc[[300, 301, 302, 303], "w2_q02"] = 1
    found = invariance(ONE, moved, group="arm", ordered=True)
    assert "fails" in found.steps["verdict"].tolist()
    free = invariance(ONE, moved, group="arm", ordered=True, free=[f"w2_q02|t{t}" for t in range(1, 5)])
    assert "fails" not in free.steps["verdict"].tolist()
    together = [compare_models(i.models["scalar"], i.models["configural"])["chi2_diff"].iloc[0] for i in (found, free)]
    assert together[1] < together[0] / 4


def test_answers_that_are_not_ordered_categories(answers: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(DataError, match="different answers"):
        polychoric(answers[["w2_q01"]].assign(score=rng.normal(size=600)))
    with pytest.raises(ValueRangeError):
        polychoric(answers[["w2_q01", "school"]])
    same = answers[["w2_q01"]].assign(again=answers["w2_q01"])
    with pytest.raises(DataError, match="at its bound"):
        polychoric(same)
