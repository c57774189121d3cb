"""What a school partner is told who does things wrong: a plain sentence with file, column and count; nothing written.

The demo study is written once; every case copies it and damages the copy. Its ``demo:`` section is taken out, so that
it is a study like any other (damaged demo files are refused before anything else is looked at).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from belonging_study.cli import main
from belonging_study.data.demo import write_demo
from school_partner import Partner, Row, identities, leaked, read_rows, without_column

Damage = Callable[[Partner], None]
Snapshot = dict[str, tuple[bytes, int]]

WORDING = "In the morning I look forward to seeing the people at this school."


@pytest.fixture(scope="session")
def demo_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("demo")
    write_demo(raw, seed=1)
    return raw


@pytest.fixture(scope="session")
def students(demo_raw: Path) -> frozenset[str]:
    return identities(demo_raw)


@pytest.fixture
def partner(tmp_path: Path, project: Path, demo_raw: Path, monkeypatch: pytest.MonkeyPatch) -> Partner:
    return make_partner(tmp_path, project, demo_raw, monkeypatch)


def make_partner(where: Path, project: Path, demo_raw: Path, monkeypatch: pytest.MonkeyPatch) -> Partner:
    folder = where / "study"
    shutil.copytree(demo_raw, folder / "data_raw")
    shutil.copytree(project / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    lines = (project / "study.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    real = [line for line in lines if not line.startswith("demo:")]
    assert len(real) == len(lines) - 1
    (folder / "study.yml").write_text("".join(real), encoding="utf-8")
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(where / "keys" / "study.key"))
    for variable in ("BELONGING_STUDY_STUDY", "BELONGING_STUDY_DATA", "BELONGING_STUDY_SCRATCH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(folder)
    return Partner(folder)


def snapshot(folder: Path) -> Snapshot:
    """Every file below a folder: its bytes and when it was last written."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def call(*arguments: str) -> tuple[int, str]:
    """Run a command in this process; gives its exit code and all that it printed."""
    import click

    @click.command()
    def command() -> None:
        main(arguments)

    result = CliRunner().invoke(command, [])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


# --- the ways in which it goes wrong -----------------------------------------------------------------------------


def answers(row: Row) -> bool:
    """A row of the Qualtrics export that is a student's response."""
    return row["Status"] == "0" and row["ExternalReference"] != ""


def anybody(row: Row) -> bool:
    return True


def in_school(school: str) -> Callable[[Row], bool]:
    return lambda row: row["school_id"] == school


def missing_file(partner: Partner) -> None:
    partner.file("w1/records.csv").unlink()


def missing_column(partner: Partner) -> None:
    partner.cells("w1/records.csv", without_column("mean_mark"))


def missing_item(partner: Partner) -> None:
    partner.cells("w1/survey.csv", without_column("bel_07"))


def misspelt_columns(partner: Partner) -> None:
    partner.rename("w1/roster.csv", "school_id", "shool_id")
    partner.rename("w1/records.csv", "days_absent", "days_absnt")


def misspelt_declaration(partner: Partner) -> None:
    partner.define("ExternalReference", "ExternalRefrence")


def out_of_range(partner: Partner) -> None:
    partner.set("w1/survey.csv", "bel_03", "9", answers, 4)
    partner.set("w1/survey.csv", "bel_03", "0", lambda row: answers(row) and row["bel_03"] != "9", 2)
    partner.set("w1/survey.csv", "con_02", "5", answers, 3)


def text_in_numbers(partner: Partner) -> None:
    partner.set("w1/records.csv", "days_absent", "ill", anybody, 7)


def impossible_marks(partner: Partner) -> None:
    partner.set("w1/records.csv", "mean_mark", "999", anybody, 5)
    partner.set("w1/records.csv", "mean_mark", "101.5", lambda row: row["mean_mark"] != "999", 1)


def unknown_label(partner: Partner) -> None:
    partner.set("w2/survey.csv", WORDING, "Somewhat true", lambda row: row[WORDING] == "Partly true", 12)


def somebody_named(partner: Partner) -> None:
    """One student types another's name where a label belongs."""
    header, first, *_ = read_rows(partner.file("w2/roster.csv"))
    row = dict(zip(header, first, strict=True))
    partner.set("w2/survey.csv", WORDING, f"{row['first_name']} {row['last_name']}", anybody, 1)


