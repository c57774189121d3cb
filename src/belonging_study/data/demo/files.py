"""Write the demo study's files as schools and survey tools would send them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np

from belonging_study.data.demo.google_forms import google_forms_csv
from belonging_study.data.demo.qualtrics import qualtrics_csv
from belonging_study.data.demo.questionnaire import load_questionnaire
from belonging_study.data.demo.registers import records_csv, roster_csv
from belonging_study.data.demo.responses import survey_rows
from belonging_study.data.demo.simulate import DemoData, simulate_demo
from belonging_study.data.demo.spss import write_spss
from belonging_study.errors import DataError

__all__ = ["CHECKSUMS", "write_demo"]

CHECKSUMS = "demo.sha256"
DAYS = {"w1": "2024-10-07", "w2": "2025-05-12", "w3": "2026-05-11"}


def write_demo(raw: Path, seed: int) -> None:
    """Simulate the demo study and write its files below a raw data folder.

    Parameters
    ----------
    raw : pathlib.Path
        The folder; it is made where it does not exist. Files in it other than those of the demo's waves stay.
    seed : int
        The same seed writes the same bytes.

    Raises
    ------
    DataError
        A wave's folder holds files that are not the demo's, or demo files that were changed since; nothing is
        written then.

    Notes
    -----
    Files are made in a temporary folder first and moved one by one, each at once. ``demo.sha256`` lists
    ``<SHA-256>  <path>`` of each; it can be checked with ``sha256sum -c``.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> write_demo(folder, seed=1)
    >>> sorted(path.name for path in (folder / "w3").iterdir())
    ['records.csv', 'roster.csv', 'survey.sav']
    """
    raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=raw) as name:
        made = Path(name)
        _write_files(simulate_demo(seed), made)
        sums = {path.relative_to(made).as_posix(): _sha256(path) for path in sorted(made.rglob("*.*"))}
        _refuse_foreign(raw, sums)
        for file in sums:
            (raw / file).parent.mkdir(exist_ok=True)
            os.replace(made / file, raw / file)
        lines = "".join(f"{digest}  {file}\n" for file, digest in sums.items())
        (made / CHECKSUMS).write_text(lines, encoding="utf-8", newline="\n")
        os.replace(made / CHECKSUMS, raw / CHECKSUMS)


def _write_files(data: DemoData, folder: Path) -> None:
    """Write every wave's files; the random parts of the files have streams of their own."""
    form = load_questionnaire()
    for wave, day in DAYS.items():
        rng = np.random.default_rng([data.seed, data.truth.waves.index(wave)])
        (folder / wave).mkdir()
        (folder / wave / "roster.csv").write_bytes(roster_csv(data, wave))
        (folder / wave / "records.csv").write_bytes(records_csv(data, wave))
        rows = survey_rows(data, form, wave, day, rng)
        if wave == "w1":
            (folder / wave / "survey.csv").write_bytes(qualtrics_csv(data, form, rows, rng))
        elif wave == "w2":
            (folder / wave / "survey.csv").write_bytes(google_forms_csv(form, rows, rng))
        else:
            write_spss(form, rows, folder / wave / "survey.sav")


def _refuse_foreign(raw: Path, new: dict[str, str]) -> None:
    """Refuse to touch a wave's folder unless all in it was written by the demo and is unchanged."""
    known = set(new.items())
    if (raw / CHECKSUMS).is_file():
        for line in (raw / CHECKSUMS).read_text(encoding="utf-8").splitlines():
            digest, _, file = line.partition("  ")
            known.add((file, digest))
    there = [path for wave in DAYS for path in sorted((raw / wave).rglob("*")) if path.is_file()]
    foreign = [path for path in there if (path.relative_to(raw).as_posix(), _sha256(path)) not in known]
    if foreign:
        folders = sorted({path.relative_to(raw).parts[0] for path in foreign})
        raise DataError(
            f"The raw data folder holds {len(foreign)} file(s) that the demo study did not write or that were changed "
            "since; nothing was written.",
            where=", ".join(f"{raw.name}/{folder}" for folder in folders),
            remedy="move your own files to another study's folder, or run the demo in an empty folder.",
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
