from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study import scales  # `test_retest` by its own name would be taken for a test
from belonging_study.errors import DataError, DuplicateRowsError, ParameterError, ValueRangeError
from belonging_study.scales import intraclass_correlation


@pytest.fixture(scope="module")
def waves(project: Path) -> pd.DataFrame:
    table = pd.read_csv(project / "tests/reference/reliability_retest.csv")
    return table.set_index(pd.Index([f"s{i}" for i in range(len(table))]))


@pytest.mark.parametrize("level", [0.95, 0.90])
@pytest.mark.parametrize("kind", ["agreement", "consistency"])
@pytest.mark.parametrize("name", ["two", "three"])
def test_intraclass_correlations_agree_with_psych(
    name: str, kind: Any, level: float, waves: pd.DataFrame, more: dict[str, Any]
) -> None:
    result = intraclass_correlation(waves.iloc[:, : 2 if name == "two" else 3], kind, level)
    told = more["icc"][name][f"{100 * level:.0f}"][kind]
    np.testing.assert_allclose([result.estimate, result.conf_low, result.conf_high], told, atol=1e-10)
    assert (result.n, result.n_items) == (90, 2 if name == "two" else 3)


@pytest.mark.parametrize(("key", "level"), [("retest", 0.95), ("retest_90", 0.90)])
def test_every_figure_agrees_with_base_r(key: str, level: float, waves: pd.DataFrame, more: dict[str, Any]) -> None:
    result, told = scales.test_retest(waves["w1"], waves["w2"], level), more[key]
    table = result.table.set_index("coefficient")[["estimate", "conf_low", "conf_high"]]
    three = {
        "pearson": told["pearson"],
        "mean_change": told["change"],
        "sem": told["sem"],
        "limit_of_agreement_lower": told["lower"],
        "limit_of_agreement_upper": told["upper"],
        "icc_agreement": more["icc"]["two"][f"{100 * level:.0f}"]["agreement"],
        "icc_consistency": more["icc"]["two"][f"{100 * level:.0f}"]["consistency"],
    }
    for name, numbers in three.items():
        np.testing.assert_allclose(table.loc[name], numbers, atol=1e-8, err_msg=name)
    assert table.loc["smallest_detectable_change", "estimate"] == pytest.approx(told["individual"], abs=1e-8)
    assert table.loc["smallest_detectable_change_group", "estimate"] == pytest.approx(told["group"], abs=1e-8)
    assert set(table.index) == {*three, "smallest_detectable_change", "smallest_detectable_change_group"}


def test_people_are_paired_by_their_label(waves: pd.DataFrame) -> None:
    shuffled = waves["w2"].sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        scales.test_retest(waves["w1"], shuffled).table, scales.test_retest(waves["w1"], waves["w2"]).table
    )


def test_people_with_one_score_are_counted(waves: pd.DataFrame) -> None:
    first, second = waves["w1"].iloc[5:].copy(), waves["w2"].iloc[:80].copy()
    first.iloc[0] = np.nan
    second["s11"] = np.nan
    second["s5"] = np.nan  # nobody's score: neither complete nor dropped
    result = scales.test_retest(first, second)
    assert (result.n, result.n_dropped) == (73, 5 + 10 + 1)


def test_a_shift_of_everybody_tells_agreement_from_consistency(waves: pd.DataFrame) -> None:
    plain = scales.test_retest(waves["w1"], waves["w2"]).table.set_index("coefficient")["estimate"]
    moved = scales.test_retest(waves["w1"], waves["w2"] + 1).table.set_index("coefficient")["estimate"]
    assert moved["icc_consistency"] == pytest.approx(plain["icc_consistency"])
    assert moved["icc_agreement"] < plain["icc_agreement"] - 0.2
    assert moved["mean_change"] == pytest.approx(plain["mean_change"] + 1)
    assert moved["sem"] == pytest.approx(plain["sem"])


