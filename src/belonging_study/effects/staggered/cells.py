"""One comparison of two groups and two waves, adjusted for covariates, with its influence function.

References
----------
Sant'Anna, P. H. C. & Zhao, J. (2020). Doubly robust difference-in-differences estimators. Journal of Econometrics
219, 101-122.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from belonging_study.errors import DesignError

__all__ = ["Cell", "Method", "cross_section_cell", "panel_cell"]

Array = npt.NDArray[np.float64]
Method = Literal["dr", "reg", "ipw"]

#: A fitted probability of treatment above this says that the arms do not overlap (Callaway & Sant'Anna 2021, A.3).
_NO_OVERLAP = 0.999


@dataclass(frozen=True)
class Cell:
    """An effect in one group and wave.

    Attributes
    ----------
    estimate : float
        The average effect on the treated.
    influence : numpy.ndarray
        Each row's contribution to ``estimate - truth``, summing to about zero, shape (rows,).
    share : numpy.ndarray
        Each row's share of the weight of its block, shape (rows,).
    block : numpy.ndarray
        The mean a row enters: treated 1, comparison 0, plus 2 in the later wave of repeated cross-sections.
    """

    estimate: float
    influence: Array
    share: Array
    block: npt.NDArray[np.int64]


def panel_cell(change: Array, treated: Array, x: Array, weights: Array, *, method: Method = "dr") -> Cell:
    """Effect on the treated from the changes of units seen in both waves.

    Parameters
    ----------
    change : numpy.ndarray
        Later minus earlier outcome, shape (units,).
    treated : numpy.ndarray
        1 treated, 0 comparison, shape (units,).
    x : numpy.ndarray
        Covariates with a constant first, shape (units, columns).
    weights : numpy.ndarray
        Shape (units,).
    method : {"dr", "reg", "ipw"}
        Doubly robust; outcome regression; inverse probability weights that sum to one.

    Returns
    -------
    Cell
        With influence functions of Sant'Anna & Zhao (2020), section 3 and their supplement.

    Raises
    ------
    DesignError
        If a covariate is collinear among comparison units, or separates the arms.

    Examples
    --------
    >>> cell = panel_cell(np.array([3., 1, 1, 0]), np.array([1., 1, 0, 0]), np.ones((4, 1)), np.ones(4))
    >>> cell.estimate
    1.5
    """
    comparison = weights * (1 - treated)
    fitted, spread_fit = np.zeros(len(change)), np.zeros_like(x)
    if method != "ipw":
        fitted, spread_fit = _regression(change, x, comparison)
    odds, spread_odds = _odds(treated, x, weights) if method != "reg" else (np.ones(len(change)), np.zeros_like(x))
    gap = change - fitted
    own = weights * treated
    own = own / own.sum()
    effect = float(own @ gap)
    influence = own * (gap - effect) - spread_fit @ (own @ x)
    other = comparison * odds
    other = other / other.sum()
    if method != "reg":
        rest = float(other @ gap)
        effect_all = effect - rest
        influence = influence - other * (gap - rest) - spread_odds @ ((other * (gap - rest)) @ x)
        influence = influence + spread_fit @ (other @ x)
        effect = effect_all
    return Cell(effect, influence, np.where(treated == 1, own, other), treated.astype(np.int64))


def cross_section_cell(
    y: Array, treated: Array, later: Array, x: Array, weights: Array, *, method: Method = "dr"
) -> Cell:
    """Effect on the treated from students who differ from wave to wave.

    Parameters
    ----------
    y : numpy.ndarray
        Outcome, shape (rows,).
    treated, later : numpy.ndarray
        1 for the treated group and for the later wave, shape (rows,).
    x : numpy.ndarray
        Covariates with a constant first, shape (rows, columns).
    weights : numpy.ndarray
        Shape (rows,).
    method : {"dr", "reg", "ipw"}
        ``dr`` is the locally efficient doubly robust estimator (Sant'Anna & Zhao 2020, eq. 3.4), which also models
        the outcome of the treated.

    Returns
    -------
    Cell
        The covariates' distribution is taken not to change between the waves.

    Raises
    ------
    DesignError
        If a covariate is collinear within an arm and wave, or separates the arms.

    Examples
    --------
    >>> y = np.array([1., 2, 4, 5, 1, 2, 2, 3])
    >>> treated, later = np.repeat([1., 0], 4), np.tile([0., 0, 1, 1], 2)
    >>> round(cross_section_cell(y, treated, later, np.ones((8, 1)), np.ones(8)).estimate, 6)
    2.0
    """
    odds, spread_odds = _odds(treated, x, weights) if method != "reg" else (np.ones(len(y)), np.zeros_like(x))
    own = weights * treated
    everyone = own / own.sum()
    estimate, influence, share = 0.0, np.zeros(len(y)), np.zeros(len(y))
    for sign, here in ((1.0, later), (-1.0, 1 - later)):
        fitted, spread_fit = np.zeros(len(y)), np.zeros_like(x)
        if method != "ipw":
            fitted, spread_fit = _regression(y, x, weights * (1 - treated) * here)
        mine = own * here / (own @ here)
        theirs = weights * (1 - treated) * here * odds
        theirs = theirs / theirs.sum()
        share += mine + theirs
        gap = y - fitted
        if method == "reg":
            # the treated mean of the wave less the comparison's prediction for all the treated
            level, predicted = float(mine @ y), float(everyone @ fitted)
            part = level - predicted
            move = mine * (y - level) - everyone * (fitted - predicted) - spread_fit @ (everyone @ x)
        else:
            level, rest = float(mine @ gap), float(theirs @ gap)
            part = level - rest
            move = mine * (gap - level) - spread_fit @ (mine @ x)
            move = move - theirs * (gap - rest) - spread_odds @ ((theirs * (gap - rest)) @ x)
            move = move + spread_fit @ (theirs @ x)
        if method == "dr":
            ahead, spread_ahead = _regression(y, x, own * here)
            lead = ahead - fitted
            full, seen = float(everyone @ lead), float(mine @ lead)
            part += full - seen
            move = move + everyone * (lead - full) - mine * (lead - seen)
            move = move + (spread_ahead - spread_fit) @ ((everyone - mine) @ x)
        estimate += sign * part
        influence = influence + sign * move
    return Cell(estimate, influence, share, (treated + 2 * later).astype(np.int64))


def _regression(y: Array, x: Array, weights: Array) -> tuple[Array, Array]:
    """Fitted values for all rows from weighted rows, and each row's contribution to the coefficients."""
    if not (weights > 0).any():
        raise DesignError("An arm has no row in one of the waves.")
    gram = (weights[:, None] * x).T @ x
    scale = np.sqrt(np.diag(gram))
    if (scale == 0).any() or np.linalg.cond(gram / np.outer(scale, scale)) > 1e12:
        raise DesignError("The covariates are collinear within an arm.")
    inverse = np.linalg.inv(gram)
    fitted = x @ (inverse @ ((weights * y) @ x))
    return fitted, (weights * (y - fitted))[:, None] * (x @ inverse)


def _odds(treated: Array, x: Array, weights: Array) -> tuple[Array, Array]:
    """Odds of treatment by logistic regression, and each row's contribution to the coefficients."""
    if x.shape[1] == 1:  # a constant alone: the same odds for everybody, and nothing to propagate
        share = float(weights @ treated / weights.sum())
        return np.full(len(treated), share / (1 - share)), np.zeros_like(x)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    centre[0], spread[0] = 0.0, 1.0
    spread = np.where(spread > 0, spread, 1.0)
    z = (x - centre) / spread
    beta = np.zeros(z.shape[1])
    for _ in range(50):
        p = special.expit(z @ beta)
        score = (weights * (treated - p)) @ z
        information = (z * (weights * p * (1 - p))[:, None]).T @ z
        if np.linalg.cond(information) > 1e12:
            raise DesignError("The covariates are collinear, or separate the arms.")
        step = np.linalg.solve(information, score)
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    p = special.expit(z @ beta)
    if p.max() >= _NO_OVERLAP or np.abs(step).max() > 1e-6:
        raise DesignError("The covariates all but separate the arms.")
    # the odds' derivative is odds * x, so the contributions are turned to x's own scale
    turn = np.diag(1 / spread)
    turn[0, 1:] = -centre[1:] / spread[1:]
    spread_z = (weights * (treated - p))[:, None] * (z @ np.linalg.inv(information))
    return p / (1 - p), spread_z @ turn.T
