"""What is done to a city before its power goes, and what it is asked afterwards."""

from __future__ import annotations

import asyncio
import csv
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from power_account import Account

from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, LOCKOUT_SLOT, RESERVE
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome, Reason, Status

POINT = "setpoint"
KIND = "street_light"
#: Questions and commands that are asked at once.
AT_ONCE = 64
#: Commands have an end so long after their deadline.
END_AFTER_S = 5.0
UNDER_WAY_WITHIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Lamp:
    """A street light of the example's inventory."""

    id: str
    zone: str
    line: str
    number: int


def lamps_of(inventory: Path) -> list[Lamp]:
    """Return the street lights of an inventory."""
    with open(inventory / "lights.csv", encoding="utf-8", newline="") as file:
        return [
            Lamp(row["id"], row["zone"], row["line"], int(row["number"]))
            for row in csv.DictReader(file)
        ]


@dataclass(frozen=True, slots=True)
class Cast:
    """Which lamp has which part."""

    held: tuple[Lamp, ...]
    reserved: tuple[Lamp, ...]
    locked: tuple[Lamp, ...]
    commanded: tuple[Lamp, ...]
    """Of single commands, up to the moment of the loss."""
    dark: str
    """The zone with a bulk command under way at that moment."""


def cast_of(lamps: Sequence[Lamp], sound: set[str], holds: int, rng: random.Random) -> Cast:
    """Choose among the lamps that answer: in each zone some that are reserved and locked out."""
    zones: dict[str, list[Lamp]] = {}
    for lamp in lamps:
        if lamp.id in sound:
            zones.setdefault(lamp.zone, []).append(lamp)
    dark = min(zones, key=lambda zone: (len(zones[zone]), zone))
    del zones[dark]
    reserved: list[Lamp] = []
    locked: list[Lamp] = []
    rest: list[Lamp] = []
    for some in zones.values():
        rng.shuffle(some)
        reserved += some[:3]
        locked += some[3:5]
        rest += some[5:]
    rng.shuffle(rest)
    return Cast(
        tuple(rest[:holds]), tuple(reserved), tuple(locked), tuple(rest[holds : 2 * holds]), dark
    )


