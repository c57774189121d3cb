"""Simulated truth and the names of the data sets with stored results."""

from __future__ import annotations

import numpy as np
import pandas as pd

SETS = ["simulated", "timss_belonging", "timss_bullying", "hs_visual", "hs_textual", "hs_speed", "hs_all"]


def draw(rng: np.random.Generator, n: int, loadings: np.ndarray, *, steps: bool = False) -> pd.DataFrame:
    """One-factor answers with unit variance; with `steps`, cut to a skewed 1-5 form."""
    answers = rng.normal(size=(n, 1)) * loadings + rng.normal(size=(n, len(loadings))) * np.sqrt(1 - loadings**2)
    if steps:
        answers = np.digitize(answers, [-2.2, -1.6, -0.9, 0.1]).astype(float) + 1
    return pd.DataFrame(answers, columns=[f"q{i + 1}" for i in range(len(loadings))])
