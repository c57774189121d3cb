"""The demo study's second wave as a Google Forms export (CSV with question text and answer labels)."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from belonging_study.data.demo.questionnaire import Questionnaire

__all__ = ["google_forms_csv"]

GRIDS = ("connection", "uncertainty")
ODD = 0.02
ODDITIES: tuple[Callable[[str], str], ...] = (
    str.lower,
    str.upper,
    str.title,
    lambda label: label + " ",
    lambda label: " " + label.lower(),
    lambda label: label.replace(" ", "  "),
)


def google_forms_csv(form: Questionnaire, rows: pd.DataFrame, rng: np.random.Generator) -> bytes:
    """Write responses as Google Forms does: one header row of questions, grids as ``question [row]``.

    Parameters
    ----------
    form : Questionnaire
    rows : pandas.DataFrame
        From `survey_rows`.
    rng : numpy.random.Generator

    Returns
    -------
    bytes
        UTF-8. Here and there a label differs in case or spaces, as when a form is edited while it is open.
    """
    hour = rows["started"].dt.strftime("%I").str.lstrip("0")
    stamp = rows["started"].dt.strftime("%Y/%m/%d ") + hour + rows["started"].dt.strftime(":%M:%S %p GMT+1")
    table = {"Timestamp": stamp, form.student_number: rows["typed_id"]}
    for name, scale in form.scales.items():
        for item, wording in scale.items.items():
            header = f"{scale.question} [{wording}]" if name in GRIDS else wording
            table[header] = pd.Series(_labels(rows[item].to_numpy(dtype=float), scale.labels, rng))
    text = io.StringIO()
    pd.DataFrame(table).to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode("utf-8")


def _labels(codes: NDArray[np.float64], labels: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    odd = rng.random(codes.size) < ODD
    how = rng.integers(0, len(ODDITIES), codes.size)
    texts = ["" if np.isnan(code) else labels[int(code) - 1] for code in codes]
    return [ODDITIES[how[k]](text) if odd[k] and text else text for k, text in enumerate(texts)]
