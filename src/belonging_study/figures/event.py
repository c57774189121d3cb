"""The event-study picture: the arms' difference in each wave, beside the last wave before the programme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from belonging_study.figures.style import INK, MUTED, PAPER, WIDTH, Drawn, clean_axis, house_style, new_figure, number

__all__ = ["event_study_plot"]


def event_study_plot(
    table: pd.DataFrame, waves: Mapping[str, str], *, label: str, unit: str = "points", one_group: bool = False
) -> Drawn:
    """Draw the estimate of each wave with its interval.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a wave with ``wave, estimate, conf_low, conf_high, reference`` (reference marks the last wave before
        the programme, whose estimate is 0 by definition).
    waves : mapping
        Wave to label, in order.
    label, unit : str
        The outcome and its unit, for the axis.
    one_group : bool, optional
        Whether the table holds the changes of one group, and not differences between arms.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"wave": ["w1", "w2"], "estimate": [0.0, 0.3], "conf_low": [0.0, 0.1],
    ...                       "conf_high": [0.0, 0.5], "reference": [True, False]})
    >>> event_study_plot(table, {"w1": "Before", "w2": "After"}, label="Belonging").alt
    'Belonging: difference between the arms in each wave, against Before. After: 0.30 [0.10, 0.50].'
    """
    names = [w for w in waves if w in set(table["wave"])]
    rows = table.set_index("wave").loc[names]
    reference = str(rows.index[rows["reference"].astype(bool)][0])
    row: Any
    said = []
    with house_style():
        figure, ax = new_figure(WIDTH, 2.7)
        ax.axhline(0, color=MUTED, linewidth=1)
        ax.axvline(names.index(reference) + 0.5, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        for i, row in enumerate(rows.itertuples()):
            if row.reference:
                ax.plot(i, 0, "s", color=INK, markerfacecolor=PAPER, markersize=6)
            else:
                ax.plot([i, i], [row.conf_low, row.conf_high], color=INK, linewidth=1.6)
                ax.plot(i, row.estimate, "o", color=INK, markersize=6)
                ax.annotate(
                    number(row.estimate), (i, row.estimate), (7, 0), textcoords="offset points", va="center", fontsize=8
                )
                interval = f"[{number(row.conf_low)}, {number(row.conf_high)}]"
                said.append(f"{waves[names[i]]}: {number(row.estimate)} {interval}")
        ax.set_xticks(range(len(names)), [waves[w] for w in names])
        ax.set_xlim(-0.5, len(names) - 0.4)
        ax.set_ylabel(f"{'Change' if one_group else 'Difference'}, {unit}")
        ax.set_title(label)
        clean_axis(ax, grid="y")
    what = "change" if one_group else "difference between the arms"
    told = f"{label}: {what} in each wave, against {waves[reference]}. "
    return Drawn(figure, told + "; ".join(said) + ".")
