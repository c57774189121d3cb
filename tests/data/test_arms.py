from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.arms import NO_ARM, NO_CLUSTER, require_both_arms, require_same_arm, settle_arms
from belonging_study.errors import ArmConflictError, DataError, DesignError
from belonging_study.study.model import Study

WAVES = ("w1", "w2", "w3")
WHERE = {wave: f"{wave}/roster.csv" for wave in WAVES}


def study(panel: bool = True, **assignment: Any) -> Study:
    return Study.model_validate(
        {
            "title": "A study",
            "name": "a",
            "programme": {"name": "P"},
            "waves": [
                {"name": w, "label": w, "date": f"202{i}-01-01", "sources": [{"file": "a.csv"}]}
                for i, w in enumerate(WAVES)
            ],
            "design": {"class": "class_id", "panel": panel, "assignment": {"starts": "w2", **assignment}},
            "outcomes": [{"name": "marks", "measure": "marks", "label": "Marks"}],
        }
    )


def rows(*values: tuple[str, str, str | None, str | None, str | None], **more: Any) -> pd.DataFrame:
    """Rows of (wave, student, school, class, arm)."""
    table = pd.DataFrame(values, columns=["wave", "student", "school", "classroom", "arm"]).astype(object)
    table["classroom"] = table["school"] + "\x1f" + table["classroom"]
    table["time"] = table["wave"].map({w: i for i, w in enumerate(WAVES)}).astype(int)
    table["excluded"] = False
    return table.assign(**more)


C, P = "comparison", "programme"


def test_design_columns_of_a_single_start() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w2", "a", "n", "1", C), ("w1", "b", "s", "1", P), ("w2", "b", "s", "1", P))
    found = settle_arms(table, study(), WHERE)
    assert found["programme"].tolist() == [0, 0, 1, 1]
    assert found["post"].tolist() == [0, 1, 0, 1]
    assert found["treated"].tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(found["start_time"].astype(float), [np.nan, np.nan, 1, 1])
    assert not found["moved"].any()


def test_students_who_move_are_analysed_where_they_started() -> None:
    table = rows(
        ("w1", "a", "n", "1", C), ("w2", "a", "s", "9", P), ("w3", "a", "t", "9", C),
        ("w1", "b", "s", "9", P), ("w1", "c", "t", "9", C),
        ("w2", "late", "s", "9", P), ("w3", "late", "n", "1", C),
    )  # fmt: skip
    found = settle_arms(table, study(), WHERE)
    assert found["school"].tolist() == ["n", "n", "n", "s", "t", "s", "s"]
    assert found["arm"].tolist() == [C, C, C, P, C, P, P]
    assert found["moved"].tolist() == [False, True, True, False, False, False, True]
    assert found["other_arm"].tolist() == [False, True, False, False, False, False, True]
    # Classrooms stay nested in the school of the analysis.
    assert found["classroom"].tolist() == ["n\x1f1", "n\x1f1", "n\x1f1", "s\x1f9", "t\x1f9", "s\x1f9", "s\x1f9"]


def test_the_roster_may_keep_the_old_arm_of_students_who_moved() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w1", "b", "s", "1", P), ("w2", "a", "s", "1", C), ("w2", "b", "s", "1", P))
    found = settle_arms(table, study(), WHERE)
    assert found["arm"].tolist() == [C, P, C, P]
    assert found["other_arm"].tolist() == [False, False, True, False]


def test_a_school_in_two_arms_is_an_error_with_the_numbers() -> None:
    table = rows(*[("w1", f"id{i}", "n", "1", P if i < 3 else C) for i in range(7)])
    with pytest.raises(ArmConflictError) as error:
        settle_arms(table, study(), WHERE)
    assert str(error.value).startswith("1 school is in two arms: students 4 in comparison, 3 in programme.")
    assert "w1/roster.csv, column arm" in str(error.value)
    assert "id1" not in str(error.value)


def test_a_school_that_changes_its_arm_is_an_error_unless_arms_are_read_by_wave() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w2", "a", "n", "1", P))
    with pytest.raises(ArmConflictError, match="1 school is in two arms"):
        settle_arms(table, study(), WHERE)
    found = settle_arms(table, study(by_wave=True), WHERE)
    assert found["arm"].tolist() == [C, P]
    assert found["treated"].tolist() == [0, 1]


