"""How often effects by group and time reject a true null at 5% with twelve schools, and how often bands miss.

Students of unequal schools are followed over five waves; shocks to a school persist from wave to wave (correlation
.5). Designs give the schools that start in waves 3, 4 and 5 and the schools that never do; without the latter the
comparison is with schools not yet treated. The Monte Carlo error of a rate of 5% is about a point.

    uv run python benchmarks/group_time_size.py            # writes benchmarks/group_time_size.csv
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from belonging_study.effects.staggered import group_time_att, imputation_att, sun_abraham

PROJECT = Path(__file__).resolve().parent.parent
DESIGNS = {"3, 3, 3; 3 never": (3, 3, 3, 3), "2, 2, 2; 6 never": (2, 2, 2, 6), "4, 4, 4; 0 never": (4, 4, 4, 0)}
WAVES = 5


def one(job: tuple[str, int]) -> list[dict[str, object]]:
    """Rejections in one simulated study."""
    name, seed = job
    rng = np.random.default_rng(seed)
    first, second, third, never = DESIGNS[name]
    start = np.array([3.0] * first + [4.0] * second + [5.0] * third + [np.nan] * never)
    sizes = np.random.default_rng(1).integers(6, 25, 12)
    school = np.repeat(np.arange(12), sizes)
    shock = rng.normal(0, 0.3, (12, WAVES))
    for t in range(1, WAVES):
        shock[:, t] = 0.5 * shock[:, t - 1] + np.sqrt(0.75) * shock[:, t]
    y = rng.normal(size=(len(school), 1)) + shock[school] + rng.normal(0, 0.7, (len(school), WAVES))
    data = pd.DataFrame(
        {
            "student": np.repeat(np.arange(len(school)), WAVES),
            "school": np.repeat(school, WAVES),
            "wave": np.tile(np.arange(1, WAVES + 1), len(school)),
            "start": np.repeat(start[school], WAVES),
            "y": y.ravel(),
        }
    )
    columns = {"outcome": "y", "unit": "student", "time": "wave", "start": "start", "cluster": "school"}
    control = "never_treated" if never else "not_yet_treated"
    rows: list[dict[str, object]] = []

    def keep(method: str, what: str, rate: float) -> None:
        rows.append({"design": name, "method": method, "what": what, "rate": rate})

    def missed(table: pd.DataFrame) -> float:
        return float(((table["band_low"] > 0) | (table["band_high"] < 0)).any())

    for std_errors in ("CR2", "CR0"):
        effects = group_time_att(data, **columns, control=control, std_errors=std_errors, seed=seed)
        method = f"group-time, {std_errors}"
        keep(method, "one group and wave", float((effects.table["p_value"] < 0.05).mean()))
        keep(method, "band over groups and waves", missed(effects.table))
        for kind in ("simple", "event", "group", "calendar"):
            table = effects.aggregate(kind)
            keep(method, f"{kind}, overall", float(table["p_value"].iloc[-1] < 0.05))
            if kind == "event":
                keep(method, "event, band", missed(table[table["term"] != "overall"]))
    for method, table in (
        ("Sun & Abraham, CR2", sun_abraham(data, **columns, seed=seed).table),
        ("imputation", imputation_att(data, **columns, seed=seed).table),
    ):
        keep(method, "event, overall", float(table["p_value"].iloc[-1] < 0.05))
        keep(method, "event, band", missed(table[table["term"] != "overall"]))
    return rows


def main() -> None:
    """Run the designs and store the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    jobs = [(name, seed) for name in DESIGNS for seed in range(1, given.studies + 1)]
    with ProcessPoolExecutor(given.jobs) as pool:
        rows = [row for found in pool.map(one, jobs, chunksize=10) for row in found]
    table = pd.DataFrame(rows).groupby(["design", "method", "what"], sort=False)["rate"].mean().reset_index()
    table.insert(3, "studies", given.studies)
    table.round(4).to_csv(PROJECT / "benchmarks" / "group_time_size.csv", index=False, lineterminator="\n")
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
