"""Effect sizes in the forms of the What Works Clearinghouse.

References
----------
What Works Clearinghouse (2020). Procedures Handbook, version 4.1, appendix E, and its Supplement on effect size
formulas. Hedges, L. V. (2007). Effect sizes in cluster-randomized designs. Journal of Educational and Behavioral
Statistics 32, 341-370. Sanchez-Meca, J., Marin-Martinez, F. & Chacon-Moscoso, S. (2003). Effect-size indices for
dichotomized outcomes in meta-analysis. Psychological Methods 8, 448-467.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from belonging_study.effects.checks import require_level
from belonging_study.errors import DesignError, ParameterError

__all__ = [
    "ClusterCorrection",
    "EffectSize",
    "cluster_correction",
    "clustered_t",
    "cox_index",
    "did_effect_size",
    "hedges_g",
    "improvement_index",
    "pooled_sd",
    "small_sample_factor",
]

#: Divides a log odds ratio into standard deviation units (Cox 1970).
_COX = 1.65


@dataclass(frozen=True)
class EffectSize:
    """An effect in standard deviation units.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high : float
        The effect size, positive where the programme group has more of the outcome.
    conf_level : float
        Level of the interval.
    type : str
        What it is, in words.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    type: str


@dataclass(frozen=True)
class ClusterCorrection:
    """What clustering does to a standardised difference.

    Attributes
    ----------
    shrink : float
        Multiplies the difference over the student-level standard deviation.
    df : float
        Effective degrees of freedom (h).
    omega : float
        Small-sample correction at those degrees of freedom.
    t_factor : float
        Multiplies a t statistic computed as if students were independent.
    design_effect : float
        ``1 + (n - 1) icc``.
    """

    shrink: float
    df: float
    omega: float
    t_factor: float
    design_effect: float


def small_sample_factor(df: float) -> float:
    """Small-sample correction of a standardised difference (Hedges 1981).

    Parameters
    ----------
    df : float
        Degrees of freedom of the standard deviation: N - 2, or the effective ones with clusters.

    Returns
    -------
    float
        ``1 - 3 / (4 df - 1)``.

    Examples
    --------
    >>> round(small_sample_factor(38), 5)
    0.98013
    """
    return 1 - 3 / (4 * df - 1)


def _effect(estimate: float, std_error: float, df: float, conf_level: float, kind: str) -> EffectSize:
    """Effect size with a t interval (a normal one where df is infinite)."""
    require_level(conf_level)
    tail = 0.5 + conf_level / 2
    half = std_error * float(special.stdtrit(df, tail) if np.isfinite(df) else special.ndtri(tail))
    return EffectSize(estimate, std_error, estimate - half, estimate + half, conf_level, kind)


def _require_sizes(n_treated: float, n_comparison: float) -> None:
    """Raise unless both arms have students, and more than three in all."""
    if min(n_treated, n_comparison) < 1 or n_treated + n_comparison < 4:
        raise DesignError(
            f"The arms have {n_treated} and {n_comparison} students.", remedy="an effect size needs both arms."
        )


def pooled_sd(sd_treated: float, sd_comparison: float, n_treated: float, n_comparison: float) -> float:
    """Pooled within-arm standard deviation.

    Parameters
    ----------
    sd_treated, sd_comparison : float
        Unadjusted student-level standard deviations.
    n_treated, n_comparison : float
        Students.

    Returns
    -------
    float
        The root of the variances weighted by ``n - 1``.

    Raises
    ------
    DesignError
        If an arm is empty or the outcome does not vary.

    Examples
    --------
    >>> pooled_sd(3.0, 3.0, 20, 40)
    3.0
    """
    _require_sizes(n_treated, n_comparison)
    spread = (n_treated - 1) * sd_treated**2 + (n_comparison - 1) * sd_comparison**2
    if not spread > 0:
        raise DesignError("The outcome does not vary within arms.", remedy="check how it was scored.")
    return float(np.sqrt(spread / (n_treated + n_comparison - 2)))


