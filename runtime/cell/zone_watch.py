"""A device cell's look at the zone cells above it, and what its devices do when one is lost.

By default devices keep what they have. Those whose template says ``on_zone_lost = "fail_safe"``
go to what their kind calls safe, after the template's time, and back when the zone is there
again: to what they had, except where somebody has commanded them meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.fail_safe import FailSafes
from jacquemart.runtime.cell.topics import facts_topic
from jacquemart.runtime.kernel.islanding import Contact
from jacquemart.runtime.kernel.zone_loss import Back, Enter, Lost, ZoneLoss
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.actor.device import DeviceActor
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: Looks are so far apart; every second one asks the zone cells whether they live.
LOOK_S = 0.25


class ZoneWatch:
    """Knows which zone cells live, and has the devices of those that do not go to fail-safe."""

    def __init__(self, cell: DeviceCell) -> None:
        """Watch from now on; as long as there is no directory nobody is missed."""
        self._cell = cell
        self._losses: dict[str, ZoneLoss] = {}
        self._fail_safes = FailSafes(cell, self._tell)
        self._timer = cell.loop.call_later(LOOK_S, self._look)
        self._asks = False

    def stop(self) -> None:
        """Watch no more; what is safe stays so."""
        self._timer.cancel()
        self._fail_safes.stop()

    def heard(self, zone_cell: str) -> None:
        """Take note of a sign of life of a zone cell, whoever got it."""
        loss = self._losses.get(zone_cell)
        if loss is not None:
            loss.contact.heard()

    def _look(self) -> None:
        self._timer = self._cell.loop.call_later(LOOK_S, self._look)
        cell, now = self._cell, self._cell.clock.boot_ns()
        above: dict[str, set[str]] = {}
        homes = cell.directory.zones
        for shard in cell.shards.values():
            zone = shard.spec.zone
            if zone in homes:
                above.setdefault(homes[zone], set()).add(zone)
        for name in [name for name in self._losses if name not in above]:
            del self._losses[name]
        self._asks, delays = not self._asks, self._delays()
        for name, zones in above.items():
            loss = self._losses.setdefault(name, ZoneLoss(Contact(now)))
            if self._asks:
                self._ask(name)
            for step in loss.look(now, delays):
                self._do(step, name, zones)

    def _delays(self) -> set[int]:
        """Return the delays of all templates with a fail-safe; no actor is looked at."""
        return {
            template.fail_safe_after_ns
            for template in self._cell.config.templates.values()
            if template.on_zone_lost == "fail_safe"
        }

    def _members(self, zones: Iterable[str], delay_ns: int) -> list[DeviceActor]:
        return [
            actor
            for shard in self._cell.shards.values()
            if shard.spec.zone in zones
            for actor in shard.actors
            if actor.template.on_zone_lost == "fail_safe"
            and actor.template.fail_safe_after_ns == delay_ns
        ]

    def _do(self, step: Lost | Enter | Back, name: str, zones: set[str]) -> None:
        if isinstance(step, Lost):
            self._tell(zones, "zone_lost", 2, {"cell": name})
        elif isinstance(step, Back):
            self._tell(zones, "zone_back", 0, {"cell": name})
            self._fail_safes.leave(zones)
        else:
            self._fail_safes.enter(self._members(zones, step.delay_ns))

    def _tell(self, zones: Iterable[str], name: str, severity: int, facts: dict[str, Any]) -> None:
        cell = self._cell
        for zone in zones:
            shard = next(s.spec.id for s in cell.shards.values() if s.spec.zone == zone)
            event = Event(name, zone, zone, cell.clock.wall_ns(), severity, facts)
            cell.publisher.event(facts_topic(shard), event)

    def _ask(self, name: str) -> None:
        def answer(frame: bytes | None) -> None:
            if frame is not None:
                self.heard(name)

        expires = self._cell.clock.boot_ns() + 1_000_000_000
        try:
            self._cell.caller(name).call(messages.query("zone_alive"), expires, answer)
        except JacquemartError:  # the directory does not know it just now
            return
