"""One style for every figure: readable in print, in greyscale and by colour-blind readers.

Two arms differ by colour, by marker and by line; colours come from the palette of Okabe and Ito (2008), darkened so
that they also differ in lightness.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ARM_STYLES", "Drawn", "arm_style", "house_style", "number"]

INK = "#1b2733"
MUTED = "#5b6770"
RULE = "#d5dbe0"
PAPER = "#ffffff"

WIDTH = 7.0
"""Width of every figure in inches: the text width of a printed page."""

_PROGRAMME = {"color": "#00507a", "marker": "o", "linestyle": "-", "markerfacecolor": "#00507a"}
_COMPARISON = {"color": "#c05a00", "marker": "s", "linestyle": (0, (4, 2)), "markerfacecolor": PAPER}
_OTHERS = (
    {"color": "#4d9078", "marker": "D", "linestyle": (0, (1, 1.5)), "markerfacecolor": "#4d9078"},
    {"color": "#8c4a7d", "marker": "^", "linestyle": (0, (6, 2, 1, 2)), "markerfacecolor": PAPER},
)
ARM_STYLES: tuple[dict[str, Any], ...] = (_PROGRAMME, *_OTHERS)
"""Line and marker of the first, second and third programme arm."""

_SETTINGS: Any = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a label with two dollar signs is no formula
    "svg.fonttype": "path",
    "svg.hashsalt": "belonging-study",
    "savefig.dpi": 160,
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True)
class Drawn:
    """A figure with the text that stands for it where it cannot be seen.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    alt : str
        What the picture shows, with the numbers that matter, made from the same table.
    """

    figure: Figure
    alt: str


@contextmanager
def house_style() -> Iterator[None]:
    """Draw what is inside in the house style, and leave the user's own settings alone."""
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        yield


def new_figure(width: float, height: float, **subplots: Any) -> tuple[Figure, Any]:
    """Make a figure that no global state holds on to."""
    from matplotlib.figure import Figure as _Figure

    figure = _Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def arm_style(arm: str, comparison: str | None, programmes: tuple[str, ...]) -> dict[str, Any]:
    """Return line and marker settings of an arm.

    Parameters
    ----------
    arm : str
        The arm.
    comparison : str or None
        Name of the comparison arm, if there is one.
    programmes : tuple of str
        Names of the programme arms in the study's order.

    Examples
    --------
    >>> arm_style("control", "control", ("programme",))["marker"]
    's'
    """
    if arm == comparison:
        return dict(_COMPARISON)
    return dict(ARM_STYLES[programmes.index(arm) % len(ARM_STYLES)])


def number(value: float, digits: int = 2) -> str:
    """Format a number for a label or an alternative text, with a true minus sign.

    Examples
    --------
    >>> number(-0.126)
    '−0.13'
    """
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def capital(text: str) -> str:
    """Begin a label with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def clean_axis(ax: Axes, *, grid: str = "x") -> None:
    """Keep light grid lines along one axis and no tick marks."""
    ax.grid(True, axis=grid)  # type: ignore[arg-type]
    ax.tick_params(length=0)
