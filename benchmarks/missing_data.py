"""Bias and coverage of each way to deal with lost students, where the truth is known.

Two waves, half of the schools in the programme, 25 students in each, the programme adds 0.3 to everybody's outcome
(its standard deviation is 1). Students are lost before the second wave: at random (MCAR), depending on their answer
before the programme and the arm (MAR), or in the comparison arm depending on the lost answer itself (MNAR).

    uv run python benchmarks/missing_data.py            # one core, ten minutes; writes benchmarks/missing_data.csv

The stored result has one row a mechanism, number of schools and method; for the bounds ``estimate`` is their middle and
``coverage`` that of the interval of Imbens & Manski.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported

import numpy as np
import pandas as pd
from scipy import special

from belonging_study.effects import missing_data_sensitivity

EFFECT = 0.3
STUDENTS = 25
MECHANISMS = ("MCAR", "MAR", "MNAR")


def one_set(mechanism: str, n_schools: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row a student."""
    school = np.repeat(np.arange(n_schools), STUDENTS)
    on = school % 2
    n = len(school)
    level, change = rng.normal(0, np.sqrt([[0.08], [0.03]]), (2, n_schools))
    before = level[school] + rng.normal(0, np.sqrt(0.92), n)
    # The rest of the variance of the answer after the programme is 1 - 0.36 - 0.03.
    after = 0.6 * before + change[school] + rng.normal(0, np.sqrt(0.61), n) + EFFECT * on
    if mechanism == "MCAR":
        chance = np.where(on == 1, 0.85, 0.75)
    elif mechanism == "MAR":
        chance = special.expit(1.4 + 1.2 * np.where(on == 1, before, -before))
    else:
        chance = np.where(on == 1, 0.95, 0.95 * special.expit(1.2 + 1.2 * after))
    return pd.DataFrame(
        {"school": school, "on": on, "before": before, "after": np.where(rng.random(n) < chance, after, np.nan)}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = parser.parse_args()
    began = time.perf_counter()
    rows = []
    for m, mechanism in enumerate(MECHANISMS):
        for n_schools in (8, 20):
            rng = np.random.default_rng([given.seed, m, n_schools])
            found = pd.concat(
                missing_data_sensitivity(
                    one_set(mechanism, n_schools, rng),
                    outcome="after",
                    baseline="before",
                    treated="on",
                    cluster="school",
                    draws=299,
                    seed=i,
                ).assign(set=i)
                for i in range(given.sets)
            )
            found["estimate"] = found["estimate"].fillna((found["bound_low"] + found["bound_high"]) / 2)
            found["covers"] = (found["conf_low"] <= EFFECT) & (found["conf_high"] >= EFFECT)
            found["width"] = found["conf_high"] - found["conf_low"]
            found["observed"] = found["n_observed"] / found["n_students"]
            for method, mine in found.groupby("method", sort=False):
                rows.append(
                    {
                        "mechanism": mechanism,
                        "n_clusters": n_schools,
                        "method": method,
                        "n_sets": len(mine),
                        "observed": mine["observed"].mean(),
                        "truth": EFFECT,
                        "mean_estimate": mine["estimate"].mean(),
                        "bias": mine["estimate"].mean() - EFFECT,
                        "sd_estimate": mine["estimate"].std(),
                        "mean_std_error": mine["std_error"].mean(),
                        "mean_bound_low": mine["bound_low"].mean(),
                        "mean_bound_high": mine["bound_high"].mean(),
                        "coverage": mine["covers"].mean(),
                        "mean_width": mine["width"].mean(),
                    }
                )
    pd.DataFrame(rows).round(4).to_csv(given.out, index=False, lineterminator="\n")
    print(f"{time.perf_counter() - began:.0f} seconds")


if __name__ == "__main__":
    main()
