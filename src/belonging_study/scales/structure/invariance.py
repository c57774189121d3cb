"""Does a scale measure the same thing in every group? The ladder from equal form to equal residuals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.compare import compare_models
from belonging_study.scales.structure.confirm import fit_steps, refuse_for_ordered
from belonging_study.scales.structure.ordered_confirm import fit_ordered_layout, read_ordered, thresholds_of
from belonging_study.scales.structure.ordered_ladder import ORDERED_STEPS, few_thresholds, ladder_layout
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.syntax import parse_model

__all__ = ["Invariance", "group_means", "invariance", "ladder_of", "means_table"]

STEPS = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
# Chen (2007): change in CFI, then in RMSEA, then in SRMR (loadings; later steps).
_CHEN = {"large": (-0.010, 0.015, 0.030, 0.010), "small": (-0.005, 0.010, 0.025, 0.005)}
_LARGE = 300
# Chen compared equal with unequal groups; groups up to this ratio are taken for equal here.
_EQUAL_RATIO = 1.5
_CHEUNG_RENSVOLD = -0.010
_LR_LEVEL = 0.05


@dataclass(frozen=True)
class Invariance:
    """A ladder of models, each with one more kind of parameter equal.

    Attributes
    ----------
    steps : pandas.DataFrame
        One row a step: ``step`` (configural, thresholds where answers are ordered, metric, scalar, strict), ``chi2``,
        ``df``, ``p_value``, ``cfi``, ``tli``, ``rmsea``, ``srmr``, ``aic``, ``bic`` (not for ordered answers); the
        changes against the step before, ``delta_cfi``, ``delta_rmsea``, ``delta_srmr``, ``chi2_diff``, ``df_diff``,
        ``p_diff``; ``chen`` and ``cheung_rensvold`` ("holds" or "fails"); ``verdict`` and ``note``. The first row has
        no step before it: its changes are empty.
    latent_means : pandas.DataFrame
        From the scalar step: one row a factor and group (or wave) but the first: ``factor``, ``group``,
        ``reference``, ``estimate`` (difference from the reference's mean, in the unit of the factor's first item),
        ``std_error``, ``statistic``, ``p_value``, ``conf_low``, ``conf_high``, ``standardised`` (in the reference's
        standard deviations). Empty where the verdict stopped before scalar.
    verdict : str
        One sentence.
    notes : tuple of str
        What a reader must know.
    models : dict of CFAResult
        Every step's fit, by name; the place to look for estimates and ``modification_indices``.
    """

    steps: pd.DataFrame
    latent_means: pd.DataFrame
    verdict: str
    notes: tuple[str, ...]
    models: dict[str, CFAResult]


def invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    free: Collection[str] = (),
    ordered: bool = False,
    estimator: str = "ML",
    missing: str = "listwise",
    conf_level: float = 0.95,
) -> Invariance:
    """Climb from the same form in every group to equal loadings, intercepts and residual variances.

    Parameters
    ----------
    model, data, group, ordered, estimator, missing, conf_level
        As in ``cfa``. Ordered answers have five steps: configural, thresholds, metric (and loadings), scalar (and
        intercepts of the normal variables behind the answers) and strict (and their residual variances), identified as
        by Wu and Estabrook. With three answers equal thresholds are no restriction, with two neither they nor equal
        loadings by themselves: such a step's verdict is "equivalent", or ``notes`` name the items.
    free : list of str
        Parameters that may differ between groups at every step (partial invariance), for example ``["q3~1"]``.

    Returns
    -------
    Invariance
        Verdicts: "reference" (the first step), "holds", "doubtful" (the fit indices hold but the chi-square difference
        test rejects at 5%), "fails" (either rule on fit indices fails), "equivalent" (the step restricts nothing), and
        "not interpretable" for what comes after a failure, however well it does.

    Raises
    ------
    BelongingStudyError
        As ``cfa``.

    Notes
    -----
    Chen's rule: fails where CFI falls by .010 or more and either RMSEA rises by .015 or SRMR by .030 (loadings) or
    .010 (intercepts, residuals); with up to 300 people in all or groups of which the largest is over 1.5 times the
    smallest (this package's reading of "unequal"), .005, .010, .025 and .005. Cheung and Rensvold's: fails where CFI
    falls by more than .010. Changes in CFI alone miss real differences, which is why the difference test stands
    beside them.

    References
    ----------
    Meredith, W. (1993). Measurement invariance, factor analysis and factorial invariance. *Psychometrika, 58*, 525-543.
    Cheung, G. W., & Rensvold, R. B. (2002). Evaluating goodness-of-fit indexes for testing measurement invariance.
    *Structural Equation Modeling, 9*, 233-255.
    Chen, F. F. (2007). Sensitivity of goodness of fit indexes to lack of measurement invariance. *Structural Equation
    Modeling, 14*, 464-504.
    Wu, H., & Estabrook, R. (2016). Identification of confirmatory factor analysis models of different levels of
    invariance for ordered categorical outcomes. *Psychometrika, 81*, 1014-1045.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(2)
    >>> answers = pd.DataFrame(rng.normal(size=(800, 1)) + rng.normal(size=(800, 4)), columns=list("abcd"))
    >>> answers["arm"] = np.repeat(["control", "offer"], 400)
    >>> invariance("f =~ a + b + c + d", answers, group="arm").steps["verdict"].tolist()
    ['reference', 'holds', 'holds', 'holds']
    """
    if group is None:
        raise ParameterError("`group` must name the column of groups that are compared.")
    notes: list[str] = []
    if ordered:
        refuse_for_ordered(estimator, missing, conf_level)
        terms = parse_model(model)
        samples, left_out = read_ordered(terms, data, group=group)
        counts = thresholds_of(terms, samples)
        models = {}
        for step in ORDERED_STEPS:
            layout = ladder_layout(
                terms, counts, step, n_groups=len(samples), free=() if step == "configural" else free
            )
            models[step] = fit_ordered_layout(layout, samples, left_out, conf_level)
        notes = few_thresholds(counts)
    else:
        fits = fit_steps(
            model,
            data,
            [(equal, free if equal else ()) for equal in STEPS.values()],
            group=group,
            ordered=False,
            estimator=estimator,
            missing=missing,
            std_lv=False,
            conf_level=conf_level,
        )
        models = dict(zip(STEPS, fits, strict=True))
    if free:
        notes = [*notes, f"partial invariance: free between groups are {', '.join(free)}"]
    people = models["configural"].n_students
    return ladder_of(models, notes, list(people.values()), group_means(models["scalar"], list(people)))


def ladder_of(
    models: dict[str, CFAResult], notes: Sequence[str], sizes: Sequence[int], latent_means: pd.DataFrame
) -> Invariance:
    """Judge the steps and stop at the first that fails."""
    cut = "large" if sum(sizes) > _LARGE and max(sizes) <= _EQUAL_RATIO * min(sizes) else "small"
    rows: list[dict[str, object]] = []
    failed = ""
    before: CFAResult | None = None
    for step, result in models.items():
        row = _step_row(step, result, before, cut)
        if failed:
            row["verdict"], row["note"] = "not interpretable", f"{failed} failed before it"
        elif row["verdict"] == "fails":
            failed = step
        rows.append(row)
        before = result
    steps = pd.DataFrame(rows).astype({"df_diff": "Int64"})
    reached = [row["step"] for row in rows if row["verdict"] in ("holds", "doubtful")]
    doubtful = [row["step"] for row in rows if row["verdict"] == "doubtful"]
    sentence = f"{reached[-1]} invariance holds" if reached else "no invariance beyond the same form"
    if failed:
        sentence += f"; {failed} fails"
    if doubtful:
        sentence += f"; the chi-square test rejects {' and '.join(map(str, doubtful))}"
    configural = models["configural"].fit.iloc[0]
    if configural["cfi"] < 0.90 or configural["rmsea"] > 0.10:
        notes = [
            *notes,
            f"the configural model itself fits badly (CFI {configural['cfi']:.3f}, RMSEA {configural['rmsea']:.3f}): "
            "what is equal may not be the right model",
        ]
    if "scalar" not in reached:
        latent_means = latent_means.iloc[:0]
        notes = [*notes, "factor means are not compared: intercepts are not shown to be equal"]
    from_models = [note for result in models.values() for note in result.notes]
    unique = tuple(dict.fromkeys([*notes, *from_models]))
    return Invariance(steps, latent_means, sentence, unique, models)


def _step_row(step: str, result: CFAResult, before: CFAResult | None, cut: str) -> dict[str, object]:
    fit = result.fit.iloc[0]
    names = ("chi2", "df", "p_value", "cfi", "tli", "rmsea", "srmr", "aic", "bic")
    row: dict[str, object] = {"step": step, **{name: fit[name] for name in names if name in fit}, "df": int(fit["df"])}
    empty = ("delta_cfi", "delta_rmsea", "delta_srmr", "chi2_diff", "df_diff", "p_diff")
    if before is None:
        return row | dict.fromkeys(empty, np.nan) | {
            "chen": "", "cheung_rensvold": "", "verdict": "reference", "note": ""
        }  # fmt: skip
    last = before.fit.iloc[0]
    d_cfi, d_rmsea, d_srmr = (float(fit[name] - last[name]) for name in ("cfi", "rmsea", "srmr"))
    low_cfi, high_rmsea, of_loadings, later = _CHEN[cut]
    chen = d_cfi <= low_cfi and (d_rmsea >= high_rmsea or d_srmr >= (of_loadings if step == "metric" else later))
    cheung = d_cfi < _CHEUNG_RENSVOLD
    if int(fit["df"]) == int(last["df"]):
        return row | dict.fromkeys(empty[3:], np.nan) | {
            "delta_cfi": d_cfi, "delta_rmsea": d_rmsea, "delta_srmr": d_srmr, "df_diff": 0,
            "chen": "", "cheung_rensvold": "", "verdict": "equivalent",
            "note": "the same model in other words: what this step makes equal cannot be tested with so few answers",
        }  # fmt: skip
    test = compare_models(result, before).iloc[0]
    rejects = bool(test["p_diff"] < _LR_LEVEL)
    verdict = "fails" if chen or cheung else "doubtful" if rejects else "holds"
    return row | {
        "delta_cfi": d_cfi,
        "delta_rmsea": d_rmsea,
        "delta_srmr": d_srmr,
        "chi2_diff": test["chi2_diff"],
        "df_diff": int(test["df_diff"]),
        "p_diff": test["p_diff"],
        "chen": "fails" if chen else "holds",
        "cheung_rensvold": "fails" if cheung else "holds",
        "verdict": verdict,
        "note": test["note"],
    }


def group_means(result: CFAResult, labels: Sequence[str]) -> pd.DataFrame:
    """Factor means of the later groups against the first."""
    table = result.estimates
    factors = list(result.solution.layout.factors)
    means = table[(table["op"] == "~1") & table["lhs"].isin(factors) & table["free"]]
    spread = table[(table["op"] == "~~") & (table["lhs"] == table["rhs"]) & (table["group"] == labels[0])]
    variance = spread.set_index("lhs")["estimate"]
    return means_table(means.assign(factor=means["lhs"]), labels[0], variance)


def means_table(means: pd.DataFrame, reference: str, variance: pd.Series[float]) -> pd.DataFrame:
    """Tidy table of mean differences; ``variance`` is the reference's, by factor."""
    sd = np.sqrt(means["factor"].map(variance).where(lambda v: v > 0))
    columns = ["factor", "group", "reference", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    found = means.assign(reference=reference)[columns].assign(standardised=means["estimate"] / sd)
    return found.reset_index(drop=True)
