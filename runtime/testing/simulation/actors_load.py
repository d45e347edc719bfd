"""What the actors of a trial command: devices, zone supervisors and the centre, by ids.

Each command has a value of its own, as those of the clients, and stands in the history as they do,
so that the same judge looks at it. Who is to hear of an end is a cell that may be lost meanwhile:
then nobody hears it. Whoever lives on must have heard it, once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.model.outcome import Outcome

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.cell import SimulatedCell
    from jacquemart.runtime.testing.simulation.city import SimulatedCity

WITHIN_S = (0.02, 0.3, 1.0, 2.0, 4.0)
#: So long after its deadline whoever commanded has heard the end, also of one on another host.
HEARD_S = 8.0
LOOK_S = 0.3


class ActorsLoad:
    """Commands of actors at random times, all sent before ``length_s`` is over."""

    def __init__(
        self, city: SimulatedCity, rng: random.Random, length_s: float, value: Callable[[], float]
    ) -> None:
        """Choose the pace; ``value`` gives a value that no command had before."""
        self._city = city
        self._rng = rng
        self._length_s = length_s
        self._value = value
        self._open: dict[int, tuple[SimulatedCell, Any, str]] = {}
        """Those of whose end nobody has heard: the cell, the actor, and what for people."""
        self._count = 0
        self.violations: list[str] = []

    async def run(self) -> None:
        """Command, and wait until all who live must have heard the end."""
        rng, loop = self._rng, asyncio.get_running_loop()
        until = loop.time() + self._length_s
        pace = rng.choice((0.05, 0.2))
        while loop.time() < until:
            cell = rng.choice(list(self._city.warden.cells.values()))
            if cell.alive and not cell.process.frozen and cell.config.role != "gateway":
                # No two at once to one device: a network that swaps messages would be to blame.
                for device in rng.sample(self._city.spec.devices, rng.choice((1, 1, 1, 4))):
                    cell.process.inside(partial(self._command, cell, device.id))
            await asyncio.sleep(rng.expovariate(1 / pace))
        until = loop.time() + max(WITHIN_S) + HEARD_S
        while (left := self._unheard()) and loop.time() < until:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(LOOK_S)
        self.violations += [f"I1 {what} has no end, and its actor lives" for what in left]

    def _unheard(self) -> list[str]:
        return [
            what
            for cell, actor, what in self._open.values()
            if cell.alive and not cell.process.frozen and not actor.halted
        ]

    def _command(self, cell: SimulatedCell, device: str) -> None:
        rng, city = self._rng, self._city
        actor = rng.choice(_actors(cell))
        point = "jog" if rng.random() < 0.4 else "setpoint"
        within, value = rng.choice(WITHIN_S), self._value()
        self._count += 1
        number, who = self._count, actor.principal
        at = f"{cell.config.name}@{cell.config.epoch}"
        what = f"{who} in {at}: {device}/{point} = {value:g}"
        deadline = city.scheduler.now_ns + int(within * 1e9)
        identity = b""

        def told(outcome: Outcome) -> None:
            if not identity:
                self.violations.append(f"I6 {what} ended before the call had returned")
            if self._open.pop(number, None) is None:
                self.violations.append(f"I6 {what} has two ends")
            if city.warden.cells[cell.config.name] is not cell or not cell.alive:
                return  # it has a successor, or lies in its grave: nobody acts on what it hears
            city.history.note(
                city.scheduler.now_ns, "answered", who, identity, outcome.status.name,
                outcome.reason, outcome.detail, *outcome.stages,
            )  # fmt: skip

        self._open[number] = cell, actor, what
        actor.command(device, "set", value, point=point, within_s=within, then=told)
        under_way = cell.service.commanding.under_way.of(actor)
        taken = under_way and under_way[-1].command.value == value
        # What was refused at once is known by no other identity to anybody.
        identity = under_way[-1].command.id if taken else number.to_bytes(16, "big")
        city.history.note(
            city.scheduler.now_ns, "issued", who, identity, f"{device}/{point}", "set", 8, value,
            deadline,
        )  # fmt: skip


def _actors(cell: SimulatedCell) -> list[Any]:
    service = cell.service
    if cell.config.role == "device":
        return list(service.devices.values())
    return list(service.supervisors.values()) if cell.config.role == "zone" else [service.centre]
