"""Buses of a city that are seen through a gateway of NMEA sentences."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jacquemart import Client, Quality
from jacquemart.drivers.avl.gateway import AvlGateway
from jacquemart.drivers.avl.sentence import Duty, Fix
from jacquemart.runtime.testing.local_city import LocalCity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CITY = """
[city]
id = "avl-city"
[zones.north]
[links.buses]
driver = "jacquemart.drivers.avl:AvlDriver"
zone = "north"
host = "127.0.0.1"
port = {port}
[templates.bus]
kind = "bus"
driver = "jacquemart.drivers.avl:AvlDriver"
[templates.bus.points]
status = {{ poll_ms = 200 }}
latitude = {{ poll_ms = 200 }}
longitude = {{ poll_ms = 200 }}
speed = {{ poll_ms = 200 }}
heading = {{ poll_ms = 200 }}
line = {{ poll_ms = 200 }}
[templates.gateway]
kind = "generic"
driver = "jacquemart.drivers.avl:AvlDriver"
[templates.gateway.points]
refused = {{ poll_ms = 200 }}
[[device]]
id = "bus-1"
template = "bus"
link = "buses"
[[device]]
id = "bus-2"
template = "bus"
link = "buses"
[[device]]
id = "gateway-1"
template = "gateway"
link = "buses"
"""


class Field:
    """A gateway on a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.gateway = AvlGateway()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def do(self, what: Callable[[], object]) -> None:
        async def call() -> None:
            what()

        asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def serve(self, on: bool) -> None:
        change = self.gateway.start() if on else self.gateway.stop()
        asyncio.run_coroutine_threadsafe(change, self.loop).result(30)


@contextmanager
def field() -> Iterator[Field]:
    one = Field()
    one.thread.start()
    one.serve(True)
    try:
        yield one
    finally:
        one.serve(False)
        one.loop.call_soon_threadsafe(one.loop.stop)
        one.thread.join(30)
        one.loop.close()


def until(true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.05)


def latitude(client: Client) -> tuple[float, int, Quality]:
    reading = client.get("bus-1/latitude")
    return reading.value, reading.source_ns, reading.quality


def test_a_bus_is_seen_with_the_age_of_its_position_and_only_on_duty(tmp_path: Path) -> None:
    with field() as its:
        (tmp_path / "city.toml").write_text(CITY.format(port=its.gateway.port))
        its.do(lambda: its.gateway.tell([Duty("bus-1", 1, 3)]))
        with LocalCity(tmp_path / "city.toml") as city:
            client = city.client()
            until(lambda: client.get("bus-1/status").value == 1.0, "it is on duty")
            taken = time.time_ns() // 1_000_000 * 1_000_000
            here = Fix("bus-1", taken, "A", 47.25, 5.04, 8.0, 90.0)
            its.do(lambda: its.gateway.tell([here]))
            until(lambda: latitude(client)[2] is Quality.GOOD, "a position")
            polls = client.get("gateway-1/refused").receive_ns
            until(
                lambda: client.get("gateway-1/refused").receive_ns > polls + 600_000_000,
                "it was polled three times more",
            )
            assert latitude(client)[:2] == (pytest.approx(47.25, abs=1e-6), taken)
            assert client.get("bus-1/line").value == 3.0
            assert client.get("bus-2/latitude").quality >= Quality.BAD, "of it nothing was said"

            its.do(lambda: its.gateway.say(b"$GPRMC,nonsense*00\r\n"))
            until(lambda: client.get("gateway-1/refused").value == 1.0, "the refused line")

            its.do(lambda: its.gateway.tell([Duty("bus-1", 0)]))
            until(lambda: latitude(client)[2] is Quality.BAD_WITHHELD, "off duty, nobody knows")

            its.serve(False)
            until(lambda: not client.why("bus-1")["link"]["up"], "the gateway is gone")
            its.serve(True)
            its.do(lambda: its.gateway.tell([Duty("bus-1", 2, 3)]))
            until(lambda: client.get("bus-1/status").value == 2.0, "it is on duty again")
            newer = here._replace(taken_ns=time.time_ns(), lat=47.26)
            its.do(lambda: its.gateway.tell([newer]))
            until(lambda: latitude(client)[2] is Quality.GOOD, "it is back")
            assert latitude(client)[0] == pytest.approx(47.26, abs=1e-6)
