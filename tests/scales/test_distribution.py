from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import draw

from belonging_study.errors import ColumnMissingError, DataError, ValueRangeError
from belonging_study.scales import scale_summary

ITEMS = [f"q{i}" for i in range(1, 9)]
COLUMNS = [
    *("scale", "wave", "group", "level", "n", "n_missing", "mean", "sd", "sem", "floor_share", "ceiling_share"),
    *("cronbach_alpha", "alpha_conf_low", "alpha_conf_high", "mcdonald_omega", "omega_conf_low", "omega_conf_high"),
    *("n_items", "n_complete", "note"),
]
FIGURES = [name for name in COLUMNS if name.startswith(("cronbach", "alpha", "mcdonald", "omega")) or name == "sem"]
PSSM = {"scale": "pssm", "reverse": ["q3", "q7"], "minimum": 1, "maximum": 5}


@pytest.fixture
def data(form: pd.DataFrame) -> pd.DataFrame:
    """Two waves of the same answers, an arm for all, and a gender that some did not state."""
    rng = np.random.default_rng(4)
    both = pd.concat([form.assign(wave="w1"), form.assign(wave="w2")], ignore_index=True)
    both["arm"] = rng.choice(["programme", "comparison"], len(both))
    both["gender"] = rng.choice(np.array(["girl", "boy", None], dtype=object), len(both), p=[0.5, 0.4, 0.1])
    return both


def test_whole_wave_agrees_with_psych_and_lavaan(form: pd.DataFrame, stored: dict[str, Any]) -> None:
    table = scale_summary(form.assign(wave=1), ITEMS, **PSSM)
    assert list(table.columns) == COLUMNS
    row, expected = table.iloc[0], stored["simulated"]
    assert row["cronbach_alpha"] == pytest.approx(expected["alpha"], abs=1e-8)
    assert [row["alpha_conf_low"], row["alpha_conf_high"]] == pytest.approx(expected["alpha_95"], abs=1e-8)
    assert row["mcdonald_omega"] == pytest.approx(expected["omega"], abs=1e-5)
    assert [row["omega_conf_low"], row["omega_conf_high"]] == pytest.approx(expected["omega_95"], abs=1e-5)
    assert (row["n_complete"], row["n_items"], row["note"]) == (expected["n"], 8, "")
    # By plain arithmetic: at most one answer of eight may be missing.
    keyed = form.copy()
    keyed[["q3", "q7"]] = 6 - keyed[["q3", "q7"]]
    enough = keyed.isna().sum(axis=1) <= 1
    means = np.nanmean(keyed[enough].to_numpy(), axis=1)
    assert (row["n"], row["n_missing"]) == (enough.sum(), (~enough).sum())
    assert row["mean"] == pytest.approx(means.mean())
    assert row["sd"] == pytest.approx(means.std(ddof=1))
    assert row["sem"] == pytest.approx(means.std(ddof=1) * np.sqrt(1 - expected["alpha"]))


def test_one_row_a_wave_and_level_and_nobody_is_lost(data: pd.DataFrame) -> None:
    table = scale_summary(data, ITEMS, groups=["arm", "gender"], **PSSM)
    levels = table.loc[table["wave"] == "w1", ["group", "level"]].to_numpy().tolist()
    assert levels == [
        ["all", "all"],
        ["arm", "comparison"],
        ["arm", "programme"],
        ["gender", "boy"],
        ["gender", "girl"],
        ["gender", "(missing)"],
    ]
    for _, wave in table.groupby("wave"):
        for column in ("n", "n_missing", "n_complete"):
            sums = wave.groupby("group")[column].sum()
            assert sums["all"] == sums["arm"] == sums["gender"]
    w1, w2 = (table[(table["wave"] == w) & (table["group"] == "all")].iloc[0] for w in ("w1", "w2"))
    assert w1[FIGURES].tolist() == w2[FIGURES].tolist()


def test_floor_and_ceiling_of_the_scale() -> None:
    lowest, highest, middle = [1, 1, 5], [5, 5, 1], [3, 3, 3]
    data = pd.DataFrame([lowest, lowest, highest, middle, [1, 1, 4]], columns=["a", "b", "c"]).assign(wave=1)
    for method, factor in (("mean", 1), ("sum", 3)):
        row = scale_summary(data, ["a", "b", "c"], scale="s", reverse=["c"], minimum=1, maximum=5, method=method).iloc[
            0
        ]
        assert (row["floor_share"], row["ceiling_share"]) == (2 / 5, 1 / 5)
        assert row["mean"] == pytest.approx(factor * (1 + 1 + 5 + 3 + 4 / 3) / 5)


