"""Nothing that a school would not print on a wall comes out of its files: everything written and printed is searched.

The study of `nasty_study` has names, addresses, birth dates and free text wherever an export can have them. Half of
these tests damage it first: an error message must say what is wrong without saying of whom.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from belonging_study.cli import main
from belonging_study.data.clean import clean_waves
from belonging_study.study import load_study
from nasty_study import NastyStudy, Person, make, read, write

Damage = Callable[[NastyStudy], None]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> NastyStudy:
    return make(tmp_path_factory.mktemp("nasty") / "study")


@pytest.fixture
def nasty(untouched: NastyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NastyStudy:
    folder = tmp_path / "study"
    shutil.copytree(untouched.folder, folder)
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(tmp_path / "keys" / "nasty.key"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temporary").mkdir()
    for variable in ("BELONGING_STUDY_STUDY", "BELONGING_STUDY_DATA", "BELONGING_STUDY_SCRATCH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(folder)
    return NastyStudy(folder, untouched.people, untouched.schools, untouched.teachers, untouched.secrets)


def call(*arguments: str) -> tuple[int, str]:
    """Run a command in this process; gives its exit code and all that it printed."""
    import click

    @click.command()
    def command() -> None:
        main(arguments)

    result = CliRunner().invoke(command, [])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def betrayed(nasty: NastyStudy, texts: Iterator[str] | list[str]) -> set[tuple[str, str]]:
    """Kind and text of each secret that is somewhere in these texts."""
    pattern = re.compile("|".join(re.escape(s) for s in sorted(nasty.secrets, key=len, reverse=True)))
    return {
        (nasty.secrets[found], found) for text in texts for found in pattern.findall(html.unescape(text).casefold())
    }


def everything_written(folder: Path) -> Iterator[str]:
    """The text of every file below a folder but the raw ones, hidden files too; parquet with its metadata."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or "data_raw" in path.parts:
            continue
        yield path.name
        yield path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield f"{table.schema} {table.schema.metadata}"
            yield table.to_pandas().to_csv()


def test_the_search_finds_what_it_searches_for(nasty: NastyStudy) -> None:
    raw = [path.read_text(encoding="utf-8") for path in nasty.raw.rglob("*.csv")]
    kinds = {kind for kind, _ in betrayed(nasty, raw)}
    assert kinds == {
        "identifier", "name", "phone", "IP address", "place", "school", "teacher", "birth date", "free text",
        "record text", "device",
    }  # fmt: skip


def test_a_check_counts_and_never_quotes(nasty: NastyStudy) -> None:
    code, output = call("check", "--html")
    assert code == 0
    said = " ".join(output.split())
    for kind in ("e-mail address", "phone number", "name of somebody on the roster"):
        assert f"{kind} in" in said
    assert betrayed(nasty, [output, *everything_written(nasty.folder.parent)]) == set()


def test_the_clean_tables_know_nobody(nasty: NastyStudy) -> None:
    cleaned = clean_waves(load_study(nasty.folder / "study.yml"), "w2", raw=nasty.raw, key=b"k" * 32)
    tables = [value for value in vars(cleaned).values() if isinstance(value, pd.DataFrame)]
    assert len(tables) > 5
    texts = [f"{table.to_csv()} {table.attrs} {table.index.names} {table.columns.names}" for table in tables]
    assert betrayed(nasty, [*texts, repr(cleaned.codebook_schema), repr(cleaned)]) == set()


# --- errors ----------------------------------------------------------------------------------------------------


def other(nasty: NastyStudy, at: int) -> Person:
    return nasty.people[at + 40]


def cells(file: str, column: str, value: Callable[[NastyStudy, int], str], rows: int = 3) -> Damage:
    def damage(nasty: NastyStudy) -> None:
        table = read(nasty.raw / file)
        for at in range(1, rows + 1):
            table[at][table[0].index(column)] = value(nasty, at)
        write(nasty.raw / file, table)

    return damage


def full_name(nasty: NastyStudy, at: int) -> str:
    return f"{other(nasty, at).first} {other(nasty, at).last}"


def no_header(file: str) -> Damage:
    return lambda nasty: write(nasty.raw / file, read(nasty.raw / file)[1:])


def twice(file: str, column: str, value: str) -> Damage:
    def damage(nasty: NastyStudy) -> None:
        header, *rows = read(nasty.raw / file)
        at = header.index(column)
        write(nasty.raw / file, [header, *rows, *([*row[:at], value, *row[at + 1 :]] for row in rows[:4])])

    return damage


def ragged(nasty: NastyStudy) -> None:
    path = nasty.raw / "w1/survey.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[5] += f",{nasty.people[7].mail},{nasty.people[7].first}"
    path.write_text("\n".join(lines), encoding="utf-8")


def open_quote(nasty: NastyStudy) -> None:
    path = nasty.raw / "w1/survey.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("Glimfrax", '"Glimfrax', 1), encoding="utf-8")


def broken_encoding(nasty: NastyStudy) -> None:
    path = nasty.raw / "w1/roster.csv"
    text = path.read_text(encoding="utf-8").replace(nasty.people[3].first, f"{nasty.people[3].first}\xe9\xff")
    path.write_bytes(text.encode("latin-1"))


