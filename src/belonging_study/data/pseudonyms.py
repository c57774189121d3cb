"""Identifiers and the keyed code that stands for each of them.

A plain hash of a student number can be undone by hashing every number there is. These codes are made with a
secret key (HMAC-SHA256, RFC 2104) that is kept outside the study's folder, so nobody without the key can.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
from platformdirs import user_config_dir

from belonging_study.data.wording import how_many
from belonging_study.errors import DataError, KeyFileError
from belonging_study.study.model import Study

__all__ = ["KEY_FILE_VARIABLE", "key_fingerprint", "load_key", "normalise_ids", "pseudonymise"]

KEY_FILE_VARIABLE = "BELONGING_STUDY_KEY_FILE"
"""Environment variable that names the key's file, before anything else does."""

_CODES = {"student": ("p", 16), "school": ("s", 8), "classroom": ("c", 10), "block": ("b", 6)}
_KEY_BYTES = 32
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?e\+\d+")
_LARGEST_EXACT = 10**15


def load_key(study: Study, raw: Path | None = None) -> bytes:
    """Return the study's key, made on first use.

    The file is the one named by the environment variable ``BELONGING_STUDY_KEY_FILE``, else by
    ``privacy: key_file:`` in ``study.yml``, else ``<user's configuration folder>/keys/<study's name>.key``. A new
    key is 32 random bytes, written as hexadecimal digits that only the user can read.

    The demo study has no secret: its key follows from its seed, as long as its raw files are exactly those that
    the demo wrote (listed with their SHA-256 in ``demo.sha256``).

    Parameters
    ----------
    study : Study
        The definition.
    raw : pathlib.Path, optional
        The raw data folder, ``data_raw`` beside ``study.yml`` if not given. Only the demo's key depends on it.

    Returns
    -------
    bytes
        At least 32 bytes.

    Raises
    ------
    KeyFileError
        If the key's file lies inside the study's folder, cannot be read or written, is too short, or is not
        hexadecimal; or if the study is marked as the demo but its raw files are not the demo's.

    Examples
    --------
    >>> import os, tempfile
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "marks", "measure": "marks", "label": "Marks"}],
    ...     "privacy": {"key_file": os.path.join(tempfile.mkdtemp(), "a.key")},
    ...     "file": os.path.join(tempfile.mkdtemp(), "study.yml"),
    ... })
    >>> key = load_key(study)
    >>> len(key), load_key(study) == key
    (32, True)
    """
    if study.demo is not None:
        _require_demo_files(study, raw if raw is not None else study.folder / "data_raw")
        return hashlib.sha256(b"belonging-study demo key\0" + str(study.demo.seed).encode()).digest()
    file = _key_file(study)
    try:
        if not file.exists():
            _write_new_key(file)
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(
            f"The key file cannot be read or made ({type(error).__name__}).",
            where=str(file),
            remedy=f"check the folder and its permissions, or name another file by {KEY_FILE_VARIABLE}.",
        ) from error
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise KeyFileError(
            "The key file does not hold hexadecimal digits.",
            where=str(file),
            remedy="put back the file that was made for this study; with another key the students' codes change.",
        ) from error
    if len(key) < _KEY_BYTES:
        raise KeyFileError(
            f"The key is too short: {len(key)} bytes, where {_KEY_BYTES} are needed.",
            where=str(file),
            remedy="put back the file that was made for this study, or remove this one so that a new key is drawn "
            "(the students' codes then change).",
        )
    return key


