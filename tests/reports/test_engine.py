from __future__ import annotations

import copy
import os
import threading
import time
from pathlib import Path

import nbformat
import pytest
from toy_study import write_notebook

from belonging_study.reports.engine import Kernels, Stopped, execute, scrub


def executed_notebook(seconds: str, injected: str, folder: str) -> nbformat.NotebookNode:
    """A notebook as papermill leaves it."""
    node = nbformat.v4.new_notebook()
    node.metadata["papermill"] = {"start_time": seconds, "input_path": folder}
    node.metadata["language_info"] = {"name": "python", "version": seconds}
    cell = nbformat.v4.new_code_cell("wave = 'w1'", id=injected, metadata={"tags": ["injected-parameters"]})
    other = nbformat.v4.new_code_cell("1 + 1", id="own", metadata={"tags": [], "papermill": {"duration": seconds}})
    other.metadata["execution"] = {"iopub.status.busy": seconds}
    other.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=f"{folder}/data_raw/a.csv and {folder}/b.csv"),
        nbformat.v4.new_output("execute_result", data={"text/html": f"<b>{folder}/b.csv</b>", "image/png": folder}),
    ]
    node.cells = [cell, other]
    return node


def test_two_runs_of_one_notebook_are_alike_after_scrubbing() -> None:
    one = scrub(executed_notebook("1.5", "abc", "/x/one"), hide={"/x/one": ".", "/x/one/data_raw": "data_raw"})
    two = scrub(executed_notebook("2.5", "def", "/y/two"), hide={"/y/two": ".", "/y/two/data_raw": "data_raw"})
    for node in (one, two):
        node.cells[1].outputs[1].data.pop("image/png")  # a picture is not text, and stays as it is
    assert one == two
    assert one.cells[0].id == "injected-parameters"
    assert one.cells[1].outputs[0].text == "data_raw/a.csv and ./b.csv"
    assert one.cells[1].outputs[1].data["text/html"] == "<b>./b.csv</b>"
    again = copy.deepcopy(one)
    assert scrub(one, hide={}) == again


def test_notebooks_side_by_side_have_environments_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a {curly} folder" / "01_a.ipynb"
    write_notebook(path, "import os\nprint(os.environ['MARK'], wave, os.getcwd())")
    cells: dict[str, list[tuple[int, int]]] = {"1": [], "2": []}
    texts: dict[str, str] = {}

    def go(mark: str) -> None:
        done = execute(
            path,
            parameters={"wave": f"w{mark}"},
            env={**os.environ, "MARK": mark},
            cwd=tmp_path,
            kernels=Kernels(),
            on_cell=lambda cell, of: cells[mark].append((cell, of)),
        )
        assert done.error is None
        texts[mark] = done.notebook.cells[-1].outputs[0].text

    threads = [threading.Thread(target=go, args=(mark,)) for mark in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {mark: f"{mark} w{mark} {tmp_path}\n" for mark in cells}
    assert cells["1"] == cells["2"] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert "MARK" not in os.environ


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_a_stopped_run_ends_kernels_that_are_only_starting(tmp_path: Path, seconds: float) -> None:
    write_notebook(tmp_path / "01_a.ipynb", "import time; time.sleep(120)")
    kernels = Kernels()
    threading.Timer(seconds, kernels.stop).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        execute(
            tmp_path / "01_a.ipynb",
            parameters={},
            env=dict(os.environ),
            cwd=tmp_path,
            kernels=kernels,
            on_cell=lambda cell, cells: None,
        )
    assert time.monotonic() - began < 30
