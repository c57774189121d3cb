"""From notebooks to a published version: blocks, disclosure control, runs, assembly, publication.

Names are loaded when they are first asked for: the check that nothing has changed must not wait for pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Figure": "blocks",
    "Note": "blocks",
    "Summary": "words",
    "Table": "blocks",
    "Workspace": "workspace",
    "assemble_html": "assemble",
    "careless_sentences": "sensitivity_words",
    "fairness_caption": "fairness_words",
    "fairness_sentences": "fairness_words",
    "kinds_of_arm": "design",
    "open_wave": "workspace",
    "run_waves": "run",
    "score_sentences": "sensitivity_words",
    "summarise": "words",
    "suppress": "disclosure",
}

__all__ = [
    "Figure",
    "Note",
    "Summary",
    "Table",
    "Workspace",
    "assemble_html",
    "careless_sentences",
    "fairness_caption",
    "fairness_sentences",
    "kinds_of_arm",
    "open_wave",
    "run_waves",
    "score_sentences",
    "summarise",
    "suppress",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
