"""School records of which several rows belong to one student, each added up to measures of the student."""

from __future__ import annotations

from belonging_study.data.registers.attendance import attendance, attendance_measures
from belonging_study.data.registers.dates import code_dates
from belonging_study.data.registers.enrolment import enrolment_measures, enrolment_stays
from belonging_study.data.registers.incidents import incident_counts, incidents_measures
from belonging_study.data.registers.kinds import (
    MANY_ROWS,
    REGISTERS,
    add_up,
    check_measures,
    code_register,
    lacking_columns,
    register_columns,
    register_measures,
)
from belonging_study.data.registers.marks import course_marks, marks_measures
from belonging_study.data.registers.nothing import read_headings
from belonging_study.data.registers.register import Measure, Register, to_roster

__all__ = [
    "MANY_ROWS",
    "REGISTERS",
    "Measure",
    "Register",
    "add_up",
    "attendance",
    "attendance_measures",
    "check_measures",
    "code_dates",
    "code_register",
    "course_marks",
    "enrolment_measures",
    "enrolment_stays",
    "incident_counts",
    "incidents_measures",
    "lacking_columns",
    "marks_measures",
    "read_headings",
    "register_columns",
    "register_measures",
    "to_roster",
]
