"""Wild bootstrap and randomisation against loops that refit the whole model; t test and rule by known answers."""

from __future__ import annotations

import time
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from belonging_study.effects.did import DidResult, did
from belonging_study.effects.inference import (
    choose_inference,
    cluster_fit,
    cluster_means_test,
    randomization_test,
    wild_cluster_bootstrap,
)
from belonging_study.effects.mean_difference import mean_difference
from belonging_study.effects.side_by_side import cluster_inference, permute_clusters
from belonging_study.errors import DataError, DesignError, ParameterError

PANEL = Path(__file__).resolve().parent.parent / "reference" / "effects_panel.csv"


def fit_did(rows: pd.DataFrame, **extra: Any) -> DidResult:
    return did(rows, outcome="y", unit="student", time="wave", treated="now", cluster="school", **extra)


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(PANEL)


@pytest.fixture(scope="module")
def few(panel: pd.DataFrame) -> DidResult:
    """Seven schools, so that everything can be enumerated."""
    return fit_did(panel[panel["school"].isin([f"s{i:02d}" for i in (1, 2, 3, 4, 5, 7, 9)])], covariates=["x"])


def full_design(result: DidResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Explicit dummies for everything: no demeaning shared with the package."""
    s = result.sample
    units = (s.unit[:, None] == np.arange(s.n_units)).astype(float)
    waves = (s.wave[:, None] == np.arange(1, len(s.wave_names))).astype(float)
    return np.column_stack([s.treated, waves, s.covariates, units]), s.y, s.cluster


def t_statistic(x: np.ndarray, bread: np.ndarray, y: np.ndarray, clusters: np.ndarray, null: float) -> float:
    beta = bread @ x.T @ y
    u = y - x @ beta
    meat = sum(
        np.outer(x[clusters == g].T @ u[clusters == g], x[clusters == g].T @ u[clusters == g])
        for g in np.unique(clusters)
    )
    return float((beta[0] - null) / np.sqrt((bread @ meat @ bread)[0, 0]))


@pytest.mark.parametrize("null", [0.0, 0.4])
def test_wild_bootstrap_equals_refitting_every_sign_vector(few: DidResult, null: float) -> None:
    x, y, clusters = full_design(few)
    others = x[:, 1:]
    restricted = others @ np.linalg.lstsq(others, y - null * x[:, 0], rcond=None)[0] + null * x[:, 0]
    residual = y - restricted
    bread = np.linalg.pinv(x.T @ x)
    observed = abs(t_statistic(x, bread, y, clusters, null))
    n = len(np.unique(clusters))
    extreme = [
        abs(t_statistic(x, bread, restricted + residual * np.array(signs)[clusters], clusters, null))
        >= observed * (1 - 1e-8)
        for signs in product([1.0, -1.0], repeat=n)
    ]
    ours = wild_cluster_bootstrap(few.fit, 0, null=null)
    assert ours.enumerated
    assert ours.n_draws == 2**n
    assert ours.p_value == np.mean(extreme)


def test_wild_interval_ends_where_the_test_turns(panel: pd.DataFrame) -> None:
    result = fit_did(panel)
    wild = wild_cluster_bootstrap(result.fit, 0, interval=True, draws=1999, seed=3)
    assert wild.conf_low is not None
    assert wild.conf_high is not None
    for end, outward in ((wild.conf_low, -1), (wild.conf_high, 1)):
        step = outward * 0.02 * result.std_error
        assert wild_cluster_bootstrap(result.fit, 0, null=end + step, draws=1999, seed=3).p_value <= 0.05
        assert wild_cluster_bootstrap(result.fit, 0, null=end - step, draws=1999, seed=3).p_value > 0.05


def test_wild_interval_is_endless_where_no_p_value_reaches_the_level() -> None:
    rng = np.random.default_rng(0)
    fit = cluster_fit(np.ones((12, 1)), rng.normal(size=12), np.repeat(np.arange(4), 3))
    wild = wild_cluster_bootstrap(fit, interval=True)
    assert (wild.conf_low, wild.conf_high) == (-np.inf, np.inf)


def test_sampled_draws_agree_with_enumeration_and_webb_is_used_where_said(few: DidResult, panel: pd.DataFrame) -> None:
    exact = wild_cluster_bootstrap(few.fit, weights="rademacher", draws=256)
    webb = wild_cluster_bootstrap(few.fit, weights="webb", draws=20_000)
    assert webb.p_value == pytest.approx(exact.p_value, abs=0.06)
    assert wild_cluster_bootstrap(few.fit, draws=99).weights == "webb"
    many = wild_cluster_bootstrap(fit_did(panel).fit, draws=9999)
    assert (many.weights, many.enumerated) == ("rademacher", False)
    assert many.p_value == wild_cluster_bootstrap(fit_did(panel).fit, draws=9999).p_value
    assert many.p_value == pytest.approx(
        wild_cluster_bootstrap(fit_did(panel).fit, draws=2**14, weights="rademacher").p_value, abs=0.01
    )


def test_randomisation_equals_refitting_every_assignment(few: DidResult) -> None:
    x, y, clusters = full_design(few)
    after = few.sample.wave >= few.sample.adoption_waves[0]
    n, k = few.sample.n_clusters_treated + few.sample.n_clusters_comparison, few.sample.n_clusters_treated
    coefs = []
    for arm in combinations(range(n), k):
        x[:, 0] = np.isin(clusters, arm) & after
        coefs.append(np.linalg.lstsq(x, y, rcond=None)[0][0])
    ours = permute_clusters(few)
    assert ours.exact
    assert ours.n_assignments == len(coefs)
    assert ours.p_value == np.mean(np.abs(coefs) >= abs(few.estimate) * (1 - 1e-8))
    assert ours.estimate == pytest.approx(few.estimate, abs=1e-10)
    assert ours.smallest_p == (2 if 2 * k == n else 1) / len(coefs)


def test_randomisation_within_pairs_equals_the_loop(panel: pd.DataFrame) -> None:
    # pairs p1, p2 hold one programme school each after this choice: s01/s02, s03/s05, s08/s09, s11/s12
    pairs = {"s01": 1, "s02": 1, "s03": 2, "s05": 2, "s08": 3, "s09": 3, "s11": 4, "s12": 4}
    result = fit_did(panel[panel["school"].isin(list(pairs))])
    x, y, clusters = full_design(result)
    after = result.sample.wave >= result.sample.adoption_waves[0]
    coefs = []
    for flips in product([0, 1], repeat=4):
        arm = [2 * pair + flip for pair, flip in enumerate(flips)]
        x[:, 0] = np.isin(clusters, arm) & after
        coefs.append(np.linalg.lstsq(x, y, rcond=None)[0][0])
    ours = permute_clusters(result, blocks=pairs)
    assert ours.n_assignments == 16
    assert ours.p_value == np.mean(np.abs(coefs) >= abs(result.estimate) * (1 - 1e-8))
    assert ours.smallest_p == 2 / 16


def test_staggered_starts_are_permuted_as_whole_histories() -> None:
    rng = np.random.default_rng(2)
    base = pd.MultiIndex.from_product([range(5), range(4)], names=["school", "wave"]).to_frame(index=False)
    start = np.array([1, 2, 9, 9, 9])
    base["now"] = (base["wave"] >= start[base["school"]]).astype(int)
    base["y"] = rng.normal(size=len(base))
    result = did(base, outcome="y", unit="school", time="wave", treated="now", cluster="school")
    x, y, clusters = full_design(result)
    coefs = []
    for i, j in product(range(5), repeat=2):
        if i != j:
            own = np.full(5, 9)
            own[i], own[j] = 1, 2
            x[:, 0] = result.sample.wave >= own[clusters]
            coefs.append(np.linalg.lstsq(x, y, rcond=None)[0][0])
    ours = permute_clusters(result)
    assert ours.n_assignments == 20
    assert ours.p_value == np.mean(np.abs(coefs) >= abs(result.estimate) * (1 - 1e-8))


def test_sampled_randomisation_is_near_the_exact_and_counts_the_observed(panel: pd.DataFrame) -> None:
    result = fit_did(panel)
    sampled, exact = permute_clusters(result, draws=2000), permute_clusters(result, draws=3003)
    assert (sampled.exact, exact.exact, exact.n_assignments) == (False, True, 3003)
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.02)
    assert sampled.smallest_p == 1 / 2001


def test_cluster_means_are_scipys_t_tests() -> None:
    rng = np.random.default_rng(1)
    y, arm = rng.normal(size=10), np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    plain, paired = cluster_means_test(y, arm), cluster_means_test(y, arm, blocks=np.repeat(np.arange(5), 2))
    two, rel = stats.ttest_ind(y[arm == 1], y[arm == 0]), stats.ttest_rel(y[arm == 1], y[arm == 0])
    assert (plain.statistic, plain.p_value) == pytest.approx((two.statistic, two.pvalue))
    assert (paired.statistic, paired.p_value, paired.df) == pytest.approx((rel.statistic, rel.pvalue, 4))
    low, high = two.confidence_interval()
    assert (plain.conf_low, plain.conf_high) == pytest.approx((low, high))


def test_every_method_in_one_table(panel: pd.DataFrame) -> None:
    table = cluster_inference(fit_did(panel), randomized=False, interval=True, draws=999).set_index("method")
    assert table.index.tolist() == [
        "CR2 Satterthwaite",
        "CR1 t(G-1)",
        "CR3 t(G-1)",
        "wild bootstrap",
        "randomisation",
        "cluster means t test",
    ]
    assert table["p_value"].between(0, 0.2).all()
    assert "not random" in table.loc["randomisation", "note"]
    assert table.index[table["leads"]].tolist() == ["CR2 Satterthwaite"]
    # change of each school's students by hand, with pandas
    s = panel.dropna(subset="y")
    means = s.assign(after=s["wave"] >= 4).groupby(["school", "student", "after"])["y"].mean().unstack()
    change = (means[True] - means[False]).groupby("school").mean()
    arm = s.groupby("school")["programme"].first()
    assert table.loc["cluster means t test", "estimate"] == pytest.approx(
        change[arm == 1].mean() - change[arm == 0].mean()
    )


def test_one_wave_has_the_same_table(panel: pd.DataFrame) -> None:
    last = panel[(panel["wave"] == 5) & ~panel["school"].isin(["s06", "s14"])].dropna(subset="y")
    result = mean_difference(last, outcome="y", treated="programme", cluster="school")
    table = cluster_inference(result, randomized=True).set_index("method")
    schools = last.groupby("school").agg(y=("y", "mean"), n=("y", "size"), arm=("programme", "first"))
    plain = stats.ttest_ind(schools.loc[schools["arm"] == 1, "y"], schools.loc[schools["arm"] == 0, "y"])
    assert table.loc["cluster means t test", "p_value"] == pytest.approx(plain.pvalue)
    total = schools["y"] * schools["n"]
    diffs = []
    for arm in combinations(range(12), 6):
        on = np.isin(np.arange(12), arm)
        diffs.append(total[on].sum() / schools["n"][on].sum() - total[~on].sum() / schools["n"][~on].sum())
    share = np.mean(np.abs(diffs) >= abs(result.table.loc[0, "estimate"]) * (1 - 1e-9))
    assert table.loc["randomisation", "p_value"] == pytest.approx(share)
    assert table.loc["wild bootstrap", "p_value"] == pytest.approx(table.loc["CR2 Satterthwaite", "p_value"], abs=0.05)


def test_one_wave_in_pairs_is_permuted_within_pairs(panel: pd.DataFrame) -> None:
    last = panel[(panel["wave"] == 5) & ~panel["pair"].isin(["p3", "p5"])].dropna(subset="y")
    arms = last.groupby("pair")["programme"].agg(lambda v: v.nunique())
    last = last[last["pair"].isin(arms.index[arms == 2])]
    result = mean_difference(last, outcome="y", treated="programme", cluster="school", blocks="pair")
    note = cluster_inference(result, randomized=True).set_index("method").loc["randomisation", "note"]
    assert f"all {2 ** last['pair'].nunique()} assignments" in note
    with pytest.raises(ParameterError, match="Blocks are given twice"):
        cluster_inference(result, randomized=True, blocks={})
    alone = mean_difference(last, outcome="y", treated="programme")
    with pytest.raises(DesignError, match="no clusters"):
        cluster_inference(alone, randomized=True)


def test_with_many_clusters_the_resampling_rows_say_why_they_are_empty() -> None:
    rng = np.random.default_rng(6)
    rows = pd.MultiIndex.from_product([range(600), [1, 2]], names=["student", "wave"]).to_frame(index=False)
    rows["now"] = ((rows["student"] < 300) & (rows["wave"] == 2)).astype(int)
    rows["y"] = rng.normal(size=len(rows))
    result = did(rows, outcome="y", unit="student", time="wave", treated="now", cluster="student")
    table = cluster_inference(result, randomized=True).set_index("method")
    assert "600 clusters" in table.loc["wild bootstrap", "note"]
    assert table.loc["CR2 Satterthwaite", "leads"]
    plain = stats.ttest_ind(
        *(
            rows.pivot(index="student", columns="wave", values="y").diff(axis=1)[2].to_numpy()[s]
            for s in (slice(0, 300), slice(300, 600))
        )
    )
    assert table.loc["cluster means t test", "p_value"] == pytest.approx(plain.pvalue)


def test_two_schools_in_an_arm_are_not_trusted(panel: pd.DataFrame) -> None:
    rows = panel[(panel["programme"] == 0) | panel["school"].isin(["s01", "s03"])]
    for randomized, leader in ((True, "randomisation"), (False, "cluster means t test")):
        table = cluster_inference(fit_did(rows), randomized=randomized, draws=199)
        assert table.loc[table["leads"], "method"].tolist() == [leader]
        assert not table["trusted"].any()


def test_the_rule_in_words() -> None:
    few = choose_inference(2, 8, 1.4, randomized=True, smallest_p=1 / 45)
    assert (few.name, few.trusted) == ("randomisation", False)
    assert "0.0222" in few.explanation
    low = choose_inference(3, 9, 3.2, randomized=False)
    assert (low.name, low.trusted) == ("CR2 Satterthwaite", False)
    assert "3.2 degrees" in low.explanation
    assert choose_inference(6, 8, 9.0, randomized=True).trusted
    with pytest.raises(DesignError, match="1 programme and 9 comparison"):
        choose_inference(1, 9, 1.0, randomized=False)


def test_bad_input(panel: pd.DataFrame) -> None:
    result = fit_did(panel)
    with pytest.raises(ParameterError, match="10 draws"):
        wild_cluster_bootstrap(result.fit, draws=10)
    with pytest.raises(DataError, match="13 of 14 clusters have no block"):
        permute_clusters(result, blocks={"s01": 1})
    with pytest.raises(DesignError, match="one way only"):
        permute_clusters(result, blocks={name: name for name in result.sample.cluster_names})
    with pytest.raises(DesignError, match="1 programme and 3 comparison"):
        cluster_means_test([1, 2, 3, 4], [1, 0, 0, 0])
    with pytest.raises(DesignError, match="could have come out in one way"):
        randomization_test([1.0, 2.0], np.ones((2, 1)), np.ones((2, 1)), [0, 1], [0, 0])


def test_ten_thousand_draws_are_quick() -> None:
    rng = np.random.default_rng(4)
    base = pd.MultiIndex.from_product([range(40), range(40), [1, 2, 3]], names=["school", "i", "wave"]).to_frame(
        index=False
    )
    base["student"] = base["school"] * 40 + base["i"]
    base["now"] = ((base["school"] < 20) & (base["wave"] == 3)).astype(int)
    base["y"] = rng.normal(size=len(base))
    result = fit_did(base)
    wild_cluster_bootstrap(result.fit)
    start = time.process_time()
    wild_cluster_bootstrap(result.fit)
    permute_clusters(result)
    assert time.process_time() - start < 1.0
