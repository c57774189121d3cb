from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from belonging_study.errors import ParameterError
from belonging_study.reports.parameters import read_parameters, share_out, validate


def notebook(folder: Path, source: str, name: str = "01_clean") -> Path:
    node = nbformat.v4.new_notebook()
    node.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})]
    path = folder / f"{name}.ipynb"
    nbformat.write(node, path)
    return path


@pytest.fixture
def four(tmp_path: Path) -> Path:
    return notebook(
        tmp_path,
        'wave: str = ""  # the wave to report\nseed: int = 1\n'
        "share: float = 0.5  # a share, between 0 and 1\nquick: bool = False",
    )


def test_names_types_defaults_and_help(four: Path) -> None:
    found = {p.name: (p.type, p.default, p.help) for p in read_parameters(four)}
    assert found == {
        "wave": ("str", "", "the wave to report"),
        "seed": ("int", 1, ""),
        "share": ("float", 0.5, "a share, between 0 and 1"),
        "quick": ("bool", False, ""),
    }


def test_text_becomes_the_parameters_type(four: Path) -> None:
    made = validate(four, {"wave": "3", "seed": "-7", "share": "1e-3", "quick": "Yes"})
    assert made == {"wave": "3", "seed": -7, "share": 0.001, "quick": True}
    assert [type(v) for v in made.values()] == [str, int, float, bool]


def test_typed_values_are_taken_as_they_are(four: Path) -> None:
    assert validate(four, {"share": 2, "quick": False}) == {"share": 2.0, "quick": False}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "1.5"),
        ("seed", "one"),
        ("seed", True),
        ("seed", 2.0),
        ("share", "half"),
        ("quick", "2"),
        ("quick", 1),
        ("wave", 3),
    ],
)
def test_a_value_of_another_type_is_an_error(four: Path, name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        validate(four, {name: value})


def test_an_unknown_name_gets_the_nearest(four: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean share"):
        validate(four, {"shrae": "1"})


@pytest.mark.parametrize("source", ["seed = 1", "seed: int", 'seed: int = "1"', "seed: list = []", "seed: int = 1 +"])
def test_a_cell_without_annotations_is_an_error(tmp_path: Path, source: str) -> None:
    with pytest.raises(ParameterError, match=r"01_clean\.ipynb"):
        read_parameters(notebook(tmp_path, source))


def test_each_notebook_gets_its_own(tmp_path: Path) -> None:
    one, two = notebook(tmp_path, "seed: int = 1", "01_a"), notebook(tmp_path, "draws: int = 1\nseed: int = 1", "02_b")
    assert share_out([one, two], {"seed": "5", "draws": "9"}) == {"01_a": {"seed": 5}, "02_b": {"seed": 5, "draws": 9}}
    with pytest.raises(ParameterError, match="did you mean draws"):
        share_out([one, two], {"drawn": 1})
