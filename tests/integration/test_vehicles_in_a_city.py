"""Vehicles drive through the zones of a whole city in this process, in fast time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from courier_city import ordered
from patience import wait_until
from strip_city import LINKS, WIDTH, ZONES, FastClock, strip_city, truth

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.city import load_city
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing import LocalCity

pytestmark = pytest.mark.slow

HOMES = {"bus": "west", "service": "east"}
KINDS = {"bus": "bus", "service": "service_vehicle"}
ALL = {f"{kind}-{number}" for kind in HOMES for number in range(1, 9)}
POSITION = ("latitude", "longitude", "speed", "heading", "zone", "age")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[LocalCity, FastClock]]:
    with strip_city(tmp_path) as found:
        yield found


def members(client: Client) -> dict[str, str]:
    """Return the zone of every vehicle as ``ls`` has it, zone by zone; each is in one only."""
    found: dict[str, str] = {}
    for zone in ZONES:
        for row in client.ls("*", zone=zone)["rows"]:
            assert row[0] not in found, f"{row[0]} is in {found[row[0]]} and in {zone}"
            assert row[2] == zone
            found[row[0]] = zone
    return found


def counts(client: Client, kind: str) -> dict[str, int]:
    zones = client.zones()["zones"]
    return {z["zone"]: z["kinds"].get(KINDS[kind], {"count": 0})["count"] for z in zones}


def where(account: dict[str, float], device: str) -> str:
    """Return the zone in which a vehicle must be: where it is, or its home."""
    home = HOMES[device.partition("-")[0]]
    if account[f"{device}/status"] == 0.0:
        return home
    lon = account[f"{device}/longitude"]
    at = math.floor((lon - 5.0) / WIDTH)
    return ZONES[at] if 0 <= at < len(ZONES) else home


def test_every_vehicle_is_in_one_zone_at_any_time_and_in_the_right_one_in_the_end(
    running: tuple[LocalCity, FastClock],
) -> None:
    city, clock = running
    client = city.client()
    seen: dict[str, set[str]] = {device: set() for device in ALL}
    until = time.monotonic() + 12.0
    while time.monotonic() < until:
        # Those who move between two questions may be missed or met twice by them, not by one.
        rows = client.ls("*")["rows"]
        assert {row[0] for row in rows} == ALL
        assert len(rows) == len(ALL)
        for row in rows:
            seen[row[0]].add(row[2])
        for kind in HOMES:
            assert sum(counts(client, kind).values()) == 8
    assert all(len(zones) >= 2 for zones in seen.values()), seen
    clock.stop()
    account = truth()
    expected = {device: where(account, device) for device in ALL}
    wait_until(lambda: members(client) == expected, 40.0)
    for kind in HOMES:
        right = {
            zone: sum(device.startswith(kind) and at == zone for device, at in expected.items())
            for zone in ZONES
        }
        wait_until(lambda kind=kind, right=right: counts(client, kind) == right)  # type: ignore[misc]
    for zone in ZONES:
        rows = client.ls("*/longitude", zone=zone)["rows"]
        assert {row[0].partition("/")[0] for row in rows} == {
            device for device, at in expected.items() if at == zone
        }


def test_who_is_off_duty_is_nowhere_to_be_read(running: tuple[LocalCity, FastClock]) -> None:
    city, clock = running
    client = city.client()
    wait_until(lambda: any(truth()[f"{d}/status"] == 0.0 for d in ALL))
    clock.stop()
    account = truth()
    off = sorted(device for device in ALL if account[f"{device}/status"] == 0.0)
    on = sorted(ALL - set(off))
    assert off
    assert on
    for device in off:  # each has its turn of being polled
        lost = f"{device}/latitude"
        wait_until(lambda lost=lost: client.get(lost).quality is Quality.BAD_WITHHELD)
    wait_until(lambda: client.get(f"{on[0]}/latitude").value == account[f"{on[0]}/latitude"])
    for device in off:
        for reading in client.get_many([f"{device}/{point}" for point in POSITION]):
            assert math.isnan(reading.value), reading
            assert reading.quality is Quality.BAD_WITHHELD
        asked: dict[str, Any] = dict(client.why(device))
        assert asked["zone"] == HOMES[device.partition("-")[0]]
        assert any("not known to be on duty" in reason for reason in asked["reasons"])
        for point in asked["points"]:
            if point["point"] in POSITION:
                assert math.isnan(point["value"])
        for row in client.ls(f"{device}/*")["rows"]:
            if row[0].partition("/")[2] in POSITION:
                assert math.isnan(row[1])


def test_events_tell_each_zone_who_comes_and_goes(running: tuple[LocalCity, FastClock]) -> None:
    city, _ = running
    client = city.client()
    told: dict[str, list[Event]] = {}
    end = time.monotonic() + 12.0
    for event in client.subscribe("events"):
        assert isinstance(event, Event)
        told.setdefault(event.subject, []).append(event)
        if time.monotonic() > end:
            break
    moves = 0
    for device in ALL:
        at = "outside"
        events = sorted(told.get(device, ()), key=lambda event: event.time_ns)
        for event in events:
            if event.name == "zone_entered":
                assert event.detail.get("came_from", "outside") == at
                at = event.zone
                moves += 1
            elif event.name == "zone_left":
                assert event.zone == at
                at = event.detail["to"]
                if at != "outside":  # who enters it tells where it came from
                    at = event.zone
            elif event.name == "off_duty":
                assert event.zone == HOMES[device.partition("-")[0]]
                at = "outside"
    assert moves > 20


def test_a_zone_commands_the_vehicles_that_are_in_it(
    running: tuple[LocalCity, FastClock],
) -> None:
    city, clock = running
    client = city.client()
    time.sleep(3.0)
    clock.stop()
    account = truth()
    expected = {d: where(account, d) for d in ALL if d.startswith("service")}
    wait_until(
        lambda: {d: z for d, z in members(client).items() if d in expected} == expected, 40.0
    )
    met: list[str] = []
    for number, zone in enumerate(ZONES, 1):
        result = client.set_all("task", float(number), kind="service_vehicle", zone=zone)
        inside = {device for device, home in expected.items() if home == zone}
        assert {outcome.device for outcome in result.outcomes} == inside
        for outcome in result.outcomes:
            on_duty = account[f"{outcome.device}/status"] != 0.0
            assert outcome.applied == on_duty, outcome
        met += [outcome.device for outcome in result.outcomes]
    assert sorted(met) == sorted(expected)


def test_vehicles_that_move_meanwhile_get_a_command_for_all_zones_once(
    running: tuple[LocalCity, FastClock],
) -> None:
    city, _ = running
    client = city.client()
    for number in range(1, 16):
        result = client.set_all("task", float(number), kind="service_vehicle", zone="*")
        named = [outcome.device for outcome in result.outcomes]
        assert sorted(named) == sorted(d for d in ALL if d.startswith("service"))
    written = [a for a in SimulatedField.of(LINKS[1]).arrivals if a.point.endswith("/task")]
    assert len({(a.point, a.value) for a in written}) == len(written)


def test_a_vehicle_is_commanded_by_its_id_wherever_it_is(
    running: tuple[LocalCity, FastClock],
) -> None:
    """By the zone where it is, by others, and by another vehicle: its home does not move."""
    city, clock = running
    there: dict[str, str] = {}

    def away() -> bool:
        there.update({d: z for d, z in members(city.client()).items() if d.startswith("service")})
        account = truth()
        return any(z != "east" and account[f"{d}/status"] for d, z in there.items())

    wait_until(away, 40.0)
    clock.stop()
    account = truth()
    expected = {d: where(account, d) for d in there}
    device, zone = next(
        (d, z) for d, z in expected.items() if z != "east" and account[f"{d}/status"]
    )
    bus = "bus-1"
    cell = next(c for c, h in city.hosts.items() if bus in getattr(h._service, "devices", ()))
    senders = [("zone-0", zone), ("zone-0", "east"), ("centre-0", "centre"), (cell, bus)]
    for number, (name, actor) in enumerate(senders, 1):
        end = ordered(city, name, actor, device, "set", float(number), point="task")
        assert end.applied, (actor, end)
    written = [a.value for a in SimulatedField.of(LINKS[1]).arrivals
               if a.point == f"{device}/task"]  # fmt: skip
    assert written == [1.0, 2.0, 3.0, 4.0]


def test_a_lost_cell_takes_its_vehicles_out_of_sight(tmp_path: Path) -> None:
    with strip_city(tmp_path, buses=4, vehicles=4) as (city, _):
        client = city.client()
        wait_until(lambda: any(r[1] == r[1] for r in client.ls("bus-*/latitude")["rows"]))
        home = next(name for shard, name in city.directory.homes.items() if "west" in shard)
        city.lose(home)
        wait_until(
            lambda: all(math.isnan(row[1]) for row in client.ls("bus-*/latitude")["rows"]), 20.0
        )
        assert {row[2] for row in client.ls("bus-*")["rows"]} == {"west"}


def test_a_vehicle_that_joins_the_running_city_is_counted_where_it_is(tmp_path: Path) -> None:
    with strip_city(tmp_path, buses=3, vehicles=2) as (city, clock):
        client = city.client()
        text = (tmp_path / "city.toml").read_text()
        route = "47.0050 5.0240; 47.0050 5.0260"
        more = '[[device]]\nid = "bus-4"\ntemplate = "bus"\nlink = "avl-bus"\nname = "new"\n'
        (tmp_path / "city.toml").write_text(f'{text}{more}parameters = {{ route = "{route}" }}\n')
        city.apply(load_city(tmp_path / "city.toml"))
        wait_until(lambda: sum(counts(client, "bus").values()) == 4)
        wait_until(lambda: client.get("bus-4/status").value == client.get("bus-4/status").value)
        wait_until(lambda: truth().get("bus-4/status", 0.0) != 0.0, 20.0)
        clock.stop()
        wait_until(lambda: client.ls("bus-4")["rows"][0][2] == "east", 30.0)
        assert client.get("bus-4/latitude").value == pytest.approx(47.005)
        (tmp_path / "city.toml").write_text(text)
        city.apply(load_city(tmp_path / "city.toml"))
        wait_until(lambda: sum(counts(client, "bus").values()) == 3)


def test_vehicles_leave_the_running_city_with_their_link_and_come_again(tmp_path: Path) -> None:
    with strip_city(tmp_path, buses=3, vehicles=2) as (city, _):
        client = city.client()

        def driving() -> bool:
            return any(row[1] == row[1] for row in client.ls("service-*/latitude")["rows"])

        wait_until(driving)
        text = (tmp_path / "city.toml").read_text()
        link = text[text.index("[links.avl-service]") : text.index("[templates.bus]")]
        less = text[: text.index('[[device]]\nid = "service-1"')].replace(link, "")
        for _ in range(2):
            (tmp_path / "city.toml").write_text(less)
            city.apply(load_city(tmp_path / "city.toml"))
            assert {row[0] for row in client.ls("*")["rows"]} == {"bus-1", "bus-2", "bus-3"}
            wait_until(lambda: sum(counts(client, "service").values()) == 0)
            (tmp_path / "city.toml").write_text(text)
            city.apply(load_city(tmp_path / "city.toml"))
            wait_until(lambda: sum(counts(client, "service").values()) == 2)
            wait_until(driving, 20.0)
