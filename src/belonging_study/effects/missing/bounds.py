"""Bounds on the effect when lost students may be anybody.

References
----------
Lee, D. S. (2009). Training, wages, and sample selection: estimating sharp bounds on treatment effects. Review of
Economic Studies 76, 1071-1102.
Imbens, G. W. & Manski, C. F. (2004). Confidence intervals for partially identified parameters. Econometrica 72,
1845-1857.
Rao, J. N. K. & Wu, C. F. J. (1988). Resampling inference with complex survey data. Journal of the American
Statistical Association 83, 231-241.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from belonging_study.effects.checks import require_level
from belonging_study.effects.missing.followed import Followed, followed_students
from belonging_study.errors import ParameterError

__all__ = ["LeeBounds", "lee_bounds"]

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Numbers held at once for each of the few arrays of a block of draws.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class LeeBounds:
    """Lowest and highest effect on students who would be followed up in either arm.

    Attributes
    ----------
    bound_low, bound_high : float
        The bounds, in the outcome's units.
    std_error_low, std_error_high : float
        Their standard errors by cluster bootstrap.
    conf_low, conf_high, conf_level : float
        Interval that covers the effect, wherever it lies between the bounds (Imbens & Manski 2004).
    trimmed_arm : str
        ``programme`` or ``comparison``, the arm with the larger share followed up; ``none`` if the shares are equal.
    trimmed_share : float
        Share of that arm's outcomes that is cut off.
    followed_treated, followed_comparison : float
        Shares followed up.
    n_students, n_observed, n_draws : int
        Students assigned, those with the outcome, and draws of the bootstrap.
    df : float
        Degrees of freedom of the interval: clusters less two.
    """

    bound_low: float
    bound_high: float
    std_error_low: float
    std_error_high: float
    conf_low: float
    conf_high: float
    conf_level: float
    trimmed_arm: str
    trimmed_share: float
    followed_treated: float
    followed_comparison: float
    n_students: int
    n_observed: int
    n_draws: int
    df: float

    @property
    def table(self) -> pd.DataFrame:
        """The bounds as a tidy table of one row."""
        return pd.DataFrame([{f.name: getattr(self, f.name) for f in fields(self)}])


def lee_bounds(
    data: pd.DataFrame,
    *,
    outcome: str,
    treated: str,
    cluster: str,
    baseline: str | None = None,
    draws: int = 999,
    conf_level: float = 0.95,
    seed: int = 1,
) -> LeeBounds:
    """Bound the effect by cutting off the best or the worst of the arm that lost fewer students.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student who was assigned.
    outcome, treated, cluster, baseline : str
        As in `followed_students`.
    draws : int
        Draws of the cluster bootstrap.
    conf_level : float
        Level of the interval.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    LeeBounds
        Students of equal outcome at the cut count by the fraction that is needed. The bounds hold if assignment was
        random and the programme moved nobody out of follow-up that it moved others into (monotonicity).

    Raises
    ------
    DataError, DesignError
        As in `followed_students`.
    ParameterError
        With fewer than 99 draws.

    Notes
    -----
    The bootstrap draws one cluster fewer than an arm has, with replacement, which makes the variance of a mean unbiased
    with few clusters (Rao & Wu 1988); draws in which an arm has no outcome are drawn anew. The interval takes t with
    clusters less two degrees of freedom in place of the normal distribution.

    Examples
    --------
    >>> rows = pd.DataFrame({"school": [1, 1, 2, 2, 3, 3, 4, 4], "on": [1] * 4 + [0] * 4,
    ...                      "y": [1.0, 2, 3, 4, 1, 2, 3, None]})
    >>> found = lee_bounds(rows, outcome="y", treated="on", cluster="school", draws=99)
    >>> found.trimmed_share, found.bound_low, found.bound_high
    (0.25, 0.0, 1.0)
    """
    require_level(conf_level)
    if draws < 99:
        raise ParameterError(f"{draws} draws are too few.", remedy="use 999 or more.")
    sample = followed_students(data, outcome=outcome, treated=treated, cluster=cluster, baseline=baseline)
    order = np.argsort(np.where(sample.seen, sample.y, np.inf), kind="stable")
    y, on, code, seen = sample.y[order], sample.on[order] == 1, sample.cluster[order], sample.seen[order]
    low, high, shares = _bounds(np.ones((1, len(y))), y, on, seen)
    weights = _resampled(sample, draws, np.random.default_rng(seed))
    step = max(1, _BLOCK // len(y))
    found = [_bounds(weights[a : a + step][:, code], y, on, seen)[:2] for a in range(0, draws, step)]
    errors = [float(np.concatenate([part[i] for part in found]).std(ddof=1)) for i in (0, 1)]
    df = float(sample.cluster.max() + 1 - 2)
    reach = _reach(float(high[0] - low[0]) / max(*errors, 1e-300), df, conf_level)
    treated_share, comparison_share = (float(s[0]) for s in shares)
    trimmed = abs(treated_share - comparison_share) / max(treated_share, comparison_share)
    return LeeBounds(
        bound_low=float(low[0]),
        bound_high=float(high[0]),
        std_error_low=errors[0],
        std_error_high=errors[1],
        conf_low=float(low[0]) - reach * errors[0],
        conf_high=float(high[0]) + reach * errors[1],
        conf_level=conf_level,
        trimmed_arm="none" if trimmed == 0 else "programme" if treated_share > comparison_share else "comparison",
        trimmed_share=trimmed,
        followed_treated=treated_share,
        followed_comparison=comparison_share,
        n_students=len(y),
        n_observed=int(seen.sum()),
        n_draws=draws,
        df=df,
    )


def _bounds(weights: Array, y: Array, on: BoolArray, seen: BoolArray) -> tuple[Array, Array, tuple[Array, Array]]:
    """Both bounds and the arms' shares followed up, one a row of weights; students sorted by outcome."""
    ends, shares = [], []
    for arm in (on, ~on):
        shares.append(weights[:, arm & seen].sum(axis=1) / weights[:, arm].sum(axis=1))
    least = np.minimum(*shares)
    for arm, share in zip((on, ~on), shares, strict=True):
        used = arm & seen
        ends.append(_trimmed(weights[:, used], y[used], least / share))
    (treated_low, treated_high), (comparison_low, comparison_high) = ends
    return treated_low - comparison_high, treated_high - comparison_low, (shares[0], shares[1])


