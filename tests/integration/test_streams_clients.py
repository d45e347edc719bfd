"""Clients over a whole city: streams with losses, restarts, slow consumers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from patience import wait_until
from small_city import field, small_city
from stream_proxy import StreamProxy

from jacquemart.native import frames
from jacquemart.runtime.client import AsyncClient, RollupUpdate
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.testing import LocalCity

LAMPS = 5


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, lamps=LAMPS) as running:
        yield running


@pytest.fixture
def proxy(city: LocalCity) -> Iterator[StreamProxy]:
    made = StreamProxy(city.client().hello["stream"])
    yield made
    made.close()


class Watcher:
    """Follows a subscription and keeps the newest of everything."""

    def __init__(self, client: AsyncClient, what: str, **options: str) -> None:
        self.readings: dict[str, Reading] = {}
        self.rollups: dict[tuple[str, str], RollupUpdate] = {}
        self.events: list[Event] = []
        self.stale = 0
        self._task = asyncio.create_task(self._follow(client, what, options))

    async def _follow(self, client: AsyncClient, what: str, options: dict[str, str]) -> None:
        async for update in client.subscribe(what, **options):
            if isinstance(update, Event):
                self.events.append(update)
            elif isinstance(update, RollupUpdate):
                self.stale += update.stale
                self.rollups[update.kind, update.point] = update
            else:
                self.stale += update.quality == Quality.STALE_GAP
                self.readings[update.point] = update

    @property
    def ended(self) -> bool:
        return self._task.done()

    async def until(self, found: Callable[[], bool], seconds: float = 25.0) -> None:
        give_up = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < give_up
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.02)

    def of_links(self) -> list[str]:
        """Return the names of the links' events; the zones have some of their own."""
        return [event.name for event in self.events if event.name.startswith("link_")]


def test_a_client_that_misses_messages_shows_stale_and_then_what_the_city_knows(
    city: LocalCity, proxy: StreamProxy
) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            client.hello["stream"] = proxy.endpoint
            readings, rollups = Watcher(client, "readings"), Watcher(client, "rollups")
            points = [f"north-{n}/{p}" for n in range(1, LAMPS + 1) for p in ("setpoint", "level")]
            await readings.until(lambda: set(readings.readings) == set(points))
            await rollups.until(lambda: len(rollups.rollups) == 2)
            for number in range(1, LAMPS + 1):
                proxy.drop = lambda *_: True
                lost = proxy.lost
                assert (await client.set(f"north-{number}/setpoint", 10.0 * number)).applied
                await readings.until(lambda lost=lost: proxy.lost > lost)
                proxy.drop = None
            await readings.until(lambda: readings.stale > 0)
            wanted = {p: 10.0 * int(p[6]) for p in points}
            await readings.until(
                lambda: (
                    {p: r.value for p, r in readings.readings.items()} == wanted
                    and all(r.good for r in readings.readings.values())
                )
            )
            known = {r.point: r.value for r in await client.get_many(points)}
            assert known == wanted
            total = sum(10.0 * n for n in range(1, LAMPS + 1))
            await rollups.until(
                lambda: (
                    rollups.rollups["generic", "level"].rollup.sum == total
                    and not any(r.stale for r in rollups.rollups.values())
                )
            )

    asyncio.run(story())


def test_aggregates_that_did_not_change_while_they_were_stale_are_told_to_be_well_again(
    city: LocalCity, proxy: StreamProxy
) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            client.hello["stream"] = proxy.endpoint
            rollups = Watcher(client, "rollups")
            await rollups.until(lambda: len(rollups.rollups) == 2)
            proxy.drop = lambda *_: True  # silence: nothing changes, and nothing is heard
            await rollups.until(lambda: rollups.stale >= 2)
            proxy.drop = None
            await rollups.until(lambda: not any(r.stale for r in rollups.rollups.values()))

    asyncio.run(story())


