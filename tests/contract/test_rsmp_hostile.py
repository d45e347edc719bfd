"""The RSMP driver on real sockets against sites and strangers that mean it no good."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from rsmp_peer import RsmpPeer, ScriptedTlc

from jacquemart.drivers.contract import Bad, BoundPoint, LinkError, OutcomeUnknown, UnitError
from jacquemart.drivers.rsmp import RsmpDriver
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import NeverSent
from jacquemart.runtime.model.last_look import LastLook


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[RsmpPeer, RsmpDriver, list[BoundPoint]]]:
    """Two sites, and a driver that has them."""
    peer = RsmpPeer()
    shown = await peer.start()
    link = LinkSpec("port-1", "rsmp", "z", {**shown.link.options, **options})
    driver = peer.make_driver(link, lambda *columns, **named: None)
    assert isinstance(driver, RsmpDriver)
    points = [
        BoundPoint(n, device, spec, driver.address_of(spec, device))
        for n, (device, spec) in enumerate(
            (device, spec) for device, specs in shown.devices for spec in specs
        )
    ]
    try:
        await driver.open()
        yield peer, driver, points
    finally:
        await driver.close()
        await peer.stop()


def test_a_site_that_says_yes_and_does_nothing_is_seen_by_what_is_read() -> None:
    class Liar(ScriptedTlc):
        def command(self, component: str, code: str, arguments: Mapping[str, Any]) -> Any:
            return dict(arguments)

    async def go() -> None:
        async with opened() as (peer, driver, points):
            peer.tlcs["north"].__class__ = Liar
            assert await driver.write([(points[0], 77.0)]) == [None]
            assert (await driver.read(driver.plan(points[:2]))) == [0.0, 0.0]

    asyncio.run(go())


def test_a_site_that_answers_another_value_leaves_the_outcome_unknown() -> None:
    class Stubborn(ScriptedTlc):
        def command(self, component: str, code: str, arguments: Mapping[str, Any]) -> Any:
            return {**arguments, "status": "5"}

    async def go() -> None:
        async with opened() as (peer, driver, points):
            peer.tlcs["north"].__class__ = Stubborn
            (result,) = await driver.write([(points[0], 77.0)])
            assert isinstance(result, OutcomeUnknown)

    asyncio.run(go())


@pytest.mark.parametrize("value", ["-5", "70000", "x", "", None, True, [], {"a": 1}, "1e3"])
def test_a_value_of_the_wrong_type_or_range_is_no_value(value: Any) -> None:
    class Wild(ScriptedTlc):
        def read(self, component: str, code: str, name: str) -> Any:
            return value

    async def go() -> None:
        async with opened(subscribe=False) as (peer, driver, points):
            peer.tlcs["north"].__class__ = Wild
            plan = driver.plan(points[:2])
            assert all(isinstance(one, Bad) for one in await driver.read(plan))

    asyncio.run(go())


def test_a_site_of_another_id_is_never_let_in() -> None:
    async def go() -> None:
        with pytest.raises(LinkError, match="no site has connected"):
            async with opened(sites=["elsewhere"]):
                pass

    asyncio.run(go())


def test_strangers_who_flood_the_port_cost_the_sites_nothing() -> None:
    async def go() -> None:
        async with opened() as (_, driver, points):
            writers = []
            for number in range(60):
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", driver.port)
                    writer.write([b"\x0c" * 9_000, b"{\x0c" * 30, b"x" * 50_000][number % 3])
                    writers.append((reader, writer))
            plan = driver.plan(points)
            for _ in range(5):
                assert not [v for v in await driver.read(plan) if isinstance(v, Bad)]
            assert len(driver._all) <= 2 * 2 + 16 + 1
            for _, writer in writers:
                writer.close()

    asyncio.run(go())


def test_of_two_sites_one_that_is_gone_costs_only_its_own_points() -> None:
    async def go() -> None:
        async with opened() as (peer, driver, points):
            towards = peer.towards["north"]
            towards.may_connect = False
            towards.cut()
            await until(lambda: "north" not in driver.sites)
            found = await driver.read(driver.plan(points))
            assert [isinstance(one, Bad) for one in found] == [True] * 4 + [False] * 4
            one, two = await driver.write([(points[0], 1.0), (points[4], 1.0)])
            assert isinstance(one, UnitError)
            assert two is None
            towards.may_connect = True
            await until(lambda: "north" in driver.sites)
            assert not [v for v in await driver.read(driver.plan(points)) if isinstance(v, Bad)]

    asyncio.run(go())


def test_a_status_that_a_site_lacks_costs_no_other() -> None:
    async def go() -> None:
        async with opened() as (peer, driver, points):
            check = peer.towards["north"].site.check

            def lacking(message: Any) -> str:
                return "no S0017" if "S0017" in str(message.body) else check(message)

            peer.towards["north"].site.check = lacking  # type: ignore[method-assign]
            found = await driver.read(driver.plan(points[:4]))
            assert [isinstance(one, Bad) for one in found] == [False, False, False, True]

    asyncio.run(go())


def test_nothing_is_sent_when_the_last_look_says_no() -> None:
    class No(LastLook):
        def check(self) -> None:
            raise NeverSent("too late")

    async def go() -> None:
        async with opened() as (peer, driver, points):
            driver.last_look = No()
            (result,) = await driver.write([(points[0], 3.0)])
            assert isinstance(result, NeverSent)
            assert await peer.arrived() == 0

    asyncio.run(go())
