"""Exploratory factor analysis: loadings, what the factors explain, and how well they fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.exploratory.correlations import Correlated, correlate, refuse_dependent
from belonging_study.scales.exploratory.extraction import LOWEST_UNIQUENESS, Extracted, extract
from belonging_study.scales.exploratory.rotation import Rotated, oblimin, ordered, unrotated, varimax

__all__ = ["EFAResult", "check_n_factors", "efa"]

Array = npt.NDArray[np.float64]

_ROTATIONS = {"oblimin": oblimin, "varimax": varimax, "none": unrotated}
_METHODS = {"ml": "maximum likelihood", "minres": "minimum residuals (least squares)"}
_SUBSTANTIAL = 0.3
"""The usual line below which a loading is not interpreted."""


@dataclass(frozen=True)
class EFAResult:
    """An exploratory factor analysis.

    Attributes
    ----------
    loadings : pandas.DataFrame
        One row an item and factor: ``item``, ``factor`` ("F1" explains most), ``loading`` (pattern), and the item's
        ``communality`` and ``uniqueness``.
    factor_correlations : pandas.DataFrame
        Shape (factors, factors); the identity unless the rotation is oblique.
    variance : pandas.DataFrame
        One row a factor: ``factor``, ``ss_loadings`` (variance explained, in items), ``proportion``, ``cumulative``.
    chi2, p_value : float
        Test of exact fit with Bartlett's correction; NaN where ``note`` says why.
    df : int
        Its degrees of freedom.
    rmsea : float
        sqrt(max(F/df - 1/(n - 1), 0)), F the discrepancy; NaN where ``chi2`` is, or ``df`` is 0.
    rmsr : float
        Root mean square of the residual correlations.
    n, n_dropped, n_items, n_factors : int
        People who answered every item, people left out because an answer is missing, items, factors.
    definition : str
        Correlation, extraction and rotation.
    note : str
        What a reader must know, in plain words; empty where there is nothing.
    """

    loadings: pd.DataFrame
    factor_correlations: pd.DataFrame
    variance: pd.DataFrame
    chi2: float
    df: int
    p_value: float
    rmsea: float
    rmsr: float
    n: int
    n_dropped: int
    n_items: int
    n_factors: int
    definition: str
    note: str


def efa(
    items: pd.DataFrame,
    n_factors: int,
    *,
    method: Literal["ml", "minres"] = "ml",
    rotation: Literal["oblimin", "varimax", "none"] = "oblimin",
    correlation: Literal["pearson", "polychoric"] = "pearson",
) -> EFAResult:
    """Exploratory factor analysis of a set of items.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one numeric column an item, already keyed in one direction (see ``reverse_keyed``, which
        also checks the answers' range).
    n_factors : int
        Factors; ``parallel_analysis`` helps to choose.
    method : {"ml", "minres"}, default "ml"
        Maximum likelihood, or minimum residuals.
    rotation : {"oblimin", "varimax", "none"}, default "oblimin"
        Direct oblimin (gamma 0, no normalisation): factors may correlate. Varimax (Kaiser's normalisation): they may
        not.
    correlation : {"pearson", "polychoric"}, default "pearson"
        Which correlations to analyse. Polychoric ones describe the normal variables behind ordered answers.

    Returns
    -------
    EFAResult
        From people who answered every item; ``n_dropped`` counts the others. ``note`` names Heywood cases (a
        uniqueness at its bound of .005), items that load negatively where the others load positively, and a rotation
        that did not converge.

    Raises
    ------
    DataError
        Fewer than three items, no more complete people than items, a constant item, linearly dependent items, or an
        extraction that does not converge.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        Unknown ``method``, ``rotation`` or ``correlation``, or more factors than the items can hold.

    Notes
    -----
    ``chi2`` is (n - 1 - (2p + 5)/6 - 2k/3) F for p items and k factors. It is given for maximum likelihood of Pearson
    correlations alone: no other choice here has that distribution.

    References
    ----------
    Lawley, D. N., & Maxwell, A. E. (1971). *Factor Analysis as a Statistical Method* (2nd ed.). Butterworths.
    Harman, H. H., & Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). *Psychometrika, 31*,
    351-368.
    Jennrich, R. I. (2002). A simple general method for oblique rotation. *Psychometrika, 67*, 7-19.
    Kaiser, H. F. (1958). The varimax criterion for analytic rotation in factor analysis. *Psychometrika, 23*, 187-200.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> liked, safe = rng.normal(size=(2, 800, 1))
    >>> answers = np.hstack([liked + rng.normal(size=(800, 3)), safe + rng.normal(size=(800, 3))])
    >>> result = efa(pd.DataFrame(answers, columns=["l1", "l2", "l3", "s1", "s2", "s3"]), 2)
    >>> main = result.loadings[result.loadings["loading"] > 0.5]
    >>> main.groupby("factor")["item"].agg(" ".join).sort_values().tolist()
    ['l1 l2 l3', 's1 s2 s3']
    """
    _check_choices(method, rotation)
    data = correlate(items, correlation, at_least=3)
    check_n_factors(n_factors, len(data.names))
    if method == "ml" or correlation == "pearson":
        refuse_dependent(data.matrix, correlation)
    extracted = extract(data.matrix, n_factors, method)
    turned = ordered(unrotated(extracted.loadings) if n_factors == 1 else _ROTATIONS[rotation](extracted.loadings))
    tested = method == "ml" and correlation == "pearson"
    df, chi2, p_value, rmsea = _fit(extracted, data, n_factors, tested=tested)
    residual = data.matrix - extracted.loadings @ extracted.loadings.T
    p = len(data.names)
    np.fill_diagonal(residual, 0.0)
    factors = [f"F{j + 1}" for j in range(n_factors)]
    explained = np.diag(turned.correlations @ turned.loadings.T @ turned.loadings)
    return EFAResult(
        loadings=_tidy(data.names, factors, turned, extracted),
        factor_correlations=pd.DataFrame(turned.correlations, index=factors, columns=factors),
        variance=pd.DataFrame(
            {
                "factor": factors,
                "ss_loadings": explained,
                "proportion": explained / p,
                "cumulative": explained.cumsum() / p,
            }
        ),
        chi2=chi2,
        df=df,
        p_value=p_value,
        rmsea=rmsea,
        rmsr=float(np.sqrt((residual**2).sum() / (p * (p - 1)))),
        n=len(data.values),
        n_dropped=data.n_dropped,
        n_items=p,
        n_factors=n_factors,
        definition=f"{correlation} correlations, {_METHODS[method]}, {_rotated(rotation, n_factors)}",
        note=_note(data.names, factors, turned, extracted, rotation=rotation, df=df, tested=tested),
    )


def check_n_factors(n_factors: int, n_items: int) -> None:
    """Raise ParameterError unless the items' correlations outnumber the parameters of so many factors."""
    if isinstance(n_factors, bool) or not isinstance(n_factors, int | np.integer) or n_factors < 1:
        raise ParameterError(f"`n_factors` must be a whole number from 1 on; it is {n_factors!r}.")
    if _df(n_items, int(n_factors)) < 0:
        most = max(k for k in range(n_items) if _df(n_items, k) >= 0)
        raise ParameterError(
            f"{n_items} items cannot hold {n_factors} factors; they hold at most {most}.",
            remedy="ask for fewer factors.",
        )


def _check_choices(method: str, rotation: str) -> None:
    if method not in _METHODS:
        raise ParameterError(f'`method` must be "ml" or "minres"; it is {method!r}.')
    if rotation not in _ROTATIONS:
        raise ParameterError(f'`rotation` must be "oblimin", "varimax" or "none"; it is {rotation!r}.')


def _df(p: int, k: int) -> int:
    return ((p - k) ** 2 - p - k) // 2 if k < p else -1


def _fit(extracted: Extracted, data: Correlated, k: int, *, tested: bool) -> tuple[int, float, float, float]:
    """Degrees of freedom, Bartlett's chi-square, its p value and the RMSEA."""
    from scipy.special import chdtrc

    n, p = data.values.shape
    df = _df(p, k)
    if not tested:
        return df, math.nan, math.nan, math.nan
    chi2 = (n - 1 - (2 * p + 5) / 6 - 2 * k / 3) * extracted.discrepancy
    if df == 0:
        return df, chi2, math.nan, math.nan
    rmsea = math.sqrt(max(extracted.discrepancy / df - 1 / (n - 1), 0.0))
    return df, chi2, float(chdtrc(df, max(chi2, 0.0))), rmsea


def _tidy(names: list[str], factors: list[str], turned: Rotated, extracted: Extracted) -> pd.DataFrame:
    k = len(factors)
    communality = (extracted.loadings**2).sum(axis=1)
    return pd.DataFrame(
        {
            "item": np.repeat(np.array(names, dtype=object), k),
            "factor": factors * len(names),
            "loading": turned.loadings.ravel(),
            "communality": np.repeat(communality, k),
            "uniqueness": np.repeat(extracted.uniquenesses, k),
        }
    )


def _rotated(rotation: str, n_factors: int) -> str:
    if n_factors == 1 or rotation == "none":
        return "unrotated"
    return "direct oblimin (gamma 0)" if rotation == "oblimin" else "varimax with Kaiser's normalisation"


def _note(
    names: list[str],
    factors: list[str],
    turned: Rotated,
    extracted: Extracted,
    *,
    rotation: str,
    df: int,
    tested: bool,
) -> str:
    notes = []
    heywood = [names[i] for i in extracted.heywood]
    if heywood:
        notes.append(f"uniqueness at its bound of {LOWEST_UNIQUENESS} (Heywood case): {', '.join(heywood)}")
    # Unrotated factors after the first are contrasts, with negative loadings by their nature.
    looked_at = 1 if rotation == "none" else len(factors)
    main = np.abs(turned.loadings).argmax(axis=1)
    size = turned.loadings[np.arange(len(names)), main]
    against = [
        f"{names[i]} ({size[i]:.2f} on {factors[main[i]]})"
        for i in np.flatnonzero((size < -_SUBSTANTIAL) & (main < looked_at))
    ]
    if against:
        notes.append(f"loads negatively where the others load positively, looks unreversed: {', '.join(against)}")
    if not turned.converged:
        notes.append("the rotation did not converge: do not interpret the single loadings")
    if not tested:
        notes.append("no chi-square or RMSEA: they need maximum likelihood of Pearson correlations")
    elif df == 0:
        notes.append("no degrees of freedom: the fit cannot be tested")
    return "; ".join(notes)
