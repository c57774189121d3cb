from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from toy_study import SHOW, WRITE, write_notebook

from belonging_study.errors import DataError, FileMissingError, ParameterError, PublishError, StepError
from belonging_study.reports import finish, steps
from belonging_study.reports.progress import Progress
from belonging_study.reports.publish import versions
from belonging_study.reports.run import WaveResult, needs, run_waves
from belonging_study.study import load_study

Snapshot = Callable[[Path], dict[str, bytes]]


def run(folder: Path, *waves: str, **options: object) -> list[WaveResult]:
    return run_waves(load_study(folder), waves or ("w1",), **options)  # type: ignore[arg-type]


def fail_in(folder: Path, code: str, *, only: str = "w1") -> None:
    """Make the second notebook of one wave fail."""
    source = f"if wave == {only!r}:\n" + "\n".join("    " + line for line in code.splitlines())
    write_notebook(folder / "notebooks" / "02_scales.ipynb", "a = 1", source)


def test_the_templates_notebooks_wait_for_what_they_read() -> None:
    order = needs(["01_clean", "02_scales", "03_did", "04_multilevel", "05_figures", "06_own"])
    assert order["03_did"] == order["04_multilevel"] == ("02_scales",)
    assert order["05_figures"] == ("03_did", "04_multilevel")
    assert order["06_own"] == ("01_clean", "02_scales", "03_did", "04_multilevel", "05_figures")


def test_waves_are_published_and_then_there_is_nothing_to_do(toy: Path, snapshot: Snapshot) -> None:
    events: list[Progress] = []
    results = run(toy, "w1", "w2", parameters={"seed": "7"}, progress=events.append)
    assert [r.status for r in results] == ["published", "published"]
    for result in results:
        assert result.version is not None
        files = snapshot(result.version.folder)
        assert files["tables/one.csv"] == files["tables/two.csv"] == f"wave,seed\n{result.wave},7\n".encode()
        assert f"Wave {result.wave}" in files["report.html"].decode()
        for name, content in files.items():
            assert str(toy).encode() not in content, name
            assert str(Path.home()).encode() + b"/" not in content, name
    finished = {(e.wave, e.notebook) for e in events if e.kind == "finished"}
    assert finished == {(w, n) for w in ("w1", "w2") for n in ("01_clean", "02_scales")}
    shares = [e.share for e in events]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0, abs=0.15)
    assert not (toy / "outputs" / ".scratch").exists()
    assert (toy / "data_processed" / "w1" / "tables" / "one.csv").read_text() == "wave,seed\nw1,7\n"

    before = snapshot(toy)
    began = time.monotonic()
    again = run(toy, "w1", "w2", parameters={"seed": 7})
    assert time.monotonic() - began < 1.0
    assert [r.status for r in again] == ["up_to_date", "up_to_date"]
    assert [r.version for r in again] == [r.version for r in results]
    assert snapshot(toy) == before


@pytest.mark.slow
def test_two_forced_runs_give_the_same_bytes(toy: Path, snapshot: Snapshot) -> None:
    draw = (
        "import random\nimport numpy as np\nimport pandas as pd\nfrom matplotlib.figure import Figure\n"
        "from belonging_study.figures import Drawn\nfrom belonging_study.reports.workspace import open_wave\n"
        "ws = open_wave(wave)\n"
        "data = pd.DataFrame({'group': sorted({'b', 'a', '=c'}), 'n_students': [30, 40, 50],\n"
        "                     'mean': np.random.default_rng(seed).normal(size=3)})\n"
        "ws.table('means', data, title='Means', section='measurement')"
    )
    show = (
        "figure = Figure()\nfigure.subplots().bar(data['group'], data['mean'])\n"
        "ws.figure('bars', Drawn(figure, 'Three bars.'), title='Bars', section='measurement')"
    )
    write_notebook(toy / "notebooks" / "01_clean.ipynb", draw, show, makes=("tables/means.csv", "figures/bars.svg"))
    first, second = (run(toy, force=True)[0] for _ in range(2))
    assert first.error is None, first.error
    assert first.version is not None
    assert second.version is not None
    assert second.version.number == 2
    one, two = snapshot(first.version.folder), snapshot(second.version.folder)
    assert {"tables/means.csv", "figures/bars.svg", "figures/bars.png"} <= set(one)
    same = {name for name in one if one[name] == two.get(name)}
    assert set(one) - same == {"manifest.json", "ro-crate-metadata.json"}
    assert one["tables/means.csv"].decode().splitlines()[1].startswith("'=c,30,")


def test_a_failed_wave_keeps_its_last_version_and_does_not_stop_the_others(toy: Path, snapshot: Snapshot) -> None:
    last = run(toy)[0].version
    assert last is not None
    before = snapshot(last.folder)
    message = "DataError('3 rows have no school.', where='w1/survey.csv', remedy='add it.')"
    fail_in(toy, f"from belonging_study.errors import DataError\nraise {message}")
    first, second = run(toy, "w1", "w2")
    assert (first.status, second.status) == ("failed", "published")
    assert isinstance(first.error, DataError)
    assert str(first.error) == "3 rows have no school.\nWhere: w1/survey.csv\nWhat to do: add it."
    assert first.version == last
    assert snapshot(last.folder) == before
    assert first.failed_notebook == toy / "outputs" / "w1" / "failed" / "02_scales.ipynb"
    kept = nbformat.read(first.failed_notebook, as_version=4)
    assert kept.cells[-1].outputs[0].ename == "DataError"
    assert not (toy / "outputs" / ".scratch").exists()


