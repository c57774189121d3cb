from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError
from belonging_study.reports.blocks import BLOCK_MIME, SECTIONS, Figure, Note, Table, block_from_json, render_markdown


def mixed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": pd.Series(["belonging", None, "marks"], dtype="str"),
            "estimate": [0.1 + 0.2, math.nan, -math.inf],
            "n": [3, 40, 50],
            "n_students": pd.array([12, None, 14], dtype="Int64"),
            "primary": [True, False, True],
            "arm": pd.Categorical(["a", "b", "a"]),
            "date": pd.to_datetime(["2024-10-07", "2025-05-12", None]),
        }
    )


def through_a_notebook(block: Any) -> Any:
    """What a saved notebook gives back."""
    bundle = block._repr_mimebundle_()
    return block_from_json(json.loads(json.dumps(bundle, allow_nan=False))[BLOCK_MIME])


def test_table_comes_back_with_values_types_and_gaps() -> None:
    before = Table("t", "Title", mixed(), "effects", note="*n*", folded=True, columns={"n": "Students", "outcome": ""})
    after = through_a_notebook(before)
    assert (after.name, after.title, after.section, after.note, after.folded) == ("t", "Title", "effects", "*n*", True)
    assert list(after.columns.items()) == [("n", "Students"), ("outcome", "")]
    data = after.data
    assert data["estimate"].tolist()[0] == 0.1 + 0.2  # to the last digit
    assert math.isnan(data["estimate"][1])
    assert data["estimate"][2] == -math.inf
    assert data["n"].tolist() == [3, 40, 50]
    assert data["n_students"].isna().tolist() == [False, True, False]
    assert data["primary"].tolist() == [True, False, True]
    assert data["outcome"].tolist() == ["belonging", None, "marks"]
    assert data["arm"].tolist() == ["a", "b", "a"]
    assert data["date"].tolist()[0].startswith("2024-10-07")
    assert after.to_json()["data"]["rows"] == before.to_json()["data"]["rows"]


def test_empty_table_comes_back() -> None:
    after = through_a_notebook(Table("t", "Nothing", pd.DataFrame({"n": pd.Series([], dtype="int64")}), "flow"))
    assert list(after.data.columns) == ["n"]
    assert after.data.empty


def test_figure_and_note_come_back() -> None:
    figure = Figure("f", "Title", "<svg>é</svg>", bytes(range(256)), "Rises.", "effects", caption="c")
    assert through_a_notebook(figure) == figure
    note = Note("Text", "cautions", kind="caution", title="T")
    assert through_a_notebook(note) == note


def test_json_does_not_depend_on_the_order_of_making() -> None:
    one, other = (json.dumps(Table("t", "T", mixed(), "effects").to_json()) for _ in range(2))
    assert one == other


def test_numpy_values_in_object_columns_are_kept_as_numbers() -> None:
    data = pd.DataFrame({"x": pd.Series([np.float64(0.5), np.int64(3), pd.NA], dtype="object")})
    assert Table("t", "T", data, "effects").to_json()["data"]["rows"] == [[0.5], [3], [None]]


def test_jupyter_shows_a_table_and_escapes_it() -> None:
    bundle = Table(
        "t", "<b>T</b>", pd.DataFrame({"outcome": ["<i>"], "p_value": [0.00001]}), "effects"
    )._repr_mimebundle_()
    assert "&lt;b&gt;T&lt;/b&gt;" in bundle["text/html"]
    assert "&lt;i&gt;" in bundle["text/html"]
    assert "< .001" in bundle["text/plain"]


def test_jupyter_marks_what_a_footnote_explains() -> None:
    data = pd.DataFrame({"n": [math.nan, 12.0], "note": ["nobody was asked", ""]})
    page = Table("t", "T", data, "effects", columns={"n": ""})._repr_mimebundle_()["text/html"]
    assert "–<sup>a</sup>" in page
    assert "a nobody was asked" in page


def test_figures_must_be_described() -> None:
    with pytest.raises(ParameterError, match="no description"):
        Figure("f", "T", "<svg/>", b"", "  ", "effects")


def test_sections_columns_and_kinds_are_checked() -> None:
    with pytest.raises(ParameterError, match="no section 'effect'") as error:
        Note("x", "effect")
    assert all(section in error.value.remedy for section in SECTIONS)
    with pytest.raises(DataError, match="no column q"):
        Table("t", "T", pd.DataFrame({"n": [1]}), "effects", columns={"q": ""})
    with pytest.raises(ParameterError, match="no kind"):
        Note("x", "effects", kind="warning")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no name"):
        Table("", "T", pd.DataFrame({"n": [1]}), "effects")


@pytest.mark.parametrize("value", [{}, {"block": "plot"}, {"block": "note", "text": "x"}])
def test_what_is_not_a_block_is_refused(value: dict[str, str]) -> None:
    with pytest.raises(DataError):
        block_from_json(value)


def test_markdown_is_safe_and_loads_nothing() -> None:
    page = render_markdown("# Head\n\n<img src=x>\n\n![p](https://example.org/p.png)\n\n| a |\n|---|\n| 1 |")
    assert "<h4>Head</h4>" in page
    assert "<img" not in page
    assert "<table>" in page
