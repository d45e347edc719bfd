"""The permit to write to a shard's links: its lease's gate, and who is not restored yet.

Asked by the writer of a link right before the driver's call, in the same turn of the loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from jacquemart.native.lease import Gate
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.clock import Clock, SystemClock


class GateLike(Protocol):
    """What a permit needs of a gate; see ``native.lease``."""

    @property
    def until_ns(self) -> int:
        """Until when it is open, or was."""
        ...

    @property
    def sealed(self) -> bool:
        """Whether it is shut for ever."""
        ...

    def extend(self, until_ns: int) -> None:
        """Keep it open until then."""
        ...

    def close(self) -> None:
        """Shut it."""
        ...

    def seal(self) -> None:
        """Shut it for ever."""
        ...

    def open(self) -> bool:
        """Return whether it is open now."""
        ...

    def left_ns(self) -> int:
        """Return how long it stays open."""
        ...


class ClockGate:
    """A gate by another clock than the machine's: for cities in virtual time."""

    def __init__(self, clock: Clock) -> None:
        """Be shut."""
        self.until_ns = 0
        self.sealed = False
        self._clock = clock

    def extend(self, until_ns: int) -> None:
        """Keep it open until then; a sealed one stays shut."""
        if not self.sealed:
            self.until_ns = max(self.until_ns, until_ns)

    def close(self) -> None:
        """Shut it."""
        self.until_ns = 0

    def seal(self) -> None:
        """Shut it for ever."""
        self.sealed, self.until_ns = True, 0

    def open(self) -> bool:
        """Return whether it is open now."""
        return self.left_ns() > 0

    def left_ns(self) -> int:
        """Return how long it stays open."""
        return max(0, self.until_ns - self._clock.boot_ns()) if self.until_ns else 0


class Permit:
    """Whether writes of a shard may leave, and why not."""

    def __init__(self, clock: Clock) -> None:
        """Allow nothing yet."""
        self.gate: GateLike = Gate() if isinstance(clock, SystemClock) else ClockGate(clock)
        self.unrestored: set[DeviceActor] = set()
        """Devices that do not know yet what stood before them: holds, setpoints, state."""
        self.why = "the zone has not granted the shard yet"
        """What to say while the gate is shut."""
        self.losses = 0
        """How often the lease has been lost."""
        self.refused = 0
        """Writes that were not sent."""

    def restored(self, actors: Iterable[DeviceActor]) -> None:
        """Take note that devices know what stood before them."""
        self.unrestored.difference_update(actors)
        if not self.unrestored:
            self.unrestored.clear()  # gives back its memory, which the above does not

    def refusal(self, actor: DeviceActor, losses: int) -> str | None:
        """Return why a write of this device may not leave now; None: it may.

        ``losses``: what ``self.losses`` was when the write came. Nothing that waited while there
        was no lease is sent when it is back: others may have given it up.
        """
        if not self.gate.open():
            return self.why if not self.gate.until_ns else "the lease ran out while nobody looked"
        if losses != self.losses:
            return "the lease was lost while it waited"
        if self.unrestored and actor in self.unrestored:
            return "what stood before the device is not restored yet"
        return None
