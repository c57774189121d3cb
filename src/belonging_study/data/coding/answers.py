"""From answers as exported to numbers.

The coding functions return a `Coded`: the numbers, and the mistake they met, if any. So a caller can code every column
of a file and then make one error that lists them all (`merge_problems`).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.data.coding.problems import are, listed, rows
from belonging_study.errors import DataError, UnknownLabelError, ValueRangeError
from belonging_study.study.labels import answer_key, conflicting_labels, label_codes, normalise_text

__all__ = [
    "Coded",
    "answers_as_text",
    "code_answers",
    "code_binary",
    "code_number",
    "normalise_text",
]

_MEASURE = {
    ".": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?"),
}


@dataclass(frozen=True)
class Coded:
    """One column as numbers.

    Attributes
    ----------
    codes : pandas.Series
        Float (dates for `code_dates`), index of the input; NaN where there is no answer or it could not be coded.
    problem : DataError, optional
        What could not be coded, with counts; not raised.
    answered : dict
        Synonym that counts as missing, as ``study.yml`` writes it, to the number of such answers.
    """

    codes: pd.Series
    problem: DataError | None = None
    answered: dict[str, int] = field(default_factory=dict)


def code_answers(
    values: pd.Series,
    *,
    labels: Sequence[str],
    minimum: float,
    maximum: float,
    translations: Mapping[str, Sequence[str]] | None = None,
    synonyms: Mapping[str, float] | None = None,
    value_labels: Mapping[float, str] | None = None,
    column: str,
    shown: str,
) -> Coded:
    """Turn the answers to a closed question into the codes of the scale's form.

    In this order, an answer is a synonym, a label of the scale in any language (or "4 - Agree", where the number is
    the label's code), or a number that is a code of the form. Where value labels of the file are among the scale's
    labels, its numbers are coded by their label, so a file that counts in the other direction comes out right.

    Parameters
    ----------
    values : pandas.Series
        Text or numbers as exported; NaN and blank text are missing and stay missing.
    labels : sequence of str
        The form's labels from `minimum` to `maximum` in steps of 1; empty where the form has none.
    minimum, maximum : float
        The form's range.
    translations : mapping, optional
        Language to the form's labels in that language, in the same order.
    synonyms : mapping, optional
        Further spellings and their codes; NaN as a code says that the answer counts as missing.
    value_labels : mapping, optional
        Code to label as the file has them.
    column : str
        Name of the column, for messages.
    shown : str
        Name of the file, for messages.

    Returns
    -------
    Coded
        The problem is an `UnknownLabelError` (answers that are neither labels nor numbers) or a `ValueRangeError`
        (numbers that are no codes of the form). Answers are listed with their counts unless they look like free text.

    Examples
    --------
    >>> answers = pd.Series(["Agree", " disagree ", "3", None])
    >>> coded = code_answers(answers, labels=["Disagree", "Neither", "Agree"], minimum=1, maximum=3,
    ...                      column="con_01", shown="w1/survey.csv")
    >>> coded.codes.tolist()
    [3.0, 1.0, 3.0, nan]
    >>> coded = code_answers(pd.Series([7, 7, 1]), labels=[], minimum=1, maximum=5, column="q", shown="w1/survey.csv")
    >>> print(coded.problem.what)
    column q: 2 answers are not among the form's values, 1 to 5: 7 (2)
    """
    _require_one_code_a_label(labels, translations or {}, minimum, maximum, column=column, shown=shown)
    form = label_codes(labels, translations, minimum)
    further = {answer_key(text): float(code) for text, code in (synonyms or {}).items()}
    from_file, closed = _codes_by_label(value_labels or {}, {**form, **further})

    def code(answer: Any) -> float | None:
        key = answer_key(answer)
        if key in further:
            return further[key]
        if isinstance(key, str):
            return form[key] if key in form else _numbered_label(key, form)
        if key in from_file or closed:
            return from_file.get(key)
        if key in form:
            return form[key]
        on_step = not form or float(key - minimum).is_integer()
        return key if minimum <= key <= maximum and on_step else None

    coded, bad = _code_each(values, code)
    answered = _answered(
        values, [text for text, as_ in (synonyms or {}).items() if math.isnan(as_)], value_labels or {}
    )
    if not bad:
        return Coded(coded, answered=answered)
    n = sum(bad.values())
    where = f"{shown}, column {column}, {rows(n)}"
    if closed or any(isinstance(answer_key(answer), str) for answer in bad):
        theirs: dict[float | str, str] = {float(code): label for code, label in (value_labels or {}).items()}
        names = {answer: theirs[answer_key(answer)] for answer in bad if answer_key(answer) in theirs}
        return Coded(
            coded,
            UnknownLabelError(
                f"column {column}: {are(n, 'answer')} none of the scale's labels: {listed(bad, names)}",
                where=where,
                remedy="correct the scale's labels in study.yml, or add each such answer there with its code, for "
                'example synonyms: {"Somewhat": 3}.',
            ),
        )
    return Coded(
        coded,
        ValueRangeError(
            f"column {column}: {are(n, 'answer')} not among the form's values, {minimum:g} to {maximum:g}: "
            f"{listed(bad)}",
            where=where,
            remedy="correct these answers, or the scale's range in study.yml; where such a number means that nobody "
            'answered, say so under the scale, for example synonyms: {"99": .nan}.',
        ),
    )


def code_number(values: pd.Series, *, column: str, shown: str, decimal: str = ".") -> Coded:
    """Turn a measure (marks, counts, minutes) into numbers.

    Parameters
    ----------
    values : pandas.Series
        Text or numbers as exported; NaN and blank text are missing and stay missing.
    column, shown : str
        Names of the column and the file, for messages.
    decimal : {".", ","}
        Decimal mark of numbers that are text. Marks of thousands are not understood.

    Returns
    -------
    Coded
        The problem is a `ValueRangeError` with the number of answers that are no finite numbers; what they say is not
        shown.

    Examples
    --------
    >>> code_number(pd.Series(["2,5", "", "3"]), column="mark", shown="w1/records.csv", decimal=",").codes.tolist()
    [2.5, nan, 3.0]
    >>> print(code_number(pd.Series(["2,5", "3"]), column="mark", shown="w1/records.csv").problem)
    column mark: 1 value is not a number.
    Where: w1/records.csv, column mark, 1 row
    What to do: declare decimal: "," for this file in study.yml.
    """

    def number(answer: Any, mark: str = decimal) -> float | None:
        if isinstance(answer, str):
            text = unicodedata.normalize("NFKC", answer).strip()
            if not _MEASURE[mark].fullmatch(text):
                return None
            answer = text.replace(mark, ".")
        result = float(answer)
        return result if math.isfinite(result) else None

    coded, bad = _code_each(values, number)
    if not bad:
        return Coded(coded)
    n = sum(bad.values())
    other = "," if decimal == "." else "."
    remedy = "correct these values in the file they come from, or leave them empty there."
    if all(isinstance(answer, str) and number(answer, other) is not None for answer in bad):
        remedy = f'declare decimal: "{other}" for this file in study.yml.'
    return Coded(
        coded,
        ValueRangeError(
            f"column {column}: {are(n, 'value')} not {'a number' if n == 1 else 'numbers'}.",
            where=f"{shown}, column {column}, {rows(n)}",
            remedy=remedy,
        ),
    )


def code_binary(
    values: pd.Series,
    pair: tuple[str, str] | None = None,
    *,
    value_labels: Mapping[float, str] | None = None,
    column: str,
    shown: str,
) -> Coded:
    """Turn a measure with two values into 0 and 1.

    Parameters
    ----------
    values : pandas.Series
        Text, numbers or truth values as exported; NaN and blank text are missing and stay missing.
    pair : tuple of str, optional
        The values that become 0 and 1, in that order; without them the values have to be 0 and 1, or false and true.
    value_labels : mapping, optional
        Code to label as the file has them; `pair` may name either.
    column, shown : str
        Names of the column and the file, for messages.

    Returns
    -------
    Coded
        The problem is an `UnknownLabelError` that lists other values with their counts.

    Examples
    --------
    >>> code_binary(pd.Series(["Yes", "no ", None]), ("No", "Yes"), column="suspended", shown="r.csv").codes.tolist()
    [1.0, 0.0, nan]
    """
    known = {answer_key(zero): 0.0 for zero in ("0", "false")} | {answer_key(one): 1.0 for one in ("1", "true")}
    if pair is not None:
        known = {answer_key(pair[0]): 0.0, answer_key(pair[1]): 1.0}
    for file_code, label in (value_labels or {}).items():
        if pair is not None and answer_key(label) in known:
            known.setdefault(float(file_code), known[answer_key(label)])
    coded, bad = _code_each(values, lambda answer: known.get(answer_key(answer)))
    if not bad:
        return Coded(coded)
    n = sum(bad.values())
    zero, one = pair or ("0", "1")
    return Coded(
        coded,
        UnknownLabelError(
            f'column {column}: {are(n, "value")} neither "{zero}" nor "{one}": {listed(bad)}',
            where=f"{shown}, column {column}, {rows(n)}",
            remedy="name the two values, first the one that becomes 0, under values of the outcome in study.yml.",
        ),
    )


def answers_as_text(values: pd.Series, value_labels: Mapping[float, str] | None = None) -> pd.Series:
    """Write answers as text, for columns that name things: arms, groups, classes, identifiers.

    Parameters
    ----------
    values : pandas.Series
        Text or numbers as exported.
    value_labels : mapping, optional
        Code to label as the file has them; a labelled code becomes its label.

    Returns
    -------
    pandas.Series
        Text without surrounding spaces, whole numbers without a decimal point; NaN and blank text are NaN.

    Examples
    --------
    >>> answers_as_text(pd.Series([1.0, 1042.0, float("nan")]), {1: "programme"}).tolist()
    ['programme', '1042', nan]
    """
    labels = {float(code): label for code, label in (value_labels or {}).items()}

    def text(value: Any) -> str:
        if isinstance(value, str):
            return value.strip()
        if float(value) in labels:
            return labels[float(value)].strip()
        if isinstance(value, bool | np.bool_):
            return str(bool(value)).lower()
        return str(int(value)) if float(value).is_integer() else str(value)

    places, answers = pd.factorize(values)
    written = np.array([text(answer) or None for answer in answers] + [None], dtype=object)[places]
    series = pd.Series(written, index=values.index, name=values.name, dtype="object")
    return series.astype("str").where(series.notna())


def _require_one_code_a_label(
    labels: Sequence[str],
    translations: Mapping[str, Sequence[str]],
    minimum: float,
    maximum: float,
    *,
    column: str,
    shown: str,
) -> None:
    """Raise unless every list of labels has one for each code, and every label one code."""
    wrong = next((message for _, message in conflicting_labels(labels, translations, minimum)), "")
    for one in (labels, *translations.values()):
        if one and not wrong and len(one) != maximum - minimum + 1:
            wrong = f"it runs from {minimum:g} to {maximum:g}, but has {len(one)} labels"
    if wrong:
        raise ValueRangeError(
            f"The scale of column {column}: {wrong}.",
            where=f"{shown}, column {column}",
            remedy="give one label for each code, in order, in study.yml.",
        )


def _answered(values: pd.Series, synonyms: Sequence[str], value_labels: Mapping[float, str]) -> dict[str, int]:
    """Count the answers that are one of these synonyms, under the first way in which study.yml writes it."""
    texts: dict[float | str, str] = {}
    for text in synonyms:
        texts.setdefault(answer_key(text), text)
    for code, label in value_labels.items():
        if answer_key(label) in texts:
            texts.setdefault(float(code), texts[answer_key(label)])
    counts = dict.fromkeys(texts.values(), 0)
    for answer, n in values.value_counts().items() if texts else ():
        if answer_key(answer) in texts:
            counts[texts[answer_key(answer)]] += int(n)
    return {text: n for text, n in counts.items() if n}


def _codes_by_label(
    value_labels: Mapping[float, str], known: Mapping[float | str, float]
) -> tuple[dict[float, float], bool]:
    """Give the file's codes by their labels, and whether codes without a known label mean nothing.

    A file that numbers its labels otherwise than the form says nothing about codes whose labels the form does not have.
    """
    codes = {
        float(code): known[answer_key(label)] for code, label in value_labels.items() if answer_key(label) in known
    }
    return codes, any(code != value for code, value in codes.items() if not math.isnan(value))


def _numbered_label(text: str, form: Mapping[float | str, float]) -> float | None:
    """Read "4 agree" or "agree 4" where the number is the label's code."""
    for label, code in form.items():
        if isinstance(label, str) and text in (f"{code:g} {label}", f"{label} {code:g}"):
            return code
    return None


def _code_each(values: pd.Series, code: Callable[[Any], float | None]) -> tuple[pd.Series, dict[Any, int]]:
    """Code each different answer once; count those without a code."""
    places, answers = pd.factorize(values)
    counts = np.bincount(places[places >= 0], minlength=len(answers))
    numbers: npt.NDArray[np.float64] = np.full(len(answers) + 1, np.nan)
    bad: dict[Any, int] = {}
    for place, answer in enumerate(answers):
        if isinstance(answer, str) and not answer.strip():
            continue
        number = code(answer)
        if number is None:
            bad[answer] = int(counts[place])
        else:
            numbers[place] = number
    return pd.Series(numbers[places], index=values.index, name=values.name), bad
