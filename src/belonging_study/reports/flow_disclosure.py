"""The participant flow's rule for small counts: the analysis sample is published, small reasons are merged.

Other tables need the exact size of the analysis sample, so a small exclusion cannot hide behind it. Instead, reasons
that took out only a few students somewhere become one row, the same for every arm, and stay exact in sum. Only where
all reasons of an arm together took out a few is the number hidden, with the start that would give it away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["HIDDEN_IN_COMPANY", "fewer_than", "suppress_flow", "told_by_links"]

HIDDEN_IN_COMPANY = "hidden to protect a smaller group"
"""What a row says that is hidden so that another cannot be worked out by subtraction."""

_COUNTS = ("n_students", "n_rows")
_ADDED = (*_COUNTS, "n_clusters")
_WITHOUT_ARM = "@without arm"
_Place = tuple[str, str, int, str]
"""Wave, stream, step and arm."""
_Hidden = dict[_Place, str]
"""What is said in place of each hidden count."""


def fewer_than(minimum_cell: int) -> str:
    """What a small cell says.

    Examples
    --------
    >>> fewer_than(10)
    'fewer than 10'
    """
    return f"fewer than {minimum_cell}"


def suppress_flow(flow: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Merge small exclusions of a participant flow, and hide what cannot be merged.

    Parameters
    ----------
    flow : pandas.DataFrame
        ``stream, kind, step`` and, where they apply, ``wave, label, arm, n_students, n_rows, n_clusters``. Within a
        stream, wave and arm each step is one row, and what remains is the start less every exclusion.
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        As `flow`, plus ``suppressed``. Reasons that took out 1 to ``minimum - 1`` in any arm, or of those without an
        arm, are one row with both names; the next smallest reason joins until the row counts 0 or at least
        ``minimum`` everywhere. An arm that lost 1 to ``minimum - 1`` in all has these counts, its start and the same
        of "all" missing, and ``suppressed`` says why; what remains is exact. Of a few students told of in passing
        (kind ``info``), or all but a few, the number is missing too. The files' starts and ends are missing wherever
        they would give a hidden start, or a few excluded students who had answered, away.

    Examples
    --------
    >>> flow = pd.DataFrame({"stream": "students", "step": range(4),
    ...                      "kind": ["start", "excluded", "excluded", "remaining"],
    ...                      "label": ["Enrolled", "No consent", "Moved away", "Analysed"],
    ...                      "n_students": [200, 12, 4, 184]})
    >>> suppress_flow(flow, 10)[["label", "n_students"]].values.tolist()
    [['Enrolled', 200], ['No consent, or moved away', 16], ['Analysed', 184]]
    >>> suppress_flow(flow.drop(index=1), 10)["suppressed"].tolist()
    ['hidden to protect a smaller group', 'fewer than 10', '']
    """
    merged = _merged(_keyed(flow), minimum)
    hidden = _hidden(merged, minimum)
    out = merged[[c for c in merged.columns if not c.startswith("@")]].copy()
    places = _places(merged)
    texts = pd.Series("", index=out.index, dtype="object")
    # Students explain a row better than rows do, so they speak first.
    for column, of_column in hidden.items():
        said = pd.Series([of_column.get(place, "") for place in places], index=out.index, dtype="object")
        out[column] = out[column].astype("Int64").mask(said != "")
        texts = texts.where(texts != "", said)
    # Schools left are no count of people, unless everybody is a cluster; schools that lost somebody narrow a count.
    if "n_clusters" in out:
        tells = out["kind"].isin(["excluded", "info"])
        for column in hidden:
            tells |= merged["n_clusters"] == merged[column]
        out["n_clusters"] = out["n_clusters"].astype("Int64").mask((texts != "") & tells)
    out["suppressed"] = texts
    return out


def told_by_links(
    places: Sequence[tuple[str, str]], n_linked: Sequence[float], flow: pd.DataFrame, minimum: int
) -> pd.DataFrame:
    """Say where the size of a roster, or the number of linked responses, gives away what the flow hides.

    Parameters
    ----------
    places : sequence of tuple of str
        Wave and arm of each number.
    n_linked : sequence of float
        Linked responses there; missing where there is no such number.
    flow : pandas.DataFrame
        The flow of the same waves before disclosure control (see `suppress_flow`).
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        One row a place: ``roster`` (bool), where the flow hides the start, and ``linked`` (bool), where linked
        responses differ from the start or from the answers in the sample by a few.

    Examples
    --------
    >>> flow = pd.DataFrame({"wave": "w1", "stream": "students", "step": range(3), "arm": "all",
    ...                      "kind": ["start", "excluded", "remaining"], "n_students": [200, 4, 196]})
    >>> told_by_links([("w1", "all")], [150], flow, 10).values.tolist()
    [[True, True]]
    """
    merged = _merged(_keyed(flow), minimum)
    hidden = _hidden(merged, minimum).get("n_students", {})
    found = []
    for (wave, arm), n in zip(places, n_linked, strict=True):
        start, answered = _landmarks(merged, hidden, wave, arm)
        found.append((start is not None and start.hidden, _betrays(float(n), start, answered, minimum)))
    return pd.DataFrame(found, columns=["roster", "linked"], dtype=bool)


