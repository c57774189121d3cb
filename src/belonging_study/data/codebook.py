"""What each variable of the clean table is, and how it is distributed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from belonging_study.data.wave_files import WaveFile
from belonging_study.data.wave_table import WaveTable
from belonging_study.study.model import Study

__all__ = ["Variable", "codebook_table", "study_variables"]


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
    """

    name: str
    label: str
    question: str = ""
    type: str = "number"
    values: str = ""
    source: str = ""


def codebook_table(sample: pd.DataFrame, variables: Sequence[Variable]) -> pd.DataFrame:
    """Describe the variables of the analysis sample.

    Parameters
    ----------
    sample : pandas.DataFrame
        The analysis sample of every wave.
    variables : sequence of Variable
        Its columns, in the order wanted; one that `sample` has not is left out.

    Returns
    -------
    pandas.DataFrame
        One row a variable: ``variable, label, question, type, values, source, n, n_missing, mean, sd, minimum,
        maximum``; the last four (``sd`` with n - 1) are missing for codes and text.

    Examples
    --------
    >>> table = codebook_table(pd.DataFrame({"q": [1.0, 3.0, None]}), [Variable("q", "Q")])
    >>> table[["n", "n_missing", "mean", "minimum", "maximum"]].values.tolist()
    [[2.0, 1.0, 2.0, 1.0, 3.0]]
    """
    lines = []
    for variable in variables:
        if variable.name not in sample:
            continue
        column = sample[variable.name]
        n = int(column.notna().sum())
        measured = variable.type not in {"code", "text"} and pd.api.types.is_numeric_dtype(column)
        numbers = column.astype(float) if measured else pd.Series(dtype=float)
        lines.append(
            {
                "variable": variable.name,
                "label": variable.label,
                "question": variable.question,
                "type": variable.type,
                "values": variable.values,
                "source": variable.source,
                "n": n,
                "n_missing": len(column) - n,
                "mean": numbers.mean(),
                "sd": numbers.std() if len(numbers) > 1 else np.nan,
                "minimum": numbers.min(),
                "maximum": numbers.max(),
            }
        )
    return pd.DataFrame(lines)


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
    assignment, rule = study.design.assignment, "keyed code of the identifier"
    arms = "; ".join([*assignment.programme, f"{assignment.comparison} (comparison)"])
    variables = [
        Variable("wave", "Wave", type="text", values="; ".join(f"{w.name} = {w.label}" for w in study.waves)),
        Variable("time", "Number of the wave, from 0"),
        Variable("student", "Student", type="code", source=rule),
        Variable("school", "School (where first assigned)", type="code", source=rule),
        Variable("classroom", "Class, within school", type="code", source=rule),
        Variable("block", "Block of the assignment", type="code", source=rule),
        Variable("arm", "Arm as assigned", type="text", values=arms, source=_source(assignment.column, waves)),
        Variable("programme", "In a programme arm", type="binary", values="1 = yes; 0 = no"),
        Variable("post", "At or after the start of the programme", type="binary", values="1 = yes; 0 = no"),
        Variable("treated", "Programme arm, at or after its start", type="binary", values="1 = yes; 0 = no"),
        Variable("start_time", "Number of the first wave with the programme", values="missing = comparison"),
        Variable("moved", "Seen elsewhere than where first assigned", type="yes/no"),
        Variable("responded", "Answered the survey of the wave", type="yes/no"),
        Variable("answered_share", "Share of the survey's items answered", values="0 to 1"),
        Variable("longstring", "Longest run of identical answers within a scale", values="items"),
        Variable("irv", "Standard deviation of the raw answers to the longest scale"),
        Variable("careless", "Any sign of careless answering", type="yes/no"),
        Variable("duration_seconds", "Time taken for the survey", values="seconds"),
    ]
    for group in study.groups:
        values = "; ".join(f"{raw} = {label}" for raw, label in group.values.items())
        variables.append(
            Variable(
                group.column, group.label, _question(group.column, waves), "text", values, _source(group.column, waves)
            )
        )
    known = {variable.name for variable in variables}
    for name in study.analysis.covariates:
        if name not in known and name not in study.scales:
            variables.append(Variable(name, name, _question(name, waves), "covariate", "", _source(name, waves)))
    for scale in study.scales.values():
        for item, wording in scale.items.items():
            key = "reverse-keyed; " if item in scale.reverse else ""
            form = "; ".join(f"{scale.minimum + i:g} = {label}" for i, label in enumerate(scale.labels))
            form = form or f"{scale.minimum:g} to {scale.maximum:g}"
            question = wording or _question(item, waves)
            variables.append(Variable(item, scale.label, question, "number", key + form, _source(item, waves)))
    for outcome in study.outcomes:
        if outcome.measure not in study.scales:
            values = "1 = yes; 0 = no" if outcome.kind == "binary" else outcome.unit
            if outcome.values is not None:
                values = f"0 = {outcome.values[0]}; 1 = {outcome.values[1]}"
            type_ = {"continuous": "number", "binary": "binary", "count": "count"}[outcome.kind]
            measure = outcome.measure
            variables.append(
                Variable(measure, outcome.label, _question(measure, waves), type_, values, _source(measure, waves))
            )
    return list({variable.name: variable for variable in reversed(variables)}.values())[::-1]


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


def _question(name: str, waves: Mapping[str, WaveTable]) -> str:
    """Give the wording that the last file with one has."""
    wordings = [file.export.questions.get(file.columns[name], "") for _, file in _places(name, waves)]
    return next((wording for wording in reversed(wordings) if wording), "")
