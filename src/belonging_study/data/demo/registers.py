"""What the demo study's schools send of their own in each wave: the roster and the records."""

from __future__ import annotations

import pandas as pd

from belonging_study.data.demo.simulate import DemoData

__all__ = ["records_csv", "roster_csv"]


def roster_csv(data: DemoData, wave: str) -> bytes:
    """Give one row for each student enrolled in the wave.

    Parameters
    ----------
    data : DemoData
    wave : str

    Returns
    -------
    bytes
        UTF-8. School and class are those of the wave; arm and pair are those to which the student was assigned.
    """
    now = data.long.loc[data.long["wave"] == wave]
    names = data.students.set_index("student_id").loc[now["student_id"]]
    table = pd.DataFrame(
        {
            "student_id": now["student_id"],
            "first_name": names["first_name"].to_numpy(),
            "last_name": names["last_name"].to_numpy(),
            "school_id": now["school_now"],
            "class_id": now["class_now"],
            "grade": now["grade"],
            "arm": now["arm"],
            "pair": now["pair"],
            "gender": now["gender"],
            "free_meals": now["free_meals"],
            "consent": now["consent"],
        }
    )
    return _csv(table.sort_values(["school_id", "class_id", "last_name", "first_name", "student_id"]))


def records_csv(data: DemoData, wave: str) -> bytes:
    """Give marks, days absent and suspensions (1 at least once, 0 never) of the students enrolled in the wave.

    Parameters
    ----------
    data : DemoData
    wave : str

    Returns
    -------
    bytes
        UTF-8, in the order of student numbers; a missing mark is empty.
    """
    now = data.long.loc[data.long["wave"] == wave, ["student_id", "mean_mark", "days_absent", "suspended"]]
    return _csv(now.astype({"days_absent": int, "suspended": int}).sort_values("student_id"))


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8")
