"""Small exclusions stay hidden from readers who know the exact analysis sample and subtract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up_flow
from scipy.optimize import Bounds, LinearConstraint, milp

from belonging_study.reports.disclosure import HIDDEN_IN_COMPANY, suppress
from belonging_study.reports.flow_disclosure import suppress_flow
from belonging_study.reports.link_disclosure import suppress_links

MINIMUM = 10
ARMS = ("programme", "comparison")
COLUMNS = ["wave", "stream", "step", "kind", "label", "arm", "n_rows", "n_students", "n_clusters"]


def one_wave(
    left: Sequence[int],
    exclusions: Sequence[Sequence[int]],
    answered: Sequence[int],
    linked: Sequence[int] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flow and links of two arms and all; a roster and a survey in which every row is linked."""
    lost = [sum(of_rule[a] for of_rule in exclusions) for a in (0, 1)]
    start = [n + x for n, x in zip(left, lost, strict=True)]
    steps = [("start", "On the roster", start)]
    steps += [("excluded", f"Rule {i}", of_rule) for i, of_rule in enumerate(exclusions)]
    steps += [("remaining", "Analysis sample", left), ("info", "Answered the survey", answered)]
    rows = [
        ("w1", "students", i, kind, label, arm, n, n, 5)
        for arm, pick in (("all", [0, 1]), ("programme", [0]), ("comparison", [1]))
        for i, (kind, label, sizes) in enumerate(steps)
        for n in [sum(sizes[a] for a in pick)]
    ]
    linked = answered if linked is None else linked
    for stream, n in (("roster", sum(start)), ("survey", sum(linked))):
        rows += [("w1", stream, i, kind, kind, "all", n, n, 10) for i, kind in enumerate(("start", "remaining"))]
    links = pd.DataFrame(
        [
            ("w1", arm, sum(start[a] for a in pick), sum(linked[a] for a in pick))
            for arm, pick in (("all", [0, 1]), ("programme", [0]), ("comparison", [1]))
        ],
        columns=["wave", "arm", "n_roster", "n_linked"],
    )
    return pd.DataFrame(rows, columns=COLUMNS), links.assign(link_rate=links["n_linked"] / links["n_roster"])


