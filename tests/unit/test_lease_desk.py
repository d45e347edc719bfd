"""The zone's desk: what it asks of the journal, what it answers while that is slow or broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from jacquemart.runtime.cell import presence
from jacquemart.runtime.cell.authority import Authority
from jacquemart.runtime.cell.claim_desk import ClaimDesk
from jacquemart.runtime.cell.lease_desk import RESTORED_AT_ONCE, LeaseDesk
from jacquemart.runtime.kernel.lease import MARGIN_NS, SILENT_NS, TTL_NS
from jacquemart.runtime.model.directory import CellAddress, Directory
from jacquemart.runtime.model.errors import JournalFenced, JournalFull, UsageError
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.store.memory import MemoryJournal

S = "north/0"


class Time:
    def __init__(self) -> None:
        self.now = 10**15

    def boot_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return 10**18


class Bench:
    """A desk on a journal in memory, whose disk answers when it is told to."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.clock = Time()
        self.disk: list[Any] = []
        self.journals: list[MemoryJournal] = []
        self.stopped: list[LeaseDesk] = []

        def opened(zone: str) -> Any:
            found = MemoryJournal.open(zone, self.disk.append, self.clock.wall_ns)
            self.journals.append(found.journal)  # type: ignore[arg-type]
            return found

        authority = Authority(self.clock, opened)
        authority.open(["north"])
        self.cell: Any = SimpleNamespace(
            loop=loop, clock=self.clock, authority=authority,
            config=SimpleNamespace(address="127.0.0.1", epoch=4),
            directory=Directory(1, {}, {}, {}),
            desk=SimpleNamespace(desks={}),
        )  # fmt: skip
        self.desk = LeaseDesk(self.cell)
        self.flush()

    @property
    def journal(self) -> MemoryJournal:
        return self.journals[-1]

    def flush(self) -> None:
        while self.disk:
            self.disk.pop(0)()

    def question(self, epoch: int = 5, cell: str = "device-1", **more: Any) -> dict[str, Any]:
        place = ["another host", 7, epoch, 1]
        asked = {"cell": cell, "epoch": epoch, "presence": place, "renews": False}
        return {**asked, "shards": {S: False}, **more}

    def ask(self, **more: Any) -> Any:
        return self.desk.queries()["lease"](self.question(**more))

    def epochs(self) -> list[tuple[int, str, bool]]:
        return [
            (record.body["epoch"], record.body["holder"], bool(record.body["host"]))
            for record in self.journal.records
            if record.kind is RecordKind.EPOCH
        ]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    try:
        yield made
    finally:
        made.desk.stop()


def on_loop(test: Any) -> None:
    async def run() -> None:
        async with bench() as made:
            await test(made)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    before = set(presence._here)
    yield
    assert presence._here == before


def test_a_grant_comes_when_the_journal_has_it_and_renewals_need_no_disk() -> None:
    async def test(b: Bench) -> None:
        first, again = b.ask(), b.ask()
        assert not first.done()
        assert not again.done()
        assert b.epochs() == [(5, "device-1@5", True)]
        b.flush()
        for answer in (first.result(), again.result()):
            assert answer["granted"] == [S]
            assert answer["zone_epoch"] == 4
        records = len(b.journal.records)
        assert b.ask(shards={S: True})["granted"] == [S]
        assert len(b.journal.records) == records

    on_loop(test)


def test_a_full_disk_grants_nothing_new_and_renews_what_there_is() -> None:
    async def test(b: Bench) -> None:
        b.ask()
        b.flush()
        b.journal.fault = JournalFull("no space left")
        assert b.ask(shards={S: True})["granted"] == [S]
        b.clock.now += TTL_NS + MARGIN_NS
        refused = b.ask(epoch=6)
        b.flush()
        assert "no space left" in refused.result()["waits"][S]
        b.journal.fault = None
        granted = b.ask(epoch=6)
        b.flush()
        assert granted.result()["granted"] == [S]

    on_loop(test)


def test_a_desk_that_was_frozen_writes_before_it_renews_anything() -> None:
    """Somebody else may own the journal by now: then this one must not keep holders writing."""

    async def test(b: Bench) -> None:
        b.ask()
        b.flush()
        b.clock.now += SILENT_NS + 1
        renewed = b.ask(shards={S: True})
        assert not renewed.done()
        b.flush()
        assert renewed.result()["granted"] == [S]
        assert b.ask(shards={S: True})["granted"] == [S]

        b.clock.now += SILENT_NS + 1
        b.journal.fault = JournalFull("no space left")
        renewed = b.ask(shards={S: True})
        b.flush()
        assert renewed.result()["granted"] == [S]  # a full disk takes no lease away
        b.journal.fault = JournalFenced("another owner has it")
        refused = b.ask(shards={S: True})
        b.flush()
        assert refused.result()["granted"] == []
        assert "another owner" in refused.result()["waits"][S]

    on_loop(test)


def test_a_lease_given_back_is_in_the_journal_and_free_at_once() -> None:
    async def test(b: Bench) -> None:
        b.ask()
        b.flush()
        assert b.desk.queries()["lease_end"](b.question()) == {}
        assert b.epochs()[-1] == (5, "device-1@5", False)
        assert b.desk.held == 0
        taken = b.ask(cell="device-2", epoch=3)
        b.flush()
        assert taken.result()["granted"] == [S]
        assert b.epochs()[-1] == (6, "device-2@3", True)

    on_loop(test)


