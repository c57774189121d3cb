"""Qualtrics marks previews and generated tests among the responses, in each of the formats that it writes."""

from __future__ import annotations

import pandas as pd

__all__ = ["split_previews"]

_PREVIEW = {"1", "9", "17", "survey preview", "survey preview spam", "offline survey preview"}
_TEST = {"2", "256", "survey test", "synthetic"}


def split_previews(table: pd.DataFrame, *, is_qualtrics: bool = False) -> tuple[pd.DataFrame, dict[str, int]]:
    """Take out the rows that are previews or generated tests, not responses.

    Qualtrics' ``DistributionChannel`` is the same in every language; its ``Status`` is a code (1, 9 and 17 are
    previews, 2 and 256 tests) or the English label. A table without the channel is left as it is
    unless it is known to be from Qualtrics, for other tools have columns called ``Status`` too.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows as exported.
    is_qualtrics : bool
        Whether the format itself says so.

    Returns
    -------
    table : pandas.DataFrame
        The responses, numbered from 0.
    aside : dict
        ``previews`` and ``test responses`` with their number of rows, where there are any.

    Examples
    --------
    >>> table = pd.DataFrame({"Status": ["0", "1"], "DistributionChannel": ["anonymous", "preview"]})
    >>> responses, aside = split_previews(table)
    >>> len(responses), aside
    (1, {'previews': 1})
    """
    if "DistributionChannel" not in table.columns and not is_qualtrics:
        return table, {}
    status, channel = _plain(table, "Status"), _plain(table, "DistributionChannel")
    preview = status.isin(_PREVIEW) | (channel == "preview")
    test = ~preview & (status.isin(_TEST) | (channel == "test"))
    aside = {"previews": int(preview.sum()), "test responses": int(test.sum())}
    return table.loc[~(preview | test)].reset_index(drop=True), {reason: n for reason, n in aside.items() if n}


def _plain(table: pd.DataFrame, column: str) -> pd.Series:
    """Values of a column as text in lower case, whole numbers without a decimal point; no text where it is absent."""
    if column not in table.columns:
        return pd.Series("", index=table.index)
    values = table[column].astype("object").where(table[column].notna(), "")
    return values.map(lambda v: str(int(v)) if isinstance(v, float) and v.is_integer() else str(v).strip().casefold())
