"""Leases in a whole city: freezes, lost zone cells, outbid epochs, changes, restored holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from patience import soon
from small_city import small_city, writes

from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity

SET = "north-1/setpoint"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path) as running:
        yield running


def leases(city: LocalCity, cell: str = "device-1") -> dict[str, int]:
    found: dict[str, int] = city.hosts[cell].health()["leases"]
    return found


def events(city: LocalCity, name: str) -> list[dict[str, Any]]:
    found = city.client().query("events")
    rows = found["events"] if isinstance(found, dict) else found
    return [row[5] for row in rows if row[0] == name]


def test_a_cell_frozen_beyond_its_lease_says_that_it_lost_it_and_has_it_again(
    city: LocalCity,
) -> None:
    client = city.client()
    assert client.set(SET, 40.0).applied
    city.freeze("device-1", 1.3)
    time.sleep(1.3)
    soon(lambda: city.hosts["device-1"].health()["counters"]["leases_regained"] == 1)
    assert leases(city) == {"held": 1}
    for name in ("lease_lost", "lease_regained"):
        (detail,) = soon(lambda name=name: events(city, name))
        assert detail["epoch"] == 1
        assert detail["shards"] == 1
    assert soon(lambda: client.set(SET, 50.0).applied)
    assert writes("north-1") == [40.0, 50.0]


def test_p2_devices_are_commanded_and_kept_while_their_zone_cell_is_gone(city: LocalCity) -> None:
    city.lose("zone-0")
    time.sleep(1.5)
    assert leases(city) == {"orphaned": 1}
    assert city.hosts["device-1"].health()["counters"]["leases_lost"] == 0
    city.replace("zone-0")
    soon(lambda: leases(city) == {"held": 1})
    assert city.hosts["device-1"].health()["counters"]["leases_lost"] == 0
    assert soon(lambda: city.client().set(SET, 30.0).applied)


def test_a_cell_whose_epoch_the_journal_outbids_is_started_anew_with_a_higher_one(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with small_city(tmp_path, state=state) as city:
        for _ in range(3):
            city.replace("device-1")
            city.wait_ready()
        assert city.hosts["device-1"].config.epoch == 4
    with small_city(tmp_path, state=state) as city:
        assert city.fenced == {"device-1": 5}
        assert city.hosts["device-1"].config.epoch == 5
        assert city.client().set(SET, 20.0).applied


def test_what_a_fenced_cell_is_asked_to_write_is_refused(tmp_path: Path) -> None:
    """Beside its successor, as after a partition: it is told, and closes its links."""
    with small_city(tmp_path) as city:
        old = city.hosts["device-1"]
        # Somebody starts a second incarnation without ending the first: not how it is done.
        elsewhere = replace(old.config, epoch=7)
        cells = {**city.directory.cells, "device-1": city._start(elsewhere)}
        city.directory = replace(city.directory, version=city.directory.version + 1, cells=cells)
        for host in (*city.hosts.values(), old):
            host.connect(city.directory)
        soon(lambda: city.fenced)
        assert old.health()["leases"] == {"fenced": 1}
        assert old.progress()["least_epoch"] == 8
        soon(lambda: old.progress()["links"] == 0)
        old.stop(1.0)
        city.wait_ready()
        assert soon(lambda: city.client().set(SET, 60.0).applied)


def test_holds_stand_again_before_the_successor_of_a_cell_writes_anything(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.hold(SET, 40.0, why="works there", lease_s=600).applied
    city.replace("device-1")
    outcome = soon(
        lambda: (
            (found := bob.set(SET, 90.0, within_s=3.0)).reason
            not in (Reason.NO_LEASE, Reason.MOVED, Reason.CELL_LOST, Reason.UNREACHABLE)
            and found
        )
    )
    assert (outcome.status, outcome.reason) == (Status.REJECTED, Reason.HELD)
    assert 90.0 not in writes("north-1")


def test_leases_follow_shards_that_come_and_go_in_a_change_of_the_running_city(
    tmp_path: Path,
) -> None:
    with small_city(tmp_path, zones=("north", "south"), cells=2) as city:
        both = city.spec
        found = {name: dict(leases(city, name)) for name in ("device-1", "device-2")}
        assert found == {"device-1": {"held": 1}, "device-2": {"held": 1}}
        kept = [device for device in both.devices if device.zone == "north"]
        links = tuple(link for link in both.links if link.zone == "north")
        zones = tuple(zone for zone in both.zones if zone.id == "north")
        city.apply(replace(both, zones=zones, links=links, devices=tuple(kept)))
        assert city.client().set(SET, 20.0).applied
        city.apply(both)
        assert city.client().set("south-1/setpoint", 25.0).applied
        held = [leases(city, name) for name in city.hosts if name.startswith("device")]
        assert sum(one.get("held", 0) for one in held) == 2
        assert city.fenced == {}
