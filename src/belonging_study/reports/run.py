"""From a study's files to published reports: every notebook of every wave, each in a fresh kernel.

A wave runs in a scratch folder of its own; waves, and notebooks that do not need each other, run side by side.
A wave that fails leaves its published versions as they are and does not hold up the others.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal

from belonging_study.errors import BelongingStudyError, FileMissingError, ParameterError
from belonging_study.reports.fingerprint import Fingerprint, fingerprint
from belonging_study.reports.parameters import Value, share_out
from belonging_study.reports.places import (
    Places,
    missing_files,
    notebooks_of,
    places,
)
from belonging_study.reports.progress import Progress, Reporter
from belonging_study.reports.publish import (
    Version,
    clean_scratch,
    latest_version,
    make_scratch,
    remove_folder,
)
from belonging_study.reports.steps import Job, WaveRun, publish_wave, run_notebook
from belonging_study.study import Study

__all__ = ["WaveResult", "current_fingerprint", "needs", "run_waves"]

_NEEDS = {
    "01_clean": (),
    "02_scales": ("01_clean",),
    "03_did": ("02_scales",),
    "04_multilevel": ("02_scales",),
    "05_figures": ("03_did", "04_multilevel"),
}
_PUBLISH = "publish"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class WaveResult:
    """What became of one wave.

    Attributes
    ----------
    wave : str
        The wave's name.
    status : {"published", "up_to_date", "failed"}
        "up_to_date": nothing had changed since the newest version, so nothing was run.
    version : Version or None
        The wave's newest version; after a failure the one from before, if there is one.
    error : BelongingStudyError or None
        Why it failed; a `UserError` is the user's to mend.
    failed_notebook : pathlib.Path or None
        The notebook that failed, kept with its outputs.
    seconds : float
        From the run's start to this wave's end.
    """

    wave: str
    status: Literal["published", "up_to_date", "failed"]
    version: Version | None
    error: BelongingStudyError | None = None
    failed_notebook: Path | None = None
    seconds: float = 0.0


def needs(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Say which notebooks each notebook waits for.

    Parameters
    ----------
    names : sequence of str
        Notebooks' stems, in order.

    Returns
    -------
    dict
        Stem to the stems that must have finished. A notebook that is not one of the template's waits for every one
        before it.

    Examples
    --------
    >>> needs(["01_clean", "02_scales", "03_did", "04_multilevel"])["04_multilevel"]
    ('02_scales',)
    >>> needs(["01_clean", "02_own"])["02_own"]
    ('01_clean',)
    """
    out = {}
    for position, name in enumerate(names):
        before = tuple(names[:position])
        known = _NEEDS.get(name)
        out[name] = known if known is not None and set(known) <= set(before) else before
    return out


def current_fingerprint(
    study: Study, wave: str, *, raw: str | Path | None = None, parameters: Mapping[str, Any] | None = None
) -> Fingerprint:
    """Take the fingerprint that a wave's report would have if it were run now."""
    where = places(study, raw)
    notebooks = notebooks_of(study, where.folder)
    shared = share_out(notebooks, parameters or {})
    return _fingerprint(study, wave, where, notebooks, shared)


