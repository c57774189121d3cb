from __future__ import annotations

import pandas as pd
import pytest

from belonging_study.data.codebook import Variable, codebook_table


def test_numbers_are_described_and_texts_are_counted() -> None:
    sample = pd.DataFrame(
        {"q": [1.0, 2.0, 6.0, None], "who": ["p1", "p2", None, "p3"], "late": [True, False, True, True]}
    )
    variables = [Variable("q", "Q"), Variable("who", "Who", type="code"), Variable("late", "Late", type="yes/no")]
    book = codebook_table(sample, [*variables, Variable("absent", "Not there")]).set_index("variable")
    assert list(book.index) == ["q", "who", "late"]
    assert book.loc["q", ["n", "n_missing", "mean", "minimum", "maximum"]].tolist() == [3, 1, 3, 1, 6]
    assert book.loc["q", "sd"] == pytest.approx(7**0.5)
    assert book.loc["late", "mean"] == 0.75
    assert book.loc["who", ["mean", "sd", "minimum", "maximum"]].isna().all()
    assert book.loc["who", "n_missing"] == 1
