from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from belonging_study.errors import PublishError
from belonging_study.reports import publish as module
from belonging_study.reports.publish import (
    clean_scratch,
    find_version,
    latest_version,
    make_scratch,
    plain_disk_errors,
    publish,
    remove_folder,
    versions,
    write_file,
)


def stage(folder: Path, text: str) -> Path:
    (folder / "tables").mkdir(parents=True)
    (folder / "report.html").write_text(text)
    (folder / "tables" / "estimates.csv").write_text(text * 1000)
    return folder


def test_numbers_run_on_and_latest_points_to_the_last(tmp_path: Path) -> None:
    wave = tmp_path / "outputs" / "w1"
    for number, digits in enumerate(("aaaaaa", "bbbbbb", "aaaaaa"), start=1):
        made = publish(stage(tmp_path / digits / str(number), digits), wave, digits)
        assert made.name == f"v{number:03d}-{digits}"
    assert (wave / "LATEST").read_text() == "v003-aaaaaa\n"
    assert [v.number for v in versions(wave)] == [1, 2, 3]
    assert sorted(p.name for p in wave.iterdir()) == ["LATEST", "v001-aaaaaa", "v002-bbbbbb", "v003-aaaaaa"]


def test_the_same_fingerprint_is_published_again_only_on_demand(tmp_path: Path) -> None:
    wave = tmp_path / "w1"
    first = publish(stage(tmp_path / "a", "a"), wave, "aaaaaa")
    assert publish(stage(tmp_path / "b", "b"), wave, "aaaaaa") == first
    assert publish(tmp_path / "b", wave, "aaaaaa", again=True).number == 2


def test_a_published_file_cannot_be_written(tmp_path: Path) -> None:
    made = publish(stage(tmp_path / "a", "a"), tmp_path / "w1", "aaaaaa")
    files = [p for p in made.folder.rglob("*") if p.is_file()]
    assert len(files) == 2
    assert all(p.stat().st_mode & 0o222 == 0 for p in files)
    remove_folder(made.folder)
    assert not made.folder.exists()


@pytest.mark.parametrize("same", [True, False])
def test_racing_publishers_make_whole_versions_with_numbers_of_their_own(tmp_path: Path, same: bool) -> None:
    wave = tmp_path / "outputs" / "w1"
    names = ["abcdef" if same else f"{i:06x}" for i in range(16)]
    staged = [stage(tmp_path / "scratch" / str(i), f"text {i} ") for i in range(16)]
    start = threading.Barrier(16)
    results: list[object] = []

    def go(i: int) -> None:
        start.wait()
        try:
            results.append(publish(staged[i], wave, names[i]))
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=go, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [r for r in results if isinstance(r, Exception)]
    there = versions(wave)
    assert [v.number for v in there] == ([1] if same else list(range(1, 17)))
    for version in there:
        page = (version.folder / "report.html").read_text()
        assert (version.folder / "tables" / "estimates.csv").read_text() == page * 1000
    assert (wave / "LATEST").read_text().strip() == there[-1].name
    assert not list(wave.glob(".*"))


def test_racing_processes_too(tmp_path: Path) -> None:
    wave = tmp_path / "outputs" / "w1"
    code = (
        "import sys; from pathlib import Path; from belonging_study.reports.publish import publish\n"
        "for i in range(10):\n"
        "    folder = Path(sys.argv[1], f'{sys.argv[3]}-{i}'); folder.mkdir(parents=True)\n"
        "    (folder / 'report.html').write_text('x')\n"
        "    publish(folder, Path(sys.argv[2]), f'{sys.argv[3]}{i:05x}')\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "scratch"), str(wave), digit]) for digit in "abc"
    ]
    assert [p.wait(60) for p in running] == [0, 0, 0]
    assert [v.number for v in versions(wave)] == list(range(1, 31))
    assert (wave / "LATEST").read_text().strip() == versions(wave)[-1].name


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "no permission")],
)
@pytest.mark.parametrize("call", ["rename", "mkdir"])
def test_a_full_disk_leaves_the_last_version_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, call: str
) -> None:
    wave = tmp_path / "outputs" / "w1"
    publish(stage(tmp_path / "a", "a"), wave, "aaaaaa")

    def broken(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    if call == "rename":
        monkeypatch.setattr(module.os, "rename", broken)
    else:
        monkeypatch.setattr(module.Path, "mkdir", broken)
    staged = tmp_path / "b"
    os.makedirs(staged)
    with pytest.raises(PublishError, match=words) as caught:
        publish(staged, wave, "bbbbbb")
    assert "last published version is untouched" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    monkeypatch.undo()
    assert [v.name for v in versions(wave)] == ["v001-aaaaaa"]
    assert not list(wave.glob(".v*"))


def test_other_system_errors_are_not_swallowed() -> None:
    with pytest.raises(IsADirectoryError), plain_disk_errors("here/"):
        raise IsADirectoryError(errno.EISDIR, "is a directory")


def test_writing_fails_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tables" / "a.csv"
    write_file(path, b"old")

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(content[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(PublishError, match="disk is full"):
        write_file(path, b"new content")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["a.csv"]


def test_only_what_dead_processes_left_is_cleaned(tmp_path: Path) -> None:
    scratch = tmp_path / "outputs" / ".scratch"
    mine = make_scratch(scratch, "w1")
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    left = scratch / re.sub(rf"-{os.getpid()}-", f"-{dead.stdout.strip()}-", mine.name)
    stage(left / "version", "half")
    elsewhere = scratch / "w1-zzzz-1-00000000"
    elsewhere.mkdir()
    assert clean_scratch(scratch) == 1
    assert mine.is_dir()
    assert elsewhere.is_dir()
    assert not left.exists()
    os.utime(elsewhere, (0, 0))
    assert clean_scratch(scratch) == 1
    assert not elsewhere.exists()


def test_versions_are_found_by_name_number_or_wave(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    for i, digits in enumerate(("aaaaaa", "bbbbbb")):
        publish(stage(tmp_path / str(i), "x"), outputs / "w1", digits)
    assert find_version(outputs, "w1").name == "v002-bbbbbb"
    assert find_version(outputs, "w1/v001").name == "v001-aaaaaa"
    assert find_version(outputs, "w1/v001-aaaaaa").number == 1
    with pytest.raises(PublishError, match="w1/v003"):
        find_version(outputs, "w1/v003")
    with pytest.raises(PublishError, match="belonging-study run --wave w2"):
        find_version(outputs, "w2")
    assert latest_version(outputs / "w2") is None
