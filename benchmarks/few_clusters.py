"""How often each method of inference rejects with few schools, and what the written rule picks.

Two waves, whole schools assigned, the effect estimated by difference-in-differences on students. With two waves the
estimate, CR1, CR2, CR3 and both resampling tests depend on the data only through each school's number of students and
its sum of changes, so that thousands of data sets are worked on at once; a test holds these formulas to
`cluster_inference`.

    uv run python benchmarks/few_clusters.py            # one core, some minutes; writes benchmarks/few_clusters.csv

The rule was settled on these data sets; ``few_clusters_check.csv`` has the rows of the rule from ``--seed 2``.

The stored result has one row a setting and method: the share of data sets with p <= .05 without an effect (``size``)
and with one (``power``). The rows ``default`` are what `default_inference` picks, among the data sets in which it says
that the method can be trusted; ``trusted`` is their share.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is first imported

import numpy as np
import pandas as pd
from scipy import special

from belonging_study.effects.inference.default import default_inference

ALPHA = 0.05
TIE = 1e-9
DRAWS = 999
#: Standard deviations of the change: school and wave, and of a student's level and answer; together with the school's
#: own level 1, so that the outcome has an intraclass correlation of about .1.
SCHOOL, SCHOOL_WAVE, STUDENT, ANSWER = np.sqrt([0.07, 0.03, 0.5, 0.4])
EFFECT = 0.4
METHODS = (
    "CR1 t(G-1)",
    "CR2 Satterthwaite",
    "CR3 t(G-1)",
    "wild bootstrap",
    "randomisation",
    "cluster means t test",
)
#: Without a school's own change its students are independent; in the last one the programme's schools vary
#: twice as much.
OUTCOMES = ("normal", "binary", "skewed", "normal, schools change alike", "normal, programme varies")
NAMED = {"two": 2, "three": 3, "five": 5}


@dataclass(frozen=True)
class Setting:
    """One cell of the grid."""

    n_clusters: int
    sizes: str
    treated: str
    outcome: str

    @property
    def students(self) -> np.ndarray:
        """Students of each school."""
        g = self.n_clusters
        if self.sizes == "equal":
            return np.full(g, 25)
        if self.sizes == "12 to 80":
            return np.linspace(12, 80, g).round().astype(int)
        others = np.full(g - 1, 25)
        return np.append(others, round(others.sum() * 2 / 3))  # one school has two fifths of all students

    @property
    def n_treated(self) -> int:
        """Schools in the programme."""
        return NAMED.get(self.treated, self.n_clusters // 2)

    def arms(self, rng: np.random.Generator, n_sets: int) -> np.ndarray:
        """1 for the schools in the programme, shape (sets, schools): drawn by lottery, or always the largest."""
        first = (np.arange(self.n_clusters) >= self.n_clusters - self.n_treated).astype(float)
        drawn = np.tile(first, (n_sets, 1))
        return drawn if self.treated == "largest half" else rng.permuted(drawn, axis=1)


def settings() -> Iterator[Setting]:
    """The grid; what would repeat another cell is left out."""
    for g, sizes, treated in product(
        (6, 10, 20, 50), ("equal", "12 to 80", "one of 40%"), ("two", "three", "five", "half", "largest half")
    ):
        if (treated in NAMED and NAMED[treated] >= g / 2) or (treated == "largest half" and sizes == "equal"):
            continue
        for outcome in OUTCOMES:
            yield Setting(g, sizes, treated, outcome)


def change_sums(setting: Setting, rng: np.random.Generator, n_sets: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each school's sum of changes without the programme, with one that does nothing on average, with one that helps.

    Shape of each (sets, schools).
    """
    sizes = setting.students
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found: tuple[list[np.ndarray], ...] = ([], [], [])
    step = max(1, 400_000 // int(sizes.sum()))
    for first in range(0, n_sets, step):
        n = min(step, n_sets - first)
        shape = (n, int(sizes.sum()))
        school = SCHOOL * rng.standard_normal((n, len(sizes)))
        student = STUDENT * rng.standard_normal(shape)
        spread = 0.0 if setting.outcome == "normal, schools change alike" else SCHOOL_WAVE
        own = [spread * rng.standard_normal(school.shape) for _ in range(2)]
        before, after = (
            student + np.repeat(school + change, sizes, axis=1) + ANSWER * rng.standard_normal(shape) for change in own
        )
        idle, helped = after, after + EFFECT
        if setting.outcome == "binary":
            before, after, idle, helped = (latent > 0.5 for latent in (before, after, idle, helped))
        elif setting.outcome == "skewed":
            before, after = np.exp(before), np.exp(after)
            idle, helped = after, after + EFFECT * math.sqrt((math.e - 1) * math.e)
        elif setting.outcome == "normal, programme varies":
            # A school's change has the variance 2 * SCHOOL_WAVE**2; with three times that added, twice the spread.
            more = np.repeat(math.sqrt(6) * SCHOOL_WAVE * rng.standard_normal(school.shape), sizes, axis=1)
            idle, helped = idle + more, helped + more
        for kept, second in zip(found, (after, idle, helped), strict=True):
            kept.append(np.add.reduceat(second.astype(float) - before, starts, axis=1))
    without, none, some = (np.concatenate(part) for part in found)
    return without, none, some


def t_tests(sums: np.ndarray, sizes: np.ndarray, arms: np.ndarray) -> dict[str, np.ndarray]:
    """P values of the t tests and the CR2 degrees of freedom, one a data set."""
    g, n = len(sizes), float(sizes.sum())
    estimate = np.zeros(len(sums))
    cr1, cr2, cr3, trace, square = (np.zeros(len(sums)) for _ in range(5))
    for sign, arm in ((1, arms), (-1, 1 - arms)):
        total = arm @ sizes
        mean = (arm * sums).sum(axis=1) / total
        estimate += sign * mean
        score = arm * (sums - sizes * mean[:, None]) / total[:, None]
        room = np.where(arm > 0, 1 - sizes / total[:, None], 1.0)
        cr1 += (score**2).sum(axis=1)
        cr2 += (score**2 / room).sum(axis=1)
        cr3 += (score**2 / room**2).sum(axis=1)
        # Moments of the CR2 variance with independent equal-variance changes (Bell & McCaffrey 2002).
        weight = arm * sizes**2 / room
        trace += 1 / total
        square += (weight.sum(axis=1) ** 2 - (weight**2).sum(axis=1)) / total**6
        square += ((arm * sizes / total[:, None] ** 2) ** 2).sum(axis=1)
    df = trace**2 / square
    rows = 2 * n
    means = sums / sizes
    n_on, n_off = arms.sum(axis=1), (1 - arms).sum(axis=1)
    on, off = (arms * means).sum(axis=1) / n_on, ((1 - arms) * means).sum(axis=1) / n_off
    rest = means - np.where(arms > 0, on[:, None], off[:, None])
    pooled = np.sqrt((rest**2).sum(axis=1) / (g - 2) * (1 / n_on + 1 / n_off))

    def p(value: np.ndarray, error: np.ndarray, freedom: np.ndarray | float) -> np.ndarray:
        return 2 * special.stdtr(freedom, -np.abs(value / np.maximum(error, 1e-300)))

    return {
        "CR1 t(G-1)": p(estimate, np.sqrt(cr1 * g / (g - 1) * (rows - 1) / (rows - 3)), g - 1.0),
        "CR2 Satterthwaite": p(estimate, np.sqrt(cr2), df),
        "CR3 t(G-1)": p(estimate, np.sqrt(cr3), g - 1.0),
        "cluster means t test": p(on - off, pooled, g - 2.0),
        "df": df,
    }


def wild_p(sums: np.ndarray, sizes: np.ndarray, arms: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """P values of the restricted wild cluster bootstrap: all Rademacher signs up to 13 schools, else sampled ones."""
    g = len(sizes)
    every = 2**g <= 9999
    if every:
        signs = 1.0 - 2.0 * ((np.arange(2**g)[:, None] >> np.arange(g)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, g))
    rest = sums - sizes * (sums.sum(axis=1) / sizes.sum())[:, None]

    def squared_t(signs: np.ndarray) -> np.ndarray:
        value, variance = 0.0, 0.0
        for side, arm in ((1, arms), (-1, 1 - arms)):
            total = (arm @ sizes)[:, None]
            mean = (arm * rest) @ signs.T / total
            own = (arm * rest**2).sum(axis=1)[:, None] - 2 * mean * ((arm * rest * sizes) @ signs.T)
            variance = variance + (own + mean**2 * (arm @ sizes**2)[:, None]) / total**2
            value = value + side * mean
        return value**2 / np.maximum(variance, 1e-300)

    extreme = (squared_t(signs) >= squared_t(np.ones((1, g))) * (1 - TIE)).sum(axis=1)
    return extreme / len(signs) if every else (1 + extreme) / (1 + len(signs))


def randomization_p(sums: np.ndarray, sizes: np.ndarray, arms: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """P values of the randomisation test of the estimate: all assignments if no more than 9,999, else sampled ones."""
    g, k = len(sizes), int(arms[0].sum())
    every = math.comb(g, k) <= 9999
    if every:
        other = np.array([np.isin(np.arange(g), c) for c in combinations(range(g), k)], dtype=float)
    else:
        other = np.random.default_rng(seed).permuted(np.tile(arms[0], (draws, 1)), axis=1)
    drawn = sums @ other.T / (other @ sizes) - sums @ (1 - other).T / ((1 - other) @ sizes)
    observed = (arms * sums).sum(axis=1) / (arms @ sizes) - ((1 - arms) * sums).sum(axis=1) / ((1 - arms) @ sizes)
    extreme = (np.abs(drawn) >= np.abs(observed)[:, None] * (1 - TIE)).sum(axis=1)
    return extreme / len(other) if every else (1 + extreme) / (1 + len(other))


def p_values(sums: np.ndarray, sizes: np.ndarray, arms: np.ndarray, draws: int, seed: int) -> pd.DataFrame:
    """P values of every method, one row a data set, and the CR2 degrees of freedom."""
    return pd.DataFrame(
        t_tests(sums, sizes, arms)
        | {
            "wild bootstrap": wild_p(sums, sizes, arms, draws, seed),
            "randomisation": randomization_p(sums, sizes, arms, draws, seed),
        }
    )


def one_setting(setting: Setting, seed: int, n_sets: int, draws: int) -> list[dict[str, object]]:
    """Size and power of every method, and of the rule."""
    rng = np.random.default_rng([seed, *repr(setting).encode()])
    sizes = setting.students
    without, idle, helped = change_sums(setting, rng, n_sets)
    arms = setting.arms(rng, n_sets)
    null = p_values(np.where(arms > 0, idle, without), sizes, arms, draws, seed)
    effect = p_values(np.where(arms > 0, helped, without), sizes, arms, draws, seed)
    base = {name: getattr(setting, name) for name in ("n_clusters", "sizes", "treated", "outcome")}
    base |= {"n_treated": setting.n_treated, "n_sets": n_sets, "df": null["df"].mean()}
    rows: list[dict[str, object]] = [
        base | {"method": m, "size": (null[m] <= ALPHA).mean(), "power": (effect[m] <= ALPHA).mean()} for m in METHODS
    ]
    for randomized in (False, True) if setting.treated != "largest half" else (False,):
        rules = [
            default_inference(
                setting.n_treated,
                setting.n_clusters - setting.n_treated,
                np.concatenate([sizes[arm > 0], sizes[arm == 0]]),
                randomized,
                df,
            )
            for arm, df in zip(arms, null["df"], strict=True)
        ]
        trusted = np.array([rule.trusted for rule in rules])
        names = pd.Series([rule.name for rule in rules])
        row = base | {"method": "default, lottery" if randomized else "default", "trusted": trusted.mean()}
        row["picks"] = " or ".join(names.unique())
        if trusted.any():
            for name, table in (("size", null), ("power", effect)):
                picked = np.select([names == m for m in METHODS], [table[m] for m in METHODS])
                row[name] = (picked[trusted] <= ALPHA).mean()
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=50, help="largest number of schools")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    given = parser.parse_args()
    began = time.perf_counter()
    rows = []
    for setting in settings():
        if setting.n_clusters <= given.most:
            rows += one_setting(setting, given.seed, given.sets, given.draws)
    pd.DataFrame(rows).round(4).to_csv(given.out, index=False, lineterminator="\n")
    print(f"{time.perf_counter() - began:.0f} seconds")


if __name__ == "__main__":
    main()
