"""Complete cases against clubSandwich and the package's own two-wave estimator; what cannot be answered is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import (
    attrition_weights,
    complete_cases,
    did,
    lee_bounds,
    missing_data_sensitivity,
    multiple_imputation,
)
from belonging_study.errors import DataError, DesignError, ParameterError, UserError, ValueRangeError

COLUMNS: dict[str, Any] = {"outcome": "after", "treated": "on", "cluster": "school", "baseline": "before"}


def test_complete_cases_match_club_sandwich(lost: pd.DataFrame, r: dict[str, Any]) -> None:
    found = complete_cases(lost, **COLUMNS)
    want = r["plain"]
    assert (found.estimate, found.std_error) == pytest.approx((want["estimate"], want["se"]), rel=1e-8)
    assert found.df == pytest.approx(want["df"], rel=1e-6)
    assert found.p_value == pytest.approx(want["p"], rel=1e-6)
    assert (found.n_students, found.n_observed) == (len(lost), int(lost["after"].notna().sum()))
    assert found.effective_n == found.n_observed


def test_with_a_baseline_it_is_difference_in_differences(lost: pd.DataFrame) -> None:
    seen = lost.dropna(subset="after").reset_index(names="student")
    rows = pd.concat(
        [seen.assign(wave=1, y=seen["before"], now=0), seen.assign(wave=2, y=seen["after"], now=seen["on"])]
    )
    panel = did(rows, outcome="y", unit="student", time="wave", treated="now", cluster="school")
    found = complete_cases(lost, **COLUMNS)
    assert found.estimate == pytest.approx(panel.estimate, abs=1e-10)
    assert found.std_error == pytest.approx(panel.std_error, rel=1e-8)
    assert found.df == pytest.approx(panel.df, rel=1e-8)


def test_given_weights_are_checked_only_where_they_count(lost: pd.DataFrame) -> None:
    rows = lost.assign(w=np.where(lost["after"].isna(), np.nan, 2.0))
    assert complete_cases(rows, **COLUMNS, weights="w").estimate == pytest.approx(
        complete_cases(lost, **COLUMNS).estimate
    )
    first = rows.index[rows["after"].notna()][0]
    for bad in (0.0, -1.0, np.nan):
        rows.loc[first, "w"] = bad
        with pytest.raises(ValueRangeError, match="not positive for 1 of") as caught:
            complete_cases(rows, **COLUMNS, weights="w")
        assert caught.value.remedy


def broken(lost: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, dict[str, Any], type[UserError], str]]:
    programme, schools = lost["on"] == 1, lost["school"]
    one = lost[~programme | (schools == 1)]
    ghosts = lost.assign(after=lost["after"].where(~programme | (schools == 1)))
    return {
        "one cluster": (one, {}, DesignError, "1 programme and 8 comparison clusters"),
        "one cluster with outcomes": (ghosts, {}, DesignError, "1 programme and 8 comparison clusters with"),
        "missing in an arm": (lost.assign(after=lost["after"].where(programme)), {}, DesignError, "and 0 of 220"),
        "everyone missing": (lost.assign(after=np.nan), {}, DesignError, "for 0 of 140 .* and 0 of 220"),
        "constant": (lost.assign(after=lost["after"] * 0), {}, DataError, "same value for all 276 students"),
        "clusters in both arms": (lost.assign(on=lost.index % 2), {}, DesignError, "16 of 16 clusters lie in both"),
        "no baseline": (lost.assign(before=lost["before"].where(lost.index > 4)), {}, DataError, "missing in 5 of 360"),
        "no arm": (lost.assign(on=lost["on"].where(lost.index > 4)), {}, DataError, "missing in 5 of 360"),
        "text": (lost.assign(after="a"), {}, DataError, "not numeric"),
        "level": (lost, {"conf_level": 95}, ParameterError, "confidence level is 95"),
    }


CASES = ["one cluster", "one cluster with outcomes", "missing in an arm", "everyone missing", "constant"]
CASES += ["clusters in both arms", "no baseline", "no arm", "text", "level"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "method", [complete_cases, attrition_weights, multiple_imputation, lee_bounds, missing_data_sensitivity]
)
def test_bad_input_says_what_is_wrong(lost: pd.DataFrame, case: str, method: Any) -> None:
    assert set(CASES) == set(broken(lost))
    rows, extra, kind, words = broken(lost)[case]
    with pytest.raises(kind, match=words) as caught:
        method(rows, **(COLUMNS | extra))
    assert caught.value.remedy
