"""The zone supervisor: aggregates its devices by kind, raises events, and commands them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jacquemart.runtime.actor.supervisor import Rows, Supervisor
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.wire.messages import Bulk, BulkResult

#: A kind is degraded in a zone below this share of members online, and well again above the
#: other; between the two, nothing is said (hysteresis).
DEGRADED_BELOW = 0.90
WELL_ABOVE = 0.95


class ZoneSupervisor(Supervisor):
    """Supervises one zone, on its own where the centre is away."""

    __slots__ = ("_degraded", "_heard")

    def on_start(self) -> None:
        """Begin with the belief that all is well."""
        self._degraded: set[str] = set()
        self._heard: set[str] = set()

    def take_event(self, event: Event) -> None:
        """Pass a member's event on as the zone's own."""
        self.emit(event.name, event.severity, subject=event.subject, time_ns=event.time_ns,
                  **{key: value for key, value in event.detail.items()
                     if key not in ("subject", "time_ns")})  # fmt: skip

    def rollups_changed(self, rows: Rows) -> None:
        """Raise an event when a kind loses many of its members, or has them back."""
        for kind, found in self.summarize(rows)["kinds"].items():
            share = found["online"] / found["count"] if found["count"] else 1.0
            if share >= WELL_ABOVE:
                self._heard.add(kind)  # only what was well before can degrade
                if kind in self._degraded:
                    self._degraded.discard(kind)
                    self.emit("zone_recovered", 0, kind=kind, online=found["online"])
            elif share < DEGRADED_BELOW and kind in self._heard and kind not in self._degraded:
                self._degraded.add(kind)
                self.emit(
                    "zone_degraded", 2, kind=kind, online=found["online"], count=found["count"]
                )

    def set_all(
        self,
        kind: str,
        point: str,
        value: float,
        done: Callable[[BulkResult], object],
        *,
        device: str = "*",
        within_s: float = 10.0,
        priority: int = 8,
    ) -> None:
        """Command all devices of a kind in this zone; ``done`` gets an outcome for each.

        Args:
            kind: kind or pattern. device: device id pattern.
            value: in the point's unit.
            within_s: nothing is sent to the field after this many seconds.
            priority: 1 (life safety) to 16; 8 is an operator's.
        """
        deadline = self.host.clock.boot_ns() + int(within_s * 1e9)
        self.fan_out(
            Bulk(new_command_id(), f"zone:{self.id}", self.id, kind, device, point, value, "",
                 priority, deadline),
            done,
        )  # fmt: skip

    def view(self, rows: Rows) -> dict[str, Any]:
        """Return the zone's summary."""
        return {"zone": self.id, "degraded": sorted(self._degraded), **self.summarize(rows)}
