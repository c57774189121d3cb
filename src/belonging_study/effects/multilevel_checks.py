"""What must hold before a multilevel model is fitted; every failure names the numbers and the way out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from belonging_study.effects.checks import require_columns
from belonging_study.effects.mixed_engine import FormulaNames
from belonging_study.errors import DataError, DesignError, ParameterError, ValueRangeError

__all__ = ["check_design", "check_marginality", "complete_rows", "nesting_note", "prepare_columns"]

# A predictor with at most this many values is looked at value by value for lost arms and groups.
_FEW_VALUES = 12


def prepare_columns(data: pd.DataFrame, names: FormulaNames) -> pd.DataFrame:
    """Take the formula's columns: numbers as floats, text predictors as categories, groups as codes."""
    require_columns(data, names.columns)
    repeated = [c for c in names.columns if int((data.columns == c).sum()) > 1]
    if repeated:
        raise DataError(f"the data hold several columns named {repeated[0]!r}", remedy="keep one of them.")
    groups = {n for group in names.grouping for n in group}
    both = groups & {names.outcome, *names.predictors}
    if both:
        raise ParameterError(
            f"column {sorted(both)[0]!r} is both a grouping factor and a predictor or outcome",
            remedy="a random intercept already gives each of its levels its own mean; take it out of one of the two.",
        )
    frame = pd.DataFrame(index=pd.RangeIndex(len(data)))
    for name in names.columns:
        column = data[name].reset_index(drop=True)
        if name in groups:
            # Codes are enough to fit, and carry no school's or student's name into the result.
            codes = pd.Series(pd.factorize(column)[0], dtype="float64")
            frame[name] = codes.where(codes >= 0)
        else:
            frame[name] = _as_predictor(column, must_be_number=name == names.outcome)
    return frame


def _as_predictor(column: pd.Series, *, must_be_number: bool) -> pd.Series:
    """Numbers as floats, labels as categories; a mixture of both is an error."""
    name = str(column.name)
    if isinstance(column.dtype, pd.CategoricalDtype) and not must_be_number:
        if ":" in "".join(str(c) for c in column.cat.categories):
            raise ParameterError(f"a label of column {name!r} holds a colon", remedy="rename the label.")
        return column
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise ValueRangeError(f"column {name!r} holds dates", remedy="turn it into a number or a category.")
    present = column.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    n_text = int(numbers.isna().sum())
    stored_as_text = not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if stored_as_text and not must_be_number and n_text == len(present):
        if present.astype(str).str.contains(":").any():
            raise ParameterError(f"a label of column {name!r} holds a colon", remedy="rename the label.")
        return column.astype("category")
    if n_text:
        raise ValueRangeError(
            f"column {name!r} holds text in {n_text} of {len(present)} rows where numbers belong",
            remedy="correct those cells, or leave them empty if they stand for missing.",
        )
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    n_infinite = int(np.isinf(values).sum())
    if n_infinite:
        raise ValueRangeError(f"column {name!r} is infinite in {n_infinite} rows", remedy="correct those cells.")
    return values


