from __future__ import annotations

import csv
import io
import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas
from toy_study import write_notebook

from belonging_study.errors import FileMissingError, ParameterError
from belonging_study.figures import Drawn
from belonging_study.reports.csv_files import csv_bytes, read_csv
from belonging_study.reports.workspace import Workspace, open_wave


def test_the_study_is_found_from_below_and_the_last_complete_wave_is_taken(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy / "notebooks")
    ws = open_wave()
    assert (ws.study.name, ws.wave.name) == ("toy", "w2")
    assert ws.processed == ws.shown == toy / "data_processed" / "w2"
    (toy / "data_raw" / "w2" / "survey.csv").unlink()
    assert open_wave().wave.name == "w1"
    assert open_wave(study=toy / "study.yml").wave.name == "w1"
    with pytest.raises(ParameterError, match="did you mean w1"):
        open_wave("W1x")
    (toy / "data_raw" / "w1" / "survey.csv").unlink()
    with pytest.raises(FileMissingError, match=r"w1/survey\.csv"):
        open_wave()
    monkeypatch.chdir(toy.parent)
    with pytest.raises(FileMissingError, match=r"study\.yml"):
        open_wave()


def test_the_runners_environment_wins(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BELONGING_STUDY_STUDY", str(toy / "study.yml"))
    monkeypatch.setenv("BELONGING_STUDY_SCRATCH", str(tmp_path / "scratch"))
    other = tmp_path / "elsewhere"
    (toy / "data_raw").rename(other)
    monkeypatch.setenv("BELONGING_STUDY_DATA", str(other))
    ws = open_wave("w1")
    assert ws.raw == other
    ws.save("a", pd.DataFrame({"x": [1]}))
    ws.table("b", pd.DataFrame({"x": [1]}), title="B", section="flow")
    assert (tmp_path / "scratch" / "processed" / "a.parquet").is_file()
    assert (tmp_path / "scratch" / "version" / "tables" / "b.csv").is_file()
    assert not (toy / "data_processed").exists()


@pytest.fixture
def ws(toy: Path) -> Workspace:
    return open_wave("w1")


def test_a_table_comes_back_as_it_was_kept(ws: Workspace) -> None:
    table = pd.DataFrame({"student": ["p1", "p2"], "marks": [1.1, math.nan], "ok": [True, False], "n": [1, 2]})
    ws.save("own", table)
    pd.testing.assert_frame_equal(ws.load("own"), table)


def test_what_was_made_from_earlier_data_is_not_given(
    ws: Workspace, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELONGING_STUDY_CATCHING_UP", "1")
    ws.save("own", pd.DataFrame({"x": [1]}))
    ws.table("shown", pd.DataFrame({"x": [1]}), title="Shown", section="flow")
    assert len(open_wave("w1").read_table("shown")) == 1
    (toy / "data_raw" / "w1" / "survey.csv").write_text("student_id,marks\n1,9\n")
    later = open_wave("w1")
    with pytest.raises(FileMissingError, match="earlier data"):
        later.load("own")
    with pytest.raises(FileMissingError, match="earlier data"):
        later.read_table("shown")
    with pytest.raises(FileMissingError, match="not been made yet"):
        later.load("other")


def test_responses_and_scores_are_made_once_and_again_when_data_change(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Cleaned:
        def __init__(self, responses: pd.DataFrame) -> None:
            self.responses = responses

    def clean_waves(study: object, wave: str, *, raw: Path, key: bytes) -> Cleaned:
        calls.append("clean")
        return Cleaned(pd.read_csv(raw / wave / "survey.csv"))

    def score_study(study: object, responses: pd.DataFrame) -> pd.DataFrame:
        calls.append("score")
        return responses.assign(double=responses["marks"] * 2)

    monkeypatch.setattr("belonging_study.data.clean.clean_waves", clean_waves, raising=False)
    monkeypatch.setattr("belonging_study.scales.study_scores.score_study", score_study, raising=False)
    assert open_wave("w1").scores()["double"].tolist() == [5.0, 7.0]
    assert open_wave("w1").responses()["marks"].tolist() == [2.5, 3.5]
    assert open_wave("w1").scores()["double"].tolist() == [5.0, 7.0]
    assert calls == ["clean", "score"]
    (toy / "data_raw" / "w1" / "survey.csv").write_text("student_id,marks\n1,9\n")
    assert open_wave("w1").scores()["double"].tolist() == [18.0]
    assert calls == ["clean", "score", "clean", "score"]


def test_small_cells_are_suppressed_before_anything_is_written(ws: Workspace) -> None:
    data = pd.DataFrame({"group": ["a", "b", "c"], "n_students": [3, 40, 50], "mean": [1.25, 2.5, 3.5]})
    block = ws.table("means", data, title="Means", section="measurement")
    assert block is not None
    text = (ws.shown / "tables" / "means.csv").read_text()
    assert "1.25" not in text
    assert "1.25" not in str(block.to_json())
    assert data.loc[0, "mean"] == 1.25
    assert ws.table("file", data, title="A file", section="measurement", show=False) is None


def test_csv_keeps_every_digit_and_no_formula() -> None:
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=200) * 10.0 ** rng.integers(-300, 300, size=200)
    texts = ["=1+1", "+1", "-x", "@a", "\ttab", "plain", 'quote "here", comma', "two\nlines", None, "'x"] * 20
    table = pd.DataFrame({"value": numbers, "text": pd.Series(texts, dtype=object), "n": range(200)})
    content = csv_bytes(table)
    assert b"\r" not in content
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
    assert [float(r["value"]) for r in rows] == numbers.tolist()
    assert not [r["text"] for r in rows if r["text"].startswith(("=", "+", "-", "@", "\t"))]
    assert [float(r["value"]) < 0 for r in rows] == (numbers < 0).tolist()


def test_csv_comes_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"estimate": [0.1, math.nan, -1 / 3], "term": ["=a", "NA", "'+b"], "n": [1, 2, 3]})
    (tmp_path / "a.csv").write_bytes(csv_bytes(table))
    back = read_csv(tmp_path / "a.csv")
    assert back["estimate"].tolist()[::2] == table["estimate"].tolist()[::2]
    assert math.isnan(back["estimate"][1])
    assert back["term"].tolist()[:2] == ["=a", "NA"]
    assert back["n"].tolist() == [1, 2, 3]
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=500) * 10.0 ** rng.integers(-20, 20, size=500)
    (tmp_path / "b.csv").write_bytes(csv_bytes(pd.DataFrame({"value": numbers})))
    assert read_csv(tmp_path / "b.csv")["value"].tolist() == numbers.tolist()


