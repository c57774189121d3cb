"""Every caution appears exactly where its rule says, with the table's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up import estimate_row, made_up_scales, made_up_study

from belonging_study.reports.cautions import cautions

MANY = {"n_clusters_treated": 30, "n_clusters_comparison": 30}
LOTTERY = {"starts": "w2", "randomized": True}


def clear(outcome: str = "belonging", **more: Any) -> dict[str, Any]:
    return estimate_row(outcome, 0.2, 0.1, 0.3, 0.7, **{**MANY, **more})


def said(rows: list[dict[str, Any]] | None = None, *, wave: int = 1, study: Any = None, **tables: Any) -> str:
    study = study or made_up_study(design={"assignment": LOTTERY})
    estimates = pd.DataFrame([clear()] if rows is None else rows)
    return "\n".join(cautions(study, study.waves[wave], estimates=estimates, **tables))


def test_a_lottery_or_none() -> None:
    no_lottery = made_up_study(design={"assignment": {"starts": "w2"}})
    assert "not drawn by lot" in said(study=no_lottery).splitlines()[0]
    assert "not drawn by lot" not in said()
    by_wave = made_up_study(design={"assignment": LOTTERY | {"by_wave": True}})
    assert "read anew in each wave" in said(study=by_wave)
    assert "read anew" not in said()


def test_waves_before_the_programme() -> None:
    waves = [
        {"name": f"w{i}", "label": f"Wave {i}", "date": f"202{i}-01-01", "sources": [{"file": "a.csv"}]}
        for i in (1, 2, 3)
    ]
    none = made_up_study(waves=waves, design={"assignment": {"starts": "w1", "randomized": True}})
    two = made_up_study(
        waves=[waves[0] | {"before_programme": True}, waves[1] | {"before_programme": True}, waves[2]],
        design={"assignment": {"starts": "w3", "randomized": True}},
    )
    assert "No wave precedes" in said([clear(model="difference")], study=none)
    assert "Only one wave precedes" in said()
    both = said([clear(wave="w3")], study=two, wave=2)
    assert "Only one wave" not in both
    assert "No wave precedes" not in both


def events(low: float, high: float) -> pd.DataFrame:
    rows = [("w0", "before", low, high, False), ("w1", "before", 0.0, 0.0, True), ("w2", "after", 0.1, 0.3, False)]
    table = pd.DataFrame(rows, columns=["wave", "period", "conf_low", "conf_high", "reference"])
    return table.assign(outcome="belonging", p_value=[0.012, np.nan, 0.001])


@pytest.mark.parametrize(("p", "warned"), [(0.012, True), (0.051, False), (np.nan, False)])
def test_the_joint_test_of_early_waves(p: float, warned: bool) -> None:
    text = said(pretrend=pd.DataFrame({"outcome": ["belonging"], "p_value": [p]}))
    assert ("moving apart in school belonging (p = .012)" in text) is warned


def test_early_differences_that_reject_or_are_as_large_as_the_effect() -> None:
    no_joint_test = pd.DataFrame({"outcome": ["belonging"], "p_value": [np.nan]})
    assert "moving apart in school belonging (p = .012)" in said(pretrend=no_joint_test, event_study=events(0.05, 0.30))
    # With a joint test, single waves do not reject by themselves.
    joint = pd.DataFrame({"outcome": ["belonging"], "p_value": [0.40]})
    assert "moving apart in" not in said(pretrend=joint, event_study=events(0.05, 0.30))
    assert "early drift as large as the effect in school belonging" in said(event_study=events(-0.25, 0.10))
    assert "early drift" not in said(event_study=events(-0.15, 0.10))
    unclear = [estimate_row("belonging", 0.1, -0.1, 0.3, 0.7, **MANY)]
    assert "early drift" not in said(unclear, event_study=events(-0.25, 0.10))


def test_few_clusters_and_inference_that_is_not_trusted() -> None:
    few = said([clear(n_clusters_treated=9, n_clusters_comparison=12)])
    assert "9 programme and 12 comparison schools" in few
    assert "comparison schools" not in said([clear(n_clusters_treated=10, n_clusters_comparison=10)])
    doubted = said([clear(note="With 3 and 3 clusters …; below 4 a test at 5% cannot be trusted.")])
    assert "For school belonging the data hold too little" in doubted
    assert "hold too little" not in said()


def test_baseline_differences_by_the_boundaries_of_the_handbook() -> None:
    table = pd.DataFrame(
        {
            "arm": "programme",
            "variable": ["belonging", "marks", "connection", "gender", "gender"],
            "level": ["", "", "", "Girls", "Boys"],
            "effect_size": [0.04, -0.12, 0.31, 0.2, -0.2],
            "verdict": ["satisfied", "adjustment needed", "not satisfied", "adjustment needed", "adjustment needed"],
        }
    )
    groups = [{"name": "gender", "column": "gender", "label": "Gender", "values": {"g": "Girls", "b": "Boys"}}]
    study = made_up_study(groups=groups, design={"assignment": LOTTERY})
    text = said(study=study, equivalence=table)
    beyond, between = (line for line in text.splitlines() if "What Works" in line)
    assert "connection with other students (0.31)" in beyond
    assert "gender: Girls (0.20) and mean mark (−0.12)" in between
    assert "school belonging (" not in text
    assert "Boys" not in text  # the mirror of the first level
    assert "The arms differ in" in said([], study=study, wave=0, equivalence=table)


def test_attrition_counts_by_the_cautious_boundary() -> None:
    table = pd.DataFrame(
        {
            "outcome": "belonging",
            "arm": "programme",
            "level": ["clusters", "clusters", "students in clusters that stayed", "students in clusters that stayed"],
            "assumption": ["cautious", "optimistic"] * 2,
            "overall": [0.0, 0.0, 0.25, 0.25],
            "differential": [0.0, 0.0, 0.07, 0.07],
            "boundary": [0.057, 0.10, 0.049, 0.092],
            "verdict": ["low", "low", "high", "low"],
        }
    )
    text = said(attrition=table)
    assert "of students in schools that stayed 25% were lost" in text
    assert "7.0 points (at most 4.9 points would count as low)" in text
    assert text.count("Attrition") == 1
    assert "Attrition" not in said(attrition=table.assign(verdict="low"))
    assert "no gap counts as low" in said(attrition=table.assign(boundary=np.nan))


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((0.90, 0.88), ""),
        ((0.90, 0.79), "gap of 11 points"),
        ((0.85, 0.79), "is unknown"),
        ((0.80, 0.80), ""),
        ((np.nan, np.nan), ""),
    ],
)
def test_link_rates(rates: tuple[float, float], expected: str) -> None:
    table = pd.DataFrame({"wave": "w2", "arm": ["all", "programme", "comparison"], "link_rate": [0.1, *rates]})
    text = said(links=table)
    assert expected in text
    assert ("Survey responses are there" in text) is bool(expected)
    assert "Survey responses" not in said(links=table.assign(wave="w1"))


def test_records_alone_have_no_link_rate() -> None:
    sources = [{"file": "marks.csv", "kind": "records"}]
    waves = [{"name": "w2", "label": "2001", "date": "2001-06-30", "sources": sources}]
    study = made_up_study(waves=waves)
    table = pd.DataFrame({"wave": "w2", "arm": ["programme", "comparison"], "link_rate": [0.0, 0.0]})
    assert "Survey responses" not in said([], study=study, wave=0, links=table)


def test_reliability_below_seventy() -> None:
    table = made_up_scales()
    assert "reliability below" not in said(scales=table)
    low = table.assign(mcdonald_omega=table["mcdonald_omega"].where(table["scale"] != "connection", 0.69))
    assert "Connection with other students (omega .69) was measured with a reliability below .70" in said(scales=low)
    by_alpha = low.assign(mcdonald_omega=np.nan, cronbach_alpha=0.65)
    assert "School belonging (alpha .65) and connection with other students (alpha .65) were" in said(scales=by_alpha)
    assert "reliability below" not in said(scales=low.assign(wave="w1"))


def test_careless_answering_above_a_tenth() -> None:
    table = pd.DataFrame({"wave": "w2", "rule": ["all the same", "too fast"], "share": [0.12, 0.10]})
    text = said(careless=table)
    assert "12% of the responses bear a sign of careless answering (all the same)" in text
    assert "too fast" not in text


def test_singular_fits_are_named() -> None:
    rows = [clear(), clear(model="multilevel", note="singular fit"), clear("marks", model="multilevel")]
    text = said(rows)
    assert "The multilevel model of school belonging has a singular fit" in text
    assert "singular" not in said([clear(), clear(model="multilevel")])


def test_several_tests_exploratory_outcomes_and_groups() -> None:
    one = said()
    assert "effects are tested" not in one
    assert "exploratory" not in one
    several = said([clear(o) for o in ("belonging", "connection", "marks", "days_absent")])
    assert "At this wave 4 effects are tested" in several
    assert "Benjamini and Hochberg" in several
    assert "Holm" not in several  # one primary outcome
    assert "Days absent is exploratory" in several
    groups = said([clear(), clear(model="multilevel", group="Gender: Girls")])
    assert "Effects in student groups are exploratory" in groups


def test_before_the_programme_only_samples_and_measurement_matter() -> None:
    text = said([clear(wave="w1")], wave=0, scales=made_up_scales())
    assert not text


def test_rates_of_links_by_code_speak_of_no_roster() -> None:
    design = {"assignment": LOTTERY, "linking": {"code": ["pet", "street"]}}
    study = made_up_study(design=design)
    table = pd.DataFrame({"wave": "w2", "arm": ["all", "programme", "comparison"], "link_rate": [0.9, 0.95, 0.8]})
    assert "own codes link 95% in the programme arm and 80%" in said(study=study, links=table).replace("\u202f", "")
    assert "count as lost" in said(study=study, links=table.assign(link_rate=0.7))
    assert "roster" not in said(study=study, links=table.assign(link_rate=0.7))
    assert "own codes" not in said(study=study, links=table.assign(link_rate=0.9))
    assert "own codes" not in said(study=study, links=table.assign(link_rate=np.nan))