def test_a_fault_of_the_program_names_notebook_cell_and_last_lines(toy: Path) -> None:
    fail_in(toy, "1 / 0")
    (result,) = run(toy)
    assert isinstance(result.error, StepError)
    text = str(result.error)
    assert "w1, 02_scales, cell In [4] raised ZeroDivisionError" in text
    assert "division by zero" in text
    assert "\x1b" not in text
    assert versions(toy / "outputs" / "w1") == ()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("raise OSError(28, 'No space left on device')", PublishError, "disk is full"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", StepError, "02_scales"),
    ],
)
def test_a_full_disk_and_a_killed_kernel_are_told_apart(toy: Path, code: str, kind: type, words: str) -> None:
    fail_in(toy, code)
    (result,) = run(toy)
    assert type(result.error) is kind
    assert words in str(result.error)
    assert not (toy / "outputs" / ".scratch").exists()


def test_a_notebook_that_does_not_make_what_it_declares_has_failed(toy: Path) -> None:
    write_notebook(toy / "notebooks" / "02_scales.ipynb", "a = 1", makes=("tables/estimates.csv",))
    (result,) = run(toy)
    assert isinstance(result.error, StepError)
    assert "tables/estimates.csv" in str(result.error)


def test_mistakes_are_found_before_anything_runs(toy: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean seed"):
        run(toy, parameters={"sed": 1})
    with pytest.raises(ParameterError, match="a whole number"):
        run(toy, parameters={"seed": "many"})
    with pytest.raises(ParameterError, match="--wave"):
        run(toy, parameters={"wave": "w1"})
    (toy / "data_raw" / "w1" / "survey.csv").unlink()
    with pytest.raises(FileMissingError, match=r"w1/survey\.csv"):
        run(toy, "w2")
    assert not (toy / "outputs").exists()


@pytest.mark.parametrize(
    "place",
    [
        "publish",
        pytest.param("assemble_html", marks=pytest.mark.slow),
        pytest.param("write_file", marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_fills_up_at_the_end(
    toy: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    folder = run(toy)[0].version.folder  # type: ignore[union-attr]
    before = snapshot(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(steps if place == "publish" else finish, place, full)
    (result,) = run(toy, force=True)
    assert isinstance(result.error, PublishError)
    assert "disk is full" in str(result.error)
    assert snapshot(folder) == before
    assert [v.folder for v in versions(toy / "outputs" / "w1")] == [folder]
    assert not (toy / "outputs" / ".scratch").exists()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "belonging_study", *arguments]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")
def test_files_that_the_system_refuses_to_write(toy: Path) -> None:
    write_notebook(
        toy / "notebooks" / "02_scales.ipynb", WRITE.format(name="two") + "\n(out / 'big.csv').write_text('1' * 9000)"
    )

    resource = pytest.importorskip("resource")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    done = subprocess.run(
        command("run", "--wave", "w1"),
        cwd=toy,
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert done.returncode == 2, done.stderr
    assert "The disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert not versions(toy / "outputs" / "w1")
    assert not (toy / "outputs" / ".scratch").exists()


def kernels_of(folder: Path) -> list[str]:
    """Processes that still run with this study in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / "study.yml").encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def interrupt_after(toy: Path, seconds: float, snapshot: Snapshot) -> int:
    running = subprocess.Popen(command("run", "--all", "--force"), cwd=toy, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    if running.returncode == 130:
        assert told.strip().splitlines()[-1] == "Interrupted; the last published versions are untouched."
        assert "Traceback" not in told
    assert not (toy / "outputs" / ".scratch").exists(), told
    assert kernels_of(toy) == []
    for wave in ("w1", "w2"):
        for version in versions(toy / "outputs" / wave):
            manifest = json.loads((version.folder / "manifest.json").read_text())
            root = next(e for e in manifest["@graph"] if e["@id"] == "./")
            listed = {part["@id"] for part in root["hasPart"]}
            assert listed == set(snapshot(version.folder)) - {"manifest.json", "ro-crate-metadata.json"}
    return running.returncode


@pytest.mark.skipif(sys.platform != "linux", reason="looks for kernels in /proc")
def test_ctrl_c_while_a_cell_runs(toy: Path, snapshot: Snapshot) -> None:
    write_notebook(toy / "notebooks" / "02_scales.ipynb", "import time; time.sleep(120)", SHOW)
    running = subprocess.Popen(command("run", "--wave", "w1"), cwd=toy, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert running.stderr.readline() == "w1: 01_clean done\n"
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, told = running.communicate(timeout=60)
    assert time.monotonic() - began < 15
    assert running.returncode == 130
    assert told == "Interrupted; the last published versions are untouched.\n"
    assert not (toy / "outputs" / ".scratch").exists()
    assert kernels_of(toy) == []
    assert not versions(toy / "outputs" / "w1")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for kernels in /proc")
def test_ctrl_c_at_any_moment(toy: Path, snapshot: Snapshot) -> None:
    """At moments spread over the whole run, from its start to its end."""
    began = time.monotonic()
    assert subprocess.run(command("run", "--all", "--force"), cwd=toy, check=False).returncode == 0
    length = time.monotonic() - began
    chance = random.Random(20241007)
    codes = [interrupt_after(toy, length * (i + chance.random()) / 7, snapshot) for i in range(1, 7)]
    assert 130 in codes
    assert set(codes) <= {0, 130}
