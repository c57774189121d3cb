"""Answers with built-in differences between groups, and what everybody gets wrong with a form's answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

SIX = "f =~ q1 + q2 + q3 + q4 + q5 + q6"
ITEMS = [f"q{i}" for i in range(1, 7)]


def six_items(
    seed: int, *, n: int = 500, groups: int = 2, shift: float = 0.0, weaker: float = 0.0, mean: float = 0.3
) -> pd.DataFrame:
    """Items of variance 1; in the last group q2's intercept is higher, q3's loading lower, the mean higher."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(np.arange(groups), n)
    last = (arm == groups - 1).astype(float)
    trait = rng.normal(size=groups * n) + mean * last
    loadings = np.full((groups * n, 6), 0.8)
    loadings[:, 2] -= weaker * last
    answers = loadings * trait[:, None] + 0.6 * rng.normal(size=(groups * n, 6))
    answers[:, 1] += shift * last
    return pd.DataFrame(answers, columns=ITEMS).assign(arm=np.array(list("abcdef"))[arm])


def spoilt(name: str) -> pd.DataFrame:
    """Answers that no comparison can be made of."""
    data = six_items(1, n=40)
    what: dict[str, Callable[[], pd.DataFrame]] = {
        "constant": lambda: data.assign(q2=3.0),
        "empty": lambda: data.assign(q2=np.nan),
        "text": lambda: data.assign(q2="often"),
        "infinite": lambda: data.assign(q2=data["q2"].where(data.index > 0, np.inf)),
        "twice": lambda: data.assign(q2=data["q1"]),
        "few": lambda: data.groupby("arm").head(6),
        "five": lambda: data.head(45),
        "one group": lambda: data.assign(arm="a"),
        "no item": lambda: data.drop(columns="q2"),
        "no group": lambda: data.drop(columns="arm"),
        "all equal": lambda: data.assign(**dict.fromkeys(ITEMS, 3.0)),
        "nobody": lambda: data.head(0),
    }
    return what[name]()


SPOILT = [
    "constant", "empty", "text", "infinite", "twice", "few", "five", "one group", "no item", "no group", "all equal",
    "nobody",
]  # fmt: skip
