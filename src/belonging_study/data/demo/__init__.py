"""The demo study: simulated schools whose true effects are known, in files like those that schools send."""

from __future__ import annotations

from belonging_study.data.demo.files import CHECKSUMS, write_demo
from belonging_study.data.demo.questionnaire import Questionnaire, load_questionnaire
from belonging_study.data.demo.simulate import DemoData, simulate_demo
from belonging_study.data.demo.truth import Truth, load_truth

__all__ = [
    "CHECKSUMS",
    "DemoData",
    "Questionnaire",
    "Truth",
    "load_questionnaire",
    "load_truth",
    "simulate_demo",
    "write_demo",
]
