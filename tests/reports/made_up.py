"""A made-up study and tables of realistic shape for the tests of the report."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import pandas as pd

from belonging_study.reports.blocks import Block, Figure, Note, Table
from belonging_study.reports.disclosure import suppress
from belonging_study.study.model import Study


def made_up_study(**changes: Any) -> Study:
    """Three waves, ten schools, four outcomes."""

    def wave(name: str, label: str, date: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "label": label, "date": date, "sources": [{"file": f"{name}/survey.csv"}], **more}

    definition: dict[str, Any] = {
        "title": "Notes of Belonging: a programme for lower secondary schools",
        "name": "demo",
        "team": [{"name": "A. Researcher", "affiliation": "Example University"}],
        "registration": "none (simulated demonstration)",
        "programme": {
            "name": "Notes of Belonging",
            "description": "Teachers write short notes of encouragement, older students tell how they settled in, and "
            "each class agrees on ways to include everybody.",
            "components": [
                {"name": "Notes of encouragement", "tags": ["perceptions", "motivations"]},
                {"name": "Older students’ stories", "tags": ["perceptions"], "description": "Told in the first weeks."},
                {"name": "Class agreements", "tags": ["opportunities", "competencies"]},
            ],
        },
        "waves": [
            wave("w1", "Baseline", "2024-10-07", before_programme=True),
            wave("w2", "First follow-up", "2025-05-12"),
            wave("w3", "Second follow-up", "2026-05-11"),
        ],
        "design": {"class": "class_id", "assignment": {"starts": "w2", "blocks": "pair", "randomized": True}},
        "scales": {
            "belonging": {"label": "School belonging", "items": [f"bel_{i:02}" for i in range(1, 19)], "range": [1, 5]},
            "connection": {"label": "Connection with other students", "items": ["con_1", "con_2"], "range": [1, 4]},
        },
        "outcomes": [
            {"name": "belonging", "measure": "belonging", "label": "School belonging", "role": "primary"},
            {"name": "connection", "measure": "connection", "label": "Connection with other students"},
            {"name": "marks", "measure": "marks", "label": "Mean mark", "domain": "school success", "unit": "marks"},
            {
                "name": "suspended",
                "measure": "suspended",
                "label": "Suspended at least once",
                "kind": "binary",
                "higher_is_better": False,
                "domain": "school success",
            },
            {
                "name": "days_absent",
                "measure": "days_absent",
                "label": "Days absent",
                "kind": "count",
                "unit": "days",
                "role": "exploratory",
                "higher_is_better": False,
                "domain": "school success",
            },
        ],
        "groups": [{"name": "gender", "column": "gender", "label": "Gender"}],
        "analysis": {"smallest_effect": 0.1},
        "demo": {"seed": 1},
    }
    return Study.model_validate(definition | changes)


def estimate_row(outcome: str, estimate: float, low: float, high: float, sd: float, **more: Any) -> dict[str, Any]:
    """One row of estimates.csv."""
    return {
        "wave": "w2",
        "outcome": outcome,
        "domain": "belonging",
        "role": "secondary",
        "model": "did",
        "estimator": "two-way fixed effects (student and wave)",
        "term": "programme",
        "contrast": "programme vs comparison",
        "group": "all",
        "estimate": estimate,
        "std_error": (high - low) / 4.6,
        "df": 7.8,
        "statistic": 2.1,
        "p_value": 0.0412,
        "p_adjusted": 0.0824,
        "conf_low": low,
        "conf_high": high,
        "conf_level": 0.95,
        "effect_size": estimate / sd,
        "effect_size_type": "Hedges g",
        "effect_size_low": low / sd,
        "effect_size_high": high / sd,
        "n_students": 1180,
        "n_clusters_treated": 5,
        "n_clusters_comparison": 5,
        "inference": "CR2, Satterthwaite",
        "note": "",
    } | more


def made_up_estimates() -> pd.DataFrame:
    """Every outcome by two models, one of them without a result."""
    rows = [
        estimate_row("belonging", 0.213, 0.081, 0.345, 0.72, role="primary", p_value=0.0004),
        estimate_row("connection", 0.064, -0.052, 0.181, 0.60),
        estimate_row("marks", 0.9, -1.4, 3.2, 11.8),
        estimate_row("suspended", -0.021, -0.049, 0.007, 0.30),
        estimate_row("days_absent", np.nan, np.nan, np.nan, 4.0, role="exploratory", note="absences were not exported"),
    ]
    second = [
        r | {"model": "multilevel", "estimator": "REML, school slope", "inference": "Satterthwaite"} for r in rows[:4]
    ]
    return pd.DataFrame([*rows, *second])


def made_up_flow() -> pd.DataFrame:
    """A participant flow with one small exclusion."""
    counts = [
        (0, "start", "On the roster", 612, 631),
        (1, "excluded", "Parents did not consent", 14, 17),
        (2, "excluded", "Answered fewer than half of the survey questions", 4, 12),
        (3, "remaining", "Analysis sample", 594, 602),
        (4, "info", "Of these answered the survey", 551, 560),
        (5, "info", "Moved to another school of the study", 3, 2),
    ]
    rows = []
    for step, kind, label, treated, comparison in counts:
        for arm, n, clusters in (
            ("all", treated + comparison, 10),
            ("programme", treated, 5),
            ("comparison", comparison, 5),
        ):
            rows.append(("w2", "students", step, kind, label, arm, np.nan, n, clusters))
    return pd.DataFrame(
        rows, columns=["wave", "stream", "step", "kind", "label", "arm", "n_rows", "n_students", "n_clusters"]
    )


def made_up_scales() -> pd.DataFrame:
    """Scales by wave and gender."""
    rows = []
    for scale, omega in (("belonging", 0.91), ("connection", 0.78)):
        for group, level, n in (
            ("all", "all", 1111),
            ("gender", "Girls", 560),
            ("gender", "Boys", 544),
            ("gender", "Other", 7),
        ):
            rows.append(
                {
                    "scale": scale,
                    "wave": "w2",
                    "group": group,
                    "level": level,
                    "n": n,
                    "n_missing": 12,
                    "mean": 3.214,
                    "sd": 0.731,
                    "floor_share": 0.004,
                    "ceiling_share": 0.021,
                    "cronbach_alpha": omega - 0.01,
                    "mcdonald_omega": omega,
                    "omega_conf_low": omega - 0.012,
                    "omega_conf_high": omega + 0.011,
                    "note": "",
                }
            )
    return pd.DataFrame(rows)


@functools.cache
def drawing(seed: int) -> tuple[str, bytes]:
    """A stand-in for a figure, as SVG and PNG."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(seed)
    with plt.rc_context({"svg.hashsalt": "made up", "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(figsize=(7, 3.4))
        for name, marker in (("Programme", "o"), ("Comparison", "s")):
            axes.plot(
                ["Baseline", "First follow-up", "Second follow-up"],
                3 + rng.normal(0, 0.1, 3).cumsum(),
                marker=marker,
                label=name,
            )
        axes.set_ylabel("School belonging")
        axes.legend(loc="upper left", frameon=False)
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None}, bbox_inches="tight")
        figure.savefig(png, format="png", dpi=80)
        plt.close(figure)
    return svg.getvalue(), png.getvalue()


