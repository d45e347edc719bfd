"""A journal that survives nothing: for cities without a state folder, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jacquemart.runtime.model.errors import JournalError, UsageError
from jacquemart.runtime.model.record import Draft, Record, RecordKind
from jacquemart.runtime.store.format import pack_body, unpack_body
from jacquemart.runtime.store.journal import Done, Opened


class MemoryJournal:
    """Implements :class:`jacquemart.runtime.store.journal.Journal`; nothing is ever durable."""

    def __init__(
        self,
        zone: str,
        epoch: int,
        post: Callable[[Callable[[], object]], object],
        wall_ns: Callable[[], int],
    ) -> None:
        """Be empty. ``post`` has the loop call something soon (``loop.call_soon``)."""
        self.zone = zone
        self.epoch = epoch
        self.records: list[Record] = []
        self.state = b""
        self.fault: JournalError | None = None
        """Tests set it, and take it away."""
        self._next = 1
        self._post = post
        self._wall_ns = wall_ns

    @classmethod
    def open(
        cls,
        zone: str,
        post: Callable[[Callable[[], object]], object],
        wall_ns: Callable[[], int],
        epoch: int = 1,
    ) -> Opened:
        """Return a new journal, which has its OPENED record."""
        journal = cls(zone, epoch, post, wall_ns)
        journal.append([Draft(RecordKind.OPENED, {"epoch": epoch})], lambda error: None)
        return Opened(journal, b"", tuple(journal.records))

    def append(self, drafts: Sequence[Draft], done: Done) -> int:
        """Keep records; ``done`` is called in the next turn of the loop.

        Bodies come back as from a disk: a tuple as a list, for one.

        Raises:
            UsageError: there is no record, or one that no journal can hold.
        """
        try:
            bodies = [unpack_body(pack_body(draft.body)) for draft in drafts]
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"a journal cannot hold that: {error}") from error
        if not bodies:
            raise UsageError("an append needs a record")
        fault = self.fault
        if fault is not None:
            self._post(lambda: done(fault))
            return 0
        now = self._wall_ns()
        for draft, body in zip(drafts, bodies, strict=True):
            self.records.append(Record(self._next, self.epoch, now, draft.kind, body))
            self._next += 1
        self._post(lambda: done(None))
        return self._next - 1

    def snapshot(self, state: bytes, upto: int) -> None:
        """Keep the state, and forget the records that made it.

        Raises:
            UsageError: there is no record ``upto``.
        """
        if not 0 < upto < self._next:
            raise UsageError(f"record {upto} is not there: it cannot be in a snapshot")
        self.state = state
        self.records = [record for record in self.records if record.sequence > upto]

    def close(self) -> None:
        """Do nothing: nothing was open."""
