"""Parquet files, as other tools and earlier steps write them."""

from __future__ import annotations

from io import BytesIO

import pyarrow.parquet as pq

from belonging_study.data.export import Export
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.data.readers.typed import damaged, plain_columns

__all__ = ["read", "recognises"]


def recognises(raw: RawFile) -> bool:
    """Look for the first bytes of a parquet file."""
    return raw.start.startswith(b"PAR1")


def read(raw: RawFile) -> Export:
    """Read a parquet file: numbers stay numbers, everything else becomes text.

    Parameters
    ----------
    raw : RawFile
        The file.

    Returns
    -------
    Export

    Raises
    ------
    EmptyFileError
        If there are no rows.
    UnreadableFileError
        If the file is damaged, or two columns share a name.
    """
    try:
        table = pq.read_table(BytesIO(raw.data)).to_pandas(ignore_metadata=True)
    except Exception:  # pyarrow raises ArrowException, OSError and ValueError on damaged files
        raise damaged(raw.shown, "a parquet file") from None
    return Export(plain_columns(table, raw.shown), "parquet")
