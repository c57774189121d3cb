"""What a reader must bear in mind of a sample and of its measures: each caution by a fixed rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import pandas as pd

from belonging_study.reports.formatting import capital, inside, listed, number, share
from belonging_study.reports.readings import value_of
from belonging_study.study.model import Study, Wave

__all__ = [
    "UNITS",
    "attrition_cautions",
    "careless_cautions",
    "equivalence_cautions",
    "label_in",
    "links_cautions",
    "records",
    "reliability_cautions",
]

LEAST_LINKED = 0.80
"""Below this share of an arm's roster with a linked response, those who answered may not stand for all."""

LINK_GAP = 0.10
"""Arms whose link rates lie further apart than this may differ in who answered."""

LEAST_RELIABILITY = 0.70
"""Below this reliability, scores hide differences that are there."""

MOST_CARELESS = 0.10
"""Above this share of flagged responses, careless answering is named."""

UNITS = {"school": "schools", "class": "classes", "student": "students"}
"""Level of assignment to its plural."""


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows."""
    return cast(list[dict[str, Any]], table.to_dict("records"))


def label_in(study: Study, name: str) -> str:
    """A measure's or a group's label inside a sentence."""
    known = {o.name: o.label for o in study.outcomes} | {n: s.label for n, s in study.scales.items()}
    known |= {g.column: g.label for g in study.groups}
    return inside(known.get(name, name))


def equivalence_cautions(study: Study, wave: Wave, table: pd.DataFrame) -> Iterator[str]:
    """The arms differed before the programme."""
    unless = " (unless attrition after a lottery was low)" if study.design.assignment.randomized else ""
    # Of two levels the one mirrors the other.
    spare = {
        g.column: tuple(g.values.values())[1:] if g.reference is None else (g.values.get(g.reference, g.reference),)
        for g in study.groups
        if len(g.values) == 2
    }
    for verdict, text in (
        (
            "not satisfied",
            f"beyond 0.25, the What Works Clearinghouse holds the arms too different for any adjustment{unless}",
        ),
        (
            "adjustment needed",
            f"between 0.05 and 0.25, the What Works Clearinghouse asks for an adjustment{unless}",
        ),
    ):
        rows = table[table["verdict"] == verdict] if len(table) else table
        sizes: dict[str, float] = {}
        for row in records(rows):
            level = row.get("level")
            if level in spare.get(str(row["variable"]), ()):
                continue
            name = label_in(study, str(row["variable"])) + (f": {level}" if isinstance(level, str) and level else "")
            size = value_of(row, "effect_size")
            size = 0.0 if math.isnan(size) else size  # hidden: the verdict is known, the size is not
            if abs(size) >= abs(sizes.get(name, 0.0)):
                sizes[name] = size
        if sizes:
            ranked = sorted(sizes.items(), key=lambda pair: -abs(pair[1]))
            named = listed([f"{name} ({number(size) if size else 'hidden'})" for name, size in ranked])
            when = "The arms differ" if wave.before_programme else "Before the programme the arms differed"
            yield f"{when} in {named}, in standard deviations; {text}.{_taken_out(study, wave)}"


def _taken_out(study: Study, wave: Wave) -> str:
    """What difference-in-differences does about it."""
    if wave.before_programme or not study.waves_before:
        return ""
    return " Comparing changes takes out a difference that would have lasted, and no other."


def attrition_cautions(study: Study, table: pd.DataFrame) -> Iterator[str]:
    """More students, or clusters, were lost than the boundary allows."""
    if table.empty:
        return
    units = UNITS[study.design.assignment.level]
    if "assumption" not in table:
        yield from _lost(study, table, units)
        return
    for row in records(table[(table["assumption"] == "cautious") & (table["verdict"] == "high")]):
        lost = str(row["level"]).replace("clusters", units)
        arm = str(row.get("arm", ""))
        several = len(study.design.assignment.programme) > 1 and arm
        boundary = value_of(row, "boundary")
        high = (
            "Attrition is high by the What Works Clearinghouse’s cautious boundary for "
            f"{label_in(study, str(row['outcome']))}{f' ({study.arm_label(arm)})' if several else ''}"
        )
        if math.isnan(value_of(row, "overall")):
            yield f"{high}; the numbers are hidden, since they would tell of a few {lost}."
            continue
        allowed = (
            "with so much lost no gap counts as low"
            if math.isnan(boundary)
            else f"at most {number(100 * boundary, 1)} points would count as low"
        )
        yield (
            f"{high}: of {lost} "
            f"{share(value_of(row, 'overall'), 0)} were lost since before the programme, and the arms differ by "
            f"{number(100 * value_of(row, 'differential'), 1)} points ({allowed}). Those who stayed may not be those "
            "who were assigned."
        )


def _lost(study: Study, table: pd.DataFrame, units: str) -> Iterator[str]:
    """A good part of the one group was lost."""
    for row in records(table[table["attrition"] > 1 - LEAST_LINKED]):
        lost = str(row["level"]).replace("clusters", units)
        yield (
            f"Of the {lost} before the programme {share(value_of(row, 'attrition'), 0)} were lost for "
            f"{label_in(study, str(row['outcome']))}: the change is that of those who stayed."
        )


def links_cautions(study: Study, wave: Wave, table: pd.DataFrame) -> Iterator[str]:
    """Too few responses could be linked, or more in one arm."""
    if table.empty or not any(source.kind == "survey" for source in wave.sources):
        return
    alone = study.design.assignment.comparison is None
    rates = {str(r["arm"]): value_of(r, "link_rate") for r in records(table) if (r["arm"] == "all") == alone}
    rates = {arm: rate for arm, rate in rates.items() if not math.isnan(rate)}
    if not rates:
        return
    of_arm = {arm: "" if alone else f" in the {study.arm_label(arm)} arm" for arm in rates}
    shown = listed([f"{share(rate, 0)}{of_arm[arm]}" for arm, rate in rates.items()])
    gap = max(rates.values()) - min(rates.values())
    if study.design.linking is not None:
        yield from _code_cautions(shown, gap, min(rates.values()))
    elif gap > LINK_GAP:
        yield (
            f"Survey responses are there for {shown} of the students on the roster: a gap of {number(100 * gap, 0)} "
            "points can make the arms differ by who answered."
        )
    elif min(rates.values()) < LEAST_LINKED:
        yield (
            f"Survey responses are there for {shown} of the students on the roster: what those would have said who did "
            "not answer is unknown."
        )


def _code_cautions(shown: str, gap: float, least: float) -> Iterator[str]:
    """Too few responses were found again by the students' own codes, or more in one arm."""
    if gap > LINK_GAP:
        yield (
            f"The students’ own codes link {shown} of the responses to an earlier wave: a gap of "
            f"{number(100 * gap, 0)} points can make the arms differ by who is followed."
        )
    elif least < LEAST_LINKED:
        yield (
            f"The students’ own codes link {shown} of the responses to an earlier wave: the others are new, or could "
            "not be told apart, and count as lost."
        )


