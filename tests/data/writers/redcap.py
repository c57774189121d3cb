"""REDCap, after the export page's two kinds (raw, labels) and the 18 columns of the data dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.writers.wave import CONSENT, ITEMS, LABELS, WORDINGS, Response, Simulated, Written, write_rows, written

HEADER = [
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?",
    "Branching Logic (Show field only if...)", "Required Field?", "Custom Alignment", "Question Number (surveys only)",
    "Matrix Group Name", "Matrix Ranking?", "Field Annotation",
]  # fmt: skip
FORM = "befragung"


def dictionary(file: Path) -> None:
    scale = " | ".join(f"{code}, {label}" for code, label in enumerate(LABELS, 1))
    consent = " | ".join(f"{code}, {label}" for code, label in CONSENT.items())
    fields = [
        ["record_id", FORM, "", "text", "Record ID", "", "", "", "", "", ""],
        ["student_number", FORM, "", "text", "Deine Nummer", "", "", "", "", "", "y"],
        ["consent", FORM, "", "radio", "<p>Darf deine Antwort ausgewertet werden?</p>", consent, "", "", "", "", ""],
        *(
            [i, FORM, "", "radio", f"<b>{w}</b>", scale, "", "", "", "", ""]
            for i, w in zip(ITEMS, WORDINGS, strict=True)
        ),
        ["age", FORM, "", "text", "Wie alt bist du?", "", "", "number", "5", "25", ""],
        ["hobby", FORM, "", "checkbox", "Hobbys", "1, Sport | 2, Musik, Theater", "", "", "", "", ""],
        ["comment", FORM, "", "notes", "Noch etwas?", "", "", "", "", "", ""],
        ["exit_note", "abschluss", "", "notes", "Abschluss", "", "", "", "", "", ""],
    ]
    write_rows(file, [HEADER, *(field + [""] * 7 for field in fields)])


def raw(file: Path, wave: Simulated, *, longitudinal: bool = False) -> Written:
    """Names and codes; a record for everybody on the roster; in a longitudinal project a row for each event."""
    event = ["redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"] if longitudinal else []
    fields = ["student_number", "consent", *ITEMS, "age", "hobby___1", "hobby___2", "comment"]
    header = ["record_id", *event, f"{FORM}_timestamp", *fields, f"{FORM}_complete", "exit_note", "abschluss_complete"]
    rows: list[list[Any]] = [header]
    for number, (student, one) in enumerate(_everybody(wave), 1):
        first = ["baseline_arm_1", "", ""] if longitudinal else []
        after = ["", ""] if longitudinal else ["", 0]
        rows.append([number, *first, *_form(student, one, labelled=False), *after])
        if longitudinal:
            rows.append([number, "exit_arm_1", "", "", *[""] * (len(fields) + 2), "Alles gut", 2])
    write_rows(file, rows)
    dictionary(file.with_name("dictionary.csv"))
    entries: dict[str, Any] = {"rows": {"redcap_event_name": "baseline_arm_1"}} if longitudinal else {}
    return written(
        file,
        len(rows) - 1,
        tells_unfinished=True,
        dictionary="dictionary.csv",
        columns={"student_id": "student_number"},
        **entries,
    )


def labelled(file: Path, wave: Simulated) -> Written:
    """Labels in header and cells; each form's status is called "Complete?"."""
    questions = ["Deine Nummer", "Darf deine Antwort ausgewertet werden?", *WORDINGS, "Wie alt bist du?"]
    boxes = ["Hobbys (choice=Sport)", "Hobbys (choice=Musik, Theater)"]
    header = ["Record ID", "Survey Timestamp", *questions, *boxes, "Noch etwas?", "Complete?", "Abschluss", "Complete?"]
    rows: list[list[Any]] = [header]
    for number, (student, one) in enumerate(_everybody(wave), 1):
        rows.append([number, *_form(student, one, labelled=True), "", "Incomplete"])
    write_rows(file, rows)
    names = {
        "student_id": "Deine Nummer",
        "consent": "Darf deine Antwort ausgewertet werden?",
        "age": "Wie alt bist du?",
    }
    return written(file, len(rows) - 1, tells_unfinished=True, columns=names)


def _everybody(wave: Simulated) -> list[tuple[str, Response | None]]:
    given = {one.student: one for one in wave.responses}
    return [(student, given.get(student)) for student in wave.students]


def _form(student: str, one: Response | None, *, labelled: bool) -> list[Any]:
    unticked, ticked = ("Unchecked", "Checked") if labelled else (0, 1)
    if one is None:
        return ["", student, "", *[""] * 10, "", unticked, unticked, "", "Incomplete" if labelled else 0]
    time = "2026-05-04 10:07:00" if one.finished else "[not completed]"
    status: Any = 2 if one.finished else 0
    answers: list[Any] = [one.consent, *("" if a is None else a for a in one.answers)]
    if labelled:
        status = "Complete" if one.finished else "Incomplete"
        answers = [CONSENT[one.consent], *("" if a is None else LABELS[a - 1] for a in one.answers)]
    return [time, student, *answers, one.age, unticked, ticked, one.comment, status]
