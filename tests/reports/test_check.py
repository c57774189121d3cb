from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from belonging_study.reports.check import WaveCheck, check_waves, next_step
from belonging_study.reports.check_page import check_html, check_lines, check_tables
from belonging_study.study import Study, load_study

STUDY = """\
title: A small <study>
name: small
programme: {name: P}
waves:
  - name: w1
    label: Baseline
    date: 2025-01-15
    before_programme: true
    sources:
      - {file: w1/survey.csv}
      - {file: w1/roster.csv, kind: roster}
      - {file: w1/records.csv, kind: records}
  - name: w2
    label: Follow-up
    date: 2026-01-15
    sources:
      - {file: w2/survey.csv}
      - {file: w2/roster.csv, kind: roster}
      - {file: w2/records.csv, kind: records}
design: {assignment: {starts: w2}}
scales:
  s: {label: S, items: [q1, q2], range: [1, 5]}
outcomes:
  - {name: s, measure: s, label: S}
  - {name: mark, measure: mark, label: Mark, range: [0, 100]}
exclusions:
  - {name: no_consent, label: No consent, column: consent, equals: "no"}
"""
N = 24
FIRST = [f"Vorname{chr(97 + i)}" for i in range(N)]
LAST = [f"Familie{chr(97 + i)}" for i in range(N)]
IDS = [f"77{i:04d}" for i in range(N)]
MAIL = "somebody@school.example"
WORDS = "nobody likes me here"

