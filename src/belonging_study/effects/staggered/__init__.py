"""Programmes that start in different waves: effects by group and time, and the checks beside them."""

from __future__ import annotations

from belonging_study.effects.staggered.bacon import GoodmanBacon, goodman_bacon, twfe_warning
from belonging_study.effects.staggered.group_time import GroupTimeATT, group_time_att
from belonging_study.effects.staggered.imputation import ImputationATT, imputation_att
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.effects.staggered.sun_abraham import SunAbraham, sun_abraham

__all__ = [
    "GoodmanBacon",
    "GroupTimeATT",
    "ImputationATT",
    "StaggeredSample",
    "SunAbraham",
    "goodman_bacon",
    "group_time_att",
    "imputation_att",
    "staggered_sample",
    "sun_abraham",
    "twfe_warning",
]
