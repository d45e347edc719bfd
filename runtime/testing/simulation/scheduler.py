"""Virtual time for many processes in one: who runs next, and when the clock jumps.

*Theory.* Nothing in here waits. Every simulated process has a queue of callbacks that are ready.
The scheduler picks one of the processes that have any (the seed chooses), lets it have one turn,
as ``asyncio`` does, and picks again. When nobody has anything to do, the clock jumps to the next
timer. Within a process the order is asyncio's own; between processes any order can happen in
reality, so the seed tries them.
"""

from __future__ import annotations

import heapq
import random
from asyncio.events import _set_running_loop
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.testing.virtual_time import START_NS, WALL_START_NS, Stalled

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.process import SimulatedProcess

#: Turns without virtual time passing after which somebody is taken to spin for ever.
SPINS = 200_000


class Scheduler:
    """Runs the processes of one simulation; also its clocks and its chance."""

    def __init__(self, seed: int) -> None:
        """Start the clocks where every simulation starts them; ``seed`` decides all the rest."""
        self.seed = seed
        self.now_ns = START_NS
        self.open_journal: Callable[[str, SimulatedProcess], Any]
        """Opens a zone's journal on the disk of this simulation."""
        self.turns = 0
        """Turns that any process has had."""
        self.wall_offset_ns = WALL_START_NS - START_NS
        self.runnable: list[SimulatedProcess] = []
        self.processes: dict[int, SimulatedProcess] = {}
        """All that there ever were, by their numbers."""
        self._order = self.chance("order")
        self._timers: list[tuple[int, int, SimulatedProcess | None, Any]] = []
        self._number = 0
        self._spins = 0

    def chance(self, *words: str | int) -> random.Random:
        """Return a stream of chance of its own: what one part draws changes no other's luck."""
        return random.Random(f"{self.seed}/" + "/".join(map(str, words)))

    def boot_ns(self) -> int:
        """Return the boot-time clock, the same for all processes, in ns."""
        return self.now_ns

    def wall_ns(self) -> int:
        """Return the wall clock in POSIX ns."""
        return self.now_ns + self.wall_offset_ns

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Let something happen outside all processes: in the network, on a disk, in the field."""
        self.at(self.now_ns + int(seconds * 1e9), None, action)

    def at(self, when_ns: int, process: SimulatedProcess | None, what: Any) -> None:
        """Set a timer: of a process (``what`` is a handle), or of the world (a callable)."""
        self._number += 1
        heapq.heappush(self._timers, (when_ns, self._number, process, what))

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until ``until()`` holds.

        Raises:
            Stalled: nothing will ever happen any more, or somebody spins without time passing.
        """
        try:
            self._run(until)
        finally:
            _set_running_loop(None)

    def _run(self, until: Callable[[], bool]) -> None:
        runnable, order = self.runnable, self._order.random
        while not until():
            if runnable:
                at = int(order() * len(runnable)) if len(runnable) > 1 else 0
                process = runnable[at]
                self.turns += 1
                self._spins += 1
                if self._spins > SPINS:
                    raise Stalled(f"process {process.name} spins: time does not pass any more")
                if not process.turn():
                    runnable[at] = runnable[-1]
                    runnable.pop()
                    process.queued = False
            elif self._timers:
                _set_running_loop(None)  # what happens in the world is no process's turn
                self._jump()
            else:
                raise Stalled("no timer is set, and no process has anything to do")

    def _jump(self) -> None:
        """Go to the next time at which anything is due, and make ready what is due then."""
        timers = self._timers
        when = timers[0][0]
        if when > self.now_ns:
            self.now_ns = when
            self._spins = 0
        while timers and timers[0][0] <= when:
            _, _, process, what = heapq.heappop(timers)
            if process is None:
                what()
            elif not what.dropped and process.alive:
                process.make_ready(what)
