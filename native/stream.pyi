"""Typed stub of the native ends of a reading stream."""

from typing import Final, final

import zmq

from jacquemart.native.pump import Pump
from jacquemart.native.table import PointTable

#: Readings in one frame, unless somebody says otherwise: 240 kB.
ROWS_A_FRAME: Final[int]

@final
class Feed:
    """The way of one topic's batches into a table. Paused at first.

    Once armed with a position, a ``BatchIntake`` stores the batch that follows it, and the one
    that follows that. At anything else on the topic (a heartbeat, a gap, another epoch, a slot
    that the table does not have, a frame that is not sound) it pauses, and hands on that message
    and all that come behind it, until somebody who has judged them arms the feed again.
    """

    def __init__(self, topic: bytes, table: PointTable) -> None:
        """``topic``: 1 to 255 bytes, else ValueError. A table that is ``judged`` gets nothing."""
    def arm(self, epoch: int, sequence: int) -> None:
        """Store what follows this position, from now on."""
    def pause(self) -> None:
        """Store nothing until ``arm``; idempotent."""
    @property
    def topic(self) -> bytes: ...
    @property
    def table(self) -> PointTable: ...
    @property
    def live(self) -> bool:
        """Whether the next batch may be stored."""
    @property
    def epoch(self) -> int: ...
    @property
    def sequence(self) -> int:
        """Number of the last batch in the table, as far as it is known here."""
    @property
    def batches(self) -> int:
        """Batches stored here so far."""
    @property
    def readings(self) -> int:
        """Readings in them."""

@final
class BatchIntake:
    """A pump for an XSUB that stores the batches of armed feeds, and hands on everything else.

    One thread. Nothing is stored that ``frames.decode_batch`` or ``PointTable.apply_batch`` would
    refuse, and a batch is stored whole or not at all.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None: ...
    def add(self, feed: Feed) -> None:
        """Know a topic; the feed that had it before is forgotten. ValueError: the feed has an
        intake already."""
    def remove(self, feed: Feed) -> None:
        """Know a topic no more; idempotent."""
    def receive(self, limit: int = 256) -> list[tuple[bytes, ...]]:
        """Store what waits; return up to ``limit`` messages that are for somebody else, of which
        at most four parts are kept. Ends after 4,096 messages or 65,536 readings, about a
        millisecond: ``more`` then. Never blocks; runs without the GIL. Raises as ``Pump``."""
    @property
    def more(self) -> bool:
        """Whether the last ``receive`` ended before it knew that nothing waits."""
    def touched(self) -> list[Feed]:
        """Return the feeds that stored something since this was last asked."""
    def send(self, *parts: bytes) -> bool: ...
    @property
    def readable(self) -> bool: ...
    @property
    def fd(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def sent(self) -> int: ...

def send_batches(
    pump: Pump, table: PointTable, topic: bytes, epoch: int, sequence: int, rows: int = ...
) -> int:
    """Send what is dirty in a table as batches of at most ``rows`` readings, numbered from
    ``sequence`` on, and clear it; return how many numbers were used. The same readings, in the
    same order, as ``drain``. Never blocks. What does not leave (at the socket's high-water mark, or
    for want of memory) is lost, and its number is used all the same, so that followers see a gap;
    what would come after it is lost with it. ValueError: a topic that is not 1 to 255 bytes, or
    rows that are not 1 to 524,288. Raises zmq.ZMQError for a closed socket, and nothing is cleared
    then."""
