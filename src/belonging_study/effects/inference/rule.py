"""One written rule for which inference a report leads with, and whether to trust it."""

from __future__ import annotations

from dataclasses import dataclass

from belonging_study.errors import DesignError

__all__ = ["Rule", "choose_change_inference", "choose_inference"]

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


def choose_change_inference(n_clusters: int, satterthwaite_df: float, *, by_student: bool = False) -> Rule:
    """Choose the inference for the change of one group, which nobody is compared with.

    Parameters
    ----------
    n_clusters : int
        Clusters of the group.
    satterthwaite_df : float
        Degrees of freedom of the CR2 t test; with students as clusters, of the ordinary one.
    by_student : bool
        Whether the programme was given to students one by one, so that there are no clusters.

    Returns
    -------
    Rule
        With two clusters or more CR2 with Satterthwaite degrees of freedom, not trusted below 4 of them; with one the
        t test on students, never trusted; with students one by one the same t test.

    Examples
    --------
    >>> choose_change_inference(14, 11.2).trusted, choose_change_inference(3, 1.9).trusted
    (True, False)
    >>> choose_change_inference(1, 60.0).name
    't test on students'
    """
    if by_student:
        return Rule("t test on students", True, "Students got the programme one by one, so each stands alone.")
    if n_clusters < 2:
        return Rule(
            "t test on students",
            False,
            "All students are in one cluster, so the test takes them as independent and leaves out what they have in "
            "common; the result is to be read with great caution.",
        )
    if satterthwaite_df < _LEAST_DF:
        return Rule(
            "CR2 Satterthwaite",
            False,
            f"With {n_clusters} clusters the data amount to {satterthwaite_df:.1f} degrees of freedom; below "
            f"{_LEAST_DF:.0f} a test at 5% cannot be trusted.",
        )
    return Rule(
        "CR2 Satterthwaite",
        True,
        f"With {n_clusters} clusters ({satterthwaite_df:.0f} degrees of freedom) the CR2 standard error with "
        "Satterthwaite degrees of freedom leads; the wild bootstrap should agree with it.",
    )
