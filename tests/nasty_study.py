"""A study of whose students everything is known: 300 in 8 schools, small groups, and names wherever one can be.

Everything that must never leave the raw files is in `NastyStudy.secrets`, made of syllables that no word of ours has.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ITEMS = {
    "bel_1": "People here notice when I am good at something.",
    "bel_2": "There is one teacher whom I could talk to.",
    "bel_3": "Sometimes I feel as if I did not belong here.",
    "bel_4": "I am treated with as much respect as others.",
}
LABELS = ["Never", "Seldom", "Sometimes", "Mostly", "Always"]
SIZES = (7, 45, 52, 38, 41, 44, 36, 37)
"""Students of each school; the first is in the programme."""

STUDY = """\
title: A study in which everybody has a name
name: nasty
team: [{name: A. Researcher}]
programme: {name: P}
waves:
  - name: w1
    label: Baseline
    date: 2025-01-15
    before_programme: true
    sources:
      - file: w1/survey.csv
        kind: survey
        columns: {student_id: Student e-mail, bel_1: Q1, bel_2: Q2, bel_3: Q3, bel_4: Q4}
      - file: w1/roster.csv
        kind: roster
        columns: {student_id: E-mail, school_id: School, class_id: Class, gender: Gender}
      - {file: w1/marks.csv, kind: marks, columns: {student_id: Pupil}}
      - {file: w1/attendance.csv, kind: attendance, columns: {student_id: Pupil}}
      - {file: w1/incidents.csv, kind: incidents, columns: {student_id: Pupil}}
  - name: w2
    label: Follow-up
    date: 2026-01-15
    sources:
      - file: w2/survey.csv
        kind: survey
        columns: {student_id: Student e-mail, bel_1: Q1, bel_2: Q2, bel_3: Q3, bel_4: Q4}
      - file: w2/roster.csv
        kind: roster
        columns: {student_id: E-mail, school_id: School, class_id: Class, gender: Gender}
      - {file: w2/marks.csv, kind: marks, columns: {student_id: Pupil}}
      - {file: w2/attendance.csv, kind: attendance, columns: {student_id: Pupil}}
      - {file: w2/incidents.csv, kind: incidents, columns: {student_id: Pupil}}
design:
  class: class_id
  assignment: {level: school, starts: w2, comparison: comparison, programme: programme}
scales:
  belonging:
    label: Belonging
    items:
      bel_1: People here notice when I am good at something.
      bel_2: There is one teacher whom I could talk to.
      bel_3: Sometimes I feel as if I did not belong here.
      bel_4: I am treated with as much respect as others.
    range: [1, 5]
    labels: [Never, Seldom, Sometimes, Mostly, Always]
    reverse: [bel_3]
outcomes:
  - {name: belonging, measure: belonging, label: Belonging, role: primary}
  - {name: suspended, measure: any_suspensions, label: Suspended, kind: binary, higher_is_better: false}
  - {name: incidents, measure: n_incidents, label: Incidents, kind: count, higher_is_better: false}
  - {name: chronic, measure: chronic_absence, label: Chronically absent, kind: binary, higher_is_better: false}
  - {name: dfw, measure: share_dfw, label: Courses failed, higher_is_better: false}
groups:
  - {name: gender, column: gender, label: Gender, values: {f: Girls, m: Boys, x: Another gender}, reference: f}
exclusions:
  - {name: no_consent, label: No consent, column: consent, equals: "no"}
records:
  marks: {ab: [A, B], c: [C], dfw: [D, F, W], withdrawn: [W]}
  incidents: {suspensions: [suspension]}
