from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.linking.rosters import (
    collapse_rows,
    join_files,
    link_reasons_table,
    link_responses,
    links_table,
    require_zeros,
)
from belonging_study.errors import ArmConflictError, DataError, DuplicateRowsError
from belonging_study.study.model import Responses

WHERE = "w1/survey.csv, column student_id"
ROSTER = pd.Index(["a", "b", "c"])


def responses(*rows: tuple[str | None, bool, float | None, float | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["student", "unfinished", "q1", "q2"]).astype({"student": object})


def linked(rows: pd.DataFrame, **rules: str) -> list[int]:
    return link_responses(rows, ROSTER, ["q1", "q2"], Responses.model_validate(rules), where=WHERE).tolist()


TWICE = responses(("a", False, 1.0, None), ("a", True, 2.0, 3.0), ("b", False, 1.0, 1.0), ("a", False, 4.0, 5.0))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"duplicates": "first"}, [0, 3, 0, 3]),
        ({"duplicates": "last"}, [3, 3, 0, 0]),
        ({"duplicates": "most_complete"}, [3, 0, 0, 3]),
        ({"duplicates": "most_complete", "unfinished": "drop"}, [3, 2, 0, 0]),
    ],
)
def test_which_of_several_responses_stays(rules: dict[str, str], expected: list[int]) -> None:
    assert linked(TWICE, **rules) == expected


def test_several_responses_without_a_rule_are_an_error_with_the_counts_and_no_ids() -> None:
    rows = responses(("zoe", False, 1.0, 1.0), ("zoe", False, 1.0, 1.0), ("tom", False, 1.0, 1.0))
    with pytest.raises(DuplicateRowsError, match=r"1 student answered more than once \(2 rows\)") as error:
        link_responses(rows, pd.Index(["zoe", "tom"]), ["q1"], Responses(), where=WHERE)
    assert "most_complete" in str(error.value)
    assert WHERE in str(error.value)
    assert "zoe" not in str(error.value)


def test_an_unfinished_response_that_is_dropped_is_no_repetition() -> None:
    rows = responses(("a", True, 1.0, None), ("a", False, 1.0, 1.0))
    assert linked(rows, unfinished="drop") == [2, 0]


def test_rows_without_an_id_or_off_the_roster_are_told_apart() -> None:
    rows = responses((None, False, 1.0, 1.0), (None, False, 1.0, 1.0), ("z", False, 1.0, 1.0), ("a", False, 1.0, 1.0))
    assert linked(rows) == [1, 1, 4, 0]


@pytest.mark.parametrize(
    ("roster", "hint"), [(["0012", "0013"], "2 would match without leading zeros"), (["x"], "same")]
)
def test_no_response_on_the_roster_is_an_error(roster: list[str], hint: str) -> None:
    rows = responses(("12", False, 1.0, 1.0), ("13", False, 1.0, 1.0))
    with pytest.raises(DataError, match="No response of 2 belongs") as error:
        link_responses(rows, pd.Index(roster), ["q1"], Responses(), where=WHERE)
    assert hint in error.value.remedy


def test_identical_rows_collapse_and_differing_ones_are_named_by_column() -> None:
    rows = pd.DataFrame({"student": ["a", "a", "b"], "arm": ["x", "x", "y"], "class": ["1", "1", None]})
    assert collapse_rows(rows, where=WHERE, arm="arm")["student"].tolist() == ["a", "b"]
    rows.loc[1, "class"] = "2"
    with pytest.raises(DuplicateRowsError, match=r"1 student \(2 rows\).* class \(1 student\)"):
        collapse_rows(rows, where=WHERE, arm="arm")
    rows.loc[1, "class"] = None
    with pytest.raises(DuplicateRowsError, match="class"):
        collapse_rows(rows, where=WHERE, arm="arm")
    rows.loc[1, "arm"] = "y"
    with pytest.raises(ArmConflictError, match="two arms are given for 1 student"):
        collapse_rows(rows, where=WHERE, arm="arm")


def test_files_of_one_kind_are_one_a_school_or_complete_each_other() -> None:
    north = pd.DataFrame({"student": ["a"], "mark": [1.0]})
    south = pd.DataFrame({"student": ["b"], "mark": [2.0]})
    absences = pd.DataFrame({"student": ["b", "a"], "days": [3.0, 4.0]})
    found = join_files([north, south, absences], where="w1", arm="arm").set_index("student")
    assert found.loc["a"].tolist() == [1.0, 4.0]
    assert found.loc["b"].tolist() == [2.0, 3.0]
    other = pd.DataFrame({"student": ["a"], "mark": [5.0]})
    with pytest.raises(DuplicateRowsError, match=r"mark \(1 student\)"):
        join_files([north, other], where="w1", arm="arm")


