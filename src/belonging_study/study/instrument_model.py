"""The form of an instrument's file in the library: what is known of it, what is not, and what a study has to give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from belonging_study.study.model import FRAMEWORK_TAGS
from belonging_study.study.part import Name, Part, Share

__all__ = ["Instrument", "ShortForm", "Structure", "Variant"]

Asked = Literal["items", "range", "reverse"]


def _items(value: Any) -> Any:
    """Items are a mapping of name to wording, or a list of names whose wording may not be printed here."""
    return dict.fromkeys(value, "") if isinstance(value, list) else value


class Structure(Part):
    """A factor model that somebody proposed.

    Attributes
    ----------
    model : str
        In lavaan's syntax. ``{items}``, ``{reversed}`` and ``{not_reversed}`` stand for those items, added up, where
        the study has to name them.
    source : str
        Who proposed it, and for what.
    """

    model: str
    source: str


class ShortForm(Part):
    """Some of the items, and who proposed to score them alone."""

    items: tuple[Name, ...] = Field(min_length=2)
    source: str


class Variant(Part):
    """What a study's scale takes over; also one condition or one form of an instrument.

    Attributes
    ----------
    title : str
        The name in the field; of a condition or form, what is added to the instrument's title.
    direction : str
        What a high score means.
    range, labels, synonyms, items, reverse, score, minimum_answered, positive
        As in a scale of ``study.yml``.
    structures, short_forms : dict
        By name; the first structure is the one that a study tests by default.
    asked : tuple of str
        Entries that are not known and that a study therefore has to give.
    unverified : tuple of str
        Sentences: what is not verified, or on what sources disagree.
    note : str
        What else a user should know.
    """

    title: str
    direction: str = ""
    range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    synonyms: dict[str, float] = Field(default_factory=dict)
    items: Annotated[dict[Name, str], BeforeValidator(_items)] = Field(default_factory=dict)
    reverse: tuple[Name, ...] = ()
    score: Literal["mean", "sum", "percent_of_maximum"] = "mean"
    minimum_answered: Share = 0.8
    positive: float | None = None
    structures: dict[Name, Structure] = Field(default_factory=dict)
    short_forms: dict[Name, ShortForm] = Field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    unverified: tuple[str, ...] = ()
    note: str = ""


class Instrument(Variant):
    """An instrument of the library, whole or one condition or form of it.

    Attributes
    ----------
    name : str
        What ``instrument:`` in ``study.yml`` says.
    version : int
        Of the file; it grows when something that changes a score does.
    source, rights : str
        Where it was published, and who may use and print it.
    rights_in_a_word : {"open", "ask", "terms"}
        Open: use and print it. Ask: ask its authors before. Terms: read the publisher's terms.
    languages : tuple of str
        In which it is known to have been used.
    tags : dict
        Framework to its categories.
    conditions : dict
        Scales of their own under one name, such as the learning conditions of one survey.
    forms : dict
        Ways in which exports code the same items.

    Examples
    --------
    >>> Instrument(name="two", title="Two items", source="Nobody (2020).", rights="Free.", rights_in_a_word="open",
    ...            items=["a", "b"], range=(1, 5)).n_steps
    5
    """

    name: str
    version: int = Field(default=1, ge=1)
    source: str
    rights: str
    rights_in_a_word: Literal["open", "ask", "terms"]
    languages: tuple[str, ...] = ("English",)
    tags: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    conditions: dict[Name, Variant] = Field(default_factory=dict)
    forms: dict[Name, Variant] = Field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Variant]:
        """The conditions or the forms of which a study names one; empty where it takes the whole."""
        return self.conditions or self.forms

    @property
    def n_steps(self) -> int | None:
        """Number of response steps, where it is known."""
        return None if self.range is None else round(self.range[1] - self.range[0]) + 1

    def part(self, name: str) -> Instrument:
        """One condition or form: the instrument's entries, with those of the part in their place."""
        part = self.parts[name]
        own = {entry: getattr(part, entry) for entry in part.model_fields_set}
        shared = {entry: getattr(self, entry) for entry in self.model_fields_set - {"conditions", "forms"}}
        merged = {
            **shared,
            **own,
            "name": f"{self.name}/{name}",
            "title": f"{self.title}: {part.title}",
            "unverified": (*self.unverified, *part.unverified),
            "note": " ".join(filter(None, (self.note, part.note))),
        }
        return Instrument.model_validate(merged)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = list(self._mistakes())
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _mistakes(self) -> Iterator[str]:
        for framework, tags in self.tags.items():
            unknown = set(tags) - set(FRAMEWORK_TAGS.get(framework, ()))
            yield from (f"{tag} is not a category of {framework}" for tag in sorted(unknown))
        if self.conditions and self.forms:
            yield "an instrument has conditions or forms, not both"
        if self.parts:
            for name in self.parts:
                self.part(name)
            return
        for entry in ("items", "range", "reverse"):
            if entry in self.asked and getattr(self, entry):
                yield f"{entry} is given, so it need not be asked"
        yield from (f"{entry} is neither given nor asked" for entry in ("items", "range") if self._lacks(entry))
        known = set(self.items)
        named = [*self.reverse, *(item for short in self.short_forms.values() for item in short.items)]
        yield from (f"{item} is not an item" for item in named if item not in known)
        if self.range is not None and self.labels and len(self.labels) != self.n_steps:
            yield f"{len(self.labels)} labels for {self.n_steps} steps"
        if self.positive is not None and (self.range is None or not self.range[0] < self.positive <= self.range[1]):
            yield "positive is outside the range"

    def _lacks(self, entry: str) -> bool:
        return entry not in self.asked and not getattr(self, entry)
