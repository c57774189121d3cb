"""Rubin's rules: one estimate from several completed data sets.

References
----------
Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley, section 3.3.
Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. Biometrika 86, 948-955.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.errors import ParameterError

__all__ = ["PooledEstimate", "rubin_rules"]


@dataclass(frozen=True)
class PooledEstimate:
    """An estimate pooled over imputations.

    Attributes
    ----------
    estimate, std_error, df : float
        The mean estimate, its total standard error and degrees of freedom.
    within, between : float
        Mean variance within data sets, and variance of the estimates between them.
    missing_information : float
        Share of the total variance that is due to the missing values.
    n_imputations : int
        Number of completed data sets.
    """

    estimate: float
    std_error: float
    df: float
    within: float
    between: float
    missing_information: float
    n_imputations: int


def rubin_rules(estimates: npt.ArrayLike, variances: npt.ArrayLike, df_complete: float = math.inf) -> PooledEstimate:
    """Pool estimates of several completed data sets.

    Parameters
    ----------
    estimates, variances : array_like
        Estimate and squared standard error in each data set, shape (imputations,); no missing values.
    df_complete : float
        Degrees of freedom that the test would have if nothing were missing: with few clusters those of the clusters,
        not of students.

    Returns
    -------
    PooledEstimate
        Total variance W + (1 + 1/m) B. Degrees of freedom of Barnard & Rubin (1999), equation 3; of Rubin (1987) with
        infinite `df_complete`; `df_complete` itself where the imputations do not differ.

    Raises
    ------
    ParameterError
        With fewer than two imputations, different numbers of both, or variances or degrees of freedom that are not
        positive.

    Examples
    --------
    >>> pooled = rubin_rules([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    >>> round(pooled.estimate, 3), round(pooled.std_error**2, 3), round(pooled.df, 3)
    (2.0, 2.333, 6.125)
    """
    q, u = np.asarray(estimates, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    m = len(q)
    if m < 2 or len(u) != m:
        raise ParameterError(
            f"There are {m} estimates and {len(u)} variances.", remedy="pool two imputations or more, with both."
        )
    n_bad = int((~np.isfinite(q)).sum() + (~(np.isfinite(u) & (u > 0))).sum())
    if n_bad or not df_complete > 0:
        raise ParameterError(
            f"{n_bad} estimates or variances are missing or not positive, and the degrees of freedom are "
            f"{df_complete:.3g}.",
            remedy="look at the analysis of the completed data sets.",
        )
    within, between = float(u.mean()), float(q.var(ddof=1))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    if share < 1e-12:
        df = df_complete
    else:
        df = (m - 1) / share**2
        if math.isfinite(df_complete):
            observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
            df = 1 / (1 / df + 1 / observed)
    return PooledEstimate(
        estimate=float(q.mean()),
        std_error=math.sqrt(total),
        df=df,
        within=within,
        between=between,
        missing_information=share,
        n_imputations=m,
    )
