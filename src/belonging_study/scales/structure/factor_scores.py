"""Scores on the factors of a fitted model."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, DesignError, ParameterError, ValueRangeError
from belonging_study.scales._answers import numeric_answers, require_columns
from belonging_study.scales.structure.likelihood import Matrices
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.sample import Sample
from belonging_study.scales.structure.wlsmv import OrderedFit

__all__ = ["factor_scores"]

Array = npt.NDArray[np.float64]


def factor_scores(
    result: CFAResult,
    data: pd.DataFrame,
    *,
    group: str | None = None,
    method: Literal["regression", "bartlett"] = "regression",
) -> pd.DataFrame:
    """Estimate where each person stands on every factor of a fitted model.

    Parameters
    ----------
    result : CFAResult
        A fit from :func:`cfa` with the normal likelihood.
    data : pandas.DataFrame
        One row a person, the items keyed as for the fit; those fitted, or others who answered the same items.
    group : str, optional
        The column of groups, where the model was fitted in groups.
    method : {"regression", "bartlett"}, default "regression"
        "regression": the factors' expected values given the answers; smallest error, drawn towards the group's mean
        the more, the less is known. "bartlett": the values under which the answers are likeliest; without that pull,
        with larger error.

    Returns
    -------
    pandas.DataFrame
        One column a factor, in the units of the model, with the index of ``data``. After a fit with
        ``missing="fiml"`` a person's score rests on the answers given, and is NaN where nothing was answered (with
        "bartlett": nothing of that factor's items); after a listwise fit it is NaN where an item of the model is
        missing. It is NaN without a group, too. ``attrs["determinacy"]`` holds, by group and factor, the correlation
        of the regression scores with the factor among those who answered everything.

    Raises
    ------
    ParameterError
        Another ``method``, or ``group`` given or missing against the fit.
    DesignError
        A fit of ordered answers, whose factors have no linear scores.
    DataError
        A group that the model was not fitted in.
    ColumnMissingError, ValueRangeError
        An item that is not in the table; text or infinite numbers among the answers.

    Notes
    -----
    With loadings L, factor covariances F, implied covariances S and means m of the items that a person answered, and
    factor means a, the regression scores are a + F L' S^-1 (y - m), Bartlett's a + (L' S^-1 L)^-1 L' S^-1 (y - m).
    A model without means takes the means of the people fitted. Scores of either kind are not the factors: their
    variances and correlations differ from those in the model.

    References
    ----------
    Thurstone, L. L. (1935). *The Vectors of Mind*. University of Chicago Press. Bartlett, M. S. (1937). The
    statistical conception of mental factors. *British Journal of Psychology, 28*, 97-104. Grice, J. W. (2001).
    Computing and evaluating factor scores. *Psychological Methods, 6*, 430-450 (determinacy).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import cfa
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=500)
    >>> answers = pd.DataFrame(0.8 * trait[:, None] + rng.normal(size=(500, 4)), columns=["q1", "q2", "q3", "q4"])
    >>> scores = factor_scores(cfa("belonging =~ q1 + q2 + q3 + q4", answers), answers)
    >>> bool(np.corrcoef(scores["belonging"], trait)[0, 1] > 0.75)
    True
    >>> scores.attrs["determinacy"]["all"]["belonging"] > 0.8
    True
    """
    if method not in ("regression", "bartlett"):
        raise ParameterError(f'`method` must be "regression" or "bartlett"; it is {method!r}.')
    fit = result.solution
    if isinstance(fit, OrderedFit):
        raise DesignError(
            "This model was fitted to ordered answers, whose factors have no linear scores.",
            remedy="fit it without `ordered=True`, or score one factor's items with `irt` and `irt_scores`.",
        )
    layout = fit.layout
    answers = numeric_answers(data, layout.items)
    if bool(np.isinf(answers.to_numpy()).any()):
        raise ValueRangeError("Infinite numbers among the answers.")
    values = answers.to_numpy()
    scores = np.full((len(data), len(layout.factors)), np.nan)
    determinacy: dict[str, dict[str, float]] = {}
    for rows, sample, point in zip(_rows(data, group, fit.samples), fit.samples, fit.points, strict=True):
        mu = point.mats.mu if layout.means else sample.mean
        scores[rows] = _scores(values[rows], point.mats, mu, method, complete=result.missing == "listwise")
        determinacy[sample.label or "all"] = dict(zip(layout.factors, _determinacy(point.mats), strict=True))
    table = pd.DataFrame(scores, index=data.index, columns=list(layout.factors))
    table.attrs["determinacy"] = determinacy
    return table


def _rows(data: pd.DataFrame, group: str | None, samples: tuple[Sample, ...]) -> list[npt.NDArray[np.bool_]]:
    """Which people belong to each group of the fit."""
    if (group is None) != (len(samples) == 1):
        said = "in groups; give `group`, their column" if group is None else "without groups; leave out `group`"
        raise ParameterError(f"The model was fitted {said}.")
    if group is None:
        return [np.ones(len(data), dtype=bool)]
    require_columns(data, [group], kind="group column")
    column = data[group]
    labels = column.astype("str").where(column.notna())
    known = [sample.label for sample in samples]
    strange = column.notna() & ~labels.isin(known)
    if bool(strange.any()):
        raise DataError(
            f"{int(strange.sum())} of {len(data)} people are in a group that the model was not fitted in.",
            where=f"column {group}",
            remedy="fit the model to all groups, or leave these people out.",
        )
    return [(labels == label).fillna(False).to_numpy(dtype=bool) for label in known]


def _scores(values: Array, mats: Matrices, mu: Array, method: str, *, complete: bool) -> Array:
    """Scores of one group's people, pattern of answers by pattern."""
    found = np.full((len(values), len(mats.means)), np.nan)
    seen = ~np.isnan(values)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        if not pattern.any() or (complete and not pattern.all()):
            continue
        at = np.flatnonzero(which.ravel() == number)
        loadings = mats.loadings[pattern]
        weighted = np.linalg.solve(mats.sigma[np.ix_(pattern, pattern)], loadings)
        centred = (values[at] - mu)[:, pattern]
        if method == "regression":
            found[at] = mats.means + centred @ weighted @ mats.factors
        else:
            shown = np.flatnonzero((loadings != 0).any(axis=0))
            inverse = np.linalg.pinv((loadings.T @ weighted)[np.ix_(shown, shown)])
            found[np.ix_(at, shown)] = mats.means[shown] + centred @ weighted[:, shown] @ inverse
    return found


def _determinacy(mats: Matrices) -> list[float]:
    """Correlation of each factor with its regression score."""
    through = mats.factors @ mats.loadings.T
    explained = np.diag(through @ np.linalg.solve(mats.sigma, through.T))
    with np.errstate(all="ignore"):
        return [float(value) for value in np.sqrt(explained / np.diag(mats.factors))]
