"""The ladder of ordered answers by Wu and Estabrook, against semTools and lavaan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from belonging_study.errors import DataError, ParameterError, UserError
from belonging_study.scales import cfa, invariance

ITEMS = [f"q{i:02d}" for i in range(1, 19)]
ONE = f"f =~ {' + '.join(ITEMS[:6])}"
THREE = "\n".join(f"f{f + 1} =~ {' + '.join(ITEMS[6 * f : 6 * f + 6])}" for f in range(3))
STEPS = ["configural", "thresholds", "metric", "scalar", "strict"]


@pytest.fixture(scope="module")
def stored(project: Path) -> dict[str, Any]:
    return json.loads((project / "tests/reference/structure_ladder.json").read_text())


@pytest.fixture(scope="module")
def people(project: Path) -> pd.DataFrame:
    """1,500 simulated people, 18 items of 4 steps; q03 is weaker in one arm, q04 higher in two schools."""
    return pd.read_csv(project / "tests/reference/structure_ladder_answers.csv")


def fewer(people: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Two answers, three, or two, three and four by turns."""
    found = people.copy()
    for j, item in enumerate(ITEMS[:6]):
        two, three = 1 + (people[item] > 2), people[item].clip(upper=3)
        found[item] = {"two": two, "three": three, "mixed": two if j < 2 else three if j < 4 else people[item]}[kind]
    return found


def agree(found: pd.DataFrame, stored: dict[str, Any], steps: list[str], differences: list[str]) -> None:
    ours = found.set_index("step")
    assert ours.index.tolist() == STEPS
    for step in steps:
        theirs = stored["steps"][step]
        assert ours.loc[step, "df"] == theirs["df.scaled"]
        assert ours.loc[step, "chi2"] == pytest.approx(theirs["chisq.scaled"], rel=1e-5)
        for name in ("cfi", "tli", "rmsea"):
            assert ours.loc[step, name] == pytest.approx(theirs[f"{name}.scaled"], abs=1e-4)
        assert ours.loc[step, "srmr"] == pytest.approx(theirs["srmr"], abs=1e-5)
    for step in differences:
        theirs = stored["differences"][STEPS.index(step) - 1]
        assert ours.loc[step, "df_diff"] == theirs["Df diff"]
        assert ours.loc[step, "chi2_diff"] == pytest.approx(theirs["Chisq diff"], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "group"), [("arms", "arm"), pytest.param("schools", "school", marks=pytest.mark.slow)]
)
def test_eighteen_items_as_semtools(name: str, group: str, people: pd.DataFrame, stored: dict[str, Any]) -> None:
    found = invariance(THREE, people, group=group, ordered=True)
    agree(found.steps, stored[name], STEPS, STEPS[1:])
    assert found.latent_means["factor"].nunique() == 3


@pytest.mark.parametrize("kind", ["two", "three", "mixed"])
def test_few_answers_as_semtools(kind: str, people: pd.DataFrame, stored: dict[str, Any]) -> None:
    found = invariance(ONE, fewer(people, kind), group="arm", ordered=True)
    verdicts = found.steps.set_index("step")["verdict"]
    if kind == "three":
        agree(found.steps, stored[kind], STEPS, ["metric", "scalar", "strict"])
        assert verdicts["thresholds"] == "equivalent"
        assert any("three answers" in note for note in found.notes)
        return
    # With two answers semTools holds the scale at 1 in the metric step, which the scalar step then takes back: the two
    # are not nested (its difference has 1 degree of freedom here, and is negative). Ours restricts nothing there.
    others = [step for step in STEPS if step != "metric"]
    agree(found.steps, stored[kind], others, ["thresholds", "strict"] if kind == "mixed" else ["strict"])
    assert any("two answers" in note and "q01" in note for note in found.notes)
    if kind == "two":
        assert verdicts["thresholds"] == verdicts["metric"] == "equivalent"
        assert found.steps["df"].tolist() == [18, 18, 18, 22, 28]
        assert found.steps["note"].str.contains("cannot be tested").sum() == 2


def test_scalar_is_what_equal_loadings_and_thresholds_are(people: pd.DataFrame) -> None:
    ladder = invariance(ONE, people, group="arm", ordered=True)
    usual = cfa(ONE, people, group="arm", ordered=True, equal=["loadings", "thresholds"])
    assert ladder.models["scalar"].fit["chi2"].iloc[0] == pytest.approx(usual.fit["chi2"].iloc[0], abs=1e-6)
    own = ladder.models["strict"].estimates.query("op == '~~' and lhs == rhs and lhs != 'f'")
    np.testing.assert_allclose(own["estimate"], 1.0, atol=1e-9)


