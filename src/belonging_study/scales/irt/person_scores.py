"""Where each person stands on the trait of a fitted item-response model."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.irt.categories import code_answers
from belonging_study.scales.irt.curves import curve
from belonging_study.scales.irt.fit import IRTResult
from belonging_study.scales.irt.likelihood import NODES, PRIOR

__all__ = ["irt_scores"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_FIRST = 10.0
_WIDEST = 160.0
_BISECTIONS = 36
_CHUNK = 10_000


def irt_scores(result: IRTResult, items: pd.DataFrame, method: Literal["wle", "eap"] = "wle") -> pd.DataFrame:
    """Score people on the trait of a fitted model.

    Parameters
    ----------
    result : IRTResult
        From :func:`irt`.
    items : pandas.DataFrame
        One row a person, with the model's items keyed as for the fit; the people fitted, or others.
    method : {"wle", "eap"}, default "wle"
        "wle": Warm's weighted likelihood estimate, nearly unbiased and finite also for those who gave every item the
        lowest or the highest answer; for means of groups. "eap": the mean of the posterior under a standard normal
        trait, drawn towards 0 the more, the fewer items were answered.

    Returns
    -------
    pandas.DataFrame
        ``theta``, in standard deviations of the trait among those fitted, and ``std_error``, with the index of
        ``items``. NaN for people who answered none of the items: each score rests on the answers given. (A weighted
        estimate beyond 160 standard deviations, as only items without any bearing on the trait give, is NaN too.)

    Raises
    ------
    ParameterError
        Another ``method``.
    ColumnMissingError, ValueRangeError
        An item that is not in the table; text, or an answer that nobody gave among those fitted.

    Notes
    -----
    Warm's estimate solves l'(theta) + J / (2 I) = 0, with l the log-likelihood, I the information and J the sum over
    answers of first times second derivative of a chance, over that chance; its standard error is I^(-1/2). Where the
    equation has several solutions, the one of highest weighted likelihood is taken; none is clipped.

    References
    ----------
    Warm, T. A. (1989). Weighted likelihood estimation of ability in item response theory. *Psychometrika, 54*,
    427-450. Magis, D. (2015). A note on weighted likelihood and Jeffreys modal estimation of proficiency levels in
    polytomous item response models. *Psychometrika, 80*, 200-204. Bock, R. D., & Mislevy, R. J. (1982). Adaptive EAP
    estimation of ability in a microcomputer environment. *Applied Psychological Measurement, 6*, 431-444.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import irt
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=600)
    >>> answers = np.digitize(1.5 * trait[:, None] + rng.logistic(size=(600, 4)), [-2, 0, 2]) + 1
    >>> items = pd.DataFrame(answers, columns=["q1", "q2", "q3", "q4"])
    >>> scores = irt_scores(irt(items), items)
    >>> bool(scores.notna().all().all()), bool(np.corrcoef(scores["theta"], trait)[0, 1] > 0.8)
    (True, True)
    """
    if method not in ("wle", "eap"):
        raise ParameterError(f'`method` must be "wle" or "eap"; it is {method!r}.')
    codes = code_answers(items, result.items, result.answers)
    patterns, which = np.unique(codes, axis=0, return_inverse=True)
    found = np.full((len(patterns), 2), np.nan)
    some = (patterns >= 0).any(axis=1)
    found[some] = _eap(result, patterns[some]) if method == "eap" else _wle(result, patterns[some])
    return pd.DataFrame(found[which.ravel()], index=items.index, columns=["theta", "std_error"])


def _eap(result: IRTResult, patterns: Codes) -> Array:
    joint = np.tile(np.log(PRIOR), (len(patterns), 1))
    for at, part in enumerate(result.values):
        seen = patterns[:, at] >= 0
        joint[seen] += curve(result.model, part, NODES).log_chance[patterns[seen, at]]
    posterior = np.exp(joint - joint.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    mean = posterior @ NODES
    return np.column_stack([mean, np.sqrt(posterior @ NODES**2 - mean**2)])


def _wle(result: IRTResult, patterns: Codes) -> Array:
    """Bracket every pattern's roots on a grid that is widened until all have one, then halve the best bracket."""
    theta = np.full(len(patterns), np.nan)
    for start in range(0, len(patterns), _CHUNK):
        part, widest = slice(start, start + _CHUNK), _FIRST
        mine, found = patterns[part], theta[part]
        while widest <= _WIDEST and bool((open_ := np.isnan(found)).any()):
            grid = np.linspace(-widest, widest, 401)
            found[open_] = _best_root(result, mine[open_], grid, _on_grid(result, mine[open_], grid))
            widest *= 2
    information = _weighted(result, patterns, np.nan_to_num(theta))[1]
    return np.column_stack([theta, np.where(np.isnan(theta), np.nan, 1 / np.sqrt(information))])


def _on_grid(result: IRTResult, patterns: Codes, grid: Array) -> Array:
    """Slope of each pattern's weighted log-likelihood at every point of a grid."""
    score, information, bias = (np.zeros((len(patterns), len(grid))) for _ in range(3))
    for at, part in enumerate(result.values):
        seen, found = patterns[:, at] >= 0, curve(result.model, part, grid)
        score[seen] += found.score[patterns[seen, at]]
        information[seen] += found.information
        bias[seen] += found.bias
    return np.asarray(score + bias / (2 * np.maximum(information, 1e-300)))


def _best_root(result: IRTResult, patterns: Codes, grid: Array, slope: Array) -> Array:
    """The root of highest weighted likelihood; NaN where the slope does not fall from above to below 0."""
    gap = grid[1] - grid[0]
    height = np.concatenate(
        [np.zeros((len(slope), 1)), np.cumsum((slope[:, 1:] + slope[:, :-1]) / 2 * gap, axis=1)], axis=1
    )
    falls = (slope[:, :-1] > 0) & (slope[:, 1:] <= 0)
    best = np.where(falls, height[:, :-1], -np.inf).argmax(axis=1)
    low, high = grid[best], grid[best + 1]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        rising = _weighted(result, patterns, middle)[0] > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.where(falls.any(axis=1), (low + high) / 2, np.nan)


def _weighted(result: IRTResult, patterns: Codes, theta: Array) -> tuple[Array, Array]:
    """Slope of each pattern's weighted log-likelihood at its own theta, and the information there."""
    score, information, bias = np.zeros(len(theta)), np.zeros(len(theta)), np.zeros(len(theta))
    for at, part in enumerate(result.values):
        seen = np.flatnonzero(patterns[:, at] >= 0)
        found = curve(result.model, part, theta[seen])
        score[seen] += found.score[patterns[seen, at], np.arange(len(seen))]
        information[seen] += found.information
        bias[seen] += found.bias
    return score + bias / (2 * np.maximum(information, 1e-300)), information
