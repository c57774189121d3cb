"""Which values of the analysis sample are missing, and for what reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

__all__ = ["LEFT_EMPTY", "NOT_ASKED", "NOT_IN_FILES", "NO_RESPONSE", "missing_reasons", "missing_table"]

NO_RESPONSE = "no survey response"
LEFT_EMPTY = "no value given"
NOT_IN_FILES = "student not in the file"
NOT_ASKED = "not in the files of a wave"

_DECLARED = "declared in the file: "
_ANSWERED = 'answered "'


def missing_table(
    sample: pd.DataFrame,
    labels: Mapping[str, str],
    present: Mapping[str, pd.Series],
    survey: Sequence[str],
    declared: Mapping[str, Mapping[str, int]],
    *,
    wave: str,
    answered: Mapping[str, Mapping[str, int]] | None = None,
) -> pd.DataFrame:
    """Count the missing values of each column of one wave's analysis sample by reason.

    Parameters
    ----------
    sample : pandas.DataFrame
        That wave's analysis sample, one row a student.
    labels : mapping of str to str
        Column to its label, for the columns that the wave has, in the order wanted.
    present : mapping of str to pandas.Series
        Column to bool (index of `sample`): the student stands in the file that holds the column.
    survey : sequence of str
        The columns that the survey holds.
    declared : mapping
        Column to ``{reason: count}`` of values that the file itself declares missing.
    wave : str
        Copied into the table.
    answered : mapping, optional
        Column to ``{synonym: count}`` of answers that ``study.yml`` says are none.

    Returns
    -------
    pandas.DataFrame
        ``wave, column, label, reason, n, share``, one row for each reason that occurs. Reasons in the sample are
        `NO_RESPONSE` (survey) or `NOT_IN_FILES` (other files), and `LEFT_EMPTY`; together they are all missing
        values of the column, and their share is that of the sample. ``declared in the file: <reason>`` and
        ``answered "<synonym>"`` count rows of the whole file, sample or not; they have no share and are part of
        `LEFT_EMPTY`.

    Examples
    --------
    >>> sample = pd.DataFrame({"q": [1.0, np.nan, np.nan, 2.0]})
    >>> table = missing_table(
    ...     sample, {"q": "Q"}, {"q": pd.Series([True, True, False, True])}, ["q"], {"q": {"refused": 1}}, wave="w1"
    ... )
    >>> table[["reason", "n", "share"]].values.tolist()
    [['no survey response', 1, 0.25], ['no value given', 1, 0.25], ['declared in the file: refused', 1, nan]]
    """
    lines: list[tuple[str, str, str, str, int, float]] = []
    empty = sample[list(labels)].isna().to_numpy()
    for (column, label), gone in zip(labels.items(), empty.T, strict=True):
        absent = gone & ~present[column].to_numpy()
        counts = {
            NO_RESPONSE if column in survey else NOT_IN_FILES: int(absent.sum()),
            LEFT_EMPTY: int((gone & ~absent).sum()),
        }
        lines += [(wave, column, label, reason, n, n / len(sample)) for reason, n in counts.items() if n]
        lines += [
            (wave, column, label, f"{_DECLARED}{reason}", n, np.nan)
            for reason, n in declared.get(column, {}).items()
            if n
        ]
        given = (answered or {}).get(column, {})
        lines += [(wave, column, label, f'{_ANSWERED}{text}"', n, np.nan) for text, n in given.items()]
    return pd.DataFrame(lines, columns=["wave", "column", "label", "reason", "n", "share"])


def missing_reasons(
    sample: pd.DataFrame, column: str, missing: pd.DataFrame, *, survey: bool = False, otherwise: str = LEFT_EMPTY
) -> pd.DataFrame:
    """Say for what reasons a column of the analysis sample is missing, over all waves.

    Parameters
    ----------
    sample : pandas.DataFrame
        The analysis sample of every wave, with ``wave`` and, where there is a survey, ``responded``.
    column : str
        One of its columns.
    missing : pandas.DataFrame
        The waves' tables of `missing_table`, one below the other.
    survey : bool
        Whether a column that they do not name is made from the survey's answers.
    otherwise : str
        Why a value is missing of which they, and the survey, say nothing.

    Returns
    -------
    pandas.DataFrame
        ``kind, value, n, share, n_smallest``, one row for each reason that occurs. Those of the kind ``missing``
        together are every missing value of the column; their share is that of `sample`. Those of the kind
        ``declared`` are counts over whole files. ``n_smallest`` is the smallest count of a single wave.

    Notes
    -----
    Where the tables name a column in some wave but not in another, and all its values are missing there, that wave did
    not have it.

    Examples
    --------
    >>> sample = pd.DataFrame({"wave": ["w1", "w1", "w2"], "responded": [True, False, True], "q": [1.0, None, None]})
    >>> known = pd.DataFrame({"wave": ["w1"], "column": ["q"], "reason": [NO_RESPONSE], "n": [1]})
    >>> missing_reasons(sample, "q", known)[["value", "n"]].values.tolist()
    [['no survey response', 1], ['not in the files of a wave', 1]]
    """
    mine = missing[missing["column"] == column]
    lines = [(wave, reason, int(n)) for wave, reason, n in zip(mine["wave"], mine["reason"], mine["n"], strict=True)]
    told = set(mine["wave"])
    for wave, rows in sample.groupby("wave", sort=False) if "wave" in sample else ():
        gone = rows[column].isna()
        if wave in told or not gone.any():
            continue
        if gone.all() and otherwise == LEFT_EMPTY:
            lines.append((str(wave), NOT_ASKED, len(rows)))
            continue
        silent = int((gone & ~rows["responded"].astype(bool)).sum()) if survey else 0
        rest = int(gone.sum()) - silent
        lines += [(str(wave), reason, n) for reason, n in ((NO_RESPONSE, silent), (otherwise, rest)) if n]
    table = pd.DataFrame(lines, columns=["wave", "value", "n"])
    declared = table["value"].str.startswith((_DECLARED, _ANSWERED)).astype(bool)
    table["kind"] = np.where(declared, "declared", "missing")
    out = table.groupby(["kind", "value"], sort=False)["n"].agg(["sum", "min"]).reset_index()
    out = out.set_axis(["kind", "value", "n", "n_smallest"], axis=1).sort_values("kind", ascending=False, kind="stable")
    out["value"] = out["value"].str.removeprefix(_DECLARED)
    out["share"] = np.where(out["kind"] == "missing", out["n"] / max(len(sample), 1), np.nan)
    return out[["kind", "value", "n", "share", "n_smallest"]].reset_index(drop=True)
