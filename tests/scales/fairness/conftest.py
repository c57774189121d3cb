"""Answers with stored results from lavaan."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def answers(project: Path) -> pd.DataFrame:
    """600 simulated people, 18 items of 5 steps in 3 waves; 8% of wave 1 is missing."""
    return pd.read_csv(project / "tests/reference/structure_answers.csv")
