"""From the raw files of every wave so far to one clean, pseudonymised table, with every row accounted for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from belonging_study.data.arms import settle_arms
from belonging_study.data.careless import CARELESS_RULES, careless_table
from belonging_study.data.checks.sample import require_sample
from belonging_study.data.checks.schema import check_table
from belonging_study.data.codebook.missing import missing_table
from belonging_study.data.codebook.table import codebook_table, codebook_values
from belonging_study.data.codebook.table_schema import codebook_schema
from belonging_study.data.codebook.variables import study_variables
from belonging_study.data.coding.problems import raise_all
from belonging_study.data.flow.waves import removal_steps, waves_flow
from belonging_study.data.groups import label_group
from belonging_study.data.linking.pseudonyms import pseudonymise
from belonging_study.data.linking.rates import wave_link_reasons, wave_links
from belonging_study.data.linking.self_codes import link_codes, separate_responses
from belonging_study.data.waves.all_waves import link_waves
from belonging_study.data.waves.files import COMPUTED
from belonging_study.data.waves.measures import prepare_wave
from belonging_study.data.waves.table import WaveTable
from belonging_study.errors import DataError, ParameterError, UnknownLabelError, UserError, ValueRangeError
from belonging_study.study.model import Start, Study
from belonging_study.study.names import nearest

__all__ = ["DESIGN_COLUMNS", "Cleaned", "Sampled", "clean_waves", "require_free_names", "sample_waves"]

DESIGN_COLUMNS = (
    "wave",
    "time",
    "student",
    "school",
    "classroom",
    "block",
    "arm",
    "programme",
    "post",
    "treated",
    "start_time",
    "moved",
)
"""Columns of the clean table that say who is where and when."""

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Cleaned:
    """Every wave so far, clean.

    Attributes
    ----------
    responses : pandas.DataFrame
        The analysis sample, one row a student and wave, sorted by wave, school, classroom and student: the columns of
        `DESIGN_COLUMNS` that the study has (identifiers as keyed codes), ``responded``, ``answered_share``,
        ``longstring``, ``irv``, ``careless``, ``duration_seconds`` where known, each group's column (labels), each
        covariate, each item (codes, not reversed) and each outcome's own column. Students who did not answer stay
        in, with missing answers.
    flow : pandas.DataFrame
        ``wave, stream, step, kind, label, arm, n_rows, n_students, n_clusters``. Streams ``survey``, ``roster`` and
        ``records`` follow the rows of the files, ``students`` the students from the roster to the sample; in each,
        for every arm, remaining = start - sum(excluded).
    missing : pandas.DataFrame
        See `missing_table`.
    careless : pandas.DataFrame
        See `careless_table`.
    codebook, codebook_values : pandas.DataFrame
        See `codebook_table` and `codebook_values`.
    codebook_schema : dict
        See `codebook_schema`.
    links : pandas.DataFrame
        See `links_table`.
    link_reasons : pandas.DataFrame
        See `link_reasons_table`; without rows where students have an identifier.
    """

    responses: pd.DataFrame
    flow: pd.DataFrame
    missing: pd.DataFrame
    careless: pd.DataFrame
    codebook: pd.DataFrame
    codebook_values: pd.DataFrame
    codebook_schema: dict[str, Any]
    links: pd.DataFrame
    link_reasons: pd.DataFrame


@dataclass(frozen=True)
class Sampled:
    """Who is analysed, before identifiers are put away; never written anywhere.

    Attributes
    ----------
    linked : dict
        Name of a wave to its `WaveTable`, linked by codes where the study has them.
    rows, design : pandas.DataFrame
        Every student and wave: the needed columns and ``@wave``, ``@time``, ``@removed``; and `settle_arms`.
    sample, placed : pandas.DataFrame
        The same for the analysis sample alone.
    flow : pandas.DataFrame
        See `waves_flow`.
    """

    linked: dict[str, WaveTable]
    rows: pd.DataFrame
    design: pd.DataFrame
    sample: pd.DataFrame
    placed: pd.DataFrame
    flow: pd.DataFrame


def clean_waves(study: Study, wave: str, *, raw: Path, key: bytes) -> Cleaned:
    r"""Clean the raw files of a wave and of every wave before it.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        Name of the last wave to take in.
    raw : pathlib.Path
        The raw data folder; nothing in it is changed.
    key : bytes
        The study's key (see `load_key`).

    Returns
    -------
    Cleaned
        The clean table and what happened on the way to it.

    Raises
    ------
    ParameterError
        If the study has no such wave.
    DataError
        Whatever is wrong with the files: missing columns, values that cannot be coded, repeated rows, arms that
        conflict, a sample left empty, an outcome that never varies; `DataProblems` where several things are.
    DesignError
        If a wave has no programme, or no comparison, cluster though the study has a comparison arm.

    Notes
    -----
    Students are analysed in the arm and the cluster to which they were first assigned (`settle_arms`). Exclusion
    rules apply row by row, in the order of ``study.yml``; a row is counted under the first that takes it out.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "w1.csv").write_text(
    ...     "student_id,school_id,arm,mark\n1,north,programme,4\n2,south,comparison,5\n3,south,,2\n"
    ... )
    >>> study = Study.model_validate({
    ...     "title": "A study", "name": "a", "programme": {"name": "P"},
    ...     "waves": [
    ...         {"name": "w1", "label": "", "date": "2026-01-01", "sources": [{"file": "w1.csv", "kind": "records"}]}
    ...     ],
    ...     "design": {"assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "mark", "measure": "mark", "label": "Mark"}],
    ... })
    >>> cleaned = clean_waves(study, "w1", raw=folder, key=bytes(32))
    >>> cleaned.responses.sort_values("mark")[["arm", "treated", "mark"]].values.tolist()
    [['programme', 1, 4.0], ['comparison', 0, 5.0]]
    >>> flow = cleaned.flow.query("stream == 'students' and arm == 'all' and kind != 'info'")
    >>> flow[["label", "n_rows"]].values.tolist()
    [['In the records', 3], ['No arm recorded', 1], ['No school or class recorded', 0], ['Analysis sample', 2]]
    """
    if wave not in study.wave_names:
        raise ParameterError(
            f"The study has no wave {wave}{nearest(wave, study.wave_names)}.",
            remedy=f"name one of {', '.join(study.wave_names)}.",
        )
    require_free_names(study)
    # Nothing here keeps the waves' tables: they go as soon as they are of no more use.
    return _cleaned(
        study,
        sample_waves(
            study, {n: _without_cells(one) for n, one in link_waves(study, study.waves_until(wave), raw).items()}
        ),
        key,
    )


def sample_waves(study: Study, linked: dict[str, WaveTable]) -> Sampled:
    """Settle who is analysed in waves whose files are brought together already.

    Parameters
    ----------
    study : Study
        The definition.
    linked : dict
        Name of a wave to its `WaveTable`, for every wave from the first on (see `link_waves`).

    Returns
    -------
    Sampled
        Still with identifiers: for `clean_waves` and for checks alone.

    Raises
    ------
    DataError, DesignError
        As `clean_waves`.
    """
    if study.design.linking is not None:
        linked = link_codes(study, linked)
    elif study.design.student is None:
        linked = separate_responses(linked)
    tables = []
    unknown: list[UserError] = []
    broken: list[UserError] = []
    for time, (name, one) in enumerate(linked.items()):
        table = prepare_wave(study, name, one)
        broken += [issue.problem for issue in check_table(study, name, one, table) if issue.severity == "error"]
        for group in study.groups:
            try:
                table[f"@{group.column}"] = label_group(table[group.column], group, where=one.where(group.column))
            except UnknownLabelError as error:
                unknown.append(error)
        table["@wave"], table["@time"] = name, time
        tables.append(_placed(study, table))
    raise_all(unknown)
    rows = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    tables.clear()
    design = _settle(study, rows, linked)
    raise_all(broken)
    cluster = _cluster(study, rows["student"], design)
    removed = removal_steps(study, rows["@removed"].to_numpy(dtype=int), design["problem"])
    counted = design[["programme", "moved", "other_arm"]].assign(
        wave=rows["@wave"], student=rows["student"], cluster=cluster, responded=rows["responded"]
    )
    flow = waves_flow(study, linked, counted, removed)
    inside = removed == 0
    # Where nobody is left out, no second table of a large wave is made.
    sample, placed = (rows, design) if inside.all() else (rows[inside], design[inside])
    placed = placed.assign(cluster=cluster)
    require_sample(study, linked, sample, placed, flow)
    return Sampled(linked, rows, design, sample, placed, flow)


def _cleaned(study: Study, sampled: Sampled, key: bytes) -> Cleaned:
    """Put identifiers away, and describe what is left."""
    linked, sample, last = sampled.linked, sampled.sample, list(sampled.linked)[-1]
    flags = [
        careless_table(sample.loc[(sample["@wave"] == name) & sample["responded"], list(CARELESS_RULES)], wave=name)
        for name in linked
        if study.scales_in(name)
    ]
    careless = pd.concat(flags, ignore_index=True) if flags else careless_table(sample.iloc[:0], wave=last)
    flow, variables, missing = sampled.flow, study_variables(study, linked), _missing(study, linked, sample)
    links, link_reasons = wave_links(study, linked, sampled.rows, sampled.design, key), wave_link_reasons(linked)
    responses = _responses(study, sample, sampled.placed, key)
    # All that is needed of the rows is in the clean table now; a large wave's would fill the memory once more.
    del sampled, linked, sample
    return Cleaned(
        responses=responses,
        flow=flow,
        missing=missing,
        careless=careless,
        codebook=codebook_table(responses, variables, minimum_cell=study.privacy.minimum_cell),
        codebook_values=codebook_values(responses, variables, missing),
        codebook_schema=codebook_schema(responses, variables),
        links=links,
        link_reasons=link_reasons,
    )


def require_free_names(study: Study) -> None:
    """Raise if a column of the study would overwrite one of the clean table, or show an identifier.

    Parameters
    ----------
    study : Study
        The definition.

    Raises
    ------
    DataError
        With the names.
    """
    design = study.design
    identifiers = {design.student, design.school, design.class_, design.assignment.blocks} - {None}
    taken = {*DESIGN_COLUMNS, *COMPUTED}
    mine = [item for scale in study.scales.values() for item in scale.items]
    mine += [outcome.measure for outcome in study.outcomes if outcome.measure not in study.scales]
    mine += [group.column for group in study.groups]
    extra = [name for name in study.analysis.covariates if name not in COMPUTED]
    wrong = sorted({name for name in [*mine, *extra] if name in taken or name in identifiers})
    repeated = sorted({g.column for g in study.groups if sum(g.column == o.column for o in study.groups) > 1})
    if wrong or repeated:
        raise DataError(
            f"These names cannot be items, outcomes, groups or covariates: {', '.join(wrong)}."
            if wrong
            else f"Two groups use one column: {', '.join(repeated)}.",
            where=study.file.name,
            remedy="give the column another name in study.yml, and the file's name under `columns:` of its files."
            if wrong
            else "name the column once for each group in study.yml, and the file's name under `columns:` of its files.",
        )


def _without_cells(one: WaveTable) -> WaveTable:
    """Let the files' own cells go: all that the study needs of them is coded."""
    files = (replace(file, export=replace(file.export, table=file.export.table.iloc[:0].copy())) for file in one.files)
    return replace(one, files=tuple(files))


def _placed(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Give the design's columns one name, whatever the study calls them."""
    design = study.design
    # Where nobody is without the programme, no column says who has it.
    one_arm = design.assignment.comparison is None
    placed = {
        "@school": "" if design.school is None else table[design.school],
        "@arm": design.assignment.programme[0] if one_arm else table[design.assignment.column],
    }
    if design.school is not None and design.class_ is not None:
        placed["@classroom"] = table[design.school] + _SEPARATOR + table[design.class_]
    if design.assignment.blocks is not None:
        placed["@block"] = table[design.assignment.blocks]
    if isinstance(design.assignment.starts, Start):
        placed["@start"] = table[design.assignment.starts.column]
    return table.assign(**placed)


def _settle(study: Study, rows: pd.DataFrame, linked: dict[str, WaveTable]) -> pd.DataFrame:
    names = [n for n in ("wave", "time", "school", "classroom", "arm", "start", "block") if f"@{n}" in rows]
    seen = pd.DataFrame({name: rows[f"@{name}"] for name in names})
    seen["student"], seen["excluded"] = rows["student"], rows["@removed"] > 0
    assignment = study.design.assignment
    column = study.design.school if assignment.comparison is None else assignment.column
    return settle_arms(seen, study, {name: one.where(str(column)) for name, one in linked.items()})


def _cluster(study: Study, student: pd.Series, design: pd.DataFrame) -> pd.Series:
    level = study.design.assignment.level
    if level == "student":
        return student
    return design["school" if level == "school" else "classroom"]


def _responses(study: Study, rows: pd.DataFrame, design: pd.DataFrame, key: bytes) -> pd.DataFrame:
    """Put the clean table together; no identifier leaves this function."""
    out = pd.DataFrame({"wave": rows["@wave"], "time": rows["@time"].astype(int)})
    # Without a panel one identifier in two waves is two students.
    who = rows["student"] if study.design.panel else rows["@wave"] + _SEPARATOR + rows["student"]
    out["student"] = pseudonymise(who, "student", key).astype("str")
    for name, kind in (("school", "school"), ("classroom", "classroom"), ("block", "block")):
        if name in design and study.design.school is not None:
            out[name] = pseudonymise(design[name], kind, key).astype("str")
    if not study.measures_only:
        out["arm"] = design["arm"].astype("str")
        for name in ("programme", "post", "treated"):
            out[name] = design[name].astype(int)
        out["start_time"] = design["start_time"].astype(float)
    if study.design.school is not None:
        out["moved"] = design["moved"].astype(bool)
    for name in COMPUTED:
        if name in rows:
            out[name] = rows[name]
    out[["responded", "careless"]] = out[["responded", "careless"]].astype(bool)
    for group in study.groups:
        out[group.column] = rows[f"@{group.column}"].astype("str")
    wanted = [name for name in study.analysis.covariates if name in rows]
    wanted += [item for scale in study.scales.values() for item in scale.items]
    wanted += [outcome.measure for outcome in study.outcomes if not study.scales_of(outcome)]
    order = [name for name in ("time", "school", "classroom", "student") if name in out]
    out = out.sort_values(order, kind="stable")
    # The answers come in sorted, column by column: of a large wave no second copy is made.
    columns = {
        name: _column(study, rows[name]).reindex(out.index)
        for name in dict.fromkeys(wanted)
        if name in rows and name not in out
    }
    answers = pd.DataFrame(columns, index=out.index, copy=False)
    return pd.concat([out, answers], axis=1).reset_index(drop=True)


def _column(study: Study, column: pd.Series) -> pd.Series:
    """Make numbers float; a covariate that is a number in one wave is one in all."""
    if column.name not in study.analysis.covariates:
        return column.astype(float)
    numbers = pd.to_numeric(column, errors="coerce")
    spoilt = int((numbers.isna() & column.notna()).sum())
    if not spoilt:
        return numbers.astype(float)
    if not pd.api.types.is_string_dtype(column):
        raise ValueRangeError(
            f"{spoilt} of {int(column.notna().sum())} values of the covariate {column.name} are not numbers.",
            where=f"column {column.name}",
            remedy="give it numbers in every wave, or categories in every wave.",
        )
    return column.astype("str")


def _missing(study: Study, linked: dict[str, WaveTable], rows: pd.DataFrame) -> pd.DataFrame:
    """Count missing values by wave and column."""
    labels = {group.column: group.label for group in study.groups}
    labels |= {name: name for name in study.analysis.covariates if name not in labels}
    labels |= {item: text or item for scale in study.scales.values() for item, text in scale.items.items()}
    labels |= {o.measure: o.label for o in study.outcomes if not study.scales_of(o)}
    tables = []
    for name, one in linked.items():
        sample = rows[rows["@wave"] == name] if len(linked) > 1 else rows
        here = {column: label for column, label in labels.items() if column in one.owner}
        declared: dict[str, dict[str, int]] = {}
        answered: dict[str, dict[str, int]] = {}
        for file in one.files:
            for column in here:
                if file.source.kind == one.owner[column] and column in file.columns:
                    given = file.answered.get(column, {})
                    for counts, found in (
                        (declared, file.export.missing_counts.get(file.columns[column], {})),
                        (answered, given),
                    ):
                        reasons = counts.setdefault(column, {})
                        reasons.update({reason: reasons.get(reason, 0) + n for reason, n in found.items()})
        tables.append(
            missing_table(
                sample,
                here,
                {column: sample[f"in_{one.owner[column]}"].astype(bool) for column in here},
                [column for column in here if one.owner[column] == "survey"],
                declared,
                wave=name,
                answered=answered,
            )
        )
    return pd.concat(tables, ignore_index=True)
