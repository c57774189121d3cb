"""What is wrong with the exports, all of it at once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from belonging_study.errors import UserError
from belonging_study.reports.places import missing_files
from belonging_study.study import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "check_waves"]


@dataclass(frozen=True)
class Finding:
    """What a check found in one wave: a line that sums it up, what was left out, and every problem."""

    wave: str
    summary: str
    problems: tuple[UserError, ...] = ()
    left_out: tuple[str, ...] = ()


def check_waves(study: Study, waves: Iterable[str], raw: Path) -> list[Finding]:
    """Clean each wave whose files are there, and tell what goes wrong.

    Parameters
    ----------
    study : Study
        The definition.
    waves : iterable of str
        Names of waves.
    raw : pathlib.Path
        The raw data folder; nothing is written anywhere.

    Returns
    -------
    list of Finding
        In the order of `waves`. A wave with none of its files is not yet there, which is no problem; a wave with some
        of its files has a problem for each that is missing. A problem of an earlier wave is not told again.
    """
    from belonging_study.data import clean_waves
    from belonging_study.data.keys import load_key
    from belonging_study.errors import FileMissingError

    out: list[Finding] = []
    told: dict[str, str] = {}
    for name in waves:
        files = list(dict.fromkeys(s.file for s in study.wave(name).sources))
        absent = missing_files(study, raw, [name])
        if len(absent) == len(files):
            out.append(Finding(name, "no files yet"))
            continue
        problems: list[UserError] = [
            FileMissingError(
                f"{file} is not there.", where=f"{raw.name}/", remedy="put it there, or correct its name in study.yml."
            )
            for file in missing_files(study, raw, [w.name for w in study.waves_until(name)])
        ]
        summary = ""
        left_out: tuple[str, ...] = ()
        if not problems:
            try:
                cleaned = clean_waves(study, name, raw=raw, key=load_key(study, raw))
                here = cleaned.responses[cleaned.responses["wave"] == name]
                left_out = _left_out(cleaned.flow[cleaned.flow["wave"] == name], study)
                n_schools = here["school"].nunique()
                summary = f"{len(here)} students in {n_schools} school{'' if n_schools == 1 else 's'}"
                summary += f", {int(here['responded'].sum())} of the students answered the survey"
            except UserError as error:
                problems.append(error)
        earlier = dict.fromkeys(told[str(problem)] for problem in problems if str(problem) in told)
        new = [problem for problem in problems if str(problem) not in told]
        told |= dict.fromkeys(map(str, new), name)
        parts = [f"{len(new)} problem{'s' if len(new) > 1 else ''}"] if new else []
        parts += [f"needs {', '.join(earlier)} to be mended first"] if earlier else []
        out.append(Finding(name, summary or "; ".join(parts), tuple(new), left_out))
    return out


def _left_out(flow: pd.DataFrame, study: Study) -> tuple[str, ...]:
    """Count what was left out, a line a stream; a rule that leaves out nobody is named too: it may be misspelt."""
    rules = {rule.label for rule in study.exclusions}
    lost = flow[(flow["kind"] == "excluded") & (flow["arm"] == "all")]
    lines = []
    for stream, rows in lost.groupby("stream", sort=False):
        counts = [f"{label} {n}" for label, n in zip(rows["label"], rows["n_rows"], strict=True) if n or label in rules]
        if counts:
            lines.append(f"left out of the {stream}: {'; '.join(counts)}")
    return tuple(lines)
