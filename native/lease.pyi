"""Typed stub of the lease's gate."""

from typing import Final, final

NO_LEASE: Final = -1
TOO_LATE: Final = -2

@final
class Gate:
    """Open until a time of CLOCK_BOOTTIME; shut at first. Any thread may call anything."""

    def extend(self, until_ns: int) -> None:
        """Keep open until ``until_ns`` (boot-time ns, above 0); never makes it shorter.

        A sealed gate stays shut. Raises ValueError for a time that is none: the caller's bug.
        """
    def close(self) -> None:
        """Shut it, until somebody extends it; idempotent."""
    def seal(self) -> None:
        """Shut it for ever; idempotent."""
    def open(self) -> bool:
        """Return whether it is open now."""
    def left_ns(self) -> int:
        """Return for how many ns it stays open if nobody moves it; 0 if it is shut."""
    def send(self, fd: int, data: bytes, deadline_ns: int) -> int:
        """Send on a socket if it is open now and ``deadline_ns`` (boot-time ns) is not over.

        Nothing of the interpreter runs between the question and the system call. Returns how
        many bytes the kernel took, ``NO_LEASE`` or ``TOO_LATE``; never waits. Raises OSError:
        the kernel took nothing (BlockingIOError: its buffer is full).
        """
    @property
    def sealed(self) -> bool:
        """Whether it is shut for ever."""
    @property
    def until_ns(self) -> int:
        """Until when it is open, or was; 0 if it was shut since."""
