"""How consistently a scale measures: among its items, and from one time to the next."""

from __future__ import annotations

from belonging_study.scales.reliability.coefficients import cronbach_alpha, mcdonald_omega
from belonging_study.scales.reliability.result import Reliability

__all__ = ["Reliability", "cronbach_alpha", "mcdonald_omega"]
