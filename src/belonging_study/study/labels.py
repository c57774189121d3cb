"""When two answers are the same answer, and what the labels of a response form stand for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

__all__ = ["answer_key", "conflicting_labels", "label_codes", "normalise_text"]

_CODE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_NOTHING = re.compile("['\u2018\u2019\u201b\u02bc`\u00b4\u00ad\u200b-\u200f\u2060\ufeff]")
"""Apostrophes, soft hyphens and characters without width: they stand between letters of one word."""


@lru_cache(maxsize=4096)
def normalise_text(text: str) -> str:
    """Reduce a text to what makes it the same text: case, spacing, punctuation and Unicode form do not count.

    Parameters
    ----------
    text : str
        A label, a question or a column's name.

    Returns
    -------
    str
        Words in lower case with single spaces; a text of nothing but punctuation is kept as it is.

    Examples
    --------
    >>> normalise_text("  Don\u2019t  KNOW / n.a.")
    'dont know n a'
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    letters = [" " if c == "=" or unicodedata.category(c)[0] in "PZC" else c for c in _NOTHING.sub("", plain)]
    return " ".join("".join(letters).split()) or " ".join(plain.split())


def answer_key(answer: object) -> float | str:
    """Give what makes two answers the same: the number, or the normalised text.

    Parameters
    ----------
    answer : object
        A text, or a number.

    Returns
    -------
    float or str

    Examples
    --------
    >>> answer_key(" 4 "), answer_key("Strongly agree.")
    (4.0, 'strongly agree')
    """
    if not isinstance(answer, str):
        return float(answer)  # type: ignore[arg-type]
    text = unicodedata.normalize("NFKC", answer).strip()
    return float(text) if _CODE.fullmatch(text) else normalise_text(answer)


def label_codes(
    labels: Sequence[str], translations: Mapping[str, Sequence[str]] | None, minimum: float
) -> dict[float | str, float]:
    """Give the code of every label of a form, in every language.

    Parameters
    ----------
    labels : sequence of str
        The form's labels from `minimum` on, in steps of 1.
    translations : mapping, optional
        Language to the labels in it, in the same order.
    minimum : float
        The form's lowest value.

    Returns
    -------
    dict
        What makes an answer the same as a label (`answer_key`) to the label's code.

    Examples
    --------
    >>> label_codes(["No", "Yes"], {"es": ["No", "S\u00ed"]}, 0)
    {'no': 0, 'yes': 1, 's\u00ed': 1}
    """
    lists = [labels, *(translations or {}).values()]
    return {answer_key(label): minimum + step for one in lists for step, label in enumerate(one)}


def conflicting_labels(
    labels: Sequence[str], translations: Mapping[str, Sequence[str]] | None, minimum: float
) -> Iterator[tuple[str, str]]:
    """Find labels that would stand for two codes.

    Parameters
    ----------
    labels, translations, minimum
        As for `label_codes`.

    Yields
    ------
    tuple of str
        The language (empty for `labels`), and what is wrong with one of its labels.

    Examples
    --------
    >>> list(conflicting_labels(["Low", "High"], {"de": ["Hoch", "high "]}, 1))
    []
    >>> list(conflicting_labels(["Low", "High"], {"xx": ["High", "Low"]}, 1))[0]
    ('xx', "'High' stands for 1 here and for 2 in labels; a label has one code in every language")
    """
    first: dict[float | str, tuple[float, str]] = {}
    for language, one in {"": labels, **(translations or {})}.items():
        for step, label in enumerate(one):
            code, where = first.setdefault(answer_key(label), (minimum + step, language))
            if code == minimum + step:
                continue
            if where == language:
                yield language, f"{label.strip()!r} stands twice in this list, for {code:g} and {minimum + step:g}"
            else:
                there = f"in {where}" if where else "in labels"
                yield (
                    language,
                    f"{label.strip()!r} stands for {minimum + step:g} here and for {code:g} {there}; a label has one "
                    "code in every language",
                )
