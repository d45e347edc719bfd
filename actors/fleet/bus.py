"""A bus: where it is, on which line, how late, how full."""

from __future__ import annotations

from typing import ClassVar

from jacquemart.actors.fleet.vehicle import DERIVED, POLL_MS, POSITION, STALE_MS, Vehicle, status
from jacquemart.runtime.actor import Aggregate
from jacquemart.runtime.actor.declare import Point


class Bus(Vehicle):
    """One bus with its on-board computer.

    Off duty, or not known to be on duty, nobody is told where it is. It belongs to the zone in
    which it is, and leaves that when it is 25 m outside of it or was outside for 15 s. Its
    position is stale 90 s after it was taken. With the option ``broker`` it tells that one where
    it is, for priority at signals; ``asks_as = "tram"`` makes a tram of it there.
    """

    __slots__ = ()

    kind = "bus"
    points: ClassVar[tuple[Point, ...]] = (
        status("off_duty", "in_service", "at_stop", "empty_run", "layover"),
        *POSITION,
        Point("line", "The number of its line; 0: none", type="count", low=0.0, high=9_999.0,
              required=False, poll_ms=30_000, stale_after_ms=STALE_MS),
        Point("trip", "The number of its trip in the timetable; 0: none", type="count", low=0.0,
              high=1e15, required=False, poll_ms=30_000, stale_after_ms=STALE_MS),
        Point("delay", "How late it is; below 0: early", unit="s", low=-3_600.0, high=36_000.0,
              required=False, poll_ms=POLL_MS, stale_after_ms=STALE_MS),
        Point("load", "How full it is", unit="%", low=0.0, high=150.0, required=False,
              poll_ms=POLL_MS, stale_after_ms=STALE_MS),
        Point("door", "A door is open", type="flag", required=False, poll_ms=POLL_MS,
              stale_after_ms=STALE_MS),
        *DERIVED,
    )  # fmt: skip
    summary = (
        Aggregate("heard", "status", "online"),
        Aggregate("tracked", "latitude", "online"),
        Aggregate("delay", "delay", "mean", "s"),
        Aggregate("load", "load", "mean", "%"),
    )
