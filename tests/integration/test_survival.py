"""What devices saved, who is parked, and dead letters outlive their cell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from fragile_city import fragile_city
from fragile_kind import Fragile
from patience import soon

from jacquemart.actors.building.intrusion import State
from jacquemart.cli import main
from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing import LocalCity


def device_cell(city: LocalCity) -> str:
    return next(iter(city.directory.homes.values()))


def saved(city: LocalCity) -> bool:
    return bool(city.hosts[device_cell(city)].health()["saves_waiting"] == 0)


def test_what_a_kind_saves_is_there_again_after_the_loss_of_its_cell(tmp_path: Path) -> None:
    with fragile_city(tmp_path) as city:
        client = city.client()
        assert client.command("f-1", "count").value == 1
        assert client.command("f-1", "count").value == 2
        assert client.command("f-2", "count").value == 1
        soon(lambda: saved(city))
        city.replace(device_cell(city))
        city.wait_ready()
        assert client.command("f-1", "count").value == 3
        assert client.command("f-2", "count").value == 2
        assert client.command("f-3", "count").value == 1
        soon(lambda: saved(city))
        city.replace("zone-0")


def test_a_kind_that_saves_what_is_no_plain_value_costs_its_own_devices_only(
    tmp_path: Path,
) -> None:
    Fragile.odd = frozenset({"f-1"})
    with fragile_city(tmp_path) as city:
        client = city.client()
        assert client.command("f-1", "count").value == 1
        assert client.command("f-2", "count").value == 1
        cell = city.hosts[device_cell(city)]
        soon(lambda: cell.health()["failing"])
        assert list(cell.health()["failing"]) == ["f-1"]
        soon(lambda: saved(city))
        why = client.why("f-1")["reasons"]
        assert not any("parked" in reason for reason in why)
        city.replace(device_cell(city))
        city.wait_ready()
        assert client.command("f-2", "count").value == 2


def test_saved_states_survive_a_restart_of_the_whole_city_on_disk(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with fragile_city(tmp_path, state=state) as city:
        assert city.client().command("f-1", "count").value == 1
        soon(lambda: saved(city))
    with fragile_city(tmp_path, state=state, epoch=2) as city:
        assert city.client().command("f-1", "count").value == 2


def test_p10_a_device_that_cannot_start_is_parked_and_the_others_do_not_notice(
    tmp_path: Path,
) -> None:
    Fragile.cannot_start = frozenset({"f-2"})
    with fragile_city(tmp_path) as city:
        client = city.client()
        soon(lambda: city.hosts[device_cell(city)].health()["parked"])
        refused = client.set("f-2/level", 10)
        assert (refused.status, refused.reason) == (Status.REJECTED, "parked")
        assert any("f-2 is parked: " in reason for reason in client.why("f-2")["reasons"])
        time.sleep(1.0)
        assert Fragile.starts["f-2"] == 4, "three restarts are its intensity"
        assert {Fragile.starts[f"f-{n}"] for n in (1, 3, 4, 5, 6)} == {1}
        assert client.set("f-1/level", 10).applied
        city.replace(device_cell(city))
        city.wait_ready()
        soon(lambda: city.hosts[device_cell(city)].health()["parked"])
        assert Fragile.starts["f-2"] <= 4 + 4
        Fragile.cannot_start = frozenset()
        assert client.command("f-2", "unpark").applied
        assert client.set("f-2/level", 20).applied
        assert city.hosts[device_cell(city)].health()["parked"] == {}


def test_a_parked_device_is_locked_out_and_released_like_any_other(tmp_path: Path) -> None:
    with fragile_city(tmp_path) as city:
        client = city.client()
        assert client.hold("f-1/level", 50).applied
        service = city.hosts[device_cell(city)]._service
        service.loop.call_soon_threadsafe(service.devices["f-1"].park, "for a test")
        soon(lambda: city.hosts[device_cell(city)].health()["parked"])
        assert client.lockout("f-1", why="somebody works there").applied
        assert client.release("f-1", slot=3).applied
        client.release("f-1/level")
        assert client.claims() == []
        refused = client.hold("f-1/level", 60)
        assert (refused.status, refused.reason) == (Status.REJECTED, "parked")
        assert client.claims() == []


def test_p9_a_poison_command_is_a_dead_letter_in_the_journal_and_its_device_goes_on(
    tmp_path: Path,
) -> None:
    with fragile_city(tmp_path) as city:
        client = city.client()
        outcomes = [client.command("f-3", "crash", 7) for _ in range(4)]
        assert [found.reason for found in outcomes] == ["internal", "internal", "poison", "poison"]
        assert outcomes[3].status is Status.REJECTED
        (letter,) = soon(lambda: client.query("dead_letters")["rows"])
        assert (letter["device"], letter["verb"], letter["value"]) == ("f-3", "crash", 7)
        assert letter["attempts"] == 3
        assert "crashed by 7" in letter["reason"]
        assert "crash" in letter["stack"]
        assert client.set("f-3/level", 30).applied
        assert client.set("f-4/level", 30).applied
        assert Fragile.starts["f-4"] == 1, "no other actor starts again"


def test_many_parked_devices_of_a_link_have_it_opened_anew_and_then_parked(
    tmp_path: Path,
) -> None:
    with fragile_city(tmp_path, devices=4) as city:
        client = city.client()

        def fail_all(first: int) -> None:
            for device in ("f-1", "f-2"):
                for number in range(4):
                    client.command(device, "crash", first + number)
            for number in range(4):
                client.command("f-3", "crash", first + number)

        epoch = link_of(city).epoch
        fail_all(10)
        soon(lambda: link_of(city).epoch > epoch)
        soon(lambda: not city.hosts[device_cell(city)].health()["parked"])
        assert client.set("f-1/level", 40).applied
        fail_all(20)
        soon(lambda: not link_of(city).up)
        refused = client.set("f-4/level", 40)
        assert (refused.status, refused.reason) == (Status.REJECTED, "unreachable")
        assert "parked" in refused.detail
        assert client.command("f-1", "unpark").applied
        soon(lambda: link_of(city).up)
        assert client.set("f-4/level", 50).applied


def link_of(city: LocalCity) -> Any:
    service = city.hosts[device_cell(city)]._service
    (shard,) = service.shards.values()
    return shard.links["st-north"]


def test_a_volatile_command_that_was_sent_is_never_sent_again_by_the_successor(
    tmp_path: Path,
) -> None:
    with fragile_city(tmp_path) as city:
        client = city.client()
        identity = b"once-and-only-16"
        assert client.command("f-1", "nudge", 60, id=identity).applied
        city.replace(device_cell(city))
        city.wait_ready()
        SimulatedField.of("st-north").set("f-1/level", 11.0)
        again = client.command("f-1", "nudge", 60, id=identity)
        assert (again.status, again.reason) == (Status.INDETERMINATE, "cell_lost")
        city.replace(device_cell(city))
        city.wait_ready()
        again = client.command("f-1", "nudge", 60, id=identity)
        assert (again.status, again.reason) == (Status.INDETERMINATE, "cell_lost"), "nor the next"
        assert SimulatedField.of("st-north").value("f-1/level") == 11.0
        other = client.command("f-1", "nudge", 70)
        assert other.applied


BUILDING = """
[city]
id = "armed-city"
[templates.house]
kind = "building"
driver = "simulated"
options = { entry_route = [101], exit_s = 1, entry_s = 30, door_held_s = 60 }
[templates.house.points]
intrusion_zone_1 = {}
intrusion_detector_101 = { poll_ms = 100 }
intrusion_detector_102 = { poll_ms = 100 }
intrusion_tamper_1 = { poll_ms = 100 }
fire_alarm_1 = { poll_ms = 100 }
fire_fault_1 = { poll_ms = 100 }
[zones.north]
[links.houses]
driver = "simulated"
zone = "north"
[[device]]
id = "house-1"
template = "house"
link = "houses"
"""


def test_a_building_that_the_runtime_has_armed_is_armed_in_the_successor_of_its_cell(
    tmp_path: Path,
) -> None:
    path = tmp_path / "city.toml"
    path.write_text(BUILDING)
    try:
        with LocalCity(path) as city:
            client = city.client()

            def state() -> float:
                return client.get("house-1/intrusion_zone_1").value

            assert client.command("house-1", "arm", 1).applied
            soon(lambda: state() == State.ARMED)
            soon(lambda: saved(city))
            city.replace(device_cell(city))
            city.wait_ready()
            soon(lambda: state() == State.ARMED)
            SimulatedField.of("houses").set("house-1/intrusion_detector_102", 1)
            soon(lambda: state() == State.ALARM)
            soon(lambda: saved(city))
            city.replace(device_cell(city))
            city.wait_ready()
            soon(lambda: state() == State.ALARM)
    finally:
        SimulatedField.forget("houses")


def test_dead_letters_are_shown_replayed_and_dropped_and_devices_unparked_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fragile_city(tmp_path) as city:
        client = city.client()
        api = ("--api", city.api)
        assert main(["dead-letters", *api]) == 0
        assert capsys.readouterr().out == "there are no dead letters\n"
        for _ in range(3):
            client.command("f-3", "crash", 7)
        soon(lambda: client.dead_letters("f-*"))
        assert client.dead_letters("g-*") == []
        assert main(["dead-letters", "--stack", *api]) == 0
        shown = capsys.readouterr().out
        assert "f-3 crash" in shown
        assert "3 times" in shown
        assert "raise ValueError" in shown
        assert main(["dead-letters", "--replay", *api]) == 1
        assert "poison" in capsys.readouterr().out, "it is refused for a while"
        assert len(client.dead_letters()) == 1
        assert main(["dead-letters", "--drop", "--json", *api]) == 0
        assert '"attempts": 3' in capsys.readouterr().out
        assert client.dead_letters() == []
        client.command("f-3", "crash", 8)
        assert client.command("f-3", "crash", 9).status is not None
        soon(lambda: city.hosts[device_cell(city)].health()["parked"])
        assert main(["unpark", "f-3", *api]) == 0
        assert "APPLIED" in capsys.readouterr().out
        assert client.set("f-3/level", 5).applied
        assert main(["unpark", "nobody", *api]) == 1
