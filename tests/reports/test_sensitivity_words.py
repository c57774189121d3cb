from __future__ import annotations

from typing import Any

import pandas as pd
from made_up import made_up_study

from belonging_study.reports.sensitivity_words import careless_sentences


def pair(*rows: tuple[float, float, float], outcome: str = "belonging", contrast: str = "w2 v w1") -> pd.DataFrame:
    """Two rows of estimate and bounds; a standard deviation of the outcome is 1."""
    samples = ("all", "without flagged responses")
    lines: list[dict[str, Any]] = [
        {
            "outcome": outcome,
            "contrast": contrast,
            "sample": sample,
            "estimate": estimate,
            "conf_low": low,
            "conf_high": high,
            "effect_size_low": low,
            "effect_size_high": high,
        }
        for sample, (estimate, low, high) in zip(samples, rows, strict=True)
    ]
    return pd.DataFrame(lines)


def test_the_same_conclusion_is_called_the_same() -> None:
    (text,) = careless_sentences(made_up_study(), pair((0.21, 0.05, 0.37), (0.24, 0.08, 0.40)))
    assert "school belonging is 0.24; with all responses it is 0.21." in text
    assert text.endswith("The conclusion is the same.")


def test_a_change_by_zero_or_by_what_matters_or_of_direction_is_told() -> None:
    study = made_up_study()
    (zero,) = careless_sentences(study, pair((0.10, -0.02, 0.22), (0.16, 0.03, 0.29)))
    assert "The conclusion changes" in zero
    assert "with all responses the interval includes zero" in zero
    assert "without the flagged ones it excludes zero" in zero
    (matters,) = careless_sentences(study, pair((0.21, 0.05, 0.37), (0.30, 0.12, 0.48)))
    assert "without the flagged ones it lies wholly beyond" in matters
    (turned,) = careless_sentences(study, pair((0.21, 0.05, 0.37), (-0.21, -0.37, -0.05)))
    assert "direction is another" in turned


def test_an_estimate_that_is_missing_and_several_arms_are_named() -> None:
    gone = (float("nan"),) * 3
    table = pd.concat(
        [
            pair((0.2, 0.1, 0.3), gone, contrast="Second v before, notes"),
            pair((0.2, 0.1, 0.3), (0.2, 0.1, 0.3), contrast="Second v before, talks"),
        ]
    )
    first, second = careless_sentences(made_up_study(), table)
    assert "an estimate is missing" in first
    assert "(Second v before, talks)" in second
    assert careless_sentences(made_up_study(), table.iloc[:0]) == []
