"""Claims: who may move a point or a device, at which priority, why, and until when.

Sixteen slots a writable point with the meanings of BACnet (ANSI/ASHRAE 135, clause 19.2):
1 manual life safety, 2 automatic life safety, 5 critical equipment control, 6 minimum on and off
times, 8 manual operator; the others are free. A lower number is stronger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Commands at these priorities pass reservations and lock-outs.
LIFE_SAFETY = 2
#: The slot of a maintenance lock-out: stronger than everything but life safety.
LOCKOUT_SLOT = 3
#: The slot that the runtime itself uses for minimum on and off times.
MINIMUM_SLOT = 6
#: Verbs of claims.
HOLD, RELEASE, RESERVE, LOCKOUT = "hold", "release", "reserve", "lockout"
CLAIM_VERBS = frozenset((HOLD, RELEASE, RESERVE, LOCKOUT))
#: ``grace_ms`` of a reservation that nobody may take over.
NEVER_PREEMPTED = -1


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that stands.

    A **hold** keeps a point at a value in a slot. A **reservation** (no point) lets nobody but
    its owner command a device, except for life safety; one with a ``grace_ms`` may be taken over
    by a stronger one after that time. A **lock-out** (no point) lets nothing move but life
    safety: somebody works there.
    """

    verb: str
    """``hold``, ``reserve`` or ``lockout``."""
    device: str
    point: str
    """Empty for a whole device."""
    slot: int
    """1 (strongest) to 16."""
    value: float | None
    owner: str
    """The principal who made it."""
    why: str
    until_wall_ns: int = 0
    """POSIX ns at which its lease runs out; 0: until it is released."""
    grace_ms: int = NEVER_PREEMPTED
    id: bytes = b""
    """Of the command that made it."""
    since_wall_ns: int = 0
    """POSIX ns at which it was placed; 0: nobody knows. A set that came later stands above it."""
    until_boot_ns: int = 0
    """Boot-time ns at which its lease runs out, by the clock of who keeps it: this decides, since
    the wall clock may be set. 0: never, or whoever told of it is of an older version."""
    sequence: int = 0
    """Of its ACCEPTED record in its zone's journal, by which one is newer than another; 0: nobody
    knows."""

    @property
    def until_text(self) -> str:
        """Until when it stands, for people."""
        return until_text(self.until_wall_ns)

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain values, as records, snapshots and answers carry it."""
        return {name: getattr(self, name) for name in CLAIM_FIELDS}

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Claim:
        """Return what ``as_plain`` has told; keys that nobody knows are left out.

        Raises:
            TypeError: a key that every claim has is missing.
        """
        return cls(**{name: content[name] for name in CLAIM_FIELDS if name in content})


CLAIM_FIELDS = tuple(Claim.__dataclass_fields__)


def until_text(wall_ns: int) -> str:
    """Return a moment for people, in UTC; 0: until somebody ends it."""
    if not wall_ns:
        return "until it is released"
    return f"until {datetime.fromtimestamp(wall_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"
