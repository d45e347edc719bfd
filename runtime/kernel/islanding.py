"""Whether a zone still has its centre, or goes on by itself (is islanded). Pure.

*Theory.* A centre says once and again that it lives, and how long ago it last heard that the zone
does. Both directions count: who is heard and does not hear is no centre to lean on. Silence is
counted only while somebody looked: a zone that was frozen itself has not lost anybody by that.
Contact must be steady for a while before it counts again, so a link that comes and goes makes no
storm: at least ``STEADY_NS`` lie between two changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: A zone goes on by itself after so much silence (what outstations of traffic systems do, too).
PATIENCE_NS = 4_000_000_000
#: Contact must have been steady for so long before a zone leans on its centre again.
STEADY_NS = 2_000_000_000
#: Contact is steady while no silence is longer than this.
GAP_NS = 1_000_000_000
#: Of the time between two looks no more than this counts: the rest nobody was there to listen.
STEP_NS = 500_000_000


class Change(Enum):
    """What a look has found."""

    LOST = "lost"
    BACK = "back"


@dataclass(slots=True)
class Contact:
    """What one party knows of another one. Begins in contact, with nothing heard yet.

    The same rule serves a zone that listens for its centre, a centre for its zones, and a device
    cell for the zone cell above it.
    """

    now_ns: int
    """When this begins, and later the last look; on the boot-time clock."""
    patience_ns: int = PATIENCE_NS
    steady_ns: int = STEADY_NS
    lost: bool = False
    silent_ns: int = 0
    """Silence so far, as far as it was looked at."""
    held_ns: int = 0
    """For how long contact has been steady."""

    def heard(self, echo_age_ns: int = 0) -> None:
        """Take note of a sign of life from one who last heard us ``echo_age_ns`` ago."""
        self.silent_ns = min(self.silent_ns, max(0, echo_age_ns))

    def look(self, now_ns: int) -> Change | None:
        """Let time go on to ``now_ns``; return what has changed by that."""
        step = min(max(0, now_ns - self.now_ns), STEP_NS)
        self.now_ns = max(self.now_ns, now_ns)
        self.silent_ns += step
        self.held_ns = self.held_ns + step if self.silent_ns <= GAP_NS else 0
        if self.lost and self.held_ns >= self.steady_ns:
            self.lost = False
            return Change.BACK
        if not self.lost and self.silent_ns >= self.patience_ns:
            self.lost = True
            self.held_ns = 0
            return Change.LOST
        return None
