"""Time of the estimators for staggered starts on 30,000 students in 300 schools over five waves (150,000 rows).

Medians of repeated runs on one thread, in seconds of processor time and as a multiple of a pandas group-by mean of the
same table, which moves less between machines. Bands are part of every result and drawn from sums within clusters, so
their cost is shown by the same call with 999 and with 1 draw.

    uv run python benchmarks/group_time_time.py            # writes benchmarks/group_time_time.csv
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is first imported

import numpy as np
import pandas as pd

from belonging_study.effects.staggered import goodman_bacon, group_time_att, imputation_att, sun_abraham

PROJECT = Path(__file__).resolve().parent.parent


def students(n: int = 30_000, n_schools: int = 300, n_waves: int = 5) -> pd.DataFrame:
    """A balanced panel whose schools start in waves 3, 4, 5 or never."""
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(n), n_waves)
    school = np.arange(n) % n_schools
    start = np.array([3.0, 4.0, 5.0, np.nan])[school % 4]
    columns = {"student": who, "wave": np.tile(np.arange(1, n_waves + 1), n), "school": school[who]}
    covariates = {"x": rng.normal(size=n)[who], "z": rng.normal(size=n)[who]}
    return pd.DataFrame(columns | covariates | {"start": start[who], "y": rng.normal(size=len(who))})


def main() -> None:
    """Time each estimator and store the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    data = students()
    base = {"outcome": "y", "unit": "student", "time": "wave", "start": "start"}
    columns = base | {"cluster": "school"}
    tasks: dict[str, Callable[[], object]] = {
        "pandas group-by mean": data.groupby(["student", "wave"])["y"].mean,
        "group-time": lambda: group_time_att(data, **columns),
        "group-time, 1 draw": lambda: group_time_att(data, **columns, draws=1),
        "group-time, 2 covariates": lambda: group_time_att(data, **columns, covariates=["x", "z"]),
        "group-time, 2 covariates, not yet treated, by student": lambda: group_time_att(
            data, **base, covariates=["x", "z"], control="not_yet_treated"
        ),
        "group-time, cross-sections, 2 covariates": lambda: group_time_att(
            data, **(columns | {"unit": "school"}), covariates=["x", "z"], panel=False
        ),
        "Sun & Abraham": lambda: sun_abraham(data, **columns),
        "imputation": lambda: imputation_att(data, **columns),
        "Goodman-Bacon": lambda: goodman_bacon(data, **base),
    }
    rows = []
    for name, task in tasks.items():
        task()
        seconds = []
        for _ in range(given.runs):
            began = time.process_time()
            task()
            seconds.append(time.process_time() - began)
        rows.append((name, len(data), statistics.median(seconds)))
    table = pd.DataFrame(rows, columns=["task", "n_rows", "seconds"])
    table["ratio"] = table["seconds"] / table["seconds"].iloc[0]
    table.round(3).to_csv(PROJECT / "benchmarks" / "group_time_time.csv", index=False, lineterminator="\n")
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
