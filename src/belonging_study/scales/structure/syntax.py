"""The part of lavaan's model syntax that factor models need, read line by line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from belonging_study.errors import ParameterError

__all__ = ["Term", "parse_model"]

_NAME = r"[^\W\d][\w.]*"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TERM = re.compile(rf"(?:(?P<modifier>NA|{_NUMBER}|{_NAME})\s*\*\s*)?(?P<name>{_NAME}|1)")
_STATEMENT = re.compile(rf"(?P<lhs>{_NAME}(?:\s*\+\s*{_NAME})*)\s*(?P<op>=~|~~|~(?!\*|~))\s*(?P<rhs>.+)")
_UNKNOWN = {
    ":=": "computed parameters (:=)",
    "==": "constraints (==); give two parameters the same label instead",
    "|": "thresholds (|); they are estimated, not written",
    "~*~": "scaling factors (~*~)",
    "<~": "composites (<~)",
    "<": "inequalities",
    ">": "inequalities",
    "%": "levels (%)",
    "c(": "one modifier per group, c(...); use `equal` and `free`",
    "start(": "starting values",
}


@dataclass(frozen=True)
class Term:
    """One parameter that a model names.

    Attributes
    ----------
    lhs, op, rhs : str
        As in lavaan: ``=~`` loading, ``~~`` (co)variance, ``~1`` intercept (``rhs`` is empty).
    fixed : float or None
        The value it is held at, or None where it is estimated or nothing was said.
    freed : bool
        ``NA*`` was written: estimated although it would be fixed by default.
    label : str
        Parameters of one label are equal; empty where there is none.
    line : int
        Line in the model, counted from 1.
    """

    lhs: str
    op: str
    rhs: str
    fixed: float | None = None
    freed: bool = False
    label: str = ""
    line: int = 0

    @property
    def key(self) -> str:
        """The parameter as it is written without modifier, for example ``x3~1``."""
        return f"{self.lhs}{self.op}{self.rhs}"


def parse_model(model: str) -> tuple[Term, ...]:
    """Read a factor model in lavaan's syntax.

    Parameters
    ----------
    model : str
        Lines such as ``belonging =~ q1 + a*q2 + q3``, ``q1 ~~ q2``, ``belonging ~~ 1*belonging``, ``q1 ~ 0*1``.
        ``#`` and ``!`` start a comment; ``;`` ends a statement as a line does; a line that ends in an operator or a
        plus, or is followed by a line that begins with one, goes on.

    Returns
    -------
    tuple of Term
        In the order of the text.

    Raises
    ------
    ParameterError
        Anything else, with its line: regressions, computed parameters, constraints, thresholds, a parameter written
        twice, a model without ``=~``.

    References
    ----------
    Rosseel, Y. (2012). lavaan: An R package for structural equation modeling. *Journal of Statistical Software,
    48*(2), 1-36.

    Examples
    --------
    >>> [(t.key, t.fixed, t.label) for t in parse_model("f =~ 1*x1 + a*x2 + x3  # three items")]
    [('f=~x1', 1.0, ''), ('f=~x2', None, 'a'), ('f=~x3', None, '')]
    """
    if not isinstance(model, str):
        raise ParameterError(
            f"`model` must be text such as 'belonging =~ q1 + q2 + q3'; it is a {type(model).__name__}."
        )
    terms: list[Term] = []
    for line, statement in _statements(model):
        terms += _terms(statement, line)
    if not any(term.op == "=~" for term in terms):
        raise ParameterError("The model has no factor.", remedy="write a line such as: belonging =~ q1 + q2 + q3")
    seen: dict[frozenset[str] | str, Term] = {}
    for term in terms:
        key = frozenset((term.lhs, "~~", term.rhs)) if term.op == "~~" else term.key
        if key in seen:
            raise _mistake(term.line, term.key, f"this parameter was already written in line {seen[key].line}")
        seen[key] = term
    return tuple(terms)


def _statements(model: str) -> list[tuple[int, str]]:
    """Whole statements with the line on which each begins."""
    found: list[tuple[int, str]] = []
    for number, raw in enumerate(model.splitlines(), start=1):
        for piece in re.split(r"[#!]", raw)[0].split(";"):
            text = piece.strip()
            if not text:
                continue
            if found and (found[-1][1][-1] in "+~*" or text[0] in "+*"):
                found[-1] = (found[-1][0], f"{found[-1][1]} {text}")
            else:
                found.append((number, text))
    return found


def _terms(statement: str, line: int) -> list[Term]:
    match = _STATEMENT.fullmatch(statement)
    for sign, meaning in _UNKNOWN.items():
        if sign in statement:
            raise _mistake(line, statement, f"{meaning} cannot be used here")
    if match is None:
        raise _mistake(line, statement, "this is not a line of the form `factor =~ items`, `x1 ~~ x2` or `x1 ~ 1`")
    found = []
    for part in match["rhs"].split("+"):
        # A sign inside a number such as 1e+2 is not worth a tokenizer: such a part fails the match below.
        term = _TERM.fullmatch(part.strip())
        if term is None:
            raise _mistake(line, statement, f"`{part.strip()}` is not an item, a factor or `modifier*item`")
        is_mean = match["op"] == "~" and term["name"] == "1"
        if match["op"] == "~" and not is_mean:
            raise _mistake(line, statement, "regressions (~) cannot be used here; `~ 1` is an intercept")
        if term["name"] == "1" and not is_mean:
            raise _mistake(line, statement, "the number 1 is not an item")
        for lhs in re.split(r"\s*\+\s*", match["lhs"]):
            if lhs == term["name"] and match["op"] == "=~":
                raise _mistake(line, statement, f"{lhs} cannot measure itself")
            fixed, freed, label = _modifier(term["modifier"] or "")
            rhs = "" if is_mean else term["name"]
            found.append(Term(lhs, "~1" if is_mean else match["op"], rhs, fixed, freed, label, line))
    return found


def _modifier(text: str) -> tuple[float | None, bool, str]:
    """Fixed value, whether freed, label."""
    if text in ("", "NA"):
        return None, text == "NA", ""
    if re.fullmatch(_NUMBER, text):
        return float(text), False, ""
    return None, False, text


def _mistake(line: int, text: str, why: str) -> ParameterError:
    return ParameterError(f"The model cannot be read: {why}.", where=f"model, line {line}: {text}")
