"""The multilevel model of a programme's effect, or of one group's change, that fits the design."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from belonging_study.effects.checks import require_columns
from belonging_study.effects.multilevel import MultilevelResult, contrast, multilevel
from belonging_study.errors import DesignError, DuplicateRowsError, ParameterError

__all__ = ["ProgrammeModel", "change_model", "programme_model"]

_LEVELS = ("cluster", "klass", "unit")


@dataclass(frozen=True)
class ProgrammeModel:
    """A programme's effect, or a group's change, by a multilevel model.

    Attributes
    ----------
    formula : str
        The model that the design called for, in lme4's form.
    effects : DataFrame
        ``term, contrast, group, estimate, std_error, df, statistic, p_value, conf_low, conf_high`` in units of the
        outcome: one row, or with ``group`` one row a group level (``contrast`` is ``effect``) and one a difference
        from the first level (``contrast`` is ``difference``).
    n_students : int or None
        Students used; None where ``unit`` was not named.
    n_clusters_treated, n_clusters_comparison : int
        Clusters with rows in each arm (the same cluster may be in both where assignment was inside clusters).
    result : MultilevelResult
        The fit behind it.
    note : str
        How the model was chosen, and what the fit's own note says.
    """

    formula: str
    effects: pd.DataFrame
    n_students: int | None
    n_clusters_treated: int
    n_clusters_comparison: int
    result: MultilevelResult
    note: str


def programme_model(
    data: pd.DataFrame,
    *,
    outcome: str,
    programme: str,
    cluster: str,
    post: str | None = None,
    wave: str | None = None,
    klass: str | None = None,
    unit: str | None = None,
    covariates: tuple[str, ...] = (),
    group: str | None = None,
    slope_level: str = "cluster",
    conf_level: float = 0.95,
) -> ProgrammeModel:
    """Fit the multilevel model that a programme's design calls for.

    With rows before and after the programme the effect is the difference in change, ``programme:post``; with more
    than two waves the waves are fixed effects in place of ``post``. With rows of one period alone the effect is the
    difference between arms, ``programme``, which rests on the arms having been alike.
    The level of assignment has a random intercept and, with two periods, a random slope for ``post``: schools change
    by different amounts without any programme, and a model that leaves this out takes their chance differences for
    an effect. Classes and students have random intercepts where they repeat. Class labels are read within their
    cluster, so that class 1 of two clusters is two classes.
    Rows with a missing value in any column named are left out and counted in ``result``.

    Parameters
    ----------
    data : DataFrame, shape (n_rows, n_columns)
        One row a student and wave.
    outcome, programme, cluster : str
        Columns: a number; 0 or 1 for the arm (of every wave, also before the programme); the school.
    post : str, optional
        Column with 0 before and 1 after the programme's start, the same for both arms of a wave.
    wave : str, optional
        Column of waves; needed where there are more than two.
    klass, unit : str, optional
        Columns of class and of student.
    covariates : tuple of str
        Columns to adjust for.
    group : str, optional
        Column whose levels get an effect each, from one model with interactions.
    slope_level : {"cluster", "klass", "unit"}
        The level at which the programme was assigned. At ``"unit"`` no slope is fitted (two waves cannot tell it from
        the residual); the effect is then that in these schools, not in schools at large.
    conf_level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    ProgrammeModel

    Raises
    ------
    ParameterError
        An unknown ``slope_level``, or one whose column was not named.
    DesignError
        ``programme`` or ``post`` is not 0 or 1, one arm is absent, ``post`` differs within a wave, the programme
        varies within a level at which it is said to be assigned, or a group has one level.
    DuplicateRowsError
        A student has several rows in a wave.
    ColumnMissingError, ValueRangeError
        As in :func:`belonging_study.effects.multilevel.multilevel`.

    Notes
    -----
    The random slope at the level of assignment follows Barr, Levy, Scheepers & Tily (2013, Journal of Memory and
    Language 68:255-278): the effect's own variation over the units that were assigned belongs in the model.
    With ``group``, schools differ in their change but not in their groups' differences in change: an interval of a
    difference between groups is for these schools.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(2)
    >>> data = pd.DataFrame({"school": np.repeat(np.arange(10), 40), "post": np.tile([0, 1], 200)})
    >>> data["programme"] = data["school"] % 2
    >>> data["belonging"] = 3 + 0.4 * data["programme"] * data["post"] + rng.normal(0, 0.1, 400)
    >>> model = programme_model(data, outcome="belonging", programme="programme", post="post", cluster="school")
    >>> model.formula
    'belonging ~ programme*post + (1 + post | school)'
    >>> model.effects[["term", "estimate"]].round(1).to_dict("records")
    [{'term': 'programme:post', 'estimate': 0.4}]
    """
    if slope_level not in _LEVELS:
        raise ParameterError(f"slope_level is {slope_level!r}", remedy=f"choose one of {', '.join(_LEVELS)}.")
    assigned = {"cluster": cluster, "klass": klass, "unit": unit}[slope_level]
    if assigned is None:
        raise ParameterError(
            f"the programme is said to be assigned by {slope_level}, and no column was named for it",
            remedy=f"name the column: {slope_level}=…",
        )
    optional = [c for c in (post, wave, klass, unit, group) if c is not None]
    named = list(dict.fromkeys([outcome, programme, cluster, *optional, *covariates]))
    require_columns(data, tuple(named))
    frame, class_column = _within_cluster(data, cluster, klass)
    assigned = class_column if slope_level == "klass" and class_column else assigned
    if unit is not None and wave is not None:
        _require_one_row(frame, unit, wave)
    _require_binary(frame, programme)
    _require_constant(frame, programme, assigned)

    has_change = post is not None and _require_binary(frame, post, allow_constant=True)
    if post is not None and not has_change and (frame[post].dropna() == 0).all():
        raise DesignError(f"column {post!r} is 0 in every row", remedy="an effect needs a wave after the start.")
    time, frame = _time_terms(frame, post, wave, has_change=has_change)
    fixed = _fixed_terms(programme, post if has_change else None, time, group)
    complete = frame.dropna(subset=named)
    random, notes = _random_terms(complete, (cluster, class_column, unit), post if has_change else None, assigned)
    if group is not None:
        frame = frame.assign(**{group: _as_levels(frame[group])})
        if frame[group].nunique() < 2:
            raise DesignError(f"the group {group!r} has one level", remedy="leave group out.")
    formula = f"{_quoted(outcome)} ~ {' + '.join([*fixed, *map(_quoted, covariates), *random])}"
    result = multilevel(formula, frame, conf_level=conf_level)

    term = f"{programme}:{post}" if has_change else programme
    if not has_change:
        notes.insert(0, "There is no wave before the programme: the effect is the difference between arms.")
    effects = _effects(result, term, group)
    arm_of_cluster = result.frame.groupby(cluster, observed=True)[programme].max()
    return ProgrammeModel(
        formula=formula,
        effects=effects,
        n_students=int(complete[unit].nunique()) if unit is not None else None,
        n_clusters_treated=int((arm_of_cluster == 1).sum()),
        n_clusters_comparison=int((result.frame.groupby(cluster, observed=True)[programme].min() == 0).sum()),
        result=result,
        note=" ".join([*notes, result.note]).strip(),
    )


def change_model(
    data: pd.DataFrame,
    *,
    outcome: str,
    post: str,
    cluster: str,
    klass: str | None = None,
    unit: str | None = None,
    slope_level: str = "cluster",
    conf_level: float = 0.95,
) -> ProgrammeModel:
    """Fit the multilevel model of a change that everybody may have had, because nobody was without the programme.

    Parameters
    ----------
    data : DataFrame, shape (n_rows, n_columns)
        One row a student and wave, of two waves.
    outcome, post, cluster : str
        Columns: a number; 0 in the earlier and 1 in the later wave; the school.
    klass, unit : str, optional
        Columns of class and of student (in a panel).
    slope_level : {"cluster", "klass", "unit"}
        The level at which the programme was given; its units may change by different amounts.
    conf_level : float, default 0.95
        Level of the intervals.

    Returns
    -------
    ProgrammeModel
        One row with the term `post`. A level with one unit has no random effect, and the note says so. Nobody is in
        comparison, so ``n_clusters_comparison`` is 0. Rows with a missing value are left out.

    Raises
    ------
    DesignError
        ``post`` is not 0 or 1, or is the same in every row, or nothing repeats that could vary.
    DuplicateRowsError
        A student has several rows in a wave.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(2)
    >>> data = pd.DataFrame({"school": np.repeat(np.arange(10), 40), "post": np.tile([0, 1], 200)})
    >>> data["belonging"] = 3 + 0.4 * data["post"] + rng.normal(0, 0.1, 400)
    >>> model = change_model(data, outcome="belonging", post="post", cluster="school")
    >>> model.formula, model.effects["estimate"].round(1).tolist()
    ('belonging ~ post + (1 + post | school)', [0.4])
    """
    named = [outcome, post, cluster, *(name for name in (klass, unit) if name is not None)]
    require_columns(data, tuple(named))
    frame, class_column = _within_cluster(data, cluster, klass)
    if unit is not None:
        _require_one_row(frame, unit, post)
    if not _require_binary(frame, post, allow_constant=True):
        raise DesignError(f"column {post!r} is the same in every row", remedy="a change needs two waves.")
    complete = frame.dropna(subset=named)
    assigned = {"cluster": cluster, "klass": class_column or cluster, "unit": unit or cluster}[slope_level]
    random, notes = _random_terms(complete, (cluster, class_column, unit), post, assigned)
    if complete[cluster].nunique() < 2:
        notes.append(f"There is one {cluster!r}, which has no random effect.")
        random = random[1:]
    if not random:
        raise DesignError("no level repeats, so that nothing could vary", remedy="compare the two waves' means.")
    formula = f"{_quoted(outcome)} ~ {_quoted(post)} + {' + '.join(random)}"
    result = multilevel(formula, frame, conf_level=conf_level)
    return ProgrammeModel(
        formula=formula,
        effects=_effects(result, post, None),
        n_students=int(complete[unit].nunique()) if unit is not None else None,
        n_clusters_treated=int(complete[assigned if assigned != unit else cluster].nunique()),
        n_clusters_comparison=0,
        result=result,
        note=" ".join([*notes, result.note]).strip(),
    )


def _quoted(name: str) -> str:
    """A column name as the formula needs it."""
    plain = name.replace("_", "a").replace(".", "a")
    return name if plain.isalnum() and not plain[0].isdigit() else f"`{name}`"


def _within_cluster(data: pd.DataFrame, cluster: str, klass: str | None) -> tuple[pd.DataFrame, str | None]:
    """A copy in which class labels belong to their cluster."""
    frame = data.reset_index(drop=True)
    if klass is None:
        return frame, None
    missing = frame[[cluster, klass]].isna().any(axis=1)
    pair = frame.groupby([cluster, klass], observed=True, sort=False).ngroup().astype("Int64")
    return frame.assign(**{klass: pair.mask(missing)}), klass


def _require_one_row(frame: pd.DataFrame, unit: str, wave: str) -> None:
    """A student has one row in a wave."""
    n_repeated = int(frame.dropna(subset=[unit, wave]).duplicated([unit, wave]).sum())
    if n_repeated:
        raise DuplicateRowsError(
            f"{n_repeated} rows repeat a {unit!r} and {wave!r} that another row holds",
            remedy="keep one row a student and wave; where student numbers start again in each school, make them "
            "unique first.",
        )


def _require_binary(frame: pd.DataFrame, column: str, *, allow_constant: bool = False) -> bool:
    """Refuse a column that is not 0/1; say whether both values occur."""
    values = set(frame[column].dropna().unique())
    if not values <= {0, 1}:
        raise DesignError(
            f"column {column!r} holds {len(values)} values, and not 0 and 1 alone",
            remedy="code it 0 and 1; for more arms fit each against the comparison arm.",
        )
    if len(values) < 2 and not allow_constant:
        raise DesignError(f"column {column!r} has one arm only", remedy="an effect needs a comparison arm.")
    return len(values) == 2


def _require_constant(frame: pd.DataFrame, programme: str, level: str) -> None:
    """The programme is the same in all rows of a unit of assignment."""
    by_level = frame.groupby(level, observed=True)[programme]
    n_mixed = int((by_level.max() != by_level.min()).sum())
    if n_mixed:
        raise DesignError(
            f"{n_mixed} levels of {level!r} are in both arms, though the programme is said to be assigned by {level!r}",
            remedy=f"column {programme!r} must give the arm in every wave, also before the start; otherwise set "
            "slope_level to the level of assignment.",
        )


def _time_terms(
    frame: pd.DataFrame, post: str | None, wave: str | None, *, has_change: bool
) -> tuple[str | None, pd.DataFrame]:
    """The column whose main effect carries time, as a factor where it has more than two waves."""
    if wave is None:
        return (post if has_change else None), frame
    n_waves = frame[wave].nunique()
    if has_change and post is not None:
        by_wave = frame.groupby(wave, observed=True)[post]
        if bool((by_wave.max() != by_wave.min()).any()):
            raise DesignError(
                f"column {post!r} is 0 and 1 within one wave",
                remedy="it marks the period for both arms; for a staggered start estimate effects by cohort.",
            )
    if n_waves < 2 or (has_change and n_waves == 2):
        return (post if has_change else None), frame
    return wave, frame.assign(**{wave: _as_levels(frame[wave])})


def _as_levels(column: pd.Series) -> pd.Series:
    """A factor whose first level, in sorted or declared order, is the reference."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if pd.api.types.is_float_dtype(column.dtype) and bool((column.dropna() % 1 == 0).all()):
        # A missing value turns whole numbers into floats; their labels stay 1, 2, 3.
        return column.astype("Int64").astype("category")
    return column.astype("category")


