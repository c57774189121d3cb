from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.checks.between_waves import compare_waves
from belonging_study.data.checks.issues import Issue
from belonging_study.data.checks.schema import check_table
from belonging_study.data.clean import clean_waves
from belonging_study.data.waves.all_waves import link_waves
from belonging_study.data.waves.measures import prepare_wave
from belonging_study.data.waves.table import WaveTable
from belonging_study.errors import UserError
from belonging_study.study.model import Study

N = 48
Damage = Callable[[pd.DataFrame], Any]


def definition() -> dict[str, Any]:
    return {
        "title": "A small study",
        "name": "small",
        "programme": {"name": "P"},
        "waves": [
            {
                "name": w,
                "label": w,
                "date": f"202{w[1]}-01-01",
                "sources": [
                    {"file": f"{w}/survey.csv"},
                    {"file": f"{w}/roster.csv", "kind": "roster"},
                    {"file": f"{w}/records.csv", "kind": "records"},
                ],
            }
            for w in ("w1", "w2", "w3")
        ],
        "design": {"class": "class_id", "assignment": {"starts": {"column": "start"}}},
        "scales": {"s": {"label": "S", "items": ["q1", "q2", "q3"], "range": [1, 5]}},
        "outcomes": [
            {"name": "s", "measure": "s", "label": "S"},
            {"name": "mark", "measure": "mark", "label": "Mark", "range": [0, 100]},
            {"name": "late", "measure": "late", "label": "Late", "kind": "binary"},
            {"name": "absent", "measure": "days_absent", "label": "Absent", "kind": "count"},
            {"name": "enrolled", "measure": "days_enrolled", "label": "Enrolled", "kind": "count"},
        ],
        "groups": [{"name": "girl", "column": "girl", "label": "Gender", "values": {"yes": "Girls", "no": "Others"}}],
    }


