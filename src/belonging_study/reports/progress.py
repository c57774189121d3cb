"""How far a run has come."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Kind", "Progress", "Reporter"]

Kind = Literal["started", "cell", "finished", "publishing", "published"]


@dataclass(frozen=True)
class Progress:
    """One thing that happened in a run.

    Attributes
    ----------
    kind : {"started", "cell", "finished", "publishing", "published"}
        "started", "cell" and "finished" are about a notebook, the others about a wave.
    wave, notebook : str
        Which wave, and which notebook (empty for a wave).
    cell, cells : int
        Cells of the notebook that are done, and how many it has.
    share : float
        Share of the whole run's cells that are done, between 0 and 1.
    """

    kind: Kind
    wave: str
    notebook: str = ""
    cell: int = 0
    cells: int = 0
    share: float = 0.0


class Reporter:
    """Counts cells and passes progress on, one call at a time."""

    def __init__(self, progress: Callable[[Progress], None] | None, notebooks: Sequence[Path], n_waves: int) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._done: dict[tuple[str, str], int] = {}
        # One cell more a notebook for its parameters, and one a wave for publishing.
        cells = sum(len(json.loads(p.read_text(encoding="utf-8"))["cells"]) + 1 for p in notebooks)
        self._total = (cells + 1) * n_waves

    def __call__(self, kind: Kind, wave: str, notebook: str = "", cell: int = 0, cells: int = 0) -> None:
        """Count what is done and pass it on."""
        with self._lock:
            self._done[wave, notebook] = max(cell, self._done.get((wave, notebook), 0))
            share = min(sum(self._done.values()) / self._total, 1.0)
            if self._progress:
                self._progress(Progress(kind, wave, notebook, cell, cells, share))