def key_fingerprint(key: bytes) -> str:
    """Return twelve digits by which two keys can be told apart without showing either.

    Parameters
    ----------
    key : bytes
        The study's key.

    Returns
    -------
    str
        First twelve hexadecimal digits of an HMAC-SHA256 of a fixed text.

    Examples
    --------
    >>> key_fingerprint(bytes(32)) == key_fingerprint(bytes(32)), len(key_fingerprint(bytes(32)))
    (True, 12)
    """
    return hmac.digest(key, b"belonging-study key check", "sha256").hex()[:12]


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
    codes, values = pd.factorize(ids.to_numpy(dtype=object))
    forms = np.array([_one_form(value) for value in values], dtype=object)
    rows = np.bincount(codes[codes >= 0], minlength=len(forms))
    texts = [str(form) for form in forms]
    changed = np.array([_SCIENTIFIC.fullmatch(text) is not None for text in texts], dtype=bool)
    rounded = np.array([_spoilt_number(value) for value in values], dtype=bool)
    for spoilt, how in ((changed, 'written as "1.0E+05"'), (rounded, "with decimals or more than 15 digits, or dates")):
        if spoilt.any():
            raise DataError(
                f"A spreadsheet has changed the identifiers of {how_many(int(rows[spoilt].sum()), 'row')}: they are "
                f"now {how}.",
                where=where,
                remedy="export the file again with this column as text; the changed digits cannot be recovered.",
            )
    # "12.0" in a text file is a whole number that passed through a number column with gaps.
    dotted = [text for text, value in zip(texts, values, strict=True) if isinstance(value, str) and "." in text]
    if dotted and all(re.fullmatch(r"\d+\.0", text) for text in dotted):
        forms = np.array([form[:-2] if str(form).endswith(".0") else form for form in forms], dtype=object)
    out = np.append(forms, np.nan)[codes]
    out[[value == "" for value in out]] = np.nan
    return pd.Series(out, index=ids.index, dtype=object, name=ids.name)


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
    codes, values = pd.factorize(ids.to_numpy(dtype=object))
    made = [
        letter + hmac.digest(key, f"{kind}\0{value}".encode(), "sha256").hex()[:digits] for value in map(str, values)
    ]
    if len(set(made)) < len(made):
        raise DataError(
            f"{len(made) - len(set(made))} of {len(made)} {kind} codes would stand for two identifiers.",
            remedy="remove the study's key file so that a new key is drawn; every code then changes.",
        )
    out = np.append(np.array(made, dtype=object), np.nan)[codes]
    return pd.Series(out, index=ids.index, dtype=object, name=ids.name)


def _one_form(value: object) -> str:
    """Return one identifier's normal form."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    text = str(value)
    return "".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split()).casefold()


def _spoilt_number(value: object) -> bool:
    """Tell whether a number or a date cannot be the identifier that somebody typed."""
    if isinstance(value, dt.date | np.datetime64):
        return True
    if not isinstance(value, float | np.floating):
        return False
    return not float(value).is_integer() or abs(float(value)) >= _LARGEST_EXACT


def _key_file(study: Study) -> Path:
    named = os.environ.get(KEY_FILE_VARIABLE) or study.privacy.key_file
    if not named:
        return Path(user_config_dir("belonging-study", appauthor=False)) / "keys" / f"{study.name}.key"
    file = Path(os.path.expandvars(named)).expanduser()
    file = (file if file.is_absolute() else study.folder / file).resolve()
    if file.is_relative_to(study.folder.resolve()):
        raise KeyFileError(
            "The key file lies inside the study's folder, where it would be shared together with the data.",
            where=file.name,
            remedy="move it outside, for example to ~/.config/belonging-study/keys/, and name it there in "
            "`privacy: key_file:`, or leave that entry out.",
        )
    return file


def _write_new_key(file: Path) -> None:
    """Write 32 random bytes, readable by the user alone; the first of two processes wins."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_KEY_BYTES) + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not file.exists():
                os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _require_demo_files(study: Study, raw: Path) -> None:
    """Raise unless every raw file that exists is one that the demo wrote."""
    listed: dict[str, str] = {}
    try:
        for line in (raw / "demo.sha256").read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            listed[name.strip()] = digest.strip()
    except (OSError, UnicodeDecodeError):
        pass
    names = dict.fromkeys(source.file for wave in study.waves for source in wave.sources)
    present = [name for name in names if (raw / name).is_file()]
    foreign = [name for name in present if hashlib.sha256((raw / name).read_bytes()).hexdigest() != listed.get(name)]
    if foreign or (present and not listed):
        raise KeyFileError(
            "study.yml still has the `demo:` section, but these raw files are not the demo's; the demo's key is no "
            "secret, so it must not protect real students.",
            where=", ".join(foreign),
            remedy="remove the `demo:` section from study.yml; a secret key is then drawn on first use.",
        )
