"""How well a factor model reproduces the means and covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.scales.structure.estimate import Fit, maximise
from belonging_study.scales.structure.layout import baseline_layout
from belonging_study.scales.structure.likelihood import Matrices, evaluate
from belonging_study.scales.structure.robust import saturated_trace, scaling_factor
from belonging_study.scales.structure.sample import Sample

__all__ = ["chi_square_tail", "fit_table", "noncentrality", "rmsea_of", "srmr_of"]

Array = npt.NDArray[np.float64]

_RMSEA_LEVEL = 0.90


def fit_table(fit: Fit, *, robust: bool) -> pd.DataFrame:
    """One row of fit measures; ``robust`` scales the chi-square and the indices that rest on it."""
    layout, samples = fit.layout, fit.samples
    best = saturated_discrepancy(samples)
    baseline = maximise(baseline_layout(layout.items, n_groups=layout.n_groups, means=layout.means), samples)
    chi2, base = max(2 * (fit.discrepancy - best), 0.0), max(2 * (baseline.discrepancy - best), 0.0)
    df, base_df = layout.df, baseline.layout.df
    factor = base_factor = 1.0
    if robust:
        trace = saturated_trace(samples, means=layout.means)
        factor, base_factor = scaling_factor(fit, trace), scaling_factor(baseline, trace)
    scaled = chi2 / factor if df else chi2
    if all(bool(s.seen.all()) for s in samples):
        excess, base_excess = chi2 - (factor * df if df else 0.0), base - base_factor * base_df
        rmsea, low, high = rmsea_of(chi2, df, fit.n, layout.n_groups, factor if df else 1.0)
    else:
        # The robust versions would need a further correction for missing answers: the scaled ones are given.
        excess, base_excess = scaled - df, base / base_factor - base_df
        rmsea, low, high = rmsea_of(chi2, factor * df if df else 0, fit.n, layout.n_groups)
    cfi, tli = _incremental(excess, df, base_excess, base_df)
    row = {
        "n": fit.n,
        "n_groups": layout.n_groups,
        "n_parameters": layout.n_free,
        "chi2": scaled,
        "df": df,
        "p_value": chi_square_tail(scaled, df),
        **({"scaling_factor": factor, "chi2_unscaled": chi2} if robust else {}),
        "cfi": cfi,
        "tli": tli,
        "rmsea": rmsea,
        "rmsea_low": low,
        "rmsea_high": high,
        "srmr": srmr_of(fit),
        "log_likelihood": -fit.discrepancy,
        "aic": 2 * fit.discrepancy + 2 * layout.n_free,
        "bic": 2 * fit.discrepancy + math.log(fit.n) * layout.n_free,
        "baseline_chi2": base / base_factor,
        "baseline_df": base_df,
    }
    return pd.DataFrame([row])


def saturated_discrepancy(samples: Sequence[Sample]) -> float:
    """Minus the log-likelihood where every mean and covariance is free."""
    total = 0.0
    for s in samples:
        p = len(s.mean)
        free = Matrices(np.zeros((p, 0)), s.covariance, np.zeros((0, 0)), s.mean, np.zeros(0))
        point = evaluate(free, s, means=True)
        assert point is not None  # the sample's covariances were checked when they were read
        total += point.value
    return total


def chi_square_tail(chi2: float, df: int) -> float:
    """Upper tail probability; 1 where there are no degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(df, chi2)) if df > 0 else 1.0


def rmsea_of(chi2: float, df: float, n: int, n_groups: int, factor: float = 1.0) -> tuple[float, float, float]:
    """RMSEA with its 90% interval; multiplied by the root of the number of groups.

    Steiger, J. H. (1998). A note on multiple sample extensions of the RMSEA fit index. *Structural Equation Modeling,
    5*, 411-419. With a scaling factor: Brosseau-Liard, P. E., Savalei, V., & Li, L. (2012). *Multivariate Behavioral
    Research, 47*, 904-930.
    """
    if df == 0:
        return 0.0, 0.0, 0.0
    ends = [noncentrality(chi2 / factor, df, (1 + sign * _RMSEA_LEVEL) / 2) for sign in (1, -1)]
    excess = [max(chi2 / factor - df, 0.0), *ends]
    rmsea, low, high = (math.sqrt(factor * e / (n * df) * n_groups) for e in excess)
    return rmsea, low, high


def noncentrality(chi2: float, df: float, probability: float) -> float:
    """Noncentrality at which a chi-square as small as this one has the given probability; 0 where there is none."""
    from scipy.optimize import brentq
    from scipy.special import chndtr

    if chndtr(chi2, df, 0.0) < probability:
        return 0.0
    upper = max(chi2, 1.0)
    while chndtr(chi2, df, upper) > probability:
        upper *= 2
    return float(brentq(lambda nc: float(chndtr(chi2, df, nc)) - probability, 0.0, upper, xtol=1e-10, rtol=1e-12))


def srmr_of(fit: Fit) -> float:
    """Standardised root mean square residual: covariances, and means where the model has them; n-weighted groups.

    Bentler, P. M. (1995). *EQS Structural Equations Program Manual*. Multivariate Software.
    """
    total = 0.0
    for point, sample in zip(fit.points, fit.samples, strict=True):
        sd = np.sqrt(np.diag(sample.covariance))
        residual = (sample.covariance - point.mats.sigma) / np.outer(sd, sd)
        squares = list(residual[np.tril_indices(len(sd))] ** 2)
        if fit.layout.means:
            squares += list(((sample.mean - point.mats.mu) / sd) ** 2)
        total += sample.n / fit.n * math.sqrt(float(np.mean(squares)))
    return total


def _incremental(excess: float, df: int, base_excess: float, base_df: int) -> tuple[float, float]:
    """CFI and TLI; with scaled df in the excess, the robust versions of Brosseau-Liard and Savalei (2014)."""
    worst = max(excess, base_excess, 0.0)
    cfi = 1.0 if worst == 0 else 1 - max(excess, 0.0) / worst
    if df == 0 or base_excess <= 0:
        return cfi, 1.0
    return cfi, 1 - excess * base_df / (base_excess * df)
