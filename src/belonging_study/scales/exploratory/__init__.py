"""How many things a set of items measures, and which items go together, where no model says so beforehand."""

from __future__ import annotations

from belonging_study.scales.exploratory.factors import EFAResult, efa
from belonging_study.scales.exploratory.parallel import ParallelAnalysis, parallel_analysis

__all__ = ["EFAResult", "ParallelAnalysis", "efa", "parallel_analysis"]
