"""One row a method from raw rows: held to loops that enumerate, to scipy and to a jackknife by deletion."""

from __future__ import annotations

import importlib.util
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from belonging_study.effects import inference_by_method
from belonging_study.errors import DataError, DesignError, ParameterError, UserError, ValueRangeError

COLUMNS: dict[str, Any] = {"outcome": "y", "unit": "student", "time": "wave", "treated": "on", "cluster": "school"}


def panel(sizes: list[int], arm: list[int], seed: int = 1, effect: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(len(sizes)), sizes)
    n = len(school)
    wave = np.repeat([1, 2], n)
    rows = pd.DataFrame({"student": np.tile(np.arange(n), 2), "school": np.tile(school, 2), "wave": wave})
    rows["arm"] = np.array(arm)[rows["school"]]
    rows["on"] = rows["arm"] * (rows["wave"] == 2)
    rows["pair"] = rows["school"] // 2
    own = rng.normal(size=(2, len(sizes)))
    rows["y"] = rng.normal(size=2 * n) + own[wave - 1, rows["school"]] + effect * rows["on"]
    return rows


@pytest.fixture(scope="module")
def few() -> pd.DataFrame:
    return panel([4, 7, 3, 9, 5, 12], [1, 0, 1, 0, 0, 1])


@pytest.fixture(scope="module")
def benchmark(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("few_clusters", project / "benchmarks" / "few_clusters.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["few_clusters"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("sizes", "arm"), [([4, 7, 3, 9, 5, 12], "101001"), ([4, 7, 3, 9, 5, 12, 40], "0010001")])
def test_the_simulation_s_formulas_are_those_of_the_package(benchmark: ModuleType, sizes: list[int], arm: str) -> None:
    arms = [int(a) for a in arm]
    rows = panel(sizes, arms)
    table = inference_by_method(rows, **COLUMNS, randomized=True).set_index("method")
    change = rows.groupby(["school", "wave"])["y"].sum().unstack()
    fast = benchmark.p_values(
        (change[2] - change[1]).to_numpy()[None], np.array(sizes), np.array([arms], dtype=float), 999, 1
    ).iloc[0]
    for method in benchmark.METHODS:
        assert fast[method] == pytest.approx(table.loc[method, "p_value"], abs=1e-10), method
    assert fast["df"] == pytest.approx(table.loc["CR2 Satterthwaite", "df"], abs=1e-8)


def test_cr3_is_the_jackknife_over_schools(few: pd.DataFrame) -> None:
    table = inference_by_method(few, **COLUMNS).set_index("method")

    def estimate(rows: pd.DataFrame) -> float:
        means = rows.groupby(["arm", "wave"])["y"].mean().unstack()
        return float((means[2] - means[1]).diff().iloc[-1])

    left_out = [estimate(few[few["school"] != s]) for s in range(6)]
    by_hand = np.sqrt(((np.array(left_out) - estimate(few)) ** 2).sum())
    assert table.loc["CR3 t(G-1)", "std_error"] == pytest.approx(by_hand, rel=1e-9)
    assert table.loc["CR3 t(G-1)", "p_value"] == pytest.approx(2 * stats.t.sf(abs(estimate(few)) / by_hand, 5))
    assert "without the factor (G-1)/G" in table.loc["CR3 t(G-1)", "definition"]


def test_cr1_counts_what_it_says(few: pd.DataFrame) -> None:
    row = inference_by_method(few, **COLUMNS).set_index("method").loc["CR1 t(G-1)"]
    assert "G = 6, N = 80, K = 3" in row["definition"]
    wide = few.pivot(index="student", columns="wave", values="y")
    arm, school = (few.groupby("student")[name].first() for name in ("arm", "school"))
    change = wide[2] - wide[1]
    rest = change - change.groupby(arm).transform("mean")
    score = rest.groupby(school).sum() / arm.groupby(arm).transform("size").groupby(school).first()
    assert row["std_error"] == pytest.approx(np.sqrt((score**2).sum() * 6 / 5 * 79 / 77), rel=1e-9)


def test_smallest_p_is_reached_by_the_strongest_effect() -> None:
    strong = panel([5] * 6, [1, 0, 1, 0, 1, 0], effect=50)
    table = inference_by_method(strong, **COLUMNS, randomized=True).set_index("method")
    for method, smallest in (("wild bootstrap", 2 / 2**6), ("randomisation", 2 / 20)):
        assert table.loc[method, "smallest_p"] == pytest.approx(smallest)
        assert table.loc[method, "p_value"] == pytest.approx(smallest)
    assert table.loc[["CR1 t(G-1)", "CR2 Satterthwaite", "CR3 t(G-1)"], "smallest_p"].isna().all()
    paired = inference_by_method(strong, **COLUMNS, blocks="pair", randomized=True).set_index("method")
    assert paired.loc["randomisation", "smallest_p"] == paired.loc["randomisation", "p_value"] == 2 / 2**3
    uneven = panel([5] * 6, [1, 0, 1, 0, 0, 0], effect=50)
    alone = inference_by_method(uneven, **COLUMNS, randomized=True).set_index("method")
    assert alone.loc["randomisation", "smallest_p"] == pytest.approx(1 / 15)
    sampled = inference_by_method(strong, **COLUMNS, draws=99).set_index("method")
    assert sampled.loc["wild bootstrap", "smallest_p"] == 2 / 2**6


def test_sampled_draws_cannot_go_below_their_own_number() -> None:
    many = panel([3] * 16, [1, 0] * 8, effect=50)
    table = inference_by_method(many, **COLUMNS, draws=199).set_index("method")
    assert table.loc["wild bootstrap", "smallest_p"] == table.loc["randomisation", "smallest_p"] == 1 / 200
    assert table.loc["randomisation", "p_value"] >= 1 / 200
    assert "199 draws of Rademacher" in table.loc["wild bootstrap", "definition"]
    ten = inference_by_method(panel([3] * 10, [1, 0] * 5), **COLUMNS, draws=199).set_index("method")
    assert "Webb" in ten.loc["wild bootstrap", "definition"]
    assert ten.loc["wild bootstrap", "note"].startswith("webb")


def test_staggered_starts_count_their_own_assignments() -> None:
    base = pd.DataFrame(list(product(range(5), range(4))), columns=["school", "wave"])
    base["on"] = (base["wave"] >= np.array([1, 2, 9, 9, 9])[base["school"]]).astype(int)
    base["y"] = np.random.default_rng(2).normal(size=20)
    table = inference_by_method(
        base, outcome="y", unit="school", time="wave", treated="on", cluster="school", randomized=True
    ).set_index("method")
    assert table.loc["randomisation", "smallest_p"] == 1 / 20  # 5 * 4 ways, no mirror
    assert np.isnan(table.loc["cluster means t test", "p_value"])
    assert np.isnan(table.loc["cluster means t test", "smallest_p"])
    assert not table["trusted"].any()
    assert table["leads"].sum() == 1


def test_one_wave_gives_the_same_columns(few: pd.DataFrame) -> None:
    last = few[few["wave"] == 2]
    table = inference_by_method(last, outcome="y", treated="arm", cluster="school", randomized=True)
    assert list(table.columns) == list(inference_by_method(few, **COLUMNS).columns)
    means = last.groupby("school").agg(y=("y", "mean"), arm=("arm", "first"))
    plain = stats.ttest_ind(means.loc[means["arm"] == 1, "y"], means.loc[means["arm"] == 0, "y"])
    table = table.set_index("method")
    assert table.loc["cluster means t test", "p_value"] == pytest.approx(plain.pvalue)
    assert table.loc["randomisation", "smallest_p"] == 0.1


def test_the_rule_s_sentence_stands_in_the_row_that_leads() -> None:
    giant = inference_by_method(panel([5] * 9 + [40], [1, 0] * 5), **COLUMNS).set_index("method")
    assert giant.index[giant["leads"]].tolist() == ["cluster means t test"]
    assert giant.loc["cluster means t test", "trusted"]
    assert "size 40" in giant.loc["cluster means t test", "reason"]
    assert (giant.loc[~giant["leads"], "reason"] == "").all()
    assert (giant["definition"].str.len() > 40).all()


def test_dropped_rows_are_counted(few: pd.DataFrame) -> None:
    rows = few.copy()
    rows.loc[[0, 3, 50], "y"] = np.nan
    table = inference_by_method(rows, **COLUMNS)
    assert (table["n_rows"] + table["n_rows_dropped"] == len(rows)).all()
    assert table["n_rows_dropped"].iloc[0] >= 3


def broken(few: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, dict[str, Any], type[UserError], str]]:
    one = few[(few["arm"] == 0) | (few["school"] == 0)]
    return {
        "one cluster": (one, {}, DesignError, "1 clusters in the programme and 3 in comparison"),
        "missing in an arm": (few.assign(y=few["y"].where(few["arm"] == 0)), {}, DesignError, "0 usable rows"),
        "missing for everybody": (few.assign(y=np.nan), {}, UserError, "0 usable rows"),
        "constant": (few.assign(y=3.0), {}, DataError, "same value in all 80 rows"),
        "negative weight": (few.assign(w=-1.0), {"weights": "w"}, ValueRangeError, "80 values that are not positive"),
        "zero weight": (few.assign(w=0.0), {"weights": "w"}, ValueRangeError, "80 values that are not positive"),
        "unit without time": (few, {"time": None}, ParameterError, "Only one of unit and time"),
        "two blocks": (few.assign(b=few["student"] % 2), {"blocks": "b"}, DesignError, "6 of 6 clusters lie in more"),
        "weights in one wave": (few, {"unit": None, "time": None, "weights": "w"}, ParameterError, "neither weights"),
    }


@pytest.mark.parametrize("case", list(broken(panel([2, 2, 2, 2], [1, 0, 1, 0]))))
def test_bad_input_says_what_is_wrong(few: pd.DataFrame, case: str) -> None:
    rows, extra, kind, words = broken(few)[case]
    with pytest.raises(kind, match=words) as caught:
        inference_by_method(rows, **(COLUMNS | extra))
    assert caught.value.remedy
