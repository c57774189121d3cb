"""Group differences as scored, beside those that remain when every item works alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from belonging_study.figures.style import INK, MUTED, PAPER, WIDTH, Drawn, clean_axis, house_style, new_figure, number

__all__ = ["group_gaps"]

_KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("raw", "As scored", {"marker": "o", "markerfacecolor": INK}),
    ("adjusted", "With items that work alike", {"marker": "D", "markerfacecolor": PAPER}),
)


def group_gaps(gaps: pd.DataFrame, labels: Mapping[str, str], *, conf_level: float = 0.95) -> Drawn:
    """Draw each difference twice: as the scores give it, and by the partially invariant model.

    Parameters
    ----------
    gaps : pandas.DataFrame
        One row a scale, comparison and level, as in `belonging_study.scales.Fairness.gaps`.
    labels : mapping
        Scale to the words beside its rows.
    conf_level : float, default 0.95
        Level of the intervals, for the text.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> row = {"scale": "b", "level": "Free meals", "reference": "Others", "raw_difference": -0.2,
    ...        "raw_conf_low": -0.3, "raw_conf_high": -0.1, "adjusted_difference": -0.15,
    ...        "adjusted_conf_low": -0.25, "adjusted_conf_high": -0.05}
    >>> group_gaps(pd.DataFrame([row]), {"b": "Belonging"}).alt.split(": ")[-1]
    'as scored −0.20 [−0.30, −0.10], with items that work alike −0.15 [−0.25, −0.05].'
    """
    rows = gaps.dropna(subset=["raw_difference", "adjusted_difference"]).reset_index(drop=True)
    said, names = [], []
    with house_style():
        figure, ax = new_figure(WIDTH, 1.1 + 0.62 * max(len(rows), 1))
        ax.axvline(0, color=MUTED, linewidth=1)
        for at, row in enumerate(rows.to_dict("records")):
            name = f"{labels.get(str(row['scale']), str(row['scale']))}: {row['level']} v {row['reference']}"
            names.append(name.replace(": ", ":\n", 1))
            texts = []
            for k, (kind, words, style) in enumerate(_KINDS):
                text = _draw(ax, row, kind, -at + 0.16 - 0.32 * k, style)
                texts.append(f"{words.lower()} {text}")
            said.append(f"{name}: {', '.join(texts)}")
        ax.set_yticks([-i for i in range(len(rows))], names)
        ax.set_ylim(-len(rows) + 0.45, 0.55)
        ax.set_xlabel("Difference of the mean scores (points)")
        ax.spines["left"].set_visible(False)
        clean_axis(ax)
        _legend(figure)
    return Drawn(figure, f"Differences with {conf_level:.0%} intervals. {'; '.join(said)}.")


def _draw(ax: Any, row: Mapping[Any, Any], kind: str, at: float, style: Mapping[str, Any]) -> str:
    """One estimate with its interval, and the same as text."""
    low, high = row[f"{kind}_conf_low"], row[f"{kind}_conf_high"]
    color = INK if kind == "raw" else MUTED
    ax.plot([low, high], [at, at], color=color, linewidth=1.4)
    ax.plot(row[f"{kind}_difference"], at, color=color, markersize=6, linestyle="none", **style)
    text = f"{number(row[f'{kind}_difference'])} [{number(low)}, {number(high)}]"
    ax.annotate(text, (1.01, at), xycoords=("axes fraction", "data"), va="center", fontsize=7.5, color=color)
    return text


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK if kind == "raw" else MUTED, label=words, **style) for kind, words, style in _KINDS
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
