"""The steps of one wave's run: a notebook, or the publication at the end.

What goes wrong is noted in the wave's run, and ends its other kernels; other waves go on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from belonging_study import errors
from belonging_study.errors import BelongingStudyError, StepError, UserError
from belonging_study.reports.engine import CellError, Executed, Kernels, Stopped, execute, notebook_bytes, scrub
from belonging_study.reports.fingerprint import Fingerprint
from belonging_study.reports.parameters import Value, read_parameters
from belonging_study.reports.places import DATA_VARIABLE, SCRATCH_VARIABLE, STUDY_VARIABLE, Places
from belonging_study.reports.progress import Reporter
from belonging_study.reports.publish import (
    Version,
    plain_disk_error,
    plain_disk_errors,
    publish,
    remove_folder,
    replace_file,
    write_file,
)
from belonging_study.study import Study

__all__ = ["Job", "WaveRun", "as_our_error", "kernel_environment", "publish_wave", "run_notebook", "with_wave"]

_PUBLISH = "publish"


@dataclass
class WaveRun:
    """One wave while it runs."""

    wave: str
    fingerprint: Fingerprint
    parameters: Mapping[str, Mapping[str, Value]]
    scratch: Path
    kernels: Kernels = field(default_factory=Kernels)
    executed: dict[str, Any] = field(default_factory=dict)
    error: BelongingStudyError | None = None
    failed_notebook: Path | None = None
    version: Version | None = None
    finished: float = 0.0

    @property
    def staged(self) -> Path:
        """The folder that will be published."""
        return self.scratch / "version"


@dataclass(frozen=True)
class Job:
    """What all waves of a run share."""

    study: Study
    where: Places
    notebooks: tuple[Path, ...]
    force: bool
    started_at: dt.datetime
    report: Reporter


def kernel_environment(study: Study, where: Places, wave: str, scratch: Path | None) -> dict[str, str]:
    """Give the environment of a kernel: this process's, and what makes a run repeatable.

    Parameters
    ----------
    study : Study
        The definition.
    where : Places
        The study's folders.
    wave : str
        The wave; its date is the date that files may carry.
    scratch : pathlib.Path or None
        Where the run writes; None to write where an interactive notebook would.

    Returns
    -------
    dict
        The whole environment. Linear algebra runs in one thread, since its results can depend on their number.
    """
    date = study.wave(wave).date
    env = {k: v for k, v in os.environ.items() if k not in {"PYTHONDONTWRITEBYTECODE", SCRATCH_VARIABLE}}
    env |= {
        STUDY_VARIABLE: str(study.file.resolve()),
        DATA_VARIABLE: str(where.raw),
        "SOURCE_DATE_EPOCH": str(int(dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).timestamp())),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
    }
    if scratch is not None:
        # A private IPython folder: the user's start-up files could change results.
        env |= {SCRATCH_VARIABLE: str(scratch), "IPYTHONDIR": str(scratch / "ipython")}
    return env


def run_notebook(job: Job, run: WaveRun, path: Path) -> None:
    """Run one notebook of one wave; what goes wrong is noted in the wave's run."""
    name = path.stem
    job.report("started", run.wave, name)
    node = None
    try:
        with _into_run(run, name):
            executed = execute(
                path,
                parameters=with_wave(path, run.wave, run.parameters.get(name, {})),
                env=kernel_environment(job.study, job.where, run.wave, run.scratch),
                cwd=job.where.folder,
                kernels=run.kernels,
                on_cell=lambda cell, cells: job.report("cell", run.wave, name, cell, cells),
            )
            node = executed.notebook
            run.executed[name] = scrub(node, hide=_hidden_folders(job, run))
            if executed.error:
                raise as_our_error(executed.error, name, run.wave)
            _require_outputs(executed, name, run)
            job.report("finished", run.wave, name)
    except Stopped:
        return
    if run.error is not None and node is not None and run.failed_notebook is None:
        run.failed_notebook = _keep(job, run, name, node)


def publish_wave(job: Job, run: WaveRun) -> None:
    """Make the report of a wave whose notebooks have all run, and publish it."""
    from belonging_study.reports.finish import finish_version

    job.report("publishing", run.wave)
    with contextlib.suppress(Stopped), _into_run(run, _PUBLISH):
        outputs = f"outputs/{run.wave}/"
        with plain_disk_errors(outputs):
            finish_version(
                job.study,
                run.wave,
                where=job.where,
                staged=run.staged,
                executed={path.stem: run.executed[path.stem] for path in job.notebooks},
                parameters={k: v for k, v in run.parameters.items() if v},
                fingerprint=run.fingerprint,
                started_at=job.started_at,
            )
        if run.kernels.stopped:
            raise Stopped
        run.version = publish(run.staged, job.where.published(run.wave), run.fingerprint.short, again=job.force)
        _keep_processed(job, run)
        failed = job.where.published(run.wave) / "failed"
        if failed.is_dir():
            remove_folder(failed)
        run.finished = time.monotonic()
        job.report("published", run.wave, "", 1, 1)


