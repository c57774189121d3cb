"""What a study is: the typed form of ``study.yml``.

Every class is frozen and refuses entries it does not know. ``load_study`` makes a `Study` from the file;
nothing else in the package reads YAML.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from belonging_study.study.part import Name, Part, Share, as_tuple
from belonging_study.study.sources import FORMATS, Kind, Marks, Records, Responses, Source, Wave

__all__ = [
    "FORMATS",
    "Analysis",
    "Assignment",
    "Component",
    "Demo",
    "Design",
    "Exclusion",
    "Group",
    "Kind",
    "Linking",
    "Marks",
    "Outcome",
    "Privacy",
    "Programme",
    "Records",
    "Responses",
    "Scale",
    "Source",
    "Start",
    "Study",
    "TeamMember",
    "Wave",
]

FRAMEWORK_TAGS: dict[str, tuple[str, ...]] = {
    "ib_allen": ("competencies", "motivations", "opportunities", "perceptions"),
    "structures_for_belonging": (
        "access_to_learning_environments",
        "instructional_resources_and_pedagogy",
        "relationships",
        "system_policies_and_practices",
    ),
}
"""The categories of the two frameworks by which a programme's components can be tagged."""


def _items(value: Any) -> Any:
    """Items are a mapping of name to text, or a list of names whose text is not given."""
    names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return dict.fromkeys(value, "") if names else value


class TeamMember(Part):
    """Somebody who answers for the study."""

    name: str
    role: str = ""
    affiliation: str = ""


class Component(Part):
    """One part of the programme, tagged by the categories of a framework."""

    name: str
    description: str = ""
    framework: Literal["ib_allen", "structures_for_belonging"] = "ib_allen"
    tags: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()


class Programme(Part):
    """What the treated schools did."""

    name: str
    description: str = ""
    components: tuple[Component, ...] = ()


class Start(Part):
    """A staggered start: the column that names each unit's first wave with the programme."""

    column: Name


class Assignment(Part):
    """Who got the programme, at which level that was decided, and from which wave.

    Attributes
    ----------
    level : {"student", "class", "school"}
        The level at which assignment was made, hence the level of the clusters.
    column : str
        The column that holds the arm.
    comparison : str or None
        The value of that column in the comparison arm; None if everybody got the programme, so that there is neither a
        comparison nor a column of arms.
    programme : tuple of str
        The value, or values for several programme arms, each compared with the comparison arm.
    labels : dict
        What reports call the arms, where their values are no words.
    starts : str or Start
        Name of the first wave with the programme, or the column that holds it for a staggered start.
    blocks : str, optional
        The column of matched pairs or blocks within which assignment was made.
    randomized : bool
        True where the arms were drawn by lot.
    by_wave : bool
        True where a student's arm is read anew in each wave; otherwise two arms for one student are an error.
    """

    level: Literal["student", "class", "school"] = "school"
    column: Name = "arm"
    comparison: str | None = "comparison"
    programme: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("programme",)
    labels: dict[str, str] = Field(default_factory=dict)
    starts: str | Start
    blocks: Name | None = None
    randomized: bool = False
    by_wave: bool = False

    @property
    def arms(self) -> tuple[str, ...]:
        """The comparison arm where there is one, then the programme arms."""
        return self.programme if self.comparison is None else (self.comparison, *self.programme)


class Linking(Part):
    """How responses without an identifier are linked from wave to wave: by a code that students make themselves.

    Attributes
    ----------
    code : tuple of str
        The columns whose answers, side by side, are the code.
    verify : tuple of str
        Columns that cannot change, such as the year of birth: a link needs them to agree wherever both are known.
    maximum_changes : int
        Parts of the code that may differ between two waves.
    """

    code: tuple[Name, ...] = Field(min_length=1)
    verify: tuple[Name, ...] = ()
    maximum_changes: Annotated[int, Field(ge=0, le=4)] = 1


class Design(Part):
    """The unit, its nesting, the assignment, and how responses are linked where there is no identifier.

    Attributes
    ----------
    student, class_, school : str or None
        The columns. Without a student each row of a survey is a student of its own, so `panel` is false; without a
        school nothing is known of the students' places, which only a study without a programme can do with.
    panel : bool
        True where the same students are followed.
    assignment : Assignment
        In a study without a programme a stand-in that nothing tells of.
    linking : Linking, optional
        How students are found again by a code of their own.
    """

    student: Name | None = "student_id"
    class_: Name | None = Field(default=None, alias="class")
    school: Name | None = "school_id"
    panel: bool = True
    assignment: Assignment
    linking: Linking | None = None

    @model_validator(mode="before")
    @classmethod
    def _each_row_a_student(cls, raw: Any) -> Any:
        """Nobody is followed whom nothing identifies."""
        unknown = isinstance(raw, dict) and "student" in raw and raw["student"] is None
        return {"panel": False, **raw} if unknown else raw


