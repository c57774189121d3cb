"""The ladder of models of ordered answers: equal thresholds, then loadings, intercepts and residual variances."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.layout import Layout, Row, lay_out, layout_of, leaves_scale_open
from belonging_study.scales.structure.ordered_layout import refuse_own_moments
from belonging_study.scales.structure.syntax import Term

__all__ = ["ORDERED_STEPS", "few_thresholds", "ladder_layout"]

# What is equal between groups at each step.
ORDERED_STEPS = {
    "configural": (),
    "thresholds": ("thresholds",),
    "metric": ("thresholds", "loadings"),
    "scalar": ("thresholds", "loadings", "intercepts"),
    "strict": ("thresholds", "loadings", "intercepts", "residuals"),
}


def ladder_layout(
    terms: Sequence[Term], n_thresholds: dict[str, int], step: str, *, n_groups: int, free: Collection[str]
) -> Layout:
    """One step of the ladder; the first group's scales are 1 and its intercepts 0.

    In later groups equal thresholds set an item's intercept (one equal threshold) and its scale (two) free; equal
    intercepts are 0 again and set the factors' means free. Where fewer than two thresholds are equal, a loading cannot
    be told from the scale before the intercepts are equal: such an item's loading stays free until then. Up to scalar
    the residual variances follow from the scales (delta); in the strict step they are 1 and the scales follow (theta).

    Wu, H., & Estabrook, R. (2016). Identification of confirmatory factor analysis models of different levels of
    invariance for ordered categorical outcomes. *Psychometrika, 81*, 1014-1045.
    """
    refuse_own_moments(terms, n_thresholds)
    if isinstance(free, str):
        raise ParameterError('`free` must be a list, for example free=["x3|t1"]; it is one text.')
    equal = ORDERED_STEPS[step]
    cuts = {item: [f"{item}|t{t + 1}" for t in range(count)] for item, count in n_thresholds.items()}
    written = {"".join(str(text).split()) for text in free}
    all_cuts = {cut for own in cuts.values() for cut in own}
    n_equal = {item: sum(cut not in written for cut in own) for item, own in cuts.items()}
    loose = {item for item, n in n_equal.items() if n < 2}
    # A marker item whose loading cannot be told would set the others' unit.
    unmarked = bool(loose) and leaves_scale_open(terms)
    others = sorted(written - all_cuts)
    if step == "metric":
        others += [t.key for t in terms if t.op == "=~" and t.rhs in loose]
    base = layout_of(
        terms,
        n_groups=n_groups,
        equal=[name for name in equal if name in ("loadings", "intercepts")],
        free=others,
        std_lv=unmarked,
        means=True,
    )
    tied = {r.lhs for r in base.rows if r.op == "=~" and r.label and r.group == 1}
    rows = []
    for r in base.rows:
        if r.lhs in n_thresholds and r.op == "~1":
            continue
        if r.lhs in n_thresholds and r.op == "~~" and r.lhs == r.rhs:
            own = "residuals" in equal
            held = not own or r.group == 0 or f"{r.lhs}~~{r.lhs}" not in written
            rows.append(replace(r, fixed=float(own) if held else None, label=""))
        elif step == "metric" and unmarked and r.group and r.op == "~~" and r.lhs == r.rhs and r.lhs not in tied:
            # No loading of this factor is held equal, so that nothing tells its variance.
            rows.append(replace(r, fixed=1.0, label=""))
        else:
            rows.append(r)
    for g in range(n_groups):
        for item, own_cuts in cuts.items():
            for cut in own_cuts:
                held = "thresholds" in equal and cut not in written
                rows.append(Row(item, "|", cut.partition("|")[2], g, label=cut if held else ""))
            rows += _location(item, g, equal, n_equal[item], f"{item}~1" in written)
    return lay_out(rows, base.items, base.factors, n_groups=n_groups, means=True)


def few_thresholds(n_thresholds: dict[str, int]) -> list[str]:
    """What a reader must know of items with two or three answers."""
    notes = []
    three = [item for item, count in n_thresholds.items() if count == 2]
    two = [item for item, count in n_thresholds.items() if count == 1]
    if three:
        notes.append(f"with three answers equal thresholds cannot be tested: {', '.join(three)}")
    if two:
        notes.append(
            "with two answers neither equal thresholds nor, by themselves, equal loadings can be tested; both are "
            f"tested with the intercepts: {', '.join(two)}"
        )
    return notes


def _location(item: str, g: int, equal: Collection[str], n_equal: int, released: bool) -> list[Row]:
    """An item's intercept and scale in one group."""
    later = g > 0
    if "intercepts" in equal:
        intercept, scale = later and released, later
    else:
        some = later and "thresholds" in equal
        intercept, scale = some and n_equal >= 1, some and n_equal >= 2
    found = [Row(item, "~1", "", g)] if intercept else []
    if "residuals" not in equal:
        found.append(Row(item, "~*~", item, g, None if scale else 1.0))
    return found
