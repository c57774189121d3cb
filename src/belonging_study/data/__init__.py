"""From exports to one clean, linked, documented table."""

from __future__ import annotations

from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.data.coding import Coded, answers_as_text, code_answers, code_binary, code_number
from belonging_study.data.export import Export
from belonging_study.data.matching import match_columns
from belonging_study.data.pseudonyms import key_fingerprint, load_key, pseudonymise
from belonging_study.data.readers import (
    RawFile,
    Reader,
    drop_identifiers,
    read_export,
    register_reader,
    registered_readers,
)

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
