"""Labels in several languages, and synonyms that count as missing."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from belonging_study.data.coding.answers import Coded, code_answers
from belonging_study.errors import UnknownLabelError, ValueRangeError

AGREE = ("Disagree", "Neither", "Agree")
TRANSLATED = {"es": ("En desacuerdo", "Ni uno ni otro", "De acuerdo"), "de": ("Nein", "Weder noch", "Stimme zu")}


def in_languages(values: list[object], **entries: object) -> Coded:
    settings = {"labels": AGREE, "translations": TRANSLATED, "minimum": 1, "maximum": 3, **entries}
    return code_answers(pd.Series(values, dtype=object), column="q", shown="s.csv", **settings)  # type: ignore[arg-type]


def test_labels_of_every_language_are_understood_in_the_same_way() -> None:
    answers = ["agree", " DE ACUERDO. ", "stimme\u00a0zu", "3 - De acuerdo", "Ni uno, ni otro", "nein", 2.0, None]
    assert in_languages(answers).codes.fillna(-1).tolist() == [3, 3, 3, 3, 2, 1, 2, -1]
    found = in_languages([1.0, 2.0, 3.0], value_labels={1: "De acuerdo", 2: "Neither", 3: "Nein"})
    assert found.codes.tolist() == [3, 2, 1]
    alone = in_languages(["De acuerdo", "3"], labels=())
    assert alone.codes.tolist() == [3, 3]
    unknown = in_languages(["D'accord"] * 2)
    assert isinstance(unknown.problem, UnknownLabelError)


def test_a_label_with_two_codes_is_an_error() -> None:
    with pytest.raises(ValueRangeError, match="'Agree' stands for 1 here and for 3 in labels"):
        in_languages([], translations={"xx": ("Agree", "Neither", "Disagree")})
    with pytest.raises(ValueRangeError, match="has 2 labels"):
        in_languages([], translations={"xx": ("Ja", "Nein")})


def test_answers_that_count_as_missing_are_counted_under_their_synonym() -> None:
    synonyms = {"N.A./Prefer not to answer": math.nan, "n/a": math.nan, "n.a.": math.nan, "Yes": 3.0}
    found = in_languages(["n.a. prefer not to answer", "N/A", "n a", "yes", "Agree", None, " "], synonyms=synonyms)
    assert found.problem is None
    assert found.codes.fillna(-1).tolist() == [-1, -1, -1, 3, 3, -1, -1]
    assert found.answered == {"N.A./Prefer not to answer": 1, "n/a": 2}
    typed = in_languages([9.0, 9.0, 1.0], synonyms={"Refused": math.nan}, value_labels={9: "refused", 1: "Disagree"})
    assert typed.answered == {"Refused": 2}
    assert typed.codes.fillna(-1).tolist() == [-1, -1, 1]
