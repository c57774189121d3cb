"""From items to scores, and how far the scores can be trusted."""

from __future__ import annotations

from belonging_study.scales.distribution import scale_summary
from belonging_study.scales.exploratory import EFAResult, ParallelAnalysis, efa, parallel_analysis
from belonging_study.scales.fairness import (
    PartialInvariance,
    dif,
    dmacs,
    non_invariance_effect,
    partial_invariance,
)
from belonging_study.scales.irt import IRTResult, irt, irt_scores
from belonging_study.scales.items import item_statistics
from belonging_study.scales.one_factor import OneFactorFit, fit_one_factor, one_factor_covariance
from belonging_study.scales.percent_positive import percent_positive
from belonging_study.scales.reliability import (
    HierarchicalOmega,
    Reliability,
    Retest,
    cronbach_alpha,
    intraclass_correlation,
    mcdonald_omega,
    omega_hierarchical,
    ordinal_alpha,
    ordinal_omega,
    reliability_by,
    smallest_detectable_change,
    standard_error_of_measurement,
    test_retest,
)
from belonging_study.scales.score import reverse_keyed, score
from belonging_study.scales.structure import (
    CFAResult,
    Invariance,
    Polychoric,
    cfa,
    compare_models,
    factor_scores,
    invariance,
    invariance_over_time,
    modification_indices,
    polychoric,
)
from belonging_study.scales.study_fairness import Fairness, study_fairness
from belonging_study.scales.study_positive import positive_table
from belonging_study.scales.study_reliability import dimension_table, reliability_table
from belonging_study.scales.study_scores import answer_shares, item_table, scale_table, score_study
from belonging_study.scales.study_structure import loading_table, structure_table
from belonging_study.scales.study_structures import check_structures
from belonging_study.scales.verdicts import with_invariance

__all__ = [
    "CFAResult",
    "EFAResult",
    "Fairness",
    "HierarchicalOmega",
    "IRTResult",
    "Invariance",
    "OneFactorFit",
    "ParallelAnalysis",
    "PartialInvariance",
    "Polychoric",
    "Reliability",
    "Retest",
    "answer_shares",
    "cfa",
    "check_structures",
    "compare_models",
    "cronbach_alpha",
    "dif",
    "dimension_table",
    "dmacs",
    "efa",
    "factor_scores",
    "fit_one_factor",
    "intraclass_correlation",
    "invariance",
    "invariance_over_time",
    "irt",
    "irt_scores",
    "item_statistics",
    "item_table",
    "loading_table",
    "mcdonald_omega",
    "modification_indices",
    "non_invariance_effect",
    "omega_hierarchical",
    "one_factor_covariance",
    "ordinal_alpha",
    "ordinal_omega",
    "parallel_analysis",
    "partial_invariance",
    "percent_positive",
    "polychoric",
    "positive_table",
    "reliability_by",
    "reliability_table",
    "reverse_keyed",
    "scale_summary",
    "scale_table",
    "score",
    "score_study",
    "smallest_detectable_change",
    "standard_error_of_measurement",
    "structure_table",
    "study_fairness",
    "test_retest",
    "with_invariance",
]
