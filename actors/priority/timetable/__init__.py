"""Timetables: GTFS Schedule as its publishers write it, and how late a vehicle is by it."""

from __future__ import annotations

from jacquemart.actors.priority.timetable.lateness import (
    Headways,
    Lateness,
    TripFollower,
    day_of,
)
from jacquemart.actors.priority.timetable.table import Limits, TimetableErrors, TimetableProblem
from jacquemart.actors.priority.timetable.timetable import Timetable, Trip, read_timetable

__all__ = [
    "Headways", "Lateness", "Limits", "Timetable", "TimetableErrors", "TimetableProblem", "Trip",
    "TripFollower", "day_of", "read_timetable",
]  # fmt: skip
