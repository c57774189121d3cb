"""The participant flow as a diagram in the manner of CONSORT: clusters and people, arm by arm."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from belonging_study.figures.style import INK, MUTED, PAPER, WIDTH, Drawn, capital, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["flow_diagram"]

_LINE = 0.19
"""Height of one line of text, inches."""
_HEADINGS = {"excluded": "Excluded", "info": "Of these"}


@dataclass(frozen=True)
class _Step:
    """One step of the stream, the same for every arm."""

    step: int
    kind: str
    label: str


def flow_diagram(
    flow: pd.DataFrame,
    *,
    wave: str,
    arms: Sequence[str],
    level: str = "school",
    names: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw the students' stream of one wave: enrolled, excluded by which rule, analysed, and of these who did what.

    Parameters
    ----------
    flow : pandas.DataFrame
        One row a step and arm, with ``wave, stream, step, kind, label, arm, n_students, n_clusters``; the stream
        ``students`` is drawn. Where a count is missing, the column ``suppressed`` says what stands in its place.
        Reasons that are zero in every arm are left out; students in the arm ``all`` who are in no arm are told of
        below the boxes.
    wave : str
        The wave to draw.
    arms : sequence of str
        The arms, one column each, from left to right; ``all`` alone where there is one group.
    level : str, optional
        What a cluster is, in one word.
    names : mapping, optional
        What to call the arms, where that is not the name in the table.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> flow = pd.DataFrame({"wave": "w1", "stream": "students", "step": [1, 2, 3],
    ...     "kind": ["start", "excluded", "remaining"], "label": ["Enrolled", "No consent", "Analysed"],
    ...     "arm": "programme", "n_students": [100, 12, 88], "n_clusters": [4, 0, 4]})
    >>> flow_diagram(flow, wave="w1", arms=["programme"]).alt
    'Flow of students. Programme: Enrolled 100 in 4 schools; excluded: No consent (12); Analysed 88 in 4 schools.'
    """
    stream = flow[(flow["wave"] == wave) & (flow["stream"] == "students")]
    rows = stream[stream["arm"].isin(list(arms))]
    boxes = _boxes(rows)
    # One column alone would be wider than its text can fill.
    width = WIDTH / max(len(arms), 2)
    left = (WIDTH - width * len(arms)) / 2
    letters = int(width * 0.9 * 15.5)
    columns = [[_text(box, rows[rows["arm"] == arm], level) for box in boxes] for arm in arms]
    wrapped = [[_wrapped(lines, letters) for lines, _ in column] for column in columns]
    heights = [_LINE * (max(column[k].count("\n") for column in wrapped) + 2.2) for k in range(len(boxes))]
    without = [] if list(arms) == ["all"] else _without_arm(stream)
    beside = _wrapped([f"In neither column, for want of an arm: {text}" for text in without], 115)
    gap = 0.26
    total = sum(heights) + gap * (len(boxes) - 1) + 0.35 + (_LINE * (beside.count("\n") + 2) if beside else 0)
    said = []
    with house_style():
        figure, ax = new_figure(WIDTH, total)
        ax.set_xlim(0, WIDTH)
        ax.set_ylim(-total, 0)
        ax.axis("off")
        for i, arm in enumerate(arms):
            centre = left + width * (i + 0.5)
            heading = "Everybody" if arm == "all" else capital((names or {}).get(arm, arm))
            ax.text(centre, -0.1, heading, ha="center", va="center", fontsize=10, fontweight="bold")
            top = -0.28
            for k, (text, height) in enumerate(zip(wrapped[i], heights, strict=True)):
                if k:
                    _arrow(ax, centre, top + gap, top)
                _box(ax, centre, top, (width * 0.9, height), text, aside=boxes[k][0].kind in _HEADINGS)
                top -= height + gap
            said.append(f"{heading}: " + "; ".join(spoken for _, spoken in columns[i]))
        if beside:
            ax.text(width * 0.05, -total + 0.04, beside, ha="left", va="bottom", fontsize=8, color=MUTED)
    said += [beside.replace("\n", " ")] if beside else []
    return Drawn(figure, "Flow of students. " + ". ".join(said) + ".")


