"""Invariance over waves against lavaan's one-group models with equality labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from structure_truth import agree_on_estimates, agree_on_fit

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales import invariance_over_time

MODEL = "t =~ q01 + q02 + q03 + q04 + q05 + q06"
COLUMNS = {f"w{w}": {f"q{i:02d}": f"w{w}_q{i:02d}" for i in range(1, 7)} for w in (1, 2, 3)}
ORDER = ["configural", "metric", "scalar", "strict"]


def renamed(table: pd.DataFrame) -> pd.DataFrame:
    names = {f"t@w{w}": f"t{w}" for w in (1, 2, 3)}
    return table.assign(lhs=table["lhs"].replace(names), rhs=table["rhs"].replace(names))


def test_complete_people_as_lavaan(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = invariance_over_time(MODEL, answers, items_by_wave=COLUMNS)
    for step, stored in zip(ORDER, lavaan["sim_waves"], strict=True):
        agree_on_fit(found.models[step].fit, stored)
        agree_on_estimates(renamed(found.models[step].estimates), stored)


def test_everybody_as_lavaan(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = invariance_over_time(MODEL, answers, items_by_wave=COLUMNS, missing="fiml")
    for step, stored in zip(["configural", "scalar"], lavaan["sim_waves_fiml"], strict=True):
        agree_on_fit(found.models[step].fit, stored)
        agree_on_estimates(renamed(found.models[step].estimates), stored)
    assert found.models["scalar"].n_students == {"all": 600}


def test_change_of_the_factor_mean_is_recovered() -> None:
    rng = np.random.default_rng(7)
    trait = rng.normal(size=(3000, 1))
    own = rng.normal(size=(3000, 4))
    waves = {
        w: (trait + 0.3 * t) * 0.8 + 0.5 * own + 0.5 * rng.normal(size=(3000, 4)) for t, w in enumerate(("a", "b"))
    }
    table = pd.concat([pd.DataFrame(x, columns=[f"{w}{i}" for i in range(4)]) for w, x in waves.items()], axis=1)
    columns = {w: {f"i{i}": f"{w}{i}" for i in range(4)} for w in waves}
    found = invariance_over_time("f =~ i0 + i1 + i2 + i3", table, items_by_wave=columns)
    row = found.latent_means.iloc[0]
    assert (row["factor"], row["group"], row["reference"]) == ("f", "b", "a")
    assert row["standardised"] == pytest.approx(0.3, abs=0.06)
    residual = found.models["configural"].estimates.query("lhs == 'a0' and rhs == 'b0'")["estimate"].iloc[0]
    assert residual == pytest.approx(0.25, abs=0.05)
    shifted = table.assign(b1=table["b1"] + 0.6)
    free = invariance_over_time("f =~ i0 + i1 + i2 + i3", shifted, items_by_wave=columns, free=["i1~1"])
    stopped = invariance_over_time("f =~ i0 + i1 + i2 + i3", shifted, items_by_wave=columns)
    assert stopped.steps.set_index("step").loc["scalar", "verdict"] == "fails"
    assert free.latent_means["standardised"].iloc[0] == pytest.approx(0.3, abs=0.06)


def test_columns_must_be_named_once(answers: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="at least two waves"):
        invariance_over_time(MODEL, answers, items_by_wave={"w1": COLUMNS["w1"]})
    short = {k: v for k, v in COLUMNS["w3"].items() if k != "q01"}
    with pytest.raises(ParameterError, match="no column in wave w3: q01"):
        invariance_over_time(MODEL, answers, items_by_wave=COLUMNS | {"w3": short})
    with pytest.raises(ParameterError, match="more than one item or wave"):
        invariance_over_time(MODEL, answers, items_by_wave=COLUMNS | {"w3": COLUMNS["w2"]})


@pytest.mark.parametrize(("name", "waves", "k"), [("two", (2, 3), 6), ("three", (1, 2, 3), 4)])
def test_ordered_answers_as_semtools(
    name: str, waves: tuple[int, ...], k: int, answers: pd.DataFrame, project: Path
) -> None:
    stored = json.loads((project / "tests/reference/structure_ladder_waves.json").read_text())[name]
    columns = {f"w{w}": {f"q{i:02d}": f"w{w}_q{i:02d}" for i in range(1, k + 1)} for w in waves}
    model = f"t =~ {' + '.join(columns[f'w{waves[0]}'])}"
    found = invariance_over_time(model, answers, items_by_wave=columns, ordered=True)
    assert found.models["configural"].n_students == {"all": stored["n"]}
    steps = found.steps.set_index("step")
    assert steps.index.tolist() == list(stored["steps"])
    for step, theirs in stored["steps"].items():
        assert steps.loc[step, "df"] == theirs["df.scaled"]
        assert steps.loc[step, "chi2"] == pytest.approx(theirs["chisq.scaled"], rel=1e-4)
        assert steps.loc[step, "cfi"] == pytest.approx(theirs["cfi.scaled"], abs=1e-4)
    for row, theirs in zip(found.steps.iloc[1:].itertuples(), stored["differences"], strict=True):
        assert row.df_diff == theirs["Df diff"]
        assert row.chi2_diff == pytest.approx(theirs["Chisq diff"], rel=1e-3)
    assert found.latent_means["group"].tolist() == [f"w{w}" for w in waves[1:]]


def test_ordered_answers_that_a_wave_does_not_have(answers: pd.DataFrame) -> None:
    two = {w: COLUMNS[w] for w in ("w2", "w3")}
    short = answers.assign(w3_q02=answers["w3_q02"].clip(upper=4))
    with pytest.raises(DataError, match=r"q02 are given by nobody in wave w3 \(4 of 5\)"):
        invariance_over_time(MODEL, short, items_by_wave=two, ordered=True)
    with pytest.raises(ParameterError, match="listwise"):
        invariance_over_time(MODEL, answers, items_by_wave=two, ordered=True, missing="fiml")
