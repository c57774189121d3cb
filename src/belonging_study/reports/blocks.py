"""What notebooks show and reports are made of: a table, a figure with its description, a note."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd
from markdown_it import MarkdownIt

from belonging_study.errors import DataError, ParameterError
from belonging_study.reports.display import display_table
from belonging_study.reports.frames import frame_from_json, frame_to_json
from belonging_study.reports.plain_text import visible

__all__ = ["BLOCK_MIME", "SECTIONS", "Block", "Figure", "Note", "Table", "block_from_json", "render_markdown"]

BLOCK_MIME = "application/vnd.belonging-study.block+json"

SECTIONS: dict[str, str] = {
    "summary": "Summary",
    "design": "Design",
    "flow": "Who took part",
    "measurement": "How well it was measured",
    "effects": "What changed",
    "groups": "Student groups",
    "cautions": "Cautions",
    "methods": "Methods",
    "provenance": "Provenance",
}
"""The sections of a report and their headings, in order."""

Kind = Literal["info", "caution", "method"]
_KINDS: tuple[Kind, ...] = ("info", "caution", "method")


def _escape(text: str) -> str:
    """Text as it may stand in HTML, in quotes too."""
    return html.escape(visible(text))


def _cell(tag: str, text: str, numeric: bool, mark: str = "") -> str:
    """A cell as a notebook shows it."""
    align = "right" if numeric else "left"
    scope = ' scope="col"' if tag == "th" else ""
    style = f"text-align:{align};padding:.2em .8em .2em 0;border:0"
    raised = f"<sup>{mark}</sup>" if mark else ""
    return f'<{tag}{scope} style="{style}">{_escape(text)}{raised}</{tag}>'


def render_markdown(text: str) -> str:
    r"""Turn a note's Markdown into HTML; raw HTML is shown as text, and pictures are left out.

    Parameters
    ----------
    text : str
        CommonMark with tables.

    Returns
    -------
    str
        HTML that loads nothing; headings stand below a report's own.

    Examples
    --------
    >>> render_markdown("Only **ten** schools.")
    '<p>Only <strong>ten</strong> schools.</p>\n'
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = parser.parse(visible(text))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4"
    return cast(str, parser.renderer.render(tokens, parser.options, {}))


def _require(name: str, section: str) -> None:
    """A block has a name for its file and a section of the report."""
    if not name:
        raise ParameterError("a block has no name", remedy="give it a short name, for example 'estimates'.")
    if section not in SECTIONS:
        raise ParameterError(f"no section {section!r}", remedy=f"choose one of {', '.join(SECTIONS)}.")


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a report; its values keep their types, and are written out as text only in the report.

    Parameters
    ----------
    name : str
        Name of its CSV file.
    title : str
        What it shows, in one line.
    data : pandas.DataFrame
        One row an estimate, after `suppress`.
    section : str
        A section of the report.
    note : str, optional
        Markdown below the table.
    folded : bool, default False
        Shown closed, for readers who look for it.
    columns : mapping of str to str, optional
        Which columns to show, in order, and their printed headings; an empty heading means the usual one.
        Without it, every column is shown.

    Raises
    ------
    ParameterError
        Unknown section, or no name.
    DataError
        ``columns`` names a column that the table does not have.

    Examples
    --------
    >>> table = Table("icc", "Variance between schools", pd.DataFrame({"icc": [0.04]}), section="measurement")
    >>> block_from_json(table.to_json()).title
    'Variance between schools'
    """

    name: str
    title: str
    data: pd.DataFrame
    section: str
    note: str = ""
    folded: bool = False
    columns: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        _require(self.name, self.section)
        absent = [c for c in self.columns or {} if c not in self.data.columns]
        if absent:
            raise DataError(
                f"Table {self.name!r} has no column {', '.join(absent)}.",
                remedy=f"choose from {', '.join(map(str, self.data.columns))}.",
            )

    def to_json(self) -> dict[str, Any]:
        """The block as JSON values, complete enough to build it again."""
        return {
            "block": "table",
            "name": self.name,
            "title": self.title,
            "section": self.section,
            "note": self.note,
            "folded": self.folded,
            "columns": None if self.columns is None else [[k, v] for k, v in self.columns.items()],
            "data": frame_to_json(self.data),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook keeps of the table."""
        shown = display_table(self.data, self.columns)
        head = "".join(_cell("th", c.text, c.numeric) for c in shown.columns)
        body = "".join(
            "<tr>"
            + "".join(_cell("td", x.text, c.numeric, x.mark) for c, x in zip(shown.columns, row, strict=True))
            + "</tr>"
            for row in shown.rows
        )
        page = (
            '<table style="margin:0;border-collapse:collapse;border-top:2px solid;border-bottom:2px solid;'
            'font-variant-numeric:lining-nums tabular-nums">'
            '<caption style="text-align:left;font-weight:600;color:inherit;padding:.4em 0">'
            f"{_escape(self.title)}</caption>"
            f'<thead style="border-bottom:1px solid"><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            + "".join(f"<p><small>{_escape(text)}</small></p>" for text in (*shown.common, *shown.footnotes))
            + (render_markdown(self.note) if self.note else "")
        )
        lines = ["\t".join(c.text for c in shown.columns)]
        lines += ["\t".join(cell.text for cell in row) for row in shown.rows]
        return {
            BLOCK_MIME: self.to_json(),
            "text/html": page,
            "text/plain": "\n".join([self.title, *lines, *shown.common]),
        }


