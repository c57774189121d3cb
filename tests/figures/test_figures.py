"""Figures: what is drawn is what the tables say, and the alternative text says it too."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from belonging_study.figures import (
    Drawn,
    effects_forest,
    event_study_plot,
    item_answers,
    means_by_wave,
    school_changes,
)


def marker_x(drawn: Drawn, marker: str) -> list[float]:
    """Horizontal positions of the markers of one kind, as drawn."""
    lines = [line for line in drawn.figure.axes[0].lines if line.get_marker() == marker]
    return [float(np.ravel(line.get_xdata())[0]) for line in lines]


def estimates() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "outcome": ["a", "a", "b"],
            "role": ["primary", "primary", "secondary"],
            "model": ["did", "multilevel", "did"],
            "group": "all",
            "effect_size": [0.21, 0.19, np.nan],
            "effect_size_low": [0.05, 0.02, np.nan],
            "effect_size_high": [0.37, 0.36, np.nan],
            "conf_level": 0.9,
        }
    )


def test_forest_draws_each_estimate_at_its_value_and_leaves_out_what_is_missing() -> None:
    drawn = effects_forest(estimates(), {"a": "Belonging", "b": "Marks"}, margin=0.1)
    assert marker_x(drawn, "o") == [0.21]
    assert marker_x(drawn, "D") == [0.19]
    assert "Belonging (primary): 0.21 [0.05, 0.37]" in drawn.alt
    assert "90% intervals" in drawn.alt
    assert "Marks" not in drawn.alt


def test_means_show_both_arms_apart_in_marker_and_line() -> None:
    table = pd.DataFrame(
        {
            "outcome": "b",
            "wave": ["w1", "w2", "w1", "w2"],
            "arm": ["p", "p", "c", "c"],
            "mean": [3.0, 3.4, 3.1, np.nan],
            "conf_low": [2.9, 3.3, 3.0, np.nan],
            "conf_high": [3.1, 3.5, 3.2, np.nan],
        }
    )
    drawn = means_by_wave(
        table, outcomes={"b": "B"}, waves={"w1": "Before", "w2": "After"}, comparison="c", programmes=["p"], starts="w2"
    )
    p, c = (bar.lines[0] for bar in drawn.figure.axes[0].containers)
    assert list(p.get_ydata()) == [3.0, 3.4]
    assert list(c.get_ydata()) == [3.1]  # the hidden mean leaves a gap
    assert p.get_marker() != c.get_marker()
    assert p.get_linestyle() != c.get_linestyle()
    assert "nan" not in drawn.alt


def test_event_study_marks_the_reference_wave() -> None:
    table = pd.DataFrame(
        {
            "wave": ["w0", "w1", "w2"],
            "estimate": [0.02, 0.0, 0.3],
            "conf_low": [-0.1, 0.0, 0.1],
            "conf_high": [0.14, 0.0, 0.5],
            "reference": [False, True, False],
        }
    )
    drawn = event_study_plot(table, {"w0": "Pilot", "w1": "Baseline", "w2": "After"}, label="Belonging")
    assert marker_x(drawn, "s") == [1]
    assert marker_x(drawn, "o") == [0, 2]
    assert "against Baseline. Pilot: 0.02 [−0.10, 0.14]; After: 0.30 [0.10, 0.50]." in drawn.alt


def test_item_bars_are_centred_on_the_middle_of_the_form() -> None:
    shares = [0.1, 0.2, 0.4, 0.2, 0.1]
    table = pd.DataFrame({"item": "i", "value": range(1, 6), "share": shares})
    drawn = item_answers(table, labels=list("abcde"), questions={"i": "Item"})
    bars = list(drawn.figure.axes[0].patches)
    assert [round(bar.get_width(), 6) for bar in bars] == shares
    assert bars[0].get_x() == pytest.approx(-0.5)
    assert bars[2].get_x() + bars[2].get_width() / 2 == pytest.approx(0)
    assert "Item: 30% on the upper side" in drawn.alt


def test_answers_counted_together_are_one_hatched_bar_on_their_side() -> None:
    table = pd.DataFrame({"item": "i", "value": [1, 3, 4, 5], "value_to": [2, 3, 4, 5], "share": [0.2, 0.2, 0.5, 0.1]})
    drawn = item_answers(table, labels=list("abcde"), questions={"i": "Item"})
    bars = list(drawn.figure.axes[0].patches)
    assert bars[0].get_x() == pytest.approx(-0.3)
    assert [bar.get_hatch() is not None for bar in bars] == [False, True, False, False, False]
    assert (bars[1].get_x(), bars[1].get_width()) == (bars[0].get_x(), bars[0].get_width())
    assert "Item: 60% on the upper side" in drawn.alt
    labels = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert labels == [*"abcde", "Answers together"]


@pytest.mark.parametrize("k", [2, 4, 5, 6, 7])
def test_item_colours_differ_for_every_answer(k: int) -> None:
    table = pd.DataFrame({"item": "i", "value": range(k), "share": 1 / k})
    drawn = item_answers(table, labels=[str(v) for v in range(k)], questions={"i": "Item"})
    assert len({patch.get_facecolor() for patch in drawn.figure.axes[0].patches}) == k


def test_school_plot_names_no_school() -> None:
    table = pd.DataFrame(
        {
            "school": ["s-secret-1", "s-secret-2"],
            "arm": ["p", "c"],
            "observed": [0.5, -0.2],
            "shrunken": [0.4, -0.1],
            "conf_low": [0.2, -0.3],
            "conf_high": [0.6, 0.1],
        }
    )
    drawn = school_changes(table, comparison="c", programmes=["p"], label="Belonging")
    texts = [text.get_text() for text in drawn.figure.findobj(plt.Text)]
    assert not any("secret" in text for text in [*texts, drawn.alt])
    assert marker_x(drawn, "o") == [0.4]
    assert marker_x(drawn, "s") == [-0.1]


def test_drawing_leaves_the_users_settings_alone() -> None:
    before = plt.rcParams["font.size"]
    effects_forest(estimates(), {})
    assert plt.rcParams["font.size"] == before
    assert not plt.get_fignums()
