"""Which fixed or equal parameters the data would rather have free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.estimate import Fit
from belonging_study.scales.structure.fit_measures import chi_square_tail
from belonging_study.scales.structure.layout import FACTOR, LOADING, RESIDUAL, Layout, Row, lay_out
from belonging_study.scales.structure.likelihood import Matrices, derivatives, gradient, information
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.wlsmv import OrderedFit

__all__ = ["modification_indices", "release_tests"]

Array = npt.NDArray[np.float64]


def modification_indices(result: CFAResult) -> pd.DataFrame:
    """Score tests of the loadings and residual covariances at 0, and of the equalities between groups or waves.

    Parameters
    ----------
    result : CFAResult
        A fit by ``cfa``.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``chi2``, largest first. ``kind`` is "add" (a loading or residual covariance that is 0) or "release"
        (an equality: all of its groups or waves become free at once); ``lhs``, ``op``, ``rhs``, ``group``; ``chi2``,
        ``df``, ``p_value``; for "add" also ``expected_change`` and ``std_expected_change`` (in standard deviations;
        empty where a variance is not positive). A hint, not a licence: a parameter that no theory would free is noise.

    Raises
    ------
    ParameterError
        The fit is of ordered answers.

    Notes
    -----
    Expected information and normal theory whatever the estimator. For "release", ``lhs``, ``op`` and ``rhs`` are those
    of the equality's first parameter and ``group`` is empty.

    References
    ----------
    Sörbom, D. (1989). Model modification. *Psychometrika, 54*, 371-384.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from belonging_study.scales import cfa
    >>> rng = np.random.default_rng(1)
    >>> answers = pd.DataFrame(rng.normal(size=(500, 1)) + rng.normal(size=(500, 4)), columns=list("abcd"))
    >>> answers["d"] += answers["c"]  # these two share more than the factor
    >>> hints = modification_indices(cfa("f =~ a + b + c + d", answers))
    >>> {"a", "b"} == set(hints.iloc[0][["lhs", "rhs"]]) or {"c", "d"} == set(hints.iloc[0][["lhs", "rhs"]])
    True
    """
    fit = result.solution
    if isinstance(fit, OrderedFit):
        raise ParameterError("Modification indices need a fit by maximum likelihood; this one is of ordered answers.")
    added = _candidates(fit.layout)
    layout = lay_out(
        [*fit.layout.rows, *added],
        fit.layout.items,
        fit.layout.factors,
        n_groups=fit.layout.n_groups,
        means=fit.layout.means,
    )
    rows: list[dict[str, object]] = []
    inverse: Array = np.asarray(np.linalg.inv(fit.information(observed=False)), dtype=np.float64)
    shared = _shared(fit.layout)
    slopes: Array = np.zeros(len(layout.rows))
    blocks: list[tuple[npt.NDArray[np.int64], Array]] = []
    for g, point in enumerate(fit.points):
        mine = np.flatnonzero(layout.group == g)
        d_sigma, d_mu = derivatives(layout, point.mats, mine)
        slopes[mine] = gradient(point, d_sigma, d_mu)
        blocks.append((mine, information(layout, point, mine, d_sigma, d_mu, observed=False)))
        rows += _add_tests(fit, layout, blocks[-1], slopes, inverse)
    rows += [_release_test(fit, place, blocks, slopes, inverse) for place in shared]
    columns = [
        "kind", "lhs", "op", "rhs", "group", "chi2", "df", "p_value", "expected_change", "std_expected_change",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("chi2", ascending=False, kind="stable", ignore_index=True)


def release_tests(fit: Fit) -> list[dict[str, object]]:
    """Score tests of the equalities alone: as the "release" rows of ``modification_indices``, with ``label``."""
    layout = fit.layout
    inverse: Array = np.asarray(np.linalg.inv(fit.information(observed=False)), dtype=np.float64)
    slopes: Array = np.zeros(len(layout.rows))
    blocks: list[tuple[npt.NDArray[np.int64], Array]] = []
    for g, point in enumerate(fit.points):
        mine = np.flatnonzero(layout.group == g)
        d_sigma, d_mu = derivatives(layout, point.mats, mine)
        slopes[mine] = gradient(point, d_sigma, d_mu)
        blocks.append((mine, information(layout, point, mine, d_sigma, d_mu, observed=False)))
    found = []
    for place in _shared(layout):
        label = layout.rows[int(np.flatnonzero(layout.free == place)[0])].label
        found.append(_release_test(fit, place, blocks, slopes, inverse) | {"label": label})
    return found


def _candidates(layout: Layout) -> list[Row]:
    """Loadings and residual covariances that the model does not name."""
    found = []
    for g in range(layout.n_groups):
        named = {frozenset((r.lhs, r.op, r.rhs)) for r in layout.rows if r.group == g}
        pairs = [(f, "=~", x) for f in layout.factors for x in layout.items]
        pairs += [(x, "~~", y) for i, x in enumerate(layout.items) for y in layout.items[i + 1 :]]
        found += [Row(*pair, g, 0.0) for pair in pairs if frozenset(pair) not in named]
    return found


def _shared(layout: Layout) -> list[int]:
    """Free parameters that stand for several rows."""
    counts = np.bincount(layout.free[layout.free >= 0], minlength=layout.n_free)
    return [int(place) for place in np.flatnonzero(counts > 1)]


def _add_tests(
    fit: Fit,
    layout: Layout,
    block: tuple[npt.NDArray[np.int64], Array],
    slopes: Array,
    inverse: Array,
) -> list[dict[str, object]]:
    mine, info = block
    g = int(layout.group[mine[0]])
    known = len(fit.layout.rows)
    zero = (layout.free[mine] < 0) & (layout.fixed[mine] == 0) & np.isin(layout.kind[mine], (LOADING, RESIDUAL, FACTOR))
    zero &= (layout.row[mine] != layout.column[mine]) | (layout.kind[mine] == LOADING)
    at = np.flatnonzero(zero)
    mixed = _with_free(fit.layout, mine, info, at, known)
    variance = info[at, at] - np.einsum("ca,ab,cb->c", mixed, inverse, mixed, optimize=True)
    usable = variance > 1e-9 * np.abs(info[at, at])
    found: list[dict[str, object]] = []
    mats = fit.points[g].mats
    for local, known_variance in zip(at[usable], variance[usable], strict=True):
        r, slope = mine[local], slopes[mine[local]]
        row, change = layout.rows[r], -slope / known_variance
        chi2 = float(slope**2 / known_variance)
        size = _size(layout, mats, int(r))
        found.append(
            {
                "kind": "add",
                "lhs": row.lhs,
                "op": row.op,
                "rhs": row.rhs,
                "group": fit.samples[g].label,
                "chi2": chi2,
                "df": 1,
                "p_value": chi_square_tail(chi2, 1),
                "expected_change": float(change),
                "std_expected_change": float(change) * size,
            }
        )
    return found


def _size(layout: Layout, mats: Matrices, r: int) -> float:
    """What a change is multiplied by to be in standard deviations; NaN where a variance is not positive."""
    i, j = layout.row[r], layout.column[r]
    if layout.kind[r] == LOADING:
        squared = mats.factors[j, j] / mats.sigma[i, i]
    else:
        of = mats.residuals if layout.kind[r] == RESIDUAL else mats.factors
        squared = 1 / (of[i, i] * of[j, j]) if min(of[i, i], of[j, j]) > 0 else -1.0
    return float(np.sqrt(squared)) if squared > 0 else float("nan")


def _with_free(
    layout: Layout, mine: npt.NDArray[np.int64], info: Array, at: npt.NDArray[np.int64], known: int
) -> Array:
    """Information that a group's rows share with the free parameters: shape (rows, free parameters)."""
    mixed = np.zeros((len(at), layout.n_free))
    for local, r in enumerate(mine):
        if r < known and layout.free[r] >= 0:
            mixed[:, layout.free[r]] += info[at, local]
    return mixed


