"""The demo study's files, read and linked, give back what was simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from belonging_study.data.careless import CARELESS_RULES, careless_answers
from belonging_study.data.clean import Cleaned, clean_waves
from belonging_study.data.demo import DemoData, simulate_demo, write_demo
from belonging_study.data.linking.keys import load_key
from belonging_study.data.linking.pseudonyms import pseudonymise
from belonging_study.errors import KeyFileError
from belonging_study.study import load_study
from belonging_study.study.model import Study

SEED = 1


@pytest.fixture(scope="module")
def study(project: Path) -> Study:
    return load_study(project / "study.yml")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_demo(folder, SEED)
    return folder


@pytest.fixture(scope="module")
def cleaned(study: Study, raw: Path) -> Cleaned:
    return clean_waves(study, "w3", raw=raw, key=load_key(study, raw))


@pytest.fixture(scope="module")
def truth() -> DemoData:
    return simulate_demo(SEED)


@pytest.fixture(scope="module")
def both(study: Study, raw: Path, cleaned: Cleaned, truth: DemoData) -> pd.DataFrame:
    """The clean table beside what was simulated, one row a student and wave."""
    code = pseudonymise(truth.long["student_id"], "student", load_key(study, raw))
    simulated = truth.long.assign(student=code).add_suffix("_true")
    return cleaned.responses.merge(
        simulated, left_on=["wave", "student"], right_on=["wave_true", "student_true"], how="left", validate="1:1"
    )


def test_everybody_enrolled_is_in_the_table_or_counted_as_excluded(
    cleaned: Cleaned, both: pd.DataFrame, truth: DemoData
) -> None:
    assert both["wave_true"].notna().all()
    flow = cleaned.flow[(cleaned.flow["stream"] == "students") & (cleaned.flow["arm"] == "all")]
    enrolled = flow[flow["kind"] == "start"].set_index("wave")["n_rows"]
    assert enrolled.to_dict() == truth.long["wave"].value_counts().to_dict()
    lost = len(truth.long) - len(cleaned.responses)
    assert flow.loc[flow["kind"] == "excluded", "n_rows"].sum() == lost
    refused = flow.loc[flow["label"] == "Parents did not consent", "n_rows"].sum()
    assert refused == (truth.long["consent"] == "no").sum()


def test_students_are_analysed_in_the_school_and_arm_of_the_lot(both: pd.DataFrame) -> None:
    assert (both["arm"] == both["arm_true"]).all()
    assert (both["treated"] == both["treated_true"]).all()
    assert (both["time"] == both["time_true"]).all()
    assert both.groupby("school")["school_id_true"].nunique().max() == 1
    assert both["school"].nunique() == both["school_id_true"].nunique()
    assert (both["moved"] == (both["school_now_true"] != both["school_id_true"])).all()
    assert both.groupby("block")["pair_true"].nunique().max() == 1
    assert both.groupby("block")["school"].nunique().tolist() == [2] * both["pair_true"].nunique()


def test_answers_in_three_formats_come_back_as_the_codes_that_were_given(study: Study, both: pd.DataFrame) -> None:
    for wave, rows in both.groupby("wave"):
        assert (rows["responded"] == rows["linked_true"].astype(bool)).all(), wave
        answered = rows[rows["responded"]]
        for scale in study.scales.values():
            for item in scale.items:
                np.testing.assert_array_equal(answered[item].astype(float), answered[f"{item}_true"].astype(float))


def test_records_come_back_for_everybody(both: pd.DataFrame) -> None:
    for name in ("mean_mark", "days_absent", "suspended"):
        np.testing.assert_allclose(both[name].astype(float), both[f"{name}_true"].astype(float), atol=0.051)


def test_every_stream_adds_up(cleaned: Cleaned) -> None:
    for _, part in cleaned.flow.groupby(["wave", "stream", "arm"]):
        total = part.groupby("kind")[["n_rows", "n_students", "n_clusters"]].sum()
        assert (total.loc["start"] - total.loc["excluded"] == total.loc["remaining"]).all()


def test_no_number_name_or_school_of_the_demo_is_in_any_table(cleaned: Cleaned, truth: DemoData) -> None:
    students = truth.students
    secret = {*students["student_id"].astype(str), *students["school_id"].astype(str), *students["last_name"]}
    for table in (cleaned.responses, cleaned.flow, cleaned.missing, cleaned.careless, cleaned.links):
        texts = table.select_dtypes(exclude="number").astype(str)
        assert not secret & set(pd.unique(texts.to_numpy().ravel()))


def test_straight_lining_is_flagged_where_it_was_simulated(both: pd.DataFrame) -> None:
    answered = both[both["responded"]]
    complete = answered[answered["answered_share"] == 1]
    simulated = complete["careless_true"].astype(bool)
    assert complete.loc[simulated, "careless"].mean() > 0.9
    assert complete.loc[~simulated, "careless"].mean() < 0.05


def test_each_sign_of_carelessness_finds_what_was_simulated_and_little_else(study: Study, both: pd.DataFrame) -> None:
    answered = both[both["responded"]]
    truly = answered["careless_true"].astype(bool).to_numpy()
    signs = careless_answers(answered, study.scales, answered["duration_seconds"])
    sensitivity = {name: signs.loc[truly, name].mean() for name in ("same_answer", "low_variability", "contradicts")}
    false_alarms = {name: signs.loc[~truly, name].mean() for name in CARELESS_RULES}
    # A straight line with a skipped question is no longer the same answer throughout; one down the middle of the form
    # contradicts nothing.
    assert sensitivity["same_answer"] > 0.5
    assert sensitivity["low_variability"] > 0.95
    assert 0.2 < sensitivity["contradicts"] < 0.7
    assert max(false_alarms.values()) < 0.005
    either = answered["careless"].to_numpy()
    assert either[truly].mean() > 0.9
    assert (~either[~truly]).mean() > 0.99


def test_another_seeds_files_are_not_this_demos(study: Study, raw: Path, tmp_path: Path) -> None:
    write_demo(tmp_path, SEED)
    file = tmp_path / "w2" / "roster.csv"
    file.write_bytes(file.read_bytes().replace(b"girl", b"boy", 1))
    with pytest.raises(KeyFileError, match="still has the `demo:` section"):
        load_key(study, tmp_path)
