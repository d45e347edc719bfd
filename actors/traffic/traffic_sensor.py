"""A traffic sensor: an induction loop, radar or camera that counts what passes.

It counts up and never forgets, so that a poll that was lost loses no vehicle. The flow is
worked out here, a minute at a time. A detector that is occupied for a very long time is more
likely broken than busy.
"""

from __future__ import annotations

from jacquemart.runtime.actor import Aggregate, DeviceActor, Point
from jacquemart.runtime.model.quality import Quality

#: How often the flow is worked out.
FLOW_S = 60.0
#: Above this occupancy a loop counts as occupied without a pause …
FULL = 99.0
#: … and after so long it counts as stuck.
STUCK_S = 900.0


class TrafficSensor(DeviceActor):
    """One place where traffic is counted.

    ``stuck`` is 1 when it was occupied without a pause for 15 minutes.
    """

    __slots__ = ("_count", "_count_s", "_full_s", "_stuck")

    kind = "traffic_sensor"
    points = (
        Point("count", "vehicles counted since the sensor started", "count", unit="veh", low=0,
              poll_ms=10_000, keep="every"),
        Point("occupancy", "share of the last interval that it was occupied", unit="%", low=0,
              high=100, poll_ms=10_000),
        Point("speed", "mean speed in the last interval", unit="km/h", low=0, high=250,
              poll_ms=10_000, required=False),
        Point("flow", "vehicles an hour, over the last minute", unit="veh/h", low=0,
              derived=True),
        Point("stuck", "whether it was occupied without a pause for too long", "flag",
              derived=True, urgent=True),
    )  # fmt: skip
    watched = frozenset({"occupancy"})
    summary = (
        Aggregate("flow", "flow", "sum", "veh/h"),
        Aggregate("occupancy", "occupancy", "mean", "%"),
        Aggregate("speed", "speed", "mean", "km/h"),
        Aggregate("stuck", "stuck", "sum"),
    )

    def on_start(self) -> None:
        """Begin to count from what is read next."""
        self._count: float | None = None
        self._count_s = 0.0
        self._full_s: float | None = None
        self._stuck = False
        self.publish("stuck", 0.0)
        self.every(FLOW_S, self._work_out)

    def reading(self, point: str, value: float, quality: int) -> None:
        """Remember since when the sensor is occupied; a bad reading says nothing."""
        if quality >= Quality.STALE_AGE:
            return
        if value < FULL:
            self._full_s = None
            self._set_stuck(False)
        elif self._full_s is None:
            self._full_s = self._now_s()

    def _work_out(self) -> None:
        """Work out the flow of the last interval, and whether the sensor is stuck."""
        now_s, count = self._now_s(), self.good("count")
        if count is None or self._count is None:
            self.publish("flow", 0.0, Quality.STALE_AGE)
        else:
            # A counter that fell back began anew: what it shows came since.
            passed = count - self._count if count >= self._count else count
            self.publish("flow", passed * 3_600.0 / (now_s - self._count_s))
        self._count, self._count_s = count, now_s
        if self._full_s is not None and now_s - self._full_s >= STUCK_S:
            self._set_stuck(True)

    def _set_stuck(self, stuck: bool) -> None:
        if stuck != self._stuck:
            self._stuck = stuck
            self.emit("detector_stuck" if stuck else "detector_free", 1 if stuck else 0)
            self.publish("stuck", float(stuck))

    def _now_s(self) -> float:
        return self.host.clock.boot_ns() / 1e9
