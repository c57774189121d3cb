"""From tables to pictures, in one style, each with its alternative text."""

from __future__ import annotations

from belonging_study.figures.event import event_study_plot
from belonging_study.figures.flow import flow_diagram
from belonging_study.figures.forest import effects_forest
from belonging_study.figures.gaps import group_gaps
from belonging_study.figures.items import item_answers
from belonging_study.figures.loadings import item_loadings
from belonging_study.figures.means import means_by_wave
from belonging_study.figures.schools import school_changes
from belonging_study.figures.style import Drawn, house_style

__all__ = [
    "Drawn",
    "effects_forest",
    "event_study_plot",
    "flow_diagram",
    "group_gaps",
    "house_style",
    "item_answers",
    "item_loadings",
    "means_by_wave",
    "school_changes",
]
