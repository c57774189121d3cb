"""What a version was made from and what it holds, as RO-Crate JSON-LD (version 1.1) that other tools can read.

A version carries the same bytes twice: ``manifest.json``, the name that people look for, and
``ro-crate-metadata.json``, the name that the RO-Crate specification asks for. No path outside the study's folder,
no name of a user or a computer is written.
"""

from __future__ import annotations

import datetime as dt
import json
import mimetypes
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from belonging_study.errors import PublishError
from belonging_study.reports.fingerprint import Fingerprint, file_hash
from belonging_study.reports.places import Places
from belonging_study.study import Study

__all__ = ["MANIFEST_NAMES", "Manifest", "as_crate", "make_manifest", "read_manifest"]

MANIFEST_NAMES = ("manifest.json", "ro-crate-metadata.json")

_RAW = "#data_raw/"
_MIME = {".csv": "text/csv", ".svg": "image/svg+xml", ".ipynb": "application/x-ipynb+json", ".yml": "text/yaml"}
_COUNTED = (
    "numpy", "pandas", "scipy", "statsmodels", "linearmodels", "mixedlm", "pingouin", "matplotlib", "seaborn",
    "pyarrow", "pyreadstat", "pydantic", "papermill", "ipykernel", "nbformat",
)  # fmt: skip


@dataclass(frozen=True)
class Manifest:
    """What a version was made from.

    Attributes
    ----------
    wave : str
        The wave that is reported.
    fingerprint : str
        64 digits over all parts.
    parts : dict
        Part of the fingerprint to its hash.
    parameters : dict
        Notebook to the values that were given for it.
    inputs : dict
        Raw file, as `study.yml` names it, to its SHA-256.
    seed, draws : int
        Of the analysis.
    packages : dict
        Package to version.
    python, platform : str
        Version of Python; system and processor, no computer's name.
    commit : str
        Git commit of the study's folder; empty outside a repository.
    clean : bool
        Whether everything there was committed.
    outputs : dict
        Published file, below the version's folder, to its SHA-256; empty until it is published.
    """

    wave: str
    fingerprint: str
    parts: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, str]
    seed: int
    draws: int
    packages: Mapping[str, str]
    python: str
    platform: str
    commit: str
    clean: bool
    outputs: Mapping[str, str] = field(default_factory=dict)


_PROPERTIES = (
    "wave", "fingerprint", "parts", "parameters", "seed", "draws", "packages", "python", "platform", "commit", "clean",
)  # fmt: skip


def make_manifest(
    study: Study,
    wave: str,
    *,
    where: Places,
    fingerprint: Fingerprint,
    parameters: Mapping[str, Mapping[str, Any]],
) -> Manifest:
    """Take note of what a run is made from.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave that is reported.
    where : Places
        The study's folders.
    fingerprint : Fingerprint
        Of this run.
    parameters : mapping
        Notebook to the values that were given for it.

    Returns
    -------
    Manifest
        Without outputs.
    """
    commit, clean = _git_state(where.folder)
    inputs = dict.fromkeys(s.file for w in study.waves_until(wave) for s in w.sources)
    return Manifest(
        wave=wave,
        fingerprint=fingerprint.full,
        parts=dict(sorted(fingerprint.parts.items())),
        parameters={name: dict(values) for name, values in parameters.items()},
        inputs={name: fingerprint.parts[f"data {name}"] for name in inputs},
        seed=study.analysis.seed,
        draws=study.analysis.draws,
        packages={name: version for name in _COUNTED if (version := _version(name))},
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        commit=commit,
        clean=clean,
    )