def flow_of(counts: Mapping[str, Sequence[int]], labels: Sequence[str], kinds: Sequence[str]) -> pd.DataFrame:
    """A students' flow from counts by arm."""
    rows = [
        ("w1", "students", i, kind, label, arm, n, n, 5)
        for arm, of_arm in counts.items()
        for i, (label, kind, n) in enumerate(zip(labels, kinds, of_arm, strict=True))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


class Attacker:
    """Whoever reads the tables: unknown whole numbers, every published sum, and what the words allow."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.equations: list[tuple[dict[str, float], float, float]] = []

    def knows(self, parts: Mapping[str, float], low: float, high: float) -> None:
        self.names += [name for name in parts if name not in self.names]
        self.equations.append((dict(parts), low, high))

    def reads(self, parts: Mapping[str, float], row: Mapping[str, object], column: str = "n_students") -> None:
        shown = row[column]
        if not pd.isna(shown):
            self.knows(parts, float(shown), float(shown))  # type: ignore[arg-type]
        else:
            self.knows(parts, *{"fewer than 10": (1, 9), HIDDEN_IN_COMPANY: (0, np.inf)}[str(row["suppressed"])])

    def possible(self, parts: Mapping[str, float]) -> tuple[int, int]:
        """Smallest and largest value of a sum of unknowns."""
        place = {name: k for k, name in enumerate(self.names)}
        matrix = np.zeros((len(self.equations), len(place)))
        for i, (known, _, _) in enumerate(self.equations):
            for name, weight in known.items():
                matrix[i, place[name]] = weight
        goal = np.zeros(len(place))
        for name, weight in parts.items():
            goal[place[name]] = weight
        rule = LinearConstraint(matrix, [e[1] for e in self.equations], [e[2] for e in self.equations])
        found = []
        for sign in (1, -1):
            result = milp(sign * goal, constraints=[rule], integrality=np.ones(len(place)), bounds=Bounds(0, 5000))
            assert result.success, "the published tables contradict each other"
            found.append(round(sign * result.fun))
        return found[0], found[1]


def of_both(parts: Sequence[str], arm: str) -> dict[str, float]:
    """Unknowns of one arm, or of both."""
    return {f"{part} {a}": 1.0 for part in parts for a in (ARMS if arm == "all" else (arm,))}


small = st.integers(0, 25)
pairs = st.lists(small, min_size=2, max_size=2)


@settings(max_examples=60, deadline=None)
@given(
    left=st.lists(st.integers(60, 300), min_size=2, max_size=2),
    exclusions=st.lists(pairs, min_size=1, max_size=4),
    silent=pairs,
    excluded_answers=st.lists(st.sampled_from([0.0, 0.3, 0.9, 1.0]), min_size=2, max_size=2),
)
def test_nobody_gets_a_small_number_by_subtraction(
    left: list[int], exclusions: list[list[int]], silent: list[int], excluded_answers: list[float]
) -> None:
    lost = [sum(of_rule[a] for of_rule in exclusions) for a in (0, 1)]
    answered = [left[a] - silent[a] for a in (0, 1)]
    extra = [round(excluded_answers[a] * lost[a]) for a in (0, 1)]
    flow, links = one_wave(left, exclusions, answered, [answered[a] + extra[a] for a in (0, 1)])
    safe, safe_links = suppress_flow(flow, MINIMUM), suppress_links(links, flow, MINIMUM)
    rules = [f"rule {i}" for i in range(len(exclusions))]

    attacker = Attacker()
    for a, arm in enumerate(ARMS):
        # Of students excluded some had answered; the sample's exact size stands in other tables.
        attacker.knows({**of_both(rules, arm), f"extra {arm}": -1, f"excluded silent {arm}": -1}, 0, 0)
        attacker.knows({f"answered {arm}": 1, f"silent {arm}": 1}, left[a], left[a])
    for row in safe[safe["stream"] == "students"].to_dict("records"):
        arm, total = str(row["arm"]), sum(left) if row["arm"] == "all" else left[ARMS.index(row["arm"])]
        if row["kind"] == "start":
            attacker.reads({**of_both(rules, arm), **of_both(["left"], arm)}, row)
        elif row["kind"] == "excluded":
            attacker.reads(of_both(str(row["label"]).lower().replace(" or", "").split(", "), arm), row)
        elif row["kind"] == "remaining":
            assert (row["n_students"], row["suppressed"]) == (total, "")
            attacker.reads(of_both(["left"], arm), row)
        else:
            attacker.reads(of_both(["answered"], arm), row)
    for row in safe[safe["stream"] != "students"].to_dict("records"):
        parts = of_both([*rules, "left"] if row["stream"] == "roster" else ["answered", "extra"], "all")
        attacker.reads(parts, row)
        attacker.reads(parts, row, "n_rows")
    for row in safe_links.to_dict("records"):
        assert pd.isna(row["link_rate"]) == pd.isna(row["n_linked"])
        attacker.reads(of_both([*rules, "left"], str(row["arm"])), row, "n_roster")
        attacker.reads(of_both(["answered", "extra"], str(row["arm"])), row, "n_linked")

    for a, arm in enumerate(ARMS):
        secrets = {rule: of_rule[a] for rule, of_rule in zip(rules, exclusions, strict=True)}
        secrets |= {"answered": answered[a], "silent": silent[a], "extra": extra[a]}
        for name, truth in secrets.items():
            if 0 < truth < MINIMUM:
                low, high = attacker.possible({f"{name} {arm}": 1})
                assert low <= truth <= high
                assert low < high, f"{name} of {arm}"
        if 0 < lost[a] < MINIMUM:
            low, high = attacker.possible(of_both(rules, arm))
            assert low <= lost[a] <= high
            assert high - low >= MINIMUM // 2


@settings(max_examples=30, deadline=None)
@given(left=st.lists(st.integers(10, 300), min_size=2, max_size=2), exclusions=st.lists(pairs, min_size=1, max_size=5))
def test_merging_keeps_every_sum(left: list[int], exclusions: list[list[int]]) -> None:
    safe = suppress_flow(one_wave(left, exclusions, [0, 0])[0], MINIMUM)
    students = safe[(safe["stream"] == "students") & (safe["suppressed"] == "")]
    lost = students[students["kind"] == "excluded"].groupby("arm")["n_students"].sum()
    for a, arm in enumerate(ARMS):
        total = sum(of_rule[a] for of_rule in exclusions)
        if not 0 < total < MINIMUM:
            assert lost[arm] == total
            assert (students[students["arm"] == arm].query("kind == 'start'")["n_students"] == left[a] + total).all()
    shown = students["n_students"]
    assert ((shown == 0) | (shown >= MINIMUM)).all()
    labels = [list(rows["label"]) for _, rows in safe[safe["stream"] == "students"].groupby("arm")]
    assert all(of_arm == labels[0] for of_arm in labels)


def test_flow_without_small_counts_is_left_as_it_is() -> None:
    flow, _ = one_wave([500, 520], [[20, 30], [0, 12]], [400, 450])
    safe = suppress_flow(flow, MINIMUM)
    assert (safe["suppressed"] == "").all()
    pd.testing.assert_frame_equal(safe.drop(columns="suppressed"), flow, check_dtype=False)


def test_small_reasons_become_one_row_in_every_arm() -> None:
    out = suppress(made_up_flow(), minimum_cell=MINIMUM)
    excluded = out[out["kind"] == "excluded"].set_index("arm")
    assert set(excluded["label"]) == {"Parents did not consent, or answered fewer than half of the survey questions"}
    assert excluded["n_students"].to_dict() == {"all": 47, "programme": 18, "comparison": 29}
    left = out[out["kind"] == "remaining"].set_index("arm")
    assert left["n_students"].to_dict() == {"all": 1196, "programme": 594, "comparison": 602}
    moved = out[out["label"].str.startswith("Moved")]
    assert moved["suppressed"].tolist() == ["fewer than 10"] * 3
    assert moved[["n_students", "n_clusters"]].isna().all(axis=None)
    assert out["step"].tolist() == [0, 0, 0, 1, 1, 1, 3, 3, 3, 4, 4, 4, 5, 5, 5]


def test_the_smallest_reason_that_helps_joins() -> None:
    # The third reason is the smallest, but took nobody out of the arm that needs company.
    flow, _ = one_wave([500, 500], [[4, 30], [60, 60], [0, 12], [20, 20]], [400, 400])
    out = suppress_flow(flow, MINIMUM).query("stream == 'students' and kind == 'excluded' and arm == 'all'")
    assert out[["label", "n_students"]].values.tolist() == [["Rule 0, or rule 3", 74], ["Rule 1", 120], ["Rule 2", 12]]


def test_names_of_merged_reasons_keep_their_abbreviations() -> None:
    flow = flow_of({"all": [200, 4, 3, 5, 188]}, ["In", "No consent", "SEN school", "Left", "Sample"],
                   ["start", *["excluded"] * 3, "remaining"])  # fmt: skip
    assert suppress_flow(flow, MINIMUM)["label"].tolist() == ["In", "No consent, SEN school, or left", "Sample"]


def test_too_few_to_merge_hide_the_start_and_leave_the_sample() -> None:
    flow, links = one_wave([500, 520], [[4, 30], [0, 12]], [400, 450], [402, 480])
    out = suppress_flow(flow, MINIMUM).set_index(["stream", "kind", "label", "arm"])["n_students"].sort_index()
    shown = out["students"]
    assert shown["start", "On the roster"].isna().to_dict() == {"all": True, "programme": True, "comparison": False}
    assert shown["excluded", "Rule 0"].isna().to_dict() == {"all": True, "programme": True, "comparison": False}
    assert shown["excluded", "Rule 1"].to_dict() == {"all": 12, "programme": 0, "comparison": 12}
    assert shown["remaining"].tolist() == [1020, 520, 500]
    assert out["roster"].isna().all()
    safe = suppress_links(links.assign(n_unlinked=3, n_responses=5), flow, MINIMUM).set_index("arm")
    assert safe["n_roster"].isna().to_dict() == {"all": True, "programme": True, "comparison": False}
    assert safe["n_linked"].isna().all()
    assert not {"n_unlinked", "n_responses"} & set(safe)


def test_everybody_but_a_few_is_as_telling_as_a_few() -> None:
    flow, links = one_wave([500, 520], [[40, 30]], [497, 480])
    out = suppress_flow(flow, MINIMUM).set_index(["stream", "kind", "arm"])
    answered = out.xs(("students", "info"), level=("stream", "kind"))
    assert answered["n_students"].isna().to_dict() == {"all": True, "programme": True, "comparison": False}
    assert answered["suppressed"].tolist() == [HIDDEN_IN_COMPANY, HIDDEN_IN_COMPANY, ""]
    assert out.loc[[("survey", "start", "all"), ("survey", "remaining", "all")], "n_rows"].isna().all()
    assert suppress_links(links, flow, MINIMUM)["n_linked"].isna().all()


def test_linked_responses_do_not_tell_of_a_few_excluded_who_answered() -> None:
    # 36 excluded in the programme arm, of whom only 6 had answered: the rule "too few answers" took them out.
    flow, links = one_wave([500, 520], [[30, 30], [6, 14]], [400, 450], [406, 464])
    safe = suppress_links(links, flow, MINIMUM).set_index("arm")
    assert safe["n_linked"].isna().to_dict() == {"all": False, "programme": True, "comparison": True}
    assert safe["n_roster"].tolist() == [1100, 536, 564]


def test_linked_responses_do_not_tell_of_a_few_who_gave_none() -> None:
    # Everybody in the sample answered, so the 6 of the roster who did not are all among the excluded.
    flow, links = one_wave([500, 520], [[36, 40]], [500, 520], [530, 545])
    safe = suppress_links(links, flow, MINIMUM).set_index("arm")
    assert safe["n_linked"].isna().to_dict() == {"all": False, "programme": True, "comparison": True}


def test_a_few_students_without_an_arm_hide_only_the_totals() -> None:
    counts = {"all": (203, 3, 200), "programme": (100, 0, 100), "comparison": (100, 0, 100)}
    flow = flow_of(counts, ["On the roster", "No arm", "Sample"], ["start", "excluded", "remaining"])
    out = suppress_flow(flow, MINIMUM).set_index(["kind", "arm"])
    assert out.loc[("start", "all"), "suppressed"] == HIDDEN_IN_COMPANY
    assert out.loc[("excluded", "all"), "suppressed"] == "fewer than 10"
    assert out.loc["remaining", "n_students"].tolist() == [200, 100, 100]
    assert out.loc[("start", "programme"), "n_students"] == 100


def test_a_few_without_an_arm_are_merged_where_they_have_company() -> None:
    counts = {"all": (264, 47, 4, 213), "programme": (120, 10, 0, 110), "comparison": (120, 17, 0, 103)}
    flow = flow_of(counts, ["In", "No consent", "No arm", "Sample"], ["start", "excluded", "excluded", "remaining"])
    out = suppress_flow(flow, MINIMUM)
    assert (out["suppressed"] == "").all()
    assert out.query("kind == 'excluded'")["n_students"].tolist() == [51, 10, 17]


def test_a_small_sample_is_hidden_with_its_start() -> None:
    counts = {"all": (140, 20, 120), "programme": (25, 20, 5), "comparison": (115, 0, 115)}
    flow = flow_of(counts, ["In", "No consent", "Sample"], ["start", "excluded", "remaining"])
    out = suppress_flow(flow, MINIMUM).set_index(["kind", "arm"])
    assert out.loc["remaining", "suppressed"].tolist() == [HIDDEN_IN_COMPANY, "fewer than 10", ""]
    assert out.loc["start", "n_students"].isna().tolist() == [True, True, False]


def test_clusters_that_are_students_are_hidden_with_them() -> None:
    flow, _ = one_wave([500, 520], [[4, 30]], [400, 450])
    by_student = flow.assign(n_clusters=flow["n_students"])
    starts = [suppress_flow(table, MINIMUM).query("kind == 'start'") for table in (flow, by_student)]
    assert starts[0]["n_clusters"].notna().all()
    assert (starts[1]["n_clusters"].isna() == starts[1]["n_students"].isna()).all()


def test_rows_of_a_file_are_merged_by_rows() -> None:
    flow = pd.DataFrame(
        {
            "wave": "w1",
            "stream": "survey",
            "step": range(6),
            "kind": ["start", *["excluded"] * 3, "remaining", "info"],
            "label": ["Rows of the survey", "Previews", "Unfinished", "Not on the roster", "Linked", "Header rows"],
            "arm": "all",
            "n_rows": [500, 3, 40, 9, 448, 2],
            "n_students": [495, 0, 38, 9, 448, 0],
        }
    )
    # 9 students without a place on the roster need company in both columns: previews have no students.
    out = suppress_flow(flow, MINIMUM)
    assert out["label"].tolist()[1] == "Previews, unfinished, or not on the roster"
    assert out["n_rows"].fillna(-1).tolist() == [500, 52, 448, -1]
    assert out["n_students"].tolist() == [495, 47, 448, 0]
    # Unfinished rows of students who also finished are no students lost: 9 in all is what must not be told.
    out = suppress_flow(flow.assign(n_students=[457, 0, 0, 9, 448, 0]), MINIMUM)
    assert out["label"].tolist()[1:3] == ["Previews, or not on the roster", "Unfinished"]
    assert out["n_rows"].fillna(-1).tolist() == [500, 12, 40, 448, -1]
    assert out["n_students"].fillna(-1).tolist() == [-1, -1, 0, 448, 0]
