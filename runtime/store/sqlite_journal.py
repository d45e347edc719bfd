"""The durable journal, as the loop sees it; the work is done by its writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jacquemart.runtime.model.errors import JournalError, UsageError
from jacquemart.runtime.model.record import Draft
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.format import pack_body
from jacquemart.runtime.store.intake import Intake, Task
from jacquemart.runtime.store.journal import Done
from jacquemart.runtime.store.lock import OwnerLock
from jacquemart.runtime.store.settings import StoreSettings
from jacquemart.runtime.store.writer import Writer


class SqliteJournal:
    """Implements :class:`jacquemart.runtime.store.journal.Journal`; see ``open_journal``."""

    def __init__(
        self,
        zone: str,
        database: Database,
        lock: OwnerLock,
        intake: Intake,
        writer: Writer | None,
        settings: StoreSettings,
        *,
        post: Callable[[Callable[[], object]], object],
        wall_ns: Callable[[], int],
    ) -> None:
        """Take over open parts; without a writer it can only be read."""
        self.zone = zone
        self._database = database
        self._lock = lock
        self._intake = intake
        self._writer = writer
        self._settings = settings
        self._post = post
        self._wall_ns = wall_ns

    @property
    def epoch(self) -> int:
        """Of this owner; 0 while it could not take over. Larger than of every owner before."""
        return self._database.epoch

    @property
    def fault(self) -> JournalError | None:
        """Why nothing can be appended now; None while all is well."""
        return self._intake.fault

    @property
    def durable(self) -> int:
        """The number of the last record that is on disk."""
        return self._writer.tip.sequence if self._writer is not None else 0

    def append(self, drafts: Sequence[Draft], done: Done) -> int:
        """Write records, all or none; return the number of the last. See ``Journal.append``.

        Raises:
            UsageError: there is no record, or one that no journal can hold.
        """
        longest, size, bodies = self._settings.record_bytes, 0, []
        try:
            for draft in drafts:
                body = pack_body(draft.body)
                if len(body) > longest:
                    raise UsageError(f"a record of a journal may have {longest:,} bytes")
                size += len(body)
                bodies.append((int(draft.kind), body))
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"a journal cannot hold that: {error}") from error
        if not bodies:
            raise UsageError("an append needs a record")
        taken = self._intake.put(bodies, size, self._wall_ns(), done)
        if isinstance(taken, int):
            return taken
        self._post(lambda: done(taken))
        return 0

    def snapshot(self, state: bytes, upto: int) -> None:
        """Keep ``state`` as what the records up to number ``upto`` make; older records may go.

        It is written in the background. If that fails, the one before stays, with its records.

        Raises:
            UsageError: record ``upto`` is not on disk.
        """
        if not 0 < upto <= self.durable:
            raise UsageError(f"record {upto} is not on disk: it cannot be in a snapshot")
        self._intake.request(Task(bytes(state), upto, self._wall_ns()))

    def close(self) -> None:
        """Write what was appended, and close; idempotent. Blocks as long as the disk does."""
        self._intake.close()
        if self._writer is not None:
            self._writer.join()
        self._lock.close()
