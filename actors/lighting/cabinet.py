"""A lighting cabinet: contactor, meter, door, communication; it feeds its lamps.

When the cabinet cannot be reached, or has no power on its output, its lamps cannot be reached
either: one fact about the cabinet, and none about the lamps.
"""

from __future__ import annotations

from collections.abc import Mapping

from jacquemart.runtime.actor import Aggregate, DeviceActor, Point
from jacquemart.runtime.model.quality import Quality


class LightingCabinet(DeviceActor):
    """One cabinet and the lamps behind it."""

    __slots__ = ("_alive", "_open", "_told")

    kind = "lighting_cabinet"
    points = (
        Point("contactor", "feeds the lamps when closed", "flag", writable=True,
              feedback="contactor_state"),
        Point("contactor_state", "whether the contactor is closed", "flag", urgent=True),
        Point("door", "whether the door is open", "flag", urgent=True),
        Point("voltage", "of the supply", unit="V", low=0, required=False),
        Point("current", "of all feeders", unit="A", low=0, required=False),
        Point("power", "of all feeders", unit="W"),
        Point("energy", "counted by the meter", unit="kWh"),
        Point("communication", "whether the cabinet can be heard", "flag", derived=True,
              urgent=True),
    )  # fmt: skip
    watched = frozenset({"contactor_state", "door"})
    summary = (
        Aggregate("closed", "contactor_state", "sum"),
        Aggregate("doors open", "door", "sum"),
        Aggregate("power", "power", "sum", "W"),
        Aggregate("communicating", "communication", "sum"),
    )

    def on_start(self) -> None:
        """Begin without an opinion about the lamps."""
        self._alive: bool | None = None
        """Whether it fed its lamps when it was last heard."""
        self._told: bool | None = None
        """What the lamps' link was told of that since it came up."""
        self._open = False

    def safe_values(self) -> Mapping[str, float]:
        """Feed the lamps."""
        return {"contactor": 1.0}

    def link_changed(self, up: bool) -> None:
        """A link that is down is a cabinet that is; one that is up must be heard first."""
        if not up:
            self.publish("communication", 0.0)
            self._told = None

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow the contactor and the door."""
        if quality >= Quality.STALE_AGE:
            if quality in (Quality.BAD_UNIT, Quality.BAD_COMM):
                self.publish("communication", 0.0)  # the link may be up: the cabinet is not
            return
        if point == "door":
            if bool(value) != self._open:
                self._open = bool(value)
                self.emit("door_open" if value else "door_closed", 1 if value else 0)
        elif point == "contactor_state":
            self.publish("communication", 1.0)
            alive = bool(value)
            if alive != self._alive:
                if self._alive is not None:
                    self.emit("feeding" if alive else "not_feeding")
                self._alive = alive
            if alive != self._told:
                self._told = alive
                self.shard.feeds(self, alive)
