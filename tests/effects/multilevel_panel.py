"""The deterministic panel of tests/reference/multilevel_models.R, built in Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats


def draw(i: np.ndarray, k: int) -> np.ndarray:
    """The reference script's deterministic stand-in for a normal draw."""
    x = np.abs(np.sin(i * 12.9898 + k * 78.233)) * 43758.5453
    return np.asarray(stats.norm.ppf(np.clip(x - np.floor(x), 1e-9, 1 - 1e-9)))


def panel(schools: int, classes: int, students: int, tau_change: float, tau_school: float) -> pd.DataFrame:
    """The reference script's three-level panel of three waves."""
    grid = np.indices((schools, classes, students, 3)).reshape(4, -1)
    d = pd.DataFrame(dict(zip(["school", "class", "student", "wave"], grid, strict=True)))
    d["klass"] = d["school"] * classes + d["class"]
    d["unit"] = d["klass"] * students + d["student"]
    row = d["unit"] * 3 + d["wave"]
    d["treat"] = d["school"] % 2
    d["post"] = (d["wave"] > 0).astype(float)
    d["sex"] = np.where(draw(d["unit"].to_numpy() + 1, 7) > 0.1, "girl", "boy")
    d["x"] = draw(d["unit"].to_numpy() + 1, 8)
    d["y"] = (
        3 + 0.1 * d["wave"] + 0.2 * d["treat"] * d["post"] + 0.15 * d["x"]
        + 0.1 * (d["sex"] == "girl") * d["post"] * d["treat"]
        + tau_school * draw(d["school"].to_numpy() + 1, 1)
        + tau_change * d["post"] * draw(d["school"].to_numpy() + 1, 2)
        + 0.2 * draw(d["klass"].to_numpy() + 1, 3) + 0.6 * draw(d["unit"].to_numpy() + 1, 4)
        + 0.5 * draw(row.to_numpy() + 1, 5)
    )  # fmt: skip
    d["waves"] = d["wave"].astype("category")
    return d
