"""Identifiers and the keyed code that stands for each of them.

A plain hash of a student number can be undone by hashing every number there is. These codes are made with a
secret key (HMAC-SHA256, RFC 2104) that is kept outside the study's folder, so nobody without the key can.
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
import unicodedata

import numpy as np
import pandas as pd

from belonging_study.data.wording import how_many
from belonging_study.errors import DataError

__all__ = ["normalise_ids", "pseudonymise"]

_CODES = {"student": ("p", 16), "school": ("s", 8), "classroom": ("c", 10), "block": ("b", 6)}
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e\+\d+")
_PLAIN = r"[0-9a-z_-]+"
"""Identifiers that are in their normal form and cannot be numbers that a spreadsheet has changed."""
_LARGEST_EXACT = 10**15


def normalise_ids(ids: pd.Series, *, where: str) -> pd.Series:
    """Bring identifiers into one form, so that one student is written in one way in every file.

    Unicode NFKC, no spaces, case folded; whole numbers of typed files lose their decimals (12.0 is "12");
    leading zeros stay, since "007" and "7" may be two students.

    Parameters
    ----------
    ids : pandas.Series
        Identifiers as read, text or numbers; blank text counts as missing.
    where : str
        File and column, for the messages.

    Returns
    -------
    pandas.Series
        Text (``NaN`` where missing), same index.

    Raises
    ------
    DataError
        If a spreadsheet has changed identifiers: scientific notation, decimals, numbers of more than 15 digits,
        dates.

    Examples
    --------
    >>> normalise_ids(pd.Series([" ab 1", "007", None]), where="w1/roster.csv, column student_id").tolist()
    ['ab1', '007', nan]
    >>> normalise_ids(pd.Series([12.0, 7.0]), where="w3/survey.sav, column STUDENT").tolist()
    ['12', '7']
    """
    if isinstance(ids.dtype, pd.StringDtype) and ids.str.fullmatch(_PLAIN).fillna(True).all():
        return ids.astype("str")
    # A million texts are found equal where they lie; other values as the objects that they are.
    codes, unique = pd.factorize(ids if isinstance(ids.dtype, pd.StringDtype) else ids.to_numpy(dtype=object))
    values = np.asarray(unique, dtype=object)
    forms = np.empty(len(values), dtype=object)
    forms[:] = [_one_form(value) for value in values]
    rows = np.bincount(codes[codes >= 0], minlength=len(forms))
    changed = np.fromiter((_SCIENTIFIC.fullmatch(form) is not None for form in forms), bool, len(forms))
    rounded = np.fromiter(map(_spoilt_number, values), bool, len(forms))
    for spoilt, how in ((changed, 'written as "1.0E+05"'), (rounded, "with decimals or more than 15 digits, or dates")):
        if spoilt.any():
            raise DataError(
                f"A spreadsheet has changed the identifiers of {how_many(int(rows[spoilt].sum()), 'row')}: they are "
                f"now {how}.",
                where=where,
                remedy="export the file again with this column as text; the changed digits cannot be recovered.",
            )
    # "12.0" in a text file is a whole number that passed through a number column with gaps.
    dotted = [form for form, value in zip(forms, values, strict=True) if isinstance(value, str) and "." in form]
    if dotted and all(re.fullmatch(r"\d+\.0", text) for text in dotted):
        forms = np.array([form[:-2] if str(form).endswith(".0") else form for form in forms], dtype=object)
    forms[forms == ""] = np.nan
    return pd.Series(pd.array(forms, dtype="str").take(codes, allow_fill=True), index=ids.index, name=ids.name)


def pseudonymise(ids: pd.Series, kind: str, key: bytes) -> pd.Series:
    r"""Replace normalised identifiers by keyed codes.

    Parameters
    ----------
    ids : pandas.Series
        Normalised identifiers; a classroom's is its school's, ``"\x1f"`` and its own. Missing stays missing.
    kind : {"student", "school", "classroom", "block"}
        What they identify: the same text gives different codes for different kinds.
    key : bytes
        The study's key.

    Returns
    -------
    pandas.Series
        Text such as ``"s4f2a9c1b"``: a letter and the first digits of the HMAC-SHA256 (students 16, classrooms 10,
        schools 8, blocks 6), same index.

    Raises
    ------
    DataError
        If two identifiers get one code.

    Examples
    --------
    >>> pseudonymise(pd.Series(["north", "south", "north"]), "school", bytes(32)).nunique()
    2
    """
    letter, digits = _CODES[kind]
    codes, values = pd.factorize(ids.astype("str"))
    made = pd.array(
        [letter + hmac.digest(key, f"{kind}\0{value}".encode(), "sha256").hex()[:digits] for value in values],
        dtype="str",
    )
    n_twice = len(made) - len(made.unique())
    if n_twice:
        raise DataError(
            f"{n_twice} of {len(made)} {kind} codes would stand for two identifiers.",
            remedy="remove the study's key file so that a new key is drawn; every code then changes.",
        )
    return pd.Series(made.take(codes, allow_fill=True), index=ids.index, name=ids.name)


def _one_form(value: object) -> str:
    """Return one identifier's normal form."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    text = str(value)
    form = "".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split()).casefold()
    return text if form == text else form  # one text in memory, not two that are the same


def _spoilt_number(value: object) -> bool:
    """Tell whether a number or a date cannot be the identifier that somebody typed."""
    if isinstance(value, dt.date | np.datetime64):
        return True
    if not isinstance(value, float | np.floating):
        return False
    return not float(value).is_integer() or abs(float(value)) >= _LARGEST_EXACT
