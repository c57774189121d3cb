"""What a report depends on, as one short name: same fingerprint, nothing to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from belonging_study.reports.places import Places, checkout_folder
from belonging_study.study import Study

__all__ = ["Fingerprint", "data_fingerprint", "file_hash", "fingerprint", "stripped_notebook"]

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Fingerprint:
    """The parts that a report depends on, each with its SHA-256.

    Attributes
    ----------
    parts : dict
        Name of the part, such as ``"study.yml"`` or ``"data w1/survey.csv"``, to its hash in hexadecimal digits.
    """

    parts: Mapping[str, str]

    @property
    def full(self) -> str:
        """SHA-256 over all parts, 64 hexadecimal digits."""
        return _hash_text(json.dumps(dict(sorted(self.parts.items()))))

    @property
    def short(self) -> str:
        """The first six digits, as they stand in a version's name."""
        return self.full[:6]

    def changed_since(self, earlier: Mapping[str, str]) -> tuple[str, ...]:
        """Name the parts that differ from earlier ones, were added or are gone, in alphabetical order.

        Examples
        --------
        >>> Fingerprint({"study.yml": "a", "data w1/survey.csv": "b"}).changed_since({"study.yml": "a"})
        ('data w1/survey.csv',)
        """
        names = sorted({*self.parts, *earlier})
        return tuple(n for n in names if self.parts.get(n) != earlier.get(n))


def fingerprint(
    study: Study,
    wave: str,
    where: Places,
    notebooks: Iterable[Path],
    *,
    parameters: Mapping[str, Any],
    key: bytes,
) -> Fingerprint:
    """Take the fingerprint of a wave's report.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave that is reported; the files of every earlier wave count as well.
    where : Places
        The study's folders.
    notebooks : iterable of pathlib.Path
        The notebooks, of which source and tags count, not outputs.
    parameters : mapping
        What the user gave, by notebook or flat.
    key : bytes
        The key of the pseudonyms; only a fingerprint of it is kept.

    Returns
    -------
    Fingerprint
        It covers the definition, the parameters, the content of every input file, the stripped notebooks, the
        package's source, the locked environment (without a lock, the installed versions) and the key.
    """
    parts = _data_parts(study, wave, where, key)
    parts["wave"] = _hash_text(wave)
    parts["parameters"] = _hash_text(json.dumps(dict(parameters), sort_keys=True))
    parts["package"] = _source_hash(sorted(_package_files()))
    parts["environment"] = _environment_hash(where.folder)
    for notebook in notebooks:
        parts[f"notebook {notebook.stem}"] = _hash_text(stripped_notebook(notebook))
    return Fingerprint(parts)


def data_fingerprint(study: Study, wave: str, where: Places, key: bytes) -> str:
    """Take the fingerprint of what the processed tables depend on: definition, raw files, key, package source."""
    parts = {**_data_parts(study, wave, where, key), "wave": _hash_text(wave)}
    parts["package"] = _source_hash(sorted(f for f in _package_files() if "reports" not in f.parts))
    return Fingerprint(parts).full


def stripped_notebook(notebook: Path) -> str:
    """Give what of a notebook counts: each cell's type, source and tags, as canonical JSON."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return json.dumps(
        [
            [c["cell_type"], "".join(c["source"]), sorted(c.get("metadata", {}).get("tags", []))]
            for c in cells
            if "injected-parameters" not in c.get("metadata", {}).get("tags", [])
        ]
    )


def file_hash(path: Path) -> str:
    """Give the SHA-256 of a file's content, or ``"missing"``."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"


def _data_parts(study: Study, wave: str, where: Places, key: bytes) -> dict[str, str]:
    """Hash the definition, the team's readers, the raw files up to that wave with their dictionaries, and the key."""
    from belonging_study.data.linking.keys import key_fingerprint

    sources = [source for one in study.waves_until(wave) for source in one.sources]
    files = dict.fromkeys(name for s in sources for name in (s.file, s.dictionary) if name is not None)
    parts = {f"data {name}": file_hash(where.raw / name) for name in files}
    if study.readers is not None:
        parts["readers"] = file_hash(study.folder / study.readers)
    parts["study.yml"] = file_hash(study.file)
    parts["key"] = key_fingerprint(key)
    return parts


def _package_files() -> Iterable[Path]:
    """Every file of the package's own source; the template's notebooks count by themselves."""
    for path in _PACKAGE.rglob("*"):
        inside = path.relative_to(_PACKAGE).parts
        if "__pycache__" not in inside and inside[0] != "template" and path.is_file():
            yield path


def _source_hash(files: Iterable[Path]) -> str:
    """Hash names and contents, whatever line ends a checkout has."""
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _environment_hash(folder: Path) -> str:
    """Hash the lock that holds this package, or the installed versions where there is none."""
    checkout = checkout_folder()
    for place in (folder, *folder.parents, *([checkout] if checkout else [])):
        lock = place / "uv.lock"
        if lock.is_file():
            content = lock.read_bytes().replace(b"\r\n", b"\n")
            if b'name = "belonging-study"' in content:
                return hashlib.sha256(content).hexdigest()
    versions = sorted({f"{d.name}=={d.version}" for d in metadata.distributions()})
    return _hash_text("\n".join(versions))


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