def survey_twice(partner: Partner) -> None:
    """Leaves exactly four students with two responses each."""
    header, *rows = read_rows(partner.file("w2/survey.csv"))
    times = Counter(row[1] for row in rows)
    once = [row for row in rows if row[1] and times[row[1]] == 1]
    partner.cells("w2/survey.csv", lambda _: [header, *once, *once[:4]])
    partner.define("duplicates: most_complete", "duplicates: error")
    partner.cells("w1/survey.csv", lambda every: _first_of_each(every, 12))


def _first_of_each(rows: list[list[str]], at: int) -> list[list[str]]:
    seen: set[str] = set()
    return [row for row in rows if not (row[at] in seen or seen.add(row[at])) or not row[at]]


def roster_twice(partner: Partner) -> None:
    partner.cells("w1/roster.csv", lambda rows: [*rows, *([*row[:4], "9Z", *row[5:]] for row in rows[1:4])])


def records_twice(partner: Partner) -> None:
    partner.cells("w1/records.csv", lambda rows: [*rows, *([row[0], "11.5", *row[2:]] for row in rows[1:6])])


def student_in_two_arms(partner: Partner) -> None:
    partner.cells("w1/roster.csv", lambda rows: [*rows, *([*row[:6], "programme", *row[7:]] for row in rows[1:3])])


def contradicted_by(name: str, at: int) -> Damage:
    """A file with an arm of its own, which says programme for three students of comparison schools."""

    def damage(partner: Partner) -> None:
        arms = {row[0]: row[6] for row in read_rows(partner.file("w2/roster.csv"))}
        header, *rows = read_rows(partner.file(name))
        times = Counter(row[at] for row in rows)
        told = [row[at] for row in rows if times[row[at]] == 1 and arms.get(row[at]) == "comparison"][:3]
        arms |= dict.fromkeys(told, "programme")
        partner.cells(name, lambda _: [[*header, "arm"], *([*row, arms.get(row[at], "")] for row in rows)])

    return damage


def school_in_both_arms(partner: Partner) -> None:
    partner.set("w1/roster.csv", "arm", "programme", in_school("S01"), 5)


def school_changes_sides(partner: Partner) -> None:
    partner.set("w2/roster.csv", "arm", "programme", in_school("S01"))


def misspelt_arm(partner: Partner) -> None:
    partner.set("w1/roster.csv", "arm", "comparision", lambda row: row["arm"] == "comparison", 59)


def only_arm(arm: str, wave: str) -> Damage:
    return lambda partner: partner.cells(
        f"{wave}/roster.csv", lambda rows: [rows[0], *(row for row in rows if row[6] == arm)]
    )


def empty(partner: Partner) -> None:
    partner.file("w1/records.csv").write_bytes(b"")


def header_only(partner: Partner) -> None:
    partner.cells("w1/records.csv", lambda rows: rows[:1])


def headers_only(partner: Partner) -> None:
    partner.cells("w1/survey.csv", lambda rows: rows[:3])


def windows_1252(partner: Partner) -> None:
    file = partner.file("w1/roster.csv")
    rows = file.read_text(encoding="utf-8").replace("ı", "i").splitlines(keepends=True)
    plain = [row if row.isascii() else row.encode("ascii", "replace").decode() for row in rows]
    plain[4] = plain[4].replace(",S01,", "é,S01,", 1)
    file.write_bytes("".join(plain).encode("windows-1252"))


def excel_named_csv(partner: Partner) -> None:
    file = partner.file("w1/roster.csv")
    workbook = file.with_suffix(".xlsx")
    pd.read_csv(file, dtype=str).to_excel(workbook, index=False)
    workbook.replace(file)


def truncated_sav(partner: Partner) -> None:
    file = partner.file("w3/survey.sav")
    file.write_bytes(file.read_bytes()[:100_000])


def two_columns_of_one_name(partner: Partner) -> None:
    partner.rename("w1/records.csv", "days_absent", "mean_mark")


def never_varies(partner: Partner) -> None:
    partner.set("w1/records.csv", "mean_mark", "60", anybody)


def excel_ids(partner: Partner) -> None:
    partner.set("w1/roster.csv", "student_id", "1.0E+05", anybody, 40)


def without_zeros(name: str, at: int) -> Damage:
    return lambda partner: partner.cells(
        name, lambda rows: [[*row[:at], row[at].lstrip("0"), *row[at + 1 :]] for row in rows]
    )


def five_mistakes(partner: Partner) -> None:
    partner.define("    level: school", "    levl: school")
    partner.define("starts: w2", "starts: w9")
    partner.define("role: primary", "role: main")
    partner.define("duplicates: most_complete", "duplicates: newest")
    partner.define("conf_level: 0.95", "conf_level: 95")


