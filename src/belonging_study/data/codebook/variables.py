"""The variables of the clean table: what each is called, what was asked, what its values mean, where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from belonging_study.data.codebook.missing import LEFT_EMPTY
from belonging_study.data.linking.codes import NOT_LINKED, linked_reason
from belonging_study.data.linking.self_codes import FIRST_WAVE
from belonging_study.data.registers import REGISTERS, register_measures
from belonging_study.data.waves.files import WaveFile
from belonging_study.data.waves.table import WaveTable
from belonging_study.study.model import Outcome, Scale, Study
from belonging_study.study.units import unit_of

__all__ = ["Variable", "study_variables"]

_MOST_ANSWERS = 11
_YES_NO: dict[float | str, str] = {1: "yes", 0: "no"}


@dataclass(frozen=True)
class Variable:
    """One column of the clean table.

    Attributes
    ----------
    name, label : str
        Its name, and what to call it in a table.
    question : str
        The wording of the question, where there is one.
    type : str
        ``"code"`` (a pseudonym), ``"text"``, ``"number"``, ``"binary"``, ``"count"``, ``"yes/no"`` or ``"covariate"``.
    values : str
        What its values mean.
    source : str
        Where it comes from in each wave, or how it is computed.
    levels : dict
        Every value that it can have to its label (empty where there is none); empty where the values are not coded.
    minimum, maximum : float, optional
        The smallest and largest value that it can have, where that is known before any data.
    required : bool
        No row is without it.
    survey : bool
        It is computed from the survey's answers.
    absent : str
        What a missing value means that no file explains.
    counted : bool
        False where a table of its own counts the values.
    """

    name: str
    label: str
    question: str = ""
    type: str = "number"
    values: str = ""
    source: str = ""
    levels: dict[float | str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    survey: bool = False
    absent: str = LEFT_EMPTY
    counted: bool = True


def study_variables(study: Study, waves: Mapping[str, WaveTable]) -> list[Variable]:
    """List the variables of a study's clean table with their wording, values and source.

    Parameters
    ----------
    study : Study
        The definition.
    waves : mapping of str to WaveTable
        Wave to its files as linked.

    Returns
    -------
    list of Variable
        Design, computed columns, groups, covariates, items by scale, and outcomes' own columns, in that order.
    """
    variables = [*_design(study, waves), *_computed(), *_links(study)]
    for group in study.groups:
        values = "; ".join(f"{raw} = {label}" for raw, label in group.values.items())
        variables.append(
            Variable(
                group.column,
                group.label,
                _question(group.column, waves),
                "text",
                values,
                _source(group.column, waves),
                levels=dict.fromkeys(group.values.values(), ""),
            )
        )
    known = {variable.name for variable in variables}
    for name in study.analysis.covariates:
        if name not in known and name not in study.scales:
            variables.append(Variable(name, name, _question(name, waves), "covariate", "", _source(name, waves)))
    for scale in study.scales.values():
        variables += [_item(scale, item, waves) for item in scale.items]
    variables += [_measure(study, outcome, waves) for outcome in study.outcomes if not study.scales_of(outcome)]
    unique = list({variable.name: variable for variable in reversed(variables)}.values())[::-1]
    return [_of_register(study, variable, waves) for variable in unique]


def _design(study: Study, waves: Mapping[str, WaveTable]) -> Iterator[Variable]:
    """The columns that say who is where and when."""
    assignment, rule = study.design.assignment, "keyed code of the identifier"
    row = "keyed code of the row’s place in its file"
    other = [] if assignment.comparison is None else [assignment.comparison]
    arms = "; ".join([*assignment.programme, *(f"{name} (comparison)" for name in other)])
    yes_no = "1 = yes; 0 = no"
    yield Variable(
        "wave",
        "Wave",
        type="text",
        values="; ".join(f"{w.name} = {w.label}" for w in study.waves if w.name in waves),
        levels={w.name: w.label for w in study.waves if w.name in waves},
        required=True,
    )
    yield Variable("time", "Number of the wave, from 0", minimum=0, maximum=len(waves) - 1, required=True)
    yield Variable(
        "student",
        "Student",
        type="code",
        source=rule if study.design.student or study.design.linking else row,
        required=True,
    )
    yield Variable("school", "School (where first assigned)", type="code", source=rule)
    yield Variable("classroom", "Class, within school", type="code", source=rule)
    yield Variable("block", "Block of the assignment", type="code", source=rule)
    yield Variable(
        "arm",
        "Arm as assigned",
        type="text",
        values=arms,
        source=_source(assignment.column, waves),
        levels={arm: study.arm_label(arm) for arm in (*assignment.programme, *other)},
        required=True,
    )
    for name, label in (
        ("programme", "In a programme arm"),
        ("post", "At or after the start of the programme"),
        ("treated", "Programme arm, at or after its start"),
    ):
        yield Variable(name, label, type="binary", values=yes_no, levels=_YES_NO, required=True)
    yield Variable(
        "start_time",
        "Number of the first wave with the programme",
        values="missing = comparison",
        minimum=0,
        absent="comparison arm",
    )
    yield Variable("moved", "Seen elsewhere than where first assigned", type="yes/no", required=True)


def _computed() -> Iterator[Variable]:
    """The columns that say how the survey was answered."""
    yield Variable("responded", "Answered the survey of the wave", type="yes/no", required=True)
    for name, label, unit, low, high in (
        ("answered_share", "Share of the survey's items answered", "0 to 1", 0.0, 1.0),
        ("longstring", "Longest run of identical answers within a scale", "items", 1.0, None),
        ("irv", "Standard deviation of the raw answers to the longest scale", "", 0.0, None),
    ):
        yield Variable(name, label, values=unit, minimum=low, maximum=high, survey=True)
    yield Variable("careless", "Any sign of careless answering", type="yes/no", required=True)
    yield Variable("duration_seconds", "Time taken for the survey", values="seconds", survey=True)


def _links(study: Study) -> Iterator[Variable]:
    """Why a response is linked by the code that its student made, and how surely."""
    linking = study.design.linking
    if linking is not None:
        reasons = [FIRST_WAVE, *(linked_reason(k) for k in range(linking.maximum_changes + 1)), *NOT_LINKED]
        label = "Chance that no other code of the school is as near as the linked one"
        # Counted by wave in a table of its own, which tells small reasons together.
        link = Variable("link_reason", "Link to earlier waves", type="text", values="; ".join(reasons), required=True)
        yield replace(link, counted=False)
        yield Variable(
            "link_quality", label, values="0 to 1", minimum=0.0, maximum=1.0, absent="not linked to an earlier wave"
        )


def _item(scale: Scale, item: str, waves: Mapping[str, WaveTable]) -> Variable:
    """An item as answered."""
    key = "reverse-keyed; " if item in scale.reverse else ""
    width = scale.maximum - scale.minimum
    levels: dict[float | str, str] = {scale.minimum + i: label for i, label in enumerate(scale.labels)}
    if not levels and scale.minimum % 1 == 0 and width % 1 == 0 and width < _MOST_ANSWERS:
        levels = {scale.minimum + i: "" for i in range(int(width) + 1)}
    form = "; ".join(f"{scale.minimum + i:g} = {label}" for i, label in enumerate(scale.labels))
    return Variable(
        item,
        scale.label,
        scale.items[item] or _question(item, waves),
        "number",
        key + (form or f"{scale.minimum:g} to {scale.maximum:g}"),
        _source(item, waves),
        levels=levels,
        minimum=scale.minimum,
        maximum=scale.maximum,
    )


def _measure(study: Study, outcome: Outcome, waves: Mapping[str, WaveTable]) -> Variable:
    """An outcome's own column."""
    name, binary = outcome.measure, outcome.kind == "binary"
    values = unit_of(study, outcome).in_tables
    levels: dict[float | str, str] = {}
    if binary:
        levels = dict(_YES_NO) if outcome.values is None else {0: outcome.values[0], 1: outcome.values[1]}
        values = "; ".join(f"{value} = {label}" for value, label in levels.items())
    low, high = outcome.range or (0 if outcome.kind == "count" else None, None)
    return Variable(
        name,
        outcome.label,
        _question(name, waves),
        {"continuous": "number", "binary": "binary", "count": "count"}[outcome.kind],
        values,
        _source(name, waves),
        levels=levels,
        minimum=low,
        maximum=high,
    )


