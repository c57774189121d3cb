"""No sentence says what its table does not."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import estimate_row, made_up_estimates, made_up_flow, made_up_scales, made_up_study

from belonging_study.errors import ColumnMissingError
from belonging_study.reports.disclosure import suppress
from belonging_study.reports.readings import Reading, read_interval
from belonging_study.reports.words import Summary, summarise

NOTHING = pd.DataFrame()


def summary_of(
    rows: list[dict[str, Any]], flow: pd.DataFrame = NOTHING, scales: pd.DataFrame | None = None, **changes: Any
) -> Summary:
    study = made_up_study(**changes)
    return summarise(study, study.waves[1], pd.DataFrame(rows), flow, scales)


def text_of(rows: list[dict[str, Any]], **changes: Any) -> str:
    return "\n".join(summary_of(rows, **changes).paragraphs)


@pytest.mark.parametrize(
    ("bounds", "effect_bounds", "reading"),
    [
        ((0.1, 0.4), (0.2, 0.6), Reading.MATTERS),
        ((-0.4, -0.1), (-0.6, -0.2), Reading.MATTERS),
        ((0.01, 0.4), (0.02, 0.6), Reading.CLEAR),
        ((0.01, 0.04), (0.02, 0.08), Reading.SMALL),
        ((-0.04, 0.04), (-0.08, 0.08), Reading.LITTLE),
        ((-0.04, 0.4), (-0.08, 0.6), Reading.UNCLEAR),
        ((0.0, 0.4), (0.0, 0.6), Reading.UNCLEAR),
        ((0.1, 0.4), (np.nan, np.nan), Reading.CLEAR),
        ((-0.01, 0.01), (np.nan, np.nan), Reading.UNCLEAR),
    ],
)
def test_readings(bounds: tuple[float, float], effect_bounds: tuple[float, float], reading: Reading) -> None:
    assert read_interval(*bounds, *effect_bounds, margin=0.1) is reading


NUMBER = re.compile(r"(?<![\d.])\d[\d\u202f]*(?:\.\d+)?")


@settings(max_examples=120, deadline=None)
@given(
    center=st.one_of(st.floats(-3, 3), st.floats(-0.1, 0.1)),
    half=st.one_of(st.floats(0.001, 3), st.floats(0.001, 0.1)),
    sd=st.floats(0.3, 3),
    outcome=st.sampled_from(["belonging", "suspended", "days_absent"]),
    hidden=st.booleans(),
)
def test_no_sentence_disagrees_with_its_table(
    center: float, half: float, sd: float, outcome: str, hidden: bool
) -> None:
    low, high = center - half, center + half
    rows = [estimate_row(outcome, center, low, high, sd, n_students=4 if hidden else 400)]
    summary = summary_of(suppress(pd.DataFrame(rows), minimum_cell=10).to_dict("records"))
    said = " ".join([summary.headline, *summary.paragraphs])
    label = {"belonging": "chool belonging", "suspended": "uspended at least once", "days_absent": "ays absent"}[
        outcome
    ]
    sentence = next(s for s in re.split(r"(?<=[.])\s+", summary.headline) if label in s)
    if hidden:
        assert "is not shown" in sentence
        assert not NUMBER.search(sentence)
        return
    scale = 100 if outcome == "suspended" else 1
    includes_zero = low <= 0 <= high
    assert ("higher with" in said or "lower with" in said) is not includes_zero
    assert ("higher with" in said) is (low > 0)
    assert ("lower with" in said) is (high < 0)
    assert ("cannot tell whether" in said or "little or no difference:" in said) is includes_zero
    assert ("little or no difference:" in said) is (includes_zero and low / sd >= -0.1 and high / sd <= 0.1)
    assert ("and larger than the smallest" in said) is (low / sd >= 0.1 or high / sd <= -0.1)
    better = {"belonging": low > 0}.get(outcome, high < 0)
    assert ("change for the better" in said) is (better and not includes_zero)
    assert ("change for the worse" in said) is (not better and not includes_zero)
    if includes_zero:
        fall, rise = (re.search(rf"a {word} of ([\d.]+)", sentence) for word in ("fall", "rise"))
        told = [-float(fall[1]) if fall else 0.0, float(rise[1]) if rise else 0.0]
    else:
        near, far = re.search(r"between ([\d.]+) and ([\d.]+)", sentence).groups()  # type: ignore[union-attr]
        told = sorted((float(near), float(far))) if low > 0 else sorted((-float(near), -float(far)))
        estimate = float(re.search(r"by about ([\d.]+)", sentence)[1])  # type: ignore[index]
        assert estimate == pytest.approx(
            abs(center) * scale, abs=0.06 if abs(center) * scale >= 10 else 0.006, rel=0.01
        )
        assert estimate > 0
    assert told == pytest.approx(
        [low * scale, high * scale], abs=0.51 if max(abs(low), abs(high)) * scale >= 100 else 0.06
    )
    assert ("percentage points" in sentence) is (outcome == "suspended")
    assert "p =" not in said


def test_a_bound_that_is_not_zero_never_looks_like_zero() -> None:
    headline = summary_of([estimate_row("belonging", 0.2, 0.0004, 0.4, 0.7)]).headline
    assert "between 0.0004 and 0.4000" in headline


def test_the_p_value_plays_no_part() -> None:
    row = estimate_row("belonging", 0.2, -0.1, 0.5, 0.7)
    assert text_of([row | {"p_value": 0.001}]) == text_of([row | {"p_value": 0.9}])


def test_only_the_programme_term_of_all_students_at_this_wave_is_read() -> None:
    row = estimate_row("belonging", 0.2, 0.1, 0.3, 0.7)
    others = [row | {"term": "time"}, row | {"group": "gender: girl"}, row | {"wave": "w1"}]
    wrong = [r | {"estimate": -9.0, "conf_low": -10.0, "conf_high": -8.0} for r in others]
    assert text_of([*wrong, row]) == text_of([row])


def test_primary_comes_first_and_exploratory_is_marked() -> None:
    rows = [estimate_row(o, 0.2, 0.1, 0.3, 0.7) for o in ("days_absent", "marks", "belonging")]
    summary = summary_of(rows)
    assert summary.headline.startswith("School belonging")
    assert "days absent" not in summary.headline.lower()
    starts = [
        next(i for i, p in enumerate(summary.paragraphs) if word in p) for word in ("primary", "Secondary", "hints")
    ]
    assert starts == sorted(starts)
    assert "Days absent was not named in advance" in summary.paragraphs[-1]


def test_methods_that_agree_and_differ() -> None:
    row = estimate_row("belonging", 0.2, 0.1, 0.3, 0.7)
    second = row | {"model": "multilevel"}
    assert "lead to the same reading" in text_of([row, second])
    assert "differ on school belonging" in text_of([row, second | {"conf_low": -0.1}])
    opposite = second | {
        "estimate": -0.2,
        "conf_low": -0.3,
        "conf_high": -0.1,
        "effect_size_low": -0.4,
        "effect_size_high": -0.15,
    }
    assert "differ on school belonging" in text_of([row, opposite])
    assert "methods" not in text_of([row])


def test_a_missing_result_gives_way_to_the_other_model_or_says_so() -> None:
    row = estimate_row("belonging", np.nan, np.nan, np.nan, 0.7)
    assert "could not be estimated" in text_of([row])
    assert "higher with the programme" in text_of(
        [row, estimate_row("belonging", 0.2, 0.1, 0.3, 0.7, model="multilevel")]
    )


def test_a_baseline_report_has_no_effect_even_if_the_table_has_rows() -> None:
    study = made_up_study()
    rows = pd.DataFrame([estimate_row("belonging", 0.2, 0.1, 0.3, 0.7, wave="w1")])
    summary = summarise(study, study.waves[0], rows, NOTHING)
    assert "before the programme began" in summary.headline
    assert "had not started at baseline" in " ".join(summary.paragraphs)
    assert "higher" not in " ".join(summary.paragraphs)


def test_a_wave_without_estimates_says_why() -> None:
    summary = summary_of([])
    assert "estimates no effect" in summary.headline
    assert "No effect is estimated" in " ".join(summary.paragraphs)


def test_several_arms_are_told_apart() -> None:
    design = {"assignment": {"starts": "w2", "programme": ["notes", "stories"], "randomized": True}}
    rows = [
        estimate_row("belonging", 0.2, 0.1, 0.3, 0.7, contrast="notes v comparison"),
        estimate_row("belonging", -0.2, -0.3, -0.1, 0.7, contrast="First follow-up v Baseline, stories"),
        estimate_row("belonging", 9.0, 8.0, 9.9, 0.7, contrast="average of 2 waves v Baseline, stories"),
        estimate_row("belonging", -0.2, -0.3, -0.1, 0.7, contrast="stories v comparison", model="multilevel"),
    ]
    summary = summary_of(rows, design=design)
    assert "Notes against comparison: school belonging was higher" in summary.headline
    assert "Stories against comparison: school belonging was lower" in summary.headline
    assert "9.0" not in summary.headline
    assert summary.headline.count("against") == 2
    assert "lead to the same reading" in "\n".join(summary.paragraphs)
    assert "each programme arm (“notes” and “stories”)" in "\n".join(summary.paragraphs)


def test_participation_is_read_off_the_flow() -> None:
    flow = made_up_flow()
    said = summary_of([], flow=flow).paragraphs[0]
    assert "1\u202f243 students were enrolled, and 1\u202f196 of them" in said
    assert "1\u202f111 (93%) answered" in said
    remaining = flow["kind"] == "remaining"
    hidden = summary_of(
        [],
        flow=flow.assign(
            n_students=flow["n_students"].mask(remaining),
            suppressed=remaining.map({True: "1\u202f191 to 1\u202f199", False: ""}),
        ),
    ).paragraphs[0]
    assert "1\u202f191 to 1\u202f199 of them" in hidden
    assert "1\u202f196" not in hidden
    assert "%" not in hidden


def test_a_survey_alone_knows_of_nobody_who_did_not_answer() -> None:
    flow = made_up_flow().replace({"label": {"On the roster": "In the survey"}})
    linked = {"wave": "w2", "stream": "survey", "step": 4, "kind": "info", "arm": "all", "n_students": 0}
    codes = pd.concat(
        [flow, pd.DataFrame([linked | {"label": "Linked to an earlier wave", "n_rows": 1044}])], ignore_index=True
    )
    said = summary_of([], flow=codes).paragraphs[0]
    assert "1\u202f243 students answered the survey, and 1\u202f196 of them are in the analysis." in said
    assert "enrolled" not in said
    assert "codes link" not in said
    design = {"linking": {"code": ["a", "b"]}, "assignment": {"starts": "w2"}}
    said = summary_of([], flow=codes, design=design).paragraphs[0]
    assert "own codes link 1\u202f044 responses to an earlier wave." in said


def test_shares_from_school_records_are_told_in_percentage_points() -> None:
    outcomes = [
        {"name": "absence", "measure": "absence_rate", "label": "Absence rate"},
        {"name": "chronic", "measure": "chronic_absence", "label": "Chronic absence", "kind": "binary"},
    ]
    waves = [
        {"name": w, "label": w, "date": f"202{i}-01-01", "before_programme": not i, "sources": [
            {"file": "r.csv", "kind": "roster"}, {"file": "a.csv", "kind": "attendance"}]}
        for i, w in enumerate(("w1", "w2"))
    ]  # fmt: skip
    rows = [
        estimate_row(name, estimate, estimate - 0.005, estimate + 0.005, 0.2)
        for name, estimate in (("absence", 0.02), ("chronic", 0.08))
    ]
    said = text_of(rows, outcomes=outcomes, waves=waves)
    assert "Absence rate was higher with the programme by about 2.00 percentage points (between 1.50 and 2.50)" in said
    assert "The share of students with “chronic absence” was higher with the programme by about 8.00 percentage" in said


def test_records_alone_have_no_survey_to_answer() -> None:
    sources = [{"file": "marks.csv", "kind": "records"}]
    waves = [{"name": "w2", "label": "2001", "date": "2001-06-30", "sources": sources}]
    study = made_up_study(waves=waves)
    said = summarise(study, study.waves[0], NOTHING, made_up_flow()).paragraphs[0]
    assert said.startswith("In the wave “2001”, 1\u202f243 students were in the records")
    assert "answered" not in said


@pytest.mark.parametrize(
    ("omega", "words"),
    [
        (0.93, "very consistently"),
        (0.85, "measured consistently."),
        (0.72, "enough to compare groups"),
        (0.6, "only roughly"),
        (0.3, "too inconsistently"),
        (np.nan, "could not be worked out"),
    ],
)
def test_reliability_in_words(omega: float, words: str) -> None:
    scales = made_up_scales().assign(mcdonald_omega=omega, cronbach_alpha=omega)
    assert words in " ".join(summary_of([], scales=scales).paragraphs)


def test_scales_are_named_in_the_middle_of_sentences() -> None:
    said = " ".join(summary_of([], scales=made_up_scales().assign(mcdonald_omega=0.91)).paragraphs)
    assert (
        "School belonging (omega 0.91) and connection with other students (omega 0.91) were measured very consistently."
        in said
    )


def test_cautions_follow_the_design() -> None:
    row = estimate_row("belonging", 0.2, 0.1, 0.3, 0.7, n_clusters_treated=30, n_clusters_comparison=30)
    few = row | {"n_clusters_treated": 3, "n_clusters_comparison": 4}
    assert "only 7 schools" in text_of([few])
    assert "only" not in summary_of([row]).paragraphs[-1]
    assert "not chosen by lot" not in text_of([row])
    assert "not chosen by lot" in text_of([row], design={"assignment": {"starts": "w2"}})
    assert "no earlier wave, so" in text_of([row | {"model": "difference"}])
    mixed = [row, estimate_row("marks", 2.0, 1.0, 3.0, 9.0, model="difference")]
    assert "no earlier wave of mean mark, so" in text_of(mixed)


def test_the_margin_is_named() -> None:
    row = estimate_row("belonging", 0.2, 0.1, 0.3, 0.7)
    assert "names no smallest difference that matters; this summary takes 0.1" in text_of([row], analysis={})
    assert "was set at 0.25 standard" in text_of([row], analysis={"smallest_effect": 0.25})


def test_abbreviations_keep_their_capitals() -> None:
    outcomes = [{"name": "belonging", "measure": "y", "label": "PISA belonging", "role": "primary"}]
    said = text_of([estimate_row("belonging", 0.2, -0.1, 0.3, 0.7)], outcomes=outcomes)
    assert "We cannot tell whether the programme changed PISA belonging: " in said


def test_a_table_without_its_columns_is_refused() -> None:
    with pytest.raises(ColumnMissingError, match="conf_low"):
        summary_of([{"outcome": "belonging", "model": "did", "term": "programme", "group": "all", "estimate": 1.0}])


def test_the_summary_is_half_a_page() -> None:
    study = made_up_study()
    summary = summarise(study, study.waves[1], made_up_estimates(), made_up_flow(), made_up_scales())
    assert 150 < len(" ".join(summary.paragraphs).split()) < 400
