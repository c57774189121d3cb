"""Small cells are hidden here, and nowhere else, before a table or a figure leaves the study.

Five rules, all by the study's minimum cell m:

1. A row that describes 1 to m - 1 people loses its count and every number made from them.
2. Rows that add up to a published total are hidden in company: the smallest further row goes too, until an attacker
   who uses every sum of the table and the bounds 1 and m - 1 is left with more than one possible count.
3. In a participant flow the analysis sample is shown, because other tables need it. Reasons that took out a few are
   merged until they count m; where they cannot, the number is hidden together with the start it would follow from, in
   the flow and in the table of linked responses.
4. How often each value of a variable was given is shown for all its values or for none (see `suppress_values`); rare
   answers to an item are counted together with the next answer (see `suppress_answers`).
5. A rate that with its number of students tells of a few is hidden, with the rates of the other arms and waves; so are
   small gaps between two numbers of a row (see `suppress_rates` and `suppress_gaps`).

Rules 1 and 2 hold within a table. What two tables say of overlapping samples is for the study team to read before a
report leaves their hands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.reports.answer_disclosure import suppress_answers, suppress_items
from belonging_study.reports.flow_disclosure import HIDDEN_IN_COMPANY, fewer_than, suppress_flow
from belonging_study.reports.link_disclosure import suppress_link_reasons, suppress_links
from belonging_study.reports.rate_disclosure import suppress_gaps, suppress_rates
from belonging_study.reports.value_disclosure import suppress_values

__all__ = ["DEFAULT_COUNTS", "DEFAULT_WITHIN", "HIDDEN_IN_COMPANY", "suppress"]

DEFAULT_COUNTS: tuple[str, ...] = (
    "n_students", "n", "n_responses", "n_complete", "n_units", "n_flagged", "n_treated", "n_comparison",
)  # fmt: skip
"""Columns that say how many people a row describes."""

DEFAULT_WITHIN: tuple[str, ...] = ("group", "arm")
"""Columns whose values add up to the row with the value "all"."""

_KEYS = (
    "wave", "outcome", "scale", "measure", "item", "variable", "column", "indicator", "domain", "role", "model",
    "estimator", "inference", "method", "term", "contrast", "reason", "rule", "kind", "step", "stream", "time",
    "event_time", "statistic_name", "effect_size_type", "group", "arm", "level",
)  # fmt: skip
_STRUCTURE = ("step", "time", "event_time", "conf_level", "n_items")
_FLOW = frozenset({"stream", "kind", "step"})
_LINKS = frozenset({"n_roster", "n_linked"})
_LINK_REASONS = frozenset({"link_reason", "n_responses"})
_BY_VALUE = (
    (frozenset({"scale", "item", "value", "n", "share"}), suppress_answers),
    (frozenset({"value", "n", "share"}), suppress_values),
)
_Array = np.ndarray[Any, Any]


def suppress(
    table: pd.DataFrame,
    *,
    minimum_cell: int,
    counts: Sequence[str] = DEFAULT_COUNTS,
    within: Sequence[str] = DEFAULT_WITHIN,
    flow: pd.DataFrame | None = None,
    rare: Collection[str] = (),
) -> pd.DataFrame:
    """Hide what a table says of fewer than ``minimum_cell`` people.

    Parameters
    ----------
    table : pandas.DataFrame
        A tidy table; a participant flow is known by its columns ``stream``, ``kind`` and ``step``, linked responses
        by ``n_roster`` and ``n_linked``, the reasons of links by ``link_reason`` and ``n_responses``. One that has
        been through here may come again: what it hides stays hidden.
    minimum_cell : int
        The smallest number of people that may be described (at least 2).
    counts : sequence of str
        Columns that count the people a row describes; those that the table does not have are passed over.
    within : sequence of str
        Columns whose values add up to the row with the value "all" (all other keys being equal). Where the table
        has a column ``level``, the values of ``group`` are each a set of levels; otherwise ``"gender: girl"`` and
        ``"gender=girl"`` belong to the set "gender". A total counts as published even if this table does not show it.
    flow : pandas.DataFrame, optional
        The participant flow before disclosure control, for a table of linked responses or of the reasons of links
        (see `suppress_links`); such a table is hidden whole without it.
    rare : collection of str
        Outcomes of which another table has rates of a few (see `rare_outcomes`).

    Returns
    -------
    pandas.DataFrame
        The same rows and columns plus ``suppressed``, which is empty or says why the row is hidden. In a hidden row
        every number is missing, except what describes the design (``step``, ``time``, ``conf_level``, ``n_items``),
        and ``note`` is empty. Whole-number columns become nullable. A count of zero, and a missing one, hides nothing.
        Of a participant flow, small reasons are merged (see `suppress_flow`).

    Raises
    ------
    ParameterError
        ``minimum_cell`` below 2.
    DataError
        A count is negative.

    References
    ----------
    Hundepool, A., et al. (2012). *Statistical Disclosure Control*. Wiley (chapter 4: primary and secondary cells).
    National Center for Education Statistics (2010). *Statistical Methods for Protecting Personally Identifiable
    Information in Aggregate Reporting* (SLDS Technical Brief 3, NCES 2011-603).

    Examples
    --------
    >>> table = pd.DataFrame({"group": ["all", "gender: girl", "gender: boy", "gender: other"],
    ...                       "n_students": [204, 110, 90, 4], "mean": [3.1, 3.2, 3.0, 2.5]})
    >>> suppress(table, minimum_cell=10)[["n_students", "suppressed"]].fillna(0).values.tolist()
    [[204, ''], [110, ''], [0, 'hidden to protect a smaller group'], [0, 'fewer than 10']]
    """
    if minimum_cell < 2:
        raise ParameterError(f"minimum_cell is {minimum_cell}", remedy="give 2 or more; the usual minimum is 10.")
    table = table.reset_index(drop=True)
    for column in {*counts, "n_rows"} & set(table.columns):
        n_negative = int((pd.to_numeric(table[column], errors="coerce") < 0).sum())
        if n_negative:
            raise DataError(f"{n_negative} counts are negative.", where=f"column {column}")
    by_value = next((rule for names, rule in _BY_VALUE if set(table.columns) >= names), None)
    if by_value is not None:
        return by_value(table, minimum_cell)
    table = suppress_items(table, minimum_cell)
    special = next((names for names in (_FLOW, _LINKS, _LINK_REASONS) if set(table.columns) >= names), None)
    if special and "suppressed" in table:
        return table
    if special == _FLOW:
        return suppress_flow(table, minimum_cell)
    if special:
        if flow is None:
            return _mask(table, pd.Series(HIDDEN_IN_COMPANY, index=table.index, dtype="object"))
        return (suppress_links if special == _LINKS else suppress_link_reasons)(table, flow, minimum_cell)
    table = suppress_rates(suppress_gaps(table, minimum_cell), minimum_cell, rare)
    present = [c for c in counts if c in table.columns]
    reason = pd.Series("", index=table.index, dtype="object")
    for column in present:
        size = pd.to_numeric(table[column], errors="coerce")
        reason[(size > 0) & (size < minimum_cell)] = fewer_than(minimum_cell)
    if (reason != "").any():
        size = pd.to_numeric(table[present[0]], errors="coerce").fillna(0)
        people = size.to_numpy(dtype=float)
        small = (reason != "").to_numpy(dtype=bool)
        for row in _company(small, people, _sets(table, within), minimum_cell):
            reason[row] = HIDDEN_IN_COMPANY
    return _mask(table, reason)


def _mask(table: pd.DataFrame, reason: pd.Series[str]) -> pd.DataFrame:
    """Take the numbers out of hidden rows."""
    hidden = reason != ""
    out = table.copy()
    for column in out.columns:
        dtype = out[column].dtype
        if column in _STRUCTURE or not hidden.any():
            continue
        if pd.api.types.is_bool_dtype(dtype):
            out[column] = out[column].astype("boolean").mask(hidden)
        elif pd.api.types.is_integer_dtype(dtype):
            out[column] = out[column].astype("Int64").mask(hidden)
        elif pd.api.types.is_numeric_dtype(dtype):
            out[column] = out[column].mask(hidden)
        elif column == "note":
            out[column] = out[column].mask(hidden, "")
    if "suppressed" in table:
        reason = reason.where(hidden, table["suppressed"].fillna(""))
    out["suppressed"] = reason
    return out


@dataclass(frozen=True)
class _Set:
    """Rows that add up to a total, which is a row too where the table shows it."""

    members: tuple[int, ...]
    total: int | None


def _sets(table: pd.DataFrame, within: Sequence[str]) -> list[_Set]:
    """Every set of rows that adds up to a published total."""
    found = []
    for column in within:
        if column not in table:
            continue
        values = table[column].astype("string").fillna("")
        levelled = column == "group" and "level" in table
        own = {column, "level"} if levelled else {column}
        keys = [k for k in _KEYS if k in table and k not in own]
        families = values if levelled else values.str.extract(r"^(.*?)\s*[:=]")[0].fillna("")
        rows: dict[tuple[Any, ...], dict[str, list[int]]] = {}
        key_rows = (
            table[keys].astype("string").fillna("").itertuples(index=False, name=None) if keys else [()] * len(table)
        )
        for i, key in enumerate(key_rows):
            family = "all" if values[i] == "all" else f"of {families[i]}"
            rows.setdefault(key, {}).setdefault(family, []).append(i)
        for families_here in rows.values():
            totals = families_here.pop("all", [])
            found += [_Set(tuple(m), totals[0] if totals else None) for m in families_here.values()]
    return found


def _company(small: _Array, size: _Array, sets: Sequence[_Set], minimum: int) -> list[int]:
    """Rows to hide besides the small ones."""
    added: list[int] = []
    for related in _components(sets):
        if not any(small[row] for row in _rows(related)):
            continue
        hidden = small.copy()
        while True:
            row = _next_to_hide(small, hidden, size, related, minimum)
            if row is None:
                break
            hidden[row] = True
            added.append(row)
    return added


def _rows(sets: Sequence[_Set]) -> list[int]:
    """Every row of the sets, totals included, in order."""
    return sorted({row for s in sets for row in (*s.members, s.total) if row is not None})


def _components(sets: Sequence[_Set]) -> list[list[_Set]]:
    """Sets that share no row have nothing to tell about each other."""
    found: list[tuple[set[int], list[_Set]]] = []
    for one in sets:
        rows, group = set(_rows([one])), [one]
        apart = []
        for other_rows, other in found:
            if rows & other_rows:
                rows |= other_rows
                group = other + group
            else:
                apart.append((other_rows, other))
        found = [*apart, (rows, group)]
    return [group for _, group in found]


def _next_to_hide(small: _Array, hidden: _Array, size: _Array, sets: Sequence[_Set], minimum: int) -> int | None:
    """The smallest row whose hiding protects what could still be worked out; nothing if none can."""
    exposed = [s for s in sets if _left_is_small(s, small, hidden, size, minimum)]
    if not exposed:
        betrayed = _worked_out(small, hidden, size, sets, minimum)
        if betrayed is None:
            return None
        exposed = [s for s in sets if betrayed == s.total or betrayed in s.members]
    # First where the fewest rows are hidden yet: that is where the subtraction is shortest.
    for chosen in sorted(exposed, key=lambda s: sum(bool(hidden[i]) for i in s.members)):
        shown = [i for i in chosen.members if not hidden[i] and size[i] > 0]
        if shown:
            return min(shown, key=lambda i: (size[i], i))
    rest = [i for i in _rows(sets) if not hidden[i] and size[i] > 0]
    return min(rest, key=lambda i: (size[i], i)) if rest else None


def _left_is_small(chosen: _Set, small: _Array, hidden: _Array, size: _Array, minimum: int) -> bool:
    """Whether total minus shown rows counts fewer than the minimum, though no single row is known."""
    if chosen.total is not None and hidden[chosen.total]:
        return False
    members = [i for i in chosen.members if hidden[i]]
    left = float(sum(size[i] for i in members))
    can_grow = any(not hidden[i] and size[i] > 0 for i in chosen.members)
    return any(small[i] for i in members) and left < minimum and can_grow


def _worked_out(small: _Array, hidden: _Array, size: _Array, sets: Sequence[_Set], minimum: int) -> int | None:
    """A small row that has one possible count left, given every sum and every bound; nothing if there is none."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    unknown = [row for row in _rows(sets) if hidden[row]]
    place = {row: k for k, row in enumerate(unknown)}
    system, known = [], []
    for chosen in sets:
        equation = np.zeros(len(unknown))
        published = sum(size[i] for i in chosen.members) if chosen.total is None else size[chosen.total]
        if chosen.total in place:
            equation[place[chosen.total]], published = -1, 0.0
        for row in chosen.members:
            if row in place:
                equation[place[row]] = 1
            else:
                published -= size[row]
        if equation.any():
            system.append(equation)
            known.append(published)
    if not system:
        return None
    sums = LinearConstraint(np.array(system), np.array(known), np.array(known))
    bounds = Bounds(
        [1 if small[r] else minimum for r in unknown], [minimum - 1 if small[r] else np.inf for r in unknown]
    )
    for row in (r for r in unknown if small[r]):
        goal = np.zeros(len(unknown))
        goal[place[row]] = 1
        low, high = (
            milp(sign * goal, constraints=sums, bounds=bounds, integrality=np.ones(len(unknown), dtype=np.int64)).fun
            for sign in (1, -1)
        )
        if low is not None and high is not None and round(low) >= round(-high):
            return row
    return None
