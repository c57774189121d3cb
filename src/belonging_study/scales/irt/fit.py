"""Fit a graded-response or generalised partial credit model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales.irt.categories import code_answers, one_hot, read_categories
from belonging_study.scales.irt.curves import Model, curve
from belonging_study.scales.irt.likelihood import NODES, PRIOR, Likelihood, Point

__all__ = ["IRTResult", "irt"]

Array = npt.NDArray[np.float64]

_MAX_STEPS = 60
_DECREMENT = 1e-9
_LONGEST = 1.0
_STEEPEST = 15.0


@dataclass(frozen=True)
class IRTResult:
    """A fitted item-response model.

    Attributes
    ----------
    parameters : pandas.DataFrame
        One row a parameter: ``item``; ``parameter``, "discrimination" or "threshold_1", ... (graded) or "step_1", ...
        (gpcm); ``answer``, the answer to which the threshold or step leads (empty for a discrimination);
        ``estimate``, ``std_error``, ``conf_low``, ``conf_high``. Thresholds and steps are in standard deviations of
        the trait among the people fitted.
    log_likelihood, aic, bic : float
        Of the marginal likelihood; BIC counts people.
    n_students : int
        People who answered at least one item.
    marginal_reliability : float
        The mean, over a standard normal trait, of information / (information + 1), with every item answered.
    empirical_reliability : float
        Variance of these people's EAP scores over that variance plus their mean squared standard error.
    model : {"graded", "gpcm"}
        As asked for.
    items : tuple of str
        The items, in order.
    answers : tuple of tuple of float
        Each item's answers that somebody gave, from lowest to highest.
    conf_level : float
        Level of the intervals.
    notes : tuple of str
        Who was left out, answers that nobody or few gave, items that look unreversed, how it was fitted.
    values : tuple of numpy.ndarray
        Each item's slope and intercepts, for :func:`irt_scores`.
    """

    parameters: pd.DataFrame
    log_likelihood: float
    aic: float
    bic: float
    n_students: int
    marginal_reliability: float
    empirical_reliability: float
    model: Model
    items: tuple[str, ...]
    answers: tuple[tuple[float, ...], ...]
    conf_level: float
    notes: tuple[str, ...]
    values: tuple[Array, ...] = field(repr=False, compare=False)


def irt(
    items: pd.DataFrame,
    *,
    model: Literal["graded", "gpcm"] = "graded",
    minimum: float | None = None,
    maximum: float | None = None,
    conf_level: float = 0.95,
) -> IRTResult:
    """Fit an item-response model of one trait by marginal maximum likelihood.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, at least three; whole numbers, reversed items already turned round
        (:func:`reverse_keyed`). Every answer given is used; people who answered nothing are left out and counted.
    model : {"graded", "gpcm"}, default "graded"
        Graded response (Samejima 1969) or generalised partial credit (Muraki 1992).
    minimum, maximum : float, optional
        The lowest and the highest answer on the form, to find codes that were left as values.
    conf_level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    IRTResult

    Raises
    ------
    ParameterError
        A model that does not exist, a level outside 0 to 1, half a range.
    ValueRangeError
        Text, broken numbers, or answers outside the form's range; without one, answers further apart than 10.
    DataError
        Fewer than three items, no more people than items, a constant item, or no maximum: items that determine one
        another.

    Notes
    -----
    The trait is standard normal in the population that these people stand for, so its unit is their standard
    deviation: parameters of two separate fits are not on one scale. Answers that nobody gave are dropped from an item;
    with "gpcm" that joins the steps on either side. mirt's EM algorithm comes near; Newton's steps on the observed
    information (Louis 1982), without bounds, lead from there to the maximum and give the standard errors, which take
    people as independent: with classes or schools they are too small.

    References
    ----------
    Samejima, F. (1969). *Estimation of Latent Ability Using a Response Pattern of Graded Scores* (Psychometrika
    Monograph 17). Muraki, E. (1992). A generalized partial credit model. *Applied Psychological Measurement, 16*,
    159-176. Bock, R. D., & Aitkin, M. (1981). Marginal maximum likelihood estimation of item parameters.
    *Psychometrika, 46*, 443-459. Louis, T. A. (1982). Finding the observed information matrix when using the EM
    algorithm. *Journal of the Royal Statistical Society B, 44*, 226-233. Green, B. F., Bock, R. D., Humphreys, L. G.,
    Linn, R. L., & Reckase, M. D. (1984). Technical guidelines for assessing computerized adaptive tests. *Journal of
    Educational Measurement, 21*, 347-360 (marginal reliability).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=(600, 1))
    >>> answers = np.digitize(1.5 * trait + rng.logistic(size=(600, 4)), [-2, 0, 2]) + 1
    >>> result = irt(pd.DataFrame(answers, columns=["q1", "q2", "q3", "q4"]), minimum=1, maximum=4)
    >>> result.parameters.loc[:3, ["item", "parameter", "answer"]]
      item       parameter  answer
    0   q1  discrimination     NaN
    1   q1     threshold_1     2.0
    2   q1     threshold_2     3.0
    3   q1     threshold_3     4.0
    >>> bool(abs(result.parameters["estimate"][0] - 1.5) < 0.4)
    True
    """
    if model not in ("graded", "gpcm"):
        raise ParameterError(f'`model` must be "graded" or "gpcm"; it is {model!r}.')
    if not 0 < conf_level < 1:
        raise ParameterError(f"`conf_level` must lie between 0 and 1; it is {conf_level:g}.")
    categories, notes = read_categories(items, minimum, maximum)
    names = [str(name) for name in items.columns]
    codes = code_answers(items, list(items.columns), categories)
    answered = (codes >= 0).any(axis=1)
    if n_without := int((~answered).sum()):
        notes.insert(0, f"{n_without} of {len(codes)} people are left out because they answered none of the items")
    patterns, counts = np.unique(codes[answered], axis=0, return_counts=True)
    n_answers = tuple(len(mine) for mine in categories)
    likelihood = Likelihood(model, one_hot(patterns, n_answers), counts.astype(float), n_answers)
    values, point, information = _maximise(likelihood, _start(codes[answered], model, n_answers), names)
    parts = likelihood.split(values)
    against = [f"{name} ({part[0]:.2f})" for name, part in zip(names, parts, strict=True) if part[0] < 0]
    if against:
        notes.append(f"runs against the other items, looks unreversed: {', '.join(against)}")
    notes.append("standard errors from the observed information; they take people as independent")
    size, n = len(values), int(counts.sum())
    return IRTResult(
        parameters=_table(model, list(zip(names, categories, parts, strict=True)), information, conf_level),
        log_likelihood=point.value,
        aic=2 * size - 2 * point.value,
        bic=size * float(np.log(n)) - 2 * point.value,
        n_students=n,
        marginal_reliability=_marginal_reliability(model, parts),
        empirical_reliability=_empirical_reliability(point, likelihood.counts),
        model=model,
        items=tuple(names),
        answers=categories,
        conf_level=conf_level,
        notes=tuple(notes),
        values=tuple(parts),
    )


def _start(codes: npt.NDArray[np.int64], model: Model, n_answers: tuple[int, ...]) -> Array:
    """Estimates by mirt's EM algorithm, which keeps them within bounds, as slopes and intercepts."""
    import mirt
    from mirt.exceptions import MirtError

    try:
        fitted = mirt.fit_mirt(
            codes,
            "GRM" if model == "graded" else "GPCM",
            n_categories=list(n_answers),
            n_quadpts=41,
            tol=1e-3,
            compute_standard_errors=False,
        ).model.parameters
    except MirtError as error:
        raise DataError(
            f"The model of {len(n_answers)} items could not be fitted to {len(codes)} people.",
            remedy="join answers that few gave, leave out weak items, or pool groups.",
        ) from error
    slopes, places = fitted["discrimination"], fitted["thresholds" if model == "graded" else "steps"]
    found = []
    for slope, place, n in zip(np.ravel(slopes), places, n_answers, strict=True):
        found.append(np.concatenate([[slope], -slope * np.asarray(place)[: n - 1]]))
    return np.concatenate(found)