class _Known(NamedTuple):
    """A count of the students' stream, and whether it is hidden."""

    size: float
    hidden: bool


def _small(size: float, minimum: int) -> bool:
    return bool(0 < size < minimum)


def _keyed(flow: pd.DataFrame) -> pd.DataFrame:
    """The flow with a wave and an arm in every row."""
    out = flow.reset_index(drop=True)
    out["@wave"] = out["wave"].astype(str) if "wave" in out else ""
    out["@arm"] = out["arm"].astype("string").fillna("all").astype(object) if "arm" in out else "all"
    return out


def _streams(flow: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """The rows of each wave and stream, in the order of the table."""
    return [((str(w), str(s)), rows) for (w, s), rows in flow.groupby(["@wave", "stream"], sort=False)]


def _places(flow: pd.DataFrame) -> list[_Place]:
    """Wave, stream, step and arm of each row."""
    keys = zip(flow["@wave"], flow["stream"], flow["step"], flow["@arm"], strict=True)
    return [(str(wave), str(stream), int(step), str(arm)) for wave, stream, step, arm in keys]


def _sizes(rows: pd.DataFrame, column: str) -> dict[str, dict[int, float]]:
    """Counts of one stream, arm by arm and step by step; those in "all" without an arm are an arm of their own."""
    sizes: dict[str, dict[int, float]] = {}
    counts = pd.to_numeric(rows[column], errors="coerce").astype("float64")
    for arm, step, n in zip(rows["@arm"], rows["step"], counts, strict=True):
        if not math.isnan(n):
            sizes.setdefault(str(arm), {})[int(step)] = float(n)
    arms = [of_arm for arm, of_arm in sizes.items() if arm != "all"]
    if arms and "all" in sizes:
        without = {step: n - sum(of_arm.get(step, 0.0) for of_arm in arms) for step, n in sizes["all"].items()}
        if any(without.values()):
            sizes[_WITHOUT_ARM] = without
    return sizes


def _units(sizes: Mapping[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """The arms; all students where there are none."""
    return {arm: of_arm for arm, of_arm in sizes.items() if arm != "all"} or dict(sizes)


def _merged(flow: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """The flow with small reasons of each stream merged into one row an arm."""
    parts = []
    for _, rows in _streams(flow):
        reasons = rows[rows["kind"] == "excluded"]
        steps = sorted({int(step) for step in reasons["step"]})
        pieces = []
        for column in (c for c in _COUNTS if c in rows):
            for of_arm in _units(_sizes(reasons, column)).values():
                pieces.append(np.array([of_arm.get(step, 0.0) for step in steps]))
        together = [steps[i] for i in _to_merge(pieces, minimum)]
        parts.append(_with_one_row(rows, together) if together else rows)
    return pd.concat(parts, ignore_index=True) if parts else flow


def _to_merge(pieces: Sequence[npt.NDArray[np.float64]], minimum: int) -> list[int]:
    """Which reasons must be told as one; each piece has one count a reason."""
    # Where all reasons together are few, merging does not help: that arm is hidden instead.
    kept = [piece for piece in pieces if piece.sum() >= minimum]
    if not kept:
        return []
    table = np.array(kept)
    chosen: npt.NDArray[np.bool_] = np.any((table > 0) & (table < minimum), axis=0)
    while True:
        merged = table[:, chosen].sum(axis=1)
        short = (merged > 0) & (merged < minimum)
        if not short.any():
            return [int(i) for i in np.flatnonzero(chosen)]
        helpful = np.flatnonzero(~chosen & (table[short] > 0).any(axis=0))
        chosen[helpful[np.argmin(table[:, helpful].sum(axis=0))]] = True


def _with_one_row(rows: pd.DataFrame, steps: Sequence[int]) -> pd.DataFrame:
    """One stream with these reasons as one row an arm, where the first of them stood."""
    these = (rows["kind"] == "excluded") & rows["step"].isin(steps)
    old = rows[these].sort_values("step", kind="stable")
    new = old.drop_duplicates("@arm").copy()
    for column in (c for c in _ADDED if c in rows):
        sums = old.groupby("@arm")[column].sum(min_count=1)
        new[column] = new["@arm"].map(sums)
    new["step"] = min(steps)
    if "label" in rows:
        new["label"] = _one_label(list(dict.fromkeys(old["label"].astype(str))))
    first = old.groupby("@arm")["step"].idxmin()
    new.index = pd.Index([first[arm] for arm in new["@arm"]])
    return pd.concat([rows[~these], new]).sort_index()


def _one_label(labels: Sequence[str]) -> str:
    """The names of several reasons as one."""
    # An abbreviation keeps its capitals.
    rest = [label[:1].lower() + label[1:] if label[1:2].islower() else label for label in labels[1:]]
    *early, last = [labels[0], *rest]
    return f"{', '.join(early)}, or {last}" if early else last


def _hidden(flow: pd.DataFrame, minimum: int) -> dict[str, _Hidden]:
    """Every count that may not be shown, column by column."""
    found: dict[str, _Hidden] = {}
    for column in (c for c in _COUNTS if c in flow):
        found[column] = {}
        for (wave, stream), rows in _streams(flow):
            kinds = {int(step): str(kind) for step, kind in zip(rows["step"], rows["kind"], strict=True)}
            for (step, arm), text in _hidden_in_stream(_sizes(rows, column), kinds, minimum).items():
                found[column][wave, stream, step, arm] = text
    if "n_students" in found:
        ends = flow[flow["kind"].isin(["start", "remaining"]) & (flow["stream"] != "students")]
        for (wave, _), rows in _streams(ends):
            start, answered = _landmarks(flow, found["n_students"], wave, "all")
            linked = rows[(rows["kind"] == "remaining") & (rows["stream"] == "survey")]["n_students"]
            if (start is not None and start.hidden) or any(
                _betrays(float(n), start, answered, minimum) for n in linked.dropna()
            ):
                for of_column in found.values():
                    of_column |= {place: of_column.get(place, HIDDEN_IN_COMPANY) for place in _places(rows)}
    return found


def _hidden_in_stream(
    sizes: Mapping[str, dict[int, float]], kinds: Mapping[int, str], minimum: int
) -> dict[tuple[int, str], str]:
    """What a stream must hide by itself, after merging: step and arm to what is said in its place."""
    hidden: dict[tuple[int, str], str] = {}
    few = fewer_than(minimum)
    for unit, of_unit in _units(sizes).items():
        lost = sum(n for step, n in of_unit.items() if kinds[step] == "excluded")
        left = [n for step, n in of_unit.items() if kinds[step] == "remaining"]
        for step, n in of_unit.items():
            # What is left over beside a number tells as much as the number.
            told = {"start": [lost, *left], "info": [m - n for m in left]}.get(kinds[step], [])
            if _small(n, minimum):
                hidden[step, unit] = few
            elif any(_small(other, minimum) for other in told):
                hidden[step, unit] = HIDDEN_IN_COMPANY
    if "all" in sizes:
        for step in {step for step, _ in hidden}:
            hidden[step, "all"] = few if _small(sizes["all"].get(step, 0.0), minimum) else HIDDEN_IN_COMPANY
    return hidden


def _landmarks(flow: pd.DataFrame, hidden: _Hidden, wave: str, arm: str) -> tuple[_Known | None, _Known | None]:
    """How many students a wave starts with in an arm, and how many of the sample answered."""
    rows = flow[(flow["@wave"] == wave) & (flow["stream"] == "students") & (flow["@arm"] == arm)]
    labels = rows["label"].astype(str) if "label" in rows else pd.Series("", index=rows.index)
    answered = (rows["kind"] == "info") & labels.str.contains("answered", case=False)
    found = []
    for which in (rows["kind"] == "start", answered):
        one = rows[which]
        known = [_Known(float(n), p in hidden) for n, p in zip(one["n_students"], _places(one), strict=True)]
        found.append(known[0] if known else None)
    return found[0], found[1]


def _betrays(n_linked: float, start: _Known | None, answered: _Known | None, minimum: int) -> bool:
    """Whether the number of linked responses tells of a few: of those who gave none, or of answers left out."""
    return (start is not None and (start.hidden or _small(start.size - n_linked, minimum))) or (
        answered is not None and (answered.hidden or _small(n_linked - answered.size, minimum))
    )