@contextlib.contextmanager
def _into_run(run: WaveRun, step: str) -> Iterator[None]:
    """Note an error in the wave's run and end its other kernels; the first error counts."""
    try:
        yield
    except Stopped:
        raise
    except BelongingStudyError as error:
        _fail(run, error)
    except Exception as error:
        plain = plain_disk_error(getattr(error, "errno", None), f"outputs/.scratch ({step})")
        ours = plain or StepError(f"{run.wave}, {step}: {type(error).__name__}: {error}")
        ours.__cause__ = error
        _fail(run, ours)


def _fail(run: WaveRun, error: BelongingStudyError) -> None:
    if run.error is None:
        run.error = error
        run.finished = time.monotonic()
    run.kernels.stop()


def with_wave(path: Path, wave: str, given: Mapping[str, Value]) -> dict[str, Value]:
    """Give a notebook's parameters, with the wave where the notebook has such a parameter."""
    return {"wave": wave, **given} if any(p.name == "wave" for p in read_parameters(path)) else dict(given)


def as_our_error(error: CellError, notebook: str, wave: str) -> BelongingStudyError:
    """Tell an error that the user can mend from one that is not theirs."""
    kind = getattr(errors, error.name, None)
    if isinstance(kind, type) and issubclass(kind, UserError):
        mended = UserError.__new__(kind)
        UserError.__init__(mended, error.text)
        return mended
    if number := _error_number(error.text):
        plain = plain_disk_error(number, f"outputs/.scratch ({notebook})")
        if plain:
            return plain
    return StepError(f"{wave}, {notebook}, cell In [{error.cell}] raised {error.name}.\n{error.last_lines}")


def _error_number(text: str) -> int | None:
    """The system's error number in the text of an OSError."""
    if text.startswith("[Errno "):
        digits = text[len("[Errno ") :].partition("]")[0]
        return int(digits) if digits.isdigit() else None
    return None


def _require_outputs(executed: Executed, name: str, run: WaveRun) -> None:
    """Check that a notebook made the files that its metadata declare."""
    declared = executed.notebook.metadata.get("belonging_study", {}).get("makes", [])
    absent = [file for file in declared if not _declared_path(run, file).is_file()]
    if absent:
        raise StepError(f"{run.wave}, {name} ran to its end but did not make {', '.join(absent)}.")


def _declared_path(run: WaveRun, file: str) -> Path:
    return run.scratch / file if file.startswith("processed/") else run.staged / file


def _keep(job: Job, run: WaveRun, name: str, node: Any) -> Path | None:
    """Keep a failed notebook in place of an earlier one."""
    path = job.where.published(run.wave) / "failed" / f"{name}.ipynb"
    try:
        if path.parent.is_dir():
            remove_folder(path.parent)
        write_file(path, notebook_bytes(node))
    except (BelongingStudyError, OSError):  # the disk may be what failed
        return None
    return path


def _keep_processed(job: Job, run: WaveRun) -> None:
    """Put the run's tables where notebooks opened by hand look for them; failing that, they make their own."""
    made = run.scratch / "processed"
    version = run.version.folder if run.version else run.staged
    target = job.where.processed(run.wave)
    with contextlib.suppress(BelongingStudyError, OSError):
        for folder, pattern, below in ((made, "*.parquet", ""), (version / "tables", "*", "tables")):
            for path in sorted(folder.glob(pattern)):
                replace_file(path, target / below / path.name)
        for stamp in sorted((made / ".made-from").glob("*.txt")):
            replace_file(stamp, target / ".made-from" / stamp.name)


def _hidden_folders(job: Job, run: WaveRun) -> dict[str, str]:
    """Folders that no published file may name, and what stands in their place."""
    import belonging_study

    package = str(Path(belonging_study.__file__).resolve().parent)
    hidden = {
        str(run.scratch): "outputs",
        str(job.where.raw): "data_raw",
        str(job.where.folder): ".",
        package: "belonging_study",
        str(Path.home()): "~",
    }
    return {folder: name for folder, name in hidden.items() if len(folder) > 1}
