"""Multilevel models held to lme4 and lmerTest, to published figures, and to simulated truth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from multilevel_panel import panel

from belonging_study.effects.mixed_engine import fit_mixed
from belonging_study.effects.multilevel import MultilevelResult, contrast, multilevel
from belonging_study.errors import ColumnMissingError, DataError, DesignError, ParameterError, ValueRangeError

REFERENCE = json.loads((Path(__file__).parent.parent / "reference" / "multilevel_models.json").read_text())


@pytest.fixture(scope="module")
def big() -> pd.DataFrame:
    return panel(24, 3, 15, 0.25, 0.3)


@pytest.fixture(scope="module")
def default_fit(big: pd.DataFrame) -> MultilevelResult:
    return multilevel("y ~ treat*post + (1 + post | school) + (1 | klass) + (1 | unit)", big)


def agrees(result: MultilevelResult, name: str) -> None:
    """Every figure of the fit against lme4's, within the tolerances that optimisers allow."""
    expected = REFERENCE["models"][name]
    assert result.n_rows == expected["n_rows"]
    assert result.singular == expected["singular"]
    assert result.log_likelihood == pytest.approx(expected["log_likelihood"], rel=1e-6)
    table = result.table.set_index(result.table["term"].map(lambda t: frozenset(t.split(":"))))
    want = pd.DataFrame(expected["table"])
    assert len(table) == len(want)
    scale = float(want["std_error"].min())
    for row in want.to_dict("records"):
        got = table.loc[[frozenset(str(row["term"]).split(":"))]].iloc[0]
        assert got["estimate"] == pytest.approx(row["estimate"], rel=1e-6, abs=1e-5 * scale)
        assert got["std_error"] == pytest.approx(row["std_error"], rel=1e-4)
        assert got["df"] == pytest.approx(row["df"], rel=1e-2)
        assert got["p_value"] == pytest.approx(row["p_value"], rel=1e-2, abs=1e-12)
    found = result.variance_components
    by_name = {(r["group"], r["term"], r["term2"]): r["variance"] for r in found.to_dict("records")}
    variances = expected["variances"]
    assert len(by_name) == len(found) == len(variances["group"])
    for i, group in enumerate(variances["group"]):
        # lme4 splits an uncorrelated block into school and school.1.
        key = (group.removesuffix(".1"), variances["term"][i] or "", variances["term2"][i] or "")
        assert by_name[key] == pytest.approx(variances["value"][i], rel=1e-3, abs=1e-6)


def test_panel_is_the_reference_panel(big: pd.DataFrame) -> None:
    check = REFERENCE["panel_check"]
    assert big["y"].head().tolist() == pytest.approx(check["first"], rel=1e-9)
    assert big["y"].sum() == pytest.approx(check["sum"], rel=1e-10)
    assert (big["sex"] == "girl").sum() == check["girls"]


def test_default_model_agrees_with_lme4(default_fit: MultilevelResult) -> None:
    agrees(default_fit, "default")
    assert default_fit.n_groups == {"school": 24, "klass": 72, "unit": 1080}
    assert default_fit.note == ""


def test_ml_grouped_and_independent_models_agree_with_lme4(big: pd.DataFrame) -> None:
    random = "(1 + post | school) + (1 | klass) + (1 | unit)"
    agrees(multilevel(f"y ~ treat*post + {random}", big, reml=False), "default_ml")
    agrees(multilevel(f"y ~ treat*sex + waves*sex + treat:post + treat:post:sex + x + {random}", big), "grouped")
    agrees(multilevel("y ~ treat*post + (1 + post || school) + (1 | unit)", big), "independent")


def test_singular_fit_agrees_keeps_its_slope_and_says_so() -> None:
    result = multilevel("y ~ treat*post + (1 + post | school) + (1 | unit)", panel(8, 2, 10, 0, 0))
    agrees(result, "singular")
    assert result.singular
    assert "Singular fit" in result.note
    assert "'school'" in result.note
    assert "kept" in result.note
    assert "post" in set(result.variance_components.query("group == 'school'")["term"])


