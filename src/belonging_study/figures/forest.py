"""The effects forest: every outcome's effect with its interval, by both methods, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from belonging_study.figures.style import (
    INK,
    MUTED,
    PAPER,
    RULE,
    WIDTH,
    Drawn,
    clean_axis,
    house_style,
    new_figure,
    number,
)

__all__ = ["effects_forest"]

_MODELS: dict[str, tuple[str, str]] = {
    "did": ("Difference-in-differences", "o"),
    "difference": ("Difference between arms", "o"),
    "change": ("Mean change", "o"),
    "multilevel": ("Multilevel model", "D"),
}


def effects_forest(
    estimates: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    title: str = "",
    margin: float | None = None,
) -> Drawn:
    """Draw effect sizes with their intervals.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One row an estimate, with the columns ``outcome, role, model, group, effect_size, effect_size_low,
        effect_size_high``, and ``contrast`` where there are several; rows without an effect size are left out.
    labels : mapping
        Outcome (and group) to the words beside its row.
    title : str, optional
        Heading above the axis.
    margin : float, optional
        Half-width of the grey band of effects too small to matter, in standard deviations.

    Returns
    -------
    Drawn
        The figure and its alternative text.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"outcome": ["belonging"], "role": ["primary"], "model": ["did"], "group": ["all"],
    ...                      "effect_size": [0.2], "effect_size_low": [0.05], "effect_size_high": [0.35]})
    >>> effects_forest(rows, {"belonging": "Belonging"}).alt
    'Effect sizes in standard deviations with 95% intervals. Belonging: 0.20 [0.05, 0.35] by difference-in-differences.'
    """
    rows = estimates.dropna(subset=["effect_size", "effect_size_low", "effect_size_high"]).reset_index(drop=True)
    if "contrast" not in rows or rows["contrast"].nunique() < 2:
        rows = rows.assign(contrast="")
    keys = list(dict.fromkeys(zip(rows["outcome"], rows["group"], rows["contrast"], strict=True)))
    models = [m for m in _MODELS if m in set(rows["model"])]
    with house_style():
        figure, ax = new_figure(WIDTH, 0.9 + (0.52 + 0.1 * (len(keys) > rows["outcome"].nunique())) * max(len(keys), 1))
        ax.axvline(0, color=MUTED, linewidth=1)
        if margin:
            ax.axvspan(-margin, margin, color=RULE, alpha=0.55, linewidth=0, zorder=0)
        row: Any
        for row in rows.itertuples():
            at = (
                -keys.index((row.outcome, row.group, row.contrast))
                + 0.13 * (len(models) - 1)
                - 0.26 * models.index(row.model)
            )
            marker = _MODELS[row.model][1]
            first = row.model == models[0]
            ax.plot([row.effect_size_low, row.effect_size_high], [at, at], color=INK, linewidth=1.6 if first else 1.1)
            ax.plot(
                row.effect_size,
                at,
                marker,
                color=INK,
                markerfacecolor=INK if first else PAPER,
                markersize=6,
                linestyle="none",
            )
            text = f"{number(row.effect_size)} [{number(row.effect_size_low)}, {number(row.effect_size_high)}]"
            ax.annotate(
                text,
                (1.01, at),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=7.5,
                color=INK if first else MUTED,
            )
        ax.set_yticks([-i for i in range(len(keys))], [_label(k, rows, labels) for k in keys])
        ax.set_ylim(-len(keys) + 0.4, 0.6)
        change = "change" in models
        ax.set_xlabel("Change (standard deviations before)" if change else "Effect size (standard deviations)")
        ax.set_title(title)
        ax.spines["left"].set_visible(False)
        clean_axis(ax)
        if len(models) > 1:
            _legend(ax, models)
    said = []
    for row in rows.itertuples():
        name = _label((row.outcome, row.group, row.contrast), rows, labels).replace("\n", " ")
        interval = f"{number(row.effect_size)} [{number(row.effect_size_low)}, {number(row.effect_size_high)}]"
        said.append(f"{name}: {interval} by {_MODELS[row.model][0].lower()}")
    level = f"{estimates['conf_level'].iloc[0]:.0%}" if "conf_level" in estimates and len(estimates) else "95%"
    what = "Changes" if "change" in models else "Effect sizes"
    return Drawn(figure, f"{what} in standard deviations with {level} intervals. " + "; ".join(said) + ".")


def _label(key: tuple[str, str, str], rows: pd.DataFrame, labels: Mapping[str, str]) -> str:
    outcome, group, contrast = key
    here = rows[(rows["outcome"] == outcome) & (rows["group"] == group)]
    text = labels.get(outcome, outcome)
    if group != "all":
        return "\n".join(filter(None, [text, labels.get(group, group), contrast]))
    role = here["role"].iloc[0]
    named = text if role == "secondary" or len(rows) == 1 else f"{text}{' ' if contrast else chr(10)}({role})"
    return "\n".join(filter(None, [named, contrast]))


def _legend(ax: Any, models: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK, marker=_MODELS[m][1], markerfacecolor=INK if i == 0 else PAPER, label=_MODELS[m][0])
        for i, m in enumerate(models)
    ]
    ax.figure.legend(handles=handles, loc="outside lower center", ncols=len(models))
