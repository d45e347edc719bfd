"""What an actor commands has one true end, also when cells move, stop and are lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from courier_city import begin, cell_of, courier_city, inside, ordered, to_setpoint, writes
from patience import wait_until

from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity

ECHO: dict[str, Any] = {"verb": "echo", "value": 1.0}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with courier_city(tmp_path) as running:
        yield running


def east_of(city: LocalCity) -> str:
    return cell_of(city, "east")


def drain(city: LocalCity, cell: str, *, draining: bool) -> None:
    inside(city, cell, lambda service: setattr(service, "draining", draining))


def waits(city: LocalCity, cell: str, count: int) -> None:
    """Wait until so many commands of a cell's actors wait for somebody, and nobody has them."""
    waiting = city.hosts[cell]._service.commanding.waiting
    wait_until(lambda: len(waiting) == count)


def once_all_wait(city: LocalCity, cell: str, count: int, act: Callable[[Any], object]) -> None:
    """Act on a cell's loop in a moment in which so many wait, and none of them is on its way.

    They are tried again many times a second. What becomes of one that is with another cell just
    then is not known.
    """

    def look(service: Any) -> bool:
        if len(service.commanding.waiting) != count:
            return False
        act(service)
        return True

    wait_until(lambda: inside(city, cell, look))


@pytest.mark.parametrize("sender", ["other cell", "same cell"])
def test_what_a_cell_sends_back_is_done_once_when_it_may(city: LocalCity, sender: str) -> None:
    west = cell_of(city, "west")
    cell, actor = (east_of(city), "east-1") if sender == "other cell" else (west, "west-3")
    assert ordered(city, cell, actor, "west-1", **ECHO).applied
    drain(city, west, draining=True)
    held = begin(city, cell, actor, "west-1", "nudge", 50.0)
    waits(city, cell, 1)
    assert not held
    drain(city, west, draining=False)
    assert held.first.result(20.0).applied
    assert (writes("west-1"), len(held)) == ([50.0], 1)


def test_what_stops_sends_nothing_more(city: LocalCity) -> None:
    east, west = east_of(city), cell_of(city, "west")
    assert ordered(city, east, "east-1", "west-1", **ECHO).applied
    drain(city, west, draining=True)
    held = begin(city, east, "east-1", "west-1", "nudge", 50.0)
    other = begin(city, east, "east-2", "west-1", "nudge", 51.0)
    once_all_wait(city, east, 2, lambda service: service.devices["east-1"].stop("it leaves"))
    end = held.first.result(1.0)
    assert (end.status, end.reason) == (Status.REJECTED, Reason.STOPPING)
    late = ordered(city, east, "east-1", "west-1", "nudge", 52.0)
    assert (late.status, late.reason) == (Status.REJECTED, Reason.STOPPING)
    drain(city, west, draining=False)
    assert other.first.result(20.0).applied, "nobody waits behind one that has stopped"
    assert (writes("west-1"), len(held)) == ([51.0], 1)


def test_of_what_was_sent_and_lost_with_its_cell_nobody_says_what_became(city: LocalCity) -> None:
    east, west = east_of(city), cell_of(city, "west")
    assert ordered(city, east, "east-1", "west-1", **ECHO).applied
    held = begin(city, east, "east-1", "west-1", "linger", 50.0)
    wait_until(
        lambda: (
            inside(city, west, lambda service: service.devices["west-1"].last_ticket.verb)
            == "linger"
        )
    )
    # For its sender the cell is gone, and another has its name; but it lives, and goes on.
    cells = dict(city.directory.cells)
    cells[west] = replace(cells[west], epoch=2)
    gone = replace(city.directory, version=city.directory.version + 1, cells=cells)
    inside(city, east, lambda service: service.connect(gone))
    end = held.first.result(5.0)
    assert (end.status, end.reason) == (Status.INDETERMINATE, Reason.CELL_LOST)
    assert writes("west-1") in ([], [50.0])
    moved = begin(city, east, "east-1", "west-1", "nudge", 60.0)  # told for epoch 2: MOVED
    back = replace(city.directory, version=gone.version + 1)
    once_all_wait(city, east, 1, lambda service: service.connect(back))
    assert moved.first.result(20.0).applied
    assert (writes("west-1"), len(held), len(moved)) == ([50.0, 60.0], 1, 1)


