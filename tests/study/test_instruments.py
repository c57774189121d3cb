"""The instrument library: its files, the scales that name an instrument, and what the command shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import yaml
from click.testing import CliRunner

from belonging_study.cli import cli
from belonging_study.data.coding.answers import code_answers
from belonging_study.data.readers import spss
from belonging_study.data.readers.rawfile import RawFile
from belonging_study.errors import DataProblems, ParameterError, StudyDefinitionError, UserError
from belonging_study.scales import cfa, score
from belonging_study.scales.structure import parse_model
from belonging_study.scales.study_structures import check_structures
from belonging_study.study import FRAMEWORK_TAGS, Instrument, Scale, instrument, instrument_names, instruments_table
from belonging_study.study.instrument_page import instrument_lines, library_lines, snippet
from belonging_study.study.load import parse_study

LIBRARY = Path(__file__).parents[2] / "src" / "belonging_study" / "study" / "instruments"
WHOLE_SCALES = [
    name if not instrument(name).parts else f"{name}/{part}"
    for name in instrument_names()
    for part in (instrument(name).parts or [""])
]
ANSWERS: dict[str, Any] = {"range": [1, 7], "reverse": ["q2"], "items": ["q1", "q2", "q3", "q4"]}


def study_text(scale: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "title": "Notes",
            "name": "notes",
            "programme": {"name": "Notes"},
            "waves": [{"name": "w1", "label": "Autumn", "date": "@", "sources": [{"file": "w1.csv"}]}],
            "design": {"assignment": {"starts": "w1"}},
            "scales": {"belonging": {"label": "Belonging", **scale}},
            "outcomes": [{"name": "belonging", "measure": "belonging", "label": "Belonging"}],
        },
        sort_keys=False,
    ).replace("'@'", "2024-10-07")


def scale_of(**scale: Any) -> Scale:
    return parse_study(study_text(scale)).scales["belonging"]


def mistakes(**scale: Any) -> list[str]:
    with pytest.raises(StudyDefinitionError) as caught:
        parse_study(study_text(scale))
    return [f"{m.path}: {m.message}" for m in caught.value.mistakes]


def answered(name: str) -> dict[str, Any]:
    """Give what the library asks of a study."""
    found = instrument(name)
    given = {entry: ANSWERS[entry] for entry in found.asked}
    if found.items and "reverse" in given:
        given["reverse"] = list(found.items)[1:3]
    return given


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yml")), ids=lambda path: path.stem)
def test_every_file_is_complete_and_consistent(path: Path) -> None:
    found = Instrument.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "name": path.stem})
    assert found == instrument(path.stem)
    assert all(
        (found.title, found.source, found.rights, found.languages, found.direction, found.tags, found.unverified)
    )
    for framework, tags in found.tags.items():
        assert set(tags) <= set(FRAMEWORK_TAGS[framework])
    for name in found.parts or [""]:
        part = found.part(name) if name else found
        assert set(part.asked) >= ({"range"} if part.range is None else set())
        assert bool(part.items) != ("items" in part.asked)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reverse": ["pssm_19"]}, "pssm_19 is not an item"),
        ({"labels": ["no", "yes"]}, "2 labels for 5 steps"),
        ({"positive": 6}, "positive is outside the range"),
        ({"range": None}, "range is neither given nor asked"),
        ({"asked": ["range"]}, "range is given, so it need not be asked"),
        ({"tags": {"ib_allen": ["relationships"]}}, "relationships is not a category of ib_allen"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
        ({"forms": {"a": {"title": "A", "reverse": ["no"]}}}, "no is not an item"),
    ],
)
def test_a_file_with_a_mistake_is_refused(change: dict[str, Any], said: str) -> None:
    entries = yaml.safe_load((LIBRARY / "pssm.yml").read_text(encoding="utf-8"))
    with pytest.raises(ValueError, match=said):
        Instrument.model_validate({**entries, "name": "pssm", **change})


@pytest.mark.parametrize("name", WHOLE_SCALES)
def test_a_study_that_gives_what_is_asked_loads_and_its_structures_are_about_its_items(name: str) -> None:
    study = parse_study(study_text({"instrument": name, **answered(name)}))
    check_structures(study)
    scale = study.scales["belonging"]
    found = instrument(name)
    assert scale.range is not None
    assert set(scale.structures) == set(found.structures)
    assert set(scale.reverse) <= set(scale.items)
    for text in scale.structures.values():
        terms = parse_model(text)
        factors = {term.lhs for term in terms if term.op == "=~"}
        assert {term.rhs for term in terms if term.op == "=~"} == set(scale.items)
        assert {t.lhs for t in terms} | {t.rhs for t in terms} <= factors | set(scale.items)


@pytest.mark.parametrize("name", [name for name in WHOLE_SCALES if instrument(name).asked])
def test_a_study_that_does_not_give_what_is_asked_is_told_plainly(name: str) -> None:
    asked = instrument(name).asked
    said = mistakes(instrument=name)
    for entry in asked:
        mine = [text for text in said if text.startswith((f"scales.belonging.{entry}:", "scales.belonging:"))]
        assert any("the library does not know" in text and f"give {entry}" in text for text in mine)
    # An entry that was left empty, as in the lines to fill in, is one that was not given.
    assert mistakes(instrument=name, **dict.fromkeys(asked)) == said


def test_the_number_of_steps_is_asked_for_by_name() -> None:
    assert mistakes(instrument="social_fit") == [
        "scales.belonging.range: the library does not know the number of response steps of Sense of Social Fit Scale; "
        "give range, such as [1, 5], and labels where answers are words"
    ]


def test_pssm_has_goodenows_keys_and_known_structures() -> None:
    scale = scale_of(instrument="pssm")
    # Goodenow (1993): 18 items on 1 to 5, of which 3, 6, 9, 12 and 16 are negative.
    negative = ("pssm_03", "pssm_06", "pssm_09", "pssm_12", "pssm_16")
    assert (len(scale.items), scale.range, scale.reverse, scale.labels) == (18, (1, 5), negative, ())
    assert scale.short_forms == {"positive_13": tuple(item for item in scale.items if item not in negative)}
    assert list(scale.structures) == ["one_factor", "negative_wording", "rejection"]
    method = [term.rhs for term in parse_model(scale.structures["negative_wording"]) if term.lhs == "negative_wording"]
    assert method == list(negative)
    assert not any(scale.items.values())  # its wordings are not ours to print


def test_own_item_names_go_into_keys_short_forms_and_structures() -> None:
    own = [f"q{n}" for n in range(1, 19)]
    scale = scale_of(instrument="pssm", items=own)
    assert scale.reverse == ("q3", "q6", "q9", "q12", "q16")
    assert scale.short_forms["positive_13"][:4] == ("q1", "q2", "q4", "q5")
    # q1 is the beginning of q10 to q18: whole names are replaced.
    assert parse_model(scale.structures["rejection"])[-1].key == "rejection=~q16"
    assert "pssm" not in "".join(scale.structures.values())


def test_a_factor_gives_way_to_an_item_of_its_name() -> None:
    study = parse_study(study_text({"instrument": "pulse", "items": ["peers", "b", "c", "d", "e", "f"]}))
    check_structures(study)
    terms = parse_model(study.scales["belonging"].structures["peers_and_adults"])
    assert [term.key for term in terms][:2] == ["peers_factor=~peers", "peers_factor=~b"]


def test_wordings_of_open_instruments_come_with_own_names() -> None:
    scale = scale_of(instrument="perts_elevate_2019/teacher_caring", items=["a", "b", "c"])
    assert scale.items["b"] == "I feel like my teacher is glad that I am in their class."
    assert scale_of(instrument="pulse", items=dict.fromkeys("abcdef", "?")).items["a"] == "?"


def test_items_in_another_order_keep_their_keys() -> None:
    items = list(instrument("pssm").items)
    assert set(scale_of(instrument="pssm", items=items[::-1]).reverse) == set(instrument("pssm").reverse)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (["a", "b"], "pulse has 6 items and 2 are named"),
        (["a", "a", "b", "c", "d", "e"], "a is named twice"),
        (
            ["x", "y", "pulse_peers_connection", "a", "b", "c"],
            "stands in place 3, but is the instrument's name for item 1",
        ),
    ],
)
def test_items_that_do_not_fit_are_refused(items: list[str], said: str) -> None:
    assert any(said in text for text in mistakes(instrument="pulse", items=items))


def test_what_study_yml_writes_wins() -> None:
    scale = scale_of(
        instrument="perts_elevate/teacher_caring", **ANSWERS | {"range": [1, 7]}, score="percent_of_maximum"
    )
    # The cut and the labels belong to the library's six steps, not to the study's seven.
    assert (scale.range, scale.labels, scale.positive, scale.score) == ((1, 7), (), None, "percent_of_maximum")
    assert scale_of(instrument="pulse", positive=5).positive == 5
    assert scale_of(instrument="pulse", positive=None).positive is None
    assert scale_of(instrument="pulse", structures={"mine": "f =~ pulse_peers_respect"}).structures.keys() == {"mine"}
    synonyms = scale_of(instrument="pisa_belonging/oecd_codes", synonyms={"Not sure": 2}).synonyms
    assert synonyms["Not sure"] == 2
    assert np.isnan(synonyms["97"])


def test_labels_in_the_other_direction_need_their_own_keys() -> None:
    falling = list(instrument("pisa_belonging/oecd_codes").labels)
    said = mistakes(instrument="pisa_belonging/rising_codes", labels=falling)
    assert any("run in the other direction" in text for text in said)
    keys = ["ST034Q02TA", "ST034Q03TA", "ST034Q05TA"]
    assert scale_of(instrument="pisa_belonging/rising_codes", labels=falling, reverse=keys).labels == tuple(falling)


def test_structures_of_keyed_factors_need_items_of_both_kinds() -> None:
    said = mistakes(instrument="general_belongingness", range=[1, 7], reverse=[])
    where = "scales.belonging.reverse"
    assert said == [f"{where}: General Belongingness Scale (GBS) has reversed items and others; here none are reversed"]
    scale = scale_of(instrument="general_belongingness", range=[1, 7], reverse=["gbs_03", "gbs_04"])
    terms = parse_model(scale.structures["acceptance_and_rejection"])
    assert [term.rhs for term in terms if term.lhs == "rejection"] == ["gbs_03", "gbs_04"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            "perts_elevate",
            "has several conditions, each a scale of its own; name one: perts_elevate/affirming_identities",
        ),
        ("pisa_belonging", "forms that code the same answers in different ways"),
        ("perts_elevate/teacher_carin", "did you mean perts_elevate/teacher_caring?"),
        ("perts_elevat/teacher_caring", "did you mean perts_elevate?"),
        ("pssm/brief", "it is one scale: pssm"),
        ("../model", "is not in the instrument library"),
        (["pssm"], "is not in the instrument library"),
    ],
)
def test_a_name_that_is_none_gets_the_nearest(wanted: Any, said: str) -> None:
    assert any(said in text for text in mistakes(instrument=wanted))


def test_elevate_and_ascend_name_their_conditions() -> None:
    # PERTS' support pages: six core and three supplementary conditions of Elevate, seven of Ascend.
    assert [part.title for part in instrument("perts_elevate").conditions.values()] == [
        *("Affirming Identities", "Classroom Community", "Feedback for Growth", "Meaningful Work", "Student Voice"),
        *("Teacher Caring", "Learning Goals", "Supportive Teaching", "Well-Organized Class"),
    ]
    assert set(instrument("perts_ascend").conditions) == {
        *("belonging_certainty", "identity_safety", "institutional_growth_mindset", "self_efficacy"),
        *("social_belonging", "social_connectedness", "trust_and_fairness"),
    }
    scale = scale_of(instrument="perts_elevate/teacher_caring", items=["tc1", "tc2", "tc3"], reverse=[])
    assert (scale.range, scale.positive, scale.labels[4]) == ((1, 6), 5, "Agree")
    certainty = instrument("perts_ascend/belonging_certainty")
    assert (certainty.range, certainty.positive, certainty.labels) == (None, None, ())


@pytest.mark.parametrize("form", ["oecd_codes", "rising_codes"])
@pytest.mark.parametrize("falling", [True, False])
def test_a_pisa_file_with_value_labels_scores_high_for_belonging_whatever_its_direction(
    tmp_path: Path, form: str, falling: bool
) -> None:
    scale = scale_of(instrument=f"pisa_belonging/{form}")
    words = ["Strongly agree", "Agree", "Disagree", "Strongly disagree"]
    codes = dict(zip(range(1, 5), words if falling else words[::-1], strict=True))
    number = {word: code for code, word in codes.items()}
    yes, no = number["Strongly agree"], number["Strongly disagree"]
    # Items a, d and f (outsider, out of place, lonely) are denied by whoever belongs; the third skipped one item.
    belongs, not_ = [no, yes, yes, no, yes, no], [yes, no, no, yes, no, yes]
    table = pd.DataFrame([belongs, not_, [*belongs[:5], 97]], columns=list(scale.items)).astype(float)
    path = tmp_path / "pisa.sav"
    labels = {**codes, 97: "Not applicable"}
    pyreadstat.write_sav(table, path, variable_value_labels=dict.fromkeys(table.columns, labels))
    export = spss.read(_raw(path))
    coded = pd.DataFrame(
        {
            item: code_answers(
                export.table[item],
                labels=scale.labels,
                minimum=scale.minimum,
                maximum=scale.maximum,
                synonyms=scale.synonyms,
                value_labels=export.labels[item],
                column=item,
                shown="pisa.sav",
            ).codes
            for item in scale.items
        }
    )
    scores = score(coded, list(scale.items), reverse=scale.reverse, minimum=1, maximum=4)
    assert scores.tolist() == [4, 1, 4]


def _raw(path: Path) -> RawFile:
    return RawFile(path.read_bytes(), path.name, path.name)


def test_pisa_numbers_without_labels_are_read_by_the_form() -> None:
    # A student who belongs, as the OECD's files code it (1 = strongly agree) and as files that rise with agreement do.
    for form, answers in {"oecd_codes": [4, 1, 1, 4, 1, 4], "rising_codes": [1, 4, 4, 1, 4, 1]}.items():
        scale = scale_of(instrument=f"pisa_belonging/{form}")
        rows = pd.DataFrame([answers], columns=list(scale.items), dtype=float)
        assert score(rows, list(scale.items), reverse=scale.reverse, minimum=1, maximum=4).tolist() == [4]


def test_timss_answers_as_published_run_the_way_the_library_says(shared_data: Path) -> None:
    answers = pd.read_csv(shared_data / "timss2015_belonging" / "items.csv")
    scores = {}
    for name in ("timss_2015_belonging", "timss_2015_bullying"):
        scale = scale_of(instrument=f"{name}/codes_from_zero")
        assert set(scale.items) <= set(answers)
        items = answers[list(scale.items)]
        assert (items.min().min(), items.max().max()) == scale.range
        scores[name] = score(items.astype(float), list(scale.items), reverse=scale.reverse, minimum=0, maximum=3)
    belonging, bullied = scores.values()
    assert belonging.mean() > 1.5 > bullied.mean()  # most belong, most are seldom bullied
    assert belonging.corr(bullied) < -0.2


def test_pssms_method_factor_can_be_fitted() -> None:
    scale = scale_of(instrument="pssm")
    rng = np.random.default_rng(5)
    n, negative = 600, np.array([item in scale.reverse for item in scale.items])
    belonging, method = rng.normal(size=(2, n, 1))
    answers = 0.7 * belonging + 0.5 * method * negative + rng.normal(scale=0.6, size=(n, 18))
    data = pd.DataFrame(answers, columns=list(scale.items))
    alone, both = (cfa(scale.structures[name], data).fit["cfi"].item() for name in ("one_factor", "negative_wording"))
    assert both > 0.98 > alone


def test_the_table_has_a_row_an_instrument() -> None:
    table = instruments_table().set_index("name")
    assert tuple(table.index) == instrument_names()
    assert table.loc["pssm", ["n_items", "n_steps", "rights", "asked", "parts"]].tolist() == [18, 5, "ask", "", ""]
    assert table["n_items"].isna().sum() == table["asked"].str.contains("items").sum()
    assert table.loc["social_fit", "asked"] == "range"
    assert table.loc["pisa_belonging", "parts"] == "oecd_codes, rising_codes"


def test_the_command_lists_and_shows() -> None:
    runner = CliRunner()
    listed = runner.invoke(cli, ["instruments"])
    assert listed.exit_code == 0
    assert listed.output.split("\n")[0].split() == ["name", "items", "steps", "rights", "title"]
    assert {line.split()[0] for line in listed.output.splitlines() if line} >= set(instrument_names())
    shown = runner.invoke(cli, ["instruments", "pssm"]).output
    for said in (
        "Goodenow, C. (1993)",
        "permission before use",
        "pssm_03, pssm_06",
        "negative_wording",
        "Not verified",
    ):
        assert said in shown
    assert "the library does not know" in runner.invoke(cli, ["instruments", "social_fit"]).output
    assert "perts_elevate/teacher_caring" in runner.invoke(cli, ["instruments", "perts_elevate"]).output
    wrong = runner.invoke(cli, ["instruments", "psm"])
    assert isinstance(wrong.exception, ParameterError)
    assert "did you mean pssm?" in str(wrong.exception)


@pytest.mark.parametrize("width", [60, 120])
def test_lines_fit_the_terminal(width: int) -> None:
    for name in (*instrument_names(), *WHOLE_SCALES):
        assert all(len(line) <= max(width, 81) for line in instrument_lines(name, width)[2:])
    assert all(len(line) <= 91 for line in library_lines(60))


@pytest.mark.parametrize("name", WHOLE_SCALES)
def test_the_lines_for_study_yml_load_once_they_are_filled_in(name: str) -> None:
    found = instrument(name)
    lines = yaml.safe_load(snippet(found))["scales"]["belonging"]
    assert lines.pop("label") in (found.title, found.title.rpartition(": ")[0], found.title.rpartition(": ")[2])
    assert {entry for entry, value in lines.items() if value is None} == set(found.asked)
    assert scale_of(**{**lines, **answered(name)}).items


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({"short_forms": {"two": ["q1", "q9"]}}, "'q9' is not an item of this scale"),
        ({"short_forms": {"two": ["q1", "q1"]}}, "'q1' is named twice"),
        ({"short_forms": {"one": ["q1"]}}, "a short form needs two items or more; this has 1"),
        ({"positive": 1}, "1 is not above the lowest and up to the highest value of the form, 1 to 5"),
        ({"positive": 6}, "6 is not above the lowest"),
    ],
)
def test_short_forms_and_the_positive_cut_fit_the_scale(scale: dict[str, Any], said: str) -> None:
    assert any(said in text for text in mistakes(items=["q1", "q2", "q3"], range=[1, 5], **scale))


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({"structures": {"a": "f = q1 + q2"}}, "The structure a of the scale belonging cannot be read"),
        ({"structures": {"a": "f =~ q1 + q2 + q4"}}, "names q4, which is neither an item of the scale belonging nor a"),
        ({"structures": {"a": "f =~ q1 + q2 + q3\nf ~~ g"}}, "names g, which is neither"),
        ({"structures": {"a": "q1 =~ q2 + q3"}}, "has a factor of the same name as the item q1"),
        ({"structures": {"a": ""}}, "has no factor"),
        ({"free": ["q4~1"]}, "names q4~1, which is not a parameter of one factor of all items"),
        ({"structures": {"a": "f =~ q1 + q2 + q3"}, "free": ["g=~q1"]}, "not a parameter of the structure a"),
        ({"free": ["nonsense ~"]}, "names nonsense ~"),
    ],
)
def test_models_that_cannot_be_read_or_are_about_something_else_are_refused(scale: dict[str, Any], said: str) -> None:
    study = parse_study(study_text({"items": ["q1", "q2", "q3"], "range": [1, 5], **scale}))
    with pytest.raises(UserError) as caught:
        check_structures(study)
    assert said in caught.value.what
    assert caught.value.where.startswith("study.yml, scales.belonging")
    assert caught.value.remedy


def test_all_models_are_told_of_at_once_and_good_ones_pass() -> None:
    items = {"items": ["q1", "q2", "q3"], "range": [1, 5]}
    with pytest.raises(DataProblems) as caught:
        check_structures(parse_study(study_text({**items, "structures": {"a": "f =~", "b": "f =~ q1 + q8"}})))
    assert len(caught.value.problems) == 2
    good = {"structures": {"a": "f =~ q1 + q2 + q3"}, "free": ["q3~1", "f =~ q2", "q1~~q1", "q2|t1"]}
    check_structures(parse_study(study_text({**items, **good})))
    check_structures(parse_study(study_text({**items, "free": ["q3~1", "belonging=~q2"]})))


def test_the_check_command_refuses_a_model_that_does_not_parse(tmp_path: Path) -> None:
    text = study_text({"items": ["q1", "q2", "q3"], "range": [1, 5], "structures": {"a": "f =~ q1 + q7"}})
    (tmp_path / "study.yml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(cli, ["check", "--study", str(tmp_path)])
    assert isinstance(done.exception, UserError)
    assert "names q7" in str(done.exception)


def test_the_documents_say_what_the_library_has(project: Path) -> None:
    listed = re.findall(
        r"^\| `(\w+)` \|.*?\| (open|ask|terms) \|$", _text(project, "reference/instruments.md"), flags=re.M
    )
    assert listed == [(name, instrument(name).rights_in_a_word) for name in instrument_names()]
    blocks = re.findall(r"```yaml\n(.*?)```", _text(project, "how-to/use-an-instrument.md"), flags=re.S)
    assert len(blocks) == 3
    for block in blocks:
        for scale in yaml.safe_load(block)["scales"].values():
            check_structures(parse_study(study_text(scale)))


def _text(project: Path, path: str) -> str:
    return (project / "docs" / path).read_text(encoding="utf-8")
