"""Studies without an identifier: the code that students make themselves leads from wave to wave, and nowhere else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.errors import ColumnMissingError, DataError
from belonging_study.study.cross_checks import cross_check
from belonging_study.study.model import Study

KEY = bytes(range(32))
CODE = ["pet", "street", "day", "month"]
ITEMS = ["q1", "q2", "q3"]
SCHOOLS = {"north": "programme", "south": "comparison", "east": "programme", "west": "comparison"}
N = 30
DEFINITION: dict[str, Any] = {
    "title": "A study without names",
    "name": "codes",
    "programme": {"name": "P"},
    "waves": [
        {"name": w, "label": w, "date": f"202{i}-01-01", "before_programme": i == 0, "sources": [{"file": f"{w}.csv"}]}
        for i, w in enumerate(("w1", "w2", "w3"))
    ],
    "design": {"assignment": {"starts": "w2"}, "linking": {"code": CODE, "verify": ["born"], "maximum_changes": 1}},
    "scales": {"s": {"label": "S", "items": ITEMS, "range": [1, 5]}},
    # A number that only one student has, so that the tests know who is who.
    "outcomes": [{"name": "s", "measure": "s", "label": "S"}, {"name": "who", "measure": "who", "label": "Who"}],
}


class Raw:
    """Three waves of four schools; everybody keeps the code unless a test changes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.definition = copy.deepcopy(DEFINITION)
        rng = np.random.default_rng(4)
        n = N * len(SCHOOLS)
        school = np.repeat(list(SCHOOLS), N)
        students = pd.DataFrame(
            {
                "school_id": school,
                "arm": [SCHOOLS[s] for s in school],
                "pet": [f"Pet{i}x" for i in rng.permutation(n)],
                "street": [f"STR{i}x" for i in rng.permutation(n)],
                "day": [f"{i:02d}" for i in rng.integers(1, 32, n)],
                "month": [f"{i:02d}" for i in rng.integers(1, 13, n)],
                "born": [f"{i}" for i in rng.integers(2009, 2012, n)],
                "who": np.arange(n).astype(float),
            }
        )
        self.waves = {w: students.copy() for w in ("w1", "w2", "w3")}
        for table in self.waves.values():
            table[ITEMS] = rng.integers(1, 6, (n, 3))

    def __getitem__(self, wave: str) -> pd.DataFrame:
        return self.waves[wave]

    @property
    def study(self) -> Study:
        return Study.model_validate(self.definition)

    def clean(self, wave: str = "w2") -> Cleaned:
        for name, table in self.waves.items():
            table.to_csv(self.folder / f"{name}.csv", index=False)
        return clean_waves(self.study, wave, raw=self.folder, key=KEY)


@pytest.fixture
def raw(tmp_path: Path) -> Raw:
    return Raw(tmp_path)


def label(found: Cleaned, wave: str, who: int) -> str:
    rows = found.responses[(found.responses["wave"] == wave) & (found.responses["who"] == who)]
    assert len(rows) == 1
    return str(rows["student"].iloc[0])


def reason(found: Cleaned, wave: str, who: int) -> str:
    rows = found.responses[(found.responses["wave"] == wave) & (found.responses["who"] == who)]
    return str(rows["link_reason"].iloc[0])


def changed(raw: Raw) -> Cleaned:
    """Everything that can happen to a code between two waves."""
    second = raw["w2"]
    second.loc[0, "pet"] = "another"  # one part differs
    second.loc[1, ["pet", "street"]] = "another"  # two parts differ
    second.loc[2, CODE] = None  # no code
    second.loc[3, "born"] = "1999"  # the verified field differs
    second.loc[4, "pet"] = f" {second.loc[4, 'pet']} ".upper()  # written otherwise
    second.loc[6, CODE] = second.loc[5, CODE]  # two of one code
    second.loc[6, "born"] = second.loc[5, "born"]
    second.loc[7, "school_id"], second.loc[7, "arm"] = "east", "programme"  # went to another school
    return raw.clean()


def test_the_same_student_has_the_same_label_in_every_wave(raw: Raw) -> None:
    found = raw.clean("w3")
    table = found.responses
    assert len(table) == 3 * N * len(SCHOOLS)
    assert table.groupby("who")["student"].nunique().eq(1).all()
    assert table.groupby("student")["who"].nunique().eq(1).all()
    assert set(table.loc[table["wave"] == "w1", "link_reason"]) == {"first wave"}
    assert set(table.loc[table["wave"] != "w1", "link_reason"]) == {"identical code"}
    assert table.loc[table["wave"] != "w1", "link_quality"].gt(0.9).all()
    assert table["responded"].all()


