"""The leases of claims, when somebody sets the wall clock: by the boot-time clock they go on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from bench_host import S, how
from claim_bench import Bench, on_bench

from jacquemart.runtime.cell.claim_desk import ClaimDesk
from jacquemart.runtime.cell.restoring import Restoring
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.standard import standard_city
from jacquemart.runtime.testing.virtual_time import WALL_START_NS

WALL = 1_700_000_000 * S
HOUR = 3_600 * S
LEASE = 600 * S
WHO = {"id": b"1" * 16, "principal": "ann"}


class Book:
    """A zone's journal, on a host with two clocks."""

    def __init__(self) -> None:
        self.state, self.boot_ns, self.wall_ns = ZoneState(), 1_000 * S, WALL

    def record(self, kind: RecordKind, **body: Any) -> None:
        number = self.state.sequence + 1
        self.state.apply(Record(number, 1, self.wall_ns, kind, body))

    def open(self, boot_id: str) -> None:
        self.record(RecordKind.OPENED, boot_id=boot_id, boot_ns=self.boot_ns, wall_ns=self.wall_ns)

    def accept(self) -> None:
        now, wall = self.boot_ns, self.wall_ns
        self.record(
            RecordKind.ACCEPTED, **WHO, device="lamp-1", verb="hold", point="level", value=40.0,
            priority=8, deadline_ns=now + S, deadline_wall_ns=wall + S, boot_ns=now,
            lease_ms=LEASE // 1_000_000, until_wall_ns=wall + LEASE,
        )  # fmt: skip

    def end(self) -> None:
        self.record(RecordKind.ENDED, **WHO, status=Status.APPLIED, reason="ok", value=40.0)

    def passes(self, seconds: int) -> None:
        self.boot_ns += seconds * S
        self.wall_ns += seconds * S

    def left_s(self) -> float:
        (claim,) = self.state.restore_of(["lamp-1"])["lamp-1"]["claims"]
        return (claim["until_boot_ns"] - self.boot_ns) / S

    def is_told(self) -> list[dict[str, Any]]:
        """Return what ``claims`` answers."""
        asked: Any = SimpleNamespace(books={"north": self}, zone_of=lambda device: "north")
        clock: Any = SimpleNamespace(boot_ns=lambda: self.boot_ns, wall_ns=lambda: self.wall_ns)
        desk = ClaimDesk(asked, asyncio.AbstractEventLoop(), clock, lambda args, device: True)
        rows: list[dict[str, Any]] = desk.queries()["claims"]({})["rows"]
        return rows


def held() -> Book:
    book = Book()
    book.open("a")
    book.accept()
    book.end()
    return book


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_zone_that_is_restarted_finds_a_lease_as_it_was(jump: int) -> None:
    book = held()
    book.passes(100)
    book.wall_ns += jump
    book.open("a")
    assert book.left_s() == 500
    (row,) = book.is_told()
    assert row["until_wall_ns"] == book.wall_ns + 500 * S, "by the clock that people look at now"
    assert "until_boot_ns" not in row
    book.passes(500)
    assert book.is_told() == []


def test_a_lease_that_was_accepted_before_the_clock_was_set_back_is_no_longer_for_it() -> None:
    book = Book()
    book.open("a")
    book.accept()
    book.passes(1)
    book.wall_ns -= HOUR
    book.open("a")
    book.end()
    assert book.left_s() == 599


def test_from_one_start_of_the_host_to_the_next_the_wall_clock_tells() -> None:
    book = held()
    book.passes(60)
    book.boot_ns = 20 * S
    book.open("b")
    assert book.left_s() == 540


def test_a_wall_clock_that_went_back_while_the_host_was_off_makes_no_lease_longer() -> None:
    book = held()
    book.wall_ns -= HOUR
    book.boot_ns = 20 * S
    book.open("b")
    assert book.left_s() == 600, "nobody knows how long it was off"
    assert book.state.clock.jump_ns == -HOUR


def test_a_lease_that_ran_out_while_the_host_was_off_is_over_also_for_one_that_runs() -> None:
    book = Book()
    book.open("a")
    book.accept()
    book.wall_ns += 24 * HOUR
    book.boot_ns = 20 * S
    book.open("b")
    book.end()
    assert book.left_s() < 0


