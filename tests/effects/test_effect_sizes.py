"""Effect sizes, multiplicity, equivalence and attrition against printed figures, hand formulas and simulated truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from belonging_study.effects.attrition import attrition, attrition_boundary, attrition_table
from belonging_study.effects.did import did
from belonging_study.effects.effect_sizes import (
    cluster_correction,
    clustered_t,
    cox_index,
    did_effect_size,
    hedges_g,
    improvement_index,
    pooled_sd,
)
from belonging_study.effects.equivalence import baseline_equivalence, equivalence_verdict
from belonging_study.effects.multiplicity import adjust_p_values
from belonging_study.effects.standardize import outcome_spread, standardize_did, standardize_estimate
from belonging_study.errors import DataError, DesignError, ParameterError, ValueRangeError

PANEL = Path(__file__).resolve().parent.parent / "reference" / "effects_panel.csv"


@pytest.mark.parametrize(
    ("p_treated", "p_comparison", "printed", "full"),
    [(4.6, 9.8, 19, 18.88), (29.4, 51.2, 21, 21.23), (6.3, 12.3, 17, 17.21), (8.4, 14.6, 15, 14.71)],
)
def test_cox_index_reproduces_the_wwc_review_of_okonofua(
    p_treated: float, p_comparison: float, printed: int, full: float
) -> None:
    # WWC review of study 93461 (suspension rates, so less is better); samples large enough for omega to vanish
    d = cox_index(p_treated / 100, p_comparison / 100, 1e7, 1e7)
    assert improvement_index(-d.estimate) == pytest.approx(full, abs=0.005)
    assert round(improvement_index(-d.estimate)) == printed


def test_cox_index_has_the_error_of_a_log_odds_ratio() -> None:
    d = cox_index(30 / 120, 20 / 100, 120, 100)
    omega = 1 - 3 / (4 * 220 - 9)
    odds = stats.contingency.odds_ratio([[30, 90], [20, 80]], kind="sample").statistic
    assert d.estimate == pytest.approx(omega * np.log(odds) / 1.65)
    assert d.std_error == pytest.approx(omega * np.sqrt(1 / 30 + 1 / 90 + 1 / 20 + 1 / 80) / 1.65)
    assert d.conf_high - d.estimate == pytest.approx(1.959964 * d.std_error, rel=1e-6)


def test_cluster_correction_golden_values() -> None:
    c = cluster_correction(400, 20, 0.10)
    assert c.df == pytest.approx(338.42, abs=0.005)
    assert c.t_factor == pytest.approx(0.58441, abs=5e-6)
    assert c.shrink == pytest.approx(0.995215, abs=5e-7)
    t, df, p = clustered_t(2.4856, 400, 20, 0.10)
    assert (t, p) == pytest.approx((1.4526, 0.147), abs=5e-4)
    assert df == c.df


def test_without_clustering_the_correction_is_that_of_students() -> None:
    c = cluster_correction(300, 300, 0.0)
    assert (c.shrink, c.df, c.t_factor) == pytest.approx((1.0, 298.0, 1.0))
    kwargs = {"sd_treated": 2.0, "sd_comparison": 3.0, "n_treated": 160.0, "n_comparison": 140.0}
    plain = hedges_g(5.0, 4.0, **kwargs)
    clustered = hedges_g(5.0, 4.0, **kwargs, n_clusters=300, icc=0.0)
    assert clustered.estimate == pytest.approx(plain.estimate)
    spread = np.sqrt((159 * 4 + 139 * 9) / 298)
    assert plain.estimate == pytest.approx((1 - 3 / (4 * 300 - 9)) / spread)
    assert pooled_sd(2, 3, 160, 140) == pytest.approx(spread)


def test_clustered_g_is_unbiased_and_its_error_right() -> None:
    # six schools of 50, icc .3, true effect of one student-level SD: without the correction the mean would be 1.05
    rng = np.random.default_rng(8)
    reps, schools, n, icc = 6000, 6, 50, 0.3
    y = rng.normal(0, np.sqrt(icc), (reps, schools, 1)) + rng.normal(0, np.sqrt(1 - icc), (reps, schools, n))
    arms = y[:, :3].reshape(reps, -1) + 1, y[:, 3:].reshape(reps, -1)
    means, sds = [a.mean(axis=1) for a in arms], [a.std(axis=1, ddof=1) for a in arms]
    results = [
        hedges_g(
            means[0][i],
            means[1][i],
            sd_treated=sds[0][i],
            sd_comparison=sds[1][i],
            n_treated=150,
            n_comparison=150,
            n_clusters=6,
            icc=icc,
        )
        for i in range(reps)
    ]
    g = np.array([r.estimate for r in results])
    assert abs(g.mean() - 1) < 3.5 * g.std() / np.sqrt(reps)
    assert np.mean([r.std_error for r in results]) == pytest.approx(g.std(), rel=0.08)


def test_did_effect_size_has_the_error_of_a_change() -> None:
    rng = np.random.default_rng(3)
    reps, n, r = 3000, 60, 0.7
    before, noise = rng.normal(size=(2, reps, n)), rng.normal(size=(2, reps, n))
    after = r * before + np.sqrt(1 - r**2) * noise + np.array([0.4, 0.0])[:, None, None]
    change, sd = (after - before).mean(axis=2), after.std(axis=2, ddof=1)
    results = [
        did_effect_size(
            change[0, i],
            change[1, i],
            sd_treated_after=sd[0, i],
            sd_comparison_after=sd[1, i],
            n_treated=n,
            n_comparison=n,
            correlation=r,
        )
        for i in range(reps)
    ]
    g = np.array([x.estimate for x in results])
    assert abs(g.mean() - 0.4) < 4 * g.std() / np.sqrt(reps)
    assert np.mean([x.std_error for x in results]) == pytest.approx(g.std(), rel=0.06)
    assert np.mean([x.conf_low <= 0.4 <= x.conf_high for x in results]) == pytest.approx(0.95, abs=0.015)


def test_a_did_estimate_is_standardised_by_the_spread_after_the_start() -> None:
    rows = pd.read_csv(PANEL)
    result = did(rows, outcome="y", unit="student", time="wave", treated="now", cluster="school")
    used = rows.loc[result.sample.index]
    after = used[used["wave"] >= 4]
    groups = after.groupby(["programme", "wave"])["y"]
    sd = np.sqrt((groups.var() * (groups.size() - 1)).sum() / (len(after) - 4))
    n = after["student"].nunique()
    assert outcome_spread(result) == (pytest.approx(sd), n)
    effect = standardize_did(result, icc=0.10)
    c = cluster_correction(n, 14, 0.10)
    assert effect.estimate == pytest.approx(result.estimate / sd * c.shrink * (1 - 3 / (4 * c.df - 1)))
    assert effect.estimate / effect.conf_low == pytest.approx(result.estimate / result.conf_low)
    assert "corrected for clusters" in effect.type


def test_adjusted_p_values_equal_r_p_adjust() -> None:
    p = [0.041, 0.002, 0.20, 0.012, 0.009]
    np.testing.assert_allclose(adjust_p_values(p, "holm"), [0.082, 0.01, 0.20, 0.036, 0.036], rtol=1e-12)
    np.testing.assert_allclose(adjust_p_values(p, "bh"), [0.05125, 0.01, 0.20, 0.02, 0.02], rtol=1e-12)
    assert adjust_p_values([0.6, 0.9]).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(
        adjust_p_values(np.linspace(0.001, 0.9, 30) ** 2, "bh"),
        stats.false_discovery_control(np.linspace(0.001, 0.9, 30) ** 2),
    )


@pytest.mark.parametrize(
    ("size", "verdict"),
    [
        (0.05, "satisfied"),
        (-0.051, "adjustment needed"),
        (0.25, "adjustment needed"),
        (-0.2501, "not satisfied"),
        (np.nan, "not assessed"),
    ],
)
def test_equivalence_verdicts(size: float, verdict: str) -> None:
    assert equivalence_verdict(size) == verdict


def test_baseline_equivalence_takes_the_form_that_fits_each_measure() -> None:
    rng = np.random.default_rng(2)
    n = 400
    rows = pd.DataFrame({"arm": np.repeat([1, 0], n // 2), "score": rng.normal(size=n)})
    rows["score"] += 0.15 * rows["arm"]
    rows["meal"] = (rng.random(n) < 0.3).astype(int)
    rows["sex"] = rng.choice(["f", "m"], n)
    rows["all"] = 1
    rows.loc[[1, 2, 350], "score"] = np.nan
    table = baseline_equivalence(rows, variables=["score", "meal", "sex", "all"], treated="arm").set_index(
        ["variable", "level"]
    )
    a, b = (rows.loc[rows["arm"] == k, "score"].dropna() for k in (1, 0))
    s = np.sqrt(((len(a) - 1) * a.var() + (len(b) - 1) * b.var()) / (len(a) + len(b) - 2))
    line = table.loc[("score", "")]
    assert line["effect_size"] == pytest.approx((1 - 3 / (4 * 397 - 9)) * (a.mean() - b.mean()) / s)
    assert (line["n_treated"], line["n_comparison"], line["n_missing"]) == (198, 199, 3)
    shares = rows.groupby("arm")["meal"].mean()
    logit = np.log(shares / (1 - shares))
    assert table.loc[("meal", ""), "effect_size"] == pytest.approx((1 - 3 / 1591) * (logit[1] - logit[0]) / 1.65)
    assert table.loc[("sex", "f"), "effect_size"] == pytest.approx(-table.loc[("sex", "m"), "effect_size"])
    assert table.loc[("all", ""), "verdict"] == "not assessed"
    assert "needs both between 0 and 1" in table.loc[("all", ""), "note"]


@pytest.mark.parametrize(("assumption", "alphas"), [("cautious", (0.408, 0.354)), ("optimistic", (0.2495, 0.2036))])
def test_the_attrition_table_follows_the_model_behind_it(assumption: str, alphas: tuple[float, float]) -> None:
    # Deke & Chiang 2017 (Evaluation Review 41): differential attrition at which bias reaches .05 SD in the worst
    # direction; their latent-response model with these correlations traces the published table
    def bias(lost: tuple[float, float]) -> float:
        parts = [a * stats.norm.pdf(stats.norm.ppf(share)) / (1 - share) for a, share in zip(alphas, lost, strict=True)]
        return abs(parts[0] - parts[1])

    def worst(d: float, overall: float) -> float:
        return max(bias((overall + d / 2, overall - d / 2)), bias((overall - d / 2, overall + d / 2))) - 0.05

    for per_cent in range(10, 55):
        overall = per_cent / 100
        model = optimize.brentq(worst, 0, min(1.99 * overall, 0.3), args=(overall,))
        found = attrition_boundary(overall, assumption)  # type: ignore[arg-type]
        assert found == pytest.approx(model, abs=0.002), per_cent


def test_attrition_boundary_published_corners() -> None:
    # WWC Standards Handbook 4.1, table II.1
    assert [attrition_boundary(x / 100) for x in (0, 10, 20, 30, 40, 50, 57)] == [
        0.057, 0.063, 0.054, 0.041, 0.026, 0.010, 0.0,
    ]  # fmt: skip
    assert [attrition_boundary(x / 100, "optimistic") for x in (0, 13, 14, 30, 50, 65)] == [
        0.10, 0.108, 0.108, 0.082, 0.037, 0.003,
    ]  # fmt: skip
    assert attrition_boundary(0.571) is None
    assert attrition_boundary(0.651, "optimistic") is None
    assert attrition_boundary(0.29) == 0.043
    assert attrition_boundary(0.2901) == 0.041


def test_attrition_of_clusters_and_of_students_in_those_that_stayed() -> None:
    result = attrition(200, 100, 150, 90)
    assert (result.overall, result.differential) == pytest.approx((0.2, 0.15))
    assert result.verdict == "high"
    schools = np.repeat(np.arange(10), 10)
    rows = pd.DataFrame({"school": schools, "arm": (schools < 5).astype(int), "there": 1})
    rows.loc[rows["school"] == 0, "there"] = 0
    rows.loc[rows.index % 10 == 3, "there"] = 0
    table = attrition_table(rows, treated="arm", analysed="there", cluster="school").set_index(["level", "assumption"])
    clusters = table.loc[("clusters", "cautious")]
    assert (clusters["overall"], clusters["differential"], clusters["verdict"]) == (
        pytest.approx(0.1),
        pytest.approx(0.2),
        "high",
    )
    students = table.loc[("students in clusters that stayed", "optimistic")]
    assert (students["assigned_treated"], students["overall"]) == (40, pytest.approx(0.1))
    assert students["differential"] == pytest.approx(0)
    assert students["verdict"] == "low"


def test_bad_input() -> None:
    with pytest.raises(DesignError, match="needs both between 0 and 1"):
        cox_index(0.0, 0.2, 50, 50)
    with pytest.raises(DesignError, match="does not vary"):
        hedges_g(1, 2, sd_treated=0, sd_comparison=0, n_treated=10, n_comparison=10)
    with pytest.raises(ParameterError, match=r"intraclass correlation is 1\.2"):
        cluster_correction(100, 10, 1.2)
    with pytest.raises(ParameterError, match="One of n_clusters and icc"):
        standardize_estimate(1, 1, 0, 2, sd=1, n_students=100, icc=0.1)
    with pytest.raises(ValueRangeError, match="1 of 2 p values"):
        adjust_p_values([0.1, np.nan])
    with pytest.raises(ValueRangeError, match="60 and 40 are analysed of 50 and 50"):
        attrition(50, 50, 60, 40)
    with pytest.raises(DesignError, match="2 of 2 clusters lie in both arms"):
        attrition_table(
            pd.DataFrame({"a": [1, 0, 1, 0], "t": 1, "s": [1, 1, 2, 2]}), treated="a", analysed="t", cluster="s"
        )
    with pytest.raises(DesignError, match="4 and 0 students"):
        baseline_equivalence(pd.DataFrame({"a": [1] * 4, "x": 1.0}), variables=["x"], treated="a")
    with pytest.raises(DataError, match="did you mean"):
        baseline_equivalence(pd.DataFrame({"arm": [1, 0], "score": 1.0}), variables=["scor"], treated="arm")
