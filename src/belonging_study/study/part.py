"""What every part of a study's definition shares: it is frozen, and refuses entries that it does not know."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Name", "Part", "Share", "as_tuple"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""A name that can be a column, a file name and part of a formula."""

Share = Annotated[float, Field(ge=0, le=1)]


def as_tuple(value: Any) -> Any:
    """Let one value stand for a list of one."""
    return value if isinstance(value, list | tuple) or value is None else [value]


class Part(BaseModel):
    """Base of every part."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)
