"""Linear multilevel models by REML, with Satterthwaite's degrees of freedom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from belonging_study.effects.checks import require_level
from belonging_study.effects.mixed_engine import MixedFit, RandomBlock, build_design, fit_mixed, read_formula
from belonging_study.effects.multilevel_checks import (
    check_design,
    check_marginality,
    complete_rows,
    nesting_note,
    prepare_columns,
)
from belonging_study.errors import ColumnMissingError, ParameterError

__all__ = ["MultilevelResult", "contrast", "multilevel"]

_FEW_GROUPS = 10


@dataclass(frozen=True)
class MultilevelResult:
    """A fitted multilevel model.

    Attributes
    ----------
    formula : str
        The model, in lme4's form.
    table : DataFrame
        Fixed effects: ``term, estimate, std_error, df, statistic, p_value, conf_low, conf_high``, in units of the
        outcome.
    variance_components : DataFrame
        ``group, term, term2, variance, sd, correlation, n_groups``: one row a variance (``term2`` empty), one a
        covariance (``variance`` holds the covariance; ``sd`` is missing), and the residual last.
        ``correlation`` is missing where one of the two variances is zero.
    log_likelihood : float
        Restricted log-likelihood, or the likelihood where ``reml`` is False.
    reml : bool
        Whether the fit is by REML.
    conf_level : float
        Level of the intervals.
    n_rows, n_dropped : int
        Rows used, and rows left out because a column of the formula was missing.
    missing : DataFrame
        ``column, n_missing``: missing values of each column of the formula (a row may miss several).
    n_groups : dict
        Levels of each grouping factor.
    singular : bool
        Whether a random effect's variance was estimated as zero, or a correlation as one.
    note : str
        What a reader must know about the fit, in plain words; empty where there is nothing to say.
    df_method : str
        ``"Satterthwaite"``.
    fit, frame : MixedFit, DataFrame
        The engine's estimates and the rows used, for contrasts and random effects.
    """

    formula: str
    table: pd.DataFrame
    variance_components: pd.DataFrame
    log_likelihood: float
    reml: bool
    conf_level: float
    n_rows: int
    n_dropped: int
    missing: pd.DataFrame
    n_groups: dict[str, int]
    singular: bool
    note: str
    df_method: str
    fit: MixedFit = field(repr=False)
    frame: pd.DataFrame = field(repr=False)

    def blocks(self, group: str) -> tuple[RandomBlock, ...]:
        """Random effects of one grouping factor, or an error that names those there are."""
        found = tuple(block for block in self.fit.blocks if block.group == group)
        if not found:
            raise ColumnMissingError(
                f"the model has no random effect for {group!r}",
                remedy=f"choose one of {', '.join(dict.fromkeys(b.group for b in self.fit.blocks))}.",
            )
        return found


def multilevel(formula: str, data: pd.DataFrame, *, reml: bool = True, conf_level: float = 0.95) -> MultilevelResult:
    """Fit a linear multilevel model.

    Rows with a missing value in a column of the formula are left out and counted (``n_dropped``, ``missing``).
    Logical columns count as 0 and 1; text columns become factors with the first label as reference and terms named
    as in R (``sexgirl``); a column that mixes text and numbers is refused.
    Grouping labels are taken as they are: ``(1 | class)`` means that class 1 is one class wherever it occurs.
    Where labels start again in each school write ``(1 | school/class)``; the note says when they occur in several.

    Parameters
    ----------
    formula : str
        lme4's form, for example ``y ~ treat*post + (1 + post | school) + (1 | class) + (1 | student)``.
    data : DataFrame, shape (n_rows, n_columns)
        One row a student and wave.
    reml : bool, default True
        Restricted maximum likelihood; False gives maximum likelihood, needed only to compare fixed effects by
        likelihood.
    conf_level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    MultilevelResult

    Raises
    ------
    ParameterError
        The formula cannot be read or codes a factor without its lower-order terms; ``conf_level`` outside 0 to 1.
    ColumnMissingError
        A name in the formula is not a column.
    ValueRangeError
        Text or infinite values where numbers belong.
    DesignError
        No complete row, an arm or group without complete rows, constant outcome, collinear predictors, a grouping
        factor with one level or a row a level, too few groups for their predictors, no convergence.

    Notes
    -----
    The model is that of Bates, Maechler, Bolker & Walker (2015, Journal of Statistical Software 67(1)). Degrees of
    freedom are Satterthwaite's as in Kuznetsova, Brockhoff & Christensen (2017, Journal of Statistical Software
    82(13)): twice the squared variance of the estimate over the variance of that variance, by the delta method from
    the curvature of the deviance.
    A singular fit keeps its random effects: dropping the school slope because it was estimated as zero in one sample
    would make intervals too narrow over samples.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> school = np.repeat(np.arange(12), 20)
    >>> data = pd.DataFrame({"school": school, "treat": school % 2})
    >>> data["y"] = 3 + 0.5 * data["treat"] + rng.normal(0, 0.3, 12)[school] + rng.normal(0, 1, 240)
    >>> result = multilevel("y ~ treat + (1 | school)", data)
    >>> result.table["term"].tolist(), result.table["df"].round(1).tolist()
    (['(Intercept)', 'treat'], [10.0, 10.0])
    """
    require_level(conf_level)
    names = read_formula(formula)
    prepared = prepare_columns(data, names)
    frame, missing = complete_rows(prepared, names)
    check_marginality(names, frame)
    design, terms = build_design(formula, frame)
    check_design(names, frame, design, terms)
    fit = fit_mixed(formula, frame, reml=reml)

    weights = np.eye(len(fit.beta))
    table = _estimates(fit, weights, conf_level)
    table.insert(0, "term", list(fit.names))
    n_groups = {block.group: block.n_levels for block in fit.blocks}
    notes = [_singular_note(fit), nesting_note(names, frame), _few_groups_note(n_groups)]
    return MultilevelResult(
        formula=formula,
        table=table,
        variance_components=_variance_table(fit),
        log_likelihood=fit.log_likelihood,
        reml=reml,
        conf_level=conf_level,
        n_rows=len(frame),
        n_dropped=len(prepared) - len(frame),
        missing=missing,
        n_groups=n_groups,
        singular=fit.singular,
        note=" ".join(n for n in notes if n),
        df_method="Satterthwaite",
        fit=fit,
        frame=frame,
    )


def contrast(result: MultilevelResult, weights: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Linear combinations of fixed effects, each with its own Satterthwaite degrees of freedom.

    Parameters
    ----------
    result : MultilevelResult
        A fitted model.
    weights : mapping of str to mapping of str to float
        For each contrast's name, the weight of each term; terms not named have weight zero.

    Returns
    -------
    DataFrame
        ``contrast, estimate, std_error, df, statistic, p_value, conf_low, conf_high``, one row a contrast.

    Raises
    ------
    ColumnMissingError
        A term is not a fixed effect of the model.
    ParameterError
        No contrast, or one whose weights are all zero.

    Notes
    -----
    As ``contest(..., joint = FALSE)`` in lmerTest (Kuznetsova et al. 2017).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"school": np.repeat(np.arange(12), 20), "girl": np.tile([0, 1], 120)})
    >>> data["treat"] = data["school"] % 2
    >>> data["y"] = data["treat"] * (1 + data["girl"]) + rng.normal(0, 0.1, 240) + 0.1 * (data["school"] % 3)
    >>> result = multilevel("y ~ treat*girl + (1 | school)", data)
    >>> contrast(result, {"girls": {"treat": 1, "treat:girl": 1}})["estimate"].round(1).tolist()
    [2.0]
    """
    if not weights:
        raise ParameterError("no contrast was asked for", remedy="give at least one name with its weights.")
    names = list(result.fit.names)
    matrix = np.zeros((len(weights), len(names)))
    for row, (label, parts) in enumerate(weights.items()):
        for term, weight in parts.items():
            if term not in names:
                raise ColumnMissingError(
                    f"the model has no fixed effect {term!r}", remedy=f"choose from {', '.join(names)}."
                )
            matrix[row, names.index(term)] = weight
        if not matrix[row].any() or not np.isfinite(matrix[row]).all():
            raise ParameterError(
                f"the weights of contrast {label!r} are all zero or not finite", remedy="give one term a weight."
            )
    table = _estimates(result.fit, matrix, result.conf_level)
    table.insert(0, "contrast", list(weights))
    return table


