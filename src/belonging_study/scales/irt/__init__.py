"""Item-response models of one trait, and scores from them."""

from __future__ import annotations

from belonging_study.scales.irt.fit import IRTResult, irt
from belonging_study.scales.irt.person_scores import irt_scores

__all__ = ["IRTResult", "irt", "irt_scores"]
