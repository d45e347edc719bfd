"""Which bus of the operator drives which run of a simulation. Pure.

A simulation's vehicles come and go with each run; an operator's buses have names that stay. A run
gets a bus that is free, and the bus is off duty again when the run has ended. If none is free, the
run is driven by a bus that the city does not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence


class Fleet:
    """The buses.

    Attributes:
        on: the run of each bus that is under way.
        unknown: runs without a bus of the fleet, that are under way.
    """

    def __init__(self, buses: Sequence[str]) -> None:
        """Begin with all of them free."""
        self._free = deque(buses)
        self._by_run: dict[str, str] = {}
        self.on: dict[str, str] = {}
        self.unknown: set[str] = set()

    def come(self, runs: Collection[str]) -> tuple[list[str], list[str]]:
        """Take the runs that are under way now; return the buses that came on and went off duty."""
        gone = [bus for bus, run in self.on.items() if run not in runs]
        for bus in gone:
            del self._by_run[self.on.pop(bus)]
        self.unknown &= set(runs)
        came = []
        for run in runs:
            if run in self._by_run or run in self.unknown:
                continue
            if not self._free:
                self.unknown.add(run)
                continue
            bus = self._free.popleft()
            self._by_run[run], self.on[bus] = bus, run
            came.append(bus)
        self._free += gone  # the one that has rested longest goes next
        return came, gone

    def bus_of(self, run: str) -> str:
        """Return the bus of a run, or nothing."""
        return self._by_run.get(run, "")
