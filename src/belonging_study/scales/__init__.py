"""From items to scores, and how far the scores can be trusted."""

from __future__ import annotations

from belonging_study.scales.distribution import scale_summary
from belonging_study.scales.fairness import PartialInvariance, dmacs, non_invariance_effect, partial_invariance
from belonging_study.scales.items import item_statistics
from belonging_study.scales.one_factor import OneFactorFit, fit_one_factor, one_factor_covariance
from belonging_study.scales.percent_positive import percent_positive
from belonging_study.scales.reliability import Reliability, cronbach_alpha, mcdonald_omega
from belonging_study.scales.score import reverse_keyed, score
from belonging_study.scales.structure import (
    CFAResult,
    Invariance,
    Polychoric,
    cfa,
    compare_models,
    invariance,
    invariance_over_time,
    modification_indices,
    polychoric,
)
from belonging_study.scales.study_scores import answer_shares, item_table, scale_table, score_study
from belonging_study.scales.study_structures import check_structures

__all__ = [
    "CFAResult",
    "Invariance",
    "OneFactorFit",
    "PartialInvariance",
    "Polychoric",
    "Reliability",
    "answer_shares",
    "cfa",
    "check_structures",
    "compare_models",
    "cronbach_alpha",
    "dmacs",
    "fit_one_factor",
    "invariance",
    "invariance_over_time",
    "item_statistics",
    "item_table",
    "mcdonald_omega",
    "modification_indices",
    "non_invariance_effect",
    "one_factor_covariance",
    "partial_invariance",
    "percent_positive",
    "polychoric",
    "reverse_keyed",
    "scale_summary",
    "scale_table",
    "score",
    "score_study",
]