class Scale(Part):
    """A set of items scored together: from the instrument library, or written out.

    Attributes
    ----------
    translations : dict
        Language to the labels in that language, lowest first; answers in any of them are understood.
    opposites : tuple of pairs of str
        Items that say opposite things: answering both alike is a sign of careless answering.
    structures : dict
        Factor models in lavaan's syntax and the items' names, by name. The first is the one whose sameness between
        groups and waves is tested; without any, it is one factor of all items.
    free : tuple of str
        Parameters of that model, such as ``q3~1``, that were named in advance as allowed to differ between groups.
    short_forms : dict
        Lists of some of the items, by name, which are scored beside the scale to see how much hangs on the others.
    positive : float, optional
        Lowest answer, after reverse keying, that counts as positive in the shares of positive answers.
    """

    label: str
    instrument: str | None = None
    items: Annotated[dict[Name, str], BeforeValidator(_items)] = Field(default_factory=dict)
    range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    translations: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    synonyms: dict[str, float] = Field(default_factory=dict)
    reverse: tuple[str, ...] = ()
    opposites: tuple[tuple[Name, Name], ...] = ()
    structures: dict[Name, str] = Field(default_factory=dict)
    free: tuple[str, ...] = ()
    short_forms: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)
    positive: float | None = None
    minimum_answered: Share = 0.8
    score: Literal["mean", "sum", "percent_of_maximum"] = "mean"
    waves: tuple[str, ...] = ()

    @property
    def minimum(self) -> float:
        """Lowest value of the response form."""
        assert self.range is not None
        return self.range[0]

    @property
    def maximum(self) -> float:
        """Highest value of the response form."""
        assert self.range is not None
        return self.range[1]


class Outcome(Part):
    """Something the programme might change.

    Attributes
    ----------
    name : str
        Name in every table.
    measure : str
        A scale of the study, or a column of the survey or the records; where `positive` is given, the own name.
    positive : tuple of str
        Scales, each with a `positive` cut: the outcome is 1 where a person's mean is at or above the cut on every one
        of them, 0 where all were scored and one is below, and missing otherwise.
    kind : {"continuous", "binary", "count"}
        Scale of measurement; a binary outcome is 0 or 1 (or the two values in `values`, in that order).
    domain : str
        Outcomes of one domain share a correction for multiple tests.
    role : {"primary", "secondary", "exploratory"}
        As named in advance.
    range : tuple of float, optional
        Lowest and highest value that a column of marks or the like can hold; any other is an error. Scales have theirs.
    """

    name: Name
    measure: str
    label: str
    positive: tuple[Name, ...] = ()
    kind: Literal["continuous", "binary", "count"] = "continuous"
    domain: str = "belonging"
    role: Literal["primary", "secondary", "exploratory"] = "secondary"
    higher_is_better: bool = True
    unit: str = "points"
    range: tuple[float, float] | None = None
    values: tuple[str, str] | None = None
    waves: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _named_by_itself(cls, value: Any) -> Any:
        """Let an outcome made of scales be its own measure."""
        own = isinstance(value, dict) and value.get("positive") and "name" in value and "measure" not in value
        return {**value, "measure": value["name"]} if own else value


class Group(Part):
    """A student group whose scores are described apart and whose effects are compared."""

    name: Name
    label: str
    column: Name
    values: dict[str, str] = Field(default_factory=dict)
    reference: str | None = None


class Exclusion(Part):
    """A rule that takes rows out of the analysis sample; each adds a line to the flow.

    Exactly one of `missing`, `equals`, `below` and `above` says which rows of `column` go.
    """

    name: Name
    label: str
    column: Name
    missing: bool | None = None
    equals: Annotated[tuple[str | float, ...] | None, BeforeValidator(as_tuple)] = None
    below: float | None = None
    above: float | None = None
    waves: tuple[str, ...] = ()


class Analysis(Part):
    """Settings of the estimates."""

    covariates: tuple[Name, ...] = ()
    conf_level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    draws: Annotated[int, Field(ge=199, le=999_999)] = 9999
    seed: int = 1
    smallest_effect: float | None = Field(default=None, gt=0)