async def crowd(jobs: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Do jobs, some at once; return what they gave, in order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            return await job()

    return await asyncio.gather(*(one(job) for job in jobs))


async def dusk(api: str, zones: Mapping[str, float], account: Account) -> dict[str, Status]:
    """Light every zone at a level of its own; return how each lamp's command ended."""
    ends: dict[str, Status] = {}
    async with AsyncClient(api, principal="dusk") as client:
        for zone, level in zones.items():
            found: BulkOutcome = await client.set_all(
                POINT, level, zone=zone, kind=KIND, within_s=20.0
            )
            account.bulk(found.outcomes, level)
            ends.update((one.device, one.status) for one in found.outcomes)
    return ends


async def claim(api: str, cast: Cast, account: Account) -> None:
    """Hold, reserve and lock out, each in the name of somebody else."""
    async with (
        AsyncClient(api, principal="ann") as ann,
        AsyncClient(api, principal="bob") as bob,
        AsyncClient(api, principal="cleo") as cleo,
    ):

        async def hold(lamp: Lamp, level: float) -> None:
            got = await ann.hold(f"{lamp.id}/{POINT}", level, why="works", lease_s=86_400.0)
            account.claimed(HOLD, 8, "ann", level, got)

        async def reserve(lamp: Lamp) -> None:
            account.claimed(RESERVE, 8, "bob", None, await bob.reserve(lamp.id, why="procession"))

        async def lockout(lamp: Lamp) -> None:
            got = await cleo.lockout(lamp.id, why="lamp open")
            account.claimed(LOCKOUT, LOCKOUT_SLOT, "cleo", None, got)

        await crowd(
            [
                *(
                    lambda lamp=lamp, level=20.0 + at % 40: hold(lamp, level)
                    for at, lamp in enumerate(cast.held)
                ),
                *(lambda lamp=lamp: reserve(lamp) for lamp in cast.reserved),
                *(lambda lamp=lamp: lockout(lamp) for lamp in cast.locked),
            ]
        )  # fmt: skip


class UnderWay:
    """Single commands, one a lamp at a time, and a bulk command, until the power goes."""

    def __init__(self, api: str, cast: Cast, account: Account, rng: random.Random) -> None:
        self._api = api
        self._cast = cast
        self._account = account
        self._rng = rng
        self._tasks: list[asyncio.Task[None]] = []
        self.deadlines: dict[bytes, float] = {}
        """Id -> deadline, on the monotonic clock."""
        self.bulk_id = new_command_id()
        self.bulk_told = False

    async def __aenter__(self) -> Self:
        self._client = AsyncClient(self._api, principal="dan")
        await self._client.connect()
        self._tasks = [
            asyncio.create_task(self._lamp(lamp)) for lamp in self._cast.commanded[:AT_ONCE]
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._client.close()
        self._account.settle()

    def start_bulk(self, level: float) -> None:
        """Send the bulk command; nobody waits for it."""
        self._tasks.append(asyncio.create_task(self._bulk(level)))

    async def _bulk(self, level: float) -> None:
        await self._client.set_all(
            POINT, level, zone=self._cast.dark, kind=KIND, within_s=20.0, id=self.bulk_id
        )
        self.bulk_told = True

    async def _lamp(self, lamp: Lamp) -> None:
        account = self._account
        while True:
            id, level = new_command_id(), round(self._rng.uniform(60.0, 99.0), 1)
            account.sends(lamp.id, level, id)
            self.deadlines[id] = time.monotonic() + UNDER_WAY_WITHIN_S
            subject = f"{lamp.id}/{POINT}"
            state = await self._client.submit(subject, level, within_s=UNDER_WAY_WITHIN_S, id=id)
            if state.stage == "accepted":
                account.accepted.add(id)
                state = await self._client.outcome_of(subject, id, wait_s=20.0)
            if state.outcome is None:
                return  # the gateway is gone
            account.told(id, state.outcome)


async def refused(api: str, cast: Cast) -> list[str]:
    """Try to move all that is claimed, as a stranger; return what was not refused for the claim."""
    wrong: list[str] = []
    async with AsyncClient(api, principal="stranger") as client:

        async def one(lamp: Lamp) -> None:
            got = await client.set(f"{lamp.id}/{POINT}", 1.0, priority=9, within_s=5.0)
            if (got.status, got.reason) != (Status.REJECTED, Reason.HELD):
                wrong.append(f"{lamp.id}: {got.status.name} {got.reason} {got.detail}")

        claimed = (*cast.held, *cast.reserved, *cast.locked)
        await crowd([lambda lamp=lamp: one(lamp) for lamp in claimed])
    return wrong


async def ends(
    api: str, devices: Mapping[bytes, str], patience_s: float
) -> dict[bytes, tuple[str, Status | None]]:
    """Ask what became of commands; wait for those that have no end."""
    async with AsyncClient(api, principal="dan") as client:

        async def one(id: bytes) -> tuple[str, Status | None]:
            until = time.monotonic() + patience_s
            while True:
                left = until - time.monotonic()
                try:
                    found = await client.outcome_of(
                        f"{devices[id]}/{POINT}", id, wait_s=max(0.0, min(5.0, left))
                    )
                except JacquemartError:
                    if left <= 0:
                        raise
                    await asyncio.sleep(0.1)
                    continue
                if found.stage != "accepted" or left <= 0:
                    return found.stage, found.outcome.status if found.outcome else None

        found = await crowd([lambda id=id: one(id) for id in devices])
    return dict(zip(devices, found, strict=True))


async def bulk_again(api: str, zone: str, level: float, id: bytes) -> list[Outcome]:
    """Ask for the result of a bulk command by sending it again."""
    async with AsyncClient(api, principal="dan") as client:
        found = await client.set_all(POINT, level, zone=zone, kind=KIND, within_s=20.0, id=id)
        return list(found.outcomes)


async def release(api: str, lamps: Sequence[Lamp]) -> list[Outcome]:
    """Release holds; each lamp falls back to what it was set to last."""
    async with AsyncClient(api, principal="ann") as client:
        jobs = [lambda lamp=lamp: client.release(f"{lamp.id}/{POINT}") for lamp in lamps]
        return list(await crowd(jobs))
