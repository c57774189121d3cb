"""School by school, with shrinkage and without names: how much the schools differ beyond chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from belonging_study.figures.style import (
    MUTED,
    WIDTH,
    Drawn,
    arm_style,
    capital,
    clean_axis,
    house_style,
    new_figure,
    number,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["school_changes"]


def school_changes(
    table: pd.DataFrame,
    *,
    comparison: str | None,
    programmes: Sequence[str],
    label: str,
    level: str = "school",
    names: Mapping[str, str] | None = None,
) -> Drawn:
    """Draw each school's own change, as observed and as shrunken by the multilevel model.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a school, with ``arm, observed, shrunken, conf_low, conf_high``; no school is named, and the order
        within an arm is that of the shrunken change.
    comparison : str or None
        The comparison arm, if there is one.
    programmes : sequence of str
        The programme arms.
    label : str
        The outcome with its unit, for the axis.
    level : str, optional
        What a row is, in one word.
    names : mapping, optional
        What to call the arms, where their values are no words.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"arm": ["p", "c"], "observed": [0.5, -0.2], "shrunken": [0.4, -0.1],
    ...                       "conf_low": [0.2, -0.3], "conf_high": [0.6, 0.1]})
    >>> school_changes(table, comparison="c", programmes=["p"], label="Belonging").alt[:65]
    'Belonging, change of each school, unnamed. p: 1 schools from 0.40'
    """
    present = set(table["arm"])
    arms = [a for a in (comparison, *programmes) if a is not None and a in present]
    several = f"{level}{'es' if level.endswith('s') else 's'}"
    said = []
    named = dict(names or {})
    with house_style():
        figure, ax = new_figure(WIDTH, 0.9 + 0.16 * len(table) + 0.25 * len(arms))
        ax.axvline(0, color=MUTED, linewidth=1)
        at, ticks = 0.0, []
        for arm in arms:
            rows = table[table["arm"] == arm].sort_values("shrunken")
            style = arm_style(arm, comparison, tuple(programmes))
            start = at
            for row in rows.itertuples():
                ax.plot([row.conf_low, row.conf_high], [at, at], color=style["color"], linewidth=1.1, alpha=0.75)
                ax.plot(row.observed, at, "|", color=MUTED, markersize=7)
                ax.plot(
                    row.shrunken,
                    at,
                    style["marker"],
                    color=style["color"],
                    markerfacecolor=style["markerfacecolor"],
                    markersize=5,
                )
                at += 1
            many, low, high = f"{len(rows)} {several}", rows["shrunken"].min(), rows["shrunken"].max()
            whose = "" if comparison is None else f"{named.get(arm, arm)}: "
            shown = many if comparison is None else f"{capital(named.get(arm, arm))}\n({many})"
            ticks.append(((start + at - 1) / 2, shown))
            said.append(f"{whose}{many} from {number(low)} to {number(high)} after shrinkage")
            at += 1.2
        ax.set_yticks([t for t, _ in ticks], [text for _, text in ticks])
        ax.set_ylim(-0.8, at - 1.4)
        against = "" if comparison is None else f", against the average comparison {level}"
        ax.set_xlabel(f"{label}: change{against}")
        ax.spines["left"].set_visible(False)
        clean_axis(ax)
        _legend(figure)
    return Drawn(figure, f"{label}, change of each {level}, unnamed. " + "; ".join(reversed(said)) + ".")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=MUTED, marker="o", linestyle="-", label="Shrunken, with interval"),
        Line2D([], [], color=MUTED, marker="|", linestyle="none", markersize=8, label="As observed"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