def _estimates(fit: MixedFit, weights: NDArray[np.float64], conf_level: float) -> pd.DataFrame:
    """Estimates, errors, tests and intervals of rows of weights."""
    estimate = weights @ fit.beta
    std_error = np.sqrt(np.einsum("ij,jk,ik->i", weights, fit.vcov, weights))
    df = np.array([fit.satterthwaite(row) for row in weights])
    statistic = estimate / std_error
    margin = stats.t.ppf(0.5 + conf_level / 2.0, df) * std_error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "df": df,
            "statistic": statistic,
            "p_value": 2.0 * stats.t.sf(np.abs(statistic), df),
            "conf_low": estimate - margin,
            "conf_high": estimate + margin,
        }
    )


def _variance_table(fit: MixedFit) -> pd.DataFrame:
    """Variances and covariances of the random effects, residual last."""
    rows: list[tuple[str, str, str, float, float, float, float]] = []
    for block in fit.blocks:
        sd = np.sqrt(np.diag(block.cov))
        for i, term in enumerate(block.terms):
            rows.append((block.group, term, "", block.cov[i, i], sd[i], np.nan, block.n_levels))
        for i in range(len(block.terms) if block.correlated else 0):
            for j in range(i + 1, len(block.terms)):
                product = sd[i] * sd[j]
                correlation = block.cov[i, j] / product if product > 0 else np.nan
                rows.append(
                    (block.group, block.terms[i], block.terms[j], block.cov[i, j], np.nan, correlation, block.n_levels)
                )
    rows.append(("Residual", "", "", fit.sigma**2, fit.sigma, np.nan, np.nan))
    table = pd.DataFrame(rows, columns=["group", "term", "term2", "variance", "sd", "correlation", "n_groups"])
    table["n_groups"] = table["n_groups"].astype("Int64")
    return table


def _singular_note(fit: MixedFit) -> str:
    """Name what was estimated at its edge, and say that it stays in the model."""
    if not fit.singular:
        return ""
    parts = []
    for block in fit.blocks:
        relative = np.sqrt(np.diag(block.cov)) / fit.sigma
        zero = [t for t, r in zip(block.terms, relative, strict=True) if r < 1e-4]
        parts += [f"the variance of {t} between levels of {block.group!r} is zero" for t in zero]
        if not zero and np.linalg.eigvalsh(block.cov / fit.sigma**2).min() < 1e-8:
            parts.append(f"the correlation of {' and '.join(block.terms)} between levels of {block.group!r} is one")
    what = "; ".join(parts)
    return f"Singular fit: as estimated, {what}. The term is kept, since dropping it would narrow the intervals."


def _few_groups_note(n_groups: dict[str, int]) -> str:
    """Warn where variances rest on few groups."""
    few = [f"{n} levels of {group!r}" for group, n in n_groups.items() if n < _FEW_GROUPS]
    if not few:
        return ""
    return f"Variances between only {' and '.join(few)} are poorly known; read them with their intervals."
