"""Omega hierarchical: how much of the total score one general factor accounts for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales._answers import complete_answers
from belonging_study.scales._covariances import rest_correlations, unreversed_note
from belonging_study.scales._missing_codes import refuse_missing_codes
from belonging_study.scales.exploratory.correlations import refuse_dependent
from belonging_study.scales.exploratory.extraction import LOWEST_UNIQUENESS, extract
from belonging_study.scales.exploratory.factors import check_n_factors
from belonging_study.scales.exploratory.rotation import oblimin, ordered
from belonging_study.scales.reliability.resampling import check_draws, resample

__all__ = ["HierarchicalOmega", "omega_hierarchical"]

Array = npt.NDArray[np.float64]

_DEFINITIONS = {
    "omega_hierarchical": "(sum of general loadings)^2 / observed variance of the sum of standardised items",
    "omega_total": "1 - (sum of uniquenesses) / observed variance of the sum of standardised items",
    "ecv": "explained common variance: squared general loadings / all squared loadings",
}


@dataclass(frozen=True)
class HierarchicalOmega:
    """Omega hierarchical, omega total and the explained common variance of a Schmid-Leiman solution.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a figure: ``coefficient`` ("omega_hierarchical", "omega_total", "ecv"), ``definition``, ``estimate``,
        ``conf_low``, ``conf_high``.
    loadings : pandas.DataFrame
        One row an item: ``item``, ``general``, the group factors ``F1``, ``F2``, ..., ``uniqueness``.
    conf_level : float
        For example 0.95.
    n, n_dropped, n_items, n_factors : int
        People who answered every item, people left out because an answer is missing, items, group factors.
    draws, n_failed : int
        Bootstrap draws asked for, and those whose model could not be fitted, which count nowhere.
    definition : str
        How the loadings and intervals were found.
    note : str
        What a reader must know, in plain words; empty where there is nothing.
    """

    table: pd.DataFrame
    loadings: pd.DataFrame
    conf_level: float
    n: int
    n_dropped: int
    n_items: int
    n_factors: int
    draws: int
    n_failed: int
    definition: str
    note: str


@dataclass(frozen=True)
class _SchmidLeiman:
    """General loadings, group loadings (items, factors), and what may have gone wrong."""

    general: Array
    group: Array
    uniquenesses: Array
    heywood: tuple[int, ...]
    bound_factors: int

    def figures(self, matrix: Array) -> list[float]:
        """Omega hierarchical, omega total, explained common variance."""
        total = float(matrix.sum())
        general = float((self.general**2).sum())
        return [
            float(self.general.sum()) ** 2 / total,
            1 - float(self.uniquenesses.sum()) / total,
            general / (general + float((self.group**2).sum())),
        ]


def omega_hierarchical(
    items: pd.DataFrame,
    n_factors: int = 3,
    *,
    method: Literal["ml", "minres"] = "ml",
    conf_level: float = 0.95,
    draws: int = 500,
    seed: int = 1,
) -> HierarchicalOmega:
    """Omega hierarchical and omega total by a Schmid-Leiman solution.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one column an item, already keyed in one direction (see ``reverse_keyed``, which also checks
        the answers' range).
    n_factors : int, default 3
        Group factors, at least three: a general factor of two group factors is not identified.
    method : {"ml", "minres"}, default "ml"
        How both levels of factors are extracted.
    conf_level : float, default 0.95
        Level of the intervals.
    draws : int, default 500
        Bootstrap draws, at least 100; 0 gives no interval. 500 draws of 18 items take about 20 s.
    seed : int, default 1
        Where chance starts.

    Returns
    -------
    HierarchicalOmega
        From people who answered every item; ``n_dropped`` counts the others. ``note`` names Heywood cases, items that
        look unreversed (no item is turned round here), and counts draws that failed.

    Raises
    ------
    DataError
        Fewer than six items, no more complete people than items, a constant item, linearly dependent items, a model
        that does not converge, or factors too little related for a general one.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        Fewer than three factors or more than the items can hold, unknown ``method``, ``conf_level`` not between 0 and
        1, or ``draws`` neither 0 nor at least 100.

    Notes
    -----
    Factors of the items' Pearson correlations, turned by direct oblimin from a varimax start; one factor of their
    correlations; then Schmid and Leiman's transformation. Intervals are percentiles over people drawn again, corrected
    for bias (Efron 1987). They are rough: in samples of 400 the rotation pulls omega hierarchical below the truth, and
    a nominal 95% interval held it clearly less often (``benchmarks/omega_coverage.csv``). The solution is exploratory:
    it favours items without cross-loadings, and is no test that a general factor exists.

    References
    ----------
    Schmid, J., & Leiman, J. M. (1957). The development of hierarchical factor solutions. *Psychometrika, 22*, 53-61.
    Zinbarg, R. E., Revelle, W., Yovel, I., & Li, W. (2005). Cronbach's alpha, Revelle's beta, and McDonald's omega_h.
    *Psychometrika, 70*, 123-133.
    Efron, B. (1987). Better bootstrap confidence intervals. *Journal of the American Statistical Association, 82*,
    171-185.
    Reise, S. P. (2012). The rediscovery of bifactor measurement models. *Multivariate Behavioral Research, 47*,
    667-696 (explained common variance).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> group = np.repeat(rng.normal(size=(2000, 3)), 3, axis=1)
    >>> latent = rng.normal(size=(2000, 1)) + 0.7 * group + rng.normal(size=(2000, 9))
    >>> result = omega_hierarchical(pd.DataFrame(latent).add_prefix("q"), draws=0)
    >>> result.table.set_index("coefficient")["estimate"].round(1).to_dict()
    {'omega_hierarchical': 0.8, 'omega_total': 0.9, 'ecv': 0.7}
    """
    _check_choices(n_factors, method)
    check_draws(draws)
    complete, n_dropped = complete_answers(items, at_least=6, conf_level=conf_level)
    names = [str(name) for name in items.columns]
    check_n_factors(n_factors, len(names))
    refuse_missing_codes(complete, names)
    matrix = _correlations(complete)
    refuse_dependent(matrix, "pearson")
    found = _schmid_leiman(matrix, n_factors, method)

    def figures(drawn: Array) -> list[float]:
        again = _correlations(drawn)
        refuse_dependent(again, "pearson")
        return _schmid_leiman(again, n_factors, method, found.uniquenesses).figures(again)

    interval = resample(complete, figures, found.figures(matrix), draws=draws, seed=seed, conf_level=conf_level)
    table = pd.DataFrame(
        {
            "coefficient": list(_DEFINITIONS),
            "definition": list(_DEFINITIONS.values()),
            "estimate": found.figures(matrix),
            "conf_low": interval.low,
            "conf_high": interval.high,
        }
    )
    loadings = pd.DataFrame({"item": names, "general": found.general})
    for j in range(n_factors):
        loadings[f"F{j + 1}"] = found.group[:, j]
    loadings["uniqueness"] = found.uniquenesses
    extraction = "maximum likelihood" if method == "ml" else "minimum residuals"
    return HierarchicalOmega(
        table=table,
        loadings=loadings,
        conf_level=conf_level,
        n=len(complete),
        n_dropped=n_dropped,
        n_items=len(names),
        n_factors=n_factors,
        draws=draws,
        n_failed=interval.n_failed,
        definition=(
            f"Schmid-Leiman solution of {n_factors} factors ({extraction}, direct oblimin) of Pearson correlations"
            + (f"; bias-corrected percentile bootstrap over people, {draws} draws" if draws else "")
        ),
        note=_note(found, names, matrix, interval.note),
    )


def _check_choices(n_factors: int, method: str) -> None:
    if isinstance(n_factors, bool) or not isinstance(n_factors, int | np.integer) or n_factors < 3:
        raise ParameterError(
            f"Omega hierarchical needs at least 3 group factors; `n_factors` is {n_factors!r}.",
            remedy="with fewer, a general factor is not identified: use mcdonald_omega for each part.",
        )
    if method not in ("ml", "minres"):
        raise ParameterError(f'`method` must be "ml" or "minres"; it is {method!r}.')


def _correlations(values: Array) -> Array:
    return np.asarray(np.corrcoef(values, rowvar=False), dtype=np.float64)


def _schmid_leiman(matrix: Array, n_factors: int, method: str, start: Array | None = None) -> _SchmidLeiman:
    extracted = extract(matrix, n_factors, method, start)
    turned = ordered(oblimin(extracted.loadings, tries=("varimax",)))
    if not turned.converged:
        raise DataError(
            f"The rotation of {n_factors} factors did not converge.", remedy="ask for fewer factors, or more people."
        )
    try:
        second = extract(turned.correlations, 1, method)
    except (DataError, np.linalg.LinAlgError):
        raise DataError(
            f"The {n_factors} factors are not related as one general factor would have it.",
            remedy="report each factor's own reliability, or ask for another number of factors.",
        ) from None
    top = second.loadings[:, 0]
    general = turned.loadings @ top
    if general.sum() < 0:
        general, top = -general, -top
    # What of a pattern loading the general factor does not take; sign from the loading.
    group = turned.loadings * np.sqrt(np.maximum(1 - top**2, 0.0))
    return _SchmidLeiman(general, group, extracted.uniquenesses, extracted.heywood, len(second.heywood))


def _note(found: _SchmidLeiman, names: list[str], matrix: Array, interval: str) -> str:
    heywood = ", ".join(names[i] for i in found.heywood)
    notes = [
        f"uniqueness at its bound of {LOWEST_UNIQUENESS} (Heywood case): {heywood}" if heywood else "",
        "a group factor is all but the general one (Heywood case): do not rely on omega hierarchical"
        if found.bound_factors
        else "",
        interval,
        unreversed_note(names, rest_correlations(matrix)),
    ]
    return "; ".join(note for note in notes if note)