def test_each_link_has_its_reason_and_whoever_is_not_linked_is_somebody_new(raw: Raw) -> None:
    found = changed(raw)
    expected = ["1 part differs", "no match", "no code", "no match", "identical code", "ambiguous", "ambiguous"]
    assert [reason(found, "w2", who) for who in range(7)] == expected
    linked = [0, 4, *range(8, N * len(SCHOOLS))]
    for who in range(N * len(SCHOOLS)):
        assert (label(found, "w1", who) == label(found, "w2", who)) is (who in linked)
    assert reason(found, "w2", 7) == "no match"
    second = found.responses[found.responses["wave"] == "w2"]
    assert not second["student"].duplicated().any()
    assert second["link_quality"].notna().equals(second["who"].isin(linked))


def test_every_response_is_counted_by_reason_arm_and_school(raw: Raw) -> None:
    found = changed(raw)
    n = N * len(SCHOOLS)
    reasons = found.link_reasons.set_index("link_reason")["n_responses"]
    assert reasons.to_dict() == {
        "identical code": n - 7, "1 part differs": 1, "ambiguous": 2, "no code": 1, "no match": 3,
    }  # fmt: skip
    assert set(found.link_reasons["wave"]) == {"w2"}
    links = found.links.set_index(["wave", "arm", "school"])
    columns = ["n_roster", "n_responses", "n_linked", "n_unlinked", "n_again"]
    assert links.loc[("w2", "all", "all"), columns].tolist() == [n, n, n - 6, 3, n - 6]
    assert links.loc[("w2", "programme", "all"), columns].tolist() == [60, 60, 54, 3, 54]
    assert links.loc[("w2", "comparison", "all"), "link_rate"] == 1
    assert links.loc["w1", ["n_linked", "link_rate", "n_unlinked", "n_again", "retention"]].isna().all(axis=None)
    assert links.loc[("w2", "programme", "all"), "retention"] == pytest.approx(54 / 60)
    schools = found.links[(found.links["school"] != "all") & (found.links["wave"] == "w2")]
    assert set(schools["school"]) == set(found.responses["school"])
    assert schools.groupby("arm")["n_linked"].sum().to_dict() == {"programme": 54, "comparison": 60}


def test_the_flow_of_the_survey_speaks_of_links_and_of_no_roster(raw: Raw) -> None:
    found = changed(raw)
    survey = found.flow[(found.flow["stream"] == "survey") & (found.flow["wave"] == "w2")].set_index("label")["n_rows"]
    n = N * len(SCHOOLS)
    assert survey.to_dict() == {
        "Rows of the survey": n, "Unfinished": 0, "Responses": n, "Unfinished, kept": 0,
        "Linked to an earlier wave": n - 6,
    }  # fmt: skip
    first = found.flow[(found.flow["stream"] == "survey") & (found.flow["wave"] == "w1")]
    assert "Linked to an earlier wave" not in set(first["label"])
    assert (found.flow.query("stream == 'survey' and kind == 'remaining'")["n_students"] == n).all()


def test_labels_do_not_change_when_a_later_wave_arrives(raw: Raw) -> None:
    changed(raw)
    for wave, later in (("w1", "w2"), ("w2", "w3")):
        then, now = raw.clean(wave).responses, raw.clean(later).responses
        pd.testing.assert_frame_equal(then, now[now["time"] <= then["time"].max()].reset_index(drop=True)[then.columns])


def test_the_order_of_rows_changes_nothing(raw: Raw) -> None:
    one = changed(raw)
    for wave in ("w1", "w2"):
        raw.waves[wave] = raw[wave].sample(frac=1, random_state=3)
    other = raw.clean()
    pd.testing.assert_frame_equal(one.responses, other.responses)
    pd.testing.assert_frame_equal(one.links, other.links)
    pd.testing.assert_frame_equal(one.link_reasons, other.link_reasons)


def test_no_part_of_a_code_is_in_any_table(raw: Raw) -> None:
    found = changed(raw)
    parts = {str(v).casefold() for w in ("w1", "w2") for v in raw[w][["pet", "street"]].to_numpy().ravel()}
    parts -= {"nan", "none"}
    for table in (found.responses, found.flow, found.missing, found.careless, found.codebook, found.links):
        assert not {*CODE, "born"} & set(table.columns)
        cells = {str(v).casefold() for v in table.to_numpy(dtype=object).ravel()}
        assert not parts & cells
        text = table.to_csv().casefold()
        assert not any(part in text for part in parts)


def test_a_link_through_a_changed_code_is_found_again_by_the_new_form(raw: Raw) -> None:
    raw["w2"].loc[0, "pet"] = "another"
    raw["w3"].loc[0, ["pet", "street"]] = ["another", "elsewhere"]
    found = raw.clean("w3")
    assert label(found, "w1", 0) == label(found, "w3", 0)
    assert reason(found, "w3", 0) == "1 part differs"


