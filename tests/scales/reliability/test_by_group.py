from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scales_truth import draw

from belonging_study.errors import ColumnMissingError, ParameterError, ValueRangeError
from belonging_study.scales import (
    cronbach_alpha,
    mcdonald_omega,
    ordinal_alpha,
    reliability_by,
    smallest_detectable_change,
)

ITEMS = [f"q{i}" for i in range(1, 6)]
FORM: dict[str, Any] = {"minimum": 1, "maximum": 5}


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Two waves; three languages, one of them spoken by five students; q3 worded the other way round."""
    table = draw(np.random.default_rng(2), 300, np.array([0.8, 0.7, 0.6, 0.6, 0.5]), steps=True)
    table["q3"] = 6 - table["q3"]
    table.iloc[:4, 0] = np.nan
    language = ["de"] * 150 + ["tr"] * 140 + ["uk"] * 5 + [None] * 5
    return table.assign(wave=[1.0, 2.0] * 150, language=language, score_text="x")


def cell(table: pd.DataFrame, by: str, level: str, coefficient: str) -> pd.Series:
    return table.set_index(["by", "level", "coefficient"]).loc[(by, level, coefficient)]


def test_every_row_is_that_level_alone(data: pd.DataFrame) -> None:
    table = reliability_by(data, ITEMS, by=["wave", "language"], reverse=["q3"], **FORM)
    assert len(table) == 3 * (2 + 4)
    assert table["level"].drop_duplicates().tolist() == ["1", "2", "de", "tr", "uk", "(missing)"]
    german = data.loc[data["language"] == "de", ITEMS].assign(q3=lambda d: 6 - d["q3"])
    for name, figure in (
        ("cronbach_alpha", cronbach_alpha),
        ("mcdonald_omega", mcdonald_omega),
        ("ordinal_alpha", ordinal_alpha),
    ):
        row, direct = cell(table, "language", "de", name), figure(german)
        assert row["estimate"] == direct.estimate
        assert (row["n_complete"], row["n_items"], row["definition"]) == (146, 5, direct.definition)
    alpha = cell(table, "language", "de", "cronbach_alpha")
    assert (alpha["conf_low"], alpha["note"]) == (cronbach_alpha(german).conf_low, "")
    sd = german.dropna().mean(axis=1).std()
    assert alpha["sem"] == pytest.approx(sd * np.sqrt(1 - alpha["estimate"]))
    assert alpha["smallest_detectable_change"] == pytest.approx(smallest_detectable_change(sd, alpha["estimate"]))


def test_a_level_too_small_is_a_row_with_the_reason(data: pd.DataFrame) -> None:
    table = reliability_by(data, ITEMS, by=["language"], reverse=["q3"], **FORM)
    for level in ("uk", "(missing)"):
        for name in ("cronbach_alpha", "mcdonald_omega", "ordinal_alpha"):
            row = cell(table, "language", level, name)
            assert row[["estimate", "conf_low", "conf_high", "sem"]].isna().all()
            assert row["n_complete"] == 5
            assert "5 of 5 people answered all 5 items; this figure needs at least 6" in row["note"]


def test_few_people_are_noted(data: pd.DataFrame) -> None:
    few = data.assign(school=["a"] * 20 + ["b"] * 280)
    table = reliability_by(few, ITEMS, by=["school"], reverse=["q3"], coefficients=["cronbach_alpha"], **FORM)
    assert table["note"].tolist() == ["only 16 people: too few to rely on", ""]


def test_latent_figures_have_no_measurement_error(data: pd.DataFrame) -> None:
    table = reliability_by(
        data, ITEMS, by=["wave"], reverse=["q3"], coefficients=["ordinal_alpha", "ordinal_omega"], **FORM
    )
    assert table["sem"].isna().all()
    assert table["note"].str.contains("describes latent responses, not the score").all()


def test_an_item_that_nobody_varied_on_in_one_level(data: pd.DataFrame) -> None:
    spoilt = data.copy()
    spoilt.loc[spoilt["wave"] == 2, "q2"] = 4.0
    table = reliability_by(spoilt, ITEMS, by=["wave"], reverse=["q3"], **FORM)
    assert "one and the same answer" in cell(table, "wave", "2", "cronbach_alpha")["note"]
    assert cell(table, "wave", "1", "cronbach_alpha")["estimate"] > 0.6


def test_an_unreversed_item_is_named_in_every_level(data: pd.DataFrame) -> None:
    table = reliability_by(data, ITEMS, by=["wave"], **FORM)
    assert table["note"].str.contains("looks unreversed: q3").all()


def test_an_estimate_below_0_has_no_measurement_error() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(1, 6, 100).astype(float)
    data = pd.DataFrame({"a": a, "b": np.clip(6 - a + rng.integers(0, 2, 100), 1, 5), "g": "x"})
    row = reliability_by(data, ["a", "b"], by=["g"], coefficients=["cronbach_alpha"], **FORM).iloc[0]
    assert row["estimate"] < 0
    assert np.isnan(row["sem"])
    assert "outside 0 to 1: no standard error of measurement" in row["note"]


def test_an_answer_outside_the_form(data: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="1 answer lies outside 1 to 5") as told:
        reliability_by(data.replace({"q2": {1.0: np.nan}}).assign(q4=data["q4"].where(data.index != 7, 99)), ITEMS,
                       by=["wave"], **FORM)  # fmt: skip
    assert "q4: 99 appears once" in told.value.where


def test_text_for_numbers(data: pd.DataFrame) -> None:
    with pytest.raises(ValueRangeError, match="text"):
        reliability_by(data, [*ITEMS, "score_text"], by=["wave"], **FORM)


def test_a_group_column_that_is_not_there(data: pd.DataFrame) -> None:
    with pytest.raises(ColumnMissingError, match="1 of 1 columns is not in the table"):
        reliability_by(data, ITEMS, by=["waves"], **FORM)


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "wave"},
        {"by": []},
        {"by": ["wave", "wave"]},
        {"coefficients": ["alpha"]},
        {"coefficients": []},
        {"conf_level": 95},
    ],
)
def test_choices(data: pd.DataFrame, wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"`{next(iter(wrong))}`"):
        reliability_by(data, ITEMS, **({"by": ["wave"]} | FORM | wrong))
