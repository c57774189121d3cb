"""Does a scale measure the same thing in every wave? The ladder for the same people asked again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from belonging_study.errors import DataError, ParameterError
from belonging_study.scales.structure.confirm import check_choices, fit_layout, refuse_for_ordered
from belonging_study.scales.structure.invariance import STEPS, Invariance, ladder_of, means_table
from belonging_study.scales.structure.layout import Layout, Row, lay_out, layout_of
from belonging_study.scales.structure.ordered_confirm import fit_ordered_layout, reduce_answers
from belonging_study.scales.structure.ordered_ladder import ORDERED_STEPS, few_thresholds, ladder_layout
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.sample import Sample, read_samples
from belonging_study.scales.structure.syntax import parse_model

__all__ = ["invariance_over_time"]


def invariance_over_time(
    model: str,
    data: pd.DataFrame,
    *,
    items_by_wave: Mapping[str, Mapping[str, str]],
    free: Collection[str] = (),
    ordered: bool = False,
    estimator: str = "ML",
    missing: str = "listwise",
    conf_level: float = 0.95,
) -> Invariance:
    """Climb from the same form in every wave to equal loadings, intercepts and residual variances.

    Parameters
    ----------
    model : str
        The factor model of one wave, in the items' names: ``belonging =~ q1 + q2 + q3``.
    data : pandas.DataFrame
        One row a person, one numeric column an item and wave.
    items_by_wave : dict
        For every wave, which column holds which item: ``{"w1": {"q1": "w1_q1", "q2": "w1_q2", ...}, "w2": {...}}``.
        The first wave is the one that factor means are compared with.
    free : list of str
        Parameters that may differ between waves at every step, for example ``["q3~1"]``.
    ordered : bool, default False
        Take the answers as ordered categories, with the five steps of ``invariance``; people with a missing answer in
        any wave are left out.
    estimator, missing, conf_level
        As in ``cfa``. With attrition between waves, ``missing="fiml"`` uses everybody who answered in any wave.

    Returns
    -------
    Invariance
        As from ``invariance``, with waves in the place of groups: ``latent_means`` holds the change of each factor's
        mean since the first wave. In the models, the factor of a wave is named ``factor@wave``.

    Raises
    ------
    ParameterError
        Fewer than two waves, an item without a column in a wave, a column in two places.
    BelongingStudyError
        As ``cfa``.

    Notes
    -----
    One model for all waves: every factor covaries with every other, and an item's residual with the same item's in
    every other wave, because the same people answered the same question.

    References
    ----------
    Widaman, K. F., Ferrer, E., & Conger, R. D. (2010). Factorial invariance within longitudinal structural equation
    models. *Child Development Perspectives, 4*, 10-18.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> trait = rng.normal(size=(600, 1))
    >>> waves = {w: trait + 0.5 * rng.normal(size=(600, 1)) + rng.normal(size=(600, 3)) for w in ("w1", "w2")}
    >>> answers = pd.concat([pd.DataFrame(x, columns=[f"{w}_{i}" for i in "abc"]) for w, x in waves.items()], axis=1)
    >>> columns = {w: {i: f"{w}_{i}" for i in "abc"} for w in waves}
    >>> invariance_over_time("f =~ a + b + c", answers, items_by_wave=columns).steps["df"].tolist()
    [5, 7, 9, 12]
    """
    if ordered:
        refuse_for_ordered(estimator, missing, conf_level)
    check_choices(estimator, missing, conf_level)
    terms = parse_model(model)
    one = layout_of(terms)
    columns = _columns(items_by_wave, one.items)
    waves = list(columns)
    names = [columns[w][item] for w in waves for item in one.items]
    models: dict[str, CFAResult] = {}
    # Waves are laid out as groups, and then moved into one.
    if ordered:
        reduced, samples, notes = reduce_answers(names, data, group=None)
        counts = _thresholds_in_every_wave(samples[0], columns)
        for step in ORDERED_STEPS:
            released = () if step == "configural" else free
            steps_apart = ladder_layout(terms, counts, step, n_groups=len(waves), free=released)
            models[step] = fit_ordered_layout(_one_group(steps_apart, columns), reduced, notes, conf_level)
        notes = [*notes, *few_thresholds(counts)]
    else:
        samples, notes = read_samples(data, names, group=None, missing=missing)
        for step, equal in STEPS.items():
            apart = layout_of(terms, n_groups=len(waves), equal=equal, free=free if equal else ())
            models[step] = fit_layout(
                _one_group(apart, columns),
                samples,
                notes,
                estimator=estimator,
                missing=missing,
                conf_level=conf_level,
            )
    if free:
        notes = [*notes, f"partial invariance: free between waves are {', '.join(free)}"]
    means = _latent_means(models["scalar"], one.factors, waves)
    return ladder_of(models, notes, [samples[0].n], means)


def _columns(items_by_wave: Mapping[str, Mapping[str, str]], items: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Column of every wave and item of the model, checked."""
    if not isinstance(items_by_wave, Mapping) or len(items_by_wave) < 2:
        raise ParameterError(
            "`items_by_wave` must name the columns of at least two waves.",
            remedy='write {"w1": {"q1": "w1_q1", ...}, "w2": {"q1": "w2_q1", ...}}.',
        )
    found: dict[str, dict[str, str]] = {}
    for wave, columns in items_by_wave.items():
        absent = [item for item in items if not isinstance(columns, Mapping) or item not in columns]
        if absent:
            raise ParameterError(
                f"{len(absent)} of {len(items)} items of the model have no column in wave {wave}: {', '.join(absent)}."
            )
        found[str(wave)] = {item: columns[item] for item in items}
    used = [column for columns in found.values() for column in columns.values()]
    twice = sorted({c for c in used if used.count(c) > 1})
    if twice:
        raise ParameterError(f"{len(twice)} columns stand for more than one item or wave: {', '.join(twice)}.")
    return found


