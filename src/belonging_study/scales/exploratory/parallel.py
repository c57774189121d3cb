"""Parallel analysis: how many factors stand out from what chance alone would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales.exploratory.correlations import correlate, refuse_dependent
from belonging_study.scales.structure.polychoric import estimate_ordered

__all__ = ["ParallelAnalysis", "parallel_analysis"]

Array = npt.NDArray[np.float64]

_KINDS = ("principal components", "principal axis")


@dataclass(frozen=True)
class ParallelAnalysis:
    """Observed eigenvalues beside those of unrelated items.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a kind and position: ``kind`` ("principal components" of the correlations, or "principal axis": squared
        multiple correlations on the diagonal), ``position`` from 1, ``eigenvalue``, ``simulated_mean``,
        ``simulated_quantile``, ``retained`` (this eigenvalue and all before it lie above the quantile).
    n_factors : int
        Retained principal components: the rule that found the number of common factors best in simulations.
    n_factors_principal_axis : int
        Retained by the principal axis, which more often retains a factor too many.
    n, n_dropped, n_items : int
        People who answered every item, people left out because an answer is missing, items.
    draws, n_failed : int
        Simulated data sets asked for, and those without usable correlations, which count nowhere.
    quantile : float
        Which quantile of the simulated eigenvalues decides.
    definition : str
        Correlation and what was simulated.
    note : str
        What a reader must know, in plain words; empty where there is nothing.
    """

    table: pd.DataFrame
    n_factors: int
    n_factors_principal_axis: int
    n: int
    n_dropped: int
    n_items: int
    draws: int
    n_failed: int
    quantile: float
    definition: str
    note: str


def parallel_analysis(
    items: pd.DataFrame,
    *,
    correlation: Literal["pearson", "polychoric"] = "pearson",
    draws: int = 500,
    quantile: float = 0.95,
    seed: int = 1,
) -> ParallelAnalysis:
    """Compare the items' eigenvalues with those of unrelated items, to choose a number of factors.

    Parameters
    ----------
    items : pandas.DataFrame
        One row a person, one numeric column an item. The items' direction does not matter.
    correlation : {"pearson", "polychoric"}, default "pearson"
        "pearson": simulated data are independent normal numbers. "polychoric": each item's own answers, shuffled
        between people; 500 draws of 18 items take about a minute.
    draws : int, default 500
        Simulated data sets, at least 20.
    quantile : float, default 0.95
        An eigenvalue is retained where it lies above this quantile of the simulated ones at its position.
    seed : int, default 1
        Where chance starts.

    Returns
    -------
    ParallelAnalysis
        From people who answered every item; ``n_dropped`` counts the others.

    Raises
    ------
    DataError
        Fewer than three items, no more complete people than items, a constant item, linearly dependent items, or more
        than half of the draws without usable correlations.
    ValueRangeError
        Text, an infinite number, or what looks like a missing code (such as 99) among the answers.
    ParameterError
        Unknown ``correlation``, too few ``draws``, or ``quantile`` not between 0 and 1.

    References
    ----------
    Horn, J. L. (1965). A rationale and test for the number of factors in factor analysis. *Psychometrika, 30*, 179-185.
    Humphreys, L. G., & Ilgen, D. R. (1969). Note on a criterion for the number of common factors. *Educational and
    Psychological Measurement, 29*, 571-578 (the principal axis).
    Lim, S., & Jahng, S. (2019). Determining the number of factors using parallel analysis and its recent variants.
    *Psychological Methods, 24*, 452-467.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> liked, safe = rng.normal(size=(2, 400, 1))
    >>> answers = np.hstack([liked + rng.normal(size=(400, 4)), safe + rng.normal(size=(400, 4))])
    >>> parallel_analysis(pd.DataFrame(answers).add_prefix("q"), draws=100, seed=1).n_factors
    2
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 20:
        raise ParameterError(f"`draws` must be a whole number from 20 on; it is {draws!r}.")
    if not 0 < quantile < 1:
        raise ParameterError(f"`quantile` must lie between 0 and 1; it is {quantile:g}.")
    data = correlate(items, correlation, at_least=3)
    refuse_dependent(data.matrix, correlation)
    rng = np.random.default_rng(seed)
    draw = _normal(data.values.shape) if correlation == "pearson" else _shuffled(data.values, data.names)
    simulated, n_failed = _simulate(draw, int(draws), rng)
    observed = _eigenvalues(data.matrix)
    mean, edge = simulated.mean(axis=0), np.quantile(simulated, quantile, axis=0)
    p = len(data.names)
    retained = np.logical_and.accumulate(observed > edge, axis=1)
    table = pd.DataFrame(
        {
            "kind": np.repeat(np.array(_KINDS, dtype=object), p),
            "position": np.tile(np.arange(1, p + 1), 2),
            "eigenvalue": observed.ravel(),
            "simulated_mean": mean.ravel(),
            "simulated_quantile": edge.ravel(),
            "retained": retained.ravel(),
        }
    )
    n_components, n_axis = (int(count) for count in retained.sum(axis=1))
    notes = []
    if n_components != n_axis:
        notes.append(f"the two rules disagree: {n_components} by principal components, {n_axis} by principal axis")
    if n_components == 0:
        notes.append("nothing stands out from unrelated items")
    if n_failed:
        notes.append(f"{n_failed} of {draws} draws had no usable correlations and count nowhere")
    what = "independent normal numbers" if correlation == "pearson" else "each item's answers shuffled between people"
    return ParallelAnalysis(
        table=table,
        n_factors=n_components,
        n_factors_principal_axis=n_axis,
        n=len(data.values),
        n_dropped=data.n_dropped,
        n_items=p,
        draws=int(draws),
        n_failed=n_failed,
        quantile=quantile,
        definition=f"{correlation} correlations; {quantile:.0%} quantile of {draws} draws of {what}",
        note="; ".join(notes),
    )


def _normal(shape: tuple[int, ...]) -> Callable[[np.random.Generator], Array]:
    def draw(rng: np.random.Generator) -> Array:
        return np.asarray(np.corrcoef(rng.standard_normal(shape), rowvar=False), dtype=np.float64)

    return draw


def _shuffled(values: Array, names: list[str]) -> Callable[[np.random.Generator], Array]:
    def draw(rng: np.random.Generator) -> Array:
        found = estimate_ordered(rng.permuted(values, axis=0), names)
        matrix = np.eye(len(names))
        matrix[found.first, found.second] = matrix[found.second, found.first] = found.correlations
        return matrix

    return draw


def _simulate(draw: Callable[[np.random.Generator], Array], draws: int, rng: np.random.Generator) -> tuple[Array, int]:
    """Eigenvalues of the draws, shape (usable draws, 2, items), and how many draws were not usable."""
    found: list[Array] = []
    for _ in range(draws):
        try:
            matrix = draw(rng)
            refuse_dependent(matrix, "polychoric")
        except DataError:
            continue
        found.append(_eigenvalues(matrix))
    n_failed = draws - len(found)
    if n_failed > draws / 2:
        raise DataError(
            f"{n_failed} of {draws} simulated data sets had no usable correlations.",
            remedy="join rare answers with the next ones, or take Pearson correlations.",
        )
    return np.array(found), n_failed


def _eigenvalues(matrix: Array) -> Array:
    """Eigenvalues of the correlations, and with squared multiple correlations on the diagonal; largest first."""
    axis = matrix.copy()
    np.fill_diagonal(axis, 1 - 1 / np.diag(np.linalg.inv(matrix)))
    return np.asarray(np.linalg.eigvalsh(np.stack([matrix, axis]))[:, ::-1])
