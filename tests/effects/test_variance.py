"""Intraclass correlations and shrunken effects held to R, to published figures and to simulated truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from multilevel_panel import panel

from belonging_study.effects.multilevel import multilevel
from belonging_study.effects.variance import cluster_effects, design_effect, icc, variance_shares
from belonging_study.errors import ColumnMissingError, DesignError, ParameterError, ValueRangeError

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "multilevel_models.json").read_text())
DEFAULT = "y ~ treat*post + (1 + post | school) + (1 | klass) + (1 | unit)"


@pytest.fixture(scope="module")
def big() -> pd.DataFrame:
    return panel(24, 3, 15, 0.25, 0.3)


@pytest.mark.parametrize(("name", "cluster"), [("balanced", "school"), ("unbalanced", "klass")])
def test_anova_icc_agrees_with_r(big: pd.DataFrame, name: str, cluster: str) -> None:
    data = big[big["wave"] == 0]
    if name == "unbalanced":
        data = data[~((data["klass"] % 5 == 0) & (data["student"] > 6))]
    want = REFERENCE["anova"][name]
    row = icc(data, "y", cluster).iloc[0]
    got = row[["mean_size", "icc", "icc_mean", "conf_low", "conf_high"]].astype(float).tolist()
    assert got == pytest.approx([want[k] for k in ("n0", "icc", "icc2", "low", "high")], rel=1e-8)


def test_army_well_being_reproduces_the_published_iccs(shared_data: Path) -> None:
    data = pd.read_csv(next((shared_data / "army_climate").glob("bh1996.csv*")))
    row = icc(data, "WBEING", "GRP").iloc[0]
    # Bliese's figures; his ICC(1) takes the plain mean size N / J where ours takes n0.
    f = 1 / (1 - row["icc_mean"])
    assert row["icc_mean"] == pytest.approx(0.7717, abs=5e-5)
    assert (f - 1) / (f + row["n_rows"] / row["n_clusters"] - 1) == pytest.approx(0.04337, abs=5e-6)
    assert row["icc"] == pytest.approx(0.04337, abs=6e-4)
    assert (row["n_rows"], row["n_clusters"]) == (7382, 99)


def test_icc_counts_what_it_leaves_out_and_keeps_negative_values() -> None:
    data = pd.DataFrame({"school": [1, 1, 2, 2, None, 3], "y": [1.0, 3.0, 1.1, 2.9, 5.0, None]})
    row = icc(data, "y", "school").iloc[0]
    assert (row["n_rows"], row["n_dropped"], row["n_clusters"]) == (4, 2, 2)
    # Mean squares 0 between and (2 + 1.62) / 2 within.
    assert row["icc"] == pytest.approx(-1.0)


def test_icc_refuses_what_it_cannot_tell() -> None:
    data = pd.DataFrame({"school": [1, 1, 2, 2], "y": [1.0, 1.0, 2.0, 2.0]})
    with pytest.raises(DesignError, match="does not vary within"):
        icc(data, "y", "school")
    with pytest.raises(DesignError, match="4 rows in 4 levels"):
        icc(data.assign(school=[1, 2, 3, 4]), "y", "school")
    with pytest.raises(DesignError, match="4 rows in 1 levels"):
        icc(data.assign(school=1), "y", "school")
    with pytest.raises(ValueRangeError, match="1 rows"):
        icc(data.assign(y=["1", "x", "2", "3"]), "y", "school")
    with pytest.raises(ColumnMissingError, match='did you mean "school"'):
        icc(data, "y", "scool")


def test_variance_shares_agree_with_lme4_and_numderiv(big: pd.DataFrame) -> None:
    shares = variance_shares(multilevel("y ~ 1 + (1 | school) + (1 | klass) + (1 | unit)", big)).set_index("group")
    assert list(shares.index) == ["school", "klass", "unit"]
    for group, want in ((g, REFERENCE["shares"][g]) for g in shares.index):
        got = shares.loc[group, ["icc", "icc_low", "icc_high"]].astype(float).tolist()
        assert got == pytest.approx([want["share"], want["low"], want["high"]], rel=2e-3)
    assert shares.loc["school", "share"] == shares.loc["school", "icc"]
    assert shares["share"].sum() == pytest.approx(shares.loc["unit", "icc"])


def test_variance_share_of_zero_says_that_it_has_no_interval() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"school": np.repeat(np.arange(10), 10), "y": np.tile(rng.normal(size=10), 10)})
    row = variance_shares(multilevel("y ~ 1 + (1 | school)", data)).iloc[0]
    assert row["icc"] == pytest.approx(0, abs=1e-8)
    assert np.isnan(row["icc_low"])
    assert "no interval" in row["method"]


def test_cluster_effects_agree_with_ranef(big: pd.DataFrame) -> None:
    result = multilevel(DEFAULT, big)
    want = pd.DataFrame(REFERENCE["school_effects"])
    table = cluster_effects(result, "school", by="treat")
    for j, term in enumerate(("(Intercept)", "post"), start=1):
        mine = table[table["term"] == term]
        ordered = want.sort_values(f"effect{j}")
        np.testing.assert_allclose(mine["estimate"], ordered[f"effect{j}"], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(mine["std_error"], ordered[f"sd{j}"], rtol=1e-3)
        assert mine["treat"].tolist() == (ordered["level"].astype(int) % 2).tolist()
        assert mine["position"].tolist() == list(range(1, 25))
    classes = cluster_effects(result, "klass")
    want = pd.DataFrame(REFERENCE["class_effects"]).sort_values("effect1")
    np.testing.assert_allclose(classes["estimate"], want["effect1"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(classes["std_error"], want["sd1"], rtol=1e-3)


def test_raw_change_is_the_school_s_own_change_less_its_arm_s(big: pd.DataFrame) -> None:
    result = multilevel(DEFAULT, big)
    table = cluster_effects(result, "school", by="treat")
    change = big.groupby(["school", "post"])["y"].mean().unstack()
    change = change[1.0] - change[0.0]
    arm = change.groupby(change.index % 2).transform("mean")
    # Balanced data: the fixed effects are the arms' mean changes.
    np.testing.assert_allclose(np.sort(table.query("term == 'post'")["raw"]), np.sort(change - arm), atol=1e-6)
    shrunk = table.query("term == 'post'")
    assert shrunk["estimate"].std() < shrunk["raw"].std()


def test_school_of_one_period_has_no_raw_change(big: pd.DataFrame) -> None:
    data = big[(big["school"] != 3) | (big["post"] == 0)]
    table = cluster_effects(multilevel(DEFAULT, data), "school")
    assert table.query("term == 'post'")["raw"].isna().sum() == 1
    assert table.query("term == 'post'")["estimate"].notna().all()
    assert table.query("term == '(Intercept)'")["raw"].notna().all()


def test_split_and_double_bar_slopes_give_one_table(big: pd.DataFrame) -> None:
    split = cluster_effects(multilevel("y ~ treat*post + (1 | school) + (0 + post | school)", big), "school")
    bar = cluster_effects(multilevel("y ~ treat*post + (1 + post || school)", big), "school")
    pd.testing.assert_frame_equal(split, bar, rtol=1e-4)


def test_cluster_effects_errors(big: pd.DataFrame) -> None:
    result = multilevel(DEFAULT, big)
    with pytest.raises(ColumnMissingError, match="school, klass, unit"):
        cluster_effects(result, "schools")
    with pytest.raises(DesignError, match="24 clusters"):
        cluster_effects(result, "school", by="post")
    with pytest.raises(ColumnMissingError, match='no column "arm"'):
        cluster_effects(result, "school", by="arm")


def test_design_effect_is_the_ratio_of_variances_of_a_clustered_mean() -> None:
    # The exact variance of the mean of clusters of 5 and 15 with icc 0.1, against independent rows.
    sizes = np.array([5, 15])
    exact = (sizes + 0.1 * sizes * (sizes - 1)).sum() / sizes.sum()
    assert design_effect(0.1, sizes.mean(), size_cv=sizes.std() / sizes.mean()) == pytest.approx(exact)
    with pytest.raises(ParameterError, match="out of range"):
        design_effect(1.2, 20)


@pytest.mark.slow
def test_icc_intervals_hold_their_level() -> None:
    rng = np.random.default_rng(20)
    school = np.repeat(np.arange(24), 20)
    exact = delta = 0
    for _ in range(200):
        y = rng.normal(0, np.sqrt(0.1), 24)[school] + rng.normal(0, np.sqrt(0.9), 480)
        data = pd.DataFrame({"school": school, "y": y})
        row = icc(data, "y", "school").iloc[0]
        share = variance_shares(multilevel("y ~ 1 + (1 | school)", data)).iloc[0]
        exact += row["conf_low"] <= 0.1 <= row["conf_high"]
        delta += share["icc_low"] <= 0.1 <= share["icc_high"]
    # Binomial error at 200 sets is 1.5 points; the delta interval errs on the wide side at 24 clusters.
    assert 0.91 <= exact / 200 <= 0.985
    assert 0.90 <= delta / 200 <= 0.998
