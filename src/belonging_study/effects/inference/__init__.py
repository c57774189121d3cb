"""Inference when whole clusters (schools, classes) are assigned and there are few of them."""

from belonging_study.effects.inference.cluster_robust import (
    ClusterFit,
    HotellingTest,
    cluster_fit,
    cluster_robust_covariance,
    hotelling_test,
    satterthwaite_df,
    t_interval,
)
from belonging_study.effects.inference.default import default_inference
from belonging_study.effects.inference.randomization import RandomizationTest, randomization_test
from belonging_study.effects.inference.rule import Rule, choose_change_inference, choose_inference
from belonging_study.effects.inference.school_change import ClusterMeansTest, cluster_means_test, mean_change
from belonging_study.effects.inference.wild_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "ClusterFit",
    "ClusterMeansTest",
    "HotellingTest",
    "RandomizationTest",
    "Rule",
    "WildBootstrap",
    "choose_change_inference",
    "choose_inference",
    "cluster_fit",
    "cluster_means_test",
    "cluster_robust_covariance",
    "default_inference",
    "hotelling_test",
    "mean_change",
    "randomization_test",
    "satterthwaite_df",
    "t_interval",
    "wild_cluster_bootstrap",
]
