from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from belonging_study.data.checks.identifiers import Trace, scan_files, trace_issues
from belonging_study.data.waves.all_waves import examine_wave
from belonging_study.study.model import Study

SECRETS = ("Amalia", "Brunner", "0171 9988776", "amalia.b@school.org", "4711081547")


def make_study(**changes: Any) -> Study:
    return Study.model_validate(
        {
            "title": "A small study",
            "name": "small",
            "programme": {"name": "P"},
            "waves": [
                {
                    "name": "w1",
                    "label": "",
                    "date": "2026-01-01",
                    "sources": [{"file": "survey.csv"}, {"file": "roster.csv", "kind": "roster"}],
                }
            ],
            "design": {"assignment": {"starts": "w1"}},
            "scales": {"s": {"label": "S", "items": ["q1"], "range": [1, 5]}},
            "outcomes": [{"name": "s", "measure": "s", "label": "S"}],
            "analysis": {"covariates": ["home"]},
        }
        | changes
    )


def traces(folder: Path, remarks: list[str], homes: list[str]) -> tuple[Trace, ...]:
    """Scan a survey with these remarks (not needed) and a roster with these homes (a covariate)."""
    n = max(len(remarks), len(homes))
    ids = [f"{20_000_000 + i}" for i in range(n)]  # the identifier itself is a long number
    survey = ["student_id,q1,remark", *(f'{i},{1 + int(i) % 5},"{r}"' for i, r in zip(ids, remarks, strict=False))]
    roster = ["student_id,first_name,surname,FirstName,LastName,school_id,arm,home"]
    people = [("Amalia", "Brunner"), ("Nils", "Okafor")]
    roster += [
        f'{i},,,{people[at % 2][0]},{people[at % 2][1]},s{at % 2},{("programme", "comparison")[at % 2]},"{h}"'
        for at, (i, h) in enumerate(zip(ids, homes, strict=False))
    ]
    (folder / "survey.csv").write_text("\n".join(survey) + "\n", encoding="utf-8")
    (folder / "roster.csv").write_text("\n".join(roster) + "\n", encoding="utf-8")
    study = make_study()
    exam = examine_wave(study, study.waves[0], folder)
    assert exam.problems == ()
    for file in exam.files:
        assert not [secret for secret in SECRETS if secret in repr(file.export.names) and "names=" in repr(file.export)]
    found = scan_files(study, "w1", exam.files)
    told = "\n".join(str(issue.problem) for issue in trace_issues(found)) + repr(found)
    assert not [secret for secret in SECRETS if secret.casefold() in told.casefold()]
    return found


QUIET = ["fine", "no remark", "20250131", "2025-01-31 10:20:30", "31.01.2025", "3.14159265358", "Mark all that apply"]


def test_harmless_columns_are_passed_over(tmp_path: Path) -> None:
    assert traces(tmp_path, QUIET, ["town", "country"] * 4) == ()


@pytest.mark.parametrize(
    ("remark", "kind"),
    [
        ("amalia.b@school.org", "e-mail address"),
        ("write to <amalia.b@school.org> please", "e-mail address"),
        ("0171 9988776", "phone number"),
        ("call +49 171 9988776 after six", "phone number"),
        ("(555) 123-4567", "phone number"),
        ("my number is 4711081547", "number of eight digits or more"),
        ("Amalia Brunner", "name of somebody on the roster"),
        ("brunner, amalia", "name of somebody on the roster"),
        ("I sit beside Amalia in class", "name of somebody on the roster"),
    ],
)
def test_what_identifies_somebody_is_counted(tmp_path: Path, remark: str, kind: str) -> None:
    found = traces(tmp_path, [remark, *QUIET, remark], ["town", "country"] * 5)
    assert Trace("survey.csv", "remark", kind, 2, False) in found
    assert {trace.column for trace in found} == {"remark"}


def test_a_column_that_the_study_uses_is_a_warning_and_another_a_note(tmp_path: Path) -> None:
    found = traces(tmp_path, ["amalia.b@school.org"] * 3 + QUIET, ["town", "0171 9988776"] * 5)
    assert Trace("roster.csv", "home", "phone number", 5, True) in found
    issues = trace_issues(found)
    assert [(issue.severity, issue.problem.where) for issue in issues] == [
        ("warning", "roster.csv, column home"),
        ("note", "survey.csv"),
    ]
    assert "remark (e-mail address in 3 rows)" in issues[1].problem.what
    assert all(issue.problem.remedy for issue in issues)


def test_the_number_of_an_incident_is_in_no_table_and_no_warning(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "roster.csv").write_text("student_id,class_id,school_id,arm\n1,7a,s1,programme\n", encoding="utf-8")
    (folder / "incidents.csv").write_text("student_id,incident_id,place\n1,202600017,202600017\n", encoding="utf-8")
    study = Study.model_validate(
        {
            "title": "T",
            "name": "t",
            "programme": {"name": "P"},
            "waves": [
                {
                    "name": "w1",
                    "label": "W",
                    "date": "2026-01-31",
                    "sources": [
                        {"file": "roster.csv", "kind": "roster"},
                        {"file": "incidents.csv", "kind": "incidents"},
                    ],
                }
            ],
            "design": {"assignment": {"starts": "w1"}},
            "outcomes": [{"name": "n", "measure": "n_incidents", "label": "Incidents"}],
        }
    )
    exam = examine_wave(study, study.waves[0], folder)
    assert exam.problems == ()
    assert [trace.column for trace in scan_files(study, "w1", exam.files)] == ["place"]
