"""Qualtrics exports, written here cell by cell as Qualtrics writes them."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest

from belonging_study.data.readers import read_export
from belonging_study.errors import EmptyFileError, UnreadableFileError

COLUMNS = [  # name, German text, ImportId
    ("StartDate", "Anfangsdatum", "startDate"),
    ("EndDate", "Enddatum", "endDate"),
    ("Status", "Antworttyp", "status"),
    ("IPAddress", "IP-Adresse", "ipAddress"),
    ("Progress", "Aktueller Stand", "progress"),
    ("Duration (in seconds)", "Dauer (in Sekunden)", "duration"),
    ("Finished", "Beendet", "finished"),
    ("RecordedDate", "Erfassungsdatum", "recordedDate"),
    ("ResponseId", "Antwort-ID", "_recordId"),
    ("RecipientLastName", "Nachname des Empfängers", "recipientLastName"),
    ("RecipientFirstName", "Vorname des Empfängers", "recipientFirstName"),
    ("RecipientEmail", "E-Mail des Empfängers", "recipientEmail"),
    ("ExternalReference", "Externe Datenreferenz", "externalDataReference"),
    ("LocationLatitude", "Breitengrad des Standorts", "locationLatitude"),
    ("LocationLongitude", "Längengrad des Standorts", "locationLongitude"),
    ("DistributionChannel", "Verteilungskanal", "distributionChannel"),
    ("UserLanguage", "Benutzersprache", "userLanguage"),
    ("Q1_1", "Bitte lies jeden Satz.\n\nWie sehr stimmt er? - Ich gehöre dazu.", "QID1_1"),
    ("Q2", "Noch etwas?", "QID2_TEXT"),
    ("Q3_Browser", "Click - Browser", "QID3_BROWSER"),
    ("Q3_Version", "Click - Version", "QID3_VERSION"),
]


def response(
    reference: str, status: str = "0", channel: str = "anonymous", answer: str = "4", text: str = ""
) -> list[str]:
    return [
        "2024-10-07 08:28:09", "2024-10-07 08:30:09", status, "130.92.34.66", "100", "120", "1", "2024-10-07 08:30:10",
        "R_2YPOQ602ER1jkf1", "Muster", "Petra", "petra@example.org", reference, "47.11", "7.23", channel, "DE",
        answer, text, "Firefox", "130.0",
    ]  # fmt: skip


def export_text(rows: list[list[str]], separator: str = ",") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow([name for name, _, _ in COLUMNS])
    writer.writerow([text for _, text, _ in COLUMNS])
    writer.writerow(
        [json.dumps({"ImportId": i, "timeZone": "Europe/Berlin"}, separators=(",", ":")) for *_, i in COLUMNS]
    )
    writer.writerows(rows)
    return stream.getvalue()


@pytest.fixture
def rows() -> list[list[str]]:
    return [
        response("0007", text="two\nlines, and a comma"),
        response("0008", status="1", channel="preview"),
        response("0009", status="Umfragevorschau", channel="preview"),
        response("0010", status="Survey Preview"),
        response("0011", status="2", channel="test"),
        response("0012", status="16", channel="offline", answer="NA"),
    ]


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ","), ("utf-16", "\t")])
def test_header_rows_previews_and_identifiers(
    tmp_path: Path, rows: list[list[str]], encoding: str, separator: str
) -> None:
    file = tmp_path / "survey.csv"
    file.write_bytes(export_text(rows, separator).encode(encoding))
    export = read_export(file)
    assert export.format == "qualtrics"
    assert export.table["ExternalReference"].tolist() == ["0007", "0012"]
    assert export.table["Q2"][0] == "two\nlines, and a comma"
    assert export.table["Q1_1"].tolist() == ["4", "NA"]
    assert export.set_aside == {"header rows": 2, "previews": 3, "test responses": 1}
    assert len(export.table) + sum(export.set_aside.values()) == len(rows) + 2
    assert export.questions["Q1_1"] == "Bitte lies jeden Satz. Wie sehr stimmt er? - Ich gehöre dazu."
    kept = {"Duration (in seconds)", "Finished", "Progress", "RecordedDate", "EndDate", "StartDate"}
    assert kept <= set(export.table.columns)
    assert export.dropped_columns == ("IP address", "device", "e-mail address", "location", "name", "response id")
    everything = export.table.to_csv() + repr(export)
    for private in ("Muster", "Petra", "petra@", "130.92", "47.11", "R_2YPO", "Firefox"):
        assert private not in everything


def test_only_previews_is_an_empty_file(tmp_path: Path, rows: list[list[str]]) -> None:
    file = tmp_path / "survey.csv"
    file.write_text(export_text(rows[1:4]), encoding="utf-8")
    with pytest.raises(EmptyFileError, match="3 previews"):
        read_export(file)
    file.write_text(export_text([]), encoding="utf-8")
    with pytest.raises(EmptyFileError):
        read_export(file)


def test_a_deleted_row_of_questions_does_no_harm(tmp_path: Path, rows: list[list[str]]) -> None:
    lines = list(csv.reader(io.StringIO(export_text(rows))))
    file = tmp_path / "survey.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([lines[0], *lines[2:]])
    export = read_export(file)
    assert export.questions == {}
    assert export.set_aside["header rows"] == 1
    assert export.table["ExternalReference"].tolist() == ["0007", "0012"]


def test_two_exports_pasted_together_are_told(tmp_path: Path, rows: list[list[str]]) -> None:
    file = tmp_path / "survey.csv"
    file.write_text(export_text(rows[:1]) * 2, encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="header again on line 8"):
        read_export(file)


def test_declared_as_plain_text_is_a_contradiction(tmp_path: Path, rows: list[list[str]]) -> None:
    file = tmp_path / "survey.csv"
    file.write_text(export_text(rows), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="declared as delimited, but looks like a Qualtrics export"):
        read_export(file, format="delimited")


def test_the_legacy_format_has_its_names_in_the_second_row(tmp_path: Path) -> None:
    file = tmp_path / "survey.csv"
    names = "ResponseID,ResponseSet,Name,ExternalDataReference,EmailAddress,IPAddress,Status,StartDate,EndDate,Finished"
    file.write_text(
        "V1,V2,V3,V4,V5,V6,V7,V8,V9,V10,Q1,LocationLatitude,LocationLongitude,LocationAccuracy,\n"
        f"{names},I belong.,LocationLatitude,LocationLongitude,LocationAccuracy,\n"
        "R_1,Default Response Set,Petra,0007,p@example.org,130.92.34.66,0,2017-07-18,2017-07-18,1,2,47.1,7.2,-1,\n"
        "R_2,Default Response Set,Petra,0008,p@example.org,130.92.34.66,1,2017-07-18,2017-07-18,1,2,47.1,7.2,-1,\n",
        encoding="utf-8-sig",
    )
    export = read_export(file)
    assert list(export.table.columns) == [
        "ResponseSet", "ExternalDataReference", "Status", "StartDate", "EndDate", "Finished", "Q1",
    ]  # fmt: skip
    assert export.questions["Q1"] == "I belong."
    assert export.set_aside == {"header rows": 1, "previews": 1}


def test_speed(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    head = list(csv.reader(io.StringIO(export_text([]))))
    items = [f"Q9_{i}" for i in range(40)]
    extra = [items, items, [json.dumps({"ImportId": i}) for i in items]]
    file = tmp_path / "survey.csv"
    answers = rng.choice(["Not at all true", "Slightly true", "", "Mostly true"], (1600, 40)).tolist()
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows([*map(list.__add__, head, extra), *(response(f"{i:04}") + a for i, a in enumerate(answers))])
    times = []
    for _ in range(5):
        start = time.perf_counter()
        export = read_export(file)
        times.append(time.perf_counter() - start)
    assert len(export.table) == 1600
    assert min(times) < 0.5  # 0.1 s alone on one core; the margin is for busy machines


def test_seen_but_unanswered_counts_as_missing_where_it_cannot_be_an_answer(tmp_path: Path) -> None:
    head = list(csv.reader(io.StringIO(export_text([]))))
    rows = [response("0007", answer="-99", text="-99"), response("0008", answer="3", text="-5"), response("-99")]
    rows.append(response("0009", status="1", channel="preview", answer="-99"))
    file = tmp_path / "survey.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([*head, *rows])
    export = read_export(file)
    assert export.table["Q1_1"].isna().tolist() == [True, False, False]
    assert export.missing_counts == {"Q1_1": {"seen but unanswered": 1}}  # the preview is not counted
    assert export.table["Q2"].tolist()[:2] == ["-99", "-5"]  # other answers are negative too
    assert export.table["ExternalReference"].tolist() == ["0007", "0008", "-99"]  # no question


@pytest.mark.parametrize(("finished", "progress"), [("0", "60"), ("False", "60"), ("Falsch", "100"), ("1", "99")])
def test_unfinished_responses(tmp_path: Path, finished: str, progress: str) -> None:
    begun = response("0008")
    begun[4], begun[6] = progress, finished
    file = tmp_path / "survey.csv"
    file.write_text(
        export_text([response("0006", status="1", channel="preview"), response("0007"), begun]), encoding="utf-8"
    )
    export = read_export(file)
    assert export.unfinished is not None
    assert export.unfinished.tolist() == [False, True]
