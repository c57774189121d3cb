"""Compute the demo study's true effects on the observed scales and write them into truth.yml.

    python benchmarks/demo_truth.py            # print them
    python benchmarks/demo_truth.py --write    # and replace the part of truth.yml that they fill

Every part of a trait is normal, so expected answers, marks, suspensions and days have closed forms: an item's
expected code is one plus the sum of the probabilities of exceeding its thresholds (Samejima's graded model with a
normal ogive). tests/data/test_demo.py finds the same figures by simulation.
"""

from __future__ import annotations

import sys
from importlib import resources

import numpy as np
import yaml
from scipy.stats import norm

from belonging_study.data.demo.questionnaire import Questionnaire, load_questionnaire
from belonging_study.data.demo.truth import Trait, Truth, load_truth

MARK = "# Written by benchmarks/demo_truth.py; do not edit.\n"
NAMES = {"marks": "mean_mark"}


def trait_mean(trait: Trait, wave: str, free_meals: bool, programme: bool) -> float:
    """Expected trait of students alike in free meals and arm."""
    shift = trait.effect[wave] + trait.extra[wave] * free_meals
    return trait.mean + trait.free_meals * free_meals + trait.trend[wave] + programme * shift


def expected_score(
    truth: Truth, form: Questionnaire, scale: str, wave: str, free_meals: bool, programme: bool
) -> float:
    """Expected mean of the scale's reverse-keyed items."""
    trait, model = truth.traits[scale], truth.scales[scale]
    mean, variance = trait_mean(trait, wave, free_meals, programme), trait.variance(follow_up=True)
    expected = []
    for item, loading, difficulty in zip(form.scales[scale].items, model.loadings, model.difficulties, strict=True):
        shift = truth.non_invariant.shift if item == truth.non_invariant.item and free_meals else 0.0
        cuts = np.array(model.thresholds) + difficulty + shift
        expected.append(1 + norm.sf(cuts, loading * mean, np.sqrt(loading**2 * variance + 1 - loading**2)).sum())
    # Straight-liners answer by column, hence alike with and without the programme.
    return float((1 - truth.survey.careless) * np.mean(expected))


def expected_outcome(
    truth: Truth, form: Questionnaire, outcome: str, wave: str, free_meals: bool, programme: bool
) -> float:
    """Expected observed outcome of students alike in free meals and arm, up to a constant that both arms share."""
    if outcome in truth.scales:
        return expected_score(truth, form, outcome, wave, free_meals, programme)
    trait = truth.traits[outcome]
    mean, sd = trait_mean(trait, wave, free_meals, programme), np.sqrt(trait.variance(follow_up=True))
    if outcome == "suspended":
        return float(norm.sf(truth.suspended_threshold, mean, sd))
    if outcome == "days_absent":
        return float(np.exp(mean + sd**2 / 2))
    low, high = (0 - mean) / sd, (100 - mean) / sd
    inside = norm.cdf(high) - norm.cdf(low)
    return float(mean * inside + sd * (norm.pdf(low) - norm.pdf(high)) + 100 * norm.sf(high))


def observed_effects(truth: Truth) -> dict[str, dict[str, dict[str, float]]]:
    """Effects by outcome and wave for students with ("yes") and without ("no") free meals, and for all."""
    form = load_questionnaire()
    share = truth.students.free_meals
    result: dict[str, dict[str, dict[str, float]]] = {"all": {}, "no": {}, "yes": {}}
    for outcome in truth.traits:
        for wave in truth.waves[1:]:
            no, yes = (
                expected_outcome(truth, form, outcome, wave, free, True)
                - expected_outcome(truth, form, outcome, wave, free, False)
                for free in (False, True)
            )
            for group, effect in (("all", (1 - share) * no + share * yes), ("no", no), ("yes", yes)):
                result[group].setdefault(outcome, {})[wave] = round(effect, 5)
    return result


def main() -> None:
    """Print the effects, and write them where asked."""
    effects = observed_effects(load_truth())
    filled = {
        "observed_effects": effects["all"],
        "observed_effects_by_free_meals": {"no": effects["no"], "yes": effects["yes"]},
    }
    text = MARK + yaml.safe_dump(filled, sort_keys=False)
    print(text)
    if "--write" in sys.argv:
        with resources.as_file(resources.files("belonging_study.data.demo").joinpath("truth.yml")) as path:
            before = path.read_text(encoding="utf-8").split(MARK)[0]
            path.write_text(before + text, encoding="utf-8")


if __name__ == "__main__":
    main()
