"""The lease's gate in plain Python, with a clock that is handed in."""

from __future__ import annotations

from collections.abc import Callable


class OracleGate:
    """Same methods as Gate; ``now_ns`` is asked where the native one reads CLOCK_BOOTTIME."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self.until_ns = 0
        self.sealed = False

    def extend(self, until_ns: int) -> None:
        if until_ns <= 0:
            raise ValueError(until_ns)
        if not self.sealed:
            self.until_ns = max(self.until_ns, until_ns)

    def close(self) -> None:
        self.until_ns = 0

    def seal(self) -> None:
        self.until_ns = 0
        self.sealed = True

    def open(self) -> bool:
        return self.left_ns() > 0

    def left_ns(self) -> int:
        return max(0, self.until_ns - self.now_ns())
