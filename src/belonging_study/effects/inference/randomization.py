"""Randomisation test: the estimate against those that other assignments of clusters would have given.

References
----------
Fisher, R. A. (1935). The Design of Experiments, chapter II.
Young, A. (2019). Channeling Fisher: randomization tests and the statistical insignificance of seemingly significant
experimental results. Quarterly Journal of Economics 134, 557-598.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from belonging_study.errors import DesignError, ParameterError

__all__ = ["RandomizationTest", "randomization_test"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Estimates closer than this share of the observed one count as ties.
_TIE = 1e-9
#: Labels held at once in a block of assignments.
_BLOCK = 1_000_000


@dataclass(frozen=True)
class RandomizationTest:
    """Result of a randomisation test.

    Attributes
    ----------
    estimate : float
        Observed coefficient.
    p_value : float
        Two-sided, ties counted.
    n_assignments : int
        Number of ways the assignment could have come out.
    n_used : int
        How many of them the p value rests on.
    exact : bool
        True if all were used.
    smallest_p : float
        Smallest p value that this design can reach.
    """

    estimate: float
    p_value: float
    n_assignments: int
    n_used: int
    exact: bool
    smallest_p: float


def randomization_test(
    y: npt.ArrayLike,
    treatments: npt.ArrayLike,
    others: npt.ArrayLike,
    clusters: npt.ArrayLike,
    assigned: npt.ArrayLike,
    *,
    blocks: npt.ArrayLike | None = None,
    draws: int = 9999,
    seed: int = 1,
) -> RandomizationTest:
    """Permute the assignment of clusters as it was made and recompute the coefficient each time.

    Parameters
    ----------
    y : array_like
        Outcome, shape (rows,), with unit effects taken out where the model has them.
    treatments : array_like
        Shape (rows, labels): the treatment column that each row would have under each label, prepared like ``y``. One
        column for a common start; one a starting wave where starts are staggered.
    others : array_like
        Remaining columns of the model, shape (rows, columns): waves, covariates, a constant.
    clusters : array_like
        Assigned cluster of each row, codes from 0, shape (rows,).
    assigned : array_like
        Label of each cluster, shape (clusters,): a column of ``treatments``, or -1 for none.
    blocks : array_like, optional
        Pair or block of each cluster within which it was assigned; without them, assignment was complete.
    draws : int
        Sampled assignments where there are more than this; otherwise every one is used.
    seed : int
        Seed of sampled assignments.

    Returns
    -------
    RandomizationTest
        The p value is the share of assignments whose absolute coefficient is at least the observed one; where sampled,
        the observed one is counted: ``(1 + b) / (1 + draws)``. An assignment under which the other columns fix the
        treatment, so that it has no coefficient, counts as extreme.

    Raises
    ------
    DesignError
        If the assignment could not have come out otherwise.
    ParameterError
        If ``draws`` is less than 99.

    Examples
    --------
    >>> test = randomization_test([5., 4., 1., 0.], np.ones((4, 1)), np.ones((4, 1)), [0, 1, 2, 3], [0, 0, -1, -1])
    >>> test.n_assignments, round(test.p_value, 4), round(test.smallest_p, 4)
    (6, 0.3333, 0.3333)
    """
    if draws < 99:
        raise ParameterError(f"{draws} draws are too few.", remedy="use 999 or more.")
    label = np.asarray(assigned, dtype=np.int64)
    code = np.asarray(clusters, dtype=np.int64)
    block = np.zeros(len(label), dtype=np.int64) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    members = [np.flatnonzero(block == b) for b in range(block.max() + 1)]
    n_ways = [_n_ways(label[m]) for m in members]
    n_assignments = math.prod(n_ways)
    if n_assignments == 1:
        raise DesignError(
            f"The assignment of {len(label)} clusters in {len(members)} blocks could have come out in one way only.",
            remedy="check the block column: each block needs clusters of several arms.",
        )
    exact = n_assignments <= draws
    outcome, options = np.asarray(y, dtype=np.float64), np.asarray(treatments, dtype=np.float64)
    basis = np.linalg.qr(np.asarray(others, dtype=np.float64))[0]
    outcome = outcome - basis @ (basis.T @ outcome)
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    summands = [np.column_stack([option * outcome, option**2, option[:, None] * basis])[order] for option in options.T]
    cluster_sums = [np.add.reduceat(part, starts, axis=0) for part in summands]

    def coefficients(labels: IntArray) -> Array:
        total = np.zeros((len(labels), basis.shape[1] + 2))
        for j, sums in enumerate(cluster_sums):
            total += (labels == j).astype(np.float64) @ sums
        size = total[:, 1] - (total[:, 2:] ** 2).sum(axis=1)
        known = size > 1e-10 * total[:, 1]
        return np.where(known, total[:, 0] / np.where(known, size, 1.0), np.inf)

    observed = float(coefficients(label[None, :])[0])
    bound = abs(observed) * (1 - _TIE)
    chosen = [_all_assignments(label, members, n_assignments)] if exact else _sampled(label, members, draws, seed)
    extreme = sum(int((np.abs(coefficients(labels)) >= bound).sum()) for labels in chosen)
    least = (2 if _has_mirror(label, members) else 1) / n_assignments
    return RandomizationTest(
        estimate=observed,
        p_value=extreme / n_assignments if exact else (1 + extreme) / (1 + draws),
        n_assignments=n_assignments,
        n_used=n_assignments if exact else draws,
        exact=exact,
        smallest_p=least if exact else max(least, 1 / (1 + draws)),
    )


def _sampled(labels: IntArray, members: list[IntArray], draws: int, seed: int) -> Iterator[IntArray]:
    """Random assignments in blocks of shape (some draws, clusters) that fit in memory."""
    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK // len(labels))
    for first in range(0, draws, step):
        out = np.empty((min(step, draws - first), len(labels)), dtype=np.int64)
        for m in members:
            out[:, m] = rng.permuted(np.tile(labels[m], (len(out), 1)), axis=1)
        yield out


def _n_ways(labels: IntArray) -> int:
    """Number of distinct orders of the labels."""
    counts = np.unique(labels, return_counts=True)[1]
    return math.factorial(len(labels)) // math.prod(math.factorial(int(c)) for c in counts)


def _has_mirror(labels: IntArray, members: list[IntArray]) -> bool:
    """Whether swapping two arms everywhere is itself a possible assignment, with the opposite coefficient."""
    values = np.unique(labels)
    return len(values) == 2 and all(2 * int((labels[m] == values[0]).sum()) == len(m) for m in members)


def _orders(positions: tuple[int, ...], counts: list[tuple[int, int]]) -> Iterator[dict[int, int]]:
    """Every way to give the positions labels with these counts."""
    if not counts:
        yield {}
        return
    (value, count), *rest = counts
    for chosen in combinations(positions, count):
        left = tuple(p for p in positions if p not in chosen)
        for tail in _orders(left, rest):
            yield dict.fromkeys(chosen, value) | tail


def _all_assignments(labels: IntArray, members: list[IntArray], n_assignments: int) -> IntArray:
    """Every possible assignment, shape (assignments, clusters)."""
    out = np.empty((n_assignments, len(labels)), dtype=np.int64)
    repeat = 1
    for m in members:
        values, counts = np.unique(labels[m], return_counts=True)
        pairs = [(int(v), int(c)) for v, c in zip(values, counts, strict=True)]
        orders = np.array([[order[i] for i in range(len(m))] for order in _orders(tuple(range(len(m))), pairs)])
        out[:, m] = np.tile(np.repeat(orders, repeat, axis=0), (n_assignments // (repeat * len(orders)), 1))
        repeat *= len(orders)
    return out
