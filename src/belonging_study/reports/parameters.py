"""A notebook's parameters: which there are, of which type, and whether given values fit."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belonging_study.errors import ParameterError
from belonging_study.study import nearest

__all__ = ["Parameter", "Value", "read_parameters", "share_out", "validate"]

Value = str | int | float | bool

_TYPES: dict[str, type[Value]] = {"str": str, "int": int, "float": float, "bool": bool}
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
_WORDS = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell: ``name: type = default  # help``."""

    name: str
    type: str
    default: Value
    help: str


def read_parameters(notebook: Path) -> tuple[Parameter, ...]:
    """Read the annotated parameters of a notebook.

    Parameters
    ----------
    notebook : pathlib.Path
        A notebook; the cell tagged ``parameters`` holds lines such as ``wave: str = ""  # the wave to report``.

    Returns
    -------
    tuple of Parameter
        In the cell's order; empty where no cell is tagged.

    Raises
    ------
    ParameterError
        If the cell holds anything but annotated values of the types str, int, float and bool.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", [])]
    if not tagged:
        return ()
    source = "".join(tagged[0]["source"])
    found = []
    try:
        comments = _comments(source)
        for node in ast.parse(source).body:
            if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
                raise ValueError(f"line {node.lineno} is not of the form name: type = default")
            kind = ast.unparse(node.annotation)
            default = ast.literal_eval(node.value)
            if kind not in _TYPES or not isinstance(default, _TYPES[kind]):
                raise ValueError(f"{node.target.id} has the type {kind} and the default {default!r}")
            found.append(Parameter(node.target.id, kind, default, comments.get(node.lineno, "")))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise ParameterError(
            f"The parameters of {notebook.name} cannot be read: {error}.",
            where=f"{notebook.name}, the cell tagged parameters",
            remedy='write one parameter a line, like wave: str = ""  # the wave to report.',
        ) from error
    return tuple(found)


def validate(notebook: Path, given: Mapping[str, Any]) -> dict[str, Value]:
    """Check given values against a notebook's parameters and turn text into the parameter's type.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.
    given : mapping
        Name to value; text is converted, so that ``"3"`` becomes 3 for an ``int``.

    Returns
    -------
    dict
        Name to value of the right type.

    Raises
    ------
    ParameterError
        If a name is unknown (the message gives the nearest) or a value is not of its type.
    """
    known = {p.name: p for p in read_parameters(notebook)}
    for name in given:
        if name not in known:
            raise _unknown(name, known, notebook.name)
    return {name: _convert(known[name], value, notebook.name) for name, value in given.items()}


def share_out(notebooks: Iterable[Path], given: Mapping[str, Any]) -> dict[str, dict[str, Value]]:
    """Give each notebook those of the values that are its parameters.

    Parameters
    ----------
    notebooks : iterable of pathlib.Path
        Every notebook of a run.
    given : mapping
        Name to value; each must be a parameter of one notebook at least.

    Returns
    -------
    dict
        Notebook's stem to the values that it takes.

    Raises
    ------
    ParameterError
        If no notebook has a parameter of that name, or a value is not of its type.
    """
    notebooks = list(notebooks)
    names = {notebook: [p.name for p in read_parameters(notebook)] for notebook in notebooks}
    every = dict.fromkeys(name for known in names.values() for name in known)
    for name in given:
        if name not in every:
            raise _unknown(name, every, "the notebooks")
    return {
        notebook.stem: validate(notebook, {k: v for k, v in given.items() if k in names[notebook]})
        for notebook in notebooks
    }


def _unknown(name: str, known: Iterable[str], where: str) -> ParameterError:
    known = list(known)
    return ParameterError(
        f"There is no parameter {name!r}{nearest(name, known)}",
        where=where,
        remedy=f"the parameters are {', '.join(known)}." if known else "this notebook takes no parameters.",
    )


def _convert(parameter: Parameter, value: Any, notebook: str) -> Value:
    """Turn one value into its parameter's type."""
    kind = parameter.type
    if isinstance(value, str):
        text = value.strip()
        if kind == "str":
            return value
        if kind == "bool" and text.casefold() in _TRUE | _FALSE:
            return text.casefold() in _TRUE
        if kind in {"int", "float"}:
            try:
                return _TYPES[kind](text)
            except ValueError:
                pass
    elif type(value) is _TYPES[kind]:
        return value
    elif kind == "float" and type(value) is int:
        return float(value)
    raise ParameterError(
        f"The parameter {parameter.name} takes {_WORDS[kind]}, not {value!r}.",
        where=notebook,
        remedy=f"give {_WORDS[kind]}, for example -p {parameter.name} {parameter.default or 1}.",
    )


def _comments(source: str) -> dict[int, str]:
    """Comments by line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").rstrip() for t in tokens if t.type == tokenize.COMMENT}
