"""An accepted command has one end, and is executed once, whatever happens to cells and zones."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from small_city import field, small_city, writes

from jacquemart.drivers.simulated.faults import Fault
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell import zone_cell
from jacquemart.runtime.cell.draining import drain
from jacquemart.runtime.cell.zone_desk import ZoneDesk
from jacquemart.runtime.client import AsyncClient, Client
from jacquemart.runtime.model.errors import JournalFull
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.blocking import BlockingCaller

ONE = bytes(range(16))


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    state = tmp_path / "state"
    with small_city(tmp_path, lamps=4, settle_ms=1_500, state=state) as running:
        yield running


@pytest.fixture
def patient_city(tmp_path: Path) -> Iterator[LocalCity]:
    """A city that waits for a proof for longer than a machine pauses."""
    state = tmp_path / "state"
    with small_city(tmp_path, lamps=4, settle_ms=20_000, state=state) as running:
        yield running


def in_background(client: Client, lamp: str, value: float, **options: Any) -> list[Outcome]:
    """Set a lamp on a thread; the list has the outcome when there is one."""
    found: list[Outcome] = []
    threading.Thread(
        target=lambda: found.append(client.set(f"{lamp}/setpoint", value, **options)), daemon=True
    ).start()
    return found


def book(city: LocalCity) -> Any:
    return city.hosts["zone-0"]._service.authority.books["north"]


def kinds_written(city: LocalCity) -> list[str]:
    """Return the records of the commands with the id ONE, as the state has taken them."""
    state = book(city).state.commands
    return ["running"] * (("anonymous", ONE) in state.running) + ["ended"] * (
        ("anonymous", ONE) in state.ended
    )


def test_the_same_id_after_a_restart_of_the_zone_has_the_same_outcome_and_no_second_execution(
    city: LocalCity,
) -> None:
    client = city.client()
    first = client.set("north-1/setpoint", 40.0, id=ONE)
    assert first.applied
    wait_until(lambda: kinds_written(city) == ["ended"])
    city.replace("zone-0")
    city.replace("device-1")  # nobody but the journal remembers
    city.wait_ready()
    again = client.set("north-1/setpoint", 40.0, id=ONE)
    assert again == first
    assert writes("north-1") == [40.0]
    other = client.set("north-1/setpoint", 41.0, id=ONE)
    assert (other.status, other.reason) == (Status.REJECTED, "duplicate_id")


def test_an_accepted_command_has_its_end_although_its_zone_was_lost_meanwhile(
    patient_city: LocalCity,
) -> None:
    city = patient_city
    field().inject(Fault.STUCK)
    client = city.client()
    accepted = client.submit("north-2/setpoint", 55.0, id=ONE)
    assert accepted.stage == "accepted"
    city.replace("zone-0")
    field().clear(Fault.STUCK)
    ended = client.outcome_of("north-2/setpoint", ONE, wait_s=10.0)
    assert ended.outcome is not None
    assert ended.outcome.applied
    assert writes("north-2") == [55.0]


def test_nobody_says_rejected_of_what_was_sent_because_a_successor_cannot_read_the_journal(
    city: LocalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    field().inject(Fault.STUCK)
    client = city.client()
    found = in_background(client, "north-1", 55.0, within_s=3.0)
    wait_until(lambda: writes("north-1") == [55.0])
    city.lose("zone-0")

    def unreadable(zone: str) -> Any:
        raise JournalFull("the disk is gone")

    monkeypatch.setattr(zone_cell, "opener_of", lambda *_: unreadable)
    city.replace("zone-0")
    other = city.client().set("north-3/setpoint", 5.0, within_s=0.5)
    assert (other.status, other.reason) == (Status.REJECTED, "journal"), "that one is new"
    wait_until(lambda: bool(found))
    assert found[0].status is Status.INDETERMINATE, found[0]
    assert writes("north-1") == [55.0]


def test_a_command_that_waits_for_a_lost_cell_goes_to_its_successor_before_its_deadline(
    city: LocalCity,
) -> None:
    client = city.client()
    city.lose("device-1")
    found = in_background(client, "north-1", 33.0, within_s=10.0)
    time.sleep(0.3)
    assert not found
    city.replace("device-1")
    wait_until(lambda: bool(found))
    assert found[0].applied
    assert writes("north-1") == [33.0]


def test_many_commands_that_wait_for_a_lost_cell_cost_its_zone_as_little_as_one(
    city: LocalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[object] = []
    happen = ZoneDesk.happen

    def counted(desk: ZoneDesk, entry: Any, event: Any) -> None:
        happened.append(event)
        happen(desk, entry, event)

    async def story() -> list[Outcome]:
        async with AsyncClient(city.api) as client:
            tasks = [
                asyncio.ensure_future(client.set(f"north-{n % 4 + 1}/setpoint", n / 10))
                for n in range(400)
            ]
            await asyncio.sleep(1.0)
            monkeypatch.setattr(ZoneDesk, "happen", counted)
            await asyncio.sleep(1.0)
            monkeypatch.setattr(ZoneDesk, "happen", happen)
            await asyncio.to_thread(city.replace, "device-1")
            return await asyncio.gather(*tasks)

    city.lose("device-1")
    found = asyncio.run(story())
    assert len(happened) < 400, "each look at them is one for the first of them"
    assert {one.status for one in found} <= {Status.APPLIED, Status.SUPERSEDED}
    assert [one.status for one in found[-4:]] == [Status.APPLIED] * 4, "the newest came last"
    for lamp in range(1, 5):
        assert writes(f"north-{lamp}") == sorted(writes(f"north-{lamp}"))


def test_a_cell_that_hands_over_is_not_flooded_with_what_it_does_not_take(
    city: LocalCity,
) -> None:
    cell = city.hosts["device-1"]._service
    cell.draining = True

    async def story() -> tuple[int, list[Outcome]]:
        async with AsyncClient(city.api) as client:
            tasks = [
                asyncio.ensure_future(client.set(f"north-{n % 4 + 1}/setpoint", n / 10))
                for n in range(400)
            ]
            known = book(city).state.commands
            while len(known.running) + len(known.ended) < 400:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
            await asyncio.sleep(1.0)
            before = cell.counters["commands"]
            await asyncio.sleep(1.0)
            asked = cell.counters["commands"] - before
            cell.draining = False
            return asked, await asyncio.gather(*tasks)

    asked, found = asyncio.run(story())
    assert 0 < asked < 400, "one is asked for all, until it is taken"
    assert {one.status for one in found} <= {Status.APPLIED, Status.SUPERSEDED}


def test_a_command_whose_cell_does_not_come_back_expires_and_nothing_is_sent_later(
    city: LocalCity,
) -> None:
    client = city.client()
    city.lose("device-1")
    begun = time.monotonic()
    found = client.set("north-1/setpoint", 33.0, within_s=0.5)
    assert (found.status, found.reason) == (Status.EXPIRED, "deadline")
    assert time.monotonic() - begun < 0.5 + 5.0
    city.replace("device-1")
    city.wait_ready()
    assert client.get("north-1/level").good
    assert not writes("north-1")


@pytest.mark.parametrize("cell", ["zone-0", "device-1"])
def test_p3_nothing_late_is_executed_when_a_cell_was_held(city: LocalCity, cell: str) -> None:
    client = city.client()
    assert client.set("north-1/setpoint", 10.0).applied
    city.freeze(cell, 1.0)
    begun = time.monotonic()
    found = client.set("north-1/setpoint", 90.0, within_s=0.3)
    assert found.status in (Status.EXPIRED, Status.INDETERMINATE)
    assert time.monotonic() - begun < 0.3 + 5.0
    time.sleep(1.0)
    assert writes("north-1") == [10.0]


def test_s3_a_full_disk_refuses_before_acceptance_and_acceptance_resumes(city: LocalCity) -> None:
    client = city.client()

    class Full:
        """The journal of the zone, while its disk is full."""

        def __init__(self, journal: Any) -> None:
            self.journal = journal
            self.epoch = journal.epoch
            self.fault = JournalFull("no space left", where="the journal of north")

        def append(self, drafts: Any, done: Any) -> int:
            asyncio.get_running_loop().call_soon(done, self.fault)
            return 0

    known = book(city)
    whole = known.journal
    known.journal = Full(whole)
    found = client.set("north-1/setpoint", 20.0, id=ONE)
    assert (found.status, found.reason) == (Status.REJECTED, "journal")
    assert "no space left" in found.detail
    assert "nothing was accepted" in found.detail
    assert not writes("north-1")
    assert client.get("north-1/level").good
    known.journal = whole
    assert client.set("north-1/setpoint", 20.0, id=ONE).applied


def test_a_refusal_is_no_end_of_the_command_that_came_again_and_was_executed(
    city: LocalCity,
) -> None:
    client = city.client()
    known = book(city)
    whole = known.journal

    class Full:
        epoch = whole.epoch
        fault = JournalFull("no space left")

    known.journal = Full()
    assert client.set("north-1/setpoint", 20.0, id=ONE).reason == "journal"
    assert client.outcome_of("north-1/setpoint", ONE).stage == "ended"
    known.journal = whole
    assert client.set("north-1/setpoint", 20.0, id=ONE).applied
    assert client.set("north-1/setpoint", 30.0, id=ONE).reason == "duplicate_id"
    wait_until(lambda: kinds_written(city) == ["ended"])
    del known.state.commands.ended[("anonymous", ONE)]  # fifty thousand others came
    assert client.outcome_of("north-1/setpoint", ONE).stage == "unknown"


def test_an_end_that_the_journal_could_not_take_is_told_and_written_later(
    patient_city: LocalCity,
) -> None:
    city = patient_city
    field().inject(Fault.STUCK)
    client = city.client()
    client.submit("north-1/setpoint", 20.0, id=ONE)
    known = book(city)
    whole, refused = known.journal, []

    class Full:
        epoch = whole.epoch
        fault = JournalFull("no space left")

        def append(self, drafts: Any, done: Any) -> int:
            refused.append(drafts)
            asyncio.get_running_loop().call_soon(done, self.fault)
            return 0

    known.journal = Full()
    field().clear(Fault.STUCK)
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=5.0).outcome
    assert ended is not None
    assert ended.applied, "the end is not kept from who asks"
    wait_until(lambda: bool(refused))
    known.journal = whole
    wait_until(lambda: kinds_written(city) == ["ended"])
    assert client.set("north-1/setpoint", 20.0, id=ONE) == ended


def test_of_setpoints_that_wait_the_newest_is_written_and_the_others_are_superseded(
    patient_city: LocalCity,
) -> None:
    city = patient_city
    field().inject(Fault.STUCK, "north-3")

    async def story() -> list[Outcome]:
        async with AsyncClient(city.api) as client:
            tasks = []
            for value in (10.0, 20.0, 30.0, 40.0):
                tasks.append(asyncio.ensure_future(client.set("north-3/setpoint", value)))
                await asyncio.sleep(0.1)
            field().clear(Fault.STUCK, "north-3")
            return await asyncio.gather(*tasks)

    found = asyncio.run(story())
    assert [outcome.status for outcome in found[1:]] == [
        Status.SUPERSEDED, Status.SUPERSEDED, Status.APPLIED,
    ]  # fmt: skip
    assert {outcome.reason for outcome in found[1:3]} == {"newer"}
    assert writes("north-3") == [10.0, 40.0]


def test_a_weaker_setpoint_supersedes_no_stronger_one_that_waits(patient_city: LocalCity) -> None:
    city = patient_city
    field().inject(Fault.STUCK, "north-3")

    async def story() -> list[Outcome]:
        async with AsyncClient(city.api) as client:
            tasks = []
            for value, priority in ((10.0, 8), (20.0, 5), (30.0, 8)):
                sent = client.set("north-3/setpoint", value, priority=priority)
                tasks.append(asyncio.ensure_future(sent))
                await asyncio.sleep(0.1)
            field().clear(Fault.STUCK, "north-3")
            return await asyncio.gather(*tasks)

    found = asyncio.run(story())
    assert [outcome.status for outcome in found[1:]] == [Status.APPLIED] * 2
    assert writes("north-3") == [10.0, 20.0, 30.0]


def test_an_unknown_effect_is_resolved_by_reading_back_and_told_as_an_event(
    city: LocalCity,
) -> None:
    client = city.client()
    field().inject(Fault.SILENT, "north-4")
    found = client.set("north-4/setpoint", 70.0, within_s=2.0, id=ONE)
    assert found.status is Status.INDETERMINATE
    field().clear(Fault.SILENT, "north-4")
    wait_until(lambda: client.outcome_of("north-4/setpoint", ONE).resolved is not None)
    resolved = client.outcome_of("north-4/setpoint", ONE).resolved
    assert resolved is not None
    shown = client.get("north-4/level").value
    assert resolved[0] is (Status.APPLIED if shown == 70.0 else Status.FAILED)
    events = [row for row in client.query("events", number=50) if row[0] == "command_resolved"]
    assert len(events) == 1


def test_a_bulk_command_is_known_again_after_a_restart_and_not_executed_again(
    city: LocalCity,
) -> None:
    client = city.client()
    first = client.set_all("setpoint", 25.0, id=ONE)
    assert first.counts() == {"APPLIED": 4}
    state = book(city).state
    wait_until(lambda: bool(state.bulks.ended))
    city.replace("zone-0")
    city.replace("device-1")
    city.wait_ready()
    again = client.set_all("setpoint", 25.0, id=ONE)
    assert again.counts() == {"APPLIED": 4}
    assert [writes(f"north-{n}") for n in range(1, 5)] == [[25.0]] * 4
    assert book(city).state.setpoints[("north-3", "setpoint")].value == 25.0


@pytest.mark.parametrize("ledger", [True, False])
def test_a_bulk_command_is_not_sent_again_by_cells_that_cannot_know_what_was_done(
    city: LocalCity, ledger: bool
) -> None:
    """A ledger tells what was sent; after the loss of a host there is none."""
    client = city.client()
    known = book(city)
    known.journal = WithoutRecords(known.journal, RecordKind.BULK_ENDED)
    assert client.set_all("setpoint", 25.0, within_s=60.0, id=ONE).counts() == {"APPLIED": 4}
    if not ledger:
        Path(city.directory.cells["device-1"].ledger).unlink()
    city.replace("zone-0")
    city.replace("device-1")
    city.wait_ready()
    again = client.set_all("setpoint", 25.0, within_s=60.0, id=ONE)
    assert again.counts() == {"INDETERMINATE": 4}
    assert {one.reason for one in again.outcomes} == {"cell_lost"}
    assert [writes(f"north-{n}") for n in range(1, 5)] == [[25.0]] * 4


class WithoutRecords:
    """A journal to whose disk no record of a kind gets."""

    fault = None

    def __init__(self, whole: Any, kind: RecordKind) -> None:
        self._whole, self._kind = whole, kind
        self.epoch = whole.epoch

    def append(self, drafts: Any, done: Any) -> int:
        if any(one.kind == self._kind for one in drafts):
            asyncio.get_running_loop().call_soon(done, JournalFull("no space left"))
            return 0
        return int(self._whole.append(drafts, done))

    def close(self) -> None:
        self._whole.close()


def test_what_its_cell_has_forgotten_is_not_executed_again_after_a_restart_of_the_zone(
    city: LocalCity,
) -> None:
    client = city.client()
    known = book(city)
    whole = known.journal

    class NoEnds:
        """The journal of the zone; no end of the command ONE gets to the disk."""

        epoch = whole.epoch
        fault = None

        def append(self, drafts: Any, done: Any) -> int:
            others = [
                one for one in drafts if one.kind != RecordKind.ENDED or one.body["id"] != ONE
            ]
            if others:  # an end goes to disk with what comes next, and that is no matter here
                return int(whole.append(others, done))
            asyncio.get_running_loop().call_soon(done, JournalFull("no space left"))
            return 0

        def close(self) -> None:
            whole.close()

    known.journal = NoEnds()
    city.hosts["device-1"]._service.intake.seen.most = 2
    assert client.set("north-1/setpoint", 20.0, within_s=60.0, id=ONE).applied
    for value in (21.0, 22.0, 23.0):
        assert client.set("north-2/setpoint", value).applied
    city.replace("zone-0")
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=5.0).outcome
    assert ended is not None
    assert (ended.status, ended.reason) == (Status.INDETERMINATE, "cell_lost")
    assert writes("north-1") == [20.0]


def test_a_cell_knows_a_bulk_command_again_however_many_others_came(city: LocalCity) -> None:
    cell = BlockingCaller(city.directory.cells["device-1"].commands)
    first = messages.Bulk(
        ONE, "alice", "north", "*", "*", "setpoint", 44.0, "", 8, boot_ns() + 60_000_000_000
    )

    def send(bulk: messages.Bulk) -> messages.BulkResult:
        answer = cell.ask(messages.encode_bulk(bulk), 10.0, 5.0)
        assert answer is not None
        return messages.decode_bulk_result(answer)

    assert set(send(first).statuses) == {Status.APPLIED}
    for number in range(200):  # more than it keeps the results of
        send(replace(first, id=number.to_bytes(16, "big"), device="nobody"))
    again = send(first)
    assert set(again.statuses) == {Status.INDETERMINATE}, "how it ended is not known any more"
    assert again.devices == ["north-1", "north-2", "north-3", "north-4"]
    assert writes("north-1") == [44.0]
    cell.close()


def test_a_point_that_was_set_anew_says_nothing_of_an_older_effect(city: LocalCity) -> None:
    client = city.client()
    field().inject(Fault.SILENT, "north-4")
    assert client.set("north-4/setpoint", 70.0, within_s=1.0, id=ONE).status is (
        Status.INDETERMINATE
    )
    field().clear(Fault.SILENT, "north-4")
    wait_until(lambda: client.set("north-4/setpoint", 30.0).applied)
    wait_until(lambda: client.outcome_of("north-4/setpoint", ONE).resolved is not None)
    resolved = client.outcome_of("north-4/setpoint", ONE).resolved
    assert resolved is not None
    assert resolved[0] in (Status.INDETERMINATE, Status.FAILED)
    assert book(city).state.setpoints[("north-4", "setpoint")].value == 30.0


def test_after_a_restart_an_older_command_is_never_sent_behind_a_newer_one(
    city: LocalCity,
) -> None:
    """The zone is lost with a command that no cell has got; a newer one comes at once."""
    client = city.client()
    zone = city.hosts["zone-0"]._service
    zone.directory = replace(zone.directory, homes={})
    assert client.submit("north-1/setpoint", 10.0, within_s=20.0).stage == "accepted"
    city.replace("zone-0")
    assert client.set("north-1/setpoint", 20.0, within_s=20.0).applied
    time.sleep(0.3)
    assert writes("north-1") == [10.0, 20.0]


def test_a_dead_letter_is_shown_replayed_as_a_new_command_and_gone(city: LocalCity) -> None:
    client = city.client()
    host = city.hosts["zone-0"]
    letter = {
        "id": ONE, "principal": "alice", "device": "north-2", "verb": "set", "point": "setpoint",
        "value": 66.0, "unit": "", "priority": 8, "attempts": 3, "reason": "it died", "stack": "",
    }  # fmt: skip
    written = threading.Event()
    assert host._loop is not None
    host._loop.call_soon_threadsafe(
        lambda: host._service.authority.append(
            "north", [Draft(RecordKind.DEAD_LETTER, letter)], lambda error: written.set()
        )
    )
    assert written.wait(5.0)
    (shown,) = client.query("dead_letters")["rows"]
    assert (shown["device"], shown["reason"], shown["zone"]) == ("north-2", "it died", "north")
    asked = {"device": "north-2", "principal": "alice", "id": ONE}
    replayed = client.query("replay_dead_letter", **asked, by="operator")
    assert replayed["status"] == Status.APPLIED
    assert replayed["id"] != ONE
    assert writes("north-2") == [66.0]
    wait_until(lambda: client.query("dead_letters")["rows"] == [])


def test_what_was_ended_since_its_zone_left_the_city_is_not_executed_when_the_zone_is_back(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with small_city(tmp_path, zones=("north", "south"), lamps=2, cells=1, state=state) as city:
        whole = city.spec
        city.hosts["device-1"]._service.draining = True  # the commands wait
        found = [in_background(city.client(), f"north-{n}", 55.0, within_s=30.0) for n in (1, 2)]
        wait_until(lambda: len(book(city).state.commands.running) == 2)
        city.apply(
            replace(
                whole,
                zones=tuple(zone for zone in whole.zones if zone.id != "north"),
                devices=tuple(one for one in whole.devices if one.zone != "north"),
                links=tuple(one for one in whole.links if one.zone != "north"),
            )
        )
        wait_until(lambda: all(found))
        assert {one[0].reason for one in found} == {"stopping"}
        city.hosts["device-1"]._service.draining = False
        city.apply(whole)
        assert not book(city).state.commands.running
        assert city.client().set("north-1/setpoint", 20.0).applied
        assert writes("north-1") == [20.0]
        assert not writes("north-2")


def test_a_cell_that_hands_over_ends_its_bulk_commands_too(city: LocalCity) -> None:
    field().inject(Fault.STUCK)
    found: list[Any] = []
    client = city.client()
    asking = threading.Thread(target=lambda: found.append(client.set_all("setpoint", 44.0)))
    asking.start()
    wait_until(lambda: len(writes("north-1")) == 1)
    cell = city.hosts["device-1"]._service
    drained = asyncio.run_coroutine_threadsafe(drain(cell, 5.0), cell.loop).result(6.0)
    assert drained
    assert not cell.intake._bulks.running, "it has let go before they ended"
    asking.join()
    assert found[0].counts() == {"FAILED": 4}
