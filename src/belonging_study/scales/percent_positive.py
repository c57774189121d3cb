"""The percentage of positive answers, by the three definitions in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales._answers import require_columns
from belonging_study.scales._covariances import rest_correlations, unreversed_note
from belonging_study.scales.score import reverse_keyed, score

__all__ = ["CUT_MARGIN", "percent_positive"]

CUT_MARGIN = 1e-9
"""A mean is a quotient: one that is the cut exactly must not miss it by rounding."""

_FEW_CLUSTERS = 10
_DEFINITIONS = ("pooled_items", "person_mean", "all_conditions")

Array = npt.NDArray[np.float64]


def percent_positive(
    data: pd.DataFrame,
    items: Sequence[str] | Mapping[str, Sequence[str]],
    *,
    cut: float,
    minimum: float,
    maximum: float,
    reverse: Sequence[str] = (),
    definition: Literal["pooled_items", "person_mean", "all_conditions"] = "pooled_items",
    min_answered: float = 0.8,
    by: str | None = None,
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Give the percentage of positive answers, or of students who are positive, with its interval.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a student, with the items as they stand on the form (not yet reversed). Rows count as students, so one
        wave at a time.
    items : sequence of str, or mapping
        The scale's items; for "all_conditions" a mapping of each condition's name to its items.
    cut : float
        The lowest answer, after reverse keying, that is positive: above ``minimum``, at most ``maximum``.
    minimum, maximum : float
        The lowest and the highest answer on the form.
    reverse : sequence of str, optional
        Items that are worded the other way round.
    definition : {"pooled_items", "person_mean", "all_conditions"}
        "pooled_items": positive answers in percent of all answers, which is the mean of the items' percentages,
        weighted by how many answered each. "person_mean": students whose mean of the items is at or above the cut, in
        percent of those with a mean. "all_conditions": students whose mean is at or above the cut on every condition,
        in percent of those with a mean on each.
    min_answered : float, default 0.8
        Smallest share of the items (of each condition) that a student must have answered to have a mean. With
        "pooled_items" every answer counts.
    by : str, optional
        A column to split by; students without a value are the level "(missing)".
    cluster : str, optional
        The column of the schools or classes in which students were asked together.
    conf_level : float, default 0.95
        Level of the interval.

    Returns
    -------
    pandas.DataFrame
        A row for all, then one a level of ``by``: ``definition``, ``by``, ``level``; ``estimate``, ``std_error``,
        ``conf_low`` and ``conf_high`` in percent; ``n_students`` who count, ``n_answers`` that they gave;
        ``n_positive`` answers ("pooled_items") or students (otherwise); ``n_clusters`` (students, where no cluster is
        given); ``note``.

    Raises
    ------
    ColumnMissingError, ValueRangeError, ParameterError
        As :func:`score`; ParameterError also for ``cut``, ``definition``, ``conf_level`` and ``items`` of the wrong
        form.
    DataError
        A student without a cluster, an item in two conditions, or a table without rows.

    Notes
    -----
    The percentage is a ratio R of sums over students; its variance is that of the linearised residuals, summed by
    cluster and multiplied by G / (G - 1) for G clusters (Binder 1983; G students where no cluster is given). The
    interval is t with G - 1 degrees of freedom on the logit scale, so it stays within 0 and 100. At 0% and at 100%
    residuals do not vary; there the interval is Clopper and Pearson's (1934), each cluster counting as one answer,
    and there is no standard error.

    References
    ----------
    Binder, D. A. (1983). On the variances of asymptotically normal estimators from complex surveys. *International
    Statistical Review, 51*, 279-292. Korn, E. L., & Graubard, B. I. (1998). Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data. *Survey Methodology, 24*, 193-201. Clopper,
    C. J., & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the case of the binomial.
    *Biometrika, 26*, 404-413.

    Examples
    --------
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"cares": [5, 4, 2, 1, 3], "listens": [4, 4, 5, 2, None]})
    >>> table = percent_positive(answers, ["cares", "listens"], cut=4, minimum=1, maximum=5)
    >>> table[["estimate", "n_students", "n_answers", "n_positive"]].round(1)
       estimate  n_students  n_answers  n_positive
    0      55.6           5          9           5
    >>> both = {"caring": ["cares"], "voice": ["listens"]}
    >>> percent_positive(answers, both, cut=4, minimum=1, maximum=5, definition="all_conditions")["estimate"].item()
    50.0
    """
    if definition not in _DEFINITIONS:
        raise ParameterError(f"`definition` must be one of {', '.join(_DEFINITIONS)}; it is {definition!r}.")
    if not 0 < conf_level < 1:
        raise ParameterError(f"`conf_level` must lie between 0 and 1; it is {conf_level:g}.")
    conditions = _conditions(items, definition)
    names = [name for mine in conditions for name in mine]
    keyed = reverse_keyed(data, names, reverse, minimum, maximum)
    if not minimum < cut <= maximum:
        raise ParameterError(
            f"`cut` must be above {minimum:g} and at most {maximum:g}; it is {cut:g}.",
            remedy="give the lowest answer that counts as positive, after reverse keying.",
        )
    if not len(data):
        raise DataError("The table has no rows.", remedy="check what was read.")
    require_columns(data, [name for name in (by, cluster) if name is not None])
    if definition == "pooled_items":
        positive = (keyed >= cut).sum(axis=1).to_numpy(dtype=float)
        counted = keyed.notna().sum(axis=1).to_numpy(dtype=float)
    else:
        means = [score(keyed, mine, minimum=minimum, maximum=maximum, min_answered=min_answered) for mine in conditions]
        table = pd.concat(means, axis=1)
        counted = table.notna().all(axis=1).to_numpy(dtype=float)
        positive = (table >= cut - CUT_MARGIN).all(axis=1).to_numpy(dtype=float) * counted
    answers = keyed.notna().sum(axis=1).to_numpy(dtype=float)
    units = _units(data, cluster)
    rows = []
    for group, level, chosen in _cells(data, by):
        used = chosen & (counted > 0)
        found = _ratio(positive[used], counted[used], units[used], conf_level, cluster is not None)
        rows.append(
            {"definition": definition, "by": group, "level": level}
            | found
            | {"n_students": int(used.sum()), "n_answers": int(answers[used].sum())}
        )
    rows[0]["note"] = "; ".join(filter(None, [rows[0]["note"], *(_unreversed(keyed[mine]) for mine in conditions)]))
    order = ["definition", "by", "level", "estimate", "std_error", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=[*order, "n_students", "n_answers", "n_positive", "n_clusters", "note"])


