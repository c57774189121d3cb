"""A register of events that has headings and no rows: nothing happened."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from belonging_study.data.export import Export
from belonging_study.data.readers.rawfile import open_file
from belonging_study.errors import EmptyFileError
from belonging_study.study.model import Source

__all__ = ["read_headings"]


def read_headings(path: Path, source: Source) -> Export:
    r"""Read a text file that has one row of headings and nothing else.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    source : Source
        Its entry in ``study.yml``.

    Returns
    -------
    Export
        With an empty table.

    Raises
    ------
    EmptyFileError
        If there is no row of headings.
    DataError
        If the file cannot be read.

    Examples
    --------
    >>> file = getfixture("tmp_path") / "incidents.csv"
    >>> _ = file.write_text("student_id,incident_type\n")
    >>> list(read_headings(file, Source(file="w1/incidents.csv", kind="incidents")).table)
    ['student_id', 'incident_type']
    """
    raw = open_file(path, shown=source.file, encoding=source.encoding, decimal=source.decimal)
    headings = [name for name in raw.grid.head(1)[0] if name]
    if len(raw.grid.head(2)) > 1 or not headings:
        raise EmptyFileError(f"{source.file} has no rows of data.", where=source.file, remedy="export the data again.")
    return Export(pd.DataFrame(columns=headings, dtype="str"), "delimited")