Rows = list[list[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of two waves and 24 students in which nothing is wrong."""
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(tmp_path / "keys" / "small.key"))
    top = tmp_path / "small"
    for wave in (1, 2):
        (top / "data_raw" / f"w{wave}").mkdir(parents=True)
        schools = [f"school {i % 4}" for i in range(N)]
        write(top, f"w{wave}/survey.csv", [["student_id", "q1", "q2", "remark"]] + [
            [student, str(1 + (i + wave) % 5), str(1 + i % 4), "none"] for i, student in enumerate(IDS)
        ])  # fmt: skip
        write(top, f"w{wave}/roster.csv", [["student_id", "first name", "surname", "school_id", "arm", "consent"]] + [
            [student, FIRST[i], LAST[i], schools[i], ("programme", "comparison")[i % 2], "yes"]
            for i, student in enumerate(IDS)
        ])  # fmt: skip
        write(top, f"w{wave}/records.csv", [["student_id", "mark"]] + [
            [student, str(50 + i)] for i, student in enumerate(IDS)
        ])  # fmt: skip
    (top / "study.yml").write_text(STUDY, encoding="utf-8")
    return top


def write(top: Path, name: str, rows: Rows) -> None:
    with (top / "data_raw" / name).open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


def edit(top: Path, name: str, change: Callable[[Rows], Rows]) -> None:
    with (top / "data_raw" / name).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    write(top, name, change(rows))


def check(folder: Path, *waves: str) -> tuple[Study, list[WaveCheck]]:
    study = load_study(folder)
    return study, check_waves(study, waves or study.wave_names, folder / "data_raw")


def everything_said(study: Study, checks: list[WaveCheck]) -> str:
    """All forms of a check, which name nobody."""
    from rich.console import Console

    console = Console(width=200, record=True, file=StringIO())
    for one in checks:
        for part in check_tables(one):
            console.print(part)
    page = check_html(study, checks, raw="data_raw")
    lines = "\n".join(line for one in checks for line in check_lines(one))
    said = "\n".join([lines, console.export_text(), page, repr(checks), next_step(checks, "data_raw")])
    private = [*FIRST, *LAST, *IDS, MAIL, WORDS]
    assert not [text for text in private if text.casefold() in said.casefold()]
    return said


def test_nothing_is_found_in_a_study_in_which_nothing_is_wrong(folder: Path) -> None:
    study, checks = check(folder)
    assert [one.findings for one in checks] == [(), ()]
    assert [one.summary for one in checks] == [
        "24 students in 4 schools, 24 of the students answered the survey",
    ] * 2
    assert "Nothing is wrong." in everything_said(study, checks)
    assert "All is well." in check_html(study, checks, raw="data_raw")
    assert next_step(checks, "data_raw") == "`belonging-study run` makes the report."
    assert not (folder.parent / "keys").exists()  # a check leaves no key behind
    students = next(rows for rows in checks[0].rows if rows.name == "students")
    assert (students.n_start, students.n_left) == (24, 24)
    assert students.left_out[0] == ("No consent", 0)  # a rule that leaves out nobody may be misspelt


def test_all_is_told_at_once_by_file_and_worst_first_and_names_nobody(folder: Path) -> None:
    edit(folder, "w1/survey.csv", lambda rows: [rows[0], *([r[0], "9", r[2], MAIL] for r in rows[1:5]), *rows[5:]])
    edit(folder, "w1/survey.csv", lambda rows: [*rows[:6], [rows[6][0], WORDS, *rows[6][2:]], *rows[7:]])
    edit(folder, "w1/records.csv", lambda rows: [*rows, [rows[1][0], "12"], [rows[2][0], "13"]])
    edit(
        folder, "w1/records.csv", lambda rows: [[*rows[0], "note"], *([*r, f"{FIRST[0]} {LAST[0]}"] for r in rows[1:])]
    )
    edit(folder, "w2/roster.csv", lambda rows: [[c.replace("school_id", "scholl_id") for c in rows[0]], *rows[1:]])
    (folder / "data_raw" / "w2" / "records.csv").unlink()
    study, checks = check(folder)
    first, second = checks
    assert [(f.severity, f.file) for f in first.findings] == [
        ("error", "w1/records.csv"),
        ("note", "w1/records.csv"),
        ("error", "w1/survey.csv"),
        ("note", "w1/survey.csv"),
    ]
    assert [(f.severity, f.file) for f in second.findings] == [("error", "w2/records.csv"), ("error", "w2/roster.csv")]
    assert second.needs == ("w1",)
    said = everything_said(study, checks)
    assert "4 errors, 0 warnings, 2 notes" in said
    assert "column q1: 5 answers" in said
    assert "name of somebody on the roster in 26 rows" in said
    assert "e-mail address in 4 rows" in said
    assert "did you mean scholl_id?" in said
    assert "A small &lt;study&gt;" in said
    assert next_step(checks, "data_raw").startswith("Mend all 4 errors")


def test_warnings_let_a_run_go_on(folder: Path) -> None:
    edit(folder, "w2/survey.csv", lambda rows: [rows[0], *([f"x{r[0]}", *r[1:]] for r in rows[1:5]), *rows[5:]])
    edit(folder, "w2/survey.csv", lambda rows: [rows[0], *([r[0], r[1], "3", r[3]] for r in rows[1:])])
    study, checks = check(folder)
    assert [(f.severity, f.file) for f in checks[1].findings] == [("warning", "w2/survey.csv")] * 2
    assert checks[1].summary == "24 students in 4 schools, 20 of the students answered the survey; 2 warnings"
    assert "4 of 24 responses belong to nobody on the roster" in everything_said(study, checks)
    assert next_step(checks, "data_raw").startswith("Look at the 2 warnings.")


def test_a_survey_delivered_twice_and_an_outcome_that_never_varies(folder: Path) -> None:
    (folder / "data_raw" / "w2" / "survey.csv").write_bytes((folder / "data_raw" / "w1" / "survey.csv").read_bytes())
    edit(folder, "w1/records.csv", lambda rows: [rows[0], *([r[0], "60"] for r in rows[1:])])
    study, checks = check(folder)
    said = [(f.severity, f.where, f.what.split(":")[0]) for one in checks for f in one.findings]
    assert ("warning", "w1/records.csv, column mark", "The outcome mark never varies") in said
    assert len([s for s in said if s[1].startswith("w1/records.csv")]) == 1  # the warning about it is not told as well
    assert [f.file for f in checks[1].findings if "delivered for two waves" in f.what] == ["w2/survey.csv"]
    everything_said(study, checks)


def test_waves_without_files(folder: Path) -> None:
    for file in (folder / "data_raw" / "w2").iterdir():
        file.unlink()
    study, checks = check(folder)
    assert [one.is_there for one in checks] == [True, False]
    assert checks[1].summary == "no files yet"
    assert next_step(checks, "data_raw") == "`belonging-study run` makes the report."
    for file in (folder / "data_raw" / "w1").iterdir():
        file.unlink()
    study, checks = check(folder)
    assert next_step(checks, "data_raw").startswith("Put the exports into data_raw/")
    assert "No files yet." in everything_said(study, checks)


def test_a_wave_that_was_skipped_is_missed_by_the_next(folder: Path) -> None:
    for file in (folder / "data_raw" / "w1").iterdir():
        file.unlink()
    _, checks = check(folder, "w2")
    assert [(one.wave, one.count("error")) for one in checks] == [("w1", 3), ("w2", 0)]
    assert checks[1].needs == ("w1",)


def test_rows_are_counted_where_the_files_could_not_be_brought_together(folder: Path) -> None:
    (folder / "data_raw" / "w1" / "records.csv").unlink()
    _, checks = check(folder, "w1")
    assert [(rows.start, rows.n_start, rows.n_left) for rows in checks[0].rows] == [
        ("Rows of w1/survey.csv", 24, 24),
        ("Rows of w1/roster.csv", 24, 24),
    ]


def test_a_wave_that_cannot_be_analysed_alone_does_not_stop_the_next(folder: Path) -> None:
    edit(folder, "w1/records.csv", lambda rows: [rows[0], *([r[0], "60"] for r in rows[1:])])
    _, checks = check(folder)
    assert [(one.count("error"), one.count("warning"), one.needs) for one in checks] == [(0, 1, ()), (0, 0, ())]
    assert checks[1].summary.startswith("24 students")
    assert [one.count("error") for one in check(folder, "w1")[1]] == [1]  # no report of this wave alone


def test_what_hinders_every_wave_is_told_once(folder: Path) -> None:
    edit(folder, "w1/roster.csv", lambda rows: [*rows[:1], *([*r[:4], "pilot", r[5]] for r in rows[1:3]), *rows[3:]])
    study, checks = check(folder)
    assert [(one.count("error"), one.needs) for one in checks] == [(1, ()), (0, ("w1",))]
    assert checks[1].summary == "needs w1 to be mended first"
    assert everything_said(study, checks).count("is none of") == 4  # once in each form
