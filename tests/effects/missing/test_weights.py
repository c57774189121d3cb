"""Attrition weights against R's glm and clubSandwich, cell shares by hand, and students nobody can stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import attrition_weights
from belonging_study.errors import DesignError

COLUMNS: dict[str, Any] = {"outcome": "after", "treated": "on", "cluster": "school", "baseline": "before"}


def test_weights_match_glm_and_club_sandwich(lost: pd.DataFrame, r: dict[str, Any]) -> None:
    found = attrition_weights(lost, **COLUMNS, predictors=["girl"])
    for arm in (1, 0):
        mine = found.coefficients[found.coefficients["arm"] == arm]
        assert mine["term"].tolist() == ["constant", "before", "girl"]
        np.testing.assert_allclose(mine["estimate"], r["coefficients"][str(arm)], atol=1e-8)
    want = r["weighted"]
    assert (found.result.estimate, found.result.std_error) == pytest.approx((want["estimate"], want["se"]), rel=1e-7)
    assert found.result.df == pytest.approx(want["df"], rel=1e-5)
    arms = found.by_arm.set_index("arm")
    assert arms.loc[1, "effective_n"] == pytest.approx(r["effective"]["treated"], rel=1e-7)
    assert arms.loc[0, "effective_n"] == pytest.approx(r["effective"]["comparison"], rel=1e-7)
    assert arms["largest_weight"].max() == pytest.approx(r["largest"], rel=1e-7)
    assert found.weights.isna().equals(lost["after"].isna())


def test_one_yes_no_predictor_gives_cell_shares(lost: pd.DataFrame) -> None:
    found = attrition_weights(lost, outcome="after", treated="on", cluster="school", predictors=["girl"])
    seen = lost["after"].notna()
    cell = seen.groupby([lost["on"], lost["girl"]]).transform("mean")
    arm = seen.groupby(lost["on"]).transform("mean")
    np.testing.assert_allclose(found.weights[seen], (arm / cell)[seen], rtol=1e-8)
    # Stabilised by cells, the weighted share of girls is that of all who were assigned.
    share = np.average(lost.loc[seen & (lost["on"] == 1), "girl"], weights=found.weights[seen & (lost["on"] == 1)])
    assert share == pytest.approx(lost.loc[lost["on"] == 1, "girl"].mean())
    assert found.by_arm["mean_weight"].tolist() == pytest.approx([1.0, 1.0])


def test_an_arm_without_loss_has_weights_of_one(lost: pd.DataFrame) -> None:
    kept = lost.assign(after=lost["after"].where(lost["on"] == 0, lost["after"].fillna(0.0)))
    found = attrition_weights(kept, **COLUMNS)
    assert (found.weights[kept["on"] == 1] == 1).all()
    assert set(found.coefficients["arm"]) == {0}


def test_students_nobody_can_stand_for_are_named() -> None:
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"school": np.repeat(np.arange(8), 60)})
    rows["on"] = rows["school"] % 2
    rows["before"] = rng.normal(size=480)
    chance = 1 / (1 + np.exp(-(1 + 3 * rows["before"])))
    rows["after"] = (rows["before"] + rng.normal(size=480)).where(rng.random(480) < chance)
    found = attrition_weights(rows, **COLUMNS)
    unlikely = int((found.probabilities[rows["on"] == 1] < 0.05).sum())
    assert unlikely > 0
    assert any(f"{unlikely} of 240 students in programme" in text for text in found.warnings)
    assert any("count like" in text for text in found.warnings) == (found.by_arm["largest_weight"].max() > 10)
    assert found.result.note == " ".join(found.warnings)
    assert not attrition_weights(rows.assign(after=rows["after"].fillna(0)), **COLUMNS).warnings


def test_what_cannot_be_weighted_is_refused(lost: pd.DataFrame) -> None:
    plain = {name: column for name, column in COLUMNS.items() if name != "baseline"}
    with pytest.raises(DesignError, match="no predictor of who was lost"):
        attrition_weights(lost, **plain)
    told = lost.assign(gone=lost["after"].isna().astype(int))
    with pytest.raises(DesignError, match=r"gone tell exactly who of 140 students was lost") as caught:
        attrition_weights(told, **plain, predictors=["gone"])
    assert "lee_bounds" in caught.value.remedy
    with pytest.raises(DesignError, match="1 of 2 predictors"):
        attrition_weights(lost.assign(twice=2 * lost["before"]), **COLUMNS, predictors=["twice"])
