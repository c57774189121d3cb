"""The example studies: real data that nobody here made, held against R and against the published table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from structure_truth import agree_on_estimates, agree_on_fit

from belonging_study.data import clean_waves
from belonging_study.effects import describe_outcomes, estimate_effects, estimate_multilevel
from belonging_study.scales import (
    cfa,
    cronbach_alpha,
    item_statistics,
    mcdonald_omega,
    polychoric,
    reverse_keyed,
    score,
    score_study,
)
from belonging_study.study import Study, load_study

KEY = b"a key for tests, of enough bytes"


@pytest.fixture(scope="module")
def reference(project: Path) -> dict[str, dict[str, float]]:
    loaded: dict[str, dict[str, float]] = json.loads((project / "tests" / "reference" / "examples.json").read_text())
    return loaded


def effects(project: Path, raw: Path, example: str, wave: str) -> pd.DataFrame:
    study = load_study(project / "examples" / example)
    scores = score_study(study, clean_waves(study, wave, raw=raw, key=KEY).responses)
    return estimate_effects(study, scores, wave, draws=199).estimates


@pytest.mark.parametrize("year", [2001, 2002])
def test_achievement_awards_agrees_with_clubsandwich(
    project: Path, shared_data: Path, reference: dict[str, dict[str, float]], year: int
) -> None:
    table = effects(project, shared_data, "achievement_awards", f"y{year}")
    table = table[(table["term"] == "programme") & ~table["contrast"].str.startswith("average")].set_index("outcome")
    columns = {"certificate": "Bagrut_status", "units_attempted": "attempted", "units_awarded": "awarded"}
    for outcome, column in columns.items():
        ours, theirs = table.loc[outcome], reference[f"awards {year} {column}"]
        assert ours["estimate"] == pytest.approx(theirs["estimate"], abs=1e-8)
        assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-6)
        assert ours["df"] == pytest.approx(theirs["df"], abs=1e-4)
        for name in ("p_value", "conf_low", "conf_high"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-5)
        assert ours["n_students"] == theirs["rows"]
        assert (ours["n_clusters_treated"], ours["n_clusters_comparison"]) == (20, 19)


@pytest.mark.parametrize(
    ("grade", "small", "small_se", "aide"),
    [
        # Stock & Watson (2007), Introduction to Econometrics, table 13.1.
        ("k", 13.899, 2.454, 0.314),
        ("1", 29.781, 2.831, 11.959),
        ("2", 19.394, 2.712, 3.479),
        ("3", 15.587, 2.396, -0.291),
    ],
)
def test_star_agrees_with_the_published_table_and_with_r(
    project: Path,
    shared_data: Path,
    reference: dict[str, dict[str, float]],
    grade: str,
    small: float,
    small_se: float,
    aide: float,
) -> None:
    table = effects(project, shared_data, "star", f"g{grade}")
    table = table[table["outcome"] == "achievement"].set_index("contrast")
    rows = {
        "small": table.loc["small class v regular class"],
        "regular+aide": table.loc["regular class with aide v regular class"],
    }
    assert round(rows["small"]["estimate"], 3) == small
    assert round(rows["small"]["std_error"], 3) == small_se
    assert round(rows["regular+aide"]["estimate"], 3) == aide
    for arm, ours in rows.items():
        theirs = reference[f"star {grade} {arm}"]
        assert ours["estimate"] == pytest.approx(theirs["estimate"], abs=1e-8)
        assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-6)


def test_star_multilevel_agrees_with_lmertest(
    project: Path, shared_data: Path, reference: dict[str, dict[str, float]]
) -> None:
    study = load_study(project / "examples" / "star")
    scores = score_study(study, clean_waves(study, "gk", raw=shared_data, key=KEY).responses)
    table = estimate_multilevel(study, scores, "gk").estimates
    ours = table[
        (table["outcome"] == "achievement")
        & (table["contrast"] == "small class v regular class")
        & (table["group"] == "all")
    ].iloc[0]
    theirs = reference["star k small multilevel"]
    assert ours["estimate"] == pytest.approx(theirs["estimate"], rel=1e-6)
    assert ours["std_error"] == pytest.approx(theirs["std_error"], rel=1e-4)
    assert ours["df"] == pytest.approx(theirs["df"], abs=0.5)


@pytest.fixture(scope="module")
def course(project: Path, shared_data: Path) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """The research course: its definition, its scores, and the flow of its students."""
    study = load_study(project / "examples" / "bucknell_cure")
    cleaned = clean_waves(study, "after", raw=shared_data, key=KEY)
    return study, score_study(study, cleaned.responses), cleaned.flow


def test_research_course_scores_agree_with_r(
    course: tuple[Study, pd.DataFrame, pd.DataFrame], reference: dict[str, dict[str, float]]
) -> None:
    study, scores, _ = course
    means = describe_outcomes(study, scores).set_index(["outcome", "wave"])
    for outcome in ("engagement", "nature", "confidence", "gains"):
        for wave in ("after",) if outcome == "gains" else ("before", "after"):
            ours, theirs = means.loc[(outcome, wave)], reference[f"course {outcome} {wave}"]
            assert ours["mean"] == pytest.approx(theirs["mean"], abs=1e-10)
            assert ours["sd"] == pytest.approx(theirs["sd"], abs=1e-10)
            assert ours["n_students"] == theirs["rows"]
    # Five instructors, whose names are spelt in two ways, in fourteen sections.
    assert scores["school"].nunique() == 5
    assert scores["classroom"].nunique() == 14


def test_research_course_changes_agree_with_clubsandwich(
    course: tuple[Study, pd.DataFrame, pd.DataFrame], reference: dict[str, dict[str, float]]
) -> None:
    study, scores, _ = course
    table = estimate_effects(study, scores, "after", draws=199).estimates
    assert set(table["term"]) == {"change", "change x group"}
    assert set(table["outcome"]) == {"engagement", "nature", "confidence"}
    cohorts = {"1": "Cohort: 2021–22", "2": "Cohort: 2022–23", "3": "Cohort: 2023–24"}
    by_place = table.set_index(["outcome", "group"])
    for outcome, part in [(o, "all") for o in ("engagement", "nature", "confidence")] + [
        ("engagement", c) for c in "123"
    ]:
        ours = by_place.loc[(outcome, cohorts.get(part, part))]
        theirs = reference[f"course {outcome} change {part}"]
        for name in ("estimate", "std_error", "df", "p_value", "conf_low", "conf_high"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-7)
        assert ours["n_students"] == theirs["rows"]
        assert (ours["n_clusters_treated"], ours["n_clusters_comparison"]) == (theirs["n_clusters"], 0)


def test_research_course_leaves_out_and_counts_who_did_not_agree(
    course: tuple[Study, pd.DataFrame, pd.DataFrame],
) -> None:
    students = course[2][(course[2]["stream"] == "students")]
    assert set(students["arm"]) == {"all"}
    for wave in ("before", "after"):
        lines = students[students["wave"] == wave].set_index("label")["n_students"]
        assert lines[["In the survey", "Did not agree to take part", "Analysis sample"]].tolist() == [225, 1, 224]
    # Nothing that a student wrote in his or her own words is in the table.
    words = course[1].select_dtypes(exclude="number").drop(columns=["student", "school", "classroom"])
    known = {"before", "after", "programme", "2021–22", "2022–23", "2023–24", True, False}
    assert set(pd.unique(words.astype(object).to_numpy().ravel())) <= known


@pytest.fixture(scope="module")
def survey(project: Path, shared_data: Path) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """TIMSS 2015: the definition, the answers with every scale's items keyed in one direction, and the flow."""
    study = load_study(project / "examples" / "timss2015_belonging")
    cleaned = clean_waves(study, "y2015", raw=shared_data, key=KEY)
    keyed = [
        reverse_keyed(cleaned.responses, list(s.items), reverse=s.reverse, minimum=s.minimum, maximum=s.maximum)
        for s in study.scales.values()
    ]
    return study, pd.concat([cleaned.responses[["wave", "responded"]], *keyed], axis=1), cleaned.flow


