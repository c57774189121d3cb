"""A definition in which entries were replaced at random is a study or a list of mistakes, and nothing else."""

from __future__ import annotations

import copy
import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.errors import StudyDefinitionError
from belonging_study.study import Study, parse_study

ODD: list[Any] = [
    None, "", " ", "null", [], {}, [None], [[]], [[1]], [{}], {"a": None}, {None: 1}, {1: 2}, {True: False},
    {"a": {"b": 1}}, {"a": []}, {(1, 2): 3}, 0, -1, True, 1e308, 10**400, float("nan"), float("inf"), [1, 1],
    ["a", "a"], "../x", "/etc/x", "C:\\x", "\u202e", "x\ny", "\x00", b"xx", "2024-10-07", dt.date(2024, 1, 1),
    dt.datetime(2024, 1, 1, 1), [["bel_01"]], [["bel_01", "bel_01"]], [["bel_01", "bel_02", "bel_03"]],
    {"de": "abc"}, {"de": []}, {"de": [1, 2, 3, 4, 5]}, {"de": [None] * 5}, {"": ["a"] * 5}, "student_id", "w1",
]  # fmt: skip

_Path = tuple[Any, ...]


def definition(project: Path, *, linking: bool) -> dict[str, Any]:
    """The demo's, with everything in it that it does not use."""
    whole: dict[str, Any] = yaml.safe_load((project / "study.yml").read_text(encoding="utf-8"))
    whole["records"] = {
        "chronic_absence": 0.1,
        "marks": {"ab": ["A", "B"], "c": ["C"], "dfw": ["D", "F", "W"], "withdrawn": ["W"], "not_counted": ["aud"]},
        "incidents": {"fights": ["fight"]},
    }
    first = whole["waves"][0]["sources"][0]
    first.update(values={"gender": {"f": "girl"}}, encoding="utf-8", decimal=",", date_order="day")
    whole["waves"][0]["sources"].append({"file": "m.csv", "kind": "marks"})
    whole["scales"]["belonging"]["translations"] = {"de": ["nie", "selten", "manchmal", "oft", "immer"]}
    whole["scales"]["belonging"]["synonyms"] = {"99": float("nan"), "x": 3}
    whole["groups"][0]["values"] = {"yes": "Y", "no": "N"}
    whole["groups"][0]["reference"] = "no"
    whole["readers"] = "readers.py"
    if linking:
        for wave in whole["waves"]:
            wave["sources"] = wave["sources"][:1]
        first.update(rows={"event": "x", "n": 1}, dictionary="d.csv")
        whole["design"]["linking"] = {"code": ["initial", "month"], "verify": ["birth_year"], "maximum_changes": 1}
    return whole


def paths(part: Any, path: _Path = ()) -> Iterator[_Path]:
    if path:
        yield path
    if isinstance(part, dict | list):
        for key in part if isinstance(part, dict) else range(len(part)):
            yield from paths(part[key], (*path, key))


def entry(part: Any, path: _Path) -> Any:
    for key in path:
        part = part[key]
    return part


def damaged(whole: dict[str, Any], seed: int) -> str:
    chance, result = random.Random(seed), copy.deepcopy(whole)
    for _ in range(chance.randint(1, 2)):
        *above, last = chance.choice(list(paths(result)))
        around, kind = entry(result, tuple(above)), chance.randrange(5)
        if kind == 3:
            del around[last]
        else:
            other = entry(whole, chance.choice(list(paths(whole)))) if kind == 4 else chance.choice(ODD)
            around[last] = copy.deepcopy(other)
    return str(yaml.dump(result, allow_unicode=chance.random() < 0.5, sort_keys=False))


def require_study_or_mistakes(project: Path, seed: int, linking: bool) -> None:
    text = damaged(definition(project, linking=linking), seed)
    try:
        result: Study | StudyDefinitionError = parse_study(text)
    except StudyDefinitionError as error:
        result = error
    if isinstance(result, StudyDefinitionError):
        assert result.mistakes
        assert all(1 <= mistake.line <= text.count("\n") + 1 for mistake in result.mistakes)


@pytest.mark.parametrize("linking", [False, True])
def test_the_whole_definition_is_sound(project: Path, linking: bool) -> None:
    study = parse_study(yaml.dump(definition(project, linking=linking), sort_keys=False))
    assert (study.design.linking is not None) == linking


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), linking=st.booleans())
def test_any_entry_may_be_anything(project: Path, seed: int, linking: bool) -> None:
    require_study_or_mistakes(project, seed, linking)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), linking=st.booleans())
def test_any_entry_may_be_anything_many_times(project: Path, seed: int, linking: bool) -> None:
    require_study_or_mistakes(project, seed, linking)


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        (("outcomes", 0, "measure"), ["belonging"], "outcomes.0.measure"),
        (("outcomes", 0, "kind"), {"a": 1}, "outcomes.0.kind"),
        (("groups", 0, "name"), [[]], "groups.0.name"),
        (("scales", "connection", "items"), [["con_01"]], "scales.connection.items"),
    ],
)
def test_lists_and_entries_where_a_name_belongs_are_mistakes(project: Path, path: _Path, value: Any, at: str) -> None:
    whole = definition(project, linking=False)
    entry(whole, path[:-1])[path[-1]] = value
    with pytest.raises(StudyDefinitionError) as caught:
        parse_study(yaml.dump(whole, sort_keys=False))
    assert at in {mistake.path for mistake in caught.value.mistakes}
