"""Lee's bounds by hand and by a plain loop; their bootstrap and interval by what they must become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from belonging_study.effects import complete_cases, lee_bounds
from belonging_study.errors import ParameterError

COLUMNS: dict[str, Any] = {"outcome": "after", "treated": "on", "cluster": "school", "baseline": "before"}


def small(treated: list[float | None], comparison: list[float | None]) -> pd.DataFrame:
    n = len(treated)
    return pd.DataFrame(
        {"y": [*treated, *comparison], "on": [1] * n + [0] * n, "school": np.arange(2 * n) // (n // 2)}
    ).astype({"y": float})


def test_bounds_by_hand() -> None:
    # 10 of 10 and 8 of 10 followed up: a fifth of the programme's outcomes is cut off at either end.
    rows = small(list(range(1, 11)), [*range(1, 9), None, None])
    found = lee_bounds(rows, outcome="y", treated="on", cluster="school", draws=99)
    assert (found.trimmed_arm, found.trimmed_share) == ("programme", pytest.approx(0.2))
    assert (found.bound_low, found.bound_high) == (pytest.approx(0.0), pytest.approx(2.0))
    turned = lee_bounds(rows.assign(on=1 - rows["on"]), outcome="y", treated="on", cluster="school", draws=99)
    assert turned.trimmed_arm == "comparison"
    assert (turned.bound_low, turned.bound_high) == (pytest.approx(-2.0), pytest.approx(0.0))


def test_part_of_a_student_is_cut_off_where_needed() -> None:
    # 4 of 4 and 3 of 4: one of four is cut off. 6 of 6 and 4 of 6 with ties: two of 0 0 0 1 1 1.
    rows = small([0, 0, 0, 1, 1, 1], [0, 1, 0, 1, None, None])
    found = lee_bounds(rows, outcome="y", treated="on", cluster="school", draws=99)
    assert (found.bound_low, found.bound_high) == (pytest.approx(1 / 4 - 0.5), pytest.approx(3 / 4 - 0.5))
    # 5 of 6 and 4 of 6: a fifth of five is one whole student; 6 of 6 and 5 of 6: a sixth of six.
    five = small([1, 2, 3, 4, 5, None], [1, 2, 3, 4, None, None])
    found = lee_bounds(five, outcome="y", treated="on", cluster="school", draws=99)
    assert (found.bound_low, found.bound_high) == (pytest.approx(0.0), pytest.approx(1.0))


def test_bounds_equal_a_loop_over_sorted_students(lost: pd.DataFrame) -> None:
    found = lee_bounds(lost, **COLUMNS, draws=99)
    change = lost["after"] - lost["before"]
    shares = change.notna().groupby(lost["on"]).mean()
    big, other = (1, 0) if shares[1] > shares[0] else (0, 1)
    values = np.sort(change[lost["on"] == big].dropna())
    keep = len(values) * shares[other] / shares[big]
    whole, part = int(keep), keep - int(keep)
    low = (values[:whole].sum() + part * values[whole]) / keep
    high = (values[-whole:].sum() + part * values[-whole - 1]) / keep
    mean = change[lost["on"] == other].mean()
    ends = (low - mean, high - mean) if big == 1 else (mean - high, mean - low)
    assert (found.bound_low, found.bound_high) == pytest.approx(ends)
    assert found.bound_low <= complete_cases(lost, **COLUMNS).estimate <= found.bound_high
    assert found.conf_low < found.bound_low < found.bound_high < found.conf_high
    assert (found.n_students, found.n_observed) == (360, 276)


def test_nobody_lost_gives_a_point_and_the_t_interval(whole: pd.DataFrame) -> None:
    found = lee_bounds(whole, **COLUMNS, draws=4000)
    change = (whole["after"] - whole["before"]).groupby(whole["school"]).mean()
    on = np.arange(12) % 2 == 1
    exact = np.sqrt(change[on].var() / 6 + change[~on].var() / 6)
    assert found.bound_low == found.bound_high == pytest.approx(change[on].mean() - change[~on].mean())
    # The bootstrap's standard error from 4,000 draws is known to about 1.1%.
    assert found.std_error_low == pytest.approx(exact, rel=0.05)
    half = stats.t.ppf(0.975, 10) * found.std_error_low
    assert (found.conf_low, found.conf_high) == pytest.approx((found.bound_low - half, found.bound_high + half))
    assert found.trimmed_arm == "none"


def test_wide_bounds_need_one_side_only(whole: pd.DataFrame) -> None:
    rows = whole.assign(after=whole["after"] * 50)
    rows.loc[(rows["on"] == 0) & (rows.index % 2 == 0), "after"] = np.nan
    found = lee_bounds(rows.assign(after=rows["after"].where(rows["on"] == 1, 0.01 * rows["after"])), **COLUMNS)
    assert found.bound_high - found.bound_low > 3 * found.std_error_low
    reach = (found.bound_low - found.conf_low) / found.std_error_low
    assert stats.t.ppf(0.95, 10) <= reach < stats.t.ppf(0.975, 10)
    width = (found.bound_high - found.bound_low) / max(found.std_error_low, found.std_error_high)
    assert stats.t.cdf(reach + width, 10) - stats.t.cdf(-reach, 10) == pytest.approx(0.95)


def test_the_seed_decides(lost: pd.DataFrame) -> None:
    assert lee_bounds(lost, **COLUMNS, seed=1, draws=99) == lee_bounds(lost, **COLUMNS, seed=1, draws=99)
    assert lee_bounds(lost, **COLUMNS, seed=1, draws=99) != lee_bounds(lost, **COLUMNS, seed=2, draws=99)
    with pytest.raises(ParameterError, match="10 draws"):
        lee_bounds(lost, **COLUMNS, draws=10)
