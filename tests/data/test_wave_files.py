from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from belonging_study.data.waves.all_waves import examine_wave, link_waves, repeated_surveys
from belonging_study.errors import (
    ArmConflictError,
    ColumnMissingError,
    DataError,
    DataProblems,
    DuplicateRowsError,
    FileMissingError,
    UnreadableFileError,
    UserError,
    ValueRangeError,
)
from belonging_study.study.model import Study

IDS = ("Q7001", "Q7002", "Q7003", "Q7004")


def make_study(**changes: Any) -> Study:
    sources = [
        {"file": "{w}/survey.csv"},
        {"file": "{w}/roster.csv", "kind": "roster"},
        {"file": "{w}/records.csv", "kind": "records"},
    ]
    definition: dict[str, Any] = {
        "title": "A small study",
        "name": "small",
        "programme": {"name": "P"},
        "waves": [
            {
                "name": w,
                "label": w,
                "date": f"202{w[1]}-01-01",
                "sources": [{**s, "file": s["file"].format(w=w)} for s in sources],
            }
            for w in ("w1", "w2")
        ],
        "design": {"assignment": {"starts": "w2"}},
        "scales": {"s": {"label": "S", "items": ["q1", "q2"], "range": [1, 5]}},
        "outcomes": [
            {"name": "s", "measure": "s", "label": "S"},
            {"name": "mark", "measure": "mark", "label": "Mark", "range": [0, 100]},
        ],
    }
    return Study.model_validate(definition | changes)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for w in ("w1", "w2"):
        (tmp_path / w).mkdir()
        write(tmp_path / w / "survey.csv", "student_id,q1,q2", *(f"{i},{1 + at},{5 - at}" for at, i in enumerate(IDS)))
        places = ["north,programme", "north,programme", "south,comparison", "south,comparison"]
        rows = [f"{i},{place}" for i, place in zip(IDS, places, strict=True)]
        write(tmp_path / w / "roster.csv", "student_id,school_id,arm", *rows)
        write(tmp_path / w / "records.csv", "student_id,mark", *(f"{i},{60 + at}" for at, i in enumerate(IDS)))
    write(
        tmp_path / "w2" / "survey.csv", "student_id,q1,q2", *(f"{i},{2 + at},{4 - at}" for at, i in enumerate(IDS[:4]))
    )
    return tmp_path


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def problems(raw: Path, study: Study | None = None, wave: str = "w1") -> list[UserError]:
    study = study or make_study()
    found = list(examine_wave(study, study.wave(wave), raw).problems)
    text = "\n".join(map(str, found))
    assert not [i for i in IDS if i in text]
    return found


def kinds(found: list[UserError]) -> set[tuple[type[UserError], str]]:
    return {(type(problem), problem.place) for problem in found}


def test_nothing_is_wrong_with_the_small_study(raw: Path) -> None:
    assert problems(raw) == []
    study = make_study()
    assert list(link_waves(study, study.waves, raw)) == ["w1", "w2"]


def test_a_missing_file_does_not_hide_what_is_wrong_with_the_others(raw: Path) -> None:
    (raw / "w1" / "records.csv").unlink()
    write(raw / "w1" / "roster.csv", "student_id,shool_id,arm", "Q7001,north,programme", "Q7002,south,comparison")
    write(raw / "w1" / "survey.csv", "student_id,q1,q2", "Q7001,9,1", "Q7002,2,x")
    found = problems(raw)
    assert kinds(found) >= {(FileMissingError, "w1/records.csv"), (ColumnMissingError, "w1/roster.csv")}
    assert len(found) == 3
    by_place = {problem.place: str(problem) for problem in found}
    assert "did you mean shool_id?" in by_place["w1/roster.csv"]
    assert "column q1: 1 answer" in by_place["w1/survey.csv"]
    assert "column q2: 1 answer" in by_place["w1/survey.csv"]
    # What the missing file would have held is not called missing elsewhere.
    assert "mark" not in by_place["w1/roster.csv"]


def test_every_unreadable_file_is_told(raw: Path) -> None:
    (raw / "w1" / "survey.csv").write_bytes(b"PK\x03\x04 broken")
    (raw / "w1" / "records.csv").unlink()
    found = problems(raw)
    assert (FileMissingError, "w1/records.csv") in kinds(found)
    assert (UnreadableFileError, "w1/survey.csv") in kinds(found)


def test_repeated_rows_of_every_kind_of_file_and_values_come_together(raw: Path) -> None:
    for name, line in (
        ("roster", "Q7001,south,programme"),
        ("records", "Q7002,12"),
        ("survey", "Q7003,1,1"),
    ):
        path = raw / "w1" / f"{name}.csv"
        path.write_text(path.read_text() + line + "\n")
    path = raw / "w1" / "records.csv"
    path.write_text(path.read_text().replace(",63", ",999"))
    assert kinds(problems(raw)) == {
        (DuplicateRowsError, "w1/roster.csv"),
        (DuplicateRowsError, "w1/records.csv"),
        (DuplicateRowsError, "w1/survey.csv"),
        (ValueRangeError, "w1/records.csv"),
    }


def test_arms_that_contradict_are_told_beside_repeated_rows(raw: Path) -> None:
    write(raw / "w1" / "records.csv", "student_id,mark,arm", "Q7001,60,comparison", "Q7003,61,comparison")
    path = raw / "w1" / "survey.csv"
    path.write_text(path.read_text() + "Q7003,1,1\n")
    assert {kind for kind, _ in kinds(problems(raw))} == {ArmConflictError, DuplicateRowsError}


def test_a_run_fails_with_all_problems_of_all_waves_worst_first(raw: Path) -> None:
    write(raw / "w1" / "records.csv", "student_id,mark", *(f"{i},999" for i in IDS))
    (raw / "w2" / "roster.csv").unlink()
    study = make_study()
    with pytest.raises(DataProblems) as caught:
        link_waves(study, study.waves, raw)
    places = [problem.place for problem in caught.value.problems]
    assert places == ["w2/roster.csv", "w1/records.csv"]
    text = str(caught.value)
    assert text.startswith("2 problems in 2 places:\nw2/roster.csv\n")
    assert not [i for i in IDS if i in text]


def test_one_problem_is_raised_as_it_is(raw: Path) -> None:
    (raw / "w1" / "records.csv").unlink()
    study = make_study()
    with pytest.raises(FileMissingError):
        link_waves(study, study.waves, raw)


def test_one_export_for_two_waves(raw: Path) -> None:
    study = make_study()
    assert repeated_surveys(study, study.waves, "w2", raw) == ()  # the rosters are alike, and may be
    (raw / "w2" / "survey.csv").write_bytes((raw / "w1" / "survey.csv").read_bytes())
    (problem,) = repeated_surveys(study, study.waves, "w2", raw)
    assert problem.where == "w2/survey.csv"
    assert "w1/survey.csv of wave w1" in problem.what
    assert repeated_surveys(study, study.waves, "w1", raw) == ()
    with pytest.raises(DataError, match="delivered for two waves"):
        link_waves(study, study.waves, raw)


@pytest.mark.parametrize("told", [{"rows": {"wave": 2}}, {"columns": {"q1": "q1_late"}}])
def test_one_file_may_hold_both_waves(raw: Path, told: dict[str, Any]) -> None:
    study = make_study()
    first, second = study.waves
    shared = second.sources[0].model_copy(update={"file": "w1/survey.csv", **told})
    study = study.model_copy(update={"waves": (first, second.model_copy(update={"sources": (shared,)}))})
    assert repeated_surveys(study, study.waves, "w2", raw) == ()
