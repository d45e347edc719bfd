"""The AVL driver on a real socket: times are the receiver's, and floods cost nobody else."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jacquemart.drivers.avl import AvlDriver
from jacquemart.drivers.avl.gateway import AvlGateway
from jacquemart.drivers.avl.sentence import Duty, Fix, encode
from jacquemart.drivers.contract import Bad, BoundPoint, LinkError, Quality, Taken
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

SHOWS = ("status", "latitude", "longitude", "speed", "heading", "line", "refused", "late",
         "strangers", "lines")  # fmt: skip
NOW = time.time_ns() // 1_000_000 * 1_000_000


class Bench:
    """A gateway, a driver, and what it publishes."""

    def __init__(self, gateway: AvlGateway, **options: Any) -> None:
        self.gateway = gateway
        self.published: list[tuple[int, float, int, int]] = []
        link = LinkSpec("g", "avl", "z", {
            "host": "127.0.0.1", "port": gateway.port, "gather_ms": 0, **options,
        })  # fmt: skip
        assert not AvlDriver.check_link(link.options)
        self.driver = AvlDriver(link, self._publish)
        device = DeviceSpec("bus-1", "t", "z", "g")
        self.points = []
        for slot, shows in enumerate(SHOWS):
            spec = PointSpec(shows, address={"shows": shows})
            assert not AvlDriver.check_point(spec, spec.address)
            address = AvlDriver.address_of(spec, device)
            self.points.append(BoundPoint(slot, device, spec, address))
        self.plan = self.driver.plan(self.points)

    def _publish(self, *columns: Any) -> None:
        self.published += zip(*columns, strict=True)

    def shown(self, shows: str) -> list[tuple[float, int, int]]:
        slot = SHOWS.index(shows)
        return [row[1:] for row in self.published if row[0] == slot]

    async def read(self) -> dict[str, float | Bad]:
        return dict(zip(SHOWS, await self.driver.read(self.plan), strict=True))


def on_air(test: Callable[[Bench], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        gateway = AvlGateway()
        await gateway.start()
        bench = Bench(gateway, **options)
        await bench.driver.open()
        await until(lambda: gateway.listeners == 1)
        try:
            await test(bench)
        finally:
            await bench.driver.close()
            await gateway.stop()

    asyncio.run(run())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.005)


def fix(ago_s: float, lat: float = 47.3, mode: str = "A", **named: Any) -> Fix:
    made = Fix("bus-1", NOW - int(ago_s * 1e9), mode, lat, 5.04, 8.0, 90.0)
    return made._replace(**named)


def test_positions_have_the_receivers_time_also_when_they_are_polled() -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.tell([Duty("bus-1", 1, 3), fix(7.0)])
        await until(lambda: len(bench.shown("latitude")) == 1)
        assert bench.shown("latitude") == [(47.3, Quality.GOOD, NOW - 7_000_000_000)]
        read = await bench.read()
        latitude = read["latitude"]
        assert isinstance(latitude, Taken)
        assert latitude.source_ns == NOW - 7_000_000_000
        assert (read["status"], read["line"], read["heading"]) == (1.0, 3.0, 90.0)

    on_air(test)


def test_late_and_future_positions_change_nothing_and_are_counted() -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.tell([fix(5.0, 47.1), fix(6.0, 47.2), fix(5.0, 47.3), fix(-3_600.0, 47.4)])
        bench.gateway.tell([fix(1.0, 47.5)])
        await until(lambda: len(bench.shown("latitude")) == 2)
        assert [value for value, _, _ in bench.shown("latitude")] == pytest.approx([47.1, 47.5])
        read = await bench.read()
        assert (read["late"], read["refused"], read["lines"]) == (2.0, 1.0, 5.0)
        assert bench.driver.heard.refused == {"from the future": 1}

    on_air(test)


def test_a_simulators_position_is_taken_only_where_that_was_declared() -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.tell([fix(1.0, mode="S")])
        await until(lambda: bool(bench.shown("latitude")))
        ((value, quality, _),) = bench.shown("latitude")
        if bench.driver.options.simulated:
            assert (value, quality) == (pytest.approx(47.3), Quality.GOOD)
        else:
            assert math.isnan(value)
            assert quality == Quality.BAD_DEVICE
            assert isinstance((await bench.read())["latitude"], Bad)

    on_air(test)
    on_air(test, simulated=True)


def test_a_lost_place_is_news_and_an_estimate_is_uncertain() -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.tell([fix(3.0), fix(2.0, mode="N"), fix(1.0, mode="E")])
        await until(lambda: len(bench.shown("latitude")) == 3)
        qualities = [quality for _, quality, _ in bench.shown("latitude")]
        assert qualities == [Quality.GOOD, Quality.BAD_DEVICE, Quality.UNCERTAIN]
        latitude = (await bench.read())["latitude"]
        assert isinstance(latitude, Taken)
        assert latitude.quality == Quality.UNCERTAIN

    on_air(test)


def test_nonsense_is_counted_with_its_reason_and_the_rest_is_heard() -> None:
    async def test(bench: Bench) -> None:
        bench.gateway.say(b"\x00\xff\r\n$GPRMC,1*00\r\nhello\r\n" + b"y" * 5_000 + b"\r\n")
        for number in range(50):
            bench.gateway.tell([fix(1.0, vehicle=f"stranger-{number}")])
        bench.gateway.tell([fix(1.0)])
        await until(lambda: len(bench.shown("latitude")) == 1)
        read = await bench.read()
        assert (read["refused"], read["strangers"]) == (4.0, 50.0)
        assert set(bench.driver.heard.refused) == {
            "no ASCII", "checksum", "no sentence", "too long",
        }  # fmt: skip
        assert len(bench.driver.heard._vehicles) == 1, "strangers are not remembered"

    on_air(test)


def test_a_flood_is_left_with_the_gateway_and_the_loop_goes_on() -> None:
    async def test(bench: Bench) -> None:
        flood = b"".join(encode(fix(60.0 - n / 1_000)) for n in range(5_000))
        began = asyncio.get_running_loop().time()
        bench.gateway.say(flood)
        last = pytest.approx(NOW - int((60.0 - 4.999) * 1e9), abs=1_000_000)
        turns = 0
        while not bench.published or bench.published[-1][3] != last:
            await asyncio.sleep(0.002)
            turns += 1
            assert asyncio.get_running_loop().time() - began < 60
        # What has been read when reading stops is taken; the rest waits for the next second.
        assert turns > 50, "other work had its turns meanwhile"
        assert bench.driver.heard.counts["lines"] == 5_000

    on_air(test, most_per_s=1_000)


def test_a_gateway_that_goes_or_says_nothing_is_a_lost_link() -> None:
    async def gone(bench: Bench) -> None:
        bench.gateway.tell([fix(1.0)])
        await until(lambda: bool(bench.published))
        bench.gateway.cut()
        await until(lambda: bench.driver._listening is None)
        with pytest.raises(LinkError, match=r"gateway closed|reset|Connection lost"):
            await bench.read()
        await bench.driver.open()
        assert isinstance((await bench.read())["line"], Bad), "what was before is forgotten"

    async def quiet(bench: Bench) -> None:
        await asyncio.sleep(0.3)
        with pytest.raises(LinkError, match="has said nothing"):
            await bench.read()

    on_air(gone)
    on_air(quiet, quiet_ms=100)


def test_options_and_addresses_are_checked_before_anything_starts() -> None:
    def keys(found: Any) -> set[str]:
        return {key for key, _, _ in found}

    assert keys(AvlDriver.check_link({})) == {"host", "port"}
    wrong = {"host": "", "port": 0, "most_per_s": True, "simulated": 1, "baud": 4_800}
    assert keys(AvlDriver.check_link(wrong)) == set(wrong)
    position = PointSpec("latitude")
    assert AvlDriver.check_point(position, {}) == []
    assert keys(AvlDriver.check_point(PointSpec("colour"), {})) == {"shows"}
    assert keys(AvlDriver.check_point(position, {"vehicle": 7, "value": 1, "x": 2})) == {
        "vehicle", "value", "x",
    }  # fmt: skip
    settable = PointSpec("latitude", writable=True)
    assert keys(AvlDriver.check_point(settable, {})) == {"writable"}
