"""The command line: ``belonging-study``.

Commands import what they need when they run: help, and a run with nothing to do, take well under a second.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from belonging_study.errors import BelongingStudyError, UserError

if TYPE_CHECKING:
    from belonging_study.reports.check import WaveCheck
    from belonging_study.reports.progress import Progress
    from belonging_study.reports.run import WaveResult
    from belonging_study.study import Study

__all__ = ["cli", "main"]

_USER_EXIT = 2
_BUG_EXIT = 1
_INTERRUPT_EXIT = 130

_study_option = click.option(
    "--study", default="", metavar="PATH", help="study.yml or its folder (otherwise found from here upwards)."
)
_data_option = click.option(
    "--data", default="", metavar="DIR", help="The raw data folder (otherwise BELONGING_STUDY_DATA or data_raw)."
)
_parameter_option = click.option(
    "-p", "--parameter", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="Set a notebook's parameter."
)


class _Group(click.Group):
    """Commands that Ctrl-C ends with one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted; the last published versions are untouched.", err=True)
            raise click.exceptions.Exit(_INTERRUPT_EXIT) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="belonging-study")
def cli() -> None:
    """Reports of a school-belonging study, wave after wave."""


@cli.command()
@click.option("--seed", type=int, default=None, help="Simulate other data than study.yml's seed gives.")
@click.option("--dir", "folder", default="", metavar="DIR", help="Where the demo study lies, or shall be made.")
@_study_option
@click.option("--force", is_flag=True, help="Run also where nothing has changed.")
def demo(*, seed: int | None, folder: str, study: str, force: bool) -> None:
    """Make the demo study's data and the reports of all its waves."""
    from belonging_study.reports.init import make_demo_folder
    from belonging_study.reports.places import places
    from belonging_study.reports.raw_data import rewrite_demo_data

    if folder and not (Path(folder) / "study.yml").is_file():
        make_demo_folder(Path(folder))
    definition = _load(folder or study)
    raw = places(definition).raw
    if rewrite_demo_data(definition, raw, seed):
        click.echo(f"Wrote the demo study's data to {_relative(raw)}{os.sep}")
    _run(definition, definition.wave_names, force=force, resume=["demo", *_option("--dir", folder)])


@cli.command()
@click.option("--wave", "waves", multiple=True, metavar="W", help="A wave to report; may be given several times.")
@click.option("--all", "every", is_flag=True, help="Report every wave whose files are all there.")
@_study_option
@_data_option
@_parameter_option
@click.option("--force", is_flag=True, help="Run and publish also where nothing has changed.")
def run(
    *, waves: tuple[str, ...], every: bool, study: str, data: str, given: tuple[tuple[str, str], ...], force: bool
) -> None:
    """Run the notebooks of a wave and publish its report.

    Without --wave, the last wave whose files are all there. What is up to date is not run again.
    """
    from belonging_study.errors import ParameterError
    from belonging_study.reports.places import choose_wave, places, wave_is_complete
    from belonging_study.reports.raw_data import provide_demo_data

    if waves and every:
        raise ParameterError("--wave and --all cannot both be given.", remedy="give one of them.")
    definition = _load(study)
    raw = places(definition, data).raw
    if provide_demo_data(definition, raw):
        click.echo(f"Wrote the demo study's data to {_relative(raw)}{os.sep}")
    if every:
        last = choose_wave(definition, raw)
        names = [w.name for w in definition.waves_until(last) if wave_is_complete(definition, raw, w.name)]
    else:
        names = [choose_wave(definition, raw, wave) for wave in waves or ("",)]
    resume = ["run", *_option("--study", study), *_option("--data", data)]
    resume += [word for name, value in given for word in ("-p", name, value)]
    _run(definition, names, raw=raw, parameters=dict(given), force=force, resume=resume)


@cli.command()
@click.option("--wave", "waves", multiple=True, metavar="W", help="A wave to check (otherwise every wave with files).")
@_study_option
@_data_option
@click.option(
    "--html",
    "page",
    is_flag=False,
    flag_value=" ",
    default="",
    metavar="[PATH]",
    help="Also write what was found as a page (outputs/check.html).",
)
def check(*, waves: tuple[str, ...], study: str, data: str, page: str) -> None:
    """Say what is wrong with study.yml and the exports, all of it at once; runs and changes nothing."""
    from belonging_study.errors import FileMissingError
    from belonging_study.reports.check import check_waves, next_step
    from belonging_study.reports.check_page import check_html
    from belonging_study.reports.places import choose_wave, places

    definition = _load(study)
    where = places(definition, data)
    if data and not where.raw.is_dir():
        raise FileMissingError(f"There is no folder {data}.", remedy="correct the folder's name after --data.")
    names = [choose_wave(definition, where.raw, wave) for wave in waves] or list(definition.wave_names)
    checks = check_waves(definition, names, where.raw)
    _show(checks)
    click.echo(f"Next: {next_step(checks, where.raw.name)}")
    if page:
        path = Path(page).expanduser() if page.strip() else where.outputs / "check.html"
        _write(path, check_html(definition, checks, raw=where.raw.name))
        click.echo(f"Wrote {_relative(path)}")
    elif any(one.findings for one in checks):
        click.echo("The same as a page: belonging-study check --html")
    if any(one.count("error") for one in checks):
        raise click.exceptions.Exit(_USER_EXIT)


@cli.command()
@_study_option
@_data_option
def status(*, study: str, data: str) -> None:
    """Say for each wave which version is published, and what has changed since."""
    from belonging_study.reports.status import wave_states

    for state in wave_states(_load(study), raw=data or None):
        click.echo(state.line)


