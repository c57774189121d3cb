"""What a study is: ``study.yml`` and the instrument library."""

from __future__ import annotations

from belonging_study.study.instrument_model import Instrument
from belonging_study.study.instruments import instrument, instrument_names, instruments_table
from belonging_study.study.load import load_study, parse_study
from belonging_study.study.model import (
    FRAMEWORK_TAGS,
    Analysis,
    Assignment,
    Component,
    Demo,
    Design,
    Exclusion,
    Group,
    Outcome,
    Privacy,
    Programme,
    Responses,
    Scale,
    Source,
    Start,
    Study,
    TeamMember,
    Wave,
)
from belonging_study.study.names import nearest
from belonging_study.study.units import Unit, unit_of

__all__ = [
    "FRAMEWORK_TAGS",
    "Analysis",
    "Assignment",
    "Component",
    "Demo",
    "Design",
    "Exclusion",
    "Group",
    "Instrument",
    "Outcome",
    "Privacy",
    "Programme",
    "Responses",
    "Scale",
    "Source",
    "Start",
    "Study",
    "TeamMember",
    "Unit",
    "Wave",
    "instrument",
    "instrument_names",
    "instruments_table",
    "load_study",
    "nearest",
    "parse_study",
    "unit_of",
]
