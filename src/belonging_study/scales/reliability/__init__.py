"""How consistently a scale measures: among its items, and from one time to the next."""

from __future__ import annotations

from belonging_study.scales.reliability.by_group import reliability_by
from belonging_study.scales.reliability.coefficients import cronbach_alpha, mcdonald_omega
from belonging_study.scales.reliability.detectable import smallest_detectable_change, standard_error_of_measurement
from belonging_study.scales.reliability.hierarchical import HierarchicalOmega, omega_hierarchical
from belonging_study.scales.reliability.ordinal import ordinal_alpha, ordinal_omega
from belonging_study.scales.reliability.result import Reliability
from belonging_study.scales.reliability.retest import Retest, intraclass_correlation, test_retest

__all__ = [
    "HierarchicalOmega",
    "Reliability",
    "Retest",
    "cronbach_alpha",
    "intraclass_correlation",
    "mcdonald_omega",
    "omega_hierarchical",
    "ordinal_alpha",
    "ordinal_omega",
    "reliability_by",
    "smallest_detectable_change",
    "standard_error_of_measurement",
    "test_retest",
]