def as_crate(
    manifest: Manifest,
    study: Study,
    *,
    where: Places,
    staged: Path,
    started_at: dt.datetime,
    ended_at: dt.datetime,
) -> dict[str, Any]:
    """Describe a version that is complete but for its manifest.

    Parameters
    ----------
    manifest : Manifest
        What it was made from.
    study : Study
        The definition.
    where : Places
        The study's folders.
    staged : pathlib.Path
        The folder that will be published; its files are listed.
    started_at, ended_at : datetime.datetime
        With time zone.

    Returns
    -------
    dict
        JSON-LD: the report as root, its files and the raw files with SHA-256, the run as ``CreateAction``, and the
        rest as property values.
    """
    wave = study.wave(manifest.wave)
    definition = {
        "@id": "#study.yml", "@type": "File", "name": study.file.name, "sha256": manifest.parts["study.yml"],
    }  # fmt: skip
    inputs = [
        {
            "@id": f"{_RAW}{name}",
            "@type": "File",
            "name": name,
            "sha256": digest,
            "contentSize": _size(where.raw / name),
        }
        for name, digest in manifest.inputs.items()
    ]
    names = sorted(p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file())
    outputs = [
        {
            "@id": name,
            "@type": "File",
            "name": name,
            "encodingFormat": _MIME.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "text/plain",
            "contentSize": _size(staged / name),
            "sha256": file_hash(staged / name),
        }
        for name in names
        if name not in MANIFEST_NAMES
    ]
    properties = [
        {"@id": f"#{name}", "@type": "PropertyValue", "name": name, "value": _flat(getattr(manifest, name))}
        for name in _PROPERTIES
    ]
    people = [
        {"@id": f"#person-{number}", "@type": "Person", "name": person.name, "affiliation": person.affiliation}
        for number, person in enumerate(study.team, start=1)
    ]
    toolkit = {
        "@id": "#belonging-study",
        "@type": "SoftwareApplication",
        "name": "belonging-study",
        "version": _version("belonging-study"),
    }
    action = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Report of wave {wave.name}",
        "startTime": started_at.replace(microsecond=0).isoformat(),
        "endTime": ended_at.replace(microsecond=0).isoformat(),
        "instrument": _reference(toolkit),
        "object": [_reference(e) for e in (definition, *inputs, *properties)],
        "result": [_reference(e) for e in outputs],
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{study.title}: {wave.label}",
        "description": f"Report of wave {wave.name} with its tables, figures and notebooks.",
        "datePublished": ended_at.date().isoformat(),
        "license": "The team that runs the study decides who may use this report.",
        "author": [_reference(e) for e in people],
        "hasPart": [_reference(e) for e in outputs],
        "mentions": [_reference(action)],
    }
    descriptor = {
        "@id": MANIFEST_NAMES[1],
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    return {
        "@context": [
            "https://w3id.org/ro/crate/1.1/context",
            {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},
        ],
        "@graph": [descriptor, root, action, toolkit, *people, definition, *inputs, *outputs, *properties],
    }


def read_manifest(version: Path) -> Manifest:
    """Read the manifest of a published version.

    Parameters
    ----------
    version : pathlib.Path
        The version's folder.

    Returns
    -------
    Manifest
        What can be compared with the present.

    Raises
    ------
    PublishError
        If it is not there or is not one of this toolkit's.
    """
    path = version / MANIFEST_NAMES[0]
    try:
        by_id = {entry["@id"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["@graph"]}
        return Manifest(
            **{name: _unflat(by_id[f"#{name}"]["value"]) for name in _PROPERTIES},
            inputs={i.removeprefix(_RAW): e["sha256"] for i, e in by_id.items() if i.startswith(_RAW)},
            outputs={p["@id"]: by_id[p["@id"]]["sha256"] for p in by_id["./"]["hasPart"]},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PublishError(
            f"The manifest of {version.parent.name}/{version.name} is missing or cannot be read.",
            where=f"{version.name}/{path.name}",
            remedy=f"publish the wave again: belonging-study run --wave {version.parent.name} --force",
        ) from error


def _flat(value: Any) -> Any:
    """RO-Crate knows no nested values: a mapping is written as JSON text."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _unflat(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _reference(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"@id": entry["@id"]}


def _size(path: Path) -> str:
    return str(path.stat().st_size) if path.is_file() else "0"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _git_state(folder: Path) -> tuple[str, bool]:
    """The commit that the study's folder is at, and whether everything is committed; nothing outside a repository."""
    git = shutil.which("git")
    if git is None:
        return "", False

    def ask(*arguments: str) -> str | None:
        done = subprocess.run(
            [git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=30
        )
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD") or ""
    return commit, bool(commit) and ask("status", "--porcelain") == ""
