"""Run earlier notebooks for one that was opened by hand, so that each runs by itself from a fresh copy of the study."""

from __future__ import annotations

import threading
from collections.abc import Callable

from belonging_study.reports.engine import Kernels, execute
from belonging_study.reports.places import Places, notebooks_of
from belonging_study.study import Study

__all__ = ["CATCHING_UP_VARIABLE", "catch_up"]

CATCHING_UP_VARIABLE = "BELONGING_STUDY_CATCHING_UP"
"""Set in the kernels that catch up, so that these do not start others in turn."""


def catch_up(study: Study, wave: str, where: Places, *, until: Callable[[], bool]) -> None:
    """Run the study's notebooks in order, in kernels of their own, until something is there.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave.
    where : Places
        The study's folders; tables go where notebooks opened by hand write them.
    until : callable
        Asked before each notebook; true when no more need to run.

    Raises
    ------
    BelongingStudyError
        What a notebook raised.
    """
    from belonging_study.reports.steps import as_our_error, kernel_environment, with_wave

    env = {**kernel_environment(study, where, wave, None), CATCHING_UP_VARIABLE: "1"}
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for path in notebooks_of(study, where.folder):
                if until():
                    return
                executed = execute(
                    path,
                    parameters=with_wave(path, wave, {}),
                    env=env,
                    cwd=where.folder,
                    kernels=kernels,
                    on_cell=lambda done, cells: None,
                )
                if executed.error and not until():
                    raise as_our_error(executed.error, path.stem, wave)
        except BaseException as error:
            failed.append(error)

    # In a thread of its own: a notebook's kernel already runs an event loop in this one.
    kernels = Kernels()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        thread.join()
    except BaseException:
        kernels.stop()
        thread.join()
        raise
    if failed:
        raise failed[0]
