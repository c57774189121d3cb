"""Which parameters a factor model has in every group, which are free, and which are equal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.syntax import Term

__all__ = ["EQUAL", "Layout", "Row", "baseline_layout", "lay_out", "layout_of", "leaves_scale_open", "saturated_layout"]

EQUAL = ("loadings", "intercepts", "residuals", "means")

LOADING, RESIDUAL, FACTOR, INTERCEPT, MEAN, THRESHOLD, SCALE = range(7)


@dataclass(frozen=True)
class Row:
    """One parameter in one group; ``fixed`` is its value where it is not estimated, equal ``label`` means equal."""

    lhs: str
    op: str
    rhs: str
    group: int
    fixed: float | None = None
    label: str = ""

    @property
    def key(self) -> str:
        """The parameter as it is written, for example ``x3~1``."""
        return f"{self.lhs}{self.op}{self.rhs}"


@dataclass(frozen=True)
class Layout:
    """Where every parameter stands: kind of matrix, row, column, group, and place in the vector of free ones.

    ``free`` is -1 for a fixed parameter; equal parameters share a place.
    """

    items: tuple[str, ...]
    factors: tuple[str, ...]
    n_groups: int
    means: bool
    rows: tuple[Row, ...]
    kind: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    free: npt.NDArray[np.int64]
    fixed: npt.NDArray[np.float64]

    @property
    def n_free(self) -> int:
        """Parameters that are estimated, equal ones counted once."""
        return int(self.free.max(initial=-1)) + 1

    @property
    def df(self) -> int:
        """Degrees of freedom: moments minus free parameters."""
        p = len(self.items)
        return self.n_groups * (p * (p + 1) // 2 + (p if self.means else 0)) - self.n_free


def lay_out(rows: Sequence[Row], items: Sequence[str], factors: Sequence[str], *, n_groups: int, means: bool) -> Layout:
    """Number the parameters."""
    item_at = {name: i for i, name in enumerate(items)}
    factor_at = {name: i for i, name in enumerate(factors)}
    at: list[tuple[int, int, int]] = []
    free: list[int] = []
    place: dict[str, int] = {}
    for number, r in enumerate(rows):
        of_items = r.lhs in item_at
        own = item_at if of_items else factor_at
        if r.op == "=~":
            at.append((LOADING, item_at[r.rhs], factor_at[r.lhs]))
        elif r.op == "~~":
            at.append((RESIDUAL if of_items else FACTOR, own[r.lhs], own[r.rhs]))
        elif r.op == "|":
            at.append((THRESHOLD, item_at[r.lhs], int(r.rhs.removeprefix("t")) - 1))
        elif r.op == "~*~":
            at.append((SCALE, item_at[r.lhs], 0))
        else:
            at.append((INTERCEPT if of_items else MEAN, own[r.lhs], 0))
        name = r.label or f" {number}"
        free.append(-1 if r.fixed is not None else place.setdefault(name, len(place)))
    kind, row, column = np.array(at, dtype=np.int64).reshape(-1, 3).T
    return Layout(
        tuple(items),
        tuple(factors),
        n_groups,
        means,
        tuple(rows),
        kind,
        row,
        column,
        np.array([r.group for r in rows], dtype=np.int64),
        np.array(free, dtype=np.int64),
        np.array([0.0 if r.fixed is None else r.fixed for r in rows]),
    )


def layout_of(
    terms: Sequence[Term],
    *,
    n_groups: int = 1,
    equal: Collection[str] = (),
    free: Collection[str] = (),
    std_lv: bool = False,
    means: bool = False,
) -> Layout:
    """Complete a model by lavaan's defaults and repeat it for every group."""
    factors, items = _names(terms)
    means = means or n_groups > 1 or any(t.op == "~1" for t in terms)
    unknown = [name for name in equal if name not in EQUAL]
    if isinstance(equal, str) or unknown:
        raise ParameterError(
            f"`equal` must be a list of {', '.join(EQUAL)}; it holds {', '.join(map(str, unknown)) or 'one text'}."
        )
    if n_groups == 1 and (len(equal) or len(free)):
        raise ParameterError("`equal` and `free` compare groups; give `group` as well.")
    complete = _with_defaults(terms, items, factors, std_lv=std_lv, means=means)
    released = _released(free, complete)
    rows = []
    for g in range(n_groups):
        for term in complete:
            fixed, label = term.fixed, term.label
            held = _equality(term, factors) in equal and term.key not in released
            automatic = term.line == 0
            if g > 0 and automatic and term.op == "~1" and term.lhs in factors:
                if "intercepts" in equal and "means" not in equal:
                    fixed = None
            elif g > 0 and automatic and std_lv and term.lhs == term.rhs and term.lhs in factors:
                if "loadings" in equal:
                    fixed = None
            elif fixed is None and held and not label:
                label = term.key
            rows.append(Row(term.lhs, term.op, term.rhs, g, fixed, label))
    return lay_out(rows, items, factors, n_groups=n_groups, means=means)