def test_a_journalled_command_survives_the_loss_of_its_zone_cell(tmp_path: Path) -> None:
    with courier_city(tmp_path, state=tmp_path / "state") as city:
        east = east_of(city)
        assert ordered(city, east, "east-1", "west-1", **to_setpoint(10.0)).applied
        city.freeze("zone-0", 0.4)
        held = begin(city, east, "east-1", "west-1", **to_setpoint(50.0))
        city.replace("zone-0")
        end = held.first.result(30.0)
        assert end.status in (Status.APPLIED, Status.INDETERMINATE), end
        assert end.status is Status.INDETERMINATE or writes("west-1") == [10.0, 50.0]
        again = ordered(city, east, "east-1", "west-1", **to_setpoint(70.0))
        assert (again.status, writes("west-1")[-1]) == (Status.APPLIED, 70.0)
        assert writes("west-1").count(50.0) <= 1
        assert len(held) == 1


def test_a_device_that_cannot_be_looked_for_is_found_when_its_zone_is_back(
    city: LocalCity,
) -> None:
    east = east_of(city)
    city.lose("zone-0")
    held = begin(city, east, "east-1", "west-1", "echo", 5.0)
    lost = ordered(city, east, "east-1", "west-2", "echo", 6.0, within_s=0.3)
    assert (lost.status, lost.reason) == (Status.EXPIRED, Reason.DEADLINE)
    assert not held
    city.replace("zone-0")
    found = held.first.result(30.0)
    assert (found.status, found.value) == (Status.APPLIED, 5.0)


def test_what_waits_for_a_lost_cell_is_not_done_after_its_deadline(city: LocalCity) -> None:
    east, west = east_of(city), cell_of(city, "west")
    assert ordered(city, east, "east-1", "west-1", **ECHO).applied
    city.lose(west)
    wait_until(lambda: not inside(city, east, lambda service: service.caller(west).waiting))
    lost = begin(city, east, "east-1", "west-1", "nudge", 50.0, within_s=0.3)
    end = lost.first.result(20.0)
    assert end.status in (Status.REJECTED, Status.INDETERMINATE)
    city.replace(west)
    assert ordered(city, east, "east-1", "west-1", "nudge", 60.0).applied
    assert (writes("west-1"), len(lost)) == ([60.0], 1)


def test_a_device_that_has_left_is_unknown_and_one_that_came_is_found(
    city: LocalCity, tmp_path: Path
) -> None:
    east = east_of(city)
    assert ordered(city, east, "east-1", "west-3", **ECHO).applied
    path = tmp_path / "city.toml"
    path.write_text(path.read_text().replace('"west-3"', '"west-9"'))
    city.apply(path)
    assert ordered(city, east, "east-1", "west-9", **ECHO).applied
    gone = ordered(city, east, "east-1", "west-3", **ECHO)
    assert (gone.status, gone.reason) == (Status.REJECTED, Reason.UNKNOWN_DEVICE)


def test_whoever_has_lost_its_lease_commands_nobody(city: LocalCity) -> None:
    east = east_of(city)
    assert ordered(city, east, "east-1", "west-1", **ECHO).applied

    def lose_lease(service: Any) -> None:
        for shard in service.shards.values():
            shard.permit.gate.seal()

    inside(city, east, lose_lease)
    end = ordered(city, east, "east-1", "west-1", "nudge", 50.0)
    assert (end.status, end.reason, writes("west-1")) == (Status.REJECTED, Reason.NO_LEASE, [])


def test_what_waits_while_the_lease_is_lost_is_not_sent_when_it_is_back(city: LocalCity) -> None:
    east, west = east_of(city), cell_of(city, "west")
    assert ordered(city, east, "east-1", "west-1", **ECHO).applied
    drain(city, west, draining=True)
    held = begin(city, east, "east-1", "west-1", "nudge", 50.0)
    waits(city, east, 1)

    def lose_lease(service: Any) -> None:
        for shard in service.shards.values():
            shard.permit.losses += 1

    inside(city, east, lose_lease)
    end = held.first.result(20.0)
    assert (end.status, end.reason) == (Status.REJECTED, Reason.NO_LEASE)
    drain(city, west, draining=False)
    assert ordered(city, east, "east-1", "west-1", "nudge", 60.0).applied
    assert writes("west-1") == [60.0]


def test_a_command_that_told_another_is_not_done_again_by_a_successor(city: LocalCity) -> None:
    """Else the other would be told twice, since each time is a new command."""
    east = east_of(city)
    assert ordered(city, "zone-0", "west", "east-1", "tell", 4.0).applied
    ledger = city.directory.cells[east].ledger
    ticket = inside(city, east, lambda service: service.devices["east-1"].last_ticket)

    from jacquemart.runtime.cell.ledger_reading import read

    assert read(ledger).may_have_sent(ticket.principal, ticket.id, ticket.received_ns)
    assert ticket.acted