def test_everybody_changed_alike(waves: pd.DataFrame) -> None:
    result = scales.test_retest(waves["w1"], waves["w1"] + 0.5)
    table = result.table.set_index("coefficient")
    assert table.loc["icc_consistency", "estimate"] == pytest.approx(1)
    assert 0 < table.loc["icc_agreement", "estimate"] < 1
    assert math.isnan(table.loc["icc_consistency", "conf_low"])
    assert "every person changed by the same amount" in result.note


def test_scores_that_go_opposite_ways_are_told(waves: pd.DataFrame) -> None:
    result = scales.test_retest(waves["w1"], 6 - waves["w2"])
    assert "intraclass correlations below 0" in result.note


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["agreement", "consistency"])
def test_intervals_cover_the_truth(kind: Any) -> None:
    rng = np.random.default_rng(3)
    n, reps, sd_wave = 40, 500, 0.25
    # Agreement: every wave has its own shift, one of a population of waves, so that three are few.
    truth = 1 / (1 + 0.5 + (sd_wave**2 if kind == "agreement" else 0))
    covered = 0
    for _ in range(reps):
        scores = rng.normal(size=(n, 1)) + math.sqrt(0.5) * rng.normal(size=(n, 3)) + sd_wave * rng.normal(size=3)
        result = intraclass_correlation(pd.DataFrame(scores).add_prefix("w"), kind)
        covered += result.conf_low < truth < result.conf_high
    assert 0.92 < covered / reps < 0.98


class TestBadInput:
    def test_a_person_twice(self, waves: pd.DataFrame) -> None:
        twice = pd.concat([waves["w2"], waves["w2"].head(2)])
        with pytest.raises(DuplicateRowsError, match="2 of 92 scores belong to a person who is there already"):
            scales.test_retest(waves["w1"], twice)

    def test_nobody_in_both(self, waves: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="0 people have scores at all 2 times; this needs at least 4") as told:
            scales.test_retest(waves["w1"], waves["w2"].rename(lambda name: f"x{name}"))
        assert "same people's labels" in told.value.remedy

    def test_no_series(self, waves: pd.DataFrame) -> None:
        with pytest.raises(ParameterError, match="one is a ndarray"):
            scales.test_retest(waves["w1"], waves["w2"].to_numpy())  # type: ignore[arg-type]

    @pytest.mark.parametrize("n", [0, 1, 3])
    def test_too_few(self, waves: pd.DataFrame, n: int) -> None:
        with pytest.raises(DataError, match=f"{n} people have scores at all 2 times"):
            scales.test_retest(waves["w1"].head(n), waves["w2"])

    def test_a_group_of_five(self, waves: pd.DataFrame) -> None:
        result = scales.test_retest(waves["w1"].head(5), waves["w2"])
        assert (result.n, result.n_dropped) == (5, 85)
        assert result.table.loc[:4, ["conf_low", "conf_high"]].notna().all(axis=None)

    def test_constant_scores(self, waves: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="At 1 of 2 times, all 90 people have one and the same score"):
            scales.test_retest(waves["w1"], waves["w2"] * 0 + 3)

    def test_text(self, waves: pd.DataFrame) -> None:
        with pytest.raises(ValueRangeError, match="text"):
            scales.test_retest(waves["w1"], waves["w2"].astype(str))

    def test_infinity(self, waves: pd.DataFrame) -> None:
        with pytest.raises(ValueRangeError, match="Infinite"):
            scales.test_retest(waves["w1"], waves["w2"] / 0)

    def test_one_occasion(self, waves: pd.DataFrame) -> None:
        with pytest.raises(DataError, match="needs two occasions; there is 1"):
            intraclass_correlation(waves[["w1"]])

    def test_unknown_kind(self, waves: pd.DataFrame) -> None:
        with pytest.raises(ParameterError, match="`kind`"):
            intraclass_correlation(waves, "absolute")  # type: ignore[arg-type]

    @pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
    def test_level(self, waves: pd.DataFrame, level: float) -> None:
        with pytest.raises(ParameterError, match="conf_level"):
            scales.test_retest(waves["w1"], waves["w2"], level)
        with pytest.raises(ParameterError, match="conf_level"):
            intraclass_correlation(waves, conf_level=level)
