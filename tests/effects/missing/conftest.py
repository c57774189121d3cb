"""Data that the tests of lost students share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

REFERENCE = Path(__file__).resolve().parents[2] / "reference"


@pytest.fixture(scope="session")
def lost() -> pd.DataFrame:
    """360 students of 16 schools, of whom some have no second answer."""
    return pd.read_csv(REFERENCE / "missing_outcomes.csv")


@pytest.fixture(scope="session")
def r() -> dict[str, Any]:
    """What R makes of them."""
    return json.loads((REFERENCE / "missing_outcomes.json").read_text())


@pytest.fixture(scope="session")
def whole() -> pd.DataFrame:
    """Twelve schools of ten students, nobody lost."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"school": np.repeat(np.arange(12), 10)})
    rows["on"] = rows["school"] % 2
    rows["before"] = rng.normal(size=120)
    rows["after"] = rng.normal(size=12)[rows["school"]] + rng.normal(size=120)
    return rows
