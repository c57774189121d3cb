"""What the answers say before any model: means and covariances per group and per pattern of missing answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError, ValueRangeError
from belonging_study.scales._answers import numeric_answers, require_columns
from belonging_study.scales._missing_codes import refuse_missing_codes

__all__ = ["Sample", "complete_sample", "padded_inverse", "read_samples", "saturated_moments"]

Array = npt.NDArray[np.float64]

_EM_STEPS = 2000
_EM_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Sample:
    """One group's answers.

    Attributes
    ----------
    label : str
        The group's name; empty where there are no groups.
    values : numpy.ndarray
        Shape (people, items), sorted by pattern; NaN where missing.
    seen : numpy.ndarray
        Shape (patterns, items), whether a pattern's people answered the item.
    counts : numpy.ndarray
        Shape (patterns,), people.
    means, covariances : numpy.ndarray
        Shapes (patterns, items) and (patterns, items, items), divisor n; 0 where not seen.
    mean, covariance : numpy.ndarray
        Maximum-likelihood moments of the whole group.
    n_left_out : int
        People of the group who are not in ``values``.
    """

    label: str
    values: Array
    seen: npt.NDArray[np.bool_]
    counts: Array
    means: Array
    covariances: Array
    mean: Array
    covariance: Array
    n_left_out: int

    @property
    def n(self) -> int:
        """People."""
        return len(self.values)


def read_samples(
    data: pd.DataFrame, items: Sequence[str], *, group: str | None, missing: str
) -> tuple[list[Sample], list[str]]:
    """Check the answers, split them by group, and say who was left out."""
    if missing not in ("listwise", "fiml"):
        raise ParameterError(f'`missing` must be "listwise" or "fiml"; it is {missing!r}.')
    if not isinstance(data, pd.DataFrame):
        raise ParameterError(f"`data` must be a DataFrame; it is a {type(data).__name__}.")
    answers = numeric_answers(data, items)
    endless = [f"{name} ({n})" for name, n in np.isinf(answers).sum().items() if n]
    if endless:
        raise ValueRangeError("Infinite numbers among the answers.", where=", ".join(endless))
    values = answers.to_numpy()
    refuse_missing_codes(values, list(items))
    notes: list[str] = []
    parts: list[tuple[str, Array]] = [("", values)]
    if group is not None:
        if group in items:
            raise ParameterError(f"`group` names {group}, which is an item of the model.")
        require_columns(data, [group], kind="group column")
        codes, labels = _groups(data[group])
        if len(labels) < 2:
            raise DataError(
                f"Groups are compared, but {group} holds {len(labels)} different value{'s' * (len(labels) != 1)}.",
                remedy="leave out `group`, or give a column with at least two groups.",
            )
        if n_without := int((codes < 0).sum()):
            notes.append(f"{n_without} of {len(data)} people have no {group} and are left out")
        parts = [(label, values[codes == g]) for g, label in enumerate(labels)]
    samples = [_sample(label, part, list(items), missing) for label, part in parts]
    n_left_out = sum(s.n_left_out for s in samples)
    if n_left_out:
        why = "an answer is missing" if missing == "listwise" else "they answered none of the items"
        notes.append(f"{n_left_out} of {sum(len(part) for _, part in parts)} people are left out because {why}")
    return samples, notes


def _groups(column: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Codes (-1 where missing) and names: a categorical's order, otherwise the order of appearance."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        return np.asarray(column.cat.codes, dtype=np.int64), [str(c) for c in column.cat.categories]
    codes, labels = pd.factorize(column)
    return np.asarray(codes, dtype=np.int64), [str(label) for label in labels]


def _sample(label: str, values: Array, items: list[str], missing: str) -> Sample:
    seen = ~np.isnan(values)
    keep = seen.all(axis=1) if missing == "listwise" else seen.any(axis=1)
    used, n, p = values[keep], int(keep.sum()), len(items)
    where = f"group {label}" if label else ""
    if n <= p:
        empty = [name for i, name in enumerate(items) if not seen[:, i].any()]
        because = f"; nobody answered {', '.join(empty)}" if empty else ""
        answered = f"all {p} items" if missing == "listwise" else "an item"
        raise DataError(
            f"{n} of {len(values)} people answered {answered}; this model needs at least {p + 1}{because}.",
            where=where,
            remedy="pool groups, leave out items that were not asked, or leave this group out of the comparison.",
        )
    _refuse_constant(used, items, where)
    if missing == "listwise" or bool(seen[keep].all()):
        mean = used.mean(axis=0)
        centred = used - mean
        covariance = centred.T @ centred / n
        _refuse_collinear(covariance, items, where)
        pattern = np.ones((1, p), dtype=bool)
        counts = np.array([float(n)])
        return Sample(label, used, pattern, counts, mean[None], covariance[None], mean, covariance, len(values) - n)
    patterns, which = np.unique(seen[keep], axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    used, which = used[order], which.ravel()[order]
    counts = np.bincount(which).astype(float)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    filled = np.where(np.isnan(used), 0.0, used)
    means = np.add.reduceat(filled, starts, axis=0) / counts[:, None]
    centred = np.where(np.isnan(used), 0.0, used - means[which])
    covariances = np.stack([c.T @ c / len(c) for c in np.split(centred, starts[1:])])
    _refuse_unseen_pairs(patterns, items, where)
    mean, covariance = saturated_moments(patterns, counts, means, covariances)
    _refuse_collinear(covariance, items, where)
    return Sample(label, used, patterns, counts, means, covariances, mean, covariance, len(values) - n)


def complete_sample(sample: Sample, mean: Array, covariance: Array) -> Sample:
    """A group of the same size with given moments, as if every answer were there."""
    return replace(
        sample,
        seen=np.ones((1, len(mean)), dtype=bool),
        counts=np.array([float(sample.n)]),
        means=mean[None],
        covariances=covariance[None],
        mean=mean,
        covariance=covariance,
    )


def saturated_moments(
    seen: npt.NDArray[np.bool_], counts: Array, means: Array, covariances: Array
) -> tuple[Array, Array]:
    """Maximum-likelihood mean and covariance from each pattern's moments, by the EM algorithm.

    Dempster, A. P., Laird, N. M., & Rubin, D. B. (1977). *Journal of the Royal Statistical Society B, 39*, 1-38.
    """
    n = counts.sum()
    answered = (counts[:, None] * seen).sum(axis=0)
    mean = (counts[:, None] * means).sum(axis=0) / answered
    spread = np.einsum("rii->ri", covariances) + np.where(seen, (means - mean) ** 2, 0.0)
    variance = (counts[:, None] * spread).sum(axis=0) / answered
    covariance = np.diag(variance)
    for _ in range(_EM_STEPS):
        inverse = padded_inverse(covariance, seen)
        gap = np.where(seen, means - mean, 0.0)
        moment = covariances + gap[:, :, None] * gap[:, None, :]
        pull = np.einsum("r,rij,rj->i", counts, inverse, gap, optimize=True)
        spread = np.tensordot(counts, inverse @ moment @ inverse - inverse, axes=1)
        shift = covariance @ pull / n
        change = covariance @ spread @ covariance / n - np.outer(shift, shift)
        mean, covariance = mean + shift, covariance + change
        scale = np.sqrt(variance)
        moved = max(float(np.abs(shift / scale).max()), float(np.abs(change / np.outer(scale, scale)).max()))
        if moved < _EM_TOLERANCE:
            return mean, covariance
    raise DataError(
        f"The means and covariances could not be estimated in {_EM_STEPS} steps: too much is missing.",
        remedy='use missing="listwise", or leave out the items that few people answered.',
    )


def padded_inverse(covariance: Array, seen: npt.NDArray[np.bool_]) -> Array:
    """Inverse of the seen items' covariance for every pattern, 0 elsewhere: shape (patterns, items, items)."""
    both = seen[:, :, None] & seen[:, None, :]
    # Inverted as correlations, so that items in very different units do not cost digits.
    sd = np.sqrt(np.abs(np.diag(covariance)))
    sizes = np.outer(sd, sd)
    padded = np.where(both, covariance / sizes, 0.0)
    diagonal = np.einsum("rii->ri", padded)
    diagonal[~seen] = 1.0
    return np.where(both, np.linalg.inv(padded) / sizes, 0.0)