def complete_rows(frame: pd.DataFrame, names: FormulaNames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows without a missing value, and how many rows each column misses; refuse if an arm or group is lost."""
    missing = frame.isna()
    n_missing = [int(n) for n in missing.sum()]
    counts = pd.DataFrame({"column": list(names.columns), "n_missing": n_missing})
    kept = frame[~missing.any(axis=1)].reset_index(drop=True)
    if len(kept) == 0:
        worst = names.columns[int(np.argmax(n_missing))]
        raise DesignError(
            f"no row is complete: column {worst!r} is missing in {max(n_missing)} of {len(frame)} rows",
            remedy="leave that column out of the formula, or fill it in.",
        )
    few = [n for n in names.predictors if frame[n].nunique() <= _FEW_VALUES]
    cells: list[tuple[str, ...]] = [(n,) for n in few]
    cells += [pair for term in names.terms for pair in combinations([n for n in term if n in few], 2)]
    for cell in dict.fromkeys(cells):
        _refuse_lost_cells(frame, kept, list(cell), names.outcome)
    for name in kept.columns:
        if isinstance(kept[name].dtype, pd.CategoricalDtype):
            kept[name] = kept[name].cat.remove_unused_categories()
    return kept, counts


def _refuse_lost_cells(before: pd.DataFrame, after: pd.DataFrame, columns: list[str], outcome: str) -> None:
    """An arm, wave or group must not vanish because its rows are incomplete."""
    lost = (
        before.groupby(columns, observed=True)
        .size()
        .index.difference(after.groupby(columns, observed=True).size().index)
    )
    if len(lost) == 0:
        return
    first = lost[0] if isinstance(lost[0], tuple) else (lost[0],)
    n_lost = int((before[columns] == list(first)).all(axis=1).sum())
    where = ", ".join(f"{c} = {_plain(v)}" for c, v in zip(columns, first, strict=True))
    raise DesignError(
        f"all {n_lost} rows with {where} are incomplete, so that part of the sample would drop out "
        f"(outcome {outcome!r})",
        remedy="look for a variable that was not asked there; leave it or that part of the sample out on purpose.",
    )


def _plain(value: object) -> str:
    """A whole number without its decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def check_marginality(names: FormulaNames, frame: pd.DataFrame) -> None:
    """Factors are coded against a reference level, which needs every lower-order term of an interaction."""
    categorical = {n for n in names.predictors if isinstance(frame[n].dtype, pd.CategoricalDtype)}
    if not names.has_intercept and any(len(t) == 1 and t[0] in categorical for t in names.terms):
        raise ParameterError(
            "the formula leaves out the intercept and holds a text column",
            remedy="keep the intercept and ask for the other means by contrast().",
        )
    for terms in (names.terms, *names.random_terms):
        present: set[frozenset[str]] = {frozenset(t) for t in terms} | {frozenset()}
        for term in terms:
            for factor in categorical & set(term):
                lower = frozenset(term) - {factor}
                if lower not in present:
                    raise ParameterError(
                        f"the formula has {':'.join(term)} without {':'.join(n for n in term if n != factor)}",
                        remedy="write the interaction with *, which keeps the lower-order terms.",
                    )


def check_design(names: FormulaNames, frame: pd.DataFrame, design: NDArray[np.float64], terms: tuple[str, ...]) -> None:
    """Outcome varies, predictors are not collinear, and each grouping factor can carry its terms."""
    if float(frame[names.outcome].max()) == float(frame[names.outcome].min()):
        raise DesignError(
            f"the outcome {names.outcome!r} has the same value in all {len(frame)} rows",
            remedy="check how it was scored.",
        )
    _refuse_collinear(design, terms)
    for group, random_terms in zip(names.grouping, names.random_terms, strict=True):
        label = ":".join(group)
        level = np.asarray(frame.groupby(list(group), observed=True, sort=False).ngroup(), dtype=np.int64)
        n_levels = int(level.max()) + 1
        if n_levels < 2:
            raise DesignError(
                f"the grouping factor {label!r} has one level",
                remedy="a random effect needs at least two; take it out.",
            )
        if n_levels == len(frame):
            raise DesignError(
                f"every one of the {n_levels} levels of {label!r} has a single row, so that its variance cannot be "
                "told from the residual",
                remedy=f"take ( … | {label}) out.",
            )
        if (len(random_terms) + 1) * n_levels >= len(frame) and random_terms:
            raise DesignError(
                f"{n_levels} levels of {label!r} with {len(random_terms) + 1} random terms each leave nothing of "
                f"{len(frame)} rows for the residual",
                remedy=f"keep (1 | {label}) alone.",
            )
        n_between = _rank_between(design, level, n_levels)
        if n_between >= n_levels:
            raise DesignError(
                f"{n_levels} levels of {label!r} carry {n_between} fixed terms that do not vary inside them",
                remedy=f"use fewer predictors at the level of {label!r}; with so few levels describe them instead.",
            )


def _refuse_collinear(design: NDArray[np.float64], terms: tuple[str, ...]) -> None:
    """Name the first term that the terms before it determine."""
    norms = np.linalg.norm(design, axis=0)
    if norms.min() == 0:
        raise DesignError(
            f"the term {terms[int(norms.argmin())]} is zero in every row", remedy="take it out of the formula."
        )
    triangle = np.linalg.qr(design / norms, mode="r")
    left = np.abs(np.diag(triangle))
    if left.min() > 1e-9:
        return
    j = int(np.argmax(left <= 1e-9))
    weights, *_ = np.linalg.lstsq(design[:, :j], design[:, j], rcond=None)
    causes = [terms[i] for i in np.flatnonzero(np.abs(weights) * norms[:j] > 1e-6 * norms[j])]
    raise DesignError(
        f"the term {terms[j]} is determined by {', '.join(causes) if causes else 'the other terms'}, so that their "
        "effects cannot be told apart",
        remedy="take one of them out of the formula.",
    )


def _rank_between(design: NDArray[np.float64], level: NDArray[np.int64], n_levels: int) -> int:
    """Rank of the columns that are constant inside every level."""
    counts = np.bincount(level, minlength=n_levels)
    columns = []
    for column in design.T:
        mean = np.bincount(level, weights=column, minlength=n_levels) / counts
        if np.allclose(column, mean[level], atol=1e-9 * max(1.0, float(np.abs(column).max()))):
            columns.append(mean)
    return int(np.linalg.matrix_rank(np.column_stack(columns))) if columns else 0


def nesting_note(names: FormulaNames, frame: pd.DataFrame) -> str:
    """Say where labels of one grouping factor occur in several levels of a larger one."""
    notes = []
    single = list(dict.fromkeys(g[0] for g in names.grouping if len(g) == 1))
    # The formula's order says which is the largest: counts of labels do not, once they start again. Smaller units are
    # held against that one alone, since students change class from wave to wave as a matter of course.
    for outer, inner in ((single[0], name) for name in single[1:]):
        pairs = frame[[outer, inner]].drop_duplicates()
        n_outer, n_inner = pairs[outer].nunique(), pairs[inner].nunique()
        if len(pairs) in (n_outer, n_inner):
            continue
        n_shared = int((pairs[inner].value_counts() > 1).sum())
        notes.append(
            f"{n_shared} of {n_inner} labels of {inner!r} occur in more than one {outer!r} and are taken for the same "
            f"{inner}; if labels start again in each {outer}, write (1 | {outer}/{inner})."
        )
    return " ".join(notes)