def run_waves(
    study: Study,
    waves: Iterable[str],
    *,
    raw: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    force: bool = False,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> list[WaveResult]:
    """Run and publish the reports of one or several waves.

    Parameters
    ----------
    study : Study
        The definition.
    waves : iterable of str
        Names of waves.
    raw : str or pathlib.Path, optional
        The raw data folder; else ``BELONGING_STUDY_DATA``, else ``data_raw`` beside ``study.yml``.
    parameters : mapping, optional
        Values for the notebooks' parameters, each for every notebook that has it.
    force : bool
        Run and publish also where nothing has changed.
    workers : int, optional
        How many notebooks run at once; if not given, as many as there are processors.
    progress : callable, optional
        Called with each `Progress`, from any thread, one call at a time.

    Returns
    -------
    list of WaveResult
        In the order of `waves`. A wave that failed has its error in the result; nothing is raised for it.

    Raises
    ------
    ParameterError
        If a parameter is unknown or ill-typed, or is ``wave``.
    FileMissingError
        If a file of one of the waves is missing, before anything runs.
    PublishError
        If no scratch folder can be made.
    KeyboardInterrupt
        If the run was interrupted; its kernels have ended and its scratch folders are gone by then.
    """
    where = places(study, raw)
    began = time.monotonic()
    started_at = dt.datetime.now(dt.UTC).replace(microsecond=0)
    notebooks = notebooks_of(study, where.folder)
    shared = _checked_parameters(notebooks, parameters or {})
    names = list(dict.fromkeys(waves))
    _require_files(study, where, names)
    clean_scratch(where.scratch)

    results: dict[str, WaveResult] = {}
    stale: list[tuple[str, Fingerprint]] = []
    for name in names:
        wanted = _fingerprint(study, name, where, notebooks, shared)
        newest = latest_version(where.published(name))
        if newest and newest.fingerprint == wanted.short and not force:
            results[name] = WaveResult(name, "up_to_date", newest, seconds=time.monotonic() - began)
        else:
            stale.append((name, wanted))
    if stale:
        with _interruptible() as interrupted:
            runs: list[WaveRun] = []
            try:
                for name, wanted in stale:
                    runs.append(WaveRun(name, wanted, shared, make_scratch(where.scratch, name)))
                report = Reporter(progress, notebooks, len(runs))
                job = Job(study, where, notebooks, force, started_at, report)
                _work(job, runs, interrupted, workers or os.cpu_count() or 1)
            finally:
                for run in runs:
                    remove_folder(run.scratch)
                with contextlib.suppress(OSError):
                    where.scratch.rmdir()
        for run in runs:
            newest = run.version or latest_version(where.published(run.wave))
            status: Literal["published", "failed"] = "failed" if run.error else "published"
            results[run.wave] = WaveResult(
                run.wave, status, newest, run.error, run.failed_notebook, max(run.finished - began, 0.0)
            )
    return [results[name] for name in names]


def _work(job: Job, runs: Sequence[WaveRun], interrupted: threading.Event, workers: int) -> None:
    """Run every task as soon as what it needs is done; a wave that fails starts nothing more."""
    by_name = {notebook.stem: notebook for notebook in job.notebooks}
    order = needs(list(by_name))
    sorter: TopologicalSorter[tuple[str, str]] = TopologicalSorter()
    for run in runs:
        for name, before in order.items():
            sorter.add((run.wave, name), *((run.wave, b) for b in before))
        sorter.add((run.wave, _PUBLISH), *((run.wave, name) for name in by_name))
    sorter.prepare()
    by_wave = {run.wave: run for run in runs}
    running: dict[Future[None], tuple[str, str]] = {}
    pool = ThreadPoolExecutor(max_workers=max(1, min(workers, len(by_name) * len(runs))))
    try:
        while not interrupted.is_set():
            for task in sorter.get_ready():
                run = by_wave[task[0]]
                if run.error is None:
                    step = by_name.get(task[1])
                    future = (
                        pool.submit(publish_wave, job, run)
                        if step is None
                        else pool.submit(run_notebook, job, run, step)
                    )
                    running[future] = task
            if not running:
                return
            done, _ = wait(running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                future.result()
                if by_wave[task[0]].error is None:
                    sorter.done(task)
        raise KeyboardInterrupt
    finally:
        for run in runs:
            run.kernels.stop()
        pool.shutdown(wait=True, cancel_futures=True)


def _checked_parameters(notebooks: tuple[Path, ...], given: Mapping[str, Any]) -> dict[str, dict[str, Value]]:
    if "wave" in given:
        raise ParameterError("The wave is not given as a parameter.", remedy="name it with --wave.")
    return share_out(notebooks, given)


def _require_files(study: Study, where: Places, waves: Iterable[str]) -> None:
    """Raise before anything runs if a file is missing, naming all of them."""
    needed = dict.fromkeys(w.name for wave in waves for w in study.waves_until(wave))
    absent = missing_files(study, where.raw, needed)
    if absent:
        n = len(absent)
        raise FileMissingError(
            f"{n} file{'s' if n > 1 else ''} that study.yml names {'are' if n > 1 else 'is'} not there: "
            f"{', '.join(absent)}.",
            where=f"{where.raw.name}/",
            remedy="put the exports there under these names, or name another folder with --data.",
        )


def _fingerprint(
    study: Study, wave: str, where: Places, notebooks: Sequence[Path], shared: Mapping[str, Mapping[str, Value]]
) -> Fingerprint:
    from belonging_study.data.linking.keys import load_key

    return fingerprint(
        study,
        wave,
        where,
        notebooks,
        parameters={name: dict(values) for name, values in shared.items() if values},
        key=load_key(study, where.raw),
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or a request to end) into an event, so that it never falls between two steps.

    A second one raises KeyboardInterrupt at once. Only the main thread can receive signals; elsewhere the event
    is never set.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def on_signal(number: int, frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    wanted = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