responses: {unfinished: keep, duplicates: most_complete}
analysis: {draws: 199, seed: 3}
privacy: {minimum_cell: 10}
"""


@dataclass(frozen=True)
class Person:
    """A student with all that a school may know."""

    first: str
    last: str
    number: int
    school: int
    form: int
    gender: str
    birth: str
    waves: tuple[bool, bool]
    consent: bool

    @property
    def mail(self) -> str:
        """The identifier."""
        return f"{self.first}.{self.last}{self.number}@colegio-qentarza.org".lower()

    @property
    def phone(self) -> str:
        return f"+34 6{self.number:02d} 4{self.number * 7 % 1000:03d} 5{self.number % 100:02d}"

    @property
    def ip(self) -> str:
        return f"83.47.{self.number % 250}.{(self.number * 3) % 250}"

    @property
    def place(self) -> tuple[str, str]:
        return f"40.41{self.number:04d}7", f"-3.70{self.number:04d}9"


@dataclass
class NastyStudy:
    """The study's folder, its people, and every text that must not come out."""

    folder: Path
    people: list[Person]
    schools: list[str]
    teachers: list[str]
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> Path:
        return self.folder / "data_raw"

    def keep(self, kind: str, *texts: str) -> None:
        """Note secrets and their kind."""
        self.secrets |= {text.casefold(): kind for text in texts}


_FIRST = ("Zorvi", "Quelk", "Yxari", "Vombe", "Drusq", "Ghazz", "Wulfri", "Jorbe", "Kvita", "Phlem", "Tzeva", "Ulqua")
_FIRST_END = ("nka", "dolf", "lyx", "gard", "winda", "bexo", "quon", "zelma", "truda", "vix")
_LAST = ("Vandra", "Qoben", "Zwicka", "Hraxt", "Myrkel", "Ojzin", "Fjelb", "Twozak", "Pquend", "Skazzo", "Brunqu")
_LAST_END = ("kovitz", "hauzen", "zzarri", "bjorqa", "wyckx", "dottir", "quezzo", "tshvili")


def make(folder: Path, seed: int = 4) -> NastyStudy:
    """Write the study, its raw files and nothing else."""
    rng = np.random.default_rng(seed)
    schools = [f"IES {a}{b}" for a, b in zip(_LAST, ("bergia", "fontana", "hurst", "molina") * 2, strict=False)][:8]
    teachers = [f"Srta {a}maier" for a in ("Klovx", "Xandj", "Ubzig", "Wodkr", "Eqvil", "Npolz", "Rhuqt", "Ztamm") * 2]
    names = [(a + x, b + y) for a in _FIRST for x in _FIRST_END for b in _LAST for y in _LAST_END]
    chosen = rng.choice(len(names), sum(SIZES), replace=False)
    people = []
    for number, at in enumerate(chosen, start=1):
        school = int(np.searchsorted(np.cumsum(SIZES), number))
        first_here = number - 1 - sum(SIZES[:school])
        form = 1 if school == 1 and first_here < 5 else 2 + first_here % 2
        gender = "x" if number in (60, 130, 210) else "fm"[number % 2]
        birth = f"20{8 + number % 3:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}"
        gone = number % 23 == 0
        new = number % 29 == 1 and not gone
        people.append(Person(*names[at], number, school, form, gender, birth, (not new, not gone), number % 41 != 0))
    study = NastyStudy(folder, people, schools, teachers)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yml").write_text(STUDY, encoding="utf-8")
    ability = {p.number: rng.normal() for p in people}
    for at, wave in enumerate(("w1", "w2")):
        here = [p for p in people if p.waves[at]]
        (study.raw / wave).mkdir(parents=True)
        _survey(study, wave, here, ability, rng)
        _roster(study, wave, here)
        _registers(study, wave, here, rng)
    for p in people:
        study.keep("identifier", p.mail)
        study.keep("name", p.first, p.last)
        study.keep("phone", p.phone)
        study.keep("IP address", p.ip)
        study.keep("place", *p.place)
    study.keep("school", *(s.removeprefix("IES ") for s in schools))
    study.keep("teacher", *(t.split()[1] for t in teachers))
    study.keep("birth date", *{p.birth for p in people})
    study.keep("domain", "colegio-qentarza")
    return study


