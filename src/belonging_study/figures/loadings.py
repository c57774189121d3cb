"""How strongly each item belongs to its factor."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd

from belonging_study.figures.style import (
    ARM_STYLES,
    INK,
    MUTED,
    WIDTH,
    Drawn,
    clean_axis,
    house_style,
    new_figure,
    number,
)

__all__ = ["item_loadings"]

_CHARACTERS = 58  # of a question on a line


def item_loadings(
    loadings: pd.DataFrame, questions: Mapping[str, str], factors: Mapping[str, str], *, conf_level: float = 0.95
) -> Drawn:
    """Draw the standardised loadings of one scale with their intervals.

    Parameters
    ----------
    loadings : pandas.DataFrame
        One row an item and factor: ``item, factor, std_loading, std_conf_low, std_conf_high``, as
        `belonging_study.scales.loading_table` gives them for one scale.
    questions : mapping
        Item to the words beside its row.
    factors : mapping
        Factor to its name in the legend, which is drawn where there are several.
    conf_level : float, default 0.95
        Level of the intervals, for the text.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> table = pd.DataFrame({"item": ["q1"], "factor": ["f"], "std_loading": [0.7], "std_conf_low": [0.6],
    ...                       "std_conf_high": [0.8]})
    >>> item_loadings(table, {"q1": "I am welcome."}, {"f": "Belonging"}).alt
    'Standardised loadings with 95% intervals. I am welcome.: 0.70 [0.60, 0.80].'
    """
    rows = loadings.dropna(subset=["std_loading"]).sort_values("std_loading", ascending=False, kind="stable")
    items = list(dict.fromkeys(rows["item"]))
    names = list(dict.fromkeys(rows["factor"]))
    wrapped = ["\n".join(textwrap.wrap(questions.get(item, item), _CHARACTERS)) for item in items]
    lines = sum(1 + text.count("\n") for text in wrapped)
    said = []
    with house_style():
        figure, ax = new_figure(WIDTH, 0.9 + 0.17 * lines + 0.14 * len(items))
        for row in rows.to_dict("records"):
            style = ARM_STYLES[names.index(row["factor"]) % len(ARM_STYLES)]
            at = -items.index(row["item"]) - 0.2 * names.index(row["factor"])
            color = style["color"] if len(names) > 1 else INK
            ax.plot([row["std_conf_low"], row["std_conf_high"]], [at, at], color=color, linewidth=1.4)
            ax.plot(row["std_loading"], at, color=color, marker=style["marker"], markersize=5.5, linestyle="none")
            text = f"{number(row['std_loading'])} [{number(row['std_conf_low'])}, {number(row['std_conf_high'])}]"
            about = f" on {factors.get(row['factor'], row['factor'])}" if len(names) > 1 else ""
            said.append(f"{questions.get(row['item'], row['item'])}{about}: {text}")
        low = min(0.0, float(rows["std_conf_low"].min()) if len(rows) else 0.0)
        ax.set_xlim(low - 0.02, 1.02)
        ax.axvline(0, color=MUTED, linewidth=1)
        ax.set_yticks([-i for i in range(len(items))], wrapped)
        ax.tick_params(axis="y", labelsize=7.5)
        ax.set_ylim(-len(items) + 0.4, 0.6)
        ax.set_xlabel("Standardised loading")
        ax.spines["left"].set_visible(False)
        clean_axis(ax)
        if len(names) > 1:
            _legend(figure, [factors.get(name, name) for name in names])
    return Drawn(figure, f"Standardised loadings with {conf_level:.0%} intervals. {'; '.join(said)}.")


def _legend(figure: object, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=style["color"], marker=style["marker"], label=name)
        for name, style in zip(names, ARM_STYLES * len(names), strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(names), 3))  # type: ignore[attr-defined]
