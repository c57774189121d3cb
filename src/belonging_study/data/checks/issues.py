"""One finding about the data: how bad it is, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from belonging_study.errors import UserError

__all__ = ["Issue", "Severity"]

Severity = Literal["error", "warning", "note"]
"""An error stops a run; a warning asks somebody to look; a note is for information."""


@dataclass(frozen=True)
class Issue:
    """What one check found.

    Attributes
    ----------
    severity : {"error", "warning", "note"}
        How bad it is.
    problem : UserError
        What, where and what to do, in counts; never raised by the check itself.
    """

    severity: Severity
    problem: UserError
