from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from belonging_study.reports import fingerprint as module
from belonging_study.reports.fingerprint import file_hash
from belonging_study.reports.run import current_fingerprint
from belonging_study.study import load_study


def parts(folder: Path, wave: str = "w2", **given: Any) -> dict[str, str]:
    return dict(current_fingerprint(load_study(folder), wave, parameters=given).parts)


def append(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(path.read_text() + "\n# more\n")

    return change


def change_source(folder: Path) -> None:
    path = folder / "notebooks" / "01_clean.ipynb"
    node = json.loads(path.read_text())
    node["cells"][1]["source"] = "a = 2"
    path.write_text(json.dumps(node))


def change_output(folder: Path) -> None:
    path = folder / "notebooks" / "01_clean.ipynb"
    node = json.loads(path.read_text())
    node["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1"]}]
    node["cells"][1]["execution_count"] = 12
    node["cells"][1]["metadata"]["collapsed"] = True
    path.write_text(json.dumps(node, indent=4))


def change_package(folder: Path) -> None:
    (module._PACKAGE / "source.py").write_text("a = 2\n")


def change_line_ends(folder: Path) -> None:
    (module._PACKAGE / "source.py").write_bytes(b"a = 1\r\n")


def new_lock(folder: Path) -> None:
    (folder / "uv.lock").write_text('[[package]]\nname = "belonging-study"\n')


def foreign_lock(folder: Path) -> None:
    (folder / "uv.lock").write_text('[[package]]\nname = "something-else"\n')


def new_key(folder: Path) -> None:
    (folder.parent / "keys" / "toy.key").write_text("ab" * 32)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (append("study.yml"), {"study.yml"}),
        (append("data_raw/w1/survey.csv"), {"data w1/survey.csv"}),
        (append("data_raw/w2/survey.csv"), {"data w2/survey.csv"}),
        (change_source, {"notebook 01_clean"}),
        (change_output, set()),
        (change_package, {"package"}),
        (change_line_ends, set()),
        (new_lock, {"environment"}),
        (foreign_lock, set()),
        (new_key, {"key"}),
    ],
)
def test_each_change_is_seen_where_it_is(toy: Path, change: Callable[[Path], None], changed: set[str]) -> None:
    before = current_fingerprint(load_study(toy), "w2")
    change(toy)
    after = current_fingerprint(load_study(toy), "w2")
    assert set(after.changed_since(before.parts)) == changed
    assert (after.full == before.full) == (not changed)


def test_a_wave_depends_on_earlier_waves_and_not_on_later_ones(toy: Path) -> None:
    before = parts(toy, "w1")
    append("data_raw/w2/survey.csv")(toy)
    assert parts(toy, "w1") == before


def test_dictionaries_and_a_teams_own_readers_count(toy: Path) -> None:
    study = load_study(toy)
    first = study.waves[0]
    source = first.sources[0].model_copy(update={"dictionary": "w1/dictionary.csv"})
    wave = first.model_copy(update={"sources": (source, *first.sources[1:])})
    study = study.model_copy(update={"waves": (wave, *study.waves[1:]), "readers": "my_readers.py"})
    (toy / "data_raw" / "w1" / "dictionary.csv").write_text("a")
    (toy / "my_readers.py").write_text("a = 1")
    before = current_fingerprint(study, "w1")
    (toy / "data_raw" / "w1" / "dictionary.csv").write_text("b")
    (toy / "my_readers.py").write_text("a = 2")
    assert current_fingerprint(study, "w1").changed_since(before.parts) == ("data w1/dictionary.csv", "readers")


def test_parameters_count_and_waves_differ(toy: Path) -> None:
    study = load_study(toy)
    plain = current_fingerprint(study, "w2")
    seeded = current_fingerprint(study, "w2", parameters={"seed": "3"})
    assert seeded.changed_since(plain.parts) == ("parameters",)
    assert seeded == current_fingerprint(study, "w2", parameters={"seed": 3})
    assert current_fingerprint(study, "w1").full != plain.full


def test_no_part_is_the_key_and_hashes_are_sha256(toy: Path) -> None:
    made = parts(toy)
    secret = (toy.parent / "keys" / "toy.key").read_text().strip()
    assert secret not in made.values()
    assert hashlib.sha256(bytes.fromhex(secret)).hexdigest() not in made.values()
    raw = (toy / "data_raw" / "w1" / "survey.csv").read_bytes()
    assert made["data w1/survey.csv"] == hashlib.sha256(raw).hexdigest()
    assert file_hash(toy / "nothing.csv") == "missing"
