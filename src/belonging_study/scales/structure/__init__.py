"""Whether a scale measures what it should, and the same thing in every group and wave."""

from __future__ import annotations

from belonging_study.scales.structure.compare import compare_models
from belonging_study.scales.structure.confirm import cfa
from belonging_study.scales.structure.factor_scores import factor_scores
from belonging_study.scales.structure.invariance import Invariance, invariance
from belonging_study.scales.structure.modification import modification_indices
from belonging_study.scales.structure.over_time import invariance_over_time
from belonging_study.scales.structure.polychoric import Polychoric, polychoric
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.syntax import Term, parse_model

__all__ = [
    "CFAResult",
    "Invariance",
    "Polychoric",
    "Term",
    "cfa",
    "compare_models",
    "factor_scores",
    "invariance",
    "invariance_over_time",
    "modification_indices",
    "parse_model",
    "polychoric",
]
