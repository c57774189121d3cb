"""A team's own formats: the Python file beside ``study.yml`` that `Study.readers` names."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from belonging_study.data.export import Export
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.registry import Reader, register_reader, registered_readers, restore_readers
from belonging_study.errors import FileMissingError, UnreadableFileError, UserError
from belonging_study.study.model import Study

__all__ = ["load_team_readers"]

_T = TypeVar("_T")
_MODULE = "belonging_study_team_readers"
_loaded: dict[Path, tuple[str, tuple[Reader, ...]]] = {}
"""The file whose readers are registered now: the hash of its content, and the readers that were there before."""


def load_team_readers(study: Study) -> None:
    r"""Register the readers of a study's own, so that its files can be read.

    The file is run once, and again only where it has changed; readers that another study registered in this process
    leave.

    Parameters
    ----------
    study : Study
        The definition; nothing is registered where it names no file under ``readers:``.

    Raises
    ------
    FileMissingError
        If the file is not there.
    UserError
        If it cannot be run; the message names the line. Mistakes that show only on reading are told in the same way
        by `read_export`, as an `UnreadableFileError`, without the text of the error, which could quote the data.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "my_readers.py").write_text("import nonsuch\n")
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"}, "readers": "my_readers.py",
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}}, "file": folder / "study.yml",
    ...     "outcomes": [{"name": "marks", "measure": "mean_mark", "label": "Marks"}],
    ... })
    >>> try:
    ...     load_team_readers(study)
    ... except UserError as error:
    ...     print(error)
    my_readers.py cannot be run: ModuleNotFoundError: No module named 'nonsuch'.
    Where: my_readers.py, line 1
    What to do: correct that line; docs/reference/study-yml.md shows such a file.
    """
    path = None if study.readers is None else (study.folder / study.readers).resolve()
    source = b"" if path is None else _content(path)
    digest = hashlib.sha256(source).hexdigest()
    if path is not None and _loaded.get(path, ("", ()))[0] == digest:
        return
    for _, before in _loaded.values():
        restore_readers(before)
    _loaded.clear()
    if path is None:
        return
    before = registered_readers()
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module  # where dataclasses and pickles look for it
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        restore_readers(before)
        raise UserError(
            f"{path.name} cannot be run: {type(error).__name__}: {_first_line(error)}.",
            where=f"{path.name}, line {_line(error, path)}",
            remedy="correct that line; docs/reference/study-yml.md shows such a file.",
        ) from None
    for reader in reversed([one for one in registered_readers() if one not in before]):
        register_reader(_guarded(reader, path))
    _loaded[path] = digest, before


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise FileMissingError(
            f"{path.name} is not there.",
            where=path.name,
            remedy="put it beside study.yml, or correct `readers:` there.",
        ) from None


def _guarded(reader: Reader, path: Path) -> Reader:
    """Tell mistakes of the team's functions with their line."""

    def guard(function: Callable[[RawFile], _T], expected: type[_T]) -> Callable[[RawFile], _T]:
        def guarded(raw: RawFile) -> _T:
            try:
                result = function(raw)
            except UserError:
                raise
            except Exception as error:
                what = f"the reader {reader.name} of {path.name} stops with {type(error).__name__}"
                where = f"{path.name}, line {_line(error, path)}"
            else:
                if isinstance(result, expected):
                    return result
                what = f"the reader {reader.name} of {path.name} gives no {expected.__name__}"
                where = path.name
            raise UnreadableFileError(
                f"{raw.shown} cannot be read: {what}.",
                where=where,
                remedy="correct the reader, and try it on this file.",
            )

        return guarded

    knows = guard(reader.recognises, object)
    return replace(reader, recognises=lambda raw: bool(knows(raw)), read=guard(reader.read, Export))


def _line(error: BaseException, path: Path) -> int:
    """Give the last line of that file on which the error was under way."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return next((line for line in reversed(lines) if line is not None), 1)


def _first_line(error: BaseException) -> str:
    """Give an error's text; what a Python error adds about the file is left out."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.splitlines()[0].rstrip(".") if text else "no reason given"
