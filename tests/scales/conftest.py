"""Data sets with stored results from psych and lavaan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/scales_reliability.json").read_text())


@pytest.fixture(scope="session")
def form(project: Path) -> pd.DataFrame:
    """The simulated answers as they stand on the form: q3 and q7 reverse-worded, some answers missing."""
    return pd.read_csv(project / "tests/reference/scales_simulated.csv")


@pytest.fixture(scope="session")
def load(project: Path, request: pytest.FixtureRequest) -> Callable[[str], pd.DataFrame]:
    def _load(name: str) -> pd.DataFrame:
        if name == "simulated":
            answers = pd.read_csv(project / "tests/reference/scales_simulated.csv")
            answers[["q3", "q7"]] = 6 - answers[["q3", "q7"]]
            return answers
        folder = request.getfixturevalue("shared_data")
        if name.startswith("timss"):
            answers = pd.read_csv(folder / "timss2015_belonging/items.csv")
            return answers.iloc[:, :7] if name == "timss_belonging" else answers.iloc[:, 7:]
        answers = pd.read_csv(folder / "holzinger_swineford/HolzingerSwineford1939.csv")
        numbers = {"hs_visual": (1, 2, 3), "hs_textual": (4, 5, 6), "hs_speed": (7, 8, 9), "hs_all": range(1, 10)}
        return answers[[f"x{i}" for i in numbers[name]]]

    return _load
