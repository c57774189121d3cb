"""Differential item functioning: people with the same score who answer an item differently, by their group."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError, ValueRangeError
from belonging_study.scales._answers import check_range, numeric_answers, require_columns
from belonging_study.scales.fairness.proportional_odds import ProportionalOdds, proportional_odds
from belonging_study.scales.score import reverse_keyed
from belonging_study.scales.structure.fit_measures import chi_square_tail

__all__ = ["dif"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

_LEVEL = 0.05
_MAX_CATEGORIES = 12
_MIN_GROUP = 20
_MIN_CELL = 5
_SMALL_GROUP = 200
# Jodoin and Gierl (2001); Zumbo and Thomas (1997).
_CUTS = {"classification": (0.035, 0.070), "zumbo_thomas": (0.13, 0.26)}


@dataclass(frozen=True)
class _Item:
    """One item's tests."""

    chi2: tuple[float, float, float]
    df: tuple[int, int, int]
    nagelkerke: tuple[float, float]
    mcfadden: tuple[float, float]
    effects: Array
    n: Index
    n_categories: int
    note: str

    @property
    def p_both(self) -> float:
        return chi_square_tail(self.chi2[2], self.df[2])


def dif(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    group: str,
    reverse: Collection[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    matching: str = "total",
    purify: bool = True,
) -> pd.DataFrame:
    """Test every item for differential item functioning by ordinal logistic regression.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a person, one numeric column an item of at most 12 answers.
    items : list of str
        The items of one scale, three or more.
    group : str
        Column of groups, two or several; people without a group are left out and counted in ``note``.
    reverse : list of str
        Items that are worded the other way round; needs ``minimum`` and ``maximum``.
    minimum, maximum : float, optional
        The form's lowest and highest answer; other numbers are then an error.
    matching : {"total", "rest_score"}
        What people are matched by: the mean of the items with the studied one, or without it. Leaving it out makes a
        reliable scale's items look different wherever the groups' means differ (Holland & Thayer, 1988).
    purify : bool, default True
        Leave items that differ (adjusted p below .05) out of the matching score, the most different first and one at a
        time, until no other item differs; the studied item itself is always in "total".

    Returns
    -------
    pandas.DataFrame
        One row an item: ``item``; ``chi2_uniform``, ``df_uniform``, ``p_uniform`` (group beside the matching score),
        ``chi2_nonuniform``, ``df_nonuniform``, ``p_nonuniform`` (their product beside both), ``chi2_both``,
        ``df_both``, ``p_both`` and ``p_adjusted`` (Holm, over the items); ``nagelkerke_uniform``,
        ``nagelkerke_both``, ``mcfadden_uniform``, ``mcfadden_both`` (what group, and group with the product, add to
        R-squared); ``kind`` ("none", "uniform", "non-uniform"); ``classification`` ("negligible", "moderate", "large":
        Nagelkerke's change up to .035, up to .070, above, and negligible where ``p_adjusted`` is not below .05) and
        ``zumbo_thomas`` (the same with .13 and .26); ``log_odds`` of a higher answer between ``higher_in`` and
        ``lower_in``, the groups farthest apart at the same matching score; ``in_matching``; ``n_students``,
        ``n_by_group``, ``n_categories``, ``note``.

    Raises
    ------
    ParameterError
        Fewer than three items, a choice that does not exist, ``reverse`` without the range.
    DataError
        Fewer than two groups, a group of fewer than 20 people, an item that does not vary or has more than 12 answers,
        an item whose answers nearly all fall together, or that the matching score and the groups explain completely.
    ColumnMissingError, ValueRangeError
        An item that is not in the table; text, infinite numbers or numbers outside the range.

    Notes
    -----
    Proportional odds models of the answer by the matching score (1), by group as well (2), and by their product as well
    (3); twice the differences of their log-likelihoods are chi-square. A person's matching score is the mean of the
    answered items, of which at least half must be answered; who has none, or did not answer the studied item, is not in
    that item's test. Where the groups' means differ much, a bounded score bends the curves and "non-uniform" rejects
    too often (13% instead of 5% with half a standard deviation between groups of 500): judge by ``classification``,
    which asks for a size as well. Answers that fewer than five people of a group gave are joined with the next ones,
    and ``note`` says so.

    References
    ----------
    Zumbo, B. D. (1999). *A handbook on the theory and methods of differential item functioning (DIF)*. Department of
    National Defense, Ottawa.
    Crane, P. K., Gibbons, L. E., Jolley, L., & van Belle, G. (2006). Differential item functioning analysis with
    ordinal logistic regression techniques. *Medical Care, 44*(11 Suppl 3), S115-S123.
    Jodoin, M. G., & Gierl, M. J. (2001). Evaluating Type I error and power rates using an effect size measure with the
    logistic regression procedure for DIF detection. *Applied Measurement in Education, 14*, 329-349.
    Holland, P. W., & Thayer, D. T. (1988). Differential item performance and the Mantel-Haenszel procedure. In H.
    Wainer & H. I. Braun (Eds.), *Test validity* (129-145).
    Nagelkerke, N. J. D. (1991). A note on a general definition of the coefficient of determination. *Biometrika, 78*,
    691-692.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.normal(size=(1000, 1)) + rng.normal(size=(1000, 6))
    >>> latent[500:, 1] += 1  # the second group agrees with q2 more than it should
    >>> answers = pd.DataFrame(np.digitize(latent, [-1.5, 0, 1.5]), columns=[f"q{i}" for i in range(1, 7)])
    >>> answers["arm"] = np.repeat(["control", "offer"], 500)
    >>> table = dif(answers, [f"q{i}" for i in range(1, 7)], group="arm").set_index("item")
    >>> table.loc[table["p_adjusted"] < 0.05, ["kind", "higher_in"]].to_numpy().tolist()
    [['uniform', 'offer']]
    """
    values, codes, labels, said = _read(data, items, group, reverse=reverse, minimum=minimum, maximum=maximum)
    if matching not in ("total", "rest_score"):
        raise ParameterError(f'`matching` must be "total" or "rest_score"; it is {matching!r}.')
    names = [str(name) for name in items]
    against = _against(values, names)
    flagged: frozenset[int] = frozenset()
    seen = {flagged}
    while True:
        found = [
            _tests(values, codes, labels, name=name, studied=i, anchors=_anchors(i, len(names), flagged, matching))
            for i, name in enumerate(names)
        ]
        adjusted = _holm([item.p_both for item in found])
        if not purify:
            break
        now = _next_out(found, adjusted, flagged)
        if now == flagged:
            break
        if len(names) - len(now) < max(2, len(names) / 2):
            said.append(f"over half of the {len(names)} items differ: the matching score still holds some of them")
            break
        if now in seen:
            said.append("the set of items that differ does not settle; the last one is shown")
            break
        seen.add(now)
        flagged = now
    rows = []
    for i, (item, p) in enumerate(zip(found, adjusted, strict=True)):
        notes = [*said, *([against[i]] if i in against else []), *([item.note] if item.note else [])]
        rows.append(_row(names[i], item, float(p), labels, "; ".join(notes)) | {"in_matching": i not in flagged})
    columns = [*[c for c in rows[0] if c not in ("in_matching", "note")], "in_matching", "note"]
    return pd.DataFrame(rows, columns=columns)


def _read(
    data: pd.DataFrame,
    items: Sequence[str],
    group: str,
    *,
    reverse: Collection[str],
    minimum: float | None,
    maximum: float | None,
) -> tuple[Array, Index, list[str], list[str]]:
    """Keyed answers and group numbers of the people who have a group."""
    if not isinstance(data, pd.DataFrame):
        raise ParameterError(f"`data` must be a DataFrame; it is a {type(data).__name__}.")
    answers = numeric_answers(data, items)
    if len(items) < 3:
        raise ParameterError(f"Matching people by their score needs at least three items; there are {len(items)}.")
    endless = [f"{name} ({n})" for name, n in np.isinf(answers).sum().items() if n]
    if endless:
        raise ValueRangeError("Infinite numbers among the answers.", where=", ".join(endless))
    if (minimum is None) != (maximum is None) or (len(reverse) and minimum is None):
        raise ParameterError("`minimum` and `maximum` belong together, and `reverse` needs both.")
    if minimum is not None and maximum is not None:
        check_range(answers, minimum, maximum)
        answers = reverse_keyed(answers, list(items), reverse=list(reverse), minimum=minimum, maximum=maximum)
    if group in items:
        raise ParameterError(f"`group` names {group}, which is an item.")
    require_columns(data, [group], kind="group column")
    column = data[group]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.remove_unused_categories()
        codes, labels = np.asarray(column.cat.codes, dtype=np.int64), [str(c) for c in column.cat.categories]
    else:
        places, found = pd.factorize(column)
        codes, labels = np.asarray(places, dtype=np.int64), [str(label) for label in found]
    if len(labels) < 2:
        raise DataError(
            f"Groups are compared, but {group} holds {len(labels)} different value{'s' * (len(labels) != 1)}.",
            remedy="give a column with at least two groups.",
        )
    said = [f"{n} of {len(data)} people have no {group} and are left out"] if (n := int((codes < 0).sum())) else []
    values = answers.to_numpy()[codes >= 0]
    codes = codes[codes >= 0]
    _refuse_answers(values, [str(name) for name in items])
    return values, codes, labels, said


def _refuse_answers(values: Array, names: list[str]) -> None:
    """DataError where an item does not vary, has too many answers, or one that stands far from the others."""
    for i, name in enumerate(names):
        steps = np.unique(values[~np.isnan(values[:, i]), i])
        if not 1 < len(steps) <= _MAX_CATEGORIES:
            raise DataError(
                f"{name} has {len(steps)} different answers; an ordered item has 2 to {_MAX_CATEGORIES}.",
                remedy="leave constant items out; scores with many values are not items.",
            )
        gaps = np.diff(steps)
        if len(steps) > 2 and gaps[-1] > 5 * np.median(gaps[:-1]) and gaps[-1] > 5:
            raise ValueRangeError(
                f"{name}: the answer {steps[-1]:g} stands {gaps[-1]:g} above the next one.",
                remedy="declare codes such as 99 as missing.",
            )


def _against(values: Array, names: list[str]) -> dict[int, str]:
    """Items whose answers run against the mean of the others."""
    found = {}
    for i in range(len(names)):
        rest = _mean_of(values, np.delete(np.arange(len(names)), i))
        both = ~np.isnan(rest) & ~np.isnan(values[:, i])
        if both.sum() > 2 and np.ptp(rest[both]) > 0 and np.ptp(values[both, i]) > 0:
            r = float(np.corrcoef(rest[both], values[both, i])[0, 1])
            if r < 0:
                found[i] = f"runs against the other items (correlation {r:.2f}), looks unreversed"
    return found


def _mean_of(values: Array, columns: Index) -> Array:
    """Mean of the answered items; NaN where fewer than half of them are answered."""
    part = values[:, columns]
    answered = (~np.isnan(part)).sum(axis=1)
    total = np.nansum(part, axis=1)
    return np.where(2 * answered >= len(columns), total / np.maximum(answered, 1), np.nan)


def _next_out(found: Sequence[_Item], adjusted: Array, flagged: frozenset[int]) -> frozenset[int]:
    """Those that still differ, and of the others the one that differs most: one bad item makes good ones look bad."""
    still = frozenset(i for i in flagged if adjusted[i] < _LEVEL)
    others = [i for i in range(len(found)) if i not in flagged and adjusted[i] < _LEVEL]
    return still | {max(others, key=lambda i: found[i].nagelkerke[1])} if others else still


def _anchors(studied: int, k: int, flagged: frozenset[int], matching: str) -> Index:
    """Which items make up the matching score of the studied one."""
    return np.array(
        [j for j in range(k) if (j == studied and matching == "total") or (j != studied and j not in flagged)],
        dtype=np.int64,
    )


def _tests(values: Array, groups: Index, labels: list[str], *, name: str, studied: int, anchors: Index) -> _Item:
    """The three models of one item."""
    score = _mean_of(values, anchors)
    used = ~np.isnan(score) & ~np.isnan(values[:, studied])
    n = np.bincount(groups[used], minlength=len(labels))
    small = [f"{label} ({count})" for label, count in zip(labels, n, strict=True) if count < _MIN_GROUP]
    if small:
        raise DataError(
            f"{name}: fewer than {_MIN_GROUP} people with a score answered it in {', '.join(small)}.",
            remedy="pool groups, or leave small ones out of the comparison.",
        )
    answers, note = _merged(values[used, studied], groups[used], name)
    matching = score[used]
    if np.ptp(matching) == 0:
        raise DataError(f"{name}: all {len(matching)} people have the same matching score.")
    # People of one group with the same score and answer are one row.
    scores, place = np.unique(matching, return_inverse=True)
    cells, counts = np.unique(np.stack([place, groups[used], answers]), axis=1, return_counts=True)
    x = (scores[cells[0]] - matching.mean()) / matching.std()
    dummies = np.eye(len(labels))[cells[1]][:, 1:]
    predictors = np.column_stack([x, dummies, x[:, None] * dummies])
    weight = counts.astype(np.float64)
    widths = (1, len(labels), 2 * len(labels) - 1)
    fits = [proportional_odds(cells[2], predictors[:, :width], weight) for width in widths]
    shares = np.bincount(cells[2], weights=weight) / weight.sum()
    null = float(weight.sum() * (shares * np.log(shares)).sum())
    one, two, three = (_reached(fit, name) for fit in fits)
    chi2 = [2 * (b.log_likelihood - a.log_likelihood) for a, b in ((one, two), (two, three), (one, three))]
    r2 = [_r_squared(fit.log_likelihood, null, weight.sum()) for fit in (one, two, three)]
    df = len(labels) - 1
    return _Item(
        (max(chi2[0], 0.0), max(chi2[1], 0.0), max(chi2[2], 0.0)),
        (df, df, 2 * df),
        (r2[1][0] - r2[0][0], r2[2][0] - r2[0][0]),
        (r2[1][1] - r2[0][1], r2[2][1] - r2[0][1]),
        np.concatenate([[0.0], two.slopes[1:]]),
        n,
        len(shares),
        note,
    )


def _merged(answers: Array, groups: Index, name: str) -> tuple[Index, str]:
    """Categories from 0 with at least five people in every group, and what was joined for it."""
    steps, codes = np.unique(answers, return_inverse=True)
    table = np.zeros((len(steps), int(groups.max()) + 1))
    np.add.at(table, (codes, groups), 1)
    parts = [[i] for i in range(len(steps))]
    while len(parts) > 1:
        counts = np.array([table[part].sum(axis=0) for part in parts])
        if (counts >= _MIN_CELL).all():
            break
        at = int(np.argmin(counts.min(axis=1)))
        around = [j for j in (at - 1, at + 1) if 0 <= j < len(parts)]
        other = min(around, key=lambda j: counts[j].sum())
        first, second = sorted((at, other))
        parts[first : second + 1] = [parts[first] + parts[second]]
    if len(parts) < 2:
        raise DataError(
            f"{name}: no two answers were each given by {_MIN_CELL} people of every group.",
            remedy="leave the item out, or pool groups.",
        )
    new = np.empty(len(steps), dtype=np.int64)
    for place, part in enumerate(parts):
        new[part] = place
    joined = [" and ".join(f"{steps[i]:g}" for i in part) for part in parts if len(part) > 1]
    note = f"answers joined because fewer than {_MIN_CELL} people of a group gave one: {', '.join(joined)}"
    return new[codes], note if joined else ""


def _reached(fit: ProportionalOdds | None, name: str) -> ProportionalOdds:
    if fit is None:
        raise DataError(
            f"{name}: the matching score and the groups explain its answers completely; the test does not exist.",
            remedy="look for an item that was entered twice, or for a group that gives one answer only.",
        )
    return fit


def _r_squared(log_likelihood: float, null: float, n: float) -> tuple[float, float]:
    """Nagelkerke's and McFadden's."""
    cox_snell = -np.expm1(2 * (null - log_likelihood) / n)
    return float(cox_snell / -np.expm1(2 * null / n)), 1 - log_likelihood / null


def _holm(p_values: Sequence[float]) -> Array:
    """Holm, S. (1979). *Scandinavian Journal of Statistics, 6*, 65-70."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    found = np.empty_like(p)
    found[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return found


def _row(name: str, item: _Item, adjusted: float, labels: list[str], note: str) -> dict[str, object]:
    kinds = ("uniform", "nonuniform", "both")
    row: dict[str, object] = {"item": name}
    p = [chi_square_tail(chi2, df) for chi2, df in zip(item.chi2, item.df, strict=True)]
    for kind, chi2, df, tail in zip(kinds, item.chi2, item.df, p, strict=True):
        row |= {f"chi2_{kind}": chi2, f"df_{kind}": df, f"p_{kind}": tail}
    differs = adjusted < _LEVEL
    row |= {"p_adjusted": adjusted, "nagelkerke_uniform": item.nagelkerke[0], "nagelkerke_both": item.nagelkerke[1]}
    row |= {"mcfadden_uniform": item.mcfadden[0], "mcfadden_both": item.mcfadden[1]}
    row["kind"] = "none" if not differs else "non-uniform" if p[1] < _LEVEL else "uniform"
    for column, (moderate, large) in _CUTS.items():
        change = item.nagelkerke[1] if differs else 0.0
        row[column] = "negligible" if change < moderate else "moderate" if change < large else "large"
    high, low = int(np.argmax(item.effects)), int(np.argmin(item.effects))
    few = [f"{label} ({n})" for label, n in zip(labels, item.n, strict=True) if n < _SMALL_GROUP]
    if few:
        note = "; ".join(filter(None, [note, f"fewer than {_SMALL_GROUP} people, little power: {', '.join(few)}"]))
    return row | {
        "log_odds": float(item.effects[high] - item.effects[low]),
        "higher_in": labels[high],
        "lower_in": labels[low],
        "n_students": int(item.n.sum()),
        "n_by_group": ", ".join(f"{label} {n}" for label, n in zip(labels, item.n, strict=True)),
        "n_categories": item.n_categories,
        "note": note,
    }
