"""Processor seconds and memory of a wave of a million students, beside a plain pandas read of the same file.

A survey of 30 items is written twice outside the project, once with answers in words as Google Forms exports them and
once with numbers, with a roster beside it. Each way of reading runs in a process of its own; its memory is the peak of
the process above what it had after importing. Every peak is set against the size in memory of the table that
`pandas.read_csv` makes of the survey (`memory_usage(deep=True)`), every time against the seconds of that read.
"Checked" is held to the whole schema of a wave (`check_table`), with the measures of careless answering that it needs.
Linux only, for it asks /proc for the peak.

    uv run python benchmarks/large_wave.py            # writes benchmarks/large_wave.csv
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
ITEMS = {f"bel_{i:02d}": f"Statement {i} about how it is to be at this school" for i in range(1, 31)}
LABELS = ["Not at all true", "Slightly true", "Partly true", "Mostly true", "Completely true"]
SHARE_MISSING = 0.03
AT_ONCE = 10_000
STEPS = {
    "pandas": "pandas.read_csv",
    "read": "read_export",
    "link": "read, code and link the wave",
    "check": "read, check, code and link the wave",
    "clean": "clean_waves",
}


def write_wave(folder: Path, n: int, answers: str, seed: int) -> None:
    """Write the survey, in random order and with a few students who did not answer, and the roster."""
    rng = np.random.default_rng(seed)
    words = np.array(LABELS if answers == "labels" else list("12345"), dtype=object)
    order = rng.permutation(n)
    responded = np.sort(rng.choice(n, size=n - n // 50, replace=False))
    with (folder / "survey.csv").open("w", encoding="utf-8", newline="") as stream:
        questions = [f"How true is it? [{text}]" for text in ITEMS.values()]
        stream.write(",".join(["Timestamp", "student_id", "school_id", *questions]) + "\n")
        for at in range(0, len(responded), AT_ONCE):
            students = order[responded[at : at + AT_ONCE]]
            said = words[rng.integers(0, len(words), (len(students), len(ITEMS)))]
            said[rng.random(said.shape) < SHARE_MISSING] = ""
            for student, row in zip(students, said, strict=True):
                times = f"10/{student % 28 + 1}/2026 {student % 9 + 8}:{student % 60:02d}:{student % 59:02d}"
                stream.write(",".join([times, f"{student:07d}", f"school {student % 997:03d}", *row]) + "\n")
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="") as stream:
        stream.write("student_id,school_id,arm\n")
        for student in range(n):
            arm = "programme" if student % 997 % 2 else "comparison"
            stream.write(f"{student:07d},school {student % 997:03d},{arm}\n")


def study() -> object:
    """The study of this one wave."""
    from belonging_study.study.model import Study

    return Study.model_validate(
        {
            "title": "A large wave",
            "name": "large_wave",
            "programme": {"name": "P"},
            "waves": [
                {
                    "name": "w1",
                    "label": "1",
                    "date": "2026-10-01",
                    "sources": [{"file": "survey.csv"}, {"file": "roster.csv", "kind": "roster"}],
                }
            ],
            "design": {"assignment": {"starts": "w1"}},
            "scales": {
                "belonging": {
                    "label": "Belonging",
                    "items": ITEMS,
                    "range": [1, 5],
                    "labels": LABELS,
                    "reverse": ["bel_03", "bel_12"],
                }
            },
            "outcomes": [{"name": "belonging", "measure": "belonging", "label": "Belonging"}],
        }
    )


def memory(name: str) -> float:
    """MB of this process now (VmRSS) or at its peak (VmHWM)."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) / 1024


def measure(step: str, folder: Path) -> dict[str, float]:
    """Run one way of reading in this process."""
    import pandas as pd
    import pandera.pandas  # noqa: F401  (else imported by the first check, and counted as its memory)

    from belonging_study.data import clean_waves, read_export
    from belonging_study.data.checks.schema import check_table
    from belonging_study.data.waves.files import read_wave_files
    from belonging_study.data.waves.measures import prepare_wave
    from belonging_study.data.waves.table import link_wave

    mine = study()
    started = memory("VmRSS")
    began = time.process_time()
    if step == "pandas":
        table = pd.read_csv(folder / "survey.csv")
    elif step == "read":
        table = read_export(folder / "survey.csv", keep=["student_id"]).table
    elif step == "link":
        wave = mine.waves[0]  # type: ignore[attr-defined]
        table = link_wave(mine, wave, read_wave_files(mine, wave, folder)).table  # type: ignore[arg-type]
    elif step == "check":
        wave = mine.waves[0]  # type: ignore[attr-defined]
        linked = link_wave(mine, wave, read_wave_files(mine, wave, folder))  # type: ignore[arg-type]
        table = prepare_wave(mine, wave.name, linked)  # type: ignore[arg-type]
        check_table(mine, wave.name, linked, table)  # type: ignore[arg-type]
    else:
        table = clean_waves(mine, "w1", raw=folder, key=bytes(32)).responses  # type: ignore[arg-type]
    seconds = time.process_time() - began
    deep = float(table.memory_usage(deep=True).sum()) / 2**20
    return {"n_rows": len(table), "seconds": seconds, "peak_mb": memory("VmHWM") - started, "table_mb": deep}


def main() -> None:
    """Measure every step for answers in words and in numbers, and store the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", nargs=2, metavar=("STEP", "FOLDER"))
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
        return
    lines = ["answers,students,step,n_rows,seconds,seconds_ratio,peak_mb,table_mb,peak_ratio"]
    for answers in ("labels", "numbers"):
        with tempfile.TemporaryDirectory() as name:
            write_wave(Path(name), options.students, answers, options.seed)
            plain: dict[str, float] = {}
            for step, title in STEPS.items():
                command = [sys.executable, __file__, "--measure", step, name]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                got = json.loads(done.stdout.splitlines()[-1])
                plain = plain or got
                ratios = got["seconds"] / plain["seconds"], got["peak_mb"] / plain["table_mb"]
                lines.append(
                    f'{answers},{options.students},"{title}",{got["n_rows"]},{got["seconds"]:.1f},{ratios[0]:.1f},'
                    f"{got['peak_mb']:.0f},{got['table_mb']:.0f},{ratios[1]:.2f}"
                )
                print(lines[-1], flush=True)
    if options.students == parser.get_default("students"):
        (PROJECT / "benchmarks" / "large_wave.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
