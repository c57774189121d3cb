"""Versions of a wave's report: staged out of sight, published by one rename, never changed afterwards."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from belonging_study.errors import PublishError

__all__ = [
    "Version",
    "clean_scratch",
    "find_version",
    "latest_version",
    "make_scratch",
    "plain_disk_error",
    "plain_disk_errors",
    "publish",
    "remove_folder",
    "replace_file",
    "versions",
    "write_file",
]

_NAME = re.compile(r"^v(\d{3,})-([0-9a-f]{6})$")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if hasattr(errno, "EDQUOT") else {errno.ENOSPC, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_DAY_SECONDS = 86_400.0
_CLAIM_SECONDS = 60.0


@dataclass(frozen=True, order=True)
class Version:
    """A published version: ``number`` and ``fingerprint`` (six digits) make its name, ``v003-9f2c1a``."""

    number: int
    fingerprint: str
    folder: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def versions(wave_folder: Path) -> tuple[Version, ...]:
    """List a wave's published versions, oldest first; a folder bears such a name only once it is complete."""
    try:
        names = os.listdir(wave_folder)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    found = [(_NAME.match(name), wave_folder / name) for name in names]
    return tuple(sorted(Version(int(m[1]), m[2], folder) for m, folder in found if m))


def latest_version(wave_folder: Path) -> Version | None:
    """Give a wave's newest version, or nothing."""
    every = versions(wave_folder)
    return every[-1] if every else None


def find_version(outputs: Path, name: str) -> Version:
    """Find a version by ``wave/v003-9f2c1a``, by ``wave/v003``, or by ``wave`` for the newest.

    Raises
    ------
    PublishError
        If there is none; the message lists what there is.
    """
    wave, _, wanted = name.strip("/").partition("/")
    every = versions(outputs / wave)
    fitting = [v for v in every if not wanted or v.name == wanted or v.name.startswith(f"{wanted}-")]
    if not fitting:
        there = ", ".join(f"{wave}/{v.name}" for v in every)
        raise PublishError(
            f"There is no published version {name!r}.",
            where="outputs/",
            remedy=f"use one of {there}." if there else f"make one: belonging-study run --wave {wave}",
        )
    return fitting[-1]


@contextlib.contextmanager
def plain_disk_errors(where: str) -> Iterator[None]:
    """Turn a full disk and missing permissions into a `PublishError` of one plain sentence.

    Parameters
    ----------
    where : str
        The file or folder that is written, relative to the study's folder.
    """
    try:
        yield
    except OSError as error:
        plain = plain_disk_error(error.errno, where)
        if plain is None:
            raise
        raise plain from error


def plain_disk_error(number: int | None, where: str) -> PublishError | None:
    """Give the `PublishError` for an error number of the system, or nothing if it is of another kind."""
    if number in _FULL:
        what, remedy = "The disk is full", "free some space and run again."
    elif number in _DENIED:
        what, remedy = "There is no permission to write", "change the folder's permissions and run again."
    else:
        return None
    return PublishError(
        f"{what}: {where} could not be written. The last published version is untouched.",
        remedy=remedy,
    )


def make_scratch(scratch: Path, label: str) -> Path:
    """Make a folder for one run, marked with this process so that it is removed if the process dies.

    Raises
    ------
    PublishError
        If the disk is full or may not be written.
    """
    with plain_disk_errors(f"{scratch.parent.name}/"):
        scratch.mkdir(parents=True, exist_ok=True)
        folder = scratch / f"{label}-{_this_computer()}-{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
    return folder


def clean_scratch(scratch: Path) -> int:
    """Remove what dead processes left behind; returns how many folders.

    A folder's name tells its computer and process. Another computer's (on a shared drive) goes after a day.
    """
    removed = 0
    for folder in scratch.iterdir() if scratch.is_dir() else ():
        with contextlib.suppress(OSError):
            if _is_left_behind(folder):
                remove_folder(folder)
                removed += 1
    return removed


