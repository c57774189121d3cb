from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.errors import (
    ArmConflictError,
    ColumnMissingError,
    DataError,
    DataProblems,
    DesignError,
    DuplicateRowsError,
    FileMissingError,
    NoVariationError,
    ParameterError,
    UnknownLabelError,
    UserError,
    ValueRangeError,
)
from belonging_study.study.model import Study

KEY = bytes(range(32))
ITEMS = ["q1", "q2", "q3"]
DEFINITION: dict[str, Any] = {
    "title": "A small study",
    "name": "small",
    "programme": {"name": "P"},
    "waves": [
        {
            "name": w,
            "label": w,
            "date": f"202{i}-01-01",
            "sources": [
                {"file": f"{w}/survey.csv"},
                {"file": f"{w}/roster.csv", "kind": "roster"},
                {"file": f"{w}/records.csv", "kind": "records"},
            ],
        }
        for i, w in enumerate(("w1", "w2"))
    ],
    "design": {"class": "class_id", "assignment": {"starts": "w2"}},
    "scales": {"s": {"label": "S", "items": ITEMS, "range": [1, 5], "reverse": ["q2"]}},
    "outcomes": [
        {"name": "s", "measure": "s", "label": "S"},
        {"name": "marks", "measure": "mean_mark", "label": "Mean mark"},
        {"name": "late", "measure": "late", "label": "Ever late", "kind": "binary"},
    ],
    "groups": [{"name": "girl", "column": "girl", "label": "Gender", "values": {"yes": "Girls", "no": "Others"}}],
    "exclusions": [
        {"name": "no_consent", "label": "No consent", "column": "consent", "equals": "no"},
        {"name": "barely", "label": "Barely answered", "column": "answered_share", "below": 0.5},
    ],
    "responses": {"duplicates": "most_complete"},
}
SCHOOLS = {"north": "programme", "south": "comparison", "east": "programme", "west": "comparison"}


