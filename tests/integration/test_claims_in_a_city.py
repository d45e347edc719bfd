"""Holds, reservations and lock-outs in a whole city: who may move a lamp, and who may not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import soon
from small_city import field, small_city, writes

from jacquemart import AsyncClient
from jacquemart.runtime.actor import command
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity

SET = "north-1/setpoint"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path) as running:
        yield running


def events(city: LocalCity, name: str) -> list[dict[str, Any]]:
    """Return the details of the events of a name, by the city's centre."""
    found = city.client().query("events")
    rows = found["events"] if isinstance(found, dict) else found
    return [row[5] for row in rows if row[0] == name]


def test_a_hold_keeps_others_away_and_says_who_and_why(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.set(SET, 80.0).applied
    held = ann.hold(SET, 40.0, why="works in the street", lease_s=600)
    assert (held.status, held.value) == (Status.APPLIED, 40.0)
    refused = bob.set(SET, 90.0)
    assert (refused.status, refused.reason) == (Status.REJECTED, Reason.HELD)
    for said in ("ann holds setpoint in slot 8", "works in the street", "until 20"):
        assert said in refused.detail
    assert writes("north-1") == [80.0, 40.0]
    (claim,) = bob.claims("north-*")
    assert (claim.owner, claim.value, claim.why) == ("ann", 40.0, "works in the street")


def test_a_release_falls_back_to_the_next_hold_and_then_to_the_setpoint(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.set(SET, 80.0).applied
    assert ann.hold(SET, 40.0, priority=8).applied
    assert bob.hold(SET, 20.0, priority=5).applied
    weaker = ann.hold(SET, 30.0, priority=10)
    assert (weaker.status, weaker.reason) == (Status.SUPERSEDED, Reason.OUTRANKED)
    assert "bob holds setpoint in slot 5" in weaker.detail
    assert bob.release(SET, priority=5).value == 40.0
    assert ann.release(SET, priority=8).value == 30.0
    assert ann.release(SET, priority=10).value == 80.0
    assert writes("north-1") == [80.0, 40.0, 20.0, 40.0, 30.0, 80.0]
    soon(lambda: not ann.claims())
    assert bob.set(SET, 90.0).applied


def test_a_lease_ends_in_time_and_the_zone_knows(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.set(SET, 80.0).applied
    began = time.monotonic()
    assert ann.hold(SET, 40.0, lease_s=0.8).applied
    soon(lambda: writes("north-1")[-1] == 80.0)
    assert time.monotonic() - began > 0.75, "not before its time"
    soon(lambda: not standing(city))
    assert bob.set(SET, 90.0).applied


def standing(city: LocalCity) -> list[Any]:
    """Return what stands by the zones' journals, also what is over."""
    authority = city.hosts["zone-0"]._service.authority  # type: ignore[union-attr]
    return [c for book in authority.books.values() for c in book.state.claims.values()]


def test_nobody_moves_a_locked_out_lamp_but_life_safety(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.lockout("north-1", why="lamp open").applied
    for who in (ann, bob):
        refused = who.set(SET, 90.0, priority=4)
        assert (refused.reason, "ann has locked it out" in refused.detail) == (Reason.HELD, True)
    waits = bob.hold(SET, 60.0, priority=4)
    assert (waits.status, waits.reason) == (Status.SUPERSEDED, Reason.OUTRANKED)
    assert bob.release("north-1", slot=3).reason == Reason.HELD
    assert bob.lockout("north-1", why="me too").reason == Reason.HELD
    assert bob.set(SET, 0.0, priority=2).applied
    assert writes("north-1") == [0.0]
    assert ann.release("north-1", slot=3).applied
    assert bob.release(SET, priority=2).value == 60.0, "the hold takes effect now"


def test_a_group_is_reserved_whole_or_not_at_all(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    lamps = ["north-1", "north-2", "north-3"]
    assert ann.reserve("north-3", why="test run").applied
    tried = bob.reserve_all(lamps)
    assert [one.status for one in tried] == [Status.APPLIED, Status.APPLIED, Status.REJECTED]
    assert ann.set(SET, 10.0).applied, "nothing of it is left"
    assert ann.release("north-3").applied
    assert all(one.applied for one in bob.reserve_all(lamps))
    assert "bob has reserved it" in ann.set(SET, 20.0).detail
    assert bob.set(SET, 30.0).applied


def test_a_reservation_with_a_grace_is_taken_over_after_it(city: LocalCity) -> None:
    ann, bob = city.client(principal="ann"), city.client(principal="bob")
    assert ann.reserve("north-1", priority=8, grace_s=0.6).applied
    asked = bob.reserve("north-1", priority=5)
    assert (asked.status, asked.reason) == (Status.SUPERSEDED, Reason.OUTRANKED)
    assert bob.set(SET, 10.0).reason == Reason.HELD
    assert ann.set(SET, 20.0).applied
    soon(lambda: bob.set(SET, 10.0).applied)
    assert "bob has reserved it" in ann.set(SET, 20.0).detail
    soon(lambda: [c.owner for c in ann.claims()] == ["bob"])


def test_d6_a_device_that_forgot_is_told_again(city: LocalCity) -> None:
    ann = city.client(principal="ann")
    assert ann.hold(SET, 40.0).applied
    field().set(SET, 0.0)
    soon(lambda: field().value("north-1/level") == 40.0)


def test_the_asyncio_client_claims_as_the_other_does(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api, principal="ann") as ann:
            held = await ann.hold(SET, 40.0, lease_s=60.0, why="works")
            assert (held.status, held.value) == (Status.APPLIED, 40.0)
            taken = await ann.reserve_all(["north-2", "north-3"], grace_s=5.0)
            assert [one.applied for one in taken] == [True, True]
            assert (await ann.lockout("north-1", why="lamp open")).applied
            give_up = time.monotonic() + 30.0
            while len(found := await ann.claims()) < 4:  # the zone hears of each a little later
                assert time.monotonic() < give_up, found
                await asyncio.sleep(0.02)
            assert sorted(claim.verb for claim in found) == [
                "hold", "lockout", "reserve", "reserve",
            ]  # fmt: skip
            async with AsyncClient(city.api, principal="bob") as bob:
                tried = await bob.reserve_all(["north-1", "north-2"], priority=9)
                assert [one.status for one in tried] == [Status.APPLIED, Status.REJECTED]
            assert (await ann.release("north-1", slot=3)).applied
            assert [c.owner for c in await ann.claims("north-1")] == ["ann"]

    asyncio.run(story())


@pytest.mark.parametrize(
    "options", [{"lease_s": 0.0}, {"lease_s": -1.0}, {"priority": 17}, {"why": "w" * 256}]
)
def test_a_claim_of_a_wrong_form_is_the_callers_fault_and_never_sent(
    city: LocalCity, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        city.client().hold(SET, 40.0, **options)
    assert writes("north-1") == []


@pytest.mark.parametrize("verb", ["hold", "release", "reserve", "lockout"])
def test_a_command_is_never_taken_for_a_claim(city: LocalCity, verb: str) -> None:
    ended = city.client().command("north-1", verb)
    assert (ended.status, ended.reason) == (Status.REJECTED, Reason.UNKNOWN_COMMAND)
    with pytest.raises(UsageError, match="is a claim"):
        command(verb, "does something")(lambda self, ticket: None)
    assert city.client().claims() == []
