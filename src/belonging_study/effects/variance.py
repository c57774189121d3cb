"""Where the variance lies: intraclass correlations, design effects, shrunken cluster effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from belonging_study.effects.checks import require_columns, require_level
from belonging_study.effects.multilevel import MultilevelResult
from belonging_study.errors import DesignError, ParameterError, ValueRangeError

__all__ = ["cluster_effects", "design_effect", "icc", "variance_shares"]


def icc(data: pd.DataFrame, outcome: str, cluster: str, *, conf_level: float = 0.95) -> pd.DataFrame:
    """Intraclass correlation from the one-way analysis of variance.

    Rows with a missing outcome or cluster are left out and counted.

    Parameters
    ----------
    data : DataFrame, shape (n_rows, n_columns)
        One row a student; one wave at a time.
    outcome, cluster : str
        Columns: a number, and the school or class.
    conf_level : float, default 0.95
        Level of the interval.

    Returns
    -------
    DataFrame
        One row: ``outcome, cluster, icc, conf_low, conf_high, icc_mean, n_clusters, n_rows, n_dropped, mean_size,
        method``. ``icc`` is ICC(1), the correlation of two students of one cluster; it may be negative, and is not
        cut off at zero. ``icc_mean`` is ICC(2), the reliability of a cluster's mean. ``mean_size`` is n0, the size
        that makes ICC(1) unbiased when clusters differ in size.

    Raises
    ------
    ColumnMissingError, ValueRangeError
        A name is not a column; the outcome holds text or infinite values.
    DesignError
        Fewer than two clusters, no cluster with two students, or no variance.

    Notes
    -----
    With F the ratio of mean squares, ICC(1) = (F - 1) / (F + n0 - 1) and ICC(2) = (F - 1) / F (Shrout & Fleiss 1979,
    Psychological Bulletin 86:420-428), n0 = (N - sum n_j² / N) / (J - 1) and the interval by dividing F by the F
    distribution's quantiles (Searle, Casella & McCulloch 1992, Variance Components, ch. 3): exact for equal sizes and
    an approximation otherwise.

    Examples
    --------
    >>> data = pd.DataFrame({"school": [1, 1, 2, 2, 3, 3], "y": [1.0, 2.0, 4.0, 5.0, 7.0, 8.0]})
    >>> icc(data, "y", "school")[["icc", "icc_mean"]].round(3).to_numpy().tolist()
    [[0.946, 0.972]]
    """
    require_level(conf_level)
    require_columns(data, (outcome, cluster))
    values = pd.to_numeric(data[outcome], errors="coerce").astype("float64")
    n_text = int((values.isna() & data[outcome].notna()).sum())
    if n_text or np.isinf(values).any():
        raise ValueRangeError(
            f"column {outcome!r} holds text or infinite values in {n_text + int(np.isinf(values).sum())} rows",
            remedy="correct those cells, or leave them empty if they stand for missing.",
        )
    keep = (values.notna() & data[cluster].notna()).to_numpy()
    y, labels = values.to_numpy()[keep], data[cluster].to_numpy()[keep]
    codes, levels = pd.factorize(labels)
    sizes = np.bincount(codes, minlength=len(levels)).astype(np.float64)
    n, j = len(y), len(levels)
    if j < 2 or n == j:
        raise DesignError(
            f"{n} rows in {j} levels of {cluster!r} do not separate variance between from variance within",
            remedy="an intraclass correlation needs two clusters and a cluster with two students.",
        )
    means = np.bincount(codes, weights=y) / sizes
    within = float(((y - means[codes]) ** 2).sum()) / (n - j)
    between = float((sizes * (means - y.mean()) ** 2).sum()) / (j - 1)
    if within == 0:
        raise DesignError(
            f"the outcome {outcome!r} does not vary within {cluster!r}", remedy="check that it is measured on students."
        )
    f = between / within
    n0 = float((n - (sizes**2).sum() / n) / (j - 1))
    tail = (1 - conf_level) / 2
    bounds = [f / stats.f.ppf(q, j - 1, n - j) for q in (1 - tail, tail)]
    low, high = ((b - 1) / (b + n0 - 1) for b in bounds)
    return pd.DataFrame(
        {
            "outcome": [outcome],
            "cluster": [cluster],
            "icc": [(f - 1) / (f + n0 - 1)],
            "conf_low": [low],
            "conf_high": [high],
            "icc_mean": [(f - 1) / f if f > 0 else -np.inf],
            "n_clusters": [j],
            "n_rows": [n],
            "n_dropped": [len(data) - n],
            "mean_size": [n0],
            "method": ["one-way ANOVA, F interval (Searle)"],
        }
    )


def variance_shares(result: MultilevelResult) -> pd.DataFrame:
    """Share of each level in the variance, and the intraclass correlation, from a fitted model.

    Parameters
    ----------
    result : MultilevelResult
        A fitted model; for the plain ICC one without predictors, ``y ~ 1 + (1 | school) + (1 | class)``.

    Returns
    -------
    DataFrame
        ``group, share, conf_low, conf_high, icc, icc_low, icc_high, n_groups, method``, one row a random intercept,
        largest units first. ``share`` is the level's variance over the total. ``icc`` is the correlation of two rows
        of one unit of that level, which also share the larger units around it (levels are taken as nested).
        With a random slope, variances are those at zero of the slope's variable; with predictors, all is conditional
        on them. Where a variance was estimated as zero there is no interval (missing), and ``method`` says so.

    Notes
    -----
    Delta method on the logit with the curvature of the profiled deviance: both are functions of the variances
    relative to the residual (Snijders & Bosker 2012, Multilevel Analysis, ch. 3 and 5.3 on levels and correlations).

    Examples
    --------
    >>> from belonging_study.effects.multilevel import multilevel
    >>> rng = np.random.default_rng(3)
    >>> school = np.repeat(np.arange(30), 20)
    >>> data = pd.DataFrame({"school": school, "y": rng.normal(0, 0.5, 30)[school] + rng.normal(0, 1, 600)})
    >>> shares = variance_shares(multilevel("y ~ 1 + (1 | school)", data))
    >>> bool(0.1 < shares["icc"].iloc[0] < 0.3)
    True
    """
    fit = result.fit
    order, starts = [], []
    start = 0
    for block in fit.blocks:
        k = len(block.terms)
        if "(Intercept)" in block.terms:
            order.append((block.n_levels, block.group))
            starts.append(start)
        start += k * (k + 1) // 2 if block.correlated else k
    if not order:
        raise ParameterError("the model has no random intercept", remedy="add one, such as (1 | school).")
    by_size = sorted(range(len(order)), key=lambda i: order[i][0])
    # The intercept comes first in its block, so its relative variance is the square of the block's first element.
    positions = np.array([starts[i] for i in by_size])
    z = stats.norm.ppf(0.5 + result.conf_level / 2)
    rows = []
    for place, i in enumerate(by_size):
        share, low, high = _share_interval(fit.theta, fit.theta_cov, positions, positions[[place]], z)
        total, total_low, total_high = _share_interval(fit.theta, fit.theta_cov, positions, positions[: place + 1], z)
        method = "REML, delta method on the logit" if result.reml else "ML, delta method on the logit"
        if np.isnan(low) or np.isnan(total_low):
            method += "; variance estimated as zero, no interval"
        rows.append((order[i][1], share, low, high, total, total_low, total_high, order[i][0], method))
    return pd.DataFrame(
        rows,
        columns=["group", "share", "conf_low", "conf_high", "icc", "icc_low", "icc_high", "n_groups", "method"],
    )


def _share_interval(
    theta: NDArray[np.float64],
    theta_cov: NDArray[np.float64],
    all_positions: NDArray[np.int64],
    positions: NDArray[np.int64],
    z: float,
) -> tuple[float, float, float]:
    """Share of some relative variances in the total, with its interval; no interval at zero."""
    part = float((theta[positions] ** 2).sum())
    rest = 1.0 + float((theta[all_positions] ** 2).sum()) - part
    share = part / (part + rest)
    if part < 1e-8:
        return share, np.nan, np.nan
    # logit(share) = log(part) - log(rest)
    gradient = np.zeros(len(theta))
    gradient[all_positions] = -2.0 * theta[all_positions] / rest
    gradient[positions] = 2.0 * theta[positions] / part
    margin = z * float(np.sqrt(gradient @ theta_cov @ gradient))
    centre = special.logit(share)
    return share, float(special.expit(centre - margin)), float(special.expit(centre + margin))


def design_effect(icc: float, mean_size: float, *, size_cv: float = 0.0) -> float:
    """By how much clustering multiplies the variance of a mean.

    Parameters
    ----------
    icc : float
        Intraclass correlation, between -1 and 1.
    mean_size : float
        Mean number of students a cluster, at least 1.
    size_cv : float, default 0.0
        Coefficient of variation of the sizes.

    Returns
    -------
    float
        1 + ((1 + cv²) m - 1) icc.

    Raises
    ------
    ParameterError
        A value outside its range.

    Notes
    -----
    Kish (1965, Survey Sampling) for equal sizes; Eldridge, Ashby & Kerry (2006, International Journal of Epidemiology
    35:1292-1300) for unequal ones.

    Examples
    --------
    >>> design_effect(0.05, 21)
    2.0
    """
    if not -1 <= icc <= 1 or not mean_size >= 1 or not size_cv >= 0:
        raise ParameterError(
            f"icc {icc}, mean_size {mean_size} or size_cv {size_cv} is out of range",
            remedy="icc lies between -1 and 1, mean_size is at least 1, size_cv at least 0.",
        )
    return float(1.0 + ((1.0 + size_cv**2) * mean_size - 1.0) * icc)


def cluster_effects(result: MultilevelResult, group: str, *, by: str | None = None) -> pd.DataFrame:
    """Each cluster's departure from the model: as observed, and shrunken towards zero.

    Parameters
    ----------
    result : MultilevelResult
        A fitted model.
    group : str
        One of its grouping factors.
    by : str, optional
        A column of the model that is constant within clusters, such as the arm, to be carried along.

    Returns
    -------
    DataFrame
        ``group, term, position, n_rows, raw, estimate, std_error, conf_low, conf_high`` and the ``by`` column.
        One row a cluster and random term, ordered by ``estimate`` within the term and numbered by ``position``:
        clusters are not named. ``estimate`` is the conditional mean (BLUP) and ``std_error`` its conditional standard
        deviation given the model's parameters. ``raw`` is the same departure without shrinkage, by least squares on
        the cluster's own residuals from the fixed effects; it is missing where the cluster's rows do not determine it
        (rows of one period alone say nothing about a change). For the term ``post`` both are the cluster's change
        less the change that its arm's fixed effects imply.

    Raises
    ------
    ColumnMissingError
        The model has no such grouping factor or column.
    DesignError
        The ``by`` column varies within clusters.

    Notes
    -----
    Conditional modes and variances as in Bates et al. (2015, Journal of Statistical Software 67(1)). The intervals
    take the model's parameters as known, and overlap of two of them is no test of a difference.

    Examples
    --------
    >>> from belonging_study.effects.multilevel import multilevel
    >>> rng = np.random.default_rng(3)
    >>> school = np.repeat(np.arange(12), 5)
    >>> data = pd.DataFrame({"school": school, "y": rng.normal(0, 1, 12)[school] + rng.normal(0, 1, 60)})
    >>> table = cluster_effects(multilevel("y ~ 1 + (1 | school)", data), "school")
    >>> bool((table["estimate"].abs() <= table["raw"].abs()).all())
    True
    """
    blocks = result.blocks(group)
    level_of_row, n_levels = blocks[0].level_of_row, blocks[0].n_levels
    rows_of = [np.flatnonzero(level_of_row == level) for level in range(n_levels)]
    residual = result.fit.outcome - result.fit.design @ result.fit.beta
    design = np.column_stack([block.design for block in blocks])
    raw = np.array([_least_squares(design[rows], residual[rows]) for rows in rows_of])
    effects = np.column_stack([block.effects for block in blocks])
    spread = np.sqrt(np.column_stack([result.fit.conditional_variances(block) for block in blocks]))
    z = stats.norm.ppf(0.5 + result.conf_level / 2)
    tables = []
    for j, term in enumerate(term for block in blocks for term in block.terms):
        table = pd.DataFrame(
            {
                "group": group,
                "term": term,
                "position": 0,
                "n_rows": [len(rows) for rows in rows_of],
                "raw": raw[:, j],
                "estimate": effects[:, j],
                "std_error": spread[:, j],
                "conf_low": effects[:, j] - z * spread[:, j],
                "conf_high": effects[:, j] + z * spread[:, j],
            }
        )
        if by is not None:
            table[by] = _constant_within(result, by, rows_of)
        table = table.sort_values("estimate", kind="stable", ignore_index=True)
        table["position"] = np.arange(1, len(table) + 1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _least_squares(design: NDArray[np.float64], residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """A cluster's own coefficients, missing where its rows do not determine them."""
    if np.linalg.matrix_rank(design) < design.shape[1]:
        # The intercept is still the mean when nothing else varies.
        blank = np.full(design.shape[1], np.nan)
        if np.all(design == design[0]) and design[0, 0] == 1 and not design[0, 1:].any():
            blank[0] = residual.mean()
        return blank
    return np.asarray(np.linalg.lstsq(design, residual, rcond=None)[0])


def _constant_within(result: MultilevelResult, by: str, rows_of: list[NDArray[np.int64]]) -> pd.Series:
    """The value of a column in each cluster."""
    require_columns(result.frame, (by,))
    column = result.frame[by]
    values = [column.iloc[rows].unique() for rows in rows_of]
    n_mixed = sum(len(v) > 1 for v in values)
    if n_mixed:
        raise DesignError(f"column {by!r} varies within {n_mixed} clusters", remedy="carry a cluster's own attribute.")
    return pd.Series([v[0] for v in values])
