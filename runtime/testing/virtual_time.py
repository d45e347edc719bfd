"""Virtual time: an event loop that does not wait, and the clock that goes with it.

*Theory.* An asyncio program that only waits for its own timers needs no real time at all: when
nothing is ready, the next thing that can happen is the next timer, so the loop's clock jumps
there. Minutes of time-outs, backoff and ramps then run in milliseconds, always in the same
order, and the same seed gives the same history.

*Rules.* Everything under test must take its time from the :class:`VirtualClock` and its pauses
from the loop (``asyncio.sleep``, ``asyncio.timeout``, ``loop.call_later``). Threads and sockets
are outside: what they say is heard, but virtual time does not wait for them while timers are
due. So drive drivers of the blocking kind, and real connections, on a real loop.

    def test_a_lamp_that_ramps_for_a_minute() -> None:
        async def story(clock: VirtualClock) -> None:
            await asyncio.sleep(60.0)
            assert clock.boot_ns() == 60_000_000_000 + START_NS

        run(story)
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Where the boot-time clock of a virtual loop starts, in ns: an hour after a boot.
START_NS = 3_600_000_000_000
#: Where its wall clock starts, in POSIX ns: 2026-01-01 00:00 UTC.
WALL_START_NS = 1_767_225_600_000_000_000
#: A loop without timers waits so long, in real seconds, for a thread or socket to speak.
PATIENCE_S = 5.0


class Stalled(RuntimeError):
    """Nothing will ever happen: no timer is set, and nobody outside spoke. The test's bug."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock jumps to the next timer as soon as nothing else is ready."""

    def __init__(self, start_ns: int = START_NS) -> None:
        """Start the clock at ``start_ns``; it stands still until the loop runs and is idle."""
        self.now_ns = start_ns
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self.now_ns / 1e9


class VirtualClock:
    """The clocks of a virtual loop; implements :class:`jacquemart.runtime.model.clock.Clock`."""

    def __init__(self, loop: VirtualTimeLoop, wall_start_ns: int = WALL_START_NS) -> None:
        """Read ``loop``'s time; the wall clock shows ``wall_start_ns`` now."""
        self._loop = loop
        self._wall_offset_ns = wall_start_ns - loop.now_ns

    def boot_ns(self) -> int:
        """Return the boot-time clock in ns; never goes back."""
        return self._loop.now_ns

    def wall_ns(self) -> int:
        """Return the wall clock in POSIX ns."""
        return self._loop.now_ns + self._wall_offset_ns

    def set_wall_by(self, seconds: float) -> None:
        """Set the wall clock forward, or back by a negative number, as an operator or NTP does."""
        self._wall_offset_ns += round(seconds * 1e9)


def run(story: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Run ``story(clock)`` to its end in virtual time and return its result.

    Tasks that are left over are cancelled, as by ``asyncio.run``.

    Raises:
        Stalled: the story waits for something that cannot happen any more.
    """
    loop = VirtualTimeLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(story(VirtualClock(loop)))


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at the real descriptors without waiting, and lets the loop's clock jump instead."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(PATIENCE_S)
            if not ready:
                raise Stalled("no timer is set, and nobody outside the loop spoke")
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            # At least 1 ns, so that a timer due in less than that does not spin for ever.
            self._loop.now_ns += max(1, round(timeout * 1e9))
        return ready
