"""Programmes that start in different waves: effects by group and time, and the checks beside them."""

from __future__ import annotations

from belonging_study.effects.staggered.bacon import GoodmanBacon, goodman_bacon, twfe_warning
from belonging_study.effects.staggered.event_estimates import EventEstimates, event_band, event_estimates
from belonging_study.effects.staggered.group_time import GroupTimeATT, group_time_att
from belonging_study.effects.staggered.honest_did import HonestDiD, honest_did
from belonging_study.effects.staggered.imputation import ImputationATT, imputation_att
from belonging_study.effects.staggered.pretrend_power import PretrendPower, pretrend_power
from belonging_study.effects.staggered.sample import StaggeredSample, staggered_sample
from belonging_study.effects.staggered.sun_abraham import SunAbraham, sun_abraham

__all__ = [
    "EventEstimates",
    "GoodmanBacon",
    "GroupTimeATT",
    "HonestDiD",
    "ImputationATT",
    "PretrendPower",
    "StaggeredSample",
    "SunAbraham",
    "event_band",
    "event_estimates",
    "goodman_bacon",
    "group_time_att",
    "honest_did",
    "imputation_att",
    "pretrend_power",
    "staggered_sample",
    "sun_abraham",
    "twfe_warning",
]
