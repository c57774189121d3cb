"""Which items do not work alike in every group: equal loadings and intercepts, released one at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from belonging_study.errors import ParameterError
from belonging_study.scales.structure.compare import compare_models
from belonging_study.scales.structure.confirm import check_choices, fit_layout
from belonging_study.scales.structure.estimate import Fit
from belonging_study.scales.structure.invariance import group_means
from belonging_study.scales.structure.layout import layout_of, leaves_scale_open
from belonging_study.scales.structure.modification import release_tests
from belonging_study.scales.structure.result import CFAResult
from belonging_study.scales.structure.sample import Sample, read_samples
from belonging_study.scales.structure.syntax import Term, parse_model

__all__ = ["NO_PARTIAL_MODEL", "PartialInvariance", "partial_invariance"]

NO_PARTIAL_MODEL = "no partially invariant model"
_LEVEL = 0.05
_STEP_COLUMNS = [
    "step", "kind", "parameter", "item", "chi2", "df", "p_value", "n_tests", "p_adjusted", "score_chi2", "note",
]  # fmt: skip


@dataclass(frozen=True)
class PartialInvariance:
    """A model in which most items work alike in every group and the others are free.

    Attributes
    ----------
    freed : tuple of str
        Parameters that differ between groups, as ``cfa`` takes them in ``free``: ``"bel_07~1"`` (intercept),
        ``"belonging=~bel_07"`` (loading). Those named in advance first.
    how : str
        "found by search", or "named in advance" where the search added nothing or was not made.
    steps : pandas.DataFrame
        One row a release of the search: ``step``, ``kind`` ("loading" or "intercept"), ``parameter``, ``item``,
        ``chi2``, ``df`` and ``p_value`` of the difference between the fits before and after, ``n_tests`` (loadings and
        intercepts still equal at that step), ``p_adjusted`` (Bonferroni), ``score_chi2`` (the score test that chose
        it), ``note``.
    model : CFAResult
        The last model. Factors have variance 1 and mean 0 in the first group, unless the model's text fixes a loading
        or names a factor's variance.
    latent_means : pandas.DataFrame
        As in ``Invariance``, from ``model``; in the standard deviations of the first group. Empty where there is no
        partially invariant model.
    verdict : str
        "every item is alike", "partially invariant" or "no partially invariant model".
    tested : bool
        Whether every loading and intercept that is held equal was tested; False without a search.
    notes : tuple of str
        What a reader must know.
    """

    freed: tuple[str, ...]
    how: str
    steps: pd.DataFrame
    model: CFAResult
    latent_means: pd.DataFrame
    verdict: str
    tested: bool
    notes: tuple[str, ...]


def partial_invariance(
    model: str,
    data: pd.DataFrame,
    *,
    group: str,
    free: Collection[str] = (),
    estimator: str = "ML",
    missing: str = "listwise",
    conf_level: float = 0.95,
    search: bool = True,
) -> PartialInvariance:
    """Find the items whose loading or intercept differs between groups, and compare factor means by the others.

    Parameters
    ----------
    model, data, group, estimator, missing, conf_level
        As in ``cfa``. Two groups or several; a parameter is released in all of them at once.
    free : list of str
        Parameters named in advance, before the data were seen, for example ``["q3~1"]``.
    search : bool, default True
        Look for more. Without it the model is the scalar one with ``free`` released.

    Returns
    -------
    PartialInvariance

    Raises
    ------
    BelongingStudyError
        As ``cfa``.

    Notes
    -----
    Loadings first, in the metric model, then intercepts, in the scalar one. At each step the equality with the largest
    score test is released, if the fits before and after differ at 5% after Bonferroni's correction for every loading
    and intercept still equal (chi-square difference; with "MLR" the scaled one). So all is left equal in at least 95%
    of studies in which all is equal. The intercept of an item with its own loading is its own as well. The search
    stops with "no partially invariant model" where fewer than two items of a factor, or fewer than half of them, would
    stay alike: which items are the sound ones cannot be told then.

    What a search finds in one sample may be that sample's; only what was named in advance is a test of a claim.

    References
    ----------
    Byrne, B. M., Shavelson, R. J., & Muthén, B. (1989). Testing for the equivalence of factor covariance and mean
    structures: The issue of partial measurement invariance. *Psychological Bulletin, 105*, 456-466.
    Steenkamp, J.-B. E. M., & Baumgartner, H. (1998). Assessing measurement invariance in cross-national consumer
    research. *Journal of Consumer Research, 25*, 78-90.
    Yoon, M., & Kim, E. S. (2014). A comparison of sequential and nonsequential specification searches in testing
    factorial invariance. *Behavior Research Methods, 46*, 1199-1206.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(2)
    >>> answers = pd.DataFrame(rng.normal(size=(800, 1)) + rng.normal(size=(800, 4)), columns=list("abcd"))
    >>> answers["arm"] = np.repeat(["control", "offer"], 400)
    >>> answers.loc[400:, "b"] += 0.8  # the second group agrees with this item for another reason
    >>> found = partial_invariance("f =~ a + b + c + d", answers, group="arm")
    >>> found.freed, found.how, found.verdict
    (('b~1',), 'found by search', 'partially invariant')
    """
    check_choices(estimator, missing, conf_level)
    if group is None:
        raise ParameterError("`group` must name the column of groups that are compared.")
    terms = parse_model(model)
    whole = layout_of(terms)
    samples, notes = read_samples(data, whole.items, group=group, missing=missing)
    fitted = _Fitted(terms, samples, notes, estimator, missing, conf_level)
    named = _written(free)
    items_of = {f: [r.rhs for r in whole.rows if r.op == "=~" and r.lhs == f] for f in whole.factors}
    found = list(named)
    steps: list[dict[str, object]] = []
    said: list[str] = []
    broken = _too_few(found, items_of)
    for equal in (("loadings",), ("loadings", "intercepts")):
        result = fitted.at(equal, found)
        if not search or broken:
            continue
        result, broken = _release(fitted, result, equal, found=found, items_of=items_of, steps=steps, said=said)
        if broken:
            break
        if equal == ("loadings",):
            own = [key.partition("=~")[2] for key in found if "=~" in key and key not in named]
            follow = [f"{item}~1" for item in own if f"{item}~1" not in found]
            if follow:
                found += follow
                said.append(f"with their loadings these intercepts are free as well: {', '.join(follow)}")
    by_search = [key for key in found if key not in named]
    if named:
        said.insert(0, f"named in advance as free between groups: {', '.join(named)}")
    if broken:
        said.append(f"{NO_PARTIAL_MODEL}: {broken}; factor means are not compared")
    else:
        said.append(_against_configural(fitted, result))
    if not search:
        said.append("the loadings and intercepts that are held equal were not tested")
    means = group_means(result, [s.label for s in samples])
    return PartialInvariance(
        freed=tuple(found),
        how="named in advance" if named and not by_search else "found by search",
        steps=pd.DataFrame(steps, columns=_STEP_COLUMNS),
        model=result,
        latent_means=means.iloc[:0] if broken else means,
        verdict=NO_PARTIAL_MODEL if broken else "partially invariant" if found else "every item is alike",
        tested=search and not broken,
        notes=tuple(dict.fromkeys([*said, *result.notes])),
    )


@dataclass(frozen=True)
class _Fitted:
    """What is the same in every model of the search."""

    terms: tuple[Term, ...]
    samples: list[Sample]
    notes: list[str]
    estimator: str
    missing: str
    conf_level: float

    def at(self, equal: Sequence[str], free: Sequence[str]) -> CFAResult:
        """The model with some parameters equal and some of them released."""
        # Without a marker item every loading can be tested, the first one too.
        layout = layout_of(
            self.terms,
            n_groups=len(self.samples),
            equal=equal,
            free=free if equal else (),
            std_lv=leaves_scale_open(self.terms),
        )
        return fit_layout(
            layout,
            self.samples,
            self.notes,
            estimator=self.estimator,
            missing=self.missing,
            conf_level=self.conf_level,
        )


def _written(free: Collection[str]) -> list[str]:
    """The names without spaces, each once; a single text is refused."""
    if isinstance(free, str):
        raise ParameterError('`free` must be a list, for example free=["x3~1"]; it is one text.')
    return list(dict.fromkeys("".join(str(text).split()) for text in free))


def _release(
    fitted: _Fitted,
    result: CFAResult,
    equal: Sequence[str],
    *,
    found: list[str],
    items_of: dict[str, list[str]],
    steps: list[dict[str, object]],
    said: list[str],
) -> tuple[CFAResult, str]:
    """Release equalities until none rejects; the last model, and why the search broke off."""
    op, kind = ("~1", "intercept") if "intercepts" in equal else ("=~", "loading")
    while True:
        assert isinstance(result.solution, Fit)
        tests = [t for t in release_tests(result.solution) if t["op"] == op and t["label"] == _key(t)]
        if not tests:
            return result, ""
        best = max(tests, key=lambda t: float(str(t["chi2"])))
        key, item = _key(best), str(best["rhs"] if op == "=~" else best["lhs"])
        trial = fitted.at(equal, [*found, key])
        test = compare_models(result, trial).iloc[0]
        n_tests = _n_equal(fitted, found)
        adjusted = min(float(test["p_diff"]) * n_tests, 1.0)
        if adjusted >= _LEVEL:
            said.append(
                f"no {'further ' if steps else ''}{kind} differs: the most different, {key}, has chi-square "
                f"{test['chi2_diff']:.2f} on {test['df_diff']} df, adjusted p = {adjusted:.3f}"
            )
            return result, ""
        broken = _too_few([*found, key], items_of)
        if broken:
            return result, f"{key} differs too (adjusted p = {adjusted:.3g}), but {broken}"
        found.append(key)
        steps.append(
            {
                "step": len(steps) + 1,
                "kind": kind,
                "parameter": key,
                "item": item,
                "chi2": float(test["chi2_diff"]),
                "df": int(test["df_diff"]),
                "p_value": float(test["p_diff"]),
                "n_tests": n_tests,
                "p_adjusted": adjusted,
                "score_chi2": best["chi2"],
                "note": test["note"],
            }
        )
        result = trial


def _key(test: dict[str, object]) -> str:
    return f"{test['lhs']}{test['op']}{test['rhs']}"


def _n_equal(fitted: _Fitted, found: Sequence[str]) -> int:
    """Loadings and intercepts that the scalar model holds equal by itself, whatever step the search is at."""
    layout = layout_of(
        fitted.terms,
        n_groups=len(fitted.samples),
        equal=("loadings", "intercepts"),
        free=found,
        std_lv=leaves_scale_open(fitted.terms),
    )
    return sum(r.group == 0 and r.label == r.key and r.op in ("=~", "~1") for r in layout.rows)


def _too_few(found: Sequence[str], items_of: dict[str, list[str]]) -> str:
    """Why too few items of a factor would stay alike; empty where enough do."""
    changed = {key.removesuffix("~1") if key.endswith("~1") else key.partition("=~")[2] for key in found}
    for factor, items in items_of.items():
        alike = [item for item in items if item not in changed]
        if changed & set(items) and (len(alike) < 2 or 2 * len(alike) < len(items)):
            return f"only {len(alike)} of {len(items)} items of {factor} would stay alike"
    return ""


def _against_configural(fitted: _Fitted, result: CFAResult) -> str:
    test = compare_models(result, fitted.at((), ())).iloc[0]
    p = float(test["p_diff"])
    shown = "p < .001" if p < 0.001 else f"p = {p:.3f}"
    return (
        f"against the model without equalities: chi-square {test['chi2_diff']:.2f} on {test['df_diff']} df, {shown}"
        + ("; what is held equal differs a little all the same" if p < _LEVEL else "")
    )
