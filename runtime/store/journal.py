"""The journal of one zone, as the runtime sees it; engines stand behind this.

*Rules for engines.* ``append`` never blocks the loop. Records get their numbers in the order of
the calls, and become durable in that order. ``done`` is called on the loop, once: with None when
the records are on disk, or with an error when they certainly count for nothing. An engine that
cannot tell whether records are on disk (an error of ``fsync``) must find out by reading before it
says anything, or end as broken. Nothing is acknowledged twice, and nothing silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, Record

Done = Callable[[JournalError | None], object]


class Journal(Protocol):
    """One zone's journal, open and owned by this process."""

    zone: str

    @property
    def epoch(self) -> int:
        """Of this owner; larger than that of every owner before. See ``JournalFenced``.

        0 for one that could not take over, since the journal is corrupt or the disk full.
        """
        ...

    @property
    def fault(self) -> JournalError | None:
        """Why nothing can be appended now; None while all is well."""
        ...

    def append(self, drafts: Sequence[Draft], done: Done) -> int:
        """Write records, all or none; return the number of the last.

        If there is a ``fault`` already, ``done`` gets it (later, on the loop) and the number is 0.
        Appends that come while one is being written go to disk together (group commit).
        """
        ...

    def snapshot(self, state: bytes, upto: int) -> None:
        """Keep ``state`` as what the records up to number ``upto`` make; older records may go."""
        ...

    def close(self) -> None:
        """Write what was appended, and close; idempotent. Blocks as long as the disk does."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that was just opened, and what it has."""

    journal: Journal
    state: bytes
    """The last snapshot; empty if there is none."""
    records: Sequence[Record]
    """All records after the snapshot, in order; the last one is the OPENED of this owner, unless
    there is a ``fault`` already."""
