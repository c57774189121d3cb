"""Where the time of a full demo wave goes, from a warm environment.

The demo's last wave is run by the real runner, with kernels in parallel where notebooks allow it, in three forms that
alternate: the notebooks as they are, reduced to their imports, and empty. The differences split the wave: kernel start
(with the runner's own work), imports, and the rest. Of the rest, drawing (the cells of 05_figures) and assembling the
report are timed apart, in one process. The floor that cannot be avoided is five kernels and their imports.

    uv run python benchmarks/wave_time.py            # writes benchmarks/wave_time.csv
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WAVE = "w3"
LIST_MODULES = """
import contextlib, io, json, sys
from pathlib import Path
book = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
scope = {"wave": sys.argv[2], "draws": 0, "seed": 0, "conf_level": 0.0}
with contextlib.redirect_stdout(io.StringIO()):
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), scope)
print(json.dumps([name for name, module in sys.modules.items() if module is not None and name != "__main__"]))
"""
IMPORT_THEM = """
import importlib
for name in {names}:
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""


def modules_of(notebook: Path, folder: Path) -> list[str]:
    """Every module that is loaded by the end of a notebook, in the order of loading."""
    env = {**os.environ, "MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", LIST_MODULES, str(notebook), WAVE]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return names


def reduced(folder: Path, imports: dict[str, list[str]] | None) -> None:
    """Notebooks of the same names with their parameters, and either their imports or nothing."""
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        keep = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
        if imports is not None:
            source = IMPORT_THEM.format(names=imports[path.stem])
            keep.append({**keep[0], "id": "imports", "metadata": {}, "source": source})
        notebook["metadata"].pop("belonging_study", None)
        (folder / path.name).write_text(json.dumps({**notebook, "cells": keep}), encoding="utf-8")


def study_folder(base: Path, kind: str) -> Path:
    """A copy of the demo study, with the notebooks as they are or none yet."""
    folder = base / kind
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(PROJECT / "study.yml", folder)
    if kind == "real":
        shutil.copytree(PROJECT / "notebooks", folder / "notebooks", dirs_exist_ok=True)
    return folder


def run(folder: Path) -> float:
    """Seconds of one forced run of the wave."""
    from belonging_study.reports.run import run_waves
    from belonging_study.study import load_study

    began = time.perf_counter()
    (result,) = run_waves(load_study(folder), [WAVE], raw=folder.parent / "raw", parameters={}, force=True)
    if result.error is not None:
        raise result.error
    return time.perf_counter() - began


def rendering(folder: Path) -> float:
    """Seconds to run the cells of 05_figures and to assemble the report, in one process and without kernels."""
    import nbformat

    from belonging_study.reports.assemble import assemble_html
    from belonging_study.reports.finish import collect_blocks
    from belonging_study.reports.words import Summary
    from belonging_study.study import load_study

    study = load_study(folder)
    version = sorted((folder / "outputs" / WAVE).glob("v*"))[-1]
    notebooks = [nbformat.read(p, as_version=4) for p in sorted((version / "notebooks").glob("*.ipynb"))]
    cells = [c.source for c in notebooks[-1].cells if c.cell_type == "code" and "parameters" not in str(c.metadata)]
    scope: dict[str, object] = {"wave": WAVE}
    began = time.perf_counter()
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        for source in cells:
            exec(source, scope)
    blocks = collect_blocks(notebooks)
    assemble_html(study, study.wave(WAVE), blocks, provenance={}, summary=Summary((), ""), notebooks=())
    return time.perf_counter() - began


def main() -> None:
    """Time the forms in turn and store the split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    from belonging_study.data.demo import write_demo

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["OMP_NUM_THREADS"] = "1"
    seconds: dict[str, list[float]] = {"empty": [], "imports": [], "real": []}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "raw").mkdir()
        write_demo(base / "raw", 1)
        os.environ["BELONGING_STUDY_DATA"] = str(base / "raw")
        folders = {kind: study_folder(base, kind) for kind in seconds}
        books = sorted((folders["real"] / "notebooks").glob("*.ipynb"))
        reduced(folders["empty"] / "notebooks", None)
        reduced(folders["imports"] / "notebooks", {b.stem: modules_of(b, folders["real"]) for b in books})
        for kind in seconds:
            run(folders[kind])  # warm: byte code, disk
        for _ in range(rounds):
            for kind, taken in seconds.items():
                taken.append(run(folders[kind]))
        drawing = min(rendering(folders["real"]) for _ in range(3))
    median = {kind: statistics.median(taken) for kind, taken in seconds.items()}
    rows = {
        "full wave": median["real"],
        "kernel start and runner": median["empty"],
        "imports": median["imports"] - median["empty"],
        "computing": median["real"] - median["imports"] - drawing,
        "drawing and assembling": drawing,
        "floor (kernels and imports)": median["imports"],
        "full wave / floor": statistics.median(a / b for a, b in zip(seconds["real"], seconds["imports"], strict=True)),
    }
    text = "part,seconds_or_ratio\n" + "".join(f"{name},{value:.2f}\n" for name, value in rows.items())
    (PROJECT / "benchmarks" / "wave_time.csv").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
