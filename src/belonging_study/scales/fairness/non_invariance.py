"""How much the score's difference between groups owes to items that do not work alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DesignError, ParameterError
from belonging_study.scales.fairness.partial import NO_PARTIAL_MODEL, PartialInvariance
from belonging_study.scales.structure.confirm import estimate_covariance
from belonging_study.scales.structure.estimate import Fit
from belonging_study.scales.structure.layout import INTERCEPT, LOADING, MEAN
from belonging_study.scales.structure.likelihood import Matrices
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.robust import saturated_covariance
from belonging_study.scales.structure.sample import Sample, read_samples

__all__ = ["dmacs", "non_invariance_effect"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Pair:
    """A group beside the reference: their places among the groups, and the places of the items of the score."""

    fit: Fit
    covariance: Array
    focal: int
    reference: int
    at: npt.NDArray[np.int64]

    def mats(self, which: int) -> Matrices:
        return self.fit.points[which].mats

    def sample(self, which: int) -> Sample:
        return self.fit.samples[which]

    def std_error(self, slopes: dict[tuple[int, int], Array]) -> float:
        """Of a quantity, from its derivatives by the matrices, keyed by (kind, group)."""
        layout = self.fit.layout
        by_free = np.zeros(layout.n_free)
        for (kind, g), slope in slopes.items():
            rows = np.flatnonzero((layout.kind == kind) & (layout.group == g) & (layout.free >= 0))
            np.add.at(by_free, layout.free[rows], slope[layout.row[rows], layout.column[rows]])
        return float(np.sqrt(max(float(by_free @ self.covariance @ by_free), 0.0)))


def non_invariance_effect(
    result: CFAResult | PartialInvariance, data: pd.DataFrame, *, items: Sequence[str], group: str, reference: str
) -> pd.DataFrame:
    """Split each group's difference in the mean score into what the factors and what unlike items account for.

    Parameters
    ----------
    result : CFAResult or PartialInvariance
        A model by maximum likelihood in which some loadings or intercepts differ between groups and the others are
        equal, as ``partial_invariance`` gives it.
    data : pandas.DataFrame
        The answers that the model was fitted to.
    items : list of str
        The items of the score; it is their mean.
    group : str
        Column of groups of the model.
    reference : str
        The group that every other is compared with.

    Returns
    -------
    pandas.DataFrame
        One row a group: ``group``, ``reference``; ``raw_difference`` between the mean scores, group minus reference,
        with ``raw_conf_low`` and ``raw_conf_high``; ``adjusted_difference``, expected if all items worked as they do in
        the reference, with its interval; ``bias``, what unlike items add to the difference, with its interval;
        ``n_students``, ``n_reference``, ``note``. Further: ``implied_difference`` (the model's raw difference: adjusted
        plus bias), ``raw_std_error``, ``adjusted_std_error``, ``bias_std_error``, and ``raw_standardised``,
        ``adjusted_standardised``, ``bias_standardised`` (divided by ``score_sd``, the score's standard deviation pooled
        over the two groups). Intervals are of the model's ``conf_level``.

    Raises
    ------
    ParameterError
        A fit of ordered answers, or to other data or groups; an item that is not in the model; an unknown reference.
    DesignError
        There is no partially invariant model, or no two items of a factor are alike in the two groups.

    Notes
    -----
    With intercepts t, loadings l and factor means k, focal group F and reference R, the item's expected answer at the
    focal group's factor means is t_F + l_F k_F by its own parameters and t_R + l_R k_F by the reference's. The bias is
    the mean over items of the first minus the second; the adjusted difference the mean of l_R (k_F - k_R). Standard
    errors by the delta method from the covariance of the model's estimates. Means are of the people of the model:
    those who answered all of its items (``missing="listwise"``), or maximum-likelihood means of everybody
    (``missing="fiml"``); ``note`` says which. The search for the items that differ is not part of the intervals.

    References
    ----------
    Nye, C. D., & Drasgow, F. (2011). Effect size indices for analyses of measurement equivalence: Understanding the
    practical importance of differences between groups. *Journal of Applied Psychology, 96*, 966-980.
    Millsap, R. E., & Olivera-Aguilar, M. (2012). Investigating measurement invariance using confirmatory factor
    analysis. In R. H. Hoyle (Ed.), *Handbook of Structural Equation Modeling* (380-392).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import partial_invariance
    >>> rng = np.random.default_rng(5)
    >>> answers = pd.DataFrame(rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 4)), columns=list("abcd"))
    >>> answers["arm"] = np.repeat(["control", "offer"], 2000)
    >>> answers.loc[2000:, "b"] += 0.8  # a fifth of a point in the mean of four items
    >>> found = partial_invariance("f =~ a + b + c + d", answers, group="arm")
    >>> table = non_invariance_effect(found, answers, items=list("abcd"), group="arm", reference="control")
    >>> table[["adjusted_difference", "bias"]].abs().round(1).to_numpy().tolist()
    [[0.0, 0.2]]
    """
    from scipy.special import ndtri

    used, pairs = _pairs(result, data, items, group, reference)
    z = float(ndtri(0.5 + used.conf_level / 2))
    rows = []
    for pair in pairs:
        raw, raw_error = _raw(pair, used)
        bias, bias_error = _bias(pair, np.full(len(pair.at), 1 / len(pair.at)))
        adjusted, adjusted_error = _adjusted(pair)
        sd = _pooled_sd(pair)
        focal, other = pair.sample(pair.focal), pair.sample(pair.reference)
        rows.append(
            {
                "group": focal.label,
                "reference": other.label,
                "raw_difference": raw,
                "raw_conf_low": raw - z * raw_error,
                "raw_conf_high": raw + z * raw_error,
                "adjusted_difference": adjusted,
                "adjusted_conf_low": adjusted - z * adjusted_error,
                "adjusted_conf_high": adjusted + z * adjusted_error,
                "bias": bias,
                "bias_conf_low": bias - z * bias_error,
                "bias_conf_high": bias + z * bias_error,
                "n_students": focal.n,
                "n_reference": other.n,
                "note": _note(pair, used),
                "implied_difference": adjusted + bias,
                "raw_std_error": raw_error,
                "adjusted_std_error": adjusted_error,
                "bias_std_error": bias_error,
                "raw_standardised": raw / sd,
                "adjusted_standardised": adjusted / sd,
                "bias_standardised": bias / sd,
                "score_sd": sd,
            }
        )
    return pd.DataFrame(rows)


def dmacs(
    result: CFAResult | PartialInvariance, data: pd.DataFrame, *, items: Sequence[str], group: str, reference: str
) -> pd.DataFrame:
    """How much each item's answers differ between groups among people with the same factor values.

    Parameters
    ----------
    result, data, items, group, reference
        As in ``non_invariance_effect``.

    Returns
    -------
    pandas.DataFrame
        One row a group and item: ``group``, ``reference``, ``item``, ``differs`` (whether its loading or intercept is
        free), ``intercept_difference`` and ``bias`` (the item's part of the expected difference that is not the
        factors', in points of the answer) with ``bias_std_error``, ``conf_low`` and ``conf_high``; ``contribution`` to
        the difference of the mean score (bias divided by the number of items; they add up to the score's bias);
        ``dmacs``, ``dmacs_signed``, ``item_sd``. Items held equal have zeros.

    Raises
    ------
    BelongingStudyError
        As ``non_invariance_effect``.

    Notes
    -----
    dMACS is the root of the mean, over the focal group's factor distribution, of the squared difference between the
    item's expected answers by the focal group's and the reference's parameters, divided by the item's standard
    deviation (the two groups' deviations averaged by n - 1). The signed version averages the difference itself, here
    the group's own minus the reference's: above 0 where the item gives the group more than the reference. With normal
    factors both have closed forms; an item of several factors is averaged over their joint distribution.

    References
    ----------
    Nye, C. D., & Drasgow, F. (2011). Effect size indices for analyses of measurement equivalence. *Journal of Applied
    Psychology, 96*, 966-980.
    Nye, C. D., Bradburn, J., Olenick, J., Bialko, C., & Drasgow, F. (2019). How big are my effects? Examining the
    magnitude of effect sizes in studies of measurement equivalence. *Organizational Research Methods, 22*, 678-709.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import cfa
    >>> rng = np.random.default_rng(2)
    >>> answers = pd.DataFrame(rng.normal(size=(4000, 1)) + rng.normal(size=(4000, 4)), columns=list("abcd"))
    >>> answers["arm"] = np.repeat(["control", "offer"], 2000)
    >>> answers.loc[2000:, "b"] += 0.7  # half of its standard deviation
    >>> fit = cfa("f =~ a + b + c + d", answers, group="arm", equal=["loadings", "intercepts"], free=["b~1"])
    >>> dmacs(fit, answers, items=list("abcd"), group="arm", reference="control")["dmacs"].round(1).tolist()
    [0.0, 0.5, 0.0, 0.0]
    """
    from scipy.special import ndtri

    used, pairs = _pairs(result, data, items, group, reference)
    z = float(ndtri(0.5 + used.conf_level / 2))
    rows = []
    for pair in pairs:
        own, theirs = pair.mats(pair.focal), pair.mats(pair.reference)
        unlike = _unlike(pair)
        for place, i in enumerate(pair.at):
            weights = np.zeros(len(pair.at))
            weights[place] = 1.0
            bias, error = _bias(pair, weights)
            slope = own.loadings[i] - theirs.loadings[i]
            sd = _item_sd(pair, int(i))
            rows.append(
                {
                    "group": pair.sample(pair.focal).label,
                    "reference": reference,
                    "item": pair.fit.layout.items[i],
                    "differs": bool(unlike[place]),
                    "intercept_difference": float(own.intercepts[i] - theirs.intercepts[i]),
                    "bias": bias,
                    "bias_std_error": error,
                    "conf_low": bias - z * error,
                    "conf_high": bias + z * error,
                    "contribution": bias / len(pair.at),
                    "dmacs": float(np.sqrt(max(bias**2 + slope @ own.factors @ slope, 0.0))) / sd,
                    "dmacs_signed": bias / sd,
                    "item_sd": sd,
                }
            )
    return pd.DataFrame(rows)


def _pairs(
    result: CFAResult | PartialInvariance, data: pd.DataFrame, items: Sequence[str], group: str, reference: str
) -> tuple[CFAResult, list[_Pair]]:
    """Every group beside the reference, once all is checked."""
    used = result.model if isinstance(result, PartialInvariance) else result
    if isinstance(result, PartialInvariance) and result.verdict == NO_PARTIAL_MODEL:
        raise DesignError(
            "There is no partially invariant model of these groups: too few items work alike to compare by.",
            remedy="compare the groups item by item, or not at all.",
        )
    fit = used.solution
    if not isinstance(fit, Fit):
        raise ParameterError("This needs a fit by maximum likelihood; this one is of ordered answers.")
    labels = [s.label for s in fit.samples]
    if len(labels) < 2:
        raise ParameterError("Groups are compared, but the model has no groups.", remedy="fit it with `group`.")
    if isinstance(items, str) or len(items) == 0 or len(set(items)) < len(items):
        raise ParameterError("`items` must be a list of different items of the model.")
    absent = [str(name) for name in items if name not in fit.layout.items]
    if absent:
        raise ParameterError(f"{len(absent)} of {len(items)} items are not in the model: {', '.join(absent)}.")
    if str(reference) not in labels:
        raise ParameterError(f"`reference` must be one of {', '.join(labels)}; it is {reference!r}.")
    again, _ = read_samples(data, fit.layout.items, group=group, missing=used.missing)
    if [(s.label, s.n) for s in again] != [(s.label, s.n) for s in fit.samples] or not all(
        np.allclose(a.mean, s.mean, atol=1e-8) for a, s in zip(again, fit.samples, strict=True)
    ):
        raise ParameterError("`data` and `group` are not those that the model was fitted to.")
    covariance = estimate_covariance(fit, estimator=used.estimator, missing=used.missing)
    at = np.array([fit.layout.items.index(name) for name in items], dtype=np.int64)
    other = labels.index(str(reference))
    pairs = [_Pair(fit, covariance, g, other, at) for g in range(len(labels)) if g != other]
    for pair in pairs:
        _refuse_unlike(pair)
    return used, pairs


def _refuse_unlike(pair: _Pair) -> None:
    """DesignError where no two items of a factor have the same parameters in both groups."""
    layout = pair.fit.layout
    own, theirs = pair.mats(pair.focal), pair.mats(pair.reference)
    alike = (own.loadings == theirs.loadings).all(axis=1) & (own.intercepts == theirs.intercepts)
    for k, factor in enumerate(layout.factors):
        loads = own.loadings[:, k] != 0
        n_alike = int((loads & alike).sum())
        if n_alike < 2:
            raise DesignError(
                f"Only {n_alike} of {int(loads.sum())} items of {factor} have equal loadings and intercepts in groups "
                f"{pair.sample(pair.focal).label} and {pair.sample(pair.reference).label}.",
                remedy='fit with equal=["loadings", "intercepts"] and name the items that differ in `free`.',
            )


def _unlike(pair: _Pair) -> npt.NDArray[np.bool_]:
    """Which items of the score differ between the two groups."""
    own, theirs = pair.mats(pair.focal), pair.mats(pair.reference)
    found = (own.loadings != theirs.loadings).any(axis=1) | (own.intercepts != theirs.intercepts)
    return np.asarray(found[pair.at])


def _bias(pair: _Pair, weights: Array) -> tuple[float, float]:
    """Weighted sum over items of own minus the reference's expected answer at the focal group's factor means."""
    own, theirs = pair.mats(pair.focal), pair.mats(pair.reference)
    weight = np.zeros(len(pair.fit.layout.items))
    weight[pair.at] = weights
    loadings = own.loadings - theirs.loadings
    value = float(weight @ (own.intercepts - theirs.intercepts + loadings @ own.means))
    by_loading = np.outer(weight, own.means)
    slopes = {
        (INTERCEPT, pair.focal): weight[:, None],
        (INTERCEPT, pair.reference): -weight[:, None],
        (LOADING, pair.focal): by_loading,
        (LOADING, pair.reference): -by_loading,
        (MEAN, pair.focal): (weight @ loadings)[:, None],
    }
    return value, pair.std_error(slopes)


def _adjusted(pair: _Pair) -> tuple[float, float]:
    """Mean over items of the reference's loadings times the difference of factor means."""
    own, theirs = pair.mats(pair.focal), pair.mats(pair.reference)
    weight = np.zeros(len(pair.fit.layout.items))
    weight[pair.at] = 1 / len(pair.at)
    gap = own.means - theirs.means
    by_mean = (weight @ theirs.loadings)[:, None]
    slopes = {
        (LOADING, pair.reference): np.outer(weight, gap),
        (MEAN, pair.focal): by_mean,
        (MEAN, pair.reference): -by_mean,
    }
    return float(weight @ theirs.loadings @ gap), pair.std_error(slopes)


def _raw(pair: _Pair, used: CFAResult) -> tuple[float, float]:
    """Difference of the mean scores and its standard error, groups' variances apart."""
    weight = np.zeros(len(pair.fit.layout.items))
    weight[pair.at] = 1 / len(pair.at)
    value, variance = 0.0, 0.0
    for g, sign in ((pair.focal, 1), (pair.reference, -1)):
        sample = pair.sample(g)
        value += sign * float(weight @ sample.mean)
        if bool(sample.seen.all()):
            variance += float(weight @ sample.covariance @ weight) / (sample.n - 1)
        else:
            variance += float(weight @ saturated_covariance(sample, robust=used.estimator == "MLR") @ weight)
    return value, float(np.sqrt(variance))


def _pooled_sd(pair: _Pair) -> float:
    """Standard deviation of the mean score within groups."""
    total, df = 0.0, 0
    for g in (pair.focal, pair.reference):
        sample = pair.sample(g)
        total += sample.n * float(sample.covariance[np.ix_(pair.at, pair.at)].sum()) / len(pair.at) ** 2
        df += sample.n - 1
    return float(np.sqrt(total / df))


def _item_sd(pair: _Pair, i: int) -> float:
    """The two groups' standard deviations of an item, averaged by n - 1."""
    found = [
        (s.n - 1, np.sqrt(s.covariance[i, i] * s.n / (s.n - 1))) for s in map(pair.sample, (pair.focal, pair.reference))
    ]
    return float(sum(n * sd for n, sd in found) / sum(n for n, _ in found))


def _note(pair: _Pair, used: CFAResult) -> str:
    whose = (
        "means of people who answered every item of the model"
        if used.missing == "listwise"
        else "maximum-likelihood means of all who answered any item of the model"
    )
    items = [pair.fit.layout.items[i] for i, differs in zip(pair.at, _unlike(pair), strict=True) if differs]
    differ = f"items that differ: {', '.join(items)}" if items else "no item of the score differs in this model"
    return f"{whose}; {differ}"
