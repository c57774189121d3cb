"""Weights that let those who were followed up stand for those who were lost.

References
----------
Robins, J. M., Rotnitzky, A. & Zhao, L. P. (1995). Analysis of semiparametric regression models for repeated outcomes
in the presence of missing data. Journal of the American Statistical Association 90, 106-121.
Kish, L. (1965). Survey Sampling. Wiley, section 11.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from belonging_study.effects.checks import require_level
from belonging_study.effects.missing.followed import (
    Followed,
    MissingOutcomeEstimate,
    followed_students,
    made_estimate,
    weighted_difference,
)
from belonging_study.errors import DesignError

__all__ = ["AttritionWeights", "attrition_weights"]

Array = npt.NDArray[np.float64]

#: Students less likely than this to be followed up have next to nobody who could stand for them.
_UNLIKELY = 0.05
_HEAVY = 10.0
_ITERATIONS = 50


@dataclass(frozen=True)
class AttritionWeights:
    """Weights of the students who were followed up, and the effect with them.

    Attributes
    ----------
    weights : pandas.Series
        Stabilised weights, indexed as the data; NaN where the outcome is missing.
    probabilities : pandas.Series
        Probability of being followed up, indexed as the data.
    by_arm : pandas.DataFrame
        One row an arm: ``arm`` (1 programme, 0 comparison), ``n_students, n_observed, effective_n,
        smallest_probability, largest_weight, mean_weight``.
    coefficients : pandas.DataFrame
        Columns ``arm, term, estimate``: the logistic regressions, in logits.
    warnings : tuple of str
        Where some students had next to no chance of being followed up, or few carry much weight.
    result : MissingOutcomeEstimate
        The weighted effect.
    """

    weights: pd.Series
    probabilities: pd.Series
    by_arm: pd.DataFrame
    coefficients: pd.DataFrame
    warnings: tuple[str, ...]
    result: MissingOutcomeEstimate = field(repr=False)


def attrition_weights(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    predictors: Sequence[str] = (),
    baseline: str | None = None,
    conf_level: float = 0.95,
) -> AttritionWeights:
    """Weight students by the inverse of their probability of having the outcome.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student who was assigned.
    outcome, treated, cluster, baseline : str
        As in `followed_students`; the baseline, where given, is a predictor.
    predictors : sequence of str
        Columns known for everybody that tell who is lost.
    conf_level : float
        Level of the interval.

    Returns
    -------
    AttritionWeights
        A logistic regression in each arm (an arm without loss has weights of 1), stabilised by the arm's share of
        students followed up. The standard error is CR2 of the regression on the arm with every column multiplied by
        the root of the weight; the weights are taken as known, which is on the safe side where they are estimated
        (Robins, Rotnitzky & Zhao 1995).

    Raises
    ------
    DataError, DesignError
        As in `followed_students`; also if there is no predictor, or a predictor tells exactly who was lost.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": np.repeat([1, 2, 3, 4], 4), "on": [1] * 8 + [0] * 8, "girl": [0, 0, 1, 1] * 4,
    ...                      "y": [3, None, 4, 2, 1, 2, None, 3, 1, 3, 3, 4, 2, 1, 2, 5]})
    >>> found = attrition_weights(rows, outcome="y", treated="on", cluster="school", predictors=["girl"])
    >>> found.by_arm["effective_n"].round(6).tolist()
    [6.0, 8.0]
    """
    require_level(conf_level)
    sample = followed_students(
        data, outcome=outcome, treated=treated, cluster=cluster, baseline=baseline, predictors=predictors
    )
    if not sample.names:
        raise DesignError(
            "There is no predictor of who was lost.", remedy="name columns known for everybody, or use complete_cases."
        )
    chance, terms = _probabilities(sample)
    seen = sample.seen
    weight = np.full(len(seen), np.nan)
    rows, warnings = [], []
    for arm, name in ((1, "programme"), (0, "comparison")):
        here, used = sample.on == arm, (sample.on == arm) & seen
        weight[used] = used.sum() / here.sum() / chance[used]
        w = weight[used]
        effective = float(w.sum() ** 2 / (w**2).sum())
        rows.append(
            {
                "arm": arm,
                "n_students": int(here.sum()),
                "n_observed": int(used.sum()),
                "effective_n": effective,
                "smallest_probability": float(chance[here].min()),
                "largest_weight": float(w.max()),
                "mean_weight": float(w.mean()),
            }
        )
        n_unlikely = int((chance[here] < _UNLIKELY).sum())
        if n_unlikely:
            warnings.append(
                f"{n_unlikely} of {int(here.sum())} students in {name} had a chance below {_UNLIKELY:.0%} of being "
                "followed up: hardly anybody can stand for them, and the estimate rests on the model."
            )
        if w.max() > _HEAVY or effective < 0.5 * len(w):
            warnings.append(
                f"In {name} the weights go up to {w.max():.1f}, and {len(w)} students count like {effective:.0f}."
            )
    found = weighted_difference(sample.y[seen], sample.on[seen], sample.cluster[seen], weight[seen])
    used_weights = weight[seen]
    result = made_estimate(
        "attrition weights",
        sample,
        found,
        conf_level,
        effective_n=float(used_weights.sum() ** 2 / (used_weights**2).sum()),
        assumption=f"within arms, {', '.join(sample.names)} are all that tells those lost from those followed up",
        note=" ".join(warnings),
    )
    return AttritionWeights(
        weights=pd.Series(weight, index=data.index, name="weight"),
        probabilities=pd.Series(chance, index=data.index, name="probability"),
        by_arm=pd.DataFrame(rows),
        coefficients=pd.DataFrame(terms, columns=["arm", "term", "estimate"]),
        warnings=tuple(warnings),
        result=result,
    )


def _probabilities(sample: Followed) -> tuple[Array, list[tuple[int, str, float]]]:
    """Each student's probability of being followed up, and the coefficients of the arms' logistic regressions."""
    chance, terms = np.ones(len(sample.y)), []
    for arm in (1, 0):
        here = sample.on == arm
        if sample.seen[here].all():
            continue
        x = sample.predictors[here]
        varies = np.ptp(x, axis=0) > 0
        scale = np.where(varies, x.std(axis=0), 1.0)
        design = np.column_stack([np.ones(here.sum()), ((x - x.mean(axis=0)) / scale)[:, varies]])
        names = [name for name, keep in zip(sample.names, varies, strict=True) if keep]
        beta = _logistic(design, sample.seen[here].astype(np.float64), names)
        chance[here] = special.expit(design @ beta)
        slopes = beta[1:] / scale[varies]
        constant = beta[0] - float(slopes @ x.mean(axis=0)[varies])
        terms += [(arm, "constant", constant), *((arm, n, float(b)) for n, b in zip(names, slopes, strict=True))]
    return chance, terms


def _logistic(x: Array, y: Array, names: list[str]) -> Array:
    """Maximum likelihood by Newton's method; raise where it has none."""
    beta = np.zeros(x.shape[1])
    beta[0] = special.logit(y.mean())
    rank = int(np.linalg.matrix_rank(x))
    if rank < x.shape[1]:
        raise DesignError(
            f"{x.shape[1] - rank} of {len(names)} predictors of who was lost add nothing to the others.",
            remedy="leave out what repeats other predictors.",
        )
    for _ in range(_ITERATIONS):
        p = special.expit(x @ beta)
        spread = p * (1 - p)
        if spread.max() < 1e-8 or np.abs(beta).max() > 30:
            break
        step = np.linalg.lstsq(x.T @ (spread[:, None] * x), x.T @ (y - p), rcond=None)[0]
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return np.asarray(beta)
    raise DesignError(
        f"{', '.join(dict.fromkeys(n.split('[')[0] for n in names))} tell exactly who of {len(y)} students was lost "
        f"({int(len(y) - y.sum())} were), so that nobody can stand for them.",
        remedy="use fewer or coarser predictors, or give bounds (lee_bounds).",
    )
