"""How well scores agree from one time to the next, when nothing should have changed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, DuplicateRowsError, ParameterError, ValueRangeError
from belonging_study.scales._answers import numeric_answers
from belonging_study.scales.reliability.detectable import detectable, normal_quantile
from belonging_study.scales.reliability.result import Reliability

__all__ = ["Retest", "intraclass_correlation", "test_retest"]

Array = npt.NDArray[np.float64]

_ICC = {
    "agreement": "ICC(A,1): two-way, absolute agreement, one occasion; F-based interval",
    "consistency": "ICC(C,1): two-way, consistency, one occasion; F-based interval",
}
_AT_LEAST = 4


@dataclass(frozen=True)
class Retest:
    """Agreement of scores given twice.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a figure: ``coefficient``, ``definition``, ``estimate``, ``conf_low``, ``conf_high`` (empty for a
        smallest detectable change, which is itself a limit). Coefficients: "pearson", "icc_agreement",
        "icc_consistency", "mean_change" (second minus first), "sem", "smallest_detectable_change",
        "smallest_detectable_change_group", "limit_of_agreement_lower", "limit_of_agreement_upper"; all but the first
        three in the score's units.
    conf_level : float
        For example 0.95; also the share within the limits of agreement.
    n : int
        People with both scores.
    n_dropped : int
        People with one of the two alone.
    note : str
        What a reader must know, in plain words; empty where there is nothing.
    """

    table: pd.DataFrame
    conf_level: float
    n: int
    n_dropped: int
    note: str


@dataclass(frozen=True)
class _MeanSquares:
    """Of people, of occasions, and what is left; with how many there are of each."""

    people: float
    occasions: float
    error: float
    n: int
    k: int


def test_retest(first: pd.Series[float], second: pd.Series[float], conf_level: float = 0.95) -> Retest:  # noqa: PT028
    """Test-retest reliability, measurement error and limits of agreement of scores given twice.

    Parameters
    ----------
    first, second : pandas.Series
        Scores at the first and second time. The index says who: people are paired by it, so that it must be the same
        person's under one label in both (rows numbered separately in two files are not).
    conf_level : float, default 0.95
        Level of the intervals, of the smallest detectable change and of the limits of agreement.

    Returns
    -------
    Retest
        From people with both scores; ``n_dropped`` counts those with one.

    Raises
    ------
    DataError
        Fewer than four people with both scores, or the same score from all of them at a time.
    DuplicateRowsError
        A person is there twice.
    ValueRangeError
        Text or an infinite number among the scores.
    ParameterError
        A score column is not a Series, or ``conf_level`` is not between 0 and 1.

    Notes
    -----
    Intervals: Fisher's z for the correlation, F for the intraclass correlations, t for the mean change, chi-square
    for the SEM, and Bland and Altman's standard error sqrt(s^2 (1/n + z^2 / (2 (n - 1)))) for the limits. The SEM is
    the standard deviation of the differences / sqrt(2), so that a change of everybody alike does not count as error;
    "icc_agreement" and "mean_change" show such a change. Smallest detectable change: z sqrt(2) SEM for a person,
    divided by sqrt(n) for the mean of these n people.

    References
    ----------
    McGraw, K. O., & Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients.
    *Psychological Methods, 1*, 30-46.
    Bland, J. M., & Altman, D. G. (1999). Measuring agreement in method comparison studies. *Statistical Methods in
    Medical Research, 8*, 135-160.
    de Vet, H. C. W., Terwee, C. B., Knol, D. L., & Bouter, L. M. (2006). When to use agreement versus reliability
    measures. *Journal of Clinical Epidemiology, 59*, 1033-1039.

    Examples
    --------
    >>> import pandas as pd
    >>> spring = pd.Series([3.1, 2.4, 4.0, 3.6, 2.9, 4.4], index=list("abcdef"))
    >>> autumn = pd.Series([3.0, 2.7, 4.1, 3.3, 3.1, 4.6], index=list("abcdef"))
    >>> found = test_retest(spring, autumn).table.set_index("coefficient")["estimate"]
    >>> found[["icc_agreement", "mean_change", "smallest_detectable_change"]].round(2).to_dict()
    {'icc_agreement': 0.96, 'mean_change': 0.07, 'smallest_detectable_change': 0.44}
    """
    from scipy.special import chdtri, stdtrit

    z = normal_quantile(conf_level)
    both, n_dropped = _complete(_paired(first, second))
    n = len(both)
    difference = both[:, 1] - both[:, 0]
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    sem = sd / math.sqrt(2)
    tail = (1 - conf_level) / 2
    t = float(stdtrit(n - 1, 1 - tail))
    spread = [sem * math.sqrt((n - 1) / float(chdtri(n - 1, p))) for p in (tail, 1 - tail)]
    edge = t * sd * math.sqrt(1 / n + z**2 / (2 * (n - 1)))
    squares = _mean_squares(both)
    share = f"{conf_level:.0%}"
    sdc = f"z sqrt(2) SEM at {share}"
    rows = [
        ("pearson", "product-moment correlation, Fisher interval", *_pearson(both, z)),
        *((f"icc_{kind}", _ICC[kind], *_icc(squares, kind, conf_level)) for kind in _ICC),
        ("mean_change", "mean of second minus first, t interval", *_around(mean, t * sd / math.sqrt(n))),
        ("sem", "standard deviation of the differences / sqrt(2), chi-square interval", sem, *spread),
        ("smallest_detectable_change", f"one person: {sdc}", detectable(sem, conf_level, 1), math.nan, math.nan),
        (
            "smallest_detectable_change_group",
            f"mean of {n} people: {sdc} / sqrt({n})",
            detectable(sem, conf_level, n),
            math.nan,
            math.nan,
        ),
        ("limit_of_agreement_lower", f"holds {share} of differences (Bland-Altman)", *_around(mean - z * sd, edge)),
        ("limit_of_agreement_upper", f"holds {share} of differences (Bland-Altman)", *_around(mean + z * sd, edge)),
    ]
    columns = ["coefficient", "definition", "estimate", "conf_low", "conf_high"]
    return Retest(
        table=pd.DataFrame(rows, columns=columns),
        conf_level=conf_level,
        n=n,
        n_dropped=n_dropped,
        note=_note(squares, sd),
    )


def intraclass_correlation(
    scores: pd.DataFrame, kind: Literal["agreement", "consistency"] = "agreement", conf_level: float = 0.95
) -> Reliability:
    """Intraclass correlation of scores given two or more times.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a person, one column an occasion.
    kind : {"agreement", "consistency"}, default "agreement"
        ICC(A,1), where a change of everybody alike counts as disagreement, or ICC(C,1), where it does not.
    conf_level : float, default 0.95
        Level of the F-based interval.

    Returns
    -------
    Reliability
        From people with every score; ``n_dropped`` counts the others and ``n_items`` the occasions.

    Raises
    ------
    DataError
        Fewer than two occasions or four people, or the same score from all of them at an occasion.
    ValueRangeError
        Text or an infinite number among the scores.
    ParameterError
        Unknown ``kind``, or ``conf_level`` is not between 0 and 1.

    References
    ----------
    McGraw, K. O., & Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients.
    *Psychological Methods, 1*, 30-46.

    Examples
    --------
    >>> import pandas as pd
    >>> waves = pd.DataFrame({"w1": [3.1, 2.4, 4.0, 3.6], "w2": [3.0, 2.7, 4.1, 3.3], "w3": [3.3, 2.5, 4.3, 3.5]})
    >>> round(intraclass_correlation(waves).estimate, 2)
    0.95
    """
    normal_quantile(conf_level)
    if kind not in _ICC:
        raise ParameterError(f'`kind` must be "agreement" or "consistency"; it is {kind!r}.')
    if scores.shape[1] < 2:
        raise DataError(f"An intraclass correlation needs two occasions; there is {scores.shape[1]}.")
    complete, n_dropped = _complete(scores)
    squares = _mean_squares(complete)
    estimate, low, high = _icc(squares, kind, conf_level)
    return Reliability(
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        n=squares.n,
        n_dropped=n_dropped,
        n_items=squares.k,
        definition=_ICC[kind],
        note=_note(squares, math.sqrt(squares.error)),
    )


def _paired(first: pd.Series[float], second: pd.Series[float]) -> pd.DataFrame:
    """Both scores of everybody who has one, side by side."""
    for series in (first, second):
        if not isinstance(series, pd.Series):
            raise ParameterError(
                f"Scores must be a pandas Series whose index says who; one is a {type(series).__name__}.",
                remedy='take a column of a table indexed by student, such as table.set_index("student_id")["score"].',
            )
        doubled = int(series.index.duplicated().sum())
        if doubled:
            raise DuplicateRowsError(
                f"{doubled} of {len(series)} scores belong to a person who is there already.",
                remedy="keep one score a person and time.",
            )
    return pd.concat({"first": first, "second": second}, axis=1)


def _complete(scores: pd.DataFrame) -> tuple[Array, int]:
    """People with every score, and how many have some but not all."""
    values = numeric_answers(scores, list(scores.columns)).to_numpy()
    if np.isinf(values).any():
        raise ValueRangeError("Infinite numbers among the scores.")
    missing = np.isnan(values)
    complete = values[~missing.any(axis=1)]
    n, k = complete.shape
    if n < _AT_LEAST:
        raise DataError(
            f"{n} people have scores at all {k} times; this needs at least {_AT_LEAST}.",
            remedy="check that both scores carry the same people's labels in their index.",
        )
    constant = int((np.ptp(complete, axis=0) == 0).sum())
    if constant:
        raise DataError(f"At {constant} of {k} times, all {n} people have one and the same score.")
    return complete, int((missing.any(axis=1) & ~missing.all(axis=1)).sum())


def _mean_squares(values: Array) -> _MeanSquares:
    n, k = values.shape
    centred: Array = values - float(values.mean())
    rows, columns = np.asarray(centred.mean(axis=1)), np.asarray(centred.mean(axis=0))
    left = centred - rows[:, None] - columns
    return _MeanSquares(
        people=k * float(rows @ rows) / (n - 1),
        occasions=n * float(columns @ columns) / (k - 1),
        error=float((left**2).sum()) / ((n - 1) * (k - 1)),
        n=n,
        k=k,
    )


def _icc(ms: _MeanSquares, kind: str, conf_level: float) -> tuple[float, float, float]:
    """Estimate and interval; McGraw and Wong (1996), tables 4 and 7."""
    from scipy.special import fdtri

    n, k, upper = ms.n, ms.k, 0.5 + conf_level / 2
    df_error = (n - 1) * (k - 1)
    if ms.error <= 1e-12 * ms.people:
        # Differences are the same for everybody: consistency is perfect and has no sampling error in these data.
        between = k / n * ms.occasions if kind == "agreement" else 0.0
        return ms.people / (ms.people + between), math.nan, math.nan
    if kind == "consistency":
        f = ms.people / ms.error
        low, high = f / float(fdtri(n - 1, df_error, upper)), f * float(fdtri(df_error, n - 1, upper))
        return (f - 1) / (f + k - 1), (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)
    gap = ms.people - ms.error
    r = gap / (ms.people + (k - 1) * ms.error + k / n * (ms.occasions - ms.error))
    a = k * r / (n * (1 - r))
    b = 1 + k * r * (n - 1) / (n * (1 - r))
    v = (a * ms.occasions + b * ms.error) ** 2 / ((a * ms.occasions) ** 2 / (k - 1) + (b * ms.error) ** 2 / df_error)
    f_low, f_high = float(fdtri(n - 1, v, upper)), float(fdtri(v, n - 1, upper))
    other = k * ms.occasions + (k * n - k - n) * ms.error
    low = n * (ms.people - f_low * ms.error) / (f_low * other + n * ms.people)
    high = n * (f_high * ms.people - ms.error) / (other + n * f_high * ms.people)
    return r, low, high


def _pearson(both: Array, z: float) -> tuple[float, float, float]:
    r = float(np.asarray(np.corrcoef(both, rowvar=False))[0, 1])
    if abs(r) > 1 - 1e-12:
        return r, math.nan, math.nan
    half = z / math.sqrt(len(both) - 3)
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _around(estimate: float, margin: float) -> tuple[float, float, float]:
    return estimate, estimate - margin, estimate + margin


def _note(ms: _MeanSquares, spread: float) -> str:
    notes = []
    if ms.error <= 1e-12 * ms.people or spread == 0:
        notes.append("every person changed by the same amount: no interval for the correlations")
    if ms.people < ms.error:
        notes.append("people differ less than their own scores do: intraclass correlations below 0")
    return "; ".join(notes)