def test_what_a_cell_asks_for_no_more_is_free_although_its_farewell_was_lost() -> None:
    async def test(b: Bench) -> None:
        b.ask(shards={S: False, "north/1": False})
        b.flush()
        assert b.desk.held == 2
        b.ask(shards={"north/1": True})
        assert b.desk.held == 1
        assert b.epochs()[-1] == (5, "device-1@5", False)
        taken = b.ask(cell="device-2", epoch=3)
        b.flush()
        assert taken.result()["granted"] == [S]

    on_loop(test)


def test_an_old_incarnation_ends_no_claim_of_its_successor(caplog: Any) -> None:
    async def test(b: Bench) -> None:
        b.cell.authority.shard_of = {"lamp-1": S, "lamp-2": "north/1"}.get
        desk = ClaimDesk(b.cell.authority, b.cell.loop, b.clock, b.desk.may_tell)

        def tells(**who: Any) -> Any:
            ends = [
                {"device": device, "point": "", "slot": 3, "owner": "ann", "why": "released",
                 "id": bytes(16)}
                for device in ("lamp-1", "lamp-2")
            ]  # fmt: skip
            answer = desk.queries()["claim_ended"]({**who, "zone": "north", "ended": ends})
            b.flush()
            return answer.result()

        def written() -> list[str]:
            kinds = [RecordKind.CLAIM_ENDED]
            return [r.body["device"] for r in b.journal.records if r.kind in kinds]

        b.ask()
        b.flush()
        assert tells(**b.question()) == {"taken": 1, "old": [], "again": [1]}
        assert written() == ["lamp-1"]
        b.clock.now += TTL_NS + MARGIN_NS
        b.ask(epoch=6)
        assert b.desk.may_tell(b.question(), "lamp-1") is None, "its successor is written down"
        b.flush()
        assert tells(**b.question()) == {"taken": 0, "old": [0], "again": [1]}
        assert "device-1@5 had lamp-1 once" in caplog.text
        assert written() == ["lamp-1"]
        assert tells(**b.question(epoch=6))["taken"] == 1
        assert tells()["taken"] == 2, "a cell of an older version does not say who it is"
        with pytest.raises(UsageError, match="epoch"):
            tells(cell="device-1")

    on_loop(test)


def test_a_new_desk_knows_the_holders_from_the_journal() -> None:
    async def test(b: Bench) -> None:
        b.ask()
        b.flush()
        b.desk.stop()
        b.desk = LeaseDesk(b.cell)
        assert b.ask(epoch=6)["waits"][S].startswith("the lease of device-1@5")
        assert b.ask(shards={S: True})["granted"] == [S]
        assert b.ask(epoch=4)["least_epoch"] == 6
        assert list(b.ask(epoch=4)["fenced"]) == [S]

    on_loop(test)


def test_an_incarnation_that_the_directory_has_replaced_is_fenced_also_without_a_journal() -> None:
    async def test(b: Bench) -> None:
        newer = CellAddress("device-1", "device", 9, "", "", 1, "")
        b.cell.directory = Directory(2, {"device-1": newer}, {}, {})
        answer = b.ask()
        assert list(answer["fenced"]) == [S]
        assert answer["least_epoch"] == 10

    on_loop(test)


def test_a_zone_whose_journal_is_not_open_makes_others_wait_and_not_all() -> None:
    async def test(b: Bench) -> None:
        answer = b.ask(shards={S: False, "south/0": False})
        b.flush()
        assert answer.result()["granted"] == [S]
        assert list(answer.result()["waits"]) == ["south/0"]

    on_loop(test)


@pytest.mark.parametrize(
    "broken",
    [
        {"epoch": 0}, {"epoch": True}, {"epoch": "5"}, {"presence": None}, {"cell": 5},
        {"presence": ["host", 1, 2]}, {"presence": ["host", 1, "2", 3]}, {"shards": [S]},
    ],
)  # fmt: skip
def test_a_broken_question_is_refused_and_changes_nothing(broken: dict[str, Any]) -> None:
    async def test(b: Bench) -> None:
        for verb in ("lease", "lease_end"):
            with pytest.raises(UsageError):
                b.desk.queries()[verb]({**b.question(), **broken})
        assert b.epochs() == []

    on_loop(test)


def test_restoring_is_asked_for_in_bounded_parts() -> None:
    async def test(b: Bench) -> None:
        restore = b.desk.queries()["restore"]
        assert restore({"shard": S, "devices": ["lamp-1"]})["devices"] == {}
        for devices in (None, "lamp-1", ["x"] * (RESTORED_AT_ONCE + 1)):
            with pytest.raises(UsageError):
                restore({"shard": S, "devices": devices})
        with pytest.raises(UsageError, match="south"):
            restore({"shard": "south/0", "devices": []})

    on_loop(test)


def test_no_cell_is_given_a_device_while_the_end_of_a_claim_on_it_is_not_on_disk() -> None:
    async def test(b: Bench) -> None:
        restore = b.desk.queries()["restore"]
        claimed = {"lamp-1"}
        b.cell.desk.desks["north"] = SimpleNamespace(
            has_unwritten_claims=lambda devices: bool(claimed & devices)
        )
        assert restore({"shard": S, "devices": ["lamp-2"]})["devices"] == {}
        with pytest.raises(UsageError, match="not on disk yet"):
            restore({"shard": S, "devices": ["lamp-2", "lamp-1"]})
        claimed.clear()
        assert restore({"shard": S, "devices": ["lamp-1"]})["devices"] == {}

    on_loop(test)
