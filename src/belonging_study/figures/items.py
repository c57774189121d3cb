"""Answers to a scale's items as diverging stacked bars."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

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
        Values run from lowest to highest as on the form.
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
    shares = table.set_index(["item", "value"])["share"].unstack("value").reindex(list(questions))
    shares = shares.dropna(how="all").fillna(0.0)
    k = len(labels)
    colors = _colors(k)
    middle = (k - 1) / 2
    below = [i for i in range(k) if i < middle]
    offset = -shares.iloc[:, below].sum(axis=1).to_numpy()
    if k % 2:
        offset = offset - shares.iloc[:, int(middle)].to_numpy() / 2
    said = []
    with house_style():
        figure, ax = new_figure(WIDTH, 0.95 + 0.33 * len(shares))
        left = offset.copy()
        at = -np.arange(len(shares))
        for i in range(k):
            width = shares.iloc[:, i].to_numpy()
            ax.barh(at, width, left=left, color=colors[i], edgecolor=PAPER, linewidth=0.8, height=0.72, label=labels[i])
            for y, x, w in zip(at, left, width, strict=True):
                if w >= 0.08:
                    dark = _dark(colors[i])
                    text = f"{w:.0%}"
                    ax.text(x + w / 2, y, text, ha="center", va="center", fontsize=7, color=PAPER if dark else INK)
            left = left + width
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set_yticks(at, [textwrap.fill(questions[item], 44) for item in shares.index], fontsize=7)
        ax.set_xlim(min(offset.min(), -0.05) - 0.02, max(left.max(), 0.05) + 0.02)
        ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
        ax.spines["left"].set_visible(False)
        ax.set_title(title)
        clean_axis(ax)
        figure.legend(loc="outside lower center", ncols=min(k, 5), fontsize=7.5, handlelength=1, columnspacing=1.2)
    above = [i for i in range(k) if i > middle]
    for item, row in shares.iterrows():
        said.append(f"{questions[str(item)]}: {row.iloc[above].sum():.0%} on the upper side")
    return Drawn(figure, f"Share of each answer by item, from {labels[0]} to {labels[-1]}. " + "; ".join(said) + ".")


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
