"""What the demo study's students are asked, and the names and remarks that fill its files."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

__all__ = ["Fiction", "Questionnaire", "ScaleText", "load_fiction", "load_questionnaire"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScaleText(_Part):
    """One page of the form: the question, the columns of the grid from lowest to highest, the statements."""

    question: str
    labels: tuple[str, ...]
    reverse: tuple[str, ...]
    items: dict[str, str]


class Questionnaire(_Part):
    """The whole form, in the order in which it is asked."""

    scales: dict[str, ScaleText]
    remark: str
    student_number: str

    @property
    def items(self) -> dict[str, str]:
        """Every statement by its name, in the order of the form."""
        return {name: text for scale in self.scales.values() for name, text in scale.items.items()}

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The answers of every statement, from lowest to highest."""
        return {name: scale.labels for scale in self.scales.values() for name in scale.items}


class Fiction(_Part):
    """Invented names and remarks."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    remarks: tuple[str, ...]


def read_yaml(name: str) -> Any:
    """Read a YAML file that lies beside this module."""
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def load_questionnaire() -> Questionnaire:
    """Give the demo study's form.

    Returns
    -------
    Questionnaire
        Three scales, 27 statements.

    Examples
    --------
    >>> len(load_questionnaire().items)
    27
    """
    return Questionnaire.model_validate(read_yaml("questionnaire.yml"))


@cache
def load_fiction() -> Fiction:
    """Give the invented names and remarks.

    Returns
    -------
    Fiction
        Names are drawn at random from these, so that no row belongs to anybody.
    """
    return Fiction.model_validate(read_yaml("fiction.yml"))
