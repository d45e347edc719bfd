"""What becomes of a command that comes to its zone: new, known, or refused. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from jacquemart.runtime.kernel.command_window import CommandWindow, Key
from jacquemart.runtime.kernel.lifecycle import End, Entry
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.outcome import Reason, Status

#: Commands of a zone without a durable end, and their bytes; more are refused as BUSY.
MOST_COMMANDS = 20_000
MOST_BYTES = 32 * 2**20
#: Commands that are remembered in any case since their deadline lies ahead.
MOST_REMEMBERED = 400_000
#: Of what may wait, the last tenth is for life safety alone.
COMMON_SHARE = 0.9
#: With more live than this, a zone is crowded …
CROWD = 500
#: … and says BUSY if it has been for so long, and needs longer than ``CLEARED_S`` for all of them:
#: what it took besides would come to its deadline before its turn.
PATIENCE_NS = 1_000_000_000
CLEARED_S = 2.0
#: A refused sender shall try again after so long, at least and at most.
RETRY_LEAST_MS, RETRY_MOST_MS = 20, 2_000


class Admission(NamedTuple):
    """Exactly one of these is set."""

    entry: Entry | None = None
    """It is new: append its ACCEPTED record."""
    running: Entry | None = None
    """It is known and has no end yet: wait for the same end."""
    frame: bytes = b""
    """It is known, and this OUTCOME is its end."""
    refusal: End | None = None
    """It is not accepted, and this is why."""


class Admissions:
    """The commands of one zone that have no durable end."""

    def __init__(self, window: CommandWindow) -> None:
        """Know what ``window`` remembers; it is read and never changed here."""
        self.window = window
        self.live: dict[Key, Entry] = {}
        self.bytes = 0
        self.entered = 0
        self.crowded = False
        """More wait than come to their ends in time, as of the last ``look``."""
        self.behind = False
        """What comes waits too long before it is even read; set by who reads it."""
        self._crowded_ns = 0
        """Since when it has been full of commands; 0: it is not."""
        self.ends = 0
        self._looked_ns = 0
        self._per_s = 0.0
        """Ends a second, lately."""
        self.ended_at = 0
        self.each_ms = 1.0
        """How long it takes lately from one end to the next."""

    def admit(
        self, key: Key, digest: bytes, deadline_ns: int, priority: int, size: int, now: int,
        fault: str, payload: Any,
    ) -> Admission:  # fmt: skip
        """Say what becomes of a command; a new one is live from now on.

        Args:
            key: principal and id.
            digest: of its content (``command_window.digest_of``).
            deadline_ns: boot-time.
            priority: 1 to 16; 1 and 2 may use what is kept for them.
            size: of what must be kept for it, in bytes.
            now: boot-time.
            fault: why nothing can be accepted; empty: all is well.
            payload: the shell's.
        """
        live = self.live.get(key)
        if live is not None:
            if live.digest != digest:
                return Admission(refusal=_OTHER)
            return Admission(frame=live.told) if live.told else Admission(running=live)
        known = self.window.ended.get(key)
        if known is not None:
            same = known.digest == digest
            return Admission(frame=known.frame) if same else Admission(refusal=_OTHER)
        refusal = self._refusal(deadline_ns, priority, size, now, fault)
        if refusal is not None:
            return Admission(refusal=refusal)
        entry = Entry(key, digest, deadline_ns, now, size, payload)
        self.enter(entry)
        return Admission(entry=entry)

    def enter(self, entry: Entry) -> None:
        """Have a command live: a new one, or one that was accepted before a restart."""
        self.live[entry.key] = entry
        self.bytes += entry.size
        self.entered += 1
        entry.number = self.entered

    def forget(self, entry: Entry, now: int) -> None:
        """Drop a command that the journal has the end of, or never had."""
        if self.live.pop(entry.key, None) is None:
            return
        self.bytes -= entry.size
        self.ends += 1
        if self.ended_at:
            each_ms = min(1_000.0, (now - self.ended_at) / 1e6)
            self.each_ms += (each_ms - self.each_ms) / 64
        self.ended_at = now

    def look(self, now: int) -> None:
        """Find out whether there are too many; call it a few times a second."""
        if self._looked_ns and now > self._looked_ns:
            per_s = self.ends * 1e9 / (now - self._looked_ns)
            self._per_s += (per_s - self._per_s) / 2
        self.ends, self._looked_ns = 0, now
        live = len(self.live)
        if live <= CROWD:
            self._crowded_ns, self.crowded = 0, False
            return
        self._crowded_ns = self._crowded_ns or now
        late = live > CLEARED_S * self._per_s
        self.crowded = late and now - self._crowded_ns >= PATIENCE_NS

    def _refusal(
        self, deadline_ns: int, priority: int, size: int, now: int, fault: str
    ) -> End | None:
        if deadline_ns <= now:
            if 0 < self.window.low_water_ns >= deadline_ns:
                return _TOO_OLD
            late = f"{(now - deadline_ns) / 1e6:.0f} ms late at its zone; it was never accepted"
            return End(Status.EXPIRED, Reason.DEADLINE, late)
        if fault:
            return End(Status.REJECTED, Reason.JOURNAL, f"{fault}; nothing was accepted, retry")
        common = priority > LIFE_SAFETY
        share = COMMON_SHARE if common else 1.0
        if (
            (common and (self.crowded or self.behind))
            or len(self.live) >= MOST_COMMANDS * share
            or self.bytes + size > MOST_BYTES * share
            or self.window.full(int(MOST_REMEMBERED * share), now)
        ):
            wait_ms = min(RETRY_MOST_MS, max(RETRY_LEAST_MS, len(self.live) * self.each_ms / 2))
            detail = f"{len(self.live)} commands wait in its zone; retry in {wait_ms:.0f} ms"
            return End(Status.REJECTED, Reason.BUSY, detail)
        return None


_OTHER = End(Status.REJECTED, Reason.DUPLICATE_ID, "this id came before with other content")
_TOO_OLD = End(
    Status.REJECTED, Reason.TOO_OLD,
    "its deadline lies before what is remembered, so nobody can tell what became of it; it was "
    "not executed now",
)  # fmt: skip
