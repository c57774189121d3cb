"""From scores to estimates: how much the programme changed, and how sure that is."""

from __future__ import annotations

from belonging_study.effects.attrition import Attrition, attrition, attrition_boundary, attrition_table
from belonging_study.effects.careless_sensitivity import careless_sensitivity, why_no_careless_sensitivity
from belonging_study.effects.change import Change, change_between, change_effect_size
from belonging_study.effects.contrasts import Contrast, contrasts, why_no_effects
from belonging_study.effects.descriptives import describe_outcomes, mean_interval
from belonging_study.effects.did import DidResult, did
from belonging_study.effects.effect_sizes import (
    ClusterCorrection,
    EffectSize,
    cluster_correction,
    clustered_t,
    cox_index,
    did_effect_size,
    hedges_g,
    improvement_index,
    pooled_sd,
)
from belonging_study.effects.equivalence import baseline_equivalence, equivalence_verdict
from belonging_study.effects.estimand import Estimand, estimand
from belonging_study.effects.estimates import ESTIMATE_COLUMNS, adjust_estimates, estimate_table
from belonging_study.effects.event_study import EventStudy, event_study
from belonging_study.effects.inference import (
    Rule,
    choose_change_inference,
    choose_inference,
    cluster_fit,
    cluster_means_test,
    cluster_robust_covariance,
    default_inference,
    hotelling_test,
    randomization_test,
    satterthwaite_df,
    wild_cluster_bootstrap,
)
from belonging_study.effects.inference.by_method import inference_by_method
from belonging_study.effects.mean_difference import MeanDifference, mean_difference
from belonging_study.effects.missing import (
    AttritionWeights,
    LeeBounds,
    MissingOutcomeEstimate,
    MultipleImputation,
    PooledEstimate,
    attrition_weights,
    complete_cases,
    lee_bounds,
    missing_data_sensitivity,
    multiple_imputation,
    rubin_rules,
)
from belonging_study.effects.multilevel import MultilevelResult, contrast, multilevel
from belonging_study.effects.multiplicity import adjust_p_values
from belonging_study.effects.panel import panel_fit
from belonging_study.effects.programme import ProgrammeEffects, estimate_effects
from belonging_study.effects.programme_change import ProgrammeChanges, estimate_changes
from belonging_study.effects.programme_model import ProgrammeModel, change_model, programme_model
from belonging_study.effects.programme_multilevel import MultilevelEffects, estimate_multilevel
from belonging_study.effects.programme_size import programme_size
from belonging_study.effects.sample import first_cluster
from belonging_study.effects.score_sensitivity import score_sensitivity
from belonging_study.effects.side_by_side import change_inference, cluster_inference, permute_clusters
from belonging_study.effects.staggered import (
    EventEstimates,
    GoodmanBacon,
    GroupTimeATT,
    HonestDiD,
    ImputationATT,
    PretrendPower,
    SunAbraham,
    event_band,
    event_estimates,
    goodman_bacon,
    group_time_att,
    honest_did,
    imputation_att,
    pretrend_power,
    sun_abraham,
    twfe_warning,
)
from belonging_study.effects.standardize import outcome_spread, standardize_did, standardize_estimate
from belonging_study.effects.standards import study_attrition, study_equivalence
from belonging_study.effects.variance import cluster_effects, design_effect, icc, variance_shares

__all__ = [
    "ESTIMATE_COLUMNS",
    "Attrition",
    "AttritionWeights",
    "Change",
    "ClusterCorrection",
    "Contrast",
    "DidResult",
    "EffectSize",
    "Estimand",
    "EventEstimates",
    "EventStudy",
    "GoodmanBacon",
    "GroupTimeATT",
    "HonestDiD",
    "ImputationATT",
    "LeeBounds",
    "MeanDifference",
    "MissingOutcomeEstimate",
    "MultilevelEffects",
    "MultilevelResult",
    "MultipleImputation",
    "PooledEstimate",
    "PretrendPower",
    "ProgrammeChanges",
    "ProgrammeEffects",
    "ProgrammeModel",
    "Rule",
    "SunAbraham",
    "adjust_estimates",
    "adjust_p_values",
    "attrition",
    "attrition_boundary",
    "attrition_table",
    "attrition_weights",
    "baseline_equivalence",
    "careless_sensitivity",
    "change_between",
    "change_effect_size",
    "change_inference",
    "change_model",
    "choose_change_inference",
    "choose_inference",
    "cluster_correction",
    "cluster_effects",
    "cluster_fit",
    "cluster_inference",
    "cluster_means_test",
    "cluster_robust_covariance",
    "clustered_t",
    "complete_cases",
    "contrast",
    "contrasts",
    "cox_index",
    "default_inference",
    "describe_outcomes",
    "design_effect",
    "did",
    "did_effect_size",
    "equivalence_verdict",
    "estimand",
    "estimate_changes",
    "estimate_effects",
    "estimate_multilevel",
    "estimate_table",
    "event_band",
    "event_estimates",
    "event_study",
    "first_cluster",
    "goodman_bacon",
    "group_time_att",
    "hedges_g",
    "honest_did",
    "hotelling_test",
    "icc",
    "improvement_index",
    "imputation_att",
    "inference_by_method",
    "lee_bounds",
    "mean_difference",
    "mean_interval",
    "missing_data_sensitivity",
    "multilevel",
    "multiple_imputation",
    "outcome_spread",
    "panel_fit",
    "permute_clusters",
    "pooled_sd",
    "pretrend_power",
    "programme_model",
    "programme_size",
    "randomization_test",
    "rubin_rules",
    "satterthwaite_df",
    "score_sensitivity",
    "standardize_did",
    "standardize_estimate",
    "study_attrition",
    "study_equivalence",
    "sun_abraham",
    "twfe_warning",
    "variance_shares",
    "why_no_careless_sensitivity",
    "why_no_effects",
    "wild_cluster_bootstrap",
]
