"""What is wrong with the exports, all of it at once, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from belonging_study.errors import DataProblems, NoVariationError, UserError
from belonging_study.reports.places import missing_files
from belonging_study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from belonging_study.data.checks.issues import Issue, Severity
    from belonging_study.data.waves.all_waves import WaveExam
    from belonging_study.data.waves.files import WaveFile
    from belonging_study.data.waves.table import Stream, WaveTable

__all__ = ["Finding", "Rows", "WaveCheck", "check_waves", "next_step"]

_RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        An error stops a run; a warning asks somebody to look; a note is for information.
    file : str
        The file, or several, below the raw data folder; empty for the study as a whole.
    where : str
        The file with the column and the number of rows, where there are such.
    what, remedy : str
        What is wrong, and what to do.
    """

    severity: Severity
    file: str
    where: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Rows:
    """What became of the rows of one kind of file.

    Attributes
    ----------
    name : str
        ``"survey"``, ``"roster"`` …, and ``"students"`` for the way from the roster to the analysis sample; a file
        where the files could not be brought together.
    n_start, n_left : int
        Rows at the beginning and at the end.
    start, end : str
        What these rows are.
    left_out : tuple of (str, int)
        Reason and number of rows; a rule that leaves out nobody is named too, as it may be misspelt.
    """

    name: str
    start: str
    n_start: int
    left_out: tuple[tuple[str, int], ...]
    end: str
    n_left: int


@dataclass(frozen=True)
class WaveCheck:
    """What a check found in one wave.

    Attributes
    ----------
    wave, label : str
        Its name, and what reports call it.
    summary : str
        One line.
    findings : tuple of Finding
        By file, the file with the worst first, and in each file the worst first.
    rows : tuple of Rows
        What became of the rows, as far as the files could be brought together.
    needs : tuple of str
        Earlier waves that have to be mended before this one can be checked to the end.
    is_there : bool
        False where none of its files is there yet.
    """

    wave: str
    label: str
    summary: str
    findings: tuple[Finding, ...] = ()
    rows: tuple[Rows, ...] = ()
    needs: tuple[str, ...] = ()
    is_there: bool = True

    def count(self, severity: Severity) -> int:
        """Number of findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check_waves(study: Study, waves: Iterable[str], raw: Path) -> list[WaveCheck]:
    """Read, link and clean each wave whose files are there, and tell all that is wrong.

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
    list of WaveCheck
        In the order of the study: the waves named, and every earlier one that has errors. A wave with none of its files
        is not yet there, which is no problem; a wave with some of its files has an error for each that is missing.

    Raises
    ------
    UserError
        If a scale's factor models cannot be read or are not about its items (`check_structures`).
    """
    from belonging_study.data.waves.all_waves import examine_wave, repeated_surveys
    from belonging_study.scales.study_structures import check_structures

    check_structures(study)
    wanted = set(waves)
    last = max((study.wave_names.index(name) for name in wanted), default=-1)
    examined = study.waves[: last + 1]
    out: list[WaveCheck] = []
    linked: dict[str, WaveTable] = {}
    broken: list[str] = []
    told: dict[str, str] = {}
    absent = {wave.name for wave in examined if _is_absent(study, wave.name, raw)}
    there = [at for at, wave in enumerate(examined) if wave.name not in absent]
    for at, wave in enumerate(examined):
        # A wave that is skipped has to be told of: the waves after it need its files.
        if wave.name in absent and at > max(there, default=-1):
            out += [WaveCheck(wave.name, wave.label, "no files yet", is_there=False)] if wave.name in wanted else []
            continue
        exam = examine_wave(study, wave, raw)
        errors: list[UserError] = [*exam.problems, *repeated_surveys(study, examined, wave.name, raw)]
        unusable = bool(errors) or exam.linked is None
        done = _check_wave(study, exam, errors, linked, _Earlier(tuple(broken), told, at < max(there)), raw=raw)
        # A sample that cannot be analysed in one wave may well be in the next: only files that fail stop all.
        if unusable:
            broken.append(wave.name)
        if wave.name in wanted or done.count("error"):
            out.append(done)
    return out


def _is_absent(study: Study, wave: str, raw: Path) -> bool:
    """Whether none of a wave's files is there."""
    return len(missing_files(study, raw, [wave])) == len({source.file for source in study.wave(wave).sources})


