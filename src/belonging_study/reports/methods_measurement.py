"""The part of the methods section on factor models and on sameness of measurement."""

from __future__ import annotations

from collections.abc import Iterator

from belonging_study.reports.formatting import inside, listed
from belonging_study.scales.study_fairness import FEWEST_STUDENTS
from belonging_study.scales.study_structure import FEWEST_STEPS, structures_of
from belonging_study.study.model import Scale, Study, Wave

__all__ = ["fairness_methods", "structure_methods"]


def structure_methods(study: Study, wave: Wave) -> Iterator[str]:
    """How the factor models were fitted."""
    scales = {name: scale for name, scale in study.scales_in(wave.name).items() if structures_of(name, scale)}
    if not scales:
        return
    numeric = [s for s in scales.values() if _steps(s) >= FEWEST_STEPS]
    ordered = [s for s in scales.values() if _steps(s) < FEWEST_STEPS]
    if numeric:
        yield (
            "Confirmatory factor models take answers on five steps or more as numbers (Rhemtulla, Brosseau-Liard & "
            "Savalei 2012) and use every answer given: full-information maximum likelihood with robust standard errors "
            "and the scaled chi-square of Yuan and Bentler (2000); missing answers are taken to depend on the other "
            "answers alone."
        )
    if ordered:
        yield (
            "Answers on fewer steps are taken as ordered categories: polychoric correlations, weighted least squares "
            "with the scaled and shifted chi-square (WLSMV; Muthén, du Toit & Spisic 1997; Asparouhov & Muthén 2010), "
            "from students who answered every item."
        )
    if any("wording_factor" in structures_of(name, scale) for name, scale in scales.items()):
        yield "Beside one factor stands a model with a further, unrelated factor of the negatively worded items."
    yield "How many factors there may be is also asked by parallel analysis (Horn 1965)."


def fairness_methods(study: Study, wave: Wave) -> Iterator[str]:
    """How sameness of measurement was tested."""
    scales = {name: scale for name, scale in study.scales_in(wave.name).items() if structures_of(name, scale)}
    compared = [inside(group.label) for group in study.groups]
    compared += ["arm"] if study.design.assignment.comparison is not None else []
    earlier = [w for w in study.waves_until(wave.name)[:-1] if any(study.measured(s, w.name) for s in scales.values())]
    compared += ["wave"] if earlier else []
    if not scales or not compared:
        return
    yield (
        f"Whether a scale measures the same by {listed(compared)} is tested by its first factor model, from the same "
        "form to equal loadings, intercepts (thresholds for ordered answers) and residual variances (Meredith 1993)."
    )
    yield (
        "A step fails by the changes in fit of Chen (2007) or of Cheung and Rensvold (2002); it is doubtful where only "
        "the chi-square difference test rejects at 5%; and nothing after a failure is interpreted."
    )
    if earlier:
        yield (
            "Waves are compared with the first in one model of the same students, in which an item’s residuals covary "
            "over time (Widaman, Ferrer & Conger 2010)."
            if study.design.panel
            else "Waves are compared with the first as groups of different students."
        )
    yield (
        f"Groups of fewer than {FEWEST_STUDENTS} students are left out of these tests. They take students as "
        "independent, which within schools they are not quite: the chi-square tests may reject a little too often."
    )
    named = any(scale.free for scale in scales.values())
    search = "those named in advance are" if named else "loadings and intercepts are tested one by one and"
    yield (
        f"Where equal intercepts fail or are doubtful, {search} freed (partial invariance; Byrne, Shavelson & Muthén "
        "1989)"
        + ("" if named else ", with Bonferroni’s correction")
        + "; the difference of the scores is then split into what the factor and what unlike items account for "
        "(Millsap & Olivera-Aguilar 2012), with dMACS as the size of an item’s difference (Nye & Drasgow 2011)."
    )


def _steps(scale: Scale) -> float:
    return scale.maximum - scale.minimum + 1
