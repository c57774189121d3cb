"""Which parameters a model of ordered answers has: thresholds and scales instead of intercepts and residuals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.layout import Layout, Row, lay_out, layout_of
from belonging_study.scales.structure.syntax import Term

__all__ = ["EQUAL_ORDERED", "layout_of_ordered", "refuse_own_moments"]

EQUAL_ORDERED = ("loadings", "thresholds", "means")


def layout_of_ordered(
    terms: Sequence[Term],
    n_thresholds: dict[str, int],
    *,
    n_groups: int,
    equal: Collection[str],
    free: Collection[str],
    std_lv: bool,
) -> Layout:
    """Delta parametrisation: residual variances follow from the rest, and are held at 0 while it is estimated.

    Scales are inverse standard deviations: 1, but free in later groups where the thresholds are equal.
    """
    refuse_own_moments(terms, n_thresholds)
    unknown = [name for name in equal if name not in EQUAL_ORDERED]
    if isinstance(equal, str) or unknown:
        raise ParameterError(
            f"For ordered items `equal` must be a list of {', '.join(EQUAL_ORDERED)}; "
            f"it holds {', '.join(map(str, unknown)) or 'one text'}."
        )
    cuts = [(item, f"t{t + 1}") for item, count in n_thresholds.items() for t in range(count)]
    named = {f"{item}|{cut}" for item, cut in cuts}
    released = {"".join(str(text).split()) for text in free} & named
    others = [text for text in free if "".join(str(text).split()) not in named]
    held = "thresholds" in equal
    continuous = ["intercepts" if name == "thresholds" else name for name in equal]
    if n_groups == 1 and (continuous or len(free)):
        raise ParameterError("`equal` and `free` compare groups; give `group` as well.")
    base = layout_of(terms, n_groups=n_groups, equal=continuous, free=others, std_lv=std_lv, means=True)
    rows = [r for r in base.rows if not (r.op == "~1" and r.lhs in n_thresholds)]
    own = [r.op == "~~" and r.lhs == r.rhs and r.lhs in n_thresholds for r in rows]
    rows = [replace(r, fixed=0.0, label="") if is_own else r for r, is_own in zip(rows, own, strict=True)]
    for g in range(n_groups):
        for item, cut in cuts:
            key = f"{item}|{cut}"
            rows.append(Row(item, "|", cut, g, label=key if held and n_groups > 1 and key not in released else ""))
        rows += [Row(item, "~*~", item, g, None if held and g else 1.0) for item in n_thresholds]
    return lay_out(rows, base.items, base.factors, n_groups=n_groups, means=True)


def refuse_own_moments(terms: Sequence[Term], n_thresholds: Collection[str]) -> None:
    """ParameterError where the text names an ordered item's intercept or residual variance."""
    for term in terms:
        own_variance = term.op == "~~" and term.lhs == term.rhs and term.lhs in n_thresholds
        if own_variance or (term.op == "~1" and term.lhs in n_thresholds):
            raise ParameterError(
                "Ordered items have no intercepts or residual variances of their own.",
                where=f"model, line {term.line}: {term.key}",
            )
