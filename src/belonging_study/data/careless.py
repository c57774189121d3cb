"""Signs of careless answering: flagged and counted, never a reason by themselves to drop a row.

The indicators follow Curran (2016), "Methods for the detection of carelessly invalid responses in survey data",
Journal of Experimental Social Psychology 66, 4-19: long strings and opposite statements answered alike (Johnson 2005,
Journal of Research in Personality 39, 103-129), intra-individual response variability (Dunn, Heggestad, Shanock &
Theilgard 2018, Journal of Business and Psychology 33, 105-121) and response time, two seconds an item (Huang, Curran,
Keeney, Poposki & DeShon 2012, Journal of Business and Psychology 27, 99-114).

Opposites are pairs by meaning, named in advance, and not pairs by the sample's own correlations: those would have to be
found in the answers that are judged. Only the ends of the form count, since a careful student may well agree a little
to both, and two pairs at least, since one may be misread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.study.model import Scale

__all__ = ["CARELESS_RULES", "careless_answers", "careless_table", "longest_run"]

_FEWEST_ITEMS = 6
_SECONDS_AN_ITEM = 2.0
_SHARE_OF_RANGE = 0.1
_FEWEST_PAIRS = 2

CARELESS_RULES = {
    "same_answer": f"every item of a scale of {_FEWEST_ITEMS} or more items, some of them reverse-keyed, "
    "answered the same",
    "low_variability": "standard deviation of the raw answers to such a scale below a tenth of its response range",
    "contradicts": f"in at least half of the pairs of opposite statements ({_FEWEST_PAIRS} or more answered), both "
    "given the highest, or both the lowest, answer of the form",
    "too_fast": f"less than {_SECONDS_AN_ITEM:g} seconds for each item answered",
}
"""Indicator to the rule by which it flags a response."""


def longest_run(answers: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the longest run of identical answers of each row.

    Parameters
    ----------
    answers : pandas.DataFrame
        Shape (rows, items), raw codes in the order asked.

    Returns
    -------
    numpy.ndarray of float
        Shape (rows,), in items; an unanswered item ends a run; ``NaN`` where nothing was answered.

    Examples
    --------
    >>> longest_run(pd.DataFrame([[3, 3, 1, 3], [2, None, 2, 2]])).tolist()
    [2.0, 2.0]
    """
    longest = np.zeros(len(answers))
    run = np.zeros(len(answers))
    before = np.full(len(answers), np.nan)
    for column in _columns(answers):
        run = np.where(np.isnan(column), 0.0, np.where(column == before, run + 1, 1.0))
        longest = np.maximum(longest, run)
        before = column
    return np.where(longest > 0, longest, np.nan)


def careless_answers(answers: pd.DataFrame, scales: Mapping[str, Scale], duration: pd.Series | None) -> pd.DataFrame:
    """Compute the signs of careless answering for each response of a wave.

    Parameters
    ----------
    answers : pandas.DataFrame
        One row a response; the items of `scales` as raw codes, not reversed.
    scales : mapping of str to Scale
        The scales asked in that wave.
    duration : pandas.Series, optional
        Seconds that the response took, same index.

    Returns
    -------
    pandas.DataFrame
        Same index; ``longstring`` (longest run of identical answers within a scale), ``irv`` (standard deviation,
        n - 1, of the answers to the longest scale; the first of several), and a bool column for each indicator of
        `CARELESS_RULES` (object with ``None`` throughout where the wave cannot show it).

    Notes
    -----
    A missing answer is no evidence: a scale is judged by variability only where at least six of its items are
    answered, by "same answer" only where all of them are, and a pair of opposites only where both are answered. The
    pairs of all scales count together; an end of the form is within a tenth of its range.

    Examples
    --------
    >>> scale = Scale(label="S", items=list("abcdef"), range=(1, 5), reverse=("b",))
    >>> rows = pd.DataFrame([[3] * 6, [5, 1, 4, 5, 4, 5]], columns=list("abcdef"))
    >>> careless_answers(rows, {"s": scale}, None)["same_answer"].tolist()
    [True, False]
    """
    out = pd.DataFrame(index=answers.index)
    items = {name: list(scale.items) for name, scale in scales.items()}
    runs = {name: longest_run(answers[items[name]]) for name in scales}
    out["longstring"] = _row_max(list(runs.values()), len(answers))
    # Where all items are reversed, as where none is, one answer to all of them can be meant.
    judged = [n for n, s in scales.items() if len(items[n]) >= _FEWEST_ITEMS and 0 < len(s.reverse) < len(items[n])]
    spreads = {name: pd.Series(_spread(answers[items[name]]), index=answers.index) for name in scales}
    longest = max(scales, key=lambda name: len(items[name]), default=None)
    out["irv"] = spreads[longest] if longest is not None else np.nan
    if judged:
        same = [runs[name] == len(items[name]) for name in judged]
        flat = [
            (spreads[name] < _SHARE_OF_RANGE * (scales[name].maximum - scales[name].minimum)).to_numpy()
            & (answers[items[name]].notna().sum(axis=1) >= _FEWEST_ITEMS).to_numpy()
            for name in judged
        ]
        out["same_answer"] = np.logical_or.reduce(same)
        out["low_variability"] = np.logical_or.reduce(flat)
    else:
        out["same_answer"] = out["low_variability"] = None
    out["contradicts"] = _contradicts(answers, scales)
    asked = [item for names in items.values() for item in names]
    if duration is not None and asked and duration.notna().any():
        answered = answers[asked].notna().sum(axis=1)
        out["too_fast"] = (duration < _SECONDS_AN_ITEM * answered).astype(bool)
    else:
        out["too_fast"] = None
    return out