@pytest.fixture(scope="module")
def measured(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((project / "tests" / "reference" / "timss2015.json").read_text())
    return loaded


def test_survey_without_identifiers_counts_every_row(survey: tuple[Study, pd.DataFrame, pd.DataFrame]) -> None:
    study, answers, flow = survey
    assert study.measures_only
    assert len(answers) == 9672
    lines = flow[flow["kind"] != "info"].set_index(["stream", "label"])["n_rows"]
    assert lines.to_dict() == {
        ("survey", "Rows of the survey"): 9672,
        ("survey", "Unfinished"): 0,
        ("survey", "Responses"): 9672,
        ("students", "In the survey"): 9672,
        ("students", "Analysis sample"): 9672,
    }


def test_survey_reliability_agrees_with_psych_and_lavaan(
    survey: tuple[Study, pd.DataFrame, pd.DataFrame], measured: dict[str, Any]
) -> None:
    study, answers, _ = survey
    for name, scale in study.scales.items():
        items, theirs = answers[list(scale.items)], measured["reliability"][name]
        assert cronbach_alpha(items).estimate == pytest.approx(theirs["alpha"], abs=1e-10)
        assert mcdonald_omega(items).estimate == pytest.approx(theirs["omega"], abs=1e-6)
        ours = item_statistics(items, minimum=0, maximum=3).set_index("item").loc[theirs["items"]]
        assert ours["item_rest_correlation"].tolist() == pytest.approx(theirs["item_rest"], abs=1e-10)
        assert ours["alpha_if_dropped"].tolist() == pytest.approx(theirs["alpha_if_dropped"], abs=1e-10)
        scores = score(answers, list(scale.items), minimum=0, maximum=3)
        assert (scores.mean(), scores.std()) == pytest.approx((theirs["mean"], theirs["sd"]), abs=1e-10)


def test_survey_polychoric_agrees_with_psych(
    survey: tuple[Study, pd.DataFrame, pd.DataFrame], measured: dict[str, Any]
) -> None:
    items = survey[1].drop(columns=["wave", "responded"])
    np.testing.assert_allclose(polychoric(items).correlations, np.array(measured["polychoric"]), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("one_belonging", {}),
        ("one_bullying", {}),
        ("one_of_all", {}),
        ("two", {}),
        ("two_mlr", {"estimator": "MLR"}),
        ("one_belonging_wlsmv", {"ordered": True}),
        ("two_wlsmv", {"ordered": True}),
    ],
)
def test_survey_structure_agrees_with_lavaan(
    survey: tuple[Study, pd.DataFrame, pd.DataFrame], measured: dict[str, Any], name: str, options: dict[str, Any]
) -> None:
    study, answers, _ = survey
    items = {scale: " + ".join(s.items) for scale, s in study.scales.items()}
    lines = {scale: f"{scale} =~ {named}" for scale, named in items.items()}
    models = {"belonging": lines["belonging"], "bullying": lines["bullying"], "two": "\n".join(lines.values())}
    models |= {"of": f"school =~ {' + '.join(items.values())}"}
    model = models[name.split("_")[1 if name.startswith("one") else 0]]
    found, theirs = cfa(model, answers, **options), measured[name]
    if not options.get("ordered"):
        # With 9,672 people chi-squares are in the thousands.
        agree_on_fit(found.fit, theirs, chi2=1e-4)
        agree_on_estimates(found.estimates, theirs)
        return
    for ours, key in {"chi2": "chisq.scaled", "chi2_unscaled": "chisq", "df": "df.scaled"}.items():
        assert found.fit[ours].iloc[0] == pytest.approx(theirs["fit"][key], rel=1e-3), ours
    for index in ("cfi", "tli", "rmsea"):
        assert found.fit[index].iloc[0] == pytest.approx(theirs["fit"][f"{index}.scaled"], abs=2e-5), index
    assert found.fit["srmr"].iloc[0] == pytest.approx(theirs["fit"]["srmr"], abs=2e-5)
    # Intercepts of ordered answers are fixed at 0, and so is their scale at 1; lavaan lists them.
    stored = pd.DataFrame(theirs["estimates"])
    stored = stored[~stored["key"].str.removesuffix("~1").isin(answers.columns)]
    estimates = found.estimates[found.estimates["op"] != "~*~"]
    agree_on_estimates(estimates, {"estimates": stored.to_dict("list")}, estimate=1e-4, error=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "wave"), [("achievement_awards", "y2002"), ("star", "g3"), ("bucknell_cure", "after")]
)
def test_examples_run_through_the_command(
    project: Path, shared_data: Path, tmp_path: Path, example: str, wave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(tmp_path / "keys" / "example.key"))
    study = tmp_path / example
    shutil.copytree(project / "examples" / example, study, ignore=shutil.ignore_patterns("outputs", "data_*"))
    shutil.copytree(project / "notebooks", study / "notebooks")
    command = [sys.executable, "-m", "belonging_study", "run", "--wave", wave, "--study", str(study)]
    done = subprocess.run(
        [*command, "--data", str(shared_data)], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (version,) = (study / "outputs" / wave).glob("v001-*")
    estimates = pd.read_csv(version / "tables" / "estimates.csv")
    method = {"achievement_awards": "did", "star": "difference", "bucknell_cure": "change"}[example]
    assert set(estimates["model"]) == {"multilevel", method}
    report = (version / "report.html").read_text(encoding="utf-8")
    if example == "bucknell_cure":
        assert "There was no comparison group" in report
        assert "ffect of the programme" not in report
    assert load_study(study).title in report


@pytest.mark.slow
def test_survey_report_has_no_word_on_a_programme(
    project: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELONGING_STUDY_KEY_FILE", str(tmp_path / "keys" / "example.key"))
    study = tmp_path / "timss2015_belonging"
    shutil.copytree(
        project / "examples" / study.name, study, ignore=shutil.ignore_patterns("outputs", "data_*", "notebooks")
    )
    shutil.copytree(project / "notebooks", study / "notebooks")
    command = [sys.executable, "-m", "belonging_study", "run", "--study", str(study), "--data", str(shared_data)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (version,) = (study / "outputs" / "y2015").glob("v001-*")
    assert not (version / "tables" / "estimates.csv").exists()
    page = (version / "report.html").read_text(encoding="utf-8")
    assert "how well school belonging and being bullied were measured" in page
    assert "omega 0.85" in page
    assert "Figure 3" in page
    shown = re.sub(r"(?s)<style.*?</style>|<details.*?</details>", " ", page)
    prose = re.sub(r"<[^>]+>", " ", shown).lower()
    assert not [word for word in ("programme", "effect", "comparison group", "arm ") if word in prose]