def leaves_scale_open(terms: Sequence[Term]) -> bool:
    """Whether a model's text says nothing of its factors' scale, so that variances of 1 give the same model."""
    factors = {t.lhs for t in terms if t.op == "=~"}
    given = [t for t in terms if t.op == "=~" and (t.fixed is not None or t.freed)]
    return not given and not any(t.op == "~~" and t.lhs == t.rhs and t.lhs in factors for t in terms)


def saturated_layout(items: Sequence[str]) -> Layout:
    """Every mean, variance and covariance free, one group."""
    rows = [Row(a, "~~", b, 0) for i, a in enumerate(items) for b in items[i:]] + [Row(a, "~1", "", 0) for a in items]
    return lay_out(rows, items, (), n_groups=1, means=True)


def baseline_layout(items: Sequence[str], *, n_groups: int, means: bool) -> Layout:
    """Unrelated items: variances free in every group, and means where the model has them."""
    rows = [Row(a, "~~", a, g) for g in range(n_groups) for a in items]
    rows += [Row(a, "~1", "", g) for g in range(n_groups) for a in items if means]
    return lay_out(rows, items, (), n_groups=n_groups, means=means)


def _names(terms: Sequence[Term]) -> tuple[list[str], list[str]]:
    """Factors and items in the order of the loadings; ParameterError where another name appears."""
    loadings = [t for t in terms if t.op == "=~"]
    factors = list(dict.fromkeys(t.lhs for t in loadings))
    items = list(dict.fromkeys(t.rhs for t in loadings))
    nested = [name for name in items if name in factors]
    if nested:
        raise ParameterError(
            f"Factors cannot be measured by other factors here: {', '.join(nested)}.",
            remedy="let the factors correlate instead.",
        )
    for term in terms:
        for name in (term.lhs, *([term.rhs] if term.op == "~~" else [])):
            if name not in factors and name not in items:
                raise ParameterError(
                    f"{name} is neither a factor nor an item of one.", where=f"model, line {term.line}: {term.key}"
                )
        if term.op == "~~" and (term.lhs in factors) != (term.rhs in factors):
            raise ParameterError(
                "An item and a factor cannot covary here.", where=f"model, line {term.line}: {term.key}"
            )
    return factors, items


def _with_defaults(
    terms: Sequence[Term], items: Sequence[str], factors: Sequence[str], *, std_lv: bool, means: bool
) -> list[Term]:
    """The terms as written and those that go without saying (line 0)."""
    found = []
    first = {factor: next(t.rhs for t in terms if t.op == "=~" and t.lhs == factor) for factor in factors}
    for term in terms:
        marker = term.op == "=~" and term.rhs == first[term.lhs] and not std_lv
        plain = term.fixed is None and not term.freed and not term.label
        found.append(Term(term.lhs, "=~", term.rhs, 1.0, line=term.line) if marker and plain else term)
    written = {frozenset((t.lhs, t.rhs)) for t in terms if t.op == "~~"}
    # The only item of a factor is the factor: an error variance could not be told from the factor's variance.
    loads = [t for t in terms if t.op == "=~"]
    only = {x for x in items if all(sum(u.lhs == t.lhs for u in loads) == 1 for t in loads if t.rhs == x)}
    found += [Term(x, "~~", x, 0.0 if x in only else None) for x in items if frozenset((x,)) not in written]
    found += [Term(f, "~~", f, 1.0 if std_lv else None) for f in factors if frozenset((f,)) not in written]
    found += [
        Term(f, "~~", h) for i, f in enumerate(factors) for h in factors[i + 1 :] if frozenset((f, h)) not in written
    ]
    if means:
        named = {t.lhs for t in terms if t.op == "~1"}
        found += [Term(x, "~1", "") for x in items if x not in named]
        found += [Term(f, "~1", "", 0.0) for f in factors if f not in named]
    return found


def _equality(term: Term, factors: Sequence[str]) -> str:
    """Which word of `equal` holds a parameter equal."""
    if term.op == "=~":
        return "loadings"
    if term.op == "~1":
        return "means" if term.lhs in factors else "intercepts"
    return "residuals" if term.lhs == term.rhs and term.lhs not in factors else ""


def _released(free: Collection[str], terms: Sequence[Term]) -> set[str]:
    """Keys of the parameters that may differ between groups; ParameterError where one is not in the model."""
    if isinstance(free, str):
        raise ParameterError('`free` must be a list, for example free=["x3~1"]; it is one text.')
    known = {t.key: t.key for t in terms} | {f"{t.rhs}{t.op}{t.lhs}": t.key for t in terms if t.op == "~~"}
    found = set()
    for text in free:
        key = "".join(str(text).split())
        if key not in known:
            raise ParameterError(
                f"`free` names {text}, which is not a parameter of the model.",
                remedy="write it as in the model: f=~x2 (loading), x3~1 (intercept), x3~~x3 (residual variance).",
            )
        found.add(known[key])
    return found