def test_twins_with_one_code_are_two_students_whom_nothing_links(raw: Raw) -> None:
    for wave in ("w1", "w2"):
        raw[wave].loc[1, [*CODE, "born"]] = raw[wave].loc[0, [*CODE, "born"]]
    found = raw.clean()
    labels = {label(found, wave, who) for wave in ("w1", "w2") for who in (0, 1)}
    assert len(labels) == 4
    assert [reason(found, "w2", who) for who in (0, 1)] == ["ambiguous", "ambiguous"]
    for wave in ("w1", "w2"):  # born in different years, they are told apart
        raw[wave].loc[0, "born"] = "2015"
    found = raw.clean()
    assert label(found, "w1", 0) == label(found, "w2", 0) != label(found, "w1", 1) == label(found, "w2", 1)


def test_leading_zeros_are_part_of_the_code(raw: Raw) -> None:
    raw["w2"].loc[0, "day"] = str(int(raw["w1"].loc[0, "day"])).zfill(3)
    raw.definition["design"]["linking"]["maximum_changes"] = 0
    assert reason(raw.clean(), "w2", 0) == "no match"


def test_responses_that_are_dropped_as_unfinished_take_no_part(raw: Raw) -> None:
    raw.definition["responses"] = {"unfinished": "drop"}
    for wave in ("w1", "w2"):
        raw.waves[wave] = raw[wave].assign(Finished=1, Progress=100)
    begun = raw["w2"].iloc[[0]].assign(Finished=0, Progress=20, who=999.0)
    raw.waves["w2"] = pd.concat([raw["w2"], begun], ignore_index=True)
    found = raw.clean()
    assert reason(found, "w2", 0) == "identical code"
    survey = found.flow[(found.flow["stream"] == "survey") & (found.flow["wave"] == "w2")].set_index("label")["n_rows"]
    assert survey["Unfinished"] == 1
    raw.definition["responses"] = {"unfinished": "keep"}
    assert reason(raw.clean(), "w2", 0) == "ambiguous"


def test_weak_links_can_be_left_out_by_a_rule(raw: Raw) -> None:
    for wave in ("w1", "w2"):
        raw[wave]["street"], raw[wave]["month"] = "main street", "05"
    rule = {"name": "weak", "label": "Linked too weakly", "column": "link_quality", "below": 0.97}
    raw.definition["exclusions"] = [rule]
    found = raw.clean()
    weak = found.flow[(found.flow["label"] == "Linked too weakly") & (found.flow["arm"] == "all")]
    assert weak.set_index("wave")["n_rows"]["w1"] == 0
    assert 0 < weak.set_index("wave")["n_rows"]["w2"] < N * len(SCHOOLS)
    assert found.responses["link_quality"].min() >= 0.97


def test_one_file_a_school_is_fine_and_two_questionnaires_are_not(raw: Raw) -> None:
    whole = raw.clean().responses
    raw.definition["waves"][1]["sources"] = [{"file": "w2a.csv"}, {"file": "w2b.csv"}]
    table = raw.waves.pop("w2")
    raw.waves |= {"w2a": table.iloc[:40], "w2b": table.iloc[40:]}
    pd.testing.assert_frame_equal(raw.clean().responses, whole)
    raw.waves |= {"w2a": table.drop(columns="q1"), "w2b": table.drop(columns="q2")}
    with pytest.raises(DataError, match="2 files with different questions"):
        raw.clean()


def test_a_missing_part_is_named_with_its_file(raw: Raw) -> None:
    raw.waves["w2"] = raw["w2"].drop(columns=["street", "born"])
    with pytest.raises(ColumnMissingError) as error:
        raw.clean()
    assert "w2.csv has no column street" in str(error.value)
    assert "w2.csv has no column born" in str(error.value)
    assert "student" not in error.value.what.replace("the study", "")


def mistakes(**linking: Any) -> list[str]:
    definition = copy.deepcopy(DEFINITION)
    definition["design"]["linking"] |= linking
    return [message for _, message in cross_check(definition)]


def test_mistakes_in_the_definition_are_told_at_once() -> None:
    assert not mistakes()
    assert "has 4 parts" in mistakes(maximum_changes=4)[0]
    assert "'pet' is named twice" in mistakes(verify=["pet"])[0]
    assert "'q1' is a part of the code" in mistakes(code=["q1", "pet"])[0]
    definition = copy.deepcopy(DEFINITION)
    definition["waves"][1]["sources"].append({"file": "roster.csv", "kind": "roster"})
    definition["design"]["panel"] = False
    found = dict(cross_check(definition))
    assert "a roster file needs an identifier" in found["waves", 1, "sources", 1, "kind"]
    assert "new students" in found["design", "linking"]
