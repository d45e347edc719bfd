"""Commands that their principal takes back: in the zone, in the cell, too late, and in bulk."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fragile_city import fragile_city
from patience import wait_until
from small_city import field, small_city, writes

from jacquemart.cli.entry import main
from jacquemart.drivers.simulated.faults import Fault
from jacquemart.native import frames
from jacquemart.runtime.client import AsyncClient, Client
from jacquemart.runtime.kernel.dedup import Seen
from jacquemart.runtime.model.errors import JournalFull, NotYours, UnknownIdentity, UsageError
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome, Status
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.reader import JournalReader
from jacquemart.runtime.testing import LocalCity

ONE, TWO = bytes(range(16)), bytes(range(1, 17))
CANCELLED = (Status.CANCELLED, "withdrawn")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    state = tmp_path / "state"
    with small_city(tmp_path, lamps=4, settle_ms=1_500, state=state) as running:
        yield running


class HeldLink:
    """The link of the street keeps what comes to its queue, until ``open``."""

    def __init__(self, city: LocalCity, monkeypatch: pytest.MonkeyPatch) -> None:
        cell = city.hosts["device-1"]._service
        (shard,) = cell.shards.values()
        self.link = shard.links["st-north"]
        self.queue = self.link._queue
        monkeypatch.setattr(self.queue, "has_ready", lambda now: False)
        self._patch = monkeypatch

    @property
    def waiting(self) -> int:
        return len(self.queue)

    def open(self) -> None:
        self._patch.undo()  # the link's task looks again at its next poll


@pytest.fixture
def held(city: LocalCity, monkeypatch: pytest.MonkeyPatch) -> HeldLink:
    return HeldLink(city, monkeypatch)


def in_background(client: Client, lamp: str, value: float, **options: Any) -> list[Outcome]:
    found: list[Outcome] = []
    threading.Thread(
        target=lambda: found.append(client.set(f"{lamp}/setpoint", value, **options)), daemon=True
    ).start()
    return found


def how(outcome: Outcome | None) -> tuple[Status, str]:
    assert outcome is not None
    return outcome.status, outcome.reason


def records(city: LocalCity, kind: RecordKind) -> list[Any]:
    """Return the bodies of the records of the zone's journal on disk, oldest first."""
    with JournalReader(journal_path(Path(city._state), "north")) as reader, reader.moment():
        return [record.body for record, _ in reader.links(0) if record.kind == kind]


# In the zone ---------------------------------------------------------------------------------


def test_what_waits_in_its_zone_ends_cancelled_and_is_never_sent(city: LocalCity) -> None:
    client, other = city.client(), city.client()
    city.lose("device-1")
    found = in_background(client, "north-1", 33.0, within_s=20.0, id=ONE)
    wait_until(lambda: other.outcome_of("north-1", ONE).stage == "accepted")
    said = other.cancel(ONE)
    assert said.in_time
    assert (said.cancelled, said.too_late, said.asked) == (1, 0, 0)
    assert how(said.outcome) == CANCELLED
    wait_until(lambda: bool(found))
    assert found[0] == said.outcome, "whoever waits for the end hears the same"
    city.replace("device-1")
    city.wait_ready()
    assert client.set("north-2/setpoint", 5.0).applied
    assert not writes("north-1")
    assert client.set("north-1/setpoint", 33.0, id=ONE) == said.outcome, "it is no new command"
    assert not writes("north-1")


def test_a_cancel_is_on_disk_before_it_is_said_and_only_once(city: LocalCity) -> None:
    client = city.client()
    city.lose("device-1")
    client.submit("north-1/setpoint", 33.0, within_s=20.0, id=ONE)
    first = client.cancel(ONE)
    assert [body["id"] for body in records(city, RecordKind.CANCEL)] == [ONE]
    assert client.cancel(ONE) == first
    assert len(records(city, RecordKind.CANCEL)) == 1
    wait_until(lambda: len(records(city, RecordKind.ENDED)) == 1)
    assert records(city, RecordKind.ENDED)[0]["status"] == Status.CANCELLED


def test_a_journal_that_takes_no_cancel_says_so_and_the_command_goes_on(city: LocalCity) -> None:
    client = city.client()
    city.lose("device-1")
    client.submit("north-1/setpoint", 33.0, within_s=20.0, id=ONE)
    book = city.hosts["zone-0"]._service.authority.books["north"]
    whole = book.journal
    book.journal = FullJournal(whole.epoch)
    with pytest.raises(JournalFull, match="no space left"):
        client.cancel(ONE)
    book.journal = whole
    city.replace("device-1")
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=10.0).outcome
    assert ended is not None
    assert ended.applied, "a cancel that was not on disk has done nothing"


