"""A study with every kind of file at once: each row is in the flow, and the numbers are those counted by hand."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.data.coding.recode import recode
from belonging_study.errors import ColumnMissingError, DataError, EmptyFileError, UnknownLabelError, UserError
from belonging_study.study.model import Study

KEY = bytes(range(32))
NAMES = ("ada", "ben", "cem", "dot", "eve", "fay")

ROSTER = """student_id,school_id,arm
ada,North School,programme
ben,north,programme
cem,NORTH ,programme
dot,south,comparison
eve,south,comparison
fay,south,comparison
"""
SURVEY = """student_id,q1,q2
ada,Agree,De acuerdo
ben,en desacuerdo,Disagree
cem,n.a. / prefer not to answer,Agree
dot,Neither,NI UNO NI OTRO
eve,Agree,N/A
zoe,Agree,Agree
"""
ATTENDANCE = """student_id,term,Enrolled,Absent
ada,1,90,4
ada,2,90,14
ben,1,100,9
ben,1,100,9
cem,1,,2
dot,1,60,3
dot,2,0,0
eve,1,60,30
,1,60,3
zoe,1,60,3
"""
MARKS = """student_id,course,mark
ada,m,A
ada,e,B+
ben,m,W
ben,e,C
cem,m,AU
dot,m,
dot,m,F
dot,e,
eve,m,a-
zoe,m,A
,m,A
"""
INCIDENTS = """student_id,incident_id,incident_type
ada,1,Suspension
ada,1,Suspension
ada,2,lateness
ben,3,
zoe,4,Suspension
"""
STAYS = """student_id,school_id,in,out
ada,north,01/09/2025,
ben,north,01/09/2025,31/12/2025
cem,south,01/09/2025,14/01/2026
cem,north,15/01/2026,
dot,south,01/09/2025,
eve,south,01/04/2026,
fay,south,01/09/2025,
fay,north,01/02/2026,
zoe,west,01/09/2025,
"""
DEFINITION: dict[str, Any] = {
    "title": "A small study",
    "name": "small",
    "programme": {"name": "P"},
    "waves": [
        {
            "name": "w1",
            "label": "Wave 1",
            "date": "2026-03-01",
            "sources": [
                {"file": "roster.csv", "kind": "roster", "values": {"school_id": {"north school": "north", "x": "y"}}},
                {"file": "survey.csv"},
                {
                    "file": "days.csv",
                    "kind": "attendance",
                    "columns": {"days_enrolled": "Enrolled", "days_absent": "Absent"},
                },
                {"file": "marks.csv", "kind": "marks"},
                {"file": "incidents.csv", "kind": "incidents"},
                {"file": "stays.csv", "kind": "enrolment", "columns": {"entry_date": "in", "exit_date": "out"}},
            ],
        }
    ],
    "design": {"assignment": {"starts": "w1"}},
    "scales": {
        "s": {
            "label": "S",
            "items": ["q1", "q2"],
            "range": [1, 3],
            "labels": ["Disagree", "Neither", "Agree"],
            "translations": {"es": ["En desacuerdo", "Ni uno ni otro", "De acuerdo"]},
            "synonyms": {"N.A./Prefer not to answer": float("nan"), "N/A": float("nan")},
        }
    },
    "outcomes": [
        {"name": "s", "measure": "s", "label": "S"},
        {"name": "absent", "measure": "chronic_absence", "label": "Chronic absence", "kind": "binary"},
        {"name": "ab", "measure": "share_ab", "label": "A or B"},
        {"name": "dfw", "measure": "share_dfw", "label": "D, F or W"},
        {"name": "suspended", "measure": "any_suspensions", "label": "Suspended", "kind": "binary"},
        {"name": "incidents", "measure": "n_incidents", "label": "Incidents", "kind": "count"},
    ],
    "groups": [
        {
            "name": "moved",
            "column": "n_schools",
            "label": "Schools",
            "values": {"1": "One", "2": "Two", "0": "None"},
        }
    ],
    "records": {"marks": {"not_counted": ["AU"]}, "incidents": {"suspensions": ["suspension"]}},
    "analysis": {"covariates": ["absence_rate", "withdrawn", "entered_late", "overlapping_stays"]},
}  # fmt: skip


class Raw:
    """The files of the study, and what they are cleaned to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.definition = copy.deepcopy(DEFINITION)
        self.files = {
            "roster.csv": ROSTER, "survey.csv": SURVEY, "days.csv": ATTENDANCE, "marks.csv": MARKS,
            "incidents.csv": INCIDENTS, "stays.csv": STAYS,
        }  # fmt: skip

    @property
    def sources(self) -> list[dict[str, Any]]:
        return self.definition["waves"][0]["sources"]  # type: ignore[no-any-return]

    def source(self, file: str) -> dict[str, Any]:
        return next(source for source in self.sources if source["file"] == file)

    def clean(self) -> Cleaned:
        for name, text in self.files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        return clean_waves(Study.model_validate(self.definition), "w1", raw=self.folder, key=KEY)

    def error(self, kind: type[UserError]) -> str:
        with pytest.raises(UserError) as caught:
            self.clean()
        assert isinstance(caught.value, kind), caught.value
        assert not any(name in str(caught.value).split() for name in (*NAMES, "zoe"))
        return str(caught.value)


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    return Raw(tmp_path)


