from __future__ import annotations

import math

import numpy as np
import pandas as pd

from belonging_study.reports.display import display_table


def columns_of(data: pd.DataFrame, columns: dict[str, str] | None = None) -> dict[str, list[str]]:
    shown = display_table(data, columns)
    return {c.text: [row[k].text for row in shown.rows] for k, c in enumerate(shown.columns)}


def test_estimate_and_interval_share_their_decimals() -> None:
    shown = columns_of(
        pd.DataFrame(
            {"estimate": [0.2, -0.021], "conf_low": [0.1, -0.049], "conf_high": [0.3, 0.007], "conf_level": [0.9, 0.9]}
        )
    )
    assert list(shown) == ["Estimate", "90% CI"]
    assert shown["90% CI"] == ["[0.10, 0.30]", "[−0.049, 0.007]"]
    assert [text.rstrip("\u2007") for text in shown["Estimate"]] == ["0.20", "−0.021"]
    # Points below each other: as many places after the point in every row.
    assert len({len(text.split(".")[1]) for text in shown["Estimate"]}) == 1


def test_an_interval_needs_both_bounds_among_the_columns() -> None:
    data = pd.DataFrame({"estimate": [0.2], "conf_low": [0.1], "conf_high": [0.3]})
    assert list(columns_of(data, {"estimate": "b", "conf_low": ""})) == ["b", "Conf low"]
    assert list(columns_of(data, {"estimate": "b", "conf_low": "90% interval", "conf_high": ""})) == [
        "b",
        "90% interval",
    ]


def test_reliability_interval_reads_like_its_estimate() -> None:
    data = pd.DataFrame({"mcdonald_omega": [0.912], "omega_conf_low": [0.9], "omega_conf_high": [0.92]})
    assert columns_of(data) == {"Omega": [".91"], "CI": ["[.90, .92]"]}


def test_hidden_and_missing_numbers_say_why() -> None:
    data = pd.DataFrame(
        {
            "group": ["girls", "boys", "other", "all"],
            "mean": [1.25, math.nan, math.nan, math.nan],
            "n_students": pd.array([120, None, None, 240], dtype="Int64"),
            "suppressed": ["", "fewer than 10", "hidden to protect a smaller group", ""],
            "note": ["", "", "", "the scale was not asked"],
        }
    )
    shown = display_table(data, {"group": "", "mean": "", "n_students": ""})
    texts = [[(c.text, c.mark) for c in row[1:]] for row in shown.rows]
    assert texts[0] == [("1.25", ""), ("120", "")]
    assert texts[1] == [("–", ""), ("fewer than 10", "")]
    assert texts[2] == [("–", ""), ("hidden", "a")]
    assert texts[3] == [("–", "b"), ("240", "")]
    assert shown.footnotes == ("a hidden to protect a smaller group", "b the scale was not asked")


def test_columns_that_say_nothing_are_left_out_unless_asked_for() -> None:
    data = pd.DataFrame({"outcome": ["a"], "note": [""], "df": [math.nan], "suppressed": [""]})
    assert list(columns_of(data)) == ["Outcome"]
    assert list(columns_of(data, {"outcome": "", "df": ""})) == ["Outcome", "df"]


def test_counts_shares_and_whole_numbers_by_their_names() -> None:
    data = pd.DataFrame(
        {
            "n_students": [1200.0],
            "link_rate": [0.915],
            "floor_share": [0.02],
            "seed": [5],
            "icc": [0.0412],
            "df": [7.0],
            "r": [0.5],
        }
    )
    assert columns_of(data) == {
        "Students": ["1\u202f200"],
        "Link rate": ["91.5%"],
        "At the lowest score": ["2.0%"],
        "Seed": ["5"],
        "ICC": [".041"],
        "df": ["7.0"],
        "R": [".50"],
    }


def test_values_are_shown_by_their_labels() -> None:
    data = pd.DataFrame({"outcome": ["y"], "model": ["did"], "ok": [True]})
    shown = display_table(data, labels={"outcome": {"y": "Belonging"}})
    assert [cell.text for cell in shown.rows[0]] == ["Belonging", "Difference-in-differences", "yes"]


def test_a_text_that_all_rows_share_is_said_once() -> None:
    table = pd.DataFrame({"outcome": ["a", "b"], "contrast": ["w2 v w1"] * 2, "n": [12, 12]})
    shown = display_table(table)
    assert [c.text for c in shown.columns] == ["Outcome", "n"]
    assert shown.common == ("Contrast: w2 v w1",)
    assert display_table(table.head(1)).common == ()
    assert display_table(table.assign(contrast=["w2 v w1", "w3 v w1"])).common == ()


def test_rows_of_one_outcome_have_the_same_decimals() -> None:
    table = pd.DataFrame(
        {
            "outcome": ["y", "y", "z"],
            "estimate": [0.0249, 0.0249, 12.0],
            "conf_low": [-0.0522, -0.0495, 10.0],
            "conf_high": [0.102, 0.0994, 14.0],
        }
    )
    assert [row[1].text.strip() for row in display_table(table).rows] == ["0.02", "0.02", "12.0"]


def test_where_every_number_is_hidden_the_counts_say_so() -> None:
    table = pd.DataFrame(
        {"arm": ["x", "y"], "n": [np.nan] * 2, "share": [np.nan] * 2, "suppressed": ["fewer than 10"] * 2}
    )
    shown = display_table(table)
    assert [c.name for c in shown.columns] == ["arm", "n"]
    assert [row[1].text for row in shown.rows] == ["fewer than 10"] * 2


def test_a_share_of_nothing_is_still_a_share() -> None:
    shown = display_table(pd.DataFrame({"scale": ["a", "b"], "floor_share": [0.0, 0.0]}))
    assert [row[1].text for row in shown.rows] == ["0.0%", "0.0%"]
