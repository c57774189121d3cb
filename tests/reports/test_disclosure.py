"""Small cells stay hidden from readers who subtract."""

from __future__ import annotations

import itertools
import re

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
    table = pd.DataFrame({"n": [50, 50], "n_programme": [45, 46], "n_comparison": [5, 4]})
    assert suppress(table, minimum_cell=MINIMUM)["suppressed"].eq("").all()
    counts = ("n", "n_programme", "n_comparison")
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


def flow_of(starts: list[int], exclusions: list[list[int]], answered: list[int]) -> pd.DataFrame:
    """A flow of two arms and all."""
    left = [s - sum(e[a] for e in exclusions) for a, s in enumerate(starts)]
    steps = [("start", "start", starts)]
    steps += [("excluded", f"rule {i}", e) for i, e in enumerate(exclusions)]
    steps += [
        ("remaining", "sample", left),
        ("info", "answered", [min(x, y) for x, y in zip(answered, left, strict=True)]),
    ]
    rows = [
        ("w1", "students", i, kind, label, arm, n, 5)
        for i, (kind, label, (a, b)) in enumerate(steps)
        for arm, n in (("all", a + b), ("programme", a), ("comparison", b))
    ]
    return pd.DataFrame(rows, columns=["wave", "stream", "step", "kind", "label", "arm", "n_students", "n_clusters"])


def said(text: str, shown: object) -> tuple[float, float]:
    """What a printed count allows."""
    if text == "":
        return float(shown), float(shown)  # type: ignore[arg-type]
    if text == "fewer than 10":
        return 0.0, 9.0
    low, high = re.fullmatch(r"([\d\u202f]+) to ([\d\u202f]+)", text).groups()  # type: ignore[union-attr]
    return float(low.replace("\u202f", "")), float(high.replace("\u202f", ""))


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.integers(100, 700), min_size=2, max_size=2),
    exclusions=st.lists(st.lists(st.integers(0, 25), min_size=2, max_size=2), min_size=1, max_size=3),
    missing=st.lists(st.integers(0, 20), min_size=2, max_size=2),
)
def test_nobody_gets_a_small_exclusion_of_a_flow_by_subtraction(
    starts: list[int], exclusions: list[list[int]], missing: list[int]
) -> None:
    answered = [s - sum(e[a] for e in exclusions) - missing[a] for a, s in enumerate(starts)]
    flow = flow_of(starts, exclusions, answered)
    out = suppress(flow, minimum_cell=MINIMUM)
    bounds = [said(t, n) for t, n in zip(out["suppressed"], out["n_students"], strict=True)]
    truth = flow["n_students"].tolist()
    assert all(low <= n <= high for (low, high), n in zip(bounds, truth, strict=True))
    n_rows = len(flow)
    place = {(r.step, r.arm): i for i, r in enumerate(flow.itertuples())}
    # One more unknown an arm: those of the sample who did not answer (never negative).
    low, high = [b[0] for b in bounds] + [0.0, 0.0], [b[1] for b in bounds] + [1e4, 1e4]
    last = int(flow["step"].max())
    constraints = []
    for step in range(last + 1):
        equation = [0.0] * (n_rows + 2)
        for arm, weight in (("all", -1.0), ("programme", 1.0), ("comparison", 1.0)):
            equation[place[step, arm]] = weight
        constraints.append((equation, 0.0))
    for k, arm in enumerate(("programme", "comparison")):
        equation = [0.0] * (n_rows + 2)
        for step in range(last):
            equation[place[step, arm]] = 1.0 if step == 0 else -1.0
        constraints.append((equation, 0.0))
        within = [0.0] * (n_rows + 2)
        within[place[last - 1, arm]], within[place[last, arm]], within[n_rows + k] = 1.0, -1.0, -1.0
        constraints.append((within, 0.0))
    for arm, (step, pair) in itertools.product((0, 1), enumerate(exclusions, start=1)):
        cell = place[step, ("programme", "comparison")[arm]]
        if 0 < pair[arm] < MINIMUM:
            smallest, largest = possible_counts(constraints, low, high, cell)
            # The table tells that there are few, and nothing more.
            assert (smallest <= 1, largest) == (True, MINIMUM - 1)


def test_flow_without_small_counts_is_left_as_it_is() -> None:
    flow = flow_of([600, 610], [[20, 30], [0, 12]], [500, 520])
    out = suppress(flow, minimum_cell=MINIMUM)
    assert (out["suppressed"] == "").all()
    assert out["n_students"].tolist() == flow["n_students"].tolist()


def test_flow_shows_ranges_that_follow_from_the_published_pieces() -> None:
    out = suppress(made_up_flow(), minimum_cell=MINIMUM).set_index(["step", "arm"])
    assert out.loc[(2, "programme"), "suppressed"] == "fewer than 10"
    assert out.loc[(2, "all"), "suppressed"] == "13 to 21"
    assert out.loc[(3, "programme"), "suppressed"] == "589 to 597"
    assert out.loc[(3, "comparison"), "n_students"] == 602
    assert out.loc[(1, "all"), "n_students"] == 31
    assert pd.isna(out.loc[(2, "programme"), "n_clusters"])
    assert out.loc[(3, "programme"), "n_clusters"] == 5


def test_a_small_part_of_a_hidden_sample_says_only_that_it_is_small() -> None:
    flow = pd.DataFrame(
        {
            "stream": "students",
            "step": range(4),
            "kind": ["start", "excluded", "remaining", "info"],
            "label": ["roster", "consent", "sample", "moved"],
            "n_students": [200, 1, 199, 4],
        }
    )
    assert suppress(flow, minimum_cell=MINIMUM)["suppressed"].tolist() == [
        "",
        "fewer than 10",
        "191 to 199",
        "fewer than 10",
    ]


def test_a_few_students_without_an_arm_do_not_hide_the_whole_sample() -> None:
    counts = {"all": (203, 3, 200), "programme": (100, 0, 100), "comparison": (100, 0, 100)}
    flow = pd.DataFrame(
        [
            ("students", i, kind, kind, arm, counts[arm][i])
            for i, kind in enumerate(("start", "excluded", "remaining"))
            for arm in counts
        ],
        columns=["stream", "step", "kind", "label", "arm", "n_students"],
    )
    out = suppress(flow, minimum_cell=MINIMUM).set_index(["kind", "arm"])
    assert out.loc[("start", "all"), "suppressed"] == "201 to 209"
    assert out.loc[("excluded", "all"), "suppressed"] == "fewer than 10"
    assert out.loc[("remaining", "all"), "n_students"] == 200
    assert out.loc[("remaining", "programme"), "n_students"] == 100


def test_survey_rows_are_protected_without_arms() -> None:
    flow = pd.DataFrame(
        {
            "wave": "w1",
            "stream": "survey",
            "step": range(4),
            "kind": ["start", "excluded", "excluded", "remaining"],
            "label": ["read", "previews", "unfinished", "linked"],
            "arm": "all",
            "n_rows": [500, 3, 40, 457],
            "n_students": np.nan,
        }
    )
    out = suppress(flow, minimum_cell=MINIMUM)
    assert out["suppressed"].tolist() == ["", "fewer than 10", "", "451 to 459"]
    assert out["n_rows"].isna().tolist() == [False, True, False, True]
