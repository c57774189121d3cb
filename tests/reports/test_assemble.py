from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest
from made_up import NOTEBOOKS, PROVENANCE, made_up_blocks, made_up_study

from belonging_study.reports.assemble import assemble_html
from belonging_study.reports.blocks import SECTIONS, Block, Figure, Note, Table
from belonging_study.reports.words import Summary


def page_of(blocks: list[Block], summary: Summary | None = None, **changes: object) -> str:
    study = made_up_study(**changes)
    return assemble_html(
        study,
        study.waves[1],
        blocks,
        provenance=PROVENANCE,
        summary=summary or Summary(("First.", "Second."), "A headline."),
        notebooks=NOTEBOOKS,
    )


class Outline(HTMLParser):
    """Tags, ids, headings and links of a page, and whether its tags are balanced."""

    void = frozenset({"meta", "link", "img", "br", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.levels: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in self.void:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "section":
            self.sections.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    outline = Outline(page_of(made_up_blocks()))
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in zip(outline.levels, outline.levels[1:], strict=False))


def test_sections_stand_in_order_and_empty_ones_are_left_out() -> None:
    assert Outline(page_of(made_up_blocks())).sections == list(SECTIONS)
    study = made_up_study()
    page = assemble_html(study, study.waves[0], [], provenance={}, summary=Summary((), "Nothing yet."))
    assert Outline(page).sections == ["summary", "design", "provenance"]


def test_folded_tables_are_the_appendix_of_their_section() -> None:
    data = pd.DataFrame({"n": [1, 2]})
    blocks: list[Block] = [
        Table("late", "Folded first", data, "effects", folded=True),
        Table("early", "Open table", data, "effects"),
        Note("An open note.", "effects"),
        Table("later", "Folded last", data, "effects", folded=True),
    ]
    page = page_of(blocks)
    places = [page.index(text) for text in ("Open table", "An open note.", "Folded first", "Folded last")]
    assert places == sorted(places)
    assert '<span class="number">Table 2</span> Open table' in page
    assert '<span class="number">Table 3</span> Folded first' in page


def test_cautions_and_methods_come_before_what_notebooks_add_to_them() -> None:
    study = made_up_study()
    page = assemble_html(
        study,
        study.waves[1],
        [Note("From a notebook.", "cautions"), Note("A formula.", "methods")],
        provenance={},
        summary=Summary((), "A headline."),
        cautions=["Mind **this**.", "And that."],
        methods="**Sample.** Everybody.",
    )
    assert "<li>Mind <strong>this</strong>.</li>\n<li>And that.</li>" in page
    assert page.index("And that.") < page.index("From a notebook.")
    assert page.index("Everybody.") < page.index("A formula.")


def test_nothing_is_loaded_and_nothing_runs() -> None:
    outline = Outline(page_of([*made_up_blocks(), Note("![x](https://example.org/x.png)", "methods")]))
    assert not [tag for tag, _ in outline.tags if tag in ("script", "iframe", "object", "embed")]
    sources = [str(given[key]) for tag, given in outline.tags for key in ("src", "href") if key in given and tag != "a"]
    assert sources
    assert all(source.startswith("data:") for source in sources)


def test_text_from_outside_is_escaped() -> None:
    nasty = "<script>alert('x')</script>"
    table = Table("t", nasty, pd.DataFrame({nasty: [nasty], "n": [3]}), "effects", note=nasty)
    figure = Figure("f", nasty, f"<svg>{nasty}</svg>", b"", nasty, "effects", caption=nasty)
    page = page_of([table, figure, Note(nasty, "effects", title=nasty)], Summary((nasty,), nasty), title=nasty)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_tables_and_figures_are_named_numbered_and_described() -> None:
    outline = Outline(page_of(made_up_blocks()))
    images = [given for tag, given in outline.tags if tag == "img"]
    assert len(images) == 3
    assert all("rises from 3.0 to 3.2" in str(given["alt"]) for given in images)
    assert all(given["scope"] in ("col", "row") for tag, given in outline.tags if tag == "th")
    tags = [tag for tag, _ in outline.tags]
    assert tags.count("table") == tags.count("caption") == 6
    regions = [given for tag, given in outline.tags if given.get("role") == "region"]
    assert all(given["tabindex"] == "0" for given in regions)
    assert all(given.get("aria-labelledby") in outline.ids or given.get("aria-label") for given in regions)


def test_blocks_of_one_name_get_anchors_of_their_own() -> None:
    table = Table("t", "T", pd.DataFrame({"n": [12]}), "effects")
    ids = Outline(page_of([table, table, table])).ids
    assert {"table-t", "table-t-2", "table-t-3"} <= set(ids)


def test_names_become_labels_and_hidden_rows_say_so() -> None:
    page = page_of(made_up_blocks())
    assert "School belonging" in page
    assert ">belonging</th>" not in page
    assert "fewer than 10" in page
    assert "hidden to protect a smaller group" in page


def test_code_is_folded_and_complete() -> None:
    page = page_of(made_up_blocks())
    assert "x = 1 &lt; 2" in page
    assert '<details class="fold code">' in page


@pytest.mark.parametrize("randomized", [True, False])
def test_the_design_is_read_off_the_definition(randomized: bool) -> None:
    design = {"assignment": {"starts": "w2", "level": "class", "randomized": randomized}, "class": "c", "panel": False}
    page = page_of([], design=design)
    assert ("Classes were drawn by lot" in page) is randomized
    assert ("They were not drawn by lot." in page) is not randomized
    assert "they are not followed one by one" in page
    assert "perceptions" in page
    assert "mean of 18 questions, 1 to 5" in page


def test_the_same_input_gives_the_same_page() -> None:
    script = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); import made_up; from test_assemble import page_of;"
        "made_up.drawing = lambda seed: ('<svg viewBox=\"0 0 7 3\"/>', b'');"
        "print(hashlib.sha256(page_of(made_up.made_up_blocks()).encode()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script, str(__file__).rsplit("/", 1)[0]],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_assembling_needs_no_plotting_library() -> None:
    script = (
        "import sys, belonging_study.reports.assemble, belonging_study.reports.words;"
        "sys.exit(any(m in sys.modules for m in ('matplotlib', 'seaborn', 'statsmodels', 'papermill')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
