"""Reliability of the normal variables behind ordered answers: ordinal alpha and ordinal omega."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.scales._answers import complete_answers
from belonging_study.scales._covariances import alpha_of, rest_correlations, unreversed_note
from belonging_study.scales._missing_codes import refuse_missing_codes
from belonging_study.scales.exploratory.extraction import LOWEST_UNIQUENESS, extract
from belonging_study.scales.reliability.resampling import check_draws, resample
from belonging_study.scales.reliability.result import Reliability
from belonging_study.scales.structure.polychoric import estimate_ordered

__all__ = ["ordinal_alpha", "ordinal_omega"]

Array = npt.NDArray[np.float64]
_Figure = Callable[[Array], tuple[float, tuple[int, ...]]]

_ALPHA = "ordinal alpha: coefficient alpha of the polychoric correlations (latent responses)"
_OMEGA = (
    "ordinal omega: one factor of the polychoric correlations by unweighted least squares, model-implied total "
    "variance (latent responses)"
)
_BOOTSTRAP = "; bias-corrected percentile bootstrap over people, {draws} draws"


def ordinal_alpha(items: pd.DataFrame, conf_level: float = 0.95, *, draws: int = 0, seed: int = 1) -> Reliability:
    """Ordinal alpha: coefficient alpha of the items' polychoric correlations.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item with at most 12 different answers, already keyed in one direction (see
        ``reverse_keyed``, which also checks the answers' range).
    conf_level : float, default 0.95
        Level of the interval.
    draws : int, default 0
        Bootstrap draws for the interval, at least 100; 0 gives none. A draw of 18 items takes about 0.05 s.
    seed : int, default 1
        Where chance starts.

    Returns
    -------
    Reliability
        From people who answered every item; ``n_dropped`` counts the others. Without draws the interval is NaN and
        ``note`` says so. ``note`` also counts draws that failed and names items that look unreversed.

    Raises
    ------
    DataError
        Fewer than two items, no more complete people than items, a constant item, more than 12 different answers, or
        a polychoric correlation at its bound.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        ``conf_level`` is not between 0 and 1, or ``draws`` is neither 0 nor at least 100.

    Notes
    -----
    It describes the continuous responses that are thought to lie behind the answers, not the score that is made of the
    answers: it is not the reliability of that score and must not be used for its standard error of measurement
    (Chalmers 2018). It is usually higher than ``cronbach_alpha``, more so with few or skewed answers.

    References
    ----------
    Zumbo, B. D., Gadermann, A. M., & Zeisser, C. (2007). Ordinal versions of coefficients alpha and theta for Likert
    rating scales. *Journal of Modern Applied Statistical Methods, 6*, 21-29.
    Chalmers, R. P. (2018). On misconceptions and the limited usefulness of ordinal alpha. *Educational and
    Psychological Measurement, 78*, 1056-1071.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import cronbach_alpha
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.normal(size=(500, 1)) + rng.normal(size=(500, 4))
    >>> answers = pd.DataFrame(np.digitize(latent, [-1, 1]), columns=list("abcd"))
    >>> ordinal_alpha(answers).estimate > cronbach_alpha(answers).estimate
    True
    """
    return _ordinal(items, _alpha, _ALPHA, at_least=2, conf_level=conf_level, draws=draws, seed=seed)


def ordinal_omega(items: pd.DataFrame, conf_level: float = 0.95, *, draws: int = 0, seed: int = 1) -> Reliability:
    """Ordinal omega: omega total of one factor of the items' polychoric correlations.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item with at most 12 different answers, already keyed in one direction (see
        ``reverse_keyed``, which also checks the answers' range).
    conf_level : float, default 0.95
        Level of the interval.
    draws : int, default 0
        Bootstrap draws for the interval, at least 100; 0 gives none. A draw of 18 items takes about 0.05 s.
    seed : int, default 1
        Where chance starts.

    Returns
    -------
    Reliability
        (sum of loadings)^2 / ((sum of loadings)^2 + sum of uniquenesses), from people who answered every item;
        ``n_dropped`` counts the others. ``note`` as ``ordinal_alpha``, and it names Heywood cases.

    Raises
    ------
    DataError
        As ``ordinal_alpha``; also fewer than three items, or a fit that does not converge.
    ValueRangeError, ParameterError
        As ``ordinal_alpha``.

    Notes
    -----
    It describes latent responses, not the score made of the answers, with the same caution as ``ordinal_alpha``. It is
    not the omega of Green and Yang (2009), which is about that score.

    References
    ----------
    Gadermann, A. M., Guhn, M., & Zumbo, B. D. (2012). Estimating ordinal reliability for Likert-type and ordinal item
    response data. *Practical Assessment, Research, and Evaluation, 17*, 3.
    McDonald, R. P. (1999). *Test Theory: A Unified Treatment*. Erlbaum.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.normal(size=(2000, 1)) + rng.normal(size=(2000, 4))
    >>> answers = pd.DataFrame(np.digitize(latent, [-1, 0, 1]), columns=list("abcd"))
    >>> round(ordinal_omega(answers).estimate, 1)
    0.8
    """
    return _ordinal(items, _omega, _OMEGA, at_least=3, conf_level=conf_level, draws=draws, seed=seed)


def _ordinal(
    items: pd.DataFrame, figure: _Figure, definition: str, *, at_least: int, conf_level: float, draws: int, seed: int
) -> Reliability:
    check_draws(draws)
    complete, n_dropped = complete_answers(items, at_least=at_least, conf_level=conf_level)
    names = [str(name) for name in items.columns]
    refuse_missing_codes(complete, names)
    matrix = _matrix(complete, names)
    estimate, heywood = figure(matrix)
    interval = resample(
        complete,
        lambda drawn: [figure(_matrix(drawn, names))[0]],
        [estimate],
        draws=draws,
        seed=seed,
        conf_level=conf_level,
    )
    notes = [
        f"uniqueness at its bound of {LOWEST_UNIQUENESS} (Heywood case): {', '.join(names[i] for i in heywood)}"
        if heywood
        else "",
        interval.note,
        unreversed_note(names, rest_correlations(matrix)),
    ]
    return Reliability(
        estimate=estimate,
        conf_low=float(interval.low[0]),
        conf_high=float(interval.high[0]),
        conf_level=conf_level,
        n=len(complete),
        n_dropped=n_dropped,
        n_items=len(names),
        definition=definition + (_BOOTSTRAP.format(draws=draws) if draws else ""),
        note="; ".join(note for note in notes if note),
    )


def _matrix(values: Array, names: list[str]) -> Array:
    found = estimate_ordered(values, names)
    matrix = np.eye(len(names))
    matrix[found.first, found.second] = matrix[found.second, found.first] = found.correlations
    return matrix


def _alpha(matrix: Array) -> tuple[float, tuple[int, ...]]:
    return alpha_of(matrix), ()


def _omega(matrix: Array) -> tuple[float, tuple[int, ...]]:
    fit = extract(matrix, 1, "minres")
    common = float(fit.loadings.sum()) ** 2
    return common / (common + math.fsum(fit.uniquenesses)), fit.heywood
