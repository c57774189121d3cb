"""A fresh copy of the demo study, for tests that run it."""

from __future__ import annotations

import shutil
from pathlib import Path


def copy_of_the_demo(project: Path, folder: Path) -> Path:
    """A fresh copy of the study template: its definition and notebooks, and no data."""
    folder.mkdir(parents=True)
    shutil.copy(project / "study.yml", folder)
    shutil.copytree(project / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder
