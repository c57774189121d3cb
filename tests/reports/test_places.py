from __future__ import annotations

from pathlib import Path

import pytest
from toy_study import write_notebook

from belonging_study.errors import FileMissingError, ParameterError
from belonging_study.reports.places import choose_wave, find_notebooks, missing_files, places
from belonging_study.study import load_study


def test_notebooks_come_from_the_study_or_the_nearest_folder_above(toy: Path) -> None:
    below = toy / "studies" / "north"
    below.mkdir(parents=True)
    assert [p.parent for p in find_notebooks(below)] == [toy / "notebooks"] * 2
    write_notebook(below / "notebooks" / "03_own.ipynb", "1")
    write_notebook(below / "notebooks" / "scratch.ipynb", "1")
    assert [p.name for p in find_notebooks(below)] == ["03_own.ipynb"]


def test_raw_data_lie_where_the_caller_or_the_environment_says(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(toy)
    assert places(study).raw == toy / "data_raw"
    monkeypatch.setenv("BELONGING_STUDY_DATA", str(tmp_path / "a"))
    assert places(study).raw == tmp_path / "a"
    assert places(study, tmp_path / "b").raw == tmp_path / "b"


def test_a_wave_needs_the_files_of_the_waves_before_it(toy: Path) -> None:
    study = load_study(toy)
    raw = toy / "data_raw"
    assert choose_wave(study, raw) == "w2"
    (raw / "w1" / "survey.csv").unlink()
    assert missing_files(study, raw, ["w1", "w2"]) == ("w1/survey.csv",)
    with pytest.raises(FileMissingError):
        choose_wave(study, raw)
    assert choose_wave(study, raw, "w2") == "w2"
    with pytest.raises(ParameterError, match="did you mean w2"):
        choose_wave(study, raw, "w22")


def test_a_data_dictionary_counts_among_a_waves_files(toy: Path) -> None:
    study = load_study(toy)
    first = study.waves[0]
    source = first.sources[0].model_copy(update={"dictionary": "w1/dictionary.csv"})
    wave = first.model_copy(update={"sources": (source, *first.sources[1:])})
    study = study.model_copy(update={"waves": (wave, *study.waves[1:])})
    assert missing_files(study, toy / "data_raw", [first.name]) == ("w1/dictionary.csv",)
    (toy / "data_raw" / "w1" / "dictionary.csv").write_text("x")
    assert missing_files(study, toy / "data_raw", [first.name]) == ()