def made_up_blocks() -> list[Block]:
    """Blocks in every section, with hidden cells, folded tables, wide tables and all kinds of note."""

    def figure(name: str, title: str, seed: int, section: str) -> Figure:
        svg, png = drawing(seed)
        alt = "School belonging rises from 3.0 to 3.2 in programme schools and stays at 3.0 in comparison schools."
        return Figure(
            name, title, svg, png, alt, section, caption="Means of schools with 95% intervals. *Read across.*"
        )

    estimates = suppress(made_up_estimates(), minimum_cell=10)
    everything = {c: "" for c in estimates.columns if c not in ("wave", "note", "suppressed", "estimator", "domain")}
    short = dict.fromkeys(
        ["outcome", "model", "estimate", "conf_low", "conf_high", "effect_size", "p_value", "n_students"], ""
    )
    groups = pd.DataFrame(
        [
            estimate_row("belonging", 0.21, 0.08, 0.34, 0.72),
            estimate_row("belonging", 0.24, 0.06, 0.42, 0.72, group="gender: girl", n_students=590),
            estimate_row("belonging", 0.18, -0.01, 0.37, 0.72, group="gender: boy", n_students=586),
            estimate_row("belonging", 0.50, -0.9, 1.9, 0.72, group="gender: other", n_students=4),
        ]
    )
    flow_columns = {"label": "Step", "arm": "Arm", "n_students": "Students", "n_clusters": "Schools"}
    scale_columns = dict.fromkeys(
        [
            "scale",
            "group",
            "level",
            "n",
            "mean",
            "sd",
            "mcdonald_omega",
            "omega_conf_low",
            "omega_conf_high",
            "ceiling_share",
        ],
        "",
    )
    return [
        Table(
            "flow",
            "Students from the roster to the analysis",
            suppress(made_up_flow(), minimum_cell=10),
            "flow",
            columns=flow_columns,
        ),
        figure("flow", "Flow of students", 1, "flow"),
        Note("Marks and absences of students who did not answer are counted (*intention to treat*).", "flow"),
        Table(
            "scales",
            "Scales at the first follow-up",
            suppress(made_up_scales(), minimum_cell=10),
            "measurement",
            columns=scale_columns,
            note="Omega is McDonald’s, with a 95% interval.",
        ),
        figure("means", "Means by wave and arm", 2, "effects"),
        Table("estimates", "Effects of the programme", estimates, "effects", columns=short),
        Table("estimates_all", "Every column of the estimates", estimates, "effects", columns=everything, folded=True),
        figure("forest", "Effects with their intervals", 3, "effects"),
        Table(
            "groups",
            "Effects by gender",
            suppress(groups, minimum_cell=10),
            "groups",
            columns=dict.fromkeys(["group", "estimate", "conf_low", "conf_high", "n_students"], ""),
        ),
        Note(
            "Ten schools are few: **an interval that includes zero is not evidence of no effect.**",
            "cautions",
            kind="caution",
        ),
        Note("Differences between groups were not the study’s question.", "cautions", kind="caution", title="Groups"),
        Note(
            "Standard errors are CR2 with Satterthwaite degrees of freedom.\n\n- one\n- two",
            "methods",
            kind="method",
            title="Inference",
        ),
    ]


PROVENANCE = {
    "version": "v003-9f2c1a",
    "made": "2025-06-01T10:00:00Z",
    "inputs": {"w1/survey.csv": "9f2c1a" * 10 + "abcd", "w2/survey.csv": "77aa01" * 10 + "abcd"},
    "seed": 20241007,
    "packages": ["numpy 2.4.0", "pandas 3.1.0"],
    "git_commit": {"commit": "0123abc", "clean": True},
}
NOTEBOOKS = [
    (
        "Clean",
        "01_clean.ipynb",
        ["from belonging_study.reports import open_wave\n\nws = open_wave()", "x = 1 < 2  # " + "long " * 40],
    ),
    (
        "Effects",
        "03_did.ipynb",
        ["ws.table('estimates', estimates, title='Effects of the programme', section='effects')"],
    ),
]
