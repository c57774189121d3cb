"""Reliability in every group or wave, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales._answers import require_columns
from belonging_study.scales.reliability.coefficients import cronbach_alpha, mcdonald_omega
from belonging_study.scales.reliability.detectable import (
    normal_quantile,
    smallest_detectable_change,
    standard_error_of_measurement,
)
from belonging_study.scales.reliability.ordinal import ordinal_alpha, ordinal_omega
from belonging_study.scales.reliability.result import Reliability
from belonging_study.scales.score import reverse_keyed

__all__ = ["reliability_by"]

_COEFFICIENTS: Mapping[str, Callable[[pd.DataFrame, float], Reliability]] = {
    "cronbach_alpha": cronbach_alpha,
    "mcdonald_omega": mcdonald_omega,
    "ordinal_alpha": ordinal_alpha,
    "ordinal_omega": ordinal_omega,
}
_UNSTEADY = 30
_COLUMNS = [
    "by", "level", "coefficient", "definition", "estimate", "conf_low", "conf_high", "n_complete", "n_items", "sem",
    "smallest_detectable_change", "note",
]  # fmt: skip


def reliability_by(
    data: pd.DataFrame,
    items: Sequence[str],
    *,
    by: Sequence[str],
    reverse: Sequence[str] = (),
    minimum: float,
    maximum: float,
    coefficients: Sequence[str] = ("cronbach_alpha", "mcdonald_omega", "ordinal_alpha"),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Reliability coefficients of a scale in every level of one or more columns.

    Parameters
    ----------
    data : pandas.DataFrame
        One row a person (and wave), one column an item; other columns are ignored but for ``by``.
    items : sequence of str
        The scale's items, as worded on the form.
    by : sequence of str
        Columns whose levels are looked at, each column by itself: for example ``["wave", "arm", "language"]``.
    reverse : sequence of str, optional
        Items that are worded the other way round.
    minimum, maximum : float
        The lowest and the highest answer on the form.
    coefficients : sequence of str
        From "cronbach_alpha", "mcdonald_omega", "ordinal_alpha", "ordinal_omega".
    conf_level : float, default 0.95
        Level of the intervals and of the smallest detectable change.

    Returns
    -------
    pandas.DataFrame
        One row a level and coefficient: ``by``, ``level`` (as text; "(missing)" for rows without one),
        ``coefficient``, ``definition``, ``estimate``, ``conf_low``, ``conf_high``, ``n_complete`` (people who answered
        every item), ``n_items``; ``sem`` and ``smallest_detectable_change`` (one person's) of the mean score of those
        people, in answer units; ``note``. A level whose figure cannot be had is a row with NaN and the reason. The
        ordinal coefficients have neither interval here nor ``sem``: they are not about the score.

    Raises
    ------
    ColumnMissingError, ValueRangeError, DataError, ParameterError
        As ``reverse_keyed``; ParameterError also for an empty or unknown choice in ``by``, ``coefficients`` or
        ``conf_level``.

    Notes
    -----
    Fewer than 30 people are noted, after Terwee et al. (2012).

    References
    ----------
    Terwee, C. B., Mokkink, L. B., Knol, D. L., Ostelo, R. W. J. G., Bouter, L. M., & de Vet, H. C. W. (2012). Rating
    the methodological quality in systematic reviews of studies on measurement properties. *Quality of Life Research,
    21*, 651-657.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> latent = rng.normal(size=(300, 1)) + rng.normal(size=(300, 4))
    >>> data = pd.DataFrame(np.digitize(latent, [-1, 0, 1]) + 1, columns=list("abcd")).assign(wave=["w1", "w2"] * 150)
    >>> found = reliability_by(data, list("abcd"), by=["wave"], minimum=1, maximum=4, coefficients=["cronbach_alpha"])
    >>> found[["by", "level", "coefficient", "n_complete"]]
         by level     coefficient  n_complete
    0  wave    w1  cronbach_alpha         150
    1  wave    w2  cronbach_alpha         150
    """
    _check_choices(data, by, coefficients)
    normal_quantile(conf_level)
    keyed = reverse_keyed(data, items, reverse, minimum, maximum)
    rows: list[dict[str, object]] = []
    for column in by:
        levels = data[column].map(_text, na_action=None)
        for level in sorted(set(levels), key=lambda name: (name == "(missing)", name)):
            mine = keyed.loc[(levels == level).to_numpy()]
            rows += [{"by": column, "level": level} | _row(mine, name, conf_level) for name in coefficients]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _check_choices(data: pd.DataFrame, by: Sequence[str], coefficients: Sequence[str]) -> None:
    for name, given in (("by", by), ("coefficients", coefficients)):
        if isinstance(given, str) or len(given) == 0 or len(set(given)) < len(given):
            raise ParameterError(
                f"`{name}` must be a list of different names, at least one.", remedy=f'write {name}=["...", "..."].'
            )
    unknown = [name for name in coefficients if name not in _COEFFICIENTS]
    if unknown:
        raise ParameterError(
            f"`coefficients` holds {', '.join(map(repr, unknown))}; known are {', '.join(_COEFFICIENTS)}."
        )
    require_columns(data, by)


def _text(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "(missing)"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(keyed: pd.DataFrame, name: str, conf_level: float) -> dict[str, object]:
    complete = keyed.dropna()
    row: dict[str, object] = {"coefficient": name, "n_complete": len(complete), "n_items": keyed.shape[1]}
    try:
        found = _COEFFICIENTS[name](keyed, conf_level)
    except DataError as problem:
        empty = dict.fromkeys(["estimate", "conf_low", "conf_high", "sem", "smallest_detectable_change"], math.nan)
        return row | empty | {"definition": "", "note": problem.what}
    notes = [found.note] if found.note else []
    if len(complete) < _UNSTEADY:
        notes.append(f"only {len(complete)} people: too few to rely on")
    sem = change = math.nan
    if name.startswith("ordinal"):
        notes.append("describes latent responses, not the score: no standard error of measurement")
    elif 0 <= found.estimate <= 1:
        sd = float(complete.mean(axis=1).std(ddof=1))
        sem = standard_error_of_measurement(sd, found.estimate)
        change = smallest_detectable_change(sd, found.estimate, conf_level)
    else:
        notes.append("outside 0 to 1: no standard error of measurement")
    return row | {
        "definition": found.definition,
        "estimate": found.estimate,
        "conf_low": found.conf_low,
        "conf_high": found.conf_high,
        "sem": sem,
        "smallest_detectable_change": change,
        "note": "; ".join(notes),
    }
