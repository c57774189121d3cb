"""One written rule for which inference a report leads with, and whether to trust it."""

from __future__ import annotations

from dataclasses import dataclass

from belonging_study.errors import DesignError

__all__ = ["Rule", "choose_inference"]

#: Below this many Satterthwaite degrees of freedom a t test at 5% cannot be trusted (Tipton 2015, Psychological
#: Methods 20, 375-393).
_LEAST_DF = 4.0
_FEWEST_CLUSTERS = 3


@dataclass(frozen=True)
class Rule:
    """What to lead with.

    Attributes
    ----------
    name : str
        Method to lead with, as in the column ``method`` of ``cluster_inference``.
    trusted : bool
        Whether its 5% level can be relied on.
    explanation : str
        In plain words, with the numbers.
    """

    name: str
    trusted: bool
    explanation: str


def choose_inference(
    n_treated_clusters: int,
    n_comparison_clusters: int,
    satterthwaite_df: float,
    *,
    randomized: bool,
    smallest_p: float | None = None,
) -> Rule:
    """Choose the inference to lead with.

    Parameters
    ----------
    n_treated_clusters, n_comparison_clusters : int
        Clusters in each arm.
    satterthwaite_df : float
        Degrees of freedom of the CR2 t test.
    randomized : bool
        Whether a lottery assigned the clusters.
    smallest_p : float, optional
        Smallest p value that permuting the assignment can reach, where known.

    Returns
    -------
    Rule
        With at least three clusters in each arm: CR2 with Satterthwaite degrees of freedom, the wild bootstrap p value
        beside it, and the randomisation test first among those beside where assignment was random. Not trusted below 4
        degrees of freedom. With two clusters in an arm: the randomisation test if randomised, otherwise the t test on
        cluster means, never trusted.

    Raises
    ------
    DesignError
        With fewer than two clusters in an arm.

    Examples
    --------
    >>> choose_inference(5, 5, 7.9, randomized=False).name
    'CR2 Satterthwaite'
    >>> choose_inference(2, 8, 1.3, randomized=False).trusted
    False
    """
    fewest = min(n_treated_clusters, n_comparison_clusters)
    arms = f"{n_treated_clusters} programme and {n_comparison_clusters} comparison clusters"
    if fewest < 2:
        raise DesignError(
            f"With {arms} the effect of the programme cannot be told from that of the one cluster.",
            remedy="add clusters to that arm, or describe the change without claiming an effect.",
        )
    reach = (
        "" if smallest_p is None else f" The smallest p value that permuting clusters can reach is {smallest_p:.3g}."
    )
    if fewest < _FEWEST_CLUSTERS:
        name = "randomisation" if randomized else "cluster means t test"
        return Rule(
            name,
            False,
            f"With {arms} no standard error that allows for clusters is dependable, so the {name} leads and the result "
            f"is to be read with great caution.{reach}",
        )
    if satterthwaite_df < _LEAST_DF:
        return Rule(
            "CR2 Satterthwaite",
            False,
            f"With {arms} the data amount to {satterthwaite_df:.1f} degrees of freedom; below {_LEAST_DF:.0f} a test "
            f"at 5% cannot be trusted.{reach}",
        )
    beside = "the randomisation test and the wild bootstrap" if randomized else "the wild bootstrap"
    return Rule(
        "CR2 Satterthwaite",
        True,
        f"With {arms} ({satterthwaite_df:.0f} degrees of freedom) the CR2 standard error with Satterthwaite degrees of "
        f"freedom leads; {beside} should agree with it.",
    )
