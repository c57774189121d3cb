"""Effects when students are lost between the waves: weights, imputation, bounds, side by side."""

from belonging_study.effects.missing.bounds import LeeBounds, lee_bounds
from belonging_study.effects.missing.followed import (
    Followed,
    MissingOutcomeEstimate,
    complete_cases,
    followed_students,
)
from belonging_study.effects.missing.imputation import MultipleImputation, multiple_imputation
from belonging_study.effects.missing.rubin import PooledEstimate, rubin_rules
from belonging_study.effects.missing.sensitivity import missing_data_sensitivity
from belonging_study.effects.missing.weights import AttritionWeights, attrition_weights

__all__ = [
    "AttritionWeights",
    "Followed",
    "LeeBounds",
    "MissingOutcomeEstimate",
    "MultipleImputation",
    "PooledEstimate",
    "attrition_weights",
    "complete_cases",
    "followed_students",
    "lee_bounds",
    "missing_data_sensitivity",
    "multiple_imputation",
    "rubin_rules",
]