def files(wave: int) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(wave)
    ids = [f"S{i:04d}" for i in range(N)]
    school = [f"school{i % 12}" for i in range(N)]
    programme = [i % 2 == 0 for i in range(N)]
    return {
        "survey.csv": pd.DataFrame(
            {
                "student_id": ids,
                "Timestamp": f"202{wave}/01/20 9:00:00 AM GMT+1",
                **{q: rng.integers(1, 6, N) for q in ("q1", "q2", "q3")},
                "school_id": school,
            }
        ),
        "roster.csv": pd.DataFrame(
            {
                "student_id": ids,
                "school_id": school,
                "class_id": [f"{s}-{i % 24}" for i, s in enumerate(school)],
                "arm": ["programme" if p else "comparison" for p in programme],
                "start": ["w2" if p else "" for p in programme],
                "girl": ["yes", "no"] * (N // 2),
            }
        ),
        "records.csv": pd.DataFrame(
            {
                "student_id": ids,
                "mark": rng.integers(40, 90, N),
                "late": rng.integers(0, 2, N),
                "days_absent": rng.integers(0, 20, N),
                "days_enrolled": rng.integers(150, 180, N),
            }
        ),
    }


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    return {f"w{wave}/{name}": table for wave in (1, 2, 3) for name, table in files(wave).items()}


def link(folder: Path, tables: dict[str, pd.DataFrame], study: Study) -> dict[str, WaveTable]:
    for name, table in tables.items():
        (folder / name).parent.mkdir(exist_ok=True)
        table.to_csv(folder / name, index=False)
    return link_waves(study, study.waves, folder)


def schema_issues(linked: dict[str, WaveTable], study: Study, damage: Damage | None = None) -> list[Issue]:
    table = prepare_wave(study, "w2", linked["w2"])
    if damage:
        damage(table)
    return list(check_table(study, "w2", linked["w2"], table))


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> None:
    study = Study.model_validate(definition())
    linked = link(tmp_path, tables, study)
    assert schema_issues(linked, study) == []
    assert compare_waves(study, linked) == ()
    clean_waves(study, "w3", raw=tmp_path, key=bytes(32))


def put(column: str, value: Any, n: int = 3) -> Damage:
    def damage(table: pd.DataFrame) -> None:
        table.loc[table.index[:n], column] = value

    return damage


def repeat(table: pd.DataFrame) -> None:
    table.loc[1, "student"] = table.loc[0, "student"]


def numbers(column: str) -> Damage:
    def damage(table: pd.DataFrame) -> None:
        table[column] = np.arange(float(len(table)))

    return damage


CASES: dict[str, tuple[Damage, str, str, str, str]] = {
    "a student twice": (repeat, "error", "w2/roster.csv", "", "repeats"),
    "an answer outside the form": (put("q1", 9.0), "error", "w2/survey.csv", "column q1", "3 of 48 answers"),
    "an answer between the form's steps": (put("q1", 0.5), "error", "w2/survey.csv", "column q1", "1 to 5"),
    "an item that is text": (lambda t: t.__setitem__("q2", "x"), "error", "w2/survey.csv", "column q2", "type"),
    "a mark outside its range": (put("mark", 101.0), "error", "w2/records.csv", "column mark", "between 0 and 100"),
    "an infinite mark": (put("mark", np.inf), "error", "w2/records.csv", "column mark", "3 of 48 values"),
    "a binary outcome of three values": (put("late", 2.0, 1), "error", "w2/records.csv", "column late", "1 of 48"),
    "a count below zero": (put("days_absent", -1.0), "error", "w2/records.csv", "column days_absent", "3 of 48"),
    "more days absent than enrolled": (
        put("days_absent", 400.0),
        "error",
        "w2/records.csv",
        "column days_absent",
        "3 of 48 students were absent on more days",
    ),
    "an unknown group": (put("girl", "perhaps"), "error", "w2/roster.csv", "column girl", "3 of 48 values"),
    "an unknown arm": (put("arm", "pilot"), "error", "w2/roster.csv", "column arm", "3 of 48 students"),
    "a start that is no wave": (put("start", "w9"), "warning", "w2/roster.csv", "column start", "no wave"),
    "names as numbers": (numbers("school_id"), "error", "w2/roster.csv", "column school_id", "text"),
    "a share above one": (put("answered_share", 1.5), "error", "w2/roster.csv", "", "not between 0 and 1"),
    "answered without a row in the survey": (put("in_survey", False), "error", "w2/roster.csv", "", "no row in"),
    "a column of one value": (put("q3", 4.0, N), "warning", "w2/survey.csv", "column q3", "one and the same"),
    "a class without a school": (put("school_id", None, 2), "warning", "w2/roster.csv", "column class_id", "2 of 48"),
    "a class in two schools": (
        put("school_id", "school5", 1),
        "warning",
        "w2/roster.csv",
        "column class_id",
        "two schools",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rule_is_seen_to_be_broken(tmp_path: Path, tables: dict[str, pd.DataFrame], case: str) -> None:
    damage, severity, file, column, words = CASES[case]
    study = Study.model_validate(definition())
    found = schema_issues(link(tmp_path, tables, study), study, damage)
    texts = [f"{issue.severity} {issue.problem}" for issue in found]
    assert any(
        issue.severity == severity
        and issue.problem.place == file
        and column in issue.problem.where
        and words in issue.problem.what
        for issue in found
    ), texts
    assert all(issue.problem.remedy for issue in found)
    assert not [text for text in texts if "S00" in text or "pilot" in text or "perhaps" in text]


def test_a_run_refuses_what_the_schema_refuses(tmp_path: Path, tables: dict[str, pd.DataFrame]) -> None:
    tables["w2/records.csv"].loc[:2, "days_absent"] = 400
    study = Study.model_validate(definition())
    link(tmp_path, tables, study)
    with pytest.raises(UserError, match="3 of 48 students were absent on more days than they were enrolled"):
        clean_waves(study, "w2", raw=tmp_path, key=bytes(32))


def unlink(tables: dict[str, pd.DataFrame]) -> None:
    tables["w2/survey.csv"].loc[:5, "student_id"] = [f"other{i}" for i in range(6)]


def unknown_school(tables: dict[str, pd.DataFrame]) -> None:
    tables["w2/survey.csv"].loc[:5, "school_id"] = "Schoool 1"


def silent_school(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["w2/survey.csv"]
    tables["w2/survey.csv"] = table[table["school_id"] != "school3"]


def early(tables: dict[str, pd.DataFrame]) -> None:
    tables["w2/survey.csv"]["Timestamp"] = "2020/12/01 9:00:00 AM GMT+1"


def late(tables: dict[str, pd.DataFrame]) -> None:
    tables["w2/survey.csv"]["Timestamp"] = "2023/02/01 9:00:00 AM GMT+1"


def halved(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("survey", "roster", "records"):
        tables[f"w2/{name}.csv"] = tables[f"w2/{name}.csv"].iloc[: N // 2 - 2]


def reversed_coding(tables: dict[str, pd.DataFrame]) -> None:
    tables["w1/survey.csv"]["q1"] = [1, 1, 1, 2] * (N // 4)
    tables["w2/survey.csv"]["q1"] = [5, 5, 5, 4] * (N // 4)


SIDE_BY_SIDE: dict[str, tuple[Callable[[dict[str, pd.DataFrame]], None], str, str]] = {
    "responses off the roster": (unlink, "w2/survey.csv", "6 of 48 responses belong to nobody"),
    "a school that the roster lacks": (unknown_school, "w2/survey.csv", "1 schools or spellings"),
    "a school without a response": (silent_school, "w2/survey.csv", "1 of 12 schools on the roster"),
    "responses before the last wave": (early, "w2/survey.csv", "48 were given before"),
    "responses after the next wave": (late, "w2/survey.csv", "48 on or after"),
    "half of the students": (halved, "w2/roster.csv", "Wave w2 has 22 students, wave w1 48."),
    "an item that turned round": (reversed_coding, "w2/survey.csv", "The mean of q1 is 88 %"),
}


@pytest.mark.parametrize("case", SIDE_BY_SIDE)
def test_what_is_odd_between_waves(tmp_path: Path, tables: dict[str, pd.DataFrame], case: str) -> None:
    damage, file, words = SIDE_BY_SIDE[case]
    damage(tables)
    study = Study.model_validate(definition())
    found = compare_waves(study, link(tmp_path, tables, study))
    mine = [issue for wave, issue in found if wave == "w2" and issue.problem.where == file]
    assert [issue.severity for issue in mine] == ["warning"]
    assert words in mine[0].problem.what


@pytest.mark.parametrize(
    ("text", "odd"),
    [("03/01/2022 10:00", False), ("01/03/2022 10:00", False), ("2022-01-03", False), ("2024-01-03T10:00", True)],
)
def test_dates_are_read_in_every_order_of_day_and_month(
    tmp_path: Path, tables: dict[str, pd.DataFrame], text: str, odd: bool
) -> None:
    tables["w2/survey.csv"]["Timestamp"] = text
    study = Study.model_validate(definition())
    assert bool(compare_waves(study, link(tmp_path, tables, study))) is odd


@pytest.mark.slow
def test_a_million_students_take_seconds() -> None:
    import time

    from belonging_study.data.checks.schema import schema_failures, wave_schema

    n = 1_000_000
    rng = np.random.default_rng(1)
    scale = {"label": "S", "items": [f"q{i}" for i in range(30)], "range": [1, 5]}
    study = Study.model_validate(definition() | {"scales": {"s": scale}})
    ids = pd.Series(np.arange(n)).astype(str)
    table = pd.DataFrame({f"q{i}": rng.integers(1, 6, n).astype(float) for i in range(30)})
    table["student"], table["school_id"], table["class_id"] = ids, ids.str[:3], ids.str[:4]
    table["arm"], table["start"], table["girl"] = "programme", "w2", np.where(np.arange(n) % 2, "yes", "no")
    table["mark"], table["late"] = rng.random(n) * 100, (np.arange(n) % 2).astype(float)
    table["days_absent"], table["days_enrolled"] = np.arange(n) % 9.0, 150.0 + np.arange(n) % 9
    table["responded"] = table["in_survey"] = True
    table["@removed"] = 0
    began = time.process_time()
    assert list(schema_failures(wave_schema(study, "w2"), table)) == []
    assert time.process_time() - began < 20
