"""Which claims a zone's records leave standing."""

from __future__ import annotations

import struct
from itertools import count
from typing import Any

import pytest

from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Record, RecordKind


class Book:
    """A zone's state, told as people would."""

    def __init__(self) -> None:
        self.state, self._numbers = ZoneState(), count(1)

    def record(self, kind: RecordKind, **body: Any) -> None:
        number = next(self._numbers)
        self.state.apply(Record(number, 1, number * 10, kind, body))

    def command(
        self, verb: str, who: str, point: str = "", value: Any = None, priority: int = 8,
        status: Status = Status.APPLIED, reason: str = "ok", until_wall_ns: int = 0,
    ) -> bytes:  # fmt: skip
        id = next(self._numbers).to_bytes(16, "big")
        self.record(
            RecordKind.ACCEPTED, id=id, principal=who, device="lamp-1", verb=verb, point=point,
            value=value, priority=priority, deadline_ns=0, until_wall_ns=until_wall_ns,
            grace_ms=60_000, why="",
        )  # fmt: skip
        self.record(
            RecordKind.ENDED, id=id, principal=who, status=status, reason=reason, value=None
        )
        return id

    @property
    def standing(self) -> list[tuple[str, str, int]]:
        claims = ZoneState.unpack(self.state.pack()).claims.get("lamp-1", ())
        return [(claim.owner, claim.verb, claim.slot) for claim in claims]


def test_who_gives_up_asking_takes_nobodys_reservation_away() -> None:
    book = Book()
    book.command("reserve", "ann")
    book.command("reserve", "bob", priority=5, status=Status.SUPERSEDED, reason="outranked")
    assert book.standing == [("ann", "reserve", 8), ("bob", "reserve", 5)]
    book.command("release", "bob")
    assert book.standing == [("ann", "reserve", 8)]
    book.command("release", "bob", priority=2)
    assert book.standing == []


@pytest.mark.parametrize("status", [Status.APPLIED, Status.FAILED, Status.INDETERMINATE])
def test_a_release_ends_the_hold_also_if_the_next_value_did_not_arrive(status: Status) -> None:
    book = Book()
    book.command("hold", "ann", "level", 40.0)
    book.command("hold", "ann", "level", 50.0, priority=5)
    book.command("lockout", "ann", priority=3)
    book.command("release", "bob", "level", 8, status=Status.REJECTED, reason="held")
    book.command("release", "ann", "level", 8, priority=2, status=status)
    assert book.standing == [("ann", "hold", 5), ("ann", "lockout", 3)]
    book.command("release", "ann", value=3)
    assert book.standing == [("ann", "hold", 5)]


def test_an_end_that_comes_late_ends_no_newer_claim() -> None:
    book = Book()
    first = book.command("hold", "ann", "level", 40.0)
    book.command("release", "ann", "level")
    second = book.command("hold", "ann", "level", 60.0)
    told = {"device": "lamp-1", "point": "level", "slot": 8, "owner": "ann", "why": "released"}
    book.record(RecordKind.CLAIM_ENDED, **told, id=first)
    assert book.standing == [("ann", "hold", 8)]
    book.record(RecordKind.CLAIM_ENDED, **told, id=second)
    assert book.standing == []


def test_a_set_by_the_owner_of_a_hold_changes_the_hold_and_no_setpoint() -> None:
    book = Book()
    book.command("set", "ann", "level", 80.0)
    book.command("hold", "ann", "level", 40.0)
    book.command("set", "ann", "level", 30.0)
    (claim,) = book.state.claims["lamp-1"]
    assert (claim.value, book.state.setpoints["lamp-1", "level"].value) == (30.0, 80.0)
    assert claim.since_wall_ns > 0
    book.command("set", "bob", "level", 90.0, priority=5)
    assert book.state.setpoints["lamp-1", "level"].priority == 5


def above(book: Book) -> list[str]:
    """Return the points whose setpoint a restart finds above their holds."""
    found: list[str] = ZoneState.unpack(book.state.pack()).restore_of(["lamp-1"])["lamp-1"]["above"]
    return found


