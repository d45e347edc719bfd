"""Zones that lose their centre go on, and have it back without a bump."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from small_city import small_city, writes

from jacquemart.runtime.cell.islanding import ZoneIslanding
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing import LocalCity

ZONES = ("east", "west")
LAMPS = 2
ALL = [f"{zone}-{number}" for zone in ZONES for number in range(1, LAMPS + 1)]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, zones=ZONES, lamps=LAMPS, settle_ms=1_500) as running:
        yield running


def told(city: LocalCity, zone: str) -> list[str]:
    """Return what a zone told of its centre, oldest first."""
    kept = city.hosts["zone-0"]._service.publisher.kept_events(f"e/{zone}/")
    names = [event[0] for _, event in kept]
    return [name for name in names if name in ("zone_islanded", "zone_rejoined")]


def service(city: LocalCity, name: str) -> Any:
    return city.hosts[name]._service


def written() -> list[list[float]]:
    return [writes(lamp) for lamp in ALL]


def test_p3_zones_go_on_without_their_centre_and_have_it_back_without_a_bump(
    city: LocalCity,
) -> None:
    client = city.client()
    assert client.set("east-1/setpoint", 40.0).applied
    time.sleep(0.5)
    assert told(city, "east") == []
    lost = time.monotonic()
    city.lose("centre-0")
    wait_until(lambda: told(city, "east") == told(city, "west") == ["zone_islanded"])
    assert 3.6 < time.monotonic() - lost < 8.0, "four seconds, and what a slow machine adds"
    assert service(city, "zone-0").health()["islanded"]
    assert all(zone.islanded for zone in service(city, "zone-0").supervisors.values())

    assert client.set("east-2/setpoint", 55.0).applied
    found = client.set_all("setpoint", 50.0, zone="west", within_s=5.0)
    assert found.counts() == {"APPLIED": LAMPS}, "the gateway asks the zones themselves"
    before = written()
    city.replace("centre-0")
    wait_until(lambda: told(city, "east") == ["zone_islanded", "zone_rejoined"])
    assert not any(zone.islanded for zone in service(city, "zone-0").supervisors.values())
    time.sleep(0.5)
    assert written() == before, "no output moved because the centre came back"
    zones = {row["zone"]: row for row in client.zones()["zones"]}
    assert zones["east"]["kinds"]["generic"]["online"] == LAMPS
    seen = {event[0] for event in service(city, "centre-0").centre.recent(50)}
    assert {"zone_islanded", "zone_rejoined"} <= seen, "it learned what went on meanwhile"


def test_what_expired_while_a_zone_was_away_is_not_made_up_for(city: LocalCity) -> None:
    client = city.client()
    city.freeze("zone-0", 2.0)
    result = client.set_all("setpoint", 77.0, within_s=0.5)
    assert {outcome.status for outcome in result.outcomes} <= {
        Status.EXPIRED, Status.REJECTED, Status.INDETERMINATE,
    }  # fmt: skip
    city.hosts["zone-0"].health()  # it is awake
    time.sleep(0.5)
    assert written() == [[]] * len(ALL)
    assert told(city, "east") == [], "who was frozen itself has lost nobody"


class FakeCell:
    """What a ``ZoneIslanding`` needs of its cell, on a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 10**9
        self.clock = self
        self.loop = self

    def boot_ns(self) -> int:
        return self.now

    def call_later(self, *_: object) -> object:
        return threading.Timer(0, print)

    def broken(self, error: BaseException) -> None:
        raise error


class FakeZone:
    def __init__(self) -> None:
        self.islanded = False
        self.log: list[str] = []

    def on_islanded(self) -> None:
        self.log.append("islanded")

    def on_rejoined(self, away_s: float) -> None:
        self.log.append(f"rejoined after {away_s:.0f}")

    def emit(self, name: str, severity: int, **detail: object) -> None:
        self.log.append(name)


def test_a_zone_that_comes_while_others_are_islanded_is_told_too() -> None:
    cell, zones = FakeCell(), [FakeZone()]
    islanding = ZoneIslanding(cell, lambda: zones)  # type: ignore[arg-type]
    islanding.begin()
    for _ in range(50):
        cell.now += 100_000_000
        islanding._look()
    zones.append(FakeZone())
    islanding._look()
    assert [zone.log for zone in zones] == [["islanded", "zone_islanded"]] * 2
    alive = islanding.queries()["centre_alive"]
    for _ in range(30):
        cell.now += 100_000_000
        alive({"epoch": 1, "silent_ms": 0.0})
        islanding._look()
    assert zones[1].log[2:] == ["rejoined after 7", "zone_rejoined"]


def test_n2_beats_of_a_centre_that_hears_no_answer_do_not_count() -> None:
    cell, zone = FakeCell(), FakeZone()
    islanding = ZoneIslanding(cell, lambda: [zone])  # type: ignore[arg-type]
    islanding.begin()
    alive = islanding.queries()["centre_alive"]
    for beat in range(60):
        cell.now += 100_000_000
        assert alive({"epoch": 1, "silent_ms": beat * 100.0})["accepted"]
        islanding._look()
    assert islanding.islanded


def test_b4_of_two_centres_the_older_one_is_refused_and_stops_commanding(
    city: LocalCity,
) -> None:
    zone, centre = service(city, "zone-0"), service(city, "centre-0")

    async def another() -> Any:
        return zone.islanding.queries()["centre_alive"]({"epoch": 9, "silent_ms": 0.0})

    loop = city.hosts["zone-0"]._loop
    assert loop is not None
    assert asyncio.run_coroutine_threadsafe(another(), loop).result(5.0)["accepted"]
    wait_until(lambda: centre.pulse._successor == 9)
    with pytest.raises(UsageError, match="replaced by its incarnation 9"):
        city.client().set_all("setpoint", 5.0)
    assert written() == [[]] * len(ALL)
