"""Keep the processors of this host awake while a city runs.

A command wakes a dozen threads on its way, and each of them may find its processor asleep: on a
virtual machine that takes 30 to 100 µs a time, which is most of a round trip between two processes
that have nothing else to do. Linux lets a program ask for less: while ``/dev/cpu_dma_latency`` is
open with a bound in it, no processor enters a state that takes longer to leave (PM QoS,
admin-guide/pm/cpuidle of the kernel's documentation). It costs power, so a city does it only when
it is told to, and on the host of its warden alone.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

#: Only root may write here, unless the host's udev rules say otherwise.
DEVICE = Path("/dev/cpu_dma_latency")
#: No state that takes any time to leave: idle processors look for work instead.
BOUND_US = 0


class Awake:
    """A wish for processors that are awake; it ends with ``close``, or with this process."""

    def __init__(self, device: Path = DEVICE) -> None:
        """Wish nothing yet. ``device`` is a seam for tests."""
        self._device = device
        self._fd = -1

    @property
    def held(self) -> bool:
        """Return whether the wish stands."""
        return self._fd >= 0

    def hold(self) -> str:
        """Keep them awake from now on; return why that cannot be, or nothing."""
        if self.held:
            return ""
        try:
            fd = os.open(self._device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            return f"{self._device}: {os.strerror(error.errno or 0)}"
        try:
            os.write(fd, struct.pack("=i", BOUND_US))
        except OSError as error:
            os.close(fd)
            return f"{self._device}: {os.strerror(error.errno or 0)}"
        self._fd = fd
        return ""

    def close(self) -> None:
        """Let them sleep again; idempotent."""
        if self.held:
            os.close(self._fd)
            self._fd = -1
