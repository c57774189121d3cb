"""The demo study from a fresh copy to its published report."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from belonging_study.data.demo import load_truth
from demo_copy import copy_of_the_demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]  # one worker makes the versions that both files use


def files(version: Path) -> dict[str, bytes]:
    """Everything that a version holds, but for the two manifests, which tell the time."""
    return {
        str(path.relative_to(version)): path.read_bytes()
        for path in sorted(version.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "ro-crate-metadata.json")
    }


def test_two_runs_of_one_fingerprint_are_byte_identical(demo_versions: tuple[Path, Path]) -> None:
    first, second = demo_versions
    assert first.name == second.name
    ours, theirs = files(first), files(second)
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert sum(name.startswith("tables/") for name in ours) >= 15
    assert sum(name.endswith(".svg") for name in ours) >= 8


def test_both_methods_intervals_hold_the_true_effects(demo_versions: tuple[Path, Path]) -> None:
    table = pd.read_csv(demo_versions[0] / "tables" / "estimates.csv")
    table = table[(table["term"] == "programme") & (table["group"] == "all")]
    table = table[~table["contrast"].str.startswith("average")].set_index(["outcome", "model"])
    truth = load_truth().observed_effects
    for model in ("did", "multilevel"):
        row = table.loc[("belonging", model)]
        assert row["conf_low"] <= truth["belonging"]["w3"] <= row["conf_high"]


def test_no_version_names_a_student_or_a_school(demo_versions: tuple[Path, Path]) -> None:
    version = demo_versions[0]
    raw = version.parents[2] / "data_raw"
    secret = set()
    for wave in ("w1", "w2", "w3"):
        with (raw / wave / "roster.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                secret |= {row["student_id"], row["school_id"]}
                secret |= {row["last_name"]} if len(row["last_name"]) >= 5 else set()  # shorter ones may be words
    assert len(secret) > 1500
    for path in version.rglob("*"):
        if path.suffix in {".csv", ".html", ".json", ".ipynb"}:
            # Decimals and encoded pictures stay whole: six digits within them are there by chance.
            words = set(re.findall(r"[\w.+/=-]+", path.read_text(encoding="utf-8")))
            assert not words & secret, path.name


@pytest.mark.parametrize("name", ["01_clean", "02_scales", "03_did", "04_multilevel", "05_figures"])
def test_each_notebook_runs_by_itself_from_a_fresh_copy(project: Path, tmp_path: Path, name: str) -> None:
    study = copy_of_the_demo(project, tmp_path / "study")
    path = study / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    env = {k: v for k, v in os.environ.items() if not k.startswith("BELONGING_STUDY")}
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env=env)
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert shown
    assert not [output for output in shown if output.output_type == "error"]
