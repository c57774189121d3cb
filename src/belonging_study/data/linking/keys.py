"""The secret key of a study's pseudonyms: made on first use, kept outside the study's folder."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from platformdirs import user_config_dir

from belonging_study.errors import KeyFileError
from belonging_study.study.model import Study

__all__ = ["KEY_FILE_VARIABLE", "key_fingerprint", "load_key"]

KEY_FILE_VARIABLE = "BELONGING_STUDY_KEY_FILE"
"""Environment variable that names the key's file, before anything else does."""

_KEY_BYTES = 32


def load_key(study: Study, raw: Path | None = None, *, make: bool = True) -> bytes:
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
    make : bool
        False for a check, which must leave nothing behind: where there is no file, a key for the moment is drawn.

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
        if not file.exists() and not make:
            return secrets.token_bytes(_KEY_BYTES)
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
