"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from demo_copy import copy_of_the_demo

matplotlib.use("Agg")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout's top folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which is never part of the repository; skip where it is absent."""
    folder = Path(os.environ.get("BELONGING_STUDY_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"the real data sets are not here ({folder.name}/ beside the checkout, or BELONGING_STUDY_SHARED_DATA)"
        )
    return folder


@pytest.fixture(scope="session")
def demo_versions(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo's last wave, run twice in two folders: the folders of the published versions."""
    found = []
    for name in ("first", "second"):
        folder = copy_of_the_demo(project, tmp_path_factory.mktemp("demo") / name)
        command = [sys.executable, "-m", "belonging_study", "run", "--wave", "w3", "--study", str(folder)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found.append(next((folder / "outputs" / "w3").glob("v001-*")))
    return found[0], found[1]
