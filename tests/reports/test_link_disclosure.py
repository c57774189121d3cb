"""Small numbers among linked responses stay hidden from readers who add up schools and arms, and compare waves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_flow_disclosure import ARMS, MINIMUM, Attacker, one_wave

from belonging_study.reports.disclosure import HIDDEN_IN_COMPANY, suppress
from belonging_study.reports.link_disclosure import suppress_link_reasons, suppress_links

SECRETS = ("again", "left", "new", "linked w1", "linked w2", "silent w1", "silent w2")


class Schools:
    """Two waves of some schools in each arm: students who came again, left, or are new, and who answered."""

    def __init__(self, counts: list[list[tuple[int, int, int, float, float]]], *, by_code: bool = False) -> None:
        self.by_code = by_code
        self.truth: dict[str, dict[str, int]] = {}
        self.arm: dict[str, str] = {}
        for arm, schools in zip(ARMS, counts, strict=True):
            for i, (again, left, new, share1, share2) in enumerate(schools):
                roster = {"w1": again + left, "w2": again + new}
                linked = {w: round(s * roster[w]) for w, s in (("w1", share1), ("w2", share2))}
                one = {"again": again, "left": left, "new": new}
                one |= {f"linked {w}": again if by_code else linked[w] for w in roster}
                one |= {f"silent {w}": roster[w] - one[f"linked {w}"] for w in roster}
                self.truth[f"{arm[0]}{i}"], self.arm[f"{arm[0]}{i}"] = one, arm

    def members(self, arm: str, school: str) -> list[str]:
        return [s for s in self.truth if school in ("all", s) and arm in ("all", self.arm[s])]

    def links(self) -> pd.DataFrame:
        places = [(arm, "all") for arm in ("all", *ARMS)] + [(self.arm[s], s) for s in self.truth]
        rows = []
        for w in ("w1", "w2"):
            for arm, school in places:
                mine = [self.truth[s] for s in self.members(arm, school)]
                roster = sum(one["again"] + one["left" if w == "w1" else "new"] for one in mine)
                linked = sum(one[f"linked {w}"] for one in mine) if w == "w2" or not self.by_code else None
                again = sum(one["again"] for one in mine) if w == "w2" else None
                responses = roster if self.by_code else linked
                rows.append((w, arm, school, roster, responses, linked, again))
        names = ["wave", "arm", "school", "n_roster", "n_responses", "n_linked", "n_again"]
        table = pd.DataFrame(rows, columns=names).astype({"n_linked": "Int64", "n_again": "Int64"})
        return table.assign(
            link_rate=table["n_linked"].astype(float) / table["n_roster"],
            retention=table["n_again"].astype(float) / [np.nan] * len(table),
        )

    def flow(self) -> pd.DataFrame:
        table = self.links()
        parts = []
        for w in ("w1", "w2"):
            here = table[(table["wave"] == w) & (table["school"] == "all") & (table["arm"] != "all")]
            answered = here["n_roster" if self.by_code else "n_linked"].astype(int).tolist()
            parts.append(one_wave(here["n_roster"].tolist(), [[0, 0]], answered)[0].assign(wave=w))
        return pd.concat(parts, ignore_index=True)


few = st.one_of(st.integers(0, 25), st.integers(40, 120))
school = st.tuples(st.integers(0, 120), few, few, st.sampled_from([0.0, 0.5, 0.95, 1.0]), st.floats(0.5, 1))
arm = st.lists(school, min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(programme=arm, comparison=arm, by_code=st.booleans())
def test_nobody_gets_a_small_number_of_a_school(
    programme: list[tuple[int, int, int, float, float]],
    comparison: list[tuple[int, int, int, float, float]],
    by_code: bool,
) -> None:
    schools = Schools([programme, comparison], by_code=by_code)
    links = schools.links()
    safe = suppress_links(links, schools.flow(), MINIMUM)
    attacker = Attacker()
    for name in schools.truth:
        for w, other in (("w1", "left"), ("w2", "new")):
            of = {f"linked {w}": 1.0, f"silent {w}": 1.0, "again": -1.0, other: -1.0}
            attacker.knows({f"{part} {name}": weight for part, weight in of.items()}, 0, 0)
            if by_code:
                attacker.knows({f"linked {w} {name}": 1, f"again {name}": -1}, 0, 0)
    for row in safe.to_dict("records"):
        w, mine = str(row["wave"]), schools.members(str(row["arm"]), str(row["school"]))
        columns = {"n_roster": ("again", "left" if w == "w1" else "new")}
        if w == "w2" or not by_code:
            columns["n_linked"] = (f"linked {w}",)
        if w == "w2":
            columns["n_again"] = ("again",)
        for column, parts in columns.items():
            of_row = {f"{part} {s}": 1.0 for part in parts for s in mine}
            if pd.isna(row[column]) and column != "n_roster":
                attacker.knows(of_row, 0, np.inf)  # "fewer than 10" speaks of the roster
            else:
                attacker.reads(of_row, row, column)
        assert pd.isna(row["n_linked"]) == pd.isna(row["link_rate"]) or row["n_roster"] in (0, pd.NA)
        if row["link_rate_band"]:
            low, high = map(int, str(row["link_rate_band"]).removesuffix("%").split(" to "))
            roster = sum(schools.truth[s][part] for s in mine for part in columns["n_roster"])
            assert low * roster <= 100 * sum(schools.truth[s][f"linked {w}"] for s in mine) <= high * roster
            for share, limits in ((low, (0, np.inf)), (high, (-np.inf, 0))):
                above = {f"linked {w} {s}": 100.0 for s in mine}
                attacker.knows(above | {f"{part} {s}": -share for part in columns["n_roster"] for s in mine}, *limits)

    for name, truth in schools.truth.items():
        for secret in SECRETS:
            if 0 < truth[secret] < MINIMUM:
                low, high = attacker.possible({f"{secret} {name}": 1})
                assert low <= truth[secret] <= high
                assert low < high, f"{secret} of {name}"


def test_schools_with_large_numbers_are_left_as_they_are() -> None:
    schools = Schools([[(100, 20, 30, 0.8, 0.7), (90, 15, 12, 0.8, 0.7)], [(200, 40, 40, 0.5, 0.6)]])
    links = schools.links()
    safe = suppress_links(links, schools.flow(), MINIMUM)
    assert (safe["suppressed"] == "").all()
    kept = ["n_roster", "n_linked", "n_again", "link_rate"]
    pd.testing.assert_frame_equal(safe[kept], links[kept], check_dtype=False)
    assert not {"n_responses", "n_unlinked"} & set(safe)


def test_a_school_of_which_a_few_are_silent_takes_the_smallest_other_along() -> None:
    schools = Schools(
        [[(100, 20, 30, 0.975, 0.8), (60, 20, 20, 0.5, 0.7), (90, 20, 20, 0.5, 0.7)], [(200, 40, 40, 0.5, 0.6)]]
    )
    safe = suppress_links(schools.links(), schools.flow(), MINIMUM).query("school != 'all'")
    first = safe[safe["wave"] == "w1"].set_index("school")
    assert first["n_linked"].isna().to_dict() == {"p0": True, "p1": True, "p2": False, "c0": False}
    assert first["suppressed"].tolist() == [HIDDEN_IN_COMPANY, HIDDEN_IN_COMPANY, "", ""]
    # Whose roster is hidden in the wave before shows nobody who came again.
    second = safe[safe["wave"] == "w2"].set_index("school")
    assert second["n_linked"].notna().all()
    assert second["n_again"].isna().to_dict() == {"p0": True, "p1": True, "p2": False, "c0": False}


def test_a_hidden_arm_hides_its_schools() -> None:
    schools = Schools([[(100, 20, 30, 0.9, 0.7), (90, 15, 12, 1.0, 0.7)], [(200, 40, 40, 0.98, 0.6)]])
    safe = suppress_links(schools.links(), schools.flow(), MINIMUM)
    first = safe[safe["wave"] == "w1"].set_index(["arm", "school"])
    # 5 silent students in the comparison arm hide every number of responses; rosters stay.
    assert first["n_linked"].isna().all()
    assert first.loc[[("all", "all"), ("programme", "all"), ("comparison", "all")], "n_roster"].notna().all()
    assert safe[safe["wave"] == "w2"]["n_again"].notna().sum() == 3


def reasons(*counts: int) -> pd.DataFrame:
    names = ["identical code", "1 part differs", "2 parts differ", "ambiguous", "no code", "no match"]
    table = pd.DataFrame({"wave": "w2", "link_reason": names, "n_responses": counts, "link_quality": 0.9})
    return table.assign(share=table["n_responses"] / sum(counts))[lambda t: t["n_responses"] > 0]


def flow_of(n: int) -> pd.DataFrame:
    return one_wave([n // 2, n - n // 2], [[0, 0]], [n // 2, n - n // 2])[0].assign(wave="w2")


def test_small_reasons_are_told_together_within_links_and_within_the_rest() -> None:
    safe = suppress_link_reasons(reasons(150, 20, 4, 3, 2, 60), flow_of(239), MINIMUM)
    assert safe[["link_reason", "n_responses", "suppressed"]].values.tolist() == [
        ["identical code", 150, ""],
        ["1 part differs, or 2 parts differ", 24, ""],
        ["ambiguous, no code, or no match", 65, ""],
    ]
    assert safe["share"].sum() == pytest.approx(1)
    assert safe["link_quality"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("counts", [(150, 20, 0, 3, 0, 0), (3, 2, 0, 100, 0, 60), (5, 0, 0, 3, 0, 0)])
def test_a_few_links_or_a_few_without_hide_the_wave(counts: tuple[int, ...]) -> None:
    safe = suppress_link_reasons(reasons(*counts), flow_of(sum(counts)), MINIMUM)
    assert safe[["n_responses", "share", "link_quality"]].isna().all(axis=None)
    assert set(safe["suppressed"]) == {HIDDEN_IN_COMPANY}


def test_a_hidden_start_hides_the_reasons() -> None:
    flow = one_wave([100, 100], [[4, 2]], [100, 100])[0].assign(wave="w2")
    assert suppress_link_reasons(reasons(150, 20, 0, 16, 0, 20), flow, MINIMUM)["n_responses"].isna().all()


def test_reasons_are_hidden_whole_without_the_flow() -> None:
    assert suppress(reasons(150, 20, 15, 0, 0, 60), minimum_cell=MINIMUM)["n_responses"].isna().all()
