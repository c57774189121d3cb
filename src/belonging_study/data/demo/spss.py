"""The demo study's third wave as an SPSS file (value labels, user-missing codes, one scale coded from the top)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat

from belonging_study.data.demo.questionnaire import Questionnaire

__all__ = ["write_spss"]

FROM_THE_TOP = "connection"
NOT_ASKED, REFUSED = -8, -9
# Where an SPSS system file holds "dd mmm yy" and "hh:mm:ss" of its making (PSPP, System File Format, file header).
MADE = slice(92, 109)
MADE_AT = b"11 May 2615:00:00"


def write_spss(form: Questionnaire, rows: pd.DataFrame, path: Path) -> None:
    """Write responses as an SPSS system file.

    Parameters
    ----------
    form : Questionnaire
    rows : pandas.DataFrame
        From `survey_rows`.
    path : pathlib.Path
        The file to write.

    Notes
    -----
    In this file the connection items run from 1 = Strongly agree to 4 = Strongly disagree, as its value labels say.
    Skipped questions hold -9 (refused), questions after the student stopped -8 (not asked); both are declared missing.
    """
    table = {"STUDENT": rows["typed_id"].astype(object)}
    wordings: dict[str, str | None] = {"STUDENT": form.student_number}
    labels: dict[str, dict[int | float, str]] = {}
    reached = rows["stopped_after"].to_numpy()
    position = 0
    for name, scale in form.scales.items():
        top = len(scale.labels)
        from_the_top = name == FROM_THE_TOP
        for item, wording in scale.items.items():
            codes = rows[item].to_numpy(dtype=float)
            codes = top + 1 - codes if from_the_top else codes
            missing = np.where(reached > position, REFUSED, NOT_ASKED)
            variable = item.upper()
            table[variable] = pd.Series(np.where(np.isnan(codes), missing, codes))
            wordings[variable] = wording
            order = scale.labels[::-1] if from_the_top else scale.labels
            labels[variable] = {**dict(enumerate(order, start=1)), REFUSED: "Refused", NOT_ASKED: "Not asked"}
            position += 1
    pyreadstat.write_sav(
        pd.DataFrame(table),
        path,
        column_labels=wordings,
        variable_value_labels=labels,
        missing_ranges={variable: [REFUSED, NOT_ASKED] for variable in labels},
        variable_measure=dict.fromkeys(labels, "ordinal"),
        variable_format=dict.fromkeys(labels, "F2.0"),
    )
    content = bytearray(path.read_bytes())
    # The writer stamps the file with the time of day; a fixed one keeps a seed's files the same, byte for byte.
    content[MADE] = MADE_AT
    path.write_bytes(bytes(content))