def rows(found: Cleaned) -> pd.DataFrame:
    """The clean table under the students' names, which only their answers tell."""
    table = found.responses
    assert len(table) == 6
    by_name = {
        "ada": table["n_incidents"] == 2,
        "ben": table["n_incidents"] == 1,
        "eve": table["absence_rate"] == 0.5,
        "dot": table["absence_rate"] == 0.05,
        "fay": ~table["responded"],
    }
    rest = ~pd.concat(by_name, axis=1).any(axis=1)
    by_name["cem"] = rest
    assert all(which.sum() == 1 for which in by_name.values())
    return pd.DataFrame({name: table[which].iloc[0] for name, which in by_name.items()}).T


def flow_of(found: Cleaned, stream: str) -> dict[str, int]:
    """Label to rows of one stream, and what remains agrees with the sum."""
    part = found.flow[(found.flow["stream"] == stream) & (found.flow["arm"] == "all")]
    by_kind = part.groupby("kind")[["n_rows", "n_students"]].sum()
    assert (by_kind.loc["start"] - by_kind.loc["excluded"] == by_kind.loc["remaining"]).all()
    return {label: int(n) for label, n in zip(part["label"], part["n_rows"], strict=True) if n}


def test_every_measure_equals_hand_computation(raw: Raw) -> None:
    table = rows(raw.clean())
    expected = pd.DataFrame(
        {
            "q1": [3, 1, None, 2, 3, None],
            "q2": [3, 1, 3, 2, None, None],
            "absence_rate": [0.1, 0.09, None, 0.05, 0.5, None],
            "chronic_absence": [1, 0, None, 0, 1, None],
            "share_ab": [1, 0, None, 0, 1, None],
            "share_dfw": [0, 0.5, None, 1, 0, None],
            "n_incidents": [2, 1, 0, 0, 0, 0],
            "any_suspensions": [1, 0, 0, 0, 0, 0],
            "withdrawn": [0, 1, 0, 0, 0, 0],
            "entered_late": [0, 0, 0, 0, 1, 0],
            "overlapping_stays": [0, 0, 0, 0, 0, 1],
        },
        index=list(NAMES),
        dtype=float,
    )
    pd.testing.assert_frame_equal(table.loc[list(NAMES), list(expected)].astype(float), expected)
    assert table["n_schools"].to_dict() == {
        "ada": "One", "ben": "One", "cem": "Two", "dot": "One", "eve": "None", "fay": "Two",
    }  # fmt: skip
    assert table.groupby("school").size().tolist() == [3, 3]


def test_every_row_of_every_file_is_in_the_flow(raw: Raw) -> None:
    found = raw.clean()
    assert flow_of(found, "attendance") == {
        "Rows of the attendance": 10,
        "No student id": 1,
        "Further rows of a student that say the same": 1,
        "Days enrolled or absent not known": 1,
        "No day enrolled": 1,
        "Student not on the roster": 1,
        "Linked to the roster": 5,
    }
    assert flow_of(found, "marks") == {
        "Rows of the marks": 11,
        "No student id": 1,
        "Enrolment whose mark is in another row": 1,
        "Mark that is not counted": 1,
        "No final mark": 1,
        "Student not on the roster": 1,
        "Linked to the roster": 6,
    }
    assert flow_of(found, "incidents") == {
        "Rows of the incidents": 5,
        "Further rows of a student that say the same": 1,
        "Student not on the roster": 1,
        "Linked to the roster": 3,
        "Rows counted as suspensions": 2,
        "Rows without a type": 1,
    }
    stays = flow_of(found, "enrolment")
    assert stays["Rows of the enrolment"] == 9
    assert stays["Student not on the roster"] == 1
    assert stays["Stays of students on the roster"] == 8
    assert stays["Students who left before the wave"] == 1
    assert stays["Students who entered after the wave"] == 1
    assert stays["Students at two schools at once"] == 1
    students = flow_of(found, "students")
    assert students["On the roster"] == students["Analysis sample"] == 6