def test_a_snapshot_of_an_older_version_has_leases_by_the_wall_clock() -> None:
    book = held()
    for row in (values := book.state.standing.plain())["claims"]:
        del row["until_boot_ns"], row["sequence"]
    book.state.standing.claims.clear()
    book.state.standing.take(values, ())
    assert book.left_s() == 600


# In the cell of the device ---------------------------------------------------------------------


def claim(**more: Any) -> dict[str, Any]:
    made = Claim("hold", "lamp-1", "setpoint", 8, 40.0, "ann", "works", id=b"1" * 16)
    return {**made.as_plain(), **more}


def test_a_hold_is_given_back_for_what_is_left_by_the_boot_time_clock() -> None:
    async def story(bench: Bench) -> None:
        until_ns = bench.clock.boot_ns() + 10 * S
        row = claim(until_wall_ns=WALL_START_NS + HOUR, until_boot_ns=until_ns)
        bench.lamp.restore({"claims": [row]})
        await asyncio.sleep(3.0)
        assert bench.sent() == [40.0]
        assert how(bench.set_as("bob", 1.0)) == ("REJECTED", "held")
        await asyncio.sleep(8.0)
        assert [why for _, why in bench.host.ended] == ["expired"]
        bench.set_as("bob", 1.0)
        await asyncio.sleep(2.0)
        assert bench.sent() == [40.0, 1.0]

    on_bench(story)


def test_a_hold_whose_lease_is_over_is_not_raised_by_a_wall_clock_that_was_set_back() -> None:
    async def story(bench: Bench) -> None:
        over_ns = bench.clock.boot_ns() - 1
        row = claim(until_wall_ns=WALL_START_NS + HOUR, until_boot_ns=over_ns)
        bench.lamp.restore({"claims": [row]})
        await asyncio.sleep(3.0)
        assert bench.sent() == []
        assert [why for _, why in bench.host.ended] == ["expired"]

    on_bench(story)


def test_a_minimum_time_is_no_longer_because_the_wall_clock_was_set_back() -> None:
    async def story(bench: Bench) -> None:
        future = WALL_START_NS + HOUR
        bench.lamp.restore({"setpoints": {"setpoint": [80.0, "bob", 8, future]}})
        assert how(bench.set(0.0)) == ("REJECTED", "held")
        await asyncio.sleep(31.0)
        off = bench.set(0.0)
        await asyncio.sleep(2.0)
        assert how(off) == ("APPLIED", "ok")

    on_bench(story, min_on_s=30.0)


@pytest.mark.parametrize(("host", "expected"), [("here", 500), ("there", 200)])
def test_the_clock_of_another_host_is_mapped_by_its_answer(host: str, expected: int) -> None:
    cell: Any = SimpleNamespace(place="here", clock=SimpleNamespace(boot_ns=lambda: 100))
    restoring = Restoring(cell, lambda zone: "")
    devices = {"lamp-1": {"claims": [{"until_boot_ns": 500}, {"until_boot_ns": 0}]}}
    answer = {"devices": devices, "boot_ns": 400, "host": host}
    found = restoring._on_our_clock(answer)["lamp-1"]["claims"]
    assert [row["until_boot_ns"] for row in found] == [expected, 0]


def test_a_city_whose_wall_clock_goes_back_while_its_cells_are_lost_ends_holds_in_time() -> None:
    async def story(city: SimulatedCity) -> None:
        ann, bob = city.client("ann"), city.client("bob")
        got = await ann.claim("hold", "north-1", "setpoint", 40.0, slot=8, lease_ms=8_000)
        assert got is not None
        assert got.applied
        city.kill("zone-0")
        city.kill("device-1")
        city.scheduler.wall_offset_ns -= HOUR
        await asyncio.sleep(4.0)
        await city.wait_ready()
        events = city.cell("zone-0").service.publisher.kept_events("e/north/")
        assert ("wall_clock_set", {"by_s": -3_600.0}) in [(one[0], one[5]) for _, one in events]
        refused = await bob.set("north-1/setpoint", 7.0)
        assert refused is not None
        assert refused.reason == "held", "it is kept as long as it was meant to be"
        await asyncio.sleep(5.0)
        done = await bob.set("north-1/setpoint", 8.0)
        assert done is not None
        assert done.applied, "and no longer"

    SimulatedCity(standard_city(), seed=3).run(story)