def reliability_cautions(study: Study, table: pd.DataFrame) -> Iterator[str]:
    """Scales that measure too roughly."""
    rough, alone = [], study.design.assignment.comparison is None
    for row in records(table[table["group"] == "all"]) if len(table) else []:
        omega, alpha = value_of(row, "mcdonald_omega"), value_of(row, "cronbach_alpha")
        name, figure = ("alpha", alpha) if math.isnan(omega) else ("omega", omega)
        if figure < LEAST_RELIABILITY:
            rough.append(f"{label_in(study, str(row['scale']))} ({name} {number(figure, leading_zero=False)})")
    if rough:
        verb = "was" if len(rough) == 1 else "were"
        yield (
            f"{capital(listed(rough))} {verb} measured with a reliability below "
            f"{number(LEAST_RELIABILITY, leading_zero=False)}: {'changes of' if alone else 'effects on'} such scores "
            "look smaller in standard deviations than they are, and single scores mean little."
        )


def careless_cautions(table: pd.DataFrame) -> Iterator[str]:
    """Many responses bear a sign of careless answering."""
    for row in records(table):
        if value_of(row, "share") > MOST_CARELESS:
            yield (
                f"{share(value_of(row, 'share'), 0)} of the responses bear a sign of careless answering "
                f"({row['rule']}): such answers blur differences."
            )
