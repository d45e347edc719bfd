"""The command centre: aggregates zones, and commands them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from jacquemart.runtime.actor.supervisor import CentreSupervisor
from jacquemart.runtime.model.event import Event

#: Events kept in sight.
EVENTS_KEPT = 500


class CommandCentre(CentreSupervisor):
    """One for the city. Zones go on without it."""

    __slots__ = ("_events",)

    def on_start(self) -> None:
        """Begin with nothing in sight."""
        self._events: OrderedDict[tuple[int, str, str], Event] = OrderedDict()

    def take_event(self, event: Event) -> None:
        """Keep an event of a zone in sight; a zone's successor may tell it again."""
        self._events.setdefault((event.time_ns, event.name, event.subject), event)
        if len(self._events) > EVENTS_KEPT:
            self._events.popitem(last=False)

    def recent(self, number: int) -> list[list[Any]]:
        """Return the newest events, newest first."""
        newest = list(self._events.values())[-number:] if number > 0 else []
        return [event.as_list() for event in reversed(newest)]
