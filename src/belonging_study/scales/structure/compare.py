"""Chi-square difference tests between a model and a more restricted one."""

from __future__ import annotations

import pandas as pd

from belonging_study.errors import DesignError, ParameterError
from belonging_study.scales.structure.estimate import Fit, fit_at, maximise
from belonging_study.scales.structure.fit_measures import chi_square_tail
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.robust import saturated_trace, scaling_factor
from belonging_study.scales.structure.sample import complete_sample
from belonging_study.scales.structure.wlsmv import OrderedFit, ordered_difference

__all__ = ["compare_models"]


def compare_models(restricted: CFAResult, general: CFAResult, *, strictly_positive: bool = False) -> pd.DataFrame:
    """Test whether a model's restrictions worsen its fit.

    Parameters
    ----------
    restricted, general : CFAResult
        Two fits to the same people; the first is the second with more equalities.
    strictly_positive : bool, default False
        With MLR, use the 2010 correction, which cannot turn negative, instead of the one of 2001.

    Returns
    -------
    pandas.DataFrame
        One row: ``chi2_diff``, ``df_diff``, ``p_diff``, ``scaling_factor`` (1 for ML), ``note``. Where the correction
        of 2001 is not positive, the one of 2010 is used and ``note`` says so. Fits of ordered answers are compared by
        the scaled and shifted statistic of Satorra (2000).

    Raises
    ------
    ParameterError
        The fits differ in people, items or estimator, or the first does not have more degrees of freedom.
    DesignError
        With ``strictly_positive``, the general model cannot imply what the restricted one does: they are not nested.

    References
    ----------
    Satorra, A. (2000). Scaled and adjusted restricted tests in multi-sample analysis of moment structures. In R. D. H.
    Heijmans, D. S. G. Pollock, & A. Satorra (Eds.), *Innovations in Multivariate Statistical Analysis* (233-247).
    Satorra, A., & Bentler, P. M. (2001). A scaled difference chi-square test statistic for moment structure analysis.
    *Psychometrika, 66*, 507-514.
    Satorra, A., & Bentler, P. M. (2010). Ensuring positiveness of the scaled difference chi-square test statistic.
    *Psychometrika, 75*, 243-248.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import cfa
    >>> rng = np.random.default_rng(1)
    >>> answers = pd.DataFrame(rng.normal(size=(500, 1)) + rng.normal(size=(500, 4)), columns=list("abcd"))
    >>> free = cfa("f =~ a + b + c + d", answers)
    >>> equal = cfa("f =~ a + l*b + l*c + l*d", answers)
    >>> int(compare_models(equal, free)["df_diff"].iloc[0])
    2
    """
    small, large = restricted.solution, general.solution
    if (small.layout.items, small.n, restricted.estimator, restricted.missing) != (
        large.layout.items,
        large.n,
        general.estimator,
        general.missing,
    ):
        raise ParameterError("The two fits must rest on the same people, items and estimator.")
    freedom = [int(result.fit["df"].iloc[0]) for result in (restricted, general)]
    df = freedom[0] - freedom[1]
    if df <= 0:
        raise ParameterError(
            f"The first fit must be the more restricted one; it has {freedom[0]} degrees of freedom, "
            f"the second {freedom[1]}."
        )
    factor, note = 1.0, ""
    if isinstance(small, OrderedFit):
        assert isinstance(large, OrderedFit)
        chi2, factor = ordered_difference(small, large)
    else:
        assert isinstance(large, Fit)
        if restricted.estimator == "MLR":
            factors = (float(restricted.fit["scaling_factor"].iloc[0]), float(general.fit["scaling_factor"].iloc[0]))
            factor, note = _scaling(small, large, factors, strictly_positive=strictly_positive)
        chi2 = 2 * (small.discrepancy - large.discrepancy) / factor
    chi2 = max(chi2, 0.0)
    return pd.DataFrame(
        [
            {
                "chi2_diff": chi2,
                "df_diff": df,
                "p_diff": chi_square_tail(chi2, df),
                "scaling_factor": factor,
                "note": note,
            }
        ]
    )


def _scaling(small: Fit, large: Fit, factors: tuple[float, float], *, strictly_positive: bool) -> tuple[float, str]:
    """Scaling factor of the difference, and what to say about it."""
    weights = [small.layout.df, large.layout.df]
    df = weights[0] - weights[1]
    # A model without degrees of freedom has no factor and no weight.
    weighted = [w * f if w else 0.0 for w, f in zip(weights, factors, strict=True)]
    factor = (weighted[0] - weighted[1]) / df
    if factor > 0 and not strictly_positive:
        return factor, ""
    note = "" if strictly_positive else "the correction of 2001 is not positive; the one of 2010 is used"
    at_restricted = _at(large, small)
    trace = saturated_trace(large.samples, means=large.layout.means)
    there = scaling_factor(at_restricted, trace) * weights[1] if weights[1] else 0.0
    return (weighted[0] - there) / df, note


def _at(large: Fit, small: Fit) -> Fit:
    """The general model where it implies the restricted model's means and covariances."""
    implied = []
    for sample, point in zip(large.samples, small.points, strict=True):
        mean = point.mats.mu if small.layout.means else sample.mean
        implied.append(complete_sample(sample, mean, point.mats.sigma))
    there = fit_at(large.layout, large.samples, maximise(large.layout, implied).theta)
    if there is None or abs(there.discrepancy - small.discrepancy) > 1e-6 * abs(small.discrepancy):
        raise DesignError(
            "The first model is not the second with more restrictions: the second cannot imply its covariances.",
            remedy="compare models of which one is nested in the other.",
        )
    return there
