"""From ``study.yml`` to a `Study`, with every mistake reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from belonging_study.errors import FileMissingError, Mistake, StudyDefinitionError
from belonging_study.study.cross_checks import cross_check
from belonging_study.study.fill_in import fill_in_instruments
from belonging_study.study.model import Study
from belonging_study.study.names import nearest

__all__ = ["load_study", "parse_study"]

_Key = str | int
_Path = tuple[_Key, ...]


class _Loader(yaml.SafeLoader):
    """The safe loader, with YAML 1.2's booleans: ``yes`` and ``no`` stay the answers that they are."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))


def load_study(path: str | Path = "study.yml") -> Study:
    r"""Read a study's definition.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, or the folder that holds ``study.yml``.

    Returns
    -------
    Study
        The typed definition; scales that name an instrument have its items, range and keys filled in.

    Raises
    ------
    FileMissingError
        If there is no such file.
    StudyDefinitionError
        If the file is not YAML or holds mistakes; every mistake is listed with its line, the offending value and,
        where there is one, the nearest valid name.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "study.yml").write_text("title: 12\nwavs: []\n")
    >>> from belonging_study.errors import StudyDefinitionError
    >>> try:
    ...     load_study(folder)
    ... except StudyDefinitionError as error:
    ...     print(next(m for m in error.mistakes if m.line == 2))
    line 2, wavs: wavs is not an entry here; did you mean waves?
    """
    file = Path(path)
    if file.is_dir():
        file = file / "study.yml"
    if not file.is_file():
        raise FileMissingError(
            f"There is no {file.name} in {file.parent.name or 'this folder'}/.",
            remedy="go to the study's folder, or name it with --study; `belonging-study init DIR` starts a new one.",
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyDefinitionError(file.name, [Mistake(1, "", "the file is not UTF-8 text")]) from error
    return parse_study(text, file)


def parse_study(text: str, file: Path = Path("study.yml")) -> Study:
    """Make a `Study` from the text of a definition (see `load_study`)."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise StudyDefinitionError(file.name, [Mistake(line, "", _not_yaml(problem))]) from error
    if not isinstance(node, yaml.MappingNode):
        raise StudyDefinitionError(file.name, [Mistake(1, "", "the file must hold entries such as `title:`")])

    lines: dict[_Path, int] = {}
    mistakes = list(_repeated_keys(node, (), lines))
    try:
        raw = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise StudyDefinitionError(
            file.name, [*mistakes, Mistake(1, "", f"a value cannot be read: {_first_line(error)}")]
        ) from error

    found: dict[_Path, list[str]] = {}
    for path, message in fill_in_instruments(raw):
        found.setdefault(path, []).append(message)
    for path, message in cross_check(raw):
        found.setdefault(path, []).append(message)
    study: Study | None = None
    try:
        study = Study.model_validate({**raw, "file": file})
    except ValidationError as error:
        for detail in error.errors():
            if detail["type"] == "too_short" and detail["input"]:
                continue  # the entries are there; their own mistakes are listed
            path = tuple(part for part in detail["loc"] if not _is_branch(part, raw, detail["loc"]))
            found.setdefault(path, []).append(_plain(detail))
    mistakes += [
        Mistake(_line(lines, path), ".".join(map(str, path)), message)
        for path, messages in found.items()
        for message in dict.fromkeys(messages)
    ]
    if mistakes or study is None:
        raise StudyDefinitionError(file.name, mistakes)
    return study


def _not_yaml(problem: str) -> str:
    return f"this is not valid YAML ({problem}); a quotation mark, a colon or spaces are missing here or just above"


def _repeated_keys(node: yaml.Node, path: _Path, lines: dict[_Path, int]) -> Iterable[Mistake]:
    """Fill in the line of each entry, and yield the entries that stand twice."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                yield Mistake(line, ".".join(map(str, (*path, name))), f"{name} stands already in line {seen[name]}")
            seen[name] = line
            lines[(*path, name)] = line
            yield from _repeated_keys(value, (*path, name), lines)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            lines[(*path, i)] = value.start_mark.line + 1
            yield from _repeated_keys(value, (*path, i), lines)


def _line(lines: Mapping[_Path, int], path: _Path) -> int:
    """Return the line of an entry, or of the nearest entry around it."""
    while path not in lines and path:
        path = path[:-1]
    return lines.get(path, 1)


def _is_branch(part: _Key, raw: Any, loc: tuple[_Key, ...]) -> bool:
    """Tell pydantic's own marks (the branch of a union, a mapping's key) from entries of the file."""
    return part in {"str", "Start", "[key]", "int", "float", "constrained-str"} and part not in _keys_of(raw, loc, part)


def _keys_of(raw: Any, loc: tuple[_Key, ...], part: _Key) -> Iterable[Any]:
    """Entries of the file beside `part`, if the path leads there."""
    here = raw
    for key in loc:
        if key == part:
            return here if isinstance(here, Mapping) else ()
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            return ()
    return ()


def _first_line(error: Exception) -> str:
    """Return an error's first line."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "date_type": "a date such as 2026-05-11",
    "date_parsing": "a date such as 2026-05-11",
    "date_from_datetime_parsing": "a date such as 2026-05-11",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "entries of the form `name: value`",
    "model_type": "entries of the form `name: value`",
    "model_attributes_type": "entries of the form `name: value`",
}


def _plain(detail: ErrorDetails) -> str:
    """Say one validation error in plain words."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    shown = repr(value) if isinstance(value, str | int | float | bool) else str(value) if value is None else ""
    message = f"{shown + ': ' if shown else ''}{detail['msg'][0].lower()}{detail['msg'][1:]}"
    if kind == "missing":
        message = f"{name} is needed here and is not given"
    elif kind == "extra_forbidden":
        message = f"{name} is not an entry here" + nearest(name, _fields_at(detail["loc"][:-1]))
    elif kind == "literal_error":
        allowed = [part.strip(" '") for part in str(context.get("expected", "")).replace(" or ", ", ").split(",")]
        message = f"{shown} is not allowed; it must be one of {', '.join(allowed)}" + nearest(str(value), allowed)
    elif kind == "string_pattern_mismatch":
        message = f"{shown} cannot be a name: use letters, digits and _, and begin with a letter"
    elif kind == "too_short":
        message = "at least one entry is needed here"
    elif kind in _TYPES:
        message = f"{shown or 'this'} should be {_TYPES[kind]}"
    return message


def _fields_at(loc: tuple[_Key, ...]) -> list[str]:
    """Names of the entries that are valid at a place of the definition."""
    model: Any = Study
    for part in loc:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        fields = {f.alias or n: f for n, f in model.model_fields.items()}
        if part in fields:
            model = _inner_model(fields[part].annotation) or model
    return [f.alias or n for n, f in model.model_fields.items() if not f.exclude]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside ``tuple[Model, ...]``, ``dict[Name, Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        model = _inner_model(inner)
        if model is not None:
            return model
    return None