def name_in_header(nasty: NastyStudy) -> None:
    header, *rows = read(nasty.raw / "w1/survey.csv")
    named = [f"Q1 {full_name(nasty, 1)}" if name == "Q1" else name for name in header]
    write(nasty.raw / "w1/survey.csv", [named, *rows])


ERRORS: dict[str, Damage] = {
    "a name where a label belongs": cells("w1/survey.csv", "Q1", full_name),
    "a name for a mark": cells("w1/marks.csv", "mark", full_name),
    "a name for an arm": cells("w1/roster.csv", "arm", full_name),
    "a name for a group": cells("w1/roster.csv", "Gender", full_name),
    "words for days": cells("w1/attendance.csv", "days_absent", lambda nasty, at: "mumpzelitis"),
    "more days absent than there are": cells("w1/attendance.csv", "days_absent", lambda nasty, at: "9999"),
    "one school in two arms": cells("w1/roster.csv", "arm", lambda nasty, at: "comparison"),
    "a roster without a header": no_header("w1/roster.csv"),
    "a survey without a header": no_header("w1/survey.csv"),
    "incidents without a header": no_header("w1/incidents.csv"),
    "a student in two classes": twice("w1/roster.csv", "Class", "9z"),
    "ragged rows": ragged,
    "an open quote": open_quote,
    "a broken encoding": broken_encoding,
    "a name in a heading": name_in_header,
}


@pytest.mark.parametrize("damage", ERRORS.values(), ids=ERRORS)
def test_an_error_says_what_and_never_of_whom(damage: Damage, nasty: NastyStudy) -> None:
    damage(nasty)
    code, output = call("check", "--wave", "w1", "--html")
    assert code == 2
    assert "Something went wrong" not in output
    assert betrayed(nasty, [output, *everything_written(nasty.folder.parent)]) == set()


def test_the_details_of_a_fault_quote_no_value(nasty: NastyStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        try:
            float(nasty.people[0].mail)
        except ValueError as error:
            raise KeyError(nasty.people[1].first, f"{nasty.people[2].last} it's") from error

    monkeypatch.setattr("belonging_study.reports.check.check_waves", fail)
    code, output = call("check")
    assert code == 1
    written = list(everything_written(nasty.folder.parent))
    assert any("could not convert string to float" in text and "KeyError" in text for text in written)
    assert betrayed(nasty, [output, *written]) == set()


# --- whole runs --------------------------------------------------------------------------------------------------


def run(nasty: NastyStudy, project: Path, *waves: str) -> subprocess.CompletedProcess[str]:
    ignore = shutil.ignore_patterns(".*")
    shutil.copytree(project / "notebooks", nasty.folder / "notebooks", ignore=ignore)
    command = [sys.executable, "-m", "belonging_study", "run", *(w for wave in waves for w in ("--wave", wave))]
    return subprocess.run(command, cwd=nasty.folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_reports_know_nobody_and_count_no_few(nasty: NastyStudy, project: Path) -> None:
    done = run(nasty, project, "w1", "w2")
    assert done.returncode == 0, done.stderr
    assert betrayed(nasty, [done.stdout, done.stderr, *everything_written(nasty.folder.parent)]) == set()
    tables = sorted((nasty.folder / "outputs").glob("w*/v*/tables/*.csv"))
    assert len(tables) > 30
    told = {f"{path.parts[-4]}/{path.stem} {what}" for path in tables for what in small_counts(pd.read_csv(path))}
    assert told == set()
    # All but three students are girls or boys: with the number of each, and of all, the three could be counted.
    by_group = next(pd.read_csv(path) for path in tables if path.stem == "effects_by_group")
    assert by_group["estimate"].notna().all()
    assert by_group["n_students"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a name where a label belongs", "a name for a group", "words for days"])
def test_a_failed_run_keeps_a_notebook_that_knows_nobody(name: str, nasty: NastyStudy, project: Path) -> None:
    ERRORS[name](nasty)
    done = run(nasty, project, "w1")
    assert done.returncode == 2
    assert list((nasty.folder / "outputs" / "w1" / "failed").glob("*.ipynb"))
    assert betrayed(nasty, [done.stdout, done.stderr, *everything_written(nasty.folder.parent)]) == set()


_NOT_PEOPLE = {"n_items", "n_clusters", "n_clusters_treated", "n_clusters_comparison", "n_groups", "n_waves"}
_RATES = {"mean": ("n_students", "n"), "mean_treated": ("n_treated",), "mean_comparison": ("n_comparison",),
          "share": ("n_answered", "n_responses"), "floor_share": ("n",), "ceiling_share": ("n",)}  # fmt: skip


def small_counts(table: pd.DataFrame) -> Iterator[str]:
    """Every count of 1 to 9 students that a table shows, by itself or by a share of its number."""
    for name in table:
        if name == "n" or (name.startswith("n_") and name not in _NOT_PEOPLE):
            yield from (f"{name} {value:.0f}" for value in table[name].dropna() if 1 <= value <= 9)
    for rate, sizes in _RATES.items():
        size = next((name for name in sizes if name in table), None)
        if rate not in table or size is None:
            continue
        whole = table[[rate, size]].dropna()
        counts = whole[rate] * whole[size]
        for count in counts[(counts - counts.round()).abs() < 1e-6].round():
            if 1 <= count <= 9:
                yield f"{rate} of {size}: {count:.0f}"
