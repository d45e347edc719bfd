"""Pauses between attempts: exponential, bounded, with jitter so that a city does not march."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubling pause from ``first_s`` to ``longest_s``; jitter comes from the caller."""

    first_s: float = 0.2
    longest_s: float = 30.0
    failures: int = 0

    def failed(self, jitter: float) -> float:
        """Count a failure and return the pause in seconds.

        Args:
            jitter: a random number in [0, 1); the pause lies between half and the whole of
                the exponential value.
        """
        ceiling = min(self.first_s * 2.0 ** min(self.failures, 30), self.longest_s)
        self.failures += 1
        return ceiling * (0.5 + 0.5 * jitter)

    def succeeded(self) -> None:
        """Start anew from the shortest pause."""
        self.failures = 0
