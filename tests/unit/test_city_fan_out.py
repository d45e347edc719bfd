"""A bulk command to zones that cannot be reached: whether it was sent, only who knows it says."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jacquemart.runtime.cell.city_fan_out import CityFanOut
from jacquemart.runtime.cell.service import Service
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.standard import standard_city
from jacquemart.runtime.wire import messages

FAN_OUT = sys.modules[CityFanOut.__module__]
BULK = messages.Bulk(b"i" * 16, "ann", "*", "*", "*", "setpoint", 1.0, "", 8, 10**9)


def alone(monkeypatch: pytest.MonkeyPatch, loop: asyncio.AbstractEventLoop) -> Any:
    """Return a service that knows of a zone cell and reaches nobody, when all time is over."""
    monkeypatch.setattr(FAN_OUT, "devices_meant", lambda *_: ["lamp-1", "lamp-2"])
    return SimpleNamespace(
        loop=loop,
        stopping=False,
        clock=SimpleNamespace(boot_ns=lambda: 2 * 10**9),
        directory=SimpleNamespace(zones={"north": "zone-1"}),
        config=SimpleNamespace(shards=(), templates={}),
        caller=lambda name: SimpleNamespace(call=lambda *_: False),
    )


@pytest.mark.parametrize(
    ("again", "status"), [(False, Status.REJECTED), (True, Status.INDETERMINATE)]
)
def test_what_somebody_had_before_is_not_said_to_be_unsent(
    monkeypatch: pytest.MonkeyPatch, again: bool, status: Status
) -> None:
    async def run() -> messages.BulkResult:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[messages.BulkResult] = loop.create_future()
        service = cast("Service", alone(monkeypatch, loop))
        CityFanOut(service)(BULK, found.set_result, again=again)
        return await asyncio.wait_for(found, 5.0)

    assert set(asyncio.run(run()).statuses) == {status}


def test_a_gateway_whose_centre_ends_with_a_bulk_command_asks_as_who_does_not_know() -> None:
    asked: list[dict[str, Any]] = []

    async def story(city: SimulatedCity) -> None:
        client = city.client()
        await client.set("north-1/setpoint", 1)
        gateway: Any = city.cell("gateway-0").service
        real = gateway._fan_out

        def spy(*args: Any, **named: Any) -> None:
            asked.append(named)
            real(*args, **named)

        gateway._fan_out = spy
        for cell in ("device-1", "device-2"):
            city.freeze(cell, 1.0)
        work = asyncio.ensure_future(client.set_all("setpoint", 5.0, within_s=2.0))
        await asyncio.sleep(0.02)
        city.kill("centre-0")
        await work

    SimulatedCity(standard_city(), 1).run(story)
    assert asked == [{"again": True}]
