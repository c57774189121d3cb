"""How often omega hierarchical's bootstrap interval holds the truth.

Run:  python benchmarks/omega_coverage.py [SECONDS]
Writes omega_coverage.csv beside this script: one row a figure.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from belonging_study.scales import omega_hierarchical

GENERAL = np.array([0.6, 0.55, 0.45] * 3)
SHARE = np.repeat([0.8, 0.75, 0.7], 3)
GROUP = GENERAL * np.sqrt(1 - SHARE**2) / SHARE
UNIQUE = 1 - GENERAL**2 - GROUP**2
PEOPLE, DRAWS = 400, 200


def draw(rng: np.random.Generator) -> pd.DataFrame:
    latent = GENERAL * rng.normal(size=(PEOPLE, 1)) + GROUP * np.repeat(rng.normal(size=(PEOPLE, 3)), 3, axis=1)
    return pd.DataFrame(latent + np.sqrt(UNIQUE) * rng.normal(size=(PEOPLE, 9))).add_prefix("q")


def main(seconds: float) -> None:
    common = GENERAL.sum() ** 2 + sum(GROUP[i : i + 3].sum() ** 2 for i in (0, 3, 6))
    total = common + UNIQUE.sum()
    general = (GENERAL**2).sum()
    truth = np.array([GENERAL.sum() ** 2 / total, common / total, general / (general + (GROUP**2).sum())])
    rng, rows = np.random.default_rng(1), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        table = omega_hierarchical(draw(rng), draws=DRAWS, seed=len(rows)).table
        low, high = table["conf_low"].to_numpy(), table["conf_high"].to_numpy()
        rows.append(np.stack([table["estimate"] - truth, (low <= truth) & (truth <= high), high < truth, truth < low]))
    bias, covered, below, above = np.mean(rows, axis=0)
    pd.DataFrame(
        {
            "coefficient": ["omega_hierarchical", "omega_total", "ecv"],
            "truth": truth.round(4),
            "bias": bias.round(4),
            "coverage": covered.round(3),
            "interval_below": below.round(3),
            "interval_above": above.round(3),
            "samples": len(rows),
            "people": PEOPLE,
            "draws": DRAWS,
        }
    ).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 150)
