"""Zones and the centre command their devices, and nobody is forgotten when a cell is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from small_city import field, small_city, writes

from jacquemart.runtime.model.outcome import BulkOutcome
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import messages

ZONES = ("east", "west")
LAMPS = 4


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, zones=ZONES, lamps=LAMPS, cells=2, settle_ms=1_500) as running:
        yield running


def cell_of(city: LocalCity, zone: str) -> str:
    return next(cell for shard, cell in city.directory.homes.items() if shard.startswith(zone))


def ends(found: BulkOutcome, zone: str) -> set[tuple[str, str]]:
    """Return how the devices of a zone ended; each must be there, once."""
    mine = [o for o in found.outcomes if o.device.startswith(zone)]
    assert sorted(o.device for o in mine) == [f"{zone}-{n}" for n in range(1, LAMPS + 1)]
    return {(o.status.name, o.reason) for o in mine}


def by_supervisor(
    city: LocalCity, zone: str, act: Callable[[Any, Callable[[Any], None]], None]
) -> messages.BulkResult:
    """Have a zone supervisor do something on its own loop, and wait for its result."""
    host = city.hosts["zone-0"]

    async def ask() -> messages.BulkResult:
        future: asyncio.Future[messages.BulkResult] = asyncio.get_running_loop().create_future()
        act(host._service.supervisors[zone], future.set_result)
        return await future

    assert host._loop is not None
    return asyncio.run_coroutine_threadsafe(ask(), host._loop).result(30.0)


def test_a_zone_supervisor_commands_its_own_devices_and_no_others(city: LocalCity) -> None:
    result = by_supervisor(
        city, "east", lambda zone, done: zone.set_all("*", "setpoint", 40.0, done, within_s=5.0)
    )
    assert sorted(result.devices) == [f"east-{n}" for n in range(1, LAMPS + 1)]
    assert set(result.statuses) == {0}
    assert result.exceptions == {}
    assert [writes(f"east-{n}") for n in range(1, LAMPS + 1)] == [[40.0]] * LAMPS
    assert field("west").arrivals == type(field("west").arrivals)()
    assert city.client().why("east-1")["last_command"]["principal"] == "zone:east"


def test_a_zone_goes_on_commanding_without_the_centre(city: LocalCity) -> None:
    city.lose("centre-0")
    result = by_supervisor(
        city, "west",
        lambda zone, done: zone.set_all("generic", "setpoint", 30.0, done, device="west-[12]"),
    )  # fmt: skip
    assert sorted(result.devices) == ["west-1", "west-2"]
    assert set(result.statuses) == {0}


def test_a_bulk_command_reaches_every_zone_that_it_means_and_names_each_exception(
    city: LocalCity,
) -> None:
    field("east").inject("stuck", "east-2")
    field("west").inject("refused", "west-3")
    found = city.client().set_all("setpoint", 60.0, within_s=5.0)
    assert found.counts() == {"APPLIED": 2 * LAMPS - 2, "FAILED": 2}
    assert {(o.device, o.reason) for o in found.exceptions()} == {
        ("east-2", "not_following"), ("west-3", "refused")
    }  # fmt: skip
    for outcome in found.outcomes:
        truth = field(outcome.device[:4]).value(f"{outcome.device}/level")
        assert outcome.applied == (abs(truth - 60.0) <= 0.5)
    only = city.client().set_all("setpoint", 10.0, zone="w*", device="*-1", within_s=5.0)
    assert [o.device for o in only.outcomes] == ["west-1"]


def test_a_cell_that_is_gone_has_its_devices_rejected_and_the_others_are_served(
    city: LocalCity,
) -> None:
    client = city.client()
    city.lose(cell_of(city, "east"))
    begun = time.monotonic()
    found = client.set_all("setpoint", 60.0, within_s=2.0)
    assert time.monotonic() - begun < 2.0 + 8.0
    assert ends(found, "east") <= {("REJECTED", "cell_lost"), ("INDETERMINATE", "cell_lost")}
    assert ends(found, "west") == {("APPLIED", "ok")}
    one = client.set("east-1/setpoint", 20.0, within_s=0.5)
    # The loss is the zone's to wait out: a successor might have come before the deadline.
    assert (one.status.name, one.reason) == ("EXPIRED", "deadline")
    assert not [value for n in range(1, LAMPS + 1) for value in writes(f"east-{n}")]


@pytest.mark.slow
def test_a_cell_that_is_frozen_leaves_its_devices_unknown_in_time(city: LocalCity) -> None:
    client = city.client()
    city.freeze(cell_of(city, "east"), 7.5)
    begun = time.monotonic()
    found = client.set_all("setpoint", 60.0, within_s=0.4)
    assert time.monotonic() - begun < 0.4 + 8.0
    assert ends(found, "east") == {("INDETERMINATE", "cell_lost")}
    assert ends(found, "west") == {("APPLIED", "ok")}
    # It wakes up and finds the command late: nothing that old reaches the field.
    wait_until(lambda: client.get("east-1/level").good)
    assert not [value for n in range(1, LAMPS + 1) for value in writes(f"east-{n}")]


def test_a_zone_cell_that_is_gone_has_all_its_devices_accounted_for(city: LocalCity) -> None:
    client = city.client()
    city.lose("zone-0")
    found = client.set_all("setpoint", 60.0, within_s=1.0)
    for zone in ZONES:
        assert ends(found, zone) <= {("REJECTED", "cell_lost"), ("INDETERMINATE", "cell_lost")}
    one = client.set("east-1/setpoint", 70.0, within_s=1.0)
    assert one.status.name in ("REJECTED", "INDETERMINATE"), "nobody can accept it"
    assert one.reason == "cell_lost"
    assert client.get("east-1/setpoint").good, "devices go on without their zone"


def test_a_lost_cell_that_is_replaced_takes_commands_again(city: LocalCity) -> None:
    client = city.client()
    city.replace(cell_of(city, "east"))
    city.wait_ready()
    found = client.set_all("setpoint", 80.0, within_s=5.0)
    assert found.counts() == {"APPLIED": 2 * LAMPS}


def test_a_zone_is_degraded_once_below_its_share_and_recovers_once_above_it(
    city: LocalCity,
) -> None:
    client = city.client()

    def told() -> list[str]:
        rows = reversed(client.query("events", number=100))
        return [row[0] for row in rows if row[0].startswith("zone_") and row[1] == "east"]

    wait_until(lambda: client.zones()["total"]["kinds"]["generic"]["online"] == 2 * LAMPS)
    field("east").inject("dead", "east-1")
    wait_until(lambda: told() == ["zone_degraded"])
    field("east").inject("dead", "east-2")
    time.sleep(0.5)
    field("east").clear("dead", "east-2")
    time.sleep(0.5)
    assert told() == ["zone_degraded"], "it was degraded already, and still is"
    field("east").clear("dead", "east-1")
    wait_until(lambda: told() == ["zone_degraded", "zone_recovered"])
    assert [row for row in client.query("events", number=100) if row[1] == "west"
            and row[0].startswith("zone_")] == []  # fmt: skip


def test_a_city_without_its_centre_is_commanded_by_its_zones(city: LocalCity) -> None:
    city.lose("centre-0")
    found = city.client().set_all("setpoint", 60.0, within_s=2.0)
    for zone in ZONES:
        assert ends(found, zone) == {("APPLIED", "ok")}


def test_a_bulk_command_is_done_once_when_the_centre_is_lost_with_it(city: LocalCity) -> None:
    city.freeze("centre-0", 3.0)  # it hears the command only when the zones have done it
    client, id = city.client(), b"bulk-while-frozen"[:16]
    answers: list[BulkOutcome] = []
    asking = threading.Thread(
        target=lambda: answers.append(client.set_all("setpoint", 60.0, within_s=10.0, id=id))
    )
    asking.start()
    time.sleep(0.3)
    city.replace("centre-0")
    asking.join(20.0)
    for zone in ZONES:
        assert ends(answers[0], zone) == {("APPLIED", "ok")}, answers[0].outcomes[:2]
    assert writes("east-1") == [60.0]