def _maximise(likelihood: Likelihood, values: Array, names: list[str]) -> tuple[Array, Point, Array]:
    """Newton's steps, halved until the likelihood rises; where it is not concave, steps of the complete data."""
    point = likelihood.at(values)
    for _ in range(_MAX_STEPS):
        observed, complete = likelihood.information(values, point)
        concave = float(np.linalg.eigvalsh(observed)[0]) > 0
        step = np.linalg.solve(observed if concave else complete, point.gradient)
        if concave and float(step @ point.gradient) < _DECREMENT:
            return values, point, observed
        step *= min(1.0, _LONGEST / float(np.abs(step).max()))
        for halved in 0.5 ** np.arange(20):
            tried = likelihood.at(values + halved * step)
            if tried.value > point.value:
                break
        else:
            if concave and float(step @ point.gradient) < np.sqrt(_DECREMENT):
                return values, point, observed
            break
        values, point = values + halved * step, tried
        steep = [n for n, part in zip(names, likelihood.split(values), strict=True) if abs(part[0]) > _STEEPEST]
        if steep:
            raise DataError(
                f"The discrimination of {', '.join(steep)} grows without end among {likelihood.n:g} people: too few "
                "for this model, or these answers determine the trait, or one another.",
                remedy="pool groups or waves, or look for an item that was entered twice.",
            )
    raise DataError(
        f"The model of {len(names)} items found no maximum among {likelihood.n:g} people.",
        remedy="join answers that few gave, leave out weak items, or pool groups.",
    )


def _table(
    model: Model, found: list[tuple[str, tuple[float, ...], Array]], information: Array, conf_level: float
) -> pd.DataFrame:
    """Discriminations, and thresholds or steps with errors by the delta method."""
    word, covariance = "threshold" if model == "graded" else "step", np.linalg.inv(information)
    rows, start = [], 0
    for name, known, part in found:
        mine = covariance[start : start + len(part), start : start + len(part)]
        rows.append((name, "discrimination", np.nan, part[0], np.sqrt(mine[0, 0])))
        for step in range(1, len(part)):
            place = -part[step] / part[0]
            variance = place**2 * mine[0, 0] + mine[step, step] + 2 * place * mine[0, step]
            rows.append((name, f"{word}_{step}", known[step], place, np.sqrt(variance) / abs(part[0])))
        start += len(part)
    table = pd.DataFrame(rows, columns=["item", "parameter", "answer", "estimate", "std_error"])
    margin = float(ndtri(0.5 + conf_level / 2)) * table["std_error"]
    return table.assign(conf_low=table["estimate"] - margin, conf_high=table["estimate"] + margin)


def _marginal_reliability(model: Model, parts: list[Array]) -> float:
    information = np.sum([curve(model, part, NODES).information for part in parts], axis=0)
    return float(PRIOR @ (information / (information + 1)))


def _empirical_reliability(point: Point, counts: Array) -> float:
    means = point.posterior @ NODES
    errors = point.posterior @ NODES**2 - means**2
    spread, error = np.cov(means, fweights=counts.astype(int)), counts @ errors / counts.sum()
    return float(spread / (spread + error))
