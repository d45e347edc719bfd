"""A running city becomes another one, and whoever did not change does not notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from live_city import PERIOD_MS, Follow, RecordingSink, Starvation, city_of, lamps, valves
from modbus_process import ModbusProcess
from patience import wait_until

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.cell.centre_cell import CentreCell
from jacquemart.runtime.cell.zone_cell import ZoneCell
from jacquemart.runtime.client import async_client
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, LinkSpec
from jacquemart.runtime.model.errors import ConfigError, UnknownDevice, UsageError
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing import LocalCity

LINKS, LAMPS, UNITS = 10, 50, 10
STREETS = [f"{zone}-{n}" for zone in ("north", "south") for n in range(LINKS)]
NEW_STREETS = ["north-new", "east-0"]
TOUCHED = {"north-7", "north-8", "south-3", "mb-1"}
"""Links that go to another zone, leave, or have other options."""


@dataclass
class Scene:
    """A city that runs, what stands behind it, and all that anybody has seen of it."""

    old: CitySpec
    city: LocalCity
    servers: ModbusProcess
    follow: Follow
    stale: list[str] = field(default_factory=list)

    @property
    def seen(self) -> RecordingSink:
        return RecordingSink.made[0]

    def shells(self) -> dict[str, Any]:
        """Return the live links of all device cells."""
        return {
            id: shell
            for name, host in self.city.hosts.items()
            if name.startswith("device")
            for shard in host._service.shards.values()
            for id, shell in shard.links.items()
        }

    def gaps(self) -> int:
        """Return the gaps that zone, centre and client have counted."""
        cells = (self.city.hosts[name]._service for name in ("zone-0", "centre-0"))
        inside = sum(f.gaps for cell in cells for _, f in cell._followers.values())
        return inside + sum(self.follow.gaps.values())


def street(id: str, **options: Any) -> LinkSpec:
    return LinkSpec(id, "simulated", id.partition("-")[0], options)


def line(servers: ModbusProcess, at: int, **options: Any) -> LinkSpec:
    address = {"host": "127.0.0.1", "port": servers.ports[at], "timeout_ms": 2_000}
    return LinkSpec(f"mb-{at}", "modbus", "south", {**address, **options})


def old_city(servers: ModbusProcess) -> CitySpec:
    links = [street(id) for id in STREETS] + [line(servers, at) for at in range(2)]
    devices: list[DeviceSpec] = []
    for id in STREETS:
        devices += lamps(id.partition("-")[0], id, range(LAMPS))
    for at in range(2):
        devices += valves(f"mb-{at}", range(1, UNITS + 1))
    return city_of(["north", "south"], links, devices)


def new_city(old: CitySpec, servers: ModbusProcess) -> CitySpec:
    """Return a city in which hundreds of devices are others, on every kind of link."""
    links = {link.id: link for link in old.links if link.id != "north-8"}
    links["south-3"] = street("south-3", latency_ms=1.0)
    links["north-7"] = replace(links["north-7"], zone="south")
    links["mb-1"] = line(servers, 1, timeout_ms=1_500)
    for id in NEW_STREETS:
        links[id] = street(id)
    devices: list[DeviceSpec] = []
    for device in old.devices:
        number = int(device.id.rpartition("-")[2])
        if device.link == "north-8" or (device.zone == "north" and number >= LAMPS - 10):
            continue  # a link that is gone; and a hundred lamps
        if device.link == "north-7":
            device = replace(device, zone="south")
        if device.link == "north-9" and number < 10:
            device = replace(device, zone="south", link="south-9")
        elif device.id == "mb-0-10":
            continue
        elif device.id == "mb-0-9":
            device = replace(device, template="other-valve")
        elif device.template == "lamp" and 30 <= number < 35:
            device = replace(device, index=1_000 + number)
        elif device.template == "lamp" and number == 0:
            device = replace(device, name="first of its street", lat=47.3, lon=5.0)
        devices.append(device)
    for n in range(LINKS):
        devices += lamps("south", f"south-{n}", range(LAMPS, LAMPS + 10))
    for id in NEW_STREETS:
        devices += lamps(id.partition("-")[0], id, range(20))
    devices += valves("mb-0", [UNITS + 1])
    return city_of(["north", "south", "east"], links.values(), devices)


def unchanged(old: CitySpec, new: CitySpec) -> set[str]:
    """Return who is in both cities, the same but for name and place, on the same link."""
    links = {link.id for link in old.links} - TOUCHED
    plain = {d.id: replace(d, name="", lat=None, lon=None) for d in old.devices if d.link in links}
    return {d.id for d in new.devices if plain.get(d.id) == replace(d, name="", lat=None, lon=None)}


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    RecordingSink.made.clear()
    monkeypatch.setattr(async_client, "UpdateSink", RecordingSink)
    stale: list[str] = []
    for cell in (ZoneCell, CentreCell):
        told = cell.stale
        monkeypatch.setattr(
            cell, "stale", lambda self, topic, told=told: (stale.append(topic), told(self, topic))
        )
    with ModbusProcess(2) as servers:
        old = old_city(servers)
        try:
            with LocalCity(old, cells=2) as city, Follow(city.api) as follow:
                made = Scene(old, city, servers, follow, stale)
                points = {f"{d.id}/{p}" for d in old.devices for p in ("setpoint", "level")}
                wait_until(lambda: set(follow.readings) == points)
                wait_until(lambda: all(r.good for r in follow.readings.values()))
                wait_until(lambda: len(follow.rollups) == 4)
                time.sleep(1.5)  # heartbeats of everything have come round
                stale.clear()
                yield made
                assert not follow.errors
        finally:
            for id in (*STREETS, *NEW_STREETS):
                SimulatedField.forget(id)


def follows_all_of(scene: Scene, city: CitySpec) -> None:
    """Wait until the client shows the points of this city and no others, and all of them well."""
    wanted = {f"{d.id}/{p}" for d in city.devices for p in ("setpoint", "level")}

    def shown() -> bool:
        known = scene.follow.readings.copy()
        here = {p for p, r in known.items() if r.quality != Quality.BAD_REMOVED}
        return here == wanted and all(known[p].good for p in wanted)

    wait_until(shown)


def test_what_did_not_change_has_no_gap_no_reconnect_and_no_late_poll(scene: Scene) -> None:
    new = new_city(scene.old, scene.servers)
    same = unchanged(scene.old, new)
    assert 600 < len(same) < len(scene.old.devices) - 200
    outcomes: dict[str, Outcome] = {}

    def command(device: str, value: float) -> None:
        client = scene.city.client()
        outcomes[device] = client.set(f"{device}/setpoint", value, within_s=20.0)

    waiting = [
        threading.Thread(target=command, args=(device, 40.0))
        for device in ("mb-0-3", "mb-0-9", "mb-0-10", "mb-1-2")
    ]
    for thread in waiting:
        thread.start()
    for server, unit in ((0, 3), (0, 9), (0, 10), (1, 2)):
        wait_until(lambda at=server, who=unit: scene.servers.value(at, who, 0) == 40)

    shells = scene.shells()
    epochs = {id: shell.epoch for id, shell in shells.items()}
    connections = scene.servers.connections()
    gaps = scene.gaps()
    scene.seen.recording = True
    time.sleep(0.5)
    with Starvation() as starved:
        began = time.monotonic()
        scene.city.apply(new)
        took = time.monotonic() - began
        follows_all_of(scene, new)
        time.sleep(1.5)
    scene.seen.recording = False
    scene.servers.hold(0, 3, 1, 40)  # the valve gets there only now

    # Links: the same objects, the same connections.
    after = scene.shells()
    stay = {link.id for link in scene.old.links} - TOUCHED
    assert {id: after[id].epoch for id in stay} == {id: epochs[id] for id in stay}
    assert all(after[id] is shells[id] for id in stay)
    assert "north-8" not in after
    assert after["south-3"].epoch == epochs["south-3"] + 1
    assert scene.servers.connections() == [connections[0], connections[1] + 1]

    # Streams: nobody missed anything, nobody showed anything as STALE.
    assert scene.gaps() == gaps
    assert scene.stale == []
    points = {f"{device}/{p}" for device in same for p in ("setpoint", "level")}
    assert {p: r for p, r in scene.seen.bad.items() if p in points} == {}
    late = {p: ns / 1e6 for p, ns in scene.seen.longest_ns.items() if p in points}
    assert set(late) == points
    for point, pause_ms in late.items():
        turns = UNITS + 1 if point.startswith("mb-") else 2  # a poll asks one unit after the other
        limit_ms = 2 * PERIOD_MS + turns * starved.longest_s * 1e3
        assert pause_ms <= limit_ms, (point, took, starved.longest_s)

    # Commands in flight.
    for thread in waiting:
        thread.join(30.0)
    assert outcomes["mb-0-3"].applied, outcomes
    for device in ("mb-0-9", "mb-0-10", "mb-1-2"):
        assert outcomes[device].status is Status.INDETERMINATE, outcomes[device]
        assert outcomes[device].reason == "stopping"

    # The city is the new one, for everybody.
    client = scene.city.client()
    listed = client.ls(limit=10_000)
    assert {row[0] for row in listed["rows"]} == {d.id for d in new.devices}
    assert {row[0]: row[3] for row in listed["rows"]}["south-0-0"] == "first of its street"
    zones = {zone["zone"]: zone for zone in client.zones()["zones"]}
    assert set(zones) == {"north", "south", "east"}
    assert zones["east"]["kinds"]["generic"] == {**zones["east"]["kinds"]["generic"], "count": 20}
    assert client.get("mb-0-9/setpoint").good
    with pytest.raises(UnknownDevice):
        client.get("mb-0-10/level")
    for device in ("east-0-3", "north-new-0", "south-2-55", "north-9-4", "south-3-1", "north-7-5"):
        assert client.set(f"{device}/setpoint", 30.0).applied
    bulk = client.set_all("setpoint", 20.0, zone="east")
    assert (len(bulk.outcomes), all(o.applied for o in bulk.outcomes)) == (20, True)
    wait_until(lambda: scene.follow.readings["east-0-7/level"].value == 20.0)
    wait_until(lambda: scene.follow.rollups["east", "generic", "level"].rollup.sum == 400.0)
    failures = [text for host in scene.city.hosts.values() for text in host.health()["failures"]]
    assert failures == []


def test_a_configuration_that_cannot_be_taken_leaves_the_city_as_it_was(scene: Scene) -> None:
    shells, gaps = scene.shells(), scene.gaps()
    scene.seen.recording = True
    bad = replace(scene.old, tick_ms=50, devices=scene.old.devices[:-5])
    with pytest.raises(UsageError, match="tick_ms"):
        scene.city.apply(bad)
    lamp = replace(scene.old.templates["lamp"], kind="nobody-has-this")
    with pytest.raises(ConfigError, match="nobody-has-this"):
        scene.city.apply(replace(scene.old, templates={**scene.old.templates, "lamp": lamp}))
    nowhere = valves("mb-0", [999])  # no Modbus unit has that number: its cell finds out
    with pytest.raises(ConfigError, match="999"):
        scene.city.apply(replace(scene.old, devices=(*scene.old.devices, *nowhere)))
    time.sleep(0.5)
    assert scene.seen.bad == {}
    assert scene.gaps() == gaps
    assert scene.stale == []
    assert scene.shells() == shells
    client = scene.city.client()
    assert client.ls(limit=1)["total"] == len(scene.old.devices)
    assert client.set("south-1-7/setpoint", 12.0).applied
    scene.city.apply(replace(scene.old, devices=scene.old.devices[1:]))
    assert client.ls(limit=1)["total"] == len(scene.old.devices) - 1


def test_a_changed_city_survives_its_cells_and_changes_back(scene: Scene) -> None:
    new = new_city(scene.old, scene.servers)
    scene.city.apply(new)
    follows_all_of(scene, new)
    scene.city.replace("device-1")
    scene.city.replace("zone-0")
    scene.city.wait_ready()
    follows_all_of(scene, new)
    time.sleep(4.0)  # everybody has heard of the new epochs by now
    gaps = scene.gaps()
    scene.city.apply(scene.old)
    follows_all_of(scene, scene.old)
    client = scene.city.client()
    assert client.ls(limit=1)["total"] == len(scene.old.devices)
    assert [zone["zone"] for zone in client.zones()["zones"]] == ["north", "south"]
    for device in ("mb-0-10", "north-8-3", "north-7-9", "south-3-30"):
        assert client.set(f"{device}/setpoint", 0.0).applied
    assert scene.gaps() == gaps
    wait_until(lambda: ("east", "generic", "level") in scene.follow.rollups)
    wait_until(lambda: scene.follow.rollups["east", "generic", "level"].rollup.count == 0)
