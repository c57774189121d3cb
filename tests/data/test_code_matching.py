"""Codes that students make themselves: against a comparison of all pairs, and against simulated truth."""

from __future__ import annotations

import math
import time
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.data.linking.codes import AMBIGUOUS, NO_CODE, NO_MATCH, linked_reason, match_codes
from belonging_study.errors import DataError, ParameterError

PARTS = ["a", "b", "c"]


def all_pairs(
    earlier: pd.DataFrame, later: pd.DataFrame, parts: list[str], verify: list[str], maximum: int
) -> dict[int, tuple[object, str]]:
    """Compare everybody with everybody, one part at a time."""

    def known(value: object) -> bool:
        return value is not None and not (isinstance(value, float) and math.isnan(value))

    forms: dict[object, list[dict[str, object]]] = {}
    for form in earlier.to_dict("records"):
        forms.setdefault(form["person"], []).append(form)
    rows = dict(enumerate(later.to_dict("records")))
    distance: dict[tuple[int, object], int] = {}
    for (i, row), (person, mine) in product(rows.items(), forms.items()):
        if not known(row["school"]) or row["school"] != mine[0]["school"]:
            continue
        if any(known(row[v]) and known(f[v]) and row[v] != f[v] for v in verify for f in mine):
            continue
        distance[i, person] = min(sum(not (known(row[p]) and row[p] == f[p]) for p in parts) for f in mine)
    out: dict[int, tuple[object, str]] = {}
    gone: set[object] = set()
    for k in range(maximum + 1):
        level = [(i, p) for (i, p), d in distance.items() if d == k and i not in out and p not in gone]
        for i, p in level:
            single = sum(i == j for j, _ in level) == 1 and sum(p == q for _, q in level) == 1
            out[i] = (p, linked_reason(k)) if single else (None, AMBIGUOUS)
            gone.add(p)
    for i, row in rows.items():
        empty = not known(row["school"]) or not any(known(row[p]) for p in parts)
        out.setdefault(i, (None, NO_CODE if empty else NO_MATCH))
    return out


few = st.sampled_from(["x", "y", "z", None])
person_rows = st.tuples(st.integers(0, 7), few, few, few, few)
later_rows = st.tuples(st.sampled_from(["north", "south", None]), few, few, few, few)


@settings(max_examples=120, deadline=None)
@given(
    earlier=st.lists(person_rows, max_size=10),
    later=st.lists(later_rows, max_size=8),
    maximum=st.integers(0, 2),
    verified=st.booleans(),
)
def test_like_a_comparison_of_all_pairs(
    earlier: list[tuple[object, ...]], later: list[tuple[object, ...]], maximum: int, verified: bool
) -> None:
    # One verified value a person, as links guarantee it: the person's number decides.
    old = pd.DataFrame(earlier, columns=["person", *PARTS, "born"]).astype(object)
    old["school"] = ["north" if int(p) % 2 else "south" for p in old["person"]]
    old["born"] = [b if b is None else "xyz"[int(p) % 3] for p, b in zip(old["person"], old["born"], strict=True)]
    new = pd.DataFrame(later, columns=["school", *PARTS, "born"]).astype(object)
    verify = ["born"] if verified else []
    found = match_codes(old, new, parts=PARTS, verify=verify, maximum_changes=maximum)
    expected = all_pairs(old, new, PARTS, verify, maximum)
    assert found["link_reason"].tolist() == [expected[i][1] for i in range(len(new))]
    people = [None if pd.isna(p) else p for p in found["person"]]
    assert people == [expected[i][0] for i in range(len(new))]
    assert found["link_quality"].notna().equals(found["person"].notna())
    assert found["link_quality"].dropna().between(0, 1).all()


VALUES = (26, 26, 31, 10, 12, 8)
"""How many values each part can have: two initials, a day, a digit, a month, the number of siblings and the like."""
CODE = [f"p{j}" for j in range(len(VALUES))]
KEPT = (0.61, 0.24, 0.10, 0.03, 0.02)
"""Share of students with 0, 1, 2, 3 and 4 changed parts."""


def skewed(rng: np.random.Generator, size: int, n: int) -> npt.NDArray[np.str_]:
    """Draw values of which some are far more frequent than others."""
    return rng.choice(size, n, p=1 / np.arange(1, size + 1) / (1 / np.arange(1, size + 1)).sum()).astype(str)


