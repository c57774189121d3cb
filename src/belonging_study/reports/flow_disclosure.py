"""The participant flow's rule for small counts: publish the pieces, and work out the rest from them.

Each arm's start and each arm's exclusions are the pieces. A small piece becomes "fewer than m", and whatever depends on
it is printed as the range that follows from the published pieces alone, so that nobody can work back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from belonging_study.reports.formatting import count

__all__ = ["fewer_than", "suppress_flow"]

_COUNTS = ("n_students", "n_rows")
_STRUCTURE = ("step", "time")


def fewer_than(minimum_cell: int) -> str:
    """What a small cell says.

    Examples
    --------
    >>> fewer_than(10)
    'fewer than 10'
    """
    return f"fewer than {minimum_cell}"


@dataclass(frozen=True)
class _Range:
    """What can be said of a count from published pieces."""

    low: float
    high: float

    def __add__(self, other: _Range) -> _Range:
        return _Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: _Range) -> _Range:
        return _Range(max(0.0, self.low - other.high), max(0.0, self.high - other.low))

    @property
    def exact(self) -> bool:
        return self.low == self.high


class _Step(NamedTuple):
    """One row of a flow."""

    row: int
    order: float
    kind: str
    label: str
    arm: str
    size: float

    @property
    def place(self) -> tuple[float, str, str]:
        """What the rows of the arms and of all have in common."""
        return self.order, self.kind, self.label


def suppress_flow(flow: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide small counts of a participant flow, and whatever would give them away.

    Parameters
    ----------
    flow : pandas.DataFrame
        ``stream, kind, step`` and, where they apply, ``wave, label, arm, n_students, n_rows, n_clusters``; within a
        stream, wave and arm, what remains is the start less the exclusions so far.
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        As from :func:`~belonging_study.reports.disclosure.suppress`; ``suppressed`` holds "fewer than 10" or the range
        that follows from the published counts. Of a hidden exclusion the clusters are hidden too.

    Examples
    --------
    >>> flow = pd.DataFrame({"stream": "students", "step": [0, 1, 2], "kind": ["start", "excluded", "remaining"],
    ...                      "n_students": [200, 4, 196]})
    >>> suppress_flow(flow, 10)["suppressed"].tolist()
    ['', 'fewer than 10', '191 to 199']
    """
    reasons = [""] * len(flow)
    out = flow.copy()
    for column in [c for c in _COUNTS if c in flow]:
        masked = [False] * len(flow)
        for steps in _streams(flow, column):
            for row, known in _flow_ranges(steps, minimum).items():
                if not known.exact:
                    masked[row] = True
                    # A count of students explains the row better than one of rows.
                    reasons[row] = reasons[row] or _in_words(known, minimum)
        out[column] = out[column].astype("Int64").mask(pd.Series(masked))
    reason = pd.Series(reasons, dtype="object")
    hidden = reason != ""
    # Schools left are no count of people; schools that lost somebody would narrow a hidden count.
    if "n_clusters" in out:
        out["n_clusters"] = out["n_clusters"].astype("Int64").mask(hidden & out["kind"].isin(["excluded", "info"]))
    for column in out.columns.difference([*_COUNTS, "n_clusters", *_STRUCTURE]):
        if pd.api.types.is_numeric_dtype(out[column].dtype):
            out[column] = out[column].mask(hidden)
    out["suppressed"] = reason
    return out


def _streams(flow: pd.DataFrame, column: str) -> list[list[_Step]]:
    """The rows with a count, by wave and stream, in the order of the steps."""
    waves = flow["wave"].tolist() if "wave" in flow else [""] * len(flow)
    arms = flow["arm"].astype("string").fillna("all").tolist() if "arm" in flow else ["all"] * len(flow)
    labels = flow["label"].tolist() if "label" in flow else [""] * len(flow)
    sizes = pd.to_numeric(flow[column], errors="coerce").astype("float64").tolist()
    found: dict[tuple[str, str], list[_Step]] = {}
    rows = zip(waves, flow["stream"], flow["step"], flow["kind"], labels, arms, sizes, strict=True)
    for row, (wave, stream, order, kind, label, arm, size) in enumerate(rows):
        if not math.isnan(size):
            found.setdefault((str(wave), str(stream)), []).append(
                _Step(row, float(order), str(kind), str(label), str(arm), size)
            )
    return [sorted(steps, key=lambda step: step.order) for steps in found.values()]


def _flow_ranges(steps: Sequence[_Step], minimum: int) -> dict[int, _Range]:
    """What may be published of each row of one stream of one wave."""
    arms = list(dict.fromkeys(step.arm for step in steps if step.arm != "all"))
    ranges: dict[int, _Range] = {}
    for arm in arms or ["all"]:
        ranges |= _walk([step for step in steps if step.arm == arm], minimum)
    if not arms:
        return ranges
    of_arms: dict[tuple[float, str, str], list[_Step]] = {}
    for step in steps:
        if step.arm != "all":
            of_arms.setdefault(step.place, []).append(step)
    # Only people without an arm stand between the arms and "all"; their own pieces follow the same rule.
    rest = [
        step._replace(size=step.size - sum(other.size for other in of_arms.get(step.place, [])))
        for step in steps
        if step.arm == "all"
    ]
    for row, total in _walk(rest, minimum).items():
        place = next(step.place for step in rest if step.row == row)
        for other in of_arms.get(place, []):
            total = total + ranges[other.row]  # noqa: PLW2901
        ranges[row] = total
    return ranges


def _walk(steps: Sequence[_Step], minimum: int) -> dict[int, _Range]:
    """Start, exclusions and what remains of one arm: pieces as published, the rest worked out from them."""
    ranges: dict[int, _Range] = {}
    now, left, losses = _Range(0, 0), 0.0, 0
    for step in steps:
        if step.kind == "start":
            now, left = _piece(step.size, minimum), step.size
            ranges[step.row] = now
        elif step.kind == "excluded":
            ranges[step.row] = _piece(step.size, minimum)
            now, left, losses = now - ranges[step.row], left - step.size, losses + (step.size > 0)
        elif step.kind == "remaining":
            if left == 0 and losses == 1:
                # All went for one reason: both counts are the same, and neither tells the other.
                now = _Range(0, 0)
            ranges[step.row] = now
        elif now.exact or not minimum <= step.size <= left:
            ranges[step.row] = _piece(step.size, minimum)
        else:
            # Part of a number that is not published: only those outside it are a piece, and a few are no more than few.
            outside = left - step.size
            ranges[step.row] = now - (_Range(0, minimum - 1) if outside < minimum else _Range(outside, outside))
    return ranges


def _piece(size: float, minimum: int) -> _Range:
    """One piece of a flow: as it is, or only that it is small."""
    return _Range(1, minimum - 1) if 0 < size < minimum else _Range(size, size)


def _in_words(known: _Range, minimum: int) -> str:
    """A range as the printed table says it."""
    if known.high < minimum:
        return fewer_than(minimum)
    return f"{count(known.low)} to {count(known.high)}"
