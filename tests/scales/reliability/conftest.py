"""Stored results from psych, lavaan and semTools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def more(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/reliability_more.json").read_text())


@pytest.fixture(scope="session")
def ordered_answers(project: Path) -> pd.DataFrame:
    """Eighteen items of three groups, five answers each."""
    return pd.read_csv(project / "tests/reference/exploratory_answers.csv")
