"""Multiple imputation of lost outcomes by a two-level model, pooled by Rubin's rules.

References
----------
Schafer, J. L. & Yucel, R. M. (2002). Computational strategies for multivariate linear mixed-effects models with
missing values. Journal of Computational and Graphical Statistics 11, 437-457.
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1, 515-534.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import linalg

from belonging_study.effects.checks import require_level
from belonging_study.effects.missing.followed import (
    Followed,
    MissingOutcomeEstimate,
    followed_students,
    made_estimate,
    weighted_difference,
)
from belonging_study.effects.missing.rubin import PooledEstimate, rubin_rules
from belonging_study.errors import DesignError, ParameterError

__all__ = ["MultipleImputation", "multiple_imputation"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_BURN_IN = 200
_THIN = 20
_FEWEST_CLUSTERS = 5


@dataclass(frozen=True)
class MultipleImputation:
    """An effect from completed data sets.

    Attributes
    ----------
    result : MissingOutcomeEstimate
        The pooled effect.
    pooled : PooledEstimate
        Its variance within and between imputations and the share of missing information.
    by_imputation : pandas.DataFrame
        Columns ``imputation, estimate, std_error, df``: each completed data set's own CR2 analysis.
    completed : numpy.ndarray
        Outcomes (with a baseline: changes) of all students, shape (imputations, students).
    """

    result: MissingOutcomeEstimate
    pooled: PooledEstimate
    by_imputation: pd.DataFrame
    completed: Array = field(repr=False)


def multiple_imputation(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    predictors: Sequence[str] = (),
    baseline: str | None = None,
    n_imputations: int = 20,
    conf_level: float = 0.95,
    seed: int = 1,
) -> MultipleImputation:
    """Fill in lost outcomes several times by a model with cluster effects, and pool the effects.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student who was assigned.
    outcome, treated, cluster, baseline : str
        As in `followed_students`; the baseline, where given, is a predictor.
    predictors : sequence of str
        Columns known for everybody that tell of the outcome or of who is lost.
    n_imputations : int
        Completed data sets.
    conf_level : float
        Level of the interval.
    seed : int
        Seed of the draws: the same seed gives the same numbers.

    Returns
    -------
    MultipleImputation
        Outcomes are drawn from the posterior predictive distribution of a linear model with the arm, the predictors,
        a normal effect of each cluster and normal errors (for a binary outcome a linear probability model: filled-in
        values are not 0 or 1, which means do not need). Each completed data set is analysed like `complete_cases`;
        the degrees of freedom of Barnard & Rubin start from the mean Satterthwaite ones, so that few clusters count
        as few.

    Raises
    ------
    DataError, DesignError
        As in `followed_students`; also with fewer than 5 clusters with outcomes, which cannot tell the variance of
        clusters, or predictors that repeat each other.
    ParameterError
        With fewer than two imputations.

    Notes
    -----
    Gibbs sampler with flat priors on the coefficients, the log of the errors' standard deviation and the standard
    deviation of the cluster effects (Gelman 2006); coefficients are drawn with the cluster effects integrated out.
    200 draws are thrown away, then every 20th is kept. With 8 schools the intervals are wide (they covered 98 to
    100% in ``benchmarks/missing_data.csv``), with 20 they hold their level.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rows = pd.DataFrame({"school": np.repeat(np.arange(8), 10), "on": np.repeat([0, 1], 40)})
    >>> rows["before"] = rng.normal(size=80)
    >>> rows["y"] = (rows["before"] + rng.normal(size=80)).where(rng.random(80) < 0.8)
    >>> found = multiple_imputation(rows, outcome="y", treated="on", cluster="school", baseline="before")
    >>> found.completed.shape, bool(np.isfinite(found.completed).all())
    ((20, 80), True)
    """
    require_level(conf_level)
    if n_imputations < 2:
        raise ParameterError(f"{n_imputations} imputations cannot be pooled.", remedy="use 20 or more.")
    sample = followed_students(
        data, outcome=outcome, treated=treated, cluster=cluster, baseline=baseline, predictors=predictors
    )
    completed = np.tile(sample.y, (n_imputations, 1))
    if not sample.seen.all():
        completed[:, ~sample.seen] = _drawn(sample, n_imputations, seed)
    analyses = np.array([weighted_difference(values, sample.on, sample.cluster) for values in completed])
    pooled = rubin_rules(analyses[:, 0], analyses[:, 1] ** 2, float(analyses[:, 2].mean()))
    known = ", ".join(("arm", "cluster", *sample.names))
    result = made_estimate(
        "multiple imputation",
        sample,
        (pooled.estimate, pooled.std_error, pooled.df),
        conf_level,
        effective_n=float(sample.seen.sum()),
        assumption=f"given {known}, outcomes are missing at random, and linear in these",
        note=f"{n_imputations} imputations, {pooled.missing_information:.0%} of the variance due to missing outcomes",
    )
    table = pd.DataFrame(analyses, columns=["estimate", "std_error", "df"])
    table.insert(0, "imputation", np.arange(1, n_imputations + 1))
    return MultipleImputation(result=result, pooled=pooled, by_imputation=table, completed=completed)


def _drawn(sample: Followed, n_imputations: int, seed: int) -> Array:
    """Draws of the missing outcomes, shape (imputations, missing)."""
    seen = sample.seen
    x = sample.predictors
    varies = np.ptp(x[seen], axis=0) > 0
    x = (x[:, varies] - x[seen][:, varies].mean(axis=0)) / x[seen][:, varies].std(axis=0)
    design = np.column_stack([np.ones(len(seen)), sample.on, x])
    n_columns = design.shape[1]
    rank = int(np.linalg.matrix_rank(design[seen]))
    if rank < n_columns:
        raise DesignError(
            f"{n_columns - rank} of {len(sample.names)} predictors add nothing to the others.",
            remedy="leave out what repeats the arm or other predictors.",
        )
    n_clusters = int(sample.cluster.max()) + 1
    n_seen_clusters = len(np.unique(sample.cluster[seen]))
    if n_seen_clusters < _FEWEST_CLUSTERS or seen.sum() < n_columns + 2 + n_seen_clusters:
        raise DesignError(
            f"{int(seen.sum())} outcomes in {n_seen_clusters} clusters cannot tell how much clusters vary.",
            remedy="use fewer predictors; with fewer than 5 clusters give the complete cases and bounds.",
        )
    centre, spread = float(sample.y[seen].mean()), float(sample.y[seen].std())
    y = (sample.y[seen] - centre) / spread
    rng = np.random.default_rng(seed)
    draws = _gibbs(design[seen], y, sample.cluster[seen], n_clusters=n_clusters, n_kept=n_imputations, rng=rng)
    lost = ~seen
    out = np.empty((n_imputations, int(lost.sum())))
    for i, (beta, effects, sigma) in enumerate(draws):
        fitted = design[lost] @ beta + effects[sample.cluster[lost]]
        out[i] = centre + spread * (fitted + sigma * rng.standard_normal((len(fitted),)))
    return out


def _gibbs(
    x: Array, y: Array, cluster: IntArray, *, n_clusters: int, n_kept: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array, float]]:
    """Coefficients, cluster effects and error's standard deviation of every kept draw of the two-level model."""
    n, k = x.shape
    size = np.bincount(cluster, minlength=n_clusters).astype(np.float64)
    in_cluster = np.zeros((n_clusters, k))
    np.add.at(in_cluster, cluster, x)
    total = np.bincount(cluster, weights=y, minlength=n_clusters)
    gram, moment = x.T @ x, x.T @ y
    used = size > 0
    n_used = int(used.sum())
    within, between = 0.5, 0.5
    for step in range(_BURN_IN + _THIN * n_kept):
        # Coefficients given the variances, cluster effects integrated out.
        shrink = between / (within + size * between)
        precision = (gram - (in_cluster.T * shrink) @ in_cluster) / within
        centre = (moment - in_cluster.T @ (shrink * total)) / within
        lower = linalg.cholesky(precision, lower=True)
        beta = linalg.cho_solve((lower, True), centre) + linalg.solve_triangular(
            lower.T, rng.standard_normal((k,)), lower=False
        )
        rest = total - in_cluster @ beta
        effects = shrink * rest + np.sqrt(shrink * within) * rng.standard_normal((n_clusters,))
        error = y - x @ beta - effects[cluster]
        within = float(error @ error) / rng.chisquare(n)
        between = max(float(effects[used] @ effects[used]) / rng.chisquare(n_used - 1), 1e-10)
        if step >= _BURN_IN and (step - _BURN_IN) % _THIN == _THIN - 1:
            yield beta, effects, float(np.sqrt(within))
