"""From exports to one clean, linked, documented table.

Names are loaded when they are first asked for: whoever only needs the key must not wait for pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Cleaned": "clean",
    "Coded": "coding.answers",
    "Export": "export",
    "RawFile": "readers",
    "Reader": "readers",
    "answers_as_text": "coding.answers",
    "clean_waves": "clean",
    "code_answers": "coding.answers",
    "code_binary": "coding.answers",
    "code_number": "coding.answers",
    "drop_identifiers": "readers",
    "key_fingerprint": "linking.keys",
    "load_key": "linking.keys",
    "match_columns": "coding.columns",
    "pseudonymise": "linking.pseudonyms",
    "read_export": "readers",
    "register_reader": "readers",
    "registered_readers": "readers",
}

__all__ = [
    "Cleaned",
    "Coded",
    "Export",
    "RawFile",
    "Reader",
    "answers_as_text",
    "clean_waves",
    "code_answers",
    "code_binary",
    "code_number",
    "drop_identifiers",
    "key_fingerprint",
    "load_key",
    "match_columns",
    "pseudonymise",
    "read_export",
    "register_reader",
    "registered_readers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
