"""Every wave so far, examined and linked: all that is wrong with their files, or one table a wave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

from belonging_study.data.coding.problems import raise_all
from belonging_study.data.waves.files import WaveFile, examine_wave_files
from belonging_study.data.waves.table import WaveTable, link_wave
from belonging_study.errors import DataError, DataProblems
from belonging_study.study.model import Source, Study, Wave

__all__ = ["WaveExam", "examine_wave", "link_waves", "repeated_surveys"]

_PIECE = 2**20


@dataclass(frozen=True)
class WaveExam:
    """One wave as far as it could be brought together.

    Attributes
    ----------
    wave : str
        Its name.
    files : tuple of WaveFile
        The files that could be read.
    linked : WaveTable or None
        One row a student, where there are no problems.
    problems : tuple of DataError
        All that is wrong.
    """

    wave: str
    files: tuple[WaveFile, ...]
    linked: WaveTable | None
    problems: tuple[DataError, ...]


def examine_wave(study: Study, wave: Wave, raw: Path) -> WaveExam:
    """Read, code and link the files of one wave, and collect all that is wrong.

    Parameters
    ----------
    study : Study
        The definition.
    wave : Wave
        One of its waves.
    raw : pathlib.Path
        The raw data folder; nothing in it is changed.

    Returns
    -------
    WaveExam
        With values that cannot be coded, repeated rows and arms that conflict are still looked for.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a_study", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "1", "date": "2026-01-01", "sources": [{"file": "w1.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "mark", "measure": "mark", "label": "Mark"}],
    ... })
    >>> [problem.what for problem in examine_wave(study, study.waves[0], getfixture("tmp_path")).problems]
    ['w1.csv is not there.']
    """
    reading = examine_wave_files(study, wave, raw)
    problems = list(reading.problems)
    linked = None
    if reading.complete:
        try:
            linked = link_wave(study, wave, reading.files)
        except DataProblems as several:
            problems += [problem for problem in several.problems if isinstance(problem, DataError)]
        except DataError as error:
            problems.append(error)
    files = reading.files if linked is None else linked.files
    return WaveExam(wave.name, files, linked if not problems else None, tuple(problems))


def link_waves(study: Study, waves: Sequence[Wave], raw: Path) -> dict[str, WaveTable]:
    """Bring the files of some waves together.

    Parameters
    ----------
    study : Study
        The definition.
    waves : sequence of Wave
        Some of its waves.
    raw : pathlib.Path
        The raw data folder; nothing in it is changed.

    Returns
    -------
    dict
        Name of a wave to its `WaveTable`.

    Raises
    ------
    DataError
        All that is wrong with the files of all these waves, as `DataProblems` where there is more than one.
    """
    exams = [examine_wave(study, wave, raw) for wave in waves]
    problems = [problem for exam in exams for problem in exam.problems]
    problems += [problem for wave in waves for problem in repeated_surveys(study, waves, wave.name, raw)]
    raise_all(problems)
    return {exam.wave: exam.linked for exam in exams if exam.linked is not None}


def repeated_surveys(study: Study, waves: Sequence[Wave], wave: str, raw: Path) -> tuple[DataError, ...]:
    """Say which survey files of a wave are those of an earlier one: the same export delivered twice.

    Parameters
    ----------
    study : Study
        The definition.
    waves : sequence of Wave
        The waves to look at, in order.
    wave : str
        The wave whose files may repeat those of an earlier one.
    raw : pathlib.Path
        The raw data folder.

    Returns
    -------
    tuple of DataError
        One for each survey file with the bytes of another wave's that is also read in the same way: the waves may well
        share a file whose rows (``rows:``) or columns (``columns:``) belong to different waves.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a", "programme": {"name": "P"},
    ...     "waves": [
    ...         {"name": w, "label": "", "date": f"202{w[1]}-01-01", "sources": [{"file": f"{w}.csv"}]}
    ...         for w in ("w1", "w2")
    ...     ],
    ...     "design": {"assignment": {"starts": "w2"}},
    ...     "outcomes": [{"name": "mark", "measure": "mark", "label": "Mark"}],
    ... })
    >>> folder = getfixture("tmp_path")
    >>> for name in ("w1.csv", "w2.csv"):
    ...     _ = (folder / name).write_text("student_id,mark")
    >>> [problem.what for problem in repeated_surveys(study, study.waves, "w2", folder)]
    ['w2.csv holds exactly what w1.csv of wave w1 holds: one export was delivered for two waves.']
    """
    found = []
    pairs = [(w, source) for w in waves for source in w.sources if source.kind == "survey"]
    for (earlier, first), (later, second) in combinations(pairs, 2):
        if later.name == wave and earlier.name != wave and _read_alike(first, second) and _same(first, second, raw):
            found.append(
                DataError(
                    f"{second.file} holds exactly what {first.file} of wave {earlier.name} holds: one export was "
                    "delivered for two waves.",
                    where=second.file,
                    remedy=f"put the export of wave {wave} there; if one file does hold both waves, say under `rows:` "
                    "which rows belong to each.",
                )
            )
    return tuple(found)


def _read_alike(first: Source, second: Source) -> bool:
    """Whether two files would give the same rows and columns."""
    return (first.rows, first.columns) == (second.rows, second.columns)


def _same(first: Source, second: Source, raw: Path) -> bool:
    """Whether two files are there and have the same bytes."""
    one, other = raw / first.file, raw / second.file
    if not (one.is_file() and other.is_file()) or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as mine, other.open("rb") as theirs:
        return all(piece == theirs.read(_PIECE) for piece in iter(partial(mine.read, _PIECE), b""))
