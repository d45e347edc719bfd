"""Typed stub of the native mailbox."""

from collections.abc import Hashable
from typing import Self

from typing_extensions import disjoint_base

SAFETY: int  # 0
COMMANDS: int  # 1
EVENTS: int  # 2
TELEMETRY: int  # 3
LANES: int  # 4

@disjoint_base
class Mailbox:
    """An actor's inbox: four bounded priority lanes, FIFO inside a lane.

    ``take`` prefers the lowest lane number, but while lower-priority lanes wait, one take in 16
    serves the longest-waiting of them (no starvation). An empty mailbox allocates no ring; a
    ring grows on demand up to its capacity. TELEMETRY conflates by key: posting a key that waits
    replaces the waiting message in its place (and counts ``conflated``); a full telemetry lane
    drops its oldest (counts ``dropped``). A full SAFETY, COMMANDS or EVENTS lane refuses (False),
    as does any lane of capacity 0 (counts ``refused``).
    """

    def __new__(
        cls, safety: int = 64, commands: int = 256, events: int = 256, telemetry: int = 256
    ) -> Self:
        """Capacities in messages, 0 .. 2**31 - 1, else ValueError."""
    def post(self, lane: int, message: object, key: Hashable | None = None) -> bool:
        """ValueError for an unknown lane or for None, which is what take gives when nothing
        waits; TypeError for an unhashable key. Other lanes than TELEMETRY ignore the key."""
    def take(self) -> object | None: ...
    def depth(self, lane: int) -> int: ...
    def clear(self) -> list[object]:
        """Empty it and return what waited, in the order in which take would not be asked again
        (lane by lane), so that the owner can answer each."""
    @property
    def dropped(self) -> int: ...
    @property
    def conflated(self) -> int: ...
    @property
    def refused(self) -> int: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