def test_a_figure_is_written_twice_with_the_same_bytes_and_closed(ws: Workspace) -> None:
    import matplotlib.pyplot as plt

    def draw() -> Drawn:
        figure = plt.figure()
        axes = figure.subplots()
        axes.plot([1, 2], [3, 4], marker="o")
        axes.set_title("A title")
        return Drawn(figure, "A line that rises from 3 to 4.")

    made = []
    for _ in range(2):
        block = ws.figure("line", draw(), title="Line", section="effects", caption="Up.")
        made.append([(ws.shown / "figures" / f"line.{kind}").read_bytes() for kind in ("svg", "png")])
    assert made[0] == made[1]
    assert plt.get_fignums() == []
    assert (block.svg.encode(), block.png) == tuple(made[0])
    assert block.alt == "A line that rises from 3 to 4."
    assert b"<dc:date>" not in made[0][0]
    with pytest.raises(ParameterError):
        ws.figure("../line", Drawn(Canvas(), "x"), title="Line", section="effects")


def test_a_note_is_a_block(ws: Workspace) -> None:
    note = ws.note("Ten schools.", section="cautions", kind="caution", title="Few schools")
    assert (note.text, note.kind, note.title, note.section) == ("Ten schools.", "caution", "Few schools", "cautions")


OPEN = (
    "from pathlib import Path\nfrom belonging_study.reports import fingerprint\n"
    "fingerprint._PACKAGE = Path.cwd().parent.parent / 'package' if Path.cwd().name == 'notebooks' "
    "else Path.cwd().parent / 'package'\n"
)
WRITES = (
    "import pandas as pd\nfrom belonging_study.reports.workspace import open_wave\nws = open_wave(wave)\n"
    "ws.table('estimates', pd.DataFrame({'estimate': [0.25]}), title='Estimates', section='effects')"
)
READS = (
    "from belonging_study.reports.workspace import open_wave\nws = open_wave(wave)\n"
    "print(ws.read_table('estimates')['estimate'].tolist())\nws.read_table('nothing')"
)


def test_a_notebook_opened_by_hand_has_the_earlier_ones_run_first(toy: Path) -> None:
    from belonging_study.reports.engine import Kernels, execute

    write_notebook(toy / "notebooks" / "01_clean.ipynb", OPEN, WRITES)
    write_notebook(toy / "notebooks" / "02_scales.ipynb", OPEN, READS)
    done = execute(
        toy / "notebooks" / "02_scales.ipynb",
        parameters={"wave": "w1"},
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        cwd=toy / "notebooks",
        kernels=Kernels(),
        on_cell=lambda cell, cells: None,
    )
    assert done.notebook.cells[3].outputs[0].text == "[0.25]\n"
    assert (toy / "data_processed" / "w1" / "tables" / "estimates.csv").read_text().startswith("estimate")
    assert done.error is not None
    assert done.error.name == "FileMissingError"
    assert "The table nothing has not been made yet." in done.error.text
