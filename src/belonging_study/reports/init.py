"""A new study's folder, or the demo study's."""

from __future__ import annotations

import shutil
from pathlib import Path

from belonging_study.errors import FileMissingError, PublishError
from belonging_study.reports.places import checkout_folder, find_notebooks
from belonging_study.reports.publish import plain_disk_errors

__all__ = ["make_demo_folder", "make_study_folder"]

_TEMPLATE = Path(__file__).resolve().parents[1] / "template"

_FOLDERS = {
    "data_raw": "Put each wave's exports here, one folder a wave, as they came: w1/survey.csv, w1/roster.csv, ...\n"
    "Nothing here is ever changed by the toolkit. Keep these files off shared and public places.\n",
    "data_processed": "Tables made from data_raw by the notebooks. Never edit them by hand; delete them at any time.\n",
    "outputs": "Published reports: outputs/<wave>/<version>/report.html. A version is never changed once published.\n",
}

_IGNORED = """\
# Children's data: raw exports, tables made from them and reports stay on the machine that holds them.
data_raw/*
!data_raw/README.md
data_processed/*
!data_processed/README.md
outputs/*
!outputs/README.md
*.key
.ipynb_checkpoints/
"""


def make_study_folder(folder: Path) -> Path:
    """Make a new study: notebooks, a ``study.yml`` to edit, and its folders.

    Parameters
    ----------
    folder : pathlib.Path
        Must not exist, or be empty.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    PublishError
        If the folder is not empty, or cannot be written.
    """
    return _make(folder, _TEMPLATE / "study.yml")


def make_demo_folder(folder: Path) -> Path:
    """Make a folder that holds the demo study's definition and notebooks; its data are written by the demo command.

    Raises
    ------
    PublishError
        If the folder is not empty, or cannot be written.
    FileMissingError
        If this installation lacks the demo's definition.
    """
    checkout = checkout_folder()
    candidates = [_TEMPLATE / "demo.yml", *([checkout / "study.yml"] if checkout else [])]
    definition = next((path for path in candidates if path.is_file()), None)
    if definition is None:
        raise FileMissingError(
            "This installation lacks the demo study's definition.", remedy="run the demo from a source checkout."
        )
    return _make(folder, definition)


def _make(folder: Path, definition: Path) -> Path:
    folder = folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PublishError(
            f"{folder.name} is there already and is not an empty folder.",
            remedy="name a folder that does not exist yet.",
        )
    notebooks = find_notebooks(_TEMPLATE)
    with plain_disk_errors(f"{folder.name}/"):
        (folder / "notebooks").mkdir(parents=True)
        for notebook in notebooks:
            shutil.copyfile(notebook, folder / "notebooks" / notebook.name)
        shutil.copyfile(definition, folder / "study.yml")
        (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")
        for name, text in _FOLDERS.items():
            (folder / name).mkdir()
            (folder / name / "README.md").write_text(text, encoding="utf-8")
    return folder
