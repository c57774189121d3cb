"""Qualtrics, after qualtrics.com/support, "Understanding Your Dataset" and "Data Export Options"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl

from data.writers.wave import CONSENT, LABELS, STEM, WORDINGS, Response, Simulated, Written, write_rows, written

VALUES = {"consent": {str(code): label for code, label in CONSENT.items()}}


def modern(file: Path, wave: Simulated, *, numeric: bool, workbook: bool = False) -> Written:
    """Three header rows; previews stand among the responses."""
    columns = [
        ("StartDate", "Start Date", "startDate"),
        ("EndDate", "End Date", "endDate"),
        ("Status", "Response Type", "status"),
        ("IPAddress", "IP Address", "ipAddress"),
        ("Progress", "Progress", "progress"),
        ("Duration (in seconds)", "Duration (in seconds)", "duration"),
        ("Finished", "Finished", "finished"),
        ("RecordedDate", "Recorded Date", "recordedDate"),
        ("ResponseId", "Response ID", "_recordId"),
        ("RecipientEmail", "Recipient Email", "recipientEmail"),
        ("ExternalReference", "External Data Reference", "externalDataReference"),
        ("LocationLatitude", "Location Latitude", "locationLatitude"),
        ("DistributionChannel", "Distribution Channel", "distributionChannel"),
        ("UserLanguage", "User Language", "userLanguage"),
        ("Q1", "Darf deine Antwort ausgewertet werden?", "QID1"),
        *((f"Q2_{i}", f"{STEM}\n - {text}", f"QID2_{i}") for i, text in enumerate(WORDINGS, 1)),
        ("Q3", "Wie alt bist du?", "QID3_TEXT"),
        ("Q4", "Noch etwas?", "QID4_TEXT"),
    ]
    rows: list[list[Any]] = [
        [name for name, _, _ in columns],
        [text for _, text, _ in columns],
        [json.dumps({"ImportId": key}, separators=(",", ":")) for _, _, key in columns],
    ]
    for place, one in enumerate(wave.responses):
        rows.append(_row(one, numeric, "anonymous"))
        if place == 3:
            rows.append(_row(one, numeric, "preview"))
    if workbook:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(file)
    else:
        write_rows(file, rows)
    return written(
        file,
        len(rows) - 1,
        tells_unfinished=True,
        columns={"student_id": "ExternalReference", "consent": "Q1", "age": "Q3"},
        **({"values": VALUES} if numeric else {}),
    )


def legacy(file: Path, wave: Simulated) -> Written:
    """Two header rows; the first names the first ten columns V1 to V10, and each row ends with a comma."""
    names = "ResponseID,ResponseSet,Name,ExternalDataReference,EmailAddress,IPAddress,Status,StartDate,EndDate,Finished"
    questions = ["Q1", *(f"Q2_{i}" for i in range(1, 11)), "Q3", "Q4"]
    texts = [
        "Darf deine Antwort ausgewertet werden?",
        *(f"{STEM}-{text}" for text in WORDINGS),
        "Wie alt?",
        "Noch etwas?",
    ]
    rows: list[list[Any]] = [[*(f"V{i}" for i in range(1, 11)), *questions, ""], [*names.split(","), *texts, ""]]
    for place, one in enumerate(wave.responses):
        for status in ("0", "1")[: 1 + (place == 5)]:
            about = [f"R_{place}", "Default", "", one.student, "", "10.0.0.1", status, *["2026-05-04 10:00:00"] * 2]
            answers = [CONSENT[one.consent], *(a or "" for a in one.answers), one.age, one.comment]
            rows.append([*about, int(one.finished), *answers, ""])
    write_rows(file, rows, encoding="utf-8-sig")
    mapping = {f"bel_{i:02d}": f"Q2_{i}" for i in range(1, 11)}
    return written(
        file,
        len(rows) - 1,
        tells_unfinished=True,
        columns={"student_id": "ExternalDataReference", "consent": "Q1", "age": "Q3", **mapping},
    )


def _row(one: Response, numeric: bool, channel: str) -> list[Any]:
    finished: Any = int(one.finished) if numeric else str(one.finished)
    preview = channel == "preview"
    status: Any = int(preview) if numeric else ("Survey Preview" if preview else "IP Address")
    times = ["2026-05-04 10:00:00", "2026-05-04 10:07:00"]
    about = [*times, status, "10.0.0.1", 100 if one.finished else 60, one.seconds, finished, times[1], "R_1", ""]
    if numeric:
        answers = [one.consent, *(-99 if a is None else a for a in one.answers)]
    else:
        answers = [CONSENT[one.consent], *("" if a is None else LABELS[a - 1] for a in one.answers)]
    return [*about, one.student, "52.5", channel, "DE", *answers, one.age, one.comment]
