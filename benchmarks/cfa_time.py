"""Time of factor models beside lavaan's, on the same simulated answers and the same machine.

Each task is run in turn by this package and by lavaan (reading the data is not timed), and the medians are divided.
Both sides work on one thread: on a machine whose cores are busy, a second thread of the linear algebra waits for the
first and can cost ten times what it saves. Without Rscript and lavaan the ratios are empty.

    uv run python benchmarks/cfa_time.py            # writes benchmarks/cfa_time.csv
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is first imported

import numpy as np
import pandas as pd

from belonging_study.scales import cfa, invariance, polychoric

MODEL = "\n".join(f"f{f} =~ " + " + ".join(f"q{6 * f + j + 1}" for j in range(6)) for f in range(3))
ITEMS = [f"q{i}" for i in range(1, 19)]
LAVAAN = """
suppressPackageStartupMessages(library(lavaan))
arguments <- commandArgs(TRUE)
d <- read.csv(arguments[1]); task <- arguments[2]; model <- paste(readLines(arguments[3]), collapse = "\\n")
runs <- as.integer(arguments[4])
steps <- list("", "loadings", c("loadings", "intercepts"), c("loadings", "intercepts", "residuals"))
once <- function() switch(task,
  one = fitMeasures(cfa(model, d)),
  robust = fitMeasures(cfa(model, d, estimator = "MLR")),
  ladder = lapply(steps, function(e) fitMeasures(cfa(model, d, group = "school", group.equal = e))),
  fiml = fitMeasures(cfa(model, d, missing = "fiml")),
  polychoric = lavCor(d[paste0("q", 1:18)], ordered = paste0("q", 1:18)),
  wlsmv = fitMeasures(cfa(model, d, ordered = paste0("q", 1:18))))
for (i in seq_len(runs)) {
  began <- proc.time()[["elapsed"]]
  invisible(suppressWarnings(once()))
  cat(proc.time()[["elapsed"]] - began, "\\n")
}
"""
TASKS: dict[str, tuple[str, int, bool, Callable[[pd.DataFrame], object]]] = {
    "ML, 18 items, 10,000 people": ("one", 10_000, False, lambda d: cfa(MODEL, d)),
    "MLR, 18 items, 10,000 people": ("robust", 10_000, False, lambda d: cfa(MODEL, d, estimator="MLR")),
    "ladder, 5 groups, 10,000 people": ("ladder", 10_000, False, lambda d: invariance(MODEL, d, group="school")),
    "ladder, 5 groups, 100,000 people": ("ladder", 100_000, False, lambda d: invariance(MODEL, d, group="school")),
    "FIML, 8% missing, 10,000 people": ("fiml", 10_000, True, lambda d: cfa(MODEL, d, missing="fiml")),
    "polychoric, 18 items, 100,000 people": ("polychoric", 100_000, False, lambda d: polychoric(d[ITEMS])),
    "WLSMV, 18 items, 10,000 people": ("wlsmv", 10_000, False, lambda d: cfa(MODEL, d, ordered=True)),
}


def answers(n: int, *, missing: bool) -> pd.DataFrame:
    """Three factors of six items of five steps, in five schools."""
    rng = np.random.default_rng(1)
    traits = rng.multivariate_normal(np.zeros(3), 0.5 * np.eye(3) + 0.5, size=n)
    latent = 0.7 * np.repeat(traits, 6, axis=1) + 0.7 * rng.normal(size=(n, 18))
    items = np.digitize(latent, [-1.8, -1.1, -0.3, 0.7]).astype(float) + 1
    if missing:
        items[rng.random(items.shape) < 0.08] = np.nan
    return pd.DataFrame(items, columns=ITEMS).assign(school=rng.choice(list("ABCDE"), n))


def seconds(run: Callable[[pd.DataFrame], object], data: pd.DataFrame, runs: int) -> float:
    """Median time of several runs after a first one."""
    run(data)
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        run(data)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def lavaan_seconds(task: str, data: pd.DataFrame, folder: Path, runs: int) -> float:
    """Median of lavaan's runs; NaN without R."""
    if shutil.which("Rscript") is None:
        return float("nan")
    data.to_csv(folder / "answers.csv", index=False, na_rep="NA")
    (folder / "model.txt").write_text(MODEL, encoding="utf-8")
    (folder / "time.R").write_text(LAVAAN, encoding="utf-8")
    command = ["Rscript", "time.R", "answers.csv", task, "model.txt", str(runs)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return statistics.median(float(line) for line in done.stdout.split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a task's name")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (task, n, missing, run) in TASKS.items():
            if chosen.only not in name:
                continue
            data = answers(n, missing=missing)
            ours, theirs = seconds(run, data, chosen.runs), lavaan_seconds(task, data, Path(folder), chosen.runs)
            rows.append((name, round(ours, 3), round(theirs, 3), round(ours / theirs, 3)))
    pd.DataFrame(rows, columns=["task", "seconds", "lavaan_seconds", "ratio"]).to_csv(chosen.out, index=False)


if __name__ == "__main__":
    main()
