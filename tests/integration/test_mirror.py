"""A mirror shows what the city knows, without an object for each reading, and heals as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import until
from small_city import small_city, write_small_city
from stream_proxy import StreamProxy

from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.client.mirror import Mirror
from jacquemart.runtime.model.errors import UnknownPoint, UsageError
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing import LocalCity

LAMPS = 3


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, zones=("north", "south"), lamps=LAMPS) as running:
        yield running


def test_a_mirror_shows_what_the_city_knows_and_what_comes_to_it(
    city: LocalCity, tmp_path: Path
) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client, client.mirror() as mirror:
            points = sorted(mirror.points())
            assert len(points) == 2 * 2 * LAMPS
            outcome = await client.set("north-1/setpoint", 40.0)
            assert outcome.applied
            await until(lambda: mirror.read("north-1/level").value == 40.0)
            shown = mirror.read("north-1/level")
            assert shown.unit == "%"
            assert shown.quality is Quality.GOOD
            known = {r.point: r.value for r in await client.get_many(points)}
            assert {point: mirror.read(point).value for point in points} == known
            assert mirror.received > 0
            assert mirror.gaps == 0
            await until(lambda: ("", "generic", "level") in mirror.rollups)
            await until(lambda: mirror.rollups["north", "generic", "level"].maximum == 40.0)
            await until(lambda: mirror.rollups["", "generic", "level"].count == 2 * LAMPS)
            larger = write_small_city(tmp_path, zones=("north", "south"), lamps=LAMPS + 1)
            await asyncio.to_thread(city.apply, larger)
            await until(lambda: len(list(mirror.points())) == 2 * 2 * (LAMPS + 1))
            await until(lambda: mirror.read("south-4/level").good)
            assert mirror.gaps == 0
            for wrong, error in (("nobody/level", UnknownPoint), ("level", UsageError)):
                with pytest.raises(error):
                    mirror.read(wrong)

    asyncio.run(story())


def test_a_mirror_of_one_zone_has_no_other(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client, client.mirror(zone="sou*") as mirror:
            assert {point.split("-")[0] for point in mirror.points()} == {"south"}
            assert all(topic.startswith("r/south/") for topic in mirror.columns())

    asyncio.run(story())


def test_a_mirror_that_misses_messages_shows_stale_and_then_what_the_city_knows(
    city: LocalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale: dict[str, int] = {}
    shown = Mirror.stale

    def note(mirror: Mirror, topic: str) -> None:
        shown(mirror, topic)
        stale[topic] = max(mirror.columns()[topic][2]) if topic in mirror.columns() else 0

    monkeypatch.setattr(Mirror, "stale", note)

    async def story() -> None:
        proxy = StreamProxy(city.client().hello["stream"])
        try:
            async with AsyncClient(city.api) as client:
                client.hello = {**client.hello, "stream": proxy.endpoint}
                async with client.mirror(zone="north") as mirror:
                    proxy.drop = lambda *_: True
                    assert (await client.set("north-1/setpoint", 60.0)).applied
                    await until(lambda: "r/north/0/" in stale)
                    proxy.drop = None
                    await until(lambda: mirror.read("north-1/level").value == 60.0)
                    assert stale["r/north/0/"] == Quality.STALE_GAP
                    await until(lambda: not mirror.stale_topics)
                    await until(lambda: mirror.read("north-1/level").good)
        finally:
            proxy.close()

    asyncio.run(story())
