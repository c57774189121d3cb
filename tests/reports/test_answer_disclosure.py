"""Rare answers to an item stay hidden from whoever has its other numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.reports.disclosure import suppress

MINIMUM = 10


def answers(counts: list[int]) -> pd.DataFrame:
    total = sum(counts)
    return pd.DataFrame(
        {
            "scale": "s",
            "item": "a",
            "value": np.arange(1.0, len(counts) + 1),
            "n": counts,
            "n_answered": total,
            "share": np.array(counts) / max(total, 1),
        }
    )


def items(counts: list[int]) -> pd.DataFrame:
    given_ = np.repeat(np.arange(1.0, len(counts) + 1), counts)
    return pd.DataFrame(
        {
            "scale": ["s"],
            "item": ["a"],
            "n": [len(given_)],
            "mean": [given_.mean()],
            "sd": [given_.std(ddof=1)],
            "floor_share": [counts[0] / len(given_)],
            "ceiling_share": [counts[-1] / len(given_)],
            "item_rest_correlation": [0.4],
            "note": [""],
            "n_smallest": [min(n for n in counts if n)],
        }
    )


count = st.one_of(st.integers(0, 15), st.integers(10, 60))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(count, min_size=3, max_size=5).filter(lambda counts: sum(counts) >= 2))
def test_whoever_has_both_tables_cannot_tell_a_rare_answer(counts: list[int]) -> None:
    bands = suppress(answers(counts), minimum_cell=MINIMUM)
    item = suppress(items(counts), minimum_cell=MINIMUM).iloc[0]
    assert "n_smallest" not in item
    if bands["n"].isna().all():
        assert sum(counts) < MINIMUM
        assert pd.isna(item["mean"])
        return
    assert bands["n"].sum() == sum(counts)
    assert np.isclose(bands["share"].sum(), 1)
    possible = []
    for band in bands.itertuples():
        k, n = int(band.value_to - band.value) + 1, int(band.n)
        assert n == 0 or n >= MINIMUM
        possible.append([c for c in itertools.product(range(n + 1), repeat=k - 1) if sum(c) <= n])
    if np.prod([len(p) for p in possible]) > 60_000:
        return  # far more than one way, whatever else is known
    found: list[set[int]] = [set() for _ in counts]
    for choice in itertools.product(*possible):
        guess = [v for c, n in zip(choice, bands["n"], strict=True) for v in (*c, int(n) - sum(c))]
        each = np.repeat(np.arange(1.0, len(guess) + 1), guess)
        if (
            pd.isna(item["mean"])
            or abs(round(float(each.mean()), 1 if len(bands) < len(counts) else 12) - item["mean"]) < 1e-9
        ):
            for place, n in enumerate(guess):
                found[place].add(n)
    for truth, ways in zip(counts, found, strict=True):
        assert truth in ways
        if 0 < truth < MINIMUM:
            assert len(ways) > 1


def test_common_answers_are_shown_as_they_are() -> None:
    counts = [12, 0, 30, 58]
    shown = suppress(answers(counts), minimum_cell=MINIMUM)
    assert shown["n"].tolist() == counts
    assert (shown["value"] == shown["value_to"]).all()
    item = suppress(items(counts), minimum_cell=MINIMUM).iloc[0]
    assert item["mean"] == items(counts)["mean"].iloc[0]
    assert item["floor_share"] == 0.12


def test_what_was_joined_stays_joined() -> None:
    once = suppress(answers([3, 20, 77]), minimum_cell=MINIMUM)
    assert once[["value", "value_to", "n"]].values.tolist() == [[1, 2, 23], [3, 3, 77]]
    pd.testing.assert_frame_equal(suppress(once, minimum_cell=MINIMUM), once)