def simulate(seed: int, n_schools: int, n_students: int, *, twins: float = 0.02) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two waves with the truth in ``person``: 15% leave, 15% are new, some are twins with nearly the same code."""
    rng = np.random.default_rng(seed)
    n = n_schools * n_students
    everyone = pd.DataFrame({name: skewed(rng, size, n) for name, size in zip(CODE, VALUES, strict=True)}, dtype=object)
    everyone["school"] = np.repeat(np.arange(n_schools), n_students).astype(str)
    everyone["born"] = rng.integers(2008, 2011, n).astype(str)
    everyone["sex"] = rng.choice(["f", "m"], n)
    everyone["person"] = np.arange(n)
    copied = np.flatnonzero(rng.random(n - 1) < twins)
    same = [*CODE, "born", "school"]
    everyone.loc[copied + 1, same] = everyone.loc[copied, same].to_numpy()
    everyone.loc[copied + 1, "p0"] = skewed(rng, VALUES[0], len(copied))
    stays = rng.random(n)
    earlier, later = everyone[stays < 0.85].copy(), everyone[(stays < 0.70) | (stays >= 0.85)].copy()
    n_changed = rng.choice(len(KEPT), len(later), p=KEPT)
    ranks = rng.random((len(later), len(CODE))).argsort(axis=1).argsort(axis=1)
    for j, (name, size) in enumerate(zip(CODE, VALUES, strict=True)):
        changed = ranks[:, j] < n_changed
        blank = changed & (rng.random(len(later)) < 0.2)
        old = later[name].to_numpy()[changed].astype(int)
        later.loc[changed, name] = ((old + rng.integers(1, size, len(old))) % size).astype(str)
        later.loc[blank, name] = None
    later.loc[rng.random(len(later)) < 0.05, "sex"] = None
    return earlier, later.sample(frac=1, random_state=seed).reset_index(drop=True)


def rates(earlier: pd.DataFrame, later: pd.DataFrame, maximum: int, verify: list[str]) -> tuple[float, float]:
    """Precision, and recall among those who were there before."""
    found = match_codes(earlier, later, parts=CODE, verify=verify, maximum_changes=maximum)
    linked = found["person"].notna()
    right = int((found["person"] == later["person"]).sum())
    return right / int(linked.sum()), right / int(later["person"].isin(earlier["person"]).sum())


# Measured: precision 1.000, .998, .995, .972 and recall .61, .85, .94, .97; the bounds leave room for chance.
@pytest.mark.parametrize(
    ("maximum", "least_precision", "least_recall", "most_recall"),
    [(0, 0.999, 0.57, 0.64), (1, 0.995, 0.80, 0.88), (2, 0.99, 0.88, 0.97), (3, 0.95, 0.90, 0.99)],
)
def test_precision_and_recall(maximum: int, least_precision: float, least_recall: float, most_recall: float) -> None:
    earlier, later = simulate(7, 60, 200)
    precision, recall = rates(earlier, later, maximum, ["born", "sex"])
    assert precision >= least_precision
    assert least_recall <= recall <= most_recall
    assert rates(earlier, later, maximum, [])[0] < precision or precision == 1


def test_no_false_link_between_those_who_cannot_be_told_apart() -> None:
    # Every code is shared by two students with the same verified fields; one of each two left or answers again.
    rng = np.random.default_rng(3)
    n = 400
    half = pd.DataFrame({name: skewed(rng, 10**6, n) for name in CODE}, dtype=object)
    half["school"], half["born"] = "s", "2009"
    earlier = pd.concat([half, half], ignore_index=True).assign(person=range(2 * n))
    assert match_codes(earlier, half, parts=CODE, verify=["born"])["link_reason"].eq(AMBIGUOUS).all()
    once = half.assign(person=range(n))
    twice = pd.concat([half, half], ignore_index=True)
    found = match_codes(once, twice, parts=CODE, verify=["born"], maximum_changes=4)
    assert found["link_reason"].eq(AMBIGUOUS).all()
    # A verified field that separates them links both.
    told = earlier.assign(born=["2008"] * n + ["2009"] * n)
    found = match_codes(told, told, parts=CODE, verify=["born"])
    assert found["person"].tolist() == told["person"].tolist()


def test_the_order_of_rows_changes_nothing() -> None:
    earlier, later = simulate(11, 5, 60)
    later.index = pd.Index([f"row {i}" for i in range(len(later))])
    one = match_codes(earlier, later, parts=CODE, verify=["born"], maximum_changes=2)
    other = match_codes(
        earlier.sample(frac=1, random_state=1), later.sample(frac=1, random_state=2), parts=CODE, verify=["born"],
        maximum_changes=2,
    )  # fmt: skip
    pd.testing.assert_frame_equal(one, other.loc[one.index], check_dtype=False)
    people = one["person"].dropna()
    assert not people.duplicated().any()


def test_a_person_is_known_by_every_form_of_the_code() -> None:
    earlier = pd.DataFrame({"person": ["a", "a"], "school": "s", "a": ["x", "x"], "b": ["y", "q"], "c": ["z", "r"]})
    later = pd.DataFrame({"school": ["s"], "a": ["x"], "b": ["q"], "c": ["r"]})
    assert match_codes(earlier, later, parts=PARTS).loc[0, ["person", "link_reason"]].tolist() == [
        "a", "identical code",
    ]  # fmt: skip


@pytest.mark.parametrize(("changes", "sizes", "n"), [(0, (2, 20, 31), 1000), (1, (12, 14, 31, 14), 600)])
def test_quality_is_the_chance_that_nobody_else_comes_as_near(changes: int, sizes: tuple[int, ...], n: int) -> None:
    rng = np.random.default_rng(5)
    names = [f"p{j}" for j in range(len(sizes))]
    alone, told = [], []
    for draw in range(1500):
        codes = np.column_stack([rng.integers(0, size, n) for size in sizes])
        given = codes[0].copy()
        given[:changes] += 1
        near = (codes[1:] != given).sum(axis=1) <= changes
        alone.append(not near.any())
        if draw < 200:
            earlier = pd.DataFrame(codes.astype(str), columns=names).assign(person=range(n), school="s")
            later = earlier.iloc[[0]].copy()
            later[names] = given[None, :].astype(str)
            found = match_codes(earlier, later, parts=names, maximum_changes=changes)
            told.append(found["link_quality"].item())
    assert np.nanmean(told) == pytest.approx(
        np.mean(alone), abs=0.05
    )  # a little low: the student counts among those who have a value
    assert 0.2 < np.mean(alone) < 0.9


def test_quality_by_hand() -> None:
    # 51 persons; of 52 rows 26 or so share the first part, two the second.
    everyone = pd.DataFrame({"person": range(51), "school": "s", "a": ["x", "y", "y"] * 17, "b": range(51)})
    everyone = everyone.assign(born=["2009"] * 3 + ["2010"] * 45 + [None] * 3)
    same = everyone.iloc[[0]]
    found = match_codes(everyone, same, parts=["a", "b"], maximum_changes=0)
    assert found["link_quality"].item() == pytest.approx(math.exp(-50 * (18 / 52) * (2 / 52)))
    found = match_codes(everyone, same, parts=["a", "b"], verify=["born"], maximum_changes=0)
    assert found["link_quality"].item() == pytest.approx(math.exp(-50 * (18 / 52) * (2 / 52) * (7 / 52)))
    found = match_codes(everyone, same.assign(a="new"), parts=["a", "b"], maximum_changes=1)
    near = 1 - (1 - 1 / 52) * (1 - 2 / 52)
    assert found["link_quality"].item() == pytest.approx(math.exp(-50 * near))


def test_quality_tells_right_links_from_wrong_ones() -> None:
    earlier, later = simulate(13, 60, 200, twins=0)
    found = match_codes(earlier, later, parts=CODE, maximum_changes=3)
    linked = found[found["person"].notna()]
    right = linked["person"] == later.loc[linked.index, "person"]
    assert linked.loc[right, "link_quality"].median() > linked.loc[~right, "link_quality"].quantile(0.9)
    assert right[linked["link_quality"] > 0.95].mean() > 0.99


def test_missing_parts_confirm_nothing() -> None:
    earlier = pd.DataFrame({"person": [1], "school": "s", "a": ["x"], "b": [None], "c": ["z"]}, dtype=object)
    later = pd.DataFrame({"school": ["s", "s"], "a": ["x", None], "b": [None, None], "c": ["z", "z"]}, dtype=object)
    assert match_codes(earlier, later.iloc[:1], parts=PARTS, maximum_changes=0).loc[0, "link_reason"] == NO_MATCH
    found = match_codes(earlier, later, parts=PARTS, maximum_changes=2)
    assert found["link_reason"].tolist() == ["1 part differs", NO_MATCH]


def test_what_cannot_be_a_code_is_refused() -> None:
    rows = pd.DataFrame({"person": [1, 1], "school": ["n", "s"], "a": "x"})
    with pytest.raises(ParameterError, match="of 1 parts of which 1 may differ"):
        match_codes(rows, rows, parts=["a"])
    with pytest.raises(DataError, match="1 of 1 persons"):
        match_codes(rows, rows, parts=["a"], maximum_changes=0)
    with pytest.raises(DataError, match="2 rows of earlier waves have no person"):
        match_codes(rows.assign(person=None), rows, parts=["a"], maximum_changes=0)


@pytest.mark.slow
def test_a_hundred_thousand_students_take_seconds() -> None:
    earlier, later = simulate(17, 300, 400)
    assert len(earlier) > 100_000
    began = time.perf_counter()
    match_codes(earlier, later, parts=CODE, verify=["born", "sex"], maximum_changes=2)
    assert time.perf_counter() - began < 30
