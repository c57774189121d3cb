"""Rates do not tell how many a few are, neither by themselves nor by what else the report says."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from belonging_study.reports.disclosure import suppress
from belonging_study.reports.rate_disclosure import RARE_RATE, rare_outcomes, suppress_gaps, suppress_rates

MINIMUM = 10
SIZES = {"programme": 126, "comparison": 155}


def described(counts: dict[tuple[str, str], int], outcome: str = "suspended") -> pd.DataFrame:
    """A row a wave and arm of a yes-or-no outcome, from the answers of every student."""
    rows = []
    for (wave, arm), yes in counts.items():
        answers = pd.Series([1.0] * yes + [0.0] * (SIZES[arm] - yes))
        mean, sd = answers.mean(), answers.std()
        rows.append((outcome, wave, arm, len(answers), 4, mean, sd, mean - sd / 5, mean + sd / 5))
    names = ["outcome", "wave", "arm", "n_students", "n_clusters", "mean", "sd", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=names)


def four(*yes: int) -> dict[tuple[str, str], int]:
    return dict(zip(itertools.product(("w1", "w2"), SIZES), yes, strict=True))


@pytest.mark.parametrize("small", [1, 9, 117, 125])
def test_one_small_count_hides_the_means_of_all_arms_and_waves(small: int) -> None:
    table = pd.concat([described(four(40, 50, small, 45)), described(four(40, 50, 30, 45), "absent")])
    out = suppress(table, minimum_cell=MINIMUM)
    rare = out["outcome"] == "suspended"
    assert out.loc[rare, ["mean", "sd", "conf_low", "conf_high"]].isna().all(axis=None)
    assert (out["suppressed"] == np.where(rare, RARE_RATE, "")).all()
    assert out["n_students"].notna().all()
    assert out.loc[~rare, "mean"].notna().all()
    assert rare_outcomes(table, MINIMUM) == {"suspended"}


@pytest.mark.parametrize("yes", [0, 10, 63, 116, 126])
def test_nobody_everybody_and_ten_hide_nothing(yes: int) -> None:
    out = suppress(described(four(40, 50, yes, 45)), minimum_cell=MINIMUM)
    assert (out["suppressed"] == "").all()
    assert out["mean"].notna().all()


def test_a_mean_that_is_no_rate_stays() -> None:
    rng = np.random.default_rng(2)
    for values in (rng.normal(3, 1, 126), rng.poisson(2, 126), np.r_[rng.uniform(0.05, 0.3, 126)]):
        table = pd.DataFrame(
            {"outcome": ["x"], "n_students": [126], "mean": [values.mean()], "sd": [values.std(ddof=1)]}
        )
        assert suppress(table, minimum_cell=MINIMUM)["mean"].notna().all()


def test_a_count_of_few_events_is_hidden() -> None:
    table = pd.DataFrame({"outcome": ["x"], "n_students": [126], "mean": [7 / 126], "sd": [0.31]})
    assert suppress(table, minimum_cell=MINIMUM)["mean"].isna().all()


def test_arms_before_the_programme_and_levels_of_a_group() -> None:
    table = pd.DataFrame(
        {
            "arm": "programme", "variable": ["gender"] * 3 + ["suspended", "belonging"],
            "level": ["girl", "boy", "other", "", ""],
            "mean_treated": [60 / 121, 59 / 121, 2 / 121, 14 / 121, 3.07],
            "mean_comparison": [74 / 148, 60 / 148, 14 / 148, 15 / 148, 3.24],
            "n_treated": 121, "n_comparison": 148, "effect_size": 0.3, "verdict": "not satisfied",
        }
    )  # fmt: skip
    out = suppress(table, minimum_cell=MINIMUM)
    assert out["mean_treated"].isna().tolist() == [True, True, True, False, False]
    assert out["mean_comparison"].isna().tolist() == out["effect_size"].isna().tolist() == [True] * 3 + [False] * 2
    assert (out["verdict"] == "not satisfied").all()
    # Small at the follow-up: the baseline and the effect would tell it.
    assert suppress(table, minimum_cell=MINIMUM, rare={"suspended"})["mean_treated"].isna().tolist()[3]


def test_rounded_estimates_leave_more_than_one_count() -> None:
    """The difference of two arms in one wave, and a hidden number of yes in each."""
    n, m = SIZES.values()
    for yes in range(1, MINIMUM):
        exact = yes / n - 20 / m
        table = pd.DataFrame(
            {"outcome": ["suspended"], "estimate": [exact], "std_error": [0.03123], "statistic": [exact / 0.03123],
             "p_value": [0.0312], "conf_low": [exact - 0.06], "conf_high": [exact + 0.06], "effect_size": [-0.61],
             "effect_size_low": [-1.2], "effect_size_high": [0.1], "n_students": [n + m]}
        )  # fmt: skip
        out = suppress(table, minimum_cell=MINIMUM, rare={"suspended"}).iloc[0]
        assert out[["effect_size", "effect_size_low", "effect_size_high"]].isna().all()
        assert out["p_value"] == 0.04
        known = float(out["estimate"])
        fitting = {
            a for a in range(n + 1) for b in range(m + 1) if abs(round(a / n - b / m, 2) - known) < 1e-9 and a + b < 40
        }
        assert len(fitting & set(range(1, MINIMUM))) > 3
        assert suppress(table, minimum_cell=MINIMUM)["estimate"].iloc[0] == exact


def test_shares_at_the_ends_are_hidden_over_a_whole_group() -> None:
    table = pd.DataFrame(
        {
            "scale": "s", "wave": "w1", "group": ["all", "gender", "gender"], "level": ["all", "girl", "boy"],
            "n": [258, 130, 128], "floor_share": [17 / 258, 13 / 130, 4 / 128],
            "ceiling_share": [40 / 258, 20 / 130, 20 / 128],
        }
    )  # fmt: skip
    out = suppress(table, minimum_cell=MINIMUM)
    assert out["floor_share"].isna().tolist() == [False, True, True]
    assert out["ceiling_share"].notna().all()


def test_gaps_between_two_numbers_of_a_row() -> None:
    table = pd.DataFrame(
        {
            "outcome": "b", "level": ["clusters"] + ["students in clusters that stayed"] * 2,
            "assigned_treated": [4, 126, 126], "assigned_comparison": [4, 156, 156], "analysed_treated": [3, 118, 105],
            "analysed_comparison": [4, 130, 130], "attrition_treated": [0.25, 8 / 126, 21 / 126], "overall": 0.1,
            "verdict": "low",
        }
    )  # fmt: skip
    out = suppress(table, minimum_cell=MINIMUM)
    assert out["analysed_treated"].isna().tolist() == [False, True, False]
    assert out["analysed_comparison"].isna().tolist() == out["overall"].isna().tolist() == [False, True, False]
    assert (out["verdict"] == "low").all()
    assert out["assigned_treated"].tolist() == [4, 126, 126]


def test_small_numbers_of_rows_left_out() -> None:
    dropped = pd.DataFrame({"outcome": "b", "reason": ["a", "b"], "n_rows": [3, 44]})
    out = suppress_gaps(dropped, MINIMUM)
    assert out["n_rows"].isna().tolist() == [True, False]
    assert out["suppressed"].tolist() == ["fewer than 10", ""]
    assert suppress_gaps(pd.DataFrame({"n": [90, 99], "n_missing": [10, 1]}), MINIMUM)["n_missing"].isna().sum() == 1


def test_what_is_hidden_stays_hidden() -> None:
    once = suppress(described(four(40, 50, 3, 45)), minimum_cell=MINIMUM)
    pd.testing.assert_frame_equal(suppress(once, minimum_cell=MINIMUM), once)
    assert suppress_rates(pd.DataFrame({"a": [1]}), MINIMUM)["a"].tolist() == [1]
