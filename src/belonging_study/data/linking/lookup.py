"""Where identifiers are found among others: the one search that a wave of a million students can afford."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["places_in"]


def places_in(ids: pd.Series | pd.Index, among: pd.Series | pd.Index) -> npt.NDArray[np.int_]:
    """Find identifiers among others.

    Parameters
    ----------
    ids, among : pandas.Series or pandas.Index
        Text; a missing one is nobody.

    Returns
    -------
    numpy.ndarray of int
        For each of `ids` its first position in `among`, -1 where it is not there.

    Notes
    -----
    Text is compared where it lies: pandas would make an object of each of a million identifiers first.

    Examples
    --------
    >>> places_in(pd.Series(["b", None, "z"]), pd.Index(["a", "b", None])).tolist()
    [1, -1, -1]
    """
    found = pc.index_in(_texts(ids), value_set=_texts(among), skip_nulls=True)
    return np.asarray(found.fill_null(-1), dtype=int)


def _texts(ids: pd.Series | pd.Index) -> pa.ChunkedArray:
    texts = pa.array(ids.array, from_pandas=True)
    return (texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])).cast(pa.large_string())
