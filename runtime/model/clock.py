"""The seam for time: nothing in the runtime reads a clock except through this."""

from __future__ import annotations

import time
from typing import Protocol

from jacquemart.native.pump import boot_ns


class Clock(Protocol):
    """Two clocks: one for deadlines and ages, one for what people read."""

    def boot_ns(self) -> int:
        """Return the boot-time clock: monotonic, counts suspend, same for all of a host."""
        ...

    def wall_ns(self) -> int:
        """Return POSIX time in ns; may jump."""
        ...


class SystemClock:
    """The clocks of the machine."""

    def boot_ns(self) -> int:
        """Return CLOCK_BOOTTIME in ns."""
        return boot_ns()

    def wall_ns(self) -> int:
        """Return CLOCK_REALTIME in ns."""
        return time.time_ns()
