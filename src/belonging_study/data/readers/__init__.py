"""Readers: one exported file in, one `Export` out; the format is found by the file's content."""

from __future__ import annotations

from belonging_study.data.readers.identifiers import drop_identifiers
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.registry import Reader, read_export, register_reader, registered_readers
from belonging_study.data.readers.team import load_team_readers

__all__ = [
    "RawFile",
    "Reader",
    "drop_identifiers",
    "load_team_readers",
    "read_export",
    "register_reader",
    "registered_readers",
]