class Raw:
    """The raw files of a small study: four schools with six students each, everybody answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.definition = copy.deepcopy(DEFINITION)
        self.tables: dict[str, pd.DataFrame] = {}
        rng = np.random.default_rng(5)
        for wave in ("w1", "w2"):
            ids = [f"{school[0].upper()}{i:03d}" for school in SCHOOLS for i in range(6)]
            school = [s for s in SCHOOLS for _ in range(6)]
            self.tables[f"{wave}/roster.csv"] = pd.DataFrame(
                {
                    "student_id": ids,
                    "school_id": school,
                    "class_id": ["7a", "7b"] * 12,
                    "arm": [SCHOOLS[s] for s in school],
                    "girl": ["yes", "no", "no"] * 8,
                    "consent": "yes",
                }
            )
            self.tables[f"{wave}/survey.csv"] = pd.DataFrame(
                {"student_id": ids, **{item: rng.integers(1, 6, 24) for item in ITEMS}}
            ).astype(dict.fromkeys(ITEMS, object))
            self.tables[f"{wave}/records.csv"] = pd.DataFrame(
                {"student_id": ids, "mean_mark": rng.normal(60, 9, 24).round(1), "late": rng.integers(0, 2, 24)}
            ).astype({"mean_mark": object, "late": object})

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __setitem__(self, name: str, table: pd.DataFrame) -> None:
        self.tables[name] = table

    @property
    def study(self) -> Study:
        return Study.model_validate(self.definition)

    def clean(self, wave: str = "w2") -> Cleaned:
        for name, table in self.tables.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(self.folder / name, index=False)
        return clean_waves(self.study, wave, raw=self.folder, key=KEY)

    def error(self, kind: type[UserError], wave: str = "w2") -> str:
        """The message of the error, which names no student."""
        with pytest.raises(UserError) as caught:
            self.clean(wave)
        assert type(caught.value) is kind
        message = str(caught.value)
        assert caught.value.remedy
        for table in self.tables.values():
            for name in table.get("student_id", []):
                assert str(name) not in message
                assert str(name).casefold() not in message
        return message


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    return Raw(tmp_path)


def count(flow: pd.DataFrame, label: str, *, wave: str = "w1", arm: str = "all", stream: str = "students") -> int:
    row = flow[(flow["label"] == label) & (flow["wave"] == wave) & (flow["arm"] == arm) & (flow["stream"] == stream)]
    assert len(row) == 1, flow[["stream", "label"]].to_string()
    return int(row["n_rows"].iloc[0])


def require_sums(cleaned: Cleaned) -> None:
    for _, part in cleaned.flow.groupby(["wave", "stream", "arm"]):
        by_kind = part.groupby("kind")[["n_rows", "n_students", "n_clusters"]].sum()
        left = by_kind.loc["start"] - (by_kind.loc["excluded"] if "excluded" in by_kind.index else 0)
        assert (left == by_kind.loc["remaining"]).all(), part.to_string()


# --- what comes out -------------------------------------------------------------------------------------------------


def test_a_clean_study_keeps_every_student_in_every_wave(raw: Raw) -> None:
    found = raw.clean()
    table = found.responses
    assert len(table) == 48
    assert table["programme"].sum() == 24
    assert table.groupby(["wave", "programme"])["treated"].sum().to_dict() == {
        ("w1", 0): 0, ("w1", 1): 0, ("w2", 0): 0, ("w2", 1): 12,
    }  # fmt: skip
    assert table["post"].tolist() == [0] * 24 + [1] * 24
    assert table.loc[table["programme"] == 0, "start_time"].isna().all()
    assert (table.loc[table["programme"] == 1, "start_time"] == 1).all()
    assert table["school"].nunique() == 4
    assert table["classroom"].nunique() == 8
    assert table.groupby("classroom")["school"].nunique().max() == 1
    assert set(table["girl"]) == {"Girls", "Others"}
    assert table.equals(table.sort_values(["time", "school", "classroom", "student"], kind="stable"))
    require_sums(found)


def test_answers_and_measures_go_to_the_student_who_gave_them(raw: Raw) -> None:
    # A value that only one student has finds that student's other values, in files of different order.
    for n, name in enumerate(("w1/survey.csv", "w1/records.csv", "w1/roster.csv")):
        raw[name] = raw[name].sample(frac=1, random_state=n).reset_index(drop=True)
    raw["w1/records.csv"]["mean_mark"] = [
        f"{30 + int(i[1:]) + 10 * 'NSEW'.index(i[0])}" for i in raw["w1/records.csv"]["student_id"]
    ]
    raw["w1/survey.csv"]["q1"] = [int(i[1:]) % 5 + 1 for i in raw["w1/survey.csv"]["student_id"]]
    table = raw.clean("w1").responses
    assert (table["q1"] == (table["mean_mark"] - 30) % 10 % 5 + 1).all()
    in_programme = table["mean_mark"].sub(30).floordiv(10).isin([0, 2]).astype(int)
    assert (table["programme"] == in_programme).all()


def test_no_identifier_is_in_any_table(raw: Raw) -> None:
    found = raw.clean()
    for table in (found.responses, found.flow, found.missing, found.careless, found.codebook, found.links):
        text = table.to_csv().casefold()
        for name in [*raw["w1/roster.csv"]["student_id"], *SCHOOLS]:
            assert name.casefold() not in text


def test_two_runs_are_equal_and_another_order_of_rows_changes_nothing(raw: Raw) -> None:
    one = raw.clean().responses
    for name in list(raw.tables):
        raw[name] = raw[name].sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(one, raw.clean().responses)


def test_students_who_did_not_answer_stay_in_with_their_marks(raw: Raw) -> None:
    raw["w1/survey.csv"] = raw["w1/survey.csv"].iloc[2:]
    found = raw.clean("w1")
    silent = found.responses[~found.responses["responded"]]
    assert len(silent) == 2
    assert silent["mean_mark"].notna().all()
    assert silent[["answered_share", *ITEMS]].isna().all(axis=None)
    missing = found.missing.set_index(["column", "reason"])["n"]
    assert missing["q1", "no survey response"] == 2
    assert found.links.query("school == 'all'").set_index("arm")["link_rate"].to_dict() == {
        "all": 22 / 24,
        "programme": 10 / 12,
        "comparison": 1,
    }
    assert count(found.flow, "Answered the survey") == 22


def test_exclusions_are_counted_in_order_and_by_arm(raw: Raw) -> None:
    raw["w1/roster.csv"].loc[[0, 1], "consent"] = "No"
    raw["w1/survey.csv"].loc[[1, 6], ["q1", "q2"]] = None
    found = raw.clean("w1")
    assert count(found.flow, "No consent") == count(found.flow, "No consent", arm="programme") == 2
    assert count(found.flow, "Barely answered") == count(found.flow, "Barely answered", arm="comparison") == 1
    assert count(found.flow, "Analysis sample") == len(found.responses) == 21
    require_sums(found)


def test_rows_of_the_survey_are_all_accounted_for(raw: Raw) -> None:
    survey = raw["w1/survey.csv"]
    extra = survey.iloc[[0, 0, 1, 2]].assign(student_id=["N000", "X1", None, " n001 "])
    extra.loc[extra.index[0], ["q1", "q2"]] = None
    raw["w1/survey.csv"] = pd.concat([survey, extra], ignore_index=True)
    found = raw.clean("w1")
    flow = {
        label: count(found.flow, label, stream="survey")
        for label in found.flow[found.flow["stream"] == "survey"]["label"]
    }
    assert flow == {
        "Rows of the survey": 28, "No student id": 1, "Unfinished": 0, "Repeated by the same student": 2,
        "Student not on the roster": 1, "Linked to the roster": 24, "Unfinished, kept": 0,
    }  # fmt: skip
    students = found.flow[found.flow["stream"] == "survey"].set_index("label")["n_students"]
    assert students["Rows of the survey"] == 25
    assert students["Student not on the roster"] == 1
    assert found.links.loc[0, ["n_roster", "n_responses", "n_linked", "n_unlinked"]].tolist() == [24, 25, 24, 1]
    # The more complete of the two responses stays.
    assert found.responses["q1"].notna().all()


def test_a_student_who_moves_is_analysed_where_she_started(raw: Raw) -> None:
    roster = raw["w2/roster.csv"]
    roster.loc[0, ["school_id", "arm"]] = ["south", "comparison"]
    roster.loc[1, "school_id"] = "east"
    found = raw.clean()
    then, now = (found.responses[found.responses["wave"] == w].set_index("student") for w in ("w1", "w2"))
    assert now["moved"].sum() == 2
    assert (now["school"] == then["school"].reindex(now.index)).all()
    assert (now["classroom"] == then["classroom"].reindex(now.index)).all()
    assert count(found.flow, "Moved to the other arm: analysed where they started", wave="w2") == 1
    assert count(found.flow, "Moved within the arm: analysed where they started", wave="w2") == 1
    assert now["treated"].sum() == 12


def test_who_joins_later_belongs_where_first_seen(raw: Raw) -> None:
    raw["w1/roster.csv"] = raw["w1/roster.csv"].iloc[1:]
    found = raw.clean()
    assert len(found.responses) == 47
    assert count(found.flow, "Student not on the roster", stream="survey") == 1
    assert count(found.flow, "Student not on the roster", stream="records") == 1
    require_sums(found)


def test_without_a_roster_the_survey_is_the_roster(raw: Raw) -> None:
    for wave in raw.definition["waves"]:
        wave["sources"] = [{"file": f"{wave['name']}/all.csv"}]
    for wave in ("w1", "w2"):
        files = [raw.tables.pop(f"{wave}/{kind}.csv") for kind in ("survey", "roster", "records")]
        raw[f"{wave}/all.csv"] = files[0].merge(files[1]).merge(files[2])
    found = raw.clean()
    assert len(found.responses) == 48
    assert found.responses["responded"].all()
    assert count(found.flow, "In the survey") == 24
    require_sums(found)


def test_previews_and_unfinished_responses_of_a_qualtrics_export(raw: Raw) -> None:
    survey = raw["w1/survey.csv"].assign(Finished="1", Progress="100", Status="0", DistributionChannel="anonymous")
    survey.loc[0, "Status"], survey.loc[0, "DistributionChannel"] = "1", "preview"
    survey.loc[[1, 2], "Finished"], survey.loc[[1, 2], "Progress"] = "0", "40"
    header = pd.DataFrame([dict.fromkeys(survey, "?"), {name: f'{{"ImportId":"{name}"}}' for name in survey}])
    raw["w1/survey.csv"] = pd.concat([header, survey], ignore_index=True)
    found = raw.clean("w1")
    assert count(found.flow, "Rows of the survey", stream="survey") == 24
    assert count(found.flow, "Previews", stream="survey") == 1
    assert count(found.flow, "Unfinished", stream="survey") == 0
    assert count(found.flow, "Unfinished, kept", stream="survey") == 2
    assert found.responses["responded"].sum() == 23
    raw.definition["responses"]["unfinished"] = "drop"
    found = raw.clean("w1")
    assert count(found.flow, "Unfinished", stream="survey") == 2
    assert found.responses["responded"].sum() == 21
    require_sums(found)


def test_one_file_for_all_waves(raw: Raw) -> None:
    for kind in ("survey", "roster", "records"):
        both = [raw.tables.pop(f"{w}/{kind}.csv").assign(round=n) for n, w in enumerate(("w1", "w2"), start=1)]
        raw[f"{kind}.csv"] = pd.concat(both)
    for n, wave in enumerate(raw.definition["waves"], start=1):
        for source in wave["sources"]:
            source["file"], source["rows"] = source["file"].split("/")[1], {"round": n}
    found = raw.clean()
    assert len(found.responses) == 48
    assert count(found.flow, "Rows of other waves", stream="survey") == 24
    raw.definition["waves"][0]["sources"][0]["rows"] = {"round": 7}
    assert "None of the 48 rows of survey.csv has round = 7" in raw.error(DataError)
    raw.definition["waves"][0]["sources"][0]["rows"] = {"rond": 1}
    assert "did you mean round?" in raw.error(ColumnMissingError)


def test_files_may_be_one_a_school_or_one_a_subject(raw: Raw) -> None:
    one = raw.clean("w1").responses
    survey, records = raw.tables.pop("w1/survey.csv"), raw.tables.pop("w1/records.csv")
    raw["w1/a.csv"], raw["w1/b.csv"] = survey.iloc[:10], survey.iloc[10:]
    raw["w1/marks.csv"], raw["w1/late.csv"] = records.drop(columns="late"), records.drop(columns="mean_mark")
    raw.definition["waves"][0]["sources"] = [
        {"file": "w1/roster.csv", "kind": "roster"},
        *({"file": f"w1/{n}.csv"} for n in "ab"),
        *({"file": f"w1/{n}.csv", "kind": "records"} for n in ("marks", "late")),
    ]
    pd.testing.assert_frame_equal(raw.clean("w1").responses, one)


def test_a_questionnaire_in_two_parts_is_joined(raw: Raw) -> None:
    one = raw.clean("w1").responses
    survey = raw.tables.pop("w1/survey.csv")
    raw["w1/a.csv"], raw["w1/b.csv"] = survey.drop(columns="q3"), survey.drop(columns=["q1", "q2"]).iloc[::-1]
    raw.definition["waves"][0]["sources"][0:1] = [{"file": "w1/a.csv"}, {"file": "w1/b.csv"}]
    found = raw.clean("w1")
    pd.testing.assert_frame_equal(found.responses, one)
    assert count(found.flow, "Linked to the roster", stream="survey") == 48


def test_without_a_panel_nobody_is_followed_from_wave_to_wave(raw: Raw) -> None:
    assert raw.clean().responses["student"].nunique() == 24
    raw.definition["design"]["panel"] = False
    found = raw.clean()
    assert found.responses["student"].nunique() == 48
    require_sums(found)


def test_covariates_are_numbers_or_categories(raw: Raw) -> None:
    raw.definition["analysis"] = {"covariates": ["age", "track"]}
    for wave in ("w1", "w2"):
        raw[f"{wave}/roster.csv"] = raw[f"{wave}/roster.csv"].assign(age=[11, 12, None] * 8, track=["A", "b"] * 12)
    found = raw.clean().responses
    assert found["age"].dropna().isin([11, 12]).all()
    assert set(found["track"]) == {"A", "b"}
    raw["w2/roster.csv"]["age"] = raw["w2/roster.csv"]["age"].astype(object)
    raw["w2/roster.csv"].loc[3, "age"] = "eleven"
    assert "column age: 1 value is not a number" in raw.error(ValueRangeError)


def test_the_codebook_says_where_each_variable_comes_from(raw: Raw) -> None:
    raw["w2/survey.csv"] = raw["w2/survey.csv"].rename(columns={"q1": "Q1 text"})
    raw.definition["waves"][1]["sources"][0]["columns"] = {"q1": "Q1 text"}
    found = raw.clean()
    book = found.codebook.set_index("variable")
    assert set(book.index) == set(found.responses.columns)
    assert book.index.is_unique
    assert book.loc["q1", "source"] == "w1: w1/survey.csv; w2: w2/survey.csv, Q1 text"
    assert book.loc["mean_mark", "mean"] == pytest.approx(found.responses["mean_mark"].mean())
    assert "reverse-keyed" in book.loc["q2", "values"]
    assert pd.isna(book.loc["school", "mean"])


# --- what is refused ------------------------------------------------------------------------------------------------


def test_all_missing_columns_of_a_wave_come_in_one_error(raw: Raw) -> None:
    raw["w2/survey.csv"] = raw["w2/survey.csv"].rename(columns={"q2": "qq2"}).drop(columns="q3")
    raw["w2/roster.csv"] = raw["w2/roster.csv"].rename(columns={"school_id": "shcool_id"})
    raw["w2/records.csv"] = raw["w2/records.csv"].rename(columns={"student_id": "studentid", "mean_mark": "mean_marks"})
    raw.definition["waves"][1]["sources"][0]["columns"] = {"q1": "Question 1"}
    message = raw.error(DataProblems)
    assert message.startswith("3 problems in 3 places:\nw2/survey.csv\n  Wave w2 lacks 3 columns that the study needs:")
    assert message.count("Wave w2 lacks 2 columns") == 1
    assert message.count("Wave w2 lacks 1 column ") == 1
    assert "w2/records.csv has no column student_id; did you mean studentid?" in message
    assert "w2/survey.csv has no column q2; did you mean qq2?" in message
    assert "w2/survey.csv has no column q3" in message
    assert "w2/roster.csv has no column school_id; did you mean shcool_id?" in message
    assert "w2/records.csv has no column mean_mark; did you mean mean_marks?" in message
    assert 'w2/survey.csv has no column "Question 1", declared for q1' in message
    assert "w1" not in message


def test_a_design_column_is_expected_in_the_roster_and_a_measure_where_there_is_a_file(raw: Raw) -> None:
    raw["w1/roster.csv"] = raw["w1/roster.csv"].drop(columns=["arm", "girl"])
    message = raw.error(ColumnMissingError, "w1")
    assert "w1/roster.csv has no column arm" in message
    assert "w1/roster.csv has no column girl" in message
    raw["w1/roster.csv"]["arm"] = [SCHOOLS[s] for s in raw["w1/roster.csv"]["school_id"]]
    raw["w1/roster.csv"]["girl"] = "no"
    raw.definition["waves"][0]["sources"].pop()
    assert "w1/roster.csv has no column mean_mark" in raw.error(ColumnMissingError, "w1")


def test_all_values_that_cannot_be_coded_come_in_one_error(raw: Raw) -> None:
    raw["w1/survey.csv"].loc[[0, 1], "q1"] = 9
    raw["w1/survey.csv"].loc[2, "q2"] = 0
    raw["w1/records.csv"].loc[[3, 4, 5], "mean_mark"] = "good"
    message = raw.error(DataProblems)
    assert "column q1: 2 answers" in message
    assert "column q2: 1 answer" in message
    assert "column mean_mark: 3 values" in message
    assert "w1/survey.csv" in message
    assert "w1/records.csv" in message


def test_a_count_below_zero(raw: Raw) -> None:
    raw.definition["outcomes"][1]["kind"] = "count"
    raw["w1/records.csv"].loc[[0, 1], "mean_mark"] = -99
    assert "column mean_mark: 2 counts are below zero" in raw.error(ValueRangeError)


def test_marks_outside_the_outcomes_range(raw: Raw) -> None:
    raw.definition["outcomes"][1]["range"] = [0, 100]
    raw["w1/records.csv"].loc[[0, 1, 2], "mean_mark"] = [999, 999, -1]
    message = raw.error(ValueRangeError)
    assert "column mean_mark: 3 values are outside the outcome's range, 0 to 100: 999 (2), -1 (1)" in message
    assert "w1/records.csv, column mean_mark" in message


def test_a_group_value_that_is_not_listed(raw: Raw) -> None:
    raw["w1/roster.csv"].loc[[0, 1], "girl"] = "perhaps"
    message = raw.error(UnknownLabelError)
    assert '2 values are not listed under the group girl: "perhaps" (2)' in message
    assert "w1/roster.csv, column girl" in message


def test_repeated_responses_without_a_rule(raw: Raw) -> None:
    raw.definition["responses"] = {}
    raw["w2/survey.csv"] = pd.concat([raw["w2/survey.csv"], raw["w2/survey.csv"].iloc[:2]])
    message = raw.error(DuplicateRowsError)
    assert "2 students answered more than once (4 rows)" in message
    assert "w2/survey.csv, column student_id" in message


def test_repeated_rows_of_the_roster(raw: Raw) -> None:
    roster = raw["w1/roster.csv"]
    raw["w1/roster.csv"] = pd.concat([roster, roster.iloc[:3]], ignore_index=True)
    found = raw.clean("w1")
    assert len(found.responses) == 24
    assert count(found.flow, "Further rows of a student that say the same", stream="roster") == 3
    raw["w1/roster.csv"].loc[24, "class_id"] = "9z"
    message = raw.error(DuplicateRowsError)
    assert "differ in class_id (1 student)" in message
    assert "w1/roster.csv" in message
    raw["w1/roster.csv"].loc[24, "arm"] = "comparison"
    assert "two arms are given for 1 student" in raw.error(ArmConflictError)


def test_repeated_rows_of_the_records(raw: Raw) -> None:
    raw["w1/records.csv"] = pd.concat([raw["w1/records.csv"], raw["w1/records.csv"].iloc[:1].assign(mean_mark=1)])
    assert "differ in mean_mark (1 student)" in raw.error(DuplicateRowsError)


def test_a_school_in_both_arms(raw: Raw) -> None:
    raw["w2/roster.csv"].loc[[0, 1], "arm"] = "comparison"
    message = raw.error(ArmConflictError)
    assert "1 school is in two arms: students 2 in comparison, 6 in programme" in message
    assert "w1/roster.csv; w2/roster.csv, column arm" in message


def test_records_that_contradict_the_roster(raw: Raw) -> None:
    raw["w1/records.csv"]["arm"] = raw["w1/roster.csv"]["arm"]
    assert len(raw.clean("w1").responses) == 24
    raw["w1/records.csv"].loc[[0, 1], "arm"] = "comparison"
    message = raw.error(ArmConflictError)
    assert "2 of 24 students are in one arm in w1/roster.csv and in another in w1/records.csv" in message


def test_an_unknown_arm_and_a_rule_that_takes_it_out(raw: Raw) -> None:
    for wave in ("w1", "w2"):
        raw[f"{wave}/roster.csv"].loc[raw[f"{wave}/roster.csv"]["school_id"] == "west", "arm"] = "pilot"
    message = raw.error(DataError)
    assert 'The arm of 12 rows is none of comparison, programme: "pilot" (12)' in message
    raw.definition["exclusions"].append({"name": "pilot", "label": "Pilot", "column": "arm", "equals": "pilot"})
    found = raw.clean()
    assert count(found.flow, "Pilot") == 6
    assert len(found.responses) == 36
    require_sums(found)


def test_students_without_an_arm_or_a_school_are_counted(raw: Raw) -> None:
    raw["w1/roster.csv"].loc[[0, 1], "arm"] = None
    raw["w1/roster.csv"].loc[2, "school_id"] = None
    found = raw.clean("w1")
    assert count(found.flow, "No arm recorded") == 2
    assert count(found.flow, "No school or class recorded") == 1
    assert count(found.flow, "No arm recorded", arm="programme") == 0
    assert len(found.responses) == 21
    require_sums(found)


@pytest.mark.parametrize("arm", ["programme", "comparison"])
def test_a_wave_with_one_arm(raw: Raw, arm: str) -> None:
    keep = raw["w2/roster.csv"]["arm"] == arm
    for kind in ("roster", "survey", "records"):
        raw[f"w2/{kind}.csv"] = raw[f"w2/{kind}.csv"][keep]
    message = raw.error(DesignError)
    assert (
        f"Wave w2 has {2 * (arm == 'programme')} programme and {2 * (arm != 'programme')} comparison schools" in message
    )


def test_rules_that_leave_nobody(raw: Raw) -> None:
    raw["w2/roster.csv"]["consent"] = "no"
    message = raw.error(DataError)
    assert "leave nobody in wave w2: On the roster: 24; No consent: 24; Barely answered: 0" in message


def test_an_outcome_that_never_varies(raw: Raw) -> None:
    raw["w2/records.csv"]["late"] = 1
    assert "late never varies: late is 1 for every student with a value in wave w2 (24 students)" in raw.error(
        NoVariationError
    )
    assert len(raw.clean("w1").responses) == 24
    raw["w2/records.csv"]["late"] = None
    assert "late has no value" in raw.error(NoVariationError)
    raw["w2/records.csv"]["late"] = [0, 1] * 12
    raw["w2/survey.csv"][ITEMS] = 3
    assert "The outcome s never varies: s is 3" in raw.error(NoVariationError)


def test_ids_that_a_spreadsheet_changed(raw: Raw) -> None:
    raw["w1/survey.csv"].loc[[0, 1, 2], "student_id"] = "1.2E+05"
    with pytest.raises(DataError, match="changed the identifiers of 3 rows") as error:
        raw.clean()
    assert "w1/survey.csv, column student_id" in str(error.value)


def test_ids_of_another_kind_link_nobody(raw: Raw) -> None:
    raw["w1/survey.csv"]["student_id"] = [f"other{i}" for i in range(24)]
    assert "No response of 24 belongs to a student on the roster" in raw.error(DataError)


@pytest.mark.parametrize("kind", ["survey", "roster", "records"])
def test_a_file_without_any_identifier(raw: Raw, kind: str) -> None:
    raw[f"w2/{kind}.csv"]["student_id"] = None
    with pytest.raises(DataError, match=f"No row of the {kind} of wave w2 can be used. No student id: 24") as error:
        raw.clean()
    assert f"w2/{kind}.csv, column student_id" in str(error.value)


def test_a_file_that_is_not_there_and_a_wave_that_does_not_exist(raw: Raw) -> None:
    raw.clean()
    (raw.folder / "w1/records.csv").unlink()
    with pytest.raises(FileMissingError, match=r"w1/records\.csv"):
        clean_waves(raw.study, "w1", raw=raw.folder, key=KEY)
    with pytest.raises(ParameterError, match="no wave w3"):
        clean_waves(raw.study, "w3", raw=raw.folder, key=KEY)


@pytest.mark.parametrize("column", ["school_id", "student_id", "treated"])
def test_groups_and_covariates_cannot_show_identifiers(raw: Raw, column: str) -> None:
    raw.definition["groups"][0] |= {"column": column, "values": {}}
    assert column in raw.error(DataError)


# --- every row is accounted for -------------------------------------------------------------------------------------

IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "zz", None])
ANSWER = st.one_of(st.none(), st.integers(1, 5))
# A row without anything in it is a blank line, which is no row.
ROW = st.tuples(IDS, ANSWER, ANSWER, ANSWER).filter(any)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    survey=st.lists(ROW, min_size=1, max_size=14),
    consent=st.lists(st.sampled_from(["yes", "no"]), min_size=7, max_size=7),
    arms=st.lists(st.booleans(), min_size=7, max_size=7),
    rule=st.sampled_from(["first", "last", "most_complete"]),
)
def test_the_flow_accounts_for_every_row(
    tmp_path: Path, survey: list[Any], consent: list[str], arms: list[bool], rule: str
) -> None:
    raw = Raw(tmp_path)
    raw.definition["responses"] = {"duplicates": rule}
    raw.definition["outcomes"] = DEFINITION["outcomes"][1:2]
    ids = list("abcdefg")
    school = ["n", "n", "s", "s", "s", "e", "w"]
    arm = {"n": "programme", "e": "programme", "s": "comparison", "w": "comparison"}
    raw["w1/roster.csv"] = pd.DataFrame(
        {
            "student_id": ids,
            "school_id": school,
            "class_id": "1",
            "arm": [arm[s] if known else None for s, known in zip(school, arms, strict=True)],
            "girl": "yes",
            "consent": consent,
        }
    )
    # Two students whom no rule takes out keep both arms in the sample.
    always = pd.DataFrame(
        {"student_id": ["p", "q"], "school_id": ["x", "y"], "class_id": "1", "arm": ["programme", "comparison"]}
    ).assign(girl="no", consent="yes")
    raw["w1/roster.csv"] = pd.concat([raw["w1/roster.csv"], always], ignore_index=True)
    everyone = [*ids, "p", "q"]
    raw["w1/records.csv"] = pd.DataFrame({"student_id": everyone, "mean_mark": range(9), "late": 1})
    answers = [*survey, ("p", 1, 2, 3), ("q", 1, 2, 3)]
    raw["w1/survey.csv"] = pd.DataFrame(answers, columns=["student_id", *ITEMS], dtype=object)

    found = raw.clean("w1")

    require_sums(found)
    flow = found.flow
    assert count(flow, "Rows of the survey", stream="survey") == len(answers)
    given_ids = [row[0] for row in answers]
    assert count(flow, "No student id", stream="survey") == given_ids.count(None)
    on_roster = {i for i in given_ids if i in everyone}
    assert count(flow, "Linked to the roster", stream="survey") == len(on_roster)
    assert count(flow, "Student not on the roster", stream="survey") == int("zz" in given_ids)
    assert count(flow, "On the roster") == 9
    assert count(flow, "No consent") == consent.count("no")
    assert count(flow, "Analysis sample") == len(found.responses)
    assert count(flow, "Answered the survey") == found.responses["responded"].sum()
    assert found.links.loc[0, "n_linked"] == len(on_roster)
    for label in ("No consent", "Barely answered", "Analysis sample"):
        by_arm = count(flow, label, arm="programme") + count(flow, label, arm="comparison")
        unknown = sum(not k for k in arms) if label != "Analysis sample" else 0
        assert by_arm <= count(flow, label) <= by_arm + unknown