def _thresholds_in_every_wave(sample: Sample, columns: dict[str, dict[str, str]]) -> dict[str, int]:
    """How many thresholds each item has; DataError where an answer does not occur in some wave."""
    at = {column: i for i, column in enumerate(c for own in columns.values() for c in own.values())}
    found: dict[str, int] = {}
    for item in next(iter(columns.values())):
        given = {wave: set(np.unique(sample.values[:, at[own[item]]])) for wave, own in columns.items()}
        every = set().union(*given.values())
        short = [f"{wave} ({len(own)} of {len(every)})" for wave, own in given.items() if own != every]
        if short:
            raise DataError(
                f"Some answers to {item} are given by nobody in wave {', '.join(short)} different answers.",
                remedy="join rare answers with the next ones, or treat the answers as numbers.",
            )
        found[item] = len(every) - 1
    return found


def _one_group(apart: Layout, columns: dict[str, dict[str, str]]) -> Layout:
    """The waves' parameters in one group, with the covariances that join the waves."""
    waves = list(columns)

    def renamed(name: str, wave: str) -> str:
        return columns[wave].get(name, f"{name}@{wave}" if name else "")

    rows = []
    for r in apart.rows:
        wave = waves[r.group]
        rhs = r.rhs if r.op == "|" else renamed(r.rhs, wave)
        rows.append(Row(renamed(r.lhs, wave), r.op, rhs, 0, r.fixed, r.label))
    factors = [f"{f}@{w}" for w in waves for f in apart.factors]
    for a, first in enumerate(waves):
        for second in waves[a + 1 :]:
            rows += [Row(f"{f}@{first}", "~~", f"{h}@{second}", 0) for f in apart.factors for h in apart.factors]
            rows += [Row(columns[first][item], "~~", columns[second][item], 0) for item in apart.items]
    items = [columns[w][item] for w in waves for item in apart.items]
    return lay_out(rows, items, factors, n_groups=1, means=True)


def _latent_means(result: CFAResult, factors: tuple[str, ...], waves: list[str]) -> pd.DataFrame:
    table = result.estimates
    of = {f"{f}@{w}": (f, w) for f in factors for w in waves}
    means = table[(table["op"] == "~1") & table["lhs"].isin(of) & table["free"]]
    placed = means.assign(factor=[of[n][0] for n in means["lhs"]], group=[of[n][1] for n in means["lhs"]])
    own = table[(table["op"] == "~~") & (table["lhs"] == table["rhs"])].set_index("lhs")["estimate"]
    variance = pd.Series({f: own[f"{f}@{waves[0]}"] for f in factors})
    return means_table(placed, waves[0], variance)
