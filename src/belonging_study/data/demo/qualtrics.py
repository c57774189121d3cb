"""The demo study's first wave as a Qualtrics export (CSV with numeric codes)."""

from __future__ import annotations

import csv
import io
import json
import string

import numpy as np
import pandas as pd

from belonging_study.data.demo.questionnaire import Questionnaire, load_fiction
from belonging_study.data.demo.simulate import DemoData

__all__ = ["qualtrics_csv"]

QUESTIONS = {
    "StartDate": ("Start Date", "startDate"),
    "EndDate": ("End Date", "endDate"),
    "Status": ("Response Type", "status"),
    "IPAddress": ("IP Address", "ipAddress"),
    "Progress": ("Progress", "progress"),
    "Duration (in seconds)": ("Duration (in seconds)", "duration"),
    "Finished": ("Finished", "finished"),
    "RecordedDate": ("Recorded Date", "recordedDate"),
    "ResponseId": ("Response ID", "_recordId"),
    "RecipientLastName": ("Recipient Last Name", "recipientLastName"),
    "RecipientFirstName": ("Recipient First Name", "recipientFirstName"),
    "RecipientEmail": ("Recipient Email", "recipientEmail"),
    "ExternalReference": ("External Data Reference", "externalDataReference"),
    "LocationLatitude": ("Location Latitude", "locationLatitude"),
    "LocationLongitude": ("Location Longitude", "locationLongitude"),
    "DistributionChannel": ("Distribution Channel", "distributionChannel"),
    "UserLanguage": ("User Language", "userLanguage"),
}
DATES = ("StartDate", "EndDate", "RecordedDate")
REMARKS = 0.25
TIME = "%Y-%m-%d %H:%M:%S"
# The point of the oceans farthest from land, where nobody goes to school.
NOWHERE = (-48.8767, -123.3933)


def qualtrics_csv(data: DemoData, form: Questionnaire, rows: pd.DataFrame, rng: np.random.Generator) -> bytes:
    """Write responses as Qualtrics does: three header rows, the third in JSON.

    Parameters
    ----------
    data : DemoData
    form : Questionnaire
    rows : pandas.DataFrame
        From `survey_rows`.
    rng : numpy.random.Generator

    Returns
    -------
    bytes
        UTF-8 with a byte order mark; previews of the form come first.
    """
    items = list(form.items)
    rows = pd.concat([_previews(data, form, rows, rng), rows], ignore_index=True)
    preview = rows["student_id"].isna()
    n = len(rows)
    names = data.students.set_index("student_id").reindex(rows["student_id"])
    remarks = rng.choice(load_fiction().remarks, n)
    ended = rows["started"] + pd.to_timedelta(rows["seconds"], unit="s")
    finished = rows["stopped_after"] == len(items)
    table = pd.DataFrame(
        {
            "StartDate": rows["started"].dt.strftime(TIME),
            "EndDate": ended.dt.strftime(TIME),
            "Status": preview.astype(int),
            "IPAddress": np.char.add("192.0.2.", rng.integers(1, 255, n).astype(str)),
            "Progress": np.where(finished, 100, 5 + 3 * rows["stopped_after"]),
            "Duration (in seconds)": rows["seconds"],
            "Finished": finished.astype(int),
            "RecordedDate": (ended + pd.Timedelta(seconds=1)).dt.strftime(TIME),
            "ResponseId": _response_ids(rng, n),
            "RecipientLastName": names["last_name"].to_numpy(),
            "RecipientFirstName": names["first_name"].to_numpy(),
            "RecipientEmail": ("s" + rows["student_id"] + "@example.org").to_numpy(),
            "ExternalReference": rows["typed_id"],
            "LocationLatitude": np.round(NOWHERE[0] + rng.uniform(-0.01, 0.01, n), 4),
            "LocationLongitude": np.round(NOWHERE[1] + rng.uniform(-0.01, 0.01, n), 4),
            "DistributionChannel": np.where(preview, "preview", "email"),
            "UserLanguage": "EN",
            **{item: rows[item].astype("Int64") for item in items},
            "remark": np.where(finished & (rng.random(n) < REMARKS), remarks, ""),
        }
    )
    questions = {**QUESTIONS, **{name: (text, f"QID{k}") for k, (name, text) in enumerate(form.items.items(), start=1)}}
    questions["remark"] = (form.remark, f"QID{len(items) + 1}_TEXT")
    ids = [
        {"ImportId": key, "timeZone": "Europe/London"} if name in DATES else {"ImportId": key}
        for name, (_, key) in questions.items()
    ]
    text = io.StringIO()
    header = csv.writer(text, lineterminator="\n")
    header.writerow(questions)
    header.writerow([question for question, _ in questions.values()])
    header.writerow([json.dumps(key, separators=(",", ":")) for key in ids])
    table.to_csv(text, index=False, header=False, lineterminator="\n")
    return text.getvalue().encode("utf-8-sig")


def _previews(data: DemoData, form: Questionnaire, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Rows that the team left behind when it tried the form a week before."""
    n = data.truth.survey.previews
    codes = {item: rng.integers(1, len(labels) + 1, n).astype(float) for item, labels in form.labels.items()}
    started = rows["started"].min().normalize() - pd.to_timedelta(rng.integers(9_000, 600_000, n), unit="s")
    fixed = {"typed_id": "", "student_id": np.nan, "stopped_after": len(codes), "seconds": rng.integers(20, 90, n)}
    return pd.DataFrame({**fixed, **codes, "started": started}).astype({"student_id": rows["student_id"].dtype})


def _response_ids(rng: np.random.Generator, n: int) -> list[str]:
    letters = np.array(list(string.ascii_letters + string.digits))
    return ["R_" + "".join(row) for row in rng.choice(letters, (n, 15))]