def remove_folder(folder: Path) -> None:
    """Remove a folder with everything in it, read-only files too; never raises."""

    def make_writable(_: object, path: str, __: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(path, stat.S_IRWXU)
            os.unlink(path)

    shutil.rmtree(folder, onerror=make_writable)


def write_file(path: Path, content: bytes, *, where: str = "") -> None:
    """Write a file whole or not at all: beside it first, then by one rename.

    Raises
    ------
    PublishError
        If the disk is full or may not be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(3)}")
    with plain_disk_errors(where or f"{path.parent.name}/{path.name}"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def replace_file(source: Path, target: Path) -> None:
    """Put a copy of a file in another's place by one rename, over file systems too."""
    write_file(target, source.read_bytes())


def publish(staged: Path, wave_folder: Path, fingerprint: str, *, again: bool = False) -> Version:
    """Publish a staged folder as the wave's next version.

    Parameters
    ----------
    staged : pathlib.Path
        A complete folder on the same file system; after the call it is gone from here.
    wave_folder : pathlib.Path
        ``outputs/<wave>``.
    fingerprint : str
        Six hexadecimal digits.
    again : bool
        Publish although the newest version has the same fingerprint; otherwise that version is returned and the
        staged folder stays where it is.

    Returns
    -------
    Version
        The published version. Its files are read-only.

    Raises
    ------
    PublishError
        If the disk is full or may not be written; nothing published has changed then.

    Notes
    -----
    A running number belongs to whoever makes the folder ``.v004`` first. The number is looked up again after that,
    since another process may have published and gone in between. The rename is the only step that others see.
    """
    where = f"{wave_folder.parent.name}/{wave_folder.name}/"
    with plain_disk_errors(where):
        wave_folder.mkdir(parents=True, exist_ok=True)
        for path in staged.rglob("*"):
            if path.is_file():
                path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        while True:
            newest = latest_version(wave_folder)
            if newest and newest.fingerprint == fingerprint and not again:
                return newest
            number = newest.number + 1 if newest else 1
            claim = wave_folder / f".v{number:03d}"
            if not _claim(claim):
                time.sleep(0.01)
                continue
            try:
                now = latest_version(wave_folder)
                if now and now.number >= number:
                    continue
                target = wave_folder / f"v{number:03d}-{fingerprint}"
                os.rename(staged, target)
            finally:
                with contextlib.suppress(OSError):
                    claim.rmdir()
            _point_to_latest(wave_folder)
            return Version(number, fingerprint, target)


def _claim(claim: Path) -> bool:
    """Take a running number; a claim that is older than `_CLAIM_SECONDS` belongs to nobody any more."""
    try:
        claim.mkdir()
    except FileExistsError:
        with contextlib.suppress(OSError):
            if time.time() - claim.stat().st_mtime > _CLAIM_SECONDS:
                claim.rmdir()
        return False
    return True


def _point_to_latest(wave_folder: Path) -> None:
    """Write the newest version's name to ``LATEST``; looked up again, so that the last of two writers is right."""
    written = None
    while (newest := latest_version(wave_folder)) and newest.name != written:
        written = newest.name
        with contextlib.suppress(OSError, PublishError):  # for people and other tools; nothing here reads it
            write_file(wave_folder / "LATEST", f"{written}\n".encode())


def _this_computer() -> str:
    """Four digits that tell computers apart and name none."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:4]


def _is_left_behind(folder: Path) -> bool:
    """Say whether the process that made a scratch folder is gone."""
    _, computer, process, _ = f"---{folder.name}".rsplit("-", 3)
    if computer == _this_computer() and process.isdigit():
        return not _alive(int(process))
    return time.time() - folder.stat().st_mtime > _DAY_SECONDS


def _alive(process: int) -> bool:
    """Say whether a process of that number runs on this computer."""
    if os.name == "nt":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)  # type: ignore[attr-defined,unused-ignore]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined,unused-ignore]
        return bool(handle)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