def test_events_come_once_each_over_losses_and_the_restart_of_every_cell(
    city: LocalCity, proxy: StreamProxy
) -> None:
    def knock() -> None:
        """Make one link_down and one link_up."""
        opened = field().opened
        field().cut()
        wait_until(lambda: field().opened > opened)

    async def story() -> None:
        async with AsyncClient(city.api) as client:
            client.hello["stream"] = proxy.endpoint
            watcher = Watcher(client, "events")
            first, both = ["link_up"], ["link_down", "link_up"]
            await watcher.until(lambda: watcher.of_links() == first)
            proxy.drop = lambda _, frame: frames.kind_of(frame) == frames.EVENT
            await asyncio.to_thread(knock)
            await watcher.until(lambda: watcher.of_links() == first + both)
            proxy.drop = None
            for cell in ("zone-0", "centre-0"):
                await asyncio.to_thread(city.replace, cell)
            await asyncio.to_thread(city.wait_ready)
            await asyncio.to_thread(knock)
            await watcher.until(lambda: len(watcher.of_links()) >= 5)
            await asyncio.sleep(1.5)
            assert watcher.of_links() == first + both + both
            told = [row[0] for row in reversed(await client.query("events", number=100))]
            assert [name for name in told if name.startswith("link_")] == first + both + both

    asyncio.run(story())


def test_a_cell_that_is_replaced_is_followed_at_its_successor(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            readings = Watcher(client, "readings", pattern="*/level")
            await readings.until(lambda: len(readings.readings) == LAMPS)
            (cell,) = (name for name in city.hosts if city.hosts[name].config.role == "device")
            await asyncio.to_thread(city.replace, cell)
            await asyncio.to_thread(city.wait_ready)
            outcome = await client.set("north-1/setpoint", 77.0)
            assert outcome.applied
            await readings.until(lambda: readings.readings["north-1/level"].value == 77.0)
            assert readings.readings["north-1/level"].good

    asyncio.run(story())


def test_a_snapshot_without_names_has_everything_else(city: LocalCity) -> None:
    client, topic = city.client(), f"r/{city.placement.cells[0].shards[0].id}/"
    whole = client.query("snapshot", topic=topic)
    bare = client.query("snapshot", topic=topic, names=False)
    assert whole.keys() - bare.keys() == {"devices", "templates", "units", "words"}
    assert not bare.keys() - whole.keys()
    assert (bare["epoch"], bare["layout"]) == (whole["epoch"], whole["layout"])
    assert bare["columns"][0] == whole["columns"][0]  # the slots, all of them
    assert [len(column) for column in bare["columns"]] == [len(one) for one in whole["columns"]]


def test_a_slow_consumer_sees_the_newest_values_and_not_every_one(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            updates = client.subscribe(pattern="north-1/level")
            assert isinstance(await anext(updates), Reading)
            for value in (10.0, 20.0, 30.0, 40.0, 50.0):
                assert (await client.set("north-1/setpoint", value)).applied
            await asyncio.sleep(0.3)  # all of that is on its way here, or here
            seen = [await anext(updates)]
            assert isinstance(seen[0], Reading)
            assert seen[0].value == 50.0
            await updates.aclose()  # type: ignore[attr-defined]

    asyncio.run(story())


def test_a_synchronous_subscription_ends_with_its_client(city: LocalCity) -> None:
    client = city.client()
    updates = client.subscribe(pattern="*/level")
    names = {next(updates).point for _ in range(LAMPS)}  # type: ignore[union-attr]
    assert names == {f"north-{n}/level" for n in range(1, LAMPS + 1)}
    client.subscribe("events")  # one that nobody ever looks at
    client.close()
    assert [*updates] == [] or all(isinstance(u, Reading) for u in updates)


def test_rubbish_on_the_stream_endpoint_disturbs_no_other_subscriber(city: LocalCity) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    rude = context.socket(zmq.XSUB)
    rude.linger = rude.sndhwm = 0
    rude.connect(city.client().hello["stream"])
    time.sleep(0.1)
    for message in (b"", b"\x02what", b"\x00never", b"\x01" + b"x" * 5_000, b"\x01\xff\xfe"):
        rude.send(message)
    rude.send_multipart([b"\x01a", b"b", b"c"])
    for number in range(12_000):  # more than the gateway has room for
        rude.send(b"\x01topic-%d/" % number)
    gateway = city.hosts["gateway-0"]._service
    wait_until(lambda: gateway._relay.refused >= 12_000)
    try:

        async def story() -> None:
            async with AsyncClient(city.api) as client:
                readings = Watcher(client, "readings", pattern="*/level")
                await readings.until(lambda: len(readings.readings) == LAMPS)
                assert (await client.set("north-2/setpoint", 66.0)).applied
                await readings.until(lambda: readings.readings["north-2/level"].value == 66.0)

        asyncio.run(story())
    finally:
        rude.close()
        context.term()
