"""What a fitted factor model gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.scales.structure.estimate import Fit
from belonging_study.scales.structure.layout import Layout
from belonging_study.scales.structure.likelihood import Matrices
from belonging_study.scales.structure.standardise import standardised
from belonging_study.scales.structure.wlsmv import OrderedFit

__all__ = ["CFAResult", "estimate_table", "matrix_notes", "solution_notes", "tidy_estimates"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CFAResult:
    """A fitted factor model.

    Attributes
    ----------
    estimates : pandas.DataFrame
        One row a parameter and group: ``lhs``, ``op``, ``rhs`` (as in lavaan; ``~1`` is an intercept or a factor's
        mean), ``group`` (empty without groups), ``label`` (equal parameters share one), ``free`` (False where the
        value is fixed; its ``std_error`` is 0 and its test empty), ``estimate``, ``std_error``, ``statistic`` (z),
        ``p_value``, ``conf_low``, ``conf_high``, ``std_all`` (in standard deviations of items and factors),
        ``std_all_error``.
    fit : pandas.DataFrame
        One row: ``n``, ``n_groups``, ``n_parameters``, ``chi2``, ``df``, ``p_value``, ``cfi``, ``tli``, ``rmsea``
        with its 90% interval, ``srmr``, ``log_likelihood``, ``aic``, ``bic``, the baseline's chi-square and df. With
        ``estimator="MLR"``, ``chi2`` is the scaled one, ``scaling_factor`` (empty without degrees of freedom) and
        ``chi2_unscaled`` stand beside it, and CFI, TLI and RMSEA are the robust versions (with missing answers: from
        the scaled chi-squares). For ordered answers ``shift`` stands there too, all indices rest on the scaled and
        shifted chi-squares, and there is no likelihood.
    notes : tuple of str
        What a reader must know, in plain words: who was left out, negative variances, correlations past 1,
        unreversed items, how the standard errors were computed.
    n_students : dict
        People used in each group (one entry, named "all", without groups).
    estimator, missing : str
        As asked for.
    conf_level : float
        Level of the intervals in ``estimates``.
    solution : Fit or OrderedFit
        The maximum itself, for ``modification_indices`` and differences between models.
    """

    estimates: pd.DataFrame
    fit: pd.DataFrame
    notes: tuple[str, ...]
    n_students: dict[str, int]
    estimator: str
    missing: str
    conf_level: float
    solution: Fit | OrderedFit = field(repr=False, compare=False)


def estimate_table(fit: Fit, covariance: Array, conf_level: float) -> pd.DataFrame:
    """Every parameter with its standard error, test, interval and standardised value."""
    labels = [s.label for s in fit.samples]
    return tidy_estimates(fit.layout, labels, (fit.values, covariance), conf_level, standardised(fit, covariance))


def tidy_estimates(
    layout: Layout, labels: list[str], found: tuple[Array, Array], conf_level: float, std: tuple[Array, Array]
) -> pd.DataFrame:
    """One row a parameter: values and covariance of the free ones, standardised values and their errors."""
    from scipy.special import ndtr, ndtri

    estimate, covariance = found
    free = layout.free >= 0
    error = np.zeros(len(layout.rows))
    error[free] = np.sqrt(np.maximum(np.diag(covariance), 0.0))[layout.free[free]]
    z = np.divide(estimate, error, out=np.full_like(error, np.nan), where=error > 0)
    margin = float(ndtri(0.5 + conf_level / 2)) * error
    return pd.DataFrame(
        {
            "lhs": [r.lhs for r in layout.rows],
            "op": [r.op for r in layout.rows],
            "rhs": [r.rhs for r in layout.rows],
            "group": [labels[g] for g in layout.group],
            "label": [r.label for r in layout.rows],
            "free": free,
            "estimate": estimate,
            "std_error": error,
            "statistic": z,
            "p_value": 2 * ndtr(-np.abs(z)),
            "conf_low": estimate - margin,
            "conf_high": estimate + margin,
            "std_all": std[0],
            "std_all_error": std[1],
        }
    )


def solution_notes(fit: Fit) -> list[str]:
    """Improper solutions and items that look unreversed, in every group."""
    notes = []
    for point, sample in zip(fit.points, fit.samples, strict=True):
        notes += matrix_notes(fit.layout, point.mats, sample.label)
    return list(dict.fromkeys(notes))


def matrix_notes(layout: Layout, mats: Matrices, group: str) -> list[str]:
    """What is improper or unexpected in one group's matrices."""
    where, notes = f" in group {group}" if group else "", []
    for names, matrix, what in (
        (layout.items, mats.residuals, "residual variance"),
        (layout.factors, mats.factors, "factor variance"),
    ):
        negative = [f"{n} ({v:.3g})" for n, v in zip(names, np.diag(matrix), strict=True) if v < 0]
        if negative:
            notes.append(
                f"negative {what}{where}: {', '.join(negative)} (Heywood case); the solution is improper, "
                "standardised values that need this variance are empty"
            )
    notes += _correlation_notes(layout.factors, mats.factors, "factors", where)
    notes += _correlation_notes(layout.items, mats.residuals, "residuals", where)
    return notes + _sign_notes(layout, mats.loadings, where)


def _correlation_notes(names: tuple[str, ...], matrix: Array, what: str, where: str) -> list[str]:
    variances = np.diag(matrix)
    used = np.flatnonzero(variances > 0)
    if (variances < 0).any() or not len(used):
        return []
    sd = np.sqrt(variances[used])
    correlations = matrix[np.ix_(used, used)] / np.outer(sd, sd)
    beyond = np.argwhere(np.triu(np.abs(correlations) > 1 + 1e-8, k=1))
    if len(beyond):
        pairs = [f"{names[used[a]]} with {names[used[b]]} ({correlations[a, b]:.2f})" for a, b in beyond]
        return [f"correlation of {what} past 1{where}: {', '.join(pairs)}; the solution is improper"]
    if float(np.linalg.eigvalsh(correlations)[0]) < -1e-8:
        return [f"the correlations of the {what} contradict one another{where}; the solution is improper"]
    return []


def _sign_notes(layout: Layout, loadings: Array, where: str) -> list[str]:
    """Items whose loading has another sign than most of its factor's."""
    notes = []
    for factor, column in zip(layout.factors, loadings.T, strict=True):
        fewer = column < 0 if (column < 0).sum() <= (column > 0).sum() else column > 0
        if (column != 0).sum() < 3 or not fewer.any():
            continue
        names = [f"{layout.items[i]} ({column[i]:.2f})" for i in np.flatnonzero(fewer)]
        notes.append(f"loads on {factor} against the other items{where}, looks unreversed: {', '.join(names)}")
    return notes