def _places(name: str, waves: Mapping[str, WaveTable]) -> Iterator[tuple[str, WaveFile]]:
    """Give the wave and file of every place that a column came from."""
    for wave, one in waves.items():
        for file in one.files:
            if name in file.columns and file.source.kind == one.owner.get(name):
                yield wave, file


def _source(name: str, waves: Mapping[str, WaveTable]) -> str:
    return "; ".join(
        f"{wave}: {file.source.file}" + (f", {file.columns[name]}" if file.columns[name] != name else "")
        for wave, file in _places(name, waves)
    )


def _of_register(study: Study, variable: Variable, waves: Mapping[str, WaveTable]) -> Variable:
    """Say how a measure of a register is computed; any other variable stays as it is."""
    kind, measure = register_measures(study, REGISTERS).get(variable.name, (None, None))
    if measure is None or all(one.owner.get(variable.name) != kind for one in waves.values()):
        return variable
    parts = [
        f"{wave}: {one.where(variable.name)} ({measure.how})"
        if one.owner.get(variable.name) == kind
        else _source(variable.name, {wave: one})
        for wave, one in waves.items()
    ]
    return replace(
        variable,
        label=measure.label if variable.label == variable.name else variable.label,
        values=variable.values if variable.type == "text" else measure.values,
        source="; ".join(filter(None, parts)),
    )


def _question(name: str, waves: Mapping[str, WaveTable]) -> str:
    """Give the wording that the last file with one has."""
    wordings = [file.export.questions.get(file.columns[name], "") for _, file in _places(name, waves)]
    return next((wording for wording in reversed(wordings) if wording), "")