def test_a_set_above_a_hold_that_was_released_is_not_above_it_after_a_restart() -> None:
    book = Book()
    book.command("hold", "ann", "level", 40.0)
    book.command("set", "bob", "level", 90.0, priority=5)
    assert above(book) == ["level"]
    book.command("release", "bob", "level", 5, priority=5)
    assert above(book) == []


def test_a_set_above_a_hold_stays_above_it_when_the_hold_is_made_anew() -> None:
    book = Book()
    book.command("hold", "ann", "level", 40.0)
    book.command("set", "fire", "level", 100.0, priority=1)
    outranked = {"status": Status.SUPERSEDED, "reason": "outranked"}
    book.command("hold", "ann", "level", 40.0, **outranked)
    book.command("hold", "cat", "level", 10.0, priority=12, **outranked)
    assert above(book) == ["level"]
    book.command("release", "ann", "level")
    assert above(book) == ["level"]
    book.command("release", "cat", "level", priority=12)
    book.command("hold", "ann", "level", 40.0)
    assert above(book) == [], "the last hold was gone in between, so it was the setpoint"


def test_a_set_above_a_hold_that_did_not_arrive_after_all_is_not_above_it() -> None:
    book = Book()
    book.command("hold", "ann", "level", 40.0)
    id = book.command("set", "bob", "level", 90.0, priority=5, status=Status.INDETERMINATE)
    assert above(book) == ["level"]
    book.record(RecordKind.RESOLVED, principal="bob", id=id, status=Status.FAILED, value=40.0)
    assert ZoneState.unpack(book.state.pack()).standing.above == set()


def test_a_bulk_set_by_the_owner_of_a_hold_changes_the_hold_and_no_setpoint() -> None:
    book = Book()
    book.command("set", "ann", "level", 80.0)
    book.command("hold", "ann", "level", 40.0)
    about = {"id": b"b" * 16, "principal": "ann"}
    book.record(
        RecordKind.BULK_ACCEPTED, **about, zone="north", device="*", point="level", value=30.0,
        unit="", priority=8, deadline_ns=0, boot_ns=0,
    )  # fmt: skip
    book.record(
        RecordKind.BULK_ENDED, **about, devices=["lamp-1", "lamp-2"],
        statuses=bytes((Status.APPLIED, Status.APPLIED)),
    )  # fmt: skip
    (claim,) = book.state.claims["lamp-1"]
    assert (claim.value, book.state.setpoints["lamp-1", "level"].value) == (30.0, 80.0)
    assert book.state.setpoints["lamp-2", "level"].value == 30.0


def test_a_bulk_set_that_ends_late_replaces_nothing_that_came_after_it_on_a_device() -> None:
    book = Book()
    about = {"id": b"b" * 16, "principal": "ann"}
    book.record(
        RecordKind.BULK_ACCEPTED, **about, zone="north", device="*", point="level", value=30.0,
        unit="", priority=5, deadline_ns=0, boot_ns=0,
    )  # fmt: skip
    book.command("set", "bob", "level", 50.0, priority=5)
    book.command("hold", "cat", "level", 70.0)
    book.record(
        RecordKind.BULK_ENDED, **about, devices=["lamp-1", "lamp-2"],
        statuses=bytes((Status.APPLIED, Status.APPLIED)), finished_ns=struct.pack("<2Q", 900, 1000),
    )  # fmt: skip
    assert book.state.setpoints["lamp-1", "level"].value == 50.0
    assert book.state.setpoints["lamp-2", "level"].value == 30.0
    assert above(book) == []


def test_a_set_after_the_lease_of_ones_hold_is_a_setpoint_though_its_end_is_told_later() -> None:
    book = Book()
    id = book.command("hold", "ann", "level", 40.0, until_wall_ns=25)
    book.command("set", "ann", "level", 60.0)
    told = {"device": "lamp-1", "point": "level", "slot": 8, "owner": "ann", "why": "expired"}
    book.record(RecordKind.CLAIM_ENDED, **told, id=id)
    assert book.standing == []
    assert book.state.setpoints["lamp-1", "level"].value == 60.0


def test_who_asks_for_a_reservation_has_it_when_somebody_stronger_releases_it() -> None:
    book = Book()
    book.command("reserve", "ann")
    book.command("reserve", "bob", priority=5, status=Status.SUPERSEDED, reason="outranked")
    book.command("release", "cat", value=8, priority=4)
    assert book.standing == [("bob", "reserve", 5)]


