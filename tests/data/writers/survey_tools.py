"""Google Forms, LimeSurvey (manual.limesurvey.org, "Exporting results") and SurveyMonkey."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from data.writers.wave import CONSENT, LABELS, STEM, WORDINGS, Simulated, Written, write_rows, written


def google_forms(file: Path, wave: Simulated) -> Written:
    """The responses' sheet as CSV: question texts, grids as "Question [row]"."""
    header = [
        "Zeitstempel",
        "Deine Nummer",
        "Einverstanden?",
        *(f"{STEM} [{w}]" for w in WORDINGS),
        "Alter",
        "Noch etwas?",
    ]
    rows: list[list[Any]] = [header]
    for one in wave.responses:
        answers = ["" if a is None else LABELS[a - 1] for a in one.answers]
        rows.append(["04.05.2026 10:07:00", one.student, CONSENT[one.consent], *answers, one.age, one.comment])
    write_rows(file, rows)
    names = {"student_id": "Deine Nummer", "consent": "Einverstanden?", "age": "Alter"}
    return written(file, len(rows) - 1, columns=names)


def limesurvey_codes(file: Path, wave: Simulated) -> Written:
    """Headings and answers as codes, comma, every cell in quotation marks."""
    items = [f"G01Q02[SQ{i:03d}]" for i in range(1, 11)]
    header = ["id", "submitdate", "lastpage", "startlanguage", "seed", "token", "ipaddr", "G01Q01", *items]
    rows: list[list[Any]] = [[*header, "G01Q03", "G01Q04"]]
    for number, one in enumerate(wave.responses, 1):
        date = "1980-01-01 00:00:00" if one.finished else ""
        about = [number, date, 3, "de", 1234, one.student, "10.0.0.1", "Y" if one.consent == 1 else "N"]
        rows.append([*about, *("" if a is None else f"A{a}" for a in one.answers), one.age, one.comment])
    write_rows(file, rows, quoting=csv.QUOTE_ALL)
    mapping = {f"bel_{i:02d}": item for i, item in enumerate(items, 1)}
    return written(
        file,
        len(rows) - 1,
        tells_unfinished=True,
        columns={"student_id": "token", "consent": "G01Q01", "age": "G01Q03", **mapping},
        values={"consent": {"Y": CONSENT[1], "N": CONSENT[2]}},
        synonyms={f"A{code}": code for code in range(1, 6)},
    )


def limesurvey_full(file: Path, wave: Simulated) -> Written:
    """Headings and answers in full, semicolon."""
    about = ["Response ID", "Date submitted", "Last page", "Start language", "Seed", "Access code", "IP address"]
    rows: list[list[Any]] = [[*about, "Einverstanden?", *(f"{STEM} [{w}]" for w in WORDINGS), "Alter", "Noch etwas?"]]
    for number, one in enumerate(wave.responses, 1):
        date = "2026-05-04 10:07:00" if one.finished else ""
        cells = [number, date, 3, "de", 1234, one.student, "10.0.0.1", CONSENT[one.consent]]
        rows.append([*cells, *("" if a is None else LABELS[a - 1] for a in one.answers), one.age, one.comment])
    write_rows(file, rows, ";", quoting=csv.QUOTE_ALL)
    names = {"student_id": "Access code", "consent": "Einverstanden?", "age": "Alter"}
    return written(file, len(rows) - 1, tells_unfinished=True, columns=names)


def surveymonkey(file: Path, wave: Simulated) -> Written:
    """A row of questions, each over its first column only, and a row of their parts."""
    about = ["Respondent ID", "Collector ID", "Start Date", "End Date", "IP Address", "Email Address", "First Name"]
    first = [*about, "Deine Nummer", "Einverstanden?", STEM, *[""] * 9, "Alter", "Noch etwas?"]
    second = [*[""] * 7, "Open-Ended Response", "Response", *WORDINGS, *["Open-Ended Response"] * 2]
    rows: list[list[Any]] = [first, second]
    for number, one in enumerate(wave.responses):
        cells = [118_000_000_000 + number, 44, "05/04/2026 10:00:00 AM", "05/04/2026 10:07:00 AM", "10.0.0.1", "", ""]
        answers = ["" if a is None else LABELS[a - 1] for a in one.answers]
        rows.append([*cells, one.student, CONSENT[one.consent], *answers, one.age, one.comment])
    write_rows(file, rows)
    names = {"student_id": "Deine Nummer", "consent": "Einverstanden?", "age": "Alter"}
    return written(file, len(rows) - 1, columns=names)
