"""One reliability coefficient with its interval."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reliability"]


@dataclass(frozen=True)
class Reliability:
    """A reliability coefficient with its interval.

    Attributes
    ----------
    estimate : float
        The coefficient.
    conf_low, conf_high : float
        Its confidence interval; NaN only where ``note`` says why.
    conf_level : float
        For example 0.95.
    n : int
        People who answered every item; the figure rests on them alone.
    n_dropped : int
        People left out because an answer is missing.
    n_items : int
        Items.
    definition : str
        Which coefficient and which interval.
    note : str
        What a reader must know, in plain words; empty where there is nothing.
    """

    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    n: int
    n_dropped: int
    n_items: int
    definition: str
    note: str