def _release_test(
    fit: Fit, place: int, blocks: Sequence[tuple[npt.NDArray[np.int64], Array]], slopes: Array, inverse: Array
) -> dict[str, object]:
    """Joint score test of letting every row but the first leave an equality."""
    layout, known = fit.layout, len(fit.layout.rows)
    rows = np.flatnonzero(layout.free == place)
    own = np.zeros((len(rows) - 1, len(rows) - 1))
    mixed = np.zeros((len(rows) - 1, layout.n_free))
    for mine, info in blocks:
        here = np.flatnonzero(np.isin(rows[1:], mine))
        local = np.searchsorted(mine, rows[1:][here])
        own[np.ix_(here, here)] = info[np.ix_(local, local)]
        mixed[here] = _with_free(layout, mine, info, local, known)
    slope = slopes[rows[1:]]
    variance = own - mixed @ inverse @ mixed.T
    chi2 = float(slope @ np.linalg.pinv(variance, hermitian=True) @ slope)
    first = layout.rows[rows[0]]
    df = len(rows) - 1
    return {
        "kind": "release",
        "lhs": first.lhs,
        "op": first.op,
        "rhs": first.rhs,
        "group": "",
        "chi2": chi2,
        "df": df,
        "p_value": chi_square_tail(chi2, df),
        "expected_change": float("nan"),
        "std_expected_change": float("nan"),
    }
