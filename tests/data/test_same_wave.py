"""One wave comes out as the same table, whatever tool exported it and whatever file it lies in."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from belonging_study.data import Cleaned, clean_waves, read_export
from belonging_study.errors import DataError
from belonging_study.study.model import Study
from data.writers import qualtrics, redcap, survey_tools, tables
from data.writers.wave import CONSENT, ITEMS, LABELS, WORDINGS, Simulated, Written, simulate, write_roster

Writer = Callable[[Path, Simulated], Written]

FORMATS: dict[str, tuple[str, Writer]] = {
    "qualtrics_labels.csv": ("qualtrics", partial(qualtrics.modern, numeric=False)),
    "qualtrics_numeric.csv": ("qualtrics", partial(qualtrics.modern, numeric=True)),
    "qualtrics_legacy.csv": ("qualtrics", qualtrics.legacy),
    "qualtrics_workbook.xlsx": ("excel", partial(qualtrics.modern, numeric=False, workbook=True)),
    "redcap_raw.csv": ("redcap", redcap.raw),
    "redcap_labels.csv": ("redcap", redcap.labelled),
    "redcap_events.csv": ("redcap", partial(redcap.raw, longitudinal=True)),
    "google_forms.csv": ("google_forms", survey_tools.google_forms),
    "limesurvey_codes.csv": ("limesurvey", survey_tools.limesurvey_codes),
    "limesurvey_full.csv": ("limesurvey", survey_tools.limesurvey_full),
    "surveymonkey.csv": ("surveymonkey", survey_tools.surveymonkey),
    "plain.xlsx": ("excel", tables.excel),
    "plain.sav": ("spss", tables.spss),
    "plain.dta": ("stata", tables.stata),
    "plain.csv": ("delimited", tables.text),
    "plain.tsv": ("delimited", partial(tables.text, separator="\t")),
    "utf16.csv": ("delimited", partial(tables.text, encoding="utf-16")),
    "windows.csv": ("delimited", partial(tables.text, encoding="windows-1252")),
    "decimal_comma.csv": ("delimited", partial(tables.text, separator=";", decimal=",")),
    "plain.parquet": ("parquet", tables.parquet),
}
NOT_IN_THE_FLOW = ("Header rows", "Blank lines", "Records without answers", "Rows of other waves")
DURATION = "duration_seconds"


@pytest.fixture(scope="module")
def wave() -> Simulated:
    return simulate()


def study(declared: Written, unfinished: str) -> Study:
    return Study.model_validate(
        {
            "title": "One wave",
            "name": "one_wave",
            "programme": {"name": "P"},
            "waves": [
                {
                    "name": "w1",
                    "label": "1",
                    "date": "2026-05-04",
                    "sources": [declared.source, {"file": "roster.csv", "kind": "roster"}],
                }
            ],
            "design": {"assignment": {"starts": "w1"}},
            "scales": {
                "belonging": {
                    "label": "Belonging",
                    "items": dict(zip(ITEMS, WORDINGS, strict=True)),
                    "range": [1, 5],
                    "labels": LABELS,
                    "synonyms": declared.synonyms,
                }
            },
            "outcomes": [{"name": "belonging", "measure": "belonging", "label": "Belonging"}],
            "exclusions": [{"name": "no_consent", "label": "No consent", "column": "consent", "equals": CONSENT[2]}],
            "analysis": {"covariates": ["age"]},
            "responses": {"unfinished": unfinished},
        }
    )


Clean = Callable[[str, str], tuple[Cleaned, Written]]


@pytest.fixture(scope="module")
def clean(wave: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """Write and clean a format, once for all tests."""

    @cache
    def once(name: str, unfinished: str) -> tuple[Cleaned, Written]:
        folder = tmp_path_factory.mktemp("wave")
        write_roster(folder / "roster.csv", wave)
        declared = FORMATS[name][1](folder / name, wave)
        return clean_waves(study(declared, unfinished), "w1", raw=folder, key=bytes(32)), declared

    return once


def truth(wave: Simulated, *, without_unfinished: bool = False) -> np.ndarray[Any, Any]:
    """What the table has to hold, as rows that do not depend on pseudonyms."""
    given = {one.student: one for one in wave.responses if one.finished or not without_unfinished}
    rows = []
    for place, student in enumerate(wave.students):
        one = given.get(student)
        if one is not None and one.consent == 2:
            continue
        answers = [np.nan if one is None or a is None else a for a in (one.answers if one else [None] * 10)]
        rows.append([float(place % 2), float(one is not None), np.nan if one is None else one.age, *answers])
    return np.array(sorted(rows, key=repr))


def rows_of(responses: pd.DataFrame) -> np.ndarray[Any, Any]:
    table = responses[["programme", "responded", "age", *ITEMS]].astype(float).to_numpy().tolist()
    return np.array(sorted(table, key=repr))


TELL_UNFINISHED = [name for name in FORMATS if name.startswith(("qualtrics", "redcap", "limesurvey"))]


@pytest.mark.parametrize(
    ("name", "unfinished"), [*((name, "keep") for name in FORMATS), *((name, "drop") for name in TELL_UNFINISHED)]
)
def test_the_table_is_the_wave_and_the_same_from_every_format(
    clean: Clean, wave: Simulated, name: str, unfinished: str
) -> None:
    cleaned, declared = clean(name, unfinished)
    drops = unfinished == "drop"
    assert declared.tells_unfinished == (name in TELL_UNFINISHED)
    np.testing.assert_array_equal(rows_of(cleaned.responses), truth(wave, without_unfinished=drops))
    expected, _ = clean("limesurvey_full.csv" if drops else "plain.csv", unfinished)
    pd.testing.assert_frame_equal(
        cleaned.responses.drop(columns=DURATION, errors="ignore"),
        expected.responses.drop(columns=DURATION, errors="ignore"),
        check_exact=True,
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_row_of_the_file_is_accounted_for(clean: Clean, wave: Simulated, name: str) -> None:
    cleaned, declared = clean(name, "keep")
    flow = cleaned.flow[(cleaned.flow["stream"] == "survey") & (cleaned.flow["arm"] == "all")]
    by_kind = flow.groupby("kind")["n_rows"].sum()
    aside = flow[(flow["kind"] == "info") & flow["label"].isin(NOT_IN_THE_FLOW)]["n_rows"].sum()
    assert by_kind["start"] + aside == declared.n_rows
    assert by_kind["start"] - by_kind.get("excluded", 0) == by_kind["remaining"]
    assert by_kind["remaining"] == len(wave.responses)
    students = cleaned.flow[(cleaned.flow["stream"] == "students") & (cleaned.flow["arm"] == "all")]
    by_kind = students[students["kind"] != "info"].groupby("kind")["n_rows"].sum()
    assert by_kind["start"] == len(wave.students)
    assert by_kind["remaining"] == len(cleaned.responses)


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_found_by_content_whatever_the_name(tmp_path: Path, wave: Simulated, name: str) -> None:
    found, write = FORMATS[name]
    declared = write(tmp_path / name, wave)
    plain = (tmp_path / name).rename(tmp_path / "export.dat")
    options = {key: declared.source[key] for key in ("encoding", "decimal") if key in declared.source}
    export = read_export(plain, **options)
    assert export.format == found
    assert (export.unfinished is not None) == declared.tells_unfinished
    if export.unfinished is not None:
        # in REDCap the number of a student who never answered stands in the form all the same
        assert export.unfinished.sum() == 1 + (len(wave.students) - len(wave.responses) if found == "redcap" else 0)
        assert list(export.unfinished.index) == list(export.table.index)


@pytest.mark.parametrize("name", [name for name in FORMATS if name.endswith(".csv") and not name.startswith("windows")])
def test_a_text_export_saved_as_a_workbook_reads_alike(tmp_path: Path, wave: Simulated, name: str) -> None:
    FORMATS[name][1](tmp_path / name, wave)
    encoding = "utf-16" if name == "utf16.csv" else "utf-8-sig"
    separator = ";" if name in ("limesurvey_full.csv", "decimal_comma.csv") else ","
    book = openpyxl.Workbook()
    with (tmp_path / name).open(newline="", encoding=encoding) as stream:
        for at, row in enumerate(csv.reader(stream, delimiter=separator), 1):
            for place, text in enumerate(row, 1):
                cell = book.active.cell(at, place, text or None)
                if text:
                    cell.data_type = "s"
    book.save(tmp_path / "export.xlsx")
    text, workbook = read_export(tmp_path / name), read_export(tmp_path / "export.xlsx")
    assert workbook.format == "excel"
    pd.testing.assert_frame_equal(workbook.table, text.table)
    assert workbook.set_aside == text.set_aside
    assert workbook.parts == text.parts
    assert (workbook.unfinished is None) == (text.unfinished is None)


def test_durations_come_from_the_export_that_has_them(clean: Clean, wave: Simulated) -> None:
    cleaned, _ = clean("qualtrics_numeric.csv", "keep")
    expected = sorted(one.seconds for one in wave.responses if one.consent == 1)
    assert sorted(cleaned.responses[DURATION].dropna()) == expected


def test_several_events_without_rows_are_refused_in_plain_words(tmp_path: Path, wave: Simulated) -> None:
    write_roster(tmp_path / "roster.csv", wave)
    declared = redcap.raw(tmp_path / "events.csv", wave, longitudinal=True)
    del declared.source["rows"]
    with pytest.raises(DataError) as caught:
        clean_waves(study(declared, "keep"), "w1", raw=tmp_path, key=bytes(32))
    assert "2 different redcap_event_name: baseline_arm_1 (200), exit_arm_1 (200)" in str(caught.value)
    assert "rows: {redcap_event_name: baseline_arm_1}" in str(caught.value)


def test_declared_missing_answers_keep_their_reason(clean: Clean, wave: Simulated) -> None:
    for name, reason in (
        ("plain.sav", "keine Angabe"),
        ("plain.dta", "keine Angabe"),
        ("qualtrics_numeric.csv", "seen but unanswered"),
    ):
        cleaned, _ = clean(name, "keep")
        counted = cleaned.missing[cleaned.missing["reason"] == f"declared in the file: {reason}"]
        missing = [[one.answers[i] is None for one in wave.responses] for i in range(len(ITEMS))]
        step = 2 if name.startswith("plain") else 1
        expected = [sum(column[step - 1 :: step]) for column in missing]
        assert dict(zip(counted["column"], counted["n"], strict=True)) == {
            item: n for item, n in zip(ITEMS, expected, strict=True) if n
        }
