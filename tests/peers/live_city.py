"""A city that changes while it runs, and somebody who sees every reading of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.client.updates import RollupUpdate, UpdateSink
from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.reading import Reading

PERIOD_MS = 100
LAMP = TemplateSpec(
    "lamp",
    "generic",
    "simulated",
    (
        PointSpec(
            "setpoint", "%", writable=True, feedback="level", tolerance=0.5, poll_ms=PERIOD_MS
        ),
        PointSpec("level", "%", poll_ms=PERIOD_MS),
    ),
)
VALVE = TemplateSpec(
    "valve",
    "generic",
    "modbus",
    (
        PointSpec(
            "setpoint", "%", writable=True, feedback="level", tolerance=0.5, settle_ms=20_000,
            poll_ms=PERIOD_MS, address={"table": "holding", "address": 0},
        ),
        PointSpec(
            "level", "%", poll_ms=PERIOD_MS, address={"table": "holding", "address": 1}
        ),
    ),
)  # fmt: skip
OTHER_VALVE = replace(
    VALVE,
    name="other-valve",
    points=tuple(
        replace(point, address={**point.address, "address": 10 + at})
        for at, point in enumerate(VALVE.points)
    ),
)


def lamps(zone: str, link: str, numbers: Iterable[int], **more: Any) -> list[DeviceSpec]:
    """Return lamps ``<link>-<number>``."""
    return [DeviceSpec(f"{link}-{n}", "lamp", zone, link, index=n, **more) for n in numbers]


def valves(link: str, units: Iterable[int], template: str = "valve") -> list[DeviceSpec]:
    """Return valves ``<link>-<unit>`` of the zone ``south``."""
    return [DeviceSpec(f"{link}-{u}", template, "south", link, unit_id=u) for u in units]


def city_of(
    zones: Iterable[str], links: Iterable[LinkSpec], devices: Iterable[DeviceSpec]
) -> CitySpec:
    """Return a city of lamps and valves."""
    return CitySpec(
        "live-city",
        "Live City",
        tuple(ZoneSpec(zone) for zone in zones),
        {template.name: template for template in (LAMP, VALVE, OTHER_VALVE)},
        tuple(links),
        tuple(devices),
    )


class RecordingSink(UpdateSink):
    """Keeps what no consumer sees, who gets the newest only: each reading as it came."""

    made: list[RecordingSink] = []  # noqa: RUF012 - whoever patches it in looks here

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.last: dict[str, Reading] = {}
        self.longest_ns: dict[str, int] = {}
        self.bad: dict[str, list[Reading]] = {}
        self.recording = False
        type(self).made.append(self)

    def _keep(self, topic: str, slot: int, reading: Reading) -> None:
        before = self.last.get(reading.point)
        if self.recording:
            if before is not None:
                pause = reading.receive_ns - before.receive_ns
                if pause > self.longest_ns.get(reading.point, 0):
                    self.longest_ns[reading.point] = pause
            if not reading.good:
                self.bad.setdefault(reading.point, []).append(reading)
        self.last[reading.point] = reading
        super()._keep(topic, slot, reading)


class Starvation:
    """How long a thread of this process had to wait for its turn, at worst.

    A busy machine holds up everybody; a loop that is held up by its own work holds up this thread
    no longer than the interpreter's switch interval. So what a poll is later than this is its own.
    """

    STEP_S = 0.005

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _watch(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            time.sleep(self.STEP_S)
            self.longest_s = max(self.longest_s, time.monotonic() - began - self.STEP_S)


class Follow:
    """A client on a thread of its own that subscribes to everything."""

    def __init__(self, api: str) -> None:
        self.readings: dict[str, Reading] = {}
        self.rollups: dict[tuple[str, str, str], RollupUpdate] = {}
        self.events: list[Event] = []
        self.errors: list[BaseException] = []
        self.gaps: dict[str, int] = {}
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10.0)

    async def _all(self) -> None:
        async with AsyncClient(self._api) as client:
            tasks = [
                asyncio.create_task(self._one(client, what))
                for what in ("readings", "rollups", "events")
            ]
            while not self._stop.is_set():
                await asyncio.sleep(0.02)
                self.gaps = {str(at): f.gaps for at, (f, _) in enumerate(client._streams)}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _one(self, client: AsyncClient, what: str) -> None:
        try:
            async for update in client.subscribe(what):
                if isinstance(update, Reading):
                    self.readings[update.point] = update
                elif isinstance(update, RollupUpdate):
                    self.rollups[update.zone, update.kind, update.point] = update
                else:
                    self.events.append(update)
        except Exception as error:  # noqa: BLE001 - for the test to see
            self.errors.append(error)
