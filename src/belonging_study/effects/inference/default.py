"""The one rule that picks the inference to lead with from number, balance and treated share of the clusters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from belonging_study.effects.inference.rule import Rule
from belonging_study.errors import ParameterError

__all__ = ["default_inference"]

#: Below this many Satterthwaite degrees of freedom a t test at 5% cannot be trusted (Tipton 2015, Psychological
#: Methods 20, 375-393).
_LEAST_DF = 4.0
#: A cluster this many times its arm's mean size makes CR2 reject too often (benchmarks/few_clusters.csv).
_DOMINATES = 2.0
#: With a smaller share of clusters in an arm, a test that pools the arms' variances fails where these differ.
_LEAST_SHARE = 0.4
_LEVEL = 0.05


def default_inference(
    n_treated: int,
    n_comparison: int,
    sizes: Sequence[float],
    randomized: bool,
    df: float,
    *,
    smallest_p: float | None = None,
) -> Rule:
    """Pick the inference to lead with.

    Parameters
    ----------
    n_treated, n_comparison : int
        Clusters in each arm.
    sizes : sequence of float
        Students of each cluster, those in the programme first: shape (clusters,).
    randomized : bool
        Whether a lottery assigned the clusters.
    df : float
        Satterthwaite degrees of freedom of the CR2 t test of the effect; not looked at where an arm has one cluster.
    smallest_p : float, optional
        Smallest p value that permuting the assignment can reach; without it, that of a lottery over all clusters
        without blocks.

    Returns
    -------
    Rule
        ``name`` is a value of the column ``method`` of `cluster_inference`, or ``"none"``. In this order:

        1. An arm of fewer than two clusters: none, not trusted.
        2. Two clusters in an arm, or fewer than 4 degrees of freedom: the randomisation test after a lottery if it can
           reach 5%, otherwise the t test on cluster means; not trusted.
        3. A cluster of more than twice its arm's mean size: the t test on cluster means; trusted if the smaller arm
           has two fifths of the clusters.
        4. Otherwise CR2 with Satterthwaite degrees of freedom.

    Raises
    ------
    ParameterError
        If the counts, sizes, degrees of freedom or smallest p value are no such numbers, or do not fit together.

    Notes
    -----
    Where the rule trusts, the method's size at 5% was 3 to 6.5% in every setting of ``benchmarks/few_clusters.csv`` in
    which the schools of both arms vary alike, and up to 9% where the programme's schools vary twice as much.

    Examples
    --------
    >>> default_inference(5, 5, [25] * 10, False, 8.0).name
    'CR2 Satterthwaite'
    >>> default_inference(5, 5, [25] * 9 + [200], False, 6.1).name
    'cluster means t test'
    >>> rule = default_inference(2, 8, [25] * 10, True, 1.5)
    >>> rule.name, rule.trusted
    ('randomisation', False)
    """
    _check(n_treated, n_comparison, sizes, df, smallest_p)
    fewest = min(n_treated, n_comparison)
    arms = f"{n_treated} programme and {n_comparison} comparison clusters"
    if fewest < 2:
        return Rule(
            "none",
            False,
            f"With {arms} the effect of the programme cannot be told from that of the one cluster, so no method can "
            "be trusted; add clusters, or describe the change without claiming an effect.",
        )
    total = n_treated + n_comparison
    # Where the arms are as large as each other, swapping them gives the opposite estimate.
    mirrored = 2 if n_treated == n_comparison else 1
    reach = mirrored / math.comb(total, n_treated) if smallest_p is None else smallest_p
    if fewest == 2 or round(df, 6) < _LEAST_DF:
        drawn = randomized and reach <= _LEVEL
        why = "" if drawn or not randomized else f" (permuting clusters cannot reach a p value below {reach:.2g})"
        lead = "the randomisation test" if drawn else "the t test on cluster means"
        return Rule(
            "randomisation" if drawn else "cluster means t test",
            False,
            f"With {arms} the data amount to {df:.1f} degrees of freedom, and below {_LEAST_DF:.0f} no test at 5% can "
            f"be trusted; {lead} leads{why} and is to be read with great caution.",
        )
    times, size = _largest(n_treated, sizes)
    if times > _DOMINATES:
        balanced = fewest >= _LEAST_SHARE * total
        return Rule(
            "cluster means t test",
            balanced,
            f"With {arms} one cluster (size {size:.0f}) is {times:.1f} times as large as the mean of its arm, and CR2 "
            "then rejects too often; the t test in which each cluster counts once leads"
            + (
                "."
                if balanced
                else ". It takes the clusters of both arms to vary alike, which so few in one arm cannot show, and is "
                "to be read with great caution."
            ),
        )
    return Rule(
        "CR2 Satterthwaite",
        True,
        f"With {arms} of similar size ({df:.0f} degrees of freedom) the CR2 standard error with Satterthwaite degrees "
        "of freedom leads.",
    )


def _largest(n_treated: int, sizes: Sequence[float]) -> tuple[float, float]:
    """The largest size in units of its arm's mean, and that size."""
    found = [(max(arm) * len(arm) / sum(arm), max(arm)) for arm in (sizes[:n_treated], sizes[n_treated:])]
    return max(found)


def _check(n_treated: int, n_comparison: int, sizes: Sequence[float], df: float, smallest_p: float | None) -> None:
    """Raise unless the arguments are such numbers and fit together."""
    if min(n_treated, n_comparison) < 0 or n_treated + n_comparison == 0:
        raise ParameterError(
            f"There are {n_treated} programme and {n_comparison} comparison clusters.",
            remedy="count the clusters of each arm.",
        )
    if len(sizes) != n_treated + n_comparison:
        raise ParameterError(
            f"{len(sizes)} sizes are given for {n_treated + n_comparison} clusters.",
            remedy="give the students of each cluster, those in the programme first.",
        )
    n_bad = sum(not (math.isfinite(size) and size > 0) for size in sizes)
    if n_bad:
        raise ParameterError(
            f"{n_bad} of {len(sizes)} sizes are missing or not positive.", remedy="leave out clusters without students."
        )
    if min(n_treated, n_comparison) > 1 and not (math.isfinite(df) and df > 0):
        raise ParameterError(
            f"The degrees of freedom are {df}.", remedy="pass satterthwaite_df of the effect, or the df of the result."
        )
    if smallest_p is not None and not 0 < smallest_p <= 1:
        raise ParameterError(f"The smallest p value is {smallest_p}.", remedy="it lies above 0 and up to 1.")
