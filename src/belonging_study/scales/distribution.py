"""One table that says how a scale's scores are spread and how far they can be trusted, by wave and group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import pandas as pd

from belonging_study.errors import DataError
from belonging_study.scales._answers import require_columns
from belonging_study.scales.reliability import Reliability, cronbach_alpha, mcdonald_omega
from belonging_study.scales.score import reverse_keyed, score

__all__ = ["scale_summary"]

COLUMNS = (
    "scale",
    "wave",
    "group",
    "level",
    "n",
    "n_missing",
    "mean",
    "sd",
    "sem",
    "floor_share",
    "ceiling_share",
    "cronbach_alpha",
    "alpha_conf_low",
    "alpha_conf_high",
    "mcdonald_omega",
    "omega_conf_low",
    "omega_conf_high",
    "n_items",
    "n_complete",
    "note",
)


def scale_summary(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    scale: str,
    minimum: float,
    maximum: float,
    reverse: Sequence[str] = (),
    wave: str = "wave",
    groups: Sequence[str] = (),
    min_answered: float = 0.8,
    method: Literal["mean", "sum", "percent_of_maximum"] = "mean",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Describe a scale's scores and their reliability, one row a wave and group level.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a person and wave, with the items as they stand on the form (not yet reversed).
    items, reverse, minimum, maximum, min_answered, method
        As in :func:`score`.
    scale : str
        The scale's name, for the table.
    wave : str, default "wave"
        Column of the wave.
    groups : sequence of str, optional
        Columns to split by, one at a time, for example ``["arm", "gender"]``.
    conf_level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    pandas.DataFrame
        For every wave a row with ``group`` and ``level`` "all", then a row a level of each group column; people
        whose group is unknown are the level "(missing)", so that the levels of a group add up to "all".
        ``scale``, ``wave``, ``group``, ``level`` (text); ``n`` people with a score and ``n_missing`` without one;
        ``mean`` and ``sd`` of the scores; ``sem``, the standard error of measurement, sd * sqrt(1 - alpha);
        ``floor_share`` and ``ceiling_share``, shares of the scores at the lowest and at the highest possible score;
        ``cronbach_alpha``, ``mcdonald_omega`` and their intervals, from the ``n_complete`` people who answered every
        one of the ``n_items`` items; ``note``. A figure that a group's data do not allow is NaN and ``note`` says why.

    Raises
    ------
    ColumnMissingError, ValueRangeError, ParameterError
        As :func:`score`; ColumnMissingError also for ``wave`` and ``groups``.
    DataError
        Rows without a wave, or a column that is there twice.

    References
    ----------
    Lord, F. M., & Novick, M. R. (1968). *Statistical Theories of Mental Test Scores*. Addison-Wesley (the standard
    error of measurement). Terwee, C. B., et al. (2007). Quality criteria were proposed for measurement properties of
    health status questionnaires. *Journal of Clinical Epidemiology, 60*, 34-42 (floor and ceiling effects).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(3)
    >>> latent = rng.normal(size=(400, 1))
    >>> answers = np.clip(np.round(3 + latent + rng.normal(size=(400, 4))), 1, 5)
    >>> data = pd.DataFrame(answers, columns=["q1", "q2", "q3", "q4"]).assign(wave=np.repeat(["w1", "w2"], 200))
    >>> table = scale_summary(data, ["q1", "q2", "q3", "q4"], scale="belonging", minimum=1, maximum=5)
    >>> table[["scale", "wave", "group", "n", "cronbach_alpha", "mcdonald_omega"]].round(2)
           scale wave group    n  cronbach_alpha  mcdonald_omega
    0  belonging   w1   all  200            0.79            0.79
    1  belonging   w2   all  200            0.77            0.78
    """
    require_columns(data, [wave, *groups])
    n_without = int(data[wave].isna().sum())
    if n_without:
        raise DataError(
            f"{n_without} of {len(data)} rows have no wave.",
            where=f"column {wave}",
            remedy="fill in the wave, or drop those rows and say so.",
        )
    if not len(data):
        raise DataError("The table has no rows.", remedy="check what was read.")
    keyed = reverse_keyed(data, items, reverse, minimum, maximum)
    scores = score(
        data, items, reverse=reverse, minimum=minimum, maximum=maximum, min_answered=min_answered, method=method
    )
    times = len(items) if method == "sum" else 1
    ends = (0.0, 100.0) if method == "percent_of_maximum" else (minimum * times, maximum * times)
    rows = [
        {"scale": scale, "wave": at, "group": group, "level": level, "n_items": len(items)}
        | _spread(scores[chosen], *ends)
        | _trust(keyed[chosen], scores[chosen], conf_level)
        for at, group, level, chosen in _cells(data, wave, groups)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _cells(data: pd.DataFrame, wave: str, groups: Sequence[str]) -> Iterator[tuple[Any, str, str, pd.Series[bool]]]:
    """Wave, group column, level and the rows that belong there."""
    for at in _levels(data[wave]):
        in_wave = data[wave] == at
        yield at, "all", "all", in_wave
        for group in groups:
            in_group = data[group]
            for level in _levels(in_group[in_wave]):
                yield at, group, str(level), in_wave & (in_group == level)
            if bool(in_group[in_wave].isna().any()):
                yield at, group, "(missing)", in_wave & in_group.isna()


def _levels(column: pd.Series) -> list[Any]:
    """The values that occur, sorted; a categorical keeps its own order."""
    return list(pd.factorize(column, sort=True)[1])


def _spread(scores: pd.Series[float], lowest: float, highest: float) -> dict[str, Any]:
    """Number, mean, spread, floor and ceiling of the scores."""
    scored = scores.dropna()
    # Scores are quotients, so those at the very end may miss it by rounding.
    near = 1e-9 * (highest - lowest)
    return {
        "n": len(scored),
        "n_missing": len(scores) - len(scored),
        "mean": float(scored.mean()),
        "sd": float(scored.std()),
        "floor_share": float((scored <= lowest + near).mean()),
        "ceiling_share": float((scored >= highest - near).mean()),
    }


def _trust(keyed: pd.DataFrame, scores: pd.Series[float], conf_level: float) -> dict[str, Any]:
    """Alpha, omega and the standard error of measurement, with a note on what is absent or doubtful."""
    notes: dict[str, list[str]] = {}
    figures: dict[str, Any] = {}
    for name, prefix, compute in (
        ("cronbach_alpha", "alpha", cronbach_alpha),
        ("mcdonald_omega", "omega", mcdonald_omega),
    ):
        figure, note = _attempt(compute, keyed, conf_level)
        figures[name] = figure.estimate if figure else math.nan
        figures[f"{prefix}_conf_low"] = figure.conf_low if figure else math.nan
        figures[f"{prefix}_conf_high"] = figure.conf_high if figure else math.nan
        if note:
            notes.setdefault(note, []).append(prefix)
    no_scores = [] if bool(scores.notna().any()) else ["nobody was scored, so no mean"]
    return figures | {
        "sem": float(scores.std()) * math.sqrt(1 - figures["cronbach_alpha"]),
        "n_complete": int(keyed.notna().all(axis=1).sum()),
        "note": "; ".join([*no_scores, *(f"{' and '.join(of)}: {note}" for note, of in notes.items())]),
    }


def _attempt(
    compute: Callable[[pd.DataFrame, float], Reliability], keyed: pd.DataFrame, conf_level: float
) -> tuple[Reliability | None, str]:
    """A coefficient and its note; nothing and the reason where the group does not allow it."""
    try:
        figure = compute(keyed, conf_level)
    except DataError as error:
        return None, error.what.rstrip(".")
    return figure, figure.note