def test_missing_values_have_their_reasons_and_the_codebook_says_how_measures_are_made(raw: Raw) -> None:
    found = raw.clean()
    missing = {(row.column, row.reason): row.n for row in found.missing.itertuples()}
    assert missing["absence_rate", "student not in the file"] == 1
    assert missing["absence_rate", "no value given"] == 1
    assert missing["share_ab", "student not in the file"] == 1
    assert missing["share_ab", "no value given"] == 1
    assert not any(column in {"n_incidents", "any_suspensions"} for column, _ in missing)
    assert missing["q1", 'answered "N.A./Prefer not to answer"'] == 1
    assert missing["q2", 'answered "N/A"'] == 1
    assert missing["q1", "no value given"] == 1
    values = found.codebook_values
    declared = values[(values["variable"] == "q1") & (values["kind"] == "declared")]
    assert declared[["value", "n"]].values.tolist() == [['answered "N.A./Prefer not to answer"', 1]]
    book = found.codebook.set_index("variable")
    assert book.loc["chronic_absence", "source"] == "w1: days.csv (days_absent / days_enrolled)"
    assert "10% of the days enrolled" in book.loc["chronic_absence", "values"]
    assert book.loc["any_suspensions", "source"] == "w1: incidents.csv (n_suspensions above 0)"
    assert book.loc["withdrawn", "label"] == "Left before the wave's date"
    assert "AU" not in book.loc["share_ab", "source"]


def test_a_rule_may_use_a_measure_of_a_register(raw: Raw) -> None:
    raw.definition["outcomes"] = raw.definition["outcomes"][-1:]
    raw.definition["exclusions"] = [
        {"name": "left", "label": "Left before the wave", "column": "withdrawn", "equals": 1},
        {"name": "few", "label": "Hardly enrolled", "column": "days_enrolled", "below": 70},
    ]
    found = raw.clean()
    students = flow_of(found, "students")
    assert students["Left before the wave"] == 1
    assert students["Hardly enrolled"] == 2
    assert students["Analysis sample"] == len(found.responses) == 3


def test_a_wave_without_incidents_has_zeros_and_a_survey_without_answers_is_an_error(raw: Raw) -> None:
    raw.files["incidents.csv"] = "student_id,incident_id,incident_type\n"
    raw.definition["outcomes"] = raw.definition["outcomes"][:4]
    raw.definition["analysis"]["covariates"].append("n_incidents")
    found = raw.clean()
    assert (found.responses["n_incidents"] == 0).all()
    part = found.flow[found.flow["stream"] == "incidents"]
    assert part.loc[part["kind"] != "info", "n_rows"].sum() == 0
    raw.files["incidents.csv"] = "\n"
    raw.error(EmptyFileError)
    raw.files["incidents.csv"] = INCIDENTS
    raw.files["marks.csv"] = "student_id,mark\n"
    raw.error(EmptyFileError)


def test_without_a_roster_the_enrolment_says_who_is_in_the_wave(raw: Raw) -> None:
    raw.sources[:] = [source for source in raw.sources if source["kind" if "kind" in source else "file"] != "roster"]
    header, *lines = raw.files["stays.csv"].splitlines()
    arms = {"north": "programme", "south": "comparison", "west": "comparison"}
    raw.files["stays.csv"] = "\n".join([f"{header},arm", *(f"{line},{arms[line.split(',')[1]]}" for line in lines)])
    found = raw.clean()
    table = found.responses
    assert len(table) == 7
    # Whoever left before the wave stays, and movers are where they are at the wave: cem has gone north.
    assert table["withdrawn"].sum() == 1
    assert table.groupby("programme").size().to_dict() == {0: 4, 1: 3}
    assert flow_of(found, "students")["In the enrolment"] == 7
    assert flow_of(found, "survey")["Linked to the roster"] == 6


def test_columns_that_a_register_lacks_are_named_together(raw: Raw) -> None:
    raw.files["days.csv"] = raw.files["days.csv"].replace("Absent", "Absences")
    raw.source("days.csv")["columns"].pop("days_absent")
    raw.files["marks.csv"] = raw.files["marks.csv"].replace("mark\n", "Marks\n", 1)
    raw.files["stays.csv"] = raw.files["stays.csv"].replace(",in,", ",start,")
    message = raw.error(DataError)
    assert "days.csv has no column days_absent" in message
    assert "marks.csv has no column mark; did you mean Marks?" in message
    assert 'no column "in", declared for entry_date' in message