@pytest.mark.parametrize(("fit", "level"), [("default", 0.95), ("default_ml", 0.95)])
def test_contrasts_agree_with_contest(big: pd.DataFrame, fit: str, level: float) -> None:
    result = multilevel(
        "y ~ treat*post + (1 + post | school) + (1 | klass) + (1 | unit)", big, reml=fit == "default", conf_level=level
    )
    weights: dict[str, dict[str, float]] = {"after": {"treat": 1, "treat:post": 1}}
    if fit == "default":
        weights = {"effect": {"treat:post": 1}, **weights, "mean_change": {"post": 1, "treat:post": 0.5}}
    compare_contrasts(contrast(result, weights), fit)


def test_group_effects_from_one_interaction_model_agree_with_contest(big: pd.DataFrame) -> None:
    result = multilevel(
        "y ~ treat*sex + waves*sex + treat:post + treat:post:sex + x + (1 + post | school) + (1 | klass) + (1 | unit)",
        big,
    )
    both = {"treat:post": 1.0, "treat:post:sexgirl": 1.0}
    compare_contrasts(
        contrast(result, {"boy": {"treat:post": 1}, "girl": both, "girl - boy": {"treat:post:sexgirl": 1}}), "grouped"
    )


def compare_contrasts(table: pd.DataFrame, name: str) -> None:
    want = pd.DataFrame(REFERENCE["models"][name]["contrasts"], index=range(len(table)))
    assert table["contrast"].tolist() == want["contrast"].tolist()
    np.testing.assert_allclose(table["estimate"], want["estimate"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(table["std_error"], want["std_error"], rtol=1e-4)
    np.testing.assert_allclose(table["df"], want["df"], rtol=1e-2)
    np.testing.assert_allclose(table["conf_low"], want["conf_low"], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(table["conf_high"], want["conf_high"], rtol=1e-3, atol=1e-5)


def test_high_school_and_beyond_reproduces_raudenbush_and_bryk(shared_data: Path) -> None:
    data = pd.read_csv(shared_data / "high_school_beyond" / "MathAchieve.csv", dtype={"School": str})
    data["ses_centred"] = data["SES"] - data.groupby("School")["SES"].transform("mean")
    null = multilevel("MathAch ~ 1 + (1 | School)", data)
    means = multilevel("MathAch ~ MEANSES + (1 | School)", data)
    slope = multilevel("MathAch ~ ses_centred + (1 + ses_centred | School)", data)
    for result, name in ((null, "hsb_null"), (means, "hsb_meanses"), (slope, "hsb_slope")):
        agrees(result, name)
    # Raudenbush & Bryk (2002), tables 4.2 to 4.4.
    assert null.table[["estimate", "std_error"]].iloc[0].tolist() == pytest.approx([12.637, 0.244], abs=6e-4)
    assert null.variance_components["variance"].tolist() == pytest.approx([8.614, 39.148], abs=6e-4)
    both = means.table[["estimate", "std_error"]].to_numpy().ravel()
    assert both == pytest.approx([12.649, 0.149, 5.864, 0.361], abs=6e-4)
    assert slope.table[["estimate", "std_error"]].iloc[1].tolist() == pytest.approx([2.193, 0.128], abs=6e-4)


def test_london_schools_agree_with_lme4_and_the_published_fit(shared_data: Path) -> None:
    data = pd.read_csv(shared_data / "london_schools" / "Exam.csv")
    ml = multilevel("normexam ~ standLRT + (1 | school)", data, reml=False)
    agrees(ml, "london_ml")
    assert -2 * ml.log_likelihood == pytest.approx(9357.2, abs=0.06)
    agrees(multilevel("normexam ~ standLRT + sex + (1 + standLRT | school)", data), "london_slope")


def test_missing_rows_are_left_out_and_counted(big: pd.DataFrame) -> None:
    data = big.copy()
    data.loc[[1, 5, 9], "y"] = np.nan
    data.loc[[5, 40], "x"] = np.nan
    formula = "y ~ treat*post + x + (1 | school) + (1 | unit)"
    result = multilevel(formula, data)
    assert (result.n_rows, result.n_dropped) == (3236, 4)
    assert result.missing.set_index("column")["n_missing"].to_dict() == {
        "y": 3, "treat": 0, "post": 0, "x": 2, "school": 0, "unit": 0,
    }  # fmt: skip
    complete = multilevel(formula, data.drop(index=[1, 5, 9, 40]))
    pd.testing.assert_frame_equal(result.table, complete.table)


def test_logical_and_shuffled_and_duplicate_index_change_nothing(
    big: pd.DataFrame, default_fit: MultilevelResult
) -> None:
    data = big.assign(treat=big["treat"] == 1).sample(frac=1, random_state=3)
    data.index = pd.Index([0] * len(data))
    before = data.copy()
    result = multilevel(default_fit.formula, data)
    np.testing.assert_allclose(result.table["estimate"], default_fit.table["estimate"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(result.table["df"], default_fit.table["df"], rtol=1e-3)
    pd.testing.assert_frame_equal(data, before)


def test_nested_labels_that_restart_are_named_and_the_slash_mends_them(big: pd.DataFrame) -> None:
    crossed = multilevel("y ~ treat*post + (1 | school) + (1 | class)", big)
    assert "3 of 3 labels of 'class'" in crossed.note
    assert "(1 | school/class)" in crossed.note
    nested = multilevel("y ~ treat*post + (1 | school/class)", big)
    explicit = multilevel("y ~ treat*post + (1 | school) + (1 | klass)", big)
    assert nested.n_groups == {"school": 24, "school:class": 72}
    assert nested.log_likelihood == pytest.approx(explicit.log_likelihood, rel=1e-9)
    assert "labels" not in nested.note


def test_units_and_labels_do_not_matter(big: pd.DataFrame) -> None:
    formula = "y ~ treat*post + x + (1 + post | school) + (1 | klass) + (1 | unit)"
    plain = multilevel(formula, big)
    labels = [f"s{s}" if s % 2 else s for s in big["school"]]
    other = multilevel(
        formula, big.assign(y=big["y"] * 1000 + 5e4, x=big["x"] * 1e5, school=pd.Series(labels, dtype="object"))
    )
    np.testing.assert_allclose(other.table["df"], plain.table["df"], rtol=1e-4)
    np.testing.assert_allclose(other.table["statistic"][1:], plain.table["statistic"][1:], rtol=1e-4)
    assert not other.frame.isin(["s1"]).any().any()


def small() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    d = pd.DataFrame({"school": np.repeat(np.arange(10), 12), "post": np.tile([0, 1], 60)})
    d["treat"] = d["school"] % 2
    d["arm"] = np.where(d["treat"] == 1, "programme", "comparison")
    d["y"] = rng.normal(size=10)[d["school"]] + rng.normal(size=120)
    return d


FORMULA = "y ~ treat*post + (1 | school)"


Change = dict[str, Callable[[pd.DataFrame], object]]
TEXT: Change = {"y": lambda d: d["y"].astype(object).where(d.index > 1, "sick")}
TEXT_IN_POST: Change = {"post": lambda d: d["post"].astype(object).where(d.index > 0, "n.a.")}
INFINITE: Change = {"y": lambda d: d["y"].where(d.index > 0, np.inf)}
ARM_MISSING: Change = {"y": lambda d: d["y"].where(d["treat"] == 0)}
CELL_MISSING: Change = {"y": lambda d: d["y"].where((d["treat"] == 0) | (d["post"] == 0))}
ALL_MISSING: Change = {"y": lambda d: d["y"] * np.nan}
CONSTANT: Change = {"y": lambda d: d["y"] * 0 + 3}
POST_ZERO: Change = {"post": lambda d: d["post"] * 0}
ONE_SCHOOL: Change = {"school": lambda d: d["school"] * 0}
ROW_SCHOOLS: Change = {"school": lambda d: d.index}
PAIR_SCHOOLS: Change = {"school": lambda d: d.index // 2}
THREE_SCHOOLS: Change = {
    "school": lambda d: d["school"] % 3,
    "treat": lambda d: d["school"] % 3 % 2,
    "size": lambda d: d["school"] % 3,
}


@pytest.mark.parametrize(
    ("formula", "change", "error", "words"),
    [
        ("y ~ traet*post + (1 | school)", {}, ColumnMissingError, ["traet", 'did you mean "treat"']),
        ("y ~ treat*post", {}, ParameterError, ["no random effect"]),
        ("y ~ treat* + (1 | school)", {}, ParameterError, ["cannot be read", "lme4"]),
        ("y ~ I(post**2) + (1 | school)", {}, ParameterError, ["power"]),
        ("y ~ treat + school + (1 | school)", {}, ParameterError, ["'school'", "both"]),
        ("y ~ post:arm + (1 | school)", {}, ParameterError, ["without post"]),
        ("y ~ arm + arm:post + (1 | school)", {}, ParameterError, ["without post"]),
        ("y ~ 0 + arm + (1 | school)", {}, ParameterError, ["intercept"]),
        (FORMULA, TEXT, ValueRangeError, ["'y'", "2 of 120"]),
        (FORMULA, TEXT_IN_POST, ValueRangeError, ["'post'", "1 of 120"]),
        (FORMULA, INFINITE, ValueRangeError, ["infinite in 1"]),
        (FORMULA, ARM_MISSING, DesignError, ["all 60 rows", "treat = 1"]),
        (FORMULA, CELL_MISSING, DesignError, ["all 30 rows", "treat = 1, post = 1"]),
        (FORMULA, ALL_MISSING, DesignError, ["no row is complete", "120"]),
        (FORMULA, CONSTANT, DesignError, ["same value"]),
        ("y ~ treat + arm + (1 | school)", {}, DesignError, ["armprogramme is determined by treat"]),
        ("y ~ treat + post + (1 | school)", POST_ZERO, DesignError, ["post is zero"]),
        (FORMULA, ONE_SCHOOL, DesignError, ["'school' has one level"]),
        ("y ~ post + (1 | school)", ROW_SCHOOLS, DesignError, ["120 levels", "single row"]),
        ("y ~ post + (1 + post | school)", PAIR_SCHOOLS, DesignError, ["60 levels", "2 random terms"]),
        ("y ~ treat + size + (1 | school)", THREE_SCHOOLS, DesignError, ["3 levels of 'school' carry 3 fixed terms"]),
    ],
)
def test_bad_input_is_refused_in_plain_words(
    formula: str, change: Change, error: type[Exception], words: list[str]
) -> None:
    original = small()
    data = original.assign(**{name: make(original) for name, make in change.items()})
    with pytest.raises(error) as caught:
        multilevel(formula, data)
    for word in words:
        assert word in str(caught.value)


def test_empty_data_level_and_contrast_errors() -> None:
    data = small()
    with pytest.raises(DataError):
        multilevel(FORMULA, data.head(0))
    with pytest.raises(ParameterError, match="confidence level"):
        multilevel(FORMULA, data, conf_level=95)
    result = multilevel(FORMULA, data)
    with pytest.raises(ColumnMissingError, match="treat:post"):
        contrast(result, {"x": {"post:treat": 1}})
    with pytest.raises(ParameterError, match="all zero"):
        contrast(result, {"x": {"post": 0}})
    with pytest.raises(ParameterError, match="no contrast"):
        contrast(result, {})


def test_failed_convergence_is_an_error(big: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="did not converge"):
        fit_mixed("y ~ treat*post + (1 + post | school) + (1 | klass) + (1 | unit)", big, max_iterations=1)


def test_default_model_is_fast(big: pd.DataFrame) -> None:
    data = panel(24, 3, 22, 0.25, 0.3)
    random = "(1 + post | school) + (1 | klass) + (1 | unit)"
    multilevel(f"y ~ treat*post + {random}", big)
    start = time.process_time()
    multilevel(f"y ~ treat*post + {random}", data)
    assert time.process_time() - start < 1.5