def write(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def read(path: Path) -> list[list[str]]:
    """Read a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _survey(study: NastyStudy, wave: str, here: list[Person], ability: dict[int, float], rng: Any) -> None:
    head = ["Timestamp", "Student e-mail", "IP Address", "LocationLatitude", "LocationLongitude", "First Name",
            "Last Name", "User Agent", "Phone number", "Q1", "Q2", "Q3", "Q4", "Anything else?",
            "Who is your best friend?"]  # fmt: skip
    rows = [head]
    for p in here:
        if rng.random() < (0.03 if p.school % 2 else 0.06):
            continue
        other = study.people[int(rng.integers(len(study.people)))]
        codes = np.clip(np.round(3.2 + ability[p.number] + rng.normal(0, 0.8, 4)), 1, 5).astype(int)
        codes[2] = 6 - codes[2]
        answers = ["" if rng.random() < 0.02 else LABELS[c - 1] for c in codes]
        reach = f"write to {other.mail} or {other.phone}"
        said = f"Glimfrax remark {wave}-{p.number}: {other.first} {other.last} hits me, {reach}"
        when = f"2025-01-{10 + p.number % 9:02d} 10:{p.number % 60:02d}:{p.number * 7 % 60:02d}"
        agent = f"Mozilla/5.0 (Xylophonos {p.number})"
        rows.append([when, p.mail, p.ip, *p.place, p.first, p.last, agent, p.phone, *answers,
                     said if rng.random() < 0.4 else "", f"{other.first} {other.last}"])  # fmt: skip
    write(study.raw / wave / "survey.csv", rows)
    study.keep("free text", "glimfrax remark")
    study.keep("device", "xylophonos")


def _roster(study: NastyStudy, wave: str, here: list[Person]) -> None:
    head = [
        "E-mail",
        "Nombre",
        "Apellidos",
        "Date of birth",
        "School",
        "Class",
        "Class teacher",
        "Gender",
        "arm",
        "consent",
    ]
    rows = [head]
    for p in here:
        arm = "programme" if p.school % 2 == 0 else "comparison"
        teacher = study.teachers[2 * p.school + p.form % 2]
        rows.append([p.mail, p.first, p.last, p.birth, study.schools[p.school], f"{p.form}-{teacher.split()[1]}",
                     teacher, p.gender, arm, "yes" if p.consent else "no"])  # fmt: skip
    write(study.raw / wave / "roster.csv", rows)


def _registers(study: NastyStudy, wave: str, here: list[Person], rng: Any) -> None:
    marks = [["Pupil", "course", "mark", "Teacher's comment"]]
    days = [["Pupil", "term", "days_enrolled", "days_absent", "reason"]]
    incidents = [["Pupil", "incident_id", "incident_type", "description", "reported by"]]
    for p in here:
        for course in ("Maths", "English", "Art"):
            letter = str(rng.choice(list("ABCDF"), p=[0.3, 0.3, 0.3, 0.05, 0.05]))
            marks.append([p.mail, course, letter, f"{p.first} snorgled again"])
        for term in ("1", "2"):
            days.append([p.mail, term, "90", str(int(rng.poisson(3)) if rng.random() < 0.93 else 30), "mumpzelitis"])
        if rng.random() < 0.08:
            what = "suspension" if rng.random() < 0.35 else "referral"
            told = f"{p.first} {p.last} krawmbled a chair at {study.teachers[p.school]}"
            incidents.append([p.mail, f"INC-77{len(incidents):03d}-{p.number}", what, told, study.teachers[p.school]])
    for name, rows in (("marks", marks), ("attendance", days), ("incidents", incidents)):
        write(study.raw / wave / f"{name}.csv", rows)
    study.keep("record text", "snorgled", "mumpzelitis", "krawmbled", "inc-77")