def _conditions(items: Sequence[str] | Mapping[str, Sequence[str]], definition: str) -> list[list[str]]:
    """The items of every condition; one condition where the definition knows none."""
    if isinstance(items, Mapping) != (definition == "all_conditions"):
        wanted = "a mapping of each condition to its items" if definition == "all_conditions" else "a list of items"
        raise ParameterError(f"With definition={definition!r}, `items` must be {wanted}.")
    if not isinstance(items, Mapping):
        if isinstance(items, str):
            raise ParameterError("`items` must be a list of column names; it is one text.")
        return [list(items)]
    wrong = [str(name) for name, mine in items.items() if isinstance(mine, str) or not len(mine)]
    if wrong or not items:
        raise ParameterError(
            f"Each condition needs a list of items; {', '.join(wrong) or 'there is no condition'}"
            f"{' has none' if wrong else ''}."
        )
    conditions = [list(mine) for mine in items.values()]
    names = [name for mine in conditions for name in mine]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{len(twice)} item{'s stand' if len(twice) > 1 else ' stands'} twice: {', '.join(twice)}.",
            remedy="give each item to one condition.",
        )
    return conditions


def _units(data: pd.DataFrame, cluster: str | None) -> npt.NDArray[np.int64]:
    """Number every row's cluster; each row is its own where there is none."""
    if cluster is None:
        return np.arange(len(data))
    without = int(data[cluster].isna().sum())
    if without:
        raise DataError(
            f"{without} of {len(data)} rows have no {cluster}.",
            where=f"column {cluster}",
            remedy="fill it in, or drop those rows and say so.",
        )
    return np.asarray(pd.factorize(data[cluster])[0], dtype=np.int64)


def _cells(data: pd.DataFrame, by: str | None) -> list[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Column, level and the rows that belong there; all rows first."""
    cells = [("all", "all", np.ones(len(data), dtype=bool))]
    if by is not None:
        column = data[by]
        cells += [(by, str(at), (column == at).to_numpy(dtype=bool)) for at in pd.factorize(column, sort=True)[1]]
        if bool(column.isna().any()):
            cells.append((by, "(missing)", column.isna().to_numpy(dtype=bool)))
    return cells


def _ratio(
    positive: Array, counted: Array, units: npt.NDArray[np.int64], conf_level: float, clustered: bool
) -> dict[str, Any]:
    """A ratio of sums in percent, its linearised standard error and its interval on the logit scale."""
    n_clusters, what = len(np.unique(units)), "cluster" if clustered else "student"
    found: dict[str, Any] = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
    found |= {"n_positive": int(positive.sum()), "n_clusters": n_clusters, "note": ""}
    if not len(counted):
        return found | {"note": "nobody answered enough to count"}
    ratio = positive.sum() / counted.sum()
    found["estimate"] = 100 * ratio
    notes = [f"{n_clusters} clusters only, so the interval is rough"] if 1 < n_clusters < _FEW_CLUSTERS else []
    if ratio in (0.0, 1.0):
        end = ((1 - conf_level) / 2) ** (1 / n_clusters)
        found |= {"conf_low": 100 * ratio * end, "conf_high": 100 * (1 - (1 - ratio) * end)}
        notes.append(
            f"at {100 * ratio:g}% there is no standard error; the interval is Clopper and Pearson's, "
            f"each {what} counting as one answer"
        )
    elif n_clusters < 2:
        notes.append(f"one {what} only, so neither standard error nor interval")
    else:
        residuals = np.bincount(units, weights=(positive - ratio * counted) / counted.sum())
        error = float(np.sqrt(n_clusters / (n_clusters - 1) * (residuals**2).sum()))
        found["std_error"] = 100 * error
        if error < 1e-12:
            notes.append(f"every {what} has the same share, so there is no interval")
        else:
            spread = stats.t.ppf(0.5 + conf_level / 2, n_clusters - 1) * error / (ratio * (1 - ratio))
            ends = np.log(ratio / (1 - ratio)) + np.array([-spread, spread])
            low, high = 0.5 * (1 + np.tanh(ends / 2))
            found |= {"conf_low": 100 * float(low), "conf_high": 100 * float(high)}
    return found | {"note": "; ".join(notes)}


def _unreversed(keyed: pd.DataFrame) -> str:
    """Name the items that run against the others of their condition."""
    complete = keyed.dropna().to_numpy()
    if keyed.shape[1] < 3 or len(complete) <= keyed.shape[1] or bool((np.ptp(complete, axis=0) == 0).any()):
        return ""
    return unreversed_note([str(name) for name in keyed], rest_correlations(np.cov(complete, rowvar=False)))
