"""What a device cell takes over from its predecessor's ledger, and hands on to its successor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jacquemart.runtime.actor.ticket import Part, Ticket
from jacquemart.runtime.cell.digests import digest_of
from jacquemart.runtime.cell.inheritance import Inheritance
from jacquemart.runtime.cell.ledger import Ledger

Heir = Callable[[str, str], tuple[Ledger, Inheritance]]


@pytest.fixture
def heir(tmp_path: Path) -> Heir:
    def make(name: str, of: str) -> tuple[Ledger, Inheritance]:
        own = Ledger.create(str(tmp_path / name))
        return own, Inheritance(str(tmp_path / of) if of else "", own)

    return make


def ticket(number: int, device: str = "lamp-1", kind: type[Ticket] = Ticket) -> Ticket:
    return kind(
        number.to_bytes(16, "big"), "op", device, "set", "level", 1.0, "", 8, 10**18, 0,
        lambda _: None,
    )  # fmt: skip


def how(found: Ticket) -> tuple[str, str]:
    assert found.outcome is not None
    return found.outcome.status.name, found.outcome.reason


def test_what_was_sent_is_ended_unknown_by_every_later_successor(heir: Heir) -> None:
    first, _ = heir("a", "")
    first.sent(digest_of(ticket(1)), 1)
    first.sent(digest_of(ticket(2, "lamp-2", Part)), 1)
    second, inherited = heir("b", "a")
    again, fresh, other = ticket(1), ticket(3), ticket(2, "lamp-3", Part)
    assert inherited.end(again, 5)
    assert how(again) == ("INDETERMINATE", "cell_lost")
    assert not inherited.end(fresh, 5)
    assert not inherited.end(other, 5), "another device's part of the bulk command was not sent"
    second.sent(digest_of(fresh), 6)
    _, third = heir("c", "b")
    for number in (1, 3):
        assert third.end(ticket(number), 7), number
    assert third.end(ticket(2, "lamp-2", Part), 7)


def test_a_start_that_ends_two_processes_isolates_its_device(heir: Heir) -> None:
    first, _ = heir("a", "")
    first.starting("lamp-0")
    first.started()
    first.starting("lamp-1")
    second, inherited = heir("b", "a")
    assert inherited.isolated == {}
    second.starting("lamp-1")
    _, third = heir("c", "b")
    assert list(third.isolated) == ["lamp-1"]
    assert third.letters() == []


def test_after_two_deaths_a_message_is_a_dead_letter_and_unparking_ends_the_blame(
    heir: Heir,
) -> None:
    first, _ = heir("a", "")
    first.handling(ticket(1))
    second, inherited = heir("b", "a")
    assert not inherited.end(ticket(1), 5), "it was not sent, so it may be tried once more"
    second.handling(ticket(1))
    _, third = heir("c", "b")
    assert list(third.isolated) == ["lamp-1"]
    poison = ticket(1)
    assert third.end(poison, 5)
    assert how(poison) == ("REJECTED", "poison")
    (letter,) = third.letters()
    assert (letter["device"], letter["value"], letter["attempts"]) == ("lamp-1", 1.0, 2)
    assert list(heir("d", "c")[1].isolated) == ["lamp-1"], "a third successor knows it, too"
    _, unparked = heir("e", "d")
    unparked.cleared("lamp-1")
    assert unparked.isolated == {}
    assert heir("f", "e")[1].isolated == {}


def test_parts_of_one_bulk_command_for_two_devices_are_two_messages(heir: Heir) -> None:
    first, _ = heir("a", "")
    first.handling(ticket(1, "lamp-1", Part))
    second, _ = heir("b", "a")
    second.handling(ticket(1, "lamp-2", Part))
    third, inherited = heir("c", "b")
    assert inherited.isolated == {}
    third.handling(ticket(1, "lamp-2", Part))
    _, fourth = heir("d", "c")
    assert list(fourth.isolated) == ["lamp-2"]
    assert fourth.end(ticket(1, "lamp-2", Part), 5)
    assert not fourth.end(ticket(1, "lamp-1", Part), 5)


def test_a_message_that_came_to_its_end_is_not_counted_with_the_next_death(heir: Heir) -> None:
    first, _ = heir("a", "")
    first.handling(ticket(1))
    second, inherited = heir("b", "a")
    inherited.survived(ticket(9))
    second.handling(ticket(2))
    assert heir("c", "b")[1].isolated == {}


def test_of_a_lost_ledger_nothing_is_known_and_nothing_fails(heir: Heir) -> None:
    _, inherited = heir("b", "never-was")
    assert inherited.isolated == {}
    assert not inherited.end(ticket(1), 5)
