"""Names that a file writes in another way than the study: what ``values:`` of a source says."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from belonging_study.data.coding.answers import answers_as_text
from belonging_study.data.flow.exclusions import as_text

__all__ = ["recode"]


def recode(values: pd.Series, mapping: Mapping[str, str], value_labels: Mapping[float, str] | None = None) -> pd.Series:
    """Put the values to use in place of the file's.

    Parameters
    ----------
    values : pandas.Series
        A column as read, text or numbers.
    mapping : mapping
        The file's value to the one to use, compared without regard to case and outer spaces; the empty text stands for
        an empty cell on either side. A value that does not occur does no harm.
    value_labels : mapping, optional
        Code to label as the file has them; `mapping` may name either.

    Returns
    -------
    pandas.Series
        Same index and name; what `mapping` does not name is as it was.

    Examples
    --------
    >>> recode(pd.Series(["North ", "south", None]), {"north": "1", "": "none"}).tolist()
    ['1', 'south', 'none']
    """
    if not mapping:
        return values
    use = dict(zip(as_text(pd.Series(list(mapping), dtype=object)), mapping.values(), strict=True))
    as_is, labelled = as_text(values), as_text(answers_as_text(values, value_labels))
    out = values.astype(object)
    for texts in (labelled, as_is):
        named = texts.isin(set(use))
        out[named] = texts[named].map(use)
    return out.where(out.notna() & (out.astype(str).str.strip() != ""))
