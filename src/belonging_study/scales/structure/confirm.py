"""Confirmatory factor analysis of numeric answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.estimate import Fit, maximise, refuse_unidentified
from belonging_study.scales.structure.fit_measures import fit_table
from belonging_study.scales.structure.layout import Layout, layout_of
from belonging_study.scales.structure.ordered_confirm import confirm_ordered, read_ordered
from belonging_study.scales.structure.result import CFAResult, estimate_table, solution_notes
from belonging_study.scales.structure.robust import robust_covariance
from belonging_study.scales.structure.sample import Sample, read_samples
from belonging_study.scales.structure.syntax import parse_model

__all__ = ["cfa", "check_choices", "estimate_covariance", "fit_layout", "fit_steps", "refuse_for_ordered"]


def cfa(
    model: str,
    data: pd.DataFrame,
    *,
    group: str | None = None,
    equal: Collection[str] = (),
    free: Collection[str] = (),
    ordered: bool = False,
    estimator: str = "ML",
    missing: str = "listwise",
    std_lv: bool = False,
    conf_level: float = 0.95,
) -> CFAResult:
    """Fit a confirmatory factor model.

    Parameters
    ----------
    model : str
        lavaan's syntax: ``belonging =~ q1 + q2 + q3``; see ``parse_model``. Factors covary, residuals do not, unless
        the model says otherwise.
    data : pandas.DataFrame
        One row a person, one numeric column an item, already keyed in one direction (see ``reverse_keyed``).
    group : str, optional
        Column of groups. A categorical column keeps its order of groups, another the order of appearance; the first
        group is the one that factor means are compared with.
    equal : list of {"loadings", "intercepts", "residuals", "means"}
        What is equal in all groups (lavaan's ``group.equal``). With equal intercepts the factor means of the second and
        later groups are estimated, unless "means" holds them at 0.
    free : list of str
        Parameters that may differ all the same, for example ``["x3~1", "f=~x2"]`` (lavaan's ``group.partial``).
    ordered : bool, default False
        Take the answers as ordered categories: thresholds and polychoric correlations, fitted by diagonally weighted
        least squares with robust standard errors and the scaled and shifted chi-square (WLSMV; ``estimator`` is then
        left as it is). ``equal`` may hold "loadings", "thresholds" and "means", and ``free`` name thresholds
        (``q3|t1``). People with a missing answer are left out.
    estimator : {"ML", "MLR"}
        "MLR" gives standard errors and a chi-square that do not need normally distributed answers.
    missing : {"listwise", "fiml"}
        People with a missing answer are left out, or every answer given is used (full information; unbiased where
        what is missing depends only on what was answered). ``notes`` counts who was left out.
    std_lv : bool, default False
        Give factors their scale by a variance of 1 instead of a first loading of 1.
    conf_level : float, default 0.95
        Level of the intervals of the estimates.

    Returns
    -------
    CFAResult

    Raises
    ------
    ParameterError
        A choice that does not exist, a model that cannot be read, a name in ``free`` that is no parameter.
    DataError
        No more complete people than items in a group, an item that does not vary in a group, linearly dependent items,
        fewer than two groups, or no convergence.
    DesignError
        The model is not identified: more parameters than moments, or parameters that cannot be told apart.
    ColumnMissingError, ValueRangeError
        An item that is not in the table; text or infinite numbers among the answers.

    Notes
    -----
    Normal-theory likelihood with divisor n; the chi-square is n times the discrepancy. The model has a mean structure
    with groups, with ``missing="fiml"``, and where it names an intercept. Standard errors come from the
    expected information ("ML", listwise), the observed information ("ML", full information) or the sandwich of both
    observed information and scores ("MLR"). Ordered answers are in the delta parametrisation. A negative variance is
    reported in ``notes`` and left as it is.

    References
    ----------
    Jöreskog, K. G. (1971). Simultaneous factor analysis in several populations. *Psychometrika, 36*, 409-426.
    Yuan, K.-H., & Bentler, P. M. (2000). Three likelihood-based methods for mean and covariance structure analysis
    with nonnormal missing data. *Sociological Methodology, 30*, 165-200.
    Muthén, B., du Toit, S. H. C., & Spisic, D. (1997). *Robust inference using weighted least squares and quadratic
    estimating equations in latent variable modeling with categorical and continuous outcomes*. Unpublished report.
    Rosseel, Y. (2012). lavaan: An R package for structural equation modeling. *Journal of Statistical Software,
    48*(2), 1-36.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=(500, 1))
    >>> answers = pd.DataFrame(0.8 * trait + rng.normal(size=(500, 4)), columns=["q1", "q2", "q3", "q4"])
    >>> result = cfa("belonging =~ q1 + q2 + q3 + q4", answers)
    >>> int(result.fit["df"].iloc[0]), bool(result.fit["cfi"].iloc[0] > 0.97)
    (2, True)
    >>> result.estimates.loc[result.estimates["op"] == "=~", "rhs"].tolist()
    ['q1', 'q2', 'q3', 'q4']
    """
    steps = [(equal, free)]
    return fit_steps(
        model,
        data,
        steps,
        group=group,
        ordered=ordered,
        estimator=estimator,
        missing=missing,
        std_lv=std_lv,
        conf_level=conf_level,
    )[0]


def fit_steps(
    model: str,
    data: pd.DataFrame,
    steps: Sequence[tuple[Collection[str], Collection[str]]],
    *,
    group: str | None,
    ordered: bool,
    estimator: str,
    missing: str,
    std_lv: bool,
    conf_level: float,
) -> list[CFAResult]:
    """Read the data once and fit the model under each pair of (equal, free)."""
    check_choices(estimator, missing, conf_level)
    terms = parse_model(model)
    if ordered:
        refuse_for_ordered(estimator, missing, conf_level)
        reduced, notes = read_ordered(terms, data, group=group)
        return [
            confirm_ordered(terms, reduced, notes, equal=equal, free=free, std_lv=std_lv, conf_level=conf_level)
            for equal, free in steps
        ]
    # The items are read before the groups are counted, so that mistakes in the model are told first.
    samples, notes = read_samples(data, layout_of(terms).items, group=group, missing=missing)
    found = []
    for equal, free in steps:
        layout = layout_of(terms, n_groups=len(samples), equal=equal, free=free, std_lv=std_lv, means=missing == "fiml")
        found.append(fit_layout(layout, samples, notes, estimator=estimator, missing=missing, conf_level=conf_level))
    return found


def fit_layout(
    layout: Layout,
    samples: list[Sample],
    notes: list[str],
    *,
    estimator: str,
    missing: str,
    conf_level: float,
) -> CFAResult:
    """Fit a model that is already laid out."""
    fit = maximise(layout, samples)
    robust = estimator == "MLR"
    covariance = estimate_covariance(fit, estimator=estimator, missing=missing)
    return CFAResult(
        estimates=estimate_table(fit, covariance, conf_level),
        fit=fit_table(fit, robust=robust),
        notes=(*notes, *solution_notes(fit), _how(robust, missing)),
        n_students={s.label or "all": s.n for s in samples},
        estimator=estimator,
        missing=missing,
        conf_level=conf_level,
        solution=fit,
    )


def check_choices(estimator: str, missing: str, conf_level: float) -> None:
    """ParameterError where a choice does not exist."""
    for name, given, known in (
        ("estimator", estimator, ("ML", "MLR")),
        ("missing", missing, ("listwise", "fiml")),
    ):
        if given not in known:
            raise ParameterError(f"`{name}` must be one of {', '.join(known)}; it is {given!r}.")
    if not 0 < conf_level < 1:
        raise ParameterError(f"`conf_level` must lie between 0 and 1; it is {conf_level:g}.")


def refuse_for_ordered(estimator: str, missing: str, conf_level: float) -> None:
    """ParameterError where a choice does not go with ordered answers."""
    check_choices(estimator, missing, conf_level)
    if estimator != "ML" or missing != "listwise":
        raise ParameterError("Ordered answers are fitted by WLSMV, listwise; leave out `estimator` and `missing`.")


def estimate_covariance(fit: Fit, *, estimator: str, missing: str) -> npt.NDArray[np.float64]:
    """Covariance of the free parameters: the sandwich (MLR), or the inverse information."""
    if estimator == "MLR":
        return robust_covariance(fit)
    info = fit.information(observed=missing == "fiml")
    refuse_unidentified(fit.layout, info)
    return np.asarray(np.linalg.inv(info))


def _how(robust: bool, missing: str) -> str:
    if robust:
        return "standard errors: robust (sandwich, observed information); chi-square: Yuan-Bentler, scaled"
    return f"standard errors: {'observed' if missing == 'fiml' else 'expected'} information, normal theory"
