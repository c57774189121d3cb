"""Sameness of measurement in a study: planted differences are found, told and carried along."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from belonging_study.effects import score_sensitivity
from belonging_study.figures import group_gaps, item_loadings
from belonging_study.reports.disclosure import suppress
from belonging_study.reports.fairness_words import (
    fairness_caption,
    fairness_cautions,
    fairness_sentences,
    fairness_summary,
)
from belonging_study.scales import (
    dimension_table,
    loading_table,
    positive_table,
    reliability_table,
    score_study,
    structure_table,
    study_fairness,
    with_invariance,
)
from belonging_study.scales.study_fairness import Fairness
from belonging_study.scales.study_structure import structures_of
from belonging_study.study import Study

ITEMS = [f"q{i}" for i in range(1, 7)]
SHIFT = 0.8
"""Points by which q3 is answered lower in the group "new" than its belonging says."""
GAP = -0.3
"""Difference of the latent means, in points of an item."""
N = 1200


def study(**scale: object) -> Study:
    waves = [
        {
            "name": name,
            "label": name,
            "date": date,
            "before_programme": name == "w1",
            "sources": [{"file": f"{name}.csv"}],
        }
        for name, date in (("w1", "2024-10-07"), ("w2", "2025-05-12"))
    ]
    return Study.model_validate(
        {
            "title": "T",
            "name": "t",
            "programme": {"name": "P"},
            "waves": waves,
            "design": {"assignment": {"starts": "w2"}},
            "scales": {"belonging": {"label": "School belonging", "items": ITEMS, "range": [1, 7], **scale}},
            "outcomes": [{"name": "belonging", "measure": "belonging", "label": "School belonging", "role": "primary"}],
            "groups": [
                {
                    "name": "new",
                    "column": "new",
                    "label": "New here",
                    "values": {"1": "new", "0": "old"},
                    "reference": "0",
                }
            ],
        }
    )


def answers(shift: float = SHIFT, *, seed: int = 11) -> pd.DataFrame:
    """The same students in two waves; arms and waves measure alike, the group does not."""
    rng = np.random.default_rng(seed)
    new = rng.random(N) < 0.4
    trait = rng.normal(size=N) + GAP * new
    waves = []
    for at, wave in enumerate(("w1", "w2")):
        now = 4 + 0.2 * at + trait + 0.4 * rng.normal(size=N)
        table = pd.DataFrame({item: now + 0.8 * rng.normal(size=N) for item in ITEMS})
        table["q3"] -= shift * new
        table = table.round().clip(1, 7)
        table.loc[rng.random(N) < 0.05, "q5"] = np.nan
        waves.append(
            table.assign(
                wave=wave,
                student=[f"s{i}" for i in range(N)],
                school=[f"k{i % 12}" for i in range(N)],
                arm=np.where(np.arange(N) % 2 == 0, "programme", "comparison"),
                programme=np.arange(N) % 2 == 0,
                new=np.where(new, "new", "old"),
                responded=True,
            )
        )
    return pd.concat(waves, ignore_index=True)


@pytest.fixture(scope="module")
def found() -> Fairness:
    return study_fairness(study(), answers(), "w2")


def test_the_planted_item_is_found_and_nothing_else(found: Fairness) -> None:
    verdicts = found.verdicts.set_index("comparison")
    assert verdicts.loc["new", ["verdict", "freed", "how"]].tolist() == ["partial", "q3~1", "found by search"]
    assert verdicts.loc[["arm", "wave"], "verdict"].tolist() == ["holds", "holds"]
    assert verdicts["n_students"].tolist() == [N, N, 2 * N]


def test_the_gap_is_split_into_what_was_planted(found: Fairness) -> None:
    gap = found.gaps.iloc[0]
    assert (gap["level"], gap["reference"], gap["freed"]) == ("new", "old", "q3~1")
    assert gap["bias"] == pytest.approx(-SHIFT / len(ITEMS), abs=0.02)
    assert gap["adjusted_conf_low"] < GAP < gap["adjusted_conf_high"]
    assert not gap["raw_conf_low"] < GAP < gap["raw_conf_high"]
    assert found.items["item"].tolist() == ["q3"]
    assert found.items["bias"].iloc[0] == pytest.approx(-SHIFT, abs=0.12)


def test_gaps_are_in_points_of_the_score() -> None:
    per_mean, summed, percent = (
        study_fairness(study(score=way, free=["q3~1"]), answers(), "w1").gaps["adjusted_difference"].iloc[0]
        for way in ("mean", "sum", "percent_of_maximum")
    )
    assert summed == pytest.approx(6 * per_mean)
    assert percent == pytest.approx(100 / 6 * per_mean)


def test_without_a_planted_item_every_comparison_holds() -> None:
    assert study_fairness(study(), answers(0.0), "w2").verdicts["verdict"].tolist() == ["holds"] * 3


def test_parameters_named_in_advance_are_freed_without_a_search() -> None:
    verdict = study_fairness(study(free=["q3~1"]), answers(), "w1").verdicts.set_index("comparison").loc["new"]
    assert (verdict["verdict"], verdict["freed"], verdict["how"]) == ("partial", "q3~1", "named in advance")


def test_small_groups_and_short_scales_are_not_tested_and_said() -> None:
    rows = answers()
    few = rows[(rows["new"] == "old") | (rows["student"].isin([f"s{i}" for i in range(60)]))]
    verdict = study_fairness(study(), few, "w1").verdicts.set_index("comparison").loc["new"]
    assert verdict["verdict"] == "not tested"
    assert "under 100 students): new" in verdict["note"]
    short = study(items=ITEMS[:2])
    assert set(study_fairness(short, rows, "w1").verdicts["verdict"]) == {"not tested"}
    assert "fewer than three items" in study_fairness(short, rows, "w1").verdicts["note"].iloc[0]


def test_the_verdict_travels_with_every_comparison(found: Fairness) -> None:
    estimates = pd.DataFrame(
        {
            "outcome": ["belonging", "belonging", "marks", "belonging"],
            "group": ["all", "New here: new", "all", "all"],
            "wave": ["w2", "w2", "w2", "w1"],
        }
    )
    table = with_invariance(study(), estimates, found.verdicts)
    assert table["invariance"].tolist() == ["holds", "partial: q3 (New here)", "", "see that wave’s report"]
    scales = pd.DataFrame({"scale": "belonging", "group": ["all", "new"], "level": ["all", "old"], "wave": "w2"})
    said = with_invariance(study(), scales, found.verdicts, compared=["wave"])["invariance"]
    assert said.tolist() == ["holds", "partial: q3 (New here)"]


def test_words_follow_the_tables(found: Fairness) -> None:
    one = study()
    said = " ".join(fairness_sentences(one, found.verdicts, found.gaps, found.items))
    gap = found.gaps.iloc[0]
    for number in (gap["raw_difference"], gap["bias"], gap["adjusted_difference"]):
        assert f"−{abs(number):.2f}" in said
    assert "by new here save for one question, found by searching these data: q3." in said
    assert "measures the same in both arms and over time" in said
    caption = fairness_caption(one, found.verdicts, ["belonging"], ["new"])
    assert caption == "Alike save for single questions: school belonging by new here."
    assert "not all questions work alike" in " ".join(fairness_cautions(one, one.wave("w2"), found.verdicts))
    assert "save for one question" in " ".join(fairness_summary(one, found.verdicts, found.gaps))
    alike = found.verdicts[found.verdicts["verdict"] == "holds"]
    assert "can be compared" in " ".join(fairness_summary(one, alike))


def test_failed_and_untested_comparisons_are_said_plainly(found: Fairness) -> None:
    one = study()
    for verdict, words in (("fails", "does not measure the same"), ("not tested", "could not be tested: too few")):
        made = found.verdicts.iloc[[0]].assign(verdict=verdict, freed="", note="too few; and more")
        assert words in " ".join(fairness_sentences(one, made))
        assert with_invariance(one, pd.DataFrame({"outcome": ["belonging"], "group": ["New here: new"]}), made)[
            "invariance"
        ].tolist() == [f"{verdict} (New here)"]


def test_effects_are_scored_again_without_the_items_that_differ(found: Fairness) -> None:
    one = study(short_forms={"first_three": ITEMS[:3]})
    rows = answers()
    rows["treated"] = (rows["programme"] & (rows["wave"] == "w2")).astype(int)
    rows["programme"] = rows["programme"].astype(int)
    rows["classroom"] = rows["school"]
    rows["time"] = (rows["wave"] == "w2").astype(int)
    rows["post"] = rows["time"]
    table = score_sensitivity(one, score_study(one, rows), "w2", found.verdicts).set_index("sample")
    assert list(table.index) == ["all 6 items", "first three (3 items)", "without q3 (5 items)"]
    kept = rows[[item for item in ITEMS if item != "q3"]].mean(axis=1)
    change = kept[rows["wave"] == "w2"].to_numpy() - kept[rows["wave"] == "w1"].to_numpy()
    treated = rows.loc[rows["wave"] == "w2", "programme"].to_numpy() == 1
    by_hand = change[treated].mean() - change[~treated].mean()
    assert table.loc["without q3 (5 items)", "estimate"] == pytest.approx(by_hand)
    same = study()
    assert score_sensitivity(same, score_study(same, rows), "w2", found.verdicts.iloc[1:]).empty


def test_models_loadings_and_coefficients_of_a_wave() -> None:
    one, rows = study(positive=5), answers(0.0)
    fits = structure_table(one, rows, "w1")
    assert fits["structure"].tolist() == ["one_factor"]
    assert fits["n"].iloc[0] == N
    loadings = loading_table(one, rows, "w1")
    # Trait and occasion have variance 1.16, an answer .64 more (and rounding a twelfth).
    assert loadings["std_loading"].to_numpy() == pytest.approx(np.sqrt(1.18 / (1.18 + 0.64 + 1 / 12)), abs=0.04)
    drawn = item_loadings(loadings, dict(zip(ITEMS, ITEMS, strict=True)), {"belonging": "Belonging"})
    assert all(item in drawn.alt for item in ITEMS)
    reliable = reliability_table(one, rows, "w1")
    assert set(reliable.loc[reliable["level"] == "all", "coefficient"]) == {
        "cronbach_alpha",
        "mcdonald_omega",
        "ordinal_alpha",
        "ordinal_omega",
    }
    axes = dimension_table(one, rows, "w1")
    assert axes.loc[axes["kind"] == "principal components", "retained"].tolist() == [True] + [False] * 5
    table = positive_table(one, rows, "w1")
    everyone = rows[rows["wave"] == "w1"]
    of_all = table[(table["definition"] == "pooled_items") & (table["group"] == "all")]
    share = 100 * (everyone[ITEMS] >= 5).to_numpy().sum() / everyone[ITEMS].notna().to_numpy().sum()
    assert of_all["estimate"].tolist() == [pytest.approx(share)]
    assert not table.duplicated(["definition", "group", "level"]).any()


def test_three_reversed_items_make_a_second_model() -> None:
    scale = study(reverse=ITEMS[:3]).scales["belonging"]
    assert list(structures_of("belonging", scale)) == ["one_factor", "wording_factor"]
    assert list(structures_of("belonging", study(reverse=ITEMS[:2]).scales["belonging"])) == ["one_factor"]


def test_percentages_of_a_few_are_hidden_in_every_level() -> None:
    table = positive_table(study(positive=7), answers(), "w1")
    few = table[table["definition"] == "person_mean"]
    assert few["n_positive"].between(1, 9).any()
    shown = suppress(table, minimum_cell=10)
    for (_, group), rows in shown[shown["definition"] == "person_mean"].groupby(["definition", "group"]):
        original = few[few["group"] == group]
        hidden = original["n_positive"].between(1, 9).any()
        assert rows["estimate"].isna().all() == hidden


def test_the_gap_figure_says_both_numbers(found: Fairness) -> None:
    drawn = group_gaps(found.gaps, {"belonging": "School belonging"})
    gap = found.gaps.iloc[0]
    assert f"as scored −{abs(gap['raw_difference']):.2f}" in drawn.alt
    assert f"alike −{abs(gap['adjusted_difference']):.2f}" in drawn.alt
