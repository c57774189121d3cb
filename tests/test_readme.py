"""README: its commands work as written, and its links lead somewhere."""

from __future__ import annotations

import csv
import datetime
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from belonging_study.study.load import parse_study


def commands(project: Path) -> list[str]:
    text = (project / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_every_command_is_run_by_continuous_integration(project: Path) -> None:
    script = (project / ".ci" / "run").read_text(encoding="utf-8")
    found = commands(project)
    assert found[:2] == ["python3 run.py demo", "python3 run.py test"]
    own = [c for c in found if "../my-study" in c]
    assert len(own) == 3
    for command in found:
        assert command in own or command.replace("uv run", '"$uv" run').replace("uv sync", '"$uv" sync') in script, (
            command
        )


def test_links_lead_to_files(project: Path) -> None:
    text = (project / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (project / target).exists(), target


def test_definitions_in_the_how_to_are_understood(project: Path) -> None:
    text = (project / "docs" / "how-to" / "bring-in-an-export.md").read_text(encoding="utf-8")
    parts = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.S)]
    assert [next(iter(part)) for part in parts] == ["sources", "outcomes", "design", "scales", "sources"]
    registers, measures, *others = parts
    for given in ({**registers, **measures}, *others):
        sources = given.pop("sources", [{"file": "w1/survey.csv"}])
        study = {
            "title": "T", "name": "t", "programme": {"name": "P"},
            "waves": [
                {"name": "w1", "label": "1", "date": "2025-01-01", "before_programme": True, "sources": sources},
                {"name": "w2", "label": "2", "date": "2026-01-01", "sources": sources},
            ],
            "design": {"assignment": {"starts": "w2"}},
            "outcomes": [{"name": "own", "measure": "own", "label": "Own"}],
        }  # fmt: skip
        for wave in study["waves"]:  # type: ignore[attr-defined]
            wave["date"] = datetime.date.fromisoformat(wave["date"])
        assert parse_study(yaml.safe_dump(study | given, allow_unicode=True)).title == "T"


def write_export(raw: Path, wave: str) -> None:
    """A small survey and roster with the columns that the starting definition names."""
    chance = random.Random(3)
    folder = raw / wave
    folder.mkdir(parents=True, exist_ok=True)
    labels = ["Not at all true", "Slightly true", "Partly true", "Mostly true", "Completely true"]
    with (
        (folder / "survey.csv").open("w", newline="", encoding="utf-8") as survey,
        (folder / "roster.csv").open("w", newline="", encoding="utf-8") as roster,
    ):
        answers, people = csv.writer(survey), csv.writer(roster)
        answers.writerow(["student_id", "bel_01", "bel_02", "bel_03"])
        people.writerow(["student_id", "class_id", "school_id", "arm"])
        for school in range(8):
            for student in range(40):
                name = f"{school:02d}{student:03d}"
                level = chance.choice(range(5))
                answers.writerow([name, *(labels[min(4, max(0, level + chance.choice((-1, 0, 1))))] for _ in range(3))])
                people.writerow([name, f"7{'AB'[student % 2]}", school, ("comparison", "programme")[school % 2]])


@pytest.mark.slow
def test_your_own_study_in_ten_minutes(project: Path, tmp_path: Path) -> None:
    study = tmp_path / "my-study"
    env = os.environ | {"BELONGING_STUDY_KEY_FILE": str(tmp_path / "keys" / "my.key")}
    for command in (c for c in commands(project) if "../my-study" in c):
        words = command.removeprefix("uv run belonging-study ").replace("../my-study", str(study)).split()
        done = subprocess.run(
            [sys.executable, "-m", "belonging_study", *words],
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if words[0] == "init":
            write_export(study / "data_raw", "w1")
    (report,) = study.glob("outputs/w1/v001-*/report.html")
    assert "Our programme in our schools" in report.read_text(encoding="utf-8")
