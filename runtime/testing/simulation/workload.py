"""What the clients of a trial do: commands of all sorts, each with a value of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.city import SimulatedCity
    from jacquemart.runtime.testing.simulation.client import SimulatedClient

CLIENTS = 3


class Workload:
    """Commands at random times; all are sent before ``length_s`` is over."""

    def __init__(self, city: SimulatedCity, rng: random.Random, length_s: float) -> None:
        """Take its clients."""
        self._city = city
        self._rng = rng
        self._length_s = length_s
        self._value = 0
        self._tasks: list[asyncio.Task[object]] = []
        self._others: list[bytes] = []
        self._used: set[tuple[str, bytes]] = set()
        self.clients = [city.client() for _ in range(CLIENTS)]

    def value(self) -> float:
        """Return a value that no command had before."""
        self._value += 1
        return float(self._value)

    async def run(self) -> None:
        """Send, and wait until every command has been answered or given up."""
        rng, loop = self._rng, asyncio.get_running_loop()
        until = loop.time() + self._length_s
        pace = rng.choice((0.05, 0.15, 0.3))
        while loop.time() < until:
            self._send(rng.choice(self.clients))
            if rng.random() < 0.1:  # several in a row, for one device
                device = rng.choice(self._city.spec.devices).id
                for _ in range(rng.randint(2, 8)):
                    await asyncio.sleep(rng.choice((0.0, 0.0005, 0.003)))
                    self._send(rng.choice(self.clients), device)
            await asyncio.sleep(rng.expovariate(1 / pace))
        await asyncio.gather(*self._tasks)

    def _send(self, client: SimulatedClient, device: str = "") -> None:
        rng = self._rng
        within = rng.choice((0.02, 0.3, 1.0, 2.0, 4.0))
        deadline = self._city.scheduler.now_ns + int(within * 1e9)
        kind, identity, value = rng.random(), rng.randbytes(16), self.value()
        if self._others and rng.random() < 0.05:  # another client's id is another identity
            known = rng.choice(self._others)
            identity = known if (client.name, known) not in self._used else identity
        self._others.append(identity)
        self._used.add((client.name, identity))
        device = device or rng.choice(self._city.spec.devices).id
        volatile = 0.06 <= kind < 0.25
        point = f"{device}/{'jog' if volatile else 'setpoint'}"

        async def send(pause_s: float) -> None:
            await asyncio.sleep(pause_s)
            if kind < 0.06:
                await client.set_all("setpoint", value, id=identity, deadline_ns=deadline)
            else:
                await client.set(point, value, id=identity, deadline_ns=deadline)

        self._begin(send(0.0))
        if kind > 0.97 or 0.22 < kind < 0.25:
            wrong = client.conflict(point, self.value(), identity, deadline)
            self._begin(self._after(0.005, wrong))
        if rng.random() < 0.1:  # taken back, in time or not; now and then by somebody else
            whose = client if rng.random() < 0.85 else rng.choice(self.clients)
            pause_s = rng.choice((0.0, 0.001, 0.02, 0.3, 1.0)) * rng.random()
            self._begin(self._after(pause_s, whose.cancel(identity, deadline)))
        if rng.random() < 0.25:  # the same again, at once or later
            self._begin(send(rng.choice((0.0, 0.001, 0.1, 1.0, 3.0)) * rng.random()))

    def set_in_time(self, device: str) -> None:
        """Begin a plain command of any client, with time enough for whatever is in its way."""
        client = self._rng.choice(self.clients)
        deadline = self._city.scheduler.now_ns + 4_000_000_000
        identity = self._rng.randbytes(16)
        self._used.add((client.name, identity))
        self._begin(
            client.set(f"{device}/setpoint", self.value(), id=identity, deadline_ns=deadline)
        )

    async def _after(self, pause_s: float, work: Coroutine[Any, Any, None]) -> None:
        await asyncio.sleep(pause_s)
        await work

    def _begin(self, work: object) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))  # type: ignore[arg-type]
