"""From blocks to one HTML file that opens anywhere, without a request and without a script."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from belonging_study.reports.blocks import SECTIONS, Block, Figure, Note, Table, render_markdown
from belonging_study.reports.design import FRAMEWORKS, assignment_text, date_text, outcome_table, timeline, value_labels
from belonging_study.reports.display import DisplayTable, display_table
from belonging_study.reports.formatting import prettify
from belonging_study.reports.plain_text import visible
from belonging_study.reports.words import Summary
from belonging_study.study.model import Study, Wave

__all__ = ["NotebookCode", "assemble_html"]

NotebookCode = tuple[str, str, Sequence[str]]
"""Title, path and code cells of a notebook."""

_HERE = Path(__file__).parent
_ALWAYS = ("summary", "design", "provenance")
_WIDE = 7  # columns from which a table is set smaller


@dataclass(frozen=True)
class _TableView:
    """A table as the template needs it."""

    id: str
    number: int
    title: str
    shown: DisplayTable
    note: Markup
    folded: bool
    kind: str = "table"

    @property
    def wide(self) -> bool:
        return len(self.shown.columns) >= _WIDE

    @property
    def has_groups(self) -> bool:
        return any(row[0].repeated for row in self.shown.rows)


@dataclass(frozen=True)
class _FigureView:
    """A figure as the template needs it."""

    id: str
    number: int
    title: str
    source: str
    alt: str
    width: int | None
    height: int | None
    caption: Markup
    kind: str = "figure"


@dataclass(frozen=True)
class _NoteView:
    """A note as the template needs it."""

    tone: str
    title: str
    text: Markup
    kind: str = "note"


@dataclass(frozen=True)
class _Section:
    """A section with its blocks."""

    id: str
    title: str
    blocks: list[_TableView | _FigureView | _NoteView] = field(default_factory=list)


def assemble_html(
    study: Study,
    wave: Wave,
    blocks: Sequence[Block],
    *,
    provenance: Mapping[str, Any],
    summary: Summary,
    cautions: Sequence[str] = (),
    methods: str = "",
    notebooks: Sequence[NotebookCode] = (),
) -> str:
    """Set a wave's report.

    Parameters
    ----------
    study : Study
        The definition, from which the design section is written.
    wave : Wave
        The wave of the report.
    blocks : sequence of Table, Figure and Note
        In the order in which they were made; each goes to its section and keeps its place there, save that folded
        tables come last.
    provenance : mapping
        What the report was made from: text, numbers, mappings and lists of them. ``"version"`` also stands at the top.
    summary : Summary
        The plain words at the beginning.
    cautions : sequence of str, optional
        One sentence or two each (Markdown), at the beginning of the cautions.
    methods : str, optional
        Markdown, at the beginning of the methods.
    notebooks : sequence of (title, path, code cells), optional
        The code, folded, at the end of the methods.

    Returns
    -------
    str
        One HTML page with everything inside it. The same input gives the same text.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "Baseline", "date": "2024-10-07", "before_programme": True,
    ...                "sources": [{"file": "a.csv"}]}],
    ...     "design": {"assignment": {"starts": "w1"}}, "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> page = assemble_html(study, study.waves[0], [Note("Read with care.", section="cautions")],
    ...                      provenance={"version": "v001"}, summary=Summary(("One.",), "No effect yet."))
    >>> page.startswith("<!DOCTYPE html>"), "Read with care." in page
    (True, True)
    """
    labels = value_labels(study)
    outcomes = [Table("outcomes", "Outcomes, as named in advance", outcome_table(study), "design")]
    written = [*(outcomes if study.outcomes else ()), *_notes(cautions, methods), *blocks]
    sections = _sections(written, labels, with_code=bool(notebooks))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    page = environment.get_template("page.html.j2").render(
        css=Markup((_HERE / "page.css").read_text(encoding="utf-8")),  # our own file
        study=study,
        wave=wave,
        date=date_text(wave.date),
        version=provenance.get("version", ""),
        summary=summary,
        sections=sections,
        timeline=timeline(study, wave),
        assignment=assignment_text(study),
        components=[
            (c, FRAMEWORKS[c.framework], [t.replace("_", " ") for t in c.tags])
            for c in (study.programme.components if study.programme else ())
        ],
        provenance=[(prettify(str(k)), v) for k, v in provenance.items()],
        prettify=prettify,
        notebooks=notebooks,
    )
    return page.strip() + "\n"


def _visible(value: Any) -> Any:
    """What the template writes; Markup is our own."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _notes(cautions: Sequence[str], methods: str) -> Iterator[Note]:
    """What is written for a report and not shown by a notebook."""
    if cautions:
        yield Note("\n".join(f"- {text}" for text in cautions), section="cautions")
    if methods:
        yield Note(methods, section="methods", kind="method")


def _sections(blocks: Sequence[Block], labels: Mapping[str, Mapping[str, str]], *, with_code: bool) -> list[_Section]:
    """The sections that have something to say, with tables and figures numbered as they come."""
    taken: set[str] = set()
    numbers = {"table": 0, "figure": 0}
    found = []
    for name, title in SECTIONS.items():
        section = _Section(name, title)
        mine = [block for block in blocks if block.section == name]
        # Folded tables are the section's appendix.
        for block in sorted(mine, key=lambda b: isinstance(b, Table) and b.folded):
            section.blocks.append(_view(block, labels, taken, numbers))
        if section.blocks or name in _ALWAYS or (name == "methods" and with_code):
            found.append(section)
    return found


def _view(
    block: Block, labels: Mapping[str, Mapping[str, str]], taken: set[str], numbers: dict[str, int]
) -> _TableView | _FigureView | _NoteView:
    """A block as the template needs it."""
    if isinstance(block, Note):
        return _NoteView(block.kind, block.title, Markup(render_markdown(block.text)))
    kind = "table" if isinstance(block, Table) else "figure"
    numbers[kind] += 1
    place = _free(f"{kind}-{block.name}", taken)
    if isinstance(block, Table):
        shown = display_table(block.data, block.columns, labels)
        note = Markup(render_markdown(block.note)) if block.note else Markup("")
        return _TableView(place, numbers[kind], block.title, shown, note, block.folded)
    return _figure(block, place, numbers[kind])


def _figure(block: Figure, place: str, number: int) -> _FigureView:
    """A figure; as an image of its own, so that neither its ids nor its styles meet those of others."""
    source = "data:image/svg+xml;base64," + base64.b64encode(block.svg.encode("utf-8")).decode("ascii")
    width, height = _size(block.svg)
    caption = Markup(render_markdown(block.caption)) if block.caption else Markup("")
    return _FigureView(place, number, block.title, source, block.alt, width, height, caption)


def _size(svg: str) -> tuple[int, int] | tuple[None, None]:
    """The drawing's proportions, so that the page does not jump when it is drawn."""
    match = re.search(r'viewBox="[-\d.]+ [-\d.]+ (?P<width>[\d.]+) (?P<height>[\d.]+)"', svg)
    return (round(float(match["width"])), round(float(match["height"]))) if match else (None, None)


def _free(wanted: str, taken: set[str]) -> str:
    """An anchor that no other block has."""
    wanted = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted)
    anchor = next(a for a in _numbered(wanted) if a not in taken)
    taken.add(anchor)
    return anchor


def _numbered(wanted: str) -> Iterator[str]:
    """The anchor itself, then with 2, 3, …."""
    yield wanted
    number = 2
    while True:
        yield f"{wanted}-{number}"
        number += 1
