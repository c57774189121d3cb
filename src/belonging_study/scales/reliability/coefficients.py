"""How consistently a scale's items measure one thing: Cronbach's alpha and McDonald's omega."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.scales._answers import complete_answers
from belonging_study.scales._covariances import alpha_of, rest_correlations, unreversed_note
from belonging_study.scales._missing_codes import refuse_missing_codes
from belonging_study.scales.one_factor import OneFactorFit, fit_one_factor, one_factor_covariance
from belonging_study.scales.reliability.result import Reliability

__all__ = ["cronbach_alpha", "mcdonald_omega"]

_ALPHA = "coefficient alpha from the unstandardised covariances, Feldt interval"
_OMEGA = "one-factor ML, model-implied total variance; interval by the delta method on the logit, robust (sandwich)"


def cronbach_alpha(items: pd.DataFrame, conf_level: float = 0.95) -> Reliability:
    """Cronbach's alpha with Feldt's interval.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, already keyed in one direction (see ``reverse_keyed``).
    conf_level : float, default 0.95
        Level of the interval.

    Returns
    -------
    Reliability
        From people who answered every item; ``n_dropped`` counts the others. ``note`` names items that correlate
        negatively with the rest.

    Raises
    ------
    DataError
        Fewer than two items, no more complete people than items, or a constant item.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        ``conf_level`` is not between 0 and 1.

    Notes
    -----
    Listwise: people with a missing answer count nowhere, so that the interval's n is the n of every covariance.

    References
    ----------
    Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. *Psychometrika, 16*, 297-334.
    Feldt, L. S., Woodruff, D. J., & Salih, F. A. (1987). Statistical inference for coefficient alpha.
    *Applied Psychological Measurement, 11*, 93-103.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [2, 2, 3, 5, 4], "c": [1, 3, 3, 4, 4]})
    >>> result = cronbach_alpha(answers)
    >>> round(result.estimate, 4), round(result.conf_low, 4), round(result.conf_high, 4)
    (0.9375, 0.6842, 0.993)
    """
    from scipy.special import fdtri

    complete, n_dropped = complete_answers(items, at_least=2, conf_level=conf_level)
    refuse_missing_codes(complete, [str(name) for name in items.columns])
    n, k = complete.shape
    covariance = np.cov(complete, rowvar=False)
    alpha = alpha_of(covariance)
    tail = (1 - conf_level) / 2
    df = (n - 1, (n - 1) * (k - 1))
    return Reliability(
        estimate=alpha,
        conf_low=1 - (1 - alpha) * float(fdtri(*df, 1 - tail)),
        conf_high=1 - (1 - alpha) * float(fdtri(*df, tail)),
        conf_level=conf_level,
        n=n,
        n_dropped=n_dropped,
        n_items=k,
        definition=_ALPHA,
        note=unreversed_note(list(items.columns), rest_correlations(covariance)),
    )


def mcdonald_omega(items: pd.DataFrame, conf_level: float = 0.95) -> Reliability:
    """McDonald's omega total of a one-factor model, with a robust interval.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, already keyed in one direction (see ``reverse_keyed``).
    conf_level : float, default 0.95
        Level of the interval.

    Returns
    -------
    Reliability
        (sum of loadings)^2 / ((sum of loadings)^2 + sum of residual variances), from people who answered every item;
        ``n_dropped`` counts the others. A negative residual variance (Heywood case) is left as it is and ``note``
        names the item; where it carries omega past 1 there is no interval and ``note`` says so.

    Raises
    ------
    DataError
        Fewer than three items, no more complete people than items, a constant item, linearly dependent items, or a
        model that does not converge.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        ``conf_level`` is not between 0 and 1.

    Notes
    -----
    The interval is closed form, without resampling: delta method on the logit of omega with the sandwich covariance
    of the estimates, which holds its level for answers on few steps as well as for normal ones.

    References
    ----------
    McDonald, R. P. (1999). *Test Theory: A Unified Treatment*. Erlbaum.
    Raykov, T. (2002). Analytic estimation of standard error and confidence interval for scale reliability.
    *Multivariate Behavioral Research, 37*, 89-103.
    Kelley, K., & Pornprasertmanit, S. (2016). Confidence intervals for population reliability coefficients.
    *Psychological Methods, 21*, 69-92.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> answers = pd.DataFrame(rng.normal(size=(500, 1)) + rng.normal(size=(500, 4)), columns=list("abcd"))
    >>> result = mcdonald_omega(answers)
    >>> 0.74 < result.conf_low < result.estimate < result.conf_high < 0.85
    True
    """
    complete, n_dropped = complete_answers(items, at_least=3, conf_level=conf_level)
    refuse_missing_codes(complete, [str(name) for name in items.columns])
    n, k = complete.shape
    fit = fit_one_factor(np.cov(complete, rowvar=False, bias=True))
    common, unique = float(fit.loadings.sum()) ** 2, float(fit.residuals.sum())
    low, high, interval_note = _omega_interval(fit, complete, conf_level)
    names = list(items.columns)
    notes = [
        *(f"negative residual variance of {names[i]} (Heywood case): do not rely on omega" for i in fit.heywood),
        interval_note,
        unreversed_note(names, rest_correlations(np.cov(complete, rowvar=False))),
    ]
    return Reliability(
        estimate=common / (common + unique),
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        n=n,
        n_dropped=n_dropped,
        n_items=k,
        definition=_OMEGA,
        note="; ".join(note for note in notes if note),
    )


def _omega_interval(
    fit: OneFactorFit, complete: npt.NDArray[np.float64], conf_level: float
) -> tuple[float, float, str]:
    """Delta method on log(common / unique), the logit of omega."""
    from scipy.special import expit, ndtri

    total, unique, k = float(fit.loadings.sum()), float(fit.residuals.sum()), len(fit.loadings)
    if unique <= 0:
        return math.nan, math.nan, "omega is 1 or more, so it has no interval"
    gradient = np.concatenate([np.full(k, 2 / total), np.full(k, -1 / unique)])
    variance = float(gradient @ one_factor_covariance(fit, complete) @ gradient)
    margin = float(ndtri(0.5 + conf_level / 2)) * math.sqrt(variance)
    logit = math.log(total**2 / unique)
    return float(expit(logit - margin)), float(expit(logit + margin)), ""
