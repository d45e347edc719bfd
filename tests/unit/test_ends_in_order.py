"""Ends are written in the order in which they became known, also when the disk refuses some."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.cell.carried import outcome_of
from jacquemart.runtime.cell.zone_desk import ZoneDesk
from jacquemart.runtime.kernel.lifecycle import End, Entry, Event
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.errors import JournalFull
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.wire.messages import ClaimCommand

NOW = 10**12
Done = Callable[[Any], object]


class Bench:
    """A zone's desk whose disk and whose cells do as they are told."""

    def __init__(self) -> None:
        self.disk: list[tuple[Draft, Done]] = []
        self.sent: list[Entry] = []
        self.timers: list[Callable[[], object]] = []
        self.answers: list[tuple[int, int]] = []
        dispatcher = SimpleNamespace(send=lambda _, entry: self.sent.append(entry), drop=_nothing)
        self.around: Any = SimpleNamespace(
            clock=SimpleNamespace(boot_ns=lambda: NOW, wall_ns=lambda: NOW),
            loop=SimpleNamespace(call_later=lambda _, call: self.timers.append(call)),
            dispatcher=dispatcher, refusals={}, reached=_nothing, ended=_nothing,
            append=lambda _, draft, done, hurry=True: self.disk.append((draft, done)),
        )  # fmt: skip
        book: Any = SimpleNamespace(zone="north", state=ZoneState(), fault=None)
        self.desk = ZoneDesk(book, self.around)

    def take(self, number: int, *, hold: bool = False) -> None:
        about = (
            number.to_bytes(16, "big"), "ann", "lamp-1", "hold" if hold else "set", "level",
            float(number), "", 8, NOW + 10**9, 0,
        )  # fmt: skip
        made = ClaimCommand(*about, 0, -1, "") if hold else frames.Command(*about)

        def answered(frame: bytes) -> None:
            self.answers.append((number, frames.decode_outcome(frame).status))

        self.desk.take(made, None, answered)
        self.flush()

    def end(self, number: int) -> None:
        """Have the cell tell the end of a command."""
        (entry,) = (one for one in self.sent if one.key[1] == number.to_bytes(16, "big"))
        end = End(Status.APPLIED, "ok", "")
        entry.frame = outcome_of(entry.payload, end, NOW, NOW)
        self.desk.happen(entry, Event.OUTCOME)

    def flush(self, error: Exception | None = None) -> list[int]:
        """Have the disk answer all that waits; return whose ends were written."""
        disk, self.disk = self.disk, []
        for _, done in disk:
            done(error)
        ended = [draft.body["id"] for draft, _ in disk if draft.kind is RecordKind.ENDED]
        return [int.from_bytes(id, "big") for id in ended]


def _nothing(*_: Any) -> None: ...


def test_an_end_that_a_full_disk_refused_is_written_before_those_that_came_later() -> None:
    bench = Bench()
    for number in (1, 2, 3):
        bench.take(number)
    bench.end(1)
    assert bench.flush(JournalFull("no room is left")) == [1]
    bench.end(2)
    assert bench.flush() == [], "the first one is tried again before"
    (again,) = bench.timers
    again()
    assert bench.flush() == [1, 2]
    bench.end(3)
    assert bench.flush() == [3]
    assert bench.answers == [(1, 0), (2, 0), (3, 0)]
    assert bench.desk.admissions.live == {}


def test_a_zone_that_leaves_writes_the_ends_that_were_refused() -> None:
    bench = Bench()
    bench.take(1)
    bench.end(1)
    bench.flush(JournalFull("no room is left"))
    bench.desk.close()
    assert bench.flush() == [1]


def test_a_claim_is_told_when_its_end_is_on_disk_and_to_all_who_asked_meanwhile() -> None:
    bench = Bench()
    bench.take(1, hold=True)
    bench.end(1)
    assert bench.answers == []
    bench.take(1, hold=True)  # the same again, and the disk goes on
    assert bench.answers == [(1, 0), (1, 0)]

    bench.take(2, hold=True)
    bench.end(2)
    assert bench.flush(JournalFull("no room is left")) == [2]
    key = ("ann", (2).to_bytes(16, "big"))
    assert bench.desk.stage_of(key) == ("accepted", b"")
    assert bench.answers[2:] == []
    bench.timers[-1]()
    assert bench.flush() == [2]
    assert bench.answers[2:] == [(2, 0)]


def test_a_zone_that_leaves_tells_no_claim_whose_end_is_not_on_disk() -> None:
    bench = Bench()
    bench.take(1, hold=True)
    bench.end(1)
    bench.desk.close()
    assert bench.answers == []
    bench.flush()
    assert bench.answers == [(1, 0)]
