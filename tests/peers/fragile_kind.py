"""A device kind that does what no kind should: for tests of who survives it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.kernel.supervision import Intensity, Strategy


class Fragile(DeviceActor):
    """Ends its process, holds its loop, or raises, as it is told."""

    kind = "fragile"
    intensity = Intensity(restarts=3, within_s=30.0)
    restart_strategy = Strategy.REST_FOR_ONE
    points = (Point("level", "%", writable=True, low=0, high=100),)
    open_points = True

    #: Devices whose ``on_start`` raises.
    cannot_start: frozenset[str] = frozenset()
    #: Devices whose ``save`` gives what no journal takes.
    odd: frozenset[str] = frozenset()
    #: How often each was started, in this process.
    starts: ClassVar[dict[str, int]] = {}

    def on_start(self) -> None:
        """Count; fail if this one shall."""
        self.starts[self.id] = self.starts.get(self.id, 0) + 1
        self.counted = getattr(self, "counted", 0)
        if self.id in self.cannot_start:
            raise OSError("cannot start")

    def save(self) -> Mapping[str, Any]:
        """Keep the count."""
        counted = getattr(self, "counted", 0)
        return {"counted": object() if self.id in self.odd else counted}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the count back."""
        self.counted = int(state["counted"])

    @command("count", "counts one more", volatile=True)
    def count(self, ticket: Ticket) -> int:
        """Return how many there are now."""
        self.counted += 1
        return self.counted

    @command("nudge", "sets the level, now or never", Argument("", 0, 100), volatile=True)
    def nudge(self, ticket: Ticket) -> None:
        """Write the level."""
        self.write("level", float(ticket.value or 0.0), ticket)

    @command("kill", "ends the process if the value is 13", Argument("", 0, 100))
    def kill(self, ticket: Ticket) -> None:
        """End the process without a word."""
        if ticket.value == 13:
            os._exit(13)

    @command("crash", "raises", Argument("", 0, 100))
    def crash(self, ticket: Ticket) -> None:
        """Raise."""
        raise ValueError(f"crashed by {ticket.value}")

    @command("hold_loop", "holds the loop for so many seconds", Argument("s", 0, 100))
    def hold_loop(self, ticket: Ticket) -> None:
        """Hold the loop."""
        time.sleep(float(ticket.value or 0.0))
