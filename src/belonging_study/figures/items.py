"""Answers to a scale's items as diverging stacked bars."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from belonging_study.figures.style import INK, MUTED, PAPER, WIDTH, Drawn, clean_axis, house_style, new_figure

__all__ = ["item_answers"]

_LOW = ("#8a4100", "#d98d3e", "#f3d2a6")
_MIDDLE = "#dfe3e6"
_HIGH = ("#a9cbe0", "#4a8db7", "#00507a")


def item_answers(table: pd.DataFrame, *, labels: Sequence[str], questions: Mapping[str, str], title: str = "") -> Drawn:
    """Draw the share of each answer, item by item, centred on the middle of the response form.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an item and answer, with ``item, value, share`` (share of those who answered; missing where hidden).
        Values run from lowest to highest as on the form. With ``value_to``, a row counts the answers from ``value`` to
        ``value_to`` together; such a bar is hatched.
    labels : sequence of str
        The form's labels, lowest first.
    questions : mapping
        Item to its wording; items are drawn in this order. A reverse-keyed item carries ``(R)`` in its wording.
    title : str, optional
        Heading above the bars.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"item": ["a", "a"], "value": [1, 2], "share": [0.25, 0.75]})
    >>> item_answers(table, labels=["No", "Yes"], questions={"a": "Do you?"}).alt
    'Share of each answer by item, from No to Yes. Do you?: 75% on the upper side.'
    """
    shown = table[table["share"].notna() & table["item"].isin(list(questions))]
    items = [item for item in questions if (shown["item"] == item).any()]
    k = len(labels)
    colors = _colors(k)
    bars = {item: _bars(shown[shown["item"] == item], table["value"].min()) for item in items}
    start = {item: -sum(bar.share * bar.below(k) for bar in bars[item]) for item in items}
    with house_style():
        wrapped = [textwrap.fill(questions[item], 44) for item in items]
        lines = max([2, *(text.count("\n") + 1 for text in wrapped)])
        figure, ax = new_figure(WIDTH, 0.95 + 0.165 * lines * len(items))
        reach = 0.05
        for at, item in enumerate(items):
            left = start[item]
            for bar in bars[item]:
                _draw(ax, bar, colors, left, -at)
                left += bar.share
            reach = max(reach, left)
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set_yticks(-np.arange(len(items)), wrapped, fontsize=7)
        ax.set_xlim(min([*start.values(), -0.05]) - 0.02, reach + 0.02)
        ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
        ax.spines["left"].set_visible(False)
        ax.set_title(title)
        clean_axis(ax)
        keys = [Patch(facecolor=color, label=label) for color, label in zip(colors, labels, strict=True)]
        if any(bar.low < bar.high for item in items for bar in bars[item]):
            keys.append(Patch(facecolor=PAPER, edgecolor=MUTED, hatch="////", linewidth=0.5, label="Answers together"))
        figure.legend(
            handles=keys, loc="outside lower center", ncols=min(k, 5), fontsize=7.5, handlelength=1, columnspacing=1.2
        )
    said = [f"{questions[item]}: {_upper_side(bars[item], k)}" for item in items]
    return Drawn(figure, f"Share of each answer by item, from {labels[0]} to {labels[-1]}. " + "; ".join(said) + ".")


@dataclass(frozen=True)
class _Bar:
    """The answers from one place on the form to another, and their share."""

    low: int
    high: int
    share: float

    def below(self, k: int) -> float:
        """How much of the bar lies left of the middle of a form of k answers: 0, a part, or 1."""
        places = np.arange(self.low, self.high + 1)
        return float(np.mean(np.where(places < (k - 1) / 2, 1.0, np.where(places > (k - 1) / 2, 0.0, 0.5))))


def _bars(rows: pd.DataFrame, lowest: float) -> list[_Bar]:
    """One item's bars from left to right."""
    last = rows["value_to"] if "value_to" in rows else rows["value"]
    return [
        _Bar(int(low - lowest), int(high - lowest), float(share))
        for low, high, share in zip(rows["value"], last, rows["share"], strict=True)
    ]


def _draw(ax: Axes, bar: _Bar, colors: Sequence[str], left: float, at: int) -> None:
    """Draw a bar, with its share where there is room."""
    together = bar.low < bar.high
    inner = min(range(bar.low, bar.high + 1), key=lambda place: abs(place - (len(colors) - 1) / 2))
    color = colors[inner]
    ax.barh(at, bar.share, left=left, color=color, edgecolor=PAPER, linewidth=0.8, height=0.72)
    if together:
        outer = colors[bar.high if inner == bar.low else bar.low]
        ax.barh(at, bar.share, left=left, color="none", edgecolor=outer, hatch="////", linewidth=0, height=0.72)
    if bar.share >= 0.08:
        ink = PAPER if _dark(color) else INK
        box = {"boxstyle": "round,pad=0.15", "facecolor": color, "edgecolor": "none"} if together else None
        ax.text(left + bar.share / 2, at, f"{bar.share:.0%}", ha="center", va="center", fontsize=7, color=ink, bbox=box)


def _upper_side(bars: Sequence[_Bar], k: int) -> str:
    """Say how many answered above the middle, as far as the bars tell."""
    above = sum(bar.share for bar in bars if bar.low > (k - 1) / 2)
    unclear = any(bar.low <= (k - 1) / 2 < bar.high for bar in bars)
    return f"{'at least ' if unclear else ''}{above:.0%} on the upper side"


def _colors(k: int) -> list[str]:
    """Return k colours from the low side over the middle to the high side."""
    side = k // 2
    low = [_LOW[round(i * 2 / max(side - 1, 1))] if side > 1 else _LOW[1] for i in range(side)]
    high = [_HIGH[round(i * 2 / max(side - 1, 1))] if side > 1 else _HIGH[1] for i in range(side)]
    if side == 2:
        low, high = [_LOW[0], _LOW[1]], [_HIGH[1], _HIGH[2]]
    return low + ([_MIDDLE] if k % 2 else []) + high


def _dark(color: str) -> bool:
    """Whether white text reads better on a colour (relative luminance of WCAG below 0.3)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.3
