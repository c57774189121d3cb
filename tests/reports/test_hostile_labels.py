"""Labels, headings and values that are made to break out: into HTML, a drawing, a notebook or a spreadsheet."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from made_up import made_up_study
from matplotlib.font_manager import findfont, get_font

from belonging_study.data.codebook.table import codebook_table, codebook_values
from belonging_study.data.codebook.table_schema import codebook_schema
from belonging_study.data.codebook.variables import Variable
from belonging_study.figures import item_answers
from belonging_study.reports.assemble import assemble_html
from belonging_study.reports.blocks import Note, Table, block_from_json
from belonging_study.reports.csv_files import csv_bytes, read_csv
from belonging_study.reports.disclosure import suppress
from belonging_study.reports.plain_text import visible
from belonging_study.reports.words import Summary

FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "''-1", "a\r=1", "a\r\n=1"]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "A & B < C > D",
    "&lt;b&gt;",
    "cost $5 and x^2 of $6",
    "left\u202etfel\u2066 bell\x07",
    "two\nlines -- and --> more",
    "]]><svg onload=alert(1)>",
    "{{ study.title }}",
    *FORMULAS,
]


class Seen(HTMLParser):
    """Every element, attribute and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: str) -> Seen:
    seen = Seen(page)
    assert not {"script", "svg", "iframe"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert not [v for name, v in seen.attributes if name in {"src", "href"} and not str(v).startswith(("data:", "#"))]
    assert not set(page) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x07")
    return seen


def words(text: str) -> str:
    return " ".join(visible(text).split())


def codebook(labels: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, list[Variable], pd.DataFrame]:
    """A codebook whose every name, label, wording and value is hostile."""
    n = len(labels)
    sample = pd.DataFrame(
        {label: np.repeat(labels, 20) if i else np.tile([1.0, 2.0], 10 * n) for i, label in enumerate(labels)}
    )
    sample.insert(0, "wave", "w1")
    variables = [
        Variable(label, label, label, "text" if i else "number", label, label, levels={} if i else {1: label, 2: label})
        for i, label in enumerate(labels)
    ]
    none = pd.DataFrame(columns=["wave", "column", "label", "reason", "n", "share"])
    return (
        codebook_table(sample, variables, minimum_cell=10),
        codebook_values(sample, variables, none),
        variables,
        sample,
    )


@pytest.fixture(scope="module")
def tables() -> list[pd.DataFrame]:
    book, values, _, _ = codebook(HOSTILE[:15])
    wide = pd.DataFrame([np.arange(len(HOSTILE))], columns=HOSTILE).assign(note=HOSTILE[0])
    return [suppress(table, minimum_cell=10) for table in (book, values, wide)]


def test_a_report_shows_hostile_text_as_text(tables: list[pd.DataFrame]) -> None:
    study = made_up_study(title=HOSTILE[0], team=[{"name": HOSTILE[1], "affiliation": HOSTILE[2]}])
    outcome = study.outcomes[0].model_copy(update={"label": HOSTILE[1], "unit": HOSTILE[2]})
    wave = study.waves[0].model_copy(update={"label": HOSTILE[6]})
    study = study.model_copy(update={"outcomes": (outcome, *study.outcomes[1:]), "waves": (wave, *study.waves[1:])})
    blocks = [
        *(Table(f"t{i}", text, table, "provenance") for i, table in enumerate(tables) for text in HOSTILE[i : i + 3]),
        *(Note(text, section="methods", title=text) for text in HOSTILE),
    ]
    page = assemble_html(
        study,
        wave,
        blocks,
        provenance={text: {text: [text]} for text in HOSTILE},
        summary=Summary(tuple(HOSTILE), HOSTILE[1]),
        cautions=HOSTILE,
        notebooks=[(HOSTILE[0], HOSTILE[1], HOSTILE)],
    )
    seen = harmless(page)
    text = words(seen.text)
    for label in HOSTILE:
        assert words(label) in text, repr(label)


def test_a_notebook_shows_hostile_text_as_text(tables: list[pd.DataFrame]) -> None:
    for table in tables:
        block = Table("t", HOSTILE[1], table, "provenance", note=HOSTILE[0])
        bundle = block._repr_mimebundle_()
        harmless(bundle["text/html"])
        again = block_from_json(block.to_json())
        assert isinstance(again, Table)
        assert list(again.data.columns) == list(table.columns)
    for label in HOSTILE:
        harmless(Note(label, section="methods", title=label)._repr_mimebundle_()["text/html"])


def test_no_cell_or_heading_of_a_csv_file_is_a_formula_and_all_come_back(tmp_path: Path) -> None:
    texts = [*HOSTILE, "plain", "'quoted'", "2-1"]
    table = pd.DataFrame({"text": texts, "number": -np.arange(1.0, len(texts) + 1)})
    headings = [label for label in HOSTILE if "\r" not in label]
    table = table.assign(**dict.fromkeys(headings, -1.5))
    content = csv_bytes(table)
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert len(rows) == len(texts) + 1  # no text begins a row of its own
    starts = tuple("=+-@\t\r\n＝＋－＠")
    assert not [name for name in rows[0] if name.startswith(starts)]
    assert not [row[0] for row in rows[1:] if row[0].startswith(starts)]
    assert [float(row[1]) for row in rows[1:]] == table["number"].tolist()
    (tmp_path / "t.csv").write_bytes(content)
    back = read_csv(tmp_path / "t.csv")
    unix = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    assert back["text"].tolist() == unix
    assert sorted(back.columns) == sorted(["text", "number", *headings])
    assert (back[HOSTILE[0]] == -1.5).all()


def test_the_schema_of_hostile_columns_is_still_json(tmp_path: Path) -> None:
    _, _, variables, sample = codebook(HOSTILE[:15])
    schema = codebook_schema(sample, variables)
    assert [field["name"] for field in schema["fields"]] == HOSTILE[:15]


def test_a_label_in_a_drawing_is_no_formula_and_no_markup() -> None:
    from belonging_study.figures.style import house_style

    labels = ["No -- <b>&", "Yes $a^2$ $"]
    table = pd.DataFrame({"item": ["a", "a", "b", "b"], "value": [1, 2, 1, 2], "share": [0.25, 0.75, 0.5, 0.5]})
    questions = {"a": 'Is $x^2$ <script>alert("1")</script> -->', "b": "\\frac{1}{2} $\\frac{1}{2}$ $$ _^{}"}
    drawn = item_answers(table, labels=labels, questions=questions, title="From $1 to $2")
    assert questions["a"] in drawn.alt
    svg = io.StringIO()
    with house_style():
        drawn.figure.savefig(svg, format="svg")
    root = ElementTree.fromstring(svg.getvalue())
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "script" not in names
    assert "b" not in names
    # Mathematics is set in italics, and swallows the dollar signs.
    glyphs = {element.get("id", "") for element in root.iter()}
    dollar = get_font(findfont("DejaVu Sans")).get_char_index(ord("$"))
    assert not [name for name in glyphs if "Oblique" in name]
    assert {f"DejaVuSans-{dollar:x}", f"DejaVuSans-{ord('$'):x}"} & glyphs
