"""Whether the factor models that a study writes down can be read, and are about its own items."""

from __future__ import annotations

import re
from collections.abc import Iterator

from belonging_study.errors import DataProblems, ParameterError, UserError
from belonging_study.scales.structure.syntax import Term, parse_model
from belonging_study.study import Scale, Study, nearest

__all__ = ["check_structures"]

_PARAMETER = re.compile(r"(?P<lhs>[^\W\d][\w.]*)(?P<op>=~|~~|~1|\|t\d+)(?P<rhs>[^\W\d][\w.]*)?")


def check_structures(study: Study) -> None:
    """Read every factor model of a study's scales.

    Parameters
    ----------
    study : Study
        The definition.

    Raises
    ------
    UserError
        If a model under ``structures`` cannot be read, leaves out what it measures or names something else than the
        scale's items and its own factors; or if ``free`` names no parameter of the scale's first model. Everything that
        is wrong is told at once.

    Examples
    --------
    >>> from belonging_study.study import parse_study
    >>> study = parse_study('''
    ... title: Notes
    ... name: notes
    ... programme: {name: Notes}
    ... waves: [{name: w1, label: Autumn, date: 2024-10-07, sources: [{file: w1.csv}]}]
    ... design: {assignment: {starts: w1}}
    ... scales:
    ...   belonging: {label: B, items: [b1, b2, b3], range: [1, 5], structures: {one: belonging =~ b1 + b2 + b33}}
    ... outcomes: [{name: b, measure: belonging, label: B}]
    ... ''')
    >>> try:
    ...     check_structures(study)
    ... except UserError as error:
    ...     print(error.what)
    The structure one names b33, which is neither an item of the scale belonging nor a factor; did you mean b3?
    """
    problems = [problem for name, scale in study.scales.items() for problem in _problems(name, scale, study.file.name)]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise DataProblems(problems)


def _problems(name: str, scale: Scale, file: str) -> Iterator[UserError]:
    """What is wrong with one scale's structures, and with what is free in the first."""
    where = f"{file}, scales.{name}"
    models: list[tuple[Term, ...] | None] = []
    for structure, text in scale.structures.items():
        try:
            models.append(parse_model(text))
        except ParameterError as error:
            models.append(None)
            yield ParameterError(
                f"The structure {structure} of the scale {name} cannot be read: "
                f"{error.what.removeprefix('The model cannot be read: ')}",
                where=f"{where}.structures.{structure}{': ' if error.where else ''}{error.where}",
                remedy=error.remedy or "write it as for lavaan, with a line such as: belonging =~ q1 + q2 + q3",
            )
            continue
        yield from _foreign(structure, models[-1] or (), name, scale, f"{where}.structures.{structure}")
    if scale.free and (not models or models[0] is not None):
        yield from _free(models[0] if models else None, name, scale, f"{where}.free")


def _foreign(structure: str, terms: tuple[Term, ...], name: str, scale: Scale, where: str) -> Iterator[UserError]:
    """Names in a model that are no items and no factors, and items that are named as factors."""
    factors = {term.lhs for term in terms if term.op == "=~"}
    named = dict.fromkeys(text for term in terms for text in (term.lhs, term.rhs) if text)
    for text in named:
        if text not in scale.items and text not in factors:
            yield ParameterError(
                f"The structure {structure} names {text}, which is neither an item of the scale {name} nor a factor"
                + nearest(text, scale.items),
                where=where,
                remedy="correct the model; a factor has a line of its own, factor =~ items.",
            )
        elif text in scale.items and text in factors:
            yield ParameterError(
                f"The structure {structure} of the scale {name} has a factor of the same name as the item {text}.",
                where=where,
                remedy="give the factor another name.",
            )


def _free(terms: tuple[Term, ...] | None, name: str, scale: Scale, where: str) -> Iterator[UserError]:
    """Parameters that are named as free, and that the first model (or one factor of all items) does not have."""
    factors = None if terms is None else {term.lhs for term in terms if term.op == "=~"}
    loadings = None if terms is None else {term.key for term in terms if term.op == "=~"}
    indicators = set(scale.items) if terms is None else {t.rhs for t in terms if t.op == "=~"} & set(scale.items)
    for text in scale.free:
        match = _PARAMETER.fullmatch("".join(text.split()))
        if match is None:
            known = False
        elif match["op"] == "=~":
            known = match["rhs"] in scale.items and (loadings is None or match[0] in loadings)
        elif match["op"] == "~~":
            known = {match["lhs"], match["rhs"]} <= (indicators | (factors or set()))
        else:
            known = match["lhs"] in indicators and not match["rhs"]
        if not known:
            first = next(iter(scale.structures), "")
            model = f"the structure {first}" if first else "one factor of all items"
            yield ParameterError(
                f"`free` of the scale {name} names {text}, which is not a parameter of {model}.",
                where=where,
                remedy="write it as in the model: f=~x2 (loading), x3~1 (intercept), x3~~x3 (residual variance).",
            )
