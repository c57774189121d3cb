"""The participant flow as a diagram in the manner of CONSORT: clusters and people, arm by arm."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from belonging_study.figures.style import INK, MUTED, PAPER, WIDTH, Drawn, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["flow_diagram"]

_LINE = 0.19
"""Height of one line of text, inches."""


def flow_diagram(flow: pd.DataFrame, *, wave: str, arms: Sequence[str], level: str = "school") -> Drawn:
    """Draw the students' stream of one wave: enrolled, excluded by which rule, analysed.

    Parameters
    ----------
    flow : pandas.DataFrame
        One row a step and arm, with ``wave, stream, step, kind, label, arm, n_students, n_clusters``; the stream
        ``students`` is drawn. Counts that disclosure control hides are missing and are drawn as hidden.
    wave : str
        The wave to draw.
    arms : sequence of str
        The arms, one column each, from left to right.
    level : str, optional
        What a cluster is, in one word.

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
    'Flow of students. Programme: Enrolled 100 in 4 schools; excluded: No consent 12; Analysed 88 in 4 schools.'
    """
    rows = flow[(flow["wave"] == wave) & (flow["stream"] == "students") & flow["arm"].isin(list(arms))]
    steps = rows.drop_duplicates("step").sort_values("step")[["step", "kind", "label"]]
    boxes = _boxes(steps)
    heights = [_LINE * (1.2 + max(_lines(group), 1)) for group in boxes]
    gap = 0.26
    total = sum(heights) + gap * (len(boxes) - 1) + 0.35
    said = []
    with house_style():
        figure, ax = new_figure(WIDTH, total)
        ax.set_xlim(0, WIDTH)
        ax.set_ylim(-total, 0)
        ax.axis("off")
        width = WIDTH / len(arms)
        for i, arm in enumerate(arms):
            mine = rows[rows["arm"] == arm].set_index("step")
            centre = width * (i + 0.5)
            ax.text(centre, -0.1, arm.capitalize(), ha="center", va="center", fontsize=10, fontweight="bold")
            top = -0.28
            heard = []
            for group, height in zip(boxes, heights, strict=True):
                text, spoken = _text(group, mine, level)
                excluded = group[0][1] == "excluded"
                _box(ax, centre, top, (width * 0.9, height), text, excluded=excluded)
                heard.append(spoken)
                if group is not boxes[-1]:
                    ax.annotate(
                        "",
                        (centre, top - height - gap + 0.02),
                        (centre, top - height - 0.02),
                        arrowprops={"arrowstyle": "-|>", "color": MUTED, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0},
                    )
                top -= height + gap
            said.append(f"{arm.capitalize()}: " + "; ".join(heard))
    return Drawn(figure, "Flow of students. " + ". ".join(said) + ".")


def _boxes(steps: pd.DataFrame) -> list[list[tuple[Any, str, str]]]:
    """Group consecutive exclusions into one box; every other step is a box of its own."""
    boxes: list[list[tuple[Any, str, str]]] = []
    for step, kind, label in steps.itertuples(index=False):
        entry = (step, str(kind), str(label))
        if kind == "excluded" and boxes and boxes[-1][0][1] == "excluded":
            boxes[-1].append(entry)
        else:
            boxes.append([entry])
    return boxes


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, 46)


def _lines(group: list[tuple[Any, str, str]]) -> int:
    """Count the lines of text that a box needs at most."""
    if group[0][1] == "excluded":
        return 1 + sum(len(_wrap(f"{label}: 0000")) for _, _, label in group)
    return 1 + len(_wrap(group[0][2]))


def _count(value: Any) -> str:
    return "hidden" if pd.isna(value) else f"{int(value):,}".replace(",", "\N{THIN SPACE}")


def _text(group: list[tuple[Any, str, str]], rows: pd.DataFrame, level: str) -> tuple[str, str]:
    """Return a box's text, and the same for the alternative text."""
    if group[0][1] == "excluded":
        counts = [
            (label, _count(rows.loc[step, "n_students"]) if step in rows.index else "0") for step, _, label in group
        ]
        lines = ["Excluded", *(line for label, n in counts for line in _wrap(f"{label}: {n}"))]
        return "\n".join(lines), "excluded: " + ", ".join(f"{label} {n}" for label, n in counts)
    step, _, label = group[0]
    if step not in rows.index:
        return label, f"{label} 0"
    n, clusters = _count(rows.loc[step, "n_students"]), rows.loc[step, "n_clusters"]
    where = (
        ""
        if pd.isna(clusters) or level == "student"
        else f" in {_count(clusters)} {level}{'' if clusters == 1 else _plural(level)}"
    )
    students = "students" if n != "1" else "student"
    return "\n".join([*_wrap(label), f"{n} {students}{where}"]), f"{label} {n}{where}"


def _plural(level: str) -> str:
    return "es" if level.endswith("s") else "s"


def _box(ax: Axes, centre: float, top: float, size: tuple[float, float], text: str, *, excluded: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    width, height = size
    ax.add_patch(
        FancyBboxPatch(
            (centre - width / 2, top - height),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.05",
            facecolor=PAPER,
            edgecolor=MUTED if excluded else INK,
            linewidth=0.9,
            linestyle=(0, (3, 2)) if excluded else "-",
        )
    )
    ax.text(
        centre,
        top - height / 2,
        text,
        ha="center",
        va="center",
        fontsize=8,
        linespacing=1.35,
        color=INK if not excluded else MUTED,
    )