def next_step(checks: Sequence[WaveCheck], raw: str) -> str:
    """Say what to do after a check.

    Parameters
    ----------
    checks : sequence of WaveCheck
        See `check_waves`.
    raw : str
        Name of the raw data folder.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> next_step([WaveCheck("w1", "Baseline", "no files yet", is_there=False)], "data_raw")
    'Put the exports into data_raw/ under the names that study.yml gives, then check again.'
    """
    n_errors = sum(check.count("error") for check in checks)
    n_warnings = sum(check.count("warning") for check in checks)
    if n_errors:
        ones = "the error" if n_errors == 1 else f"all {n_errors} errors"
        return (
            f"Mend {ones}: in the system that the file came from, and export it again; or in study.yml, where it says "
            "so. Then check again. Nothing runs before that."
        )
    if not any(check.is_there for check in checks):
        return f"Put the exports into {raw}/ under the names that study.yml gives, then check again."
    if n_warnings:
        ones = "the warning" if n_warnings == 1 else f"the {n_warnings} warnings"
        return f"Look at {ones}. If all is as it should be, `belonging-study run` makes the report."
    return "`belonging-study run` makes the report."


@dataclass(frozen=True)
class _Earlier:
    """Waves whose files fail, what was told of earlier waves (text to wave), and whether a later wave is there."""

    broken: tuple[str, ...]
    told: dict[str, str]
    goes_on: bool


def _check_wave(
    study: Study,
    exam: WaveExam,
    errors: list[UserError],
    linked: dict[str, WaveTable],
    earlier: _Earlier,
    *,
    raw: Path,
) -> WaveCheck:
    """Check one wave as far as it goes; a wave that could be linked is added to `linked`."""
    from belonging_study.data.checks.between_waves import compare_waves
    from belonging_study.data.checks.identifiers import scan_files, trace_issues
    from belonging_study.data.checks.schema import check_table
    from belonging_study.data.clean import require_free_names, sample_waves
    from belonging_study.data.linking.keys import load_key
    from belonging_study.data.linking.self_codes import link_codes, separate_responses
    from belonging_study.data.waves.measures import prepare_wave

    issues: list[Issue] = list(trace_issues(scan_files(study, exam.wave, exam.files)))
    summary, rows = "", tuple(map(_file_rows, exam.files))
    one = exam.linked
    if one is not None:
        linked[exam.wave] = one
        rows = tuple(_stream(stream) for stream in one.streams)
        issues += [issue for name, issue in compare_waves(study, linked) if name == exam.wave]
        try:
            if study.design.linking is not None:
                one = link_codes(study, dict(linked))[exam.wave]
            elif study.design.student is None:
                one = separate_responses({exam.wave: one})[exam.wave]
            issues += check_table(study, exam.wave, one, prepare_wave(study, exam.wave, one))
            if not errors and not earlier.broken:
                load_key(study, raw, make=False)
                require_free_names(study)
                sampled = sample_waves(study, dict(linked))
                here = sampled.sample["@wave"] == exam.wave
                n_schools = sampled.placed.loc[here, "school"].nunique()
                schools = f" in {n_schools} school{'' if n_schools == 1 else 's'}"
                summary = f"{int(here.sum())} students{'' if study.design.school is None else schools}"
                n_answered = int(sampled.sample.loc[here, "responded"].sum())
                summary += f", {n_answered} of the students answered the survey"
                rows = tuple(_flows(sampled.flow[sampled.flow["wave"] == exam.wave], study))
        except UserError as error:
            errors.append(error)
    flat = DataProblems(errors).problems if errors else ()
    again = [earlier.told[str(problem)] for problem in flat if str(problem) in earlier.told]
    broken = tuple(dict.fromkeys([*earlier.broken, *again]))
    errors = [problem for problem in flat if str(problem) not in earlier.told]
    # A report of this wave cannot be made, but those of later waves can.
    constant = [problem for problem in errors if isinstance(problem, NoVariationError) and earlier.goes_on]
    errors = [problem for problem in errors if problem not in constant]
    earlier.told.update(dict.fromkeys(map(str, errors), exam.wave))
    warned = (_finding("warning", problem) for problem in constant)
    findings = _sorted([*_findings_of(errors), *warned, *_new_issues(issues, [*errors, *constant])])
    n = sum(finding.severity == "error" for finding in findings)
    n_warnings = sum(finding.severity == "warning" for finding in findings)
    parts = [summary] if summary and not n else []
    parts += [f"{n} problem{'s' if n > 1 else ''}"] if n else []
    parts += [f"needs {', '.join(broken)} to be mended first"] if broken else []
    parts += [f"{n_warnings} warning{'s' if n_warnings > 1 else ''}"] if n_warnings else []
    label = study.wave(exam.wave).label
    return WaveCheck(exam.wave, label, "; ".join(parts), findings, rows, broken)


