"""Where the time of a full demo wave goes, from a warm environment.

The demo's last wave is run by the real runner, with kernels in parallel where notebooks allow it, in three forms that
alternate: the notebooks as they are, reduced to what they import, and empty. The differences
alternate: the notebooks as they are, reduced to their imports, and empty. The differences
report is timed apart, in one process. The floor that cannot be avoided is five kernels and their imports.

    uv run python benchmarks/wave_time.py            # writes benchmarks/wave_time.csv
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WAVE = "w3"
IMPORTS = {
    "01_clean": "import belonging_study.data.clean, belonging_study.reports.workspace, pyarrow.parquet, pyreadstat",
    "02_scales": "import belonging_study.scales, belonging_study.reports.workspace, pyarrow.parquet",
    "03_did": "import belonging_study.effects, belonging_study.figures, belonging_study.reports.workspace, "
    "pyarrow.parquet, linearmodels.panel, matplotlib.figure, matplotlib.backends.backend_svg, "
    "matplotlib.backends.backend_agg",
    "04_multilevel": "import belonging_study.effects, belonging_study.reports.workspace, pyarrow.parquet, mixedlm",
    "05_figures": "import belonging_study.effects, belonging_study.figures, belonging_study.reports.workspace, "
    "pyarrow.parquet, matplotlib.figure, matplotlib.backends.backend_svg, matplotlib.backends.backend_agg",
}


def reduced(folder: Path, *, imports: bool) -> None:
    """Notebooks of the same names with their parameters, and either their imports or nothing."""
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        keep = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
        if imports:
            keep.append({**keep[0], "id": "imports", "metadata": {}, "source": IMPORTS[path.stem]})
        notebook["metadata"].pop("belonging_study", None)
        (folder / path.name).write_text(json.dumps({**notebook, "cells": keep}), encoding="utf-8")


def study_folder(base: Path, kind: str) -> Path:
    """A copy of the demo study with one kind of notebooks."""
    folder = base / kind
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(PROJECT / "study.yml", folder)
    if kind == "real":
        shutil.copytree(PROJECT / "notebooks", folder / "notebooks", dirs_exist_ok=True)
    else:
        reduced(folder / "notebooks", imports=kind == "imports")
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
    """Seconds to draw the wave's figures again and to assemble its report, in one process and without kernels."""
    import nbformat

    from belonging_study.figures import house_style, means_by_wave
    from belonging_study.reports.assemble import assemble_html
    from belonging_study.reports.finish import collect_blocks
    from belonging_study.reports.words import Summary
    from belonging_study.study import load_study

    study = load_study(folder)
    (version,) = sorted((folder / "outputs" / WAVE).glob("v*"))[-1:]
    notebooks = [nbformat.read(p, as_version=4) for p in sorted((version / "notebooks").glob("*.ipynb"))]
    import pandas as pd

    means = pd.read_csv(version / "tables" / "descriptives.csv")
    n_figures = len(list((version / "figures").glob("*.svg")))

    def draw() -> None:
        drawn = means_by_wave(
            means,
            outcomes={o.name: o.label for o in study.outcomes},
            waves={w.name: w.label for w in study.waves},
            comparison=study.design.assignment.comparison,
            programmes=study.design.assignment.programme,
        )
        with house_style():
            drawn.figure.savefig(io.BytesIO(), format="svg")
            drawn.figure.savefig(io.BytesIO(), format="png")

    draw()
    began = time.perf_counter()
    for _ in range(n_figures):  # the largest figure stands for each
        draw()
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
    seconds: dict[str, list[float]] = {"empty": [], "imports": [], "real": []}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "raw").mkdir()
        write_demo(base / "raw", 1)
        folders = {kind: study_folder(base, kind) for kind in seconds}
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
