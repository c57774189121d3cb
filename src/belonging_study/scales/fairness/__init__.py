"""Whether items work alike in every group, and how much it matters for the score where they do not."""

from __future__ import annotations

from belonging_study.scales.fairness.dif import dif
from belonging_study.scales.fairness.non_invariance import dmacs, non_invariance_effect
from belonging_study.scales.fairness.partial import PartialInvariance, partial_invariance

__all__ = ["PartialInvariance", "dif", "dmacs", "non_invariance_effect", "partial_invariance"]