def test_a_measure_without_its_file_names_the_kind_that_gives_it(raw: Raw) -> None:
    raw.sources.remove(raw.source("days.csv"))
    message = raw.error(ColumnMissingError)
    assert "a file of the kind attendance gives it" in message


def test_marks_that_are_numbers_give_no_shares(raw: Raw) -> None:
    raw.files["marks.csv"] = "student_id,mark\nada,80\nben,90\n"
    assert "marks of wave w1 are numbers, which give no share_ab and no share_dfw" in raw.error(ColumnMissingError)
    raw.definition["outcomes"] = [{"name": "m", "measure": "mean_mark", "label": "M"}]
    raw.definition["waves"][0]["sources"][3]["decimal"] = ","
    raw.files["marks.csv"] = 'student_id,mark\nada,"80,5"\nben,90\n'
    found = raw.clean()
    assert sorted(found.responses["mean_mark"].dropna()) == [80.5, 90]


def test_unknown_marks_and_ambiguous_dates_are_told_at_once(raw: Raw) -> None:
    raw.files["marks.csv"] += "ada,x,Q\n"
    assert '1 mark is in none of the lists of marks: "Q" (1)' in raw.error(UnknownLabelError)
    raw.files["marks.csv"] = MARKS
    raw.files["stays.csv"] = "student_id,school_id,in,out\nada,north,01/09/2025,\ndot,south,01/09/2025,02/03/2026\n"
    message = raw.error(DataError)
    assert "date_order: day" in message
    raw.source("stays.csv")["date_order"] = "day"
    assert len(raw.clean().responses) == 6


def test_values_stand_for_others_and_a_wrong_name_is_told(raw: Raw) -> None:
    raw.source("marks.csv")["values"] = {"mark": {"": "W"}}
    assert rows(raw.clean()).loc["dot", "share_dfw"] == 1
    raw.source("marks.csv")["values"] = {"mrak": {"": "W"}}
    assert "names mrak, which is no column that the study takes from its files; did you mean mark?" in raw.error(
        ColumnMissingError
    )


def test_recode_compares_codes_and_labels_without_case() -> None:
    values = pd.Series([1.0, 2.0, None, 3.0])
    assert recode(values, {"1": "a", "GREEN ": "b", "": "none"}, {2: "green"}).tolist() == ["a", "b", "none", 3.0]
    assert recode(pd.Series(["-99", "x"]), {"-99": ""}).isna().tolist() == [True, False]
    same = pd.Series(["x"])
    assert recode(same, {}) is same


def test_an_outcome_that_its_measure_cannot_be_is_told(raw: Raw) -> None:
    raw.definition["outcomes"][2] |= {"range": [0, 0.5]}
    message = raw.error(DataError)
    assert "The outcome ab is continuous, but 2 values of share_ab are outside 0 to 0.5." in message
    raw.definition["outcomes"][2] |= {"range": None, "kind": "binary"}
    raw.definition["outcomes"][5] |= {"kind": "binary"}
    assert "The outcome incidents is binary, but 1 value of n_incidents is neither 0 nor 1." in raw.error(DataError)


def test_a_second_wave_of_the_same_registers_has_its_own_numbers(raw: Raw) -> None:
    first = raw.definition["waves"][0]
    later = copy.deepcopy(first) | {"name": "w2", "label": "Wave 2", "date": "2026-06-01"}
    raw.definition["waves"] = [first, later]
    for source in later["sources"]:
        if source["file"] == "incidents.csv":
            source["file"] = "none.csv"
        if source["file"] == "survey.csv":
            source["file"] = "survey2.csv"
    raw.files["none.csv"] = "student_id,incident_id,incident_type\nfay,9,Suspension\n"
    raw.files["survey2.csv"] = SURVEY.replace("Agree,De acuerdo", "Neither,De acuerdo")
    for name, text in raw.files.items():
        (raw.folder / name).write_text(text, encoding="utf-8")
    found = clean_waves(Study.model_validate(raw.definition), "w2", raw=raw.folder, key=KEY).responses
    assert found.groupby("wave")["n_incidents"].sum().to_dict() == {"w1": 3, "w2": 1}
    # By June eve has come; by March she had not.
    assert found.groupby("wave")["entered_late"].sum().to_dict() == {"w1": 1, "w2": 0}
    assert found.groupby("wave")["withdrawn"].sum().to_dict() == {"w1": 1, "w2": 1}
