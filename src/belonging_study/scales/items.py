"""How each item of a scale behaves, by itself and beside the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError
from belonging_study.scales._answers import check_range, complete_answers, numeric_answers
from belonging_study.scales._covariances import alpha_of, rest_correlations

__all__ = ["item_statistics"]


def item_statistics(items: pd.DataFrame, *, minimum: float, maximum: float) -> pd.DataFrame:
    """Describe every item of a scale, one row an item.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, already keyed in one direction (see ``reverse_keyed``).
    minimum, maximum : float
        The lowest and the highest answer on the form.

    Returns
    -------
    pandas.DataFrame
        ``item``; ``n``, ``n_missing``: people who answered it and who did not; ``mean``, ``sd`` (divisor n - 1),
        ``skew`` (adjusted Fisher-Pearson), ``floor_share`` and ``ceiling_share`` (shares of its answers at
        ``minimum`` and at ``maximum``), all from the item's own answers; ``n_complete``: people who answered every
        item, from whom come ``item_rest_correlation`` (with the sum of the other items) and ``alpha_if_dropped``
        (alpha of the other items); ``note``: what looks wrong, in plain words. A figure that the answers do not
        allow is NaN and ``note`` says why.

    Raises
    ------
    ValueRangeError
        An answer is text, or lies outside [minimum, maximum].
    ParameterError
        ``minimum`` is not below ``maximum``.

    References
    ----------
    Nunnally, J. C., & Bernstein, I. H. (1994). *Psychometric Theory* (3rd ed.). McGraw-Hill.
    Joanes, D. N., & Gill, C. A. (1998). Comparing measures of sample skewness and kurtosis. *The Statistician, 47*,
    183-189 (the skewness is their G1).

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 2, 4, 4, 5], "c": [2, 1, 4, 5, 5], "d": [4, 5, 3, 2, 2]})
    >>> table = item_statistics(answers, minimum=1, maximum=5)
    >>> table[["item", "n", "mean", "item_rest_correlation"]].round(2)
      item  n  mean  item_rest_correlation
    0    a  5   3.0                   0.95
    1    b  5   3.2                   0.98
    2    c  5   3.4                   0.70
    3    d  5   3.2                  -0.93
    >>> table["note"].iloc[3]
    'correlates negatively with the rest (-0.93): looks unreversed'
    """
    answers = numeric_answers(items, list(items.columns))
    check_range(answers, minimum, maximum)
    n = answers.notna().sum()
    shares_of = n.where(n > 0).astype(float)
    table = pd.DataFrame(
        {
            "item": [str(name) for name in answers.columns],
            "n": n.to_numpy(),
            "n_missing": answers.isna().sum().to_numpy(),
            "mean": answers.mean().to_numpy(),
            "sd": answers.std().to_numpy(),
            "skew": answers.skew().where(answers.std() > 0).to_numpy(),
            "floor_share": ((answers == minimum).sum() / shares_of).to_numpy(),
            "ceiling_share": ((answers == maximum).sum() / shares_of).to_numpy(),
            "n_complete": int(answers.notna().all(axis=1).sum()),
        }
    )
    correlations, alphas, notes = _beside_the_others(answers)
    table["item_rest_correlation"] = correlations
    table["alpha_if_dropped"] = alphas
    own_notes = [_own_note(answers.iloc[:, i]) for i in range(len(table))]
    table["note"] = ["; ".join(filter(None, pair)) for pair in zip(own_notes, notes, strict=True)]
    return table


def _beside_the_others(answers: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], list[str]]:
    """Item-rest correlations, alphas without the item, and a note on each item."""
    k = answers.shape[1]
    try:
        complete, _ = complete_answers(answers, at_least=2)
    except DataError as error:
        nothing = np.full(k, np.nan)
        return nothing, nothing, [f"no correlation or alpha: {error.what}"] * k
    covariance = np.cov(complete, rowvar=False)
    correlations = rest_correlations(covariance)
    alphas = np.array([_alpha_without(covariance, i) for i in range(k)])
    return correlations, alphas, [_note(r, a, k) for r, a in zip(correlations, alphas, strict=True)]


def _alpha_without(covariance: npt.NDArray[np.float64], position: int) -> float:
    """Alpha of the other items, NaN where there is none."""
    others = np.delete(np.delete(covariance, position, axis=0), position, axis=1)
    if len(others) < 2:
        return float("nan")
    try:
        return alpha_of(others)
    except DataError:
        return float("nan")


def _note(correlation: float, alpha: float, n_items: int) -> str:
    """What to say about an item beside the others."""
    if np.isnan(correlation):
        return "no correlation or alpha: the sum of the other items does not vary"
    notes = [f"correlates negatively with the rest ({correlation:.2f}): looks unreversed"] if correlation < 0 else []
    if np.isnan(alpha):
        notes.append(f"no alpha without it: {n_items - 1} item would be left")
    return "; ".join(notes)


def _own_note(answers: pd.Series[float]) -> str:
    """What to say about an item's own answers."""
    answered = answers.dropna()
    if answered.empty:
        return "nobody answered it"
    if answered.min() == answered.max():
        return f"all answers are the same ({len(answered)} of them), so no skew"
    return "" if len(answered) > 2 else f"no skew from {len(answered)} answers"
