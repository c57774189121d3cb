"""Where a study's files lie: definition, raw data, processed data, notebooks, published reports."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from belonging_study.errors import FileMissingError, ParameterError
from belonging_study.study import Study, nearest

__all__ = [
    "DATA_VARIABLE",
    "SCRATCH_VARIABLE",
    "STUDY_VARIABLE",
    "Places",
    "checkout_folder",
    "choose_wave",
    "find_notebooks",
    "find_study_file",
    "missing_files",
    "notebooks_of",
    "places",
    "wave_is_complete",
]

STUDY_VARIABLE = "BELONGING_STUDY_STUDY"
DATA_VARIABLE = "BELONGING_STUDY_DATA"
SCRATCH_VARIABLE = "BELONGING_STUDY_SCRATCH"

_NOTEBOOK = re.compile(r"^\d\d_\w+\.ipynb$")


@dataclass(frozen=True)
class Places:
    """The folders of one study.

    Attributes
    ----------
    folder : pathlib.Path
        Where ``study.yml`` lies.
    raw : pathlib.Path
        The untouched exports; nothing here is ever changed.
    """

    folder: Path
    raw: Path

    @property
    def outputs(self) -> Path:
        """Published reports, a folder a wave."""
        return self.folder / "outputs"

    @property
    def scratch(self) -> Path:
        """Runs that are not yet published, on the same file system as `outputs`."""
        return self.outputs / ".scratch"

    def published(self, wave: str) -> Path:
        """The published versions of one wave."""
        return self.outputs / wave

    def processed(self, wave: str) -> Path:
        """The tables made from one wave's exports."""
        return self.folder / "data_processed" / wave


def find_study_file(study: str | Path = "") -> Path:
    """Find ``study.yml``.

    Parameters
    ----------
    study : str or pathlib.Path, optional
        The file or its folder. If empty: the environment variable ``BELONGING_STUDY_STUDY``, else the first
        ``study.yml`` found from the current folder upwards.

    Returns
    -------
    pathlib.Path
        The file's absolute path.

    Raises
    ------
    FileMissingError
        If there is none.
    """
    given = str(study) or os.environ.get(STUDY_VARIABLE, "")
    remedy = "go to the study's folder, or name it with --study; `belonging-study init DIR` starts a new one."
    if given:
        path = Path(given).expanduser().resolve()
        path = path / "study.yml" if path.is_dir() else path
        if not path.is_file():
            raise FileMissingError(f"There is no {path.name} in {path.parent.name or 'that folder'}/.", remedy=remedy)
        return path
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "study.yml").is_file():
            return folder / "study.yml"
    raise FileMissingError("There is no study.yml in this folder or in any folder above it.", remedy=remedy)


def places(study: Study, raw: str | Path | None = None) -> Places:
    """Give the study's folders; raw data lie in `raw`, else ``BELONGING_STUDY_DATA``, else ``data_raw``."""
    folder = study.file.resolve().parent
    given = str(raw) if raw else os.environ.get(DATA_VARIABLE, "")
    return Places(folder=folder, raw=Path(given).expanduser().resolve() if given else folder / "data_raw")


def checkout_folder() -> Path | None:
    """Give the source checkout that this package runs from, or nothing for an installed package."""
    top = Path(__file__).resolve().parents[3]
    return top if (top / "pyproject.toml").is_file() and (top / "notebooks").is_dir() else None


def notebooks_of(study: Study, folder: Path) -> tuple[Path, ...]:
    """Find the notebooks that a study's reports need, in the order of their numbers.

    Parameters
    ----------
    study : Study
        The definition.
    folder : pathlib.Path
        The study's folder.

    Returns
    -------
    tuple of pathlib.Path
        As `find_notebooks`; a study without outcomes needs none whose metadata say
        ``"belonging_study": {"only_with": "outcomes"}``.

    Raises
    ------
    FileMissingError
        If there are none.
    """
    found = find_notebooks(folder)
    return found if study.outcomes else tuple(path for path in found if _only_with(path) != "outcomes")


def _only_with(notebook: Path) -> str:
    """What a study must have for a notebook to be of use; empty where any study will do."""
    metadata = json.loads(notebook.read_text(encoding="utf-8")).get("metadata", {})
    return str(metadata.get("belonging_study", {}).get("only_with", ""))


def find_notebooks(folder: Path) -> tuple[Path, ...]:
    """Find a study's notebooks, in the order of their numbers.

    Parameters
    ----------
    folder : pathlib.Path
        The study's folder. Its own ``notebooks/`` is taken, else the nearest ancestor's, else the toolkit's.

    Returns
    -------
    tuple of pathlib.Path
        The notebooks named like ``01_clean.ipynb``.

    Raises
    ------
    FileMissingError
        If there are none.
    """
    candidates = [parent / "notebooks" for parent in (folder, *folder.parents)]
    checkout = checkout_folder()
    if checkout:
        candidates.append(checkout / "notebooks")
    candidates.append(Path(__file__).resolve().parents[1] / "template" / "notebooks")
    for candidate in candidates:
        found = sorted(p for p in candidate.glob("*.ipynb") if _NOTEBOOK.match(p.name)) if candidate.is_dir() else []
        if found:
            return tuple(found)
    raise FileMissingError(
        "The study has no notebooks.",
        where=f"{folder.name}/notebooks/",
        remedy="copy the template's notebooks there; their names start with two digits, such as 01_clean.ipynb.",
    )


def missing_files(study: Study, raw: Path, waves: Iterable[str]) -> tuple[str, ...]:
    """Name the files and data dictionaries of these waves that are not in the raw folder, in the study's order."""
    wanted = set(waves)
    return tuple(
        dict.fromkeys(
            file
            for wave in study.waves
            if wave.name in wanted
            for source in wave.sources
            for file in (source.file, source.dictionary)
            if file is not None and not (raw / file).is_file()
        )
    )


def wave_is_complete(study: Study, raw: Path, wave: str) -> bool:
    """Say whether every file of that wave and of the earlier ones is there."""
    return not missing_files(study, raw, [w.name for w in study.waves_until(wave)])


def choose_wave(study: Study, raw: Path, wave: str = "") -> str:
    """Check a wave's name, or choose the last wave whose files are all there.

    Parameters
    ----------
    study : Study
        The definition.
    raw : pathlib.Path
        The raw data folder.
    wave : str, optional
        A wave's name; if empty, the last wave that is complete.

    Returns
    -------
    str
        The wave's name.

    Raises
    ------
    ParameterError
        If no wave has that name; the message gives the nearest.
    FileMissingError
        If no name is given and no wave has all of its files.
    """
    if wave:
        if wave not in study.wave_names:
            raise ParameterError(
                f"There is no wave {wave!r}{nearest(wave, study.wave_names)}",
                where=f"{study.file.name}, waves: {', '.join(study.wave_names)}",
                remedy="use one of these names.",
            )
        return wave
    complete = [name for name in study.wave_names if wave_is_complete(study, raw, name)]
    if not complete:
        first = study.wave_names[0]
        raise FileMissingError(
            f"No wave has all of its files; {', '.join(missing_files(study, raw, [first]))} of {first} "
            "cannot be found.",
            where=f"{raw.name}/",
            remedy="put the exports there under the names that study.yml gives, or name another folder with --data.",
        )
    return complete[-1]