def _boxes(rows: pd.DataFrame) -> list[list[_Step]]:
    """Group exclusions, and what is told of the sample, into one box each; every other step is a box of its own."""
    boxes: list[list[_Step]] = []
    ordered = rows.drop_duplicates("step").sort_values("step")
    for step, kind, label in zip(ordered["step"], ordered["kind"], ordered["label"], strict=True):
        here = _Step(int(step), str(kind), str(label))
        # A missing count is a hidden one, not a zero.
        counts = rows.loc[rows["step"] == step, "n_students"]
        if kind in _HEADINGS and counts.notna().all() and (counts == 0).all():
            continue
        if kind in _HEADINGS and boxes and boxes[-1][0].kind == kind:
            boxes[-1].append(here)
        else:
            boxes.append([here])
    return boxes


def _wrapped(lines: Sequence[str], letters: int) -> str:
    return "\n".join(part for line in lines for part in textwrap.wrap(line, letters))


def _number(value: float) -> str:
    return f"{int(value):,}".replace(",", "\N{THIN SPACE}")


def _size(row: pd.Series[Any] | None) -> str:
    """Return a row's count, or what stands in its place."""
    if row is None:
        return "0"
    if pd.isna(row["n_students"]):
        hidden = row.get("suppressed")
        return hidden if isinstance(hidden, str) and hidden else "not known"
    return _number(row["n_students"])


def _text(box: Sequence[_Step], rows: pd.DataFrame, level: str) -> tuple[list[str], str]:
    """Return a box's lines, and the same for the alternative text."""
    heading = _HEADINGS.get(box[0].kind)
    by_step = {int(row["step"]): row for _, row in rows.iterrows()}
    if heading:
        # The colon is needed for the number.
        told = [(here.label.replace(": ", ", "), _size(by_step.get(here.step))) for here in box]
        lines = [heading, *(f"{label}: {size}" for label, size in told)]
        return lines, f"{heading.lower()}: " + ", ".join(f"{label} ({size})" for label, size in told)
    here = box[0]
    row = by_step.get(here.step)
    size = _size(row)
    clusters = math.nan if row is None else row["n_clusters"]
    where = ""
    if pd.notna(clusters) and level != "student":
        where = f" in {_number(clusters)} {level}{'' if clusters == 1 else _plural(level)}"
    if not any(letter.isdigit() for letter in size):
        return [here.label, f"number {size}", where.strip()], f"{here.label} number {size},{where}".rstrip(",")
    return [here.label, f"{size} student{'' if size == '1' else 's'}{where}"], f"{here.label} {size}{where}"


def _without_arm(stream: pd.DataFrame) -> list[str]:
    """Say how many were excluded who are in no arm, for which reason."""
    together = stream[(stream["arm"] == "all") & (stream["kind"] == "excluded")]
    of_arms = stream[stream["arm"] != "all"]
    told = []
    for step, label, n in zip(together["step"], together["label"], together["n_students"], strict=True):
        # With a hidden count, nothing is known of the difference.
        left = n - of_arms.loc[of_arms["step"] == step, "n_students"].sum(skipna=False)
        if pd.notna(left) and left > 0:
            told.append(f"{label} ({_number(left)})")
    return [", ".join(told)] if told else []


def _plural(level: str) -> str:
    return "es" if level.endswith("s") else "s"


def _arrow(ax: Axes, centre: float, start: float, end: float) -> None:
    style = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (centre, end + 0.02), (centre, start - 0.02), arrowprops=style)


def _box(ax: Axes, centre: float, top: float, size: tuple[float, float], text: str, *, aside: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    width, height = size
    ax.add_patch(
        FancyBboxPatch(
            (centre - width / 2, top - height),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=PAPER,
            edgecolor=MUTED if aside else INK,
            linewidth=0.9,
            linestyle=(0, (3, 2)) if aside else "-",
        )
    )
    middle = top - height / 2
    ax.text(centre, middle, text, ha="center", va="center", fontsize=8, linespacing=1.35, color=MUTED if aside else INK)
