"""What clients do at the worst moments: commands to who is just being frozen, and to who just came.

A command that waits in a frozen cell may be written by it when its successor has long written
others. A cell that has just come sends back what it may not do yet, while newer commands are on
their way. At random moments both are rare; here they are sought.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jacquemart.runtime.testing.simulation.faults import Fault

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.cell import SimulatedCell
    from jacquemart.runtime.testing.simulation.city import SimulatedCity
    from jacquemart.runtime.testing.simulation.workload import Workload

#: Of so many cells that come, one is met by a volley.
SHARE = 0.5
#: Commands of a volley, and the pauses between them, in seconds.
VOLLEY = 8
PAUSES_S = (0.0, 0.0003, 0.001, 0.005, 0.015)
#: A cell is frozen with writes in its hands when they come one behind the other, to all devices of
#: its link, for so long before: a command takes some milliseconds from its client to the field.
LEAD_S = 0.012
DENSE_S = 0.0008
#: A frozen cell of another host has its successor after about so long; what that writes by then
#: must not be overwritten.
SUCCESSOR_S = 1.45


class Contention:
    """Volleys of commands for one device each; part of a workload, and of its length."""

    def __init__(
        self, city: SimulatedCity, workload: Workload, rng: random.Random, until_s: float
    ) -> None:
        """Meet who comes before ``until_s``, by the time of the running loop."""
        self._city = city
        self._workload = workload
        self._rng = rng
        self._until_s = until_s
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []
        city.warden.on_start.append(self._came)

    async def run(self, faults: Sequence[Fault], second_cell: float) -> None:
        """Aim at each freeze of the second device cell; return when all has been sent.

        Args:
            faults: of the plan, from now on.
            second_cell: the lot of that cell.
        """
        began = self._loop.time()
        for fault in faults:
            if fault.what == "freeze" and fault.lot == second_cell:
                for at_s in (fault.at_s - LEAD_S, fault.at_s + SUCCESSOR_S):
                    self._begin("device-2", began + at_s, dense=True)
        await asyncio.sleep(max(0.0, self._until_s - self._loop.time()))
        await asyncio.gather(*self._tasks)

    def _came(self, cell: SimulatedCell) -> None:
        if cell.config.role == "device" and self._rng.random() < SHARE:
            name = cell.config.name
            self._loop.call_soon(lambda: self._begin(name, self._loop.time()))

    def _begin(self, cell: str, at_s: float, *, dense: bool = False) -> None:
        if at_s < self._until_s:
            self._tasks.append(self._loop.create_task(self._volley(cell, at_s, dense)))

    async def _volley(self, cell: str, at_s: float, dense: bool) -> None:
        rng, spec = self._rng, self._city.spec
        await asyncio.sleep(max(0.0, at_s - self._loop.time()))
        homes = self._city.warden.directory.homes
        zones = {shard.rpartition("/")[0] for shard, home in homes.items() if home == cell}
        there = [device.id for device in spec.devices if device.zone in zones]
        if not there:
            return
        devices = there if dense else [rng.choice(there)]
        count = round(LEAD_S / DENSE_S) if dense else VOLLEY
        pause_s = DENSE_S if dense else rng.choice(PAUSES_S)
        for number in range(count):
            self._workload.set_in_time(devices[number % len(devices)])
            await asyncio.sleep(pause_s * 2 * rng.random())