def test_floor_survives_rounding() -> None:
    data = pd.DataFrame(np.full((4, 3), 0.1), columns=["a", "b", "c"]).assign(wave=1)
    data.loc[0, "a"] = 0.7
    row = scale_summary(data, ["a", "b", "c"], scale="s", minimum=0.1, maximum=0.7).iloc[0]
    assert row["floor_share"] == 3 / 4


def test_a_categorical_keeps_its_order_and_numbers_sort_as_numbers(data: pd.DataFrame) -> None:
    data["wave"] = np.where(data["wave"] == "w1", 10, 9)
    data["arm"] = pd.Categorical(data["arm"], ["programme", "comparison", "waiting"])
    table = scale_summary(data, ITEMS, groups=["arm"], **PSSM)
    assert table["wave"].tolist() == [9, 9, 9, 10, 10, 10]
    assert table["level"].tolist() == ["all", "programme", "comparison"] * 2


def test_a_small_group_is_told_and_does_not_stop_the_table(data: pd.DataFrame) -> None:
    data.loc[:4, "gender"] = "other"
    row = scale_summary(data, ITEMS, groups=["gender"], **PSSM).query("level == 'other'").iloc[0]
    assert row["n"] + row["n_missing"] == 5
    assert row[FIGURES].isna().all()
    assert row["note"].startswith("alpha and omega: ")
    assert "of 5 people answered all 8 items; this figure needs at least 9" in row["note"]


def test_a_constant_item_in_one_group(data: pd.DataFrame) -> None:
    data.loc[data["arm"] == "programme", "q1"] = 5.0
    table = scale_summary(data, ITEMS, groups=["arm"], **PSSM).set_index(["wave", "level"])
    assert "same answer" in table.loc[("w1", "programme"), "note"]
    assert np.isnan(table.loc[("w1", "programme"), "cronbach_alpha"])
    assert table.loc[("w1", "comparison"), "note"] == ""


def test_a_scale_of_two_items_has_alpha_but_no_omega(data: pd.DataFrame) -> None:
    row = scale_summary(data, ["q1", "q2"], scale="pair", minimum=1, maximum=5).iloc[0]
    assert row["cronbach_alpha"] > 0
    assert np.isnan(row["mcdonald_omega"])
    assert row["note"] == "omega: This figure needs at least 3 items; the scale has 2"


def test_nobody_scored_in_a_wave(data: pd.DataFrame) -> None:
    data.loc[data["wave"] == "w2", ITEMS] = np.nan
    row = scale_summary(data, ITEMS, **PSSM).iloc[1]
    assert (row["n"], row["n_missing"]) == (0, 420)
    assert row[["mean", "sd", "floor_share", *FIGURES]].isna().all()
    assert "nobody was scored" in row["note"]


def test_an_unreversed_item_reaches_the_note(data: pd.DataFrame) -> None:
    row = scale_summary(data, ITEMS, **(PSSM | {"reverse": ["q3"]})).iloc[0]
    assert "looks unreversed: q7" in row["note"]


def test_bad_input(data: pd.DataFrame) -> None:
    with pytest.raises(ColumnMissingError, match=r"gendr \(nearest: gender\)"):
        scale_summary(data, ITEMS, groups=["gendr"], **PSSM)
    with pytest.raises(DataError, match="3 of 840 rows have no wave"):
        scale_summary(data.assign(wave=data["wave"].where(data.index > 2)), ITEMS, **PSSM)
    with pytest.raises(ValueRangeError, match="99 appears 840 times"):
        scale_summary(data.assign(q1=99), ITEMS, **PSSM)
    with pytest.raises(DataError, match="no rows"):
        scale_summary(data.head(0), ITEMS, **PSSM)


@pytest.mark.slow
def test_sem_is_the_spread_of_errors() -> None:
    # Parallel items with known true scores: the scores' errors have standard deviation sqrt(.64 / 6).
    answers = draw(np.random.default_rng(8), 200_000, np.full(6, 0.6)).clip(-9, 9).assign(wave=1)
    row = scale_summary(answers, [f"q{i}" for i in range(1, 7)], scale="s", minimum=-9, maximum=9).iloc[0]
    assert row["sem"] == pytest.approx(np.sqrt(0.64 / 6), rel=0.01)


def test_floor_and_ceiling_in_percent_of_the_maximum() -> None:
    data = pd.DataFrame({"q1": [1, 5, 5, 3], "q2": [1, 5, 5, 4], "wave": "w1"})
    table = scale_summary(data, ["q1", "q2"], scale="s", minimum=1, maximum=5, method="percent_of_maximum")
    row = table.iloc[0]
    assert (row["floor_share"], row["ceiling_share"]) == (0.25, 0.5)
    assert row["mean"] == pytest.approx((0 + 100 + 100 + 62.5) / 4)
