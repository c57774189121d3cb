from __future__ import annotations

import getpass
import hashlib
import json
import platform
from pathlib import Path

import pytest

from belonging_study.errors import PublishError
from belonging_study.reports.manifest import read_manifest
from belonging_study.reports.run import run_waves
from belonging_study.study import load_study


def test_a_manifest_names_everything_and_nobody(toy: Path) -> None:
    (result,) = run_waves(load_study(toy), ["w2"], parameters={"seed": 4})
    assert result.version is not None
    folder = result.version.folder
    manifest = read_manifest(folder)
    raw = toy / "data_raw"
    assert manifest.inputs == {
        f"{w}/survey.csv": hashlib.sha256((raw / w / "survey.csv").read_bytes()).hexdigest() for w in ("w1", "w2")
    }
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    own = {"manifest.json", "ro-crate-metadata.json"}
    assert manifest.outputs == {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in files.items() if n not in own}
    assert manifest.parameters == {"01_clean": {"seed": 4}, "02_scales": {"seed": 4}}
    assert manifest.fingerprint.startswith(result.version.fingerprint)
    assert manifest.wave == "w2"
    assert manifest.packages["pandas"]
    assert files["manifest.json"].read_bytes() == files["ro-crate-metadata.json"].read_bytes()

    text = files["manifest.json"].read_text()
    assert str(toy) not in text
    assert platform.node() not in text
    assert f'"{getpass.getuser()}"' not in text

    # RO-Crate 1.1: one flat graph, every reference resolves or is external, descriptor about the root.
    graph = json.loads(text)["@graph"]
    by_id = {e["@id"]: e for e in graph}
    assert len(by_id) == len(graph)
    assert by_id["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert by_id["ro-crate-metadata.json"]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"
    for entry in graph:
        for value in entry.values():
            for reference in value if isinstance(value, list) else [value]:
                if isinstance(reference, dict):
                    assert set(reference) == {"@id"}
                    assert reference["@id"] in by_id or reference["@id"].startswith("http")
    run = by_id["#run"]
    assert run["startTime"] <= run["endTime"]
    assert {r["@id"] for r in run["result"]} == set(manifest.outputs)


@pytest.mark.parametrize("text", [None, "", "{}", '{"@graph": []}'])
def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path, text: str | None) -> None:
    folder = tmp_path / "w1" / "v001-aaaaaa"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "manifest.json").write_text(text)
    with pytest.raises(PublishError, match="w1/v001-aaaaaa"):
        read_manifest(folder)
