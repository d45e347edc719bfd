"""How a journal's engine behaves; the defaults are meant for production."""

from __future__ import annotations

from dataclasses import dataclass

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Limits and times of one journal. Times are seconds, sizes bytes."""

    waiting_records: int = 20_000
    """Records that may wait for the disk; what comes then is refused at once."""
    waiting_bytes: int = 32 * 1024 * 1024
    """The same in bytes of their bodies."""
    record_bytes: int = 16 * 1024 * 1024
    """The longest body of a record."""
    batch_records: int = 4_096
    """Records that go to disk together, at most."""
    gather_s: float = 0.002
    """While appends come in crowds, a commit begins no sooner than this after the one before:
    fewer, larger commits. A single append never waits."""
    gather_from: int = 4
    """A crowd is so many appends in one commit."""
    checkpoint_pages: int = 1_000
    """Pages (4 KiB) in SQLite's write-ahead log from which on it is moved into the database."""
    idle_s: float = 5.0
    """So long after the last append it is moved, too."""
    wal_bytes: int = 4 * 1024 * 1024
    """The log is made this long at the start: to overwrite costs half of what to extend costs."""
    history_records: int = 200_000
    """Records before the older snapshot that are kept to be looked at, at most."""
    history_s: float = 7 * _DAY_S
    """How long such records are kept, at most."""
    snapshot_part: int = 256 * 1024
    """A snapshot is written in parts of this size, so that appends get in between."""
    probe_first_s: float = 0.05
    """How soon a journal that cannot write tries again; then twice that, and so on …"""
    probe_longest_s: float = 2.0
    """… up to this."""
    most_format: int = 0
    """The newest format that a file is brought to; 0: the newest that there is."""
    lock_s: float = 2.0
    """How long to wait for the end of the owner before."""


DEFAULTS = StoreSettings()
