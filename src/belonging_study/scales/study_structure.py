"""A study's factor models: how well they fit, and how each item belongs to its scale."""

from __future__ import annotations

from typing import Any

import pandas as pd

from belonging_study.errors import DataError, DesignError, ParameterError
from belonging_study.scales.score import reverse_keyed
from belonging_study.scales.structure import CFAResult, cfa
from belonging_study.study import Scale, Study

__all__ = ["FEWEST_STEPS", "keyed_answers", "loading_table", "structure_table", "structures_of"]

FEWEST_STEPS = 5
"""From this many answers on a form, they are taken as numbers; with fewer, as ordered categories."""

_FEWEST_ITEMS = 3
_FIT = (
    *("n", "n_parameters", "chi2", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr"),
    *("aic", "bic"),
)
FIT_COLUMNS = ("scale", "structure", "estimator", *_FIT, "note")
LOADING_COLUMNS = (
    *("scale", "structure", "factor", "item", "question", "estimate", "std_error", "p_value", "std_loading"),
    *("std_conf_low", "std_conf_high", "n_students"),
)


def structures_of(name: str, scale: Scale) -> dict[str, str]:
    """Give the factor models of a scale, the first of which is the one that is compared between groups.

    Parameters
    ----------
    name : str
        The scale's name, which becomes the factor's.
    scale : Scale
        Its definition.

    Returns
    -------
    dict
        Name to model in lavaan's syntax: the study's own `structures`, or else one factor of all items and, where at
        least three items are reversed and three are not, the same with a factor for negative wording beside it (a
        method factor, unrelated to the first). Empty for a scale of fewer than three items.

    Examples
    --------
    >>> scale = Scale(label="S", items=["a", "b", "c"], range=(1, 5))
    >>> structures_of("safety", scale)
    {'one_factor': 'safety =~ a + b + c'}
    """
    if scale.structures:
        return dict(scale.structures)
    items = list(scale.items)
    if len(items) < _FEWEST_ITEMS:
        return {}
    one = f"{name} =~ {' + '.join(items)}"
    found = {"one_factor": one}
    if len(scale.reverse) >= _FEWEST_ITEMS and len(items) - len(scale.reverse) >= _FEWEST_ITEMS:
        method = f"negative_wording =~ {' + '.join(scale.reverse)}"
        found["wording_factor"] = f"{one}\n{method}\n{name} ~~ 0*negative_wording"
    return found


def choices(scale: Scale) -> dict[str, Any]:
    """How a scale's models are fitted: robust with every answer given, or as ordered categories."""
    steps = scale.maximum - scale.minimum + 1
    if steps < FEWEST_STEPS:
        return {"ordered": True}
    return {"estimator": "MLR", "missing": "fiml"}


def keyed_answers(study: Study, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Give a scale's items turned in one direction, and the columns by which students are compared.

    Parameters
    ----------
    study : Study
        The definition.
    name : str
        The scale.
    rows : pandas.DataFrame
        Responses as in `score_study`.

    Returns
    -------
    pandas.DataFrame
        ``student``, ``wave``, ``arm``, the groups' columns and the items, of those who answered the survey.
    """
    scale = study.scales[name]
    answered = rows[rows["responded"]]
    keyed = reverse_keyed(answered, list(scale.items), scale.reverse, scale.minimum, scale.maximum)
    kept = ["student", "wave", "arm", *dict.fromkeys(group.column for group in study.groups)]
    return pd.concat([answered[[c for c in kept if c in answered]], keyed], axis=1)


def structure_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Fit every factor model of every scale of a wave.

    Parameters
    ----------
    study : Study
        The definition.
    responses : pandas.DataFrame
        As in `score_study`; those who answered the survey count.
    wave : str
        The wave.

    Returns
    -------
    pandas.DataFrame
        One row a scale and model: ``scale, structure, estimator`` ("MLR, all answers given" or "WLSMV, complete
        answers"), ``n`` students, ``n_parameters, chi2, df, p_value, cfi, tli, rmsea, rmsea_low, rmsea_high`` (90%),
        ``srmr, aic, bic, note``. Where a model cannot be fitted, ``note`` says why and the figures are missing.

    Notes
    -----
    Forms of five answers and more are fitted as numbers by robust maximum likelihood with every answer given; shorter
    forms as ordered categories by WLSMV from students who answered every item (Rhemtulla et al. 2012).

    References
    ----------
    Rhemtulla, M., Brosseau-Liard, P. É., & Savalei, V. (2012). When can categorical variables be treated as
    continuous? *Psychological Methods, 17*, 354-373.
    """
    rows = []
    for name, scale in study.scales_in(wave).items():
        for structure, model in structures_of(name, scale).items():
            fit, note = _fit(study, name, responses[responses["wave"] == wave], model)
            row: dict[str, Any] = {"scale": name, "structure": structure, "estimator": _estimator(scale)}
            if fit is not None:
                found = fit.fit.iloc[0].to_dict()
                row |= {column: found[column] for column in _FIT if column in found}
            rows.append(row | {"note": note})
    return pd.DataFrame(rows, columns=list(FIT_COLUMNS))


def loading_table(study: Study, responses: pd.DataFrame, wave: str) -> pd.DataFrame:
    """Give the loadings of every item, from the first model of each scale of a wave.

    Parameters
    ----------
    study, responses, wave
        As in `structure_table`.

    Returns
    -------
    pandas.DataFrame
        One row an item and factor: ``scale, structure, factor, item, question, estimate, std_error, p_value,
        std_loading`` (in standard deviations of factor and item) with its interval at the study's level, and
        ``n_students``. Scales whose model cannot be fitted have no rows; `structure_table` says why.
    """
    rows = []
    for name, scale in study.scales_in(wave).items():
        for structure, model in list(structures_of(name, scale).items())[:1]:
            fit, _ = _fit(study, name, responses[responses["wave"] == wave], model)
            if fit is not None:
                rows.append(_loadings(study, name, structure, fit))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(LOADING_COLUMNS))


def _fit(study: Study, name: str, rows: pd.DataFrame, model: str) -> tuple[CFAResult | None, str]:
    """A model and what must be said of it."""
    data = keyed_answers(study, name, rows)
    try:
        fit = cfa(model, data, conf_level=study.analysis.conf_level, **choices(study.scales[name]))
    except (DataError, DesignError, ParameterError) as error:
        return None, f"Not fitted: {error.what}"
    return fit, "; ".join(fit.notes)


def _estimator(scale: Scale) -> str:
    return "WLSMV, complete answers" if choices(scale).get("ordered") else "MLR, all answers given"


def _loadings(study: Study, name: str, structure: str, fit: CFAResult) -> pd.DataFrame:
    """Tidy loadings of one fit."""
    from scipy.special import ndtri

    found = fit.estimates[fit.estimates["op"] == "=~"]
    margin = float(ndtri(0.5 + fit.conf_level / 2)) * found["std_all_error"]
    table = pd.DataFrame(
        {
            "scale": name,
            "structure": structure,
            "factor": found["lhs"],
            "item": found["rhs"],
            "question": [study.scales[name].items[item] for item in found["rhs"]],
            "estimate": found["estimate"],
            "std_error": found["std_error"].where(found["free"]),
            "p_value": found["p_value"],
            "std_loading": found["std_all"],
            "std_conf_low": found["std_all"] - margin,
            "std_conf_high": found["std_all"] + margin,
            "n_students": sum(fit.n_students.values()),
        }
    )
    return table[list(LOADING_COLUMNS)]