@cli.command()
@click.argument("name", required=False, default="")
def instruments(name: str) -> None:
    """List the instrument library, or show the instrument NAME whole."""
    from belonging_study.study.instrument_page import instrument_lines, library_lines

    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)
    for line in instrument_lines(name, width) if name else library_lines(width):
        click.echo(line)


@cli.command()
@click.argument("folder", metavar="DIR")
def init(folder: str) -> None:
    """Make a new study in DIR: its notebooks, a study.yml to edit, and its folders."""
    from belonging_study.reports.init import make_study_folder

    made = make_study_folder(Path(folder))
    click.echo(f"Made a new study in {_relative(made)}{os.sep}")
    click.echo("Next: edit study.yml, put your exports into data_raw/, then run `belonging-study check`.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Otherwise those of the process.

    Raises
    ------
    SystemExit
        0 if all is well, 2 if the user can mend what is wrong, 1 for a fault of this program, 130 after Ctrl-C.
    """
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        outcome = cli.main(args=arguments, prog_name="belonging-study", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except (KeyboardInterrupt, click.Abort):
        message, code = "Interrupted.", _INTERRUPT_EXIT
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UserError as error:
        message, code = str(error), _USER_EXIT
    except BelongingStudyError as error:
        message, code = str(error), _BUG_EXIT
    except Exception as error:
        message, code = _bug_report(error), _BUG_EXIT
    click.echo(message, err=True)
    return code


def _bug_report(error: BaseException) -> str:
    """Save the traceback, and say in one paragraph where."""
    import tempfile

    from belonging_study.reports.quoted import format_without_values

    text = format_without_values(error)
    what = f"Something went wrong that is a fault of this program ({type(error).__name__})."
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="belonging-study-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError:
        return f"{what}\n{text}"
    return f"{what} The details are in {file.name}; please look there for students' data before you send it to anybody."


def _load(path: str) -> Study:
    from belonging_study.reports.places import find_study_file
    from belonging_study.study import load_study

    return load_study(find_study_file(path))


def _run(
    study: Study,
    waves: Sequence[str],
    *,
    resume: Sequence[str],
    raw: Path | None = None,
    parameters: dict[str, str] | None = None,
    force: bool = False,
) -> None:
    """Run waves with a progress display, and say what became of each."""
    from belonging_study.reports.run import run_waves

    began = time.monotonic()
    with _Display() as display:
        results = run_waves(study, waves, raw=raw, parameters=parameters, force=force, progress=display)
    code = 0
    for result in results:
        code = max(code, _tell(result, resume), key=[0, _USER_EXIT, _BUG_EXIT].index)
    click.echo(f"Took {time.monotonic() - began:.1f} s")
    if code:
        raise click.exceptions.Exit(code)


def _tell(result: WaveResult, resume: Sequence[str]) -> int:
    """Say what became of a wave; returns its exit code."""
    report = _relative(result.version.folder / "report.html") if result.version else ""
    if result.status == "published":
        click.echo(f"{result.wave}: published {report}")
        return 0
    if result.status == "up_to_date":
        click.echo(f"{result.wave}: nothing has changed, {report} is up to date")
        return 0
    click.echo(f"{result.wave}: failed\n{result.error}", err=True)
    cause = result.error.__cause__ if result.error else None
    if cause is not None and not isinstance(result.error, UserError):
        click.echo(_bug_report(cause), err=True)
    if result.failed_notebook:
        click.echo(f"The notebook is kept: {_relative(result.failed_notebook)}", err=True)
    if result.version:
        click.echo(f"The last report is untouched: {report}", err=True)
    again = list(resume) if resume[0] == "demo" else [*resume[:1], "--wave", result.wave, *resume[1:]]
    click.echo(f"To go on: belonging-study {_quoted(again)}", err=True)
    return _USER_EXIT if isinstance(result.error, UserError) else _BUG_EXIT


def _show(checks: Sequence[WaveCheck]) -> None:
    """Print a check: tables where there is a terminal, plain lines where there is none."""
    from belonging_study.reports.check_page import check_lines, check_tables

    if not sys.stdout.isatty():
        for one in checks:
            for line in check_lines(one):
                click.echo(line)
        return
    from rich.console import Console

    console = Console()
    for one in checks:
        for part in check_tables(one):
            console.print(part)


def _write(path: Path, text: str) -> None:
    """Write a file, or say why not."""
    from belonging_study.errors import PublishError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PublishError(
            f"{_relative(path)} could not be written ({type(error).__name__}).",
            remedy="name another file after --html.",
        ) from error


class _Display:
    """One bar for the run where there is a terminal, plain lines where there is none."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._plain = not sys.stderr.isatty()

    def __enter__(self) -> Callable[[Progress], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, progress: Progress) -> None:
        if self._plain:
            if progress.kind == "finished":
                click.echo(f"{progress.wave}: {progress.notebook} done", err=True)
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("{task.description}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)
        doing = f"{progress.wave} {progress.notebook or progress.kind}"
        if progress.kind == "cell":
            doing += f", cell {min(progress.cell + 1, progress.cells)} of {progress.cells}"
        self._bar.update(self._task, completed=progress.share, description=doing)


def _relative(path: Path) -> str:
    """A path as seen from here, where it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _option(name: str, value: str) -> list[str]:
    return [name, value] if value else []


def _quoted(words: Sequence[str]) -> str:
    import shlex
    import subprocess

    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
