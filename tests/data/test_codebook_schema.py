from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.data.codebook.table_schema import codebook_schema
from belonging_study.data.codebook.variables import Variable
from belonging_study.data.demo import write_demo
from belonging_study.data.linking.keys import load_key
from belonging_study.study import load_study

# The rules of https://specs.frictionlessdata.io/table-schema/ (version 1) that concern a descriptor, written out.
TYPES = {
    "string", "number", "integer", "boolean", "object", "array", "date", "time", "datetime", "year", "yearmonth",
    "duration", "geopoint", "geojson", "any",
}  # fmt: skip
CONSTRAINTS = {
    "required": {"string", "number", "integer", "boolean"},
    "unique": {"string", "number", "integer", "boolean"},
    "enum": {"string", "number", "integer", "boolean"},
    "minimum": {"number", "integer"},
    "maximum": {"number", "integer"},
    "pattern": {"string"},
}
VALUES: dict[str, Any] = {"string": str, "number": (int, float), "integer": int, "boolean": bool}


def breaks(schema: dict[str, Any]) -> list[str]:
    """What of a descriptor is against the specification."""
    found = []
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        return ["fields must be an array"]
    names = [field.get("name") for field in fields]
    if len(set(names)) != len(names) or not all(isinstance(name, str) and name for name in names):
        found.append("every field needs a name of its own")
    for field in fields:
        name, kind = field["name"], field.get("type")
        if kind not in TYPES:
            found.append(f"{name}: type {kind}")
        found += [f"{name}: {k} is not text" for k in ("title", "description") if not isinstance(field.get(k, ""), str)]
        for rule, value in field.get("constraints", {}).items():
            if kind not in CONSTRAINTS.get(rule, set()):
                found.append(f"{name}: {rule} does not apply to {kind}")
            elif rule in {"required", "unique"} and not isinstance(value, bool):
                found.append(f"{name}: {rule} is not boolean")
            elif rule == "enum":
                if not isinstance(value, list) or not value or len(set(value)) != len(value):
                    found.append(f"{name}: enum is not a list of different values")
                elif not all(isinstance(v, VALUES[kind]) for v in value):
                    found.append(f"{name}: enum is not of type {kind}")
            elif rule in {"minimum", "maximum"} and not isinstance(value, VALUES[kind]):
                found.append(f"{name}: {rule} is not of type {kind}")
        if "categories" in field and [c["value"] for c in field["categories"]] != field["constraints"]["enum"]:
            found.append(f"{name}: categories and enum differ")
        if kind != "boolean" and {"trueValues", "falseValues"} & set(field):
            found.append(f"{name}: trueValues without boolean")
    missing = schema.get("missingValues", [""])
    if not isinstance(missing, list) or not all(isinstance(value, str) for value in missing):
        found.append("missingValues is not a list of texts")
    key = schema.get("primaryKey", [])
    if not set([key] if isinstance(key, str) else key) <= set(names):
        found.append("primaryKey names no field")
    return found


@pytest.fixture(scope="module")
def cleaned(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    raw, study = tmp_path_factory.mktemp("raw"), load_study(project / "study.yml")
    write_demo(raw, 1)
    return clean_waves(study, "w2", raw=raw, key=load_key(study, raw))


def test_the_rules_find_what_they_should() -> None:
    assert breaks({"fields": []})
    assert breaks({"fields": [{"name": "a", "type": "text"}, {"name": "a", "type": "any"}]})
    assert breaks({"fields": [{"name": "a", "type": "string", "constraints": {"minimum": 1}}]})
    assert breaks({"fields": [{"name": "a", "type": "integer", "constraints": {"enum": ["1"]}}]})
    assert breaks({"fields": [{"name": "a", "type": "string"}], "primaryKey": ["b"]})


def test_the_demos_schema_keeps_to_the_specification_and_describes_every_column(cleaned: Cleaned) -> None:
    schema = cleaned.codebook_schema
    assert not breaks(schema)
    assert [field["name"] for field in schema["fields"]] == list(cleaned.responses.columns)
    assert list(cleaned.codebook["variable"].sort_values()) == sorted(cleaned.responses.columns)


def test_every_row_of_the_clean_table_keeps_to_its_schema(cleaned: Cleaned) -> None:
    table, schema = cleaned.responses, cleaned.codebook_schema
    assert not table.duplicated(schema["primaryKey"]).any()
    for field in schema["fields"]:
        column, rules = table[field["name"]], field.get("constraints", {})
        assert not rules.get("required") or column.notna().all(), field["name"]
        known = column.dropna()
        assert known.isin(rules["enum"]).all() if "enum" in rules else True, field["name"]
        assert (known >= rules["minimum"]).all() if "minimum" in rules else True, field["name"]
        assert (known <= rules["maximum"]).all() if "maximum" in rules else True, field["name"]


def test_wording_labels_and_sources_are_those_of_the_study(cleaned: Cleaned) -> None:
    field = {f["name"]: f for f in cleaned.codebook_schema["fields"]}
    assert field["bel_03"]["description"].startswith("At break I often have nobody to stand with.")
    assert "reverse-keyed" in field["bel_03"]["description"]
    assert "w2/survey.csv" in field["bel_03"]["description"]
    assert field["bel_03"]["categories"][0] == {"value": 1, "label": "Not at all true"}
    assert field["mean_mark"]["constraints"] == {"minimum": 0, "maximum": 100}
    assert field["suspended"]["constraints"]["enum"] == [1, 0]
    assert field["gender"]["constraints"]["enum"] == ["Girls", "Boys", "Other or not said"]


def test_types_follow_the_column_and_not_the_hope() -> None:
    sample = pd.DataFrame({"a": [1.5], "b": ["x"], "c": [True], "d": [1]})
    schema = codebook_schema(sample, [Variable(name, name.upper(), minimum=0) for name in "dcba"])
    assert [(f["name"], f["type"]) for f in schema["fields"]] == [
        ("a", "number"), ("b", "string"), ("c", "boolean"), ("d", "integer"),
    ]  # fmt: skip
    assert not breaks(schema)
