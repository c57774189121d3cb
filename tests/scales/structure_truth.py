"""Models that are fitted in R too, and how results are held against R's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

HS = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
STEPS = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}


def three_factors(wave: int) -> str:
    lines = []
    for f in range(3):
        items = [f"w{wave}_q{6 * f + j + 1:02d}" for j in range(6)]
        lines.append(f"f{f + 1} =~ {' + '.join(items)}")
    return "\n".join(lines)


def agree_on_fit(
    fit: pd.DataFrame, stored: dict[str, Any], *, chi2: float = 1e-5, index: float = 1e-6, version: str = "robust"
) -> None:
    row = fit.iloc[0]
    ours = {
        "df": "df",
        "chi2": "chisq",
        "p_value": "pvalue",
        "cfi": "cfi",
        "tli": "tli",
        "rmsea": "rmsea",
        "rmsea_low": "rmsea.ci.lower",
        "rmsea_high": "rmsea.ci.upper",
        "srmr": "srmr",
        "log_likelihood": "logl",
        "aic": "aic",
        "bic": "bic",
        "n_parameters": "npar",
        "baseline_chi2": "baseline.chisq",
        "baseline_df": "baseline.df",
    }
    theirs = stored["fit"]
    if "chisq.scaled" in theirs:  # lavaan's own optimiser moves these more than the plain ones
        chi2, index = 1e-3, 2e-5
        scaled = ("chisq", "pvalue", "baseline.chisq")
        robust = ("cfi", "tli", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper")
        suffix = dict.fromkeys(scaled, ".scaled") | dict.fromkeys(robust, f".{version}")
        ours = {k: v + suffix.get(v, "") for k, v in ours.items()}
        ours |= {"scaling_factor": "chisq.scaling.factor", "chi2_unscaled": "chisq"}
    for name, key in ours.items():
        tolerance = index if name in ("cfi", "tli", "srmr", "p_value") or name.startswith("rmsea") else chi2
        np.testing.assert_allclose(row[name], theirs[key], rtol=0, atol=tolerance, err_msg=name)


def agree_on_estimates(
    estimates: pd.DataFrame, stored: dict[str, Any], *, estimate: float = 5e-5, error: float = 1e-4
) -> None:
    ours = estimates.assign(key=estimates["lhs"] + estimates["op"] + estimates["rhs"])
    ours["number"] = pd.factorize(ours["group"])[0] + 1
    theirs = pd.DataFrame(stored["estimates"]).astype({"std_se": float})
    swapped = theirs["key"].str.replace(r"^(.+)~~(.+)$", r"\2~~\1", regex=True)
    theirs["key"] = theirs["key"].where(theirs["key"].isin(ours["key"]), swapped)
    both = ours.merge(theirs, left_on=["key", "number"], right_on=["key", "group"], validate="one_to_one")
    assert len(both) == len(ours) == len(theirs)
    np.testing.assert_allclose(both["estimate"], both["est"], rtol=0, atol=estimate)
    np.testing.assert_allclose(both["std_error"], both["se"], rtol=error, atol=1e-9)
    np.testing.assert_allclose(both["std_all"], both["std"], rtol=0, atol=estimate)
    np.testing.assert_allclose(both["std_all_error"], both["std_se"], rtol=5 * error, atol=1e-6)
