"""Which version of each wave is published, and what has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belonging_study.errors import PublishError
from belonging_study.reports.manifest import read_manifest
from belonging_study.reports.places import missing_files, places
from belonging_study.reports.publish import Version, latest_version
from belonging_study.reports.run import current_fingerprint
from belonging_study.study import Study

__all__ = ["WaveState", "wave_states"]


@dataclass(frozen=True)
class WaveState:
    """One wave's newest version, the files that it still waits for, and the parts that have changed since."""

    wave: str
    version: Version | None
    missing: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def line(self) -> str:
        """The state in one line."""
        start = f"{self.wave}: {self.version.name if self.version else 'not published'}"
        if self.missing:
            return f"{start}, waits for {', '.join(self.missing)}"
        if not self.version:
            return f"{start}, its files are there"
        return f"{start}, out of date: {', '.join(self.changed)}" if self.changed else f"{start}, up to date"


def wave_states(study: Study, *, raw: str | Path | None = None) -> list[WaveState]:
    """Compare each wave's newest version with what a run would use now.

    Parameters
    ----------
    study : Study
        The definition.
    raw : str or pathlib.Path, optional
        The raw data folder.

    Returns
    -------
    list of WaveState
        One a wave, in the study's order. Parameters that a version was run with are taken as they were.
    """
    where = places(study, raw)
    out = []
    for wave in study.wave_names:
        version = latest_version(where.published(wave))
        absent = missing_files(study, where.raw, [w.name for w in study.waves_until(wave)])
        changed: tuple[str, ...] = ()
        if version and not absent:
            changed = _changed(study, wave, version, where.raw)
        out.append(WaveState(wave, version, absent, changed))
    return out


def _changed(study: Study, wave: str, version: Version, raw: Path) -> tuple[str, ...]:
    try:
        manifest = read_manifest(version.folder)
    except PublishError:
        return ("its manifest cannot be read",)
    given: dict[str, Any] = {}
    per_notebook: Mapping[str, Mapping[str, Any]] = manifest.parameters
    for values in per_notebook.values():
        given.update(values)
    return current_fingerprint(study, wave, raw=raw, parameters=given).changed_since(manifest.parts)
