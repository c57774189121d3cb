"""Small cells stay hidden from readers who subtract."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up_flow, made_up_scales
from scipy.optimize import Bounds, LinearConstraint, milp

from belonging_study.errors import DataError, ParameterError
from belonging_study.reports.disclosure import HIDDEN_IN_COMPANY, suppress

MINIMUM = 10


def possible_counts(
    constraints: list[tuple[list[float], float]], low: list[float], high: list[float], cell: int
) -> tuple[int, int]:
    """Smallest and largest whole number that a hidden cell can have, by integer programming."""
    matrix = np.array([row for row, _ in constraints]).reshape(len(constraints), len(low))
    totals = np.array([total for _, total in constraints])
    goal = np.zeros(len(low))
    goal[cell] = 1
    found = []
    for sign in (1, -1):
        rule = [LinearConstraint(matrix, totals, totals)] if len(constraints) else []
        result = milp(sign * goal, constraints=rule, integrality=np.ones(len(low)), bounds=Bounds(low, high))
        assert result.success, "the published table contradicts itself"
        found.append(round(sign * result.fun))
    return found[0], found[1]


def test_a_small_row_loses_every_number_and_its_note() -> None:
    table = pd.DataFrame(
        {
            "outcome": ["a", "b"],
            "n_students": [9, 10],
            "estimate": [0.5, 0.4],
            "primary": [True, True],
            "conf_level": [0.95, 0.95],
            "note": ["n = 9", "n = 10"],
        }
    )
    out = suppress(table, minimum_cell=MINIMUM)
    assert out["suppressed"].tolist() == ["fewer than 10", ""]
    assert out.loc[0, ["n_students", "estimate", "primary"]].isna().all()
    assert out.loc[0, ["conf_level", "note", "outcome"]].tolist() == [0.95, "", "a"]
    assert out.loc[1, ["n_students", "estimate", "note"]].tolist() == [10, 0.4, "n = 10"]
    assert table.loc[0, "n_students"] == 9


def test_zero_missing_and_large_counts_hide_nothing() -> None:
    table = pd.DataFrame({"n": [0, np.nan, 10], "mean": [np.nan, 2.0, 3.0]})
    pd.testing.assert_frame_equal(suppress(table, minimum_cell=MINIMUM).drop(columns="suppressed"), table)


def test_every_named_count_is_looked_at() -> None:
    table = pd.DataFrame({"n": [50, 50], "n_programme": [45, 46], "n_others": [5, 4]})
    assert suppress(table, minimum_cell=MINIMUM)["suppressed"].eq("").all()
    counts = ("n", "n_programme", "n_others")
    assert suppress(table, minimum_cell=MINIMUM, counts=counts)["n"].isna().all()


def test_scale_levels_are_hidden_in_company_scale_by_scale() -> None:
    out = suppress(made_up_scales(), minimum_cell=MINIMUM)
    assert out["suppressed"].tolist() == ["", "", HIDDEN_IN_COMPANY, "fewer than 10"] * 2
    assert out.loc[out["level"] == "all", "mcdonald_omega"].notna().all()


def test_a_total_in_another_table_counts_as_published() -> None:
    table = pd.DataFrame(
        {"group": ["gender=girl", "gender=boy", "meals=yes", "meals=no"], "n_students": [6, 94, 40, 60]}
    )
    out = suppress(table, minimum_cell=MINIMUM)
    assert out["suppressed"].tolist() == ["fewer than 10", HIDDEN_IN_COMPANY, "", ""]


def test_two_small_groups_that_together_are_small_take_a_third_along() -> None:
    table = pd.DataFrame({"group": ["all", "a", "b", "c", "d"], "n": [127, 3, 4, 50, 70]})
    assert suppress(table, minimum_cell=MINIMUM)["n"].isna().tolist() == [False, True, True, True, False]


def test_bounds_alone_betray_two_nines() -> None:
    # 18 left for two groups of at most 9 each: both would be known.
    table = pd.DataFrame({"group": ["all", "a", "b", "c"], "n": [118, 9, 9, 100]})
    assert suppress(table, minimum_cell=MINIMUM)["n"].isna().tolist() == [False, True, True, True]


def test_unusable_minimum_and_negative_counts_are_refused() -> None:
    with pytest.raises(ParameterError, match="minimum_cell is 1"):
        suppress(pd.DataFrame({"n": [1]}), minimum_cell=1)
    with pytest.raises(DataError, match="1 counts are negative"):
        suppress(pd.DataFrame({"n": [-1, 5]}), minimum_cell=MINIMUM)


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(
        st.lists(st.one_of(st.integers(0, 14), st.integers(10, 80)), min_size=2, max_size=2), min_size=2, max_size=4
    )
)
def test_nobody_gets_a_small_count_of_a_two_way_table_by_subtraction(cells: list[list[int]]) -> None:
    """Groups by arms with all their totals, against an attacker who solves for whole numbers."""
    n = np.array(cells)
    groups, arms = [f"g{i}" for i in range(len(n))], ["programme", "comparison"]
    rows = [
        {"group": group, "arm": arm, "n": int(n[np.ix_(gi, ai)].sum())}
        for group, gi in [("all", list(range(len(n)))), *((g, [i]) for i, g in enumerate(groups))]
        for arm, ai in [("all", [0, 1]), *((a, [i]) for i, a in enumerate(arms))]
    ]
    out = suppress(pd.DataFrame(rows), minimum_cell=MINIMUM)
    place = {(r["group"], r["arm"]): i for i, r in enumerate(rows)}
    low, high = [], []
    for i, text in enumerate(out["suppressed"]):
        shown = out["n"].iloc[i]
        bounds = {"": (shown, shown), "fewer than 10": (1, MINIMUM - 1), HIDDEN_IN_COMPANY: (MINIMUM, 100_000)}[text]
        low.append(float(bounds[0]))
        high.append(float(bounds[1]))
    constraints = []
    for group in ["all", *groups]:
        equation = [0.0] * len(rows)
        for arm, weight in (("all", -1), *((a, 1) for a in arms)):
            equation[place[group, arm]] = weight
        constraints.append((equation, 0.0))
    for arm in ["all", *arms]:
        equation = [0.0] * len(rows)
        for group, weight in (("all", -1), *((g, 1) for g in groups)):
            equation[place[group, arm]] = weight
        constraints.append((equation, 0.0))
    everything_hidden = (out["suppressed"] != "").all()
    for cell in np.flatnonzero(out["suppressed"] == "fewer than 10"):
        smallest, largest = possible_counts(constraints, low, high, int(cell))
        assert smallest < largest or everything_hidden


def test_a_table_that_comes_again_keeps_its_reasons() -> None:
    table = pd.DataFrame({"group": ["all", "gender: girl", "gender: boy", "gender: other"], "n": [204, 110, 90, 4]})
    once = suppress(table, minimum_cell=MINIMUM)
    pd.testing.assert_frame_equal(suppress(once, minimum_cell=MINIMUM), once)
    flow = suppress(made_up_flow(), minimum_cell=MINIMUM)
    pd.testing.assert_frame_equal(suppress(flow, minimum_cell=MINIMUM), flow)


def test_new_rows_of_a_table_that_comes_again_are_looked_at() -> None:
    table = pd.DataFrame({"n": [4, 40], "mean": [1.0, 2.0], "suppressed": ""})
    assert suppress(table, minimum_cell=MINIMUM)["mean"].isna().tolist() == [True, False]


def test_linked_responses_are_hidden_whole_without_the_flow() -> None:
    links = pd.DataFrame({"wave": ["w1"], "arm": ["all"], "n_roster": [200], "n_linked": [180], "link_rate": [0.9]})
    out = suppress(links, minimum_cell=MINIMUM)
    assert out[["n_roster", "n_linked", "link_rate"]].isna().all(axis=None)
    assert out["suppressed"].tolist() == [HIDDEN_IN_COMPANY]