def _refuse_constant(used: Array, items: list[str], where: str) -> None:
    with np.errstate(all="ignore"):
        spread = np.nanmax(used, axis=0, initial=-np.inf) - np.nanmin(used, axis=0, initial=np.inf)
    constant = [name for name, s in zip(items, spread, strict=True) if not s > 0]
    if constant:
        raise DataError(
            f"{len(constant)} of {len(items)} items do not vary among {len(used)} people: {', '.join(constant)}.",
            where=where,
            remedy="leave these items out, or pool groups.",
        )


def _refuse_collinear(covariance: Array, items: list[str], where: str) -> None:
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    if values[0] < 1e-9:
        share = np.abs(vectors[:, 0])
        involved = [name for name, s in zip(items, share, strict=True) if s > 0.1 * share.max()]
        raise DataError(
            f"The {len(items)} items are linearly dependent: {', '.join(involved)} determine one another.",
            where=where,
            remedy="look for an item that was entered twice, or a total among the items.",
        )


def _refuse_unseen_pairs(patterns: npt.NDArray[np.bool_], items: list[str], where: str) -> None:
    together = patterns.T.astype(float) @ patterns.astype(float)
    never = [f"{items[i]} with {items[j]}" for i, j in zip(*np.nonzero(np.triu(together == 0)), strict=True)]
    if never:
        shown = ", ".join(never[:5]) + (", ..." if len(never) > 5 else "")
        raise DataError(
            f"{len(never)} pairs of items were never answered by the same person: {shown}.",
            where=where,
            remedy="leave out items until every pair was answered together by somebody.",
        )
