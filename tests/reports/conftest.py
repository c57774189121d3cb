"""Fixtures of the tests of reports."""

from __future__ import annotations

from toy_study import snapshot, toy

__all__ = ["snapshot", "toy"]
