from __future__ import annotations

from pathlib import Path

import pytest

from belonging_study.errors import DataError, ParameterError
from belonging_study.reports.raw_data import provide_demo_data, rewrite_demo_data
from belonging_study.study import Study, load_study


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds with which a stand-in for the simulation was called; it refuses files that are not its own."""
    seeds: list[int] = []

    def write_demo(raw: Path, seed: int) -> None:
        for wave in ("w1", "w2"):
            path = raw / wave / "survey.csv"
            if path.is_file() and not path.read_text().startswith("demo"):
                raise DataError("Not the demo's.")
        for wave in ("w1", "w2"):
            (raw / wave).mkdir(exist_ok=True)
            (raw / wave / "survey.csv").write_text(f"demo {seed}")
        seeds.append(seed)

    monkeypatch.setattr("belonging_study.data.demo.write_demo", write_demo)
    return seeds


def demo(toy: Path) -> Study:
    with (toy / "study.yml").open("a") as file:
        file.write("demo: {seed: 5}\n")
    return load_study(toy)


def test_only_an_empty_demo_study_is_given_data(toy: Path, written: list[int]) -> None:
    raw = toy / "data_raw"
    plain = load_study(toy)
    study = demo(toy)
    assert not provide_demo_data(study, raw)
    for wave in ("w1", "w2"):
        (raw / wave / "survey.csv").unlink()
    assert not provide_demo_data(plain, raw)
    assert written == []
    assert provide_demo_data(study, raw)
    assert not provide_demo_data(study, raw)
    assert written == [5]


def test_data_are_written_anew_only_where_needed(toy: Path, written: list[int]) -> None:
    raw = toy / "data_raw"
    with pytest.raises(ParameterError, match="not the demo"):
        rewrite_demo_data(load_study(toy), raw)
    study = demo(toy)
    with pytest.raises(DataError):
        rewrite_demo_data(study, raw)
    assert (raw / "w1" / "survey.csv").read_text().startswith("student_id")
    for wave in ("w1", "w2"):
        (raw / wave / "survey.csv").unlink()
    assert rewrite_demo_data(study, raw)
    assert not rewrite_demo_data(study, raw)
    assert rewrite_demo_data(study, raw, 6)
    assert not rewrite_demo_data(study, raw, 6)
    (raw / "w2" / "survey.csv").unlink()
    assert rewrite_demo_data(study, raw, 6)
    assert written == [5, 6, 6]
