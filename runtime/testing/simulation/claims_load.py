"""What clients of a trial claim: holds, reservations and lock-outs on a few devices, and releases.

Only those devices are ``claimed``: what stands on them is written again when a claim ends, so that
the judge must be more lenient with them than with the others.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jacquemart.runtime.model.claim import HOLD, LOCKOUT, LOCKOUT_SLOT, RELEASE, RESERVE

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.client import SimulatedClient

#: Slots of holds; plain commands come at 8.
SLOTS = (5, 8, 11)
RESERVED_SLOT = 8
POINT = "setpoint"


class ClaimsLoad:
    """Claims at random times, all sent before ``length_s`` is over."""

    def __init__(
        self, clients: Sequence[SimulatedClient], devices: Sequence[str], rng: random.Random,
        length_s: float, value: Callable[[], float],
    ) -> None:  # fmt: skip
        """Choose the devices; some seeds have none.

        Args:
            clients: who claims.
            devices: all that there are.
            rng: decides.
            length_s: how long to go on, in seconds.
            value: gives a value that no command or hold had before.
        """
        self._clients = clients
        self._rng = rng
        self._length_s = length_s
        self._value = value
        self.claimed = rng.sample(list(devices), rng.choice((0, 1, 1, 2)))

    async def run(self) -> None:
        """Claim and release, and wait until every claim has been answered or given up."""
        rng, loop = self._rng, asyncio.get_running_loop()
        until = loop.time() + self._length_s
        tasks = []
        while self.claimed:
            await asyncio.sleep(rng.expovariate(1 / 0.25))
            if loop.time() > until:
                break
            tasks.append(loop.create_task(self._one(rng.choice(self.claimed))))
        await asyncio.gather(*tasks)

    async def _one(self, device: str) -> None:
        rng = self._rng
        client, lot = rng.choice(self._clients), rng.random()
        within, lease = rng.choice((0.3, 2.0, 4.0)), rng.choice((0, 0, 0, 1_000, 3_000))
        slot = rng.choice(SLOTS)
        if lot < 0.45:
            value = self._value()
            await client.claim(
                HOLD, device, POINT, value, slot=slot, within_s=within, lease_ms=lease
            )
        elif lot < 0.6:
            await client.claim(RELEASE, device, POINT, slot=slot, within_s=within)
        elif lot < 0.7:
            await client.claim(LOCKOUT, device, slot=LOCKOUT_SLOT, within_s=within, lease_ms=lease)
        elif lot < 0.82:
            await client.claim(RELEASE, device, slot=LOCKOUT_SLOT, within_s=within)
        elif lot < 0.91:
            grace = rng.choice((-1, -1, 500))
            await client.claim(
                RESERVE, device, slot=RESERVED_SLOT, within_s=within, lease_ms=lease, grace_ms=grace
            )
        else:
            await client.claim(RELEASE, device, slot=RESERVED_SLOT, within_s=within)
