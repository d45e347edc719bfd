"""A simulated disk: journals that are durable when a flush has ended, and not one moment before.

*What is real in it.* Appends that come while one flush is under way go together in the next. A
crash of the owner keeps a part of what was not flushed, from the front (its pages may have been
written, and a torn record at the end counts for nothing). A full disk refuses before anything is
written; an error of the disk leaves open what was written until the journal has looked.
*What is not:* files, bytes and hashes. Those are the store's own tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jacquemart.runtime.model.errors import JournalError, JournalFenced, JournalFull
from jacquemart.runtime.model.record import Draft, Record, RecordKind
from jacquemart.runtime.store.journal import Done, Opened
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler

FLUSH_S = 0.0004
#: What the disk does to the journals while it is at fault.
FAULTS = ("full", "error", "slow")


@dataclass(slots=True)
class StoredJournal:
    """What a disk has of one zone's journal."""

    zone: str
    epoch: int = 0
    state: bytes = b""
    upto: int = 0
    """The last record that is in ``state``."""
    records: list[Record] = field(default_factory=list)
    """Durable, all that there ever were, for the judge of the history."""
    owner: SimulatedJournal | None = None


class SimulatedDisk:
    """The disk of a simulated host."""

    def __init__(self, scheduler: Scheduler) -> None:
        """Be empty and well."""
        self.scheduler = scheduler
        self.journals: dict[str, StoredJournal] = {}
        self.fault = ""
        """One of ``FAULTS``, or nothing."""
        self.flushes = 0
        self.rng = scheduler.chance("disk")

    def open(self, zone: str, process: SimulatedProcess) -> Opened:
        """Open a zone's journal for a process, which owns it from now on."""
        stored = self.journals.setdefault(zone, StoredJournal(zone))
        if stored.owner is not None:
            stored.owner.fence()
        stored.epoch += 1
        journal = SimulatedJournal(self, stored, process)
        number = stored.records[-1].sequence + 1 if stored.records else 1
        body = {
            "epoch": stored.epoch, "boot_id": "simulated", "version": "simulated",
            "boot_ns": self.scheduler.boot_ns(), "wall_ns": self.scheduler.wall_ns(),
        }  # fmt: skip
        opened = Record(number, stored.epoch, self.scheduler.wall_ns(), RecordKind.OPENED, body)
        stored.records.append(opened)
        stored.owner = journal
        journal.next = number + 1
        records = tuple(record for record in stored.records if record.sequence > stored.upto)
        return Opened(journal, stored.state, records)

    def flush_s(self) -> float:
        """Return how long the next flush takes, in seconds."""
        if self.fault == "slow":
            return 0.2 + 0.5 * self.rng.random()
        return FLUSH_S * (0.5 + self.rng.random())


class SimulatedJournal:
    """Implements :class:`jacquemart.runtime.store.journal.Journal`."""

    def __init__(
        self, disk: SimulatedDisk, stored: StoredJournal, process: SimulatedProcess
    ) -> None:
        """Be owned by a process; see :meth:`SimulatedDisk.open`."""
        self.zone = stored.zone
        self.epoch = stored.epoch
        self.next = 1
        self._disk = disk
        self._stored = stored
        self._process = process
        self._fault: JournalError | None = None
        self._waiting: list[tuple[list[Record], Done]] = []
        self._flushing: list[tuple[list[Record], Done]] = []
        self._closed = False
        process.on_death.append(self._crash)

    @property
    def fault(self) -> JournalError | None:
        """Why nothing can be appended now."""
        if self._fault is None and self._disk.fault == "full":
            return JournalFull("no room is left", where=f"journal of {self.zone}")
        return self._fault

    def append(self, drafts: Sequence[Draft], done: Done) -> int:
        """Write records, all or none; ``done`` is called when they are durable."""
        fault = self.fault
        if fault is not None or self._closed:
            self._post(done, fault or JournalError("the journal is closed", where=self.zone))
            return 0
        wall = self._disk.scheduler.wall_ns()
        records = [
            Record(number, self.epoch, wall, draft.kind, dict(draft.body))
            for number, draft in enumerate(drafts, self.next)
        ]
        self.next += len(records)
        self._waiting.append((records, done))
        if not self._flushing:
            self._flush()
        return self.next - 1

    def snapshot(self, state: bytes, upto: int) -> None:
        """Keep a state; the records that made it may go."""
        if self._stored.owner is self:
            self._stored.state, self._stored.upto = state, upto

    def close(self) -> None:
        """Write what was appended, and close."""
        if self._closed:
            return
        self._closed = True
        for records, done in (*self._flushing, *self._waiting):
            self._keep(records, done)
        self._flushing, self._waiting = [], []
        self._let_go()

    def fence(self) -> None:
        """Refuse everything from now on: somebody else has opened the journal."""
        self._fault = JournalFenced("another owner has opened it", where=f"journal of {self.zone}")

    def _flush(self) -> None:
        self._flushing, self._waiting = self._waiting, []
        self._disk.flushes += 1
        self._disk.scheduler.after(self._disk.flush_s(), self._flushed)

    def _flushed(self) -> None:
        """End a flush: the kernel does, also for a process that is frozen."""
        if not self._process.alive or self._closed:
            return
        flushed, self._flushing = self._flushing, []
        if self._stored.owner is not self:
            self._refuse(flushed, self._fault)
        elif self._disk.fault == "error":
            # What is found on the disk afterwards is what counts: a part, from the front.
            kept = int(self._disk.rng.random() * (len(flushed) + 1))
            for records, done in flushed[:kept]:
                self._keep(records, done)
            error = JournalError("the disk reports an error", where=f"journal of {self.zone}")
            self._refuse([*flushed[kept:], *self._waiting], error)
            self._waiting = []
            self.next = self._stored.records[-1].sequence + 1
        else:
            for records, done in flushed:
                self._keep(records, done)
        if self._waiting:
            self._flush()

    def _keep(self, records: list[Record], done: Done) -> None:
        self._stored.records.extend(records)
        self._post(done, None)

    def _refuse(
        self, batches: Sequence[tuple[list[Record], Done]], error: JournalError | None
    ) -> None:
        for _, done in batches:
            self._post(done, error)

    def _post(self, done: Done, error: JournalError | None) -> None:
        call: Callable[[], object] = lambda: done(error)  # noqa: E731
        self._process.loop.call_soon(call)

    def _crash(self) -> None:
        """Lose what was not flushed, but for some of it."""
        left = [*self._flushing, *self._waiting]
        if self._stored.owner is self and left:
            for records, _ in left[: int(self._disk.rng.random() * (len(left) + 1))]:
                self._stored.records.extend(records)
        self._flushing, self._waiting = [], []
        self._let_go()

    def _let_go(self) -> None:
        if self._stored.owner is self:
            self._stored.owner = None