def cluster_correction(n_students: float, n_clusters: float, icc: float) -> ClusterCorrection:
    """Correction of a standardised difference for the assignment of whole clusters (Hedges 2007).

    Parameters
    ----------
    n_students, n_clusters : float
        In both arms together; clusters are taken to be of equal size ``n = n_students / n_clusters``.
    icc : float
        Intraclass correlation. The WWC's default is .20 for achievement and .10 for other outcomes.

    Returns
    -------
    ClusterCorrection
        See its attributes.

    Raises
    ------
    ParameterError
        If the correlation is not in [0, 1), or there are fewer than 3 clusters or fewer students than clusters.

    Examples
    --------
    >>> c = cluster_correction(400, 20, 0.10)
    >>> round(c.df, 2), round(c.t_factor, 5), round(c.shrink, 6)
    (338.42, 0.58441, 0.995215)
    """
    if not 0 <= icc < 1:
        raise ParameterError(f"The intraclass correlation is {icc}.", remedy="give a share from 0 to below 1.")
    if n_clusters < 3 or n_students < n_clusters:
        raise ParameterError(
            f"{n_students} students in {n_clusters} clusters cannot be corrected for clustering.",
            remedy="give the students and clusters of both arms together.",
        )
    n, total = n_students / n_clusters, n_students
    room = (total - 2) - 2 * (n - 1) * icc
    df = room**2 / ((total - 2) * (1 - icc) ** 2 + n * (total - 2 * n) * icc**2 + 2 * (total - 2 * n) * icc * (1 - icc))
    effect = 1 + (n - 1) * icc
    return ClusterCorrection(
        shrink=float(np.sqrt(room / (total - 2))),
        df=df,
        omega=small_sample_factor(df),
        t_factor=float(np.sqrt(room / ((total - 2) * effect))),
        design_effect=effect,
    )


def clustered_t(t: float, n_students: float, n_clusters: float, icc: float) -> tuple[float, float, float]:
    """Correct the t statistic of an analysis that ignored clustering (WWC Procedures Handbook).

    Parameters
    ----------
    t : float
        The statistic as if students were independent.
    n_students, n_clusters, icc : float
        See ``cluster_correction``.

    Returns
    -------
    tuple of float
        Corrected statistic, degrees of freedom, two-sided p value.

    Examples
    --------
    >>> [round(v, 4) for v in clustered_t(2.4856, 400, 20, 0.10)]
    [1.4526, 338.4155, 0.1473]
    """
    correction = cluster_correction(n_students, n_clusters, icc)
    corrected = t * correction.t_factor
    return corrected, correction.df, float(2 * special.stdtr(correction.df, -abs(corrected)))


def hedges_g(
    mean_treated: float,
    mean_comparison: float,
    *,
    sd_treated: float,
    sd_comparison: float,
    n_treated: float,
    n_comparison: float,
    n_clusters: float | None = None,
    icc: float | None = None,
    r_squared: float = 0.0,
    conf_level: float = 0.95,
) -> EffectSize:
    """Hedges g from means and standard deviations.

    Parameters
    ----------
    mean_treated, mean_comparison : float
        Means, adjusted for covariates where the analysis adjusts.
    sd_treated, sd_comparison : float
        Unadjusted student-level standard deviations.
    n_treated, n_comparison : float
        Students.
    n_clusters, icc : float, optional
        Clusters in both arms and their intraclass correlation, where clusters were assigned.
    r_squared : float
        Share of student variance that the covariates explain; it narrows the interval.
    conf_level : float
        Level of the interval (t, with N - 2 or the effective degrees of freedom).

    Returns
    -------
    EffectSize
        ``omega * difference / S``, and with clusters ``omega_h * difference / S * shrink``.

    Raises
    ------
    DesignError, ParameterError
        See ``pooled_sd`` and ``cluster_correction``; both or neither of ``n_clusters`` and ``icc`` are needed.

    Examples
    --------
    >>> g = hedges_g(0.25, 0.0, sd_treated=1.0, sd_comparison=1.0, n_treated=200, n_comparison=200)
    >>> round(g.estimate, 4)
    0.2495
    """
    if (n_clusters is None) != (icc is None):
        raise ParameterError("One of n_clusters and icc is missing.", remedy="give both, or neither.")
    n = n_treated + n_comparison
    d = (mean_treated - mean_comparison) / pooled_sd(sd_treated, sd_comparison, n_treated, n_comparison)
    base = (1 / n_treated + 1 / n_comparison) * (1 - r_squared)
    if n_clusters is None or icc is None:
        g = small_sample_factor(n - 2) * d
        std_error = small_sample_factor(n - 2) * float(np.sqrt(base + g**2 / (2 * n)))
        return _effect(g, std_error, n - 2, conf_level, "Hedges g")
    c = cluster_correction(n, n_clusters, icc)
    g = c.omega * d * c.shrink
    std_error = c.omega * float(np.sqrt(base * c.design_effect + g**2 / (2 * c.df)))
    return _effect(g, std_error, c.df, conf_level, "Hedges g, corrected for clusters")


