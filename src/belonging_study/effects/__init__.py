"""From scores to estimates: how much the programme changed, and how sure that is."""

from belonging_study.effects.attrition import Attrition, attrition, attrition_boundary, attrition_table
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
from belonging_study.effects.event_study import EventStudy, event_study
from belonging_study.effects.inference import (
    Rule,
    choose_inference,
    cluster_fit,
    cluster_means_test,
    cluster_robust_covariance,
    hotelling_test,
    randomization_test,
    satterthwaite_df,
    wild_cluster_bootstrap,
)
from belonging_study.effects.mean_difference import MeanDifference, mean_difference
from belonging_study.effects.multiplicity import adjust_p_values
from belonging_study.effects.panel import panel_fit
from belonging_study.effects.sample import first_cluster
from belonging_study.effects.side_by_side import cluster_inference, permute_clusters
from belonging_study.effects.standardize import outcome_spread, standardize_did, standardize_estimate

__all__ = [
    "Attrition",
    "ClusterCorrection",
    "DidResult",
    "EffectSize",
    "EventStudy",
    "MeanDifference",
    "Rule",
    "adjust_p_values",
    "attrition",
    "attrition_boundary",
    "attrition_table",
    "baseline_equivalence",
    "choose_inference",
    "cluster_correction",
    "cluster_fit",
    "cluster_inference",
    "cluster_means_test",
    "cluster_robust_covariance",
    "clustered_t",
    "cox_index",
    "did",
    "did_effect_size",
    "equivalence_verdict",
    "event_study",
    "first_cluster",
    "hedges_g",
    "hotelling_test",
    "improvement_index",
    "mean_difference",
    "outcome_spread",
    "panel_fit",
    "permute_clusters",
    "pooled_sd",
    "randomization_test",
    "satterthwaite_df",
    "standardize_did",
    "standardize_estimate",
    "wild_cluster_bootstrap",
]
