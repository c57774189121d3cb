"""Means by wave and arm, with intervals: the picture behind the difference-in-differences."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence

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

__all__ = ["means_by_wave"]


def means_by_wave(
    descriptives: pd.DataFrame,
    *,
    outcomes: Mapping[str, str],
    waves: Mapping[str, str],
    comparison: str | None,
    programmes: Sequence[str],
    names: Mapping[str, str] | None = None,
    starts: str | None = None,
    shares: Collection[str] = (),
) -> Drawn:
    """Draw the mean of each outcome by wave and arm.

    Parameters
    ----------
    descriptives : pandas.DataFrame
        One row an outcome, wave and arm, with ``outcome, wave, arm, mean, conf_low, conf_high``. Rows whose mean is
        missing (not asked, or suppressed) leave a gap.
    outcomes, waves : mapping
        Names to labels, in the order to draw.
    comparison : str or None
        The comparison arm; drawn hollow and dashed. None where there is one group, which needs no legend.
    programmes : sequence of str
        The programme arms.
    names : mapping, optional
        What to call the arms, where their values are no words.
    starts : str, optional
        First wave with the programme; a thin line marks where it begins.
    shares : collection of str, optional
        The outcomes whose means are shares, 0 to 1: drawn in per cent.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"outcome": ["b"] * 4, "wave": ["w1", "w2"] * 2, "arm": ["p", "p", "c", "c"],
    ...     "mean": [3.0, 3.4, 3.1, 3.2], "conf_low": [2.9, 3.3, 3.0, 3.1], "conf_high": [3.1, 3.5, 3.2, 3.3]})
    >>> means_by_wave(table, outcomes={"b": "Belonging"}, waves={"w1": "Before", "w2": "After"},
    ...               comparison="c", programmes=["p"]).alt
    'Means by wave and arm with intervals. Belonging: p 3.00 at Before, 3.40 at After; c 3.10 at Before, 3.20 at After.'
    """
    order, named = list(waves), dict(names or {})
    arms = list(programmes) if comparison is None else [*programmes, comparison]
    columns = min(len(outcomes), 3)
    lines = -(-len(outcomes) // columns)
    said: list[str] = []
    with house_style():
        figure, axes = new_figure(WIDTH, 0.6 + 2.25 * lines, nrows=lines, ncols=columns, squeeze=False)
        for ax in axes.flat[len(outcomes) :]:
            ax.set_visible(False)
        handles = {}
        for ax, (outcome, label) in zip(axes.flat, outcomes.items(), strict=False):
            parts = []
            for arm in arms:
                rows = descriptives[(descriptives["outcome"] == outcome) & (descriptives["arm"] == arm)]
                rows = rows.set_index("wave").reindex(order).dropna(subset=["mean"])
                if rows.empty:
                    continue
                beside = 0.0 if comparison is None else 0.04 if arm == comparison else -0.04
                at = [order.index(w) + beside for w in rows.index]
                style = arm_style(arm, comparison, tuple(programmes))
                error = [rows["mean"] - rows["conf_low"], rows["conf_high"] - rows["mean"]]
                handles[arm] = ax.errorbar(
                    at, rows["mean"], yerr=error, markersize=5, linewidth=1.4, elinewidth=1, **style
                )
                heard = ", ".join(f"{_said(m, outcome in shares)} at {waves[str(w)]}" for w, m in rows["mean"].items())
                parts.append(heard if comparison is None else f"{named.get(arm, arm)} {heard}")
            said.append(f"{label}: " + "; ".join(parts))
            if starts in order and order.index(starts) > 0:
                ax.axvline(order.index(starts) - 0.5, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            ax.set_title(textwrap.fill(label, 87 // columns), fontsize=8.5)
            ax.set_xticks(range(len(order)), [_wrapped(waves[w]) for w in order], fontsize=7.5)
            ax.set_xlim(-0.4, len(order) - 0.6)
            ax.margins(y=0.15)
            clean_axis(ax, grid="y")
            if outcome in shares:
                ax.yaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 2):g}%")
        if comparison is not None:
            figure.legend(
                handles.values(),
                [capital(named.get(a, a)) for a in handles],
                loc="outside lower center",
                ncols=len(handles),
            )
    by = "wave" if comparison is None else "wave and arm"
    return Drawn(figure, f"Means by {by} with intervals. " + ". ".join(said) + ".")


def _said(mean: float, is_share: bool) -> str:
    return f"{number(100 * mean, 1)}%" if is_share else number(mean)


def _wrapped(text: str) -> str:
    """Break a wave's label in two lines at the blank nearest its middle."""
    blanks = [i for i, c in enumerate(text) if c == " "]
    if not blanks or len(text) < 10:
        return text
    cut = min(blanks, key=lambda i: abs(i - len(text) / 2))
    return text[:cut] + "\n" + text[cut + 1 :]