@dataclass(frozen=True)
class Figure:
    """A figure of a report, as SVG and as PNG, with words for readers who cannot see it.

    Parameters
    ----------
    name, title, section : str
        As of `Table`.
    svg : str
        The drawing.
    png : bytes
        The same as a picture, for notebooks and word processors.
    alt : str
        What the figure shows, in words and numbers; required.
    caption : str, optional
        Markdown below the figure: how to read it.

    Raises
    ------
    ParameterError
        No description, unknown section, or no name.

    Examples
    --------
    >>> Figure("means", "Means", "<svg/>", b"png", "Both arms rise.", section="effects").alt
    'Both arms rise.'
    """

    name: str
    title: str
    svg: str
    png: bytes
    alt: str
    section: str
    caption: str = ""

    def __post_init__(self) -> None:
        _require(self.name, self.section)
        if not self.alt.strip():
            raise ParameterError(
                f"figure {self.name!r} has no description",
                remedy="say in words and numbers what it shows, for readers who cannot see it.",
            )

    def to_json(self) -> dict[str, Any]:
        """The block as JSON values, complete enough to build it again."""
        return {
            "block": "figure",
            "name": self.name,
            "title": self.title,
            "section": self.section,
            "caption": self.caption,
            "alt": self.alt,
            "svg": self.svg,
            "png": base64.b64encode(self.png).decode("ascii"),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook keeps of the figure."""
        picture = base64.b64encode(self.png).decode("ascii")
        page = (
            f'<figure style="margin:0"><img alt="{_escape(self.alt)}" style="max-width:100%;background:#fff" '
            f'src="data:image/png;base64,{picture}">'
            f"<figcaption><strong>{_escape(self.title)}</strong>"
            + (render_markdown(self.caption) if self.caption else "")
            + "</figcaption></figure>"
        )
        return {
            BLOCK_MIME: self.to_json(),
            "text/html": page,
            "image/png": picture,
            "text/plain": f"{self.title}\n{self.alt}",
        }


@dataclass(frozen=True)
class Note:
    """A paragraph of a report.

    Parameters
    ----------
    text : str
        Markdown.
    section : str
        A section of the report.
    kind : {"info", "caution", "method"}
        A caution is set apart so that nobody overlooks it.
    title : str, optional
        Its heading.

    Examples
    --------
    >>> Note("Only ten schools.", section="cautions", kind="caution").kind
    'caution'
    """

    text: str
    section: str
    kind: Kind = "info"
    title: str = ""

    def __post_init__(self) -> None:
        _require("note", self.section)
        if self.kind not in _KINDS:
            raise ParameterError(f"no kind of note {self.kind!r}", remedy=f"choose one of {', '.join(_KINDS)}.")

    def to_json(self) -> dict[str, Any]:
        """The block as JSON values, complete enough to build it again."""
        return {
            "block": "note",
            "section": self.section,
            "kind": self.kind,
            "title": self.title,
            "text": self.text,
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """What a notebook keeps of the note."""
        rule = "#b3541e" if self.kind == "caution" else "#8a8f98"
        title = f"<p><strong>{_escape(self.title)}</strong></p>" if self.title else ""
        page = (
            f'<div style="border-left:3px solid {rule};padding:.1em 0 .1em 1em;max-width:70ch">'
            f"{title}{render_markdown(self.text)}</div>"
        )
        plain = f"{self.title}\n{self.text}" if self.title else self.text
        return {BLOCK_MIME: self.to_json(), "text/html": page, "text/plain": plain}


Block = Table | Figure | Note


def block_from_json(value: Mapping[str, Any]) -> Block:
    """Build a block again from what a notebook kept of it.

    Parameters
    ----------
    value : mapping
        The entry of an output's MIME bundle under ``application/vnd.belonging-study.block+json``.

    Returns
    -------
    Table, Figure or Note
        Equal to the one that was shown; a table's missing values are NaN or None again.

    Raises
    ------
    DataError
        If the value is not a block.

    Examples
    --------
    >>> block_from_json(Note("Read with care.", section="cautions").to_json()).text
    'Read with care.'
    """
    kind = value.get("block")
    try:
        if kind == "table":
            columns = value["columns"]
            return Table(
                name=value["name"],
                title=value["title"],
                data=frame_from_json(value["data"]),
                section=value["section"],
                note=value["note"],
                folded=value["folded"],
                columns=None if columns is None else dict(columns),
            )
        if kind == "figure":
            return Figure(
                name=value["name"],
                title=value["title"],
                svg=value["svg"],
                png=base64.b64decode(value["png"]),
                alt=value["alt"],
                section=value["section"],
                caption=value["caption"],
            )
        if kind == "note":
            return Note(text=value["text"], section=value["section"], kind=value["kind"], title=value["title"])
    except KeyError as error:
        raise DataError(f"A {kind} block lacks {error}.", remedy="run the notebook again.") from error
    raise DataError(f"Not a block of a report: {kind!r}.", remedy="run the notebook again.")
