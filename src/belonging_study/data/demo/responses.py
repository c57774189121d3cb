"""The rows of one wave's survey export, before they take a format: responses, and second responses beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.data.demo.questionnaire import Questionnaire
from belonging_study.data.demo.simulate import DemoData

__all__ = ["survey_rows"]

FIRST_PAGE = 9
SCHOOL_DAY = (8 * 60, 14 * 60)


def survey_rows(data: DemoData, form: Questionnaire, wave: str, day: str, rng: np.random.Generator) -> pd.DataFrame:
    """Give one row for each response of a wave, in the order of time.

    Parameters
    ----------
    data : DemoData
    form : Questionnaire
    wave : str
    day : str
        First day of the wave (``YYYY-MM-DD``); each school answers on one of five days from then on.
    rng : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        Columns `typed_id`, `student_id`, the items, `stopped_after`, `started` and `seconds`. A second response of
        a student repeats the first page of the other one and ends there.
    """
    long = data.long
    answered = long.loc[(long["wave"] == wave) & long["responded"]]
    rows = answered[["typed_id", "student_id", "school_now", "stopped_after", "answered_twice", *form.items]].copy()
    n = len(rows)
    schools = rows["school_now"].str.removeprefix("S").astype(int).to_numpy()
    minutes = (schools % 5) * 24 * 60 + rng.integers(*SCHOOL_DAY, n)
    rows["started"] = pd.Timestamp(day) + pd.to_timedelta(minutes * 60 + rng.integers(0, 60, n), unit="s")
    rows["seconds"] = np.round(
        rng.lognormal(6.0, 0.3, n) * (0.1 + 0.9 * rows["stopped_after"] / len(form.items))
    ).astype(int)

    again = rows.loc[rows["answered_twice"] != ""].copy()
    before = again["answered_twice"] == "first"
    apart = pd.to_timedelta(rng.integers(900, 3600, len(again)), unit="s")
    again["started"] = again["started"] + np.where(before, -apart, apart)
    again["seconds"] = again["seconds"] // 3
    again["stopped_after"] = FIRST_PAGE
    again[list(form.items)[FIRST_PAGE:]] = np.nan
    both = pd.concat([rows, again]).drop(columns=["answered_twice", "school_now"])
    return both.sort_values(["started", "student_id"], ignore_index=True)
