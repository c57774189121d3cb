"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout's top folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which is never part of the repository; skip where it is absent."""
    folder = Path(os.environ.get("BELONGING_STUDY_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"the real data sets are not here ({folder.name}/ beside the checkout, or BELONGING_STUDY_SHARED_DATA)"
        )
    return folder
