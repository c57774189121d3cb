"""The formats in the order in which they are tried, and the one function that reads a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from belonging_study.data.export import Export
from belonging_study.data.readers import (
    delimited,
    excel,
    google_forms,
    limesurvey,
    parquet,
    qualtrics,
    redcap,
    redcap_dictionary,
    spss,
    stata,
    surveymonkey,
)
from belonging_study.data.readers.identifiers import drop_identifiers
from belonging_study.data.readers.previews import split_previews
from belonging_study.data.readers.rawfile import RawFile, open_file
from belonging_study.errors import EmptyFileError, ParameterError, UnreadableFileError

__all__ = ["Reader", "read_export", "register_reader", "registered_readers", "restore_readers"]


@dataclass(frozen=True)
class Reader:
    """One format.

    Attributes
    ----------
    name : str
        The value of ``format`` in ``study.yml``.
    title : str
        The format in words, for messages: "a Qualtrics export".
    recognises : callable
        `RawFile` to True where the content is of this format.
    read : callable
        `RawFile` to `Export`.
    also_read : tuple of str
        Formats as which the content may be recognised where this one is declared.
    describe : callable, optional
        `Export` and the data dictionary's `RawFile` to `Export`; None where no dictionary goes with the format.
    """

    name: str
    title: str
    recognises: Callable[[RawFile], bool]
    read: Callable[[RawFile], Export]
    also_read: tuple[str, ...] = ()
    describe: Callable[[Export, RawFile], Export] | None = None


_SURVEY_TOOLS = ("google_forms", "redcap", "limesurvey", "surveymonkey")
"""Tables of one header row, more or less: whoever calls such a file plain text is not contradicted."""

_READERS: list[Reader] = [
    Reader("spss", "an SPSS file", spss.recognises, spss.read),
    Reader("stata", "a Stata file", stata.recognises, stata.read),
    Reader("parquet", "a parquet file", parquet.recognises, parquet.read),
    Reader("excel", "an Excel file", excel.recognises, excel.read, describe=redcap_dictionary.describe),
    Reader("qualtrics", "a Qualtrics export", qualtrics.recognises, qualtrics.read),
    # A form without its status, or headings in a language that is unknown here: declaring the format is enough.
    Reader(
        "redcap", "a REDCap export", redcap.recognises, redcap.read, ("delimited",), describe=redcap_dictionary.describe
    ),
    Reader("limesurvey", "a LimeSurvey export", limesurvey.recognises, limesurvey.read, ("delimited",)),
    Reader("surveymonkey", "a SurveyMonkey export", surveymonkey.recognises, surveymonkey.read, ("delimited",)),
    Reader("google_forms", "a Google Forms export", google_forms.recognises, google_forms.read, ("delimited",)),
    Reader("delimited", "plain delimited text", delimited.recognises, delimited.read, _SURVEY_TOOLS),
]


def registered_readers() -> tuple[Reader, ...]:
    """Give the formats in the order in which they are tried.

    Returns
    -------
    tuple of Reader

    Examples
    --------
    >>> [reader.name for reader in registered_readers()][-2:]
    ['google_forms', 'delimited']
    """
    return tuple(_READERS)


def register_reader(reader: Reader) -> None:
    """Add a team's own format; it is tried before the others and replaces one of the same name.

    Parameters
    ----------
    reader : Reader
        The format. Its `recognises` must be quick and false for what it does not know.

    Examples
    --------
    >>> before = registered_readers()
    >>> register_reader(before[-1])  # the same reader, now first
    >>> registered_readers()[0].name
    'delimited'
    >>> for reader in reversed(before):
    ...     register_reader(reader)
    """
    _READERS[:] = [reader, *(known for known in _READERS if known.name != reader.name)]


def restore_readers(readers: Iterable[Reader]) -> None:
    """Go back to an earlier list of formats (see `registered_readers`).

    Examples
    --------
    >>> before = registered_readers()
    >>> register_reader(before[-1])
    >>> restore_readers(before)
    >>> registered_readers()[-1].name
    'delimited'
    """
    _READERS[:] = readers


def read_export(
    path: str | Path,
    *,
    format: str = "auto",
    encoding: str | None = None,
    decimal: str = ".",
    shown: str | None = None,
    keep: Collection[str] = (),
    dictionary: str | Path | None = None,
) -> Export:
    r"""Read one exported file, whatever its name ends in.

    The format is found by the file's content. Columns that identify a person are dropped (`drop_identifiers`), previews
    are set aside (`split_previews`), nothing is coded or renamed. Text formats give text, also for
    numbers; empty cells are NaN, and in plain delimited text ``NA`` as well. Cells declared missing in SPSS and Stata
    files are NaN with their reasons counted.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; gzip is unpacked.
    format : str
        The declared format, or ``"auto"``.
    encoding : str, optional
        Of a text file without byte-order mark that is not UTF-8, or of an old SPSS or Stata file.
    decimal : {".", ","}
        The declared decimal mark. Numbers stay text; with ``","`` a comma is the last guess for the separator.
    shown : str, optional
        How messages name the file, by default its name without folders.
    keep : collection of str
        Columns that the study names; they stay even where they would identify a person (see `drop_identifiers`).
    dictionary : str or pathlib.Path, optional
        The data dictionary of a REDCap project (see `redcap_dictionary.describe`). A plain table with a dictionary is
        read as a REDCap export.

    Returns
    -------
    Export
        Rows below the header = ``len(table) + sum(set_aside.values())``.

    Raises
    ------
    FileMissingError
        If the file is not there.
    EmptyFileError
        If it has no rows of data.
    UnreadableFileError
        If it is damaged, not text in the declared encoding, not a table, not of the declared format, or of one that
        has no data dictionary.
    ParameterError
        If no reader has the declared name.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "survey.csv"
    >>> _ = file.write_text("student_id,bel_01,Email Address\n007,Mostly true,a@school.org\n")
    >>> export = read_export(file)
    >>> export.format, export.table.loc[0].tolist(), export.dropped_columns
    ('delimited', ['007', 'Mostly true'], ('e-mail address',))
    """
    raw = open_file(Path(path), shown=shown, encoding=encoding, decimal=decimal)
    by_name = {reader.name: reader for reader in _READERS}
    if format != "auto" and format not in by_name:
        raise ParameterError(
            f'There is no reader called "{format}".',
            where=raw.shown,
            remedy=f"name one of {', '.join(by_name)}, or auto.",
        )
    found = next((reader for reader in _READERS if reader.recognises(raw)), None)
    if found is None:
        raise UnreadableFileError(
            f"{raw.shown} is in no known format.", where=raw.shown, remedy="export the data again, as CSV UTF-8."
        )
    reader = found if format == "auto" else by_name[format]
    if found is not reader and found.name not in reader.also_read:
        raise UnreadableFileError(
            f"{raw.shown} is declared as {format}, but looks like {found.title}.",
            where=raw.shown,
            remedy=f"declare format: {found.name} for it in study.yml, or remove the entry to have it found.",
        )
    if dictionary is not None and found.name == "delimited" and format == "auto":
        reader = by_name["redcap"]
    export = reader.read(raw)
    if export.unfinished is None:
        # Qualtrics writes its own columns into every format; the readers that know of responses have taken them.
        responses, previews = split_previews(export.table)
        unfinished = (
            qualtrics.unfinished_responses(responses) if {"Finished", "Progress"} <= set(responses.columns) else None
        )
        export = replace(export, table=responses, set_aside={**export.set_aside, **previews}, unfinished=unfinished)
    if not len(export.table):
        aside = ", ".join(f"{n} {reason}" for reason, n in export.set_aside.items())
        raise EmptyFileError(
            f"{raw.shown} has no responses ({aside} set aside).",
            where=raw.shown,
            remedy="export the data again once there are responses.",
        )
    if dictionary is not None:
        export = _described(export, reader, Path(dictionary), raw)
    return drop_identifiers(export, keep)


def _described(export: Export, reader: Reader, dictionary: Path, raw: RawFile) -> Export:
    """Add what the data dictionary says."""
    if reader.describe is None:
        raise UnreadableFileError(
            f"{raw.shown} has a data dictionary, but is {reader.title}.",
            where=raw.shown,
            remedy="remove `dictionary:` of this file from study.yml: only REDCap exports have one.",
        )
    return reader.describe(export, open_file(dictionary, shown=dictionary.name, encoding=raw.encoding))