def test_each_built_in_difference_is_found_at_its_step() -> None:
    rng = np.random.default_rng(4)
    second = np.repeat([0.0, 1.0], 3000)
    trait = rng.normal(size=6000) + 0.3 * second

    def answers(**change: float) -> pd.DataFrame:
        noise = rng.normal(size=(6000, 6)) * 0.6
        loadings = np.full((6000, 6), 0.8)
        loadings[:, 1] -= change.get("loading", 0.0) * second
        latent = loadings * trait[:, None] + noise
        latent[:, 2] += change.get("intercept", 0.0) * second
        latent[:, 3] += change.get("residual", 0.0) * second * noise[:, 3]
        cuts = np.tile([-1.0, -0.2, 0.6], (6000, 6, 1))
        cuts[:, 4, 1] += change.get("threshold", 0.0) * second
        steps = (latent[:, :, None] > cuts).sum(axis=2) + 1
        return pd.DataFrame(steps, columns=ITEMS[:6]).assign(arm=np.where(second, "b", "a"))

    for change, step in (("threshold", 1), ("loading", 2), ("intercept", 3), ("residual", 4)):
        steps = invariance(ONE, answers(**{change: 0.35}), group="arm", ordered=True).steps
        p = steps["p_diff"].to_numpy(dtype=float)
        assert p[step] < 1e-4, (change, p)
        # A threshold that moves alone looks like another place of the item too, at the step of the intercepts.
        assert (p[1:step] > 1e-4).all(), (change, p)


def test_released_parameters(people: pd.DataFrame) -> None:
    moved = people.assign(side=np.where(people["school"].isin(["D", "E"]), "DE", "ABC"))
    usual = invariance(ONE, moved, group="side", ordered=True).steps.set_index("step")
    free = invariance(ONE, moved, group="side", ordered=True, free=["q04~1", "q04~~q04", "q04|t1"])
    steps = free.steps.set_index("step")
    assert (usual["df"] - steps["df"]).tolist() == [0, 1, 1, 2, 3]
    assert steps.loc["scalar", "chi2"] < usual.loc["scalar", "chi2"] - 10
    assert any("q04~1" in note for note in free.notes)
    loose = invariance(ONE, moved, group="side", ordered=True, free=["q04|t1", "q04|t2", "q04|t3"])
    assert loose.steps["df"].tolist()[:4] == [18, 23, 27, 31]


def test_a_scale_that_the_text_gives_is_kept(people: pd.DataFrame) -> None:
    data = fewer(people, "mixed")
    given = ONE.replace("q01 + q02 + q03", "NA*q01 + q02 + 1*q03")
    usual, own = (invariance(m, data, group="arm", ordered=True).steps for m in (ONE, given))
    np.testing.assert_allclose(own["chi2"], usual["chi2"], rtol=1e-6)
    assert own["df"].tolist() == usual["df"].tolist()


@pytest.mark.parametrize("how", ["constant", "empty", "text", "few", "one group", "99", "twice"])
def test_answers_that_cannot_be_compared(how: str, people: pd.DataFrame) -> None:
    data = people[[*ITEMS[:6], "arm"]].head(400)
    spoilt = {
        "constant": lambda: data.assign(q02=3),
        "empty": lambda: data.assign(q02=np.nan),
        "text": lambda: data.assign(q02="often"),
        "few": lambda: data.groupby("arm").head(6),
        "one group": lambda: data.assign(arm="a"),
        "99": lambda: data.assign(q02=data["q02"].where(data.index > 0, 99)),
        "twice": lambda: data.assign(q02=data["q01"]),
    }
    with pytest.raises(UserError):
        invariance(ONE, spoilt[how](), group="arm", ordered=True)


def test_choices_that_do_not_go_with_ordered_answers(people: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="listwise"):
        invariance(ONE, people, group="arm", ordered=True, estimator="MLR")
    with pytest.raises(ParameterError, match="not a parameter"):
        invariance(ONE, people, group="arm", ordered=True, free=["q99|t1"])
    with pytest.raises(ParameterError, match="must be a list"):
        invariance(ONE, people, group="arm", ordered=True, free="q04|t1")
    with pytest.raises(ParameterError, match="no intercepts"):
        invariance(f"{ONE}\nq01 ~ 1", people, group="arm", ordered=True)
    nobody = people.assign(q01=people["q01"].where(people["arm"] == "offer", people["q01"].clip(2)))
    with pytest.raises(DataError, match="given by nobody in group"):
        invariance(ONE, nobody, group="arm", ordered=True)