def climbing_path(partner: Partner) -> None:
    partner.define("file: w1/records.csv", "file: ../../w1/records.csv")


def not_yaml(partner: Partner) -> None:
    partner.define('title: "Notes', 'title: "Notes" of "')


def still_demo(partner: Partner) -> None:
    partner.define("privacy: {minimum_cell: 10}", "privacy: {minimum_cell: 10}\ndemo: {seed: 1}")
    partner.set("w1/records.csv", "mean_mark", "12", anybody, 1)


def nothing(partner: Partner) -> None:
    """The partner's files are right; the command is not."""


CASES: dict[str, tuple[Damage, str, list[str]]] = {
    "missing file": (missing_file, "check --wave w1", ["w1/records.csv is not there.", "in study.yml"]),
    "missing file, run": (missing_file, "run --wave w2", ["1 file that study.yml names is not there: w1/records.csv"]),
    "missing column": (missing_column, "check --wave w1", ["lacks 1 column", "w1/records.csv has no column mean_mark"]),
    # No other question is offered for a question that is missing.
    "missing item": (missing_item, "check --wave w1", ["lacks 1 column", "w1/survey.csv has no column bel_07\n"]),
    "misspelt columns": (
        misspelt_columns,
        "check --wave w1",
        [
            "w1/roster.csv has no column school_id; did you mean shool_id?",
            "w1/records.csv has no column days_absent; did you mean days_absnt?",
        ],
    ),
    "misspelt declaration": (
        misspelt_declaration,
        "check --wave w1",
        [
            'w1/survey.csv has no column "ExternalRefrence", declared for student_id',
            'the nearest is "ExternalReference"',
        ],
    ),
    "out of range": (
        out_of_range,
        "check --wave w1",
        [
            'column bel_03: 6 answers are not among the form\'s values, 1 to 5: "9" (4), "0" (2)',
            'column con_02: 3 answers are not among the form\'s values, 1 to 4: "5" (3)',
            "Where: w1/survey.csv\n",
        ],
    ),
    "text in numbers": (
        text_in_numbers,
        "check --wave w1",
        ["column days_absent: 7 values are not numbers.", "Where: w1/records.csv, column days_absent, 7 rows"],
    ),
    "impossible marks": (
        impossible_marks,
        "check --wave w1",
        [
            "column mean_mark: 6 values are outside the outcome's range, 0 to 100: 999 (5), 101.5 (1)",
            "Where: w1/records.csv, column mean_mark",
        ],
    ),
    "unknown label": (
        unknown_label,
        "check --wave w2",
        [
            f'column {WORDING}: 12 answers are none of the scale\'s labels: "Somewhat true" (12)',
            "Where: w2/survey.csv, column",
        ],
    ),
    "a name in place of an answer": (
        somebody_named,
        "check --wave w2",
        [f"column {WORDING}: 1 answer is none of the scale's labels: 1 not shown", "w2/survey.csv", "1 row"],
    ),
    "survey twice": (
        survey_twice,
        "check --wave w2",
        [
            "4 students answered more than once (8 rows).",
            "Where: w2/survey.csv, column What is your student number?",
            "by `duplicates:` first, last or most_complete",
        ],
    ),
    "roster twice": (
        roster_twice,
        "check --wave w1",
        ["more than one row for 3 students (6 rows)", "class_id (3 students)", "Where: w1/roster.csv"],
    ),
    "records twice": (
        records_twice,
        "check --wave w1",
        ["more than one row for 5 students (10 rows)", "mean_mark (5 students)", "Where: w1/records.csv"],
    ),
    "student in two arms": (
        student_in_two_arms,
        "check --wave w1",
        ["two arms are given for 2 students (4 rows", "Where: w1/roster.csv", "column arm"],
    ),
    "records contradict the roster": (
        contradicted_by("w2/records.csv", 0),
        "check --wave w2",
        ["3 of ", "in one arm in w2/roster.csv and in another in w2/records.csv", "column arm"],
    ),
    "survey contradicts the roster": (
        contradicted_by("w2/survey.csv", 1),
        "check --wave w2",
        ["3 of ", "in one arm in w2/roster.csv and in another in w2/survey.csv", "column arm"],
    ),
    "school in both arms": (
        school_in_both_arms,
        "check --wave w1",
        ["1 school is in two arms: students 54 in comparison, 5 in programme.", "Where: w1/roster.csv, column arm"],
    ),
    "school changes sides": (
        school_changes_sides,
        "check --wave w2",
        ["1 school is in two arms: students 59 in comparison, ", "Where: w1/roster.csv; w2/roster.csv, column arm"],
    ),
    "misspelt arm": (
        misspelt_arm,
        "check --wave w1",
        [  # two of the 59 have no consent and are not looked at
            'The arm of 57 rows is none of comparison, programme: "comparision" (57); did you mean comparison?\n'
        ],
    ),
    "no programme school": (
        only_arm("comparison", "w1"),
        "check --wave w1",
        ["Wave w1 has 0 programme and 12 comparison schools in its analysis sample."],
    ),
    "no comparison school": (
        only_arm("programme", "w2"),
        "check --wave w2",
        ["Wave w2 has 12 programme and 0 comparison schools in its analysis sample."],
    ),
    "empty file": (empty, "check --wave w1", ["w1/records.csv is empty."]),
    "header only": (header_only, "check --wave w1", ["w1/records.csv has a header and no rows of data."]),
    "three headers only": (headers_only, "check --wave w1", ["w1/survey.csv has a header and no rows of data."]),
    "windows-1252": (
        windows_1252,
        "check --wave w1",
        ["w1/roster.csv is not UTF-8: line 5 holds a byte", "declare encoding: windows-1252"],
    ),
    "Excel named csv": (excel_named_csv, "check --wave w1", ["w1/roster.csv is really an Excel file", "CSV UTF-8"]),
    "truncated sav": (truncated_sav, "check --wave w3", ["w3/survey.sav", "damaged or ends too early"]),
    "two columns of one name": (
        two_columns_of_one_name,
        "check --wave w1",
        ['w1/records.csv has several columns of one name: "mean_mark" (2 columns).'],
    ),
    "an outcome that never varies": (
        never_varies,
        "check --wave w1",
        [
            "The outcome marks never varies: mean_mark is 60 for every student with a value in wave w1",
            "column mean_mark",
        ],
    ),
    "ids that Excel changed": (
        excel_ids,
        "check --wave w1",
        ['changed the identifiers of 40 rows: they are now written as "1.0E+05"', "w1/roster.csv, column student_id"],
    ),
    "records' ids without zeros": (
        without_zeros("w1/records.csv", 0),
        "check --wave w1",
        ["162 identifiers differ from those of students on the roster by leading zeros", "w1/records.csv, column"],
    ),
    "survey's ids without zeros": (
        without_zeros("w1/survey.csv", 12),
        "check --wave w1",
        ["identifiers differ from those of students on the roster by leading zeros", "w1/survey.csv, column"],
    ),
    "roster's ids without zeros": (
        without_zeros("w1/roster.csv", 0),
        "check --wave w1",
        ["identifiers differ from those of students on the roster by leading zeros", "export the roster again"],
    ),
    "five mistakes": (
        five_mistakes,
        "check",
        [
            "study.yml has 5 mistakes:",
            "design.assignment.levl: levl is not an entry here; did you mean level?",
            "'w9' is not a wave of this study (w1, w2, w3)",
            "'main' is not allowed; it must be one of primary, secondary, exploratory",
            "'newest' is not allowed",
            "analysis.conf_level: 95: input should be less than 1",
        ],
    ),
    "a path that climbs out": (
        climbing_path,
        "check",
        ["study.yml has 1 mistake:", "'../../w1/records.csv' leads out of the raw data folder"],
    ),
    "no YAML": (not_yaml, "check", ["study.yml has 1 mistake:\n  line 2: this is not valid YAML", "quotation mark"]),
    "demo section left": (
        still_demo,
        "check --wave w1",
        ["study.yml still has the `demo:` section", "Where: w1/records.csv", "remove the `demo:` section"],
    ),
    "demo section left, run": (still_demo, "run --wave w1", ["study.yml still has the `demo:` section"]),
    "misspelt wave": (nothing, "check --wave w11", ["There is no wave 'w11'; did you mean w1?", "w1, w2, w3"]),
    "misspelt wave, run": (nothing, "run --wave W2", ["There is no wave 'W2'; did you mean w2?"]),
    "misspelt data folder": (nothing, "check --data dataraw", ["There is no folder dataraw.", "--data"]),
    "misspelt data folder, run": (nothing, "run --data dataraw", ["No wave has all of its files; w1/survey.csv, "]),
    "misspelt study folder": (nothing, "check --study elsewhere", ["There is no elsewhere in study/."]),
    "unknown parameter": (nothing, "run --wave w1 -p sed 3", ["There is no parameter 'sed'; did you mean seed?"]),
    "parameter of a wrong type": (
        nothing,
        "run --wave w1 -p seed abc",
        ["The parameter seed takes a whole number, not 'abc'.", "-p seed 1"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_partner_is_told(partner: Partner, students: frozenset[str], case: str) -> None:
    damage, command, told = CASES[case]
    damage(partner)
    before = snapshot(partner.folder)
    code, output = call(*command.split())
    assert code == 2, output
    for words in told:
        assert words in output, output
    assert "Traceback" not in output
    assert "belonging_study." not in output  # no module's name
    assert leaked(output, students) == set()
    assert snapshot(partner.folder) == before


def test_the_undamaged_study_has_no_problem(partner: Partner, students: frozenset[str]) -> None:
    """So that every refusal above is of the damage."""
    before = snapshot(partner.folder)
    code, output = call("check")
    assert code == 0, output
    assert [line[:3] for line in output.splitlines() if line[0] != " "] == ["w1:", "w2:", "w3:", "Nex"]
    assert not {"error:", "warning:", "note:"} & set(output.split())
    assert leaked(output, students) == set()
    assert snapshot(partner.folder) == before


def test_a_roster_of_half_the_schools_shows_in_their_number(partner: Partner) -> None:
    assert "students in 24 schools, " in call("check", "--wave", "w1")[1]
    partner.cells("w1/roster.csv", lambda rows: [row for row in rows if row[3] in {"school_id", "S01", "S02", "S03"}])
    code, output = call("check", "--wave", "w1")
    assert code == 0
    assert "students in 3 schools, " in output


def test_a_rule_that_leaves_out_nobody_is_seen_to_do_so(partner: Partner) -> None:
    """Parents' "nein" is no "no": nothing can know that, so the count has to be told."""
    header, *rows = read_rows(partner.file("w1/roster.csv"))
    refused = sum(row[header.index("consent")] == "no" for row in rows)
    assert f"Parents did not consent {refused};" in call("check", "--wave", "w1")[1]
    assert partner.set("w1/roster.csv", "consent", "nein", lambda row: row["consent"] == "no") == refused
    partner.set("w1/records.csv", "student_id", "", anybody, 7)
    code, output = call("check", "--wave", "w1")
    assert code == 0
    assert "left out of the students: Parents did not consent 0;" in output
    assert "left out of the records: No student id 7" in output


def test_one_mistake_is_told_once_though_later_waves_need_the_same_file(partner: Partner) -> None:
    out_of_range(partner)
    partner.file("w3/records.csv").unlink()
    code, output = call("check")
    assert code == 2
    assert output.count("column bel_03") == 1
    assert "w2: needs w1 to be mended first\n" in output
    assert output.count("w3/records.csv is not there") == 1


def test_a_name_is_noticed_where_one_is_told(students: frozenset[str], demo_raw: Path) -> None:
    """The check for leaks would find one."""
    first = read_rows(demo_raw / "w1" / "roster.csv")[1]
    assert leaked(f'1 row: "{first[0]}"', students) == {first[0]}
    assert leaked(f"of {first[1]} {first[2]}.", students) == {f"{first[1]} {first[2]}"}


# --- real runs ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, project: Path, demo_raw: Path
) -> Callable[[pytest.MonkeyPatch], Partner]:
    """A study whose first wave is published, by the first two notebooks alone."""
    top = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        made = make_partner(top, project, demo_raw, patch)
        for notebook in sorted((made.folder / "notebooks").glob("*.ipynb"))[2:]:
            notebook.unlink()
        done = run(made.folder, "run", "--wave", "w1")
    assert done.returncode == 0, done.stderr

    def enter(monkeypatch: pytest.MonkeyPatch) -> Partner:
        monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(top / "keys" / "study.key"))
        return made

    return enter


COMMAND = [sys.executable, "-c", "from belonging_study.cli import main; main()"]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=folder, check=False, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (out_of_range, CASES["out of range"][2]),
        (school_in_both_arms, CASES["school in both arms"][2]),
        (excel_named_csv, CASES["Excel named csv"][2]),
        (empty, CASES["empty file"][2]),
    ],
)
def test_a_run_that_fails_says_the_same_and_leaves_the_last_report(
    published: Callable[[pytest.MonkeyPatch], Partner],
    monkeypatch: pytest.MonkeyPatch,
    students: frozenset[str],
    demo_raw: Path,
    damage: Damage,
    words: list[str],
) -> None:
    partner = published(monkeypatch)
    outputs = partner.folder / "outputs"
    before = snapshot(outputs)
    damage(partner)
    try:
        done = run(partner.folder, "run", "--wave", "w1")
        told = done.stdout + done.stderr
        assert done.returncode == 2, told
        for text in words:
            assert text in told, told
        assert "Traceback" not in told
        assert "The last report is untouched: outputs/w1/v001-" in told
        assert "To go on: belonging-study run --wave w1\n" in told
        assert leaked(told, students) == set()
        after = snapshot(outputs)
        kept = {name for name in after if name.startswith("w1/failed/")}
        assert {name: file for name, file in after.items() if name not in kept} == before
        for name in kept:
            assert leaked(after[name][0].decode(), students) == set()
    finally:
        shutil.rmtree(outputs / "w1" / "failed", ignore_errors=True)
        shutil.copytree(demo_raw, partner.folder / "data_raw", dirs_exist_ok=True)


