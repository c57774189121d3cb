"""How often the reported 95% intervals contain the demo study's true effects.

Each seed goes the whole way: the demo's files are written, read, linked and scored, and the effect on every
outcome is estimated by both methods, in both waves after the start.

    uv run python benchmarks/demo_coverage.py --seeds 200 --jobs 2      # writes benchmarks/demo_coverage.csv

The stored result, ``benchmarks/demo_coverage.csv``, has one row an outcome, wave and method, and a row over all.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

from belonging_study.data import clean_waves, load_key
from belonging_study.data.demo import load_truth, write_demo
from belonging_study.effects import estimate_effects, estimate_multilevel
from belonging_study.scales import score_study
from belonging_study.study import Demo, Study, load_study

PROJECT = Path(__file__).resolve().parent.parent
KEEP = ["outcome", "wave", "model", "estimate", "std_error", "conf_low", "conf_high"]


def one_seed(seed: int) -> pd.DataFrame:
    """Every main estimate of one simulated study."""
    study: Study = load_study(PROJECT).model_copy(update={"demo": Demo(seed=seed), "groups": ()})
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        write_demo(raw, seed)
        scores = score_study(study, clean_waves(study, "w3", raw=raw, key=load_key(study, raw)).responses)
    found = []
    for wave in ("w2", "w3"):
        did = estimate_effects(study, scores, wave, draws=199).estimates
        did = did[(did["term"] == "programme") & ~did["contrast"].str.startswith("average")]
        found += [did, estimate_multilevel(study, scores, wave).estimates]
    return pd.concat(found)[KEEP].assign(seed=seed)


def main() -> None:
    """Run the seeds and store the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    with ProcessPoolExecutor(given.jobs) as pool:
        rows = pd.concat(pool.map(one_seed, seeds, chunksize=5), ignore_index=True)
    truth = load_truth().observed_effects
    rows["truth"] = [truth[o][w] for o, w in zip(rows["outcome"], rows["wave"], strict=True)]
    rows["covers"] = rows["truth"].between(rows["conf_low"], rows["conf_high"])
    rows["error"] = rows["estimate"] - rows["truth"]
    by = ["outcome", "wave", "model"]
    table = rows.groupby(by, sort=False).agg(
        seeds=("seed", "nunique"),
        truth=("truth", "first"),
        mean_estimate=("estimate", "mean"),
        bias=("error", "mean"),
        sd_estimate=("estimate", "std"),
        mean_std_error=("std_error", "mean"),
        coverage=("covers", "mean"),
    )
    overall = rows.groupby("model").agg(seeds=("seed", "nunique"), coverage=("covers", "mean")).reset_index()
    overall = overall.assign(outcome="all", wave="all")
    out = pd.concat([table.reset_index(), overall], ignore_index=True)
    out.round(6).to_csv(PROJECT / "benchmarks" / "demo_coverage.csv", index=False, lineterminator="\n")
    print(out.to_string())


if __name__ == "__main__":
    main()
