"""The judge of what was taken back sees what it is there to see, and the simulation takes back."""

from __future__ import annotations

from typing import Any

import pytest

from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk, StoredJournal
from jacquemart.runtime.testing.simulation.field import Arrival
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.judge import judge, stories_of
from jacquemart.runtime.testing.simulation.judge_cancels import judge_cancels, taken_back_of
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.testing.simulation.standard import standard_city

ID = b"c" * 16
DEVICES = ["lamp-1", "lamp-2", "lamp-3"]
CANCELLED, APPLIED = int(Status.CANCELLED), int(Status.APPLIED)


class Case:
    """A history of one command, with a journal and a log of the field."""

    def __init__(self, point: str = "setpoint", *, bulk: bool = False) -> None:
        self.history = History()
        self.log: list[Arrival] = []
        self.records: list[Record] = []
        self.bulk = bulk
        subject = ("setpoint",) if bulk else (f"lamp-1/{point}", "set", 8)
        self.note("issued_bulk" if bulk else "issued", ID, *subject, 7.0, 10**12)

    def note(self, what: str, *facts: Any, who: str = "ann") -> Case:
        self.history.note(len(self.history.entries), what, who, *facts)
        return self

    def told(self, *counts: int, ended: str = "") -> Case:
        self.note("cancel_asked", ID)
        return self.note("cancel_answered", ID, *counts, ended)

    def ended(self, status: str) -> Case:
        return self.note("answered", ID, status, "", "", 1, 0, 0, 2)

    def wrote(self, *devices: str) -> Case:
        self.log += [Arrival(5, 6, device, "setpoint", 7.0, "d", 1) for device in devices]
        return self

    def record(self, kind: RecordKind, **body: Any) -> Case:
        found = {"id": ID, "principal": "ann", **body}
        self.records.append(Record(len(self.records) + 1, 1, 0, kind, found))
        return self

    def judged(self) -> list[str]:
        disk = SimulatedDisk(Scheduler(0))
        disk.journals["north"] = StoredJournal("north", records=self.records)
        stories = stories_of(self.history)
        return judge_cancels(self.history, self.log, disk, stories, DEVICES)


def test_what_was_taken_back_in_time_and_was_not_written_is_in_order() -> None:
    case = Case().told(1, 0, 0, ended="CANCELLED").ended("CANCELLED")
    case.record(RecordKind.CANCEL).record(RecordKind.ENDED, status=CANCELLED)
    assert case.judged() == []
    late = Case().told(0, 1, 0).ended("APPLIED").wrote("lamp-1")
    assert late.record(RecordKind.CANCEL).record(RecordKind.ENDED, status=APPLIED).judged() == []


@pytest.mark.parametrize("point", ["setpoint", "jog"])
def test_what_was_taken_back_in_time_and_written_is_seen(point: str) -> None:
    (found,) = Case(point).told(1, 0, 0, ended="CANCELLED").wrote("lamp-1").judged()
    assert "was taken back in time, and was written" in found
    assert Case(point).told(0, 0, 1).wrote("lamp-1").judged() == [], "its cell had not answered"


def test_another_end_than_what_was_told_is_seen() -> None:
    for status in ("APPLIED", "FAILED", "EXPIRED", "SUPERSEDED"):
        (found,) = Case().told(1, 0, 0, ended="CANCELLED").ended(status).judged()
        assert f"was taken back in time, and ended {status}" in found
    assert Case("jog").told(1, 0, 0, ended="CANCELLED").ended("EXPIRED").judged() == []
    assert Case("jog").told(1, 0, 0, ended="CANCELLED").ended("APPLIED").judged()


def test_an_end_that_nobody_asked_for_is_seen() -> None:
    (found,) = Case().ended("CANCELLED").judged()
    assert "nobody whose it is had taken it back" in found
    other = Case().note("cancel_asked", ID, who="bob").ended("CANCELLED")
    assert other.judged() == [found]
    later = Case().ended("CANCELLED").note("cancel_asked", ID)
    assert later.judged() == [found]


def test_a_journal_that_says_otherwise_is_seen() -> None:
    asked = Case().told(1, 0, 0, ended="CANCELLED")
    (found,) = asked.record(RecordKind.ENDED, status=CANCELLED).judged()
    assert "no record before says that it was taken back" in found
    asked = Case().told(1, 0, 0, ended="CANCELLED").record(RecordKind.CANCEL)
    (found,) = asked.record(RecordKind.ENDED, status=APPLIED).judged()
    assert "its journal has APPLIED" in found
    (found,) = Case().record(RecordKind.CANCEL).judged()
    assert "taken back by nobody whose it is" in found
    late = Case().told(0, 1, 0).record(RecordKind.BULK_ENDED, statuses=bytes([CANCELLED]))
    (found,) = late.record(RecordKind.CANCEL).judged()
    assert "no record before" in found


def test_a_bulk_command_is_not_written_where_it_was_taken_back() -> None:
    assert Case(bulk=True).told(2, 1, 0).wrote("lamp-1").judged() == []
    (found,) = Case(bulk=True).told(2, 1, 0).wrote("lamp-1", "lamp-2").judged()
    assert "was taken back on 2 of 3 devices, and was written on 2" in found
    case = Case(bulk=True).note("cancel_asked", ID).wrote("lamp-1")
    case.note("answered_bulk", ID, DEVICES, [CANCELLED] * 3, ["withdrawn"] * 3)
    (found,) = judge(case.history, case.log, DEVICES)
    assert "is told to be CANCELLED on lamp-1, and was written" in found


def test_a_client_of_a_simulated_city_takes_back_what_waits_for_its_cell() -> None:
    async def story(city: SimulatedCity) -> object:
        client = city.client("ann")
        await client.cancel(b"x" * 16, city.scheduler.now_ns + 10**9)
        city.warden.keep_away("device-1", 7.0)
        city.kill("device-1")
        device = next(d.id for d in city.spec.devices if d.zone == "north")
        deadline = city.scheduler.now_ns + 3 * 10**9
        work = client.set(f"{device}/setpoint", 5.0, id=ID, deadline_ns=deadline)
        waiting = client.process.loop.create_task(work)
        await client.query("hello")
        await client.cancel(ID, deadline)
        return await waiting

    city = SimulatedCity(standard_city(), 3)
    outcome: Any = city.run(story)
    assert outcome.status is Status.CANCELLED
    assert not city.field.log
    assert taken_back_of(city.history)["ann", ID.hex()].in_time
    (refused,) = city.history.of("cancel_refused")
    assert refused.facts == ((b"x" * 16).hex(), "unknown_id")
    stories = stories_of(city.history)
    assert judge_cancels(city.history, city.field.log, city.disk, stories, DEVICES) == []
