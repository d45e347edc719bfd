"""The load of `bench/faults.py`: clients that command devices one after the other, for ever."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass

import uvloop
from faults_judge import END_AFTER_NS, NEVER_ACCEPTED, REFUSED, Sent

from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.errors import JacquemartError


def boot_ns() -> int:
    """Return the boot-time clock, which the field reads too."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass
class LoadOptions:
    """What to send, and how fast."""

    api: str
    devices: int
    pause_s: float
    """Of each device, between the end of one command and the next."""
    within_s: float


class Load:
    """One client in a thread of its own, with one command in flight for each device."""

    def __init__(self, options: LoadOptions) -> None:
        """Begin."""
        self._options = options
        self._stop = threading.Event()
        self.commands: list[Sent] = []
        """Grows; an entry never changes."""
        self.errors: dict[str, int] = {}
        self.started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait for the ends of what is under way."""
        self._stop.set()
        self._thread.join(self._options.within_s + 20.0)

    def _run(self) -> None:
        uvloop.run(self._serve())

    async def _serve(self) -> None:
        async with AsyncClient(self._options.api, principal="faults") as client:
            devices = range(self._options.devices)
            tasks = [asyncio.create_task(self._command(client, device)) for device in devices]
            self.started.set()
            await asyncio.gather(*tasks)

    async def _command(self, client: AsyncClient, device: int) -> None:
        options, value = self._options, 0
        await asyncio.sleep(options.pause_s * device / options.devices)
        while not self._stop.is_set():
            value += 1
            sent, subject, identity = boot_ns(), f"d{device}/value", os.urandom(16)
            try:
                outcome = await client.set(subject, value, within_s=options.within_s, id=identity)
                status, detail = outcome.status.name, f"{outcome.reason} {outcome.detail}"
            except JacquemartError as error:
                status, detail = await self._later(client, subject, identity, str(error))
            if status != "APPLIED":
                key = f"{status or 'no end'} {detail[:90]}"
                self.errors[key] = self.errors.get(key, 0) + 1
            accepted = status not in REFUSED and NEVER_ACCEPTED not in detail
            deadline = sent + int(options.within_s * 1e9)
            self.commands.append(
                Sent(device, value, sent, deadline, boot_ns(), status, detail, accepted)
            )
            await asyncio.sleep(options.pause_s)

    async def _later(
        self, client: AsyncClient, subject: str, identity: bytes, why: str
    ) -> tuple[str, str]:
        """Ask by its identity for the end of a command whose client was told none."""
        until = time.monotonic() + self._options.within_s + END_AFTER_NS / 1e9
        while time.monotonic() < until:
            try:
                state = await client.outcome_of(subject, identity, wait_s=0.5)
            except JacquemartError:
                await asyncio.sleep(0.1)
                continue
            if state.outcome is not None:
                return state.outcome.status.name, f"{state.outcome.reason} asked later"
            if state.stage == "unknown":
                return "REJECTED", f"never came: {why}"
        return "", why
