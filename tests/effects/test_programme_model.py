"""The programme's effect by the design's own model, held to lme4 and to simulated truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from multilevel_panel import panel

from belonging_study.effects.programme_model import programme_model
from belonging_study.errors import DesignError, DuplicateRowsError, ParameterError

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "multilevel_models.json").read_text())
COLUMNS = ["term", "contrast", "group", "estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]
NAMES = {"outcome": "y", "programme": "treat", "cluster": "school"}


@pytest.fixture(scope="module")
def big() -> pd.DataFrame:
    return panel(24, 3, 15, 0.25, 0.3)


def reference_row(model: str, contrast: str) -> pd.Series:
    table = pd.DataFrame(REFERENCE["models"][model]["contrasts"], index=range(3))
    return table[table["contrast"] == contrast].iloc[0]


def test_two_period_model_agrees_with_lmertest(big: pd.DataFrame) -> None:
    # Classes restart in each school: the model must tell them apart.
    model = programme_model(big, **NAMES, post="post", klass="class", unit="unit")
    assert model.formula == "y ~ treat*post + (1 + post | school) + (1 | class) + (1 | unit)"
    assert list(model.effects.columns) == COLUMNS
    row, want = model.effects.iloc[0], reference_row("default", "effect")
    assert row["term"] == "treat:post"
    assert [row[k] for k in ("estimate", "std_error")] == pytest.approx([want["estimate"], want["std_error"]], rel=1e-4)
    assert row["df"] == pytest.approx(want["df"], rel=1e-2)
    assert (model.n_students, model.n_clusters_treated, model.n_clusters_comparison) == (1080, 12, 12)


def test_effects_by_group_come_from_one_model_and_agree_with_contest(big: pd.DataFrame) -> None:
    model = programme_model(
        big, **NAMES, post="post", wave="wave", klass="klass", unit="unit", covariates=("x",), group="sex"
    )
    assert "wave*sex" in model.formula
    assert model.effects["group"].tolist() == ["boy", "girl", "girl - boy"]
    assert model.effects["contrast"].tolist() == ["effect", "effect", "difference"]
    for row in model.effects.to_dict("records"):
        want = reference_row("grouped", str(row["group"]))
        assert row["estimate"] == pytest.approx(want["estimate"], rel=1e-5)
        assert row["std_error"] == pytest.approx(want["std_error"], rel=1e-4)
        assert row["df"] == pytest.approx(want["df"], rel=1e-2)
    whole = programme_model(big.assign(sex=(big["sex"] == "girl").astype(float)), **NAMES, post="post", group="sex")
    assert whole.effects["group"].tolist() == ["0", "1", "1 - 0"]


def test_one_period_compares_the_arms_and_says_so(big: pd.DataFrame) -> None:
    after = big[big["wave"] == 2]
    model = programme_model(after, **NAMES, post="post", klass="klass", unit="unit")
    assert model.formula == "y ~ treat + (1 | school) + (1 | klass)"
    assert "no wave before" in model.note
    assert "'unit' has one row a level" in model.note
    # Balanced data: the effect is the difference of the arms' school means, with a t test on schools.
    means = after.groupby(["school", "treat"])["y"].mean().reset_index()
    arms = [means.loc[means["treat"] == a, "y"] for a in (0, 1)]
    row = model.effects.iloc[0]
    assert row["estimate"] == pytest.approx(arms[1].mean() - arms[0].mean(), rel=1e-6)
    assert row["std_error"] == pytest.approx(np.sqrt((arms[0].var() + arms[1].var()) / 12), rel=1e-4)
    assert row["df"] == pytest.approx(22, rel=1e-2)


def test_two_waves_balanced_equal_the_t_test_on_school_changes(big: pd.DataFrame) -> None:
    data = big[big["wave"] < 2]
    row = programme_model(data, **NAMES, post="post", wave="wave", unit="unit").effects.iloc[0]
    change = data.groupby(["school", "post"])["y"].mean().unstack()
    change = change[1.0] - change[0.0]
    arms = [change[change.index % 2 == a] for a in (0, 1)]
    assert row["estimate"] == pytest.approx(arms[1].mean() - arms[0].mean(), rel=1e-6)
    assert row["std_error"] == pytest.approx(np.sqrt((arms[0].var() + arms[1].var()) / 12), rel=1e-4)
    assert row["df"] == pytest.approx(22, rel=1e-2)


def test_slope_is_at_the_level_of_assignment(big: pd.DataFrame) -> None:
    by_class = big.assign(treat=big["class"] % 2)
    model = programme_model(by_class, **NAMES, post="post", klass="class", unit="unit", slope_level="klass")
    assert model.formula == "y ~ treat*post + (1 | school) + (1 + post | class) + (1 | unit)"
    by_unit = big.assign(treat=big["student"] % 2)
    model = programme_model(by_unit, **NAMES, post="post", unit="unit", slope_level="unit")
    assert model.formula == "y ~ treat*post + (1 | school) + (1 | unit)"
    assert (model.n_clusters_treated, model.n_clusters_comparison) == (24, 24)


def test_one_class_a_school_has_no_effect_of_its_own(big: pd.DataFrame) -> None:
    data = big[big["class"] == 0]
    model = programme_model(data, **NAMES, post="post", klass="class", unit="unit", slope_level="klass")
    assert model.formula == "y ~ treat*post + (1 + post | school) + (1 | unit)"
    assert "Each 'school' has one 'class'" in model.note


def test_names_that_need_quoting_are_quoted(big: pd.DataFrame) -> None:
    data = big.rename(columns={"y": "sense of belonging", "school": "1st school"})
    model = programme_model(
        data, outcome="sense of belonging", programme="treat", cluster="1st school", post="post", unit="unit"
    )
    plain = programme_model(big, **NAMES, post="post", unit="unit")
    assert model.effects["estimate"].iloc[0] == pytest.approx(plain.effects["estimate"].iloc[0])


def test_designs_that_cannot_be_read_are_refused(big: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="slope_level"):
        programme_model(big, **NAMES, post="post", slope_level="school")
    with pytest.raises(ParameterError, match="no column was named"):
        programme_model(big, **NAMES, post="post", slope_level="klass")
    with pytest.raises(DesignError, match="12 levels of 'school' are in both arms"):
        programme_model(big.assign(treat=big["treat"] * big["post"]), **NAMES, post="post")
    with pytest.raises(DesignError, match="one arm only"):
        programme_model(big[big["treat"] == 1], **NAMES, post="post")
    with pytest.raises(DesignError, match="3 values"):
        programme_model(big.assign(treat=big["school"] % 3), **NAMES, post="post")
    with pytest.raises(DesignError, match="0 in every row"):
        programme_model(big[big["wave"] == 0], **NAMES, post="post")
    with pytest.raises(DesignError, match="within one wave"):
        programme_model(
            big.assign(post=(big["wave"] > big["school"] % 2).astype(int)), **NAMES, post="post", wave="wave"
        )
    with pytest.raises(DuplicateRowsError, match="2160 rows repeat"):
        # Student numbers that start again in each class.
        programme_model(
            big.assign(unit=big["school"] * 15 + big["student"]), **NAMES, post="post", wave="wave", unit="unit"
        )
    with pytest.raises(DesignError, match="has one level"):
        programme_model(big.assign(sex="girl"), **NAMES, post="post", group="sex")


@pytest.mark.slow
@pytest.mark.parametrize(("schools", "low", "high"), [(12, 0.90, 0.99), (24, 0.91, 0.985)])
def test_interval_covers_the_effect_where_schools_change_by_themselves(schools: int, low: float, high: float) -> None:
    rng = np.random.default_rng(schools)
    grid = np.indices((schools, 2, 12, 2)).reshape(4, -1)
    data = pd.DataFrame(dict(zip(["school", "class", "student", "post"], grid, strict=True)))
    data["unit"] = (data["school"] * 2 + data["class"]) * 12 + data["student"]
    data["treat"] = data["school"] % 2
    school, klass, unit = (data[c].to_numpy() for c in ("school", "class", "unit"))
    covered, n_sets = 0, 200
    for _ in range(n_sets):
        data["y"] = (
            0.3 * data["treat"] * data["post"]
            + rng.normal(0, 0.3, schools)[school]
            + rng.normal(0, 0.25, schools)[school] * data["post"]
            + rng.normal(0, 0.2, 2 * schools)[school * 2 + klass]
            + rng.normal(0, 0.6, 24 * schools)[unit]
            + rng.normal(0, 0.5, len(data))
        )
        row = programme_model(data, **NAMES, post="post", klass="class", unit="unit").effects.iloc[0]
        covered += row["conf_low"] <= 0.3 <= row["conf_high"]
    assert low <= covered / n_sets <= high
