"""A vehicle of the municipality: police, cleaning, green spaces, snow.

Nobody is sent on a task whose vehicle is off duty, or of which nobody knows where it is.
"""

from __future__ import annotations

from typing import ClassVar

from jacquemart.actors.fleet.vehicle import (
    DERIVED,
    POLL_MS,
    POSITION,
    STALE_MS,
    STATUS,
    Vehicle,
    status,
)
from jacquemart.actors.priority.request import VehicleType
from jacquemart.runtime.actor import Aggregate
from jacquemart.runtime.actor.declare import Point
from jacquemart.runtime.kernel.duty import Duty, duty_of
from jacquemart.runtime.model.quality import Quality

#: Doing this, and nothing else, it asks for priority at signals.
EMERGENCY = "emergency"


class ServiceVehicle(Vehicle):
    """One vehicle with its terminal.

    Off duty, or not known to be on duty, nobody is told where it is. It belongs to the zone in
    which it is. A task is refused while it is off duty or its position is not fresh; task 0,
    which takes one back, never. With the option ``broker`` it tells that one where it is while its
    status is "emergency", for priority at signals.
    """

    __slots__ = ()

    kind = "service_vehicle"
    asks_as = VehicleType.EMERGENCY
    points: ClassVar[tuple[Point, ...]] = (
        status("off_duty", "available", "to_job", "at_job", "returning", EMERGENCY),
        *POSITION,
        Point("task", "The number of the task on its terminal; 0: none", type="count", low=0.0,
              high=999_999.0, writable=True, required=False, guards=(STATUS,), settle_ms=10_000,
              poll_ms=POLL_MS, stale_after_ms=STALE_MS),
        *DERIVED,
    )  # fmt: skip
    summary = (
        Aggregate("heard", "status", "online"),
        Aggregate("tracked", "latitude", "online"),
        Aggregate("speed", "speed", "mean", "m/s"),
    )

    def may_be_followed(self, status: float) -> bool:
        """Return whether it drives to an emergency: else no signal has to know where it is."""
        words = self.template.points[self.template.point_index(STATUS)].words
        return 0 <= status < len(words) and words[int(status)] == EMERGENCY

    def rule(self, point: str, value: float) -> str | None:
        """Give a task only to a vehicle that is on duty, and of which one knows where it is."""
        if point != "task" or value == 0.0:  # to take a task back is always allowed
            return None
        return self._unfit()

    def interlock(self, point: str, value: float) -> str | None:
        """Ask the same again right before the task is sent."""
        return self.rule(point, value)

    def _unfit(self) -> str | None:
        duty = duty_of(self.value(STATUS), self.quality(STATUS), self._highest)
        if duty is Duty.OFF:
            return f"{self.id} is off duty"
        if duty is Duty.UNKNOWN:
            return f"nobody knows whether {self.id} is on duty"
        _, quality, source_ns, _ = self.shard.table.read(self._slot("latitude"))
        if quality >= Quality.STALE_AGE:
            if quality != Quality.STALE_AGE:
                return f"nobody knows where {self.id} is"
            age = (self.host.clock.wall_ns() - source_ns) / 1e9
            return f"{self.id} was last seen {age:.0f} s ago, allowed: {STALE_MS // 1000} s"
        return None