def test_without_a_panel_one_number_in_two_waves_is_two_students() -> None:
    table = rows(("w1", "1", "n", "1", C), ("w1", "2", "s", "1", P), ("w2", "1", "s", "1", P), ("w2", "2", "n", "1", C))
    found = settle_arms(table, study(panel=False), WHERE)
    assert found["school"].tolist() == ["n", "s", "s", "n"]
    assert found["treated"].tolist() == [0, 0, 1, 0]
    assert not found["moved"].any()
    by_lot = settle_arms(table, study(panel=False, level="student"), WHERE)
    assert by_lot["arm"].tolist() == [C, P, P, C]
    with pytest.raises(ArmConflictError, match="1 school is in two arms"):
        settle_arms(table.assign(arm=[C, P, P, P]), study(panel=False), WHERE)


def test_a_student_in_two_arms_where_students_were_assigned() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w2", "a", "n", "1", P), ("w1", "b", "n", "1", P))
    with pytest.raises(ArmConflictError, match="1 student is in two arms"):
        settle_arms(table, study(level="student"), WHERE)
    excluded = settle_arms(table.assign(excluded=[True, False, False]), study(level="student"), WHERE)
    assert excluded["arm"].tolist() == [P, P, P]


def test_students_assigned_one_by_one_keep_their_arm_when_they_move() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w2", "a", "s", "1", C), ("w1", "b", "n", "1", P), ("w2", "b", "s", "1", P))
    found = settle_arms(table, study(level="student"), WHERE)
    assert found["arm"].tolist() == [C, C, P, P]
    assert found["school"].tolist() == ["n"] * 4
    assert found["moved"].tolist() == [False, True, False, True]
    assert not found["other_arm"].any()


def test_classes_are_the_clusters_where_classes_were_assigned() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w1", "b", "n", "2", P), ("w2", "a", "n", "2", P), ("w2", "b", "n", "2", P))
    found = settle_arms(table, study(level="class"), WHERE)
    assert found["arm"].tolist() == [C, P, C, P]
    assert found["moved"].tolist() == [False, False, True, False]
    assert found["classroom"].tolist() == ["n\x1f1", "n\x1f2", "n\x1f1", "n\x1f2"]


def test_students_may_go_up_to_new_classes_together() -> None:
    table = rows(
        ("w1", "a", "n", "7a", C), ("w1", "b", "n", "7b", P), ("w2", "a", "n", "8a", C), ("w2", "b", "n", "8b", P)
    )
    found = settle_arms(table, study(level="class"), WHERE)
    assert found["arm"].tolist() == [C, P, C, P]
    assert found["classroom"].tolist() == ["n\x1f7a", "n\x1f7b"] * 2


def test_a_student_who_moved_into_an_arm_that_neither_school_has() -> None:
    table = rows(
        ("w1", "a", "n", "1", C),
        ("w1", "b", "s", "1", P),
        ("w1", "d", "t", "1", "other"),
        ("w2", "a", "s", "1", "other"),
    )
    with pytest.raises(ArmConflictError, match="After a move to another school, the arm of 1 student is"):
        settle_arms(table, study(programme=[P, "other"]), WHERE)


def test_unknown_arms_are_listed_with_counts_unless_a_rule_took_them_out() -> None:
    table = rows(("w1", "a", "n", "1", "Programme"), ("w1", "b", "n", "1", "Programme"), ("w1", "c", "s", "1", C))
    with pytest.raises(DataError) as error:
        settle_arms(table, study(), WHERE)
    assert 'The arm of 2 rows is none of comparison, programme: "Programme" (2); did you mean programme?' in str(
        error.value
    )
    found = settle_arms(table.assign(excluded=[True, True, False]), study(), WHERE)
    assert found["problem"].tolist()[2] == ""


def test_many_unknown_arms_are_not_listed_since_they_may_be_names() -> None:
    table = rows(*[("w1", f"i{k}", "n", "1", f"Anna {k}") for k in range(9)])
    with pytest.raises(DataError, match="9 different values, not shown") as error:
        settle_arms(table, study(), WHERE)
    assert "Anna" not in str(error.value)


def test_a_missing_arm_is_taken_from_an_earlier_wave_and_never_from_a_later_one() -> None:
    table = rows(
        ("w1", "a", "n", "1", C), ("w2", "a", "n", "1", None), ("w1", "b", "n", "1", None), ("w2", "b", "n", "1", C),
        ("w1", "c", "n", "1", None), ("w1", "d", None, "1", C),
    )  # fmt: skip
    found = settle_arms(table, study(), WHERE)
    assert found["problem"].tolist() == ["", "", NO_ARM, "", NO_ARM, NO_CLUSTER]
    assert found["programme"].isna().tolist() == [False, False, True, False, True, True]


