"""What a site has to tell and could not: kept in order through an outage. Pure.

RSMP core 3.2.2, "Communication disruption": alarms and the aggregated status are buffered, of
statuses those that are configured; first in, first out; at least 10,000 messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

#: Messages kept; when it is full the oldest goes.
SIZE: Final = 10_000
#: Messages that are sent before the first of them is acknowledged.
WINDOW: Final = 100


class Late(NamedTuple):
    """A message that could not be told: its type and its fields, without an id."""

    kind: str
    fields: Mapping[str, Any]


def aged(late: Late) -> Late:
    """Return a message as it is told after an outage: its statuses are old by then."""
    if late.kind != "StatusUpdate":
        return late
    rows = [{**row, "q": "old"} if row["q"] == "recent" else row for row in late.fields["sS"]]
    return Late(late.kind, {**late.fields, "sS": rows})


class Backlog:
    """The messages that wait."""

    def __init__(self, size: int = SIZE) -> None:
        """Start empty."""
        self._late: deque[Late] = deque(maxlen=size)
        self.lost = 0
        """Messages that went since there were too many."""

    def __len__(self) -> int:
        return len(self._late)

    def add(self, late: Late) -> None:
        """Keep a message behind all others."""
        if len(self._late) == self._late.maxlen:
            self.lost += 1
        self._late.append(late)

    def put_back(self, unacknowledged: Iterable[Late]) -> None:
        """Keep messages before all others: they were sent, and nobody said that they came."""
        room = (self._late.maxlen or 0) - len(self._late)
        again = [aged(late) for late in unacknowledged]
        self.lost += max(0, len(again) - room)
        self._late.extendleft(reversed(again[max(0, len(again) - room) :]))

    def next(self) -> Late | None:
        """Take the oldest message, which is to be sent now."""
        return self._late.popleft() if self._late else None

    def forget(self, told: Iterable[Mapping[str, Any]]) -> None:
        """Drop alarms that say just what was told now (same event, same time)."""
        known = [dict(fields) for fields in told]
        kept = [
            late for late in self._late if late.kind != "Alarm" or dict(late.fields) not in known
        ]
        self._late.clear()
        self._late.extend(kept)

    def all(self) -> list[Late]:
        """Return what is kept, oldest first."""
        return list(self._late)