def test_who_has_reserved_and_not_who_asks_is_first_when_the_reservation_is_made_anew() -> None:
    book = Book()
    book.command("reserve", "ann")
    book.command("reserve", "bob", priority=5, status=Status.SUPERSEDED, reason="outranked")
    book.command("reserve", "ann")
    assert book.standing == [("ann", "reserve", 8), ("bob", "reserve", 5)]


@pytest.mark.parametrize(
    ("verb", "point", "slot"), [("hold", "level", 8), ("lockout", "", 3), ("reserve", "", 8)]
)
def test_a_claim_whose_end_is_unknown_takes_nothing_from_another_owner(
    verb: str, point: str, slot: int
) -> None:
    book = Book()
    value = 5.0 if verb == "hold" else None
    book.command(verb, "ann", point, value, priority=slot)
    book.command(verb, "bob", point, value, priority=slot, status=Status.INDETERMINATE)
    assert book.standing == [("ann", verb, slot)], "her cell would have refused it"
    book.command(verb, "ann", point, value, priority=slot, status=Status.INDETERMINATE)
    assert book.standing == [("ann", verb, slot)]
    book.command("release", "ann", point, priority=slot)
    book.command(verb, "bob", point, value, priority=slot, status=Status.INDETERMINATE)
    assert book.standing == [("bob", verb, slot)], "it may stand: nobody is in its way"


SENT, NEVER_SENT = [1, 2, 0, 9], [1, 0, 0, 9]


def ended_unknown(book: Book, value: float, stages: list[int]) -> bytes:
    id = bytes([int(value)]) * 16
    book.record(
        RecordKind.ACCEPTED, id=id, principal="bob", device="lamp-1", verb="set", point="level",
        value=value, priority=8, deadline_ns=0,
    )  # fmt: skip
    book.record(
        RecordKind.ENDED, id=id, principal="bob", status=Status.INDETERMINATE,
        reason="cell_lost", value=None, stages=stages,
    )  # fmt: skip
    return id


def level(book: Book) -> float:
    value: float = ZoneState.unpack(book.state.pack()).setpoints["lamp-1", "level"].value
    return value


def test_a_set_of_which_nobody_knows_whether_it_was_sent_is_no_setpoint_until_it_is_found_out() -> (
    None
):
    book = Book()
    book.command("set", "ann", "level", 40.0)
    id = ended_unknown(book, 90.0, NEVER_SENT)
    assert level(book) == 40.0, "the end of a hold would have it written long after its deadline"
    book.record(RecordKind.RESOLVED, principal="bob", id=id, status=Status.APPLIED, value=90.0)
    assert level(book) == 90.0
    id = ended_unknown(book, 70.0, NEVER_SENT)
    book.record(RecordKind.RESOLVED, principal="bob", id=id, status=Status.FAILED, value=90.0)
    assert level(book) == 90.0
    id = ended_unknown(book, 60.0, NEVER_SENT)
    book.command("set", "ann", "level", 10.0)
    book.record(RecordKind.RESOLVED, principal="bob", id=id, status=Status.APPLIED, value=60.0)
    assert level(book) == 10.0, "somebody has set it anew meanwhile"
    ended_unknown(book, 50.0, SENT)
    assert level(book) == 50.0


def test_a_bulk_set_changes_no_setpoint_where_nobody_knows_its_end() -> None:
    book = Book()
    book.command("set", "ann", "level", 40.0)
    about = {"id": b"b" * 16, "principal": "ann"}
    book.record(
        RecordKind.BULK_ACCEPTED, **about, zone="north", device="*", point="level", value=30.0,
        unit="", priority=8, deadline_ns=0, boot_ns=0,
    )  # fmt: skip
    book.record(
        RecordKind.BULK_ENDED, **about, devices=["lamp-1", "lamp-2"],
        statuses=bytes((Status.INDETERMINATE, Status.APPLIED)),
    )  # fmt: skip
    assert level(book) == 40.0
    assert book.state.setpoints["lamp-2", "level"].value == 30.0
