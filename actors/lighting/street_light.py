"""A street light: a level that is asked for, and in another point the level it really has.

A lamp ramps to its level and does not jump, so a setpoint counts as APPLIED only when the level
fed back is there. A lamp whose cabinet is dead is unreachable *by its cabinet*; that is no
fault of the lamp.
"""

from __future__ import annotations

from collections.abc import Mapping

from jacquemart.runtime.actor import Aggregate, DeviceActor, Point
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality


class StreetLight(DeviceActor):
    """One luminaire with its controller."""

    __slots__ = ("_faulty",)

    kind = "street_light"
    points = (
        Point("setpoint", "level that the lamp shall have", unit="%", low=0, high=100,
              writable=True, feedback="level"),
        Point("level", "level that the lamp has", unit="%", low=0, high=100),
        Point("power", "of the lamp", unit="W"),
        Point("burn_hours", "for how long the lamp has burnt", unit="h"),
        Point("fault", "whether the lamp says that it is faulty", "flag", urgent=True),
    )  # fmt: skip
    watched = frozenset({"fault"})
    summary = (
        Aggregate("level", "level", "mean", "%"),
        Aggregate("power", "power", "sum", "W"),
        Aggregate("faults", "fault", "sum"),
    )

    def on_start(self) -> None:
        """Begin without a known fault."""
        self._faulty = False

    def reading(self, point: str, value: float, quality: int) -> None:
        """Tell a lamp fault that comes or goes."""
        faulty = bool(value)
        if point == "fault" and quality == Quality.GOOD and faulty != self._faulty:
            self._faulty = faulty
            if faulty:
                self.emit("lamp_fault", 1, level=self.value("level"))
            else:
                self.emit("lamp_fault_cleared")

    def safe_values(self) -> Mapping[str, float]:
        """Burn, as brightly as the template allows: a dark street is the worse fault."""
        high = self.template.points[self.template.point_index("setpoint")].high
        return {"setpoint": 100.0 if high is None else high}

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        """Name the lamp's own fault where it has one."""
        faulty = self.quality("fault") == Quality.GOOD and bool(self.value("fault"))
        if verdict.status is Status.FAILED and faulty:
            return Verdict(Status.FAILED, Reason.DEVICE_FAULT, f"lamp fault; {verdict.detail}")
        return verdict