def test_staggered_starts() -> None:
    table = rows(
        ("w1", "a", "n", "1", C), ("w3", "a", "n", "1", C),
        ("w1", "b", "s", "1", P), ("w2", "b", "s", "1", P), ("w3", "b", "s", "1", P),
        ("w2", "c", "t", "1", P), ("w3", "c", "t", "1", P),
        start=[None, None, "w2", "w2", "w2", "w3", "w3"],
    )  # fmt: skip
    found = settle_arms(table, study(starts={"column": "first"}), WHERE)
    assert found["post"].tolist() == [0, 0, 0, 1, 1, 0, 1]
    assert found["treated"].tolist() == found["post"].tolist()
    np.testing.assert_array_equal(found["start_time"].astype(float), [np.nan, np.nan, 1, 1, 1, 2, 2])


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ([None, "w9"], "The start of 1 row is no wave"),
        ([None, None], "No start is given for 1 programme school, and one is given for 0 comparison schools"),
        (["w2", "w2"], "No start is given for 0 programme schools, and one is given for 1 comparison school"),
    ],
)
def test_starts_that_contradict_the_arms(starts: list[str | None], message: str) -> None:
    table = rows(("w1", "a", "n", "1", C), ("w1", "b", "s", "1", P), start=starts)
    with pytest.raises(DataError, match=message) as error:
        settle_arms(table, study(starts={"column": "first"}), WHERE)
    assert "w1/roster.csv, column first" in str(error.value)


def test_a_school_with_two_starts_or_two_blocks() -> None:
    table = rows(("w1", "a", "n", "1", P), ("w1", "b", "n", "1", P), start=["w2", "w3"], block=["1", "2"])
    with pytest.raises(DataError, match="1 of 1 school has more than one value of first"):
        settle_arms(table, study(starts={"column": "first"}), WHERE)
    with pytest.raises(DataError, match="1 of 1 school has more than one value of pair"):
        settle_arms(table, study(blocks="pair"), WHERE)
    with pytest.raises(DataError, match="1 of 1 school has no value of pair"):
        settle_arms(table.assign(block=None), study(blocks="pair"), WHERE)


def test_the_block_goes_with_the_school_of_the_analysis() -> None:
    table = rows(("w1", "a", "n", "1", C), ("w1", "b", "s", "1", P), ("w2", "a", "s", "1", P), block=["1", "2", "2"])
    assert settle_arms(table, study(blocks="pair"), WHERE)["block"].tolist() == ["1", "2", "1"]


def test_two_files_that_disagree_about_the_arm() -> None:
    roster = pd.Series([C, P, P, None], index=list("abcd"))
    records = pd.Series([P, P, None, P], index=list("abcd"))
    with pytest.raises(
        ArmConflictError, match=r"1 of 2 students is in one arm in w1/roster\.csv and in another in w1/r"
    ):
        require_same_arm(roster, records, where="w1/roster.csv", where_other="w1/records.csv", column="arm")


@pytest.mark.parametrize(("programme", "fails"), [([1, 1], True), ([0, 0], True), ([1, 0], False)])
def test_a_wave_needs_both_arms(programme: list[int], fails: bool) -> None:
    sample = pd.DataFrame({"cluster": ["x", "y"], "programme": programme, "start_time": np.nan})
    if not fails:
        require_both_arms(sample, study(), "w2", where="w2/roster.csv")
        return
    with pytest.raises(DesignError, match=rf"Wave w2 has {2 * programme[0]} programme and {2 - 2 * programme[0]} comp"):
        require_both_arms(sample, study(), "w2", where="w2/roster.csv")


def test_schools_that_start_in_different_waves_compare_with_each_other() -> None:
    sample = pd.DataFrame({"cluster": ["x", "y"], "programme": [1, 1], "start_time": [1.0, 2.0]})
    require_both_arms(sample, study(starts={"column": "first"}), "w2", where="w2/roster.csv")
    with pytest.raises(DesignError):
        require_both_arms(sample.assign(start_time=1.0), study(starts={"column": "first"}), "w2", where="w2/roster.csv")
