"""From answers to codes."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.data.coding.answers import answers_as_text, code_answers, code_binary, code_number, normalise_text
from belonging_study.data.coding.problems import merge_problems
from belonging_study.data.readers import read_export
from belonging_study.errors import UnknownLabelError, ValueRangeError

LABELS = ("Not at all true", "Slightly true", "Partly true", "Mostly true", "Completely true")
WHERE = {"column": "bel_01", "shown": "w1/survey.csv"}
FORM = {"labels": LABELS, "minimum": 1, "maximum": 5, **WHERE}


def test_labels_however_they_are_written() -> None:
    written = [
        "Not at all true", "  not AT all\u00a0true. ", "SLIGHTLY TRUE", "Partly  true", "partly-true",
        "Mostly true (4)", "5 = Completely true", "5: completely true", "\uff15", "3", "3.0", " 2 ",
        "", "  ", None, np.nan,
    ]  # fmt: skip
    coded = code_answers(pd.Series(written, dtype=object), **FORM)
    assert coded.problem is None
    np.testing.assert_array_equal(coded.codes, [1, 1, 2, 3, 3, 4, 5, 5, 5, 3, 3, 2, np.nan, np.nan, np.nan, np.nan])


def test_unicode_forms_and_apostrophes_do_not_count() -> None:
    labels = ["Don’t agree", "Völlig ähnlich", "Oui, tout à fait"]
    written = pd.Series(
        ["dont agree", "DON'T AGREE", unicodedata.normalize("NFD", "völlig ähnlich"), "oui tout à fait"]
    )
    coded = code_answers(written, labels=labels, minimum=0, maximum=2, **WHERE)
    assert coded.codes.tolist() == [0, 0, 1, 2]


def test_accents_do_count() -> None:
    assert normalise_text("sûr") != normalise_text("sur")
    assert normalise_text("!!") == "!!"


def test_none_is_a_label_like_any_other() -> None:
    coded = code_answers(pd.Series(["None", "Little"]), labels=["None", "Little"], minimum=0, maximum=1, **WHERE)
    assert coded.codes.tolist() == [0, 1]


def test_index_and_name_are_kept() -> None:
    answers = pd.Series(["Mostly true", "x"], index=[7, 3], name="Q1")
    coded = code_answers(answers, **FORM)
    assert coded.codes.index.tolist() == [7, 3]
    assert coded.codes.name == "Q1"
    assert coded.codes.dtype == np.float64


def test_unknown_labels_are_listed_with_their_counts() -> None:
    answers = pd.Series(["Sometimes"] * 12 + ["mostly true"] * 3 + ["x" * 60] * 2 + ["7"])
    problem = code_answers(answers, **FORM).problem
    assert isinstance(problem, UnknownLabelError)
    assert problem.what == (
        f'column bel_01: 15 answers are none of the scale\'s labels: "Sometimes" (12), "{"x" * 39}…" (2), "7" (1)'
    )
    assert problem.where == "w1/survey.csv, column bel_01, 15 rows"


def test_at_most_eight_are_listed() -> None:
    problem = code_answers(pd.Series([f"label {c}" for c in "abcdefghij"] * 2), **FORM).problem
    assert problem is not None
    assert problem.what.count("label") == 8 + 1  # and once in "the scale's labels"
    assert "and 2 others (4)" in problem.what


@pytest.mark.parametrize(
    "answers",
    [
        [f"My own story, part {c}" for c in "abcdefghijklmnopqrstuvwxyzäöüéèàñ"] * 2,  # more than thirty
        [f"My own story, part {c}" for c in "abcdefghi"],  # everybody wrote something else
        ["My own story: ask me@example.org"],
        ["My own story: phone 20417"],
    ],
)
def test_free_text_and_identifiers_are_never_shown(answers: list[str]) -> None:
    problem = code_answers(pd.Series(answers), **FORM).problem
    assert isinstance(problem, UnknownLabelError)
    assert "story" not in str(problem)
    assert f"{len(set(answers))} different value" in problem.what


def test_identifiers_in_a_column_of_numbers_are_never_shown() -> None:
    problem = code_answers(pd.Series([20417.0, 20418.0]), **FORM).problem
    assert isinstance(problem, ValueRangeError)
    assert "2041" not in str(problem)


def test_numbers_outside_the_form_are_listed() -> None:
    problem = code_answers(pd.Series(["6", "6", "0", "-99", "9999", "2.5", "3"]), **FORM).problem
    assert isinstance(problem, ValueRangeError)
    assert problem.what == (
        'column bel_01: 6 answers are not among the form\'s values, 1 to 5: "6" (2), "-99" (1), "0" (1), "2.5" (1), '
        '"9999" (1)'
    )


def test_without_labels_any_number_of_the_range_is_a_code() -> None:
    coded = code_answers(pd.Series([0.0, 2.5, 10.0]), labels=(), minimum=0, maximum=10, **WHERE)
    assert coded.problem is None
    assert coded.codes.tolist() == [0.0, 2.5, 10.0]


def test_synonyms_come_first_and_nan_means_no_answer() -> None:
    synonyms = {"Somewhat": 3, "-99": float("nan"), "Don't know": float("nan"), "6": 5}
    coded = code_answers(pd.Series(["somewhat", "-99", "dont know", "6", "99"]), synonyms=synonyms, **FORM)
    np.testing.assert_array_equal(coded.codes, [3, np.nan, np.nan, 5, np.nan])
    assert isinstance(coded.problem, ValueRangeError)
    assert '"99" (1)' in coded.problem.what


def test_a_file_that_counts_backwards_is_coded_by_its_labels(tmp_path: Path) -> None:
    backwards = {5.0 - i: label for i, label in enumerate(LABELS)}
    file = tmp_path / "survey.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"q": [5.0, 4.0, 3.0, 2.0, 1.0, 9.0]}),
        file,
        variable_value_labels={"q": {**backwards, 9.0: "Refused"}},
        missing_ranges={"q": [9]},
    )
    export = read_export(file)
    coded = code_answers(export.table["q"], value_labels=export.labels["q"], **FORM)
    np.testing.assert_array_equal(coded.codes, [1, 2, 3, 4, 5, np.nan])
    assert coded.problem is None


def test_a_file_that_counts_from_zero_is_coded_by_its_labels() -> None:
    coded = code_answers(pd.Series([0, 4]), value_labels=dict(enumerate(LABELS)), **FORM)
    assert coded.codes.tolist() == [1, 5]


def test_labels_of_the_file_that_are_not_the_forms_leave_the_numbers() -> None:
    coded = code_answers(pd.Series([1.0, 5.0]), value_labels={1: "trifft nicht zu", 5: "trifft zu"}, **FORM)
    assert coded.codes.tolist() == [1, 5]
    ends = code_answers(pd.Series([1.0, 3.0, 5.0]), value_labels={1: LABELS[0], 3: "Mitte", 5: LABELS[4]}, **FORM)
    assert ends.codes.tolist() == [1, 3, 5]


def test_a_code_without_a_known_label_means_nothing_in_a_file_that_counts_otherwise() -> None:
    labels = {5.0: LABELS[0], 1.0: LABELS[4], 2.0: "Quite"}
    coded = code_answers(pd.Series([1.0, 2.0, 3.0, 5.0]), value_labels=labels, **FORM)
    np.testing.assert_array_equal(coded.codes, [5, np.nan, np.nan, 1])
    assert isinstance(coded.problem, UnknownLabelError)
    assert '2 = "Quite" (1), 3 (1)' in coded.problem.what


def test_labels_that_do_not_fit_the_range_are_an_error() -> None:
    with pytest.raises(ValueRangeError, match="from 1 to 4, but has 5"):
        code_answers(pd.Series(["x"]), labels=LABELS, minimum=1, maximum=4, **WHERE)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=30), st.randoms())
def test_a_label_in_any_disguise_gets_its_code(codes: list[int], random: object) -> None:
    shuffle = random.random  # type: ignore[attr-defined]

    def disguise(label: str) -> str:
        letters = "".join(c.upper() if shuffle() < 0.5 else c for c in label)
        return " " * int(3 * shuffle()) + letters.replace(" ", "  " if shuffle() < 0.5 else "\u00a0") + "."

    coded = code_answers(pd.Series([disguise(LABELS[c]) for c in codes], dtype=object), **FORM)
    assert coded.problem is None
    assert coded.codes.tolist() == [c + 1 for c in codes]


def test_measures_as_text_and_as_numbers() -> None:
    written = pd.Series(["2", " 2.5 ", "1e-3", "-.5", "", None], dtype=object)
    np.testing.assert_array_equal(code_number(written, **WHERE).codes, [2, 2.5, 0.001, -0.5, np.nan, np.nan])
    commas = code_number(pd.Series(["2,5", "3", "1,000"]), decimal=",", **WHERE)
    assert commas.codes.tolist() == [2.5, 3.0, 1.0]
    typed = code_number(pd.Series([1.5, np.nan, np.inf]), **WHERE)
    np.testing.assert_array_equal(typed.codes, [1.5, np.nan, np.nan])
    assert typed.problem is not None


def test_what_is_no_number_is_counted_but_not_shown() -> None:
    problem = code_number(pd.Series(["Petra", "Petra", "2", "nan", "1_0", "12%"]), **WHERE).problem
    assert isinstance(problem, ValueRangeError)
    assert "5 values are not numbers" in problem.what
    assert "Petra" not in str(problem)
    assert "decimal" not in problem.remedy
    other = code_number(pd.Series(["2,5", "3"]), **WHERE).problem
    assert other is not None
    assert 'decimal: ","' in other.remedy


def test_binary_values() -> None:
    plain = code_binary(pd.Series(["0", "1", "1.0", "TRUE", "false", None], dtype=object), **WHERE)
    np.testing.assert_array_equal(plain.codes, [0, 1, 1, 1, 0, np.nan])
    np.testing.assert_array_equal(code_binary(pd.Series([True, False]), **WHERE).codes, [1, 0])
    pair = code_binary(pd.Series(["2", "1.0", "1"]), ("1", "2"), **WHERE)
    assert pair.codes.tolist() == [1, 0, 0]
    labelled = code_binary(pd.Series([2.0, 1.0]), ("No", "Yes"), value_labels={1: "Yes", 2: "no"}, **WHERE)
    assert labelled.codes.tolist() == [0, 1]
    problem = code_binary(pd.Series(["yes", "no", "maybe", "maybe"]), ("no", "yes"), **WHERE).problem
    assert isinstance(problem, UnknownLabelError)
    assert '2 values are neither "no" nor "yes": "maybe" (2)' in problem.what


def test_what_one_student_alone_wrote_is_never_shown() -> None:
    problem = code_answers(pd.Series(["Mia Kunz", "Sometimes", "Sometimes", "Ünal"]), **FORM).problem
    assert isinstance(problem, UnknownLabelError)
    assert '"Sometimes" (2), and 2 not shown, as each was given only once' in problem.what
    assert "Mia" not in str(problem)
    assert "Ünal" not in str(problem)


def test_answers_as_text() -> None:
    typed = pd.Series([1.0, 2.0, 1234567890123.0, 2.5, np.nan])
    assert answers_as_text(typed, {1: "girl "}).tolist()[:4] == ["girl", "2", "1234567890123", "2.5"]
    assert pd.isna(answers_as_text(typed)[4])
    assert answers_as_text(pd.Series([" 007", "", None])).isna().tolist() == [False, True, True]
    assert answers_as_text(pd.Series([True])).tolist() == ["true"]


def test_one_error_for_all_columns_of_a_file() -> None:
    problems = [
        code_answers(pd.Series(["Sometimes", "7"]), **FORM).problem,
        code_answers(pd.Series(["3"]), **FORM).problem,
        code_number(pd.Series(["x"]), column="mark", shown="w1/survey.csv").problem,
    ]
    (error,) = merge_problems(problems)
    assert isinstance(error, UnknownLabelError)
    text = str(error)
    assert "2 columns hold answers that cannot be coded" in text
    assert "column bel_01" in text
    assert "column mark" in text
    assert "Where: w1/survey.csv\n" in text
    assert merge_problems([None, None]) == ()
    (error,) = merge_problems(code_number(pd.Series(["x"]), column=f"c{i}", shown="s.csv").problem for i in range(25))
    assert isinstance(error, ValueRangeError)
    assert "and 5 columns more" in str(error)
    files = [code_number(pd.Series(["x"]), column="c", shown=f"{name}.csv").problem for name in "aba"]
    assert [error.where for error in merge_problems(files)] == ["a.csv", "b.csv, column c, 1 row"]


@pytest.mark.parametrize("year", [1, 2, 3])
def test_real_answers_are_counted_as_a_plain_count_does(shared_data: Path, year: int) -> None:
    file = shared_data / "bucknell_cure" / f"Year{year}.NoDemographics.tsv"
    labels = ("None", "Little", "Some", "Much", "Extensive")
    refusal = "N.A./Prefer not to answer"
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    table = read_export(file).table
    columns = [c for c in table.columns if c.startswith("Q10_") and c.endswith("_pre")]
    assert len(columns) == 25
    for column in columns:
        form = {"labels": labels, "minimum": 1, "maximum": 5, "column": column, "shown": file.name}
        coded = code_answers(table[column], synonyms={refusal: float("nan")}, **form)
        assert coded.problem is None
        refusals = sum(row[column] == refusal for row in rows)
        undeclared = code_answers(table[column], **form).problem
        assert (undeclared is not None) == (refusals > 0)
        counted = f'"{refusal}" ({refusals})' if refusals > 1 else "1 not shown"
        assert undeclared is None or counted in undeclared.what
        for code, label in enumerate(labels, start=1):
            assert int((coded.codes == code).sum()) == sum(row[column] == label for row in rows)
        assert int(coded.codes.isna().sum()) == refusals + sum(row[column] in ("", "NA") for row in rows)
