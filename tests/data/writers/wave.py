"""One simulated wave: 200 students of eight schools, ten questions on a form of five labelled answers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LABELS = ["Trifft gar nicht zu", "Trifft eher nicht zu", "Teils, teils", "Trifft eher zu", "Trifft völlig zu"]
CONSENT = {1: "Ja, gerne", 2: "Nein"}
STEM = "Wie sehr stimmen diese Sätze?"
WORDINGS = [
    "Ich gehöre hier dazu.",
    "Die Lehrkräfte nehmen mich ernst, auch wenn ich anderer Meinung bin.",
    "Andere mögen mich so, wie ich bin.",
    "Ich fühle mich oft fremd.",
    "Hier bemerkt man, wenn ich etwas gut kann.",
    "Ich kann hier ich selbst sein.",
    "Manche Leute hier behandeln mich unfreundlich.",
    "Mindestens eine Lehrkraft würde mir zuhören.",
    "Ich wäre gern auf einer anderen Schule.",
    "Meine Schule ist für mich ein „Zuhause“.",
]
ITEMS = [f"bel_{i:02d}" for i in range(1, 11)]


@dataclass(frozen=True)
class Response:
    """What one student gave; None is no answer."""

    student: str
    answers: tuple[int | None, ...]
    consent: int
    age: float
    comment: str
    finished: bool
    seconds: int


@dataclass(frozen=True)
class Simulated:
    """The wave: everybody on the roster, and the responses."""

    students: tuple[str, ...]
    responses: tuple[Response, ...]


@dataclass(frozen=True)
class Written:
    """A file as a study has to declare it."""

    source: dict[str, Any]
    n_rows: int
    """Rows of the file below its first."""
    synonyms: dict[str, float]
    tells_unfinished: bool = False


def written(
    file: Path, n_rows: int, *, tells_unfinished: bool = False, synonyms: Any = None, **entries: Any
) -> Written:
    return Written({"file": file.name, **entries}, n_rows, synonyms or {}, tells_unfinished)


def simulate() -> Simulated:
    rng = np.random.default_rng(20)
    students = tuple(f"{n:05d}" for n in rng.choice(20_000, 200, replace=False))
    comments = [
        "",
        "Gut, danke",
        'Er sagte: "Na ja", und ging.',
        "Zwei\nZeilen; mit\tTab",
        "=1+1",
        "Zoë’s Idee – prima",
    ]
    responses = []
    for place, student in enumerate(students[:187]):
        level = rng.normal(3.3, 0.8)
        codes = np.clip(np.rint(level + rng.normal(0, 0.9, 10)), 1, 5).astype(int)
        answers: list[int | None] = [None if rng.random() < 0.03 else int(code) for code in codes]
        if place == 40:
            answers[6:] = [None] * 4
        responses.append(
            Response(
                student,
                tuple(answers),
                2 if rng.random() < 0.06 else 1,
                float(np.round(rng.uniform(11, 17), 1)),
                comments[place % len(comments)],
                place != 40,
                int(rng.integers(200, 900)),
            )
        )
    return Simulated(students, tuple(responses))


def write_roster(file: Path, wave: Simulated) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["student_id", "school_id", "arm"])
        for place, student in enumerate(wave.students):
            writer.writerow([student, f"s{place % 8}", "programme" if place % 2 else "comparison"])


def write_rows(
    file: Path, rows: list[list[Any]], separator: str = ",", encoding: str = "utf-8", **options: Any
) -> None:
    with file.open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, delimiter=separator, **options).writerows(rows)