TINY_DISK = """\
mount -t tmpfs -o size="$1"k tmpfs outputs || exit 77
cp -a "$2"/. outputs/
shift 2
"$@"
code=$?
rm -rf outputs/w1/failed
mkdir ../seen && cp -a outputs/. ../seen/
exit $code
"""


def tiny_disks_can_be_made() -> bool:
    tool = shutil.which("unshare")
    test = ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return tool is not None and subprocess.run([tool, *test], check=False, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not tiny_disks_can_be_made(), reason="mounting a small disk takes root and unshare")
@pytest.mark.parametrize("room", [0.05, 0.3, 0.6, 0.8])
def test_a_disk_that_fills_up_during_a_run(
    published: Callable[[pytest.MonkeyPatch], Partner],
    monkeypatch: pytest.MonkeyPatch,
    students: frozenset[str],
    tmp_path: Path,
    room: float,
) -> None:
    """With room for a part of what the run writes, from its first table to its report."""
    partner = published(monkeypatch)
    folder = tmp_path / "study"
    shutil.copytree(partner.folder, folder)
    outputs, saved = folder / "outputs", tmp_path / "saved"
    outputs.rename(saved)
    outputs.mkdir()
    there = blocks(saved)
    size = there + round(room * (there + blocks(folder / "data_processed")))
    arguments = ["sh", str(size), str(saved), *COMMAND, "run", "--wave", "w1", "--force"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", TINY_DISK, *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    assert "The disk is full: " in done.stderr
    assert "free some space and run again" in done.stderr
    assert "The last report is untouched: outputs/w1/v001-" in done.stderr
    assert "Traceback" not in done.stderr
    assert leaked(done.stdout + done.stderr, students) == set()
    assert snapshot(tmp_path / "seen") == snapshot(saved)
    assert not (tmp_path / "seen" / ".scratch").exists()


def blocks(folder: Path) -> int:
    """What a folder takes on a disk of pages of 4 KiB, in KiB."""
    return sum(-(-path.stat().st_size // 4096) * 4 for path in folder.rglob("*") if path.is_file())


def processes_of(folder: Path) -> list[str]:
    """Processes that still have this study in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / "study.yml").encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for kernels in /proc")
def test_ctrl_c_at_random_moments_of_a_real_run(
    published: Callable[[pytest.MonkeyPatch], Partner],
    monkeypatch: pytest.MonkeyPatch,
    project: Path,
    tmp_path: Path,
) -> None:
    """As a terminal sends it: to the command and its kernels at once, with all the notebooks of the template."""
    partner = published(monkeypatch)
    folder = tmp_path / "study"
    shutil.copytree(partner.folder, folder)
    shutil.copytree(
        project / "notebooks", folder / "notebooks", dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")
    )
    outputs = folder / "outputs"
    before = snapshot(outputs)
    chance = random.Random(20261123)
    for moment in [chance.uniform(a, b) for a, b in ((0.4, 1), (1, 3), (3, 6), (6, 10), (10, 14))]:
        running = subprocess.Popen(
            [*COMMAND, "run", "--wave", "w1", "--force"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGINT)
        out, told = running.communicate(timeout=60)
        assert running.returncode == 130, (moment, out, told)
        assert told.splitlines()[-1] == "Interrupted; the last published versions are untouched."
        assert all(line.endswith(" done") for line in told.splitlines()[:-1]), told
        assert out == ""
        assert snapshot(outputs) == before
        assert not (outputs / ".scratch").exists()
        assert processes_of(folder) == []