def careless_table(flags: pd.DataFrame, *, wave: str) -> pd.DataFrame:
    """Count the flagged responses of a wave.

    Parameters
    ----------
    flags : pandas.DataFrame
        One row a response, with the columns that `careless_answers` returns.
    wave : str
        Copied into the table.

    Returns
    -------
    pandas.DataFrame
        ``wave, indicator, rule, n_flagged, share, n``; one row for each indicator that the wave can show, and
        ``any`` for responses with at least one.

    Examples
    --------
    >>> flags = pd.DataFrame({name: [True, False] for name in ("same_answer", "low_variability")})
    >>> flags[["contradicts", "too_fast"]] = None
    >>> careless_table(flags, wave="w1")[["indicator", "n_flagged", "share"]].values.tolist()
    [['same_answer', 1, 0.5], ['low_variability', 1, 0.5], ['any', 1, 0.5]]
    """
    shown = {name: rule for name, rule in CARELESS_RULES.items() if flags[name].notna().any()}
    either = flags[list(shown)].fillna(False).astype(bool).any(axis=1)
    counts = [(name, rule, int(flags[name].fillna(False).sum())) for name, rule in shown.items()]
    if shown:
        counts.append(("any", "at least one of these", int(either.sum())))
    table = pd.DataFrame(counts, columns=["indicator", "rule", "n_flagged"])
    table.insert(0, "wave", wave)
    table["share"] = table["n_flagged"] / len(flags) if len(flags) else np.nan
    table["n"] = len(flags)
    return table


def _contradicts(answers: pd.DataFrame, scales: Mapping[str, Scale]) -> npt.NDArray[np.bool_] | None:
    """Whether each response gives opposite statements the same end of the form; nothing with too few pairs."""
    pairs = [(scale, *pair) for scale in scales.values() for pair in scale.opposites]
    if len(pairs) < _FEWEST_PAIRS:
        return None
    answered, alike = np.zeros(len(answers), dtype=int), np.zeros(len(answers), dtype=int)
    for scale, one, other in pairs:
        both = answers[[one, other]].to_numpy(dtype=float)
        margin = _SHARE_OF_RANGE * (scale.maximum - scale.minimum)
        high, low = both >= scale.maximum - margin, both <= scale.minimum + margin
        answered += ~np.isnan(both).any(axis=1)
        alike += high.all(axis=1) | low.all(axis=1)
    return (answered >= _FEWEST_PAIRS) & (2 * alike >= answered)


def _columns(answers: pd.DataFrame) -> Iterator[npt.NDArray[np.float64]]:
    """Give column after column; the answers of a million students are not copied as a whole."""
    return (answers.iloc[:, i].to_numpy(dtype=float) for i in range(answers.shape[1]))


def _spread(answers: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the standard deviation (n - 1) of the answers of each row; missing with fewer than two."""
    n, total, squares = np.zeros(len(answers)), np.zeros(len(answers)), np.zeros(len(answers))
    for column in _columns(answers):
        n += ~np.isnan(column)
        total += np.nan_to_num(column)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        for column in _columns(answers):
            squares += np.nan_to_num((column - mean) ** 2)
        return np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)


def _row_max(columns: list[npt.NDArray[np.float64]], n: int) -> npt.NDArray[np.float64]:
    """Return the largest of several columns in each row, passing over ``NaN``."""
    return np.fmax.reduce(columns) if columns else np.full(n, np.nan)
