"""The native ends of a reading stream in plain Python, on the checked decoders and the table."""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.native import frames
from jacquemart.native.table import PointTable

Message = tuple[bytes, ...]


@dataclass(slots=True)
class OracleFeed:
    """One topic: its table and its position."""

    topic: bytes
    table: PointTable
    epoch: int = 0
    sequence: int = 0
    batches: int = 0
    readings: int = 0
    live: bool = False

    def arm(self, epoch: int, sequence: int) -> None:
        self.epoch, self.sequence, self.live = epoch, sequence, True

    def pause(self) -> None:
        self.live = False

    def takes(self, message: Message) -> bool:
        """Store a message of this topic if it is the next batch; pause if it is not."""
        if not self.live:
            return False
        self.live = False
        if self.table.judged:
            return False
        try:
            batch = frames.decode_batch(message[1])
        except frames.MalformedFrame:
            return False
        wanted = (self.topic.decode(), self.epoch, self.sequence + 1)
        if (batch.topic, batch.epoch, batch.sequence) != wanted:
            return False
        try:
            self.table.apply_batch(
                batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns
            )
        except (IndexError, ValueError):
            return False
        self.sequence += 1
        self.batches += 1
        self.readings += batch.count
        self.live = True
        return True


class OracleIntake:
    """Stores what the feeds take; everything else is returned, as far as four parts."""

    def __init__(self) -> None:
        self.feeds: dict[bytes, OracleFeed] = {}

    def receive(self, waiting: list[Message]) -> list[Message]:
        found = []
        for message in waiting:
            feed = self.feeds.get(message[0]) if len(message) == 2 else None
            if feed is None or not feed.takes(message):
                found.append(message[:3] + message[-1:] if len(message) > 4 else message)
        return found


def batches_of(
    table: PointTable, topic: bytes, epoch: int, sequence: int, rows: int
) -> list[Message]:
    """Return the messages that tell what is dirty in a table, and clear it."""
    columns = table.drain()
    if columns is None:
        return []
    found = []
    for first in range(0, len(columns[2]), rows):
        part = [
            column[first * width : (first + rows) * width]
            for column, width in zip(columns, (4, 8, 1, 8, 8), strict=True)
        ]
        frame = frames.encode_batch(topic.decode(), epoch, sequence + len(found), *part)
        found.append((topic, frame))
    return found
