"""Stays at schools against hand computation and a day-by-day count; dates whose order is read off or asked for."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belonging_study.data.registers import Register, code_dates, enrolment_measures, enrolment_stays
from belonging_study.errors import DataError, ValueRangeError

WAVE = dt.date(2025, 5, 1)


def stays(*rows: tuple[str | None, str | None, str | None, str | None]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["student", "school_id", "entry_date", "exit_date"])
    return made.assign(**{name: pd.to_datetime(made[name]) for name in ("entry_date", "exit_date")})


def enrolment(*rows: tuple[str | None, str | None, str | None, str | None]) -> Register:
    return enrolment_stays(stays(*rows), WAVE, school="school_id", where="w/stays.csv")


def test_the_school_is_that_of_the_first_stay_that_covers_the_wave() -> None:
    found = enrolment(
        ("mover", "north", "2024-09-01", "2025-01-31"),
        ("mover", "south", "2025-01-31", None),
        ("two", "west", "2025-02-01", None),
        ("two", "east", "2024-09-01", None),
        ("last_day", "north", "2024-09-01", "2025-05-01"),
        ("first_day", "north", "2025-05-01", None),
    )
    table = found.students
    assert table["school_id"].to_dict() == {
        "mover": "south", "two": "east", "last_day": "north", "first_day": "north",
    }  # fmt: skip
    assert table["n_schools"].to_dict() == {"mover": 2, "two": 2, "last_day": 1, "first_day": 1}
    assert table["overlapping_stays"].to_dict() == {"mover": 0, "two": 1, "last_day": 0, "first_day": 0}
    assert (table["enrolled_at_wave"] == 1).all()
    assert (table[["withdrawn", "entered_late"]] == 0).all(axis=None)
    assert table.loc["mover", "days_since_entry"] == (WAVE - dt.date(2024, 9, 1)).days
    assert found.info["Students at two schools at once"] == 1
    assert {measure.name for measure in enrolment_measures()} == set(table) - {"school_id"}


def test_whoever_left_or_came_later_stays_on_record() -> None:
    found = enrolment(
        ("left", "north", "2023-09-01", "2024-06-30"),
        ("left", "south", "2024-09-01", "2025-04-01"),
        ("late", "south", "2025-09-01", None),
        ("late", "north", "2025-06-01", "2025-06-30"),
        ("between", "north", "2024-09-01", "2025-04-01"),
        ("between", "south", "2025-06-01", None),
    )
    table = found.students
    assert table["school_id"].to_dict() == {"left": "south", "late": "north", "between": "north"}
    assert table["withdrawn"].to_dict() == {"left": 1, "late": 0, "between": 0}
    assert table["entered_late"].to_dict() == {"left": 0, "late": 1, "between": 0}
    assert (table["enrolled_at_wave"] == 0).all()
    assert table["n_schools"].to_dict() == {"left": 2, "late": 0, "between": 1}
    assert table.loc["left", "days_since_exit"] == 30
    assert table["days_since_exit"].isna().to_dict() == {"left": False, "late": True, "between": True}
    assert table.loc["late", "days_since_entry"] == -31
    assert (found.removed_at == 0).all()
    assert found.info["Students who left before the wave"] == 1
    assert found.info["Stays that begin after the wave"] == 3


def test_repeated_rows_are_counted_and_open_dates_are_allowed() -> None:
    found = enrolment(
        ("a", "north", "2024-09-01", None),
        ("a", "north", "2024-09-01", None),
        (None, "north", "2024-09-01", None),
        ("b", "north", None, "9999-12-31"),
        ("c", None, "2024-09-01", None),
    )
    assert found.removed_at.tolist() == [0, 2, 1, 0, 0]
    table = found.students
    assert table.loc["b", ["enrolled_at_wave", "withdrawn"]].tolist() == [1, 0]
    assert np.isnan(table.loc["b", "days_since_entry"])
    assert found.info["Stays without an entry date"] == 1
    assert table.loc["c", "n_schools"] == 0
    assert pd.isna(table.loc["c", "school_id"])


def test_an_exit_before_the_entry_is_an_error() -> None:
    with pytest.raises(ValueRangeError, match="1 row with an exit before the entry"):
        enrolment(("a", "north", "2025-01-31", "2024-09-01"), ("b", "north", "2025-01-31", "2025-01-31"))


STAY = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 30), st.integers(0, 30), st.booleans())
DAY0 = pd.Timestamp("2025-04-15")


def drawn(rows: list[tuple[str, str, int, int, bool]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["student", "school_id", "start", "length", "open"])
    entry = DAY0 + pd.to_timedelta(made["start"], unit="D")
    leave = (entry + pd.to_timedelta(made["length"], unit="D")).where(~made["open"])
    return made[["student", "school_id"]].assign(entry_date=entry, exit_date=leave)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(STAY, min_size=1, max_size=7), seed=st.integers(0, 99))
def test_stays_agree_with_a_count_day_by_day(rows: list[tuple[str, str, int, int, bool]], seed: int) -> None:
    table = drawn(rows)
    found = enrolment_stays(table, WAVE, school="school_id", where="r").students
    pd.testing.assert_frame_equal(
        found, enrolment_stays(table.sample(frac=1, random_state=seed), WAVE, school="school_id", where="r").students
    )
    wave = (pd.Timestamp(WAVE) - DAY0).days
    for student in table["student"].unique():
        mine = table[table["student"] == student]
        alone = enrolment_stays(mine, WAVE, school="school_id", where="r").students
        pd.testing.assert_frame_equal(found.loc[[student]], alone)
        days: dict[str, set[int]] = {}
        for _, stay in mine.iterrows():
            first = (stay["entry_date"] - DAY0).days
            last = 200 if pd.isna(stay["exit_date"]) else (stay["exit_date"] - DAY0).days
            days.setdefault(stay["school_id"], set()).update(range(first, last + 1))
        anywhere = set().union(*days.values())
        row = found.loc[student]
        assert row["enrolled_at_wave"] == (wave in anywhere)
        assert row["withdrawn"] == (max(anywhere) < wave)
        assert row["entered_late"] == (min(anywhere) > wave)
        assert row["n_schools"] == sum(min(held) <= wave for held in days.values())
        assert row["days_since_entry"] == wave - min(anywhere)
        if wave in anywhere:
            assert wave in days[row["school_id"]]
        if max(anywhere) < wave:
            assert row["days_since_exit"] == wave - max(anywhere)
            assert max(days[row["school_id"]]) == max(anywhere)


@settings(max_examples=30, deadline=None)
@given(length=st.integers(2, 400), cut=st.integers(1, 399))
def test_splitting_a_stay_in_two_changes_nothing(length: int, cut: int) -> None:
    cut = min(cut, length - 1)
    entry = dt.date(2024, 6, 1)
    end, middle = entry + dt.timedelta(days=length), entry + dt.timedelta(days=cut)
    whole = enrolment(("a", "north", f"{entry}", f"{end}")).students
    next_day = middle + dt.timedelta(days=1)
    parts = enrolment(("a", "north", f"{next_day}", f"{end}"), ("a", "north", f"{entry}", f"{middle}")).students
    pd.testing.assert_frame_equal(whole, parts)


# --- dates ----------------------------------------------------------------------------------------------------------


def coded(*values: object, order: str = "") -> tuple[list[str], DataError | None]:
    (found,) = code_dates([pd.Series(list(values), name="entry", dtype=object)], order=order, shown="w/stays.csv")
    return found.codes.dt.strftime("%Y-%m-%d").fillna("").tolist(), found.problem


@pytest.mark.parametrize(
    ("values", "order", "expected"),
    [
        (["2025-04-03", "2025/4/3", "20250403", 20250403.0, "2025-04-03 00:00:00", "2025-04-03T08:15:00Z"], "", 6),
        (["03/04/2025", "03.04.2025", "3-4-2025 08:15", "20.12.2024"], "", 3),
        (["04/03/2025", "4/3/2025 8:15:00 AM", "12/20/2024"], "", 2),
        (["03/04/2025"], "day", 1),
        (["04/03/2025"], "month", 1),
        (["\uff13/\uff10\uff14/2025 "], "day", 1),
    ],
)
def test_dates_are_read_in_the_order_that_the_column_shows(values: list[object], order: str, expected: int) -> None:
    found, problem = coded(*values, None, " ", order=order)
    assert problem is None
    assert found[:expected] == ["2025-04-03"] * expected
    assert found[-2:] == ["", ""]


def test_the_other_column_of_a_file_settles_the_order_too() -> None:
    entry, leave = pd.Series(["03/04/2025"], name="entry"), pd.Series(["20/06/2025"], name="exit")
    found = code_dates([entry, leave], shown="w/stays.csv")
    assert [one.problem for one in found] == [None, None]
    assert found[0].codes[0] == pd.Timestamp(2025, 4, 3)


def test_an_open_order_is_asked_for_and_never_guessed() -> None:
    _, problem = coded("03/04/2025", "05/06/2025")
    assert problem is not None
    assert "2 dates could have the day or the month first" in problem.what
    assert "date_order: day" in problem.remedy
    _, problem = coded("13/04/2025", "04/13/2025", "04/14/2025")
    assert problem is not None
    assert "1 date of the file can only have the day first, and 2 the month." in problem.what


@pytest.mark.parametrize(
    ("value", "order", "said"),
    [
        ("30/02/2025", "day", "1 value is no date."),
        ("13/04/2025", "month", "1 value is no date."),
        ("2025-02-30", "", "1 value is no date."),
        ("last Monday", "", "1 value is no date."),
        ("20/04/25", "day", "1 value is no date: the year has two digits."),
    ],
)
def test_what_is_no_date_is_told_without_being_shown(value: str, order: str, said: str) -> None:
    found, problem = coded("2025-01-01", value, order=order)
    assert found == ["2025-01-01", ""]
    assert isinstance(problem, ValueRangeError)
    assert said in problem.what
    assert value not in str(problem)
