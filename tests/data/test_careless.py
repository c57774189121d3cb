from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from belonging_study.data.careless import careless_answers, careless_table, longest_run
from belonging_study.study.model import Scale

LONG = Scale(label="Long", items=[f"l{i}" for i in range(6)], range=(1, 5), reverse=("l2", "l4"))
SHORT = Scale(label="Short", items=["s0", "s1"], range=(1, 5))
BOTH = {"short": SHORT, "long": LONG}


def answers(long: list[list[float | None]], short: list[list[float | None]]) -> pd.DataFrame:
    return pd.DataFrame([a + b for a, b in zip(long, short, strict=True)], columns=[*LONG.items, *SHORT.items]).astype(
        float
    )


@given(st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=1, max_size=10))
def test_longest_run_is_what_counting_by_hand_gives(row: list[int | None]) -> None:
    runs = [len(list(group)) for value, group in itertools.groupby(row) if value is not None]
    found = longest_run(pd.DataFrame([row], dtype=float))[0]
    assert np.isnan(found) if not runs else found == max(runs)


def test_each_indicator_flags_what_its_rule_says() -> None:
    table = answers(
        [[3] * 6, [5, 1, 5, 4, 2, 1], [4, 4, 4, 4, 4, None], [None] * 6],
        [[1, 2], [4, 4], [1, 1], [2, 2]],
    )
    found = careless_answers(table, BOTH, pd.Series([100.0, 15.9, 16.0, None]))
    assert found["same_answer"].tolist() == [True, False, False, False]
    assert found["low_variability"].tolist() == [True, False, False, False]
    # Eight answers need 16 seconds; without a time nobody is too fast.
    assert found["too_fast"].tolist() == [False, True, False, False]
    assert found["longstring"].tolist() == [6, 2, 5, 2]
    assert found["irv"].iloc[1] == np.std([5, 1, 5, 4, 2, 1], ddof=1)
    assert np.isnan(found["irv"].iloc[3])


def test_the_same_answer_throughout_is_no_sign_where_no_item_is_reverse_keyed() -> None:
    plain = Scale(label="Plain", items=list("abcdef"), range=(1, 5))
    found = careless_answers(pd.DataFrame([[3.0] * 6], columns=list("abcdef")), {"plain": plain}, None)
    assert careless_table(found, wave="w1").empty


def test_the_table_counts_responses_with_at_least_one_sign_once() -> None:
    table = answers([[3] * 6, [5, 1, 5, 4, 2, 1], [5, 2, 5, 4, 2, 1]], [[1, 2]] * 3)
    counts = careless_table(careless_answers(table, BOTH, pd.Series([1.0, 1.0, 99.0])), wave="w2").set_index(
        "indicator"
    )
    assert counts["n_flagged"].to_dict() == {"same_answer": 1, "low_variability": 1, "too_fast": 2, "any": 2}
    assert (counts["n"] == 3).all()
    assert (counts["share"] == counts["n_flagged"] / 3).all()


def test_a_wave_without_responses_has_no_shares_to_show() -> None:
    table = answers([[3] * 6], [[1, 2]]).iloc[:0]
    assert careless_table(careless_answers(table, BOTH, None), wave="w1")["n_flagged"].sum() == 0


OPPOSITE = Scale(
    label="Opposite",
    items=list("abcdef"),
    range=(1, 5),
    reverse=("b", "d"),
    opposites=(("a", "b"), ("c", "d"), ("e", "f")),
)


def contradicts(*rows: list[float | None]) -> list[bool]:
    table = pd.DataFrame(rows, columns=list("abcdef"), dtype=float)
    return careless_answers(table, {"s": OPPOSITE}, None)["contradicts"].tolist()


def test_opposite_statements_at_one_end_of_the_form_are_a_contradiction() -> None:
    assert contradicts(
        [5, 5, 1, 1, 1, 5],  # two of three pairs alike, at either end
        [5, 5, 1, 5, 1, 5],  # one of three
        [4, 4, 2, 2, 4, 4],  # alike, but nobody is that sure
        [3, 3, 3, 3, 3, 3],
        [5, 1, 1, 5, 5, 1],
    ) == [True, False, False, False, False]


def test_a_missing_answer_takes_its_pair_out() -> None:
    assert contradicts(
        [5, 5, 1, None, 1, 5],  # one of two answered pairs is half
        [5, 5, 1, None, None, 5],  # one answered pair is not enough
        [None] * 6,
    ) == [True, False, False]


def test_pairs_of_all_scales_count_together_and_one_pair_alone_shows_nothing() -> None:
    one = Scale(label="One", items=["a", "b"], range=(1, 5), opposites=(("a", "b"),))
    other = Scale(label="Other", items=["c", "d"], range=(0, 10), opposites=(("c", "d"),))
    table = pd.DataFrame([[5.0, 5, 10, 0], [5, 1, 10, 8], [1, 1, 9, 10]], columns=list("abcd"))
    assert careless_answers(table, {"one": one, "other": other}, None)["contradicts"].tolist() == [True, False, True]
    alone = careless_answers(table, {"one": one}, None)
    assert alone["contradicts"].isna().all()
    assert careless_table(alone, wave="w1").empty


def test_one_answer_to_items_that_are_all_reversed_is_no_sign_of_carelessness() -> None:
    items = list("abcdef")
    rows = pd.DataFrame([[2] * 6], columns=items)
    for reverse, flagged in ((items, False), (items[:1], True), ([], False)):
        scale = Scale(label="S", items=items, range=(0, 3), reverse=tuple(reverse))
        assert careless_answers(rows, {"s": scale}, None)["same_answer"].astype(bool).tolist() == [flagged]
