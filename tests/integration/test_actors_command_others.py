"""Every device is reached by its id from every actor, and each command has one true end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from courier_city import (
    actor_in,
    begin,
    cell_of,
    courier_city,
    inside,
    ordered,
    to_setpoint,
    writes,
)
from patience import wait_until

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.drivers.simulated.faults import Fault
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    """A city that none of these tests harms."""
    with courier_city(tmp_path_factory.mktemp("city")) as running:
        yield running


def from_east(city: LocalCity) -> tuple[LocalCity, str, str]:
    return city, cell_of(city, "east"), "east-1"


def last_ticket(city: LocalCity, device: str) -> Any:
    cell = cell_of(city, device.rpartition("-")[0])
    return inside(city, cell, lambda service: service.devices[device].last_ticket)


def counted(city: LocalCity, cell: str) -> int:
    return inside(city, cell, lambda service: service.counters["commands"])


def test_a_journalled_command_goes_through_the_zone_in_the_name_of_its_actor(
    city: LocalCity,
) -> None:
    at_zone = counted(city, "zone-0")
    end = ordered(*from_east(city), "west-1", **to_setpoint(31.0))
    assert (end.status, end.value, writes("west-1")[-1]) == (Status.APPLIED, 31.0, 31.0)
    assert counted(city, "zone-0") == at_zone + 1
    ticket = last_ticket(city, "west-1")
    assert (ticket.principal, ticket.id, len(end.id)) == ("east-1", end.id, 16)
    book = inside(city, "zone-0", lambda service: service.authority.books["west"])
    wait_until(lambda: ("east-1", end.id) in book.state.commands.ended)


def test_a_volatile_command_goes_straight_to_its_cell(city: LocalCity) -> None:
    at_zone = counted(city, "zone-0")
    first = ordered(*from_east(city), "west-2", "echo", 7.0)
    second = ordered(*from_east(city), "west-2", "echo", 8.0)
    assert [(end.status, end.value) for end in (first, second)] == [
        (Status.APPLIED, 7.0),
        (Status.APPLIED, 8.0),
    ]
    assert first.id != second.id
    assert counted(city, "zone-0") == at_zone
    found = inside(city, cell_of(city, "east"), lambda service: service.commanding.finding.kept)
    assert found, "where it is, is not asked again"


def test_in_one_cell_no_socket_is_in_between(city: LocalCity) -> None:
    cell = cell_of(city, "east")
    begin(*from_east(city), "east-1", "echo", 1.0).first.result(20.0)  # also to itself
    end = ordered(*from_east(city), "east-2", "echo", 2.0)
    assert (end.status, end.value) == (Status.APPLIED, 2.0)
    assert cell not in inside(city, cell, lambda service: service._callers)
    assert ordered(*from_east(city), "east-2", **to_setpoint(44.0)).applied
    assert writes("east-2") == [44.0]


def test_a_zone_supervisor_commands_one_device_of_its_own_and_of_others(city: LocalCity) -> None:
    mine = ordered(city, "zone-0", "east", "east-3", **to_setpoint(12.0))
    other = ordered(city, "zone-0", "east", "west-3", **to_setpoint(13.0))
    volatile = ordered(city, "zone-0", "west", "east-3", "echo", 14.0)
    assert [mine.value, other.value, volatile.value] == [12.0, 13.0, 14.0]
    assert last_ticket(city, "west-3").principal == "zone:east"
    assert (writes("east-3"), writes("west-3")) == ([12.0], [13.0])


def test_the_centre_commands_one_device(city: LocalCity) -> None:
    end = ordered(city, "centre-0", "centre", "west-3", **to_setpoint(21.0))
    assert (end.status, writes("west-3")[-1]) == (Status.APPLIED, 21.0)
    assert ordered(city, "centre-0", "centre", "east-3", "echo", 3.0).value == 3.0
    assert last_ticket(city, "east-3").principal == "centre"


@pytest.mark.parametrize(("cell", "actor"), [("zone-0", "east"), ("centre-0", "centre"), ("", "")])
def test_nobody_knows_a_device_that_is_not_there(city: LocalCity, cell: str, actor: str) -> None:
    where = (city, cell, actor) if cell else from_east(city)
    for verb in ("set", "echo"):
        end = ordered(*where, "nobody", verb, 1.0)
        assert (end.status, end.reason) == (Status.REJECTED, Reason.UNKNOWN_DEVICE)


def test_the_device_judges_as_ever(city: LocalCity) -> None:
    refused = ordered(*from_east(city), "west-1", **to_setpoint(130.0))
    assert (refused.status, refused.reason) == (Status.REJECTED, Reason.OUT_OF_RANGE)
    unknown = ordered(*from_east(city), "west-1", "sing")
    assert (unknown.status, unknown.reason) == (Status.REJECTED, Reason.UNKNOWN_COMMAND)


def test_an_argument_of_a_wrong_form_is_told_at_once(city: LocalCity) -> None:
    for options in (
        {"priority": 0}, {"priority": 17}, {"within_s": 0.0}, {"within_s": 90_000.0},
        {"within_s": float("nan")}, {"value": object()}, {"device": "x" * 300}, {"verb": 3},
    ):  # fmt: skip
        arguments: dict[str, Any] = {"device": "west-1", "verb": "echo", "value": 1.0, **options}
        with pytest.raises(UsageError):
            begin(*from_east(city), **arguments)


def test_a_device_commands_others_while_a_bulk_command_has_it(city: LocalCity) -> None:
    assert ordered(*from_east(city), "west-2", "echo", 1.0).applied, "it knows the way from now on"
    field = SimulatedField.of("st-east")
    field.inject(Fault.STUCK)
    bulk = threading.Thread(
        target=lambda: city.client().set_all("setpoint", 44.0, zone="east"), daemon=True
    )
    bulk.start()
    cell = cell_of(city, "east")
    wait_until(lambda: inside(city, cell, lambda one: one.devices["east-1"]._owner is not None))
    found = ordered(*from_east(city), "west-2", "echo", 2.0)
    assert (found.status, found.value) == (Status.APPLIED, 2.0)
    field.clear(Fault.STUCK)
    bulk.join(20.0)


def test_an_async_handler_waits_for_others(city: LocalCity) -> None:
    outcome = city.client().command("east-1", "pass_on", 33)
    assert (outcome.status, outcome.value) == (Status.APPLIED, 33.0)
    heard = inside(city, cell_of(city, "east"), lambda service: service.devices["east-1"].heard)
    assert [(one.device, one.status) for one in heard[-2:]] == [
        ("east-2", Status.APPLIED),
        ("east-3", Status.APPLIED),
    ]
    assert writes("east-3")[-1] == 33.0


def test_a_command_of_which_others_did_a_part_is_never_called_unsent(city: LocalCity) -> None:
    outcome = city.client().command("west-2", "pass_on", 5)  # there is no west-4
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.RULE)
    assert outcome.detail.startswith("sent so far: west-3 APPLIED; then: the second said REJECTED")


def test_a_row_of_devices_that_tell_each_other_ends(city: LocalCity) -> None:
    service = city.hosts[cell_of(city, "east")]._service
    told: list[float] = []

    def again(actor: Any, left: int) -> None:
        def heard(outcome: Any) -> None:
            told.append(outcome.value)
            if left:
                again(actor, left - 1)

        actor.command("east-2", "echo", float(left), then=heard)

    inside(city, cell_of(city, "east"), lambda service: again(actor_in(service, "east-1"), 99))
    wait_until(lambda: len(told) == 100)
    assert told == [float(n) for n in range(99, -1, -1)]
    assert len(service.commanding.under_way) == 0


def test_only_so_many_are_under_way(city: LocalCity, monkeypatch: pytest.MonkeyPatch) -> None:
    from jacquemart.runtime.kernel.under_way import UnderWay

    cell = cell_of(city, "east")

    def flood(service: Any) -> list[Any]:
        monkeypatch.setattr(service.commanding, "under_way", UnderWay(20, 10))
        ends: list[Any] = []
        for n in range(15):
            actor_in(service, "east-1").command("west-1", "echo", float(n), then=ends.append)
        return ends

    ends = inside(city, cell, flood)
    wait_until(lambda: len(ends) == 15)
    by_status = [end.reason for end in ends if end.status is Status.REJECTED]
    assert by_status == [Reason.BUSY] * 6  # the last tenth is for life safety
    assert sorted(end.value for end in ends if end.applied) == [float(n) for n in range(9)]
