"""The flow diagram says what the flow says, and in place of a hidden number the reason."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from belonging_study.figures import Drawn, flow_diagram

STEPS = (
    ("start", "On the roster"),
    ("excluded", "No consent"),
    ("excluded", "Left the school"),
    ("remaining", "Analysis sample"),
    ("info", "Answered the survey"),
    ("info", "Moved: analysed where they started"),
)


def flow_of(counts: Mapping[str, Sequence[float]], suppressed: Mapping[tuple[str, int], str]) -> pd.DataFrame:
    """A flow with the steps above."""
    rows = [
        ("w1", "students", step, kind, label, arm, n, 12, suppressed.get((arm, step), ""))
        for arm, sizes in counts.items()
        for step, ((kind, label), n) in enumerate(zip(STEPS, sizes, strict=True))
    ]
    names = ["wave", "stream", "step", "kind", "label", "arm", "n_students", "n_clusters", "suppressed"]
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"n_students": "Int64", "n_clusters": "Int64"})


def boxes(drawn: Drawn) -> list[str]:
    """The text of each box, on one line, without headings of columns."""
    texts = [text.get_text() for text in drawn.figure.axes[0].texts]
    return [text.replace("\n", " ").replace("\N{THIN SPACE}", " ") for text in texts if text]


def test_a_column_has_one_box_for_exclusions_and_one_for_what_is_told_of_the_sample() -> None:
    drawn = flow_diagram(
        flow_of({"programme": [1220, 12, 28, 1180, 1100, 40]}, {}), wave="w1", arms=["programme"], level="school"
    )
    assert boxes(drawn) == [
        "Programme",
        "On the roster 1 220 students in 12 schools",
        "Excluded No consent: 12 Left the school: 28",
        "Analysis sample 1 180 students in 12 schools",
        "Of these Answered the survey: 1 100 Moved, analysed where they started: 40",
    ]


def test_hidden_numbers_say_why_they_are_hidden() -> None:
    why = "hidden to protect a smaller group"
    drawn = flow_diagram(
        flow_of(
            {"programme": [np.nan, np.nan, 0, 500, np.nan, np.nan], "comparison": [530, 10, 0, 520, 480, 0]},
            {
                ("programme", 0): why,
                ("programme", 1): "fewer than 10",
                ("programme", 4): why,
                ("programme", 5): "fewer than 10",
            },
        ),
        wave="w1",
        arms=["programme", "comparison"],
    )
    said = boxes(drawn)
    assert said[1] == f"On the roster number {why} in 12 schools"
    assert said[2] == "Excluded No consent: fewer than 10"
    assert said[4] == (f"Of these Answered the survey: {why} Moved, analysed where they started: fewer than 10")
    assert said[7] == "Excluded No consent: 10"
    assert said[9] == "Of these Answered the survey: 480 Moved, analysed where they started: 0"
    assert f"Programme: On the roster number {why}, in 12 schools; excluded: No consent (fewer than 10);" in drawn.alt
    assert "nan" not in drawn.alt.lower().replace("\N{THIN SPACE}", " ")


def test_reasons_that_are_zero_in_every_arm_are_left_out() -> None:
    counts = {"programme": [500, 0, 0, 500, 400, 0], "comparison": [520, 0, 0, 520, 480, 0]}
    drawn = flow_diagram(flow_of(counts, {}), wave="w1", arms=["programme", "comparison"])
    assert len(boxes(drawn)) == 2 * (1 + 3)
    for word in ("Excluded", "No consent", "Left", "Moved"):
        assert word.lower() not in (drawn.alt + " ".join(boxes(drawn))).lower()


@pytest.mark.parametrize(("n_all", "n_arm", "told"), [(320, 0, True), (np.nan, 0, False), (320, np.nan, False)])
def test_students_without_an_arm_are_told_of_below(n_all: float, n_arm: float, told: bool) -> None:
    arm = [500, n_arm, 20, 480, 400, 0]
    counts = {"all": [1300, n_all, 40, 960, 800, 0], "programme": arm, "comparison": arm}
    drawn = flow_diagram(flow_of(counts, {}), wave="w1", arms=["programme", "comparison"])
    assert ("In neither column, for want of an arm: No consent (320)" in boxes(drawn)) is told
    assert ("No consent (320)" in drawn.alt) is told


def test_text_stays_inside_its_box() -> None:
    label = "Parents did not consent, or answered fewer than half of the survey questions, or left before the wave"
    flow = flow_of({arm: [1220, 12, 28, 1180, 1100, 40] for arm in ("programme", "comparison")}, {})
    drawn = flow_diagram(flow.replace({"label": {"No consent": label}}), wave="w1", arms=["programme", "comparison"])
    drawn.figure.savefig(io.BytesIO(), format="png")
    frames = [patch.get_window_extent() for patch in drawn.figure.axes[0].patches]
    texts = [text for text in drawn.figure.axes[0].texts if text.get_text() and text.get_fontweight() != "bold"]
    assert len(frames) == len(texts) == 8
    for text in texts:
        inner = text.get_window_extent()
        assert any(
            frame.x0 <= inner.x0 and inner.x1 <= frame.x1 and frame.y0 <= inner.y0 and inner.y1 <= frame.y1
            for frame in frames
        )
    plt.close(drawn.figure)