def test_link_rates_by_arm() -> None:
    students = pd.DataFrame({"programme": [1, 1, 0, 0, None], "responded": [True, False, True, True, True]})
    found = links_table(students, 2, wave="w1").set_index("arm")
    assert found.loc["all", ["n_roster", "n_responses", "n_linked", "n_unlinked"]].tolist() == [5, 6, 4, 2]
    assert found.loc["programme", "link_rate"] == 0.5
    assert found.loc["comparison", "link_rate"] == 1.0
    assert found["n_unlinked"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("ids", "roster", "n", "remedy"),
    [
        (["12", "34", "560"], ["0012", "0034", "560", "0780"], 2, "export this file again"),
        (["0012", "0034", "560"], ["12", "34", "560"], 2, "export the roster again"),
        (["12", "560"], ["0012", "560"], 0, ""),  # one alone may be somebody else
        (["12", "34", "0780"], ["0012", "0034", "0780"], 0, ""),  # this file keeps zeros: 12 was typed so
        (["12", "34"], ["0012", "0034", "12", "34"], 0, ""),  # both are students
    ],
)
def test_leading_zeros_that_a_spreadsheet_dropped(ids: list[str], roster: list[str], n: int, remedy: str) -> None:
    def check() -> None:
        require_zeros(pd.Series([*ids, None]), pd.Index(roster), where=WHERE)

    if not n:
        check()
        return
    with pytest.raises(DataError, match=f"^{n} identifiers differ") as error:
        check()
    assert remedy in error.value.remedy
    assert not any(number in str(error.value) for number in ("12", "34"))


def test_links_by_school_follow_the_arms_and_leave_out_who_has_no_place() -> None:
    students = pd.DataFrame(
        {
            "programme": [1, 1, 0, 0, None],
            "responded": [True, False, True, True, True],
            "school": ["s2", "s2", "s1", "s3", None],
            "arm_of_school": ["programme", "programme", "comparison", "comparison", None],
        }
    )
    before = students.iloc[[0, 1, 1, 2, 4]].assign(again=[True, False, True, True, False])
    found = links_table(students, 2, wave="w2", before=before)
    assert found[["arm", "school", "n_roster", "n_linked"]].values.tolist() == [
        ["all", "all", 5, 4],
        ["programme", "all", 2, 1],
        ["comparison", "all", 2, 2],
        ["programme", "s2", 2, 1],
        ["comparison", "s1", 1, 1],
        ["comparison", "s3", 1, 1],
    ]
    again = found.set_index("school")[["n_again", "retention"]]
    assert again.loc["s2"].tolist() == [2, pytest.approx(2 / 3)]
    assert again.loc["s1"].tolist() == [1, 1]
    assert found.loc[0, ["n_again", "retention"]].tolist() == [3, 0.6]
    # Nobody of the third school was there before.
    assert again.loc["s3", "n_again"] == 0
    assert np.isnan(again.loc["s3", "retention"])
    first = links_table(students, 2, wave="w1")
    assert first[["n_again", "retention"]].isna().all(axis=None)


def test_links_by_code_count_responses_found_in_earlier_waves() -> None:
    students = pd.DataFrame(
        {
            "programme": [1, 1, 1, 0, 0],
            "responded": True,
            "linked": pd.array([True, True, False, False, True], dtype="boolean"),
            "unlinked": [False, False, True, False, False],
        }
    )
    found = links_table(students, 0, wave="w2").set_index("arm")
    columns = ["n_roster", "n_responses", "n_linked", "n_unlinked"]
    assert found.loc["all", columns].tolist() == [5, 5, 3, 1]
    assert found.loc["programme", columns].tolist() == [3, 3, 2, 1]
    assert found.loc["comparison", "link_rate"] == 0.5
    first = links_table(students.assign(linked=pd.array([pd.NA] * 5, dtype="boolean")), 0, wave="w1")
    assert first[["n_linked", "link_rate", "n_unlinked"]].isna().all(axis=None)
    assert first["n_responses"].tolist() == [5, 3, 2]


def test_reasons_of_links_come_in_order_and_add_up() -> None:
    reasons = ["no match", "2 parts differ", "identical code", "ambiguous", "1 part differs", "identical code"]
    quality = [np.nan, 0.5, 0.9, np.nan, 0.8, 0.7]
    found = link_reasons_table(pd.Series(reasons), pd.Series(quality), wave="w2")
    assert found["link_reason"].tolist() == [
        "identical code", "1 part differs", "2 parts differ", "ambiguous", "no match",
    ]  # fmt: skip
    assert found["n_responses"].sum() == 6
    assert found["share"].sum() == pytest.approx(1)
    assert found.loc[0, "link_quality"] == pytest.approx(0.8)
    assert found["link_quality"].isna().tolist() == [False, False, False, True, True]
