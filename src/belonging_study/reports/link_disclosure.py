"""Small counts among linked responses: by wave, arm and school, and by the reason of a link.

What is left beside a number tells as much as the number: of a school with 100 students of whom 97 were linked, 3 were
not. Schools add up to their arm, and arms to everybody, so whatever is hidden is hidden in company.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from belonging_study.data.linking.codes import NOT_LINKED
from belonging_study.reports.flow_disclosure import HIDDEN_IN_COMPANY, fewer_than, told_by_links

__all__ = ["suppress_link_reasons", "suppress_links"]

_SURVEY = ["n_roster", "n_linked", "link_rate"]
_AGAIN = ["n_again", "retention"]


def suppress_links(links: pd.DataFrame, flow: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide of the linked responses what tells of a few students, or gives away a count that the flow hides.

    Parameters
    ----------
    links : pandas.DataFrame
        ``wave, arm, n_roster, n_linked, link_rate`` and, where they apply, ``school`` ("all" in the rows of arms),
        ``n_again`` and ``retention`` (see `links_table`). Waves in order.
    flow : pandas.DataFrame
        The flow of the same waves before disclosure control (see `suppress_flow`).
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        The same rows, without responses that are on no roster (the flow tells of them), plus ``suppressed``. Where
        the flow hides the start, the roster is hidden; where linked responses differ from the roster or from the
        answers in the sample by a few, those of every arm are hidden. ``n_again`` is hidden where a few students
        came again, left or are new. A school with a few in any of these is hidden with as many of the smallest other
        schools as it takes for their sums to be no small numbers; where its arm's number is hidden, every school's is.
        Schools have ``link_rate_band`` too, such as "80 to 90%": empty where a band, with every sum of the table, would
        leave fewer than three possible numbers of some hidden school.

    References
    ----------
    National Center for Education Statistics (2010). *Statistical Methods for Protecting Personally Identifiable
    Information in Aggregate Reporting* (SLDS Technical Brief 3, NCES 2011-603): rates of small groups in bands.

    Examples
    --------
    >>> flow = pd.DataFrame({"wave": "w1", "stream": "students", "step": range(3), "arm": "all",
    ...                      "kind": ["start", "excluded", "remaining"], "n_students": [200, 4, 196]})
    >>> links = pd.DataFrame({"wave": ["w1"], "arm": ["all"], "n_roster": [200], "n_linked": [150]})
    >>> suppress_links(links, flow, 10)["suppressed"].tolist()
    ['hidden to protect a smaller group']
    """
    out = links.drop(columns=["n_responses", "n_unlinked"], errors="ignore").reset_index(drop=True)
    units = _units(links.reset_index(drop=True))
    by_arm = [unit for unit in units if unit.school == "all"]
    told = told_by_links([(u.wave, u.arm) for u in by_arm], [u.linked for u in by_arm], flow, minimum)
    roster = {u for u, hidden in zip(by_arm, told["roster"], strict=True) if hidden}
    linked = {u for u, hidden in zip(by_arm, told["linked"], strict=True) if hidden}
    linked |= {u for u in by_arm if _any_small([u.linked], minimum)}
    linked |= {u for u in by_arm if _few_without_arm(u, by_arm, "linked", minimum)}
    again = {u for u in by_arm if u in roster or _any_small(_coming_and_going(u), minimum)}
    again |= {u for u in by_arm if (u.wave_before, u.arm) in {(other.wave, other.arm) for other in roster}}
    again |= {u for u in by_arm if _few_without_arm(u, by_arm, "again", minimum)}
    # The arms add up to "all": one arm's number is worked out from the others' unless they go with it.
    again |= {u for u in by_arm if u.arm != "all" and u.wave in {other.wave for other in again}}
    settled = _settled_waves(units, minimum)
    again |= {u for u in units if u.wave in settled}
    linked |= {u for u in again if u.same_people}
    linked |= {u for u in by_arm if u.arm != "all" and u.wave in {other.wave for other in linked}}
    survey, together = _schools(units, roster | linked, again, minimum)
    if "school" in out:
        out["link_rate_band"] = _bands(units, survey, linked, roster, minimum)
    survey, together = survey | linked, together | again
    for columns, hidden in ((_SURVEY[1:], survey), (_AGAIN, together)):
        for name in (name for name in columns if name in out):
            number = out[name] if name in ("link_rate", "retention") else out[name].astype("Int64")
            out[name] = number.mask(pd.Series([u in hidden for u in units], dtype=bool))
    whole = roster | {u for u in survey if u.school != "all"}
    out["n_roster"] = out["n_roster"].astype("Int64").mask(pd.Series([u in whole for u in units], dtype=bool))
    anything = survey | roster | {u for u in together if not np.isnan(u.again)}
    out["suppressed"] = [
        "" if u not in anything else fewer_than(minimum) if u in whole and 0 < u.roster < minimum else HIDDEN_IN_COMPANY
        for u in units
    ]
    return out.astype({"suppressed": "object"})


