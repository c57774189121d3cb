"""The methods side by side, and the stored simulation of what each is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from belonging_study.effects import (
    attrition_weights,
    complete_cases,
    lee_bounds,
    missing_data_sensitivity,
    multiple_imputation,
)

COLUMNS: dict[str, Any] = {"outcome": "after", "treated": "on", "cluster": "school", "baseline": "before"}


def test_the_table_holds_each_method_s_own_result(lost: pd.DataFrame) -> None:
    table = missing_data_sensitivity(lost, **COLUMNS, predictors=["girl"], draws=99, seed=3).set_index("method")
    assert table.loc["complete cases", "estimate"] == complete_cases(lost, **COLUMNS).estimate
    weighted = attrition_weights(lost, **COLUMNS, predictors=["girl"]).result
    assert table.loc["attrition weights", "conf_high"] == weighted.conf_high
    assert table.loc["attrition weights", "effective_n"] < table.loc["attrition weights", "n_observed"]
    imputed = multiple_imputation(lost, **COLUMNS, predictors=["girl"], seed=3).result
    assert table.loc["multiple imputation", "std_error"] == imputed.std_error
    bounds = lee_bounds(lost, **COLUMNS, draws=99, seed=3)
    assert table.loc["Lee bounds", ["bound_low", "bound_high", "conf_low"]].tolist() == [
        *(bounds.bound_low, bounds.bound_high, bounds.conf_low),
    ]
    assert table["bound_low"].notna().sum() == 1
    assert (table["assumption"].str.len() > 20).all()


def test_a_method_that_cannot_be_used_says_why(lost: pd.DataFrame) -> None:
    few = lost[lost["school"] <= 4]
    table = missing_data_sensitivity(few, outcome="after", treated="on", cluster="school", draws=99).set_index("method")
    assert "no predictor" in table.loc["attrition weights", "note"]
    assert "in 4 clusters" in table.loc["multiple imputation", "note"]
    assert table.loc[["attrition weights", "multiple imputation"], "estimate"].isna().all()
    assert (table["n_students"] == len(few)).all()


def test_the_stored_simulation_says_what_each_is_worth(project: Path) -> None:
    table = pd.read_csv(project / "benchmarks" / "missing_data.csv").set_index(["mechanism", "n_clusters", "method"])
    assert (table["n_sets"] >= 300).all()
    model = ["complete cases", "attrition weights", "multiple imputation"]
    for n in (8, 20):
        # Monte Carlo errors: bias 0.01 to 0.015, coverage 1.3 points.
        for mechanism, methods in (("MCAR", model), ("MAR", model[1:])):
            rows = table.loc[[(mechanism, n, m) for m in methods]]
            assert (rows["bias"].abs() < 0.035).all()
            # Barnard & Rubin's degrees of freedom make imputation wide with 8 schools.
            assert rows["coverage"].between(0.92, 1.0 if n == 8 else 0.98).all()
        assert table.loc[("MAR", n, "complete cases"), "bias"] < -0.1
        assert (table.loc[[("MNAR", n, m) for m in model], "bias"] < -0.04).all()
        assert table.loc[("MNAR", n, "Lee bounds"), "coverage"] >= 0.93
        assert table.loc[("MCAR", n, "Lee bounds"), "coverage"] >= 0.93