def _findings_of(errors: Sequence[UserError]) -> Iterator[Finding]:
    """Give all errors, what keeps most of the data from being used first."""
    if errors:
        yield from (_finding("error", problem) for problem in DataProblems(errors).problems)


def _finding(severity: Severity, problem: UserError) -> Finding:
    return Finding(severity, problem.place, problem.where, problem.what, problem.remedy)


def _new_issues(issues: Iterable[Issue], errors: Sequence[UserError]) -> Iterator[Finding]:
    """Leave out what an error tells already, about the same column of the same file."""
    told = [(finding.where, finding.file) for finding in _findings_of(errors)]
    for issue in issues:
        mine = _finding(issue.severity, issue.problem)
        column = mine.where.removeprefix(mine.file)
        known = column and any(mine.file in file and column in where for where, file in told)
        if not known or issue.severity == "note":
            yield mine


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Group by file: the file with the worst finding first, and in each file the worst first."""
    worst: dict[str, int] = {}
    for finding in findings:
        worst[finding.file] = min(worst.get(finding.file, 9), _RANK[finding.severity])
    order = list(worst)
    return tuple(sorted(findings, key=lambda f: (worst[f.file], order.index(f.file), _RANK[f.severity])))


def _file_rows(file: WaveFile) -> Rows:
    """Count the rows of a file that could not be brought together with the others."""
    name, aside = file.source.file, file.export.set_aside
    left_out = [*aside.items(), *([("rows of other waves", file.n_other_rows)] if file.source.rows else [])]
    n = len(file.table)
    return Rows(
        name, f"Rows of {name}", n + sum(k for _, k in left_out), tuple(left_out), f"Rows of this wave in {name}", n
    )


def _stream(stream: Stream) -> Rows:
    """Say what became of the rows of one kind of file."""
    gone = [int((stream.removed_at == step).sum()) for step in range(1, len(stream.labels) - 1)]
    left_out = tuple((label, n) for label, n in zip(stream.labels[1:-1], gone, strict=True) if n)
    n = len(stream.removed_at)
    return Rows(stream.name, stream.labels[0], n, left_out, stream.labels[-1], n - sum(gone))


def _flows(flow: pd.DataFrame, study: Study) -> Iterator[Rows]:
    """Read what became of the rows from the flow; a rule that leaves out nobody is named too."""
    rules = {rule.label for rule in study.exclusions}
    for name, lines in flow[flow["arm"] == "all"].groupby("stream", sort=False):
        kinds = {str(kind): rows for kind, rows in lines.groupby("kind", sort=False)}
        start, end = kinds["start"].iloc[0], kinds["remaining"].iloc[-1]
        left_out = tuple(
            (str(label), int(n))
            for kind, rows in kinds.items()
            if kind == "excluded"
            for label, n in zip(rows["label"], rows["n_rows"], strict=True)
            if n or label in rules
        )
        yield Rows(
            str(name), str(start["label"]), int(start["n_rows"]), left_out, str(end["label"]), int(end["n_rows"])
        )