def _trimmed(weights: Array, y: Array, keep: Array) -> tuple[Array, Array]:
    """Mean of the lowest and of the highest share ``keep`` of sorted outcomes, one a row of weights."""
    above = np.cumsum(weights, axis=1)
    total = above[:, -1:]
    kept = keep[:, None] * total
    lowest = np.clip(kept - (above - weights), 0.0, weights)
    highest = np.clip(above - (total - kept), 0.0, weights)
    return lowest @ y / kept[:, 0], highest @ y / kept[:, 0]


def _resampled(sample: Followed, draws: int, rng: np.random.Generator) -> Array:
    """How often each cluster is drawn, shape (draws, clusters): one fewer than the arm has, with replacement."""
    n_clusters = int(sample.cluster.max()) + 1
    out = np.zeros((draws, n_clusters))
    n_seen = np.bincount(sample.cluster, weights=sample.seen.astype(np.float64), minlength=n_clusters)
    for arm in (1.0, 0.0):
        members = np.unique(sample.cluster[sample.on == arm])
        missing = np.arange(draws)
        while len(missing):
            picked = rng.integers(len(members), size=(len(missing), len(members) - 1))
            counts = np.zeros((len(missing), n_clusters))
            np.add.at(counts, (np.arange(len(missing))[:, None], members[picked]), 1.0)
            out[missing] += counts * ((counts @ n_seen) > 0)[:, None]
            missing = missing[(counts @ n_seen) == 0]
    return out


def _reach(width: float, df: float, conf_level: float) -> float:
    """Standard errors beyond each bound for an interval that covers the effect (Imbens & Manski 2004, equation 7)."""

    def short(c: float) -> float:
        return float(special.stdtr(df, c + width) - special.stdtr(df, -c)) - conf_level

    return float(optimize.brentq(short, 0.0, float(special.stdtrit(df, 0.5 + conf_level / 2)) + 1e-6))
