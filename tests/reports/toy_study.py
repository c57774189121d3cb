"""A toy study: two waves of one small file each, and notebooks that take no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

STUDY = """\
title: A toy study
name: toy
team:
  - {name: A. Researcher}
programme: {name: Toys}
waves:
  - {name: w1, label: Baseline, date: 2025-01-15, before_programme: true, sources: [{file: w1/survey.csv}]}
  - {name: w2, label: Follow-up, date: 2026-01-15, sources: [{file: w2/survey.csv}]}
design: {assignment: {starts: w2}}
outcomes:
  - {name: marks, measure: marks, label: Marks}
"""

PARAMETERS = 'wave: str = ""  # the wave to report\nseed: int = 1  # where chance begins'

WRITE = """\
import os
from pathlib import Path
out = Path(os.environ["BELONGING_STUDY_SCRATCH"], "version", "tables")
out.mkdir(parents=True, exist_ok=True)
(out / "{name}.csv").write_text(f"wave,seed\\n{{wave}},{{seed}}\\n")
"""

SHOW = """\
from IPython.display import display
note = {"block": "note", "section": "summary", "kind": "info", "title": "", "text": "Wave " + wave}
display({"application/vnd.belonging-study.block+json": note, "text/plain": "note"}, raw=True)
"""


def write_notebook(path: Path, *sources: str, makes: tuple[str, ...] = ()) -> None:
    """Write a notebook with a parameters cell and these code cells."""
    node = nbformat.v4.new_notebook()
    node.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if makes:
        node.metadata["belonging_study"] = {"makes": list(makes)}
    cells = [nbformat.v4.new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    node.cells = cells
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, path)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy study's folder, with two notebooks."""
    folder = tmp_path / "toy"
    for wave in ("w1", "w2"):
        (folder / "data_raw" / wave).mkdir(parents=True)
        (folder / "data_raw" / wave / "survey.csv").write_text("student_id,marks\n1,2.5\n2,3.5\n")
    (folder / "study.yml").write_text(STUDY)
    write_notebook(folder / "notebooks" / "01_clean.ipynb", WRITE.format(name="one"), SHOW)
    write_notebook(folder / "notebooks" / "02_scales.ipynb", WRITE.format(name="two"))
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(tmp_path / "keys" / "toy.key"))
    for variable in ("BELONGING_STUDY_STUDY", "BELONGING_STUDY_DATA", "BELONGING_STUDY_SCRATCH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(folder)
    # A package of one file stands for the toolkit's source, which may be edited while its tests run.
    package = tmp_path / "package"
    package.mkdir()
    (package / "source.py").write_text("a = 1\n")
    monkeypatch.setattr("belonging_study.reports.fingerprint._PACKAGE", package)
    return folder


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder, by relative path."""

    def take(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return take
