"""How answers that cannot be coded are told: counts, and the answers only where they name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from belonging_study.errors import DataError, DataProblems, UnknownLabelError, UserError

__all__ = ["are", "listed", "merge_problems", "raise_all", "rows"]

_SHOWN = 8
_FREE_TEXT = 30
_CUT = 40
_PERSONAL = re.compile(r"@|(?!(\d)\1+(?!\d))\d{4}")


def merge_problems(problems: Iterable[DataError | None]) -> tuple[DataError, ...]:
    """Make one error of all the answers of a file that cannot be coded.

    Parameters
    ----------
    problems : iterable of DataError or None
        What the coding functions returned beside their values, of one file or several.

    Returns
    -------
    tuple of DataError
        One for each file, in order: an `UnknownLabelError` if any of its mistakes is one, else a `ValueRangeError`.
        Every column has a line, up to twenty.

    Examples
    --------
    >>> from belonging_study.errors import ValueRangeError
    >>> bad = ValueRangeError("column mark: 1 value is not a number.", where="r.csv, column mark", remedy="correct it.")
    >>> (error,) = merge_problems([None, bad, bad])
    >>> print(error)
    2 columns hold answers that cannot be coded:
      column mark: 1 value is not a number.
      column mark: 1 value is not a number.
    Where: r.csv
    What to do: correct it.
    """
    by_file: dict[str, list[DataError]] = {}
    for problem in problems:
        if problem is not None:
            by_file.setdefault(problem.place, []).append(problem)
    return tuple(found[0] if len(found) == 1 else _merged(found, file) for file, found in by_file.items())


def raise_all(problems: Sequence[UserError]) -> None:
    """Raise what is wrong: one error as it is, several as `DataProblems`.

    Parameters
    ----------
    problems : sequence of UserError
        What was found; nothing is raised if nothing was.

    Raises
    ------
    UserError
        The one problem.
    DataProblems
        If there are several.

    Examples
    --------
    >>> raise_all([])
    """
    if len(problems) > 1:
        raise DataProblems(problems)
    if problems:
        raise problems[0]


def listed(bad: Mapping[Any, int], names: Mapping[Any, str] | None = None) -> str:
    r"""List answers with their counts, the most frequent first, unless they may tell who somebody is.

    At most eight answers are shown, cut to 40 characters. None is shown where there are more than thirty different
    ones, where most of more than eight occur once, or where one has an @ or a number of four digits
    (9999 and the like apart). A text that was given once is not shown: a name would be such an answer.

    Parameters
    ----------
    bad : mapping
        Answer to its count.
    names : mapping, optional
        Answer, where it is a code, to the file's label for it.

    Returns
    -------
    str

    Examples
    --------
    >>> listed({"Sometimes": 12, 7.0: 3})
    '"Sometimes" (12), 7 (3)'
    >>> listed({"20417": 1})
    '1 different value, not shown: it looks like free text or identifiers'
    >>> listed({"Sometimes": 12, "Mia": 1})
    '"Sometimes" (12), and 1 not shown, as it was given only once and may be in somebody\'s own words'
    """
    counts: dict[str, int] = {}
    alone = 0
    for answer, n in bad.items():
        if n == 1 and isinstance(answer, str) and any(map(str.isalpha, answer)):
            alone += 1
            continue
        text = f'"{_cut(answer.strip())}"' if isinstance(answer, str) else f"{answer:g}"
        if names and answer in names:
            text = f'{text} = "{_cut(names[answer])}"'
        counts[text] = counts.get(text, 0) + n
    once = alone + sum(n == 1 for n in counts.values())
    many = len(bad) > _FREE_TEXT or (len(bad) > _SHOWN and once > len(bad) / 2)
    if many or any(_PERSONAL.search(answer if isinstance(answer, str) else f"{answer:.0f}") for answer in bad):
        return f"{len(bad)} different value{_s(len(bad))}, not shown: it looks like free text or identifiers"
    first = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]
    text = ", ".join(f"{answer} ({n})" for answer, n in first)
    rest = sum(counts.values()) - sum(n for _, n in first)
    text += f" and {len(counts) - len(first)} others ({rest})" if rest else ""
    each = "it was" if alone == 1 else "each was"
    own = f"{alone} not shown, as {each} given only once and may be in somebody's own words" if alone else ""
    return ", and ".join(part for part in (text, own) if part)


def are(n: int, what: str) -> str:
    """Say how many there are: "1 answer is", "2 answers are".

    Examples
    --------
    >>> are(1, "answer"), are(2, "answer")
    ('1 answer is', '2 answers are')
    """
    return f"{n} {what} is" if n == 1 else f"{n} {what}s are"


def rows(n: int) -> str:
    """Say how many rows.

    Examples
    --------
    >>> rows(1)
    '1 row'
    """
    return f"{n} row{_s(n)}"


def _merged(found: Sequence[DataError], file: str) -> DataError:
    """Give the mistakes of one file a line each."""
    kind = next((type(p) for p in found if isinstance(p, UnknownLabelError)), type(found[0]))
    lines = [f"  {problem.what}" for problem in found[:20]]
    if len(found) > 20:
        lines.append(f"  and {len(found) - 20} columns more")
    remedies = dict.fromkeys(problem.remedy.rstrip(".") for problem in found)
    return kind(
        f"{len(found)} columns hold answers that cannot be coded:\n" + "\n".join(lines),
        where=file,
        remedy="; or ".join(remedies) + ".",
    )


def _s(n: int) -> str:
    """Give the ending of a plural."""
    return "" if n == 1 else "s"


def _cut(text: str) -> str:
    """Cut a long answer."""
    return text if len(text) <= _CUT else text[: _CUT - 1] + "…"