def suppress_link_reasons(reasons: pd.DataFrame, flow: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Merge small reasons of links, or hide a wave's, so that none tells of a few students.

    Parameters
    ----------
    reasons : pandas.DataFrame
        ``wave, link_reason, n_responses, share`` and ``link_quality`` (see `link_reasons_table`); within a wave every
        response has one reason.
    flow : pandas.DataFrame
        The flow of the same waves before disclosure control.
    minimum : int
        The smallest number of people that may be shown.

    Returns
    -------
    pandas.DataFrame
        As `reasons`, plus ``suppressed``. Reasons of links become one row, and so do reasons against one, until each
        row counts 0 or at least `minimum`; ``link_quality`` of merged rows is missing. A wave is hidden whole where
        the links, or the rest, are a few in all, or where the flow hides how many students it started with.

    Examples
    --------
    >>> flow = pd.DataFrame({"wave": "w2", "stream": "students", "step": range(2), "arm": "all",
    ...                      "kind": ["start", "remaining"], "n_students": [200, 200]})
    >>> reasons = pd.DataFrame({"wave": "w2", "link_reason": ["identical code", "1 part differs", "no match"],
    ...                         "n_responses": [150, 4, 46], "share": [0.75, 0.02, 0.23]})
    >>> suppress_link_reasons(reasons, flow, 10)[["link_reason", "n_responses"]].values.tolist()
    [['identical code, or 1 part differs', 154], ['no match', 46]]
    """
    parts = []
    for wave, rows in reasons.groupby("wave", sort=False):
        against = rows["link_reason"].isin(NOT_LINKED)
        n_linked = int(rows.loc[~against, "n_responses"].sum())
        merged = pd.concat([_merged(rows[~against], minimum), _merged(rows[against], minimum)], ignore_index=True)
        start = told_by_links([(str(wave), "all")], [n_linked], flow, minimum)
        total = int(rows["n_responses"].sum())
        few = start.any(axis=None) or _any_small([total, n_linked, total - n_linked], minimum)
        merged["suppressed"] = HIDDEN_IN_COMPANY if few else ""
        for name in {"n_responses", "share", "link_quality"} & set(merged) if few else ():
            merged[name] = pd.NA if name == "n_responses" else np.nan
        parts.append(merged.astype({"n_responses": "Int64", "suppressed": "object"}))
    return pd.concat(parts, ignore_index=True) if parts else reasons.assign(suppressed="")


def _merged(rows: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Make one row of the small ones, and of the next smallest as long as that is small."""
    by_size = rows[rows["n_responses"] > 0].sort_values("n_responses", kind="stable")
    together = by_size[by_size["n_responses"] < minimum]
    while 0 < together["n_responses"].sum() < minimum and len(together) < len(by_size):
        together = by_size.iloc[: len(together) + 1]
    if len(together) < 2:
        return rows
    mine = rows[rows.index.isin(together.index)]
    one = mine.iloc[[0]].assign(n_responses=mine["n_responses"].sum())
    one["link_reason"] = ", ".join(mine["link_reason"].iloc[:-1]) + f", or {mine['link_reason'].iloc[-1]}"
    if "share" in one:
        one["share"] = mine["share"].sum()
    if "link_quality" in one:
        one["link_quality"] = np.nan
    return pd.concat([rows.drop(index=mine.index), one]).sort_index()


@dataclass(frozen=True, eq=False)
class _Unit:
    """An arm, or a school, in a wave: its place in the table, and its counts (NaN where there is none)."""

    place: int
    wave: str
    wave_before: str
    arm: str
    school: str
    roster: float
    linked: float
    again: float
    before: float
    by_code: bool

    @property
    def same_people(self) -> bool:
        """Whether those linked by their code are those who came again, so that one number tells the other."""
        return self.by_code and self.linked == self.again


def _units(links: pd.DataFrame) -> list[_Unit]:
    """The rows of the table, each with the roster of the wave before."""
    waves = list(dict.fromkeys(links["wave"].astype(str)))
    before = dict(zip(waves[1:], waves, strict=False))
    n = len(links)
    numbers = {
        name: pd.to_numeric(links[name]).to_numpy(dtype=float, na_value=np.nan) if name in links else np.full(n, np.nan)
        for name in ("n_roster", "n_linked", "n_again", "n_responses")
    }
    by_code = numbers["n_responses"] == numbers["n_roster"]  # the survey is its own roster
    schools = links["school"].astype(str) if "school" in links else pd.Series("all", index=links.index)
    keys = list(zip(links["wave"].astype(str), links["arm"].astype(str), schools, strict=True))
    size = dict(zip(keys, numbers["n_roster"], strict=True))
    return [
        _Unit(
            i,
            wave,
            before.get(wave, ""),
            arm,
            school,
            numbers["n_roster"][i],
            numbers["n_linked"][i],
            numbers["n_again"][i],
            size.get((before.get(wave, ""), arm, school), np.nan),
            bool(by_code[i]),
        )
        for i, (wave, arm, school) in enumerate(keys)
    ]


def _any_small(sizes: Sequence[float], minimum: int) -> bool:
    return any(0 < abs(size) < minimum for size in sizes)


def _coming_and_going(unit: _Unit) -> list[float]:
    """Who came again, is new, left, and came back after having left."""
    back = unit.linked - unit.again if unit.by_code else 0
    return [unit.again, unit.roster - unit.again, unit.before - unit.again, back]


def _few_without_arm(unit: _Unit, units: Sequence[_Unit], number: str, minimum: int) -> bool:
    """Whether the arms leave a few over of everybody's number."""
    arms = [float(getattr(u, number)) for u in units if u.wave == unit.wave and u.arm != "all"]
    return unit.arm == "all" and bool(arms) and _any_small([float(getattr(unit, number)) - sum(arms)], minimum)


def _schools(
    units: Sequence[_Unit], survey: set[_Unit], again: set[_Unit], minimum: int
) -> tuple[set[_Unit], set[_Unit]]:
    """Schools whose survey numbers, and whose numbers of those who came again, are hidden."""
    arms = {(u.wave, u.arm): u for u in units if u.school == "all"}
    hidden_survey: set[_Unit] = set()
    hidden_again: set[_Unit] = set()
    for (wave, arm), schools in _families(units).items():
        parent = arms.get((wave, arm), arms.get((wave, "all")))
        rest = [
            float(getattr(parent, name)) - sum(float(getattr(s, name)) for s in schools)
            for name in ("roster", "linked", "again")
        ]
        few = {s for s in schools if _any_small([s.roster, s.linked, s.roster - s.linked], minimum)}
        few |= {s for s in schools if s.same_people and _any_small(_coming_and_going(s), minimum)}
        if parent in survey or _any_small(rest[:2], minimum):
            few = set(schools)
        few = _in_company(few, schools, minimum)
        hidden_survey |= few
        earlier = {s.school for s in hidden_survey if s.wave == schools[0].wave_before}
        away = {s for s in schools if s in few or s.school in earlier or _any_small(_coming_and_going(s), minimum)}
        if parent in again or _any_small(rest[2:], minimum):
            away = set(schools)
        hidden_again |= _in_company(away, schools, minimum)
    return hidden_survey, hidden_again


def _settled_waves(units: Sequence[_Unit], minimum: int) -> set[str]:
    """Waves in which a zero settles a small number.

    Where nobody of an arm left, everybody of it came again, school by school, and rosters then tell who is new.
    """
    waves: set[str] = set()
    above = {(u.wave, u.arm): u for u in units if u.school == "all"}
    for unit in units:
        if not _any_small(_coming_and_going(unit), minimum):
            continue
        for parent in (above.get((unit.wave, unit.arm)), above.get((unit.wave, "all"))):
            if parent is not None and 0 in _coming_and_going(parent)[:3]:
                waves.add(unit.wave)
    return waves


def _families(units: Sequence[_Unit]) -> dict[tuple[str, str], list[_Unit]]:
    """The schools of each wave and arm."""
    families: dict[tuple[str, str], list[_Unit]] = {}
    for unit in units:
        if unit.school != "all":
            families.setdefault((unit.wave, unit.arm), []).append(unit)
    return families


def _bands(units: Sequence[_Unit], survey: set[_Unit], arms: set[_Unit], roster: set[_Unit], minimum: int) -> list[str]:
    """The band of each school's link rate; none in an arm where it would tell too much of a hidden school."""
    bands = dict.fromkeys(units, "")
    parents = {(u.wave, u.arm): u for u in units if u.school == "all"}
    for (wave, arm), schools in _families(units).items():
        parent = parents.get((wave, arm))
        counted = [s for s in schools if s.roster > 0 and not np.isnan(s.linked)]
        if parent is None or parent in arms or parent in roster or not counted:
            continue
        rest = parent.roster - sum(s.roster for s in schools)
        if _any_small([rest, *(s.roster for s in schools)], minimum):
            continue
        limits = {s: _band(s, minimum) for s in counted}
        hidden = [s for s in counted if s in survey]
        low, high = (np.array([limits[s][k] for s in hidden]) for k in (1, 2))
        total = sum(s.linked for s in hidden)
        least = np.maximum(low, total - (high.sum() - high))
        most = np.minimum(high, total - (low.sum() - low))
        if (most - least >= 2).all():
            bands |= {s: limits[s][0] for s in counted}
    return list(bands.values())


def _band(unit: _Unit, minimum: int) -> tuple[str, int, int]:
    """A school's band in words, and the lowest and highest number of students that fit it."""
    steps = 5 if unit.roster < 2 * minimum else 10
    step = min(int(unit.linked * steps // unit.roster), steps - 1)
    size = int(unit.roster)
    return (
        f"{step * 100 // steps} to {(step + 1) * 100 // steps}%",
        -(-size * step // steps),
        size * (step + 1) // steps,
    )


def _in_company(hidden: set[_Unit], schools: Sequence[_Unit], minimum: int) -> set[_Unit]:
    """Add the smallest schools until what is hidden adds up to no small number."""
    rest = sorted((s for s in schools if s not in hidden), key=lambda s: (s.roster, s.place), reverse=True)
    chosen = set(hidden)
    while chosen and rest:
        sums = np.array([[s.roster, s.linked, s.roster - s.linked, *_coming_and_going(s)] for s in chosen]).sum(axis=0)
        few = any(_any_small(_coming_and_going(s), minimum) for s in chosen)
        if len(chosen) > 1 and not _any_small(list(sums), minimum) and not (few and 0 in sums[3:6]):
            break
        chosen.add(rest.pop())
    return chosen
