"""One notebook in one fresh kernel.

Papermill injects the parameters and runs the cells; this module starts each kernel with an environment of its own
(waves run side by side), tells the caller about every cell, and can end all kernels of a run at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belonging_study import errors
from belonging_study.reports.parameters import Value
from belonging_study.reports.quoted import traceback_without_values, without_values

__all__ = ["CellError", "Executed", "Kernels", "Stopped", "execute", "notebook_bytes", "scrub"]

_SILENT = logging.getLogger("belonging_study.kernels")
"""What the kernels' client would log is told by our own errors."""
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Stopped(Exception):
    """The run was asked to stop while this notebook was running."""


@dataclass(frozen=True)
class CellError:
    """What a cell raised: its number among the code cells, the exception's name and text, the last lines shown."""

    cell: int
    name: str
    text: str
    last_lines: str


@dataclass(frozen=True)
class Executed:
    """A notebook that was run, in full or up to `error`."""

    notebook: Any
    error: CellError | None


class Kernels:
    """The kernels that are running now, so that they can be ended from another thread."""

    def __init__(self) -> None:
        self._managers: set[Any] = set()
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def add(self, manager: Any) -> None:
        """Take note of a kernel that has just started; end it at once if the run was stopped meanwhile."""
        with self._lock:
            self._managers.add(manager)
            stopped = self._stopped
        if stopped:
            _kill(manager)

    def remove(self, manager: Any) -> None:
        """Forget a kernel that has ended."""
        with self._lock:
            self._managers.discard(manager)

    def stop(self) -> None:
        """End every kernel, and every kernel that starts later."""
        with self._lock:
            self._stopped = True
            managers = list(self._managers)
        for manager in managers:
            _kill(manager)


def execute(
    path: Path,
    *,
    parameters: Mapping[str, Value],
    env: Mapping[str, str],
    cwd: Path,
    kernels: Kernels,
    on_cell: Callable[[int, int], None],
) -> Executed:
    """Run one notebook.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; it is not changed.
    parameters : mapping
        Values to set, already checked.
    env : mapping
        The kernel's whole environment.
    cwd : pathlib.Path
        The kernel's working folder.
    kernels : Kernels
        Where the running kernel is noted.
    on_cell : callable
        Called with the number of cells done and the number of cells, before the first and after each.

    Returns
    -------
    Executed
        The notebook with its outputs; a cell that raised is told in `error`.

    Raises
    ------
    Stopped
        If `kernels` was stopped.
    """
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    if kernels.stopped:
        raise Stopped
    node = load_notebook_node(str(path))
    if parameters:
        node = parameterize_notebook(node, dict(parameters), kernel_name="python3", language="python")
    engine = _engine()
    on_cell(0, len(node.cells))
    try:
        engine.execute_notebook(
            node,
            "python3",
            output_path=None,
            progress_bar=False,
            autosave_cell_every=0,
            kernels=kernels,
            kernel_env=dict(env),
            kernel_cwd=str(cwd),
            on_cell=on_cell,
        )
    except Exception as error:
        if kernels.stopped:
            raise Stopped from error
        done = [c for c in node.cells if c.get("execution_count")]
        message = CellError(len(done) + 1, type(error).__name__, str(error), str(error))
        return Executed(node, message)
    if kernels.stopped:
        raise Stopped
    return Executed(node, _first_error(node))


def notebook_bytes(notebook: Any) -> bytes:
    """Write a notebook as its file's content."""
    import nbformat

    text: str = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    return text.encode()


def scrub(notebook: Any, *, hide: Mapping[str, str]) -> Any:
    """Take out of an executed notebook whatever differs between two runs of the same thing.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place: timings, papermill's notes, the Python version and the injected cell's random id go, and
        values that an error quotes.
    hide : mapping
        Folder to what stands for it in texts, so that no machine's paths are published.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
        if not cell.metadata.get("tags", True):
            cell.metadata.pop("tags")
        for output in cell.get("outputs", []):
            _hide_values(output)
            for key, value in list(output.items()):
                if key in {"text", "traceback", "evalue"}:
                    output[key] = _without(value, hide)
            for kind, value in list(output.get("data", {}).items()):
                if kind.startswith("text/"):
                    output["data"][kind] = _without(value, hide)
    return notebook


def _hide_values(output: Any) -> None:
    """Take out of an error that is not ours what it quotes."""
    if output.get("output_type") == "error":
        foreign = [] if hasattr(errors, output.ename) else [output.evalue]
        output["traceback"] = [traceback_without_values(line, *foreign) for line in output.traceback]
        if foreign:
            output["evalue"] = without_values(output.evalue)


def _without(value: Any, hide: Mapping[str, str]) -> Any:
    """Replace folders in a text or a list of texts, the longest first."""
    if isinstance(value, list):
        return [_without(v, hide) for v in value]
    if not isinstance(value, str):
        return value
    for folder in sorted(hide, key=len, reverse=True):
        value = value.replace(folder, hide[folder])
    return value


def _first_error(notebook: Any) -> CellError | None:
    """Find the first cell that raised."""
    number = 0
    for cell in notebook.cells:
        number += cell.cell_type == "code"
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                _hide_values(output)
                lines = _ANSI.sub("", "\n".join(output.traceback)).rstrip().splitlines()
                return CellError(number, output.ename, output.evalue, "\n".join(lines[-6:]))
    return None


def _kill(manager: Any) -> None:
    """End a kernel and what it started, without asking."""
    provisioner = manager.provisioner
    process = getattr(provisioner, "process", None)
    if process is None:
        return
    with contextlib.suppress(OSError):
        group = getattr(provisioner, "pgid", None)
        if group and hasattr(os, "killpg") and group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
        else:
            process.kill()


def _engine() -> Any:
    """Make the engine's class; here, because papermill takes 0.4 s to import and many commands run no notebook."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine

    class OwnKernel(AsyncKernelManager):
        """A kernel of this very Python, whatever kernels the user has installed under the same name."""

        register: Callable[[Any], None]

        @property
        def kernel_spec(self) -> Any:
            return KernelSpec(**get_kernel_dict())

        async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
            await super().start_kernel(**kwargs)
            self.register(self)

    class OwnEngine(Engine):  # type: ignore[misc]
        """Runs the cells in a kernel with the given environment and folder."""

        @classmethod
        def execute_managed_notebook(
            cls,
            nb_man: Any,
            kernel_name: str,
            *,
            kernels: Kernels,
            kernel_env: dict[str, str],
            kernel_cwd: str,
            on_cell: Callable[[int, int], None],
            **_: Any,
        ) -> None:
            total = len(nb_man.nb.cells)
            complete = nb_man.cell_complete

            def cell_complete(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
                complete(cell, cell_index=cell_index, **kwargs)
                on_cell((cell_index or 0) + 1, total)

            nb_man.cell_complete = cell_complete
            # TCP on this machine only, encrypted where the kernel can; named pipes hung with many kernels.
            manager = OwnKernel(kernel_name=kernel_name, transport="tcp", transport_encryption="auto")
            manager.register = kernels.add
            client = PapermillNotebookClient(
                nb_man,
                km=manager,
                timeout=None,
                startup_timeout=120,
                record_timing=False,
                shutdown_kernel="immediate",
                log=_SILENT,
            )
            client.owns_km = True  # so that it ends the kernel
            try:
                client.execute(env=kernel_env, cwd=kernel_cwd)
            finally:
                kernels.remove(manager)
                nb_man.cell_complete = complete

    return OwnEngine
