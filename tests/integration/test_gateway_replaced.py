"""A gateway keeps no state: a lost one costs its clients a reconnect and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_city import field, small_city, writes

from jacquemart.drivers.simulated.faults import Fault
from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.outcome import Outcome
from jacquemart.runtime.testing import LocalCity

SETTLE_MS = 20_000


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    """A city whose commands are under way for as long as a gateway needs to be replaced."""
    with small_city(tmp_path, zones=("east",), lamps=4, cells=1, settle_ms=SETTLE_MS) as running:
        yield running


def test_a_command_under_way_gets_its_end_from_the_gateways_successor(city: LocalCity) -> None:
    client = city.client()
    field("east").inject(Fault.STUCK)  # the command waits for its proof
    ended: list[Outcome] = []
    asking = threading.Thread(target=lambda: ended.append(client.set("east-1/setpoint", 40.0)))
    asking.start()
    time.sleep(0.3)
    city.replace("gateway-0")
    field("east").clear(Fault.STUCK)
    asking.join(20.0)
    assert [outcome.status.name for outcome in ended] == ["APPLIED"], ended
    assert writes("east-1") == [40.0]


def test_commands_of_an_asyncio_client_get_their_ends_from_the_gateways_successor(
    city: LocalCity,
) -> None:
    async def story() -> list[Outcome]:
        async with AsyncClient(city.api) as client:
            field("east").inject(Fault.STUCK)
            waiting = [
                asyncio.ensure_future(client.set(f"east-{n}/setpoint", 30.0 + n)) for n in (2, 3, 4)
            ]
            await asyncio.sleep(0.3)
            await asyncio.to_thread(city.replace, "gateway-0")
            field("east").clear(Fault.STUCK)
            return await asyncio.gather(*waiting)

    assert [outcome.status.name for outcome in asyncio.run(story())] == ["APPLIED"] * 3
    assert [writes(f"east-{n}") for n in (2, 3, 4)] == [[32.0], [33.0], [34.0]]
