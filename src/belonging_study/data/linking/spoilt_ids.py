"""Identifiers that a spreadsheet has turned into dates, errors or formulas: nobody can tell what they were."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from belonging_study.data.wording import how_many
from belonging_study.errors import DataError

__all__ = ["refuse_spoilt_ids"]

_MONTH = (
    "janv?|ene|gen|feb|févr?|fev|mar|mars|mär|mrz|mrt|apr|abr|avr|may|mai|mei|mag|juni?|juin|giu|juli?|juil|lug|aug|"
    "août|aou|ago|sept?|set|oct|okt|out|ott|nov|dec|dez|déc|dic"
)
_DATE = (
    r"(?i)^\s*(\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?|\d{1,2}/\d{1,2}/\d{4}|\d{1,2}\.\d{1,2}\.\d{4}"
    rf"|\d{{1,2}}[.-] ?({_MONTH})\.?|({_MONTH})\.?[.-] ?\d{{2}})\s*$"
)
"""2024-10-07, 10/7/2024, 7.10.2024, and as Excel shows a day and a month: 07-Oct, 7. Okt, Oct-24."""
_ERROR = r"(?i)^\s*(#(n/a|nv|ref!|bezug!|name\?|value!|wert!|div/0!|null!|num!|zahl!|valeur!|nom\?|spill!)|#{4,})\s*$"


def refuse_spoilt_ids(ids: pd.Series, *, where: str) -> pd.Series:
    r"""Give identifiers back as they are, unless a spreadsheet has turned some into dates, errors or formulas.

    A spreadsheet takes "7-1" for the seventh of January when it opens a CSV file, and a lookup that fails leaves an
    error such as ``#N/A`` in the cell. A formula stands there where nothing has computed it.

    Parameters
    ----------
    ids : pandas.Series
        Identifiers of students, classes, schools or blocks as read, text or numbers.
    where : str
        File and column, for the messages.

    Returns
    -------
    pandas.Series
        The same.

    Raises
    ------
    DataError
        If any is a date, an error or a formula; the message has their number.

    Examples
    --------
    >>> refuse_spoilt_ids(pd.Series(["7-1", "jan-1"]), where="r.csv, column class_id").tolist()
    ['7-1', 'jan-1']
    >>> try:
    ...     refuse_spoilt_ids(pd.Series(["07-Jan", "07-Feb", "8A"]), where="r.csv, column class_id")
    ... except DataError as error:
    ...     print(error.what)
    A spreadsheet has changed the identifiers of 2 rows: they are now dates.
    """
    if pd.api.types.is_numeric_dtype(ids):
        return ids
    cells = ids[ids.notna()]
    text = pa.array(cells.astype(str), pa.large_string())
    for pattern, what in ((_DATE, "dates"), (_ERROR, "errors such as #N/A"), (r"^\s*=", "formulas")):
        n = pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0
        if n:
            raise DataError(
                f"A spreadsheet has changed the identifiers of {how_many(n, 'row')}: they are now {what}.",
                where=where,
                remedy="export the file again with this column as text; what stood there cannot be recovered from it.",
            )
    return ids
