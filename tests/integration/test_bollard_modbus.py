"""Bollards on real Modbus PLCs, commanded by every public way: nothing rises over a vehicle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from bollard_town import Town, bollard_town

from jacquemart.runtime.cluster import handle
from jacquemart.runtime.cluster.handle import DeviceHandle
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.wire.messages import BulkResult

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
COUNT = 8


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with bollard_town(tmp_path_factory.mktemp("bollards"), count=COUNT) as running:
        time.sleep(5.5)  # for so long nothing rises after a start
        yield running


class Meanwhile:
    """A command in another thread, by a client of its own: one client does one thing a time."""

    def __init__(self, town: Town, bollard: str, verb: str, within_s: float) -> None:
        self.outcomes: list[Outcome] = []
        client = town.city.client()

        def ask() -> None:
            try:
                self.outcomes.append(client.command(bollard, verb, within_s=within_s))
            except JacquemartError as error:  # its cell may be lost
                print(error)

        self._thread = threading.Thread(target=ask)
        self._thread.start()

    def end(self) -> list[Outcome]:
        self._thread.join()
        return self.outcomes


def how(outcome: Outcome) -> tuple[str, str]:
    return outcome.status.name, outcome.reason


def test_it_rises_lowers_and_lets_one_vehicle_pass(town: Town) -> None:
    up = town.client.command("p1", "raise")
    assert how(up) == ("APPLIED", "ok"), up
    assert up.stages.finished - up.stages.dispatched > 3.5e9, "not before its limit switch says so"
    assert town.shows("p1/position", 1.0)
    assert how(town.client.command("p1", "raise")) == ("APPLIED", "ok")
    assert town.account("p1")["raised"] == 1, "it was up already"
    down = town.client.command("p1", "lower")
    assert how(down) == ("APPLIED", "ok"), down

    town.client.command("p1", "raise")
    command = Meanwhile(town, "p1", "pass", 40.0)
    assert town.shows("p1/position", 0.0, 10.0)
    town.tell("p1", "loop on")
    time.sleep(2.0)
    assert town.account("p1")["down"], "somebody drives through"
    town.tell("p1", "loop off")
    assert list(map(how, command.end())) == [("APPLIED", "ok")]
    account = town.account("p1")
    assert (account["raised"], account["lowered"], account["up"]) == (3, 2, True)
    assert account["raised_after_telling"] == 0


def by_the_zone(town: Town, bollard: str) -> BulkResult:
    """Have the zone supervisor raise a bollard, on its own loop."""
    host = town.city.hosts["zone-0"]
    ended: Future[BulkResult] = Future()

    def act() -> None:
        zone = host._service.supervisors["north"]
        zone.set_all("bollard", "raise_pulse", 1.0, ended.set_result, device=bollard)

    assert host._loop is not None
    host._loop.call_soon_threadsafe(act)
    return ended.result(20.0)


def test_no_public_way_raises_it_while_its_loop_is_occupied(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "_gateway", lambda city: town.city.api)  # what Ray would say
    town.tell("p2", "loop on")
    assert town.shows("p2/loop_occupied", 1.0)
    client = town.client
    found = [
        client.command("p2", "raise"),
        client.set("p2/raise_pulse", 1.0),
        client.set("p2/raise_pulse", 1.0, priority=1),
        *client.set_all("raise_pulse", 1.0, device="p2").outcomes,
        *client.set_all("raise_pulse", 1.0, zone="north", kind="boll*", device="p[2]").outcomes,
        client.command("p2", "pass", within_s=3.0),
    ]
    found.extend(client.set("p2/raise_pulse", word) for word in (0.0, 2.0, float(2**31)))
    found.append(DeviceHandle("p2", town.city.spec.id).set("raise_pulse", 1.0))
    handle._clients.pop(town.city.spec.id).close()
    assert {outcome.status for outcome in found} <= {Status.REJECTED, Status.EXPIRED}, found
    assert all(outcome.stages.dispatched == 0 for outcome in found)
    assert by_the_zone(town, "p2").statuses == bytes([Status.REJECTED])
    assert town.account("p2")["raised"] == 0


def test_a_loop_that_becomes_occupied_after_the_last_poll_stops_the_pulse(town: Town) -> None:
    for _ in range(5):
        town.tell("p3", "loop off")
        assert town.shows("p3/loop_occupied", 0.0)
        town.tell("p3", "loop on")  # the city has not polled it since
        outcome = town.client.command("p3", "raise")
        assert outcome.status is Status.REJECTED
        assert outcome.reason in ("interlock", "rule")
    account = town.account("p3")
    assert (account["raised"], account["raised_while_occupied"]) == (0, 0)


def test_a_write_that_waits_behind_a_slow_answer_sees_the_loop_as_it_is_by_then(town: Town) -> None:
    town.tell("p4", "behave late")  # answers 1.5 s late; the driver gives up after 0.8
    time.sleep(2.0)
    command = Meanwhile(town, "p4", "raise", 8.0)
    time.sleep(0.3)
    town.tell("p4", "loop on")
    assert not command.end()[0].applied
    town.tell("p4", "behave normal")
    time.sleep(3.0)
    assert town.account("p4")["raised_while_occupied"] == 0


def test_a_pulse_whose_answer_is_lost_is_never_sent_again(town: Town) -> None:
    bollard = "p5"
    town.tell(bollard, "behave mute")  # it takes the next write, and is silent from then on
    first = town.client.command(bollard, "raise", within_s=4.0)
    assert first.status is Status.INDETERMINATE, first
    assert first.stages.dispatched > 0
    time.sleep(6.0)
    assert town.account(bollard)["raised"] == 1
    again = town.client.command(bollard, "raise", within_s=2.0)
    assert again.status is Status.REJECTED, "nobody hears from it"
    town.tell(bollard, "power out")
    town.tell(bollard, "power back")
    assert town.shows(f"{bollard}/position", 1.0, 30.0), "it was done all the same"
    assert how(town.client.command(bollard, "raise")) == ("APPLIED", "ok")
    assert town.account(bollard)["raised"] == 1


def test_lowering_takes_the_place_of_raising_and_both_are_told_so(town: Town) -> None:
    rising = Meanwhile(town, "p6", "raise", 10.0)
    assert town.shows("p6/position", 2.0), "moving"
    down = town.client.set_all("lower_pulse", 1.0, device="p6")
    assert [how(outcome) for outcome in down.outcomes] == [("APPLIED", "ok")]
    (ended,) = rising.end()
    assert how(ended) == ("SUPERSEDED", "rule")
    assert ended.stages.dispatched > 0
    account = town.account("p6")
    assert (account["raised"], account["lowered"], account["down"]) == (1, 1, True)


def test_a_plc_that_refuses_its_reads_gets_no_pulse(town: Town) -> None:
    before = town.account("p6")["raised"]
    for kind in ("exception_6", "exception_1"):
        town.tell("p6", f"behave {kind}")
        outcome = town.client.command("p6", "raise", within_s=3.0)
        assert not outcome.applied
        town.tell("p6", "behave normal")
        time.sleep(1.5)
    assert town.account("p6")["raised"] == before


def test_a_plc_that_loses_its_power_half_way_ends_the_command_unknown(town: Town) -> None:
    command = Meanwhile(town, "p7", "raise", 3.0)
    time.sleep(1.5)
    town.tell("p7", "power out")
    assert command.end()[0].status is Status.INDETERMINATE
    assert town.shows("p7/position", 3.0), "unknown"
    town.tell("p7", "power back")
    time.sleep(6.0)
    assert town.account("p7")["raised"] == 1


def test_who_takes_over_raises_nothing_before_it_can_know_and_nothing_twice(town: Town) -> None:
    cell = next(name for name in town.city.hosts if name.startswith("device"))
    command = Meanwhile(town, "p8", "raise", 6.0)
    time.sleep(0.5)
    assert town.account("p8")["raised"] == 1
    town.city.replace(cell)
    town.city.wait_ready()
    early = town.client.command("p8", "raise", within_s=1.0)
    assert early.status is Status.REJECTED, early
    assert not any(outcome.applied for outcome in command.end())
    time.sleep(6.0)
    assert how(town.client.command("p8", "raise")) == ("APPLIED", "ok")
    assert town.account("p8")["raised"] == 1, "it was up already"


def test_the_plcs_have_never_been_told_to_rise_over_a_vehicle(town: Town) -> None:
    totals = town.field.ask("bollards")
    assert totals["bollards"] == COUNT
    assert totals["raised_after_telling"] == totals["raised_while_occupied"] == 0
