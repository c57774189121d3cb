from __future__ import annotations

import math

import pytest

from belonging_study.reports.formatting import count, inside, interval, listed, number, p_value, prettify, share


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0009999, "< .001"), (0.001, ".001"), (0.0416, ".042"), (1.0, "1.000"), (0.0, "< .001"), (math.nan, "–")],
)
def test_p_values(value: float, text: str) -> None:
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-0.126, 2, "−0.13"),
        (-0.001, 2, "0.00"),
        (1234567.0, 0, "1\u202f234\u202f567"),
        (math.inf, 1, "∞"),
        (-math.inf, 1, "−∞"),
    ],
)
def test_numbers(value: float, decimals: int, text: str) -> None:
    assert number(value, decimals) == text


def test_figures_that_cannot_exceed_one_lose_their_zero() -> None:
    assert number(0.874, 2, leading_zero=False) == ".87"
    assert number(-0.874, 2, leading_zero=False) == "−.87"
    assert number(1.0, 2, leading_zero=False) == "1.00"


def test_counts_shares_intervals_and_headings() -> None:
    assert count(1203) == "1\u202f203"
    assert share(0.4321) == "43.2%"
    assert interval(-0.021, -0.049, 0.007) == "−0.021 [−0.049, 0.007]"
    assert interval(34.12, 20, 48.25) == "34.1 [20.0, 48.2]"
    assert [prettify(c) for c in ("n_unlinked", "link_rate", "p_value")] == ["Unlinked", "Link rate", "p"]


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("School belonging", "school belonging"),
        ("PISA belonging", "PISA belonging"),
        ("A-level marks", "A-level marks"),
        ("Well-being", "well-being"),
        ("A mark", "a mark"),
        ("B", "B"),
        ("2001", "2001"),
    ],
)
def test_labels_inside_sentences(label: str, text: str) -> None:
    assert inside(label) == text


def test_lists_end_in_a_word() -> None:
    assert [listed(list("abc"[:n])) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
