"""Devices in their fail-safe: what was written, what was there before, and the way back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.model.outcome import Outcome, Status

if TYPE_CHECKING:
    from jacquemart.runtime.actor.device import DeviceActor
    from jacquemart.runtime.actor.ticket import Ticket
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: Gets the zones, an event's name and severity, and its facts.
Announce = Callable[[Iterable[str], str, int, dict[str, Any]], None]
#: The slot of a fail-safe: critical equipment. Life safety and maintenance stand above it.
PRIORITY = 5
#: A device that did not take its fail-safe is asked again after so long.
AGAIN_S = 10.0
#: Devices asked in one turn of the loop.
A_TURN = 128
WITHIN_S = 10.0
_NEVER_SENT = (Status.REJECTED, Status.EXPIRED)


@dataclass(slots=True)
class _Safe:
    """One point of one device in its fail-safe."""

    actor: DeviceActor
    point: str
    value: float
    standing: float | None
    """What the point was set to last, or shows; None: nobody knows."""
    above: float | None
    """What somebody had set above its holds; None: nobody had."""
    commanded: Ticket | None
    """The last command before it."""
    status: Status | None = None
    """What became of the write."""

    @property
    def untouched(self) -> bool:
        """Whether nobody has commanded the device since."""
        return self.actor.last_ticket is self.commanded

    @property
    def back(self) -> float | None:
        """Where to go when the zone is back; None: nobody knows, so it stays."""
        claims = self.actor.claims
        held = None
        if claims is not None:
            held = claims.kernel.held(self.point, self.actor.host.clock.boot_ns())
        if held is None:
            return self.standing
        return held if self.above is None else self.above

    def step_back(self) -> bool:
        """Let the fail-safe stand above no hold any more; return whether it did.

        Also where somebody has commanded meanwhile: who was refused by it, or has made his hold
        anew below it, wants no device that stays in its fail-safe.
        """
        claims = self.actor.claims
        if claims is None or claims.kernel.above(self.point) != self.actor.id:
            return False
        if self.above is None:
            claims.kernel.step_back(self.point)
            claims.look_soon()
        return True

    @classmethod
    def of(cls, actor: DeviceActor, point: str, value: float) -> _Safe:
        """Take note of what a point is before it goes to its fail-safe."""
        standing = actor.shard.setpoints.get(actor.base + actor.template.point_index(point))
        above = None
        if actor.claims is not None and actor.claims.kernel.above(point):
            above = actor.claims.kernel.effective(point, actor.host.clock.boot_ns())
        if standing is None:
            standing = actor.good(point)
        return cls(actor, point, value, standing, above, actor.last_ticket)


class FailSafes:
    """All devices of a cell that are in their fail-safe."""

    def __init__(self, cell: DeviceCell, announce: Announce) -> None:
        """Begin with none; ``announce`` publishes events of zones."""
        self._cell = cell
        self._announce = announce
        self._safe: dict[str, list[_Safe]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Ask nobody again; what was written stays."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def enter(self, actors: Collection[DeviceActor]) -> None:
        """Have devices go to what their kinds call safe."""
        made: list[_Safe] = []
        for actor in actors:
            if actor.id in self._safe:
                continue
            try:
                wanted = dict(actor.safe_values())
                found = [_Safe.of(actor, point, float(value)) for point, value in wanted.items()]
            except RAISED as error:  # the others are safe all the same
                self._cell.failed(actor, error)
                continue
            if found:
                self._safe[actor.id] = found
                made += found
        self._write(made, "fail_safe")
        self._look_again()

    def leave(self, zones: Collection[str]) -> None:
        """Have the devices of zones go back, except those that were commanded meanwhile."""
        back: list[_Safe] = []
        for id in [id for id, found in self._safe.items() if found[0].actor.spec.zone in zones]:
            for safe in self._safe.pop(id):
                if self._cell.devices.get(id) is not safe.actor:
                    continue
                moved = safe.status not in _NEVER_SENT and safe.back not in (None, safe.value)
                if (safe.step_back() or safe.untouched) and moved:
                    back.append(safe)
        self._write(back, "fail_safe_left")

    def _again(self) -> None:
        self._timer = None
        waiting = [
            safe
            for found in self._safe.values()
            for safe in found
            if safe.status is not Status.APPLIED and safe.untouched and not self._pulse(safe)
        ]
        self._write(waiting, "")
        self._look_again()

    def _look_again(self) -> None:
        if self._safe and self._timer is None:
            self._timer = self._cell.loop.call_later(AGAIN_S, self._again)

    @staticmethod
    def _pulse(safe: _Safe) -> bool:
        template = safe.actor.template
        return template.points[template.point_index(safe.point)].pulse

    def _write(self, meant: Sequence[_Safe], event: str) -> None:
        """Write to the devices, some a turn; tell once for each zone when all have their end."""
        left = Counter(safe.actor.spec.zone for safe in meant)
        ends: dict[str, Counter[str]] = {zone: Counter() for zone in left}
        going_back = event == "fail_safe_left"

        def one(safe: _Safe) -> None:
            def ended(outcome: Outcome) -> None:
                zone = safe.actor.spec.zone
                safe.status = outcome.status
                applied = outcome.status is Status.APPLIED
                ends[zone]["applied" if applied else outcome.reason] += 1
                left[zone] -= 1
                if not left[zone] and event:
                    self._tell(safe.actor, event, ends[zone])

            value = safe.back if going_back else safe.value
            assert value is not None
            try:
                safe.actor.act(
                    safe.point, value, within_s=WITHIN_S, priority=PRIORITY, then=ended,
                    fail_safe=True,
                )  # fmt: skip
            except RAISED as error:
                self._cell.failed(safe.actor, error)

        def turn(begin: int) -> None:
            for safe in meant[begin : begin + A_TURN]:
                one(safe)
            if begin + A_TURN < len(meant):
                self._cell.loop.call_soon(turn, begin + A_TURN)

        turn(0)

    def _tell(self, of: DeviceActor, event: str, ends: Counter[str]) -> None:
        self._announce([of.spec.zone], event, 2 if event == "fail_safe" else 0, dict(ends))
