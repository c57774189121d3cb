"""The demo study's raw files, written where there are none; nobody's real files are ever touched."""

from __future__ import annotations

from pathlib import Path

from belonging_study.errors import ParameterError
from belonging_study.reports.publish import plain_disk_errors, write_file
from belonging_study.study import Study

__all__ = ["provide_demo_data", "rewrite_demo_data"]

_SEED_FILE = "demo.seed"
"""Beside the demo's files: the seed with which they were simulated."""


def provide_demo_data(study: Study, raw: Path) -> bool:
    """Write the demo study's raw files if the study is the demo and not one of its files is there.

    Parameters
    ----------
    study : Study
        The definition; only one with a ``demo:`` section is written for.
    raw : pathlib.Path
        The raw data folder.

    Returns
    -------
    bool
        Whether files were written.
    """
    if study.demo is None or _files_there(study, raw):
        return False
    _write(raw, study.demo.seed)
    return True


def rewrite_demo_data(study: Study, raw: Path, seed: int | None = None) -> bool:
    """Write the demo study's raw files anew if they are missing or of another seed.

    Parameters
    ----------
    study : Study
        The definition.
    raw : pathlib.Path
        The raw data folder.
    seed : int, optional
        The seed; if not given, the definition's.

    Returns
    -------
    bool
        Whether files were written.

    Raises
    ------
    ParameterError
        If the study is not the demo.
    DataError
        If its raw folder holds files that the demo did not write, or that were changed since; they stay as they are.
    """
    if study.demo is None:
        raise ParameterError(
            "This study is not the demo: its study.yml has no `demo:` section.",
            where=study.file.name,
            remedy="use `belonging-study run`, or name another folder with --dir.",
        )
    wanted = study.demo.seed if seed is None else seed
    if not _incomplete(study, _files_there(study, raw)) and _written_seed(raw) == str(wanted):
        return False
    _write(raw, wanted)
    return True


def _incomplete(study: Study, there: tuple[str, ...]) -> bool:
    """Say whether the study names files that are not there."""
    return any(source.file not in there for wave in study.waves for source in wave.sources)


def _files_there(study: Study, raw: Path) -> tuple[str, ...]:
    names = dict.fromkeys(source.file for wave in study.waves for source in wave.sources)
    return tuple(name for name in names if (raw / name).is_file())


def _written_seed(raw: Path) -> str:
    """The seed of the files that are there; empty where it is not known."""
    try:
        return (raw / _SEED_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _write(raw: Path, seed: int) -> None:
    from belonging_study.data.demo import write_demo

    with plain_disk_errors(f"{raw.name}/"):
        raw.mkdir(parents=True, exist_ok=True)
        write_demo(raw, seed)
    write_file(raw / _SEED_FILE, f"{seed}\n".encode())