class FullJournal:
    """Takes nothing."""

    fault = JournalFull("no space left")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def append(self, drafts: Any, done: Any) -> int:
        asyncio.get_running_loop().call_soon(done, self.fault)
        return 0


def test_a_cell_takes_no_journalled_command_back_that_its_zone_has_no_record_of(
    city: LocalCity, held: HeldLink
) -> None:
    client = city.client()
    client.submit("north-1/setpoint", 33.0, within_s=20.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    book = city.hosts["zone-0"]._service.authority.books["north"]
    whole = book.journal
    book.journal = FullJournal(whole.epoch)  # type: ignore[assignment]
    with pytest.raises(JournalFull, match="no space left"):
        client.cancel(ONE)
    book.journal = whole
    held.open()
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=10.0).outcome
    assert ended is not None
    assert ended.applied
    assert writes("north-1") == [33.0]


# In the cell ---------------------------------------------------------------------------------


def test_what_waits_in_the_queue_of_its_link_is_taken_back(city: LocalCity, held: HeldLink) -> None:
    client = city.client()
    client.submit("north-1/setpoint", 44.0, within_s=20.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    said = client.cancel(ONE)
    assert said.in_time
    assert how(said.outcome) == CANCELLED
    assert said.outcome is not None
    assert said.outcome.stages.received
    assert not said.outcome.stages.dispatched
    assert held.waiting == 0
    held.open()
    assert client.set("north-1/setpoint", 45.0).applied, "its device takes the next"
    assert writes("north-1") == [45.0]
    assert client.cancel(ONE) == said


def test_what_waits_in_its_devices_mailbox_is_taken_back_and_the_others_keep_their_order(
    city: LocalCity, held: HeldLink
) -> None:
    async def story() -> tuple[list[Outcome], Any]:
        async with AsyncClient(city.api) as client:
            tasks = []
            for value, priority, id in ((10.0, 8, None), (20.0, 5, ONE), (30.0, 8, None)):
                sent = client.set("north-1/setpoint", value, priority=priority, id=id)
                tasks.append(asyncio.ensure_future(sent))
                await asyncio.sleep(0.1)
            said = await client.cancel(ONE)
            held.open()
            return await asyncio.gather(*tasks), said

    found, said = asyncio.run(story())
    assert said.in_time
    assert [one.status for one in found] == [Status.APPLIED, Status.CANCELLED, Status.APPLIED]
    assert writes("north-1") == [10.0, 30.0]


def test_a_command_whose_write_has_left_is_never_called_cancelled(city: LocalCity) -> None:
    client = city.client()
    field().inject(Fault.STUCK, "north-1")
    found = in_background(client, "north-1", 55.0, within_s=3.0, id=ONE)
    wait_until(lambda: writes("north-1") == [55.0])
    said = city.client().cancel(ONE)
    assert (said.cancelled, said.too_late, said.outcome) == (0, 1, None)
    assert not said.in_time
    field().clear(Fault.STUCK, "north-1")
    wait_until(lambda: bool(found))
    assert found[0].applied, "it goes on to its true end"
    again = client.cancel(ONE)
    assert (again.too_late, again.outcome) == (1, found[0])


def test_only_who_gave_a_command_takes_it_back(city: LocalCity, held: HeldLink) -> None:
    alice, mallory = city.client(principal="alice"), city.client(principal="mallory")
    with pytest.raises(UnknownIdentity):
        alice.cancel(TWO)
    with pytest.raises(UsageError, match="16 bytes"):
        alice.cancel(b"short")
    alice.submit("north-1/setpoint", 33.0, within_s=20.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    with pytest.raises(NotYours):
        mallory.cancel(ONE)
    assert held.waiting == 1
    assert alice.outcome_of("north-1/setpoint", ONE).stage == "accepted"
    assert alice.cancel(ONE).in_time


# Over restarts -------------------------------------------------------------------------------


def test_what_was_taken_back_stays_so_when_zone_and_cell_are_replaced(
    city: LocalCity, held: HeldLink
) -> None:
    client = city.client()
    client.submit("north-1/setpoint", 33.0, within_s=30.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    assert client.cancel(ONE).in_time
    city.replace("zone-0")
    city.replace("device-1")
    city.wait_ready()
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=5.0).outcome
    assert how(ended) == CANCELLED
    assert client.set("north-1/setpoint", 33.0, within_s=30.0, id=ONE) == ended
    assert not writes("north-1")


@pytest.mark.parametrize("lost", [["zone-0"], ["device-1"], ["zone-0", "device-1"]])
def test_what_a_frozen_cell_was_asked_to_take_back_is_never_sent_whoever_is_lost_meanwhile(
    city: LocalCity, held: HeldLink, lost: list[str]
) -> None:
    client = city.client()
    client.submit("north-1/setpoint", 44.0, within_s=30.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    city.freeze("device-1", 4.0)
    said = client.cancel(ONE)
    assert (said.cancelled, said.too_late, said.asked) == (0, 0, 1), "on disk, and not known more"
    for name in lost:
        city.replace(name)
    held.open()
    city.wait_ready()
    ended = client.outcome_of("north-1/setpoint", ONE, wait_s=20.0).outcome
    assert how(ended) == CANCELLED
    assert not writes("north-1")


@pytest.mark.parametrize("verb", ["set", "hold"])
def test_what_was_taken_back_before_its_cell_had_it_ends_when_it_comes(
    city: LocalCity, verb: str
) -> None:
    client = city.client()
    cell = city.hosts["device-1"]
    asked = {"principal": client.principal, "id": ONE}
    said = cell._ask(lambda: cell._service.queries()["withdraw"](asked))
    assert said["said"] == "unknown"
    if verb == "set":
        ended = client.set("north-1/setpoint", 33.0, id=ONE)
    else:
        ended = client.hold("north-1/setpoint", 33.0, id=ONE, why="test")
    assert how(ended) == CANCELLED
    assert client.claims() == []
    assert client.set("north-1/setpoint", 5.0, id=TWO).applied
    assert writes("north-1") == [5.0]


@pytest.mark.slow
def test_what_a_lost_zone_has_sent_and_its_successor_takes_back_is_not_done_when_it_comes(
    city: LocalCity,
) -> None:
    """A frozen cell reads in turns what lies there of both: "never seen" is no promise."""
    client = city.client()
    city.freeze("device-1", 7.0)
    for n in range(200):
        client.submit(f"north-{n % 3 + 1}/setpoint", float(n % 90), within_s=40.0)
    client.submit("north-4/setpoint", 44.0, within_s=40.0, id=ONE)
    frozen = city.hosts.pop("device-1")  # it would hold up who tells it of the new zone cell
    city.replace("zone-0")
    city.hosts["device-1"] = frozen
    assert client.cancel(ONE).asked == 1
    ended = client.outcome_of("north-4/setpoint", ONE, wait_s=20.0).outcome
    assert how(ended) == CANCELLED
    seen = frozen._service.intake.seen
    wait_until(lambda: seen.peek((client.principal, ONE))[0] is Seen.FINISHED)
    _, end = seen.peek((client.principal, ONE))
    assert frames.decode_outcome(end).status == Status.CANCELLED
    assert not writes("north-4")


# Volatile, claims, and people ------------------------------------------------------------------


def test_a_volatile_command_is_taken_back_by_its_cell_without_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fragile_city(tmp_path, devices=2, state=tmp_path / "state") as city:
        held = HeldLink(city, monkeypatch)
        client = city.client()
        found: list[Outcome] = []
        threading.Thread(
            target=lambda: found.append(client.command("f-1", "nudge", 7.0, id=ONE)), daemon=True
        ).start()
        wait_until(lambda: held.waiting == 1)
        said = city.client().cancel(ONE)
        assert said.in_time
        wait_until(lambda: bool(found))
        assert found[0] == said.outcome
        assert how(found[0]) == CANCELLED
        assert records(city, RecordKind.CANCEL) == []
        held.open()
        assert client.command("f-1", "nudge", 8.0, id=TWO).applied
        again = client.cancel(TWO)
        assert (again.cancelled, again.too_late) == (0, 1)
        assert client.cancel(ONE) == said
        with pytest.raises(UnknownIdentity):
            city.client(principal="mallory").cancel(ONE)


def test_a_claim_that_waits_is_taken_back_and_never_stands(city: LocalCity) -> None:
    client, other = city.client(), city.client()
    city.lose("device-1")
    found: list[Outcome] = []
    threading.Thread(
        target=lambda: found.append(
            client.hold("north-1/setpoint", 70.0, within_s=20.0, id=ONE, why="test")
        ),
        daemon=True,
    ).start()
    wait_until(lambda: other.outcome_of("north-1", ONE).stage == "accepted")
    assert other.cancel(ONE).in_time
    wait_until(lambda: bool(found))
    assert how(found[0]) == CANCELLED
    city.replace("device-1")
    city.wait_ready()
    assert other.claims() == []
    assert other.set("north-1/setpoint", 5.0).applied


def test_a_person_takes_a_command_back_on_the_command_line(
    city: LocalCity, held: HeldLink, capsys: pytest.CaptureFixture[str]
) -> None:
    client = city.client(principal="alice")
    client.submit("north-1/setpoint", 44.0, within_s=20.0, id=ONE)
    wait_until(lambda: held.waiting == 1)
    here = ["--api", city.api, "--principal"]
    assert main(["cancel", ONE.hex(), *here, "mallory"]) == 2
    assert "is not one of mallory" in capsys.readouterr().err
    assert main(["cancel", ONE.hex(), *here, "alice"]) == 0
    assert "north-1/setpoint  CANCELLED  withdrawn" in capsys.readouterr().out
    assert main(["cancel", ONE.hex(), "--json", *here, "alice"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cancelled"], told["too_late"], told["asked"]) == (1, 0, 0)
    assert told["outcome"]["status"] == "CANCELLED"
    assert main(["cancel", TWO.hex(), *here, "alice"]) == 2
    assert "no command" in capsys.readouterr().err
    held.open()
    assert client.set("north-1/setpoint", 45.0, id=TWO).applied
    assert main(["cancel", TWO.hex(), *here, "alice"]) == 1
    assert "APPLIED" in capsys.readouterr().out


# Bulk ----------------------------------------------------------------------------------------


def bulk_in_background(client: Client, value: float, **options: Any) -> list[BulkOutcome]:
    found: list[BulkOutcome] = []
    threading.Thread(
        target=lambda: found.append(client.set_all("setpoint", value, **options)), daemon=True
    ).start()
    return found


def test_of_a_bulk_command_each_device_that_had_not_its_write_is_spared(
    city: LocalCity, held: HeldLink
) -> None:
    client = city.client()
    found = bulk_in_background(client, 25.0, within_s=20.0, id=ONE)
    wait_until(lambda: held.waiting == 4)
    (actor,) = [one for one in held.queue.parts.waiting[0].in_columns() if one.id == "north-3"]
    actor.leave_columns()
    (sent,) = held.queue._waiting
    sent.sends = 1  # the device was busy: it has been sent once, and waits to be sent again
    said = city.client().cancel(ONE)
    assert (said.cancelled, said.too_late, said.asked) == (3, 1, 0)
    held.open()
    wait_until(lambda: bool(found))
    assert found[0].counts() == {"CANCELLED": 3, "APPLIED": 1}
    assert {one.reason for one in found[0].exceptions()} == {"withdrawn"}
    assert [writes(f"north-{n}") for n in range(1, 5)] == [[], [], [25.0], []]
    again = city.client().cancel(ONE)
    assert (again.cancelled, again.too_late) == (3, 1)
    assert client.set_all("setpoint", 25.0, id=ONE).counts() == found[0].counts()


def test_a_bulk_command_that_was_taken_back_is_not_begun_after_a_restart(
    city: LocalCity, held: HeldLink
) -> None:
    client = city.client()
    bulk_in_background(client, 25.0, within_s=30.0, id=ONE)
    wait_until(lambda: held.waiting == 4)
    city.freeze("device-1", 4.0)
    said = city.client().cancel(ONE)
    assert (said.cancelled, said.asked) == (0, 1)
    city.replace("zone-0")
    city.replace("device-1")
    held.open()
    city.wait_ready()
    state = city.hosts["zone-0"]._service.authority.books["north"].state
    wait_until(lambda: bool(state.bulks.ended))
    again = city.client().cancel(ONE)
    assert (again.cancelled, again.too_late) == (4, 0)
    assert [writes(f"north-{n}") for n in range(1, 5)] == [[]] * 4


def test_hundreds_of_cancels_twice_each_cost_one_record_each_and_no_second_end(
    city: LocalCity,
) -> None:
    city.lose("device-1")
    ids = [number.to_bytes(16, "big") for number in range(1, 301)]

    async def story() -> tuple[list[Outcome], list[Any]]:
        async with AsyncClient(city.api) as client:
            tasks = [
                asyncio.ensure_future(
                    client.set(f"north-{n % 4 + 1}/setpoint", 1.0, within_s=20.0, id=id)
                )
                for n, id in enumerate(ids)
            ]
            await asyncio.sleep(0.5)
            said = await asyncio.gather(*(client.cancel(id) for id in ids for _ in range(2)))
            return await asyncio.gather(*tasks), said

    begun = time.monotonic()
    found, said = asyncio.run(story())
    assert all(one.in_time for one in said)
    assert {how(one) for one in found} == {CANCELLED}
    assert time.monotonic() - begun < 15.0
    assert len(records(city, RecordKind.CANCEL)) == len(ids)
