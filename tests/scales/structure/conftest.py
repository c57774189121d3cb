"""Answers with stored results from lavaan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def lavaan(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/structure_cfa.json").read_text())


@pytest.fixture(scope="session")
def answers(project: Path) -> pd.DataFrame:
    """600 simulated people, 18 items of 5 steps in 3 waves; 8% of wave 1 is missing."""
    return pd.read_csv(project / "tests/reference/structure_answers.csv")


@pytest.fixture(scope="session")
def pupils(shared_data: Path) -> pd.DataFrame:
    """Holzinger and Swineford's 301 pupils."""
    return pd.read_csv(shared_data / "holzinger_swineford/HolzingerSwineford1939.csv")