class Privacy(Part):
    """What protects the students."""

    minimum_cell: Annotated[int, Field(ge=3)] = 10
    key_file: str | None = None


class Demo(Part):
    """Marks the demo study: its raw files are simulated with this seed, and nobody in them is real."""

    seed: int = 1


def _without_programme(raw: Any) -> Any:
    """Complete the design of a study that names no programme, no assignment and no outcome: it only measures."""
    if not isinstance(raw, dict):
        return raw
    design, waves = raw.get("design") or {}, raw.get("waves")
    if "programme" in raw or "outcomes" in raw or not isinstance(design, dict) or "assignment" in design:
        return raw
    first = waves[0].get("name") if isinstance(waves, list) and waves and isinstance(waves[0], dict) else ""
    nobody = {"level": "student", "comparison": None, "programme": "all", "starts": str(first)}
    return {**raw, "design": {**design, "assignment": nobody}}


class Study(Part):
    """A whole study, as `study.yml` defines it.

    Attributes
    ----------
    programme, outcomes
        Neither is there in a study that only measures (see `measures_only`); otherwise both are.
    description : str
        What the data are, in a sentence or two.
    readers : str, optional
        A Python file beside ``study.yml`` that registers readers for formats of the team's own (`register_reader`).
    folder : pathlib.Path
        Where ``study.yml`` lies; `file` is its path. Neither is an entry of the file.
    """

    title: str
    name: Name
    team: tuple[TeamMember, ...] = ()
    registration: str | None = None
    description: str = ""
    programme: Programme | None = None
    waves: tuple[Wave, ...] = Field(min_length=1)
    design: Design
    scales: dict[Name, Scale] = Field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    groups: tuple[Group, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    responses: Responses = Responses()
    records: Records = Records()
    analysis: Analysis = Analysis()
    privacy: Privacy = Privacy()
    demo: Demo | None = None
    readers: str | None = None
    file: Path = Field(default=Path("study.yml"), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, raw: Any) -> Any:
        """A study that only measures has a design nevertheless."""
        return _without_programme(raw)

    @property
    def measures_only(self) -> bool:
        """Whether there is no programme and no outcome: the study asks how well its scales measure."""
        return self.programme is None

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.file.parent

    def wave(self, name: str) -> Wave:
        """The wave of that name (its existence is the caller's to check with `wave_names`)."""
        return self.waves[self.wave_names.index(name)]

    @property
    def wave_names(self) -> tuple[str, ...]:
        """Names of the waves in order."""
        return tuple(w.name for w in self.waves)

    def waves_until(self, name: str) -> tuple[Wave, ...]:
        """That wave and every earlier one."""
        return self.waves[: self.wave_names.index(name) + 1]

    @property
    def waves_before(self) -> tuple[str, ...]:
        """Names of the waves before the programme."""
        return tuple(w.name for w in self.waves if w.before_programme)

    def outcome(self, name: str) -> Outcome:
        """The outcome of that name."""
        return next(o for o in self.outcomes if o.name == name)

    def arm_label(self, arm: str) -> str:
        """What reports call an arm."""
        return self.design.assignment.labels.get(arm, arm.replace("_", " "))

    def measured(self, part: Scale | Outcome, wave: str) -> bool:
        """Whether a scale or an outcome is asked in that wave."""
        return not part.waves or wave in part.waves

    def scales_in(self, wave: str) -> dict[str, Scale]:
        """The scales asked in that wave."""
        return {name: scale for name, scale in self.scales.items() if self.measured(scale, wave)}

    def outcomes_in(self, wave: str) -> tuple[Outcome, ...]:
        """The outcomes measured in that wave, directly or through their scales."""
        return tuple(
            o
            for o in self.outcomes
            if self.measured(o, wave) and all(self.measured(self.scales[name], wave) for name in self.scales_of(o))
        )

    def scales_of(self, outcome: Outcome) -> tuple[str, ...]:
        """Names of the scales that an outcome is made of; none for a column of the files."""
        return outcome.positive or ((outcome.measure,) if outcome.measure in self.scales else ())

    @property
    def cluster_column(self) -> str | None:
        """The column of the level at which assignment was made."""
        design = self.design
        if design.assignment.level == "school":
            return design.school
        if design.assignment.level == "class" and design.class_ is not None:
            return design.class_
        return design.student
