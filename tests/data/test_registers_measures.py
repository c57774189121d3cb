"""Attendance, marks and incidents against hand computation, base R, and what must hold for any register."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.data.registers import (
    Register,
    attendance,
    attendance_measures,
    course_marks,
    incident_counts,
    incidents_measures,
    marks_measures,
    to_roster,
)
from belonging_study.errors import ColumnMissingError, UnknownLabelError, ValueRangeError
from belonging_study.study.sources import Marks

REFERENCE = Path(__file__).parents[1] / "reference"
STUDENTS = pd.Index([f"S{i:02d}" for i in range(1, 61)])
SUSPENSIONS = {"suspensions": ("suspension", "in-school suspension")}


def table(register: Register) -> pd.DataFrame:
    return register.students


def removed(register: Register) -> dict[str, int]:
    taken = np.bincount(register.removed_at, minlength=len(register.steps) + 1)
    assert taken.sum() == len(register.student)
    return {label: int(n) for label, n in zip(("counted", *register.steps), taken, strict=True) if n}


def days(*rows: tuple[object, ...], names: tuple[str, ...] = ("days_enrolled", "days_absent")) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["student", "term", *names]).astype(dict.fromkeys(names, float))


# --- against base R -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["attendance", "marks", "incidents"])
def test_measures_equal_those_of_base_r(kind: str) -> None:
    expected = pd.read_csv(REFERENCE / "registers_expected.csv").set_index("student")
    rows = pd.read_csv(REFERENCE / f"registers_{kind}.csv", keep_default_na=False)
    if kind == "attendance":
        found = attendance(rows, where="r.csv")
    elif kind == "marks":
        found = course_marks(rows, Marks(not_counted=("AU",)), where="r.csv")
    else:
        found = incident_counts(rows, SUSPENSIONS, where="r.csv")
    mine = to_roster(found, STUDENTS).students
    shared = [name for name in mine if name in expected]
    assert len(shared) >= 3
    pd.testing.assert_frame_equal(
        mine[shared], expected.loc[STUDENTS, shared].astype(float), check_names=False, rtol=1e-12
    )


# --- attendance -----------------------------------------------------------------------------------------------------


def test_terms_and_schools_are_added_up_and_exactly_a_tenth_is_chronic() -> None:
    found = attendance(days(("a", "1", 90, 4), ("a", "2", 90, 14), ("b", "1", 180, 17.5), ("c", "1", 30, 3)), where="r")
    assert table(found).loc["a"].tolist() == [180, 18, 0.1, 1]
    assert table(found).loc["b", ["absence_rate", "chronic_absence"]].tolist() == [17.5 / 180, 0]
    assert table(found).loc["c", "chronic_absence"] == 1
    strict = attendance(days(("a", "1", 90, 18)), chronic_absence=0.2, where="r")
    assert table(strict).loc["a", "chronic_absence"] == 1
    assert attendance_measures(0.2)[3].values.startswith("1 = absent on 20%")


def test_days_present_serve_as_well_as_days_absent() -> None:
    present = days(("a", "1", 90, 86), names=("days_enrolled", "days_present"))
    assert table(attendance(present, where="r")).loc["a", "days_absent"] == 4
    both = days(("a", "1", 86, 4), names=("days_present", "days_absent"))
    assert table(attendance(both, where="r")).loc["a", "days_enrolled"] == 90
    with pytest.raises(ColumnMissingError, match="only days_absent"):
        attendance(days(("a", "1", 4), names=("days_absent",)), where="r")
    with pytest.raises(ColumnMissingError, match="none of them"):
        attendance(pd.DataFrame({"student": ["a"]}), where="r")


def test_rows_that_say_nothing_are_counted_and_leave_their_student_missing() -> None:
    found = attendance(
        days(("a", "1", 90, 9), ("a", "1", 90, 9), (None, "1", 90, 9), ("b", "1", 0, 0), ("c", "1", 90, None)),
        where="r",
    )
    assert removed(found) == {
        "counted": 1,
        "No student id": 1,
        "Further rows of a student that say the same": 1,
        "Days enrolled or absent not known": 1,
        "No day enrolled": 1,
    }
    assert table(found)["absence_rate"].round(2).fillna(-1).to_dict() == {"a": 0.1, "b": -1, "c": -1}
    assert table(found)["chronic_absence"].isna().tolist() == [False, True, True]
    assert table(found)["days_enrolled"].isna().tolist() == [False, True, True]


def test_rows_without_a_term_that_look_alike_are_both_counted_and_told() -> None:
    found = attendance(days(("a", None, 90, 9), ("a", None, 90, 9)), where="r")
    assert table(found).loc["a", "days_enrolled"] == 180
    assert found.info == {"Rows that look alike, each counted": 1}


def test_impossible_days_are_an_error_with_counts() -> None:
    rows = days(("a", "1", 90, 91), ("b", "1", 0, 2), ("c", "1", 90, -1), ("d", "1", 90, 90))
    with pytest.raises(ValueRangeError) as caught:
        attendance(rows, where="w1/attendance.csv")
    assert "1 row with fewer than no days; 2 rows with more days absent or present than enrolled" in str(caught.value)
    names = ("days_enrolled", "days_absent", "days_present")
    with pytest.raises(ValueRangeError, match="1 row with days absent and present that do not add up"):
        attendance(days(("a", "1", 90, 4, 80), ("b", "1", 90, 4, 86), names=names), where="r")


# --- marks ----------------------------------------------------------------------------------------------------------


def marks(*rows: tuple[object, ...], names: tuple[str, ...] = ("student", "course", "mark")) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(names))


def test_marks_are_counted_and_withdrawals_stay_in_the_shares() -> None:
    found = course_marks(
        marks(
            ("a", "1", "A"),
            ("a", "2", " b+"),
            ("a", "3", "C\u2212"),
            ("a", "4", "w"),
            ("a", "5", "AU"),
            ("a", "6", None),
        ),
        Marks(not_counted=("AU",)),
        where="r",
    )
    assert table(found).loc["a"].to_dict() == {
        "n_courses": 4, "share_ab": 0.5, "share_dfw": 0.25, "n_withdrawn": 1, "n_no_mark": 1,
    }  # fmt: skip
    assert removed(found) == {"counted": 4, "Mark that is not counted": 1, "No final mark": 1}
    assert "not counted: AU" in marks_measures(Marks(not_counted=("AU",)))[0].how


def test_a_student_who_is_only_enrolled_has_no_share_and_is_counted() -> None:
    found = course_marks(marks(("a", "1", "A"), ("b", "1", " "), ("b", "2", None)), Marks(), where="r")
    assert removed(found)["No final mark"] == 2
    assert table(found).loc["b", ["n_courses", "n_no_mark"]].tolist() == [0, 2]
    assert table(found).loc["b", ["share_ab", "share_dfw"]].isna().all()


def test_an_enrolment_with_its_mark_in_another_row_is_one_course() -> None:
    names = ("student", "course", "term", "mark")
    rows = marks(
        ("a", "1", "f", None), ("a", "1", "f", "A"), ("a", "1", "s", None), ("a", None, "f", None), names=names
    )
    found = course_marks(rows, Marks(), where="r")
    assert removed(found) == {"counted": 1, "Enrolment whose mark is in another row": 1, "No final mark": 2}
    assert table(found).loc["a", ["n_courses", "share_ab", "n_no_mark"]].tolist() == [1, 1, 2]


def test_a_course_taken_twice_counts_twice_and_a_row_given_twice_once() -> None:
    found = course_marks(marks(("a", "1", "F"), ("a", "1", "B"), ("a", "1", "B")), Marks(), where="r")
    assert table(found).loc["a", ["n_courses", "share_ab"]].tolist() == [2, 0.5]
    bare = course_marks(marks(("a", "B"), ("a", "B"), names=("student", "mark")), Marks(), where="r")
    assert table(bare).loc["a", "n_courses"] == 2
    assert bare.info == {"Rows that look alike, each counted": 1}


def test_unknown_marks_are_listed_with_their_counts() -> None:
    rows = marks(*[("a", str(i), mark) for i, mark in enumerate(["A", "Q", "q", "P", "Mia Muster writes"])])
    with pytest.raises(UnknownLabelError) as caught:
        course_marks(rows, Marks(), where="w1/marks.csv")
    assert '4 marks are in none of the lists of marks: "Q" (2), "P" (1)' in str(caught.value)
    assert "muster" not in str(caught.value).casefold()
    with pytest.raises(UnknownLabelError, match='"85"'):
        course_marks(marks(("a", "1", "A"), ("a", "2", "85")), Marks(), where="r")
    with pytest.raises(ColumnMissingError):
        course_marks(marks(("a", "1"), names=("student", "course")), Marks(), where="r")


def test_marks_that_are_numbers_have_a_mean_and_no_shares() -> None:
    found = course_marks(
        marks(("a", "1", "80"), ("a", "2", "91.5"), ("a", "3", "W"), ("b", "1", "W")), Marks(), where="r"
    )
    assert table(found).loc["a"].to_dict() == {"n_courses": 3, "mean_mark": 85.75, "n_withdrawn": 1, "n_no_mark": 0}
    assert np.isnan(table(found).loc["b", "mean_mark"])
    listed = Marks(ab=("1", "2"), c=("3", "4"), dfw=("5", "6"), withdrawn=())
    assert table(course_marks(marks(("a", "1", "2"), ("a", "2", "5")), listed, where="r")).loc["a", "share_dfw"] == 0.5


# --- incidents ------------------------------------------------------------------------------------------------------


def test_a_student_without_an_incident_has_none_and_is_not_missing() -> None:
    rows = pd.DataFrame(
        {
            "student": ["a", "a", "a", "z", None],
            "incident_id": ["1", "1", "2", "3", "4"],
            "incident_type": ["Suspension", "Suspension", None, "Lateness", "Lateness"],
        }
    )
    found = to_roster(incident_counts(rows, SUSPENSIONS, where="r"), pd.Index(["b", "a"]))
    assert table(found).index.tolist() == ["b", "a"]
    assert table(found).loc["a"].to_dict() == {
        "n_incidents": 2, "any_incident": 1, "n_suspensions": 1, "any_suspensions": 1,
    }  # fmt: skip
    assert (table(found).loc["b"] == 0).all()
    assert removed(found) == {
        "counted": 2,
        "No student id": 1,
        "Further rows of a student that say the same": 1,
        "Student not on the roster": 1,
    }
    assert found.info == {"Rows counted as suspensions": 1, "Rows without a type": 1}
    assert [measure.name for measure in incidents_measures(SUSPENSIONS)] == list(found.students)


def test_an_incident_of_two_types_is_one_incident() -> None:
    rows = pd.DataFrame({"student": ["a", "a"], "incident_id": ["1", "1"], "incident_type": ["lateness", "suspension"]})
    found = incident_counts(rows, {**SUSPENSIONS, "late": ["Lateness"]}, where="r")
    assert table(found).loc["a", ["n_incidents", "n_suspensions", "n_late"]].tolist() == [1, 1, 1]


def test_no_incidents_at_all_are_zeros() -> None:
    rows = pd.DataFrame({"student": [], "incident_type": []}, dtype=object)
    found = to_roster(incident_counts(rows, SUSPENSIONS, where="r"), pd.Index(["a", "b"]))
    assert found.students.shape == (2, 4)
    assert (found.students == 0).all(axis=None)


def test_types_that_are_asked_for_need_their_column() -> None:
    with pytest.raises(ColumnMissingError, match="suspensions"):
        incident_counts(pd.DataFrame({"student": ["a"]}), SUSPENSIONS, where="r")
    assert table(incident_counts(pd.DataFrame({"student": ["a", "a"]}), where="r")).loc["a", "n_incidents"] == 2


# --- what holds for any register ------------------------------------------------------------------------------------

ROW = st.tuples(
    st.sampled_from("abcd"), st.sampled_from("12"), st.integers(0, 60), st.integers(0, 60),
    st.sampled_from(["A", "C", "F", "W", None]),
)  # fmt: skip


def frame(rows: list[tuple[str, str, int, int, str | None]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["student", "term", "more", "days_absent", "mark"])
    made = made.assign(days_enrolled=made["days_absent"] + made["more"], course=made["term"], incident_id=made["more"])
    return made.assign(incident_type=made["mark"]).astype({"days_enrolled": float, "days_absent": float})


REGISTERS = {
    "attendance": lambda rows: attendance(rows[["student", "term", "days_enrolled", "days_absent"]], where="r"),
    "marks": lambda rows: course_marks(rows[["student", "term", "course", "mark"]], Marks(), where="r"),
    "incidents": lambda rows: incident_counts(
        rows[["student", "incident_id", "incident_type"]], {"bad": ["f"]}, where="r"
    ),
}


@pytest.mark.parametrize("kind", list(REGISTERS))
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), seed=st.integers(0, 99))
def test_neither_the_order_of_rows_nor_another_student_changes_anything(
    kind: str, rows: list[tuple[str, str, int, int, str | None]], seed: int
) -> None:
    whole = frame(rows)
    found = REGISTERS[kind](whole).students
    shuffled = REGISTERS[kind](whole.sample(frac=1, random_state=seed)).students
    pd.testing.assert_frame_equal(found, shuffled)
    for student in whole["student"].unique():
        alone = REGISTERS[kind](whole[whole["student"] == student]).students
        pd.testing.assert_frame_equal(found.loc[[student]], alone)


@settings(max_examples=40, deadline=None)
@given(enrolled=st.integers(2, 180), cut=st.integers(1, 179), absent=st.integers(0, 60), early=st.integers(0, 60))
def test_splitting_a_stay_in_two_keeps_its_totals(enrolled: int, cut: int, absent: int, early: int) -> None:
    cut, absent = min(cut, enrolled - 1), min(absent, enrolled)
    early = min(early, absent, cut)
    if absent - early > enrolled - cut:
        early = absent - (enrolled - cut)
    whole = attendance(days(("a", "1", enrolled, absent)), where="r").students
    parts = attendance(days(("a", "1", cut, early), ("a", "2", enrolled - cut, absent - early)), where="r").students
    pd.testing.assert_frame_equal(whole, parts)
