"""A school partner's copy of the demo study, and the ways in which its files go wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Rows = list[list[str]]
Row = dict[str, str]


@dataclass(frozen=True)
class Partner:
    """A study folder with the demo's files, and what must never be seen of it."""

    folder: Path

    @property
    def definition(self) -> Path:
        return self.folder / "study.yml"

    def file(self, name: str) -> Path:
        return self.folder / "data_raw" / name

    def define(self, old: str, new: str) -> None:
        """Change every occurrence of a text in study.yml; it must be there."""
        text = self.definition.read_text(encoding="utf-8")
        assert old in text, old
        self.definition.write_text(text.replace(old, new), encoding="utf-8")

    def cells(self, name: str, change: Callable[[Rows], Rows]) -> None:
        """Change a text export's rows; the first is the header."""
        rows = change(read_rows(self.file(name)))
        with self.file(name).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(rows)

    def rename(self, name: str, old: str, new: str) -> None:
        """Give a column of a text export another name."""
        self.cells(name, lambda rows: [[new if cell == old else cell for cell in rows[0]], *rows[1:]])

    def set(self, name: str, column: str, value: str, where: Callable[[Row], bool], n: int | None = None) -> int:
        """Give one column a value in the first `n` rows for which `where` holds; returns how many were changed."""
        rows = read_rows(self.file(name))
        header, left = rows[0], len(rows) if n is None else n
        at = header.index(column)
        done = 0
        for row in rows[1:]:
            if done < left and where(dict(zip(header, row, strict=True))):
                row[at] = value
                done += 1
        assert n is None or done == n
        self.cells(name, lambda _: rows)
        return done


def read_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.reader(source))


def without_column(column: str) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        at = rows[0].index(column)
        return [row[:at] + row[at + 1 :] for row in rows]

    return change


def identities(raw: Path) -> frozenset[str]:
    """What names a student: numbers, with and without leading zeros, and whole names."""
    found: set[str] = set()
    for roster in raw.glob("w*/roster.csv"):
        header, *rows = read_rows(roster)
        for row in rows:
            student = dict(zip(header, row, strict=True))
            found |= {student["student_id"], student["student_id"].lstrip("0")}
            found.add(f"{student['first_name']} {student['last_name']}")
    return frozenset(found)


def leaked(told: str, who: frozenset[str]) -> set[str]:
    """Those of the students who can be read in a text."""
    words = set(re.findall(r"\w+", told))
    pairs = set(re.findall(r"(?=\b([^\W\d_]+ [^\W\d_]+)\b)", told))
    return (words | pairs) & who