def _fixed_terms(programme: str, post: str | None, time: str | None, group: str | None) -> list[str]:
    """Fixed part: arms, time, their interaction, and all of it by group."""
    arm, by = _quoted(programme), f"*{_quoted(group)}" if group is not None else ""
    if post is None:
        return [f"{arm}{by}"] + ([f"{_quoted(time)}{by}"] if time is not None else [])
    if time == post:
        return [f"{arm}*{_quoted(post)}{by}"]
    terms = [f"{arm}{by}", f"{_quoted(str(time))}{by}", f"{arm}:{_quoted(post)}"]
    return terms + ([f"{arm}:{_quoted(post)}:{_quoted(group)}"] if group is not None else [])


def _random_terms(
    frame: pd.DataFrame, columns: tuple[str, str | None, str | None], post: str | None, assigned: str
) -> tuple[list[str], list[str]]:
    """Random part, and in words what was left out of it."""
    cluster, klass, unit = columns
    notes: list[str] = []
    kept = [cluster]
    for name, larger in ((klass, cluster), (unit, None)):
        if name is None:
            continue
        n_levels, n_present = frame[name].nunique(), int(frame[name].notna().sum())
        if n_levels == n_present:
            notes.append(f"{name!r} has one row a level and no random intercept of its own.")
        elif larger is not None and n_levels == frame[larger].nunique():
            notes.append(f"Each {larger!r} has one {name!r}, which has no random intercept of its own.")
            assigned = larger if assigned == name else assigned
        else:
            kept.append(name)
    slope = f"1 + {_quoted(post)}" if post is not None else "1"
    with_slope = assigned if assigned != unit else None
    return [f"({slope if name == with_slope else '1'} | {_quoted(name)})" for name in kept], notes


def _effects(result: MultilevelResult, term: str, group: str | None) -> pd.DataFrame:
    """One row, or a row a group level and a row a difference from the first."""
    if group is None:
        table = contrast(result, {term: {term: 1.0}})
        labels: list[tuple[str, str, str]] = [(term, "effect", "")]
    else:
        levels = [str(level) for level in result.frame[group].cat.categories]
        extra = {level: f"{term}:{group}{level}" for level in levels[1:]}
        weights = {level: {term: 1.0, **({extra[level]: 1.0} if level in extra else {})} for level in levels}
        differences = {f"{level} - {levels[0]}": {extra[level]: 1.0} for level in levels[1:]}
        labels = [(term, "effect", level) for level in levels] + [(term, "difference", name) for name in differences]
        table = pd.concat([contrast(result, weights), contrast(result, differences)], ignore_index=True)
    table = table.drop(columns="contrast")
    for position, name in enumerate(("term", "contrast", "group")):
        table.insert(position, name, [row[position] for row in labels])
    return table