def did_effect_size(
    change_treated: float,
    change_comparison: float,
    *,
    sd_treated_after: float,
    sd_comparison_after: float,
    n_treated: float,
    n_comparison: float,
    correlation: float,
    conf_level: float = 0.95,
) -> EffectSize:
    """Difference in mean changes over the pooled standard deviation after the programme (students assigned).

    Parameters
    ----------
    change_treated, change_comparison : float
        Mean after minus mean before, of the same measure.
    sd_treated_after, sd_comparison_after : float
        Student-level standard deviations after.
    n_treated, n_comparison : float
        Students.
    correlation : float
        Of the outcome before and after, within arms.
    conf_level : float
        Level of the interval.

    Returns
    -------
    EffectSize
        With the variance of a change, ``2 (1 - correlation)``.

    Raises
    ------
    DesignError, ParameterError
        See ``pooled_sd``; the correlation must lie in [-1, 1].

    Examples
    --------
    >>> g = did_effect_size(0.5, 0.2, sd_treated_after=1.0, sd_comparison_after=1.0, n_treated=50, n_comparison=50,
    ...                     correlation=0.6)
    >>> round(g.estimate, 4)
    0.2977
    """
    if not -1 <= correlation <= 1:
        raise ParameterError(f"The correlation is {correlation}.", remedy="give a value from -1 to 1.")
    n = n_treated + n_comparison
    spread = pooled_sd(sd_treated_after, sd_comparison_after, n_treated, n_comparison)
    g = small_sample_factor(n - 2) * (change_treated - change_comparison) / spread
    variance = (1 / n_treated + 1 / n_comparison) * 2 * (1 - correlation) + g**2 / (2 * n)
    return _effect(
        g,
        small_sample_factor(n - 2) * float(np.sqrt(variance)),
        n - 2,
        conf_level,
        "difference in changes over SD after, Hedges g",
    )


def cox_index(
    p_treated: float, p_comparison: float, n_treated: float, n_comparison: float, *, conf_level: float = 0.95
) -> EffectSize:
    """Cox index of two shares: the log odds ratio over 1.65.

    Parameters
    ----------
    p_treated, p_comparison : float
        Shares strictly between 0 and 1.
    n_treated, n_comparison : float
        Students.
    conf_level : float
        Level of the (normal) interval.

    Returns
    -------
    EffectSize
        With the small-sample correction of Hedges g. Positive where the share is higher in the programme group.

    Raises
    ------
    DesignError
        If a share is 0 or 1, so that its odds are not defined, or an arm is empty.

    Examples
    --------
    >>> round(cox_index(0.046, 0.098, 800, 800).estimate, 3)
    -0.492
    """
    _require_sizes(n_treated, n_comparison)
    if not (0 < p_treated < 1 and 0 < p_comparison < 1):
        raise DesignError(
            f"The shares are {p_treated:.3g} and {p_comparison:.3g}; the Cox index needs both between 0 and 1.",
            remedy="report the difference in percentage points instead.",
        )
    omega = small_sample_factor(n_treated + n_comparison - 2)
    d = omega * float(special.logit(p_treated) - special.logit(p_comparison)) / _COX
    variance = 1 / (n_treated * p_treated * (1 - p_treated)) + 1 / (n_comparison * p_comparison * (1 - p_comparison))
    return _effect(d, omega * float(np.sqrt(variance)) / _COX, np.inf, conf_level, "Cox index")


def improvement_index(g: float) -> float:
    """Expected change in percentile rank of an average comparison student.

    Parameters
    ----------
    g : float
        Effect size; flip its sign for outcomes of which less is better.

    Returns
    -------
    float
        ``100 Phi(g) - 50``, from -50 to 50.

    Examples
    --------
    >>> round(improvement_index(0.5), 1)
    19.1
    """
    return 100 * float(special.ndtr(g)) - 50
