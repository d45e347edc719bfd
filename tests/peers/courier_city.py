"""A city of couriers in this process: zones of one street each, and each street in its own cell."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from small_city import write_streets

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.model.outcome import Outcome
from jacquemart.runtime.testing import LocalCity

Found = TypeVar("Found")
HEAD = """
[city]
id = "couriers"
[templates.courier]
kind = "courier_kind:Courier"
driver = "simulated"
[templates.courier.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = 500
[templates.courier.points.level]
unit = "%"
poll_ms = 100
"""
ZONES = ("east", "west")
EACH = 3


def write_courier_city(folder: Path, zones: Sequence[str] = ZONES, each: int = EACH) -> Path:
    """Write the city file; couriers are ``east-1`` …"""
    return write_streets(folder, HEAD, "courier", zones, each)


@contextmanager
def courier_city(folder: Path, **options: Any) -> Iterator[LocalCity]:
    """Run a city of two zones, each in a cell of its own."""
    try:
        with LocalCity(write_courier_city(folder), cells=2, **options) as city:
            assert cell_of(city, "east") != cell_of(city, "west")
            yield city
    finally:
        for zone in ZONES:
            SimulatedField.forget(f"st-{zone}")


def cell_of(city: LocalCity, zone: str) -> str:
    """Return the device cell of a zone."""
    return next(cell for shard, cell in city.directory.homes.items() if shard.startswith(zone))


def inside(city: LocalCity, cell: str, act: Callable[[Any], Found]) -> Found:
    """Have something done on a cell's own loop with its service, and return what it gave."""
    host = city.hosts[cell]

    async def ask() -> Found:
        return act(host._service)

    assert host._loop is not None
    return asyncio.run_coroutine_threadsafe(ask(), host._loop).result(20.0)


def actor_in(service: Any, name: str) -> Any:
    """Return an actor of a cell, whatever the cell's role."""
    if service.config.role == "device":
        return service.devices[name]
    return service.supervisors[name] if service.config.role == "zone" else service.centre


class Ends(list[Outcome]):
    """What an actor was told of one command: one end, or the test is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.first: concurrent.futures.Future[Outcome] = concurrent.futures.Future()
        self.inline = False

    def take(self, outcome: Outcome) -> None:
        """Take an end."""
        self.append(outcome)
        if len(self) == 1:
            self.first.set_result(outcome)


def begin(
    city: LocalCity, cell: str, actor: str, device: str, verb: str, value: Any = None,
    **options: Any,
) -> Ends:  # fmt: skip
    """Have an actor command a device; return where its ends are told."""
    ends = Ends()

    def act(service: Any) -> None:
        actor_in(service, actor).command(device, verb, value, then=ends.take, **options)
        ends.inline = bool(ends)

    inside(city, cell, act)
    assert not ends.inline, "an end was told before the call had returned"
    return ends


def ordered(
    city: LocalCity, cell: str, actor: str, device: str, verb: str, value: Any = None,
    **options: Any,
) -> Outcome:  # fmt: skip
    """Have an actor command a device, and return the end."""
    ends = begin(city, cell, actor, device, verb, value, **options)
    return ends.first.result(30.0)


def to_setpoint(value: float) -> dict[str, Any]:
    """Return the arguments of ``begin`` and ``ordered`` for a journalled write."""
    return {"verb": "set", "value": value, "point": "setpoint"}


def writes(courier: str) -> list[float]:
    """Return what reached a courier's setpoint, in order."""
    arrivals = SimulatedField.of(f"st-{courier.rpartition('-')[0]}").arrivals
    return [one.value for one in arrivals if one.point == f"{courier}/setpoint"]
