"""Draw docs/images/few-schools.png from benchmarks/few_clusters.csv.

uv run python benchmarks/few_clusters_figure.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.lines import Line2D

PROJECT = Path(__file__).resolve().parent.parent
ROWS = {
    "default": "what the rule picks\nand trusts",
    "CR2 Satterthwaite": "CR2, Satterthwaite",
    "cluster means t test": "t test on school changes",
    "randomisation": "randomisation test",
    "CR3 t(G-1)": "CR3 jackknife, t(G−1)",
    "wild bootstrap": "wild bootstrap",
    "CR1 t(G-1)": "CR1, t(G−1)",
}
COLUMNS = (
    *("CR1 t(G-1)", "CR2 Satterthwaite", "CR3 t(G-1)", "wild bootstrap", "randomisation"),
    *("cluster means t test", "default"),
)
KINDS = {
    "two or three schools treated": ("#c05a00", "s"),
    "one school with 40% of all students": ("#8c4a7d", "^"),
    "neither": ("#00507a", "o"),
}


def kind(row: pd.Series) -> str:
    """What is hard about a setting."""
    names = list(KINDS)
    if row["treated"] in ("two", "three"):
        return names[0]
    return names[1] if row["sizes"] == "one of 40%" else names[2]


def page_rows(table: pd.DataFrame, *, varies: bool) -> list[str]:
    """Rows of a table of docs/explanation/few-schools.md: lowest and highest size in per cent, a column a method."""
    mine = table[(table["outcome"] == "normal, programme varies") == varies]
    alike, one = mine["sizes"] != "one of 40%", mine["sizes"] == "one of 40%"
    half = mine["treated"].isin(["half", "largest half"])
    settings = {
        "half of the schools treated": alike & half,
        "five of 20 or 50": alike & (mine["treated"] == "five"),
        "three of 10, 20 or 50": alike & (mine["treated"] == "three"),
        "two of 6, 10, 20 or 50": alike & (mine["treated"] == "two"),
        "half treated, one school of 40%": one & half,
        "five treated, one school of 40%": one & (mine["treated"] == "five"),
    }
    rows = []
    for name, chosen in settings.items():
        cells = [name]
        for method in COLUMNS:
            sizes = 100 * mine.loc[chosen & (mine["method"] == method), "size"].dropna()
            cells.append(f"{sizes.min():.1f}–{sizes.max():.1f}" if len(sizes) else "not trusted")
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def main() -> None:
    everything = pd.read_csv(PROJECT / "benchmarks" / "few_clusters.csv")
    for varies in (False, True):
        print("\n".join(page_rows(everything, varies=varies)), end="\n\n")
    table = everything[(everything["outcome"] != "normal, programme varies") & everything["size"].notna()]
    table = table.assign(kind=table.apply(kind, axis=1))
    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "svg.hashsalt": "few-schools"})
    figure, axes = plt.subplots(1, 4, figsize=(9, 3.6), sharey=True, sharex=True, layout="constrained")
    for ax, (n, mine) in zip(axes, table.groupby("n_clusters"), strict=True):
        ax.axvspan(3, 6.5, color="#d5dbe0", linewidth=0, zorder=0)
        for at, method in enumerate(ROWS):
            for i, (name, (colour, marker)) in enumerate(KINDS.items()):
                points = mine[(mine["method"] == method) & (mine["kind"] == name)]
                height = [at + 0.22 * (i - 1)] * len(points)
                ax.scatter(100 * points["size"], height, s=14, marker=marker, facecolors="none", edgecolors=colour)
        ax.set_title(f"{n} schools", loc="left", fontsize=10, fontweight="bold")
        ax.set_xlim(-1, 38)
        ax.set_xticks([0, 5, 10, 20, 30])
        ax.spines[["top", "right"]].set_visible(False)
        ax.axhline(0.5, color="#5b6770", linewidth=0.6)
    axes[0].set_yticks(range(len(ROWS)), list(ROWS.values()))
    axes[0].invert_yaxis()
    figure.supxlabel("true null hypotheses rejected at 5%, in per cent (shaded: 3 to 6.5)", fontsize=9)
    handles = [
        Line2D([], [], linestyle="", marker=m, markerfacecolor="none", markeredgecolor=c, label=name)
        for name, (c, m) in KINDS.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8.5)
    figure.savefig(PROJECT / "docs" / "images" / "few-schools.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
