"""A reproducible study template and toolkit for evaluating school-belonging programmes.

The names below are what notebooks use. Each is loaded when it is first asked for, so that a command that only looks at
a study's state does not wait for the statistics.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "adjust_estimates": "effects",
    "answer_shares": "scales",
    "careless_sensitivity": "effects",
    "careless_sentences": "reports",
    "cfa": "scales",
    "clean_waves": "data",
    "compare_models": "scales",
    "cronbach_alpha": "scales",
    "describe_outcomes": "effects",
    "did": "effects",
    "dmacs": "scales",
    "effects_forest": "figures",
    "estimand": "effects",
    "estimate_effects": "effects",
    "estimate_multilevel": "effects",
    "event_study": "effects",
    "event_study_plot": "figures",
    "flow_diagram": "figures",
    "hedges_g": "effects",
    "instrument": "study",
    "instrument_names": "study",
    "instruments_table": "study",
    "invariance": "scales",
    "invariance_over_time": "scales",
    "item_answers": "figures",
    "item_table": "scales",
    "kinds_of_arm": "reports",
    "load_study": "study",
    "mcdonald_omega": "scales",
    "means_by_wave": "figures",
    "modification_indices": "scales",
    "multilevel": "effects",
    "non_invariance_effect": "scales",
    "open_wave": "reports",
    "partial_invariance": "scales",
    "percent_positive": "scales",
    "polychoric": "scales",
    "scale_table": "scales",
    "school_changes": "figures",
    "score": "scales",
    "score_study": "scales",
    "study_attrition": "effects",
    "study_equivalence": "effects",
    "unit_of": "study",
    "why_no_careless_sensitivity": "effects",
    "why_no_effects": "effects",
}

__all__ = [
    "__version__",
    "adjust_estimates",
    "answer_shares",
    "careless_sensitivity",
    "careless_sentences",
    "cfa",
    "clean_waves",
    "compare_models",
    "cronbach_alpha",
    "describe_outcomes",
    "did",
    "dmacs",
    "effects_forest",
    "estimand",
    "estimate_effects",
    "estimate_multilevel",
    "event_study",
    "event_study_plot",
    "flow_diagram",
    "hedges_g",
    "instrument",
    "instrument_names",
    "instruments_table",
    "invariance",
    "invariance_over_time",
    "item_answers",
    "item_table",
    "kinds_of_arm",
    "load_study",
    "mcdonald_omega",
    "means_by_wave",
    "modification_indices",
    "multilevel",
    "non_invariance_effect",
    "open_wave",
    "partial_invariance",
    "percent_positive",
    "polychoric",
    "scale_table",
    "school_changes",
    "score",
    "score_study",
    "study_attrition",
    "study_equivalence",
    "unit_of",
    "why_no_careless_sensitivity",
    "why_no_effects",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
