"""The rule in words, and its promise held to the stored simulation."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from belonging_study.effects import default_inference
from belonging_study.errors import ParameterError


@pytest.mark.parametrize(
    ("arguments", "name", "trusted", "words"),
    [
        ((1, 9, [20] * 10, True, float("nan")), "none", False, "1 programme and 9 comparison"),
        ((2, 8, [20] * 10, True, 1.5), "randomisation", False, "1.5 degrees"),
        ((2, 8, [20] * 10, False, 1.5), "cluster means t test", False, "1.5 degrees"),
        ((3, 3, [20] * 6, True, 3.9), "cluster means t test", False, "below 0.1"),
        ((3, 3, [20] * 6, True, 4.0), "CR2 Satterthwaite", True, "3 programme and 3 comparison"),
        ((5, 5, [20] * 9 + [80], False, 6.0), "cluster means t test", True, "size 80"),
        ((3, 7, [20] * 9 + [80], False, 4.5), "cluster means t test", False, "vary alike"),
        ((5, 5, [20] * 9 + [39], True, 7.0), "CR2 Satterthwaite", True, "similar size"),
        ((2, 2, [20] * 4, False, 9.0), "cluster means t test", False, "2 programme"),
    ],
)
def test_the_rule_in_words(arguments: tuple[Any, ...], name: str, trusted: bool, words: str) -> None:
    rule = default_inference(*arguments)
    assert (rule.name, rule.trusted) == (name, trusted)
    assert words in rule.explanation


def test_dominance_is_looked_for_within_each_arm() -> None:
    # 60 is three times the mean of the small arm, though not of all clusters together.
    sizes = [10, 10, 60, 10, 10, 100, 100, 100, 100, 100]
    assert default_inference(5, 5, sizes, False, 6.0).name == "cluster means t test"
    assert default_inference(5, 5, [20] * 5 + [100] * 5, False, 6.0).name == "CR2 Satterthwaite"


def test_blocks_limit_what_a_lottery_can_reach() -> None:
    assert default_inference(4, 4, [20] * 8, True, 3.0).name == "randomisation"
    assert default_inference(4, 4, [20] * 8, True, 3.0, smallest_p=2 / 16).name == "cluster means t test"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 0, [], False, 5.0), "0 programme and 0 comparison"),
        ((-1, 5, [20] * 4, False, 5.0), "-1 programme"),
        ((5, 5, [20] * 9, False, 5.0), "9 sizes are given for 10"),
        ((5, 5, [20] * 9 + [0], False, 5.0), "1 of 10 sizes"),
        ((5, 5, [20] * 9 + [float("nan")], False, 5.0), "1 of 10 sizes"),
        ((5, 5, [20] * 10, False, float("nan")), "degrees of freedom are nan"),
    ],
)
def test_bad_input(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        default_inference(*arguments)
    assert caught.value.remedy
    with pytest.raises(ParameterError, match="smallest p value is 0"):
        default_inference(5, 5, [20] * 10, True, 6.0, smallest_p=0)


def test_where_the_rule_trusts_its_size_is_near_five_percent(project: Path) -> None:
    table = pd.read_csv(project / "benchmarks" / "few_clusters.csv")
    default = table[table["method"].str.startswith("default")]
    assert set(default["n_clusters"]) == {6, 10, 20, 50}
    assert (default["n_sets"] >= 2000).all()
    trusted = default[default["trusted"] > 0]
    varies = trusted["outcome"] == "normal, programme varies"
    assert (~varies).sum() > 100
    assert trusted.loc[~varies, "size"].between(0.03, 0.065).all()
    assert trusted.loc[varies, "size"].max() <= 0.09


def test_the_rule_holds_on_data_sets_it_was_not_settled_on(project: Path) -> None:
    table = pd.read_csv(project / "benchmarks" / "few_clusters_check.csv")
    trusted = table[(table["trusted"] > 0) & (table["outcome"] != "normal, programme varies")]
    many = trusted["trusted"] * trusted["n_sets"] >= 1000
    assert trusted.loc[many, "size"].between(0.0335, 0.0605).all()
    assert trusted.loc[~many, "size"].between(0.028, 0.065).all()


def test_the_page_on_few_schools_says_what_was_found(project: Path) -> None:
    page = (project / "docs" / "explanation" / "few-schools.md").read_text(encoding="utf-8")
    path = project / "benchmarks" / "few_clusters_figure.py"
    spec = importlib.util.spec_from_file_location("few_clusters_figure", path)
    assert spec is not None
    assert spec.loader is not None
    figure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figure)
    table = pd.read_csv(project / "benchmarks" / "few_clusters.csv")
    for varies in (False, True):
        for row in figure.page_rows(table, varies=varies):
            assert row in page
    normal = table[(table["outcome"] == "normal") & (table["sizes"] == "equal")].set_index(
        ["method", "treated", "n_clusters"]
    )["power"]
    for n, share in ((6, 22), (10, 45), (20, 80), (50, 100)):
        assert round(100 * normal["default", "half", n]) == share
    assert round(100 * normal["cluster means t test", "two", 20]) == 37
    assert (project / "docs" / "images" / "few-schools.png").stat().st_size > 10_000
